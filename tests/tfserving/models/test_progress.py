"""A long step shows its progress."""

import io
import threading

import pytest

from tfserving.models.progress import step


class Terminal(io.StringIO):
    """A terminal that keeps what was written, and signals when a line is redrawn."""

    def __init__(self) -> None:
        super().__init__()
        self.redrawn = threading.Event()

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if text.startswith("\r") and "..." in text:
            self.redrawn.set()
        return super().write(text)


def test_a_file_gets_a_line_at_each_end() -> None:
    """First what begins, then that it is done and how long it took."""
    out = io.StringIO()

    with step("importing TensorFlow", stream=out):
        assert out.getvalue() == "  importing TensorFlow ...\n"

    assert out.getvalue().splitlines()[1].startswith("  importing TensorFlow: done in ")


def test_a_terminal_gets_a_line_that_is_redrawn() -> None:
    """It is redrawn while the step lasts."""
    out = Terminal()

    with step("waiting", stream=out):
        assert out.redrawn.wait(30)

    assert out.getvalue().endswith(" s\n")


def test_an_error_is_shown_and_raised() -> None:
    """The line ends in `failed`; the caller gets the error."""
    out = io.StringIO()

    with pytest.raises(ValueError, match="no"), step("building", stream=out):
        raise ValueError("no")

    assert "building: failed in " in out.getvalue()
