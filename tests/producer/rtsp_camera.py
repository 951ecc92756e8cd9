"""An RTSP camera of ours, with faults at the turn of a switch."""

import base64
import contextlib
import hashlib
import os
import queue
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.end_to_end.numbered import RATE
from tests.producer.rtsp_video import CLOCK, Video

BABBLE_BYTES = 5000
_REALM = 'a "camera", or two'


@dataclass
class Manners:
    """How a camera behaves; may be changed while it runs.

    Attributes:
        user, password: empty: everyone is let in.
        schemes: how it asks for them: Basic, MD5, SHA-256.
        nonces_last: requests that a nonce is good for.
        redirect: link that it answers DESCRIBE with.
        statuses: what it answers to some methods.
        timeout_s: of a session; without a sign of life for so long it hangs up.
        public: methods that it says it knows.
        markers: it sets the marker bit: `true`, `none`, or `each` packet.
        description: another than that of the video.
        rate: pictures a second.
    """

    user: str = ""
    password: str = ""
    schemes: tuple[str, ...] = ("MD5",)
    nonces_last: int = 1000
    redirect: str = ""
    statuses: dict[str, str] = field(default_factory=dict)
    timeout_s: float = 60.0
    public: str = "OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN"
    markers: str = "true"
    description: str = ""
    rate: float = RATE


class RtspCamera:
    """A camera that many may watch; each viewer gets the video from its beginning, over and over."""

    def __init__(
        self, shown: Video, manners: Manners | None = None, *, port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        self.shown = shown
        self.manners = manners or Manners()
        self.frozen = threading.Event()  # stays connected, sends nothing
        self.babbles = threading.Event()  # sends what is nothing
        self.requests: list[tuple[str, str]] = []
        """Method and Authorization of each."""
        self.sent: list[tuple[int, float]] = []
        """Number of each picture since the start of its viewer, and when its last byte was sent, seconds since 1970."""
        self.insert: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        """Bytes to be sent between two packets of the next picture."""
        self.lose = 0
        """Packets of the next pictures that are not sent; their numbers are used up."""
        self._tls, self._closing = tls, threading.Event()
        self._viewers: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def link(self, credentials: str = "", path: str = "live?channel=1") -> str:
        """Return the camera's address."""
        scheme = "rtsps" if self._tls else "rtsp"
        return f"{scheme}://{credentials}{'@' if credentials else ''}127.0.0.1:{self.port}/{path}"

    def asked(self, method: str) -> list[str]:
        """Return the header Authorization of each request of a method."""
        return [authorization for name, authorization in self.requests.copy() if name == method]

    def close(self) -> None:
        """Vanish, with all connections."""
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for viewer in self._viewers.copy():
            with contextlib.suppress(OSError):
                viewer.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError):
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                client = self._tls.wrap_socket(client, server_side=True)
            self._viewers.add(client)
            with client:
                _Viewer(self, client).serve()
        self._viewers.discard(client)


