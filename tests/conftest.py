"""Fixtures of all tests: those that cause a fault fill the fault table."""

from collections.abc import Generator, Iterator

import pytest

from tests import fault_table
from tests.fault_table import Sighting

_PASSED = pytest.StashKey[bool]()


class Recovery:
    """Records the effect of the fault that a test causes."""

    def __init__(self, fault: str) -> None:
        self.fault = fault
        self.sighting: Sighting | None = None

    def seen(self, what: str, *, seconds: float | None) -> None:
        """Record the effect, once, after asserting it.

        Args:
            what: in a few words.
            seconds: from the fault's end to the recovery; None where there is nothing to recover from.
        """
        assert self.sighting is None, "a test sees its fault once"
        self.sighting = Sighting(self.fault, what, None if seconds is None else round(seconds, 2))


@pytest.fixture
def recovery(request: pytest.FixtureRequest) -> Iterator[Recovery]:
    mark = request.node.get_closest_marker("fault")
    assert mark is not None, 'a test that uses `recovery` is marked with pytest.mark.fault("…", expects="…")'
    recovery = Recovery(mark.args[0])
    yield recovery
    if request.node.stash.get(_PASSED, False):
        assert recovery.sighting is not None, "the test passed, and did not say what it saw"
        fault_table.note(recovery.sighting, fault_table.SIGHTINGS)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        item.stash[_PASSED] = report.passed
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("fault") and "recovery" not in getattr(item, "fixturenames", ()):
            raise pytest.UsageError(f"{item.nodeid} makes a fault and does not ask for `recovery`")
