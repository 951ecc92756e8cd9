"""Waits for conditions; every test that waits for something does it with these functions."""

import time
from collections.abc import Callable

PATIENCE_S = 60.0
"""The longest wait for anything: a busy machine needs a part of it, a broken suite all of it."""
POLL_S = 0.02


def becomes_true(
    condition: Callable[[], object],
    *,
    within_s: float = PATIENCE_S,
    poll_s: float = POLL_S,
    sleep: Callable[[float], object] = time.sleep,
) -> bool:
    """Return whether a condition becomes true in time; ask it at least once.

    `sleep` takes seconds. Code with an event loop of its own, such as a browser's, passes what turns that loop.
    """
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() >= deadline:
            return False
        sleep(poll_s)
    return True


def wait_until(
    condition: Callable[[], object],
    what: str = "the condition",
    *,
    within_s: float = PATIENCE_S,
    poll_s: float = POLL_S,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Wait until a condition is true; fail, naming what was awaited, if it does not become true in time."""
    reached = becomes_true(condition, within_s=within_s, poll_s=poll_s, sleep=sleep)
    assert reached, f"not within {within_s:g} s: {what}"
