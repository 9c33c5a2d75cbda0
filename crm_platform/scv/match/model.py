"""What a match has learned: how often each outcome is met among pairs of each kind, and the weight that follows.

Here: the model, the weight of a pair of states, its form as JSON. Not here: learning it (`training.py`).

Pairs are of five kinds: the same person's records, two people of one household, two people of one neighbourhood, two
people whose e-mail address is the same by chance or habit (`daniel1999@...`), strangers. The weight of a pair is the
base-2 logarithm of the odds of the first kind against the other four together, so that a shared surname, street and
telephone, which explain each other in a household, do not add up to one person when given name and birth date differ.
With strangers as the only other kind this is the model of Fellegi and Sunter (1969), A Theory for Record Linkage.

Mailboxes are named after people: how alike the e-mail addresses of two strangers are depends on how alike their names
are, and is held by `NAME_CONTEXTS`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crm_platform.scv.match.compare import GAP_STATES, RARITY_STATES, States, frequency_of_state, number_of_states
from crm_platform.scv.match.fields import CROSSED, FIELD_OF, Field

KINDS = ("same", "household", "neighbours", "mailbox", "strangers")
SAME, HOUSEHOLD, NEIGHBOURS, MAILBOX, STRANGERS = range(5)
NAME_CONTEXTS = ("names differ", "given name agrees", "surname agrees", "both agree")
FLOOR = 1e-9
# What two people of one household have in common beyond chance in what is a person's own: twins, a son named after
# his father.
HOUSEHOLD_NAMESAKES = 0.01
# How two people of one neighbourhood agree on where they live: agreement, then the further levels.
NEIGHBOURHOOD = {"postcode": (0.90, 0.03, 0.04, 0.03), "city": (0.90, 0.06, 0.04), "region": (0.95, 0.03, 0.02)}
# Two people with the same address at a mail provider bear, more often than not, the name that it was made from.
MAILBOX_NAMESAKES = {"given": 0.6, "surname": 0.3}
Shares = NDArray[np.float64]


@dataclass
class Model:
    """The shares of pairs at each level, by field, and the shares of the kinds among all pairs of records.

    same: per field an array (gap, level), gap 0 where dates are not known, 1 within a year,
    2 over a year; strangers: per
    field an array by level; strangers_email: the same for the e-mail address, (context of names, level); kinds:
    shares of `KINDS` among all pairs.
    """

    fields: list[Field]
    same: dict[str, Shares]
    strangers: dict[str, Shares]
    strangers_email: Shares
    kinds: Shares

    def table(self, field: Field) -> NDArray[np.float32]:
        """Natural logarithms by gap, state and kind: (GAP_STATES, states, kinds). States of e-mail: `names differ`."""
        states = number_of_states(field)
        agreeing, further = slice(1, RARITY_STATES + 1), slice(RARITY_STATES + 1, states)
        strangers = self.strangers[field.name]
        by_chance = np.ones(states)
        by_chance[agreeing] = frequency_of_state() if field.value else strangers[0]
        by_chance[further] = strangers[1:]
        table = np.ones((GAP_STATES, states, len(KINDS)))
        table[:, :, HOUSEHOLD] = _household(field, by_chance)
        table[:, :, NEIGHBOURS] = _overlaid(by_chance, NEIGHBOURHOOD.get(field.name))
        table[:, :, MAILBOX] = self._mailbox(field, by_chance)
        table[:, :, STRANGERS] = by_chance
        for gap in range(GAP_STATES):
            table[gap, :, SAME] = _overlaid(by_chance, self.same[field.name][gap])
        table[:, 0, :] = 1.0
        if field.name == "email":
            table[:, 0, MAILBOX] = FLOOR
        result: NDArray[np.float32] = np.log(np.maximum(table, FLOOR)).astype(np.float32)
        return result

    def _mailbox(self, field: Field, by_chance: Shares) -> Shares:
        if field.name == "email":
            certain = np.full(len(field.levels), FLOOR)
            certain[0] = 1.0
            return _overlaid(np.full_like(by_chance, FLOOR), certain)
        share = MAILBOX_NAMESAKES.get(field.name, 0.0)
        result: Shares = share * _overlaid(by_chance, self.same[field.name][0]) + (1 - share) * by_chance
        return result


def _overlaid(by_chance: Shares, shares: Shares | tuple[float, ...] | None) -> Shares:
    """Shares by level spread over the states; agreement is at least as frequent as by chance."""
    result = by_chance.copy()
    if shares is not None:
        result[1 : RARITY_STATES + 1] = np.maximum(shares[0], by_chance[1 : RARITY_STATES + 1])
        result[RARITY_STATES + 1 :] = shares[1:]
    return result


def _household(field: Field, by_chance: Shares) -> Shares:
    shares = [level.household for level in field.levels]
    if shares[0] is not None:
        return _overlaid(by_chance, np.asarray(shares, dtype=np.float64))
    result = by_chance.copy()
    if field.name in ("given", "birth_date"):
        result[1 : RARITY_STATES + 1] += HOUSEHOLD_NAMESAKES
    return result


class Weigher:
    """Weighs pairs by a model: its tables are made once."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.tables = {field.name: model.table(field) for field in model.fields}
        self._priors = np.log(np.maximum(model.kinds, 1e-30)).astype(np.float32)
        if "email" not in self.tables:
            self._priors[MAILBOX] = -1e6
        shares = np.maximum(model.strangers_email, FLOOR)
        self._email_by_names = np.log(shares / shares[:1]).astype(np.float32)

    def by_kind(self, states: States) -> NDArray[np.float32]:
        """The logarithm of the likelihood times the share of each kind, (pairs, kinds)."""
        gap = states["gap"].astype(np.int64)
        total = np.repeat(self._priors[None, :], len(gap), axis=0)
        for field in self.model.fields:
            table = self.tables[field.name]
            state = states[field.name]
            if field.is_volatile:
                total += table.reshape(-1, len(KINDS))[gap * table.shape[1] + state]
            else:
                total += table[0][state]
        if "email" in self.tables:
            shift = self._email_shift(states)
            total[:, NEIGHBOURS] += shift
            total[:, STRANGERS] += shift
        return total

    def points(self, states: States, rival: NDArray[np.int64]) -> dict[str, Shares]:
        """Per field the base-2 logarithm of how much likelier its outcome is for one person than for the rival kind."""
        gap = states["gap"].astype(np.int64)
        points: dict[str, Shares] = {}
        for field in self.model.fields:
            rows = self.tables[field.name][gap if field.is_volatile else np.zeros_like(gap), states[field.name]]
            points[field.name] = (rows[:, SAME] - np.take_along_axis(rows, rival[:, None], 1)[:, 0]).astype(np.float64)
        if "email" in points:
            depends = (rival == STRANGERS) | (rival == NEIGHBOURS)
            points["email"] -= np.where(depends, self._email_shift(states), 0.0)
        return {name: value / np.log(2) for name, value in points.items()}

    def prior_points(self, rival: NDArray[np.int64]) -> Shares:
        """How much likelier a pair of one person is than one of the rival kind, before anything is known, in bits."""
        result: Shares = (self._priors[SAME] - self._priors[rival]).astype(np.float64) / np.log(2)
        return result

    def _email_shift(self, states: States) -> NDArray[np.float32]:
        """What the names say about the e-mail addresses of two strangers."""
        level = level_of_state(states["email"])
        shift = self._email_by_names[name_context(states), np.maximum(level, 0)]
        result: NDArray[np.float32] = np.where(level > 0, shift, np.float32(0.0))
        return result

    def weights(self, states: States) -> NDArray[np.float32]:
        """Base-2 logarithm of the odds that a pair is one person."""
        kinds = self.by_kind(states)
        others = kinds[:, 1:]
        top = others.max(axis=1)
        against = top + np.log(np.exp(others - top[:, None]).sum(axis=1))
        result: NDArray[np.float32] = ((kinds[:, SAME] - against) / np.log(2)).astype(np.float32)
        return result


