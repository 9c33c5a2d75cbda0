"""When a customer counts as gone, and whom to keep: the model of `config/churn.yaml`.

Here: the settings and their loading. Not here: the models of churn, which have nothing to set.
"""

from pathlib import Path

from pydantic import Field

from crm_platform.churn.contracts import RISK_BANDS
from crm_platform.configuration import Declared, load_configuration
from crm_platform.value.profitability.settings import Band


class Offer(Declared):
    """Whom an offer is made to keep them."""

    lowest_profit_band: Band = Field(default="B", description="The last band of profitability that is worth it.")
    least_risk_band: int = Field(default=4, ge=1, le=RISK_BANDS, description="The first fifth by the chance to leave.")


class ChurnSettings(Declared):
    """The whole of `churn.yaml`."""

    silent_days: int = Field(default=180, ge=1, le=3650, description="Days without a purchase that are leaving.")
    saved_within_days: int = Field(default=60, ge=1, le=3650, description="Days in which a purchase counts as saved.")
    offer: Offer = Offer()


def load_churn_settings(path: Path) -> ChurnSettings:
    """The settings as `config/churn.yaml` declares them.

    Raises:
        ConfigurationError: the file is not there, is not YAML, or says what cannot be.
    """
    return load_configuration(path, ChurnSettings, "when customers count as gone", "docs/churn.md")
