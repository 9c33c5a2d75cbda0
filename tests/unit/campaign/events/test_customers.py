"""Whom an event concerns: by number first, else by an address that was one customer's alone at the time."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from crm_platform.campaign.events.contracts import EVENT
from crm_platform.campaign.events.customers import event_customers
from crm_platform.scv.golden.contracts import DIM_CUSTOMER_HISTORY
from crm_platform.scv.identity.contracts import CUSTOMER_REF_KEY
from crm_platform.warehouse.contract import Contract, contracts_by_name
from crm_platform.warehouse.engine import Engine
from crm_platform.warehouse.lake import Lake


def write(engine: Engine, contract: Contract, rows: list[dict[str, Any]], key: str | None = None) -> None:
    """Lay rows into a table as they are, what is not said null."""
    path = engine.lake.data_file(contract, key)
    path.parent.mkdir(parents=True)
    pl.concat([contract.empty(), pl.DataFrame(rows)], how="diagonal_relaxed").write_parquet(path)


def test_a_number_goes_before_an_address_and_an_address_holds_for_its_time(tmp_path: Path) -> None:
    contracts = contracts_by_name([EVENT, CUSTOMER_REF_KEY, DIM_CUSTOMER_HISTORY])
    moment = [datetime(2026, month, 1, tzinfo=UTC) for month in range(1, 7)]
    with duckdb.connect() as connection:
        engine = Engine(connection, Lake(tmp_path), contracts)
        write(engine, CUSTOMER_REF_KEY, [{"customer_ref": "crm:K1", "customer_key": 1}])
        history = [
            {"customer_key": 2, "email": "A@x.com", "valid_from_dt": moment[0], "valid_until_dt": moment[2]},
            {"customer_key": 3, "email": "a@x.com", "valid_from_dt": moment[2], "valid_until_dt": None},
            {"customer_key": 4, "email": "both@x.com", "valid_from_dt": moment[0], "valid_until_dt": None},
            {"customer_key": 5, "email": "both@x.com", "valid_from_dt": moment[1], "valid_until_dt": None},
        ]
        write(engine, DIM_CUSTOMER_HISTORY, history)
        told = [("e1", "crm:K1", "a@x.com", 1), ("e2", None, "a@x.com", 1), ("e3", "crm:gone", "a@x.com", 4),
                ("e4", None, "both@x.com", 0), ("e5", None, "both@x.com", 3), ("e6", None, None, 3)]  # fmt: skip
        for number, (name, reference, address, month) in enumerate(told):
            event = {"event_id": name, "customer_ref": reference, "recipient": address, "channel": "email"}
            write(engine, EVENT, [event | {"event_dt": moment[month]}], f"2026-01-0{number + 1}")
        with event_customers(engine):
            found = engine.query("SELECT event_id, customer_key, found_by FROM event_customer ORDER BY event_id").rows()
    assert found == [("e1", 1, "number"), ("e2", 2, "address"), ("e3", 3, "address"), ("e4", 4, "address")]
