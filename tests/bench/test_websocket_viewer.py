"""The viewer that checks what it gets."""

import json

from bench.small_pictures import coded, number_of
from bench.websocket_viewer import Viewer

CAMERA, AT = "camera-0007", 1_764_512_345_678_901


def message(seq: int, *, at: int = AT, label: str | None = None, repeated: bool = False) -> bytes:
    found = [] if label is None else [{"model": "things", "state": "ok", "label": label}]
    head = {"camera": CAMERA, "run": 1, "seq": seq, "captured_at": at, "repeated": repeated, "predictions": found}
    text = json.dumps(head).encode()
    return len(text).to_bytes(4, "big") + text + coded()[number_of(CAMERA, AT)]


def test_pictures_are_counted_once_with_their_age() -> None:
    """A repeated one is no new picture; what was taken is not counted again."""
    viewer = Viewer()
    viewer.frame(message(1), AT / 1e6 + 0.25)
    viewer.frame(message(1, repeated=True), AT / 1e6 + 1.25)
    viewer.frame(message(2, label="tabby"), AT / 1e6 + 0.5)

    got = viewer.taken()
    assert (got.pictures, got.labelled, got.wrong, got.disordered) == ({CAMERA: 2}, 1, 0, 0)
    assert [round(age) for age in got.ages_ms] == [250, 500]
    assert viewer.taken().pictures == {}


def test_a_wrong_picture_and_one_out_of_order_are_counted() -> None:
    """Its number is that of another time, and its sequence is one that was seen."""
    viewer = Viewer()
    viewer.frame(message(2, at=AT + 1000), 0.0)
    viewer.frame(message(1), 0.0)

    got = viewer.taken()
    assert (got.wrong, got.disordered) == (1, 1)


def test_a_camera_that_a_status_does_not_call_up_is_named() -> None:
    """Its state is kept although a later status calls it up again."""
    viewer = Viewer()
    for state in ("down", "up"):
        viewer.text(json.dumps({"type": "status", "cameras": [{"id": CAMERA, "state": state}]}))

    got = viewer.taken()
    assert (got.statuses, got.listed, got.not_up) == (2, 1, {CAMERA: "down"})
