"""RTSP cameras that are odd in one way each: subclasses of a plain one, which changes what it says or sends."""

import contextlib
import itertools
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from functools import cache
from typing import Any

from tests.end_to_end.numbered import picture
from tests.producer.rtsp_video import CLOCK, START_CODE, Video, video

RATE = 50
PICTURES, KEY_EVERY = 25, 10
DESCRIPTION = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=odd\r\nt=0 0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\n"
    "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:trackID=1\r\n"
)


@cache
def shown() -> Video:
    """Return the video of all odd cameras: key pictures of several slices, each tenth."""
    pictures = [picture(number) for number in range(PICTURES)]
    options: dict[str, Any] = {"x264-params": "threads=1:slices=2:repeat-headers=1"}
    return video(pictures=pictures, key_every=KEY_EVERY, **options)


@cache
def access_units() -> tuple[tuple[bytes, ...], ...]:
    """Return the pictures of that video as units of H.264."""
    units = []
    for packets in shown().pictures:
        found, pieces = [], b""
        for payload in (packet[12:] for packet in packets):
            kind = payload[0] & 31
            if kind == 24:
                at = 1
                while at < len(payload):
                    size = int.from_bytes(payload[at : at + 2], "big")
                    found.append(payload[at + 2 : at + 2 + size])
                    at += 2 + size
            elif kind == 28:
                pieces = pieces if not payload[1] & 0x80 else bytes((payload[0] & 0xE0 | payload[1] & 31,))
                pieces += payload[2:]
                if payload[1] & 0x40:
                    found.append(pieces)
            else:
                found.append(payload)
        units.append(tuple(unit for unit in found if unit and not START_CODE.match(unit)))
    return tuple(units)


