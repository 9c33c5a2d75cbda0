"""The contracts of what a person should look at, and of how a run went.

Here: what the tables promise. Not here: which pairs they hold (`pairs.py`) and the figures (`quality.py`).
"""

import pandera.polars as pa

from crm_platform.scv.identity.contracts import key
from crm_platform.sources.feeds.fields import code, identifier, number, text
from crm_platform.warehouse.contract import TableModel, Timestamp, contract_of


class ScvReview(TableModel):
    """Pairs of records that a person should decide on (`crm verdict`), the riskiest first."""

    review_rank: int = number("Place on the list, from 1.", ge=1, nullable=False)
    kind: str = code(
        "grey_pair: two customers that may be one; weak_bridge: one customer that hangs together by this pair alone.",
        ("grey_pair", "weak_bridge"),
        nullable=False,
    )
    record_id_a: str = identifier("A record.")
    record_id_b: str = identifier("The other record.")
    customer_key_a: int = key("Its customer.")
    customer_key_b: int = key("The other's customer.")
    match_weight: float = pa.Field(description="Evidence in points: each doubles the odds that the two are one.")
    match_probability: float = number("The probability that follows from it.", 0, 1, nullable=False)
    risk: float = number("How doubtful the pair is, times how many records hang on it.", ge=0, nullable=False)
    evidence: str = text("What each field says, in words and points, the strongest first.")

    class Config(TableModel.Config):
        name = "scv.scv_review"
        unique = ["record_id_a", "record_id_b"]
        metadata = {"grain": "one row per pair of records in doubt", "kind": "mart"}


class MatchQuality(TableModel):
    """How each day's last run of the identity stage went, in figures."""

    as_of_dt: Timestamp = pa.Field(description="The run's as-of time, UTC.")
    number_of_records: int = number("Records.", ge=0, nullable=False)
    number_of_customers: int = number("Customers.", ge=0, nullable=False)
    number_matched: int = number("Records that were new to the model in the run.", ge=0, nullable=False)
    number_of_singles: int = number("Customers with one record.", ge=0, nullable=False)
    largest_cluster: int = number("Records of the customer with most of them.", ge=0, nullable=False)
    number_of_grey_pairs: int = number("Pairs of customers in doubt.", ge=0, nullable=False)
    number_of_weak_bridges: int = number("Pairs that alone hold a customer together.", ge=0, nullable=False)
    number_of_new_keys: int = number("Keys given for the first time.", ge=0, nullable=False)
    number_merged: int = number("Customers merged into others.", ge=0, nullable=False)
    number_split: int = number("Customers that were split.", ge=0, nullable=False)
    number_revived: int = number("Keys borne again.", ge=0, nullable=False)
    number_retired: int = number("Keys of which no record is left.", ge=0, nullable=False)
    number_of_verdicts: int = number("Verdicts of persons that stand.", ge=0, nullable=False)
    number_taken_apart: int = number("Clusters that a verdict took apart.", ge=0, nullable=False)

    class Config(TableModel.Config):
        name = "scv.match_quality"
        unique = ["as_of_dt"]
        metadata = {
            "grain": "one row per day, of its last run",
            "kind": "record",
            "partition": ("as_of_dt", "day"),
        }


SCV_REVIEW = contract_of(ScvReview)
MATCH_QUALITY = contract_of(MatchQuality)
