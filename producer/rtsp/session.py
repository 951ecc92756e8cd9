"""A session with an RTSP camera (RFC 2326): one video, over TCP, in the connection of the session itself."""

import contextlib
import logging
import re
import string
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import quote, unquote, urlsplit

from producer.faults import OPEN_TIMEOUT_S, connection_error, refusal, silence
from producer.rtsp.addresses import PORTS, base_address, session_addresses, track_addresses
from producer.rtsp.authentication import Credentials
from producer.rtsp.connection import Connection, Packet, Unrecognised
from producer.rtsp.depacketizer import UnsupportedStream
from producer.rtsp.messages import Request, Response, decoded
from producer.rtsp.request_channel import UNAUTHORIZED, RequestChannel
from producer.rtsp.sdp import Description, Track, parse
from producer.rtsp.transport import DEFAULT_CHANNELS, agreed_channels, timeout_s
from producer.tls import connect
from shared.errors import CameraLost

log = logging.getLogger(__name__)

OPTIONS_WITHIN_S = 1.5  # some cameras never answer it
LONGEST_QUIET_S, AGAIN_S = 30.0, 1.0  # between two signs of life; after one that was refused
SIGN_OFF_WITHIN_S = 0.1
MOST_EARLY_BYTES, LONGEST_EARLY_S = 1 << 22, 0.5  # of packets that come before the answer to PLAY

_NO_HEADERS: Mapping[str, str] = {}
_FROM_THE_BEGINNING: Mapping[str, str] = {"Range": "npt=0.000-"}
_SESSION_NOT_FOUND, _UNSUPPORTED_TRANSPORT, _NOT_ENOUGH_BANDWIDTH = 454, 461, 453
_FINAL = frozenset({401, 403, _NOT_ENOUGH_BANDWIDTH, 503})  # another address, or another reader, would not help
_ZONE = re.compile(r"(\[[^]%]*)%[^]]*\]")  # of a link-local address: it means something on this machine only


class Redirected(Exception):
    """The camera names another link."""

    def __init__(self, location: str) -> None:
        super().__init__()
        self.location = location


class _Streams(Exception):
    """The camera sends without having answered."""


