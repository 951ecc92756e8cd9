"""Mutations of a recorded dialogue and of recorded packets: whatever arrives, the result is a picture or a CameraError.

Bounded by count; the environment variable FUZZ_SECONDS makes it run that long instead, with a new seed each time.
"""

import itertools
import logging
import os
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import pytest

from producer.rhythm import Rhythm
from producer.rtsp import rtp, sdp
from producer.rtsp.access_units import AccessUnitAssembler
from producer.rtsp.authentication import Credentials, strongest
from producer.rtsp.camera import RtspCamera
from producer.rtsp.connection import Connection
from producer.rtsp.depacketizer import Depacketizer, UnsupportedStream
from producer.rtsp.interleaving import Deinterleaver
from producer.rtsp.mjpeg import JpegDepacketizer
from producer.rtsp.nal_units import H264Depacketizer, H265Depacketizer
from shared.clock import Instant
from shared.errors import CameraError
from tests.producer.odd_camera import DESCRIPTION, framed
from tests.producer.rtsp_video import video

pytestmark = pytest.mark.fuzz

log = logging.getLogger(__name__)

SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))
CHALLENGE = b'RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nWWW-Authenticate: Digest realm="a", nonce="b", qop="auth"\r\n\r\n'
MOVED = b"RTSP/1.0 302 Found\r\nCSeq: 2\r\nLocation: rtsp://127.0.0.1/elsewhere\r\n\r\n"
DESCRIBED = DESCRIPTION.encode()
ANSWERS = (
    b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: DESCRIBE, SETUP, PLAY, GET_PARAMETER\r\n\r\n",
    b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Base: rtsp://[::1]:7/x?y=1/\r\nContent-Length: %d\r\n\r\n" % len(DESCRIBED)
    + DESCRIBED,
    b"RTSP/1.0 200 OK\r\nCSeq: 3\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 7;timeout=60\r\n\r\n",
    b"RTSP/1.0 200 OK\r\nCSeq: 4\r\nSession: 7\r\n\r\n",
)
PIECES = (
    b"",
    b"\0",
    b"\xff",
    b"9" * 400,
    b"-1",
    b"[",
    b"%",
    b"\r\n",
    b"\n\n",
    b'"',
    b"\\",
    b"$",
    b"$\0\0\x10",
    b"://",
    b"=",
    b";",
)


def rounds(count: int) -> Iterator[random.Random]:
    """Yield a source of chance for each round: a fixed number of rounds, or as many as fit into FUZZ_SECONDS."""
    if not SECONDS:
        yield from (random.Random(seed) for seed in range(count))
        return
    first, deadline_s = random.SystemRandom().randrange(1 << 32), time.monotonic() + SECONDS
    for seed in itertools.count(first):
        if time.monotonic() > deadline_s:
            return
        log.info("seed %d", seed)  # shown if it fails
        yield random.Random(seed)


def mangled(data: bytes, chance: random.Random) -> bytes:
    """Return data with some bytes changed, left out, repeated, or put in."""
    changed = bytearray(data)
    for _ in range(chance.choice((0, 1, 1, 2, 5))):
        at = chance.randrange(len(changed) + 1)
        length = chance.choice((0, 0, 1, 4, 20))
        piece = chance.choice((*PIECES, bytes(changed[at : at + length]) * 2, chance.randbytes(4)))
        changed[at : at + length] = piece
    return bytes(changed[: chance.randrange(len(changed) + 1)] if chance.random() < 0.05 else changed)


