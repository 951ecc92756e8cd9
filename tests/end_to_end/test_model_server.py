"""The local stand-in for TensorFlow Serving as the consumer sees it: killed and restarted, and with new versions."""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from local.ports import free_port
from tests.conftest import Recovery
from tests.end_to_end.chain import Chain, embedded_broker
from tests.end_to_end.page import Page, Seen
from tests.models import efficientnet_lite0
from tests.producer.cameras import BUNNY
from tests.suite import LOOPBACK, Program, get, get_json
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(600)  # TensorFlow is started three times
CAMERA, MODEL = "bunny", "imagenet"
LOADS_WITHIN_S = 180.0
BACK_WITHIN_S = 30.0
ENDS_WITHIN_S = 20.0  # 3 s are promised, and the fault table has what was seen


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Real"]:
    base = tmp_path_factory.mktemp("models") / "tfModel"
    shutil.copytree(newest_version(efficientnet_lite0()), base / "1")
    with ExitStack() as stack:
        _, bus = stack.enter_context(embedded_broker())
        server = Real(base, stack)
        server.start()
        chain = stack.enter_context(Chain(bus, suffix="-real", MODELURLS=json.dumps({MODEL: server.url + ":predict"})))
        chain.produce(VIDEOLINK=str(BUNNY), CAMERA=CAMERA)
        wait_until(lambda: chain.predictions(CAMERA), "a first frame")
        server.page = stack.enter_context(Page(chain.port, CAMERA))
        server.page.sees("ok")
        yield server


class Real:
    """The local stand-in for TensorFlow Serving as a process, with a model whose versions tests add."""

    page: Page

    def __init__(self, base: Path, stack: ExitStack) -> None:
        self.base, self._stack, self._port = base, stack, free_port()
        self.url = f"http://{LOOPBACK}:{self._port}/v1/models/tfModel"

    def start(self) -> None:
        """Start it, and return once a version is served."""
        arguments = (f"--rest_api_port={self._port}", f"--rest_api_host={LOOPBACK}", "--model_name=tfModel")
        polls = "--file_system_poll_wait_seconds=1"
        self.program = self._stack.enter_context(
            Program("tfserving", *arguments, f"--model_base_path={self.base}", polls)
        )
        wait_until(lambda: get(self.url + "/metadata")[0] == 200, "the model is served", within_s=LOADS_WITHIN_S)

    def serves(self, version: int) -> bool:
        """Return whether a version answers."""
        states = (get_json(self.url) or {}).get("model_version_status", ())
        return any(one["version"] == str(version) and one["state"] == "AVAILABLE" for one in states)

    def publish(self, version: int) -> None:
        """Add a version in one step, as a careful operator does."""
        shutil.copytree(self.base / "1", self.base.parent / "coming")
        (self.base.parent / "coming").rename(self.base / str(version))


def newest_version(base: Path) -> Path:
    return max((path for path in base.iterdir() if path.name.isdigit()), key=lambda path: int(path.name))


@pytest.mark.fault("model server killed (SIGKILL), started again", expects="MODEL DOWN; a label again within 2 s")
def test_a_model_server_that_was_killed_and_started_again_is_asked_again(real: Real, recovery: Recovery) -> None:
    """A real process: its end breaks a connection, and its start takes a while."""
    real.program.close()
    down = real.page.sees("down")
    real.start()
    ended = time.monotonic()
    back = real.page.sees("ok", within_s=BACK_WITHIN_S)

    shown = [seen for seen in real.page.shown(down.at) if seen.at < back.at]
    assert {state for seen in shown for state in seen.states()} <= {"down", "ok"}
    recovery.seen(f"{len(shown)} frames without a label in {back.at - down.at:.1f} s", seconds=back.at - ended)


@pytest.mark.fault("model server told to end (SIGTERM) while it is asked", expects="status 0 within 3 s; MODEL DOWN")
def test_a_model_server_that_is_told_to_end_does_so_in_the_middle_of_its_work(real: Real, recovery: Recovery) -> None:
    """It refuses new requests meanwhile."""
    real.page.sees("ok")
    began = time.monotonic()
    assert real.program.ends() == 0
    took = time.monotonic() - began
    real.page.sees("down")
    program = real.program
    real.start()
    ended = time.monotonic()
    back = real.page.sees("ok", within_s=BACK_WITHIN_S)

    assert took < ENDS_WITHIN_S
    assert "Traceback" not in program.log
    recovery.seen(f"status 0 after {took:.1f} s", seconds=back.at - ended)


@pytest.mark.fault("a new version of the model is served", expects="no frame without a label; the new version is named")
def test_a_new_version_takes_over_without_a_gap(real: Real, recovery: Recovery) -> None:
    """The stand-in loads it beside the old one; predictions name it as soon as the consumer knows it."""
    version = 1 + max(int(path.name) for path in real.base.iterdir())
    before = real.page.sees("ok")
    real.publish(version)
    wait_until(lambda: real.serves(version), "it is served", within_s=LOADS_WITHIN_S)
    ended = time.monotonic()

    def names_it(seen: Seen) -> bool:
        return any(said["version"] == str(version) for said in seen.head["predictions"])

    wait_until(lambda: names_it(real.page.frames[-1]), "the new version is named", within_s=BACK_WITHIN_S)
    seconds = time.monotonic() - ended

    shown = real.page.shown(before.at)
    states = {state for seen in shown for state in seen.states()}
    assert "down" not in states
    assert "waiting" not in states
    recovery.seen(f"{len(shown)} frames, each with a label; named after the next look at the version", seconds=seconds)
