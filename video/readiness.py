"""The answer of /readyz: written by the event loop, read by the probe threads."""

from collections.abc import Iterable, Mapping

from shared.process.probes import Readiness
from shared.states import CameraState
from video.camera import Camera
from video.notice import span


class CameraReadiness:
    """The state of every camera, one line each. Thread-safe."""

    def __init__(self) -> None:
        self._cameras: Mapping[str, str] = {}

    def note(self, cameras: Iterable[Camera], now: float) -> None:
        """Store the states of the cameras at a monotonic time in seconds."""
        self._cameras = {f"camera/{camera.id}": _line(camera, now) for camera in cameras}  # replaced, never changed

    def readiness(self, *, serving: bool, broker: str, documents: Mapping[str, str] | None = None) -> Readiness:
        """Return the answer of /readyz. The service is ready as soon as it answers requests, whatever else is missing.

        Args:
            serving: whether the web server answers requests.
            broker: `ok`, or what is wrong with it.
            documents: of each watched document `ok`, or what is wrong with it.
        """
        cameras = self._cameras or {"camera": "none yet"}
        return Readiness(
            ready=serving,
            parts={"http": "ok" if serving else "starting", "broker": broker, **(documents or {}), **cameras},
        )


def _line(camera: Camera, now: float) -> str:
    if camera.diagnosis.state is CameraState.UP:
        return "ok"
    frameless_s = camera.frameless_s(now)
    return "no frame yet" if frameless_s is None else f"no frame for {span(frameless_s)}"
