"""Requests about several cameras, with a model server on a real socket."""

import json
from collections.abc import Iterator

import pytest

from consumer.offers import Answer
from consumer.prediction import Prediction
from shared.frames.frame import Frame
from tests.conftest import Recovery
from tests.consumer import rest
from tests.consumer.asked import AskedModels
from tests.consumer.frames import frame, jpeg
from tests.consumer.rest import Request, Rest
from tests.waiting import wait_until

CAMERAS = ("a", "b", "c")
BAD = jpeg(shade=13)


@pytest.fixture
def server() -> Iterator[Rest]:
    with Rest(rest.well) as serving:
        yield serving


class Holding:
    """Holds the first request after `hold` until `release`; answers the others as `then` does."""

    def __init__(self, then: rest.Behaviour = rest.well) -> None:
        self.then = then
        self.held = False
        self._hold = False

    def __call__(self, request: Request) -> None:
        if request.command == "POST" and self._hold:
            self.held = True
            while self._hold and not request.rest.ending.wait(0.005):
                pass
        self.then(request)

    def hold(self) -> None:
        self._hold = True

    def release(self) -> None:
        self._hold = False


def ask_together(server: Rest, asked: AskedModels, frames: list[Frame], then: rest.Behaviour) -> dict[str, Answer]:
    """Offer frames while the model is busy with another, so that they are there together."""
    holding = Holding(then)
    server.behaviour = holding
    holding.hold()
    first = asked.offer(frame("first"))["m"]
    wait_until(lambda: holding.held, "the model is busy")
    answers = {of.camera: asked.offer(of)["m"] for of in frames}
    holding.release()
    assert isinstance(first.result(60), Prediction)
    return answers


def test_frames_that_are_there_together_are_asked_about_in_one_request(server: Rest) -> None:
    """Each camera gets its own answer; the size of the request is measured."""
    with AskedModels(m={"url": server.predict_url}) as asked:
        pictures = {camera: jpeg(shade=10 * number) for number, camera in enumerate(CAMERAS, 1)}
        frames = [frame(camera, 5, jpeg=picture) for camera, picture in pictures.items()]

        answers = ask_together(server, asked, frames, rest.well)

        for of in frames:
            answer = answers[of.camera].result(60)
            assert isinstance(answer, Prediction)
            assert answer.is_of(of)
        assert [len(rest.pictures_of(body)) for _, _, body in server.asked] == [1, 3]
        assert rest.pictures_of(server.asked[1][2]) == list(pictures.values())
        assert asked.batches("m") == 2
        assert asked.outcome("m", "ok") == 4
        assert server.most_at_once == 1
        report = asked.models.reports()["m"]
        assert (report.batch, report.kind, report.shadow) == (2.0, "classification", False)
        assert report.ms is not None
        assert report.rate is not None


def refuses_bad(request: Request) -> None:
    """Refuse every request with a bad picture in it, as TensorFlow Serving does."""
    if BAD in rest.pictures_of(request.body):
        request.answer(400, json.dumps({"error": "Invalid JPEG data"}).encode())
    else:
        rest.well(request)


@pytest.mark.fault("the model server refuses one picture of a batch", expects="the other cameras keep their labels")
def test_one_refused_picture_costs_the_others_nothing(server: Rest, recovery: Recovery) -> None:
    """They are asked about one by one; the camera is asked about alone until its pictures are good again."""
    with AskedModels(m={"url": server.predict_url}) as asked:
        frames = [frame("a", 5), frame("bad", 5, jpeg=BAD), frame("c", 5)]

        answers = ask_together(server, asked, frames, rest.predicting(refuses_bad))

        assert isinstance(answers["a"].result(60), Prediction)
        assert answers["bad"].result(60) is None
        assert isinstance(answers["c"].result(60), Prediction)
        assert [len(rest.pictures_of(body)) for _, _, body in server.asked] == [1, 3, 1, 1, 1]
        assert asked.models.reports()["m"].state == "up"

        asked_before = len(server.asked)
        again = ask_together(server, asked, frames, rest.predicting(refuses_bad))
        assert again["bad"].result(60) is None
        sizes = [len(rest.pictures_of(body)) for _, _, body in server.asked[asked_before:]]
        assert sizes == [1, 2, 1], "the bad one spoils no request any more"
        recovery.seen("the others are asked about one by one, later together without it", seconds=None)


def test_a_model_that_works_for_five_cameras_is_not_down_for_three_bad_ones(server: Rest) -> None:
    """Three refusals in a row are the model's fault only if it reads nobody's pictures."""
    with AskedModels(m={"url": server.predict_url}) as asked:
        server.behaviour = rest.predicting(refuses_bad)
        cameras = [("good", jpeg()), *((f"bad-{number}", BAD) for number in range(3))]
        states = set()
        for seq in range(1, 8):
            answers = {name: asked.offer(frame(name, seq, jpeg=picture))["m"] for name, picture in cameras}
            assert isinstance(answers["good"].result(60), Prediction)
            assert [answers[f"bad-{number}"].result(60) for number in range(3)] == [None] * 3
            states.add(asked.models.reports()["m"].state)

        assert states == {"up"}


def test_a_picture_that_cannot_be_decoded_costs_the_others_nothing(server: Rest) -> None:
    """A model that wants pixels: the picture is never sent, and the model is not to blame."""
    entry = {"url": server.predict_url, "input": {"encoding": "tensor", "size": [8, 8], "dtype": "uint8"}}
    with AskedModels(m=entry) as asked:
        broken = jpeg()[:700] + jpeg()[-2:]
        frames = [frame("a", 5), frame("broken", 5, jpeg=broken), frame("c", 5)]

        answers = ask_together(server, asked, frames, rest.well)

        assert isinstance(answers["a"].result(60), Prediction)
        assert answers["broken"].result(60) is None
        assert isinstance(answers["c"].result(60), Prediction)
        assert asked.outcome("m", "unreadable") == 1
        assert asked.models.reports()["m"].state == "up"
