"""Wall-clock time in microseconds, and whether two machines' clocks can be compared."""

import time

SUSPECT_AFTER_S = 5.0  # docs/architecture.md: then the age is said to be unknown rather than shown wrong


def now_us() -> int:
    """Return microseconds since the epoch by this machine's clock."""
    return time.time_ns() // 1000


def age_s(captured_at_us: int, at_us: int) -> float:
    """Return the seconds between the capture of a frame and a later moment."""
    return (at_us - captured_at_us) / 1e6


def is_suspect(captured_at_us: int, recorded_at_us: int | None, at_us: int) -> bool:
    """Tell whether the age of a frame would be a difference of two clocks that disagree.

    Args:
        captured_at_us: the producer's clock.
        recorded_at_us: the broker's time of the record; None: unknown.
        at_us: our own clock, now: a record from the future means that ours is the wrong one.
    """
    limit = SUSPECT_AFTER_S * 1e6
    if captured_at_us - at_us > limit:
        return True
    if recorded_at_us is None:
        return False
    return abs(captured_at_us - recorded_at_us) > limit or recorded_at_us - at_us > limit
