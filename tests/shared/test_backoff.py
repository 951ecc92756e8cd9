from shared.backoff import Backoff


def test_waits_double_up_to_the_cap_and_vary() -> None:
    """Each is between half of what it may be and all of it, so that many clients do not come back at once."""
    for _ in range(50):
        backoff = Backoff(first_s=0.5, cap_s=4.0)
        waits = [backoff.next_s() for _ in range(8)]

        for wait, longest in zip(waits, [0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0, 4.0], strict=True):
            assert longest / 2 <= wait <= longest
    assert len(set(waits)) > 1


def test_after_a_success_it_starts_again() -> None:
    """And counts the failures since then."""
    backoff = Backoff(first_s=1.0, cap_s=100.0)
    for _ in range(5):
        backoff.next_s()
    assert backoff.failures == 5

    backoff.reset()

    assert backoff.failures == 0
    assert backoff.next_s() <= 1.0


def test_a_thousand_failures_are_no_overflow() -> None:
    """A camera may be away for a month."""
    backoff = Backoff(first_s=0.25, cap_s=4.0)
    assert max(backoff.next_s() for _ in range(3000)) <= 4.0
