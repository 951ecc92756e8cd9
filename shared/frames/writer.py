"""The way out of a stage: numbers frames, hands them to the bus, and enters the outcome of each in the ledger.

A frame that finds the brokers silent is dropped at once; it never waits for them. A gap in the numbers always means a
frame that went out and was lost on the way: the number of a frame that surely never left is given to the next one.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from shared.bus import Delivery, MessageTooLarge, Writer, record_bytes
from shared.clock import age_s, now_us
from shared.errors import BusError
from shared.frames.frame import Headers
from shared.frames.ledger import Ledger, Reason
from shared.frames.oversize import OversizeBoard

MAX_LINES = 10_000  # cameras whose numbers are remembered: ten times as many as are known at a time
WINDOW = 8  # frames of one camera without an answer: 320 ms at 25 fps, far more than a healthy broker needs
SMALLER_PICTURES = "lower JPEGQUALITY, IMAGESCALEX or IMAGESCALEY of the producer"
ACK_TIMEOUT_S = 0.5  # if the oldest frame has had no answer for that long, the brokers are silent
_REASONS = {
    Delivery.NOT_SENT: Reason.BROKER_UNAVAILABLE,
    Delivery.REFUSED: Reason.BROKER_REFUSED,
    Delivery.TOO_LARGE: Reason.TOO_LARGE,
}

Encode: TypeAlias = Callable[[int], tuple[bytes, Headers]]


@dataclass(slots=True)
class _Line:
    """The frames of one camera that are on their way.

    Attributes:
        run: that the frames belong to; their numbers begin with 1.
        next_number: number of the next frame.
        unanswered: number -> (monotonic time of sending, age in seconds or None).
        returned: number -> (reason, age) of frames that the brokers do not have. Nothing is sent until it is known what
            became of every later frame, and with it whether the number can be given again.
        out_up_to: highest number of a frame that went out.
    """

    run: int
    next_number: int = 1
    unanswered: dict[int, tuple[float, float | None]] = field(default_factory=dict)
    returned: dict[int, tuple[Reason | None, float | None]] = field(default_factory=dict)
    out_up_to: int = 0

    @property
    def is_idle(self) -> bool:
        """Whether it is known of every frame what became of it."""
        return not (self.unanswered or self.returned)


class FrameWriter:
    """Sends the frames of any number of cameras to one topic. Thread-safe."""

    def __init__(self, writer: Writer, topic: str, ledger: Ledger, *, advice: str = SMALLER_PICTURES) -> None:
        """Prepare.

        Args:
            writer: writes the records.
            topic: to write to.
            ledger: counts the frames.
            advice: how to make pictures smaller that are too large for the bus.
        """
        self._writer, self._topic, self._ledger = writer, topic, ledger
        self._oversize = OversizeBoard(lambda size_bytes: writer.limit(topic, size_bytes), advice=advice)
        self._lock = threading.Lock()
        self._lines: dict[str, _Line] = {}  # least recently used first

    def oversize(self, camera: str) -> str | None:
        """Return what is wrong with a camera's pictures if the brokers do not take them for their size, else None."""
        return self._oversize.find(camera)

    def send(self, camera: str, captured_at: int, encode: Encode, *, run: int = 0, clock_suspect: bool = False) -> None:
        """Send one frame, or drop it and enter the reason in the ledger.

        Args:
            camera: id of the camera, the record's key.
            captured_at: microseconds since the epoch.
            encode: returns value and headers for the number that the frame gets. What it raises is passed on, and the
                frame is not in the ledger then.
            run: that the frame belongs to; with another one than the camera's last frame had, the numbers begin again.
            clock_suspect: clocks disagree; leave the age out of the histogram.
        """
        taken = self._take_number(camera, run)
        if taken is None:
            self._ledger.dropped(camera, Reason.BROKER_UNAVAILABLE)
            return
        line, number = taken
        try:
            value, headers = encode(number)
            sizes = len(value), record_bytes(camera.encode(), value, headers)
            self._note_sending(line, number, None if clock_suspect else age_s(captured_at, now_us()))
            self._writer.send(
                self._topic,
                key=camera,
                value=value,
                headers=headers,
                on_delivery=lambda delivery: self._on_delivery(camera, line, number, delivery, sizes),
            )
        except MessageTooLarge:
            self._oversize.refused(camera, *sizes)
            self._on_failure(camera, line, number, Reason.TOO_LARGE)
        except BusError:
            self._on_failure(camera, line, number, Reason.BROKER_UNAVAILABLE)
        except BaseException:
            self._on_failure(camera, line, number, None)
            raise

    def _take_number(self, camera: str, run: int) -> tuple[_Line, int] | None:
        """Return the line of a frame and its number there; None if the frame cannot be sent now."""
        now = time.monotonic()
        with self._lock:
            line = self._line(camera, run)
            oldest = next(iter(line.unanswered.values()), (now, None))[0]
            silent = now - oldest > ACK_TIMEOUT_S
            if not (silent or line.returned or len(line.unanswered) >= WINDOW):
                number = line.next_number
                line.next_number += 1
                line.unanswered[number] = (now, None)
                return line, number
        if silent:
            self._writer.purge_queue()
        return None

    def _line(self, camera: str, run: int) -> _Line:
        """Return a camera's line; forget the one used longest ago if there are too many."""
        line = self._lines.pop(camera, None)
        if line is None or line.run != run:
            line = _Line(run)
        self._lines[camera] = line
        if len(self._lines) > MAX_LINES:
            idle = (name for name, other in self._lines.items() if other is not line and other.is_idle)
            if (oldest := next(idle, None)) is not None:
                del self._lines[oldest]
        return line

    def _note_sending(self, line: _Line, number: int, age: float | None) -> None:
        with self._lock:
            line.unanswered[number] = (time.monotonic(), age)

    def _on_delivery(self, camera: str, line: _Line, number: int, delivery: Delivery, sizes: tuple[int, int]) -> None:
        """Enter what became of a frame that the bus accepted.

        An unconfirmed frame went out: the next stage shows whether the broker has it, as `in` or as lost.

        Args:
            camera: its id.
            line: that the frame belongs to.
            number: of the frame.
            delivery: what became of it.
            sizes: of the picture and of its record, in bytes.
        """
        if delivery is Delivery.TOO_LARGE:
            self._oversize.refused(camera, *sizes)
        elif delivery is Delivery.ACKNOWLEDGED:
            self._oversize.taken(camera)
        if delivery in _REASONS:
            self._on_failure(camera, line, number, _REASONS[delivery])
            return
        with self._lock:
            _, age = line.unanswered.pop(number)
            line.out_up_to = max(line.out_up_to, number)
            self._ledger.out(camera, age_s=age)
            self._clear_returned(camera, line)

    def _on_failure(self, camera: str, line: _Line, number: int, reason: Reason | None) -> None:
        """Enter a frame that the brokers do not have; without a reason it is not entered as dropped."""
        with self._lock:
            _, age = line.unanswered.pop(number)
            line.returned[number] = (reason, age)
            self._clear_returned(camera, line)

    def _clear_returned(self, camera: str, line: _Line) -> None:
        """Enter the frames that came back, as far as it is known what became of all later ones."""
        latest = max(line.unanswered, default=0)
        for number, (reason, age) in list(line.returned.items()):
            if number < line.out_up_to:
                # A later one went out: the next stage sees the gap and enters a lost frame, so this one is `out`.
                self._ledger.out(camera, age_s=age)
            elif number < latest:
                continue
            elif reason is not None:
                self._ledger.dropped(camera, reason)
            del line.returned[number]
        if not line.returned:
            line.next_number = max(line.out_up_to, latest) + 1
