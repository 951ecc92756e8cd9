import logging

import pytest

from shared.crashes import FAULT_LOG_S, Faults


def test_contained_errors_are_logged_once_a_minute_with_the_number_of_those_before(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whoever sends what makes the error cannot fill the log with it."""
    now = [0.0]
    faults = Faults(logging.getLogger("test"), lambda: now[0])

    def fail() -> None:
        try:
            int("a fault")
        except ValueError:
            faults.log("a record could not be read", camera="front")

    for _ in range(100):
        fail()
    now[0] = FAULT_LOG_S
    fail()

    assert [vars(record)["more_before"] for record in caplog.records] == [0, 99]
    assert caplog.text.count("ValueError: invalid literal") == 2
