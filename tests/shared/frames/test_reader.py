import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge

from shared.bus import Bus, EmbeddedBroker, Reader, Record, Writer
from shared.clock import now_us
from shared.errors import BadPicture
from shared.frames import ledger as ledger_module
from shared.frames import pixels
from shared.frames import reader as reader_module
from shared.frames.frame import Frame, Headers, to_headers
from shared.frames.go_record import RawPicture, write_original
from shared.frames.ledger import FORGOTTEN_AFTER_S, OTHER, Ledger, Reason
from shared.frames.reader import FrameReader, ReaderMetrics, ReceivedFrame
from shared.frames.writer import FrameWriter
from tests.conftest import Recovery
from tests.ledgers import ledger_of
from tests.shared.samples import frame, header_only, picture
from tests.waiting import PATIENCE_S, wait_until

FAR_S = 1000.0  # no seek
_topics = iter(range(1000))


class ListReader(Reader):
    """Gives the records of a list in the portions that a test wants: what a broker would give by chance."""

    def __init__(self) -> None:
        self.portions: list[list[Record]] = []
        self.assign: Callable[[int, str | None], None] = lambda _partition, _metadata: None
        self.metadata_of: Callable[[int], str] = lambda _partition: ""

    def on_assigned(self, callback: Callable[[int, str | None], None]) -> None:
        self.assign = callback

    def commit_metadata(self, metadata_of: Callable[[int], str]) -> None:
        self.metadata_of = metadata_of

    def read(self, timeout_s: float) -> list[Record]:
        return self.portions.pop(0) if self.portions else []

    def seek_to_latest(self, max_lag_s: float) -> None:
        pass

    def lag(self) -> dict[int, int]:
        return {0: 3}


@dataclass
class Stage:
    inlet: FrameReader
    ledger: Ledger
    registry: CollectorRegistry
    reader: ListReader

    def read(self, *records: Record, left_out: int = 0) -> list[ReceivedFrame]:
        """Read these, with so many left out before the first."""
        self.reader.portions.append(
            [replace(record, left_out=0 if n else left_out) for n, record in enumerate(records)]
        )
        return self.inlet.read(0)


def encode(raw: RawPicture) -> bytes:
    return pixels.encode_raw(raw, quality=90)


def inlet_of(
    reader: Reader,
    ledger: Ledger,
    registry: CollectorRegistry,
    max_lag_s: float,
    now_s: Callable[[], float] = time.monotonic,
) -> FrameReader:
    metrics = ReaderMetrics(
        clock_suspect=Gauge("consumer_clock_suspect", "1: suspect", ["camera"], registry=registry),
        lag=Gauge("consumer_broker_lag_frames", "records", ["partition"], registry=registry),
        renumbered=Counter("consumer_frames_renumbered_total", "times", ["camera"], registry=registry),
    )
    return FrameReader(reader, ledger, metrics=metrics, encode=encode, max_lag_s=max_lag_s, run=42, now_s=now_s)


@pytest.fixture
def stage() -> Stage:
    registry = CollectorRegistry()
    ledger, reader = ledger_of("consumer", registry), ListReader()
    return Stage(inlet_of(reader, ledger, registry, FAR_S), ledger, registry, reader)


@pytest.fixture(scope="module")
def bus() -> Iterator[Bus]:
    broker = EmbeddedBroker()
    yield broker.bus()
    del broker


def record(
    value: bytes | None, headers: Headers | None = None, *, key: bytes | None = b"front", at_ms: int | None = None
) -> Record:
    timestamp_ms = now_us() // 1000 if at_ms is None else at_ms
    return Record(0, 0, timestamp_ms, key, value, dict(headers or []))


def record_of(sent: Frame, at_ms: int | None = None) -> Record:
    return record(sent.jpeg, to_headers(sent), key=sent.camera.encode(), at_ms=at_ms)


def raw_record(shade: int, *, key: bytes | None = b"front") -> Record:
    raw = RawPicture(16, 16, 3, np.full((16, 16, 3), shade, np.uint8).tobytes())
    return record(write_original(raw), key=key)


def test_the_newest_frame_of_each_camera_is_taken(stage: Stage) -> None:
    """The others are superseded, and counted."""
    arrivals = stage.read(*(record_of(frame(seq, camera=camera)) for seq in (1, 2, 3) for camera in ("front", "yard")))

    assert {(a.frame.camera, a.frame.seq) for a in arrivals} == {("front", 3), ("yard", 3)}
    assert stage.ledger.as_json()["front"]["dropped"] == {Reason.SUPERSEDED: 2}
    assert stage.ledger.as_json()["yard"]["dropped"] == {Reason.SUPERSEDED: 2}


