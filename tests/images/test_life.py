"""The containers at work: confined as in their manifests, from the start to SIGTERM."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from threading import Event

import pytest

from shared.bus import EmbeddedBroker
from tests.images.conftest import SERVICES
from tests.images.docker import CONFINED, Container, Network, docker
from tests.images.seen import note
from tests.suite import ROOT, get, get_json, mjpeg
from tests.waiting import wait_until

pytestmark = [pytest.mark.images, pytest.mark.timeout(1200)]

# They share one network namespace, as the containers of a pod do: the embedded broker knows loopback only.
PROBES = {"producer": 8081, "consumer": 8082, "video": 8083}
PAGE, MODEL = 8080, 8501
# Compose runs the images as their own user; here they run as a cluster may that assigns ids itself (OpenShift).
ANY_USER = (*CONFINED, "--user=1000650000:0")
OFTEN = ("--health-interval=1s", "--health-start-period=60s")
MODEL_URL = f"http://127.0.0.1:{MODEL}/v1/models/tfModel:predict"
# As ConfigMaps of the original say it.
LABELS = "/go/src/app/assets/imagenetLabels.json"


@dataclass(frozen=True)
class Suite:
    """The four containers, and the one whose network they are in."""

    pod: Container
    parts: Mapping[str, Container]


@pytest.fixture(scope="module")
def suite(services: Mapping[str, str], tfserving: str) -> Iterator[Suite]:
    """Everything from the camera to the page."""
    with ExitStack() as stack:
        broker = ("--entrypoint=python", f"--volume={ROOT / 'local'}:/app/local:ro", *CONFINED)
        network = stack.enter_context(Network("mld-test"))
        ports = (PAGE, MODEL, *PROBES.values())
        pod = stack.enter_context(
            Container(services["video"], "-m", "local.broker", options=broker, network=network.name, ports=ports)
        )
        wait_until(lambda: "127.0.0.1:" in pod.log, "the broker's address")
        servers = next(line for line in pod.log.split() if line.startswith("127.0.0.1:"))
        common = {
            **dict.fromkeys(("KAFKAPORT", "KAFKAPORTIN", "KAFKAPORTOUT"), servers),
            "KAFKACONFIG": json.dumps(EmbeddedBroker.PROPERTIES),
            "LOGFORMAT": "json",
        }
        own = {
            "producer": {"VIDEOLINK": "/app/producer/sample/cat-and-coffee.mp4"},
            "consumer": {
                "MODELURLS": json.dumps({"imagenet_1": MODEL_URL}),
                "LABELURLS": json.dumps({"imagenet_1": LABELS}),
            },
            "video": {},
        }
        inside = f"container:{pod.id}"
        parts = {"tfserving": Container(tfserving, network=inside, options=(*ANY_USER, *OFTEN))}
        stack.enter_context(parts["tfserving"])
        for name in SERVICES:
            environment = {**common, **own[name], "PROBEPORT": f":{PROBES[name]}"}
            options = (*ANY_USER, *OFTEN)
            container = Container(services[name], network=inside, options=options, environment=environment)
            parts[name] = stack.enter_context(container)
        yield Suite(pod, parts)


def test_labelled_frame_comes_from_the_page(suite: Suite) -> None:
    """From a video file to a picture with what a real model sees in it, through all four images."""
    page = suite.pod.url(PAGE)

    def labels() -> list[str]:
        answer = get_json(f"{page}/cameras/camera/predictions") or {}
        return [found["label"] for found in answer.get("predictions") or []]

    try:
        wait_until(labels, "a label on the page")
    except AssertionError as exc:
        raise AssertionError("\n".join([str(exc), *(part.log[-2000:] for part in suite.parts.values())])) from exc
    frame = next(mjpeg(suite.pod.port(PAGE), "/cameras/camera/stream", Event()))

    assert frame.picture.startswith(b"\xff\xd8")
    assert frame.picture.endswith(b"\xff\xd9")
    assert labels()[0] not in {"", "Nothing", "background"}


def test_every_part_is_healthy_and_ready(suite: Suite) -> None:
    """The images' own checks say so, and so do the probes."""
    for container in suite.parts.values():
        container.until_healthy()

    for name, port in PROBES.items():
        assert get(f"{suite.pod.url(port)}/readyz")[0] == 200, name


def test_sigterm_ends_every_part(suite: Suite) -> None:
    """Each ends by itself with status 0; TensorFlow Serving because of its init. Promised are 3 s, and it is noted."""
    ended = {name: container.ends() for name, container in suite.parts.items()}

    assert {name: status for name, (status, _) in ended.items()} == dict.fromkeys(ended, 0)
    note("SIGTERM to the end", **{name: seconds for name, (_, seconds) in ended.items()})


@pytest.mark.parametrize("name", SERVICES)
def test_lives_without_its_neighbours(services: Mapping[str, str], name: str) -> None:
    """With no broker, model or camera a service is alive, says so to its image's check, and ends as it should."""
    nowhere = {
        **dict.fromkeys(("KAFKAPORT", "KAFKAPORTIN", "KAFKAPORTOUT"), "127.0.0.1:1"),
        "MODELURLS": '{"imagenet_1": "http://127.0.0.1:1/v1/models/tfModel:predict"}',
        "VIDEOLINK": "rtsp://127.0.0.1:1/stream",
    }
    with Container(services[name], network="none", options=(*CONFINED, *OFTEN), environment=nowhere) as container:
        container.until_healthy()

        assert container.ends()[0] == 0


def test_check_fails_when_nobody_answers(services: Mapping[str, str]) -> None:
    """The image's check is not one that is always content: it asks at PROBEPORT, and says what it met."""
    options = (*CONFINED, "--env=PROBEPORT=127.0.0.1:9", "--entrypoint=python")

    told = docker("run", "--rm", "--network=none", *options, services["video"], "-m", "shared.alive", status=1)

    assert told.startswith("no answer at 127.0.0.1:9")
