"""The cameras that this producer captures: started, changed and ended one by one while the others go on.

A capture whose camera moves to another producer lingers until that one has tried the camera.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from producer.camera import Camera
from producer.document import CameraConfig
from producer.idle_cameras import IdleCameras
from producer.sharing import Sharing
from shared.reports import CameraReport

log = logging.getLogger(__name__)

TICK_S = 0.05  # between two looks at what is to be captured
# A hand-over takes half a second for the group, one to start a capture, and the camera's next key picture.
LINGER_S = 5.0
CLAIMED_WITHIN_S = 2.5  # otherwise there is nobody else: the group has told the others in half a second
Loop: TypeAlias = Callable[[threading.Event, Callable[[], None]], None]


class Running(Protocol):
    """A loop that has been started (shared/process/service.py)."""

    def end(self) -> None:
        """Ask it to end, without waiting."""

    @property
    def ended(self) -> bool:
        """Whether it has ended."""


@dataclass(slots=True)
class _Capture:
    config: CameraConfig
    run: int
    camera: Camera
    loop: Running
    lingers_since: float = 0.0  # monotonic


class CameraSet:
    """Keeps a loop for each camera that is to be captured. `reports` and `readiness` are for any thread.

    The rest is for one thread.
    """

    def __init__(
        self,
        *,
        make: Callable[[str, CameraConfig, int], Camera],
        spawn: Callable[[str, Loop], Running],
        forget: Callable[[str], None],
        changed: Callable[[], None],
    ) -> None:
        """Start with no camera.

        Args:
            make: returns a camera by its id, its configuration, and the run of its frames.
            spawn: starts a loop by its name.
            forget: called with a camera that is not captured here any more.
            changed: called after each change of what is reported.
        """
        self._make, self._spawn, self._forget, self._changed = make, spawn, forget, changed
        self._captures: dict[str, _Capture] = {}
        self._lingering: dict[str, _Capture] = {}
        self._ending: dict[str, _Capture] = {}
        self._idle = IdleCameras()

    def reports(self) -> dict[str, CameraReport]:
        """Return the state of each camera that this producer answers for."""
        captures = self._captures.copy()
        return {**self._idle.reports, **{name: capture.camera.state for name, capture in captures.items()}}

    def readiness(self) -> dict[str, str]:
        """Return the cameras' entries in /readyz."""
        captures = self._captures.copy()
        return {f"camera/{name}": capture.camera.readiness() for name, capture in captures.items()}

    def reconcile(self, configs: Mapping[str, CameraConfig], sharing: Sharing) -> None:
        """Start the captures that are missing, end those that are not wanted, and leave the others alone.

        A capture that is to change begins when the one before has ended: many cameras accept only one reader.

        Args:
            configs: every configured camera, by id.
            sharing: says which of them this producer captures.
        """
        run_of = sharing.run_of
        self._ending = {name: capture for name, capture in self._ending.items() if not capture.loop.ended}
        for name, capture in list(self._captures.items()):
            self._update(name, capture, configs.get(name), run_of(name))
        for name, capture in list(self._lingering.items()):
            self._update_lingering(name, capture, configs.get(name), sharing)
        for name, config in configs.items():
            run = run_of(name)
            taken = name in self._captures or name in self._lingering or name in self._ending
            if config.enabled and run is not None and not taken:
                self._start(name, config, run)
        if self._idle.update(configs, lambda name: run_of(name) is not None):
            self._changed()

    def captures(self, camera: Camera) -> bool:
        """Return whether a camera is captured, and not left to another producer."""
        capture = self._captures.get(camera.name)
        return capture is not None and capture.camera is camera

    @property
    def hands_over(self) -> bool:
        """Whether a capture lingers for another producer."""
        return bool(self._lingering)

    def end(self) -> None:
        """End all captures."""
        for name, capture in (self._captures | self._lingering).items():
            self._end(name, capture)
        while not all(capture.loop.ended for capture in self._ending.values()):
            time.sleep(TICK_S)  # the service gives up waiting for it in time

    def _update(self, name: str, capture: _Capture, config: CameraConfig | None, run: int | None) -> None:
        if config is not None and config.enabled and run is None:
            del self._captures[name]
            capture.lingers_since = time.monotonic()
            self._lingering[name] = capture
        elif config is None or not config.enabled or run != capture.run or config.job != capture.config.job:
            del self._captures[name]
            self._end(name, capture)
        elif config == capture.config:
            return
        else:
            capture.config = config
            capture.camera.describe(config.title, config.tags)
        if name not in self._captures:
            self._forget(name)
        self._changed()

    def _update_lingering(self, name: str, capture: _Capture, config: CameraConfig | None, sharing: Sharing) -> None:
        run = sharing.run_of(name)
        if config == capture.config and run == capture.run:  # it has come back, and nobody else had it meanwhile
            self._captures[name] = self._lingering.pop(name)
            capture.camera.report()
            return
        lingers_s = LINGER_S if sharing.is_claimed(name, capture.run) else CLAIMED_WITHIN_S
        is_wanted = config is not None and config.enabled and run is None
        is_late = time.monotonic() - capture.lingers_since > lingers_s
        if is_late or not is_wanted or sharing.is_taken_over(name, capture.run):
            self._end(name, self._lingering.pop(name))

    def _end(self, name: str, capture: _Capture) -> None:
        capture.loop.end()
        self._ending[name] = capture

    def _start(self, name: str, config: CameraConfig, run: int) -> None:
        camera = self._make(name, config, run)
        self._captures[name] = _Capture(config, run, camera, self._spawn(f"camera-{name}", camera.run))
        self._changed()
