"""A session with an RTSP camera (RFC 2326): one video, over TCP, in the connection of the session itself."""

import contextlib
import re
import string
import threading
import time
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

from producer.faults import OPEN_TIMEOUT_S, READ_TIMEOUT_S, connection_error, refusal, silence
from producer.rtsp.authentication import Credentials
from producer.rtsp.connection import Connection, Packet, Request, Response, Unrecognised, connect
from producer.rtsp.depacketizer import UnsupportedStream
from producer.rtsp.request_channel import UNAUTHORIZED, RequestChannel
from producer.rtsp.sdp import Description, Track, parse
from producer.source import without_credentials
from shared.errors import CameraLost

PORTS = {"rtsp": 554, "rtsps": 322}
MOST_REDIRECTS = 5
DEFAULT_TIMEOUT_S = 60.0  # RFC 2326, section 12.37
LONGEST_QUIET_S, AGAIN_S = 30.0, 1.0  # between two signs of life; after one that was refused
LEAVE_WITHIN_S = 0.1

_CHANNELS = (0, 1)  # RTP, RTCP
_UNSUPPORTED_TRANSPORT, _SESSION_NOT_FOUND = 461, 454


class _Redirected(Exception):
    """The camera names another link."""

    def __init__(self, link: str) -> None:
        super().__init__()
        self.link = link


def opened(link: str) -> tuple["Session", Description]:
    """Return a session with the camera of a link, and what the camera says it sends.

    Raises:
        CameraError: there is none.
    """
    deadline_s = time.monotonic() + OPEN_TIMEOUT_S
    place, user, password = without_credentials(link)
    credentials: Credentials | None = Credentials(user, password) if user or password else None
    for _ in range(MOST_REDIRECTS):
        session = Session(place, credentials, deadline_s)
        try:
            return session, session.describe()
        except _Redirected as exc:
            session.close()
            if urlsplit(exc.link).hostname != urlsplit(place).hostname:
                credentials = None  # a password is for the host that it was given for
            place = exc.link
        except BaseException:
            session.close()
            raise
    raise CameraLost(f"more than {MOST_REDIRECTS} redirections")


