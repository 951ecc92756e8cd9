"""Asks one camera over HTTP/1.1 (RFC 9112): its connection, password and redirections; as lenient as browsers are.

The environment's proxies are not used: they know nothing of cameras in the local network.
"""

import re
import socket
import string
import time
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import quote, urljoin, urlsplit

from producer.faults import OPEN_TIMEOUT_S, connection_error, refusal
from producer.mjpeg.response import NOT_MODIFIED, Response
from producer.rtsp.authentication import Challenge, Credentials, strongest
from producer.source import without_credentials
from producer.tls import connect
from shared.errors import CameraError, CameraLost, CameraRefused

PORTS = {"http": 80, "https": 443}
MOST_REDIRECTS = 5
MOST_HEAD_BYTES = 1 << 16
MOST_ANSWER_BYTES = 1 << 16  # of a refusal or a redirection, to keep its connection
READ_BYTES = 1 << 18
LEAST_READ_BYTES = 1 << 14
MOST_LOW_WATER_BYTES = 1 << 18
PATIENT_S, SHORT_S = 0.2, 0.001  # for many bytes at once; for what has come
_STATUS = re.compile(rb"\s*(?:HTTP/\d(?:\.\d)?|ICY)[ \t]+(\d{3})\b", re.IGNORECASE)
_HEAD_END = re.compile(rb"\r?\n\r?\n")
# No head at all (HTTP/0.9, and cameras that lose their head on a connection that is kept).
_BARE_BODY = re.compile(rb"\s*(?:--|\xff\xd8|Content-Type:)", re.IGNORECASE)
_REDIRECTIONS = frozenset({301, 302, 303, 307, 308})
UNAUTHORIZED = 401


