"""The messages between the producer and the process that captures a camera.

The producer sends one line of JSON: the job. It travels through a pipe because links hold passwords, and anyone on a
machine can read the arguments of a process and, as the same user, its environment. The capture answers with messages:
a head of fixed size, then as many bytes as the head announces.
"""

import enum
import json
import os
import select
import struct
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import TypeAlias

from producer.rhythm import FIRST_PICTURE_S, SECOND_PICTURE_S, Rhythm
from producer.source import Source, SourceKind
from shared.errors import CameraError, CameraFrozen, CameraLost, CameraRefused

FACT = "FACT "  # begins a line on standard error: a name, a blank and a value
NEWS = "INFO "  # begins a line on standard error that is worth telling; what libraries print is not
_HEAD = struct.Struct("<BQIIIIIII")  # kind, captured_at, width, height, then the counts, size
Polygons: TypeAlias = tuple[tuple[tuple[float, float], ...], ...]
"""Polygons of points (x, y) in fractions of width and height; producer/polygons.py checks them."""
_ERRORS: dict[str, type[CameraError]] = {kind.__name__: kind for kind in (CameraFrozen, CameraLost, CameraRefused)}


@dataclass(frozen=True, slots=True)
class CaptureJob:
    """What to capture and how to encode it.

    Attributes:
        source: where the pictures come from.
        interval_s: mean time between two frames; 0 keeps every frame.
        scale_x, scale_y: scale of the published width and height.
        quality: JPEG quality, 1 to 100.
        masks: polygons that are painted over, points in fractions of the published width and height.
        raw: deliver BGR pixels instead of a JPEG.
        timeout_s: the longest silence as CAMERATIMEOUT sets it; None: it follows the camera's rhythm.
        first_s: time for the first picture.
        cautious: trust the camera's rhythm only after ten gaps.
        second_s: longest silence while the rhythm is not known.
        ca: what certificates of cameras are verified against, as CAMERACA sets it; empty: they are not.
    """

    source: Source
    interval_s: float = 0.0
    scale_x: float = 1.0
    scale_y: float = 1.0
    quality: int = 80
    masks: Polygons = ()
    raw: bool = False
    timeout_s: float | None = None
    first_s: float = FIRST_PICTURE_S
    cautious: bool = False
    second_s: float = SECOND_PICTURE_S
    ca: str = ""

    def rhythm(self) -> Rhythm:
        """Return the rhythm by which to judge one attempt to do the job."""
        return Rhythm(self.timeout_s, self.first_s, self.cautious, self.second_s)

    def to_line(self) -> bytes:
        """Return the job as one line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> "CaptureJob":
        """Return the job that a line describes."""
        document = json.loads(line)
        source, masks = document.pop("source"), document.pop("masks")
        return cls(
            source=Source(SourceKind(source["kind"]), source["text"]),
            masks=tuple(tuple((x, y) for x, y in polygon) for polygon in masks),
            **document,
        )


class MessageKind(enum.IntEnum):
    """What a message carries."""

    FRAME = 1  # a picture to publish
    COUNTS = 2  # counts only
    FAILED = 3  # why there are no more pictures; always the last message


@dataclass(frozen=True, slots=True)
class Counts:
    """Frames dropped in the capture since the previous message, by reason."""

    thinned: int = 0
    superseded: int = 0
    undecodable: int = 0
    unmasked: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        """Return the sums."""
        return Counts(
            self.thinned + other.thinned,
            self.superseded + other.superseded,
            self.undecodable + other.undecodable,
            self.unmasked + other.unmasked,
        )


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a capture.

    Attributes:
        kind: of the message.
        counts: frames dropped in the capture since the previous message.
        captured_at: of a frame, microseconds since the epoch.
        width, height: of a frame, pixels.
        payload: JPEG or raw BGR rows of a frame; JSON [error, reason] of a failure.
    """

    kind: MessageKind
    counts: Counts = Counts()
    captured_at: int = 0
    width: int = 0
    height: int = 0
    payload: bytes = field(default=b"", repr=False)

    @classmethod
    def failed(cls, error: CameraError, counts: Counts) -> "Message":
        """Return the message of a failure."""
        return cls(MessageKind.FAILED, counts, payload=json.dumps([type(error).__name__, str(error)]).encode())

    def error(self) -> CameraError:
        """Return the error that a FAILED message carries."""
        name, reason = json.loads(self.payload)
        return _ERRORS.get(name, CameraLost)(reason)


def state_fact(name: str, value: str) -> None:
    """Report a fact about the camera to the producer, for the log and `--check`; called in the capture."""
    sys.stderr.write(f"{FACT}{name} {value}\n")
    sys.stderr.flush()


def send(pipe: int, message: Message) -> None:
    """Write a message to a blocking pipe.

    Raises:
        BrokenPipeError: the reader has closed the pipe.
    """
    counts = message.counts
    head = _HEAD.pack(
        message.kind,
        message.captured_at,
        message.width,
        message.height,
        counts.thinned,
        counts.superseded,
        counts.undecodable,
        counts.unmasked,
        len(message.payload),
    )
    for part in (head, message.payload):
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(pipe, rest) :]


class Receiver:
    """Reads messages from a pipe. Not thread-safe: use from one thread."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._poll = select.poll()
        self._poll.register(pipe, select.POLLIN)
        self._head = bytearray(_HEAD.size)
        self._body: bytearray | None = None
        self._have = 0

    def receive(self, timeout_s: float) -> Message | None:
        """Return the next message, or None if it has not arrived in full within the timeout.

        Raises:
            EOFError: the writer has closed the pipe or ended.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            wanted = self._head if self._body is None else self._body
            if self._have < len(wanted):
                if not self._poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                    return None
                got = os.readv(self._pipe, [memoryview(wanted)[self._have :]])
                if not got:
                    raise EOFError
                self._have += got
            elif self._body is None:
                self._body = bytearray(_HEAD.unpack(self._head)[-1])
                self._have = 0
            else:
                return self._message()

    def _message(self) -> Message:
        kind, captured_at, width, height, *counts, _ = _HEAD.unpack(self._head)
        payload = bytes(self._body or b"")
        self._body, self._have = None, 0
        return Message(MessageKind(kind), Counts(*counts), captured_at, width, height, payload)
