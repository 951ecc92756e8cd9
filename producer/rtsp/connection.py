"""One connection to an RTSP camera: text messages and binary packets in one stream (RFC 2326, section 10.12)."""

import re
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias

from producer.rtsp import messages
from producer.rtsp.messages import Pending, Request, Response
from shared.clock import Instant

BUFFER_BYTES = 1 << 18
SEND_WITHIN_S = 3.0

_DOLLAR = 0x24
_HEAD = 4  # bytes: $, channel, two of the length
_LEAST = 8  # bytes: an empty receiver report of RTCP; RTP has 12
_VERSION = 2  # of RTP and RTCP, the two highest bits of a packet
_MARKER = 0x80  # the highest bit of an RTP packet's second byte; the others are its payload type
RTCP_TYPES = frozenset(range(200, 208))  # second byte of RTCP packets (RFC 3550, RFC 4585, RFC 3611)
_MOST_TEXT = messages.MOST_HEAD_BYTES + messages.MOST_BODY_BYTES


@dataclass(frozen=True, slots=True)
class Packet:
    """Binary data of one channel.

    Attributes:
        channel: as agreed upon in SETUP, if the camera keeps to it.
        data: RTP or RTCP.
        captured: when its last byte had been read.
    """

    channel: int
    data: bytes = field(repr=False)
    captured: Instant

    @property
    def is_rtcp(self) -> bool:
        """Return whether it is a report about packets rather than one with video."""
        return self.data[1] in RTCP_TYPES


@dataclass(frozen=True, slots=True)
class Unrecognised:
    """A stretch of bytes that is neither message nor packet; its end is not known yet. `captured` as of a packet."""

    captured: Instant


Received: TypeAlias = Packet | Response | Request | Unrecognised


class Connection:
    """Separates messages and packets. Reading is not thread-safe: use it from one thread. Sending is thread-safe."""

    def __init__(self, connected: socket.socket) -> None:
        self._types: dict[int, frozenset[int]] = {}
        self._socket = connected
        self._sending = threading.Lock()
        self._buffer = bytearray(BUFFER_BYTES)
        self._begin = self._end = 0
        self._read_at = Instant.now()
        self._lost = False  # amid unrecognised bytes
        self._closed = False  # by the camera

    def expect(self, channels: frozenset[int], payload_types: frozenset[int]) -> None:
        """Accept only these packets as the end of unrecognised bytes, in which any byte may follow any other."""
        types = payload_types | {payload_type | _MARKER for payload_type in payload_types} | RTCP_TYPES
        self._types = dict.fromkeys(channels, types)

    @property
    def expects(self) -> bool:
        """Return whether packets may come."""
        return bool(self._types)

    @property
    def peer(self) -> str:
        """Return the address of the camera."""
        return str(self._socket.getpeername()[0])

    def send(self, message: bytes) -> None:
        """Send a message.

        Raises:
            OSError: the connection is lost, or the camera does not accept the message in time.
        """
        with self._sending:
            self._socket.settimeout(SEND_WITHIN_S)
            self._socket.sendall(message)

    def receive(self, deadline_s: float, *, description: bool = False) -> Received:
        """Return the next message or packet.

        Args:
            deadline_s: monotonic seconds.
            description: the next answer is expected to hold a session description.

        Raises:
            TimeoutError: it did not come, or not all of it, until then.
            EOFError: the camera has closed the connection.
            OSError: the connection is lost.
        """
        while True:
            was_lost = self._lost
            received = self._next(quiet=False, description=description)
            if isinstance(received, Pending) or received is None:
                received = self._wait(received, deadline_s, description=description)
            if received is not None and not (was_lost and self._lost):  # one stretch is reported once
                return received

    def close(self) -> None:
        """Close the connection, whatever is going on in it."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # it wakes up the reading thread
        self._socket.close()

    def _wait(self, pending: Pending | None, deadline_s: float, *, description: bool) -> Received | None:
        """Wait for more bytes; return what is pending if no more come."""
        quiet_s = pending.quiet_s if pending else None
        settled_s = deadline_s if quiet_s is None else min(deadline_s, self._read_at.monotonic_s + quiet_s)
        try:
            self._fill(settled_s)
        except (TimeoutError, EOFError):
            received = self._next(quiet=True, description=description) if quiet_s is not None else None
            if received is None or isinstance(received, Pending):
                raise
            return received
        return None

    def _fill(self, deadline_s: float) -> None:
        left_s = deadline_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        if self._begin:
            self._buffer[: self._end - self._begin] = self._buffer[self._begin : self._end]
            self._begin, self._end = 0, self._end - self._begin
        self._socket.settimeout(left_s)
        got = self._socket.recv_into(memoryview(self._buffer)[self._end :])
        if not got:
            raise EOFError
        self._read_at = Instant.now()
        self._end += got

    def _next(self, *, quiet: bool, description: bool) -> Received | Pending | None:
        """Return what the buffer begins with, or None if it is not complete."""
        while self._begin < self._end and self._buffer[self._begin] in b"\r\n":  # between messages; harmless
            self._begin += 1
        if self._end - self._begin < _HEAD:
            return None
        if self._buffer[self._begin] != _DOLLAR:
            return self._message(quiet=quiet, description=description)
        channel = self._buffer[self._begin + 1]
        size = self._buffer[self._begin + 2] << 8 | self._buffer[self._begin + 3]
        begin, end = self._begin + _HEAD, self._begin + _HEAD + size
        if size < _LEAST:
            return self._unrecognised()
        if begin + 2 > self._end:
            return None
        version, kind = self._buffer[begin] >> 6, self._buffer[begin + 1]
        if version != _VERSION or (self._lost and kind not in self._types.get(channel, ())):
            return self._unrecognised()
        if end > self._end:
            return None
        self._begin, self._lost = end, False
        return Packet(channel, bytes(memoryview(self._buffer)[begin:end]), self._read_at)

    def _message(self, *, quiet: bool, description: bool) -> Received | Pending | None:
        text = bytes(self._buffer[self._begin : min(self._end, self._begin + _MOST_TEXT)])
        parsed = messages.parse(text, quiet=quiet, description=description, is_packet=self._is_packet)
        if parsed is None:
            return self._unrecognised()
        if isinstance(parsed, Pending):
            return parsed
        message, size = parsed
        self._begin += size
        self._lost = False
        return message

    def _is_packet(self, text: bytes) -> bool:
        return len(text) > _HEAD + 1 and text[0] == _DOLLAR and text[_HEAD + 1] in self._types.get(text[1], ())

    def _unrecognised(self) -> Unrecognised:
        """Continue where a packet or an answer may begin."""
        self._lost = True
        places = rb"\$[" + re.escape(bytes(self._types)) + rb"]|" if self._types else rb""
        begin = re.compile(places + rb"RTSP/\d").search(self._buffer, self._begin + 1, self._end)
        # What is cut off at the end may be the beginning of one.
        self._begin = begin.start() if begin else max(self._begin + 1, self._end - len(b"RTSP/1") + 1)
        return Unrecognised(self._read_at)
