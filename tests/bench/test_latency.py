"""Latencies by the numbers in the pictures."""

import math

import pytest

from bench.latency import percentile, since_sent_ms


def test_a_number_that_comes_again_is_the_one_sent_last() -> None:
    """The camera repeats its pictures: the latency runs from the last time that it sent the number."""
    sent = [(0, 10.0), (1, 10.04), (0, 40.0)]

    assert since_sent_ms([(10.012, 0), (10.06, 1), (40.5, 0)], sent) == pytest.approx([12, 20, 500])


def test_a_picture_that_nobody_sent_has_no_latency() -> None:
    """A picture of before the measurement says nothing."""
    assert since_sent_ms([(9.0, 0), (9.0, 7)], [(0, 10.0)]) == []


def test_percentiles() -> None:
    """The value that a share does not exceed; of nothing there is none."""
    assert [percentile([3.0, 1.0, 2.0], share) for share in (0.0, 0.5, 0.99)] == [1.0, 2.0, 3.0]
    assert math.isnan(percentile([], 0.5))
