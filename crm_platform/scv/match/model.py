"""What a match has learned: how often each outcome is met among pairs of each kind, and the weight that follows.

Here: the model, the weight of a pair of states, its form as JSON. Not here: learning it (`training.py`).

Pairs are of eight kinds. Two are one person: records from one home, and from two, before and after a move. Six are two
people: of one household; namesakes of one household, as father and son; a family with one mailbox; of one
neighbourhood; with the same e-mail address by chance or habit (`daniel1999@...`); strangers. The weight of a pair is
the base-2 logarithm of the odds of the first two against the other six. So a shared surname, street and telephone,
which explain each other in a household, do not add up to one person when given name and birth date differ; and street,
postcode, town and region, which all change when somebody moves, do not add up to two people.
With strangers as the only other kind this is the model of Fellegi and Sunter (1969), A Theory for Record Linkage.

Mailboxes are named after people: how alike the e-mail addresses of two strangers are depends on how alike their names
are, and is held by `NAME_CONTEXTS`. A postcode lies in a town and a town in a region: that two strangers agree on all
of them says hardly more than that they agree on the finest, and is held by `PLACE_CONTEXTS`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crm_platform.scv.match.compare import GAP_STATES, RARITY_STATES, States, frequency_of_state, number_of_states
from crm_platform.scv.match.fields import CROSSED, FIELD_OF, NEXT_YEAR, OWN_MAILBOX, SAME_YEAR, Field

KINDS = ("same", "moved", "household", "namesakes", "family mailbox", "neighbours", "mailbox", "strangers")
SAME, MOVED, HOUSEHOLD, NAMESAKES, FAMILY_MAILBOX, NEIGHBOURS, MAILBOX, STRANGERS = range(8)
# The kinds that are one person come first.
ONE_PERSON = 2
NAME_CONTEXTS = ("names differ", "given name agrees", "surname agrees", "both agree")
# The finest of what says where two people live that they agree on.
PLACES = ("postcode", "city", "region")
PLACE_CONTEXTS = ("nothing agrees", *PLACES)
FLOOR = 1e-9
# What two people of one household have in common beyond chance in what is a person's own: twins, a son named after
# his father.
HOUSEHOLD_NAMESAKES = 0.01
# How two people of one neighbourhood agree on where they live: agreement, then the further levels.
NEIGHBOURHOOD = {"postcode": (0.90, 0.03, 0.04, 0.03), "city": (0.90, 0.06, 0.04), "region": (0.95, 0.03, 0.02)}
# Couples are of an age, brothers and sisters nearly: at least so often are two of a household born in one year, or in
# two that follow each other.
HOUSEHOLD_BIRTH = {SAME_YEAR: 0.05, NEXT_YEAR: 0.10}
# What a father and a son of one name have in common, where it is not what any household has.
NAMESAKES_SHARES = {
    "birth_date": (0.002, 0.003, 0.90, 0.005, 0.01, 0.01, 0.07),
    "sex": (0.97, 0.03),
    "generation": (0.05, 0.95),
}
# A family of one mailbox has, more often than not, one telephone too: the latter is learnt.
FAMILY_MAILBOX_SHARES = {
    "email": (1.0, 0.0, 0.0, 0.0, 0.0),
    OWN_MAILBOX: (0.3, 0.7),
    "phone": (0.4, 0.2, 0.01, 0.39),
}
# Two people with the same address at a mail provider bear, more often than not, the name that it was made from.
MAILBOX_NAMESAKES = {"given": 0.6, "surname": 0.6}
Shares = NDArray[np.float64]


@dataclass
class Model:
    """The shares of pairs at each level, by field, and the shares of the kinds among all pairs of records.

    same: per field an array (gap, level), gap 0 where dates are not known, 1 within a year, 2 over a year. By field an
    array by level: strangers, household, family_mailbox, moved (the last three of the fields that have such shares).
    strangers_email: e-mail of strangers, (context of names, level). strangers_place: of the `PLACES` compared, by
    field, their levels among strangers, (context of places, level); not used for the place that is the context.
    moved_share: by gap, of one person's pairs those
    from two homes. kinds: shares of `KINDS` among all pairs, that of `same` with the moved, that of `moved` 0.
    """

    fields: list[Field]
    same: dict[str, Shares]
    strangers: dict[str, Shares]
    strangers_email: Shares
    strangers_place: dict[str, Shares]
    household: dict[str, Shares]
    family_mailbox: dict[str, Shares]
    moved: dict[str, Shares]
    moved_share: Shares
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
        table[:, :, HOUSEHOLD] = self._household(field, by_chance)
        table[:, :, NAMESAKES] = self._namesakes(field, by_chance)
        table[:, :, FAMILY_MAILBOX] = self._family_mailbox(field, by_chance)
        table[:, :, MOVED] = _overlaid(by_chance, self.moved.get(field.name))
        table[:, :, NEIGHBOURS] = _overlaid(by_chance, NEIGHBOURHOOD.get(field.name))
        table[:, :, MAILBOX] = self._mailbox(field, by_chance)
        table[:, :, STRANGERS] = by_chance
        for gap in range(GAP_STATES):
            table[gap, :, SAME] = _overlaid(by_chance, self.same[field.name][gap])
            if not field.moved:
                table[gap, :, MOVED] = table[gap, :, SAME]
        if field.name == OWN_MAILBOX:
            table[:] = self._mailbox_names(field)
        table[:, 0, :] = 1.0
        if field.name == "email":
            table[:, 0, [MAILBOX, FAMILY_MAILBOX]] = FLOOR
        result: NDArray[np.float32] = np.log(np.maximum(table, FLOOR)).astype(np.float32)
        return result

    def _household(self, field: Field, by_chance: Shares) -> Shares:
        if field.name in self.household:
            return _overlaid(by_chance, self.household[field.name])
        result = by_chance.copy()
        if field.name in ("given", "birth_date"):
            result[1 : RARITY_STATES + 1] += HOUSEHOLD_NAMESAKES
        if field.name == "birth_date":
            for place, level in enumerate(field.levels):
                state = RARITY_STATES + place
                result[state] = max(result[state], HOUSEHOLD_BIRTH.get(level.label, 0.0))
        return result

    def _namesakes(self, field: Field, by_chance: Shares) -> Shares:
        if field.name in ("given", "surname"):
            shares = self.same[field.name][0].copy()
            shares[-1] = 0.0
            return _overlaid(by_chance, shares / shares.sum())
        if field.name in NAMESAKES_SHARES:
            return _overlaid(by_chance, NAMESAKES_SHARES[field.name])
        if field.name == "email":
            shared = np.zeros(len(field.levels))
            shared[0] = self.household["email"][0]
            return _overlaid(by_chance, shared + (1 - shared[0]) * self.strangers_email[-1])
        return self._household(field, by_chance)

    def _family_mailbox(self, field: Field, by_chance: Shares) -> Shares:
        if field.name not in self.family_mailbox:
            return self._household(field, by_chance)
        nothing = np.full_like(by_chance, FLOOR) if field.name == "email" else by_chance
        return _overlaid(nothing, self.family_mailbox[field.name])

    def _mailbox_names(self, field: Field) -> Shares:
        """Whose name a common mailbox bears tells one person from a family, and nothing else: (states, kinds)."""
        table = np.tile(_by_state(self.same[field.name][0])[:, None], (1, len(KINDS)))
        table[:, HOUSEHOLD] = _by_state(self.household[field.name])
        table[:, FAMILY_MAILBOX] = _by_state(self.family_mailbox[field.name])
        return table

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


def _by_state(shares: Shares) -> Shares:
    """Shares by level as shares by state, of a field without frequencies."""
    agreeing = np.full(RARITY_STATES, shares[0])
    result: Shares = np.concatenate([[1.0], agreeing, shares[1:]])
    return result


class Weigher:
    """Weighs pairs by a model: its tables are made once."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.tables = {field.name: model.table(field) for field in model.fields}
        self._priors = np.log(np.maximum(model.kinds, 1e-30)).astype(np.float32)
        self._priors[MOVED] = self._priors[SAME]
        moved = np.stack([1.0 - model.moved_share, model.moved_share], axis=1)
        self._homes = np.log(np.maximum(moved, 1e-30)).astype(np.float32)
        if "email" not in self.tables:
            self._priors[[MAILBOX, FAMILY_MAILBOX]] = -1e6
        shares = np.maximum(model.strangers_email, FLOOR)
        self._email_by_names = np.log(shares / shares[:1]).astype(np.float32)
        self._place_by_context = {
            name: np.log(np.maximum(shares, FLOOR)).astype(np.float32) for name, shares in model.strangers_place.items()
        }

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
        total[:, :ONE_PERSON] += self._homes[gap]
        if "email" in self.tables:
            shift = self._email_shift(states)
            total[:, NEIGHBOURS] += shift
            total[:, STRANGERS] += shift
        for shift in self._place_shifts(states).values():
            total[:, STRANGERS] += shift
        return total

    def points(self, states: States, own: NDArray[np.int64], rival: NDArray[np.int64]) -> dict[str, Shares]:
        """Per field the base-2 logarithm of how much likelier its outcome is for one kind than for another.

        own: a kind of one person; rival: one of two.
        """
        gap = states["gap"].astype(np.int64)
        points: dict[str, Shares] = {}
        for field in self.model.fields:
            rows = self.tables[field.name][gap if field.is_volatile else np.zeros_like(gap), states[field.name]]
            for_one, against = (np.take_along_axis(rows, kind[:, None], 1)[:, 0] for kind in (own, rival))
            points[field.name] = (for_one - against).astype(np.float64)
        if "email" in points:
            depends = (rival == STRANGERS) | (rival == NEIGHBOURS)
            points["email"] -= np.where(depends, self._email_shift(states), 0.0)
        for name, shift in self._place_shifts(states).items():
            points[name] -= np.where(rival == STRANGERS, shift, 0.0)
        return {name: value / np.log(2) for name, value in points.items()}

    def prior_points(self, states: States, own: NDArray[np.int64], rival: NDArray[np.int64]) -> Shares:
        """How much likelier a pair of one kind is than one of another, before anything is compared, in bits."""
        of_one = self._priors[own] + self._homes[states["gap"].astype(np.int64), own]
        result: Shares = (of_one - self._priors[rival]).astype(np.float64) / np.log(2)
        return result

    def _email_shift(self, states: States) -> NDArray[np.float32]:
        """What the names say about the e-mail addresses of two strangers."""
        level = level_of_state(states["email"])
        shift = self._email_by_names[name_context(states), np.maximum(level, 0)]
        result: NDArray[np.float32] = np.where(level > 0, shift, np.float32(0.0))
        return result

    def _place_shifts(self, states: States) -> dict[str, NDArray[np.float32]]:
        """By place what the finest place that two strangers agree on says about it, beside what chance says."""
        if len(self._place_by_context) < 2:
            return {}
        context = place_context(states)
        shifts = {}
        for name, shares in self._place_by_context.items():
            level = level_of_state(states[name])
            expected = shares[context, np.maximum(level, 0)] - self.tables[name][0, states[name], STRANGERS]
            is_shifted = (level >= 0) & (context > 0) & (context != PLACE_CONTEXTS.index(name))
            shifts[name] = np.where(is_shifted, expected, np.float32(0.0))
        return shifts

    def weights(self, states: States) -> NDArray[np.float32]:
        """Base-2 logarithm of the odds that a pair is one person."""
        kinds = self.by_kind(states)
        one_person = np.logaddexp(kinds[:, SAME], kinds[:, MOVED])
        others = kinds[:, ONE_PERSON:]
        top = others.max(axis=1)
        against = top + np.log(np.exp(others - top[:, None]).sum(axis=1))
        result: NDArray[np.float32] = ((one_person - against) / np.log(2)).astype(np.float32)
        return result


