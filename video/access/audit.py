"""Who watched what: one record when a viewing ends, and one a minute while it lasts. For the event loop only.

A record tells the whole viewing so far; the newest of the same `id` counts. Single pictures and predictions make one
viewing for as long as less than a minute lies between them.
"""

import logging
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from shared import clock
from video.access.access import Viewer
from video.access.rights import Rights

log = logging.getLogger(__name__)

Json: TypeAlias = dict[str, Any]

EVERY_S = 60.0
MAX_ASKED = 1000  # viewings of single requests that are kept at a time; the oldest one ends early


class What(StrEnum):
    """How a camera is watched."""

    MJPEG = "mjpeg"
    WEBSOCKET = "websocket"
    SNAPSHOT = "snapshot"
    PREDICTIONS = "predictions"
    EVENTS = "events"


@dataclass(slots=True, eq=False)
class Viewing:
    """One viewer that watches one camera.

    Attributes:
        viewer: who watches.
        camera: its id.
        what: how it watches.
        frames: returns the number of frames, or of events, that it was sent.
        until_us: returns until when it has watched, microseconds since the epoch.
        began_us: microseconds since the epoch.
        noted_at: monotonic time of the last record.
    """

    viewer: Viewer
    camera: str
    what: What
    frames: Callable[[], int]
    until_us: Callable[[], int] = clock.now_us
    began_us: int = field(default_factory=clock.now_us)
    noted_at: float = field(default_factory=time.monotonic)
    checked: Rights | None = None  # of the viewer, when it was last looked whether it may still see the camera
    id: str = field(default_factory=lambda: secrets.token_hex(8))

    def as_json(self, *, ended: bool) -> Json:
        """Return the record of `videoaudit`."""
        identity = self.viewer.identity
        return {
            "id": self.id,
            "who": identity.name,
            "by": identity.kind,
            "role": self.viewer.admitted_role,
            "camera": self.camera,
            "what": self.what,
            "address": self.viewer.address,
            "from": self.began_us,
            "until": self.until_us(),
            "frames": self.frames(),
            "ended": ended,
        }


class _Counted:
    """A viewing whose pictures, answers or events are counted as they are sent."""

    def __init__(self, viewer: Viewer, camera: str, what: What) -> None:
        self.count = 0
        self.last_at = 0.0  # monotonic
        self.last_us = clock.now_us()
        self.viewing = Viewing(viewer, camera, what, lambda: self.count, lambda: self.last_us)

    def add(self, count: int) -> None:
        self.count += count
        self.last_at, self.last_us = time.monotonic(), clock.now_us()


class Audit:
    """Writes down who watches what."""

    def __init__(self, write: Callable[[Json], None] | None = None) -> None:
        """Start without viewings.

        Args:
            write: takes each record; must not wait. None: there are none.
        """
        self._write = write
        self._viewings: dict[Viewing, None] = {}  # in the order of arrival
        self._asked: dict[tuple[object, ...], _Counted] = {}  # the least recently used first

    @contextmanager
    def watching(self, viewing: Viewing) -> Iterator[None]:
        """Write down a viewing while it lasts."""
        self._viewings[viewing] = None
        try:
            yield
        finally:
            del self._viewings[viewing]
            self._note(viewing, ended=True)

    @contextmanager
    def reading(self, viewer: Viewer, what: What) -> Iterator[Callable[[str, int], None]]:
        """Write down a stream of several cameras while it lasts: a viewing for each camera that it was sent.

        Yields:
            what notes a camera and the number of events sent of it.
        """
        cameras: dict[str, _Counted] = {}
        with ExitStack() as viewings:

            def sent(camera: str, count: int) -> None:
                if camera not in cameras:
                    cameras[camera] = _Counted(viewer, camera, what)
                    viewings.enter_context(self.watching(cameras[camera].viewing))
                cameras[camera].add(count)

            yield sent

    def asked(self, viewer: Viewer, camera: str, what: What) -> None:
        """Note that a viewer was sent a single picture or answer."""
        key = (viewer.identity.kind, viewer.identity.name, viewer.identity.proof, viewer.address, camera, what)
        asked = self._asked.pop(key, None)
        if asked is None:
            while len(self._asked) >= MAX_ASKED:
                self._end(self._asked.pop(next(iter(self._asked))))
            asked = _Counted(viewer, camera, what)
        self._asked[key] = asked
        asked.add(1)

    def tick(self, now: float) -> None:
        """Write what is due at a monotonic time; call it every second."""
        for viewing in self._viewings:
            if now - viewing.noted_at >= EVERY_S:
                self._note(viewing, ended=False)
        for key, asked in list(self._asked.items()):
            if now - asked.last_at >= EVERY_S:
                self._end(self._asked.pop(key))
            elif now - asked.viewing.noted_at >= EVERY_S:
                self._note(asked.viewing, ended=False)

    def close(self) -> None:
        """End the viewings of single requests."""
        for key in list(self._asked):
            self._end(self._asked.pop(key))

    def _end(self, asked: _Counted) -> None:
        self._note(asked.viewing, ended=True)

    def _note(self, viewing: Viewing, *, ended: bool) -> None:
        if ended and not viewing.frames():
            return  # nothing was seen
        viewing.noted_at = time.monotonic()
        record = viewing.as_json(ended=ended)
        if self._write is not None:
            self._write(record)
        policy = viewing.viewer.access.policy
        if policy is not None and policy.document.audit.log:
            log.info("a viewing %s", "ended" if ended else "goes on", extra=record)
