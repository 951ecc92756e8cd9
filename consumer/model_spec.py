"""One model, as the models document describes it (docs/models.md).

`MODELURLS` and `LABELURLS`, the short form, become the same objects. Whether a kind exists is not checked here: kinds
build on this module.
"""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationInfo,
    field_validator,
)

from shared.reports import MAX_NAME
from shared.setting_words import Form

LARGEST_BATCH = 64
MOST_BOXES = 100
LONGEST_SIDE = 4096  # pixels of a model's input
MOST_PATTERNS = 1000
MOST_LABELS = 100_000
LONGEST_TEXT = 2000  # characters of an address or a path
DETECTION_THRESHOLD = 0.5
KIND_FORM = "the name of a kind: a lower-case letter, then letters, digits, hyphens and underscores"
ADDRESS_FORMS = {
    "tfserving": "http://HOST:PORT/v1/models/NAME[/versions/N]:predict",
    "kserve": "http://HOST:PORT/v2/models/NAME[/versions/N]",
}
_PATHS = {
    "tfserving": re.compile(r".*/v1/models/[^/:]+((/versions/\d+)|(/labels/[^/:]+))?:predict"),
    "kserve": re.compile(r".*/v2/models/[^/]+(/versions/[^/]+)?(/infer)?"),
}
LABELS_FORM = "the name of a packaged set, a path, an http(s) URL, or labels by class such as {0: person}"

Protocol: TypeAlias = Literal["tfserving", "kserve"]
Labels: TypeAlias = str | Mapping[int, str]


def model_name(name: str) -> str:
    """Return a model's name.

    Raises:
        ValueError: it is not 1 to MAX_NAME printable characters.
    """
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise ValueError(f"a model's name is 1 to {MAX_NAME} printable characters")
    return name


def _channels(value: object) -> object:
    """Return one number as a tuple of one."""
    return (value,) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _one_or_three(values: tuple[float, ...]) -> tuple[float, ...]:
    if len(values) not in (1, 3):
        raise ValueError("allowed: one number, or three: one per colour in the model's order")
    return values


def _not_zero(values: tuple[float, ...]) -> tuple[float, ...]:
    if not all(values):
        raise ValueError("allowed: numbers other than 0")
    return values


def _labels(value: object) -> Labels | None:
    """Return where labels are, or labels by class; YAML writes the classes as numbers, JSON as texts."""
    if value is None or (isinstance(value, str) and 0 < len(value) <= LONGEST_TEXT):
        return value
    if not isinstance(value, Mapping) or len(value) > MOST_LABELS:
        raise ValueError("neither a place nor labels")
    labels = {}
    for number, label in value.items():
        if isinstance(number, bool) or not str(number).isdecimal() or not isinstance(label, str):
            raise ValueError("a class is a whole number, and a label is a text")
        labels[int(number)] = label
    return labels


Name = Annotated[str, AfterValidator(model_name)]
Pattern = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
Label = Annotated[str, Field(max_length=MAX_NAME * 2)]
LabelsOrPlace = Annotated[Labels | None, PlainValidator(_labels), Form(LABELS_FORM)]
Text = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]
Side = Annotated[int, Field(ge=1, le=LONGEST_SIDE)]
Number = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
Channels = Annotated[tuple[Number, ...], BeforeValidator(_channels), AfterValidator(_one_or_three)]