def likeliest(kinds: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The likeliest kind of one person and the likeliest of two, for each pair of `Weigher.by_kind`."""
    return kinds[:, :ONE_PERSON].argmax(axis=1), kinds[:, ONE_PERSON:].argmax(axis=1) + ONE_PERSON


def name_context(states: States) -> NDArray[np.int64]:
    """The place in `NAME_CONTEXTS` of each pair; a name that is not known does not agree."""
    context = np.zeros(len(states["gap"]), dtype=np.int64)
    for bit, name in ((1, "given"), (2, "surname")):
        if name in states:
            level = level_of_state(states[name])
            context += bit * ((level >= 0) & (level < len(FIELD_OF[name].levels) - 1))
    return context


def place_context(states: States) -> NDArray[np.int64]:
    """The place in `PLACE_CONTEXTS` of each pair."""
    context = np.zeros(len(states["gap"]), dtype=np.int64)
    for number, name in reversed(list(enumerate(PLACES, start=1))):
        if name in states:
            context[level_of_state(states[name]) == 0] = number
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
        "strangers_place": {name: shares.tolist() for name, shares in model.strangers_place.items()},
        "household": {name: shares.tolist() for name, shares in model.household.items()},
        "family_mailbox": {name: shares.tolist() for name, shares in model.family_mailbox.items()},
        "moved": {name: shares.tolist() for name, shares in model.moved.items()},
        "moved_share": model.moved_share.tolist(),
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
        strangers_place={name: np.asarray(shares) for name, shares in document["strangers_place"].items()},
        household={name: np.asarray(shares) for name, shares in document["household"].items()},
        family_mailbox={name: np.asarray(shares) for name, shares in document["family_mailbox"].items()},
        moved={name: np.asarray(shares) for name, shares in document["moved"].items()},
        moved_share=np.asarray(document["moved_share"]),
        kinds=np.asarray([document["kinds"][kind] for kind in KINDS]),
    )
