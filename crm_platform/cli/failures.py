"""The errors that a person can mend: they are shown as a line, not as a stack of calls."""


def expected_failures() -> tuple[type[Exception], ...]:
    """The types of errors whose message says what, where and what to do."""
    from crm_platform.scv.settings import ScvError
    from crm_platform.sources.company import CompanyError
    from crm_platform.sources.declaration import DeclarationError
    from crm_platform.sources.readers.batch import RefusedFile
    from crm_platform.warehouse.publish import ContractViolation

    return (CommandError, CompanyError, DeclarationError, RefusedFile, ScvError, ContractViolation, PermissionError)


class CommandError(Exception):
    """A command cannot do what it was asked; the message says why and what to do."""


class InterruptedCommand(Exception):
    """A command was ended by a person (Ctrl-C)."""
