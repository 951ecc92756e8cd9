"""Frames in both modes; models answer when the test says so, the bus is in memory."""

import threading
import time

import pytest

from consumer.pipeline import run
from shared.frames.frame import Frame
from shared.frames.reader import ReceivedFrame
from tests.consumer.frames import BEGAN, RUN, frame, jpeg
from tests.consumer.stage import NEVER_S, START, Model, Stage
from tests.waiting import wait_until


@pytest.fixture
def model() -> Model:
    return Model()


def test_latest_sends_every_frame_at_once(model: Model) -> None:
    """It does not wait for the model; each frame is offered."""
    stage = Stage(model)

    stage.take(frame(seq=1), frame(seq=2), frame(seq=3))

    assert stage.out() == [1, 2, 3]
    assert [one.seq for one in model.offered] == [1, 2, 3]
    assert stage.said()[0]["state"] == "waiting"
    assert stage.books()["out"] == 3


def test_latest_shows_the_newest_prediction_with_its_age(model: Model) -> None:
    """The header says which frame the prediction is about."""
    stage = Stage(model)
    one = frame(seq=1)
    stage.take(one)
    model.says(one)

    stage.take(frame(seq=4))

    (said,) = stage.said()
    assert (said["state"], said["label"], said["seq"], said["age_ms"]) == ("ok", "Egyptian cat", 1, 120.0)


def test_a_frame_keeps_its_headers_and_gets_a_number_of_this_stage(model: Model) -> None:
    """Run, sequence and capture time are the producer's; the stage's own number shows what is lost after it."""
    stage = Stage(model)

    stage.take(frame(seq=7), frame(seq=9), frame("yard", 3))

    first, second, third = stage.bus.frames
    assert (second.run, second.seq, second.captured_at) == (RUN, 9, frame(seq=9).captured_at)
    assert (second.width, second.height) == (320, 192)
    assert second.imprinted_at is not None
    assert [first.numbering, second.numbering, third.numbering] == [(START, 1), (START, 2), (START, 1)]


def test_models_are_offered_the_original_picture(model: Model) -> None:
    """Only the outgoing picture is drawn on."""
    stage = Stage(model)
    one = frame(seq=1)
    stage.take(one)
    model.says(one)

    stage.take(frame(seq=2))

    assert stage.bus.frames[-1].jpeg != jpeg()
    assert all(one.jpeg == jpeg() for one in model.offered)


@pytest.mark.parametrize("sync", [False, True])
def test_a_picture_that_cannot_be_decoded_is_counted(model: Model, sync: bool) -> None:
    """It shows only when something is to be drawn; the next frame is sent."""
    stage = Stage(model, sync=sync)
    model.is_down()
    broken = jpeg()[:700] + jpeg()[-2:]

    stage.take(frame(seq=1, jpeg=broken), frame(seq=2))

    assert stage.out() == [2]
    assert stage.books()["dropped"] == {"undecodable": 1}


def test_sync_sends_a_frame_with_its_own_prediction(model: Model) -> None:
    """As soon as the answer is there."""
    stage = Stage(model, sync=True)
    one = frame(seq=1)
    stage.take(one)
    assert stage.out() == []

    model.says(one)

    assert stage.out() == [1]
    (said,) = stage.said()
    assert (said["state"], said["seq"], said["age_ms"]) == ("ok", 1, 0)


def test_sync_keeps_one_frame_in_flight_and_the_newest_waiting(model: Model) -> None:
    """Frames that a newer one replaced are `model_busy`."""
    stage = Stage(model, sync=True)
    frames = [frame(seq=seq) for seq in range(1, 5)]
    stage.take(*frames)
    assert [one.seq for one in model.offered] == [1]

    model.says(frames[0])
    model.says(frames[3])

    assert [one.seq for one in model.offered] == [1, 4]
    assert stage.out() == [1, 4]
    assert [said[0]["seq"] for said in (stage.said(0), stage.said(1))] == [1, 4]
    assert stage.books()["dropped"] == {"model_busy": 2}


def test_in_sync_cameras_do_not_wait_for_each_other(model: Model) -> None:
    """One camera's frame in flight does not delay another's."""
    stage = Stage(model, sync=True)
    front, yard = frame("front", 1), frame("yard", 1)
    stage.take(front, yard)
    assert [one.camera for one in model.offered] == ["front", "yard"]

    model.says(yard)

    assert [one.camera for one in stage.bus.frames] == ["yard"]


def test_sync_waits_for_every_model() -> None:
    """The last answer sends the frame on with all of them."""
    first, second = Model("imagenet_1"), Model("imagenet_2")
    stage = Stage(first, second, sync=True)
    one = frame(seq=1)
    stage.take(one)

    first.says(one)
    assert stage.out() == []
    second.says(one)

    assert [(said["model"], said["state"]) for said in stage.said()] == [("imagenet_1", "ok"), ("imagenet_2", "ok")]


def test_sync_sends_a_frame_without_label_when_its_model_fails(model: Model) -> None:
    """It says MODEL DOWN, and the frame that waited is next."""
    stage = Stage(model, sync=True)
    one, two = frame(seq=1), frame(seq=2)
    stage.take(one, two)

    model.fails(one)

    assert stage.out() == [1]
    assert (stage.said()[0]["state"], stage.said()[0]["label"]) == ("down", None)
    assert [of.seq for of in model.offered] == [1, 2]


