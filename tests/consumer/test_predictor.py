"""The loop that asks one model, with a model server on a real socket."""

import base64
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from consumer.asking import predictor_of
from consumer.configured_models import labels_of
from consumer.metrics import Outcome, PredictionMetrics
from consumer.model_set import Model
from consumer.model_spec import ModelSpec
from consumer.model_state import REST_CAP_S
from consumer.offers import Answer, NotAsked
from consumer.pictures.picture import Picture
from consumer.prediction import Prediction
from consumer.servers import connect
from consumer.versions import watch_versions
from shared.frames.frame import Frame
from tests.consumer import rest
from tests.consumer.frames import frame, jpeg
from tests.consumer.rest import Request, Rest
from tests.waiting import wait_until


class Running:
    """A predictor whose loop runs; keeps what became of each frame."""

    def __init__(self, url: str, *, labels: str | None = None, timeout_s: float = 20.0, **spec: Any) -> None:
        self.registry = CollectorRegistry()
        self.done: list[tuple[Frame, Prediction | NotAsked | None]] = []
        self.results: list[Prediction] = []
        self.changes = 0
        entry = ModelSpec(name="imagenet_1", kind="classification", url=url, labels=labels, **spec)
        self.predictor = predictor_of(
            Model(entry, labels_of(entry)),
            timeout_s=timeout_s,
            metrics=PredictionMetrics(self.registry),
            on_result=lambda prediction, _: self.results.append(prediction),
            on_asked=lambda _: None,
            changed=self._changed,
        )
        self.stop = threading.Event()
        self._thread = threading.Thread(target=self.predictor.run, args=(self.stop, lambda: None))
        self._thread.start()

    def outcomes(self, outcome: str) -> float:
        labels = {"model": "imagenet_1", "outcome": outcome}
        return self.registry.get_sample_value("consumer_predictions_total", labels) or 0.0

    def ask(self, of: Frame) -> Prediction | None:
        """Offer a frame until the model is asked about it, and wait for the answer."""
        asked: list[Answer] = []
        wait_until(lambda: self._is_asked(of, asked), "the model is asked")
        said = asked[0].result(60)
        assert not isinstance(said, NotAsked)
        return said

    def offer(self, of: Frame) -> Answer:
        """Offer a frame; keep what becomes of it."""
        answer = self.predictor.offer(of, Picture(of.jpeg))
        answer.add_done_callback(lambda done: None if done.cancelled() else self.done.append((of, done.result())))
        return answer

    def _is_asked(self, of: Frame, asked: list[Answer]) -> bool:
        requests = self._requests()
        answer = self.predictor.offer(of, Picture(of.jpeg))
        if answer.done() and self._requests() == requests:
            return False  # refused during a rest
        asked.append(answer)
        return True

    def _requests(self) -> float:
        return sum(map(self.outcomes, Outcome))

    def end(self) -> None:
        self.stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()

    def _changed(self) -> None:
        self.changes += 1


@pytest.fixture
def server() -> Iterator[Rest]:
    with Rest(rest.well) as opened:
        yield opened


@pytest.fixture
def start() -> Iterator[Callable[..., Running]]:
    opened: list[Running] = []

    def started(*arguments: Any, **options: Any) -> Running:
        opened.append(Running(*arguments, **options))
        return opened[-1]

    yield started
    for running in opened:
        running.end()


def asked_pictures(server: Rest) -> list[bytes]:
    return [picture for _, _, body in server.asked for picture in rest.pictures_of(body)]


class Gate:
    """Predicts when it is told to, a request at a time."""

    def __init__(self) -> None:
        self._tickets = threading.Semaphore(0)

    def __call__(self, request: Request) -> None:
        if request.command == "POST":
            self._tickets.acquire(timeout=30)
        rest.well(request)

    def let_through(self, requests: int) -> None:
        for _ in range(requests):
            self._tickets.release()


def test_an_answer_becomes_a_prediction_of_that_frame(server: Rest, start: Callable[..., Running]) -> None:
    """It has the frame's numbers and times, is kept as the newest and counted, and the model is up."""
    running = start(server.predict_url)
    of = frame(seq=5)

    prediction = running.ask(of)

    assert prediction is not None
    assert prediction.is_of(of)
    assert prediction.captured_at == of.captured_at
    assert prediction.requested_at <= prediction.answered_at
    assert (prediction.findings[0].label, prediction.findings[0].probability) == ("Egyptian cat", 0.75)
    assert running.predictor.newest.get(frame(seq=6)) == prediction
    assert running.predictor.state.state == "up"
    assert running.changes == 1
    assert running.outcomes("ok") == 1
    assert running.registry.get_sample_value("consumer_prediction_seconds_count", {"model": "imagenet_1"}) == 1


