"""Programs that a measurement starts, and what is told of them."""

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from bench.client import LOOPBACK

FIRST_PICTURE_S = 180.0  # a busy machine is no reason to give up


@dataclass(frozen=True)
class Running:
    """A system that runs.

    Attributes:
        port: where it serves MJPEG.
        request: what a viewer sends first; empty: nothing.
        parts: process id by name of the part.
        topics: what it writes on the bus: name of the topic by what it is for.
    """

    port: int
    request: bytes
    parts: dict[str, int]
    topics: dict[str, str] = field(default_factory=dict)


class Program:
    """A program of this machine; it ends with the block, or with this process."""

    def __init__(self, *command: str, environment: Mapping[str, str] | None = None) -> None:
        self._name, self._errors = " ".join(command[:4]), tempfile.TemporaryFile()  # noqa: SIM115 - closed at the end
        self._process = subprocess.Popen(
            [sys.executable, "-m", "shared.child", "--exec", *command],
            env=dict(environment) if environment is not None else None,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    @property
    def pid(self) -> int:
        """Return its process id."""
        return self._process.pid

    def line(self) -> str:
        """Return the next line that it prints.

        Raises:
            RuntimeError: it has ended; with the last line that it said of it.
        """
        assert self._process.stdout is not None
        if not (line := self._process.stdout.readline()):
            status = self._process.wait()
            self._errors.seek(0)
            last = self._errors.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise RuntimeError(f"{self._name} ended with status {status}: {last}")
        return line.strip()

    def ask(self) -> str:
        """Send an empty line and return the answer; errors as `line`."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        return self.line()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._errors.close()


def module(name: str, *arguments: str, core: int | None = None) -> Program:
    """Run one of our modules, pinned to `core` if one is given."""
    pinned = ("bench.pinned", str(core)) if core is not None else ()
    return Program(sys.executable, "-m", *pinned, name, *arguments)


def wait_for_picture(port: int, request: bytes, within_s: float = FIRST_PICTURE_S) -> None:
    """Wait until a server sends a picture; it may refuse connections, or close them, until its camera is there.

    Raises:
        TimeoutError: none comes in time.
    """
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection((LOOPBACK, port), 1.0) as server:
            server.settimeout(max(1.0, deadline - time.monotonic()))
            server.sendall(request)
            got = b""
            while data := server.recv(4096):
                got += data
                if b"content-length" in got.lower():
                    return
        time.sleep(0.1)
    raise TimeoutError(f"no picture within {within_s:.0f} s")
