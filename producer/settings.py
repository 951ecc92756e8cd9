"""Settings of the producer; add one here (those of all services: shared/settings.py), then run `make readme`."""

import os
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field

from producer import tls
from producer.source import DEVICE_FORM, SOURCE_FORM, Source, parse, parse_device
from shared.errors import SettingsError
from shared.go_notation import DURATION_FORM
from shared.names import CAMERA_FORM, camera_id
from shared.redact import redact
from shared.settings import (
    CameraId,
    Compression,
    Duration,
    Form,
    JsonOfStrings,
    OptionalGroup,
    Servers,
    ServiceSettings,
    Topic,
    setting,
)

CA_FORM = f"the path of a PEM file with certificates, or {tls.SYSTEM_CA}"
CAMERAS_FORM = f'a JSON object such as {{"front": "rtsp://…", "yard": "…"}}; ids: {CAMERA_FORM}; each {SOURCE_FORM}'

FrameFormat = Literal["jpeg", "json"]


def _certificates(text: str) -> str:
    """Return the name of a file with certificates, or of those of the system.

    Raises:
        ValueError: it cannot be used.
    """
    try:
        tls.context(text)
    except OSError as exc:
        raise ValueError(CA_FORM) from exc
    return text


CameraCa = Annotated[str, AfterValidator(_certificates), Form(CA_FORM)]


class ProducerSettings(ServiceSettings):
    """The producer's settings, read from the environment."""

    topic: Topic = setting("videocam", "TOPICNAME", "topic written")
    servers: Servers = setting("kf1-service:19092", "KAFKAPORT", "bootstrap servers")
    cameras_file: str | None = setting(
        None,
        "CAMERASFILE",
        "a document of cameras, read again when it changes (docs/cameras.md); overrides CAMERAS, VIDEOLINK and "
        "VIDEODEVICE",
        allowed="the path of a YAML or JSON file",
    )
    group: OptionalGroup = setting(
        "goproducer",
        "GROUPNAME",
        "producers of the same group share the cameras of CAMERASFILE; empty: this one captures all of them",
        empty=True,
    )
    cameras: JsonOfStrings = setting(
        {},
        "CAMERAS",
        "several cameras in one producer: id to link, path, glob or device; overrides VIDEOLINK and VIDEODEVICE",
        allowed=CAMERAS_FORM,
        secret=True,  # links hold passwords
    )
    link: str = setting(
        "",
        "VIDEOLINK",
        "the camera, or files, which loop; overrides VIDEODEVICE",
        allowed=SOURCE_FORM,
        secret=True,
    )
    device: str = setting("", "VIDEODEVICE", "index or path of a V4L device", allowed=DEVICE_FORM)
    camera: CameraId = setting("camera", "CAMERA", "id of the camera when there is only one")
    frame_interval_s: Duration = setting(
        0.042,
        "FRAMEINTERVAL",
        "mean time between two frames of a camera; faster cameras are thinned, not queued; 0 keeps every frame",
    )
    camera_timeout_s: Annotated[Duration, Field(gt=0)] | None = setting(
        None,
        "CAMERATIMEOUT",
        "longest silence of a camera before it counts as frozen; unset: follows the camera's own rhythm, at least 3 s",
        allowed=f"{DURATION_FORM}, more than 0",
    )
    camera_ca: CameraCa = setting(
        "",
        "CAMERACA",
        "verify rtsps and https cameras: a PEM file with the authorities, or `system`; unset: not verified",
    )
    scale_x: float = setting(1.0, "IMAGESCALEX", "scale of the published width", gt=0, le=8)
    scale_y: float = setting(1.0, "IMAGESCALEY", "scale of the published height", gt=0, le=8)
    jpeg_quality: int = setting(80, "JPEGQUALITY", "JPEG quality", ge=1, le=100)
    frame_format: FrameFormat = setting(
        "jpeg", "FRAMEFORMAT", "`json` writes the original's record for its Go consumer"
    )
    compression: Compression = setting("none", "COMPRESSIONTYPE", "compression of the records; JPEG does not shrink")

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """Read the settings from the environment.

        Raises:
            SettingsError: with one line per mistake; also when no camera is named, or a file is missing.
        """
        try:
            settings = super().load(**overrides)
        except SettingsError as exc:
            # Check the cameras all the same, to report every mistake at once.
            link, device = (overrides.get(name) or os.environ.get(name, "") for name in ("VIDEOLINK", "VIDEODEVICE"))
            given = (
                os.environ.get("CAMERASFILE") or os.environ.get("CAMERAS") or overrides.keys() & {"CAMERAS", "cameras"}
            )
            raise SettingsError([*exc.mistakes, *([] if given else _named({}, link, device, "camera")[1])]) from exc
        mistakes = [] if settings.cameras_file else settings._parsed[1]
        if mistakes:
            raise SettingsError(mistakes)
        return settings

    def sources(self) -> Mapping[str, Source]:
        """Return the cameras by id: those of CAMERAS, else the one of VIDEOLINK, else the one of VIDEODEVICE.

        Those of CAMERASFILE are in producer/document.py.
        """
        return self._parsed[0]

    @cached_property
    def _parsed(self) -> tuple[Mapping[str, Source], list[str]]:
        # Parsed once: files that are removed after they were found must not take their camera out of the settings.
        return _named(self.cameras, self.link, self.device, self.camera)


def _named(cameras: Mapping[str, str], link: str, device: str, camera: str) -> tuple[dict[str, Source], list[str]]:
    """Return the configured cameras, and one line per mistake in the setting that takes precedence."""
    if cameras:
        return _several(cameras)
    try:
        if link:
            return {camera: parse(link)}, []
        if device:
            return {camera: parse_device(device)}, []
    except ValueError as exc:
        variable, text, form = ("VIDEOLINK", link, SOURCE_FORM) if link else ("VIDEODEVICE", device, DEVICE_FORM)
        return {}, [f"{variable}: got {_shown(text)}, {exc}; allowed: {form}"]
    return {}, [f"VIDEOLINK: got nothing, and neither CAMERAS nor VIDEODEVICE; allowed: one of them, {SOURCE_FORM}"]


def _several(cameras: Mapping[str, str]) -> tuple[dict[str, Source], list[str]]:
    sources, mistakes = {}, []
    for name, text in cameras.items():
        try:
            camera_id(name)
        except ValueError:
            mistakes.append(f"CAMERAS: got the id {redact(name)!r}; allowed: {CAMERA_FORM}")
            continue
        try:
            sources[name] = parse(text)
        except ValueError as exc:
            mistakes.append(f"CAMERAS[{name}]: got {_shown(text)}, {exc}; allowed: {SOURCE_FORM}")
    return sources, mistakes


def _shown(text: str) -> str:
    """Return a source that could not be parsed, without anything that may be a password."""
    return "***" if "@" in text else repr(redact(text))
