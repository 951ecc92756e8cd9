"""The way of frames through the consumer, in both modes; models are asked by hand, the bus is in memory."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from consumer.pipeline import Imprinter, Latest, Mode, Sync, run
from consumer.prediction import Newest
from shared.bus import Delivery
from shared.frames.frame import Frame, read_frame
from shared.frames.reader import ReceivedFrame
from shared.frames.writer import FrameWriter
from shared.reports import ModelReport
from shared.states import ModelState
from tests.consumer.frames import BEGAN, RUN, frame, jpeg, prediction
from tests.ledgers import ledger_of
from tests.waiting import wait_until

START = BEGAN + 5
NEVER_S = 3600.0


class Bus:
    """A writer that takes everything, at once."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def send(
        self, topic: str, *, key: str, value: bytes, headers: Any, on_delivery: Callable[[Delivery], None]
    ) -> None:
        self.frames.append(read_frame(key.encode(), value, dict(headers)))
        on_delivery(Delivery.ACKNOWLEDGED)

    def purge_queue(self) -> None:
        """There is none."""


class Model:
    """An asker that answers when the test says so."""

    def __init__(self, name: str = "imagenet_1") -> None:
        self.name = name
        self.newest = Newest()
        self.state = ModelReport(ModelState.UP, BEGAN, "1")
        self.takes = True
        self.offered: list[Frame] = []

    def offer(self, of: Frame) -> bool:
        self.offered.append(of)
        return self.takes

    def says(self, mode: Mode, of: Frame) -> None:
        """Answer about a frame."""
        answer = prediction(of, model=self.name)
        self.newest.put(answer)
        mode.done(self.name, of, answer)

    def fails(self, mode: Mode, of: Frame) -> None:
        """Fail, and be down."""
        self.state = ModelReport(ModelState.DOWN, BEGAN, "1", "gone")
        mode.done(self.name, of, None)


class Stage:
    """A mode with its models, and what came out."""

    def __init__(self, *models: Model, sync: bool = False, timeout_s: float = NEVER_S) -> None:
        self.bus = Bus()
        self.ledger = ledger_of("consumer")
        askers: Any = {model.name: model for model in models}
        imprinter = Imprinter(FrameWriter(self.bus, "videodisplay", self.ledger), self.ledger, run=START)  # type: ignore[arg-type]
        self.mode: Mode = (
            Sync(askers, imprinter, self.ledger, timeout_s=timeout_s) if sync else Latest(askers, imprinter)
        )

    def take(self, *frames: Frame) -> None:
        for one in frames:
            self.mode.take(ReceivedFrame(one, clock_suspect=False))

    def out(self) -> list[int]:
        return [one.seq for one in self.bus.frames]

    def said(self, index: int = -1) -> list[dict[str, Any]]:
        said: list[dict[str, Any]] = json.loads(self.bus.frames[index].predictions)
        return said

    def books(self, camera: str = "front") -> dict[str, Any]:
        books: dict[str, Any] = self.ledger.as_json()[camera]
        assert books["in"] == books["out"] + sum(books["dropped"].values())
        return books


@pytest.fixture
def model() -> Model:
    return Model()


def test_latest_sends_every_frame_at_once(model: Model) -> None:
    """Without waiting for the model; each is offered to it."""
    stage = Stage(model)

    stage.take(frame(seq=1), frame(seq=2), frame(seq=3))

    assert stage.out() == [1, 2, 3]
    assert [one.seq for one in model.offered] == [1, 2, 3]
    assert stage.said()[0]["state"] == "waiting"
    assert stage.books()["out"] == 3


def test_latest_shows_the_newest_prediction_with_its_age(model: Model) -> None:
    """About whichever frame it is, as the header says."""
    stage = Stage(model)
    stage.take(frame(seq=1))
    model.says(stage.mode, frame(seq=1))

    stage.take(frame(seq=4))

    (said,) = stage.said()
    assert (said["state"], said["label"], said["seq"], said["age_ms"]) == ("ok", "Egyptian cat", 1, 120.0)


def test_a_frame_keeps_what_it_came_with_and_is_numbered_anew(model: Model) -> None:
    """Run, sequence and capture time are the producer's; a number of our own tells what was lost after us."""
    stage = Stage(model)

    stage.take(frame(seq=7), frame(seq=9), frame("yard", 3))

    first, second, third = stage.bus.frames
    assert (second.run, second.seq, second.captured_at) == (RUN, 9, frame(seq=9).captured_at)
    assert (second.width, second.height) == (320, 192)
    assert second.imprinted_at is not None
    assert [first.numbering, second.numbering, third.numbering] == [(START, 1), (START, 2), (START, 1)]


def test_models_are_offered_the_camera_s_own_picture(model: Model) -> None:
    """Whatever is drawn on the one that goes out."""
    stage = Stage(model)
    stage.take(frame(seq=1))
    model.says(stage.mode, frame(seq=1))

    stage.take(frame(seq=2))

    assert stage.bus.frames[-1].jpeg != jpeg()
    assert all(one.jpeg == jpeg() for one in model.offered)


@pytest.mark.parametrize("sync", [False, True])
def test_a_picture_that_cannot_be_decoded_is_counted(model: Model, sync: bool) -> None:
    """Found out only when something is to be drawn; the next one goes on."""
    stage = Stage(model, sync=sync)
    model.state, model.takes = ModelReport(ModelState.DOWN, BEGAN, None, "gone"), False
    broken = jpeg()[:700] + jpeg()[-2:]

    stage.take(frame(seq=1, jpeg=broken), frame(seq=2))

    assert stage.out() == [2]
    assert stage.books()["dropped"] == {"undecodable": 1}


