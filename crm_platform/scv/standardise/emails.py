"""E-mail addresses: as they are shown and as they are compared.

Here: the matching form with the providers' rules. Not here: whether an address can be written to (permission,
bounces), and addresses shared by many (`placeholders.py`).
"""

import polars as pl

from crm_platform.scv.standardise.text import empty_as_null

# Google ignores dots and reads both domains as one: support.google.com/mail/answer/7436150 and /10313.
_GOOGLE = ("gmail.com", "googlemail.com")
_PLACEHOLDER_LOCALS = (
    "no", "none", "noemail", "no-email", "no.email", "nomail", "noreply", "no-reply", "na", "n/a", "unknown", "test", "abc",
    "asdf", "xxx", "x", "a", "aa", "aaa", "dummy", "example", "null", "anonymous", "notprovided", "noone", "nobody",
)  # fmt: skip


def parse_emails(email: pl.Expr) -> list[pl.Expr]:
    """email_shown (trimmed, the domain in lower case) and email (the matching form: mailbox and provider).

    The matching form is in lower case, without a `+tag` and, at Google, without dots. An address without `@` stays as
    it is: it is often a typing error of a good one.
    """
    bare = email.cast(pl.String).str.slice(0, 254).str.replace_all(r"\s|^mailto:|[<>\"]", "").str.strip_chars(".,;")
    shown = empty_as_null(bare)
    lower = shown.str.to_lowercase()
    local, domain = lower.str.extract(r"^(.+)@"), lower.str.extract(r"@([^@]*)$")
    mailbox = local.str.replace(r"^([^+]+)\+.*$", "$1")
    is_google = domain.is_in(_GOOGLE)
    mailbox = pl.when(is_google).then(mailbox.str.replace_all(".", "", literal=True)).otherwise(mailbox)
    provider = pl.when(is_google).then(pl.lit("gmail.com")).otherwise(domain)
    is_placeholder = local.is_in(_PLACEHOLDER_LOCALS) | lower.is_in(("n/a", "na", "none", "null", "unknown", "-"))
    form = pl.when(mailbox.is_null()).then(lower).otherwise(mailbox + "@" + provider)
    shown_form = pl.when(local.is_null()).then(shown).otherwise(shown.str.extract(r"^(.+)@") + "@" + domain)
    return [shown_form.alias("email_shown"), pl.when(~is_placeholder & (lower.str.len_bytes() > 3)).then(form).alias("email")]
