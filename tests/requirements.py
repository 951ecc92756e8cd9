"""What some tests need beyond Python: without it they are skipped with one line, or fail with REQUIRE_ALL=1."""

import os

import pytest


def need(part: str, *, present: bool, install: str) -> None:
    """Continue only if a tool is there; otherwise skip the test, or fail it with REQUIRE_ALL=1.

    Args:
        part: the tool.
        present: whether it is there.
        install: how to get it.
    """
    if present:
        return
    line = f"{part} is missing: {install}"
    if os.environ.get("REQUIRE_ALL") == "1":
        pytest.fail(line, pytrace=False)
    pytest.skip(line)