class Part(BaseModel):
    """A part of the document: an unknown key is a mistake, and no value is quoted that might be a secret."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class InputSpec(Part):
    """What the model's metadata does not tell of its input; None: taken from there.

    Attributes:
        encoding: `jpeg`: an encoded picture in a string tensor; `tensor`: pixels.
        size: width and height of the model's input, pixels.
        dtype: type of the pixels.
        layout: `nhwc`: colour last; `nchw`: colour before height and width.
        colour: order of the colours, or grey.
        resize: `letterbox`: keeps the picture's proportions and fills the rest; `stretch`: fills the whole input.
        mean: subtracted from each value 0 to 255: one number, or one per colour in the model's order.
        scale: divides what is left: one number, or one per colour.
    """

    encoding: Literal["jpeg", "tensor"] | None = None
    size: tuple[Side, Side] | None = None
    dtype: Literal["uint8", "float32"] | None = None
    layout: Literal["nhwc", "nchw"] | None = None
    colour: Literal["rgb", "bgr", "grey"] | None = None
    resize: Literal["letterbox", "stretch"] | None = None
    mean: Channels | None = None
    scale: Annotated[Channels, AfterValidator(_not_zero)] | None = None


class OutputSpec(Part):
    """Form of the model's answer; `auto`: told from its outputs' names and shapes."""

    format: Literal["auto", "scores", "boxes", "yolo"] = "auto"


class CropsSpec(Part):
    """The boxes of another model that this one looks at.

    Attributes:
        of: the other model.
        labels: which of its boxes; None: all.
        margin: by which each box is grown on every side, as a share of its width and height.
    """

    of: Name
    labels: Annotated[tuple[Label, ...], Field(min_length=1, max_length=MOST_BOXES)] | None = None
    margin: Annotated[float, Field(ge=0, le=1)] = 0.0


class ModelEntry(Part):
    """A model in the document, without its name.

    Attributes:
        kind: classification, detection, emotion, or one that a package adds.
        url: of the model on its server; the form depends on the protocol.
        protocol: `tfserving`: TensorFlow Serving's REST API; `kserve`: Open Inference Protocol v2 over HTTP.
        binary: whether `kserve` sends tensors as bytes; None: if the server announces the extension.
        labels: packaged set, path, http(s) URL, or the labels themselves by class; None: the kind's packaged set.
        cameras: patterns of camera ids; the model is asked about no others.
        rate: most requests a second and camera; None: as many as the model answers.
        threshold: lowest probability of a finding; None: the kind's.
        topk: findings published of a classification.
        batch: most frames in a request.
        draw: False: a shadow model, which predicts and publishes and is not drawn.
        compare_with: the model that a shadow's answers are compared with.
        crops: the boxes of another model that this one looks at; None: whole pictures.
        input, output: what the metadata does not tell.
    """

    kind: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$"), Form(KIND_FORM)]
    protocol: Protocol = "tfserving"  # before the fields whose form depends on it
    url: Text
    binary: bool | None = None
    labels: LabelsOrPlace = None
    cameras: Annotated[tuple[Pattern, ...], Field(min_length=1, max_length=MOST_PATTERNS)] = ("*",)
    rate: Annotated[float, Field(gt=0, le=1000)] | None = None
    threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    topk: Annotated[int, Field(ge=1, le=MOST_BOXES)] = 5
    batch: Annotated[int, Field(ge=1, le=LARGEST_BATCH)] = 8
    draw: bool = True
    compare_with: Name | None = None
    crops: CropsSpec | None = None
    input: InputSpec = InputSpec()
    output: OutputSpec = OutputSpec()

    @field_validator("url")
    @classmethod
    def _speaks_the_protocol(cls, url: str, info: ValidationInfo) -> str:
        protocol = info.data.get("protocol")
        if protocol is None:  # is a mistake itself
            return url
        try:
            address = urlsplit(url)
            usable = bool(address.scheme in {"http", "https"} and address.hostname and address.port != 0)
        except ValueError:
            usable = False
        if not usable or not _PATHS[protocol].fullmatch(address.path) or address.query or address.fragment:
            raise ValueError(f"allowed: {ADDRESS_FORMS[protocol]} for protocol {protocol}")
        return url

    @field_validator("binary")
    @classmethod
    def _is_of_kserve(cls, binary: bool | None, info: ValidationInfo) -> bool | None:
        if binary and info.data.get("protocol") == "tfserving":
            raise ValueError("allowed: with protocol kserve only")
        return binary

    @field_validator("compare_with")
    @classmethod
    def _is_of_a_shadow(cls, name: str | None, info: ValidationInfo) -> str | None:
        if name is not None and info.data.get("draw", False):
            raise ValueError("allowed: with `draw: false` only")
        return name


class ModelSpec(ModelEntry):
    """A model with its name: shown, in metrics, and in records."""

    name: Name

    @property
    def shadow(self) -> bool:
        """Whether the model is not drawn."""
        return not self.draw

    @property
    def lowest(self) -> float:
        """Lowest probability of a finding: the threshold, or its default for the kind."""
        if self.threshold is not None:
            return self.threshold
        return DETECTION_THRESHOLD if self.kind == "detection" else 0.0

    def sees(self, camera: str) -> bool:
        """Return whether the model is asked about a camera."""
        return any(fnmatchcase(camera, pattern) for pattern in self.cameras)


def named(name: str, entry: ModelEntry) -> ModelSpec:
    """Return a model with its name."""
    values: dict[str, Any] = {field: getattr(entry, field) for field in ModelEntry.model_fields}
    return ModelSpec(name=name, **values)
