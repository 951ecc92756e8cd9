"""Random streams: whatever comes, the scanner ends, stays within its bounds, and finds every whole picture.

FUZZ_SECONDS makes it run longer than its two seconds (`make fuzz`).
"""

import os
import random
import time
from collections.abc import Callable, Iterator

import pytest

from producer.content import CameraJpeg
from producer.mjpeg.body import ChunkedBody
from producer.mjpeg.scanner import MOST_HEAD_BYTES, JpegScanner
from tests.producer.mjpeg.odd_camera import part, picture

pytestmark = pytest.mark.fuzz

SECONDS = float(os.environ.get("FUZZ_SECONDS") or 2.0)
PICTURES = [picture(number) for number in range(8)]


def rounds() -> Iterator[random.Random]:
    """Yield generators of random numbers until the time is over; the seed is in the failure's text."""
    deadline, seed = time.monotonic() + SECONDS, int(os.environ.get("FUZZ_SEED") or 0)
    while time.monotonic() < deadline:
        yield random.Random(seed)
        seed += 1


def pieces(data: bytes, chance: random.Random) -> Iterator[bytes]:
    """Cut bytes at random places."""
    at = 0
    while at < len(data):
        size = chance.choice((1, 2, 7, 100, 1460, 65536))
        yield data[at : at + size]
        at += size


def harmless(chance: random.Random) -> bytes:
    """Return what may stand between two pictures."""
    return chance.choice(
        (
            b"",
            b"\r\n",
            b"--frame\r\n",
            b"--frame--\r\n--frame\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n",
            b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % chance.choice((0, 5, 900, 99999)),
            b"--other\nContent-Type: text/plain\n\nnothing\n",
            bytes(chance.randrange(100)),
            chance.randbytes(20).replace(b"\xff", b"\xfe"),
        )
    )


def scanned(data: bytes, chance: random.Random) -> list[bytes]:
    scanner = JpegScanner(chance.choice((b"", b"frame", b"--frame", b"-", b"x" * 80)))
    found = [
        bytes(item.data)
        for piece in pieces(data, chance)
        for item in scanner.add(piece)
        if isinstance(item, CameraJpeg)
    ]
    assert scanner.inside or len(scanner.beginning) <= MOST_HEAD_BYTES
    return found


def test_whole_pictures_are_found_whatever_is_between() -> None:
    """Every picture of a stream comes out byte for byte, cut into whatever pieces."""
    for seed, chance in enumerate(rounds()):
        expected = [chance.choice(PICTURES) for _ in range(chance.randrange(1, 8))]
        data = b"".join(harmless(chance) + chance.choice((one, part(one))) + harmless(chance) for one in expected)

        assert scanned(data, chance) == expected, f"FUZZ_SEED={seed}"


MUTATIONS: tuple[Callable[[bytearray, random.Random], None], ...] = (
    lambda data, chance: data.__setitem__(chance.randrange(len(data)), chance.randrange(256)),
    lambda data, chance: data.__delitem__(slice(at := chance.randrange(len(data)), at + chance.randrange(50))),
    lambda data, chance: data.__setitem__(slice(at := chance.randrange(len(data)), at), chance.randbytes(9)),
    lambda data, chance: data.__setitem__(slice(at := chance.randrange(len(data)), at), b"\xff\xd8\xff"),
    lambda data, chance: data.__setitem__(slice(at := chance.randrange(len(data)), at), b"\r\n--frame\r\n"),
)


def test_damaged_streams_do_no_harm() -> None:
    """A damaged stream raises nothing, and a whole picture far behind the damage is found again."""
    for seed, chance in enumerate(rounds()):
        data = bytearray(b"".join(map(part, PICTURES[:4])))
        for _ in range(chance.randrange(1, 6)):
            chance.choice(MUTATIONS)(data, chance)
        whole = b"\xff\xd9" * 3 + b"".join(map(part, PICTURES))
        # A damaged length may hide as much as a segment can hold.
        filler = part(PICTURES[0]) * (70_000 // len(PICTURES[0]) + 1)

        found = scanned(bytes(data) + filler + whole, chance)

        assert found[-3:] == PICTURES[-3:], f"FUZZ_SEED={seed}"


@pytest.mark.parametrize("broken", [False, True])
def test_chunks_of_any_kind_do_no_harm(broken: bool) -> None:
    """Whole chunks give their content whatever the pieces; broken ones give something, and end."""
    for seed, chance in enumerate(rounds()):
        content = chance.randbytes(chance.randrange(1, 3000))
        coded = bytearray()
        at = 0
        while at < len(content):
            size = chance.randrange(1, 900)
            piece = content[at : at + size]
            at += size
            coded += b"%x%b\r\n%b\r\n" % (len(piece), chance.choice((b"", b";a=b", b" ")), piece)
        coded += b"0\r\n\r\n"
        for _ in range(chance.randrange(1, 5) if broken else 0):
            coded += b"\r\n"
            chance.choice(MUTATIONS)(coded, chance)
        body = ChunkedBody()

        decoded = b"".join(body.add(piece) for piece in pieces(bytes(coded), chance))

        assert broken or (decoded == content and body.complete), f"FUZZ_SEED={seed}"
