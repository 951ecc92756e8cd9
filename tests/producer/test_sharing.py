"""Which partition a camera belongs to, and who is alone."""

import threading
from collections import Counter

import pytest

from producer.sharing import GroupShare, partition_of
from shared.bus import EmbeddedBroker, Membership
from tests.suite import make_topics
from tests.waiting import wait_until

PARTITIONS = 12
PLACES = ("front", "yard", "garage", "hall", "kitchen", "door", "gate", "attic", "shed", "porch", "cellar", "drive")


def test_numbered_cameras_are_spread_evenly() -> None:
    """Of 16 cameras on 12 partitions none has more than two, whatever they are called."""
    for name in ("camera", "yard-", "cam-0"):
        spread = Counter(partition_of(f"{name}{number}", PARTITIONS) for number in range(1, 17))
        assert set(spread) == set(range(PARTITIONS))
        assert max(spread.values()) == 2


def test_other_cameras_are_spread_as_chance_has_it() -> None:
    """Of the partitions of 1200 words, none has twice its share."""
    words = [f"{place}-{thing}x" for place in PLACES for thing in range(100)]

    spread = Counter(partition_of(word, PARTITIONS) for word in words)

    assert set(spread) == set(range(PARTITIONS))
    assert max(spread.values()) < 2 * len(words) / PARTITIONS


@pytest.mark.parametrize("camera", ["front", "7", "a1b2", "x-00000000000000000042"])
def test_a_camera_always_has_a_partition(camera: str) -> None:
    """By its id alone, so that no other camera's coming or going moves it."""
    assert 0 <= partition_of(camera, PARTITIONS) < PARTITIONS
    assert partition_of(camera, 1) == 0
    assert partition_of(camera, 0) == -1


def test_with_the_embedded_broker_a_producer_is_alone() -> None:
    """Its groups leave partitions without a holder for seconds: every camera is this producer's, at once."""
    broker, stop = EmbeddedBroker(), threading.Event()
    make_topics(broker.bus(), "videocam")
    share = GroupShare(Membership(broker.bus(), "videocam", group="producers"), alone_run=5)
    assert not share.is_ready
    assert share.run_of("front") is None
    thread = threading.Thread(target=share.run, args=(stop, lambda: None))
    thread.start()
    try:
        wait_until(lambda: share.is_ready, "the broker is known")
        assert share.run_of("front") == share.run_of("yard") == 5
        assert share.readiness() == {}
        assert not share.has_heirs
    finally:
        stop.set()
        thread.join(10)
