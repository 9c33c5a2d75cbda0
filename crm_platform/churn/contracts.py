"""The contracts of scores and of the registry: what was said of each customer, by which model, and how that turned out.

Here: what the tables promise. Not here: the rows (`registry.py`, `monthly/build.py`), features (`feature_contract.py`).
"""

from typing import Any

import pandera.polars as pa
import polars as pl

from crm_platform.churn.labels import KINDS
from crm_platform.scv.identity.contracts import key
from crm_platform.sources.feeds.fields import code, identifier, number, pattern, text
from crm_platform.warehouse.contract import TableModel, Timestamp, contract_of

RISK_BANDS = 5
_DIGEST = "^[0-9a-f]{64}$"
_BY_MONTH = ("as_of_date", "month")


def share(description: str, nullable: bool = False) -> Any:
    """A probability or a share."""
    return number(description, ge=0, le=1, nullable=nullable)


def digest(description: str, nullable: bool = False) -> Any:
    """A SHA-256."""
    return pattern(description, _DIGEST, nullable=nullable)


class _OfModel(TableModel):
    as_of_date: pl.Date = pa.Field(description="Last day (UTC) of a month: nothing after it was looked at.")
    kind: str = code("silence: no purchase in the horizon; subscription: the last one ends in it.", KINDS,
                     nullable=False)  # fmt: skip
    horizon_days: int = number("Days after `as_of_date`.", ge=1, nullable=False)


class ChurnScore(_OfModel):
    """The chance of every customer to leave, as it was or would have been said at the end of a month, and why."""

    customer_key: int = key("The customer: a purchaser, or who has a subscription.")
    churn_prob: float = share("Chance of leaving within the horizon.")
    risk_band: int = number("Fifth of the customers by the chance, 5 the likeliest to leave.", 1, RISK_BANDS,
                            nullable=False)  # fmt: skip
    reason_1: str = text("What raises the chance most above the average customer's; empty: nothing does.")
    reason_2: str = text("What raises it next.")
    reason_3: str = text("What raises it after that.")
    model_digest: str = digest("The model that said so.")

    class Config(TableModel.Config):
        name = "churn.churn_score"
        unique = ["as_of_date", "kind", "horizon_days", "customer_key"]
        metadata = {
            "grain": "one row per month, kind of leaving, horizon and customer",
            "kind": "fact",
            "partition": _BY_MONTH,
        }


class ChurnModel(_OfModel):
    """Every model of churn that was trained, in use or not, with all that is needed to make it again."""

    model_digest: str = digest("The model: SHA-256 of its content, by which its file is known.")
    number_of_snapshots: int = number("Earlier dates that it was trained on.", ge=0, nullable=False)
    number_of_rows: int = number("Training rows.", ge=0, nullable=False)
    left_prob: float = share("Share of the training rows who left.")
    number_of_terms: int = number("Columns that it looks at; 0: it has learnt nothing.", ge=0, nullable=False)
    data_digest: str = digest("SHA-256 of the training rows.")
    code_digest: str = digest("SHA-256 of the code that made it.")
    parameters: str = identifier("Parameters of the fit, a JSON object.")
    seed: int = number("Seed of everything drawn.", nullable=False)
    versions: str = identifier("Versions of the libraries, a JSON object.")
    auc: float = share("AUC of a model trained alike, in the newest window that had passed; empty: none had.", True)
    brier: float = share("Its mean squared error.", True)
    log_loss: float = number("Its mean negative log-likelihood.", ge=0)
    calibration_error: float = share("Its mean distance of the predicted from the actual share, ten bins.", True)
    total_error: float = number("Its predicted leavers by actual ones, less one.", ge=-1)
    closed_dt: Timestamp = pa.Field(
        description="When the month's books closed, UTC: what came later did not count, save a feed's first delivery."
    )

    class Config(TableModel.Config):
        name = "churn.churn_model"
        unique = ["as_of_date", "kind", "horizon_days"]
        metadata = {
            "grain": "one row per month, kind of leaving and horizon",
            "kind": "record",
            "partition": _BY_MONTH,
        }


