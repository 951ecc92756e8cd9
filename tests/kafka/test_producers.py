"""Producers that share the cameras of one document."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from local.kafka.node import Node
from shared.bus import DeclaredTopic, Record
from shared.frames.frame import read_frame
from tests.conftest import Recovery
from tests.end_to_end.model_server import ModelServer
from tests.kafka.chain import KafkaChain, followed
from tests.processes import freeze, thaw
from tests.producer.cameras import HttpCamera, http_camera
from tests.suite import Service, Tap
from tests.waiting import wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]
CAMERAS = [f"yard-{number}" for number in range(1, 17)]
PARTITIONS = 12
INTERVAL_S = 0.2
FROZEN_S, SILENT_S = 10.0, 8.0


@dataclass(frozen=True)
class Seen:
    """A frame on the bus, and when it was read there, monotonic seconds."""

    at_s: float
    camera: str
    run: int
    seq: int
    captured_at: int


@dataclass
class Producers:
    """A group of producers, its cameras, and what is on the bus."""

    chain: KafkaChain
    cameras: dict[str, HttpCamera]
    document: Path
    taken: Tap
    shown: Tap
    running: list[Service] = field(default_factory=list)

    def start(self) -> Service:
        producer = self.chain.produce(CAMERASFILE=str(self.document), GROUPNAME=f"goproducer{self.chain.topic('')}")
        self.running.append(producer)
        return producer

    def write(self, *cameras: str) -> None:
        """Write the document of these cameras."""
        entries = {camera: {"source": self.cameras[camera].link()} for camera in cameras}
        new = self.document.with_suffix(".new")
        new.write_text(json.dumps({"cameras": entries}))
        new.rename(self.document)

    def share_of(self, producer: Service) -> set[str]:
        """Return the cameras that a producer captures and has up."""
        up = {key[1].removeprefix("camera="): value for key, value in producer.metrics().items() if _is_up(key)}
        return {camera for camera, value in up.items() if value}

    def shares(self) -> list[set[str]]:
        """Wait until each camera is captured by one producer, and each producer captures some; return who does."""
        found: list[set[str]] = []

        def shared() -> bool:
            found[:] = [self.share_of(producer) for producer in self.running]
            watched = all(self.cameras[camera].watching == 1 and self.frames(camera) for camera in CAMERAS)
            return watched and all(found) and sorted(camera for share in found for camera in share) == sorted(CAMERAS)

        wait_until(shared, "each camera has one producer")
        return found

    def frames(self, camera: str) -> list[Seen]:
        """Return the frames of a camera on the bus."""
        return [seen for seen in list(self.taken.kept) if seen is not None and seen.camera == camera]

    def different(self, camera: str) -> set[tuple[int, int]]:
        """Return run and number of the frames on the bus; a frozen broker may have taken one twice."""
        return {(seen.run, seen.seq) for seen in self.frames(camera)}

    def run(self, camera: str) -> int:
        return max(seen.run for seen in self.frames(camera))

    def live_again(self, runs: dict[str, int]) -> float:
        """Wait until each camera has frames of a newer run; return when the last of them had its first, monotonic."""
        wait_until(lambda: all(self.run(camera) > run for camera, run in runs.items()), "all cameras are live again")
        firsts = [min(seen.at_s for seen in self.frames(camera) if seen.run > run) for camera, run in runs.items()]
        return max(firsts)

    def longest_gap_s(self, since_s: float) -> float:
        """Return the longest time between two frames of a camera, those of a replaced run left out."""
        return max(self._gap_s(camera, since_s) for camera in CAMERAS)

    def _gap_s(self, camera: str, since_s: float) -> float:
        newest, times = 0, []
        for seen in self.frames(camera):
            newest = max(newest, seen.run)
            if seen.run == newest:
                times.append(seen.at_s)
        return max(after - before for before, after in pairwise(times) if after > since_s)

    def disturbed(self, cameras: set[str], runs: dict[str, int], since_s: float) -> dict[str, list[int]]:
        """Return the cameras that were captured in another run, or of which a frame is missing, and their numbers."""
        found = {}
        for camera in cameras:
            frames = [seen for seen in self.frames(camera) if seen.run == runs[camera]]
            numbers = [seen.seq for seen in frames if seen.at_s > since_s]
            if self.run(camera) != runs[camera] or numbers != list(range(numbers[0], numbers[0] + len(numbers))):
                found[camera] = numbers
        return found

    def runs(self) -> dict[str, int]:
        return {camera: self.run(camera) for camera in CAMERAS}


def _is_up(key: tuple[str, ...]) -> bool:
    return key[0] == "producer_camera_up"


def _seen(record: Record) -> Seen | None:
    if not record.value:
        return None
    frame = read_frame(record.key, record.value, record.headers)
    return Seen(time.monotonic(), frame.camera, frame.run, frame.seq, frame.captured_at)


@pytest.fixture(scope="module")
def producers(kafka: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Producers]:
    with ExitStack() as stack:
        cameras = {camera: stack.enter_context(http_camera(interval_s=INTERVAL_S)) for camera in CAMERAS}
        models = stack.enter_context(ModelServer())
        chain = KafkaChain(kafka, models, suffix="-producers")
        frames = chain.topics["videocam"]
        chain.topics["videocam"] = DeclaredTopic(frames.name, PARTITIONS, frames.config)
        stack.enter_context(chain)
        taken = stack.enter_context(Tap(chain.bus, chain.topic("videocam"), _seen))
        shown = stack.enter_context(Tap(chain.bus, chain.topic("videodisplay"), _seen))
        document = tmp_path_factory.mktemp("document") / "cameras.json"
        found = Producers(chain, cameras, document, taken, shown)
        found.write(*CAMERAS)
        for _ in range(3):
            found.start()
        found.shares()
        yield found


@pytest.mark.fault(
    "one of three producers killed (16 cameras)",
    expects="the others capture its cameras within 5 s; no camera is captured twice, and no other one is disturbed",
)
def test_cameras_of_a_killed_producer_move_to_the_others(producers: Producers, recovery: Recovery) -> None:
    shares, runs = producers.shares(), producers.runs()
    for camera in producers.cameras.values():
        camera.most_watching = 0
    victim = producers.running.pop()
    began = time.monotonic()
    victim.process.kill()

    seconds = producers.live_again({camera: runs[camera] for camera in shares[-1]}) - began

    assert all(camera.most_watching <= 1 for camera in producers.cameras.values())
    assert not producers.disturbed(set(CAMERAS) - shares[-1], runs, began)
    recovery.seen(f"{len(shares[-1])} cameras moved, each captured once", seconds=seconds)


@pytest.mark.fault(
    "a producer replaced by another one, which starts first (16 cameras, 2 producers)",
    expects="its cameras are handed over: their pictures stop for less than a second",
)
def test_an_update_hands_the_cameras_over(producers: Producers, recovery: Recovery) -> None:
    """As a rolling update does: the new one is ready, then the old one is asked to end."""
    producers.shares()
    began = time.monotonic()
    producers.start()
    shares, runs, ready = producers.shares(), producers.runs(), time.monotonic()
    old = producers.running.pop(0)

    assert old.ends() == 0
    producers.live_again({camera: runs[camera] for camera in shares[0]})

    producers.shares()
    assert not producers.disturbed(set(CAMERAS) - shares[0], runs, ready)
    gap_s = producers.longest_gap_s(began)
    recovery.seen(f"{len(shares[0])} cameras handed over; no picture for {gap_s:.2f} s at most", seconds=gap_s)


def test_a_camera_that_comes_or_goes_moves_no_other(producers: Producers) -> None:
    """A change of the document is no change of the group."""
    producers.shares()
    runs, began = producers.runs(), time.monotonic()
    producers.write(*CAMERAS[1:])
    wait_until(lambda: producers.cameras[CAMERAS[0]].watching == 0, "the camera is not captured any more")
    producers.write(*CAMERAS)
    producers.shares()

    assert not producers.disturbed(set(CAMERAS[1:]), runs, began)


@pytest.mark.fault(
    "one of two producers frozen (SIGSTOP) for 10 s",
    expects="the other captures its cameras; when it is back, the frames of its old run are not shown",
)
def test_a_frozen_producer_is_replaced(producers: Producers, recovery: Recovery) -> None:
    """It learns that it was replaced before it is a member again, and gets a new share."""
    shares, runs = producers.shares(), producers.runs()
    frozen = producers.running[0].process.pid
    began = time.monotonic()
    freeze(frozen)
    try:
        seconds = producers.live_again({camera: runs[camera] for camera in shares[0]}) - began
        time.sleep(max(0.0, began + FROZEN_S - time.monotonic()))  # the fault itself
    finally:
        thaw(frozen)

    producers.shares()
    recovery.seen(f"{len(shares[0])} cameras moved, and shared again", seconds=seconds)


@pytest.mark.fault(
    "broker frozen (SIGSTOP) for 8 s, with two producers that share the cameras",
    expects="no capture ends: nobody else can have been given the cameras; frames at once when the broker is back",
)
def test_a_silent_broker_ends_no_capture(producers: Producers, kafka: Node, recovery: Recovery) -> None:
    """The group is lost after 2 s; its members go on, and join again."""
    producers.shares()
    joined = [producer.log.count("partitions assigned") for producer in producers.running]
    requests = {camera: http.requests for camera, http in producers.cameras.items()}
    freeze(kafka.pid)
    try:
        time.sleep(SILENT_S)  # the fault itself
        assert {camera: http.requests for camera, http in producers.cameras.items()} == requests
    finally:
        thaw(kafka.pid)
    began = time.monotonic()
    wait_until(lambda: all(producers.frames(camera)[-1].at_s > began for camera in CAMERAS), "all cameras are live")
    seconds = (
        max(min(seen.at_s for seen in producers.frames(camera) if seen.at_s > began) for camera in CAMERAS) - began
    )

    for producer, before in zip(producers.running, joined, strict=True):
        wait_until(lambda of=producer, n=before: of.log.count("partitions assigned") > n, "it has joined again")  # type: ignore[misc]
    producers.shares()
    recovery.seen("every capture went on; frames again", seconds=seconds)


def test_every_frame_is_accounted_for(producers: Producers) -> None:
    """After all the hand-overs: what is on the bus arrived once, and no viewer saw a replaced run."""
    producers.shares()
    for http in producers.cameras.values():
        http.frozen.set()
    consumer, video = producers.chain.consumer, producers.chain.video
    for camera in CAMERAS:
        wait_until(
            lambda of=camera: consumer.books(of).arrived == len(producers.different(of)),  # type: ignore[misc]
            f"{camera}: the consumer has accounted for every frame once",
        )
        wait_until(
            lambda of=camera: followed(video.books(of)) == consumer.books(of).out,  # type: ignore[misc]
            f"{camera}: video accounts for every frame",
        )
        assert consumer.books(camera).balance
        shown = [seen.run for seen in producers.shown.kept if seen is not None and seen.camera == camera]
        assert shown == sorted(shown)
