"""Why a mail was not delivered: the rules of `codes.yaml` and `rules/`, applied to what a server answered.

Here: loading the rules and finding the first that holds. Not here: the rules and the reasons' definitions
(`reasons.yaml` and the files that it names), nor reading the answer out of a report (`replies.py`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from crm_platform.campaign.mail.addresses import ADDRESS
from crm_platform.campaign.mail.phrases import PhraseBook
from crm_platform.campaign.mail.replies import Reply, flattened
from crm_platform.campaign.mail.words import any_of
from crm_platform.configuration import Declared
from crm_platform.yaml_text import read_yaml

_PACKAGE = "crm_platform.campaign.mail"
_ADDRESS = re.compile(rf"<?{ADDRESS.pattern}>?")
_URL = re.compile(r"https?://([^\s/?#<>]{0,253})[^\s?#<>]*(\?[^\s#<>]*)?(#\S*)?")
# The address of who sends; that of the server that answers stands behind its name: `mx.example.com[192.0.2.1] said`.
_SENDING_HOST = re.compile(
    r"(?<![\w.:\[(-])[\[(]{0,2}(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\w)[\])]{0,2}+"
    r"(?!:? (?:said|did)|:\d|: connect|\S* while)"
)
_PATTERN_CHARACTERS = 4_000

PERMANENT_ADDRESS_REASONS = frozenset({"userunknown", "hostunknown", "hasmoved", "notaccept"})
"""The reasons for which no mail will ever arrive at the address."""
_ADDRESS_EXISTS = ("5.2.2", "5.2.3")


class Rule(Declared):
    """One rule of `rules/`; a condition that is empty is not asked for."""

    name: str
    reason: str
    source: str
    says: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    at: tuple[str, ...] = ()
    agent: tuple[str, ...] = ()
    type: tuple[str, ...] = ()
    confirms: bool = False


class Maker(Declared):
    """One maker of `codes.yaml`: the codes in its answers, by reason."""

    maker: str
    source: str
    at: tuple[str, ...] = ()
    codes: dict[str, tuple[str, ...]]

    def rules(self) -> list[Rule]:
        """A rule for each reason; what a maker says of an address by a code leaves no doubt."""
        return [
            Rule(
                name=f"{self.maker}_{reason}", reason=reason, source=self.source, says=codes, at=self.at, confirms=True
            )
            for reason, codes in self.codes.items()
        ]


class Rulebook(Declared):
    """The rules as a whole, those of makers' codes first; `words` are the groups in phrases."""

    reasons: dict[str, str]
    words: dict[str, tuple[str, ...]]
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Verdict:
    """Why a mail was not delivered: `reason`, the name of the `rule` that decided, whether the failure is `hard` (no
    mail will arrive there), and whether the words or the status prove that the address is invalid."""

    reason: str
    rule: str
    is_hard: bool = False
    is_address_invalid: bool = False


@dataclass(frozen=True)
class _Compiled:
    rule: Rule
    statuses: tuple[str, ...]

    def holds(self, reply: Reply, agent: str, diagnostic_type: str) -> bool:
        """Whether all conditions but the words are met."""
        rule = self.rule
        return (
            (not rule.agent or agent in rule.agent)
            and (not rule.type or diagnostic_type in rule.type)
            and (not rule.command or reply.command in rule.command)
            and (not rule.at or _is_at(reply.host, rule.at))
            and (not rule.code or reply.code in rule.code)
            and (not rule.status or _has_status(reply.status, self.statuses))
        )


@lru_cache(maxsize=1)
def rulebook() -> Rulebook:
    """The rules as they stand in the package.

    Raises:
        ValueError: a rule has no condition, gives a reason that is not defined, or names phrases that are not there.
    """
    told = _data("reasons.yaml")
    of_makers = [rule for maker in _data("codes.yaml") for rule in Maker.model_validate(maker).rules()]
    of_words = [_rule(each) for name in told["rules"] for each in _data(f"rules/{name}.yaml")]
    book = Rulebook(reasons=told["reasons"], words=_data("words.yaml"), rules=(*of_makers, *of_words))
    for rule in book.rules:
        if rule.reason not in book.reasons:
            raise ValueError(f"The rule {rule.name} gives {rule.reason}, which reasons.yaml does not define.")
        if not (rule.says or rule.status or rule.code or rule.type):
            raise ValueError(f"The rule {rule.name} asks for nothing.")
    return book


def reason_definitions() -> Mapping[str, str]:
    """What each reason means."""
    return MappingProxyType(rulebook().reasons)


