import pytest

from shared.bus.lag import LEAST_RECORDS, SAMPLE_S, WINDOW_S, Arrivals


def grown(per_second: float, seconds: float, *, every_s: float = 0.1, start: int = 0) -> Arrivals:
    arrivals = Arrivals()
    for step in range(int(seconds / every_s) + 1):
        arrivals.observe(start + int(per_second * step * every_s), step * every_s)
    return arrivals


@pytest.mark.parametrize("per_second", [5, 25, 1000])
def test_the_rate_is_that_of_the_partition(per_second: int) -> None:
    """Whatever its first offset is."""
    assert grown(per_second, 5, start=10**9).per_second() == pytest.approx(per_second, rel=0.1)


def test_before_the_second_sample_there_is_no_rate() -> None:
    """Only the lower bound of unread records applies."""
    arrivals = Arrivals()
    arrivals.observe(1000, 0.0)
    arrivals.observe(2000, SAMPLE_S / 2)

    assert arrivals.per_second() == 0
    assert not arrivals.is_too_far(LEAST_RECORDS, 10.0)
    assert arrivals.is_too_far(LEAST_RECORDS + 1, 10.0)


def test_too_far_is_more_than_arrives_in_the_time() -> None:
    """At 25 records a second a lag of one second is 25 records."""
    arrivals = grown(25, 8)

    assert not arrivals.is_too_far(24, 1.0)
    assert arrivals.is_too_far(27, 1.0)
    assert not arrivals.is_too_far(49, 2.0)


@pytest.mark.parametrize("max_lag_s", [0.0, 0.01])
def test_the_two_newest_records_are_never_too_far(max_lag_s: float) -> None:
    """The newest and the one being written."""
    arrivals = grown(25, 8)

    assert not arrivals.is_too_far(2, max_lag_s)
    assert arrivals.is_too_far(3, max_lag_s)


def test_the_length_of_the_log_does_not_matter() -> None:
    """A topic of a million records whose reader is at the end is not far behind."""
    assert not grown(1, 8, start=10**6).is_too_far(1, 1.0)


def test_an_old_rate_is_forgotten() -> None:
    """A camera that has slowed down is measured by its present rate."""
    arrivals = grown(100, 5)
    for step in range(1, int(2 * WINDOW_S)):
        arrivals.observe(500 + step, 5.0 + step)

    assert arrivals.per_second() == pytest.approx(1, rel=0.01)


def test_a_pause_of_the_reader_does_not_change_the_rate() -> None:
    """Both the records and the time of the pause count."""
    arrivals = grown(25, 5)
    arrivals.observe(25 * 60, 60.0)

    assert arrivals.per_second() == pytest.approx(25, rel=0.01)


def test_a_recreated_topic_is_measured_from_the_start() -> None:
    """Offsets that go back belong to another log."""
    arrivals = grown(25, 5)
    arrivals.observe(3, 5.3)

    assert arrivals.per_second() == 0
    arrivals.observe(8, 6.3)
    assert arrivals.per_second() == pytest.approx(5)


def test_memory_is_bounded() -> None:
    """A day of samples holds no more than the window."""
    arrivals = grown(25, 3600)

    assert len(arrivals._samples) <= WINDOW_S / SAMPLE_S + 3
