"""All of it at once, by compose/compose.yml: up to a labelled frame on the page, through crashes, and down."""

import time
from collections.abc import Iterator
from threading import Event

import pytest

from tests.conftest import Recovery
from tests.images import compose
from tests.images.compose import HOSTPORT, LABELLED_S, Compose, containers, left, until_labelled
from tests.images.seen import note
from tests.suite import mjpeg
from tests.waiting import wait_until

pytestmark = [pytest.mark.images, pytest.mark.timeout(1200)]

STAYING = ("kafka1", "tfserving", "producer", "consumer", "video")


@pytest.fixture(scope="module")
def whole(v2: Compose) -> Iterator[Compose]:
    """Everything, up; the tests go on with what the one before has left."""
    assert left() == []
    yield v2
    v2("compose", "down", "--volumes", status=None)


def test_up_ends_in_a_labelled_frame(whole: Compose) -> None:
    """One command, and the page shows what a real model sees in the camera's picture; how long it took is noted."""
    began = time.monotonic()
    whole.up("compose")
    returned = time.monotonic() - began
    until_labelled()
    labelled = time.monotonic() - began
    frame = next(mjpeg(int(HOSTPORT), "/cameras/camera/stream", Event()))

    assert frame.picture.startswith(b"\xff\xd8")
    assert frame.picture.endswith(b"\xff\xd9")
    assert compose.label() not in {"", "Nothing", "background"}
    note("compose.yml up", returned=returned, labelled=labelled)


def test_everything_is_healthy(whole: Compose) -> None:
    """What stays is well by its own check; what ends has ended well."""
    for service in STAYING:
        (held,) = containers(service)
        held.until_healthy(within_s=LABELLED_S)
    (topics,) = containers("topics", ended=True)

    assert topics.state["ExitCode"] == 0


def test_consumer_scales(whole: Compose) -> None:
    """Three share the cameras, and one takes them back, with the picture going on."""
    for number in (3, 1):
        whole.up("compose", "--scale", f"consumer={number}", "--no-recreate")

        assert len(containers("consumer")) == number
        for held in containers("consumer"):
            held.until_healthy(within_s=LABELLED_S)
        until_labelled()


@pytest.mark.parametrize(
    "service",
    [
        pytest.param(
            "kafka1",
            marks=pytest.mark.fault("container of kafka1 killed", expects="Docker restarts it; labelled again"),
        ),
        pytest.param(
            "tfserving",
            marks=pytest.mark.fault("container of tfserving killed", expects="Docker restarts it; labelled again"),
        ),
        pytest.param(
            "producer",
            marks=pytest.mark.fault("container of producer killed", expects="Docker restarts it; labelled again"),
        ),
        pytest.param(
            "consumer",
            marks=pytest.mark.fault("container of consumer killed", expects="Docker restarts it; labelled again"),
        ),
        pytest.param(
            "video",
            marks=pytest.mark.fault("container of video killed", expects="Docker restarts it; labelled again"),
        ),
    ],
)
def test_killed_container_comes_back(whole: Compose, recovery: Recovery, service: str) -> None:
    """A crash of one part, out of nowhere: it alone is started again."""
    (held,) = containers(service)
    others = {other: containers(other)[0].state["StartedAt"] for other in STAYING if other != service}
    started = held.state["StartedAt"]

    compose.kill(service)
    wait_until(lambda: held.state["StartedAt"] != started and held.answers(), f"{service} answers", within_s=LABELLED_S)
    seconds = until_labelled()

    assert {other: containers(other)[0].state["StartedAt"] for other in others} == others
    recovery.seen("a fresh labelled frame; the others were not restarted", seconds=seconds)


def test_down_leaves_nothing(whole: Compose) -> None:
    """No container, no network, no volume."""
    whole("compose", "down", "--volumes")

    assert left() == []
