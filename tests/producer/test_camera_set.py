"""Cameras that move from one producer to another, with real captures."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from producer import camera_set as module
from producer.camera import Camera
from producer.camera_set import CameraSet, Loop
from producer.document import CameraConfig
from producer.protocol import CaptureJob, Message
from producer.source import parse
from shared.process.service import SpawnedLoop
from tests.ledgers import ledger_of
from tests.producer.cameras import HttpCamera, http_camera
from tests.waiting import wait_until


@dataclass
class Share:
    """What the group says of one camera."""

    run: int | None = 7
    claimed: bool = False
    taken_over: bool = False

    def run_of(self, _camera: str) -> int | None:
        return self.run

    def is_claimed(self, _camera: str, _run: int) -> bool:
        return self.claimed

    def is_taken_over(self, _camera: str, _run: int) -> bool:
        return self.taken_over

    def tried(self, camera: str, run: int) -> None:
        pass


@dataclass
class Scene:
    """A camera set with one camera, reconciled as the producer does."""

    http: HttpCamera
    share: Share = field(default_factory=Share)
    frames: list[Message] = field(default_factory=list)
    up: list[str] = field(default_factory=list)
    """The cameras whose state is shown."""

    def __post_init__(self) -> None:
        self.configs = {"front": CameraConfig(CaptureJob(parse(self.http.link())))}
        self._ledger = ledger_of("producer")
        self.cameras = CameraSet(make=self._make, spawn=spawn, forget=self.up.remove, changed=lambda: None)

    def becomes(self, condition: Callable[[], bool], what: str) -> None:
        def reconciled() -> bool:
            self.cameras.reconcile(self.configs, self.share)
            return condition()

        wait_until(reconciled, what)

    def goes_on(self) -> None:
        before = len(self.frames)
        self.becomes(lambda: len(self.frames) > before + 2, "frames")

    def _make(self, name: str, config: CameraConfig, _run: int) -> Camera:
        return Camera(name, config.job, ledger=self._ledger, publish=self.frames.append, changed=self._changed)

    def _changed(self, camera: Camera) -> None:
        if self.cameras.captures(camera):
            self.up.append(camera.name)


def spawn(name: str, target: Loop) -> SpawnedLoop:
    stop = threading.Event()
    thread = threading.Thread(target=target, args=(stop, lambda: None), name=name, daemon=True)
    thread.start()
    return SpawnedLoop(stop, thread)


@pytest.fixture
def scene() -> Iterator[Scene]:
    with http_camera() as http, contextlib.ExitStack() as stack:
        scene = Scene(http)
        stack.callback(scene.cameras.end)
        scene.goes_on()
        assert list(scene.cameras.reports()) == ["front"]
        yield scene


def test_a_camera_is_captured_until_another_producer_has_tried_it(scene: Scene) -> None:
    """It is the other one's from the beginning: this one neither reports it nor shows its state."""
    scene.share.run, scene.share.claimed = None, True
    scene.goes_on()
    assert scene.cameras.hands_over
    assert (scene.cameras.reports(), scene.cameras.readiness(), scene.up) == ({}, {}, [])

    scene.share.taken_over = True

    scene.becomes(lambda: scene.http.watching == 0, "the capture has ended")
    assert not scene.cameras.hands_over


@pytest.mark.parametrize(("claimed", "limit"), [(False, "CLAIMED_WITHIN_S"), (True, "LINGER_S")])
def test_it_waits_no_longer_than_need_be(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, claimed: bool, limit: str
) -> None:
    """Without an heir for a shorter time than for one that does not get it to work."""
    monkeypatch.setattr(module, "LINGER_S" if limit == "CLAIMED_WITHIN_S" else "CLAIMED_WITHIN_S", 1000.0)
    monkeypatch.setattr(module, limit, 0.2)
    scene.share.run, scene.share.claimed = None, claimed

    scene.becomes(lambda: scene.http.watching == 0, "the capture has ended")


def test_a_camera_that_comes_back_is_captured_on(scene: Scene) -> None:
    """If nobody else had it meanwhile, in the same run and over the same connection."""
    scene.share.run = None
    scene.becomes(lambda: scene.cameras.hands_over, "it is to move")
    scene.share.run = 7
    scene.goes_on()

    assert not scene.cameras.hands_over
    assert (list(scene.cameras.reports()), scene.up) == (["front"], ["front"])
    assert scene.http.requests == 1


def test_a_camera_that_comes_back_in_another_run_begins_again(scene: Scene) -> None:
    """Somebody else had it: the old capture ends first."""
    scene.share.run = None
    scene.becomes(lambda: scene.cameras.hands_over, "it is to move")
    scene.share.run = 9
    scene.becomes(lambda: scene.http.requests == 2, "it is captured again")
    scene.goes_on()

    assert scene.http.most_watching == 1
