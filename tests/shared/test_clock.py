import time

import pytest

from shared.clock import Instant, age_s, is_suspect, now_us

NOW = 1_700_000_000_000_000
S = 1_000_000


def test_now_is_in_microseconds_since_the_epoch() -> None:
    """As the headers of frames have it."""
    before = time.time()
    assert before - 0.001 <= now_us() / 1e6 <= time.time() + 0.001


def test_an_instant_is_the_same_moment_on_both_clocks() -> None:
    before = time.time(), time.monotonic()
    instant = Instant.now()

    assert before[0] - 0.001 <= instant.wall_us / 1e6 <= time.time() + 0.001
    assert before[1] <= instant.monotonic_s <= time.monotonic()


def test_an_age_is_in_seconds() -> None:
    assert age_s(NOW, NOW + 1_500_000) == 1.5


@pytest.mark.parametrize(
    ("captured", "recorded", "suspect"),
    [
        (NOW, NOW, False),
        (NOW - 5 * S, NOW, False),
        (NOW - 5 * S - 1, NOW, True),
        (NOW + 5 * S, NOW, False),
        (NOW + 5 * S + 1, NOW, True),
        (NOW - 3600 * S, NOW - 3600 * S, False),
        (NOW - 3600 * S, None, False),
        (NOW + 6 * S, None, True),
        (NOW + 6 * S, NOW + 6 * S, True),
        (NOW + 4 * S, NOW + 6 * S, True),
    ],
)
def test_more_than_five_seconds_between_two_clocks_are_suspect(
    captured: int, recorded: int | None, suspect: bool
) -> None:
    """Of the producer and the broker, either way; or of the broker and us if the record is from the future. A record
    that merely is old is not.
    """
    assert is_suspect(captured, recorded, NOW) is suspect
