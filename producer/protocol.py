"""What goes through the pipes between the producer and the process that captures a camera.

Down goes one line of JSON, the job. It goes through a pipe since links hold passwords, and everyone on a machine may
read the arguments and, as the same user, the environment of a process. Up come messages: a head of fixed size, then
as many bytes as it says.
"""

import enum
import json
import os
import select
import struct
import time
from dataclasses import asdict, dataclass, field

from producer.source import Kind, Source
from shared.errors import CameraError, CameraFrozen, CameraLost, CameraRefused

_HEAD = struct.Struct("<BQIIIIII")  # what, captured_at, width, height, thinned, superseded, undecodable, size
_ERRORS: dict[str, type[CameraError]] = {kind.__name__: kind for kind in (CameraFrozen, CameraLost, CameraRefused)}


@dataclass(frozen=True, slots=True)
class CaptureJob:
    """What to capture and what to make of it.

    Attributes:
        source: of the pictures.
        interval_s: mean time between two frames; 0: every frame.
        scale_x, scale_y: of the published picture.
        quality: of the JPEG, 1 to 100.
        raw: hand over BGR pixels instead of a JPEG.
    """

    source: Source
    interval_s: float = 0.0
    scale_x: float = 1.0
    scale_y: float = 1.0
    quality: int = 80
    raw: bool = False

    def to_line(self) -> bytes:
        """Return the job as one line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> "CaptureJob":
        """Return the job in a line."""
        document = json.loads(line)
        source = document.pop("source")
        return cls(source=Source(Kind(source["kind"]), source["text"]), **document)


class MessageKind(enum.IntEnum):
    """What a message is."""

    FRAME = 1  # a picture, to be published
    COUNTS = 2  # counts only
    FAILED = 3  # why there are no more pictures; the last message


@dataclass(frozen=True, slots=True)
class Counts:
    """Frames that were captured and end there, since the message before."""

    thinned: int = 0
    superseded: int = 0
    undecodable: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        """Return both together."""
        return Counts(
            self.thinned + other.thinned, self.superseded + other.superseded, self.undecodable + other.undecodable
        )


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a capture.

    Attributes:
        what: its kind.
        tally: in every message.
        captured_at: microseconds since the epoch; of a frame.
        width, height: of a frame, pixels.
        payload: JPEG or raw BGR rows of a frame; JSON [error, reason] of a failure.
    """

    what: MessageKind
    tally: Counts = Counts()
    captured_at: int = 0
    width: int = 0
    height: int = 0
    payload: bytes = field(default=b"", repr=False)

    @classmethod
    def failed(cls, error: CameraError, tally: Counts) -> "Message":
        """Return the message of a failure."""
        return cls(MessageKind.FAILED, tally, payload=json.dumps([type(error).__name__, str(error)]).encode())

    def error(self) -> CameraError:
        """Return the failure that the message tells."""
        name, reason = json.loads(self.payload)
        return _ERRORS.get(name, CameraLost)(reason)


def send(pipe: int, message: Message) -> None:
    """Write a message to a blocking pipe.

    Raises:
        BrokenPipeError: nobody reads any more.
    """
    tally = message.tally
    head = _HEAD.pack(
        message.what,
        message.captured_at,
        message.width,
        message.height,
        tally.thinned,
        tally.superseded,
        tally.undecodable,
        len(message.payload),
    )
    for part in (head, message.payload):
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(pipe, rest) :]


class Receiver:
    """Reads messages from a pipe; made for one thread."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._poll = select.poll()
        self._poll.register(pipe, select.POLLIN)
        self._head = bytearray(_HEAD.size)
        self._body: bytearray | None = None
        self._have = 0

    def receive(self, timeout_s: float) -> Message | None:
        """Return the next message; None: it has not come, or not all of it, in that time.

        Raises:
            EOFError: the other side has closed the pipe, or ended.
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
                return self._taken()

    def _taken(self) -> Message:
        what, captured_at, width, height, thinned, superseded, undecodable, _ = _HEAD.unpack(self._head)
        payload = bytes(self._body or b"")
        self._body, self._have = None, 0
        return Message(MessageKind(what), Counts(thinned, superseded, undecodable), captured_at, width, height, payload)
