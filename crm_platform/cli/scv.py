"""`crm scv`: the settings of the single customer view, checked and described."""

import typer

from crm_platform.cli.console import output
from crm_platform.environment import config_from

app = typer.Typer(
    help="The settings of the single customer view (config/scv.yaml).", no_args_is_help=True, add_completion=False
)


@app.command()
def check() -> None:
    """Read `config/scv.yaml` and say whether it can be used.

    Example: crm scv check
    """
    from crm_platform.scv.settings import load_scv_settings

    settings = load_scv_settings(config_from() / "scv.yaml")
    number = len(settings.survivorship)
    output.print(f"config/scv.yaml can be used: {number} groups of attributes have a rule.")


@app.command()
def schema() -> None:
    """Print the JSON schema of `config/scv.yaml`, by which editors complete and check.

    Example: crm scv schema > scv.schema.json
    """
    from crm_platform.scv.settings import ScvSettings

    output.print_json(data=ScvSettings.model_json_schema())
