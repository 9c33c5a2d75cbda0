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


def held_contract(contract: Contract) -> dg.AssetCheckResult:
    """The check of the contract that was kept."""
    return dg.AssetCheckResult(passed=True, check_name=CONTRACT_CHECK, asset_key=asset_key(contract))


def failed_contract(violation: ContractViolation) -> dg.AssetCheckResult:
    """The failed check of the contract that was broken."""
    return dg.AssetCheckResult(
        passed=False,
        check_name=CONTRACT_CHECK,
        asset_key=asset_key(violation.contract),
        metadata=_numbered(violation),
    )


def ended_by(violation: ContractViolation) -> dg.Failure:
    """The end of the step that broke a contract: running it again would break it again."""
    return dg.Failure(str(violation), metadata=_numbered(violation), allow_retries=False)


def _numbered(violation: ContractViolation) -> dict[str, str]:
    return {str(number): str(failure) for number, failure in enumerate(violation.failures, start=1)}


def published(
    contract: Contract, build: Callable[[], Outcome], report: Callable[[Outcome], dg.MaterializeResult[Any]]
) -> AssetEvents:
    """Build and publish a table, and report it.

    A broken contract leaves the published table as it was: the check fails, and the step ends without a retry.
    """
    try:
        outcome = build()
    except ContractViolation as violation:
        yield failed_contract(violation)
        raise ended_by(violation) from None
    result = report(outcome)
    yield result._replace(check_results=[held_contract(contract), *(result.check_results or [])])
