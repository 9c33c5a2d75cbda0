"""What Dagster knows of the platform: every key, what an asset says of itself; and no use of what is private to it."""

import ast
import difflib
import os
import subprocess
from pathlib import Path

import dagster as dg
import pytest

from tests.end_to_end.commands import BINARIES, REPOSITORY
from tests.orchestration.running import definitions_of

SNAPSHOT = Path(__file__).with_name("definitions.snapshot.txt")
CODE_FOLDERS = ("assets", "resources", "sensors", "crm_platform")


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    """The definitions with the sources that the repository declares."""
    return definitions_of(tmp_path_factory.mktemp("home"), REPOSITORY / "config")


@pytest.fixture(scope="module")
def specs(definitions: dg.Definitions) -> list[dg.AssetSpec]:
    """Every asset."""
    return sorted(definitions.resolve_all_asset_specs(), key=lambda spec: spec.key)


def test_assets_checks_jobs_schedules_and_sensors_are_those_of_the_snapshot(
    definitions: dg.Definitions, specs: list[dg.AssetSpec], snapshot_is_updated: bool
) -> None:
    """Renaming an asset loses its history, so a key changes only with its line here: `pytest --snapshot-update`."""
    found = _listed(definitions, specs)
    if snapshot_is_updated:
        SNAPSHOT.write_text(found, encoding="utf-8")
    expected = SNAPSHOT.read_text(encoding="utf-8")
    change = "\n".join(difflib.unified_diff(expected.splitlines(), found.splitlines(), "snapshot", "code", lineterm=""))
    assert not change, f"{change}\nIf this is meant: pytest {Path(__file__).relative_to(REPOSITORY)} --snapshot-update"


def test_every_asset_says_what_it_is_whose_it_is_and_where_it_belongs(specs: list[dg.AssetSpec]) -> None:
    silent = {
        spec.key.to_user_string(): missing
        for spec in specs
        if (missing := [name for name in ("description", "group_name", "owners", "kinds") if not getattr(spec, name)])
    }
    assert silent == {}


def test_every_table_shows_its_columns_with_type_and_description(specs: list[dg.AssetSpec]) -> None:
    for spec in specs:
        if spec.group_name == "serving":
            continue
        schema = spec.metadata["dagster/column_schema"]
        assert isinstance(schema, dg.TableSchema) and schema.columns
        assert all(column.description and column.type != "string" for column in schema.columns), spec.key
        assert spec.metadata["dagster/table_name"] == ".".join(spec.key.path)


def test_the_group_of_a_table_is_its_stage_and_its_schema(specs: list[dg.AssetSpec]) -> None:
    assert {spec.key.to_user_string() for spec in specs if spec.group_name != spec.key.path[0]} == set()


def test_the_contract_check_of_every_table_blocks_what_hangs_on_it(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    by_table = {key.asset_key.to_user_string() for key in graph.asset_check_keys if key.name == "contract_holds"}
    assert by_table
    assert all(graph.get_check_spec(key).blocking for key in graph.asset_check_keys if key.name == "contract_holds")


def test_sensors_and_schedules_run_without_anybody_switching_them_on(definitions: dg.Definitions) -> None:
    assert all(each.default_status == dg.DefaultSensorStatus.RUNNING for each in definitions.sensors or ())
    repository = definitions.get_repository_def()
    assert all(each.default_status == dg.DefaultScheduleStatus.RUNNING for each in repository.schedule_defs)


def test_no_code_imports_what_is_private_to_dagster() -> None:
    offenders = [
        f"{path.relative_to(REPOSITORY)}: {module}"
        for folder in CODE_FOLDERS
        for path in (REPOSITORY / folder).rglob("*.py")
        for module in _imported(path)
        if module.startswith("dagster") and any(part.startswith("_") for part in module.split("."))
    ]
    assert offenders == []


def test_the_definitions_load_from_any_directory_without_an_environment(tmp_path: Path) -> None:
    checked = subprocess.run(
        [BINARIES / "dg", "check", "defs", "--target-path", REPOSITORY],
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "PATH": os.defpath, "PYTHONWARNINGS": "default"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "Warning" not in checked.stdout + checked.stderr


def _listed(definitions: dg.Definitions, specs: list[dg.AssetSpec]) -> str:
    repository = definitions.get_repository_def()
    checks: dict[str, list[str]] = {}
    for check in definitions.resolve_asset_graph().asset_check_keys:
        checks.setdefault(check.asset_key.to_user_string(), []).append(check.name)
    lines = ["# Assets: key, group, owner, kinds; below each its checks"]
    for spec in specs:
        key = spec.key.to_user_string()
        lines.append(f"{key}  {spec.group_name}  {', '.join(spec.owners)}  {', '.join(sorted(spec.kinds))}")
        lines += [f"    {name}" for name in sorted(checks.get(key, []))]
    lines += ["", "# Jobs", *sorted(job.name for job in repository.get_all_jobs() if not job.name.startswith("__"))]
    schedules = (f"{each.name}  {each.cron_schedule}  {each.job_name}" for each in repository.schedule_defs)
    lines += ["", "# Schedules", *sorted(schedules)]
    lines += ["", "# Sensors", *sorted(f"{each.name}  {each.job_name}" for each in repository.sensor_defs)]
    return "\n".join(lines) + "\n"


def _imported(path: Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names
