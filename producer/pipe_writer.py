"""Hands frames of a capture to the pipe; one place, and in it the newest."""

import os
import threading
import time
from dataclasses import replace

from producer.protocol import Counts, Message, MessageKind, send
from shared.errors import CameraError

TALLY_S = 0.5  # counts wait no longer for a frame to go with


class PipeWriter(threading.Thread):
    """Writes to the pipe in a thread of its own: a slow reader never makes the capture wait."""

    def __init__(self, pipe: int) -> None:
        super().__init__(name="outbox", daemon=True)
        self._pipe = pipe
        self._changed = threading.Condition()
        self._frame: Message | None = None
        self._tally = Counts()
        self._tally_due = False
        self._error: CameraError | None = None
        self._sent_at = float("-inf")

    def put(self, captured_at: int, width: int, height: int, data: bytes) -> None:
        """Send a frame as soon as the pipe takes it, unless a newer one comes before that."""
        frame = Message(MessageKind.FRAME, captured_at=captured_at, width=width, height=height, payload=data)
        with self._changed:
            if self._frame is not None:
                self._tally += Counts(superseded=1)
            self._frame = frame
            self._changed.notify()

    def count(self, tally: Counts) -> None:
        """Count frames that end here, with the next message."""
        with self._changed:
            self._tally += tally
            self._notify_of_tally()

    def tick(self) -> None:
        """Show that the capture lives while no picture is due."""
        with self._changed:
            self._notify_of_tally()

    def fail(self, error: CameraError) -> None:
        """Send what is left, then why there is no more, and end."""
        with self._changed:
            self._error = error
            self._changed.notify()

    def run(self) -> None:
        """Write until the end."""
        try:
            while True:
                send(self._pipe, message := self._next())
                self._sent_at = time.monotonic()
                if message.what is MessageKind.FAILED:
                    return
        except BrokenPipeError:  # the producer has lost interest
            os._exit(0)

    def _notify_of_tally(self) -> None:
        if time.monotonic() - self._sent_at > TALLY_S:
            self._tally_due = True
            self._changed.notify()

    def _next(self) -> Message:
        with self._changed:
            self._changed.wait_for(lambda: self._frame or self._tally_due or self._error)
            tally, self._tally, self._tally_due = self._tally, Counts(), False
            frame, self._frame = self._frame, None
            if frame is not None:
                return replace(frame, tally=tally)
            if self._error is not None:
                return Message.failed(self._error, tally)
            return Message(MessageKind.COUNTS, tally)
