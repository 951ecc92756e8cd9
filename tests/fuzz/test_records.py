"""Records of strangers: each is read, or refused with the one error that its reader names; nothing else happens."""

import json
from contextlib import suppress
from random import Random

import pytest

from shared.errors import BadRecord
from shared.frames.frame import Frame, camera_of, read_bare_frame, read_frame, to_headers
from shared.frames.gaps import Gaps
from shared.frames.go_record import RawPicture, write_original
from shared.frames.pixels import encode_raw
from shared.names import camera_id
from shared.redact import redact
from shared.report_reader import read_entry
from shared.reports import MAX_NUMBER, MAX_TEXT, CameraReport, LedgerReport, ModelReport, Report
from shared.states import CameraState, ModelState
from tests.fuzz import odd
from tests.fuzz.runner import any_of, fuzz, mutated
from tests.shared.samples import frame, picture

pytestmark = pytest.mark.fuzz

STATUS = {
    "service": "producer",
    "instance": "producer-0",
    "at": 1_700_000_000_000_000,
    "ending": False,
    **Report(
        {"front": CameraReport(CameraState.DOWN, 1_700_000_000_000_000, "connection refused")},
        {"imagenet_1": ModelReport(ModelState.UP, 1_700_000_000_000_000, "1")},
        {"front": LedgerReport(3, 2, {"thinned": 1})},
    ).as_json(),
}
RAW = write_original(RawPicture(4, 4, 3, bytes(48)))
DIGITS = (b"", b"-1", b"1e9", b"NaN", b"9" * 30, b"9007199254740993", b"\xd9\xa3", b" 7", b"0", b"7" * 1_000_000)


def headers_of(random: Random) -> dict[str, bytes]:
    """Return the headers of a frame with some of them changed, missing or added."""
    headers = dict(to_headers(frame(7, imprinted_at=1_700_000_000_000_000, numbering=(1, 2))))
    for _ in range(random.randrange(4)):
        name = random.choice(list(headers) or ["run"])
        match random.randrange(4):
            case 0:
                headers.pop(name, None)
            case 1:
                headers[name] = random.choice(DIGITS)
            case 2:
                headers[name] = mutated(random, headers.get(name, b""))
            case _:
                headers[name] = random.choice(odd.TEXTS).encode(errors="surrogatepass")
    return headers


def test_a_frame_is_read_or_refused() -> None:
    """What is read is a frame whose facts every later stage can use."""
    pictures = [picture(), *odd.pictures()]

    def check(random: Random) -> None:
        value = random.choice(pictures) if random.random() < 0.5 else any_of(random, pictures)
        with suppress(BadRecord):
            holds(read_frame(random.choice((None, b"front", b"\xff")), value, headers_of(random)))

    fuzz(check, rounds=1500)


def holds(read: Frame) -> None:
    assert camera_id(read.camera) == read.camera
    assert all(0 <= number <= MAX_NUMBER for number in (read.run, read.seq, read.captured_at))
    assert read.width > 0
    assert read.height > 0
    Gaps().before(read, 0)
    to_headers(read)


def test_a_record_of_the_original_is_read_or_refused() -> None:
    def check(random: Random) -> None:
        value = any_of(random, [RAW]) if random.random() < 0.5 else odd.text(odd.altered(random, json.loads(RAW)))
        with suppress(BadRecord):
            holds(
                read_bare_frame(
                    b"front", value, run=1, seq=1, captured_at=1, encode=lambda raw: encode_raw(raw, quality=80)
                )
            )

    fuzz(check, rounds=1500)


def test_a_status_is_read_or_refused() -> None:
    """What is read has numbers that JavaScript holds and texts that can be shown, and can be written as JSON."""

    def check(random: Random) -> None:
        document = odd.altered(random, odd.altered(random, STATUS))
        value = any_of(random, [odd.text(STATUS)]) if random.random() < 0.3 else odd.text(document)
        with suppress(BadRecord):
            entry = read_entry(value, heard_at=0.0)
            json.dumps(entry.report.as_json(), allow_nan=False).encode()
            assert 0 <= entry.at <= MAX_NUMBER
            assert len(entry.instance) <= MAX_TEXT
            assert entry.instance.isprintable()

    fuzz(check, rounds=3000)


def test_what_a_reader_leaves_with_its_commit_is_read_or_ignored() -> None:
    """Anyone who reaches the bus can commit for the group."""
    gaps = Gaps()
    gaps.before(frame(7), 0)
    sample = gaps.note(0).encode()

    def check(random: Random) -> None:
        metadata = any_of(random, [sample]) if random.random() < 0.5 else odd.text(odd.value(random))
        taken_over = Gaps()
        taken_over.assigned(0, metadata.decode(errors="replace"))
        taken_over.before(frame(8), 0)

    fuzz(check, rounds=1500)


def test_any_text_can_be_redacted() -> None:
    """It never fails, and no password of a link is left."""

    def check(random: Random) -> None:
        noise = any_of(random, [text.encode(errors="replace") for text in odd.TEXTS]).decode(errors="replace")
        redact(noise)
        assert "s3cret" not in redact(f"{noise[:50]} rtsp://user:s3cret@192.0.2.1/stream {noise[50:]}")

    fuzz(check, rounds=1500)


def test_any_key_names_a_camera() -> None:
    def check(random: Random) -> None:
        key = any_of(random, [text.encode(errors="surrogatepass") for text in odd.TEXTS])
        camera = camera_of(key, {"camera": random.choice((b"", key, b"yard"))})
        assert camera_id(camera) == camera

    fuzz(check, rounds=1000)
