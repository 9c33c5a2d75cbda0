"""Columns that a person names on the command line: `canonical=name in the file`."""

from collections.abc import Sequence

from crm_platform.cli.failures import CommandError


def mapping_of(columns: Sequence[str], example: str) -> dict[str, str]:
    """Canonical name -> name in the file; raises CommandError, with the example, where one is not written so."""
    pairs = [text.partition("=") for text in columns]
    wrong = next(
        (text for text, (ours, sign, theirs) in zip(columns, pairs, strict=True) if not (ours and theirs)), None
    )
    if wrong is not None:
        raise CommandError(f"--column {wrong}: write it as canonical=name in the file, such as {example}.")
    return {ours.strip(): theirs.strip() for ours, _, theirs in pairs}
