"""The books of a suite, across its stages."""

from bench.books import grown, mistakes, total
from shared.reports import LedgerReport


def test_frames_that_were_sent_received_and_dropped_balance() -> None:
    """A frame that was lost on the way, or dropped for a reason, is accounted for."""
    stages = {
        "producer": {"front": LedgerReport(10, 9, {"thinned": 1})},
        "consumer": {"front": LedgerReport(8, 7, {"superseded": 1}, lost_upstream=1)},
        "video": {"front": LedgerReport(7, 7)},
    }

    assert list(mistakes(stages)) == []


def test_a_frame_that_nobody_entered_is_named() -> None:
    """Within a stage, between two, and of a camera that only one of them knows."""
    stages = {
        "producer": {"front": LedgerReport(10, 10), "yard": LedgerReport(1, 1)},
        "consumer": {"front": LedgerReport(10, 8, {"skipped": 1})},
        "video": {"front": LedgerReport(8, 8)},
    }

    assert list(mistakes(stages)) == [
        "front in consumer: in 10, out and dropped 9",
        "yard from producer to consumer: sent 1, received 0, lost 0",
    ]


def test_sums_and_differences() -> None:
    """Over cameras, and over a time."""
    before = total({"front": LedgerReport(2, 1, {"skipped": 1}), "yard": LedgerReport(1, 1)})
    after = total({"front": LedgerReport(5, 3, {"skipped": 1, "superseded": 1}), "yard": LedgerReport(2, 2)})

    assert before == LedgerReport(3, 2, {"skipped": 1})
    assert grown(before, after) == LedgerReport(4, 3, {"superseded": 1})
