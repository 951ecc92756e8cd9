"""Starts services as processes, and reads what they say over HTTP and on the bus."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from prometheus_client.parser import text_string_to_metric_families

from local.ports import free_port
from shared.bus import Bus, EmbeddedBroker, Reader, Record, Writer
from tests.waiting import PATIENCE_S, wait_until

ROOT = Path(__file__).parents[1]
_PRINT_READYZ = """
import http.client
probes = http.client.HTTPConnection("127.0.0.1", 8081)
probes.request("GET", "/readyz")
print(probes.getresponse().read().decode())
"""
# What a container runs to print its own /readyz, ready or not; shared.alive prints nothing of an answer that is well.
PRINT_READYZ = ("python", "-c", _PRINT_READYZ)
LOOPBACK = "127.0.0.1"


def get(url: str) -> tuple[int, bytes]:
    """Return status and body of an answer; status 0 if there is none."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return int(answer.status), answer.read()
    except urllib.error.HTTPError as exc:
        with exc:
            return exc.code, exc.read()
    except (OSError, http.client.HTTPException):
        return 0, b""


def get_json(url: str) -> Any:
    """Return the JSON of an answer, None if its status is not 200."""
    status, body = get(url)
    return json.loads(body) if status == 200 else None


def kafka_variable(name: str) -> str:
    """Return the variable by which Kafka's images set a property of the broker."""
    return "KAFKA_" + name.replace("_", "__").replace("-", "___").replace(".", "_").upper()


@dataclass(frozen=True)
class Books:
    """The ledger of one camera in one service, read from its /metrics."""

    arrived: int
    out: int
    dropped: dict[str, int]
    lost_upstream: int

    @property
    def balance(self) -> bool:
        """in = out + Σ dropped."""
        return self.arrived == self.out + sum(self.dropped.values())