class Session:
    """Speaks with one camera. Not thread-safe, except for `close`: use it from one thread."""

    def __init__(self, link: str, credentials: Credentials | None, deadline_s: float, *, ca: str = "") -> None:
        """Connect.

        Args:
            link: without user information.
            credentials: None if there are none.
            deadline_s: until when the camera has to send, monotonic seconds.
            ca: what its certificate is verified against, as for `tls.context`.

        Raises:
            CameraError: it does not answer.
        """
        quoted = quote(link.partition("#")[0], safe=string.punctuation, errors="surrogateescape")
        self._link = _ZONE.sub(r"\1]", quoted)
        self._deadline_s = deadline_s
        self._base = self._whole = self._link  # in front of its parts' addresses; of the session as a whole
        self._session_control = ""
        self._alive_by, self._alive_due_s = "GET_PARAMETER", 0.0
        self._early: list[Packet] = []  # packets that came before the answer to PLAY
        self._early_bytes = 0
        self._channels = frozenset(DEFAULT_CHANNELS)
        self._payload_types: frozenset[int] = frozenset()
        self._keeps_channels = False  # the camera sends on the channels that it agreed to
        self._unread = threading.Event()  # nobody reads packets
        self._unread.set()
        try:
            parts = urlsplit(link)
            connected = connect(
                unquote(parts.hostname or ""),
                parts.port or PORTS[parts.scheme.lower()],
                secure=parts.scheme.lower() == "rtsps",
                ca=ca,
                timeout_s=max(0.1, deadline_s - time.monotonic()),
            )
        except (OSError, OverflowError, ValueError) as exc:
            raise connection_error(exc, opening=True) from None
        self._connection = Connection(connected)
        self._requests = RequestChannel(self._connection, credentials)

    @property
    def peer(self) -> str:
        """Return the address of the camera; empty if the connection is lost."""
        try:
            return self._connection.peer
        except OSError:
            return ""

    def describe(self, *, asks_options: bool) -> Description:
        """Ask what the camera sends.

        Args:
            asks_options: ask for its methods first, as FFmpeg and VLC do.

        Raises:
            Redirected: the camera names another link.
            UnsupportedStream: it does not answer in a way that this reader understands.
            CameraError: it does not answer, or refuses.
        """
        if asks_options:
            self._ask_options()
        answer = self._ask("DESCRIBE", self._link, {"Accept": "application/sdp"})
        _follow(answer)
        if not 200 <= answer.status < 300:
            failure = refusal(answer.status)
            if answer.status in _FINAL or answer.status == 404:
                raise failure
            raise UnsupportedStream(f"the camera refuses to describe itself ({answer.status})", failure=failure)
        description = parse(decoded(answer.body))
        self._base = base_address(self._link, answer.first("content-base"), answer.first("content-location"))
        self._session_control = description.control
        self._whole = session_addresses(self._link, self._base, description.control)[0]
        return description

    def start(self, track: Track) -> None:
        """Make the camera send one of its videos.

        Raises:
            UnsupportedStream: it does not send over TCP in the connection of the session.
            CameraError: it refuses.
        """
        address = self._set_up(track)
        self._payload_types = track.payload_types
        self._connection.expect(self._channels, track.payload_types)
        self._play(address)

    def packets(self, silence_s: Callable[[], float]) -> Iterator[Packet | Unrecognised]:
        """Yield the packets of the video as they come, and something for bytes that are none; never ends.

        Args:
            silence_s: returns how long the camera may be silent by now.

        Raises:
            CameraError: there are no more.
        """
        quiet_s = min(LONGEST_QUIET_S, timeout_s(self._requests.session_parameters) / 2)
        self._alive_due_s = time.monotonic() + quiet_s
        heard_s = time.monotonic()
        unrecognised = False
        self._unread.clear()
        try:
            early, self._early = self._early, []
            yield from filter(self._is_video, early)
            while True:
                now_s, limit_s = time.monotonic(), silence_s()
                if now_s >= self._alive_due_s:
                    self._requests.send(self._alive_by, self._whole)
                    self._alive_due_s = now_s + quiet_s
                if now_s >= heard_s + limit_s:
                    raise CameraLost("the data that it sends is not video") if unrecognised else silence(limit_s)
                try:
                    received = self._connection.receive(min(self._alive_due_s, heard_s + limit_s))
                except TimeoutError:
                    continue
                match received:
                    case Packet() if self._is_video(received):
                        heard_s, unrecognised = received.captured.monotonic_s, False
                        yield received
                    case Unrecognised():
                        unrecognised = True
                        yield received
                    case Response():
                        self._heed(received)
                    case Request():
                        self._requests.reply(received)
        except EOFError:
            raise CameraLost("the camera ended the stream") from None
        except OSError as exc:
            raise connection_error(exc, opening=False) from None
        finally:
            self._unread.set()

    def close(self) -> None:
        """Close the session (TEARDOWN) with a wait of at most SIGN_OFF_WITHIN_S: few cameras allow many sessions."""
        if self._requests.session:
            with contextlib.suppress(OSError):
                self._requests.send("TEARDOWN", self._whole)
                self._unread.wait(SIGN_OFF_WITHIN_S)  # the reading thread meets the end that the camera makes
        self._connection.close()

    def _ask_options(self) -> None:
        try:
            answer = self._ask("OPTIONS", self._link, within_s=OPTIONS_WITHIN_S)
        except TimeoutError:
            log.info("the camera does not answer OPTIONS")
            return
        _follow(answer)
        methods = answer.first("public").upper()
        if methods and "GET_PARAMETER" not in methods:
            self._alive_by = "OPTIONS"

    def _set_up(self, track: Track) -> str:
        """Agree on the transport, and return the address of the track that the camera knows."""
        status = 404
        for address in track_addresses(self._link, self._base, self._session_control, track.control):
            transport = f"RTP/AVP/TCP;unicast;interleaved={DEFAULT_CHANNELS[0]}-{DEFAULT_CHANNELS[1]}"
            answer = self._ask("SETUP", address, {"Transport": transport})
            _follow(answer)
            status = answer.status
            if status == _UNSUPPORTED_TRANSPORT:
                raise UnsupportedStream("no RTP over TCP", transport="udp")
            if 200 <= status < 300:
                channels = agreed_channels(answer.headers.get("transport", []))
                if channels is None:
                    raise UnsupportedStream("no RTP in the connection of the session", transport="udp")
                self._channels = channels
                return address
            if status in _FINAL:
                raise refusal(status)
        raise UnsupportedStream(f"the camera refuses to set up its video ({status})", failure=refusal(status))

    def _play(self, track_address: str) -> None:
        """Start the stream: first as everybody does, then without what some cameras refuse."""
        whole, *others = session_addresses(self._link, self._base, self._session_control)
        attempts = [(whole, _FROM_THE_BEGINNING)]
        attempts += [(address, _NO_HEADERS) for address in (whole, track_address, *others)]
        status = 0
        for address, headers in attempts:
            try:
                answer = self._ask("PLAY", address, headers)
            except _Streams:
                break
            except TimeoutError:
                if not self._early:
                    raise connection_error(TimeoutError(), opening=True) from None
                break
            status = answer.status
            if 200 <= status < 300:
                self._whole = address
                return
            if status in _FINAL:
                raise refusal(status)
        else:
            raise UnsupportedStream(f"the camera refuses to play ({status})", failure=refusal(status))
        log.info("the camera plays without answering PLAY")

    def _ask(
        self, method: str, uri: str, headers: Mapping[str, str] = _NO_HEADERS, *, within_s: float = OPEN_TIMEOUT_S
    ) -> Response:
        until_s = min(self._deadline_s, time.monotonic() + within_s)
        try:
            return self._requests.ask(method, uri, until_s=until_s, headers=headers, on_packet=self._keep)
        except TimeoutError:
            if method in ("OPTIONS", "PLAY"):
                raise
            raise connection_error(TimeoutError(), opening=True) from None

    def _keep(self, packet: Packet) -> None:
        """Keep a packet that arrived before the response to PLAY; after too many, no response is expected."""
        if self._is_video(packet):
            self._early.append(packet)
            self._early_bytes += len(packet.data)
        early_s = packet.captured.monotonic_s - self._early[0].captured.monotonic_s if self._early else 0.0
        if self._early_bytes > MOST_EARLY_BYTES or early_s > LONGEST_EARLY_S:
            raise _Streams

    def _is_video(self, packet: Packet) -> bool:
        """Return whether a packet is RTP of the video; some cameras use other channels than those agreed to."""
        if packet.is_rtcp or not self._payload_types:
            return False
        if packet.channel in self._channels:
            self._keeps_channels = True
            return True
        if self._keeps_channels or packet.data[1] & 0x7F not in self._payload_types:
            return False
        log.info("the camera sends on channel %d instead of %s", packet.channel, sorted(self._channels))
        self._channels |= {packet.channel}
        self._connection.expect(self._channels, self._payload_types)
        return True

    def _heed(self, answer: Response) -> None:
        """Handle the response to a keep-alive request."""
        if answer.status == _SESSION_NOT_FOUND:
            raise CameraLost("the camera has ended the session (454)")
        if answer.status == UNAUTHORIZED:
            self._requests.refresh(answer)
            self._alive_due_s = time.monotonic() + AGAIN_S
        elif answer.status >= 400:
            self._alive_by = "OPTIONS"


def _follow(answer: Response) -> None:
    if answer.status in range(300, 400) and answer.first("location"):
        raise Redirected(answer.first("location"))
