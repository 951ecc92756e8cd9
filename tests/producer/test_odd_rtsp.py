"""RTSP cameras that are odd in one way each, read over a real connection; the odd ways come from public bug reports."""

import logging
import socket
import ssl
import struct
import subprocess
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from producer import link
from producer.encoder import FrameEncoder
from producer.rhythm import Rhythm
from shared.errors import CameraError, CameraRefused
from tests.end_to_end.numbered import read_number
from tests.producer.odd_camera import DESCRIPTION, KEY_EVERY, PICTURES, OddCamera, access_units, framed, running
from tests.requirements import need

ENOUGH = 2 * PICTURES
ENCODER = FrameEncoder(scale_x=1, scale_y=1, quality=90, raw=False)


def numbers(camera: OddCamera, count: int = ENOUGH, *, ca: str = "", attempts: int = 20 * ENOUGH) -> list[int | None]:
    """Return the numbers in the pictures that a camera's viewer sees; None for what is undecodable."""
    frames: list[av.VideoFrame | None] = []
    pictures = link.pictures(camera.link, interval_s=0, rhythm=Rhythm(), tick=lambda: None, ca=ca)
    try:
        for _, captured in zip(range(attempts), pictures, strict=False):
            frames.append(captured.content if isinstance(captured.content, av.VideoFrame) else None)
            if sum(frame is not None for frame in frames) >= count:
                break
    finally:
        pictures.close()
    # Only now, since on a busy machine the camera would get a hundred pictures ahead, and they would be skipped.
    return [None if frame is None else read_number(bytes(ENCODER.encode(frame).data)) for frame in frames]


def in_order(seen: list[int | None]) -> bool:
    """Return whether every picture is there, from the first one on, and none is damaged."""
    whole = [number for number in seen if number is not None]
    return len(whole) == len(seen) and seen[0] == 0 and all((b - a) % PICTURES == 1 for a, b in pairwise(whole))


# ---- the dialogue


class CseqZero(OddCamera):
    def number(self, number: str) -> list[str]:
        return ["CSeq: 0"]


class CseqOne(OddCamera):
    def number(self, number: str) -> list[str]:
        return ["CSeq: 1"]


class CseqLate(OddCamera):
    def number(self, number: str) -> list[str]:
        return [f"CSeq: {int(number or 0) - 1}"]


class CseqPadded(OddCamera):
    def number(self, number: str) -> list[str]:
        return [f"Cseq:   000{number}  "]


class CseqMissing(OddCamera):
    def number(self, number: str) -> list[str]:
        return []


class CseqText(OddCamera):
    def number(self, number: str) -> list[str]:
        return ["CSeq: four"]


class Spelling(OddCamera):
    version = "rtsp/2.0 "

    def message(self, headers: dict[str, str], *lines: str, status: str = "200 OK", body: str = "") -> bytes:
        text = super().message(headers, *lines, status="200", body=body)
        head, _, rest = text.partition(b"\r\n\r\n")
        return (
            head.replace(b": ", b":").replace(b"Session", b"sEsSiOn").replace(b"Content", b"CONTENT")
            + b"\r\n\r\n"
            + rest
        )


class BareLineFeeds(OddCamera):
    line_end = "\n"
    description = DESCRIPTION.replace("\r\n", "\n")


class Latin1(OddCamera):
    description = DESCRIPTION.replace("s=odd", "s=Büro \udcfc\udce4")

    def base(self, uri: str) -> list[str]:
        return ["Server: K\udcfcche", "X-Note: a\x0bb\u2028c", *super().base(uri)]


class ManyHeaders(OddCamera):
    def base(self, uri: str) -> list[str]:
        return ["Date: now", "no colon here", "Folded: a,", "  b", *super().base(uri), "Content-Base: second"]


class NoLength(OddCamera):
    gives_length = False


class ShortLength(OddCamera):
    def length(self, body: bytes) -> int:
        return len(body) - 40


class LongLength(OddCamera):
    def length(self, body: bytes) -> int:
        return len(body) + 40


class LengthsEverywhere(OddCamera):
    """Every answer announces a body, and only one has one."""

    def message(self, headers: dict[str, str], *lines: str, status: str = "200 OK", body: str = "") -> bytes:
        extra = [] if body else ["Content-Length: 40"]
        return super().message(headers, *lines, *extra, status=status, body=body)


class NeverAnswersOptions(OddCamera):
    def reply(self, method: str, uri: str, headers: dict[str, str]) -> bytes | None:
        return None if method == "OPTIONS" else super().reply(method, uri, headers)