def test_sync_does_not_wait_for_a_model_that_takes_nothing(model: Model) -> None:
    """During the rest after a failure every frame goes out without a label."""
    stage = Stage(model, sync=True)
    model.is_down()

    stage.take(frame(seq=1), frame(seq=2))

    assert stage.out() == [1, 2]
    assert stage.books()["dropped"] == {}


def test_sync_gives_up_waiting_after_the_time_limit(model: Model) -> None:
    """The frame says MODEL DOWN; a later answer changes nothing."""
    stage = Stage(model, sync=True, timeout_s=0.05)
    one = frame(seq=1)
    stage.take(one)

    def turned() -> bool:
        stage.mode.turn()
        return bool(stage.out())

    wait_until(turned, "it goes out without")
    model.says(one)
    stage.mode.turn()

    assert stage.out() == [1]
    assert (stage.said()[0]["state"], stage.said()[0]["label"]) == ("down", None)


def test_sync_turning_before_the_time_limit_sends_nothing(model: Model) -> None:
    """The time limit starts when the frame is offered."""
    stage = Stage(model, sync=True, timeout_s=NEVER_S)
    stage.take(frame(seq=1))

    stage.mode.turn()

    assert stage.out() == []


def test_a_late_answer_about_an_earlier_frame_is_not_taken_for_the_next(model: Model) -> None:
    """Label and picture always belong to the same frame."""
    stage = Stage(model, sync=True, timeout_s=0.05)
    first, again = frame(seq=1), frame(seq=2)
    stage.take(first)

    def turned() -> bool:
        stage.mode.turn()
        return stage.out() == [1]

    wait_until(turned, "the first goes out without")
    stage.take(again)
    model.says(first)

    assert stage.out() == [1]


def test_a_frame_that_the_model_replaced_goes_out_without_a_label(model: Model) -> None:
    """As after a failure; no frame waits for an answer that will never come."""
    stage = Stage(model, sync=True)
    one = frame(seq=1)
    stage.take(one)

    model.replaces(one)

    assert stage.out() == [1]
    assert stage.said()[0]["label"] is None


def test_sync_does_not_wait_for_a_shadow() -> None:
    """It is asked and not drawn; whether it hangs is nothing to the frame."""
    model, shadow = Model("imagenet_1"), Model("shadow", draw=False)
    stage = Stage(model, shadow, sync=True)
    one = frame(seq=1)
    stage.take(one)

    model.says(one)

    assert stage.out() == [1]
    assert [said["model"] for said in stage.said()] == ["imagenet_1"]
    assert shadow.offered == [one]


def test_sync_shows_the_newest_answer_of_a_model_whose_rate_is_used_up(model: Model) -> None:
    """The frame does not wait, and the model is not down: the label shows the frame that it is about."""
    stage = Stage(model, sync=True)
    one, two = frame(seq=1), frame(seq=2)
    stage.take(one)
    model.says(one)
    model.rate_is_used_up = True

    stage.take(two)

    assert stage.out() == [1, 2]
    (said,) = stage.said()
    assert (said["state"], said["label"], said["seq"], said["age_ms"]) == ("ok", "Egyptian cat", 1, 40.0)


def test_a_model_that_is_removed_while_a_frame_waits_for_it_holds_nothing_up() -> None:
    """Its answer is that there is none; the frame goes out with the models that are left."""
    model, removed = Model("imagenet_1"), Model("imagenet_2")
    stage = Stage(model, removed, sync=True)
    one, two = frame(seq=1), frame(seq=2)
    stage.take(one, two)
    model.says(one)

    stage.models.models.remove(removed)
    removed.fails(one)

    assert stage.out() == [1]
    assert [(said["model"], said["state"]) for said in stage.said()] == [("imagenet_1", "ok")]
    model.says(two)
    assert stage.out() == [1, 2]


class Once:
    """A source of these frames, then of nothing."""

    def __init__(self, *frames: Frame) -> None:
        self._received = [ReceivedFrame(one, clock_suspect=False) for one in frames]

    def read(self, timeout_s: float) -> list[ReceivedFrame]:
        received, self._received = self._received, []
        if not received:
            time.sleep(0.001)
        return received


def test_a_frame_that_was_drawn_on_before_is_dropped(model: Model) -> None:
    """As with two consumers in a row: no model sees it, and no label covers another."""
    stage = Stage(model)
    stop = threading.Event()
    turns: list[int] = []

    def beat() -> None:
        turns.append(1)
        if len(turns) > 5:
            stop.set()

    run(Once(frame(seq=1, imprinted_at=BEGAN), frame(seq=2)), stage.mode, stage.ledger, stop, beat)

    assert stage.out() == [2]
    assert [of.seq for of in model.offered] == [2]
    assert stage.books()["dropped"] == {"already_imprinted": 1}


def test_without_models_frames_go_through_as_they_are() -> None:
    """This holds in both modes."""
    for sync in (False, True):
        stage = Stage(sync=sync)
        stage.take(frame(seq=1))

        assert stage.bus.frames[0].jpeg == jpeg()
        assert stage.said() == []
