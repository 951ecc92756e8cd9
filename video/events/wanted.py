"""Which events a reader gets: what it asked for, of the cameras that it may see."""

import time
from collections.abc import Collection
from typing import Protocol

from video.access.rights import Rights
from video.events.event import Event

RIGHTS_HOLD_S = 1.0  # how long an answer of `may_see_predictions` is used


class Reader(Protocol):
    """Who reads events; `video.access.access.Viewer` is one."""

    @property
    def rights(self) -> Rights:
        """What it may see at the moment."""
        ...

    def may_see_predictions(self, camera: str) -> bool:
        """Return whether it may read the predictions of a camera at the moment."""
        ...


class Wanted:
    """The filter of one reader. For the event loop only."""

    def __init__(
        self,
        *,
        cameras: Collection[str] = (),
        models: Collection[str] = (),
        least: float = 0.0,
        viewer: Reader,
    ) -> None:
        """Take what a reader asked for.

        Args:
            cameras: only events of these; of all if empty.
            models: only events of these; of all if empty.
            least: only events with a finding of at least this probability; 0 for all.
            viewer: the reader.
        """
        self._cameras, self._models, self._least = frozenset(cameras), frozenset(models), least
        self._viewer = viewer
        self._rights: dict[str, bool] = {}
        self._asked_at = float("-inf")

    def __call__(self, event: Event) -> bool:
        """Return whether the reader gets an event."""
        if self._cameras and event.camera not in self._cameras:
            return False
        if self._models and event.model not in self._models:
            return False
        if self._least > 0 and (event.best is None or event.best < self._least):
            return False
        return self._allowed(event.camera)

    @property
    def allowed(self) -> bool:
        """Whether the reader may read any of what it asked for."""
        if not self._cameras:
            return self._viewer.rights.some_predictions
        return any(self._allowed(camera) for camera in self._cameras)

    def _allowed(self, camera: str) -> bool:
        now = time.monotonic()
        if now - self._asked_at > RIGHTS_HOLD_S:
            self._rights.clear()
            self._asked_at = now
        allowed = self._rights.get(camera)
        if allowed is None:
            allowed = self._rights[camera] = self._viewer.may_see_predictions(camera)
        return allowed
