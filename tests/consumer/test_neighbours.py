"""A model that hangs, lies or is slow beside one that works: neither the other's labels nor the picture suffer."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from consumer.imprinter import Imprinter
from consumer.modes import Latest, Mode, Sync
from shared.frames.reader import ReceivedFrame
from shared.frames.writer import FrameWriter
from tests.conftest import Recovery
from tests.consumer import rest, tf_model
from tests.consumer.asked import AskedModels
from tests.consumer.frames import frame
from tests.consumer.rest import Request, Rest
from tests.consumer.stage import START, Bus
from tests.ledgers import ledger_of
from tests.waiting import wait_until

FRAMES, EVERY_S = 40, 0.02
TAKES_S = 0.03


def lies(request: Request) -> None:
    """Answer with something else each time, none of it what the model promises."""
    wrong: list[Any] = [
        {"predictions": [{"classes": 5000, "probabilities": [2.0] * 1001}]},
        {"predictions": [float("nan")] * 3},
        {"predictions": "yes"},
        {"predictions": [[[[]]]]},
        [],
    ]
    rest.status(200, wrong[len(getattr(request.rest, "asked", [])) % len(wrong)])(request)


class Scene:
    """A camera, a model that works, another one, and what goes out."""

    def __init__(self, asked: AskedModels, *, sync: bool = False) -> None:
        self.asked, self.bus, self.ledger = asked, Bus(), ledger_of("consumer")
        imprinter = Imprinter(FrameWriter(self.bus, "videodisplay", self.ledger), self.ledger, run_id=START)  # type: ignore[arg-type]
        self.mode: Mode = (
            Sync(asked.models, imprinter, self.ledger, timeout_s=20.0) if sync else Latest(asked.models, imprinter)
        )
        self._seq = 0

    def play(self) -> tuple[int, float]:
        """Play the camera for a while; return the frames that went out, and the labels of the model that works."""
        out, labels = len(self.bus.frames), self.asked.outcome("good", "ok")
        for _ in range(FRAMES):
            self._seq += 1
            self.mode.take(ReceivedFrame(frame(seq=self._seq), clock_suspect=False))
            self.mode.turn()
            time.sleep(EVERY_S)
        return len(self.bus.frames) - out, self.asked.outcome("good", "ok") - labels


@contextmanager
def scene(bad: rest.Behaviour, **entry: Any) -> Iterator[tuple[Scene, dict[str, Any], dict[str, Any]]]:
    """Run a model that works; return the scene, and the models without and with the bad one."""
    with ExitStack() as stack:
        good = {"url": stack.enter_context(Rest(rest.predicting(rest.after(TAKES_S)))).predict_url}
        other = {"url": stack.enter_context(Rest(bad)).predict_url, **entry}
        asked = stack.enter_context(AskedModels(timeout_s=1.0, good=good))
        yield Scene(asked, sync=entry.get("draw") is False), {"good": good}, {"good": good, "bad": other}


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(
            rest.hang,
            marks=pytest.mark.fault(
                "a second model hangs", expects="the first one's labels and the picture keep their rates"
            ),
        ),
        pytest.param(
            rest.predicting(lies),
            marks=pytest.mark.fault(
                "a second model answers nonsense", expects="the first one's labels and the picture keep their rates"
            ),
        ),
        pytest.param(
            rest.after(10.0),
            marks=pytest.mark.fault(
                "a second model takes 10 s", expects="the first one's labels and the picture keep their rates"
            ),
        ),
    ],
    ids=["hangs", "lies", "slow"],
)
def test_a_bad_model_costs_the_other_nothing(bad: rest.Behaviour, recovery: Recovery) -> None:
    """Rates without and with it in one run; the picture says which one is down."""
    with scene(bad) as (stage, without, both):
        stage.asked.apply(**without)
        wait_until(lambda: stage.play()[1] > 0, "the model answers")
        out_before, labels_before = stage.play()

        stage.asked.apply(**both)
        out, labels = stage.play()
        wait_until(lambda: stage.play() and stage.asked.models.reports()["bad"].state == "down", "it is down")
        stage.play()

        assert out == out_before == FRAMES
        assert labels > labels_before / 4, "a busy machine may cost some; waiting for the other would cost nearly all"
        newest = json.loads(stage.bus.frames[-1].predictions)
        assert [(said["model"], said["state"]) for said in newest] == [("good", "ok"), ("bad", "down")]
        recovery.seen("full rate of both; the picture names the model that is down", seconds=None)


@pytest.mark.parametrize("bad", [rest.hang, rest.predicting(lies), rest.reset], ids=["hangs", "lies", "dies"])
def test_a_bad_shadow_changes_nothing_that_is_seen(bad: rest.Behaviour) -> None:
    """In sync, where frames wait for their own labels: byte for byte the same facts, and the same books."""
    with scene(bad, draw=False, compare_with="good") as (stage, without, both):
        stage.asked.apply(**without)
        wait_until(lambda: stage.play()[1] > 0, "the model answers")
        out_before, _ = stage.play()

        stage.asked.apply(**both)
        out, _ = stage.play()

        assert out > out_before / 4, "a frame that waited for the shadow would wait a second"
        for sent in stage.bus.frames[-out:]:
            assert [said["model"] for said in json.loads(sent.predictions)] == ["good"]
        books = stage.ledger.as_json()["front"]
        assert set(books["dropped"]) <= {"model_busy"}


def test_a_detector_that_finds_three_hundred_boxes_is_bounded() -> None:
    """What is drawn and published stays within its bounds, and goes out."""
    boxes = [[number / 300, 0.1, number / 300 + 0.05, 0.2] for number in range(300)]
    with ExitStack() as stack:
        crowd = stack.enter_context(Rest(tf_model.detector(*boxes)))
        entry = {"kind": "detection", "url": crowd.predict_url, "labels": {1: "person"}}
        asked = stack.enter_context(AskedModels(crowd=entry))
        stage = Scene(asked)
        wait_until(lambda: stage.play() and asked.published, "the model answers")
        stage.play()

        assert len(asked.published[-1].findings) == 100
        (said,) = json.loads(stage.bus.frames[-1].predictions)
        assert len(said["boxes"]) == 100
        assert stage.ledger.as_json()["front"]["dropped"] == {}
