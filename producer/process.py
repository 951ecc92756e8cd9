"""The producer's side of a capture process: starts it, reads its messages, ends it."""

import fcntl
import logging
import os
import subprocess
import sys
import threading
from collections import deque
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from producer.protocol import FACT, NEWS, CaptureJob, Message, Receiver
from shared.errors import CameraLost
from shared.redact import redact_secrets

log = logging.getLogger(__name__)

PIPE_BYTES = 1 << 20  # the most that Linux allows without privileges: a frame in one write instead of three
SIGN_OFF_WITHIN_S = 0.3
END_WITHIN_S = 1.0  # after SIGKILL
LAST_LINES = 60  # longer than any traceback
_ROOT = Path(__file__).resolve().parent.parent

_HIDDEN = frozenset({"CAMERAS", "VIDEOLINK", "KAFKACONFIG"})  # these hold passwords, which the capture must not inherit
# A proxy for the internet knows nothing of cameras in the local network; FFmpeg would use it.
_PROXIES = frozenset({"http_proxy", "https_proxy", "ftp_proxy", "all_proxy"})


class CaptureProcess:
    """A process that captures one camera.

    The thread that starts it must outlive it: the kernel kills the process together with that thread
    (PR_SET_PDEATHSIG, prctl(2)).
    """

    def __init__(self, job: CaptureJob, *, camera: str, said: set[str] | None = None) -> None:
        """Start the process.

        Args:
            job: what to capture.
            camera: the camera's id.
            said: what captures of the camera have reported, to log it once.

        Raises:
            CameraLost: the process cannot be started.
        """
        self._camera, self._secrets, self._said = camera, job.source.secrets(), set() if said is None else said
        self.facts: dict[str, str] = {}
        """What the capture has reported about the camera, by name: `reader`, `codec`."""
        self._last_lines: deque[str] = deque(["it wrote nothing"], maxlen=LAST_LINES)
        paths = [str(_ROOT), os.environ.get("PYTHONPATH", "")]
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "producer.capture"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env={
                    **{name: value for name, value in os.environ.items() if _is_inherited(name, value)},
                    "PYTHONPATH": os.pathsep.join(filter(None, paths)),
                },
            )
        except OSError as exc:
            raise CameraLost(f"the capture process cannot be started: {exc.strerror}") from exc
        process = self._process
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise AssertionError("a process with pipes has pipes")
        self._stdin, self._stdout, self._stderr = process.stdin, process.stdout, process.stderr
        with suppress(AttributeError, OSError):  # not Linux; or this user's pipes have used up the limit
            fcntl.fcntl(self._stdout, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._receiver = Receiver(self._stdout.fileno())
        self._listener = threading.Thread(target=self._log_lines, name=f"stderr-{camera}", daemon=True)
        self._listener.start()
        try:
            self._stdin.write(job.to_line())
        except BrokenPipeError:
            log.debug("a capture ended before it received its job", extra={"camera": camera})

    def receive(self, timeout_s: float) -> Message | None:
        """Return the next message, or None if none arrived within the timeout.

        Raises:
            CameraLost: the process ended without reporting an error; a note holds its last lines of output.
        """
        try:
            return self._receiver.receive(timeout_s)
        except EOFError:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(END_WITHIN_S)
            self._listener.join(END_WITHIN_S)
            status, lines = self._process.returncode, list(self._last_lines)
            lost = CameraLost(f"the capture crashed with status {status}: {lines[-1]}")
            lost.add_note("\n".join(lines))
            raise lost from None

    def end(self) -> None:
        """Let it close its session with the camera, which may allow few connections; kill it at once if it hangs."""
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(SIGN_OFF_WITHIN_S)
        self._process.kill()
        with suppress(subprocess.TimeoutExpired):  # a driver holds it: it ends when the driver releases it
            self._process.wait(END_WITHIN_S)
        self._listener.join(END_WITHIN_S)
        for pipe in (self._stdin, self._stdout, self._stderr):
            pipe.close()

    def __enter__(self) -> Self:
        """Return the capture itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process."""
        self.end()

    def _log_lines(self) -> None:
        with suppress(OSError, ValueError):  # closed, because the process would not die in time
            for line in self._stderr:
                text = redact_secrets(line.decode(errors="replace").rstrip(), self._secrets)
                if text.startswith(FACT):
                    name, _, value = text.removeprefix(FACT).partition(" ")
                    self.facts[name] = value
                    continue
                self._last_lines.append(text)
                # The reader that is used is logged once, not at each attempt.
                news = text.startswith(NEWS) and text not in self._said
                if news:
                    self._said.add(text)
                level = logging.INFO if news else logging.DEBUG
                log.log(level, "capture: %s", text.removeprefix(NEWS), extra={"camera": self._camera})


def _is_inherited(variable: str, value: str) -> bool:
    """Return whether a capture gets a variable; links, such as those of `{env: …}` sources, are for the producer."""
    return variable not in _HIDDEN and variable.lower() not in _PROXIES and "://" not in value
