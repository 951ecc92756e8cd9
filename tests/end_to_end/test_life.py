"""How services end on SIGTERM, and what a crash inside them costs: real processes on a real broker."""

import json
import re
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.ports import free_port
from shared.bus import Record
from tests.conftest import Recovery
from tests.end_to_end.chain import Chain, embedded_broker
from tests.end_to_end.misbehaving import WORDS
from tests.end_to_end.model_server import ModelServer
from tests.end_to_end.numbered import write_video
from tests.end_to_end.page import Page
from tests.processes import freeze, thaw
from tests.producer.cameras import BUNNY
from tests.suite import LOOPBACK, Program, Service, Tap
from tests.waiting import wait_until

CAMERA, MODEL = "film", "imagenet"
END_WITHIN_S = 20.0  # the promise is 3 s, and the fault table has what was measured; a busy machine may need more
SERVICES = ("producer", "consumer", "video")


@dataclass
class Live:
    """A suite in which frames flow, and everything that readers of its topics received."""

    broker: Program
    chain: Chain
    services: dict[str, Service]
    taps: dict[str, Tap]

    def numbers(self, topic: str, header: str) -> list[int]:
        """Return one header of all records of the camera, in order."""
        return [int(headers[header]) for headers in list(self.taps[topic].kept) if header in headers]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("films") / "numbers.mkv", 100)


@pytest.fixture
def trigger(tmp_path: Path) -> Path:
    """The file whose existence makes the prepared method misbehave."""
    return tmp_path / "now"


@pytest.fixture
def live(film: Path, trigger: Path, request: pytest.FixtureRequest) -> Iterator[Live]:
    """A new suite for each test; with a parameter (service, method, way) that method misbehaves on demand."""
    with ExitStack() as stack:
        broker, bus = stack.enter_context(embedded_broker())
        models = stack.enter_context(ModelServer(takes_s=lambda _: 0.03))
        chain = Chain(bus, MODELURLS=json.dumps({MODEL: models.url()}))
        if spoil := getattr(request, "param", None):
            service, method, way = spoil
            chain.commands[service] = misbehaving(service, method, trigger, way)
        stack.enter_context(chain)
        readers = {"videocam": headers_of, "videodisplay": headers_of, "videostatus": word_of}
        taps = {name: stack.enter_context(Tap(bus, chain.topic(name), keep)) for name, keep in readers.items()}
        producer = chain.produce(VIDEOLINK=str(film), CAMERA=CAMERA)
        wait_until(lambda: chain.predictions(CAMERA).get(MODEL, {}).get("state") == "ok", "a first label")
        services = dict(zip(SERVICES, (producer, chain.consumer, chain.video), strict=True))
        yield Live(broker, chain, services, taps)


def misbehaving(service: str, method: str, trigger: Path, way: str) -> tuple[str, ...]:
    return "tests.end_to_end.misbehaving", service, method, str(trigger), way


def alone(service: str, command: tuple[str, ...]) -> Service:
    """Start a service without a broker."""
    settings = dict.fromkeys(("KAFKAPORT", "KAFKAPORTIN", "KAFKAPORTOUT"), f"{LOOPBACK}:9")
    settings |= {"VIDEOLINK": str(BUNNY), "DISPLAYPORT": f"{LOOPBACK}:{free_port()}"}
    return Service(service, command=command, **settings)


def headers_of(record: Record) -> dict[str, bytes]:
    return dict(record.headers)


def word_of(record: Record) -> dict[str, Any]:
    return json.loads(record.value) if record.value else {"service": None}


def end(service: Service) -> float:
    """Send SIGTERM; return the seconds until the end; its status is 0 and it logs no error."""
    began = time.monotonic()
    assert service.ends() == 0, service.log
    seconds = time.monotonic() - began
    assert seconds < END_WITHIN_S
    assert not re.search(r"Traceback|ERROR|CRITICAL", service.log), service.log
    return seconds


def last_word(live: Live, service: str) -> dict[str, Any]:
    """Wait for the last status of a service and return it."""

    def words() -> list[dict[str, Any]]:
        return [word for word in list(live.taps["videostatus"].kept) if word["service"] == service]

    wait_until(lambda: words() and words()[-1]["ending"], f"the last word of the {service}")
    return words()[-1]


def named(seconds: dict[str, float]) -> str:
    return ", ".join(f"{name} {took:.1f} s" for name, took in seconds.items())


@pytest.mark.fault(
    "each service told to end (SIGTERM) while frames flow",
    expects="status 0 within 3 s; the broker has every frame counted as out; videostatus has a last record",
)
def test_the_end_loses_nothing_that_was_handed_over(live: Live, recovery: Recovery) -> None:
    """From the last stage to the first, so that each still receives frames when it is told to end."""
    seconds = {"video": end(live.services["video"])}
    assert last_word(live, "video")["ledger"][CAMERA]["out"] > 0

    seconds["consumer"] = ends_with_its_books(live, "consumer", "videodisplay", "imprinted-seq")
    seconds["producer"] = ends_with_its_books(live, "producer", "videocam", "seq")

    recovery.seen(named(seconds), seconds=None)


def ends_with_its_books(live: Live, service: str, topic: str, header: str) -> float:
    """End a service; its last status and the broker must agree to the last frame. Return the seconds that it took."""
    seconds = end(live.services[service])
    account = last_word(live, service)["ledger"][CAMERA]

    assert account["in"] == account["out"] + sum(account["dropped"].values())
    wait_until(lambda: len(live.numbers(topic, header)) >= account["out"], "all that went out is on the broker")
    assert live.numbers(topic, header) == list(range(1, account["out"] + 1))
    return seconds


