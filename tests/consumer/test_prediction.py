"""Predictions, and which of them may be shown."""

from dataclasses import replace

from consumer.prediction import FORGOTTEN_AFTER_S, Finding, Newest
from tests.consumer.frames import CAT, EVERY, frame, prediction


def test_the_record_is_that_of_the_design() -> None:
    """Section 4: names, and a box only where there is one."""
    face = Finding(3, "happy", 0.9, (1, 2, 30, 40))

    document = prediction(frame(seq=5), CAT, face, version=None).as_json()

    assert document == {
        "camera": "front",
        "seq": 5,
        "captured_at": frame(seq=5).captured_at,
        "model": "imagenet_1",
        "version": None,
        "requested_at": frame(seq=5).captured_at + 10,
        "answered_at": frame(seq=5).captured_at + 20,
        "predictions": [
            {"class": 285, "label": "Egyptian cat", "probability": 0.785},
            {"class": 3, "label": "happy", "probability": 0.9, "box": [1, 2, 30, 40]},
        ],
    }


def test_the_newest_frame_s_prediction_is_kept_whatever_comes_later() -> None:
    """An answer about an older frame does not replace one about a newer."""
    newest = Newest()
    newest.put(prediction(frame(seq=7)))
    newest.put(prediction(frame(seq=6)))

    assert newest.get(frame(seq=8)) == prediction(frame(seq=7))


def test_each_camera_has_its_own() -> None:
    """Never a label of another picture."""
    newest = Newest()
    newest.put(prediction(frame("front", 7)))

    assert newest.get(frame("yard", 8)) is None


def test_a_producer_that_starts_anew_counts_from_one_again() -> None:
    """Its run is another: its first prediction is the newest."""
    newest = Newest()
    newest.put(prediction(frame(seq=900)))
    again = replace(prediction(frame(seq=901)), run=5, seq=1)
    newest.put(again)

    assert newest.get(frame(seq=902)) == again


def test_a_label_does_not_stay_for_ever() -> None:
    """After ten seconds of pictures it is forgotten."""
    newest = Newest()
    newest.put(prediction(frame(seq=1)))
    frames = round(FORGOTTEN_AFTER_S * 1e6 / EVERY)

    assert newest.get(frame(seq=1 + frames)) is not None
    assert newest.get(frame(seq=2 + frames)) is None


def test_it_tells_whose_it_is_and_how_old() -> None:
    """By camera, run and sequence; by the camera's own clock."""
    one = prediction(frame(seq=5))

    assert one.is_of(frame(seq=5))
    assert not one.is_of(frame(seq=6))
    assert not one.is_of(frame("yard", 5))
    assert one.age_s(frame(seq=30)) == 1.0
