"""The contract of the roles that a customer has had: purchaser, payer, registered, subscriber, prospect.

Here: what the table promises. Not here: the rules (`config/scv.yaml`) and how they are applied (`customer_role.sql`).
"""

import pandera.polars as pa

from crm_platform.scv.identity.contracts import key
from crm_platform.sources.feeds.fields import code, identifier
from crm_platform.warehouse.contract import TableModel, Timestamp, contract_of

ROLES = ("purchaser", "payer", "registered", "subscriber", "prospect")


class CustomerRole(TableModel):
    """Who counts as what, since when, and until when, by the rules of `config/scv.yaml`."""

    customer_key: int = key("The customer.")
    role: str = code("The role.", ROLES, nullable=False)
    since_dt: Timestamp = pa.Field(description="When the role began, UTC.")
    last_active_dt: Timestamp = pa.Field(description="When the customer last did something in the role, UTC.")
    until_dt: Timestamp = pa.Field(nullable=True, description="When it ended, UTC; empty while it lasts.")
    is_active: bool = pa.Field(description="Whether it lasts.")
    reason: str = identifier("What made it, or what ended it.")

    class Config(TableModel.Config):
        name = "scv.customer_role"
        unique = ["customer_key", "role"]
        metadata = {"grain": "one row per customer and role that the customer has had", "kind": "dimension"}


CUSTOMER_ROLE = contract_of(CustomerRole)