class AnswersOptionsLate(OddCamera):
    def reply(self, method: str, uri: str, headers: dict[str, str]) -> bytes | None:
        if method == "OPTIONS":
            return None
        late = self.message({"cseq": "1"}, "Public: PLAY") if method == "DESCRIBE" else b""
        return late + (super().reply(method, uri, headers) or b"")


class HangsUpAfterOptions(OddCamera):
    def after_answer(self, method: str, client: socket.socket) -> None:
        if method == "OPTIONS":
            raise EOFError


class HangsUpAtOptions(OddCamera):
    def before_answer(self, method: str, client: socket.socket) -> None:
        if method == "OPTIONS":
            raise EOFError


class RefusesOptions(OddCamera):
    def reply(self, method: str, uri: str, headers: dict[str, str]) -> bytes | None:
        if method == "OPTIONS":
            return self.message(headers, status="501 Not Implemented")
        return super().reply(method, uri, headers)


class Continues(OddCamera):
    def before_answer(self, method: str, client: socket.socket) -> None:
        number = self.requests[-1][2]["cseq"]
        client.sendall(f"RTSP/1.0 100 Continue\r\nCSeq: {number}\r\n\r\n".encode())


class AsksItself(OddCamera):
    """It sends requests of its own in front of every answer, one with a body."""

    def before_answer(self, method: str, client: socket.socket) -> None:
        for own in ("OPTIONS", "SET_PARAMETER", "GET_PARAMETER"):
            client.sendall(f"{own} * RTSP/1.0\r\nCSeq: 9\r\n\r\n".encode())
        client.sendall(b"ANNOUNCE * RTSP/1.0\r\nCSeq: 10\r\nContent-Length: 5\r\n\r\nv=0\r\n")


class SessionInOptions(OddCamera):
    wanted = "OPTIONS"

    def reply(self, method: str, uri: str, headers: dict[str, str]) -> bytes | None:
        if method == self.wanted:
            text = super().reply(method, uri, headers) or b""
            return text.replace(b"\r\n", b"\r\nSession: 8713\r\n", 1)
        if method in ("SETUP", "PLAY") and headers.get("session") != "8713":
            return self.message(headers, status="454 Session Not Found")
        if method == "SETUP":
            return self.message(headers, *self.transport())
        return self.message(headers, "Session: 8713") if method == "PLAY" else super().reply(method, uri, headers)


class SessionInDescribe(SessionInOptions):
    wanted = "DESCRIBE"


class SessionOnlyInPlay(OddCamera):
    def reply(self, method: str, uri: str, headers: dict[str, str]) -> bytes | None:
        text = super().reply(method, uri, headers) or b""
        return text.replace(b"Session: 4711;timeout=60\r\n", b"") if method == "SETUP" else text


class SessionChanges(OddCamera):
    def reply(self, method: str, uri: str, headers: dict[str, str]) -> bytes | None:
        if method == "PLAY" and headers.get("session") != "4711":
            return self.message(headers, status="454 Session Not Found")
        text = super().reply(method, uri, headers) or b""
        return text.replace(b"4711", b"4712") if method == "PLAY" else text


class RangeRefused(OddCamera):
    status = "457 Invalid Range"

    def reply(self, method: str, uri: str, headers: dict[str, str]) -> bytes | None:
        if method == "PLAY" and "range" in headers:
            return self.message(headers, status=self.status)
        return super().reply(method, uri, headers)


class RangeNotUnderstood(RangeRefused):
    status = "400 Bad Request"


class PlayUnanswered(OddCamera):
    def reply(self, method: str, uri: str, headers: dict[str, str]) -> bytes | None:
        return None if method == "PLAY" else super().reply(method, uri, headers)


class PlaysTheTrackOnly(OddCamera):
    def reply(self, method: str, uri: str, headers: dict[str, str]) -> bytes | None:
        if method == "PLAY" and not self.knows(uri):
            return self.message(headers, status="460 Only Aggregate Operation Allowed")
        return super().reply(method, uri, headers)


class EarlyPackets(OddCamera):
    """A picture comes in front of the answer to PLAY."""

    def before_answer(self, method: str, client: socket.socket) -> None:
        if method == "PLAY":
            client.sendall(
                b"".join(framed(0, self.rtp(b"\x01", 1, marker=False, sequence=n)) for n in range(65_400, 65_500))
            )


# ---- where tracks are addressed


