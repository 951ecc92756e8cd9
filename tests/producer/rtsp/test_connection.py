import random
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import TypeAlias

import pytest
from typing_extensions import Buffer

from producer.rtsp.connection import Connection, Packet, Received, Unrecognised
from producer.rtsp.messages import Request, Response
from shared.clock import now_us

RTP = struct.pack("!BBHII", 0x80, 96, 1, 2, 3) + b"coded $\0\0\x20 picture"
RTCP = struct.pack("!BBHIIIIII", 0x80, 200, 6, 1, 2, 3, 4, 5, 6)
ANSWER = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: DESCRIBE\r\nPublic: PLAY\r\nContent-Length: 7\r\n\r\n$v=0\r\n\r"
QUESTION = b"OPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n"


def framed(channel: int, data: bytes) -> bytes:
    return struct.pack("!BBH", 0x24, channel, len(data)) + data


class Trickle(socket.socket):
    """A socket that gives one byte at a time: the hardest way to cut a stream."""

    def __init__(self, fileno: int) -> None:
        super().__init__(socket.AF_UNIX, socket.SOCK_STREAM, fileno=fileno)

    def recv_into(self, buffer: Buffer, nbytes: int = 0, flags: int = 0, /) -> int:
        return super().recv_into(buffer, 1, flags)


Ends: TypeAlias = tuple[Connection, socket.socket]


@pytest.fixture
def ends() -> Iterator[Ends]:
    ours, theirs = socket.socketpair()
    connection = Connection(ours)
    connection.expect(frozenset({0, 1}), frozenset({96}))
    with ours, theirs:
        yield connection, theirs


def all_of(connection: Connection) -> list[Received]:
    found: list[Received] = []
    with suppress(EOFError):
        while True:
            found.append(connection.receive(time.monotonic() + 10))
    return found


def said(found: list[Received]) -> list[object]:
    return [one.data if isinstance(one, Packet) else type(one) for one in found]


def test_messages_and_packets_in_one_stream_cut_anywhere(ends: Ends) -> None:
    """Packets, answers with and without body, and requests are separated, however they arrive."""
    connection, theirs = ends
    stream = framed(0, RTP) + ANSWER + framed(1, RTCP) + QUESTION + b"\r\n" + framed(0, RTP) + framed(4, RTP)
    began = now_us()
    theirs.sendall(stream)
    theirs.close()

    found = all_of(Connection(Trickle(connection._socket.detach())))

    assert said(found) == [RTP, Response, RTCP, Request, RTP, RTP]
    answer, question = found[1], found[3]
    assert isinstance(answer, Response)
    assert (answer.status, answer.body, answer.first("cseq")) == (200, b"$v=0\r\n\r", "1")
    assert answer.headers["public"] == ["DESCRIBE", "PLAY"]
    assert isinstance(question, Request)
    assert question.method == "OPTIONS"
    stamps = [one.captured.wall_us for one in found if isinstance(one, Packet)]
    assert began <= stamps[0] <= stamps[-1] <= now_us()


@pytest.mark.parametrize(
    "noise",
    [
        b"\0",
        b"noise",
        b"$\0\0\1x",  # shorter than any packet
        b"$\0\x40\0noise",  # not RTP
        b"\xff$\7\0\x30\x80\x60 of another channel amid noise",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"RTSP/1.0 nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"A" * 5000,
        b"RTSP/1.0 200 OK\r\n" + b"X: y\r\n" * 9000,
        random.Random(1).randbytes(3000),
    ],
)
def test_unrecognised_bytes_are_reported_once_and_end_with_the_next_packet(ends: Ends, noise: bytes) -> None:
    """After them the next packet of an agreed channel, or the next answer, is found."""
    connection, theirs = ends
    theirs.sendall(framed(0, RTP) + noise + framed(0, RTP) + noise + ANSWER + framed(1, RTCP))
    theirs.close()

    assert said(all_of(connection)) == [RTP, Unrecognised, RTP, Unrecognised, Response, RTCP]


def test_a_deadline_passes(ends: Ends) -> None:
    """Nothing, or half a packet, until a moment: TimeoutError; what has come is kept."""
    connection, theirs = ends
    with pytest.raises(TimeoutError):
        connection.receive(time.monotonic() + 0.01)
    theirs.sendall(framed(0, RTP)[:10])
    with pytest.raises(TimeoutError):
        connection.receive(time.monotonic() + 0.05)
    theirs.sendall(framed(0, RTP)[10:])

    assert said([connection.receive(time.monotonic() + 10)]) == [RTP]


