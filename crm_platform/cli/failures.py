"""How a command ends otherwise than well."""

from crm_platform.problem import Problem


class CommandError(Problem):
    """A command cannot do what it was asked."""


class InterruptedCommand(Exception):
    """A command was ended by a person (Ctrl-C)."""
