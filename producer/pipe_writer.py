"""Writes the frames of a capture to the pipe; one slot, which holds the newest frame."""

import os
import threading
import time
from dataclasses import replace
from typing import cast

from producer.protocol import Counts, Message, MessageKind, send
from shared.errors import CameraError

COUNTS_S = 0.5  # counts wait at most this long for a frame to travel with


class PipeWriter(threading.Thread):
    """Writes to the pipe in its own thread, so that a slow reader never holds up the capture."""

    def __init__(self, pipe: int) -> None:
        super().__init__(name="pipe-writer", daemon=True)
        self._pipe = pipe
        self._changed = threading.Condition()
        self._frame: Message | None = None
        self._counts = Counts()
        self._counts_due = False
        self._error: CameraError | None = None
        self._sent_at = float("-inf")

    def put(self, captured_at: int, width: int, height: int, data: bytes | bytearray) -> None:
        """Send a frame as soon as the pipe accepts it, unless a newer frame arrives first."""
        frame = Message(
            MessageKind.FRAME, captured_at=captured_at, width=width, height=height, payload=cast("bytes", data)
        )  # written as it is
        with self._changed:
            if self._frame is not None:
                self._counts += Counts(superseded=1)
            self._frame = frame
            self._changed.notify()

    def count(self, counts: Counts) -> None:
        """Add frames that were dropped in the capture to the counts of the next message."""
        with self._changed:
            self._counts += counts
            self._notify_of_counts()

    def tick(self) -> None:
        """Show that the capture is alive while no picture is due."""
        with self._changed:
            self._notify_of_counts()

    def fail(self, error: CameraError) -> None:
        """Send what is left, then the error, and end."""
        with self._changed:
            self._error = error
            self._changed.notify()

    def run(self) -> None:
        """Write until the capture fails or the producer closes the pipe."""
        try:
            while True:
                send(self._pipe, message := self._next())
                self._sent_at = time.monotonic()
                if message.kind is MessageKind.FAILED:
                    return
        except BrokenPipeError:  # the producer has closed the pipe
            os._exit(0)

    def _notify_of_counts(self) -> None:
        if time.monotonic() - self._sent_at > COUNTS_S:
            self._counts_due = True
            self._changed.notify()

    def _next(self) -> Message:
        with self._changed:
            self._changed.wait_for(lambda: self._frame or self._counts_due or self._error)
            counts, self._counts, self._counts_due = self._counts, Counts(), False
            frame, self._frame = self._frame, None
            if frame is not None:
                return replace(frame, counts=counts)
            if self._error is not None:
                return Message.failed(self._error, counts)
            return Message(MessageKind.COUNTS, counts)
