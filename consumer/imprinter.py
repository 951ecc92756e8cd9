"""Draws captions on frames and sends them on, without letting one camera's expensive pictures delay the others.

A cheap picture is drawn on at once, in the thread that brought it. Another one waits for a lane, a thread that draws on
the newest such picture of each camera in turn. There are two lanes for pictures of ordinary size, so that one camera
does not hold another up, and one for large pictures: of those, one at a time is in memory. A camera rests after a very
expensive picture (consumer/shares.py).
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from consumer import caption
from consumer.caption import Caption
from consumer.imprint import Drawing, prepare
from consumer.predictions_header import as_header
from consumer.shares import Shares
from shared.clock import now_us
from shared.errors import BadPicture
from shared.frames.frame import Headers, to_headers
from shared.frames.ledger import Ledger, Reason
from shared.frames.reader import ReceivedFrame
from shared.frames.writer import FrameWriter

log = logging.getLogger(__name__)

QUALITY = 80  # of pictures that are encoded as a whole; strips keep the quality of the picture
LARGE_NICENESS = 10  # so that large pictures do not take the processor from the others when it is short
CHEAP_UP_TO = 1_000_000
"""Pixels times scans of a picture that is drawn on at once: 720p, 7 ms of decoding and encoding."""
ORDINARY_UP_TO = 4_000_000
"""Pixels times scans of a picture for an ordinary lane: 2560x1440, 30 ms and 24 MB."""
_IDLE_S = 0.5


class Lane(StrEnum):
    """A thread that draws on pictures that are not cheap."""

    FIRST = "first"
    SECOND = "second"
    LARGE = "large"


@dataclass(frozen=True, slots=True)
class _Job:
    received: ReceivedFrame
    captions: Sequence[Caption]
    drawing: Drawing
    at_us: int

    @property
    def large(self) -> bool:
        """Whether the picture needs the lane for large ones."""
        return self.drawing.cost > ORDINARY_UP_TO


class Imprinter:
    """Draws captions on frames and sends them on; safe for several threads."""

    def __init__(self, writer: FrameWriter, ledger: Ledger, *, run_id: int) -> None:
        """Prepare; the lanes run `run`.

        Args:
            writer: of the frames with captions.
            ledger: of this stage.
            run_id: start of this service, microseconds since the epoch; numbers the frames together with a count.
        """
        self._writer, self._ledger, self._run_id = writer, ledger, run_id
        self._changed = threading.Condition()
        self._waiting: dict[str, _Job] = {}
        self._busy_with: set[str] = set()
        self._shares = Shares()
        self._unforeseen: set[type[Exception]] = set()

    def send(self, received: ReceivedFrame, captions: Sequence[Caption]) -> None:
        """Send a frame with captions; a picture that cannot be decoded is dropped, and one that is overtaken too."""
        camera, at_us = received.frame.camera, now_us()
        try:
            frame = received.frame
            drawing = prepare(frame.jpeg, caption.as_overlay(captions, at_us), frame.header)
            job = _Job(received, captions, drawing, at_us)
        except Exception as exc:
            self._drop_bad(camera, exc)
            return
        with self._changed:
            # A later frame never overtakes an earlier one of its camera, however cheap it is.
            waits = job.drawing.cost > CHEAP_UP_TO or camera in self._waiting or camera in self._busy_with
            overtaken = camera in self._waiting
            if waits:
                self._waiting[camera] = job
                self._changed.notify_all()
        if overtaken:
            self._ledger.dropped(camera, Reason.SUPERSEDED)
        if not waits:
            self._do(job)

    def run(self, lane: Lane, stop: threading.Event, beat: Callable[[], None]) -> None:
        """Draw on the pictures of a lane until `stop`; each lane has a thread."""
        if lane is Lane.LARGE and sys.platform == "linux":  # there, a thread has a priority of its own: setpriority(2)
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), min(19, os.nice(0) + LARGE_NICENESS))
        while not stop.is_set():
            beat()
            job = self._next(large=lane is Lane.LARGE)
            if job is None:
                continue
            try:
                self._do(job)
            finally:
                with self._changed:
                    self._busy_with.remove(job.received.frame.camera)
                    self._changed.notify_all()  # its camera's next picture may be another lane's

    def _next(self, *, large: bool) -> _Job | None:
        """Return the next picture for a lane; None if there is none within a while."""
        with self._changed:
            now, wait_s = time.monotonic(), _IDLE_S
            for camera, job in self._waiting.items():
                if job.large is not large or camera in self._busy_with:
                    continue
                ready_at = self._shares.ready_at(camera)
                if ready_at <= now:
                    self._busy_with.add(camera)
                    return self._waiting.pop(camera)
                wait_s = min(wait_s, ready_at - now)
            self._changed.wait(wait_s)
        return None

    def _do(self, job: _Job) -> None:
        frame, began = job.received.frame, time.monotonic()
        try:
            picture = job.drawing.drawn(quality=QUALITY)
        except Exception as exc:
            self._drop_bad(frame.camera, exc)
            return
        finally:
            with self._changed:
                self._shares.took(frame.camera, time.monotonic() - began)
        imprinted = replace(
            frame, jpeg=picture, header=None, imprinted_at=job.at_us, predictions=as_header(job.captions)
        )

        def encode(number: int) -> tuple[bytes, Headers]:
            return picture, to_headers(replace(imprinted, numbering=(self._run_id, number)))

        self._writer.send(frame.camera, frame.captured_at, encode, clock_suspect=job.received.clock_suspect)

    def _drop_bad(self, camera: str, exc: Exception) -> None:
        """Count a picture that cannot be drawn on; none of them ends a loop."""
        kind = type(exc)
        if isinstance(exc, BadPicture) or kind in self._unforeseen:
            log.debug("picture cannot be drawn on", extra={"camera": camera, "error": str(exc)})
        else:  # a fault of this program; logged once, since the next frame may cause it again
            self._unforeseen.add(kind)
            log.error("picture cannot be drawn on", exc_info=exc, extra={"camera": camera})
        self._ledger.dropped(camera, Reason.UNDECODABLE)
