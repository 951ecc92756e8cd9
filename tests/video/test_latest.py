import asyncio

import pytest
from prometheus_client import CollectorRegistry

from shared.frames.frame import Frame
from shared.frames.ledger import Ledger
from shared.frames.reader import ReceivedFrame
from tests.ledgers import ledger_of
from tests.video.stage import frame
from video.latest import LatestFrames


@pytest.fixture
def ledger() -> Ledger:
    return ledger_of("video")


class Taken:
    """Takes every frame."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def take(self, received: ReceivedFrame) -> bool:
        self.frames.append(received.frame)
        return True


def test_a_busy_loop_finds_only_the_newest_frame_of_each_camera(ledger: Ledger) -> None:
    """No queue builds up while the loop is busy; what was superseded is in the ledger."""
    latest, taken = LatestFrames(ledger), Taken()

    async def busy() -> None:
        latest.open(asyncio.get_running_loop(), taken.take)
        for number in range(1, 6):
            latest.put(ReceivedFrame(frame("front", number), clock_suspect=False))
        latest.put(ReceivedFrame(frame("yard", 1), clock_suspect=False))
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(busy())

    assert [(seen.camera, seen.seq) for seen in taken.frames] == [("front", 5), ("yard", 1)]
    books = ledger.as_json()["front"]
    assert (books["in"], books["out"], books["dropped"]) == (5, 1, {"superseded": 4})


def test_frames_before_the_loop_runs_and_after_it_ended_wait_for_the_next_one(ledger: Ledger) -> None:
    """A restarted web server continues with the newest frame."""
    latest, taken = LatestFrames(ledger), Taken()

    async def turn() -> None:
        latest.open(asyncio.get_running_loop(), taken.take)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        latest.close()

    latest.put(ReceivedFrame(frame("front", 1), clock_suspect=False))
    asyncio.run(turn())
    latest.put(ReceivedFrame(frame("front", 2), clock_suspect=False))
    latest.put(ReceivedFrame(frame("front", 3), clock_suspect=False))
    asyncio.run(turn())

    assert [seen.seq for seen in taken.frames] == [1, 3]


def test_a_frame_that_finds_no_room_is_in_the_books(ledger: Ledger) -> None:
    """A frame of a camera too many is dropped and counted."""
    latest = LatestFrames(ledger)

    async def turn() -> None:
        latest.open(asyncio.get_running_loop(), lambda _: False)
        latest.put(ReceivedFrame(frame("front", 1), clock_suspect=False))
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(turn())

    assert ledger.as_json()["front"]["dropped"] == {"too_many_cameras": 1}


def test_an_age_of_clocks_that_disagree_is_not_in_the_histogram() -> None:
    """It would be the difference of two clocks."""
    registry = CollectorRegistry()
    latest = LatestFrames(ledger_of("video", registry))

    async def turn() -> None:
        latest.open(asyncio.get_running_loop(), lambda _: True)
        latest.put(ReceivedFrame(frame("front", 1), clock_suspect=True))
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(turn())

    assert registry.get_sample_value("video_frames_out_total", {"camera": "front"}) == 1
    assert not registry.get_sample_value("video_frame_age_seconds_count", {"camera": "front"})