def decide(refusals: Sequence[Reply], agent: str = "", diagnostic_type: str = "") -> Verdict:
    """The reason of a bounce by the answers known of it, the server's own first, the reporter's words after it.

    A rule that goes by status or code alone is asked after the first text where the status tells something, else last.
    """
    known = [reply for reply in refusals if reply.text or reply.status or reply.code]
    if not known:
        return Verdict("undefined", "nothing_said")
    tries = [(True, reply) for reply in known]
    tries.insert(1 if _is_telling(known[0].status) else len(tries), (False, known[0]))
    for by_text, reply in tries:
        for compiled in _rules_that_say(reply.text) if by_text else _rules(False):
            if compiled.holds(reply, agent, diagnostic_type):
                return _verdict(compiled.rule, reply)
    return Verdict("onhold", "no_rule_holds")


def line_that_says(rule_name: str, lines: Sequence[str]) -> str:
    """The first of these lines that says what a rule asks for, or nothing."""
    said = (line for line in dict.fromkeys(lines) if any(each.rule.name == rule_name for each in _rules_that_say(line)))
    return next(said, "").strip()


def _is_telling(status: str) -> bool:
    """Whether a status says more than that something failed somewhere, and one thing only: 5.1.10 is a null MX to
    RFC 7505 and an unknown recipient to Exchange."""
    return bool(status) and not status.endswith((".0", ".1.10"))


def comparable(text: str) -> str:
    """A text as the phrases of the rules are written: small letters, single spaces, `<>` for an address, `<#>` for that
    of a sending host, and of a web address its host and query, for the rest of it names topics that the refusal is not
    about; so do footers."""
    bare = any_of("beside_the_point").sub(" ", _URL.sub(r" \1 \2 ", text[:_PATTERN_CHARACTERS].lower()))
    return flattened(_SENDING_HOST.sub("<#>", _ADDRESS.sub("<>", bare))).replace("’", "'")


def _rule(told: dict[str, Any]) -> Rule:
    """A rule with the phrases of `phrases.yaml` that it names."""
    shared = _shared_phrases()
    for field in ("says", "unless"):
        named = [phrase[1:] for phrase in told.get(field, ()) if phrase.startswith("@")]
        if missing := [name for name in named if name not in shared]:
            raise ValueError(f"{told['name']}: there are no phrases {missing[0]} in phrases.yaml.")
        own = [phrase for phrase in told.get(field, ()) if not phrase.startswith("@")]
        told = {**told, field: [*(phrase for name in named for phrase in shared[name]), *own]}
    return Rule.model_validate(told)


@lru_cache(maxsize=1)
def _shared_phrases() -> dict[str, list[str]]:
    return dict(_data("phrases.yaml"))


def _data(name: str) -> Any:
    return read_yaml(files(_PACKAGE).joinpath(name).read_text(encoding="utf-8"))


def _verdict(rule: Rule, reply: Reply) -> Verdict:
    is_temporary = reply.status.startswith("4") or (not reply.status and reply.code.startswith("4"))
    if rule.reason not in PERMANENT_ADDRESS_REASONS or is_temporary:
        return Verdict(rule.reason, rule.name)
    # Security and policy (5.7.x) say nothing about the address, unless the words beside them do.
    is_proved = rule.confirms or not reply.status.startswith("5.7.")
    return Verdict(rule.reason, rule.name, True, is_proved and reply.status not in _ADDRESS_EXISTS)


@lru_cache(maxsize=2)
def _rules(by_text: bool) -> tuple[_Compiled, ...]:
    """The rules that ask for words (or a type), or those that go by status or code alone."""
    chosen = (rule for rule in rulebook().rules if bool(rule.says or rule.type) is by_text)
    return tuple(_Compiled(rule, _alternatives(rule.status)) for rule in chosen)


@lru_cache(maxsize=1)
def _phrase_book() -> PhraseBook:
    """The phrases of every rule, then those that forbid each."""
    rules = [compiled.rule for compiled in _rules(True)]
    return PhraseBook([*(rule.says for rule in rules), *(rule.unless for rule in rules)], rulebook().words)


def _rules_that_say(text: str) -> list[_Compiled]:
    """The rules of whose phrases one stands in a text, but for those that another phrase in it forbids, and those that
    ask for a type only, in their order."""
    said = _phrase_book().owners_in(comparable(text))
    rules = _rules(True)
    return [
        rule for number, rule in enumerate(rules)
        if (number in said or not rule.rule.says) and number + len(rules) not in said
    ]  # fmt: skip


def _alternatives(statuses: Sequence[str]) -> tuple[str, ...]:
    both = [status.replace("x.", f"{kind}.", 1) for status in statuses for kind in ("4", "5")]
    return tuple(dict.fromkeys(both))


def _has_status(status: str, wanted: Sequence[str]) -> bool:
    return any(status == each or (each[-1:] == "." and status.startswith(each)) for each in wanted)


def _is_at(host: str, names: Sequence[str]) -> bool:
    return any(host == name or host.endswith(f".{name}") for name in names)