class Program:
    """A module that runs as a process; its lines are kept."""

    via: ClassVar[tuple[str, ...]] = ()
    """A module, with its arguments, that runs the module."""

    def __init__(self, module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        self.name = module
        self.process = subprocess.Popen(
            [sys.executable, "-m", *self.via, module, *arguments],
            cwd=ROOT,
            env=bare_environment() | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    @property
    def log(self) -> str:
        return "\n".join(self.lines)

    def said(self, text: str) -> bool:
        return any(text in line for line in list(self.lines))

    def says(self, text: str, *, within_s: float = PATIENCE_S) -> None:
        """Wait until a line has the text; fail at once when the process has ended without it."""
        wait_until(
            lambda: self.said(text) or self.process.poll() is not None, f"{self.name} says {text!r}", within_s=within_s
        )
        self._reading.join(5 if self.process.poll() is not None else 0)
        assert self.said(text), f"{self.name} ended with {self.process.poll()}:\n{self.log}"

    def waits(self, within_s: float = PATIENCE_S) -> int:
        """Wait for the end; return the status."""
        status = self.process.wait(within_s)
        self._reading.join(5)
        return status

    def ends(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal; return the status."""
        self.process.send_signal(number)
        return self.waits()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reading.join(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stream:
            for line in stream:
                self.lines.append(line.rstrip("\n"))


class Service(Program):
    """One of the three services, with probes of its own."""

    def __init__(self, name: str, *, command: Sequence[str] = (), **settings: str) -> None:
        """Start it; a command takes the place of the service's own: module and arguments."""
        self.probes = f"http://{LOOPBACK}:{free_port()}"
        environment = {"PROBEPORT": self.probes.removeprefix("http://"), **settings}
        super().__init__(*(command or (name,)), environment=environment)
        self.name = name

    def metrics(self) -> dict[tuple[str, ...], float]:
        """Return the values of all metrics by name and, sorted, `label=value`; empty while it does not answer."""
        status, body = get(f"{self.probes}/metrics")
        families = text_string_to_metric_families(body.decode()) if status == 200 else ()
        return {
            (sample.name, *(f"{label}={value}" for label, value in sorted(sample.labels.items()))): sample.value
            for family in families
            for sample in family.samples
        }

    def ledger(self) -> dict[str, Books]:
        """Return the books of all cameras as they stand in one scrape; empty while it does not answer."""
        counts: dict[str, dict[str, int]] = {}
        dropped: dict[str, dict[str, int]] = {}
        for (name, *labels), value in self.metrics().items():
            if name.startswith(f"{self.name}_frames_") and name.endswith("_total"):
                camera, *reason = (label.partition("=")[2] for label in labels)
                if reason:
                    dropped.setdefault(camera, {})[reason[0]] = int(value)
                else:
                    counts.setdefault(camera, {})[name.removeprefix(f"{self.name}_frames_")] = int(value)
        return {
            camera: Books(count["in_total"], count["out_total"], dropped.get(camera, {}), count["lost_upstream_total"])
            for camera, count in counts.items()
            if "in_total" in count  # other counters of frames may have begun before the first is accounted for
        }

    def books(self, camera: str) -> Books:
        """Return the ledger of a camera."""
        return self.ledger().get(camera, Books(0, 0, {}, 0))


def bare_environment() -> dict[str, str]:
    """Return this process's environment without anything that could be a setting."""
    kept = ("PATH", "HOME", "TMPDIR", "XDG_CACHE_HOME", "MODEL_CACHE", "PYTHONPATH", "VIRTUAL_ENV", "LANG", "LC_ALL")
    return {name: value for name, value in os.environ.items() if name in kept} | {"PYTHONUNBUFFERED": "1"}


class Tap:
    """Reads a topic from now on, all of it, in a thread; keeps what `keep` makes of each record."""

    def __init__(self, bus: Bus, topic: str, keep: Callable[[Record], Any]) -> None:
        self.kept: list[Any] = []
        self.ends: dict[int, int] = {}
        """Partition -> offset after the last record that was seen."""
        self.ready = threading.Event()
        self._reader = Reader.of_all_partitions(bus, topic, group=f"test-{time.monotonic_ns()}")
        self._reader.on_assigned(lambda _partition, _note: self.ready.set())
        self._keep = keep
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self.ready.wait(PATIENCE_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(PATIENCE_S)
        self._reader.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            for record in self._reader.read(0.1):
                self.ends[record.partition] = record.offset + 1
                self.kept.append(self._keep(record))


def make_topics(bus: Bus, *topics: str) -> None:
    """Create topics by a record each, so that readers are there before the first frame."""
    with Writer(bus) as writer:
        for topic in topics:
            writer.send(topic, key="nobody", value=b"", headers=[], on_delivery=lambda _: None)


@dataclass(frozen=True)
class Part:
    """One part of an MJPEG stream."""

    headers: dict[str, str]
    picture: bytes

    @property
    def sequence(self) -> int:
        return int(self.headers["x-sequence"])


def mjpeg(port: int, path: str, stop: threading.Event) -> Iterator[Part]:
    """Yield the parts of a stream until it ends or `stop`; each once its last byte is there."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=PATIENCE_S)
    with contextlib.closing(connection):
        connection.request("GET", path)
        stream = connection.getresponse()
        assert stream.status == 200
        boundary = b"--" + stream.headers["Content-Type"].partition("boundary=")[2].encode()
        assert stream.readline().strip() == boundary
        while not stop.is_set():
            headers = {}
            while line := stream.readline().strip():
                name, _, value = line.decode().partition(": ")
                headers[name.lower()] = value
            if not headers:
                return
            picture = stream.read(int(headers["content-length"]))
            assert stream.readline() == b"\r\n"
            assert stream.readline().strip() == boundary
            yield Part(headers, picture)


def connections_to(port: int) -> int:
    """Return how many clients of this machine hold a connection to a port of the loopback interface."""
    established, found = "01", 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, _, remote, state = line.split()[:4]
        found += state == established and int(remote.rpartition(":")[2], 16) == port
    return found


@dataclass(frozen=True)
class Use:
    """What a process uses."""

    rss: int
    files: int
    threads: int


def use_of(pid: int) -> Use | None:
    """Return what a process uses now, None if it has ended."""
    folder = Path("/proc") / str(pid)
    try:
        pages = int((folder / "statm").read_text().split()[1])
        return Use(
            pages * os.sysconf("SC_PAGE_SIZE"),
            len(list((folder / "fd").iterdir())),
            len(list((folder / "task").iterdir())),
        )
    except OSError:
        return None


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has started, at any depth."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                parents.setdefault(parent, []).append(int(folder.name))
    found, new = [], [pid]
    while new:
        new = [child for parent in new for child in parents.get(parent, [])]
        found += new
    return found


def embedded(servers: str) -> Bus:
    """Return the bus of an embedded broker in another process."""
    return Bus(servers, EmbeddedBroker.PROPERTIES)
