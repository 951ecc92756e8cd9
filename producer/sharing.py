"""Which cameras this producer captures: all of them, or its share among the producers of its group.

The group shares the partitions of the frames' topic (shared/bus/membership.py), and each camera belongs to one of them
by its id alone: so no change of the document moves another camera. Whoever holds a partition captures its cameras, in a
run that is the partition's term: higher than every run before.

When a camera moves to another producer, the one before captures on until the new one has tried it, which it notes with
its commit: so the picture does not stop while a capture starts and a camera connects.
"""

import hashlib
import json
import logging
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from shared.bus import Membership, Note

log = logging.getLogger(__name__)

TICK_S = 0.05
_NUMBERED = re.compile(r"(?P<name>.*?)(?P<number>[0-9]{0,9})")


class Sharing(Protocol):
    """Says which cameras to capture."""

    def run_of(self, camera: str) -> int | None:
        """Return the run in which to capture a camera, microseconds since the epoch; None: another producer does."""

    def is_taken_over(self, camera: str, run: int) -> bool:
        """Return whether another producer has tried a camera that this one captures in an older run."""

    def is_claimed(self, camera: str, run: int) -> bool:
        """Return whether another producer has got a camera that this one captures in an older run."""

    def tried(self, camera: str, run: int) -> None:
        """Note that a camera has delivered its first picture, or has failed to."""


class AllCameras:
    """Every camera is this producer's."""

    def __init__(self, run: int) -> None:
        """Capture all cameras in one run."""
        self._run = run

    def run_of(self, _camera: str) -> int | None:
        """Return the run."""
        return self._run

    def is_taken_over(self, _camera: str, _run: int) -> bool:
        """Return that no other producer takes over."""
        return True

    def is_claimed(self, _camera: str, _run: int) -> bool:
        """Return that no other producer gets a camera."""
        return False

    def tried(self, camera: str, run: int) -> None:
        """Do nothing: nobody waits for it."""


class GroupShare:
    """The share of one member of a group. `run` is for one thread, the rest for any."""

    def __init__(self, membership: Membership, *, alone_run: int) -> None:
        """Prepare; `run` joins the group.

        Args:
            membership: on the topic of the frames.
            alone_run: the run of all cameras where nothing is shared.
        """
        self._membership, self._alone_run = membership, alone_run
        self._lock = threading.Lock()
        self._tried: dict[int, dict[str, int]] = {}  # partition -> camera -> run
        self._awaited: dict[int, float] = {}  # partition -> when somebody last asked who took it over
        self._notes: Mapping[int, Note] = {}
        self.left = threading.Event()

    def run_of(self, camera: str) -> int | None:
        """Return the run in which to capture a camera; None if another producer does, or if it is not known yet."""
        if self._membership.is_alone:
            return self._alone_run
        held = {} if self.left.is_set() else self._membership.held
        return held.get(self._partition_of(camera))

    def is_taken_over(self, camera: str, run: int) -> bool:
        """Return whether another producer has tried a camera that this one captures in an older run."""
        note = self._note_after(camera, run)
        return note is not None and camera in _cameras_in(note.text)

    def is_claimed(self, camera: str, run: int) -> bool:
        """Return whether another producer has got a camera that this one captures in an older run."""
        return self._note_after(camera, run) is not None

    def tried(self, camera: str, run: int) -> None:
        """Note that a camera of this producer has delivered its first picture, or has failed to."""
        with self._lock:
            self._tried.setdefault(self._partition_of(camera), {})[camera] = run

    def readiness(self) -> dict[str, str]:
        """Return the group's entry in /readyz."""
        if self._membership.is_alone:
            return {}
        if not self._membership.joined or self._membership.trouble is not None:
            return {"group": self._membership.trouble or "not joined yet"}
        return {"group": "ok"}

    @property
    def is_ready(self) -> bool:
        """Whether it is known which cameras are this producer's."""
        return self._membership.joined or self._membership.is_alone

    @property
    def has_heirs(self) -> bool:
        """Whether other producers are there to take over."""
        return not self._membership.is_alone and self._membership.joined and not self._membership.holds_all

    def run(self, stop: threading.Event, beat: Callable[[], None]) -> None:
        """Be a member until `stop`; then leave the group at once."""
        while not stop.wait(TICK_S):
            beat()
            self._membership.update()
            self._write_notes()
            self.look()
        self._membership.leave()
        self.left.set()

    def look(self) -> None:
        """Read what those have noted that take over from this producer, if anybody waits for it."""
        now = time.monotonic()
        with self._lock:
            self._awaited = {partition: at for partition, at in self._awaited.items() if now - at < 1.0}
            awaited = list(self._awaited)
        self._notes = self._membership.notes(awaited) if awaited else {}

    def _write_notes(self) -> None:
        with self._lock:
            for partition, term in self._membership.held.items():
                cameras = [camera for camera, run in self._tried.get(partition, {}).items() if run == term]
                self._membership.note(partition, json.dumps(sorted(cameras), separators=(",", ":")))

    def _note_after(self, camera: str, run: int) -> Note | None:
        """Return what a later holder of a camera's partition has noted; None if there is none, as far as is known."""
        partition = self._partition_of(camera)
        with self._lock:
            self._awaited[partition] = time.monotonic()
        note = self._notes.get(partition)
        return note if note is not None and note.term > run else None

    def _partition_of(self, camera: str) -> int:
        return partition_of(camera, self._membership.partitions)


def partition_of(camera: str, partitions: int) -> int:
    """Return the partition of the group's topic that a camera belongs to; -1 if there are none.

    Cameras whose names differ by their number alone (`yard-1`, `yard-2`, …) are spread evenly.
    """
    parts = _NUMBERED.fullmatch(camera)
    if parts is None or partitions == 0:
        return -1
    digest = hashlib.sha256(parts["name"].encode()).digest()  # CRC-32 puts seven of sixteen short words together
    return (int.from_bytes(digest[:8]) + int(parts["number"] or 0)) % partitions


def _cameras_in(text: str) -> set[str]:
    """Return the cameras of a note; a note that was cut, or is none, names no camera."""
    try:
        cameras = json.loads(text)
    except ValueError:
        return set()
    return {str(camera) for camera in cameras} if isinstance(cameras, list) else set()