def test_nothing_arrived_is_an_empty_list(stage: Stage) -> None:
    """And nothing is counted."""
    assert stage.read() == []
    assert stage.ledger.as_json() == {}


@pytest.mark.parametrize(
    "strange",
    [
        record(None),
        record(b""),
        record(b"junk"),
        record(b"[" * 100_000),
        record(b'{"mat": 1}'),
        record(b"junk", [("content-type", b"image/jpeg")]),
        record(picture(), [("content-type", b"image/png")]),
        record(picture()[:40], to_headers(frame(1))),
        record(picture(), [*to_headers(frame(1)), ("seq", b"x")]),
    ],
)
def test_what_is_no_frame_is_counted_and_skipped(stage: Stage, strange: Record) -> None:
    """An unreadable record stops nothing and hides no frame."""
    arrivals = stage.read(record_of(frame(1)), strange)

    assert [a.frame.seq for a in arrivals] == [1]
    assert stage.ledger.as_json()["front"]["dropped"] == {Reason.UNDECODABLE: 1}


def test_the_original_s_records_are_frames(stage: Stage) -> None:
    """Only the newest of a camera is decoded; run, number and time are given here."""
    before = now_us() // 1000 * 1000
    [first] = stage.read(*(raw_record(shade) for shade in (10, 20, 200)))
    [second] = stage.read(raw_record(60))

    assert (first.frame.camera, first.frame.run, first.frame.seq) == ("front", 42, 1)
    assert (first.frame.width, first.frame.height) == (16, 16)
    assert before <= first.frame.captured_at <= now_us()
    assert abs(int(pixels.decode(first.frame.jpeg).mean()) - 200) < 3
    assert second.frame.seq == 2
    assert stage.ledger.as_json()["front"]["dropped"] == {Reason.SUPERSEDED: 2}


def test_junk_after_an_original_s_record_does_not_hide_it(stage: Stage) -> None:
    """The newest that is a picture is taken."""
    [arrival] = stage.read(raw_record(10), raw_record(200), record(b"junk"))

    assert abs(int(pixels.decode(arrival.frame.jpeg).mean()) - 200) < 3
    assert stage.ledger.as_json()["front"]["dropped"] == {Reason.SUPERSEDED: 1, Reason.UNDECODABLE: 1}


def test_an_original_s_record_without_a_key_is_of_the_camera_camera(stage: Stage) -> None:
    """Its producer wrote none."""
    [arrival] = stage.read(raw_record(1, key=None))

    assert arrival.frame.camera == "camera"


def test_pixels_that_cannot_be_encoded_are_undecodable(stage: Stage) -> None:
    """The reader continues."""

    def refuse(_: RawPicture) -> bytes:
        raise BadPicture("no")

    stage.inlet._encode = refuse

    assert stage.read(raw_record(1)) == []
    assert stage.ledger.as_json()["front"]["dropped"] == {Reason.UNDECODABLE: 1}


def test_frames_that_never_came_are_lost_upstream(stage: Stage) -> None:
    """They never were `in`."""
    stage.read(record_of(frame(1)))
    stage.read(record_of(frame(5)))

    account = stage.ledger.as_json()["front"]
    assert (account["lost_upstream"], account["in"]) == (3, 0)


def test_frames_left_out_are_skipped(stage: Stage) -> None:
    """Of a gap as many as records were left out; what else is missing was lost."""
    stage.read(record_of(frame(1)))
    stage.read(record_of(frame(3)))
    stage.read(record_of(frame(15)), left_out=10)

    account = stage.ledger.as_json()["front"]
    assert account["lost_upstream"] == 2
    assert account["dropped"] == {Reason.SKIPPED: 10}


def test_a_record_that_is_no_frame_tells_what_was_left_out_all_the_same(stage: Stage) -> None:
    """The frames behind it count it as theirs."""
    stage.read(record_of(frame(1)))
    stage.read(record(b"junk"), record_of(frame(12)), left_out=10)

    assert stage.ledger.as_json()["front"]["dropped"] == {Reason.SKIPPED: 10, Reason.UNDECODABLE: 1}


def test_records_of_the_original_left_out_are_skipped(stage: Stage) -> None:
    """They have no numbers; the reader's own count is entered."""
    stage.read(raw_record(1))
    stage.read(raw_record(2), left_out=7)

    assert stage.ledger.as_json()["front"]["dropped"] == {Reason.SKIPPED: 7}


