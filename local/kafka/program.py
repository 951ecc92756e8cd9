"""A Java program on this machine: started as a child that ends with this process, waited for, and ended."""

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

READY_WITHIN_S = 180.0  # 4 s on an idle machine; a busy one is no reason to give up
END_WITHIN_S = 10.0  # it closes its files; after that it is killed, and looks them through at its next start
LOOK_S = 0.05


class KafkaEnded(SuiteError):
    """A broker or its ZooKeeper has ended or does not answer; the message holds the end of what it said."""


class JavaProgram(ABC):
    """A program in a process of its own, which ends when the process that started it does."""

    name = "it"

    def __init__(self, jars: Path, data: Path, *, heap: str, logging: str, options: tuple[str, ...] = ()) -> None:
        """Prepare.

        Args:
            jars: folder of its jars.
            data: folder of its own, used again at the next start.
            heap: as Java takes it, such as `512m`.
            logging: the property that names the configuration of its log.
            options: further ones of Java's.

        Raises:
            PartMissing: there is no Java 17.
        """
        self.data = data
        self._java = [str(java()), "-cp", f"{jars}/*", f"-Xmx{heap}", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"]
        self._java += ["-Djava.awt.headless=true", logging, *options]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def said(self) -> Path:
        """Return the file that gets what it says."""
        return self.data / "kafka.log"

    @property
    def pid(self) -> int:
        """Return the id of Java's process.

        Raises:
            KafkaEnded: it does not run.
        """
        if self._process is None:
            raise KafkaEnded(f"{self.name} does not run")
        return self._process.pid

    def start(self) -> None:
        """Start it, and return at once.

        Raises:
            KafkaEnded: its folder cannot be used.
        """
        self.data.mkdir(parents=True, exist_ok=True)
        words = self._prepare()
        # A child that ends with this process, in a session of its own: Ctrl-C at a terminal is for whoever started it.
        with self.said.open("ab") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "shared.child", "--exec", *self._java, *words],
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
        deadline = time.monotonic() + within_s
        while not self.answers():
            if self.status() is not None:
                raise KafkaEnded(f"{self.name} ended with status {self.status()}{self._last_lines()}")
            if time.monotonic() > deadline:
                raise KafkaEnded(f"{self.name} did not answer within {within_s:.0f} s{self._last_lines()}")
            time.sleep(LOOK_S)

    @abstractmethod
    def answers(self) -> bool:
        """Tell whether it answers now."""

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

    @abstractmethod
    def _prepare(self) -> list[str]:
        """Write what it reads at its start; return its class and arguments."""

    def _last_lines(self) -> str:
        with suppress(OSError):
            lines = self.said.read_text(encoding="utf-8", errors="replace").splitlines()
            told = [line for line in lines if not line.startswith("\t")]  # not where in Java it happened
            return "".join(f"\n  {line}" for line in told[-5:])
        return ""