@pytest.mark.timeout(60 + 2 * int(SECONDS))
def test_dialogues() -> None:
    """A camera that answers anything is opened, or refused with a CameraError, and never quotes the password."""
    packets = [framed(0, packet) for cut in video().pictures for packet in cut]

    def serve(listener: socket.socket, chance: random.Random) -> None:
        with suppress(OSError):
            while True:
                with listener.accept()[0] as client, suppress(OSError):
                    client.settimeout(0.05)
                    answers = list(ANSWERS)
                    while client.recv(1 << 16):
                        answer = answers.pop(0) if answers else b"".join(chance.choices(packets, k=20))
                        client.sendall(mangled(chance.choice((answer, answer, answer, CHALLENGE, MOVED)), chance))

    said: set[str] = set()
    for chance in rounds(120):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            threading.Thread(target=serve, args=(listener, chance), daemon=True).start()
            try:
                link = f"rtsp://me:s3cret@127.0.0.1:{listener.getsockname()[1]}/live"
                with closing(RtspCamera.open(link, rhythm=Rhythm(fixed_s=0.2))) as camera:
                    list(itertools.islice(camera.pictures(), 20))
                said.add("opened")
            except (CameraError, UnsupportedStream) as exc:
                said.add(str(exc))
            listener.shutdown(socket.SHUT_RDWR)
    assert "the reader failed" not in said
    assert "s3cret" not in " ".join(said)
    assert len(said) > 3


@pytest.mark.timeout(60 + 2 * int(SECONDS))
def test_streams_of_messages_and_packets() -> None:
    """Any stream is read to its end."""

    def send(theirs: socket.socket, stream: bytes) -> None:
        theirs.sendall(stream)
        theirs.shutdown(socket.SHUT_WR)

    parts = [*ANSWERS, CHALLENGE, b"OPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n"]
    parts += [framed(0, packet) for cut in video().pictures for packet in cut]
    for chance in rounds(60):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            connection = Connection(ours)
            connection.expect(frozenset({0, 1}), frozenset({96}))
            stream = b"".join(mangled(part, chance) for part in chance.choices(parts, k=100))
            sender = threading.Thread(target=send, args=(theirs, stream))
            sender.start()
            with suppress(EOFError):
                while True:
                    connection.receive(time.monotonic() + 5, description=chance.random() < 0.1)
            sender.join()


DEPACKETIZERS: dict[str, Callable[[], Depacketizer]] = {
    "H264": lambda: H264Depacketizer({"sprop-parameter-sets": "Z3Nwcw==,aHBwcw"}),
    "H265": lambda: H265Depacketizer({}),
    "JPEG": lambda: JpegDepacketizer(None),
}


@pytest.mark.timeout(60 + 2 * int(SECONDS))
@pytest.mark.parametrize("codec", DEPACKETIZERS)
def test_packets(codec: str) -> None:
    """Packets that are changed, left out, repeated, and in another order give pictures, whole or damaged."""
    packets = [packet for cut in video(codec).pictures for packet in cut]
    found = 0
    for chance in rounds(30):
        depacketizer = DEPACKETIZERS[codec]()
        deinterleaver = Deinterleaver({"sprop-interleaving-depth": "3"}) if codec == "H264" else None
        assembler = AccessUnitAssembler(depacketizer, frozenset({26 if codec == "JPEG" else 96}), deinterleaver)
        at_s = 0.0
        for packet in itertools.chain(packets, packets):
            at_s += 0.01
            for sent in chance.choice(([packet], [packet], [packet], [], [packet, packet])):
                head, payload = sent[:12], sent[12:]
                if chance.random() < 0.1:  # a packet of any kind of unit
                    payload = bytes((chance.randrange(256),)) + payload[1:]
                parsed = rtp.parse(mangled(sent, chance) if chance.random() < 0.1 else head + payload)
                if parsed is not None:
                    found += len(assembler.add(parsed, Instant(0, at_s)))
    assert found


@pytest.mark.timeout(60 + 2 * int(SECONDS))
def test_descriptions_and_challenges() -> None:
    """Any text is a description, of no video in the worst case; any header is a challenge or none."""
    challenge = 'Digest realm="a \\"b\\"", nonce="c", algorithm=SHA-256, qop="auth,auth-int", Basic realm="x"'
    for chance in rounds(2000):
        for track in sdp.parse(mangled(DESCRIBED, chance).decode(errors="surrogateescape")).videos:
            with suppress(UnsupportedStream):
                H264Depacketizer(track.parameters)
                H265Depacketizer(track.parameters)
                Deinterleaver(track.parameters)
        offered = strongest([mangled(challenge.encode(), chance).decode(errors="surrogateescape")])
        if offered:
            assert "\r" not in offered.authorization(Credentials("me", "secret"), "PLAY", "rtsp://camera/")