def test_a_late_frame_is_neither_shown_nor_entered_again(stage: Stage) -> None:
    """It was entered as lost when the newer one came."""
    stage.read(record_of(frame(1)))
    stage.read(record_of(frame(4)))

    assert stage.read(record_of(frame(3))) == []
    account = stage.ledger.as_json()["front"]
    assert (account["lost_upstream"], account["in"]) == (2, 0)


def test_frames_of_a_replaced_run_are_counted_and_not_shown(stage: Stage) -> None:
    """While two producers capture a camera: what the older run still writes is accounted for, number by number."""
    old, new = 1_000, 2_000
    stage.read(record_of(frame(1, run=old)))
    (shown,) = stage.read(record_of(frame(1, run=new)), record_of(frame(2, run=old)), record_of(frame(5, run=old)))
    (after,) = stage.read(record_of(frame(2, run=new)))

    assert [(a.frame.run, a.frame.seq) for a in (shown, after)] == [(new, 1), (new, 2)]
    assert stage.ledger.as_json()["front"]["dropped"] == {Reason.REPLACED: 2}
    assert stage.ledger.as_json()["front"]["lost_upstream"] == 2


def test_what_another_reader_left_is_followed_on(stage: Stage) -> None:
    """The numbers come with its note, and ours go into the next one."""
    stage.read(record_of(frame(1)))
    stage.reader.assign(0, '{"front":[1700000000000000,90]}')
    stage.read(record_of(frame(100)), left_out=7)

    account = stage.ledger.as_json()["front"]
    assert (account["lost_upstream"], account["dropped"]) == (2, {Reason.SKIPPED: 7})
    assert stage.reader.metadata_of(0) == '{"front":[1700000000000000,100]}'


