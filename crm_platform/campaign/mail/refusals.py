"""What is known of one refusal, gathered from where a report tells it: field, lines about the recipient, all its text.

Here: putting it together. Not here: finding the parts in a line (`replies.py`) and what they mean (`reasons.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from crm_platform.campaign.mail.replies import Reply, code_in, command_in, host_in, reply_line, status_in, tells_nothing

BLOCK_CHARACTERS = 8_000
TEXT_CHARACTERS = 20_000


@dataclass(frozen=True)
class Lines:
    """Lines of a report: as one text, and the server's answer quoted in them."""

    text: str
    quoted: str

    @staticmethod
    def of(lines: Sequence[str], characters: int) -> "Lines":
        """Read lines, so many characters of them."""
        return Lines(" ".join(lines)[:characters], reply_line(lines))

    @cached_property
    def command(self) -> str:
        """The command that was refused."""
        return command_in(self.text)

    @cached_property
    def status(self) -> str:
        """The enhanced status, that of the answer before any other."""
        return status_in(self.quoted) or status_in(self.text)


def refusals_of(
    diagnostic: str, status: str, block_lines: Sequence[str], around: Lines, remote_host: str
) -> list[Reply]:
    """What is known of a refusal, the server's own answer first, then the lines about the recipient, then the rest."""
    block = Lines.of(block_lines, BLOCK_CHARACTERS)
    quoted = block.quoted or around.quoted
    answer = diagnostic or quoted
    command = command_in(diagnostic) or block.command or around.command
    told = _told_status(status_in(answer), status) or block.status or around.status
    told = told if not tells_nothing(told) else _told_status(told, block.status, around.status)
    host = remote_host or host_in(answer) or host_in(block.text)
    code = code_in(answer) or code_in(quoted)
    texts = [answer, quoted if diagnostic else "", block.text, around.text]
    replies = [Reply(each, told, code, command, host) for each in dict.fromkeys(texts) if each]
    return replies or [Reply("", told, code, command, host)]


def _told_status(*statuses: str) -> str:
    """The first status that says more than that something failed, else the first."""
    return next((each for each in statuses if each and not tells_nothing(each)), next(filter(None, statuses), ""))
