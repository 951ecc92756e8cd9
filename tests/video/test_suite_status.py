import json
import time
from typing import Any

import pytest

from shared.frames.reader import ReceivedFrame
from shared.reports import Entry, ServiceName
from tests.ledgers import ledger_of
from tests.reports import report_of
from tests.video.stage import frame
from video.camera import Camera
from video.cameras import Cameras
from video.suite_status import SuiteStatus


class World:
    """The parts of the status, at a time that the test sets."""

    def __init__(self) -> None:
        self.now = time.monotonic()
        self.entries: list[Entry] = []
        self.bus_silent_s = 0.0
        self.ledger = ledger_of("video")
        self.cameras = Cameras()
        self.status = SuiteStatus(
            self.cameras, self.ledger, entries=lambda: self.entries, bus_silent_s=lambda: self.bus_silent_s
        )

    def hear(
        self,
        service: ServiceName,
        instance: str = "0",
        *,
        silent_s: float = 0,
        ending: bool = False,
        **report: dict[str, Any],
    ) -> None:
        self.entries.append(Entry(service, instance, self.now - silent_s, 0, ending, report_of(**report)))

    def look(self, *, later_s: float = 0.0) -> dict[str, Any]:
        self.now += later_s
        self.status.update(self.now)
        return dict(json.loads(self.status.message({})))


@pytest.fixture
def world() -> World:
    return World()


def services(status: dict[str, Any]) -> dict[str, str]:
    return {f"{service['service']}/{service['instance']}": service["state"] for service in status["services"]}


def test_a_service_is_live_then_silent_and_ending_when_it_says_so(world: World) -> None:
    """It is silent after five seconds without a report."""
    world.look(later_s=60)
    world.hear("producer")
    world.hear("consumer", ending=True)

    assert services(world.look(later_s=4.9)) == {"producer/0": "live", "consumer/0": "ending"}
    assert services(world.look(later_s=0.2)) == {"producer/0": "silent", "consumer/0": "ending"}


def test_a_document_that_is_wrong_is_told_at_once(world: World) -> None:
    """With the service that reads it, so that the page can say whose older text is in force."""
    world.hear("producer", cameras={"front": {"state": "up", "title": "Front door", "tags": ["outside"]}})
    before = world.look()
    assert [(camera["title"], camera["tags"]) for camera in before["cameras"]] == [("Front door", ["outside"])]
    assert "documents" not in before["services"][0]

    world.entries = []
    world.hear("producer", documents={"CAMERASFILE": "line 3: cameras.front.scale: got 9"})

    assert world.status.update(world.now)
    (service,) = world.look()["services"]
    assert service["documents"] == {"CAMERASFILE": "line 3: cameras.front.scale: got 9"}


def test_a_stalled_bus_makes_nobody_silent(world: World) -> None:
    """Its recovery blames nobody either, before the services have had time to report again."""
    world.look(later_s=60)
    world.hear("producer")
    world.look()
    world.bus_silent_s = 30.0

    stalled = world.look(later_s=30)
    assert (stalled["bus"]["state"], services(stalled)) == ("stalled", {"producer/0": "live"})
    world.bus_silent_s = 0.0
    back = world.look(later_s=1)
    assert (back["bus"]["state"], services(back)) == ("ok", {"producer/0": "live"})
    assert services(world.look(later_s=6)) == {"producer/0": "silent"}


def test_changes_are_told_and_the_passing_of_time_is_not(world: World) -> None:
    """The page gets a message at once when any state changes."""
    world.hear("producer")
    assert world.status.update(world.now)
    assert not world.status.update(world.now + 0.1)

    world.cameras.put(ReceivedFrame(frame("front", 1), clock_suspect=False))
    assert world.status.update(time.monotonic())
    assert not world.status.update(time.monotonic())


def test_the_books_of_several_instances_are_one(world: World) -> None:
    """Consumers share the cameras, so their ledgers are added up; for this service its own ledger counts."""
    world.hear("consumer", "a", ledger={"front": {"in": 5, "out": 4, "dropped": {"x": 1}, "lost_upstream": 0}})
    world.hear("consumer", "b", ledger={"front": {"in": 3, "out": 1, "dropped": {"x": 1, "y": 1}, "lost_upstream": 2}})
    world.hear("video", "other", ledger={"front": {"in": 1000, "out": 1000, "dropped": {}, "lost_upstream": 0}})
    world.ledger.out("front", age_s=0.01)

    assert world.look()["ledger"]["front"] == {
        "consumer": {"in": 8, "out": 5, "dropped": {"x": 2, "y": 1}, "lost_upstream": 2},
        "video": {"in": 1, "out": 1, "dropped": {}, "lost_upstream": 0},
    }


def test_a_model_is_only_as_certain_as_the_consumer_that_speaks_of_it(world: World) -> None:
    """When that consumer is silent the state is unknown; of two reports the newer one counts."""
    world.hear("consumer", "old", silent_s=3, models={"m": {"state": "down", "since": 1, "reason": "refused"}})
    world.hear("consumer", "new", models={"m": {"state": "up", "since": 2, "version": "7"}})

    (model,) = world.look()["models"]
    assert model == {"name": "m", "state": "up", "since": 2, "version": "7", "reason": None}
    (model,) = world.look(later_s=60)["models"]
    assert (model["name"], model["state"]) == ("m", "waiting")


def test_a_camera_that_stands_still_gives_no_frames_a_second() -> None:
    """The frames of the seconds before no longer make a rate; a slow camera has not stopped."""
    quick, slow = Camera("front", 0.0), Camera("yard", 0.0)
    for number in range(50):
        quick.put(ReceivedFrame(frame("front", number), clock_suspect=False), number * 0.04)
    for number in range(4):
        slow.put(ReceivedFrame(frame("yard", number), clock_suspect=False), number * 1.0)

    assert quick.fps(49 * 0.04) == pytest.approx(25)
    assert quick.fps(49 * 0.04 + 0.5) == pytest.approx(49 / (49 * 0.04 + 0.5))
    assert quick.fps(49 * 0.04 + 1.1) == 0
    assert slow.fps(3.9) == pytest.approx(1)
    assert slow.fps(4.9) == pytest.approx(1)