class HttpClient:
    """Asks for one link, again and again. Not thread-safe except for `close`."""

    def __init__(self, link: str, *, ca: str = "") -> None:
        self._ca = ca
        self._link, user, password = without_credentials(link)
        self._credentials = Credentials(user, password) if user or password else None
        self._challenge: Challenge | None = None
        self._socket: socket.socket | None = None
        self._peer = ""
        self._low_water = 1
        self._room = READ_BYTES  # for what is read at once
        self._buffered = b""

    def get(self, conditions: Mapping[str, str] | None = None, *, within_s: float = OPEN_TIMEOUT_S) -> Response:
        """Ask, and return the head of the answer.

        Args:
            conditions: further headers of the request.
            within_s: time for the answer.

        Raises:
            CameraError: there is no answer, or one that is no success.
        """
        deadline_s = time.monotonic() + within_s
        asked = False
        for _ in range(MOST_REDIRECTS + 2):
            response = self._ask(conditions or {}, deadline_s)
            if response.status in _REDIRECTIONS:
                self._drain(response, deadline_s)
                self._follow(response.headers.get("location", ""))
            elif response.status == UNAUTHORIZED and self._credentials:
                self._drain(response, deadline_s)
                offered = strongest([response.headers.get("www-authenticate", "")])
                if asked and not (offered and offered.stale):
                    raise refusal(UNAUTHORIZED)
                asked = True  # a nonce of an earlier request may have become too old
                self._challenge = offered or Challenge("basic")  # some cameras do not say what they want
            elif 200 <= response.status < 300 or response.status == NOT_MODIFIED:
                return response
            else:
                raise refusal(response.status)
        raise CameraLost(f"more than {MOST_REDIRECTS} redirections")

    def read(self, response: Response, deadline_s: float, *, at_least: int = 1) -> bytes | bytearray:
        """Return more of the body; empty when the camera has closed the connection. A bytearray is the caller's.

        Args:
            response: whose body to read.
            deadline_s: until when something must come, monotonic seconds.
            at_least: bytes that are worth waking up for, as far as the kernel can wait for them. A hint: fewer come
                when the deadline has passed.

        Raises:
            TimeoutError: nothing came until the deadline, monotonic seconds.
            CameraError: the connection is lost.
        """
        content: bytes | bytearray = b""
        while not content and not response.closed:
            try:
                data = self._receive(deadline_s, at_least)
            except TimeoutError:
                raise
            except OSError as exc:
                raise connection_error(exc, opening=False) from None
            if not data:
                response.closed = True
            content = response.take(data)
        return content

    def finish(self, response: Response, within_s: float) -> None:
        """Read the rest of a body so that the connection can be used again; close it if that takes long."""
        self._drain(response, time.monotonic() + within_s)

    def close(self) -> None:
        """Close the connection, whatever is under way on it."""
        connected, self._socket, self._buffered = self._socket, None, b""
        if connected is None:
            return
        with suppress(OSError):
            connected.shutdown(socket.SHUT_RDWR)  # it wakes up a reader
        connected.close()

    def _ask(self, conditions: Mapping[str, str], deadline_s: float) -> Response:
        kept = self._socket is not None
        try:
            return self._ask_once(conditions, deadline_s)
        except (OSError, EOFError, CameraError):
            self.close()
            if not kept:
                raise
        deadline_s = max(deadline_s, time.monotonic() + 1.0)
        return self._ask_once(conditions, deadline_s)  # the camera had closed the connection that it kept

    def _ask_once(self, conditions: Mapping[str, str], deadline_s: float) -> Response:
        try:
            self._connect(deadline_s)
            self._send(conditions)
            while (response := self._head(deadline_s)).status < 200:
                pass
        except EOFError:
            raise CameraLost("the camera closed the connection without an answer") from None
        except (OSError, OverflowError, ValueError) as exc:
            raise connection_error(exc, opening=True) from None
        return response

    def _connect(self, deadline_s: float) -> None:
        if self._socket is not None:
            return
        parts = urlsplit(self._link)
        host = (parts.hostname or "").replace("%25", "%")  # the zone of an IPv6 address, encoded (RFC 6874)
        timeout_s = max(0.1, deadline_s - time.monotonic())
        secure, port = parts.scheme.lower() == "https", parts.port or PORTS[parts.scheme.lower()]
        self._socket = connect(host, port, secure=secure, ca=self._ca, timeout_s=timeout_s)
        self._low_water = 1
        self._peer = str(self._socket.getpeername()[0])
        self._buffered = b""

    def _send(self, conditions: Mapping[str, str]) -> None:
        if self._socket is None:
            raise EOFError
        parts = urlsplit(self._link)
        target = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=string.punctuation)
        host = re.sub(r"%.*(?=\])", "", parts.netloc.rpartition("@")[2])  # a zone means nothing to others
        lines = [
            f"GET {target} HTTP/1.1",
            f"Host: {host}",
            "User-Agent: Mozilla/5.0 (compatible; machine-learning-deployment)",
            "Accept: multipart/x-mixed-replace, image/jpeg, */*;q=0.8",
            "Connection: keep-alive",
            *(f"{name}: {value}" for name, value in conditions.items()),
        ]
        if self._challenge and self._credentials:
            lines.append(f"Authorization: {self._challenge.authorization(self._credentials, 'GET', target)}")
        self._socket.settimeout(OPEN_TIMEOUT_S)
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())

    def _head(self, deadline_s: float) -> Response:
        """Read the head of an answer; what has been read beyond it waits for `read`."""
        text = self._buffered
        while not (end := _HEAD_END.search(text, len(text) - len(text.lstrip()))):
            if _BARE_BODY.match(text):
                self._buffered = text
                return Response(200)
            if len(text) > MOST_HEAD_BYTES:
                raise CameraLost(f"the head of its answer has more than {MOST_HEAD_BYTES >> 10} KB")
            self._buffered = b""
            more = self._receive(deadline_s)
            if not more:
                raise EOFError
            text += more
        if _BARE_BODY.match(text):
            self._buffered = text
            return Response(200)
        status = _STATUS.match(text)
        if not status:
            raise CameraLost("its response is not HTTP")
        self._buffered = text[end.end() :]
        return Response(int(status[1]), _headers(text[: end.start()]))

    def _receive(self, deadline_s: float, at_least: int = 1) -> bytes | bytearray:
        if self._buffered:
            waiting, self._buffered = self._buffered, b""
            return waiting
        connected = self._socket
        if connected is None:
            return b""
        left_s = deadline_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        self._wake_at(connected, min(at_least, MOST_LOW_WATER_BYTES))
        connected.settimeout(left_s if self._low_water == 1 else min(left_s, PATIENT_S))
        # Into memory that the reader of the body can keep: a picture is not copied on its way.
        data = bytearray(self._room)
        try:
            received = connected.recv_into(data)
        except TimeoutError:
            if self._low_water == 1:
                raise
            self._wake_at(connected, 1)
            connected.settimeout(SHORT_S)
            received = connected.recv_into(data)
        del data[received:]
        if received == self._room:  # there may be more
            self._room = min(READ_BYTES, 2 * self._room)
        elif 4 * received < self._room:
            self._room = max(LEAST_READ_BYTES, self._room // 2)
        return data

    def _wake_at(self, connected: socket.socket, count: int) -> None:
        """Let the kernel wake this thread when so many bytes have come: once for a picture, not for each segment."""
        if count != self._low_water:
            with suppress(OSError):
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, count)
                self._low_water = count

    def _drain(self, response: Response, deadline_s: float) -> None:
        with suppress(OSError, CameraError):
            while not response.complete and response.received < MOST_ANSWER_BYTES:
                if response.length is None and not response.headers.get("transfer-encoding"):
                    break  # its end is the end of the connection
                response.closed = not self.read(response, deadline_s)
        if not response.complete or not response.keeps_connection:
            self.close()

    def _follow(self, location: str) -> None:
        """Ask elsewhere from now on.

        Raises:
            CameraRefused: the camera names another host, or gives up encryption.
        """
        try:
            target = urljoin(self._link, location.strip())
            new, old = urlsplit(target), urlsplit(self._link)
        except ValueError:
            raise CameraRefused("it redirects to an invalid address") from None
        if not location or new.scheme.lower() not in PORTS:
            raise CameraRefused("it redirects to an address that is not HTTP")
        if new.hostname not in {old.hostname, self._peer}:
            raise CameraRefused("it redirects to another host, which is not followed")
        if old.scheme.lower() == "https" != new.scheme.lower():
            raise CameraRefused("it redirects from https to http, which is not followed")
        self.close()
        self._link, user, password = without_credentials(target)
        if user:
            self._credentials = Credentials(user, password)


def _headers(text: bytes) -> dict[str, str]:
    """Return the header fields; the values of a repeated name are joined, folded lines are unfolded."""
    unfolded = re.sub(r"\r?\n[ \t]+", " ", text.decode("latin-1"))
    headers: dict[str, str] = {}
    for line in unfolded.splitlines()[1:]:
        name, colon, value = line.partition(":")
        if colon:
            key = name.strip().lower()
            headers[key] = f"{headers[key]}, {value.strip()}" if key in headers else value.strip()
    return headers