def test_whatever_comes_is_not_a_crash(ends: Ends) -> None:
    """A stream with random changes gives packets, messages and other bytes; what comes after it is found again."""
    connection, theirs = ends
    chance = random.Random(7)
    stream = bytearray()
    for _ in range(2000):
        part = bytearray(chance.choice((framed(0, RTP), framed(1, RTCP), ANSWER, QUESTION)))
        for _ in range(chance.choice((0, 0, 1, 5))):
            part[chance.randrange(len(part))] = chance.randrange(256)
        stream += part[: chance.choice((len(part), len(part), chance.randrange(len(part))))]
    stream += framed(0, RTP) * 2000  # more than a wrong length can swallow

    def send() -> None:
        theirs.sendall(stream)
        theirs.close()

    threading.Thread(target=send).start()

    found = all_of(connection)

    kinds = said(found)
    assert Unrecognised in kinds
    assert kinds[-200:] == [RTP] * 200


DESCRIPTION = b"v=0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\na=control:t\r\n"


@pytest.mark.parametrize(
    ("text", "status", "headers"),
    [
        (b"RTSP/2.0 200 OK\r\nCSeq: 1\r\n\r\n", 200, {"cseq": ["1"]}),
        (b"rtsp/1.0  404\r\ncseq:1\r\n\r\n", 404, {"cseq": ["1"]}),
        (b"RTSP/1.0 200\nCSEQ : 1\n\n", 200, {"cseq": ["1"]}),
        (b"RTSP/1.0\t200 Alles \xfcber\r\nX-\xfc: \xc3\xbc\r\n\r\n", 200, {"x-\udcfc": ["ü"]}),
        (b"RTSP/1.00 0 \r\nA:\r\nno colon\r\n\r\n", 0, {"a": [""]}),
        (b"\r\n\r\nRTSP/1.0 200 OK\r\nA: b,\r\n  c\r\n D: e\r\n\r\n", 200, {"a": ["b, c"], "d": ["e"]}),
        (b"RTSP/1.0 200 OK\r\nA: b\x0bc\xe2\x80\xa8d\r\n\r\n", 200, {"a": ["b\x0bc\u2028d"]}),
        (b"RTSP/1.0 200 OK\r\nContent-Length: 9\r\n\r\n", 200, {"content-length": ["9"]}),
        (b"RTSP/1.0 200 OK\r\nContent-Length: -5\r\n\r\n", 200, {"content-length": ["-5"]}),
        (b"RTSP/1.0 200 OK\r\nContent-Length: 99999999\r\n\r\n", 200, {"content-length": ["99999999"]}),
    ],
)
def test_heads_as_cameras_write_them(ends: Ends, text: bytes, status: int, headers: dict[str, list[str]]) -> None:
    """Any version, case, line end and spelling; a length without a body is not waited for when a packet follows."""
    connection, theirs = ends
    theirs.sendall(text + framed(0, RTP))
    theirs.close()

    answer, packet = all_of(connection)

    assert answer == Response(status, headers)
    assert isinstance(packet, Packet)


@pytest.mark.parametrize("length", [None, 0, -40, -9, -2, 40])
@pytest.mark.parametrize("follows", [b"", QUESTION])
@pytest.mark.parametrize("description", [DESCRIPTION, DESCRIPTION.rstrip(b"\r\n")])
def test_a_description_is_whole_whatever_its_length_is_said_to_be(
    ends: Ends, length: int | None, follows: bytes, description: bytes
) -> None:
    """Missing, in characters instead of bytes, or too long: what belongs to a description is seen."""
    connection, theirs = ends
    head = b"" if length is None else b"Content-Length: %d\r\n" % (len(description) + length)
    theirs.sendall(b"RTSP/1.0 200 OK\r\n" + head + b"\r\n" + description + follows)

    answer = connection.receive(time.monotonic() + 10, description=True)

    assert isinstance(answer, Response)
    assert answer.body == description
    if follows:
        assert isinstance(connection.receive(time.monotonic() + 10), Request)


def test_a_head_without_an_end(ends: Ends) -> None:
    """An answer that lacks its empty line is taken when no more comes."""
    connection, theirs = ends
    theirs.sendall(b"RTSP/1.0 200 OK\r\nCSeq: 7\r\n")

    assert connection.receive(time.monotonic() + 10) == Response(200, {"cseq": ["7"]})
