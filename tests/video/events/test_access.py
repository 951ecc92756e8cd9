"""Who gets which events: as the access document says, at each moment."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.bus import EmbeddedBroker
from tests.video.access.world import GUARD, NEIGHBOUR, World
from tests.video.events.event_stage import EventReader, Predictions

ENDS_WITHIN_S = 5.0  # what the design promises


@pytest.fixture(scope="module")
def predictions() -> Iterator[Predictions]:
    broker = EmbeddedBroker()
    with Predictions(broker.bus(), "videopredictions") as running:
        yield running
    del broker


@pytest.fixture
def world(tmp_path: Path, predictions: Predictions) -> Iterator[World]:
    with World(tmp_path, everyone=("lobby",), events=predictions.source) as running:
        yield running


def reader(world: World, token: str = "", query: str = "", last_id: str = "") -> EventReader:
    extra = f"Authorization: Bearer {token}\r\n" if token else ""
    return EventReader(world.port, query, extra=extra, last_id=last_id)


def test_a_reader_gets_the_events_of_the_cameras_that_it_may_see(world: World, predictions: Predictions) -> None:
    """New ones, and those that are read again from the log or the bus."""
    with reader(world) as everyone, reader(world, GUARD) as guard:
        predictions.write(1, camera="front")
        predictions.write(2, camera="lobby")
        assert sorted(guard.seqs(2)) == [1, 2]
        assert everyone.event().seq == 2
        log = guard.last_id.partition(".")[0]
    with reader(world, last_id=f"{log}.0.0.0.0") as everyone:
        predictions.write(3, camera="front")
        predictions.write(4, camera="lobby")
        assert everyone.seqs(2) == [2, 4]


@pytest.mark.parametrize(
    ("token", "query", "status"),
    [
        ("", "?camera=lobby&camera=front", 200),
        ("", "?camera=front", 401),
        ("", "?camera=there-is-none", 401),
        ("wrong", "", 401),
        (NEIGHBOUR, "", 200),  # the lobby, as everyone
        (NEIGHBOUR, "?camera=yard-1", 403),  # it may see it, without predictions
        (NEIGHBOUR, "?camera=there-is-none", 403),
        (GUARD, "?camera=there-is-none", 200),
    ],
)
def test_nothing_tells_whether_a_camera_exists(world: World, token: str, query: str, status: int) -> None:
    with reader(world, token, query) as asked:
        assert asked.status == status
        assert ("www-authenticate" in asked.headers) == (status == 401)


def test_a_stream_ends_soon_after_its_right(world: World, predictions: Predictions) -> None:
    """A stream that keeps some of its cameras goes on without the others."""
    with reader(world, GUARD, "?camera=front") as front, reader(world, GUARD) as every:
        del world.tokens[GUARD]
        world.document["viewers"]["everyone"]["cameras"] = []
        world.change()
        for one in (front, every):
            one.socket.settimeout(ENDS_WITHIN_S)
            with pytest.raises(EOFError):
                one.event()
        predictions.write(1, camera="front")
