"""One connection to an RTSP camera: text messages and binary packets in one stream (RFC 2326, section 10.12)."""

import re
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias

BUFFER_BYTES = 1 << 18
MOST_TEXT = 1 << 15  # bytes of a message's head, and of its body
LONGEST_LINE = 1 << 11
SEND_WITHIN_S = 3.0

_DOLLAR = 0x24
_HEAD = 4  # bytes: $, channel, two of the length
_LEAST = 8  # bytes: an empty receiver report of RTCP; RTP has 12
_VERSION = 2  # of RTP and RTCP, the two highest bits of a packet
_MARKER = 0x80  # the highest bit of an RTP packet's second byte; the others are its payload type
_RTCP_KINDS = frozenset(range(200, 208))
_STATUS = re.compile(rb"RTSP/1\.\d (\d{3})\b[^\r\n]*")
_REQUEST = re.compile(rb"([A-Z_]{2,20}) [^\r\n]* RTSP/1\.\d")
_TEXT = re.compile(rb"[A-Z_]{2,20}([ /][ -~]*\r?)?")  # the beginning of either


@dataclass(frozen=True, slots=True)
class Packet:
    """Binary data of one channel.

    Attributes:
        channel: as agreed upon in SETUP.
        data: RTP or RTCP.
        captured_at: when its last byte had been read, microseconds since the epoch.
        at_s: the same, monotonic seconds.
    """

    channel: int
    data: bytes = field(repr=False)
    captured_at: int
    at_s: float


@dataclass(frozen=True, slots=True)
class Response:
    """The camera's answer to a request of ours; the names of headers are in lower case."""

    status: int
    headers: Mapping[str, list[str]]
    body: bytes = b""

    def first(self, name: str) -> str:
        """Return the first header of a name; empty: there is none."""
        return self.headers.get(name, [""])[0]


@dataclass(frozen=True, slots=True)
class Request:
    """What the camera asks of us."""

    method: str
    headers: Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class Unrecognised:
    """A stretch of bytes that are none of the others; where it ends is not known yet. Times as of a packet."""

    captured_at: int
    at_s: float


Received: TypeAlias = Packet | Response | Request | Unrecognised


def connect(host: str, port: int, *, tls: bool, timeout_s: float) -> socket.socket:
    """Return a connected socket.

    Certificates are not looked at: cameras sign their own.

    Raises:
        OSError: there is no connection, or no TLS.
    """
    connected = socket.create_connection((host, port), timeout_s)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not tls:
        return connected
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        return context.wrap_socket(connected, server_hostname=host)
    except OSError:
        connected.close()
        raise


class Connection:
    """Tells messages and packets apart. Reading is made for one thread; sending is not bound to it."""

    def __init__(self, connected: socket.socket) -> None:
        self._kinds: dict[int, frozenset[int]] = {}
        self._socket = connected
        self._sending = threading.Lock()
        self._buffer = bytearray(BUFFER_BYTES)
        self._begin = self._end = 0
        self._read_at = (0, 0.0)
        self._lost = False  # amid noise

    def expect(self, rtp_channel: int, payload_type: int, rtcp_channel: int) -> None:
        """Take nothing else for the end of noise: any byte may follow on any other in it."""
        self._kinds = {rtp_channel: frozenset({payload_type, payload_type | _MARKER}), rtcp_channel: _RTCP_KINDS}

    @property
    def expects(self) -> bool:
        """Tell whether packets may come."""
        return bool(self._kinds)

    def send(self, message: bytes) -> None:
        """Send a message.

        Raises:
            OSError: the connection is gone, or the camera does not take it.
        """
        with self._sending:
            self._socket.settimeout(SEND_WITHIN_S)
            self._socket.sendall(message)

    def receive(self, deadline_s: float) -> Received:
        """Return what comes next.

        Args:
            deadline_s: monotonic seconds.

        Raises:
            TimeoutError: it did not come, or not all of it, until then.
            EOFError: the camera has closed the connection.
            OSError: the connection is gone.
        """
        while True:
            amid_noise = self._lost
            received = self._next()
            if received is None:
                self._fill(deadline_s)
            elif not (amid_noise and self._lost):  # one stretch of noise is said once
                return received

    def close(self) -> None:
        """Close the connection, whatever is under way on it."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # it wakes up who reads
        self._socket.close()

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
        self._read_at = time.time_ns() // 1000, time.monotonic()
        self._end += got

    def _next(self) -> Received | None:
        """Return what the buffer begins with; None: it is not complete."""
        while self._begin < self._end and self._buffer[self._begin] in b"\r\n":  # between messages; harmless
            self._begin += 1
        if self._end - self._begin < _HEAD:
            return None
        if self._buffer[self._begin] != _DOLLAR:
            return self._text()
        channel = self._buffer[self._begin + 1]
        size = self._buffer[self._begin + 2] << 8 | self._buffer[self._begin + 3]
        begin, end = self._begin + _HEAD, self._begin + _HEAD + size
        if size < _LEAST:
            return self._noise()
        if begin + 2 > self._end:
            return None
        version, kind = self._buffer[begin] >> 6, self._buffer[begin + 1]
        if version != _VERSION or (self._lost and kind not in self._kinds.get(channel, ())):
            return self._noise()
        if end > self._end:
            return None
        self._begin, self._lost = end, False
        return Packet(channel, bytes(memoryview(self._buffer)[begin:end]), *self._read_at)

    def _text(self) -> Received | None:
        text = bytes(self._buffer[self._begin : min(self._end, self._begin + 2 * MOST_TEXT)])
        line, found, _ = text.partition(b"\n")
        if len(line) > LONGEST_LINE or not _TEXT.fullmatch(line):
            return self._noise()
        if not found:
            return None
        status, request = _STATUS.fullmatch(line.rstrip(b"\r")), _REQUEST.fullmatch(line.rstrip(b"\r"))
        if not (status or request):
            return self._noise()
        head = re.search(rb"\r?\n\r?\n", text)
        if head is None:
            return self._noise() if len(text) > MOST_TEXT else None
        headers = _headers(text[len(line) : head.start()])
        length = headers.get("content-length", ["0"])[0]
        size = int(length[:9]) if length.isdecimal() else 0
        if size > MOST_TEXT:
            return self._noise()
        if len(text) < head.end() + size:
            return None
        self._begin += head.end() + size
        self._lost = False
        if status:
            return Response(int(status[1]), headers, text[head.end() : head.end() + size])
        return Request(request[1].decode(), headers) if request else self._noise()

    def _noise(self) -> Unrecognised:
        """Go on where a packet or an answer may begin."""
        self._lost = True
        places = rb"\$[" + re.escape(bytes(self._kinds)) + rb"]|" if self._kinds else rb""
        begin = re.compile(places + rb"RTSP/1\.").search(self._buffer, self._begin + 1, self._end)
        # What is cut off at the end may be the beginning of one.
        self._begin = begin.start() if begin else max(self._begin + 1, self._end - len(b"RTSP/1") + 1)
        return Unrecognised(*self._read_at)


def _headers(text: bytes) -> dict[str, list[str]]:
    headers: dict[str, list[str]] = {}
    for line in text.decode(errors="replace").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), []).append(value.strip())
    return headers