class Session:
    """Speaks with one camera. Made for one thread, but for `close`."""

    def __init__(self, link: str, credentials: Credentials | None, deadline_s: float) -> None:
        """Connect.

        Args:
            link: without user information.
            credentials: None: there are none.
            deadline_s: until when the camera has to send, monotonic seconds.

        Raises:
            CameraError: it does not answer.
        """
        self._link = quote(link.partition("#")[0], safe=string.punctuation)
        self._deadline_s = deadline_s
        self._base = self._whole = self._link  # in front of its parts' addresses; of the session as a whole
        self._timeout_s = DEFAULT_TIMEOUT_S
        self._alive_by, self._alive_due_s = "OPTIONS", 0.0
        self._early: list[Packet] = []  # packets that came before the answer to PLAY
        self._channel = _CHANNELS[0]
        self._unread = threading.Event()  # nobody reads packets
        self._unread.set()
        try:
            parts = urlsplit(self._link)
            connected = connect(
                parts.hostname or "",
                parts.port or PORTS[parts.scheme.lower()],
                tls=parts.scheme.lower() == "rtsps",
                timeout_s=max(0.1, deadline_s - time.monotonic()),
            )
        except (OSError, OverflowError, ValueError) as exc:
            raise connection_error(exc, opening=True) from None
        self._connection = Connection(connected)
        self._dialogue = RequestChannel(self._connection, credentials)

    def describe(self) -> Description:
        """Ask what the camera sends.

        Raises:
            CameraError: it does not say, or refuses.
        """
        options = self._ask("OPTIONS", self._link)
        if "GET_PARAMETER" in options.first("public").upper():
            self._alive_by = "GET_PARAMETER"
        answer = self._ask("DESCRIBE", self._link, Accept="application/sdp")
        if answer.status in range(300, 400) and answer.first("location"):
            raise _Redirected(_elsewhere(answer.first("location")))
        self._insist(answer)
        self._base = answer.first("content-base") or answer.first("content-location") or self._link
        description = parse(answer.body.decode(errors="replace"))
        self._whole = _joined(self._base, description.control)
        return description

    def play(self, track: Track) -> None:
        """Let the camera send one of its videos.

        Raises:
            UnsupportedStream: it does not send over TCP in the connection of the session.
            CameraError: it refuses.
        """
        transport = f"{track.profile}/TCP;unicast;interleaved={_CHANNELS[0]}-{_CHANNELS[1]}"
        answer = self._ask("SETUP", _joined(self._base, track.control), Transport=transport)
        if answer.status == _UNSUPPORTED_TRANSPORT:
            raise UnsupportedStream("no RTP over TCP", transport="udp")
        self._insist(answer)
        agreed = re.search(r"interleaved=(\d{1,2})(?:-(\d{1,2}))?(?!\d)", answer.first("transport"))
        if agreed is None:
            raise UnsupportedStream("no RTP in the connection of the session", transport="udp")
        self._channel = int(agreed[1])
        self._connection.expect(self._channel, track.payload_type, int(agreed[2] or self._channel + 1))
        self._dialogue.session, _, rest = answer.first("session").partition(";")
        timeout = re.search(r"timeout *= *(\d{1,6})", rest)
        self._timeout_s = float(timeout[1]) if timeout and int(timeout[1]) else DEFAULT_TIMEOUT_S
        self._insist(self._ask("PLAY", self._whole, Range="npt=0.000-"))

    def packets(self) -> Iterator[Packet | Unrecognised]:
        """Yield the packets of the video as they come, and something for bytes that are none; never ends.

        Raises:
            CameraError: there are no more.
        """
        quiet_s = min(LONGEST_QUIET_S, self._timeout_s / 2)
        self._alive_due_s = time.monotonic() + quiet_s
        silent_at_s = time.monotonic() + READ_TIMEOUT_S
        noisy = False
        self._unread.clear()
        try:
            yield from (packet for packet in self._early if packet.channel == self._channel)
            while True:
                now_s = time.monotonic()
                if now_s >= self._alive_due_s:
                    self._dialogue.send(self._alive_by, self._whole)
                    self._alive_due_s = now_s + quiet_s
                if now_s >= silent_at_s:
                    if noisy:
                        raise CameraLost("what it sends is no video")
                    raise silence()
                try:
                    received = self._connection.receive(min(self._alive_due_s, silent_at_s))
                except TimeoutError:
                    continue
                match received:
                    case Packet() if received.channel == self._channel:
                        silent_at_s, noisy = received.at_s + READ_TIMEOUT_S, False
                        yield received
                    case Unrecognised():
                        noisy = True
                        yield received
                    case Response():
                        self._heed(received)
                    case Request():
                        self._dialogue.reply(received)
        except EOFError:
            raise CameraLost("the camera ended the stream") from None
        except OSError as exc:
            raise connection_error(exc, opening=False) from None
        finally:
            self._unread.set()

    def close(self) -> None:
        """Take leave, as far as that goes at once: few cameras have room for many sessions."""
        if self._dialogue.session:
            with contextlib.suppress(OSError):
                self._dialogue.send("TEARDOWN", self._whole)
                self._unread.wait(LEAVE_WITHIN_S)  # who reads meets the end that the camera makes
        self._connection.close()

    def _ask(self, method: str, uri: str, **headers: str) -> Response:
        return self._dialogue.ask(method, uri, until_s=self._deadline_s, headers=headers, keep=self._early.append)

    def _insist(self, answer: Response) -> None:
        if not 200 <= answer.status < 300:
            raise refusal(answer.status)

    def _heed(self, answer: Response) -> None:
        """Draw the conclusions from the answer to a sign of life."""
        if answer.status == _SESSION_NOT_FOUND:
            raise CameraLost("the camera has ended the session (454)")
        if answer.status == UNAUTHORIZED:
            self._dialogue.refresh(answer)
            self._alive_due_s = time.monotonic() + AGAIN_S
        elif answer.status >= 400:
            self._alive_by = "OPTIONS"


def _joined(base: str, control: str) -> str:
    """Return the address of a part of a session.

    Appended, as cameras mean it, and not resolved as RFC 1808 says: their own address may end in a query.

    >>> _joined("rtsp://camera/live?channel=1", "trackID=0")
    'rtsp://camera/live?channel=1/trackID=0'
    """
    if control in ("", "*"):
        return base
    if "://" in control:
        return control
    return base.removesuffix("/") + "/" + control.removeprefix("/")


def _elsewhere(location: str) -> str:
    """Return the link that a camera names instead of its own."""
    place = without_credentials(location)[0]
    try:
        if urlsplit(place).scheme.lower() in PORTS and urlsplit(place).hostname:
            return place
    except ValueError:  # no address that there can be
        pass
    raise CameraLost("it names another link, which is none of a camera")
