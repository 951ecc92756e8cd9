"""Asks a model about pictures: labels, metadata and kind are found out first, and again when they may have changed."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from consumer.kinds.kind import Kind, Request
from consumer.model_spec import ModelSpec
from consumer.pictures.picture import Picture
from consumer.prediction import Box, Finding
from consumer.servers.errors import ServingNonsense
from consumer.servers.server import ModelServer
from consumer.tensors import Signature, Tensors
from shared.clock import now_us
from shared.crashes import Faults
from shared.errors import BadPicture, ServingError

log = logging.getLogger(__name__)

ReadLabels: TypeAlias = Callable[[], Mapping[int, str]]
MakeKind: TypeAlias = Callable[[ModelSpec, Signature, Mapping[int, str]], Kind]


@dataclass(frozen=True, slots=True)
class Answered:
    """What a model said about some pictures.

    Attributes:
        findings: for each picture, best first; None: there was nothing to ask about it.
        requested_at, answered_at: microseconds since the epoch.
        seconds: between the two.
        request, outputs: what was sent and what came; None if nothing was asked.
    """

    findings: list[tuple[Finding, ...] | None]
    requested_at: int
    answered_at: int
    seconds: float
    request: Request | None = None
    outputs: Tensors | None = None


class Inference:
    """One model on one server. Not thread-safe but for `forget`: use from one thread."""

    def __init__(self, spec: ModelSpec, *, server: ModelServer, make_kind: MakeKind, read_labels: ReadLabels) -> None:
        """Prepare; nothing is asked yet.

        Args:
            spec: of the model.
            server: the client of its server.
            make_kind: makes the kind from the spec, the server's metadata and the labels.
            read_labels: returns the labels by class; raises LabelsUnavailable.
        """
        self._spec, self._server, self._make_kind, self._read_labels = spec, server, make_kind, read_labels
        self._labels: Mapping[int, str] | None = None
        self._kind: Kind | None = None
        self._stale = threading.Event()
        self._faults = Faults(log)
        self.signature = Signature()

    @property
    def most_pictures(self) -> int:
        """Most pictures in a request: `batch`, unless the model takes a fixed number of rows."""
        rows = [spec.shape[0] for spec in self.signature.inputs.values() if spec.shape and spec.shape[0] > 0]
        return min([self._spec.batch, *rows])

    def forget(self) -> None:
        """Read the server's metadata again before the next request; safe for any thread."""
        self._stale.set()

    def probe(self, timeout_s: float) -> None:
        """Return as soon as the server answers anything.

        Raises:
            ServingError: it does not.
        """
        self._server.probe(timeout_s)

    def prepare(self) -> None:
        """Find out what the model takes and gives, unless it is known.

        Raises:
            ServingError: the server does not answer, or Contradiction: its metadata do not fit the document.
            LabelsUnavailable: the labels cannot be read.
        """
        if self._stale.is_set():
            self._stale.clear()
            self._kind = None
        if self._kind is not None:
            return
        if self._labels is None:
            self._labels = self._read_labels()
        self.signature = self._server.signature()
        try:
            self._kind = self._make_kind(self._spec, self.signature, self._labels)
        except ServingError:
            raise
        except Exception as exc:  # a kind may come from another package
            self._faults.log("a kind cannot be made", model=self._spec.name, kind=self._spec.kind)
            raise ServingNonsense(f"kind {self._spec.kind} cannot be made: {type(exc).__name__}") from exc

    def ask(
        self, pictures: Sequence[Picture], regions: Sequence[tuple[Box, ...] | None], *, timeout_s: float
    ) -> Answered:
        """Return what the model says about some pictures, in one request; `prepare` first.

        Raises:
            BadPicture: one of the pictures cannot be decoded.
            ServingError: as the subclasses' names say.
        """
        kind = self._kind
        if kind is None:
            raise ServingNonsense("asked before it was prepared")
        request = self._request(kind, pictures, regions)
        requested_at, began = now_us(), time.monotonic()
        if not any(request.rows):
            return Answered([None] * len(pictures), requested_at, requested_at, 0.0)
        outputs = self._server.infer(request.inputs, timeout_s=timeout_s)
        answered_at, seconds = now_us(), time.monotonic() - began
        findings = self._findings(kind, outputs, request)
        said = [found if rows else None for found, rows in zip(findings, request.rows, strict=True)]
        return Answered(said, requested_at, answered_at, seconds, request, outputs)

    def close(self) -> None:
        """Close the connection."""
        self._server.close()

    def _request(self, kind: Kind, pictures: Sequence[Picture], regions: Sequence[tuple[Box, ...] | None]) -> Request:
        """Make a request; whatever goes wrong in a kind, it ends no loop."""
        try:
            request = kind.request(pictures, regions)
        except (ServingError, BadPicture):
            raise
        except Exception as exc:
            self._faults.log("a request cannot be made", model=self._spec.name, kind=self._spec.kind)
            raise ServingNonsense(f"the request cannot be made: {type(exc).__name__}") from exc
        if len(request.rows) != len(pictures):
            raise ServingNonsense(f"kind {self._spec.kind} asks about {len(request.rows)} of {len(pictures)} pictures")
        return request

    def _findings(self, kind: Kind, outputs: Tensors, request: Request) -> list[tuple[Finding, ...]]:
        """Read an answer; whatever is wrong with it, it is nonsense and ends no loop."""
        try:
            findings = kind.findings(outputs, request)
        except ServingError:
            raise
        except Exception as exc:
            self._faults.log("an answer cannot be read", model=self._spec.name, kind=self._spec.kind)
            raise ServingNonsense(f"the answer cannot be read: {type(exc).__name__}") from exc
        if len(findings) != len(request.rows):
            raise ServingNonsense(f"{len(findings)} answers about {len(request.rows)} pictures")
        return findings
