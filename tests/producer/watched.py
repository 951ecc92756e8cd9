"""A camera as the producer sees it, captured by a real process, with all that it gave and was."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from producer.camera import Camera
from producer.protocol import CaptureJob, Message
from producer.source import parse
from tests.ledgers import ledger_of
from tests.waiting import wait_until


class Watched:
    """A camera under test, with all that it gave and was."""

    def __init__(self, link: str, **wanted: Any) -> None:
        self.frames: list[Message] = []
        self.states: list[str] = []
        self.go_on = threading.Event()  # cleared: publishing takes for ever
        self.go_on.set()
        self.ledger = ledger_of("producer")
        job = CaptureJob(parse(link), **wanted)
        self.camera = Camera("front", job, ledger=self.ledger, publish=self._publish, changed=self._changed)

    def dropped(self, reason: str) -> int:
        return int(self.ledger.as_json()["front"]["dropped"].get(reason, 0))

    def becomes(self, state: str) -> None:
        wait_until(lambda: self.camera.state.state == state, f"the camera is {state}")

    def gives(self, frames: int, condition: Callable[[Message], bool] = lambda _: True) -> list[Message]:
        """Wait for so many frames from now on that fulfil a condition, and return these."""
        begin = len(self.frames)
        wait_until(lambda: sum(map(condition, self.frames[begin:])) >= frames, f"{frames} frames")
        return [frame for frame in self.frames[begin:] if condition(frame)]

    def again(self) -> float:
        """Wait for the next frame, and return the seconds until it came."""
        began = time.monotonic()
        self.gives(1)
        return time.monotonic() - began

    def _publish(self, message: Message) -> None:
        self.go_on.wait()
        self.frames.append(message)

    def _changed(self, camera: Camera) -> None:
        self.states.append(camera.state.state)


@contextlib.contextmanager
def watched(link: str, **wanted: Any) -> Iterator[Watched]:
    """Run a camera; afterwards nothing of it is left."""
    before = captures()
    camera, stop = Watched(link, **wanted), threading.Event()
    thread = threading.Thread(target=camera.camera.run, args=(stop, lambda: None))
    thread.start()
    try:
        yield camera
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()
    assert captures() == before


def captures() -> set[int]:
    """Return the capture processes of this process."""
    found = set()
    for children in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):  # a thread that has just ended
            found |= {int(pid) for pid in children.read_text().split() if b"producer.capture" in command_line(int(pid))}
    return found


def command_line(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""
