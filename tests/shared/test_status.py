import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge

from shared.bus import Bus, EmbeddedBroker, Reader, Record, Writer
from shared.clock import now_us
from shared.report_reader import read_entry
from shared.reports import CameraReport, LedgerReport, ModelReport, Report
from shared.states import CameraState, ModelState
from shared.status import (
    APART_S,
    LARGEST_BYTES,
    MAX_INSTANCES,
    REMEMBERED_S,
    REPLAY_RECORDS,
    SILENT_AFTER_S,
    StatusBoard,
    StatusWriter,
)
from tests.conftest import Recovery
from tests.shared.brokers import broker_process, read_until
from tests.waiting import wait_until

DOCUMENT: dict[str, Any] = {
    "service": "producer",
    "instance": "host-1",
    "at": 1_700_000_000_000_000,
    "ending": False,
    "cameras": {"front": {"state": "up", "since": 1, "reason": None}},
    "models": {"imagenet_1": {"state": "down", "since": 2, "version": None, "reason": None}},
    "ledger": {"front": {"in": 1, "out": 1, "dropped": {}, "lost_upstream": 0}},
}


@pytest.fixture(scope="module")
def bus() -> Iterator[Bus]:
    broker = EmbeddedBroker()
    yield broker.bus()
    del broker


def record(value: bytes | None) -> Record:
    return Record(0, 0, now_us() // 1000, b"producer/host-1", value, {})


def report() -> Report:
    return Report(cameras={"front": CameraReport(CameraState.UP, 1)}, ledger={"front": LedgerReport(1, 1)})


def value_of(counter: Counter) -> float:
    (sample, *_) = next(iter(counter.collect())).samples
    return float(sample.value)


class RunningStatus:
    """A status writer whose loop runs in a thread, as a service has it."""

    def __init__(self, writer: Writer, topic: str, registry: CollectorRegistry | None = None) -> None:
        silent = Gauge("producer_broker_silent_seconds", "seconds", registry=registry or CollectorRegistry())
        self.status = StatusWriter(writer, topic, service="producer", report=report, silent=silent)
        self.beats = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.status.run, args=(self._stop, self._beat))

    def _beat(self) -> None:
        self.beats += 1

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._stop.set()
        self.status.changed()
        self._thread.join()
        self.status.write_final()


def test_a_status_says_who_when_and_what(bus: Bus) -> None:
    """The record has the key and the form of the contract; the last one says that the service ends."""
    with Writer(bus) as writer:
        running = RunningStatus(writer, "form")
        before = now_us()
        running.start()
        running.end()
    with Reader.of_all_partitions(bus, "form", group="g", replay_last=REPLAY_RECORDS) as reader:
        records = read_until(reader, lambda records: len(records) >= 2)

    documents = [json.loads(record.value or b"") for record in records]
    for document in documents:
        assert set(document) == set(DOCUMENT)
        assert document["cameras"] == DOCUMENT["cameras"]
        assert before <= document["at"] <= now_us()
    assert {record.key for record in records} == {f"producer/{documents[0]['instance']}".encode()}
    assert [document["ending"] for document in documents] == [False] * (len(documents) - 1) + [True]
    assert running.beats >= 1


def test_a_change_is_written_at_once(bus: Bus) -> None:
    """Without waiting for the next second."""
    with (
        Writer(bus) as writer,
        Reader.of_all_partitions(bus, "change", group="g", replay_last=REPLAY_RECORDS) as reader,
    ):
        running = RunningStatus(writer, "change")
        running.start()
        try:
            read_until(reader, lambda records: bool(records))
            wait_until(running.status.broker_answered, "the first answer")
            written: list[Record] = []
            for _ in range(20):  # would take 20 s if each waited for its second
                running.status.changed()
                written += read_until(reader, lambda records: bool(records))
        finally:
            running.end()

    times = [json.loads(record.value or b"")["at"] for record in written]
    assert (times[-1] - times[0]) / 1e6 < 15


def test_a_storm_of_changes_is_written_a_few_times_a_second(bus: Bus) -> None:
    with Writer(bus) as writer:
        running = RunningStatus(writer, "storm")
        began = time.monotonic()
        running.start()
        while running.beats < 5:
            running.status.changed()
        beats, elapsed_s = running.beats, time.monotonic() - began
        running.end()

    assert beats <= elapsed_s / APART_S + 1


def test_a_status_that_brokers_would_refuse_is_written_without_words(bus: Bus) -> None:
    """A service that is alive is never taken for silent because of its cameras' titles."""
    cameras = {
        f"camera-{n}": CameraReport(CameraState.UP, 1, "r" * 200, "t" * 200, ("tag" * 60,) * 20) for n in range(1000)
    }
    silent = Gauge("producer_broker_silent_seconds", "seconds", registry=CollectorRegistry())
    with Writer(bus) as writer:
        long = StatusWriter(writer, "long", service="producer", report=lambda: Report(cameras=cameras), silent=silent)
        long.write_final()
    with Reader.of_all_partitions(bus, "long", group="g", replay_last=REPLAY_RECORDS) as reader:
        (record, *_) = read_until(reader, lambda records: bool(records))

    assert record.value is not None
    assert len(record.value) < LARGEST_BYTES
    entry = read_entry(record.value, heard_at=0.0)
    assert entry.report.cameras.keys() == cameras.keys()
    assert set(entry.report.cameras.values()) == {CameraReport(CameraState.UP, 1)}


