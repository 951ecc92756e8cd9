"""/predictions/stream: a real web server on an embedded broker, read by a parser of the HTML standard."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from shared.bus import Bus, EmbeddedBroker, Replay
from tests.video.client import Client
from tests.video.events.event_stage import EventReader, Predictions, serving
from tests.video.events.records import document
from tests.waiting import wait_until
from video.access.audit import Audit
from video.events import stream
from video.events.log import EventLog
from video.events.position import read_position
from video.events.replay import MAX_REPLAYS


@pytest.fixture(scope="module")
def bus() -> Iterator[Bus]:
    broker = EmbeddedBroker()
    yield broker.bus()
    del broker


@pytest.fixture
def predictions(bus: Bus, request: pytest.FixtureRequest) -> Iterator[Predictions]:
    with Predictions(bus, request.node.name.replace("[", "-").replace("]", "")) as running:
        yield running


def small_logs(monkeypatch: pytest.MonkeyPatch, size: int) -> list[EventLog]:
    """Let the logs of web servers hold few events; return those that are made."""
    made: list[EventLog] = []

    def make() -> EventLog:
        made.append(EventLog(max_events=size))
        return made[-1]

    monkeypatch.setattr("video.events.events.EventLog", make)
    return made


def has_all(log: EventLog, predictions: Predictions) -> bool:
    """Return whether the log has come to everything that was written."""
    return log.position is not None and sum(log.position.offsets.values()) == predictions.written


def test_each_prediction_comes_as_it_is(predictions: Predictions) -> None:
    """With an id, and with the headers that keep proxies from holding it back."""
    with serving(predictions) as stage, EventReader(stage.port) as reader:
        predictions.write(1, 2)
        first, second = reader.events(2)

        assert (reader.status, reader.headers["content-type"]) == (200, "text/event-stream")
        assert (reader.headers["cache-control"], reader.headers["x-accel-buffering"]) == ("no-cache", "no")
        assert reader.retry_ms > 0
        assert [event.json for event in (first, second)] == [document(1), document(2)]
        assert {first.name, second.name} == {"message"}
        assert read_position(first.id)
        assert first.id != second.id
        wait_until(lambda: predictions.metric("sent") == 2)


def test_each_reader_and_camera_is_a_viewing_of_the_audit(predictions: Predictions) -> None:
    """Of two readers from one address, each has its own, and it ends with the reader."""
    audited: list[dict[str, Any]] = []
    with serving(predictions, audit=Audit(audited.append)) as stage:
        with EventReader(stage.port) as first, EventReader(stage.port, "?camera=yard") as second:
            predictions.write(1, 2)
            predictions.write(3, camera="yard")
            first.events(3)
            second.events(1)
        wait_until(lambda: len(audited) == 3)

    assert len({record["id"] for record in audited}) == 3
    assert all(record["ended"] and record["from"] <= record["until"] for record in audited)
    seen = sorted((record["camera"], record["what"], record["frames"]) for record in audited)
    assert seen == [("front", "events", 2), ("yard", "events", 1), ("yard", "events", 1)]


def test_a_reader_gets_what_it_asked_for(predictions: Predictions) -> None:
    """Several cameras, several models, a probability; a reader without a filter gets everything."""
    with serving(predictions) as stage:
        queries = ["?camera=yard&camera=gate&model=a", "?model=b&min=0.5", "?min=0.87", ""]
        readers = [EventReader(stage.port, query) for query in queries]
        for seq, (camera, model) in enumerate([("yard", "a"), ("front", "a"), ("gate", "b"), ("gate", "a")], 1):
            predictions.write(seq, camera=camera, model=model)
        predictions.write(5, model="b", predictions=[{"class": 1, "label": "x", "probability": 0.4}])
        predictions.write(9, camera="gate", model="b")
        predictions.write(10, camera="gate", model="a")

        seen = [sorted(reader.seqs(count)) for reader, count in zip(readers, (3, 2, 6, 7), strict=True)]

        assert seen == [[1, 4, 10], [3, 9], [1, 2, 3, 4, 9, 10], [1, 2, 3, 4, 5, 9, 10]]
        for reader in readers:
            reader.close()


@pytest.mark.parametrize(
    "query",
    [
        "?min=1.1",
        "?min=-1",
        "?min=nan",
        "?min=x",
        "?camera=",
        "?camera=" + "x" * 101,
        "?camera=a" + "&camera=a" * 100,
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(predictions: Predictions, query: str) -> None:
    with serving(predictions) as stage:
        answer = stage.get(f"/predictions/stream{query}")

        assert answer.status_code == 422
        assert query[1:].partition("=")[0] in answer.text


def test_records_that_are_no_predictions_are_counted_and_left_out(predictions: Predictions) -> None:
    """An id that follows one is behind it, so that nobody comes back to it."""
    with serving(predictions) as stage, EventReader(stage.port) as reader:
        predictions.write(1)
        predictions.write_raw(b"junk", b'{"camera": "front"}\n\nevent: forged\n\n', b"[]")
        predictions.write(2)

        assert reader.seqs(2) == [1, 2]
        assert predictions.metric("ignored") == 3


def test_a_reader_resumes_from_the_log(predictions: Predictions) -> None:
    """What it missed in between comes first, each event once; the bus is not asked."""
    with serving(predictions) as stage:
        with EventReader(stage.port) as reader:
            predictions.write(1)
            predictions.write(2, camera="yard")
            first = reader.event()
        with EventReader(stage.port, last_id=first.id) as reader:
            assert len({first.seq, reader.event().seq}) == 2
            predictions.write(3)
            assert reader.event().seq == 3
        assert predictions.replays == 0


def test_a_reader_resumes_at_another_replica(bus: Bus, predictions: Predictions) -> None:
    """Or after a restart: the id is good for both, though their logs do not hold what it missed."""
    with serving(predictions) as stage, EventReader(stage.port) as reader:
        predictions.write(1)
        first = reader.event()
        predictions.write(2, 3)
        predictions.write(4, camera="yard")
    with Predictions(bus, predictions.topic) as others, serving(others) as stage:  # it writes number 0
        with EventReader(stage.port, last_id=first.id) as reader:
            seen = reader.seqs(4)
            others.write(5)
            assert reader.event().seq == 5
        with EventReader(stage.port, "?camera=yard", last_id=first.id) as reader:
            assert reader.event().seq == 4

        assert [seq for seq in seen if seq != 4] == [2, 3, 0]
        assert sorted(seen) == [0, 2, 3, 4]
        assert others.replays == 2


def test_an_id_survives_several_reconnections(predictions: Predictions, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of many short connections goes on exactly where the one before stopped, from the log or from the bus."""
    logs = small_logs(monkeypatch, 20)
    with serving(predictions) as stage:
        with EventReader(stage.port) as reader:
            predictions.write(1)
            last = reader.event()
        for camera in ("a", "b", "c", "front"):
            predictions.write(*range(100, 130), camera=camera)
        wait_until(lambda: has_all(logs[0], predictions))
        seen: list[tuple[str, int]] = []
        while len(seen) < 120:
            with EventReader(stage.port, last_id=last.id) as reader:
                events = reader.events(min(17, 120 - len(seen)))
            last = events[-1]
            seen += [(event.json["camera"], event.seq) for event in events]

        assert sorted(seen) == [(camera, seq) for camera in ("a", "b", "c", "front") for seq in range(100, 130)]
        assert predictions.replays > 0


