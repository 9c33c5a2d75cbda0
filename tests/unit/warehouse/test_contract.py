"""Contracts: every table of the platform says what it is; what is incomplete is refused."""

import pandera.polars as pa
import polars as pl
import pytest

from crm_platform.settings import REPOSITORY
from crm_platform.tables import tables_of
from crm_platform.warehouse.contract import Contract, TableModel, contract_of, contracts_by_name
from crm_platform.warehouse.dictionary import dictionary_rows
from tests.unit.warehouse.conftest import DAILY, VISITS

EVERY_TABLE = tables_of(REPOSITORY / "config").contracts

NOBODYS = {("campaign.mail_report", "recipient"), ("scv.ended_identifier", "customer_ref")}
"""A mail may report on nobody; an address that is no good has not ended for one customer alone."""


@pytest.mark.parametrize("contract", EVERY_TABLE, ids=lambda contract: contract.name)
def test_every_table_of_the_platform_has_a_complete_contract(contract: Contract) -> None:
    assert contract.description.endswith(".") and contract.grain and not contract.grain.endswith(".")
    assert contract.kind in {"dimension", "fact", "staging", "mart", "record"}
    columns = {column.name: column for column in contract.columns}
    assert set(contract.key) <= set(columns)
    # Of a key only these may be empty: the second party of an event, what NOBODYS names, and in a mart the group of
    # what is not known.
    may_be_empty = contract.kind == "mart"
    assert all(
        may_be_empty or not columns[name].is_nullable
        for name in contract.key
        if not name.startswith("other_") and (contract.name, name) not in NOBODYS
    )
    assert all(column.description.strip() and column.duckdb_type for column in contract.columns)
    if contract.partition is not None:
        assert not columns[contract.partition.column].is_nullable
    assert dict(contract.empty().schema) == contract.polars_schema
    contract.frame_schema.validate(contract.empty())


def test_the_dictionary_speaks_of_every_column_of_every_table_once() -> None:
    rows = dictionary_rows(EVERY_TABLE)
    assert rows.height == sum(len(contract.columns) for contract in EVERY_TABLE)
    assert not rows.select("table_schema", "table_name", "column_name").is_duplicated().any()


def test_a_contract_is_read_from_its_model() -> None:
    assert (VISITS.name, VISITS.key, VISITS.kind, VISITS.partition) == ("demo.visits", ("visit_id",), "fact", None)
    assert VISITS.summary == "One row is a visit. Grain: one row per visit. Key: visit_id."
    assert VISITS.polars_schema["spent_amount"] == pl.Decimal(18, 4)
    assert DAILY.partition is not None and (DAILY.partition.column, DAILY.partition.unit) == ("visited_dt", "day")


def test_a_table_may_be_described_by_one_contract_only() -> None:
    with pytest.raises(ValueError, match=r"Two contracts are named demo.visits"):
        contracts_by_name([VISITS, DAILY, VISITS])


def test_an_incomplete_contract_is_refused() -> None:
    class Undescribed(TableModel):
        """Without a word on its column."""

        key: int

        class Config(TableModel.Config):
            name = "demo.undescribed"
            unique = ["key"]
            metadata = {"grain": "one row per key"}

    class Keyless(TableModel):
        """Without a key."""

        key: int = pa.Field(description="Key.")

        class Config(TableModel.Config):
            name = "demo.keyless"
            metadata = {"grain": "one row per key"}

    with pytest.raises(ValueError, match=r"columns without a description: \['key'\]"):
        contract_of(Undescribed)
    with pytest.raises(ValueError, match="needs a docstring"):
        contract_of(Keyless)
