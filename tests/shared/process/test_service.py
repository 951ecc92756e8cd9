import contextlib
import json
import os
import pstats
import select
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

_PROGRAM = """
import logging, os, sys, threading, time
from shared import crashes
from shared.process import service as module
from shared.process.logs import configure
from shared.process.probes import Readiness
from shared.process.service import Service
from shared.settings import ServiceSettings

kind = sys.argv[1]
configure(level="debug", form="json", service="producer")
service = Service("producer", ServiceSettings.load())
turns = []

def turning(stop, beat):
    while not stop.wait(0.02):
        beat()
        turns.append(sum(range(100)))
        if len(turns) == 3:
            logging.getLogger("test").info("turning")

def crashing(stop, beat):
    beat()
    raise RuntimeError("rtsp://me:hunter2@host is gone")

def crashing_once(stop, beat):
    if not turns:
        turns.append(1)
        raise RuntimeError("once")
    turning(stop, beat)

def hanging(stop, beat):
    beat()
    logging.getLogger("test").info("hanging")
    time.sleep(1000)

def unlucky():
    raise ValueError("at the end")

def dying(stop, beat):
    threading.Thread(target=crashing, args=(stop, beat), name="aside").start()
    turning(stop, beat)

module.END_WITHIN_S = 0.2 if kind == "late" else 30.0
crashes.FIRST_WAIT_S, crashes.LONGEST_WAIT_S = 0.02, 0.1
loops = {"turning": turning, "crashing": crashing, "once": crashing_once, "dying": dying}
service.loop("main", loops.get(kind, hanging))
service.at_end(unlucky)
service.at_end(lambda: logging.getLogger("test").info("at end"))
sys.exit(service.run(lambda: Readiness(ready=True, parts={"broker": "ok"})))
"""


class Process:
    """A service in a process of its own, whose log is read as it comes."""

    def __init__(self, kind: str, **variables: str) -> None:
        environment = {**os.environ, "PROBEPORT": "127.0.0.1:0", **variables}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, kind], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.lines: list[dict[str, Any]] = []
        self._rest = b""

    def wait_for(self, message: str) -> dict[str, Any]:
        """Read on until a line with the message has come."""
        deadline = time.monotonic() + 30
        while True:
            for line in self.lines:
                if line["message"] == message:
                    return line
            assert self._process.stdout is not None
            assert time.monotonic() < deadline, f"no {message!r} in {self.lines}"
            if select.select([self._process.stdout], [], [], 1)[0]:
                chunk = os.read(self._process.stdout.fileno(), 65536)
                assert chunk, f"ended without {message!r}: {self.lines}"
                self._take(chunk)

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def end(self) -> tuple[int, str]:
        out, err = self._process.communicate(timeout=30)
        self._take(out)
        return self._process.returncode, err.decode()

    def kill(self) -> None:
        self._process.kill()
        with contextlib.suppress(ValueError):  # its pipes are closed: it had ended
            self._process.communicate()

    def messages(self) -> list[str]:
        return [line["message"] for line in self.lines]

    def _take(self, chunk: bytes) -> None:
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        self.lines += [json.loads(line) for line in whole]


@pytest.fixture
def started() -> Iterator[Any]:
    processes: list[Process] = []

    def start(kind: str, **variables: str) -> Process:
        processes.append(Process(kind, **variables))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_service_with_status_0(started: Any, number: int) -> None:
    """The loops end, what is to be done at the end is done though some of it fails, and nothing is on stderr."""
    process = started("turning")
    port = process.wait_for("probes listen")["port"]
    assert httpx.get(f"http://127.0.0.1:{port}/healthz").json() == {"status": "alive"}
    assert httpx.get(f"http://127.0.0.1:{port}/readyz").json() == {"status": "ready", "broker": "ok"}
    assert "process_resident_memory_bytes" in httpx.get(f"http://127.0.0.1:{port}/metrics").text

    process.signal(number)
    status, err = process.end()

    assert (status, err) == (0, "")
    assert process.messages()[-4:] == ["ending", "a shutdown action failed", "at end", "ended"]
    assert "ValueError: at the end" in process.lines[-3]["traceback"]