@pytest.mark.parametrize("id_", ["junk", "AAAAAAAA.0.0.0.0", "id\u00e9"])
def test_an_id_of_another_topic_starts_with_what_is_new(predictions: Predictions, id_: str) -> None:
    """The reader is told: otherwise it would take the next event for the one behind its last."""
    with serving(predictions) as stage, EventReader(stage.port, last_id=id_) as reader:
        reset = reader.event()
        predictions.write(7)

        assert (reset.name, list(reset.json)) == ("reset", ["reason"])
        assert reader.event().seq == 7


def test_an_id_beyond_the_end_of_the_topic_is_none_of_it(predictions: Predictions) -> None:
    with serving(predictions) as stage:
        with EventReader(stage.port) as reader:
            predictions.write(1)
            log = reader.event().id.partition(".")[0]
        with EventReader(stage.port, last_id=f"{log}.zzzz.zzzz.zzzz.zzzz") as reader:
            assert reader.event().name == "reset"
            predictions.write(2)
            assert reader.event().seq == 2
        with EventReader(stage.port, last_id=f"{log}.0.0.0.0.1") as reader:  # it has four partitions
            assert reader.event().name == "reset"


def test_a_slow_reader_is_told_what_it_missed(predictions: Predictions, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is kept for it: the log is bounded, and so is what is on its way; a fast reader misses nothing."""
    small_logs(monkeypatch, 50)
    wide = [{"class": 1, "label": "x" * 900, "probability": 0.5}] * 40
    total = 200
    with serving(predictions) as stage, EventReader(stage.port, window=4096) as slow, EventReader(stage.port) as fast:
        seen: list[int] = []
        reading = threading.Thread(target=lambda: seen.extend(fast.event().seq for _ in range(total)))
        reading.start()
        for first in range(1, total + 1, 10):
            wait_until(lambda first=first: len(seen) >= first - 20)  # type: ignore[misc]
            predictions.write(*range(first, first + 10), predictions=wide)
        reading.join(60)
        got, missed = 0, 0
        while got + missed < total:
            event = slow.event()
            if event.name == "missed":
                missed += event.json["missed"]
            else:
                got += 1

        assert seen == list(range(1, total + 1))
        assert missed > 0
        assert got + missed == total
        assert predictions.metric("missed") == missed


def test_a_silent_stream_is_kept_alive_and_keeps_up(predictions: Predictions, monkeypatch: pytest.MonkeyPatch) -> None:
    """With comments; and a reader that wants none of what comes gets its position, which is no event."""
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.05)
    monkeypatch.setattr(stream, "LOOK_EVERY_S", 0.05)
    with serving(predictions) as stage, EventReader(stage.port, "?camera=yard") as reader:
        predictions.write(1)
        lines = reader.lines()
        ids = [line for line in (next(lines) for _ in range(12)) if line.startswith("id: ")]
        predictions.write(2)
        later = [line for line in (next(lines) for _ in range(12)) if line.startswith("id: ")]

        assert len(later) == 1, "an id is sent when the position has changed"
        with EventReader(stage.port, last_id=later[0].removeprefix("id: ")) as again:
            predictions.write(3)
            assert again.event().seq == 3
        assert ids != later


def test_heartbeats_are_no_events_to_any_parser(predictions: Predictions, monkeypatch: pytest.MonkeyPatch) -> None:
    """httpx-sse takes each empty line behind an id for an event: a comment is one line."""
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.05)
    monkeypatch.setattr(stream, "LOOK_EVERY_S", 0.05)
    with serving(predictions) as stage, EventReader(stage.port) as reader:
        predictions.write(1)
        lines = [line for line in (reader.lines().__next__() for _ in range(8)) if not line.startswith("retry")]
        while not lines[0].startswith("id: "):
            lines.pop(0)

        assert lines[2] == ""
        assert set(lines[3:]) == {":"}


def test_few_readers_at_a_time_read_from_the_bus(predictions: Predictions, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others wait for their turn, and miss nothing."""
    logs = small_logs(monkeypatch, 5)
    open_now, most = [0], [0]

    class Counted(Replay):
        def start(self, offsets: object) -> None:
            open_now[0] += 1
            most[0] = max(most[0], open_now[0])
            super().start(offsets)  # type: ignore[arg-type]

        def close(self) -> None:
            super().close()
            open_now[0] -= 1

    monkeypatch.setattr("tests.video.events.event_stage.Replay", Counted)
    with serving(predictions) as stage:
        with EventReader(stage.port) as reader:
            predictions.write(1)
            first = reader.event()
        predictions.write(*range(2, 100))
        wait_until(lambda: has_all(logs[0], predictions))
        readers = [EventReader(stage.port, last_id=first.id) for _ in range(3 * MAX_REPLAYS)]
        seen = [reader.seqs(98) for reader in readers]
        for reader in readers:
            reader.close()

        assert seen == [list(range(2, 100))] * len(readers)
        assert predictions.replays == len(readers)
        assert most[0] <= MAX_REPLAYS


def test_a_reader_whose_time_with_the_bus_is_over_comes_again(
    predictions: Predictions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its stream ends, as a browser's would at a restart, and it goes on behind the last event that it had."""
    logs = small_logs(monkeypatch, 5)
    monkeypatch.setattr("video.events.replay.MAX_RECORDS", 80)
    monkeypatch.setattr(stream, "REPLAY_S", 0.0)
    with serving(predictions) as stage:
        with EventReader(stage.port) as reader:
            predictions.write(1)
            last = reader.event().id
        predictions.write(*range(2, 202))
        wait_until(lambda: has_all(logs[0], predictions))
        seen: list[int] = []
        connections = 0
        while len(seen) < 200:
            connections += 1
            with EventReader(stage.port, last_id=last) as reader:
                try:
                    while len(seen) < 200:
                        event = reader.event()
                        seen.append(event.seq)
                        last = event.id
                except EOFError:
                    continue

        assert seen == list(range(2, 202))
        assert connections > 1


def test_places_are_limited(predictions: Predictions) -> None:
    """A reader holds a place like every other viewer, and releases it when it goes."""
    with serving(predictions, max_viewers=2) as stage:
        readers = [EventReader(stage.port) for _ in range(2)]
        refused = stage.get("/predictions/stream")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "10")
        readers[0].close()
        wait_until(lambda: EventReader(stage.port).status == 200)
        readers[1].close()


def test_a_reader_of_another_address_gets_a_place(predictions: Predictions) -> None:
    """The address that holds most gives one up: its stream is cut."""
    with serving(predictions, max_viewers=3) as stage:
        readers = [EventReader(stage.port) for _ in range(3)]
        with Client(stage.port, source="127.0.0.2") as other:
            assert other.get("/predictions/stream").status() == 200
        predictions.write(1)
        ended = 0
        for reader in readers:
            try:
                assert reader.event().seq == 1
            except (EOFError, ConnectionError):
                ended += 1
            reader.close()
        assert ended == 1


def test_streams_end_cleanly_with_the_service(predictions: Predictions) -> None:
    """What was written before has arrived as a whole; nothing is reset."""
    with serving(predictions) as stage, EventReader(stage.port) as reader, EventReader(stage.port) as silent:
        predictions.write(1)
        assert (reader.event().seq, silent.event().seq) == (1, 1)
        stage.end()

        for one in (reader, silent):
            with pytest.raises(EOFError):
                one.event()


def test_head_options_and_other_methods(predictions: Predictions) -> None:
    with serving(predictions) as stage:
        for method, status in (("HEAD", 200), ("OPTIONS", 204), ("POST", 405), ("DELETE", 405)):
            with Client(stage.port) as client:
                head = client.get("/predictions/stream", method=method).head()
            assert head[0].split()[1] == str(status)
            if method == "HEAD":
                assert "content-type: text/event-stream" in [line.lower() for line in head]


def test_without_a_topic_there_is_no_stream() -> None:
    """The setting that decides it is named; the schema is there all the same."""
    from tests.video.stage import Stage

    with Stage() as stage:
        assert "TOPICNAMEPREDICTIONS" in stage.get("/predictions/stream").json()["error"]
        assert stage.get("/predictions/stream").status_code == 404
        assert stage.get("/schemas/prediction.json").json()["title"] == "Prediction"
