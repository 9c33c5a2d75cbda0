"""The contracts of the registry: which models there were, how they turned out, and how far the customers have moved.

Here: what the tables promise. Not here: the rows (`registry.py`).
"""

from datetime import date

import pandera.polars as pa

from crm_platform.sources.feeds.fields import code, flag, identifier, number, pattern, text
from crm_platform.warehouse.contract import TableModel, Timestamp, contract_of

_DIGEST = "^[0-9a-f]{64}$"


class Model(TableModel):
    """Every model of churn that was trained, in use or not, with all that is needed to make it again."""

    model_digest: str = pattern(
        "The model: SHA-256 of its content, by which its file is known.", _DIGEST, nullable=False
    )
    as_of_date: date = pa.Field(description="Nothing after this date was looked at.")
    horizon_days: int = number("Days of silence that count as leaving.", ge=1, nullable=False)
    number_of_snapshots: int = number("Earlier dates that it was trained on.", ge=0, nullable=False)
    number_of_rows: int = number("Training rows.", ge=0, nullable=False)
    left_prob: float = number("Share of the training rows who left.", ge=0, le=1, nullable=False)
    data_digest: str = pattern("SHA-256 of the training rows.", _DIGEST, nullable=False)
    code_digest: str = pattern("SHA-256 of the code that made it.", _DIGEST, nullable=False)
    parameters: str = identifier("Parameters of the fit, a JSON object.")
    seed: int = number("Seed of everything drawn.", nullable=False)
    versions: str = identifier("Versions of the libraries, a JSON object.")
    is_champion: bool = flag("Whether scores are made by it.")
    verdict: str = text("Why it took the place of the one before, or did not.")
    trained_dt: Timestamp = pa.Field(description="The run's as-of time, UTC.")

    class Config(TableModel.Config):
        name = "churn.model"
        unique = ["model_digest"]
        metadata = {"grain": "one row per trained model", "kind": "record"}


class Backtest(TableModel):
    """What was or would have been said at earlier dates, and how it turned out, for all customers and by groups."""

    as_of_date: date = pa.Field(description="The date of the prediction; the model was fitted to what was known then.")
    horizon_days: int = number("Days of silence that count as leaving.", ge=1, nullable=False)
    grouping: str = identifier("By what the customers are grouped; `all`: not at all.")
    group_name: str = identifier("The group; `all`: everybody.")
    number_of_customers: int = number("Customers with a purchase up to the date.", ge=1, nullable=False)
    left_prob: float = number("Share who left.", ge=0, le=1, nullable=False)
    predicted_prob: float = number("Share predicted to leave.", ge=0, le=1, nullable=False)
    auc: float = number("Chance that one who left was given more than one who stayed; empty: nobody or everybody left.",
                        ge=0, le=1)  # fmt: skip
    brier: float = number("Mean squared error.", ge=0, le=1, nullable=False)
    log_loss: float = number("Mean negative log-likelihood.", ge=0, nullable=False)
    calibration_error: float = number("Mean distance of the predicted from the actual share, ten bins.", ge=0, le=1,
                                      nullable=False)  # fmt: skip
    top_decile_lift: float = number("Share who left in the tenth at highest risk, by that of all.", ge=0)
    total_error: float = number("Predicted leavers by actual ones, less one.", ge=-1)

    class Config(TableModel.Config):
        name = "churn.backtest"
        unique = ["as_of_date", "horizon_days", "grouping", "group_name"]
        metadata = {"grain": "one row per as-of date, horizon and group of customers", "kind": "record"}


class Drift(TableModel):
    """How far the customers scored are from those that the model was trained on."""

    model_digest: str = pattern("The model.", _DIGEST, nullable=False)
    as_of_date: date = pa.Field(description="The date of the scores.")
    column_name: str = identifier("A column that the model looks at, or `churn_prob`, its scores.")
    stability_index: float = number("Population stability index.", ge=0, nullable=False)
    verdict: str = code("steady: below 0.1; moved; far: 0.25 and more, train anew.", ("steady", "moved", "far"),
                        nullable=False)  # fmt: skip

    class Config(TableModel.Config):
        name = "churn.drift"
        unique = ["model_digest", "as_of_date", "column_name"]
        metadata = {"grain": "one row per model, date and column", "kind": "record"}


MODEL = contract_of(Model)
BACKTEST = contract_of(Backtest)
DRIFT = contract_of(Drift)
