"""A Java program on this machine, which ends with the process that started it."""

import subprocess
import sys
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from local.kafka.parts import FOLDER, java
from shared.errors import SuiteError

READY_TIMEOUT_S = 180.0  # it takes 4 s on an idle machine; a busy one is no reason to give up
END_TIMEOUT_S = 10.0  # to close its files; then it is killed, and checks them at its next start
POLL_S = 0.05
# Java's quick compiler alone: docs/broker.md says what the other one costs.
JVM = ("-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")


class KafkaEnded(SuiteError):
    """A broker or its ZooKeeper has ended or does not answer; the message ends with its last lines of output."""


class JavaProgram(ABC):
    """A Java program in its own process, which ends when the process that started it does."""

    name = "it"

    def __init__(self, jars: Path, data: Path, *, heap: str, logging: str, options: tuple[str, ...] = JVM) -> None:
        """Prepare.

        Args:
            jars: folder of its jars.
            data: folder of this program, reused by the next start.
            heap: as Java takes it, such as `512m`.
            logging: the Java property that names the logging configuration.
            options: further options of Java.

        Raises:
            PartMissing: there is no Java 17.
        """
        self.data = data
        self._java = [str(java()), "-cp", f"{jars}/*", f"-Xmx{heap}", *options, logging]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def output(self) -> Path:
        """Return the file that its output goes to."""
        return self.data / "kafka.log"

    @property
    def pid(self) -> int:
        """Return the id of the Java process.

        Raises:
            KafkaEnded: it is not running.
        """
        if self._process is None:
            raise KafkaEnded(f"{self.name} is not running")
        return self._process.pid

    def start(self) -> None:
        """Start it and return at once.

        Raises:
            KafkaEnded: its folder cannot be used.
        """
        self.data.mkdir(parents=True, exist_ok=True)
        arguments = self._prepare()
        # In its own session: Ctrl-C at a terminal is for the process that started it.
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "shared.child", "--exec", *self._java, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=output,
                start_new_session=True,
                cwd=FOLDER.parent,
            )

    def wait_until_ready(self, within_s: float = READY_TIMEOUT_S) -> None:
        """Wait until it answers.

        Raises:
            KafkaEnded: it has ended, or does not answer in time.
        """
        deadline = time.monotonic() + within_s
        while not self.answers():
            if self.status() is not None:
                raise KafkaEnded(f"{self.name} ended with status {self.status()}{self._last_lines()}")
            if time.monotonic() > deadline:
                raise KafkaEnded(f"{self.name} did not answer within {within_s:.0f} s{self._last_lines()}")
            time.sleep(POLL_S)

    @abstractmethod
    def answers(self) -> bool:
        """Return whether it answers now."""

    def status(self) -> int | None:
        """Return the exit status; None if it is running or was never started."""
        return self._process.poll() if self._process else None

    def stop(self, within_s: float = END_TIMEOUT_S) -> None:
        """Ask it to end, and kill it if it does not end in time."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        """Start it and wait until it answers."""
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

    @abstractmethod
    def _prepare(self) -> list[str]:
        """Write the files that it reads at its start; return its class and arguments."""

    def _last_lines(self) -> str:
        with suppress(OSError):
            lines = self.output.read_text(encoding="utf-8", errors="replace").splitlines()
            messages = [line for line in lines if not line.startswith("\t")]  # without Java's stack traces
            return "".join(f"\n  {line}" for line in messages[-5:])
        return ""
