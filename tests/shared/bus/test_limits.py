"""What is learned of the brokers' limits."""

from functools import partial
from typing import Any

import pytest

from shared.bus import Bus, limits
from shared.bus.limits import MessageLimits
from tests.waiting import wait_until

LARGE = 5_000_000


def test_a_machine_too_busy_to_learn_an_answer_has_learned_nothing(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks again for the next record, and large records are not refused."""
    asked = []

    def no_answer(*words: Any) -> int | None:
        asked.append(words)
        raise TimeoutError

    monkeypatch.setattr(limits, "_configured", no_answer)
    known = MessageLimits(bus, client_limit_bytes=100_000_000, compressed=False)

    def is_asked(times: int) -> bool:
        known.unconfirmed("videocam", LARGE)
        return len(asked) >= times

    for times in range(1, limits.SUSPECT_TIMES + 2):
        wait_until(partial(is_asked, times), f"question {times}")

    assert known.of("videocam", LARGE) is None
