"""`scv.dim_customer`, the one row per customer that everything else hangs on.

Here: its contract and its publishing. Not here: what it is put together from (`golden/`, `roles/`, `groups/`).
"""

from pathlib import Path

from crm_platform.scv.golden.contracts import GoldenRecord, certain, moment
from crm_platform.scv.identity.contracts import key
from crm_platform.warehouse.contract import TableModel, Timestamp, contract_of
from crm_platform.warehouse.engine import Engine
from crm_platform.warehouse.publish import Publication, publish_sql_file

_READ = ("golden_record", "household_member", "organisation_contact", "dim_organisation", "customer_role")


class _Belonging(TableModel):
    household_key: int = key("The household of a person.", nullable=True)
    organisation_key: int = key("The company that it is, or that the person works at.", nullable=True)
    is_purchaser: bool = certain("Whether the customer is a purchaser, by the rules of `config/scv.yaml`.")
    purchaser_since_dt: Timestamp = moment("Since when, UTC.", nullable=True)
    purchaser_until_dt: Timestamp = moment("Until when, UTC; empty while it lasts.", nullable=True)
    is_payer: bool = certain("Whether the customer pays for orders, the own or another's.")
    payer_since_dt: Timestamp = moment("Since when, UTC.", nullable=True)
    payer_until_dt: Timestamp = moment("Until when, UTC; empty while it lasts.", nullable=True)
    is_registered: bool = certain("Whether the customer has an account on a site.")
    registered_since_dt: Timestamp = moment("Since when, UTC.", nullable=True)
    registered_until_dt: Timestamp = moment("Until when, UTC; empty while it lasts.", nullable=True)
    is_subscriber: bool = certain("Whether the customer has an open subscription.")
    subscriber_since_dt: Timestamp = moment("Since when, UTC.", nullable=True)
    subscriber_until_dt: Timestamp = moment("Until when, UTC; empty while it lasts.", nullable=True)
    is_prospect: bool = certain("Whether the customer is one who may become a purchaser.")
    prospect_since_dt: Timestamp = moment("Since when, UTC.", nullable=True)
    prospect_until_dt: Timestamp = moment("Until when, UTC; empty while it lasts.", nullable=True)


class DimCustomer(_Belonging, GoldenRecord):
    """One row per real customer: who it is, how to reach it, what it belongs to, and every role it has."""

    class Config(TableModel.Config):
        name = "scv.dim_customer"
        unique = ["customer_key"]
        metadata = {"grain": "one row per customer", "kind": "dimension"}


DIM_CUSTOMER = contract_of(DimCustomer)


def publish_dim_customer(engine: Engine) -> Publication:
    """Publish the customers as the stage's tables have them.

    Raises:
        ContractViolation: the rows break the contract; nothing was published.
    """
    for name in _READ:
        engine.refresh_view(engine.contracts[f"scv.{name}"])
    return publish_sql_file(engine, DIM_CUSTOMER, Path(__file__).with_name("dim_customer.sql"))