class ControlAbsolute(OddCamera):
    session = "rtsp://127.0.0.1:{port}/other/stream/"
    track = "trackID=1"
    expected = "rtsp://127.0.0.1:{port}/other/stream/trackID=1"
    headers: tuple[str, ...] = ()

    def reply(self, method: str, uri: str, headers: dict[str, str]) -> bytes | None:
        text = DESCRIPTION.replace("control:*", "control:" + self.session.format(port=self.port))
        self.description = text.replace("control:trackID=1", "control:" + self.track.format(port=self.port))
        return super().reply(method, uri, headers)

    def base(self, uri: str) -> list[str]:
        return [header.format(port=self.port) for header in self.headers]

    def knows(self, uri: str) -> bool:
        return uri == self.expected.format(port=self.port)


class ControlWithoutSlash(ControlAbsolute):
    session = "rtsp://127.0.0.1:{port}/other/stream"


class ControlRelative(ControlAbsolute):
    session = "stream"
    expected = "rtsp://127.0.0.1:{port}/live/stream/trackID=1"


class ControlRelativeToBaseOnly(ControlAbsolute):
    session = "stream"
    expected = "rtsp://127.0.0.1:{port}/live/trackID=1"


class ControlStarWithBase(ControlAbsolute):
    session = "*"
    headers = ("Content-Base: rtsp://127.0.0.1:{port}/base",)
    expected = "rtsp://127.0.0.1:{port}/base/trackID=1"


class ControlLocation(ControlStarWithBase):
    headers = ("content-location: rtsp://127.0.0.1:{port}/base/",)


class ControlPathAsBase(ControlStarWithBase):
    headers = ("Content-Base: /base/",)


class ControlBaseTwice(ControlStarWithBase):
    headers = ("Content-Base: rtsp://rtsp://127.0.0.1:{port}/base/",)


class ControlQuery(ControlAbsolute):
    path = "live?channel=1"
    session = "*"
    expected = "rtsp://127.0.0.1:{port}/live?channel=1/trackID=1"


class ControlBeforeQuery(ControlQuery):
    expected = "rtsp://127.0.0.1:{port}/live/trackID=1?channel=1"


class ControlAbsoluteTrack(ControlAbsolute):
    session = "*"
    track = "rtsp://127.0.0.1:{port}/elsewhere?track=1"
    expected = track


class ControlOfAnotherHost(ControlAbsolute):
    session = "*"
    track = "rtsp://192.0.2.1/live/trackID=1"
    expected = "rtsp://127.0.0.1:{port}/live/trackID=1"


class ControlMissing(ControlAbsolute):
    session = "*"
    track = "*"
    expected = "rtsp://127.0.0.1:{port}/live"


# ---- the transport


class Transport(OddCamera):
    header: tuple[str, ...] = ("Transport: RTP/AVP/TCP;unicast;mode=play",)
    channel = 0

    def transport(self) -> list[str]:
        return list(self.header)

    def frames(self, packets: list[bytes], count: int) -> list[bytes]:
        report = framed(self.channel ^ 1, b"\x80\xc8\x00\x06" + bytes(24))
        return [report, *(framed(self.channel, packet) for packet in packets)]


class TransportMissing(Transport):
    header = ()


class TransportBare(Transport):
    header = ("Transport: RTP/AVP;unicast",)


class TransportOther(Transport):
    header = ("transport: RTP/AVP/TCP;unicast;Interleaved = 6-7;ssrc= 1f",)
    channel = 6


class TransportSwapped(Transport):
    header = ("Transport: RTP/AVP/TCP;unicast;interleaved=1-0",)
    channel = 0


class TransportSingle(Transport):
    header = ("Transport: RTP/AVP/TCP;unicast;destination=1.2.3.4;source=5.6.7.8;interleaved=4",)
    channel = 4


class TransportOdd(Transport):
    header = ("Transport: RTP/AVP/TCP;unicast;interleaved=3-4",)
    channel = 3


class TransportNotKept(Transport):
    header = ("Transport: RTP/AVP/TCP;unicast;interleaved=0-1",)
    channel = 2


class TransportImpossible(Transport):
    header = ("Transport: RTP/AVP/TCP;unicast;interleaved=1000-1001",)


class TransportLikeUdp(Transport):
    header = ("Transport: RTP/AVP;unicast;source=127.0.0.1;client_port=0-1;interleaved=0-1",)


# ---- what is described


