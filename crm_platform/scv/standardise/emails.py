"""E-mail addresses: as they are shown and as they are compared.

Here: the matching form with the providers' rules. Not here: whether an address can be written to (permission,
bounces), and addresses shared by many (`placeholders.py`).
"""

import polars as pl

from crm_platform.scv.standardise.text import empty_as_null

# Google ignores dots and reads both domains as one: support.google.com/mail/answer/7436150 and /10313.
_GOOGLE = ("gmail.com", "googlemail.com")
_PLACEHOLDER_LOCALS = (
    "no", "none", "noemail", "no-email", "no.email", "nomail", "noreply", "no-reply", "na", "n/a", "unknown", "test",
    "abc",
    "asdf", "xxx", "x", "a", "aa", "aaa", "dummy", "example", "null", "anonymous", "notprovided", "noone", "nobody",
)  # fmt: skip


def email_forms(emails: pl.Series) -> pl.DataFrame:
    """Per address email_shown (trimmed, the domain in lower case), email (the matching form), mailbox, mailbox_digits.

    The matching form is in lower case, without a `+tag` and, at Google, without dots; `mailbox` is its part before the
    `@`. An address without `@` stays as it is, for it is often a typing error of a good one; several words are none
    (`not given`). Placeholders (`no@email.com`) and what is none are shown but have no matching form.
    """
    rows = emails.alias("value").to_frame()
    forms = rows.unique().lazy()
    # In steps: one expression for all of it would read every address a dozen times.
    for step in _STEPS:
        forms = forms.with_columns(**step)
    wanted = forms.select("value", "email_shown", "email", "mailbox", "mailbox_digits").collect()
    return rows.join(wanted, on="value", how="left", nulls_equal=True, maintain_order="left").drop("value")


def parse_emails(email: pl.Expr) -> list[pl.Expr]:
    """email_shown and email (the matching form) of addresses, as expressions; see `email_forms`."""
    forms = email.map_batches(
        lambda values: email_forms(values).select(pl.struct("email_shown", "email")).to_series(),
        return_dtype=pl.Struct({"email_shown": pl.String, "email": pl.String}),
    )
    return [forms.struct.field("email_shown"), forms.struct.field("email")]


_STEPS: tuple[dict[str, pl.Expr], ...] = (
    {
        "bare": pl.col("value").cast(pl.String).str.slice(0, 254)
        .str.replace_all(r"\s|^mailto:|[<>\"]", "").str.strip_chars(".,;")
    },
    {"is_text": pl.col("value").str.strip_chars().str.contains(r"^[^@]*\s[^@]*$")},
    {"shown": empty_as_null(pl.col("bare"))},
    {"shown_parts": pl.col("shown").str.extract_groups(r"^(.+)@([^@]*)$")},
    {
        "shown_mailbox": pl.col("shown_parts").struct.field("1"),
        "domain": pl.col("shown_parts").struct.field("2").str.to_lowercase(),
        "lower": pl.col("shown").str.to_lowercase(),
    },
    {
        "email_shown": pl.coalesce(pl.col("shown_mailbox") + "@" + pl.col("domain"), "shown"),
        "local": pl.col("shown_mailbox").str.to_lowercase(),
        "is_google": pl.col("domain").is_in(_GOOGLE),
    },
    {
        "untagged": pl.when(pl.col("local").str.contains("+", literal=True))
        .then(pl.col("local").str.replace(r"^([^+]+)\+.*$", "$1")).otherwise("local"),
        "is_usable": ~pl.col("local").is_in(_PLACEHOLDER_LOCALS).fill_null(False)
        & ~pl.col("lower").is_in(("n/a", "na", "none", "null", "unknown", "-")) & (pl.col("lower").str.len_bytes() > 3)
        & ~pl.col("is_text"),
    },
    {
        "named": pl.when("is_google").then(pl.col("untagged").str.replace_all(".", "", literal=True))
        .otherwise("untagged"),
        "provider": pl.when("is_google").then(pl.lit("gmail.com")).otherwise("domain"),
    },
    {
        "email": pl.when("is_usable").then(pl.coalesce(pl.col("named") + "@" + pl.col("provider"), "lower")),
        "mailbox": pl.when("is_usable").then(pl.coalesce("named", "lower")),
    },
    {"mailbox_digits": pl.col("mailbox").str.replace_all(r"[^0-9]", "")},
)  # fmt: skip
