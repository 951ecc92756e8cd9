"""The reports of a service on `videostatus`, as types; parsed once, where they enter, and bounded there.

Anyone who reaches the bus can write to the topic. A record that is not a status is None; an entry in it that makes no
sense (a state that does not exist, a number out of bounds, an id that is not a camera's) is left out and counted, and
the rest of the record is used. Nothing is searched, logged or compared before it has been cut to its bound.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from shared.errors import BadRecord
from shared.names import camera_id
from shared.states import CameraState, ModelState

MAX_NUMBER = 2**53 - 1  # the largest whole number that JavaScript holds exactly (Number.MAX_SAFE_INTEGER)
MAX_AMOUNT = 1e9  # of a measured number; nothing here is measured that large
MAX_TEXT = 200  # characters of a text
MAX_NAME = 100  # characters of a name: longer ones are left out, since names that are cut could collide
MAX_CAMERAS = 1000
MAX_MODELS = 100
MAX_REASONS = 50
MAX_DOCUMENTS = 10
MAX_TAGS = 20
MAX_RECORD_BYTES = 2_000_000  # a thousand cameras take less than half of it
MODEL_FIGURES_S = 10.0  # a model's figures are of the last so many seconds

Json = dict[str, Any]
ServiceName = Literal["producer", "consumer", "video"]


def _printable(value: object) -> object:
    """Cut a text to its bound and replace what cannot be shown; leave other types to the validator."""
    if not isinstance(value, str):
        return value
    return "".join(character if character.isprintable() else "?" for character in value[:MAX_TEXT])


Number = Annotated[int, Field(strict=True, ge=0, le=MAX_NUMBER)]
Amount = Annotated[float, Field(strict=True, ge=0, le=MAX_AMOUNT, allow_inf_nan=False)]
Share = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]
Text = Annotated[str, BeforeValidator(_printable)]


@dataclass(frozen=True, slots=True)
class CameraReport:
    """State of a camera.

    Attributes:
        state: what it is.
        since: start of the state, microseconds since the epoch by the reporting service's clock.
        reason: why; None if there is nothing to say.
        title: shown to viewers instead of the id; None if it has none.
        tags: shown to viewers, who can filter by them.
    """

    state: CameraState
    since: Number
    reason: Text | None = None
    title: Text | None = None
    tags: Annotated[tuple[Text, ...], Field(max_length=MAX_TAGS)] = ()

    def as_json(self) -> Json:
        """Return the form on the bus."""
        further: Json = {"title": self.title} if self.title is not None else {}
        further |= {"tags": list(self.tags)} if self.tags else {}
        return {"state": self.state, "since": self.since, "reason": self.reason} | further


@dataclass(frozen=True, slots=True)
class ModelReport:
    """State of a model, and its figures over the last MODEL_FIGURES_S seconds.

    Attributes:
        state: what it is.
        since: start of the state, microseconds since the epoch by the reporting service's clock.
        version: the version that answers; None if it is unknown.
        reason: why it is down; None if there is nothing to say.
        kind: of the model, such as `detection`; None if it is not reported.
        shadow: it predicts and publishes, and is not drawn.
        compare_with: the model that a shadow's answers are compared with; None if there is none.
        rate: frames answered a second, over all its cameras; None without an answer.
        batch: frames per answered request, on average; None without an answer.
        ms: milliseconds per answered frame, on average: a request's time divided by its frames; None without an answer.
        compared: answers that were compared with those of `compare_with`.
        agreement: share of these that agree, 0 to 1; None if none was compared.
    """

    state: ModelState
    since: Number
    version: Text | None = None
    reason: Text | None = None
    kind: Text | None = None
    shadow: Annotated[bool, Field(strict=True)] = False
    compare_with: Text | None = None
    rate: Amount | None = None
    batch: Amount | None = None
    ms: Amount | None = None
    compared: Number = 0
    agreement: Share | None = None

    def as_json(self) -> Json:
        """Return the form on the bus; what is not known or does not apply is left out."""
        document: Json = {"state": self.state, "since": self.since, "version": self.version, "reason": self.reason}
        further: Json = {
            "kind": self.kind,
            "shadow": self.shadow or None,
            "compare_with": self.compare_with,
            "rate": self.rate,
            "batch": self.batch,
            "ms": self.ms,
            "compared": self.compared or None,
            "agreement": self.agreement,
        }
        return document | {name: value for name, value in further.items() if value is not None}


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """The account of one camera in one stage, in frames: arrived = out + the sum of dropped.

    Attributes:
        arrived: `in` on the bus: frames received and accounted for.
        out: frames that left the stage.
        dropped: frames that ended in the stage, by reason (shared/frames/ledger.py).
        lost_upstream: frames lost before they reached the stage.
    """

    arrived: Number = 0
    out: Number = 0
    dropped: Annotated[dict[Annotated[str, Field(max_length=MAX_NAME)], Number], Field(max_length=MAX_REASONS)] = field(
        default_factory=dict
    )
    lost_upstream: Number = 0

    def __add__(self, other: Self) -> "LedgerReport":
        """Return the sum of two instances' accounts, each number at most MAX_NUMBER."""
        dropped = dict(self.dropped)
        for reason, frames in other.dropped.items():
            if reason in dropped or len(dropped) < MAX_REASONS:
                dropped[reason] = min(dropped.get(reason, 0) + frames, MAX_NUMBER)
        return LedgerReport(
            arrived=min(self.arrived + other.arrived, MAX_NUMBER),
            out=min(self.out + other.out, MAX_NUMBER),
            dropped=dropped,
            lost_upstream=min(self.lost_upstream + other.lost_upstream, MAX_NUMBER),
        )

    def as_json(self) -> Json:
        """Return the form on the bus."""
        return {
            "in": self.arrived,
            "out": self.out,
            "dropped": dict(self.dropped),
            "lost_upstream": self.lost_upstream,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """What a service reports about itself, without its identity and the time of the report.

    Attributes:
        cameras: by id.
        models: by name.
        ledger: by camera.
        documents: what is wrong with the newest text of a watched document, by its setting; the others are right.
    """

    cameras: Mapping[str, CameraReport] = field(default_factory=dict)
    models: Mapping[str, ModelReport] = field(default_factory=dict)
    ledger: Mapping[str, LedgerReport] = field(default_factory=dict)
    documents: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> Json:
        """Return the form on the bus."""
        further: Json = {"documents": dict(self.documents)} if self.documents else {}
        return {
            "cameras": {name: camera.as_json() for name, camera in self.cameras.items()},
            "models": {name: model.as_json() for name, model in self.models.items()},
            "ledger": {name: account.as_json() for name, account in self.ledger.items()},
        } | further


@dataclass(frozen=True, slots=True)
class Entry:
    """A report of one instance.

    Attributes:
        service: which service.
        instance: name of the process among its replicas.
        heard_at: when the record was read, monotonic seconds.
        at: when it was written, microseconds since the epoch by the writer's clock.
        ending: whether it is the instance's last.
        report: its contents.
        ignored: entries of the record that made no sense and were left out.
    """

    service: ServiceName
    instance: str
    heard_at: float
    at: int
    ending: bool
    report: Report
    ignored: int = 0

    def silent_s(self, now: float) -> float:
        """Return the seconds between the reading of the record and a monotonic time in seconds."""
        return now - self.heard_at


@dataclass(frozen=True, slots=True)
class _Head:
    """Who wrote a record, and when."""

    service: ServiceName
    instance: Text
    at: Number
    ending: Annotated[bool, Field(strict=True)]


_HEAD = TypeAdapter(_Head)
_CAMERA = TypeAdapter(CameraReport)
_MODEL = TypeAdapter(ModelReport)
_ACCOUNT = TypeAdapter(LedgerReport)
_MISTAKE: TypeAdapter[str] = TypeAdapter(Text)
_Part = TypeVar("_Part")


def read_entry(value: bytes | None, *, heard_at: float) -> Entry:
    """Return the entry in the value of a record of `videostatus`.

    Args:
        value: JSON in the form that docs/reference.md specifies.
        heard_at: when it was read, monotonic seconds.

    Raises:
        BadRecord: it is not JSON of that form, or is larger than MAX_RECORD_BYTES.
    """
    document = _document(value)
    try:
        head = _HEAD.validate_python({name: document.get(name) for name in ("service", "instance", "at", "ending")})
    except ValidationError as exc:
        raise BadRecord(f"{exc.error_count()} mistakes in service, instance, at or ending") from exc
    if not head.instance:
        raise BadRecord("the instance has no name")
    cameras, bad_cameras = _entries(_since_at(document.get("cameras"), head.at), _CAMERA, MAX_CAMERAS, camera_id)
    models, bad_models = _entries(_since_at(document.get("models"), head.at), _MODEL, MAX_MODELS, _name)
    accounts, bad_accounts = _entries(_arrived(document.get("ledger")), _ACCOUNT, MAX_CAMERAS + 1, camera_id)
    documents, bad_documents = _entries(document.get("documents", {}), _MISTAKE, MAX_DOCUMENTS, _name)
    return Entry(
        service=head.service,
        instance=head.instance,
        heard_at=heard_at,
        at=head.at,
        ending=head.ending,
        report=Report(cameras, models, accounts, documents),
        ignored=bad_cameras + bad_models + bad_accounts + bad_documents,
    )


def _document(value: bytes | None) -> Json:
    if not value or len(value) > MAX_RECORD_BYTES:
        raise BadRecord(f"{len(value or b'')} bytes; a status has 1 to {MAX_RECORD_BYTES}")
    try:
        document = json.loads(value)
    except (ValueError, RecursionError) as exc:
        raise BadRecord("not JSON") from exc
    if not isinstance(document, dict):
        raise BadRecord(f"JSON {type(document).__name__} instead of an object")
    return document


def _name(name: str) -> str:
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise ValueError(f"not a name of 1 to {MAX_NAME} printable characters")
    return name


def _entries(
    part: object, adapter: TypeAdapter[_Part], most: int, check_name: Callable[[str], str]
) -> tuple[dict[str, _Part], int]:
    """Return the entries of one part of a record that make sense, and the number of those that do not."""
    if not isinstance(part, dict):
        raise BadRecord(f"{type(part).__name__} where an object should be")
    read: dict[str, _Part] = {}
    for name, said in islice(part.items(), most):
        try:
            read[check_name(name)] = adapter.validate_python(said)
        except ValueError:  # pydantic's ValidationError is one
            continue
    return read, len(part) - len(read)


def _since_at(part: object, at: int) -> object:
    """Give each state that lacks its beginning the time of the record."""
    if not isinstance(part, dict):
        return part
    return {
        name: {**said, "since": at} if isinstance(said, dict) and said.get("since") is None else said
        for name, said in part.items()
    }


def _arrived(part: object) -> object:
    """Rename `in`, which is a keyword of Python, in every account."""
    if not isinstance(part, dict):
        return part
    return {
        name: {("arrived" if key == "in" else key): number for key, number in said.items()}
        if isinstance(said, dict)
        else said
        for name, said in part.items()
    }
