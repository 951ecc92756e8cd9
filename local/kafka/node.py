"""One Kafka node of this machine: its configuration, its folder and its process."""

import socket
import subprocess
import sys
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from local.kafka.parts import FOLDER, java
from local.ports import LOOPBACK, free_port
from shared.broker import Bus, Topics
from shared.errors import SuiteError

LISTENERS = ("BROK", "PROD1", "PROD2", "CONS1", "CONS2")
FIRST_PORT = 19091
HEAP = "512m"  # several records of 100 MB at once; the rest of what it reads is in the page cache
READY_WITHIN_S = 60.0  # 4 s on an idle machine
END_WITHIN_S = 10.0  # it closes its logs; after that it is killed, and looks them through at its next start
ASK_S = 0.5
LOOK_S = 0.05


class KafkaEnded(SuiteError):
    """The broker has ended or does not answer; the message holds the end of what it said."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a node listens: one port for each of LISTENERS, and that of the controller."""

    listeners: tuple[int, ...]
    controller: int

    @classmethod
    def from_first(cls, first: int) -> Self:
        """Return consecutive ports, the controller's before them, as in kafka/server.properties."""
        return cls(tuple(range(first, first + len(LISTENERS))), first - 1)

    @classmethod
    def free(cls) -> Self:
        """Return ports that nobody listens on right now."""
        ports: set[int] = set()
        while len(ports) <= len(LISTENERS):
            ports.add(free_port())
        controller, *listeners = sorted(ports)
        return cls(tuple(listeners), controller)


def properties(ports: Ports, data: Path) -> dict[str, str]:
    """Return kafka/server.properties with the ports and the folder of one node in it."""
    lines = (FOLDER / "server.properties").read_text(encoding="utf-8").splitlines()
    stated = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    listeners = [f"{name}://{LOOPBACK}:{port}" for name, port in zip(LISTENERS, ports.listeners, strict=True)]
    all_listeners = ",".join([*listeners, f"CONTROLLER://{LOOPBACK}:{ports.controller}"])
    return stated | {
        "listeners": all_listeners,
        "advertised.listeners": all_listeners,
        "controller.quorum.bootstrap.servers": f"{LOOPBACK}:{ports.controller}",
        "log.dirs": str(data / "log"),
    }


class Node:
    """A broker in a process of its own, which ends when the process that started it does."""

    def __init__(self, jars: Path, data: Path, ports: Ports, *, java_options: tuple[str, ...] = ()) -> None:
        """Prepare.

        Args:
            jars: folder of Kafka's jars.
            data: folder of its own; formatted at the first start, and used again at the next.
            ports: where it listens.
            java_options: further ones.

        Raises:
            PartMissing: there is no Java 17.
        """
        self.data, self.ports = data, ports
        self._java = [str(java()), "-cp", f"{jars}/*", f"-Xmx{HEAP}", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"]
        self._java += ["-Djava.awt.headless=true", f"-Dlog4j2.configurationFile={FOLDER / 'log4j2.properties'}"]
        self._java += java_options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def servers(self) -> tuple[str, ...]:
        """Return the addresses of the five listeners."""
        return tuple(f"{LOOPBACK}:{port}" for port in self.ports.listeners)

    @property
    def said(self) -> Path:
        """Return the file that gets what the broker says."""
        return self.data / "kafka.log"

    @property
    def pid(self) -> int:
        """Return the id of Java's process.

        Raises:
            KafkaEnded: it does not run.
        """
        if self._process is None:
            raise KafkaEnded("it does not run")
        return self._process.pid

    def start(self) -> None:
        """Start it, and return at once.

        Raises:
            KafkaEnded: its folder cannot be used.
        """
        self.data.mkdir(parents=True, exist_ok=True)
        configuration = self.data / "server.properties"
        _write(configuration, properties(self.ports, self.data))
        if not (self.data / "log" / "meta.properties").exists():
            self._format(configuration)
        # On the leash, and in a session of its own: Ctrl-C at a terminal is for whoever started it.
        with self.said.open("ab") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "local.leash", "--exec", *self._java, "kafka.Kafka", str(configuration)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                start_new_session=True,
                cwd=FOLDER.parent,
            )

    def wait_until_ready(self, within_s: float = READY_WITHIN_S) -> None:
        """Wait until it answers.

        Raises:
            KafkaEnded: it has ended, or does not answer in that time.
        """
        admin = Topics(Bus(self.servers[0]))
        deadline = time.monotonic() + within_s
        while not (self._listens() and admin.broker_answers(ASK_S)):
            if self.status() is not None:
                raise KafkaEnded(f"it ended with status {self.status()}{self._last_lines()}")
            if time.monotonic() > deadline:
                raise KafkaEnded(f"no answer within {within_s:.0f} s{self._last_lines()}")
            time.sleep(LOOK_S)

    def status(self) -> int | None:
        """Return the exit status; None: it runs, or was never started."""
        return self._process.poll() if self._process else None

    def stop(self, within_s: float = END_WITHIN_S) -> None:
        """Ask it to end, and kill it when it has not done so in time."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        """Start it, and wait until it answers."""
        try:
            self.start()
            self.wait_until_ready()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        self.stop()

    def _listens(self) -> bool:
        # Asked before the client is, which would complain of a broker that is only starting.
        try:
            socket.create_connection((LOOPBACK, self.ports.listeners[0]), ASK_S).close()
        except OSError:
            return False
        return True

    def _format(self, configuration: Path) -> None:
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        if cluster.startswith("-"):  # the tool takes it for an option
            cluster = "A" + cluster[1:]
        command = [*self._java, "kafka.tools.StorageTool", "format", "--standalone", "-t", cluster]
        done = subprocess.run(
            [*command, "-c", str(configuration)], capture_output=True, text=True, check=False, cwd=FOLDER.parent
        )
        if done.returncode:
            lines = (done.stdout + done.stderr).strip().splitlines()
            raise KafkaEnded(f"{self.data} cannot be formatted: {lines[-1] if lines else 'no reason given'}")

    def _last_lines(self) -> str:
        with suppress(OSError):
            lines = self.said.read_text(encoding="utf-8", errors="replace").splitlines()
            return "".join(f"\n  {line}" for line in lines[-5:])
        return ""


def _write(path: Path, values: Mapping[str, str]) -> None:
    path.write_text("".join(f"{name}={value}\n" for name, value in values.items()), encoding="utf-8")
