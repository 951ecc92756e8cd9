import random
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from producer.rtsp.connection import Connection, Packet, Received, Request, Response, Unrecognised
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

    def recv_into(self, buffer, nbytes=0, flags=0, /) -> int:
        return super().recv_into(buffer, 1, flags)


@pytest.fixture
def ends() -> Iterator[tuple[Connection, socket.socket]]:
    ours, theirs = socket.socketpair()
    connection = Connection(ours)
    connection.expect(0, 96, 1)
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


def test_messages_and_packets_in_one_stream_cut_anywhere(ends):
    """Packets, answers with and without body, and requests are told apart, however they arrive."""
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
    stamps = [one.captured_at for one in found if isinstance(one, Packet)]
    assert began <= stamps[0] <= stamps[-1] <= now_us()


@pytest.mark.parametrize(
    "noise",
    [
        b"\0",
        b"noise",
        b"$\0\0\1x",  # shorter than any packet
        b"$\0\x40\0noise",  # no RTP within
        b"\xff$\7\0\x30\x80\x60 of another channel amid noise",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"RTSP/1.0 nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"A" * 5000,
        b"RTSP/1.0 200 OK\r\nContent-Length: 99999999\r\n\r\n",
        random.Random(1).randbytes(3000),
    ],
)
def test_noise_is_said_once_and_ends_with_the_next_packet(ends, noise):
    """After bytes that are nothing the next packet of an agreed channel, or the next answer, is found."""
    connection, theirs = ends
    theirs.sendall(framed(0, RTP) + noise + framed(0, RTP) + noise + ANSWER + framed(1, RTCP))
    theirs.close()

    assert said(all_of(connection)) == [RTP, Unrecognised, RTP, Unrecognised, Response, RTCP]


def test_a_deadline_passes(ends):
    """Nothing, or half a packet, until a moment: TimeoutError; what has come is kept."""
    connection, theirs = ends
    with pytest.raises(TimeoutError):
        connection.receive(time.monotonic() + 0.01)
    theirs.sendall(framed(0, RTP)[:10])
    with pytest.raises(TimeoutError):
        connection.receive(time.monotonic() + 0.05)
    theirs.sendall(framed(0, RTP)[10:])

    assert said([connection.receive(time.monotonic() + 10)]) == [RTP]


def test_whatever_comes_is_no_crash(ends):
    """A stream with random changes gives packets, messages and noise; what comes after it is found again."""
    connection, theirs = ends
    chance = random.Random(7)
    stream = bytearray()
    for _ in range(2000):
        part = bytearray(chance.choice((framed(0, RTP), framed(1, RTCP), ANSWER, QUESTION)))
        for _ in range(chance.choice((0, 0, 1, 5))):
            part[chance.randrange(len(part))] = chance.randrange(256)
        stream += part[: chance.choice((len(part), len(part), chance.randrange(len(part))))]
    stream += framed(0, RTP) * 2000  # more than a wrong length can swallow
    threading.Thread(target=lambda: (theirs.sendall(stream), theirs.close())).start()

    found = all_of(connection)

    kinds = said(found)
    assert Unrecognised in kinds
    assert kinds[-200:] == [RTP] * 200