def test_there_is_one_request_at_a_time_and_the_newest_frame_is_next(
    server: Rest, start: Callable[..., Running]
) -> None:
    """Frames that arrive while the model is busy replace each other."""
    gate = Gate()
    server.behaviour = gate
    running = start(server.predict_url)
    pictures = {seq: jpeg(shade=seq) for seq in range(1, 9)}
    for seq, picture in pictures.items():
        running.offer(frame(seq=seq, jpeg=picture))
        if seq == 1:
            wait_until(lambda: server.asked, "the first is asked about")

    gate.let_through(10)
    wait_until(lambda: len(running.done) == 2, "the model is free")

    assert asked_pictures(server) == [pictures[1], pictures[8]]
    assert server.most_at_once == 1


def test_cameras_take_turns(server: Rest, start: Callable[..., Running]) -> None:
    """A camera that offers often is not asked about more often than one that offers once."""
    gate = Gate()
    server.behaviour = gate
    running = start(server.predict_url, batch=1)
    running.offer(frame("a", 1))
    wait_until(lambda: server.asked, "the first is asked about")
    running.offer(frame("a", 2))
    running.offer(frame("b", 1))
    running.offer(frame("a", 3))
    running.offer(frame("c", 1))
    running.offer(frame("a", 4))

    for answers in range(1, 5):
        gate.let_through(1)
        wait_until(lambda answers=answers: len(running.done) == answers, "one more answer")  # type: ignore[misc]
        running.offer(frame("a", 10 + answers))

    assert [of.camera for of, _ in running.done] == ["a", "b", "c", "a"]
    gate.let_through(10)


def test_a_camera_with_expensive_pictures_takes_a_share_and_no_more(
    server: Rest, start: Callable[..., Running]
) -> None:
    """While it rests, the others are asked about again and again."""
    expensive = jpeg(shade=1)

    def weighs(request: Request) -> None:
        if request.command == "POST" and base64.b64encode(expensive) in request.body:
            request.rest.ending.wait(1.2)  # so long that an answer of the other takes a fraction on a busy machine too
        rest.well(request)

    server.behaviour = weighs
    running = start(server.predict_url)
    running.offer(frame("good", 1))
    wait_until(lambda: running.done, "the good camera is asked about")
    stop = threading.Event()

    def keep_offering() -> None:
        seq = 2
        while not stop.wait(0.005):
            running.offer(frame("bad", seq, jpeg=expensive))
            running.offer(frame("good", seq))
            seq += 1

    thread = threading.Thread(target=keep_offering)
    thread.start()
    wait_until(lambda: sum(of.camera == "bad" for of, _ in running.done) >= 4, "some expensive pictures")
    stop.set()
    thread.join(30)

    good = sum(of.camera == "good" for of, _ in running.done)
    assert good >= 2 * 4  # taking turns, it would be one for each; on a calm machine it is fifty


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [
        (rest.status(503), "refused"),
        (rest.status(404, {"error": "Servable not found"}), "refused"),
        (rest.reset, "unreachable"),
        (rest.status(200, b"{"), "nonsense"),
        (rest.status(200, {"predictions": [{"classes": 1, "probabilities": [1.0]}]}), "nonsense"),
        (rest.hang, "timeout"),
    ],
)
def test_a_failure_takes_the_model_down_and_a_success_brings_it_back(
    server: Rest, start: Callable[..., Running], behaviour: rest.Behaviour, outcome: str
) -> None:
    """The state has the reason; each change is reported once."""
    running = start(server.predict_url, timeout_s=0.5 if behaviour is rest.hang else 20.0)
    server.behaviour = behaviour

    assert running.ask(frame(seq=1)) is None
    down = running.predictor.state
    assert running.ask(frame(seq=2)) is None
    server.behaviour = rest.well
    wait_until(lambda: running.ask(frame(seq=3)) is not None, "it is back")

    assert down.state == "down"
    assert down.reason
    assert running.outcomes(outcome) >= 2
    assert running.predictor.state.state == "up"
    assert running.predictor.state.reason is None
    assert running.changes == 2


