"""The cameras document (CAMERASFILE): its form, and what it says about each camera.

    cameras:
      front:                                # id: a DNS label
        source: rtsp://user:password@…      # as VIDEOLINK or VIDEODEVICE; or {file: /run/secrets/front} / {env: FRONT}
        title: Front door                   # shown instead of the id
        interval: 100ms                     # FRAMEINTERVAL of this camera; likewise scale and quality
        masks: [[[0, 0], [0.3, 0], [0.3, 0.2]]]
        enabled: true
        tags: [outside]

docs/cameras.md describes it for users.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, StrictBool, Tag

from producer.polygons import Masks
from producer.protocol import CaptureJob
from producer.source import SOURCE_FORM, Source, parse
from shared.document import depends_on
from shared.reports import MAX_TAGS
from shared.setting_words import Form
from shared.settings import CameraId, Duration

MAX_CAMERAS = 1000  # as many as a status reports (shared/reports.py)
MAX_TITLE = 100  # characters
MAX_TAG = 40  # characters
LONGEST_LINK = 4000  # characters of a file that holds a link
_SOURCE_FORM = f"{SOURCE_FORM}; or {{file: PATH}} or {{env: NAME}} that holds it"
_STRICT = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _source(value: object) -> object:
    """Return the source that a text names; a number is the index of a device."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return parse(value) if isinstance(value, str) else value


def _from_file(path: Path) -> Path:
    _link_in(path)
    return path


def _link_in(path: Path) -> Source:
    depends_on(path)
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(LONGEST_LINK + 1)
    except OSError as exc:
        raise ValueError(f"cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise ValueError("does not hold text") from exc
    return _held(text)


def _from_variable(name: str) -> str:
    _held(os.environ.get(name, ""))
    return name


def _held(text: str) -> Source:
    """Return the source that a file or a variable holds; the text is not quoted: it may be a password."""
    if not text.strip():
        raise ValueError("holds nothing")
    if len(text) > LONGEST_LINK:
        raise ValueError(f"holds more than {LONGEST_LINK} characters")
    try:
        return parse(text)
    except ValueError as exc:
        raise ValueError(f"holds something else than a source ({exc}); allowed: {SOURCE_FORM}") from exc


def _printable(value: str) -> str:
    if not value.isprintable() or not value.strip():
        raise ValueError("not printable")
    return value.strip()


def _different(tags: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tags))


class FileSource(BaseModel):
    """A source that a file holds, such as a key of a mounted Secret."""

    model_config = _STRICT

    file: Annotated[Path, AfterValidator(_from_file)]

    def read(self) -> Source:
        """Return the source.

        Raises:
            ValueError: the file holds none (any more).
        """
        return _link_in(self.file)


class VariableSource(BaseModel):
    """A source that a variable of the environment holds."""

    model_config = _STRICT

    env: Annotated[str, AfterValidator(_from_variable)]

    def read(self) -> Source:
        """Return the source."""
        return _held(os.environ.get(self.env, ""))


def _kind(value: Any) -> str | None:
    if isinstance(value, FileSource | VariableSource):
        return "a file" if isinstance(value, FileSource) else "a variable"
    if isinstance(value, dict):
        return "a variable" if "env" in value and "file" not in value else "a file"
    return "a text"


AnySource: TypeAlias = Annotated[
    Annotated[Source, BeforeValidator(_source), Tag("a text")]
    | Annotated[FileSource, Tag("a file")]
    | Annotated[VariableSource, Tag("a variable")],
    Discriminator(_kind),
]
Title: TypeAlias = Annotated[
    str, Field(max_length=MAX_TITLE), AfterValidator(_printable), Form(f"1 to {MAX_TITLE} printable characters")
]
TagText: TypeAlias = Annotated[
    str, Field(max_length=MAX_TAG), AfterValidator(_printable), Form(f"1 to {MAX_TAG} printable characters")
]


class CameraEntry(BaseModel):
    """What the document says about one camera; a field that is absent takes the service's setting."""

    model_config = _STRICT

    source: Annotated[AnySource, Form(_SOURCE_FORM)] = Field(json_schema_extra={"secret": True})
    title: Title | None = None
    interval: Duration | None = None
    scale: Annotated[float, Field(gt=0, le=8), Form("a number more than 0, at most 8")] | None = None
    quality: Annotated[int, Field(ge=1, le=100), Form("1 to 100")] | None = None
    masks: Masks = ()
    enabled: Annotated[StrictBool, Form("true or false")] = True
    tags: Annotated[
        tuple[TagText, ...], Field(max_length=MAX_TAGS), AfterValidator(_different), Form(f"at most {MAX_TAGS} texts")
    ] = ()


class CamerasDocument(BaseModel):
    """The cameras by id."""

    model_config = _STRICT

    cameras: Annotated[dict[CameraId, CameraEntry], Field(max_length=MAX_CAMERAS), Form("a mapping of ids")] = Field(
        default_factory=dict
    )


@dataclass(frozen=True, slots=True)
class CameraConfig:
    """One camera as it is to be captured and reported.

    Attributes:
        job: what to capture and how to encode it.
        title: shown to viewers instead of the id; None: the id is.
        tags: shown to viewers, who can filter by them.
        enabled: whether to capture it at all.
    """

    job: CaptureJob
    title: str | None = None
    tags: tuple[str, ...] = ()
    enabled: bool = True


def configs(document: CamerasDocument, defaults: CaptureJob) -> Mapping[str, CameraConfig]:
    """Return the cameras of a document.

    Args:
        document: whose sources have been checked.
        defaults: what applies where the document says nothing; its source is not used.

    Raises:
        ValueError: a file that holds a source has changed meanwhile, and holds none.
    """
    return {name: _config(entry, defaults) for name, entry in document.cameras.items()}


def _config(entry: CameraEntry, defaults: CaptureJob) -> CameraConfig:
    job = replace(
        defaults,
        source=entry.source if isinstance(entry.source, Source) else entry.source.read(),
        interval_s=defaults.interval_s if entry.interval is None else entry.interval,
        scale_x=entry.scale or defaults.scale_x,
        scale_y=entry.scale or defaults.scale_y,
        quality=entry.quality or defaults.quality,
        masks=entry.masks,
    )
    return CameraConfig(job, entry.title, entry.tags, entry.enabled)