@pytest.mark.fault(
    "each service told to end (SIGTERM) while the broker is frozen",
    expects="status 0 within 3 s although the broker does not answer",
)
def test_a_frozen_broker_holds_up_no_end(live: Live, recovery: Recovery) -> None:
    """No service waits for an answer that never arrives."""
    freeze(live.broker.process.pid)
    try:
        wait_until(
            lambda: live.services["producer"].books(CAMERA).dropped.get("broker_unavailable"), "frames are dropped"
        )
        seconds = {name: end(service) for name, service in live.services.items()}
    finally:
        thaw(live.broker.process.pid)

    recovery.seen(named(seconds), seconds=None)


# A method of each service that one of its loops calls at every turn.
TURNS = {
    "producer": "producer.camera:CaptureProcess.receive",
    "consumer": "shared.frames.reader:FrameReader.read",
    "video": "shared.frames.reader:FrameReader.read",
}


@pytest.mark.parametrize(
    ("live", "service"),
    [
        pytest.param(
            ("producer", TURNS["producer"], "once"),
            "producer",
            marks=pytest.mark.fault(
                "a loop of the producer crashes", expects="its traceback is logged; the loop restarts; live by itself"
            ),
        ),
        pytest.param(
            ("consumer", TURNS["consumer"], "once"),
            "consumer",
            marks=pytest.mark.fault(
                "a loop of the consumer crashes", expects="its traceback is logged; the loop restarts; live by itself"
            ),
        ),
        pytest.param(
            ("video", TURNS["video"], "once"),
            "video",
            marks=pytest.mark.fault(
                "a loop of video crashes", expects="its traceback is logged; the loop restarts; live by itself"
            ),
        ),
        pytest.param(
            ("consumer", "consumer.predictor:Predictor._ask", "once"),
            "consumer",
            marks=pytest.mark.fault(
                "the loop that asks a model crashes",
                expects="its traceback is logged; the loop restarts; live by itself",
            ),
        ),
    ],
    indirect=["live"],
)
def test_a_loop_that_crashes_costs_a_moment(live: Live, service: str, trigger: Path, recovery: Recovery) -> None:
    """The same process continues with frames and labels."""
    with Page(live.chain.port, CAMERA) as page:
        page.sees("ok")
        trigger.touch()
        crashed = live.services[service]
        crashed.says("a loop crashed")
        began = time.monotonic()
        wait_until(lambda: not trigger.exists(), "the fault is over")
        seconds = page.sees("ok").at - began

    crashed.says(WORDS)  # the end of the traceback
    assert crashed.log.count("Traceback") == 1
    assert [one.process.poll() for one in live.services.values()] == [None, None, None]
    for one in ("producer", "consumer", "video"):
        assert live.services[one].books(CAMERA).balance
    recovery.seen("1 traceback, the same process", seconds=seconds)


@pytest.mark.parametrize(
    ("service", "method"),
    [
        pytest.param(
            "producer",
            TURNS["producer"],
            marks=pytest.mark.fault("a loop of the producer keeps crashing", expects="five tracebacks, then status 1"),
        ),
        pytest.param(
            "consumer",
            TURNS["consumer"],
            marks=pytest.mark.fault("a loop of the consumer keeps crashing", expects="five tracebacks, then status 1"),
        ),
        pytest.param(
            "consumer",
            "consumer.servers.tfserving:TfServing.version",
            marks=pytest.mark.fault(
                "the consumer's look at the model's version keeps crashing", expects="five tracebacks, then status 1"
            ),
        ),
        pytest.param(
            "video",
            "video.suite_status:SuiteStatus.update",
            marks=pytest.mark.fault("the web server keeps crashing", expects="five tracebacks, then status 1"),
        ),
        pytest.param(
            "video",
            "shared.bus:Writer._take_answers",
            marks=pytest.mark.fault(
                "the thread that takes the broker's answers keeps crashing", expects="five tracebacks, then status 1"
            ),
        ),
    ],
)
def test_a_loop_that_keeps_crashing_ends_the_process(
    service: str, method: str, trigger: Path, recovery: Recovery
) -> None:
    """Kubernetes can see it then; this needs no broker."""
    trigger.touch()
    began = time.monotonic()
    with alone(service, misbehaving(service, method, trigger, "always")) as process:
        status = process.waits()
    seconds = time.monotonic() - began

    assert status == 1, process.log
    assert process.log.count("a loop crashed") == 5
    assert process.log.count(f"RuntimeError: {WORDS}") >= 5
    assert process.log.count("a loop keeps crashing, giving up") == 1
    recovery.seen(f"status 1 after {seconds:.0f} s", seconds=None)


@pytest.mark.parametrize(
    "service",
    [
        pytest.param(
            "producer",
            marks=pytest.mark.fault(
                "a second signal while a loop of the producer hangs", expects="the process ends at once"
            ),
        ),
        pytest.param(
            "consumer",
            marks=pytest.mark.fault(
                "a second signal while a loop of the consumer hangs", expects="the process ends at once"
            ),
        ),
        pytest.param(
            "video",
            marks=pytest.mark.fault("a second signal while a loop of video hangs", expects="the process ends at once"),
        ),
    ],
)
def test_a_second_signal_ends_it_at_once(service: str, trigger: Path, recovery: Recovery) -> None:
    """Whatever it still waits for."""
    trigger.touch()
    with alone(service, misbehaving(service, TURNS[service], trigger, "hang")) as process:
        process.says("probes listen")
        time.sleep(0.5)  # the fault itself: the loop has begun to hang
        process.process.send_signal(signal.SIGTERM)
        process.says("ending")
        began = time.monotonic()
        status = process.ends()
        seconds = time.monotonic() - began

    assert status == 128 + signal.SIGTERM
    assert not process.said("ended")
    recovery.seen(f"status {status} after {seconds:.2f} s", seconds=None)