def test_a_model_that_is_down_is_not_asked_for_a_while(
    server: Rest, start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frame that is offered during the rest is refused and need not wait."""
    server.behaviour = rest.predicting(rest.status(503))
    running = start(server.predict_url)
    monkeypatch.setattr(running.predictor._health, "_backoff", LongRest())

    assert running.ask(frame(seq=1)) is None

    assert running.predictor.offer(frame(seq=2), Picture(jpeg())).result(0) is None
    assert len(server.asked) == 1


def test_a_server_that_hangs_is_not_sent_one_picture_after_another(server: Rest, start: Callable[..., Running]) -> None:
    """It would work on all of them when it continues, in vain; it is asked for its state instead."""
    running = start(server.predict_url, timeout_s=0.2)
    wait_until(lambda: running.ask(frame(seq=1)) is not None, "it works")
    server.behaviour = rest.hang

    for seq in range(2, 6):
        assert running.ask(frame(seq=seq)) is None
    connections = server.connections
    server.behaviour = rest.well
    wait_until(lambda: running.ask(frame(seq=9)) is not None, "it is back")

    assert running.outcomes("timeout") >= 4
    assert connections >= 4
    assert len(server.asked) == 3, "the first, the one that hung, and the one after it came back"


class LongRest:
    """A back-off that lasts longer than any test."""

    def next_s(self) -> float:
        return 3600.0

    def reset(self) -> None:
        """Nothing to forget."""


def test_the_rest_is_never_longer_than_a_second() -> None:
    """A model server that works again is found within it."""
    assert REST_CAP_S <= 1.0


def test_one_picture_that_the_model_cannot_read_does_not_take_it_down(
    server: Rest, start: Callable[..., Running]
) -> None:
    """HTTP 400 is about the request; three in a row are about the model."""
    running = start(server.predict_url)
    assert running.ask(frame(seq=1)) is not None
    server.behaviour = rest.status(400, {"error": "Invalid JPEG data"})

    states = []
    for seq in (2, 3, 4):
        assert running.ask(frame(seq=seq)) is None
        states.append(running.predictor.state.state)

    assert states == ["up", "up", "down"]
    assert running.predictor.state.reason == "HTTP 400: Invalid JPEG data"


def test_bad_pictures_between_good_ones_never_take_it_down(server: Rest, start: Callable[..., Running]) -> None:
    """Only failures in a row count."""
    running = start(server.predict_url)

    for seq in range(1, 13):
        server.behaviour = rest.well if seq % 3 == 0 else rest.status(400)
        running.ask(frame(seq=seq))

    assert running.predictor.state.state == "up"
    assert running.outcomes("refused") == 8


def test_labels_on_a_server_may_be_available_later(server: Rest, start: Callable[..., Running]) -> None:
    """Until then the model is down and says why."""
    with Rest(rest.status(503)) as labels:
        running = start(server.predict_url, labels=f"{labels.url}/labels.json")
        assert running.ask(frame(seq=1)) is None
        assert running.predictor.state.state == "down"
        assert f"{labels.url}/labels.json" in str(running.predictor.state.reason)
        assert running.outcomes("labels") == 1

        labels.behaviour = rest.status(200, {"285": "a cat"})
        prediction = running.ask(frame(seq=2))

    assert prediction is not None
    assert prediction.findings[0].label == "a cat"


def test_the_version_is_learned_and_forgotten(server: Rest, start: Callable[..., Running]) -> None:
    """The next prediction has the version that the server says; null if it says none."""
    running = start(server.predict_url)
    stop = threading.Event()
    models = {"imagenet_1": running.predictor}
    thread = threading.Thread(
        target=watch_versions,
        args=(lambda: models, lambda spec: connect(spec, timeout_s=20), stop, lambda: None),
        kwargs={"every_s": 0.02},
    )
    thread.start()
    try:
        wait_until(lambda: running.predictor.state.version == "1", "the version is known")
        first = running.ask(frame(seq=1))
        server.behaviour = lambda request: (
            rest.well(request) if request.command == "POST" else request.answer(200, rest.versions(("2", "AVAILABLE")))
        )
        wait_until(lambda: running.predictor.state.version == "2", "the newer one is known")
        second = running.ask(frame(seq=2))
        server.behaviour = lambda request: rest.status(500)(request) if request.command == "GET" else rest.well(request)
        wait_until(lambda: running.predictor.state.version is None, "it is unknown")
    finally:
        stop.set()
        thread.join(30)

    assert first is not None
    assert second is not None
    assert (first.version, second.version) == ("1", "2")
    assert running.predictor.state.state == "up"
