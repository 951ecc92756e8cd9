"""The loop of the frames: from the bus to the mode, which asks the models and sends them on."""

import threading
from collections.abc import Callable
from typing import Protocol

from consumer.modes import Mode
from shared.frames.ledger import Ledger, Reason
from shared.frames.reader import ReceivedFrame

READ_S = 0.05  # longest wait for a frame; `Sync` looks at its deadlines as often


class Source(Protocol):
    """Where frames come from (`shared.frames.reader.FrameReader`)."""

    def read(self, timeout_s: float) -> list[ReceivedFrame]:
        """Return the newest frame of each camera among what has arrived."""
        ...


def run(source: Source, mode: Mode, ledger: Ledger, stop: threading.Event, beat: Callable[[], None]) -> None:
    """Take frames from the bus until `stop`."""
    while not stop.is_set():
        beat()
        for received in source.read(READ_S):
            if received.frame.imprinted_at is not None:
                # A model must never see a picture that was drawn on, nor a label cover another.
                ledger.dropped(received.frame.camera, Reason.ALREADY_IMPRINTED)
            else:
                mode.take(received)
        mode.turn()
