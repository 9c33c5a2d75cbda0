"""Write, audit, publish as an asset does it: the result of a build, or the failed check and the end of the step."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import dagster as dg

from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.publish import ContractViolation

CONTRACT_CHECK = "contract_holds"

Outcome = TypeVar("Outcome")
AssetEvents = Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]


def asset_key(contract: Contract) -> dg.AssetKey:
    """The table's asset key."""
    return dg.AssetKey([contract.schema, contract.table])


def contract_check(contract: Contract) -> dg.AssetCheckSpec:
    """The check that the table's rows keep its contract. It blocks what hangs on the table."""
    return dg.AssetCheckSpec(
        CONTRACT_CHECK,
        asset=asset_key(contract),
        description="Columns, types, key and every check of the contract, before the table is replaced.",
        blocking=True,
    )


def published(
    contract: Contract, build: Callable[[], Outcome], report: Callable[[Outcome], dg.MaterializeResult[Any]]
) -> AssetEvents:
    """Build and publish a table, and report it.

    A broken contract leaves the published table as it was: the check fails, and the step ends without a retry.
    """
    try:
        outcome = build()
    except ContractViolation as violation:
        failures = {str(number): str(failure) for number, failure in enumerate(violation.failures, start=1)}
        yield dg.AssetCheckResult(
            passed=False, check_name=CONTRACT_CHECK, asset_key=asset_key(contract), metadata=dict(failures)
        )
        raise dg.Failure(str(violation), metadata=dict(failures), allow_retries=False) from None
    result = report(outcome)
    held = dg.AssetCheckResult(passed=True, check_name=CONTRACT_CHECK, asset_key=asset_key(contract))
    yield result._replace(check_results=[held, *(result.check_results or [])])
