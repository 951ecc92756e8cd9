"""The cameras as they are configured now: by CAMERASFILE, which is watched, or by settings, which stay."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from prometheus_client import Gauge

from producer.document import CameraConfig, CamerasDocument, configs
from producer.protocol import CaptureJob
from producer.settings import ProducerSettings
from producer.source import Source, SourceKind
from shared.document import WatchedDocument

VARIABLE = "CAMERASFILE"


class ConfiguredCameras:
    """Follows what is configured. `run` is for one thread, the rest for any.

    Attributes:
        configs: the cameras by id; replaced, never changed.
    """

    def __init__(self, settings: ProducerSettings, *, valid: Gauge) -> None:
        """Read what is configured.

        Args:
            settings: the cameras, or where the document is; and what applies to every camera.
            valid: the metric of the document.

        Raises:
            SettingsError: the document cannot be read, or is wrong.
        """
        self._defaults = defaults(settings)
        self._checked: Mapping[str, CameraConfig] = {}
        self.configs: Mapping[str, CameraConfig] = {}
        self._document: WatchedDocument[CamerasDocument] | None = None
        if settings.cameras_file:
            self._document = WatchedDocument(
                Path(settings.cameras_file), CamerasDocument, variable=VARIABLE, valid=valid, check=self._check
            )
            self.configs = self._checked
        else:
            self.configs = {
                name: CameraConfig(replace(self._defaults, source=source))
                for name, source in settings.sources().items()
            }

    @property
    def is_watched(self) -> bool:
        """Whether the cameras can change."""
        return self._document is not None

    def run(self, stop: threading.Event, beat: Callable[[], None]) -> None:
        """Watch the document until `stop`."""
        if self._document is not None:
            self._document.run(stop, beat, self._change)

    def mistakes(self) -> dict[str, str]:
        """Return what is wrong with the newest text of the document, by the setting that names it."""
        error = None if self._document is None else self._document.error
        return {} if error is None else {VARIABLE: error}

    def readiness(self) -> dict[str, str]:
        """Return the document's entry in /readyz, if there is one."""
        return {} if self._document is None else {VARIABLE: self._document.readiness()}

    def _check(self, document: CamerasDocument) -> None:
        # Files that hold sources are read once for each text: what was checked is what comes into force.
        self._checked = configs(document, self._defaults)

    def _change(self, _document: CamerasDocument) -> None:
        self.configs = self._checked


def defaults(settings: ProducerSettings) -> CaptureJob:
    """Return the job of a camera that says nothing itself; its source is to be replaced."""
    return CaptureJob(
        Source(SourceKind.LINK, ""),
        interval_s=settings.frame_interval_s,
        scale_x=settings.scale_x,
        scale_y=settings.scale_y,
        quality=settings.jpeg_quality,
        raw=settings.frame_format == "json",
        timeout_s=settings.camera_timeout_s,
        ca=settings.camera_ca,
    )
