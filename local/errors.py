"""What keeps the suite from starting."""

from shared.errors import SuiteError


class CannotStart(SuiteError):
    """A part of the suite does not start; the message is the line that the user sees."""
