"""What goes wrong in a way that a person can mend.

Here: the base of every such error. Not here: the errors themselves, which stand where they are raised; and faults of
the code, which are no problems of this kind.
"""


class Problem(Exception):
    """The message says what is wrong, where, and what to do: it is shown as one line, not as a stack of calls."""