@pytest.mark.parametrize(
    ("captured_s", "recorded_s", "suspect"),
    [(0, 0, 0), (-4, -4, 0), (-3600, -3600, 0), (-4, 0, 0), (-6, 0, 1), (6, 0, 1), (8, 8, 1), (0, 60, 1), (-60, 0, 1)],
)
def test_clocks_that_disagree_are_suspect(stage: Stage, captured_s: int, recorded_s: int, suspect: int) -> None:
    """More than 5 s between the capture and the broker's time, or a record from the future, make the age unknown."""
    now = now_us()
    sent = frame(1, captured_at=now + captured_s * 1_000_000)

    [arrival] = stage.read(record_of(sent, at_ms=now // 1000 + recorded_s * 1000))

    assert arrival.clock_suspect is bool(suspect)
    assert stage.registry.get_sample_value("consumer_clock_suspect", {"camera": "front"}) == suspect


def test_lag_is_shown_for_each_partition(stage: Stage) -> None:
    """And no longer for one that is another reader's now."""
    stage.read()
    assert stage.registry.get_sample_value("consumer_broker_lag_frames", {"partition": "0"}) == 3

    stage.inlet._show_lag({1: 5})
    assert stage.registry.get_sample_value("consumer_broker_lag_frames", {"partition": "0"}) is None
    assert stage.registry.get_sample_value("consumer_broker_lag_frames", {"partition": "1"}) == 5


def test_a_bare_jpeg_is_a_frame(stage: Stage) -> None:
    """Of the camera that is the key, captured at the record's time; run and number are given here."""
    at_ms = now_us() // 1000 - 250
    [first] = stage.read(*(record(picture(), key=b"yard", at_ms=at_ms) for _ in range(3)))
    [second] = stage.read(record(picture(), key=None, at_ms=at_ms))

    assert first.frame == Frame("yard", 42, 1, at_ms * 1000, first.frame.width, first.frame.height, picture())
    assert not first.clock_suspect
    assert second.frame.camera == "camera"
    assert stage.ledger.as_json()["yard"]["dropped"] == {Reason.SUPERSEDED: 2}


def test_a_picture_that_costs_too_much_is_undecodable_in_every_form(stage: Stage) -> None:
    bomb = header_only(8192, 8192, scans=2000)

    assert stage.read(record(bomb), record(bomb, to_headers(frame(1)))) == []
    assert stage.ledger.as_json()["front"]["dropped"] == {Reason.UNDECODABLE: 2}


def test_a_fault_in_reading_one_record_stops_nothing(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged with its traceback, once, and the record is undecodable."""

    def broken(_: RawPicture) -> bytes:
        raise RuntimeError("a fault of ours")

    stage.inlet._encode = broken
    arrivals = [stage.read(raw_record(1), record_of(frame(number))) for number in (1, 2)]

    assert [[a.frame.seq for a in each] for each in arrivals] == [[1], [2]]
    assert stage.ledger.as_json()["front"]["dropped"] == {Reason.UNDECODABLE: 2}
    assert caplog.text.count("RuntimeError: a fault of ours") == 1


@pytest.mark.fault(
    "the number of a camera's frame leaps to 2^53 - 1",
    expects="counted as renumbered; no frame counts as lost",
)
def test_a_leap_of_the_numbers_is_counted_as_such(stage: Stage, recovery: Recovery) -> None:
    stage.read(record_of(frame(1)))
    stage.read(record_of(frame(2**53 - 1)))

    assert stage.ledger.as_json() == {}
    assert stage.registry.get_sample_value("consumer_frames_renumbered_total", {"camera": "front"}) == 1
    recovery.seen("renumbered once, nothing lost", seconds=None)


def test_a_header_of_predictions_that_is_too_long_is_left_out(stage: Stage) -> None:
    sent = replace(frame(1), imprinted_at=1, predictions=b"[" + b"1," * 1_000_000 + b"1]")

    [arrival] = stage.read(record_of(sent))

    assert arrival.frame.predictions == b""


def test_names_without_frames_give_their_places_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forged names do not keep a real camera out for good; what was known of them goes with them."""
    monkeypatch.setattr(reader_module, "MAX_CAMERAS", 3)
    registry, source = CollectorRegistry(), ListReader()
    ledger, now = ledger_of("consumer", registry), [0.0]
    stage = Stage(inlet_of(source, ledger, registry, FAR_S, lambda: now[0]), ledger, registry, source)
    stage.read(*(record_of(frame(1, camera=f"c-{n}")) for n in range(3)))
    assert stage.read(record_of(frame(1, camera="real"))) == []

    now[0] = FORGOTTEN_AFTER_S + 1
    stage.read(record_of(frame(2, camera="c-2")))
    [arrival] = stage.read(record_of(frame(2, camera="real")))

    assert arrival.frame.camera == "real"
    assert registry.get_sample_value("consumer_clock_suspect", {"camera": "c-0"}) is None
    assert registry.get_sample_value("consumer_clock_suspect", {"camera": "c-2"}) == 0


def test_forged_ids_cannot_grow_the_memory(stage: Stage) -> None:
    """Cameras beyond the cap are dropped, and counted as one."""
    cap = ledger_module.MAX_CAMERAS
    arrivals = stage.read(*(record_of(frame(1, camera=f"c-{n}")) for n in range(cap + 20)))
    stage.read(*(raw_record(1, key=b"late-%d" % n) for n in range(3)))

    assert len(arrivals) == cap
    assert stage.ledger.as_json()[OTHER]["dropped"] == {Reason.TOO_MANY_CAMERAS: 23}


def test_between_two_stages_no_frame_is_unaccounted_for(bus: Bus) -> None:
    """Over a run with pauses of the reader: out of one stage = in of the next + lost on the way."""
    topic = f"run-{next(_topics)}"
    before, registry = ledger_of("producer"), CollectorRegistry()
    after = ledger_of("consumer", registry)
    padding = bytes(15_000)  # a whole run must fit into what the embedded broker keeps

    with Writer(bus) as writer, Reader.of_all_partitions(bus, topic, group="g") as reader:
        outlet, inlet = FrameWriter(writer, topic, before), inlet_of(reader, after, registry, 0.0)
        seen: list[int] = []

        def encoded(number: int) -> tuple[bytes, Headers]:
            sent = frame(number)
            return sent.jpeg + padding, to_headers(sent)

        def read() -> None:
            for arrival in inlet.read(0.02):
                after.out(arrival.frame.camera, age_s=None)
                seen.append(arrival.frame.seq)

        def send(frames: int) -> None:
            for _ in range(frames):
                outlet.send("front", now_us(), encoded)
                wait_until(lambda: bool(before.as_json()), "the first answer")
                wait_until(lambda: not outlet._lines["front"].unanswered, "the answer")

        deadline = time.monotonic() + PATIENCE_S
        while not seen:  # the reader finds its place
            assert time.monotonic() < deadline
            send(1)
            read()
        first = seen[0]
        for _ in range(3):
            send(70)  # while no reader is there
            read()
            read()
        while seen[-1] < before.as_json()["front"]["out"]:
            assert time.monotonic() < deadline
            read()

    sent, account = before.as_json()["front"], after.as_json()["front"]
    assert sent["dropped"] == {}
    assert seen == sorted(set(seen))
    assert account["dropped"][Reason.SKIPPED] > 0
    assert account["in"] == account["out"] + sum(account["dropped"].values())
    # The first assigned position may lie before the first frame of a portion, whose others were superseded.
    counted = account["in"] + account["lost_upstream"]
    assert sent["out"] - first + 1 <= counted <= sent["out"]
    assert account["lost_upstream"] == 0
