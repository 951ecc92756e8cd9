"""Logs changes of the cameras' states; limits the number of lines, however often the states change."""

import logging

from shared.states import CameraState
from video.diagnosis import Diagnosis

log = logging.getLogger(__name__)

CAMERA_EVERY_S = 1.0  # at most one line about a camera in this time
MAX_LINES = 20  # about all cameras in that time; more changes that are left out are counted


class ChangeLog:
    """Writes one line per change of a camera's state, with limits per camera and in all.

    A change that comes too early waits; the newest one is logged later, so that the last line about a camera is true.
    """

    def __init__(self) -> None:
        self._logged_at: dict[str, float] = {}
        self._waiting: dict[str, Diagnosis] = {}
        self._window_at = float("-inf")
        self._lines = self._left_out = 0

    def changed(self, camera: str, diagnosis: Diagnosis, now: float) -> None:
        """Log the new state of a camera at a monotonic time in seconds."""
        if not self._may_log(camera, now):
            self._left_out += camera in self._waiting
            self._waiting[camera] = diagnosis
            return
        self._waiting.pop(camera, None)
        self._logged_at[camera] = now
        self._lines += 1
        if diagnosis.state is CameraState.UP:
            log.info("camera is live", extra={"camera": camera})
            return
        seen = diagnosis.notice or f"camera is {diagnosis.state}"
        level = logging.WARNING if diagnosis.notice or diagnosis.state is CameraState.DOWN else logging.INFO
        log.log(level, "viewers see: %s", seen, extra={"camera": camera, "reason": diagnosis.reason})

    def catch_up(self, now: float) -> None:
        """Log the changes that had to wait and may be logged at a monotonic time in seconds."""
        for camera in [camera for camera in self._waiting if self._may_log(camera, now)][:MAX_LINES]:
            self.changed(camera, self._waiting[camera], now)

    def forget(self, camera: str) -> None:
        """Drop what is known of a camera."""
        self._logged_at.pop(camera, None)
        self._waiting.pop(camera, None)

    def _may_log(self, camera: str, now: float) -> bool:
        if now - self._window_at >= CAMERA_EVERY_S:
            if self._left_out:
                log.warning("cameras change too fast to log every change", extra={"left_out": self._left_out})
            self._window_at, self._lines, self._left_out = now, 0, 0
        return self._lines < MAX_LINES and now - self._logged_at.get(camera, float("-inf")) >= CAMERA_EVERY_S