def name_context(states: States) -> NDArray[np.int64]:
    """The place in `NAME_CONTEXTS` of each pair; a name that is not known does not agree."""
    context = np.zeros(len(states["gap"]), dtype=np.int64)
    for bit, name in ((1, "given"), (2, "surname")):
        if name in states:
            level = level_of_state(states[name])
            context += bit * ((level >= 0) & (level < len(FIELD_OF[name].levels) - 1))
    return context


def level_of_state(state: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The level (0 is agreement) of each state; -1 where a side says nothing."""
    level = state.astype(np.int64) - RARITY_STATES
    return np.where(state == 0, -1, np.maximum(level, 0))


def crossed_level(field: Field) -> int | None:
    """The place of the level that a name comes out at which stands in the other field."""
    return next((place for place, level in enumerate(field.levels) if level.label == CROSSED), None)


def model_as_json(model: Model) -> dict[str, Any]:
    """The model as plain values."""
    return {
        "kinds": dict(zip(KINDS, model.kinds.tolist(), strict=True)),
        "strangers_email": model.strangers_email.tolist(),
        "fields": {
            field.name: {
                "levels": [level.label for level in field.levels],
                "same": model.same[field.name].tolist(),
                "strangers": model.strangers[field.name].tolist(),
            }
            for field in model.fields
        },
    }


def model_from_json(document: dict[str, Any]) -> Model:
    """The model of `model_as_json`."""
    shares = document["fields"]
    return Model(
        fields=[FIELD_OF[name] for name in shares],
        same={name: np.asarray(shares[name]["same"]) for name in shares},
        strangers={name: np.asarray(shares[name]["strangers"]) for name in shares},
        strangers_email=np.asarray(document["strangers_email"]),
        kinds=np.asarray([document["kinds"][kind] for kind in KINDS]),
    )
