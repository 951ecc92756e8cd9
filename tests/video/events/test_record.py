"""Records of `videopredictions`, which anyone may write."""

import json
import time
from typing import Any

import pytest

from shared.errors import BadRecord
from tests.video.events.records import document, record
from video.events.event import EventEncoder
from video.events.position import Position, read_position
from video.events.record import MAX_BYTES, MAX_FINDINGS, read_prediction

FINDING: dict[str, Any] = {"class": 1, "label": "car", "probability": 0.5}
NOT_FINDINGS: tuple[Any, ...] = (None, {}, "x", [5], [{}], [FINDING] * (MAX_FINDINGS + 1))
NOT_A_BOX: tuple[Any, ...] = ([], [1, 2, 3], [1, 2, 3, "4"], 5)
NOT_A_NUMBER: tuple[Any, ...] = (float("nan"), float("inf"), "0.5", True, [], {})


def test_a_prediction_is_read() -> None:
    """Whose it is, its best probability, and the whole of it; a key that is not known stays."""
    findings = [FINDING, FINDING | {"probability": 0.75}, FINDING | {"probability": None}]
    value = document(model="lite", predictions=findings, mood={"of": ["the", "day"]})

    read = read_prediction(record(value))

    assert (read.camera, read.model, read.best) == ("front", "lite", 0.75)
    assert json.loads(read.json) == value
    assert read_prediction(record(document(predictions=[]))).best is None


def test_nothing_in_a_record_can_end_an_event() -> None:
    """Line breaks between its parts and in its texts, of every kind, are gone or escaped."""
    value = document(
        model="a b", predictions=[FINDING | {"label": "a\n\ndata: b\r\rid: c\u2028\u0085é\x00"}], mood="\ud800\n"
    )
    text = json.dumps(value, indent=1).replace("\n", "\r\n").encode()

    event = EventEncoder(Position("12345678", {0: 4})).encode(record(text, offset=4)).text

    assert event.isascii()
    id_, data, *rest = event.split(b"\n")
    assert rest == [b"", b""]
    assert b"\r" not in event
    assert read_position(id_.decode().removeprefix("id: ")) == Position("12345678", {0: 5})
    assert json.loads(data.removeprefix(b"data: ")) == value


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"junk",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 50_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        json.dumps(document()).encode() + b" " * MAX_BYTES,
        json.dumps(document(extra=float("nan"))).encode(),
        json.dumps(document(extra="1e999")).replace('"1e999"', "1e999").encode(),
        *(document() | {name: wrong} for name in ("seq", "captured_at") for wrong in (-1, 2**53, 1.5, "1", None, True)),
        *(document() | {"camera": camera} for camera in ("Front", "", "a b", "../x", "front\n", 5, None)),
        *(document() | {"model": model} for model in ("", "m" * 101, "a\nb", "\ud800", 5, None)),
        *(document(predictions=wrong) for wrong in NOT_FINDINGS),
        *(document(predictions=[FINDING | {"probability": wrong}]) for wrong in NOT_A_NUMBER),
        *(document(predictions=[FINDING | {"box": wrong}]) for wrong in NOT_A_BOX),
        document(predictions=[FINDING | {"label": "x" * 1001}]),
        {name: part for name, part in document().items() if name != "model"},
    ],
)
def test_what_is_not_a_prediction_is_refused(value: bytes | dict[str, object] | None) -> None:
    with pytest.raises(BadRecord):
        read_prediction(record(value))


def test_a_record_is_of_the_camera_that_its_key_names() -> None:
    """Who may see a camera is decided by its id: a record must not come under another one's."""
    with pytest.raises(BadRecord, match="another camera"):
        read_prediction(record(document(camera="front"), key=b"lobby"))

    assert read_prediction(record(document(camera="front"), key=None)).camera == "front"


def test_the_largest_record_costs_little() -> None:
    """It is refused or read in a fraction of a second, whatever is in it."""
    labels = [FINDING | {"label": "\u2028" * 1000}] * 9
    began = time.process_time()
    for _ in range(20):
        read_prediction(record(document(predictions=labels)))

    assert time.process_time() - began < 5