class _Viewer:
    """One connection."""

    def __init__(self, camera: RtspCamera, client: socket.socket) -> None:
        self._camera, self._client = camera, client
        self._sending = threading.Lock()
        self._over = threading.Event()
        self._nonce, self._nonce_used = 0, 0
        self._sequence = 65_530  # it runs over soon

    def serve(self) -> None:
        manners = self._camera.manners
        try:
            while True:
                method, uri, headers = self._request()
                self._camera.requests.append((method, headers.get("authorization", "")))
                if method.startswith("RTSP/"):  # an answer of the viewer
                    continue
                refused = self._refused(method, uri, headers.get("authorization", "")) if manners.user else []
                if refused:
                    self._answer(headers, "401 Unauthorized", *refused)
                elif method in manners.statuses:
                    self._answer(headers, manners.statuses[method])
                elif method == "OPTIONS":
                    self._answer(headers, "200 OK", f"Public: {manners.public}")
                elif method == "DESCRIBE" and manners.redirect:
                    self._answer(headers, "302 Found", f"Location: {manners.redirect}")
                elif method == "DESCRIBE":
                    text = manners.description or self._camera.shown.description
                    self._answer(headers, "200 OK", f"Content-Base: {uri}/", "Content-Type: application/sdp", body=text)
                elif method == "SETUP" and uri.endswith("?channel=1/trackID=2"):
                    transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=0000002A"
                    self._answer(headers, "200 OK", transport, f"Session: 4711;timeout={manners.timeout_s:.0f}")
                    self._client.settimeout(manners.timeout_s)
                elif method == "PLAY":
                    self._answer(headers, "200 OK", "Session: 4711")
                    threading.Thread(target=self._play, daemon=True).start()
                elif method in ("GET_PARAMETER", "TEARDOWN"):
                    self._answer(headers, "200 OK", "Session: 4711")
                else:
                    self._answer(headers, "405 Method Not Allowed")
                if method == "TEARDOWN":
                    return
        finally:
            self._over.set()

    def _request(self) -> tuple[str, str, dict[str, str]]:
        text = b""
        while not text.endswith(b"\r\n\r\n"):
            if not (more := self._client.recv(1)):
                raise EOFError
            text += more
        first, *lines = text.decode().strip().split("\r\n")
        method, uri, _ = first.split(" ")
        return method, uri, {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}

    def _answer(self, headers: dict[str, str], status: str, *lines: str, body: str = "") -> None:
        lines = (f"CSeq: {headers['cseq']}", *lines, *([f"Content-Length: {len(body)}"] if body else []))
        text = "\r\n".join((f"RTSP/1.0 {status}", *lines, "", body))
        with self._sending:
            self._client.sendall(text.encode())

    def _refused(self, method: str, uri: str, authorization: str) -> list[str]:
        """Return the challenges for a request that is refused; none: it is not."""
        manners = self._camera.manners
        self._nonce_used += 1
        stale = self._nonce_used > manners.nonces_last
        right = (self._right(scheme, method, uri, authorization) for scheme in manners.schemes)
        if authorization and not stale and authorization in right:
            return []
        self._nonce, self._nonce_used = self._nonce + 1, 0
        realm = 'realm="' + _REALM.replace('"', '\\"') + '"'
        digest = f'{realm}, nonce="{self._nonce}", qop="auth,auth-int", opaque="7", stale={str(stale).lower()}'
        return [
            "WWW-Authenticate: " + (f"Basic {realm}" if scheme == "Basic" else f"Digest {digest}, algorithm={scheme}")
            for scheme in manners.schemes
        ]

    def _right(self, scheme: str, method: str, uri: str, authorization: str) -> str:
        """Return the authorization that would be right, as far as the client may choose."""
        user, password = self._camera.manners.user, self._camera.manners.password
        if scheme == "Basic":
            return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

        def hashed(text: str) -> str:
            return hashlib.new(scheme.replace("-", ""), text.encode()).hexdigest()

        count, client_nonce = re.search(r"nc=(\w+)", authorization), re.search(r'cnonce="(\w+)"', authorization)
        if not (count and client_nonce):
            return ""
        first, second = hashed(f"{user}:{_REALM}:{password}"), hashed(f"{method}:{uri}")
        middle = f"{self._nonce}:{count[1]}:{client_nonce[1]}:auth"
        response = hashed(f"{first}:{middle}:{second}")
        return authorization if f'response="{response}"' in authorization else ""

    def _play(self) -> None:
        camera = self._camera
        began, number, rate = time.monotonic(), 0, camera.manners.rate
        with contextlib.suppress(OSError):
            while not self._over.is_set() and not camera._closing.is_set():
                if camera.frozen.is_set():
                    self._over.wait(0.02)
                    began = time.monotonic() - number / rate
                    continue
                if camera.babbles.is_set():
                    self._client.sendall(os.urandom(BABBLE_BYTES))
                    self._over.wait(1 / rate)
                    continue
                shown = camera.shown.pictures
                message = self._message(shown[number % len(shown)], int(number * CLOCK / rate))
                with self._sending:
                    at = time.time()  # it takes it in one go; after that we may be kept waiting ourselves
                    self._client.sendall(message)
                camera.sent.append((number, at))
                number += 1
                self._over.wait(max(0.0, began + number / rate - time.monotonic()))

    def _message(self, packets: list[bytes], timestamp: int) -> bytes:
        """Return a picture as it is sent, with a sender report in front."""
        camera = self._camera
        parts = [_interleaved(1, b"\x80\xc8\x00\x06" + bytes(24))]
        for packet in packets:
            kind = packet[1] | 0x80 if camera.manners.markers == "each" else packet[1]
            kind = kind & 0x7F if camera.manners.markers == "none" else kind
            head = struct.pack("!BBHI", 0x80, kind, self._sequence, timestamp)
            self._sequence = (self._sequence + 1) & 0xFFFF
            if camera.lose:
                camera.lose -= 1
                continue
            parts.append(_interleaved(0, head + packet[8:]))
            while not camera.insert.empty():
                parts.append(camera.insert.get())
        return b"".join(parts)


def _interleaved(channel: int, data: bytes) -> bytes:
    return struct.pack("!BBH", 0x24, channel, len(data)) + data


@contextlib.contextmanager
def rtsp_camera(
    shown: Video, manners: Manners | None = None, *, port: int = 0, tls: ssl.SSLContext | None = None
) -> Iterator[RtspCamera]:
    """Run a camera."""
    camera = RtspCamera(shown, manners, port=port, tls=tls)
    try:
        yield camera
    finally:
        camera.close()
