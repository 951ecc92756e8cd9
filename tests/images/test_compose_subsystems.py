"""One file per subsystem, each with a project of its own, in any order; with Compose v2 and docker-compose 1.29."""

from collections.abc import Iterator

import pytest

from tests.images.compose import LABELLED_S, PAGE, PROJECT, Compose, containers, left, until_labelled
from tests.suite import get
from tests.waiting import wait_until

pytestmark = [pytest.mark.images, pytest.mark.timeout(1200)]

BUSES = ("kafka", "zookeeper")
# Then the bus, which everything goes through: each waits for it by itself.
ORDER = ("video", "consumer", "producer", "tfserving")


@pytest.fixture(scope="module", params=[(2, "kafka"), (1, "zookeeper")], ids=["v2", "v1"])
def apart(request: pytest.FixtureRequest, v2: Compose, v1: Compose) -> Iterator[tuple[Compose, str]]:
    """A version of compose, and the file of the bus; the tests go on with what the one before has left."""
    version, bus = request.param
    compose = v2 if version == 2 else v1
    assert left() == []
    yield compose, bus
    if left():
        for file in (*BUSES, *reversed(ORDER)):
            compose(file, "down", "--volumes", status=None)


def test_one_alone_stays_up(apart: tuple[Compose, str]) -> None:
    """With nothing else there is a page, which says what it waits for; the network is made by whichever comes first."""
    compose, _ = apart

    compose.up("video")

    wait_until(lambda: get(f"{PAGE}/healthz")[0] == 200, "a page", within_s=LABELLED_S)
    assert [held.labels[PROJECT] for held in containers()] == ["mld-video"]


def test_each_joins_the_others(apart: tuple[Compose, str]) -> None:
    """File by file, the bus last, until a labelled frame comes from the page."""
    compose, bus = apart

    for file in (*ORDER[1:], bus):
        compose.up(file)
    until_labelled()

    assert {held.labels[PROJECT] for held in containers()} == {f"mld-{file}" for file in (*ORDER, bus)}


def test_consumer_scales(apart: tuple[Compose, str]) -> None:
    """There is no name or port that two of a kind would both want."""
    compose, _ = apart

    compose.up("consumer", "--scale", "consumer=3")

    assert len(containers("consumer")) == 3
    for held in containers("consumer"):
        held.until_healthy(within_s=LABELLED_S)
    until_labelled()


def test_down_of_one_leaves_the_others(apart: tuple[Compose, str]) -> None:
    """The others are not even restarted, and take the one back when it is up again."""
    compose, _ = apart
    others = {held.id: held.state["StartedAt"] for held in containers() if held.labels[PROJECT] != "mld-tfserving"}

    compose("tfserving", "down")

    assert {held.id: held.state["StartedAt"] for held in containers(ended=True) if held.state["Running"]} == others
    compose.up("tfserving")
    until_labelled()


def test_down_of_all_leaves_nothing(apart: tuple[Compose, str]) -> None:
    """The first one that was up takes the network with it when it is the last one down."""
    compose, bus = apart

    for file in (bus, *reversed(ORDER[1:])):
        compose(file, "down", "--volumes")
    compose("video", "down", "--volumes")

    assert left() == []


def test_bus_has_another_form(apart: tuple[Compose, str]) -> None:
    """With this version too the file that the tests before did not use starts a broker, which gets its topics."""
    compose, bus = apart
    (other,) = {*BUSES} - {bus}

    compose.up(other)
    for held in containers():
        if held.labels["com.docker.compose.service"] != "topics":
            held.until_healthy(within_s=LABELLED_S)
    (topics,) = containers("topics", ended=True)
    wait_until(lambda: topics.state["Status"] == "exited", "topics are made", within_s=LABELLED_S)

    assert topics.state["ExitCode"] == 0
    compose(other, "down", "--volumes")
    assert left() == []