def test_sync_sends_a_frame_with_its_own_prediction(model: Model) -> None:
    """Not before the answer, and then at once."""
    stage = Stage(model, sync=True)
    one = frame(seq=1)
    stage.take(one)
    assert stage.out() == []

    model.says(stage.mode, one)

    assert stage.out() == [1]
    (said,) = stage.said()
    assert (said["state"], said["seq"], said["age_ms"]) == ("ok", 1, 0)


def test_sync_keeps_one_frame_in_flight_and_the_newest_waiting(model: Model) -> None:
    """Those that a newer one replaced are `model_busy`."""
    stage = Stage(model, sync=True)
    frames = [frame(seq=seq) for seq in range(1, 5)]
    stage.take(*frames)
    assert [one.seq for one in model.offered] == [1]

    model.says(stage.mode, frames[0])
    model.says(stage.mode, frames[3])

    assert [one.seq for one in model.offered] == [1, 4]
    assert stage.out() == [1, 4]
    assert [said[0]["seq"] for said in (stage.said(0), stage.said(1))] == [1, 4]
    assert stage.books()["dropped"] == {"model_busy": 2}


def test_sync_lets_each_camera_wait_for_itself(model: Model) -> None:
    """One camera's frame in flight does not hold another's."""
    stage = Stage(model, sync=True)
    front, yard = frame("front", 1), frame("yard", 1)
    stage.take(front, yard)
    assert [one.camera for one in model.offered] == ["front", "yard"]

    model.says(stage.mode, yard)

    assert [one.camera for one in stage.bus.frames] == ["yard"]


def test_sync_waits_for_every_model() -> None:
    """The last answer sends the frame on, with all of them."""
    first, second = Model("imagenet_1"), Model("imagenet_2")
    stage = Stage(first, second, sync=True)
    one = frame(seq=1)
    stage.take(one)

    first.says(stage.mode, one)
    assert stage.out() == []
    second.says(stage.mode, one)

    assert [(said["model"], said["state"]) for said in stage.said()] == [("imagenet_1", "ok"), ("imagenet_2", "ok")]


def test_sync_sends_a_frame_without_label_when_its_model_fails(model: Model) -> None:
    """MODEL DOWN, at once, and the frame that waited is next."""
    stage = Stage(model, sync=True)
    one, two = frame(seq=1), frame(seq=2)
    stage.take(one, two)

    model.fails(stage.mode, one)

    assert stage.out() == [1]
    assert (stage.said()[0]["state"], stage.said()[0]["label"]) == ("down", None)
    assert [of.seq for of in model.offered] == [1, 2]


def test_sync_does_not_wait_for_a_model_that_takes_nothing(model: Model) -> None:
    """During the rest after a failure frames go out without label, every one of them."""
    stage = Stage(model, sync=True)
    model.state, model.takes = ModelReport(ModelState.DOWN, BEGAN, None, "gone"), False

    stage.take(frame(seq=1), frame(seq=2))

    assert stage.out() == [1, 2]
    assert stage.books()["dropped"] == {}


def test_sync_gives_up_waiting_after_the_time_limit(model: Model) -> None:
    """The frame says MODEL DOWN; an answer that comes later changes nothing."""
    stage = Stage(model, sync=True, timeout_s=0.05)
    one = frame(seq=1)
    stage.take(one)

    def turned() -> bool:
        stage.mode.turn()
        return bool(stage.out())

    wait_until(turned, "it goes out without")
    model.says(stage.mode, one)
    stage.mode.turn()

    assert stage.out() == [1]
    assert (stage.said()[0]["state"], stage.said()[0]["label"]) == ("down", None)


def test_sync_turning_before_the_time_limit_sends_nothing(model: Model) -> None:
    """The time limit is from the moment in which the frame was offered."""
    stage = Stage(model, sync=True, timeout_s=NEVER_S)
    stage.take(frame(seq=1))

    stage.mode.turn()

    assert stage.out() == []


def test_a_late_answer_about_another_frame_is_not_taken_for_this_one(model: Model) -> None:
    """Label and picture are of the same frame, always."""
    stage = Stage(model, sync=True)
    first, again = frame(seq=1), frame(seq=1)
    stage.take(again)

    model.says(stage.mode, first)  # equal in every number, but of an earlier flight

    assert stage.out() == []


class Once:
    """An inlet with these frames, then nothing."""

    def __init__(self, *frames: Frame) -> None:
        self._arrivals = [ReceivedFrame(one, clock_suspect=False) for one in frames]

    def read(self, timeout_s: float) -> list[ReceivedFrame]:
        arrivals, self._arrivals = self._arrivals, []
        if not arrivals:
            time.sleep(0.001)
        return arrivals


def test_a_frame_that_was_drawn_on_before_goes_no_further(model: Model) -> None:
    """No model sees it, no label covers another: two consumers in a row, or topics mixed up."""
    stage = Stage(model)
    stop, turns = threading.Event(), []

    def beat() -> None:
        turns.append(1)
        if len(turns) > 5:
            stop.set()

    run(Once(frame(seq=1, imprinted_at=BEGAN), frame(seq=2)), stage.mode, stage.ledger, stop, beat)  # type: ignore[arg-type]

    assert stage.out() == [2]
    assert [of.seq for of in model.offered] == [2]
    assert stage.books()["dropped"] == {"already_imprinted": 1}


def test_without_models_frames_go_through_as_they_are() -> None:
    """In both modes."""
    for sync in (False, True):
        stage = Stage(sync=sync)
        stage.take(frame(seq=1))

        assert stage.bus.frames[0].jpeg == jpeg()
        assert stage.said() == []
