"""The reports of a service on `videostatus`, as types with their bounds; shared/report_reader.py parses them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field

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

    def terse(self) -> "Report":
        """Return the report without what its writers may make long: titles, tags and reasons of cameras."""
        cameras = {name: CameraReport(camera.state, camera.since) for name, camera in self.cameras.items()}
        return replace(self, cameras=cameras)


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