class OddCamera:
    """A plain camera; each viewer gets the video from its beginning, over and over."""

    scheme, path, credentials = "rtsp", "live", ""
    tls: ssl.SSLContext | None = None
    description = DESCRIPTION
    most = 1200  # bytes of a payload
    version = "RTSP/1.0"
    line_end = "\r\n"
    gives_length = True

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.unhappy: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._clients: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def link(self) -> str:
        """Return the camera's address."""
        return f"{self.scheme}://{self.credentials}127.0.0.1:{self.port}/{self.path}"

    def asked(self, method: str) -> int:
        """Return how often a method was asked for."""
        return sum(name == method for name, _, _ in self.requests)

    def close(self) -> None:
        """Vanish, with all connections."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for client in self._clients.copy():
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    # What subclasses change.

    def reply(self, method: str, uri: str, headers: dict[str, str]) -> bytes | None:
        """Return the answer to a request; None: there is none."""
        if method == "OPTIONS":
            return self.message(headers, "Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN")
        if method == "DESCRIBE":
            return self.message(headers, *self.base(uri), "Content-Type: application/sdp", body=self.description)
        if method == "SETUP":
            if not self.knows(uri):
                return self.message(headers, status="404 Not Found")
            return self.message(headers, *self.transport(), "Session: 4711;timeout=60")
        return self.message(headers, "Session: 4711")

    def base(self, uri: str) -> list[str]:
        """Return the headers that say what addresses are relative to."""
        return [f"Content-Base: {uri}/"]

    def knows(self, uri: str) -> bool:
        """Return whether an address is that of the track."""
        return uri == f"{self.scheme}://127.0.0.1:{self.port}/{self.path}/trackID=1"

    def transport(self) -> list[str]:
        """Return the header of the transport."""
        return ["Transport: RTP/AVP/TCP;unicast;interleaved=0-1"]

    def number(self, number: str) -> list[str]:
        """Return the header with the number of an answer."""
        return [f"CSeq: {number}"]

    def packets(self, units: tuple[bytes, ...], timestamp: int, count: int) -> list[tuple[bytes, bool]]:
        """Return the payloads of a picture, each with its marker."""
        payloads = [payload for unit in units for payload in self.payloads(unit)]
        return [(payload, at == len(payloads) - 1) for at, payload in enumerate(payloads)]

    def frames(self, packets: list[bytes], count: int) -> list[bytes]:
        """Return what is sent for the packets of a picture."""
        return [framed(0, packet) for packet in packets]

    def before_answer(self, method: str, client: socket.socket) -> None:
        """Send something in front of the answer."""

    def after_answer(self, method: str, client: socket.socket) -> None:
        """Send something behind the answer, or hang up."""

    # What they use.

    def message(self, headers: dict[str, str], *lines: str, status: str = "200 OK", body: str = "") -> bytes:
        """Return an answer."""
        data = body.encode("utf-8", "surrogateescape")
        length = [f"Content-Length: {self.length(data)}"] if data and self.gives_length else []
        head = [f"{self.version} {status}", *self.number(headers.get("cseq", "")), *lines, *length]
        return (self.line_end.join(head) + self.line_end * 2).encode("utf-8", "surrogateescape") + data

    def length(self, body: bytes) -> int:
        """Return the length that is announced."""
        return len(body)

    def payloads(self, unit: bytes) -> list[bytes]:
        """Return a unit, in fragments if it is long (RFC 6184, section 5.8)."""
        if len(unit) <= self.most:
            return [unit]
        pieces = [unit[at : at + self.most] for at in range(1, len(unit), self.most)]
        ends = [(0x80 if not at else 0) | (0x40 if at == len(pieces) - 1 else 0) for at in range(len(pieces))]
        head = bytes((unit[0] & 0xE0 | 28,))
        return [head + bytes((end | unit[0] & 31,)) + piece for end, piece in zip(ends, pieces, strict=True)]

    def rtp(self, payload: bytes, timestamp: int, *, marker: bool, sequence: int, kind: int = 96) -> bytes:
        """Return a packet."""
        return struct.pack("!BBHII", 0x80, kind | marker << 7, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, 7) + payload

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        over, lock = threading.Event(), threading.Lock()
        with contextlib.suppress(OSError, EOFError):
            if self.tls:
                client = self.tls.wrap_socket(client, server_side=True)
            self._clients.add(client)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                method, uri, headers = _request(client)
                self.requests.append((method, uri, headers))
                if method.startswith("RTSP/"):  # an answer of the viewer
                    continue
                with lock:
                    self.before_answer(method, client)
                    if (answer := self.reply(method, uri, headers)) is not None:
                        client.sendall(answer)
                    self.after_answer(method, client)
                if method == "PLAY" and (answer is None or b" 200" in answer.split(b"\n")[0]):
                    threading.Thread(target=self._play, args=(client, lock, over), daemon=True).start()
                if method == "TEARDOWN":
                    break
        over.set()
        client.close()
        self._clients.discard(client)

    def _play(self, client: socket.socket, lock: threading.Lock, over: threading.Event) -> None:
        sequence, began = 65_500, time.monotonic()
        with contextlib.suppress(OSError):
            for count, units in enumerate(itertools.cycle(access_units())):
                timestamp = 12_345 + count * CLOCK // RATE
                packets = []
                for payload, marker in self.packets(units, timestamp, count):
                    packets.append(self.rtp(payload, timestamp, marker=marker, sequence=sequence))
                    sequence += 1
                with lock:
                    client.sendall(b"".join(self.frames(packets, count)))
                if over.wait(max(0.0, began + (count + 1) / RATE - time.monotonic())):
                    return


def framed(channel: int, packet: bytes) -> bytes:
    """Return a packet as it is sent in the connection of the session."""
    return struct.pack("!BBH", 0x24, channel, len(packet)) + packet


def _request(client: socket.socket) -> tuple[str, str, dict[str, str]]:
    text = b""
    while not text.endswith(b"\r\n\r\n"):
        if not (more := client.recv(1)):
            raise EOFError
        text = text + more if text or more != b"$" else b""
    first, *lines = text.decode("utf-8", "surrogateescape").strip().split("\r\n")
    method, uri = re.split(" +", first)[:2]
    return method, uri, {name.lower(): value for name, value in (line.split(": ", 1) for line in lines if ": " in line)}


@contextlib.contextmanager
def running(camera: OddCamera) -> Iterator[OddCamera]:
    """Close a camera in the end."""
    try:
        yield camera
    finally:
        camera.close()