class GarbageSprop(OddCamera):
    description = DESCRIPTION.replace(
        "mode=1", "mode=1; sprop-parameter-sets=Z2QA\udcff\udcfe,\udcf0;profile-level-id=420029"
    )


class WrongSprop(OddCamera):
    description = DESCRIPTION.replace(
        "mode=1", "mode=1; sprop-parameter-sets=Z2QAKKzZQHgCJ+XARAAAAwAEAAADAPA8YMZY,aOvjyyLA"
    )


class OtherPayloadType(OddCamera):
    description = DESCRIPTION.replace("96", "98")


class SeveralFormats(OddCamera):
    description = DESCRIPTION.replace("AVP 96", "AVP 97 96 98").replace(
        "a=rtpmap:96", "a=rtpmap:97 H264/90000\r\na=rtpmap:98 rtx/90000\r\na=rtpmap:96"
    )


# ---- packets


class Annexb(OddCamera):
    """All units of a picture in one, with start codes between them and in front."""

    def packets(self, units: tuple[bytes, ...], timestamp: int, count: int) -> list[tuple[bytes, bool]]:
        whole = b"\0\0\0\1" + b"\0\0\0\1".join((b"\x09\xf0", *units))
        return super().packets((whole,), timestamp, count)


class MarksEachUnit(OddCamera):
    def packets(self, units: tuple[bytes, ...], timestamp: int, count: int) -> list[tuple[bytes, bool]]:
        return [pair for unit in units for pair in super(MarksEachUnit, self).packets((unit,), timestamp, count)]


class MarksNothing(OddCamera):
    def packets(self, units: tuple[bytes, ...], timestamp: int, count: int) -> list[tuple[bytes, bool]]:
        return [(payload, False) for payload, _ in super().packets(units, timestamp, count)]


class EmptyPackets(OddCamera):
    """Packets without a payload, with nothing but padding, and with a unit of an unknown kind."""

    def packets(self, units: tuple[bytes, ...], timestamp: int, count: int) -> list[tuple[bytes, bool]]:
        pairs = super().packets(units, timestamp, count)
        return [
            (b"", False),
            (b"\x1e maker's own", False),
            *pairs[:-1],
            (b"", False),
            pairs[-1],
            (b"", True),
            (b"\x1f", False),
        ]


class Padded(OddCamera):
    """Padding, an extension, and contributing sources."""

    def rtp(self, payload: bytes, timestamp: int, *, marker: bool, sequence: int, kind: int = 96) -> bytes:
        head = struct.pack("!BBHII", 0xB1, kind | marker << 7, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, 7)
        return head + bytes(4) + b"\xbe\xde\0\1abcd" + payload + b"\0\0\0\4"


class ForeignTypes(OddCamera):
    shared = False

    def frames(self, packets: list[bytes], count: int) -> list[bytes]:
        own = self.rtp(b"maker's own", count, marker=False, sequence=count * 3 + 65_500, kind=50)
        return [framed(0, part) for packet in packets for part in (own, packet)]


class Doubled(OddCamera):
    def frames(self, packets: list[bytes], count: int) -> list[bytes]:
        return [framed(0, packet) for packet in packets for _ in range(2)]


class PicturesDoubled(OddCamera):
    def frames(self, packets: list[bytes], count: int) -> list[bytes]:
        return [framed(0, packet) for packet in packets * 2]


class Reordered(OddCamera):
    def frames(self, packets: list[bytes], count: int) -> list[bytes]:
        swapped = [packet for at in range(0, len(packets), 2) for packet in reversed(packets[at : at + 2])]
        return [framed(0, packet) for packet in swapped]


class Interleaved(OddCamera):
    """Packetization mode 2: STAP-B, MTAP16 and FU-B."""

    description = DESCRIPTION.replace("packetization-mode=1", "packetization-mode=2;sprop-interleaving-depth=0")

    def packets(self, units: tuple[bytes, ...], timestamp: int, count: int) -> list[tuple[bytes, bool]]:
        payloads: list[bytes] = []
        for at, unit in enumerate(units):
            number = struct.pack("!H", (count * 8 + at) & 0xFFFF)
            if len(unit) > self.most:
                first, *rest = self.payloads(unit)
                payloads += [bytes((first[0] & 0xE0 | 29,)) + first[1:2] + number + first[2:], *rest]
            elif at % 2:
                payloads.append(b"\x79" + number + struct.pack("!H", len(unit)) + unit)
            else:
                payloads.append(b"\x7a" + number + struct.pack("!HBH", len(unit), 0, 0) + unit)
        return [(payload, at == len(payloads) - 1) for at, payload in enumerate(payloads)]