class ChurnDecision(_OfModel):
    """Which model scores from the end of a month on: the new one or the one before, on customers neither had seen."""

    in_force_digest: str = digest("The model that scores from now on.")
    learnt_date: pl.Date = pa.Field(description="As of when it was trained; its calibration is of `as_of_date`.")
    challenger_digest: str = digest("The model trained at the end of the month.")
    champion_digest: str = digest("The one in force before, as it was trained; empty: none.", True)
    is_replaced: bool = pa.Field(description="Whether the new model takes over.")
    verdict: str = identifier("Why it does, or does not.")
    held_back_date: pl.Date = pa.Field(description="The two are compared on the days after this one.")
    number_of_customers: int = number("Customers compared on; empty: no comparison.", ge=1)
    auc_gain: float = number("AUC of the challenger less that of the champion.", -1, 1)
    auc_gain_low: float = number("Lower bound of its 95 % bootstrap interval, drawn in pairs.", -1, 1)
    auc_gain_high: float = number("Upper bound.", -1, 1)
    champion_auc: float = share("AUC of the champion.", True)
    challenger_auc: float = share("AUC of the challenger.", True)
    champion_calibration_error: float = share("Calibration error of the champion.", True)
    challenger_calibration_error: float = share("Calibration error of the challenger.", True)
    champion_total_error: float = number("Predicted leavers of the champion by actual ones, less one.", ge=-1)
    challenger_total_error: float = number("Predicted leavers of the challenger by actual ones, less one.", ge=-1)

    class Config(TableModel.Config):
        name = "churn.churn_decision"
        unique = ["as_of_date", "kind", "horizon_days"]
        metadata = {
            "grain": "one row per month, kind of leaving and horizon",
            "kind": "record",
            "partition": _BY_MONTH,
        }


class ChurnBacktest(_OfModel):
    """What would have been said at earlier dates, and how it turned out, for all customers and by groups of them."""

    prediction_date: pl.Date = pa.Field(description="The date of the prediction; the model was fitted as of then.")
    grouping: str = identifier("By what customers are grouped; `all`: not at all; `decile`: by the chance.")
    group_name: str = identifier("The group; `all`: everybody; of deciles 01, the lowest, to 10.")
    number_of_customers: int = number("Customers of the date.", ge=1, nullable=False)
    left_prob: float = share("Share who left.")
    predicted_prob: float = share("Share predicted to leave.")
    auc: float = share("Chance that one who left was given more than one who stayed; empty: nobody or everybody left.",
                       True)  # fmt: skip
    brier: float = share("Mean squared error.")
    log_loss: float = number("Mean negative log-likelihood.", ge=0, nullable=False)
    calibration_error: float = share("Mean distance of the predicted from the actual share, ten bins.")
    top_decile_lift: float = number("Share who left in the tenth at highest risk, by that of all.", ge=0)
    total_error: float = number("Predicted leavers by actual ones, less one.", ge=-1)

    class Config(TableModel.Config):
        name = "churn.churn_backtest"
        unique = ["as_of_date", "kind", "horizon_days", "prediction_date", "grouping", "group_name"]
        metadata = {
            "grain": "one row per month, kind of leaving, horizon, date of prediction and group of customers",
            "kind": "record",
            "partition": _BY_MONTH,
        }


class ChurnDrift(_OfModel):
    """How far the customers scored are from those that the model was trained on."""

    model_digest: str = digest("The model.")
    column_name: str = identifier("A column that the model looks at, or `churn_prob`, its scores.")
    stability_index: float = number("Population stability index.", ge=0, nullable=False)
    verdict: str = code("steady: below 0.1; moved; far: 0.25 and more, train anew.", ("steady", "moved", "far"),
                        nullable=False)  # fmt: skip

    class Config(TableModel.Config):
        name = "churn.churn_drift"
        unique = ["as_of_date", "kind", "horizon_days", "column_name"]
        metadata = {
            "grain": "one row per month, kind of leaving, horizon and column",
            "kind": "record",
            "partition": _BY_MONTH,
        }


class CustomerChurn(TableModel):
    """Every customer's chance of leaving now, by the models in force: what other systems and people are given."""

    customer_key: int = key("The customer.")
    as_of_date: pl.Date = pa.Field(description="Day (UTC) of the scores.")
    churn_30d_prob: float = share("Chance of no purchase in the next 30 days; empty: never bought.", True)
    churn_90d_prob: float = share("Chance of no purchase in the next 90 days; empty: never bought.", True)
    churn_180d_prob: float = share("Chance of no purchase in the next 180 days; empty: never bought.", True)
    risk_band: int = number("Fifth of the purchasers by the chance of 90 days, 5 the likeliest to leave.", 1,
                            RISK_BANDS)  # fmt: skip
    reason_1: str = text("What raises the chance of 90 days most.")
    reason_2: str = text("What raises it next.")
    reason_3: str = text("What raises it after that.")
    subscription_end_prob: float = share("Chance that the last subscription ends in 90 days; empty: has none.", True)
    subscription_reason_1: str = text("What raises that chance most.")
    subscription_reason_2: str = text("What raises it next.")
    subscription_reason_3: str = text("What raises it after that.")

    class Config(TableModel.Config):
        name = "churn.customer_churn"
        unique = ["customer_key"]
        metadata = {"grain": "one row per customer who has bought or subscribed", "kind": "mart"}


CHURN_SCORE = contract_of(ChurnScore)
CHURN_MODEL = contract_of(ChurnModel)
CHURN_DECISION = contract_of(ChurnDecision)
CHURN_BACKTEST = contract_of(ChurnBacktest)
CHURN_DRIFT = contract_of(ChurnDrift)
CUSTOMER_CHURN = contract_of(CustomerChurn)
