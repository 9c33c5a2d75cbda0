"""What a match has learned: how often each outcome is met among pairs of each kind, and the weight that follows.

Here: the model, the weight of a pair of states, its JSON file. Not here: learning it (`training.py`).

Pairs are of four kinds: the same person's records, two people of one household, two people whose e-mail address is the
same by chance or habit (`daniel1999@...`), strangers. The weight of a pair is the base-2 logarithm of the odds of the
first kind against the other three together, so that a shared surname, street and telephone, which explain each other
in a household, do not add up to one person when given name and birth date differ. With one kind of strangers only, this
is the model of Fellegi and Sunter (1969), A Theory for Record Linkage.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crm_platform.scv.match.compare import GAP_STATES, RARITY_STATES, States, frequency_of_state, number_of_states
from crm_platform.scv.match.fields import FIELD_OF, Field

SAME, HOUSEHOLD, MAILBOX, STRANGERS = range(4)
KINDS = ("same", "household", "mailbox", "strangers")
FLOOR = 1e-9
# What two people of one household have in common beyond chance in what is a person's own: twins, a son named after
# his father.
HOUSEHOLD_NAMESAKES = 0.01
# Two people with the same address at a mail provider bear, more often than not, the name that it was made from.
MAILBOX_NAMESAKES = {"given": 0.6, "surname": 0.3}
Shares = NDArray[np.float64]


@dataclass
class Model:
    """The shares of pairs at each level, by field, and the shares of the kinds among all pairs of records.

    same: per field an array (gap, level), gap 0 where dates are not known, 1 within a year, 2 over a year; household,
    strangers: per field an array by level; kinds: shares of `KINDS` among all pairs.
    """

    fields: list[Field]
    same: dict[str, Shares]
    household: dict[str, Shares]
    strangers: dict[str, Shares]
    kinds: Shares

    def tables(self) -> dict[str, NDArray[np.float32]]:
        """Per field the natural logarithms by gap, state and kind: (GAP_STATES, states, 4)."""
        return {field.name: self._table(field) for field in self.fields}

    def _table(self, field: Field) -> NDArray[np.float32]:
        states = number_of_states(field)
        table = np.ones((GAP_STATES, states, len(KINDS)))
        by_chance = np.ones(states)
        strangers = self.strangers[field.name]
        agreeing = slice(1, RARITY_STATES + 1)
        further = slice(RARITY_STATES + 1, states)
        by_chance[agreeing] = frequency_of_state() if field.value else strangers[0]
        by_chance[further] = strangers[1:]
        household = by_chance.copy()
        if field.levels[0].household is None:
            extra = HOUSEHOLD_NAMESAKES if field.value and field.name in ("given", "birth_date") else 0.0
            household[agreeing] += extra
        else:
            household[agreeing] = np.maximum(self.household[field.name][0], by_chance[agreeing])
            household[further] = self.household[field.name][1:]
        mailbox = by_chance.copy()
        if field.name == "email":
            mailbox[:] = FLOOR
            mailbox[agreeing] = 1.0
        elif field.name in MAILBOX_NAMESAKES:
            share = MAILBOX_NAMESAKES[field.name]
            like = self.same[field.name][0]
            mailbox[agreeing] = share * like[0] + (1 - share) * by_chance[agreeing]
            mailbox[further] = share * like[1:] + (1 - share) * by_chance[further]
        for gap in range(GAP_STATES):
            same = self.same[field.name][gap]
            table[gap, agreeing, SAME] = np.maximum(same[0], by_chance[agreeing])
            table[gap, further, SAME] = same[1:]
            table[gap, :, HOUSEHOLD] = household
            table[gap, :, MAILBOX] = mailbox
            table[gap, :, STRANGERS] = by_chance
        table[:, 0, :] = FLOOR if field.name == "email" else 1.0
        table[:, 0, [SAME, HOUSEHOLD, STRANGERS]] = 1.0
        result: NDArray[np.float32] = np.log(np.maximum(table, FLOOR)).astype(np.float32)
        return result


class Weigher:
    """Weighs pairs by a model: its tables are made once."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.tables = model.tables()
        self._priors = np.log(np.maximum(model.kinds, 1e-30)).astype(np.float32)
        if "email" not in self.tables:
            self._priors[MAILBOX] = -1e6

    def by_kind(self, states: States) -> NDArray[np.float32]:
        """The logarithm of the likelihood times the share of each kind, (pairs, 4)."""
        gap = states["gap"].astype(np.int64)
        total = np.repeat(self._priors[None, :], len(gap), axis=0)
        for field in self.model.fields:
            table = self.tables[field.name]
            state = states[field.name]
            if field.is_volatile:
                total += table.reshape(-1, len(KINDS))[gap * table.shape[1] + state]
            else:
                total += table[0][state]
        return total

    def weights(self, states: States) -> NDArray[np.float32]:
        """Base-2 logarithm of the odds that a pair is one person."""
        kinds = self.by_kind(states)
        others = kinds[:, 1:]
        top = others.max(axis=1)
        against = top + np.log(np.exp(others - top[:, None]).sum(axis=1))
        result: NDArray[np.float32] = ((kinds[:, SAME] - against) / np.log(2)).astype(np.float32)
        return result


def model_as_json(model: Model) -> dict[str, Any]:
    """The model as plain values."""
    return {
        "kinds": dict(zip(KINDS, model.kinds.tolist(), strict=True)),
        "fields": {
            field.name: {
                "levels": [level.label for level in field.levels],
                "same": model.same[field.name].tolist(),
                "household": model.household[field.name].tolist(),
                "strangers": model.strangers[field.name].tolist(),
            }
            for field in model.fields
        },
    }


def model_from_json(document: dict[str, Any]) -> Model:
    """The model of `model_as_json`."""
    fields = [FIELD_OF[name] for name in document["fields"]]
    shares = document["fields"]
    return Model(
        fields=fields,
        same={name: np.asarray(shares[name]["same"]) for name in shares},
        household={name: np.asarray(shares[name]["household"]) for name in shares},
        strangers={name: np.asarray(shares[name]["strangers"]) for name in shares},
        kinds=np.asarray([document["kinds"][kind] for kind in KINDS]),
    )


def write_model(model: Model, path: Path) -> None:
    """Write the model as JSON."""
    path.write_text(json.dumps(model_as_json(model), indent=1), encoding="utf-8")


def level_of_state(state: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The level (0 is agreement) of each state; -1 where a side says nothing."""
    level = state.astype(np.int64) - RARITY_STATES
    return np.where(state == 0, -1, np.maximum(level, 0))


def names_of(fields: Sequence[Field]) -> list[str]:
    """The fields' names."""
    return [field.name for field in fields]
