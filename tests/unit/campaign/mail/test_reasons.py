"""The rules of reasons: each can decide, none contradicts its definition, and what proves an address to be invalid."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.campaign.mail.reasons import (
    PERMANENT_ADDRESS_REASONS,
    Rule,
    comparable,
    decide,
    reason_definitions,
    rulebook,
)
from crm_platform.campaign.mail.replies import Reply, code_in, command_in, flattened, host_in, reply_line, status_in

RULES = rulebook().rules
decide([Reply("user unknown")])  # the phrases are compiled once, which is not what the deadlines are about
NAMES_OF_THE_TRUTH = [
    "userunknown", "hostunknown", "hasmoved", "notaccept", "mailboxfull", "filtered", "expired",
    "blocked", "rejected", "authfailure", "badreputation", "requireptr", "policyviolation", "securityerror",
    "spamdetected", "virusdetected", "contenterror", "mesgtoobig", "exceedlimit", "speeding", "toomanyconn",
    "networkerror", "norelaying", "notcompliantrfc", "syntaxerror", "systemerror", "systemfull", "mailererror",
    "suspend", "onhold", "feedback", "vacation", "delivered", "undefined",
]  # fmt: skip


def example_of(phrase: str) -> str:
    """A text that says a phrase: the first word of each group, something in each gap."""
    text = re.sub(r"\{(\w+)\}", lambda group: rulebook().words[group.group(1)][0], phrase)
    return re.sub(r" ~\d ", " ", text).replace(" * ", " so to say ")


def replies_for(rule: Rule) -> list[Reply]:
    """Answers that fulfil a rule, one for each of its phrases and statuses."""
    texts = [example_of(phrase) for phrase in rule.says] or ["255" if rule.type else ""]
    statuses = [status.replace("x.", "5.") + ("1" if status.endswith(".") else "") for status in rule.status] or [""]
    host = f"mx.{rule.at[0]}" if rule.at else ""
    return [
        Reply(text, status, code, command, host)
        for text in texts
        for status in statuses
        for code in (*rule.code, "")
        for command in (*rule.command, "")
    ]


def said(text: str, status: str = "", code: str = "", command: str = "", host: str = "") -> tuple[str, bool]:
    """Reason and whether the address is invalid, of one answer."""
    reply = Reply(
        text, status or status_in(text), code or code_in(text), command or command_in(text), host or host_in(text)
    )
    verdict = decide([reply])
    return verdict.reason, verdict.is_address_invalid


def test_every_reason_is_defined() -> None:
    assert sorted(reason_definitions()) == sorted(NAMES_OF_THE_TRUTH)
    assert all(len(definition) > 20 for definition in reason_definitions().values())


def test_names_of_rules_are_unique() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_no_rule_is_hidden_by_those_before_it(rule: Rule) -> None:
    agent, kind = rule.agent[0] if rule.agent else "", rule.type[0] if rule.type else ""
    assert any(decide([reply], agent, kind).rule == rule.name for reply in replies_for(rule))


def test_every_code_of_a_maker_gives_its_reason() -> None:
    of_makers = [rule for rule in RULES if re.fullmatch(rf"[a-z_]+_{rule.reason}", rule.name) and not rule.command]
    told = {code: (decide([Reply(f"550 {example_of(code)}", code="550")]).reason, rule.reason)
            for rule in of_makers for code in rule.says}  # fmt: skip
    assert len(told) > 150
    assert {code: reasons for code, reasons in told.items() if reasons[0] != reasons[1]} == {}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_phrases_are_written_as_texts_are_compared(rule: Rule) -> None:
    assert [phrase for phrase in rule.says if " ".join(phrase.lower().split()) != phrase.strip()] == []
    assert len(set(rule.says)) == len(rule.says)


@pytest.mark.parametrize(
    ("answer", "reason", "is_invalid"),
    [
        ("550 5.1.1 <a@b.example>: Recipient address rejected: User unknown", "userunknown", True),
        ("550 5.1.2 Bad destination host", "hostunknown", True),
        ("550 5.1.6 recipient no longer on server", "hasmoved", True),
        ("556 5.1.10 Recipient address has null MX", "notaccept", True),
        ("550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", "userunknown", True),
        ("550 5.4.4 Unable to route: Host or domain name not found", "hostunknown", True),
        ("550 5.4.1 Recipient address rejected: Access denied. [AM0.outlook.com]", "userunknown", True),
        ("551 not our customer", "hasmoved", True),
        ("552 5.2.2 Mailbox full", "mailboxfull", False),
        ("552 5.2.3 Message size exceeds fixed maximum message size", "exceedlimit", False),
        ("550 5.7.1 Service unavailable, client host blocked using a list", "blocked", False),
        ("550 5.7.26 Unauthenticated email is not accepted due to the domain's DMARC policy", "authfailure", False),
        ("554 5.7.1 <a@b.example>: Recipient address rejected: Access denied", "userunknown", False),
        ("450 4.1.1 <a@b.example>: Recipient address rejected: User unknown", "userunknown", False),
        ("452 4.2.2 The email account that you tried to reach is over quota", "mailboxfull", False),
        ("550 4.4.7 Message expired", "expired", False),
        ("550 Unknown user", "filtered", False),
        ("550 5.2.1 The user you are trying to contact is receiving mail at a rate that", "speeding", False),
        ("550 5.2.1 The email account that you tried to reach is disabled", "suspend", False),
        ("554 5.4.6 Too many hops", "networkerror", False),
        ("250 is no refusal", "onhold", False),
    ],
)  # fmt: skip
def test_text_and_status_together_decide_about_the_address(answer: str, reason: str, is_invalid: bool) -> None:
    assert said(answer) == (reason, is_invalid)


def test_an_unknown_user_is_believed_upon_rcpt_and_not_after_the_mail_was_sent() -> None:
    assert said("550 Unknown user", command="RCPT") == ("userunknown", True)
    assert said("550 Unknown user", command="DATA") == ("filtered", False)
    assert said("550 Unknown user", status="5.1.1", command="DATA") == ("userunknown", True)


def test_what_the_server_says_goes_before_what_the_reporter_says() -> None:
    refusals = [Reply("550 5.7.1 message looks like spam", "5.7.1", "550"), Reply("the user is unknown: user unknown")]
    assert decide(refusals).reason == "spamdetected"
    assert decide(refusals[1:]).reason == "filtered"


def test_nothing_said_is_undefined_and_something_unheard_of_is_on_hold() -> None:
    assert decide([Reply()]).reason == "undefined"
    assert decide([Reply("computer says no", "5.0.0", "550")]).reason == "onhold"


@given(st.text(max_size=300), st.sampled_from(["", "4.4.1", "4.1.1", "5.2.2", "5.7.1", "5.1.1", "5.0.0"]))
def test_an_address_is_only_invalid_for_a_reason_that_ends_it(text: str, status: str) -> None:
    verdict = decide([Reply(text, status)])
    assert verdict.reason in reason_definitions()
    if verdict.is_address_invalid:
        assert verdict.is_hard
        assert verdict.reason in PERMANENT_ADDRESS_REASONS
        assert not status.startswith("4")


@given(st.text(max_size=300))
def test_the_comparable_form_is_reached_in_one_step(text: str) -> None:
    assert comparable(comparable(text)) == comparable(text)


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [
        ("550 5.1.1 no", "5.1.1", "550"),
        ("550-5.1.1 no", "5.1.1", "550"),
        ("smtp;550 #5.1.0 Address rejected", "5.1.0", "550"),
        ("Unknown address error 550-'5.7.1 denied'", "5.7.1", "550"),
        ("no mailbox here (#5.1.1)", "5.1.1", ""),
        ("host 192.0.2.5 at 5.1.1.9 said nothing", "", ""),
        ("554 5.0.0 Service unavailable 5.4.6", "5.0.0", "554"),
        ("after 450 bytes, port 25, 2026-02-02", "", ""),
    ],
)
def test_status_and_code_are_told_from_other_numbers(line: str, status: str, code: str) -> None:
    assert (status_in(line), code_in(line)) == (status, code)


def test_a_quoted_answer_is_read_over_its_lines() -> None:
    lines = [
        "<a@b.example>: host mx.b.example said: 550-5.7.1 first part",
        "    550 5.7.1 and the second (in reply)",
        "Next",
    ]
    assert reply_line(lines) == "550-5.7.1 first part 550 5.7.1 and the second (in reply)"
    assert "first part and the second" in flattened("550-5.7.1 first part\n550-5.7.1 and the second")


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("said: 550 no (in reply to RCPT TO command)", "RCPT"),
        (">>> RCPT To:<a@b.example>", "RCPT"),
        ("(in reply to end of DATA command)", "DATA"),
        ("SMTP error from remote mail server after MAIL FROM:<a@b.example>", "MAIL"),
        ("refused to talk to me: 554", "CONN"),
        ("in the mail", ""),
    ],
)
def test_the_command_that_was_refused_is_found(text: str, command: str) -> None:
    assert command_in(text) == command


@pytest.mark.parametrize(
    ("status", "reason", "is_invalid"),
    [
        ("5.2.3", "exceedlimit", False),
        ("4.3.2", "systemerror", False),
        ("5.7.15", "policyviolation", False),
        ("5.7.16", "mesgtoobig", False),
        ("5.7.17", "hasmoved", True),
        ("5.7.18", "hasmoved", True),
        ("5.7.27", "rejected", False),
        ("4.7.28", "speeding", False),
    ],
)
def test_a_status_alone_means_what_its_registration_says(status: str, reason: str, is_invalid: bool) -> None:
    """Codes registered after RFC 3463: RFC 6710, RFC 7293, RFC 7505, and the registry of IANA."""
    verdict = decide([Reply("", status)])
    assert (verdict.reason, verdict.is_address_invalid) == (reason, is_invalid)


@pytest.mark.parametrize("status", ["5.0.0", "5.0.350", "4.0.0"])
def test_a_status_that_says_nothing_gives_way_to_the_one_of_the_answer_within(status: str) -> None:
    assert status_in(f"550 {status} Remote server returned an error -> 550 5.1.1 no such user") == "5.1.1"