def test_the_board_holds_the_newest_of_every_instance(bus: Bus) -> None:
    """A newcomer hears what was said in the last minute; a service that ends says so."""
    with Writer(bus) as writer:
        running = RunningStatus(writer, "board")
        running.start()
        running.end()
        other = {**DOCUMENT, "service": "consumer", "instance": "pod"}
        writer.send(
            "board", key="consumer/pod", value=json.dumps(other).encode(), headers=[], on_delivery=lambda _: None
        )
    board = StatusBoard(Counter("ignored", "entries", registry=None))
    with Reader.of_all_partitions(bus, "board", group="g", replay_last=REPLAY_RECORDS) as reader:

        def heard() -> bool:
            board.read(reader, 0.05)
            entries = board.entries()
            return len(entries) == 2 and any(entry.ending for entry in entries)

        wait_until(heard, "both services")

    entries = {entry.service: entry for entry in board.entries()}
    assert entries["producer"].ending
    assert not entries["consumer"].ending
    assert entries["consumer"].report.models == {"imagenet_1": ModelReport(ModelState.DOWN, 2)}
    assert entries["consumer"].at == DOCUMENT["at"]


class OldReader(Reader):
    """Gives one record that lay on the topic before."""

    def __init__(self, record: Record, *, predates_start: bool) -> None:
        self._record, self._was_there = record, predates_start

    def read(self, timeout_s: float) -> list[Record]:
        return [self._record]

    def predates_start(self, record: Record) -> bool:
        return self._was_there


@pytest.mark.parametrize(
    ("age_s", "predates_start", "heard"),
    [(0, True, True), (REMEMBERED_S - 5, True, True), (REMEMBERED_S + 5, True, False), (REMEMBERED_S + 5, False, True)],
)
def test_old_entries_are_silent(age_s: float, predates_start: bool, heard: bool) -> None:
    """What lay there before us is as old as its time says; what comes while we listen was said just now, whatever the
    sender's clock shows.
    """
    old = Record(0, 0, int(now_us() / 1000 - age_s * 1000), b"k", json.dumps(DOCUMENT).encode(), {})
    board = StatusBoard(Counter("ignored", "entries", registry=None))

    assert board.read(OldReader(old, predates_start=predates_start), 0)
    assert bool(board.entries()) is heard


@pytest.mark.fault(
    "a status record with a number that no float holds, and one that is not JSON",
    expects="the entry is passed over and counted; the rest of the record holds",
)
def test_records_and_entries_that_make_no_sense_are_counted(recovery: Recovery) -> None:
    ignored = Counter("ignored", "entries", registry=None)
    board = StatusBoard(ignored)
    wrong = DOCUMENT | {"cameras": DOCUMENT["cameras"] | {"yard": {"state": "down", "since": -(10**400)}}}
    for value in (b"junk", json.dumps(wrong).encode()):
        board.read(OldReader(record(value), predates_start=False), 0)

    (entry,) = board.entries()
    assert set(entry.report.cameras) == {"front"}
    assert value_of(ignored) == 2
    recovery.seen("both counted; the other camera of the record is known", seconds=None)


@pytest.mark.fault(
    "status records name more instances than there are places",
    expects="a new instance gets the place of one that is silent or has ended; those that are heard keep theirs",
)
def test_forged_instances_do_not_fill_the_board(recovery: Recovery) -> None:
    """A new instance finds a place as soon as others are silent or have ended; those that are heard keep theirs."""
    ignored = Counter("ignored", "entries", registry=None)
    board = StatusBoard(ignored)

    def hear(instance: str, *, ending: bool = False, age_s: float = 0.0) -> None:
        value = json.dumps(DOCUMENT | {"instance": instance, "ending": ending}).encode()
        old = Record(0, 0, int(now_us() / 1000 - age_s * 1000), b"k", value, {})
        board.read(OldReader(old, predates_start=age_s > 0), 0)

    def known() -> set[str]:
        return {entry.instance for entry in board.entries()}

    for number in range(MAX_INSTANCES):
        hear(f"host-{number}")
    hear("late")
    assert "late" not in known()
    assert value_of(ignored) == 1

    hear("host-3", ending=True)
    hear("late")
    hear("later")
    assert known() == {f"host-{number}" for number in range(MAX_INSTANCES) if number != 3} | {"late"}

    hear("host-5", age_s=SILENT_AFTER_S + 1)
    hear("later")
    assert known() == {f"host-{number}" for number in range(MAX_INSTANCES) if number not in {3, 5}} | {"late", "later"}
    recovery.seen(f"{MAX_INSTANCES} places; two new instances got those of an ended and a silent one", seconds=None)


def test_a_service_knows_whether_its_broker_answers() -> None:
    """From the acknowledgements of its own status: never yet, now, and no longer; a metric says for how long."""
    registry = CollectorRegistry()
    with broker_process() as broker, Writer(broker.bus) as writer:
        running = RunningStatus(writer, "t", registry)
        assert not running.status.broker_answered()
        assert running.status.broker().startswith("no answer for")

        running.start()
        try:
            wait_until(lambda: running.status.broker() == "ok", "the answer")
            assert running.status.broker_silent_s() < 5
            broker.freeze()
            silent = running.status.broker_silent_s()
            wait_until(lambda: running.status.broker_silent_s() > silent + 1.5, "silence")
            assert running.status.broker_answered()
            assert (registry.get_sample_value("producer_broker_silent_seconds") or 0) > silent + 1.5
        finally:
            running.end()
