"""Predictions as data, from a camera to readers of events: all services as processes."""

import json
import signal
from collections.abc import Iterator

import pytest
from jsonschema import Draft202012Validator

from shared.bus import Bus
from tests.conftest import Recovery
from tests.end_to_end.chain import Chain, embedded_broker
from tests.end_to_end.model_server import ModelServer
from tests.end_to_end.numbered import write_video
from tests.suite import ROOT, Tap
from tests.video.events.event_stage import EventReader, ReceivedEvent
from tests.waiting import wait_until

SCHEMA = ROOT / "docs" / "schemas" / "prediction.schema.json"
MODELS = ("imagenet", "imagenet_2")
SETTINGS = {"MODELTIMEOUT": "2s"}


@pytest.fixture(scope="module")
def bus() -> Iterator[Bus]:
    with embedded_broker() as (_, found):
        yield found


@pytest.fixture(scope="module")
def chain(bus: Bus, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """Two cameras, and two models that answer at ten pictures a second."""
    with ModelServer(takes_s=lambda _: 0.1) as models:
        urls = json.dumps(dict.fromkeys(MODELS, models.url()))
        with Chain(bus, suffix="-events", MODELURLS=urls, **SETTINGS) as running:
            film = str(write_video(tmp_path_factory.mktemp("films") / "numbers.mkv", 100))
            running.produce(CAMERAS=json.dumps({"front": film, "yard": film}), FRAMEINTERVAL="40ms")
            yield running


def test_events_of_the_running_suite_are_as_the_schema_says(chain: Chain) -> None:
    """Both models, both cameras, in the order of their frames; the schema that is served is that of the docs."""
    served = chain.ask("/schemas/prediction.json")
    Draft202012Validator.check_schema(served)
    validator = Draft202012Validator(served)

    with EventReader(chain.port) as reader:
        events = [event.json for event in reader.events(60)]

    assert served == json.loads(SCHEMA.read_text())
    for event in events:
        assert sorted(error.message for error in validator.iter_errors(event)) == []
    assert {event["camera"] for event in events} == {"front", "yard"}
    assert {event["model"] for event in events} == set(MODELS)
    for camera in ("front", "yard"):
        for model in MODELS:
            frames = [(e["run"], e["seq"]) for e in events if (e["camera"], e["model"]) == (camera, model)]
            assert frames == sorted(set(frames))


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(
            signal.SIGTERM,
            marks=pytest.mark.fault(
                "video is restarted while a program reads predictions",
                expects="the program resumes at the next video, without a prediction lost or twice",
            ),
        ),
        pytest.param(
            signal.SIGKILL,
            marks=pytest.mark.fault(
                "video is killed while a program reads predictions",
                expects="the program resumes at the next video, without a prediction lost or twice",
            ),
        ),
    ],
)
def test_a_reader_misses_nothing_while_video_restarts(
    bus: Bus, chain: Chain, number: signal.Signals, recovery: Recovery
) -> None:
    """With the id of its last event it gets from the bus what was written meanwhile, and then what is new."""
    with Tap(bus, chain.topic("videopredictions"), lambda record: json.loads(record.value or b"null")) as tap:
        cameras = {"front", "yard"}
        wait_until(lambda: cameras <= {one["camera"] for one in tap.kept if one}, "the tap reads both cameras")
        with EventReader(chain.port) as reader:
            events = read(reader, 20)
            chain.video.process.send_signal(number)
            events += rest(reader)
        chain.video.waits()
        written = len(tap.kept)
        wait_until(lambda: len(tap.kept) > written + 30, "predictions are written while there is no video")
        chain.video = chain.show()
        chain.video.says("partitions taken")
        with EventReader(chain.port, last_id=events[-1].id) as reader:
            events += read(reader, 60)
        last = identity(events[-1].json)
        wait_until(lambda: last in map(identity, tap.kept), "the tap has read as much")

    seen = [identity(event.json) for event in events]
    assert len(seen) == len(set(seen))
    for camera in cameras:
        all_of = [identity(one) for one in tap.kept if one and one["camera"] == camera]
        of_reader = [one for one in seen if one[0] == camera]
        begin = all_of.index(of_reader[0])
        assert of_reader == all_of[begin : begin + len(of_reader)]
    recovery.seen("nothing lost, nothing twice", seconds=None)


def read(reader: EventReader, count: int) -> list[ReceivedEvent]:
    events = reader.events(count)
    assert {event.name for event in events} == {"message"}
    return events


def rest(reader: EventReader) -> list[ReceivedEvent]:
    """Return what comes until the stream ends."""
    events: list[ReceivedEvent] = []
    try:
        while True:
            events.append(reader.event())
    except (EOFError, ConnectionError):
        return events


def identity(prediction: dict[str, object] | None) -> tuple[object, ...]:
    """Return what tells a prediction from all others."""
    return tuple((prediction or {}).get(name) for name in ("camera", "run", "seq", "model"))
