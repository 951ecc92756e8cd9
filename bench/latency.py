"""Latencies: distributions, and the time from the camera's last byte by the number in the picture."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that a share of the values does not exceed; not a number if there are none."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


def since_sent_ms(seen: Iterable[tuple[float, int]], sent: Iterable[tuple[int, float]]) -> list[float]:
    """Return the latency of each picture since its camera sent its last byte, in milliseconds.

    Args:
        seen: (received at, number in the picture), seconds since the epoch.
        sent: (number, sent at).
    """
    times: defaultdict[int, list[float]] = defaultdict(list)
    for number, at in sent:
        times[number].append(at)
    found = []
    for received, number in seen:
        # Numbers come again after half a minute: it is the last one that was sent before.
        before = times[number]
        if index := bisect_left(before, received):
            found.append((received - before[index - 1]) * 1e3)
    return found