def test_a_second_signal_ends_at_once(started: Any) -> None:
    """A hanging loop does not delay it; until then /readyz says that the service is ending."""
    process = started("hanging")
    port = process.wait_for("probes listen")["port"]
    process.wait_for("hanging")
    process.signal(signal.SIGTERM)
    process.wait_for("at end")
    answer = httpx.get(f"http://127.0.0.1:{port}/readyz")
    assert (answer.status_code, answer.json()["service"]) == (503, "ending")

    process.signal(signal.SIGTERM)

    assert process.end() == (128 + signal.SIGTERM, "")
    assert "ended" not in process.messages()


def test_a_loop_that_hangs_is_waited_for_only_so_long(started: Any) -> None:
    """After that the process ends all the same, and says which loop it was."""
    process = started("late")
    process.wait_for("hanging")
    process.signal(signal.SIGTERM)

    status, _ = process.end()

    assert status == 0
    assert process.wait_for("loops did not end in time")["loops"] == ["main"]


def test_a_loop_that_crashes_comes_back(started: Any) -> None:
    """After a moment, with its traceback in the log; the service lives on."""
    process = started("once")
    crash = process.wait_for("a loop crashed")
    assert (crash["level"], crash["loop"], crash["crashes"]) == ("error", "main", 1)
    assert crash["traceback"].endswith("RuntimeError: once")

    process.signal(signal.SIGTERM)
    status, _ = process.end()
    assert status == 0


def test_a_loop_that_keeps_crashing_ends_the_service_with_status_1(started: Any) -> None:
    """So that Kubernetes sees it; each crash was logged, without credentials."""
    process = started("crashing")

    status, err = process.end()

    crashes = [line for line in process.lines if line["message"] == "a loop crashed"]
    assert (status, err) == (1, "")
    assert [line["crashes"] for line in crashes] == [1, 2, 3, 4, 5]
    assert all(line["traceback"].endswith("RuntimeError: rtsp://***@host is gone") for line in crashes)
    assert "a loop keeps crashing, giving up" in process.messages()


def test_a_thread_that_dies_ends_the_service_with_status_1(started: Any) -> None:
    """Whatever is none of the loops is not started again: a service without it would go on half dead."""
    process = started("dying")

    status, err = process.end()

    death = process.wait_for("a thread died, giving up")
    assert (status, err) == (1, "")
    assert (death["level"], death["died"]) == ("critical", "aside")
    assert death["traceback"].endswith("RuntimeError: rtsp://***@host is gone")
    assert process.messages()[-1] == "ended"


@pytest.mark.parametrize("kind", ["cpu", "mem"])
def test_a_profile_is_written_at_the_end(started: Any, tmp_path: Path, kind: str) -> None:
    """Of all threads, in a form that the standard library reads; the log says where."""
    process = started("turning", PROFILE=kind, TMPDIR=str(tmp_path))
    process.wait_for("turning")
    process.signal(signal.SIGTERM)
    status, _ = process.end()

    path = process.wait_for("profile written")["path"]
    assert status == 0
    assert Path(path).parent == tmp_path
    if kind == "cpu":
        assert any(name == "turning" for _, _, name in pstats.Stats(path).stats)  # type: ignore[attr-defined]
    else:
        assert tracemalloc.Snapshot.load(path).traces


def test_a_taken_port_ends_the_start(started: Any) -> None:
    """It is raised as a mistake in the settings, before any loop runs."""
    first = started("turning")
    port = first.wait_for("probes listen")["port"]

    second = started("turning", PROBEPORT=f"127.0.0.1:{port}")
    status, err = second.end()

    assert status == 1  # the program of this test does not catch it; the services do
    assert f"PROBEPORT: cannot listen on 127.0.0.1:{port}: Address already in use" in err
    assert "at end" not in second.messages()
