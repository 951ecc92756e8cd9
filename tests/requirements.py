"""What some tests need beyond Python: skipped with one line where it is missing, a failure with REQUIRE_ALL=1."""

import os

import pytest


def need(part: str, *, present: bool, install: str) -> None:
    """Go on only if a part is there.

    Args:
        part: what is needed.
        present: whether it is there.
        install: how a person gets it.
    """
    if present:
        return
    line = f"{part} is missing: {install}"
    if os.environ.get("REQUIRE_ALL") == "1":
        pytest.fail(line, pytrace=False)
    pytest.skip(line)
