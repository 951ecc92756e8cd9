"""NOTICES.md names the licence of every package in the images, and no package has one that nobody has decided on."""

import pytest

from supply_chain import notices


def test_the_table_is_current() -> None:
    assert notices.section() in notices.NOTICES.read_text(), "run `make notices`"


def test_every_licence_is_allowed() -> None:
    for name, (stated, _) in notices.licences().items():
        alternatives = stated.split(" OR ")
        assert any(notices.parts(one) <= notices.ALLOWED for one in alternatives), f"{name}: {stated or 'none stated'}"


@pytest.mark.parametrize(
    ("expression", "parts"),
    [
        ("MIT", {"MIT"}),
        ("BSD-3-Clause AND (0BSD OR MIT)", {"BSD-3-Clause", "0BSD", "MIT"}),
        ("Mozilla Public License 2.0 (MPL 2.0)", {"Mozilla Public License 2.0 (MPL 2.0)"}),
    ],
)
def test_parts(expression: str, parts: set[str]) -> None:
    assert notices.parts(expression) == parts
