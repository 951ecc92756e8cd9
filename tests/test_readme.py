"""The README says what the code does."""

import re
from pathlib import Path

from local.readme import README, with_tables

ROOT = Path(__file__).parents[1]


def test_tables_are_written_from_the_code() -> None:
    """`make readme` would change nothing."""
    text = README.read_text(encoding="utf-8")

    assert with_tables(text) == text


def test_make_targets_in_the_readme_exist() -> None:
    """Every `make TARGET` that the README names is in the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

    named = set(re.findall(r"\bmake ([a-z][a-z-]+)\b", README.read_text(encoding="utf-8")))

    assert named - {"of"} <= targets


def test_files_in_the_readme_exist() -> None:
    """Every file that the README names is there."""
    named = re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.[a-z]+)`", README.read_text(encoding="utf-8"))

    assert named
    assert [name for name in named if not (ROOT / name).exists() and not name.startswith(("compose/", "k8s/"))] == []
