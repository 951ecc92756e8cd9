"""Finds a kind by its name: those of this package, and those that other packages add by an entry point."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeAlias

from consumer.kinds.classification import Classification
from consumer.kinds.detection import Detection
from consumer.kinds.emotion import Emotion
from consumer.kinds.kind import Kind
from consumer.model_spec import ModelSpec
from consumer.servers.errors import Contradiction
from consumer.tensors import Signature
from shared.errors import ServingError

GROUP = "machine_learning_deployment.kinds"
"""Group of the entry points; each names a `MakeKind`, usually a class."""
MakeKind: TypeAlias = Callable[[ModelSpec, Signature, Mapping[int, str]], Kind]

_KINDS: dict[str, MakeKind] = {"classification": Classification, "detection": Detection, "emotion": Emotion}
_LABELS = {"classification": "imagenet", "detection": "coco", "emotion": "emotions"}
_FORMATS = {"classification": ("auto", "scores"), "detection": ("auto", "boxes", "yolo"), "emotion": ("auto", "scores")}


def kind_names() -> frozenset[str]:
    """Return the names of all kinds."""
    return frozenset(_KINDS) | _added().keys()


def default_labels(kind: str) -> str | Mapping[int, str]:
    """Return the labels of a kind's models that name none: a packaged set, or what the added kind says.

    An added kind says it by the attribute `default_labels`; without it, there are none.
    """
    if kind in _LABELS:
        return _LABELS[kind]
    try:
        labels = getattr(_added()[kind].load(), "default_labels", {})
    except Exception:  # what a package does wrong shows when its kind is made
        return {}
    return labels if isinstance(labels, str) else dict(labels)


def make_kind(spec: ModelSpec, signature: Signature, labels: Mapping[int, str]) -> Kind:
    """Return the kind of a model, ready to ask.

    Args:
        spec: the model in the document.
        signature: the server's; empty if it does not say.
        labels: text of each class.

    Raises:
        Contradiction: document and metadata do not fit each other, or a package's kind cannot be made.
    """
    if spec.kind in _KINDS:
        allowed = _FORMATS[spec.kind]
        if spec.output.format not in allowed:
            asked = f"output.format: {spec.output.format}"
            raise Contradiction(f"the document says {asked}; allowed for {spec.kind}: {', '.join(allowed)}")
        return _KINDS[spec.kind](spec, signature, labels)
    try:
        made: Any = _added()[spec.kind].load()(spec, signature, labels)
    except ServingError:
        raise
    except KeyError as exc:
        raise Contradiction(f"there is no kind {spec.kind}; allowed: {', '.join(sorted(kind_names()))}") from exc
    except Exception as exc:
        raise Contradiction(f"kind {spec.kind} cannot be made: {type(exc).__name__}: {exc}"[:300]) from exc
    return made  # type: ignore[no-any-return]


@cache
def _added() -> dict[str, EntryPoint]:
    """Return the kinds of other packages; the first of a name counts, and none replaces one of this package."""
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=GROUP):
        if entry.name not in _KINDS:
            found.setdefault(entry.name, entry)
    return found
