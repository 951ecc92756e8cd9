"""The README agrees with the code."""

from local.readme import README, with_tables


def test_tables_are_written_from_the_code() -> None:
    """`make readme` would change nothing."""
    text = README.read_text(encoding="utf-8")

    assert with_tables(text) == text
