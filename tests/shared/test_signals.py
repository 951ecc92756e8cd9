import signal
import subprocess
import sys
import threading

import pytest

from shared.signals import END, END_OR_HANG_UP, stop_on_signals

# Waits in short turns as services do; says when it is ready and what it has seen.
PROGRAM = """
import sys, threading, time
from shared.signals import stop_on_signals
stop = threading.Event()
with stop_on_signals(stop, second_exits=%s):
    print("ready", flush=True)
    while not stop.wait(0.05):
        pass
    print("stopping", flush=True)
    sys.stdin.readline()
print("ended", flush=True)
"""


def start(*, second_exits: bool) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM % second_exits], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize("number", END)
def test_a_signal_stops_the_loop_and_the_program_ends_in_order(number: signal.Signals) -> None:
    with start(second_exits=True) as process:
        assert line(process) == "ready"
        process.send_signal(number)
        assert line(process) == "stopping"
        rest, _ = process.communicate("\n", timeout=30)

    assert (rest.strip(), process.returncode) == ("ended", 0)


def test_a_second_signal_ends_the_process_at_once() -> None:
    with start(second_exits=True) as process:
        assert line(process) == "ready"
        process.send_signal(signal.SIGTERM)
        assert line(process) == "stopping"
        process.send_signal(signal.SIGTERM)
        process.wait(30)

    assert process.returncode == 128 + signal.SIGTERM


def test_further_signals_have_no_effect_where_the_program_says_so() -> None:
    with start(second_exits=False) as process:
        assert line(process) == "ready"
        process.send_signal(signal.SIGTERM)
        assert line(process) == "stopping"
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate("\n", timeout=30)

    assert (rest.strip(), process.returncode) == ("ended", 0)


def test_the_previous_handlers_are_restored() -> None:
    before = [signal.getsignal(number) for number in END_OR_HANG_UP]

    with stop_on_signals(threading.Event(), END_OR_HANG_UP, second_exits=False):
        assert [signal.getsignal(number) for number in END_OR_HANG_UP] != before

    assert [signal.getsignal(number) for number in END_OR_HANG_UP] == before
