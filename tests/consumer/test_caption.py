"""What models say about a frame, drawn and in its header."""

import json

from consumer.caption import Caption, as_overlay, caption
from consumer.overlay import Box, Line, LineState
from consumer.prediction import Finding
from consumer.predictions_header import as_header
from shared.reports import ModelReport
from shared.states import ModelState
from tests.consumer.frames import BEGAN, CAT, frame, prediction

UP = ModelReport(ModelState.UP, BEGAN, "3")
DOWN = ModelReport(ModelState.DOWN, BEGAN, None, "cannot reach it")


def said(*captions: Caption) -> list[dict[str, object]]:
    document: list[dict[str, object]] = json.loads(as_header(captions))
    return document


def test_a_fresh_prediction_is_shown_with_its_probability() -> None:
    """As `label 87%`; of a whole picture only the best finding is drawn."""
    one = caption("imagenet_1", UP, prediction(frame(seq=5), CAT, Finding(1, "goldfish", 0.1)), frame(seq=6))

    assert as_overlay([one], BEGAN).lines == (Line("Egyptian cat", "78%"),)
    (document,) = said(one)
    assert document == {
        "model": "imagenet_1",
        "state": "ok",
        "label": "Egyptian cat",
        "probability": 0.785,
        "class": 285,
        "findings": [
            {"class": 285, "label": "Egyptian cat", "probability": 0.785},
            {"class": 1, "label": "goldfish", "probability": 0.1},
        ],
        "boxes": [],
        "run": frame().run,
        "seq": 5,
        "captured_at": frame(seq=5).captured_at,
        "age_ms": 40.0,
        "since": None,
        "version": "1",
    }


def test_the_age_is_shown_after_a_second() -> None:
    """A label that is a second old is not stale yet."""
    answer = prediction(frame(seq=5))
    fresh, old = (caption("imagenet_1", UP, answer, frame(seq=seq)) for seq in (30, 31))

    assert (fresh.state, old.state) == ("ok", "stale")
    assert as_overlay([old], BEGAN).lines == (Line("Egyptian cat", "78% 1.0 s ago", LineState.STALE),)
    assert (said(old)[0]["state"], said(old)[0]["age_ms"]) == ("stale", 1040.0)


def test_nothing_is_drawn_before_the_first_answer() -> None:
    """The header says that the model is awaited."""
    one = caption("imagenet_1", ModelReport(ModelState.WAITING, BEGAN), None, frame())

    assert as_overlay([one], BEGAN).lines == ()
    assert (said(one)[0]["state"], said(one)[0]["label"], said(one)[0]["age_ms"]) == ("waiting", None, None)


def test_a_model_that_is_down_shows_no_label() -> None:
    """It shows MODEL DOWN with the time since, however new the last prediction is."""
    one = caption("imagenet_1", DOWN, prediction(frame(seq=5)), frame(seq=6))

    assert as_overlay([one], BEGAN + 7_000_000).lines == (Line("MODEL DOWN", "7 s", LineState.DOWN),)
    assert (said(one)[0]["state"], said(one)[0]["label"], said(one)[0]["since"]) == ("down", None, BEGAN)


def test_of_several_models_the_one_that_is_down_is_named() -> None:
    """Each model has a line, in the order of MODELURLS."""
    first = caption("imagenet_1", UP, prediction(frame(seq=5)), frame(seq=5))
    second = caption("imagenet_2", DOWN, None, frame(seq=5))

    lines = as_overlay([first, second], BEGAN + 200_000_000).lines

    assert lines == (Line("Egyptian cat", "78%"), Line("MODEL DOWN imagenet_2", "3 min", LineState.DOWN))
    assert [one["model"] for one in said(first, second)] == ["imagenet_1", "imagenet_2"]


def test_the_time_since_is_short_at_any_length() -> None:
    """It is in seconds, minutes or hours; a clock that was set back does not make it negative."""
    one = caption("imagenet_1", DOWN, None, frame())

    notes = [as_overlay([one], BEGAN + s * 1_000_000).lines[0].note for s in (-5, 59, 60, 3599, 3600, 7500)]

    assert notes == ["0 s", "59 s", "1 min", "59 min", "1 h 0 min", "2 h 5 min"]


def test_findings_with_boxes_are_all_drawn_where_they_are() -> None:
    """Each face has its label."""
    faces = (Finding(3, "happy", 0.9, (1, 2, 30, 40)), Finding(6, "neutral", None, (50, 2, 30, 40)))
    one = caption("emonet", UP, prediction(frame(), *faces, model="emonet"), frame())

    overlay = as_overlay([one], BEGAN)

    assert overlay.lines == ()
    assert overlay.boxes == (Box(1, 2, 30, 40, Line("happy", "90%")), Box(50, 2, 30, 40, Line("neutral", "")))
    assert said(one)[0]["boxes"] == [
        {"box": [1, 2, 30, 40], "label": "happy", "probability": 0.9},
        {"box": [50, 2, 30, 40], "label": "neutral", "probability": None},
    ]


def test_key_points_are_drawn_with_their_box_or_without_one() -> None:
    """Without a box, the caption stands at the rectangle around them, which is not drawn."""
    pose = Finding(0, "person", 0.9, (1, 2, 30, 40), ((5, 6), (7, 8)))
    joints = Finding(0, "hand", 0.5, None, ((50, 60), (90, 70), (40, 66)))
    one = caption("pose", UP, prediction(frame(), pose, joints, model="pose"), frame())

    assert as_overlay([one], BEGAN).boxes == (
        Box(1, 2, 30, 40, Line("person", "90%"), ((5, 6), (7, 8))),
        Box(40, 60, 50, 10, Line("hand", "50%"), ((50, 60), (90, 70), (40, 66)), outlined=False),
    )


def test_of_several_models_the_surest_boxes_come_first() -> None:
    """If there are too many, these are drawn, whichever model found them."""
    captions = [
        caption(model, UP, prediction(frame(), *found, model=model), frame())
        for model, found in (
            ("things", (Finding(1, "car", 0.9, (0, 0, 9, 9)), Finding(2, "dog", 0.4, (1, 0, 9, 9)))),
            ("faces", (Finding(0, "happy", 0.7, (2, 0, 9, 9)), Finding(1, "sad", None, (3, 0, 9, 9)))),
        )
    ]

    assert [box.line.text for box in as_overlay(captions, BEGAN).boxes] == ["car", "happy", "dog", "sad"]


def test_an_old_box_shows_its_age() -> None:
    """As a label does."""
    car = Finding(1, "car", 0.9, (0, 0, 9, 9))
    one = caption("things", UP, prediction(frame(seq=5), car, model="things"), frame(seq=40))

    assert as_overlay([one], BEGAN).boxes[0].line == Line("car", "90% 1.4 s ago", LineState.STALE)