class InterleavedOutOfOrder(Interleaved):
    """The units of a picture backwards, to be sorted by their numbers."""

    description = DESCRIPTION.replace("packetization-mode=1", "packetization-mode=2;sprop-interleaving-depth=8")
    most = 100_000

    def packets(self, units: tuple[bytes, ...], timestamp: int, count: int) -> list[tuple[bytes, bool]]:
        parts = [
            b"\x79" + struct.pack("!H", (count * 8 + at) & 0xFFFF) + struct.pack("!H", len(unit)) + unit
            for at, unit in enumerate(units)
        ]
        return [(part, False) for part in reversed(parts)]


def kinds(base: type[OddCamera]) -> Iterator[type[OddCamera]]:
    """Yield all kinds of a camera."""
    yield base
    for kind in base.__subclasses__():
        yield from kinds(kind)


ALL = sorted({kind for kind in kinds(OddCamera) if kind.__module__ == __name__}, key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_an_odd_camera_is_read_by_our_own_reader(kind: type[OddCamera], caplog: pytest.LogCaptureFixture) -> None:
    """Every picture is there from the first one on, whatever is odd about the camera."""
    caplog.set_level(logging.INFO)
    with running(kind()) as camera:
        seen = numbers(camera)

    if kind is OtherPayloadType:  # what comes before it is understood is lost
        known = [number for number in seen if number is not None][-10:]
        assert all((b - a) % PICTURES == 1 for a, b in pairwise(known))
    else:
        assert in_order(seen), seen
    assert "FFmpeg" not in caplog.text
    assert "failed" not in caplog.text


class LosesOne(OddCamera):
    """One packet in all is lost."""

    of_picture, of_packets = 13, -1

    def frames(self, packets: list[bytes], count: int) -> list[bytes]:
        kept = [packet for at, packet in enumerate(packets) if at != self.of_packets % len(packets)]
        return [framed(0, packet) for packet in (kept if count == self.of_picture else packets)]


@pytest.mark.parametrize("base", [OddCamera, Annexb, MarksEachUnit, MarksNothing, EmptyPackets, Interleaved, Doubled])
@pytest.mark.parametrize("packet", [0, 1, -1])
@pytest.mark.parametrize("picture", [12, 20])
def test_after_a_lost_packet_the_next_key_picture_is_right(base: type[OddCamera], picture: int, packet: int) -> None:
    """What is damaged is not shown, and from the next key picture on every picture is right, on the same connection."""
    kind = type("Loses", (LosesOne, base), {"of_picture": picture, "of_packets": packet})
    with running(kind()) as camera:
        seen = numbers(camera, 3 * PICTURES)
        assert camera.asked("PLAY") == 1

    whole = [number for number in seen if number is not None]
    key = next(at for at in range(picture + 1, 100) if at % PICTURES % KEY_EVERY == 0)
    assert whole[: picture - 1] == list(range(picture - 1))
    expected = [number % PICTURES for number in range(200)]
    resumed = whole.index(key % PICTURES, picture - 1)
    assert resumed <= key, whole
    assert whole[resumed:] == expected[key : key + len(whole) - resumed], whole


# ---- what only FFmpeg reads


class DescribesNothingWeKnow(OddCamera):
    description = DESCRIPTION.replace("RTP/AVP", "RTP/SAVP")


class RefusesOurAgent(OddCamera):
    """It does not speak with anybody but FFmpeg."""

    def reply(self, method: str, uri: str, headers: dict[str, str]) -> bytes | None:
        if "lavf" not in headers.get("user-agent", "").lower() and method != "OPTIONS":
            return self.message(headers, status="406 Not Acceptable")
        return super().reply(method, uri, headers)


@pytest.mark.parametrize("kind", [DescribesNothingWeKnow, RefusesOurAgent])
def test_ffmpeg_is_tried_before_a_camera_is_called_down(
    kind: type[OddCamera], caplog: pytest.LogCaptureFixture
) -> None:
    """If the RTSP reader gives up, FFmpeg's takes over; the log names the reader that is used."""
    caplog.set_level(logging.INFO)
    with running(kind()) as camera:
        assert len(numbers(camera, 10)) >= 10
    assert "FFmpeg's reader takes over" in caplog.text


class RefusesAll(OddCamera):
    def reply(self, method: str, uri: str, headers: dict[str, str]) -> bytes | None:
        return (
            self.message(headers, status="406 Not Acceptable")
            if method != "OPTIONS"
            else super().reply(method, uri, headers)
        )


def test_if_ffmpeg_fails_as_well_our_reason_is_given() -> None:
    """It is the more exact one."""
    with running(RefusesAll()) as camera, pytest.raises(CameraRefused, match="406"):
        numbers(camera)


# ---- TLS


def certificate(folder: Path, *, bits: int = 2048, digest: str = "sha256") -> tuple[Path, Path]:
    """Return the paths of a certificate for 127.0.0.1 that signs itself, and of its key."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        f"rsa:{bits}",
        "-nodes",
        "-subj",
        "/CN=camera",
        "-days",
        "1",
        f"-{digest}",
    ]
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    try:
        subprocess.run([*command, *names, "-keyout", key, "-out", cert], check=True, capture_output=True)
    except FileNotFoundError:
        need("openssl", present=False, install="apt-get install openssl")
    return cert, key


def server(
    folder: Path,
    *,
    ciphers: str = "ALL:@SECLEVEL=0",
    most: int | None = None,
    bits: int = 2048,
    digest: str = "sha256",
) -> ssl.SSLContext:
    """Return the TLS of a camera."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(ciphers)
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    if most is not None:
        context.maximum_version = ssl.TLSVersion(most)
    context.load_cert_chain(*certificate(folder, bits=bits, digest=digest))
    return context


class Secure(OddCamera):
    scheme = "rtsps"


OLD: dict[str, tuple[Callable[[Path], ssl.SSLContext], str]] = {
    "TLS 1.3": (lambda folder: server(folder), ""),
    "TLS 1.1": (lambda folder: server(folder, most=ssl.TLSVersion.TLSv1_1), "TLSv1.1"),
    "TLS 1.0": (lambda folder: server(folder, most=ssl.TLSVersion.TLSv1), "TLSv1"),
    "RSA key exchange": (
        lambda folder: server(folder, ciphers="AES128-SHA:@SECLEVEL=0", most=ssl.TLSVersion.TLSv1_2),
        "no forward secrecy (AES128-SHA)",
    ),
    "small key": (lambda folder: server(folder, bits=1024), "an RSA key of 1024 bits"),
    "SHA-1": (lambda folder: server(folder, digest="sha1"), "a certificate signed with SHA-1"),
}


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("name", OLD)
def test_tls_of_old_cameras(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is accepted from cameras, and the log says what is old about it."""
    caplog.set_level(logging.INFO)
    context, said = OLD[name]
    camera = Secure()
    camera.tls = context(tmp_path)
    with running(camera):
        assert in_order(numbers(camera, 5))

    assert ("old TLS" in caplog.text) is bool(said)
    assert said in caplog.text


def test_certificates_are_verified_if_that_is_asked_for(tmp_path: Path) -> None:
    """Against a file, or the authorities of the system; FFmpeg is not tried in place of what was refused."""
    camera = Secure()
    camera.tls = server(tmp_path)
    (tmp_path / "other").mkdir()
    other = certificate(tmp_path / "other")[0]
    with running(camera):
        assert in_order(numbers(camera, 5, ca=str(tmp_path / "cert.pem")))
        before = camera.asked("OPTIONS")
        for ca in (str(other), "system"):
            with pytest.raises(CameraRefused, match="certificate is not accepted"):
                numbers(camera, ca=ca)
        assert camera.asked("OPTIONS") == before


def test_ffmpeg_verifies_as_well(tmp_path: Path) -> None:
    """The certificate of a camera that is left to FFmpeg is verified, too."""

    class SecureAndUnknown(Secure):
        description = DescribesNothingWeKnow.description

    camera = SecureAndUnknown()
    camera.tls = server(tmp_path)
    with running(camera):
        assert len(numbers(camera, 5, ca=str(tmp_path / "cert.pem"))) >= 5
        with pytest.raises(CameraError):
            numbers(camera, ca="system")


def test_the_video_is_what_it_should_be() -> None:
    """Several slices in each picture, parameter sets with each key picture: else the tests above show nothing."""
    units = access_units()

    assert [sum(unit[0] & 31 in (1, 5) for unit in picture) for picture in units] == [2] * PICTURES
    assert [picture[0][0] & 31 == 7 for picture in units] == [number % KEY_EVERY == 0 for number in range(PICTURES)]
    assert np.mean([len(unit) for picture in units for unit in picture]) > 100
