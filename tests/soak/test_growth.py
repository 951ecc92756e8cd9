import os

import numpy as np

from tests.soak.growth import EVERY_S, MB, Life, theil_sen
from tests.suite import Use, use_of


def life(*, mb_a_minute: float = 0.0, noise_mb: float = 1.0, step_mb: float = 0.0, minutes: float = 20) -> Life:
    """A process of 80 MB; the step comes in the middle."""
    seconds = np.arange(0, minutes * 60, EVERY_S)
    noise = np.random.default_rng(1).normal(0, noise_mb, len(seconds))
    mb = 80 + noise + mb_a_minute * seconds / 60 + step_mb * (seconds > seconds[-1] / 2)
    return Life("video-a", 1, list(seconds), [Use(int(one * MB), 20, 9) for one in mb])


def test_a_process_that_grows_is_found() -> None:
    """By two MB a minute, under noise of as much each second."""
    slope = life(mb_a_minute=2.0, noise_mb=2.0).slope(60)

    assert slope is not None
    assert slope.low < 2.0 < slope.high
    assert slope.grows


def test_noise_and_a_step_are_no_growth() -> None:
    """What a fault leaves behind once is not what fills a memory."""
    for one in (life(noise_mb=5.0), life(step_mb=10.0)):
        slope = one.slope(60)
        assert slope is not None
        assert not slope.grows


def test_what_is_too_much_is_said() -> None:
    """A slope only of a long life; else a bound."""
    assert "it grows by 2" in life(mb_a_minute=2).broken(60)[0]
    assert not life(mb_a_minute=2, minutes=3).broken(60)
    assert "it has grown by" in life(mb_a_minute=60, minutes=3).broken(60)[0]
    assert not life().broken(60)

    leaky = life()
    leaky.calm = [(100.0, Use(0, 20, 1)), (300.0, Use(0, 25, 1))]
    assert leaky.broken(60) == ["it has 25 descriptors, and had 20"]


def test_a_short_life_has_no_slope() -> None:
    assert life(minutes=1.5).slope(60) is None


def test_descriptors_are_compared_between_the_first_and_the_last_calm_moment() -> None:
    """Those before it was warm do not count, nor those in a fault."""
    one = life()
    one.calm = [(at, Use(0, files, 1)) for at, files in ((10.0, 5), (100.0, 20), (200.0, 90), (300.0, 22))]

    assert one.files(60) == (20, 22)
    assert one.files(250) is None


def test_the_median_slope_is_not_moved_by_one_wild_point() -> None:
    x = np.arange(20.0)
    y = 3 * x
    y[7] = 1e6

    assert theil_sen(x, y).value == 3


def test_this_process_can_be_looked_at() -> None:
    use = use_of(os.getpid())

    assert use is not None
    assert use.rss > 10 * MB
