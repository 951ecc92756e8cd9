import json

import pytest

from video.predictions import MAX_BYTES, read_predictions

GOOD = {"model": "m", "state": "ok", "label": "tabby", "probability": 0.87, "class": 281, "boxes": []}


def test_predictions_are_read_as_the_consumer_wrote_them() -> None:
    """Every field is kept."""
    waiting = {**GOOD, "label": None, "probability": None}

    assert read_predictions(json.dumps([GOOD, waiting]).encode()) == [GOOD, waiting]


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{",
        b'{"not": "a list"}',
        b"[" * 10_000,
        b"\xff\xfe",
        b'[{"probability": NaN}]',
        b'[{"probability": 1e999}]',
        b'[{"seq": 9007199254740993}]',
        b'[{"seq": ' + b"9" * 10_000 + b"}]",
        b"[" + b"[]," * MAX_BYTES + b"[]]",
    ],
)
def test_what_is_not_json_that_a_browser_can_read_is_no_prediction(header: bytes) -> None:
    """NaN is not JSON, and JavaScript rounds whole numbers beyond 2^53."""
    assert read_predictions(header) == []


@pytest.mark.parametrize(
    "odd",
    [None, 5, "text", [], {"label": 5}, {"probability": "x"}, {"probability": True}, {"boxes": 7}, {"model": None}],
)
def test_a_prediction_of_another_shape_is_left_out(odd: object) -> None:
    """The page could not show it, and shows the others."""
    assert read_predictions(json.dumps([odd, GOOD]).encode()) == [GOOD]
