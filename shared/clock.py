"""Wall-clock time in microseconds, and a check whether the clocks of two machines agree."""

import time
from typing import NamedTuple

SUSPECT_AFTER_S = 5.0  # beyond it an age is shown as unknown rather than wrong (docs/architecture.md)


class Instant(NamedTuple):
    """One moment on two clocks.

    Attributes:
        wall_us: microseconds since the epoch by this machine's clock; comparable with other machines, may jump.
        monotonic_s: seconds since an arbitrary start; never jumps, valid in this process only.
    """

    wall_us: int
    monotonic_s: float

    @classmethod
    def now(cls) -> "Instant":
        """Return the present moment."""
        return cls(now_us(), time.monotonic())


def now_us() -> int:
    """Return microseconds since the epoch by this machine's clock."""
    return time.time_ns() // 1000


def age_s(captured_at_us: int, at_us: int) -> float:
    """Return the seconds between the capture of a frame and a later moment."""
    return (at_us - captured_at_us) / 1e6


def is_suspect(captured_at_us: int, recorded_at_us: int | None, at_us: int) -> bool:
    """Return whether the age of a frame would be the difference of two clocks that disagree.

    Args:
        captured_at_us: time of the capture by the producer's clock, microseconds since the epoch.
        recorded_at_us: time of the record by the broker's clock; None if it is unknown.
        at_us: the present by our own clock. A record from the future means that our clock is wrong.
    """
    limit = SUSPECT_AFTER_S * 1e6
    if captured_at_us - at_us > limit:
        return True
    if recorded_at_us is None:
        return False
    return abs(captured_at_us - recorded_at_us) > limit or recorded_at_us - at_us > limit
