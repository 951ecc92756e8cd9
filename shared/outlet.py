"""The way out of a stage: numbers frames, hands them to the bus, and enters in the ledger what became of each.

A frame that finds the brokers silent is dropped at once; it never waits for them. Numbers are given so that a gap in
them always means a frame that went out and was lost on the way: the number of a frame that surely never left is
given again.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from shared.broker import Delivery, MessageTooLarge, Writer
from shared.clock import age_s, now_us
from shared.errors import BusError
from shared.frame import Headers
from shared.ledger import Ledger

WINDOW = 8  # frames of one camera without an answer: 320 ms at 25 fps, far more than a healthy broker needs
PATIENCE_S = 0.5  # the oldest frame without an answer for so long: the brokers are silent
BROKER_UNAVAILABLE = "broker_unavailable"
TOO_LARGE = "too_large"

Encode: TypeAlias = Callable[[int], tuple[bytes, Headers]]


@dataclass(slots=True)
class _Line:
    """One camera's frames on their way: number -> (monotonic time of sending, age in seconds or None)."""

    next_number: int = 1
    unanswered: dict[int, tuple[float, float | None]] = field(default_factory=dict)
    taken_back: bool = False  # numbers were given back: nothing new until the rest is settled


class Outlet:
    """Sends the frames of any number of cameras to one topic; safe for several threads."""

    def __init__(self, writer: Writer, topic: str, ledger: Ledger) -> None:
        self._writer, self._topic, self._ledger = writer, topic, ledger
        self._lock = threading.Lock()
        self._lines: dict[str, _Line] = {}

    def send(self, camera: str, captured_at: int, encode: Encode, *, clock_suspect: bool = False) -> None:
        """Send one frame, or drop it and say why in the ledger.

        Args:
            camera: id of the camera, the record's key.
            captured_at: microseconds since the epoch.
            encode: returns value and headers for the number that the frame gets.
            clock_suspect: the age would be a difference of clocks that disagree; leave it out of the histogram.
        """
        number = self._take_number(camera, None if clock_suspect else age_s(captured_at, now_us()))
        if number is None:
            self._ledger.dropped(camera, BROKER_UNAVAILABLE)
            return
        value, headers = encode(number)
        try:
            self._writer.send(
                self._topic,
                key=camera,
                value=value,
                headers=headers,
                settled=lambda delivery: self._settle(camera, number, delivery),
            )
        except MessageTooLarge:
            self._give_back(camera, number, TOO_LARGE)
        except BusError:
            self._give_back(camera, number, BROKER_UNAVAILABLE)

    def _take_number(self, camera: str, age: float | None) -> int | None:
        now = time.monotonic()
        with self._lock:
            line = self._lines.setdefault(camera, _Line())
            oldest = next(iter(line.unanswered.values()), (now, None))[0]
            silent = now - oldest > PATIENCE_S
            if not (silent or line.taken_back or len(line.unanswered) >= WINDOW):
                number = line.next_number
                line.next_number += 1
                line.unanswered[number] = (now, age)
                return number
        if silent:
            self._writer.take_back_unsent()
        return None

    def _settle(self, camera: str, number: int, delivery: Delivery) -> None:
        if delivery is Delivery.UNSENT:
            self._give_back(camera, number, BROKER_UNAVAILABLE)
            return
        with self._lock:
            line = self._lines[camera]
            _, age = line.unanswered.pop(number)
            line.taken_back = line.taken_back and bool(line.unanswered)
        # An unconfirmed frame went out too: whether the broker has it shows in the next stage, as `in` or as lost.
        self._ledger.out(camera, age_s=age)

    def _give_back(self, camera: str, number: int, reason: str) -> None:
        with self._lock:
            line = self._lines[camera]
            del line.unanswered[number]
            line.next_number = min(line.next_number, number)
            line.taken_back = bool(line.unanswered)
        self._ledger.dropped(camera, reason)
