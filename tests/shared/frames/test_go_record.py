import base64
import json
import struct
import time
import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from shared.errors import BadRecord
from shared.frames.go_record import RawPicture, read_original, write_original

MAT = base64.b64encode(bytes(range(18))).decode()
GOOD = {"mat": MAT, "channels": 3, "rows": 2, "cols": 3, "type": 16}


def decoded(value: bytes) -> NDArray[np.uint8]:
    """Read a record as the original's consumer does: `gocv.NewMatFromBytes(rows, cols, type, mat)`."""
    message = json.loads(value)
    depth, channels = message["type"] & 7, (message["type"] >> 3) + 1
    assert depth == 0, "CV_8U"
    assert channels == message["channels"]
    assert set(message) == {"mat", "channels", "rows", "cols", "type"}
    pixels = struct.unpack(f"{message['rows'] * message['cols'] * channels}B", base64.b64decode(message["mat"]))
    return np.array(pixels, np.uint8).reshape(message["rows"], message["cols"], channels)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (7, 5), (64, 36)])
def test_a_decoder_written_from_the_definition_reads_every_pixel(width: int, height: int, channels: int) -> None:
    """What we write, the original's Go consumer reads, and so do we."""
    pixels = np.random.default_rng(3).integers(0, 256, (height, width, channels), dtype=np.uint8)
    picture = RawPicture(width, height, channels, pixels.tobytes())

    value = write_original(picture)

    assert np.array_equal(decoded(value), pixels)
    assert read_original(value) == picture


def test_a_record_as_go_writes_it_is_read() -> None:
    """The order of the fields, blanks and further fields do not matter."""
    value = json.dumps(dict(reversed(GOOD.items())) | {"more": [1]}, indent=2).encode()

    assert read_original(value) == RawPicture(3, 2, 3, bytes(range(18)))


@pytest.mark.parametrize(
    "change",
    [
        {"mat": None},
        {"mat": 5},
        {"mat": "****"},
        {"mat": "ü"},
        {"mat": MAT[:-4]},
        {"mat": MAT + "AAAA"},
        {"mat": MAT[:-1]},
        {"mat": ""},
        {"rows": 0},
        {"rows": -2},
        {"rows": 3},
        {"rows": "2"},
        {"rows": 2.0},
        {"rows": True},
        {"rows": None},
        {"rows": 10**30, "cols": 10**30},
        {"cols": 70_000},
        {"channels": 1},
        {"channels": 4},
        {"channels": 0},
        {"type": 0},
        {"type": 17},
        {"type": 21},
        {"type": "16"},
        {"type": [16]},
    ],
)
def test_each_malformed_record_is_refused(change: dict[str, object]) -> None:
    """The pixels must fill the picture exactly, whatever the record says."""
    with pytest.raises(BadRecord):
        read_original(json.dumps(GOOD | change).encode())


@pytest.mark.parametrize(
    "value",
    [
        b'{"mat":[' + b"[]," * 10_000_000 + b"[]]}",
        b'{"mat":[' + b"1," * 10_000_000 + b"1]}",
        b"[" * 30_000_000,
        b'{"mat":"' + b"A" * 30_000_000,
        b'{"mat":"","more":"' + b"A" * 30_000_000 + b'"}',
        b'"mat" ' * 5_000_000,
        json.dumps(GOOD | {"mat": "A" * 30_000_000, "rows": 60_000, "cols": 60_000}).encode(),
        json.dumps(GOOD | {"mat": "A" * 30_000_000}).encode(),
        json.dumps(GOOD | {"mat": "*" * 24_000_000, "rows": 3000, "cols": 2000}).encode(),
    ],
)
def test_a_large_record_that_is_no_picture_costs_little(value: bytes) -> None:
    """It is refused by its head and its length, without parsing what is large."""
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(BadRecord):
        read_original(value)
    seconds = time.process_time() - began
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert seconds < 5
    assert peak < 1_000_000 + (18_000_000 if b"*" in value else 0)


def test_the_largest_picture_is_read_and_a_larger_one_refused() -> None:
    """36 million pixels."""
    largest = RawPicture(6000, 6000, 1, bytes(36_000_000))

    assert read_original(write_original(largest)) == largest
    with pytest.raises(BadRecord, match="36000000 pixels"):
        read_original(write_original(RawPicture(6001, 6000, 1, bytes(36_006_000))))


@pytest.mark.parametrize("name", list(GOOD))
def test_each_missing_field_is_named(name: str) -> None:
    """The message names it."""
    with pytest.raises(BadRecord, match=name):
        read_original(json.dumps({key: value for key, value in GOOD.items() if key != name}).encode())


@pytest.mark.parametrize(
    "value",
    [b"", b"x", b"null", b"[]", b'"mat"', b"5", b"{", b"\xff\xd8\xff\xe0", b"[" * 100_000, b"9" * 5000, b"\x00" * 64],
)
def test_what_is_no_object_is_refused(value: bytes) -> None:
    """Any bytes may lie on a topic."""
    with pytest.raises(BadRecord):
        read_original(value)
