"""A slow camera, and frames that are lost on the way."""

import pytest

from shared.reports import Entry
from tests.reports import report_of
from video.arrivals import Arrivals

S = 1_000_000


def said(at_s: float, out: int, *, instance: str = "one") -> Entry:
    ledger = {"front": {"in": out, "out": out, "dropped": {}, "lost_upstream": 0}}
    return Entry("producer", instance, at_s, int(at_s * S), False, report_of(ledger=ledger))


def arrivals(*reports: Entry) -> Arrivals:
    found = Arrivals()
    for report in reports:
        found.note("front", report)
    return found


def test_without_a_report_nothing_is_known() -> None:
    """Then the silence may have any cause."""
    assert not arrivals().complete(100 * S)
    assert not arrivals(Entry("producer", "one", 1.0, S, False, report_of())).complete(100 * S)


def test_what_was_counted_before_is_no_evidence() -> None:
    """The first report says how many there were, not when."""
    assert arrivals(said(100, 7), said(101, 7)).complete(10 * S)


@pytest.mark.parametrize(("captured_s", "complete"), [(119.9, True), (118.5, True), (60, False)])
def test_a_frame_that_was_counted_must_have_arrived(captured_s: float, complete: bool) -> None:
    """A frame was counted between 120 and 121 s: it may have been captured a little earlier, not a minute."""
    found = arrivals(said(119, 7), said(120, 7), said(121, 8), said(122, 8))

    assert found.complete(int(captured_s * S)) is complete


def test_another_producer_counts_anew() -> None:
    """It has written nothing yet; then its first frame must arrive, too."""
    taken_over = arrivals(said(119, 7), said(120, 0, instance="two"))
    assert taken_over.complete(100 * S)

    taken_over.note("front", said(121, 1, instance="two"))
    assert not taken_over.complete(100 * S)
    assert taken_over.complete(121 * S)


def test_a_report_that_comes_again_changes_nothing() -> None:
    """It is looked at ten times a second."""
    found = arrivals(said(119, 7), *[said(121, 8)] * 5)

    assert not found.complete(100 * S)
