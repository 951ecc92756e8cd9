"""Which models there are, and how each is built.

To add a model: write a module with `build`, and name it in `recipe` and `MODELS`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfserving.errors import ExportError
from tfserving.models import blazeface, cache, efficientnet, emonet, movenet, nanodet, resnet, sources, ssd
from tfserving.models.archives import Archive

MODELS = ("efficientnet-lite0", "resnet50", "detector", "nanodet", "face", "emotion", "pose")
"""The names of all models. `fer` and `emonet` are further names of `emotion`."""

_HERE = Path(__file__).parent
_DETECTOR = ("archives.py", "detections.py", "graphs.py", "sources.py")
_TFJS = (*_DETECTOR, "tfjs.py")


@dataclass(frozen=True)
class Recipe:
    """How to build one model, and the fingerprint of everything it is built from.

    Attributes:
        name: of the model.
        fingerprint: of code, weights and options.
        build: returns the servable module.
        fetch: has the weights in the cache when it returns, so that a missing package is noticed first.
    """

    name: str
    fingerprint: str
    build: Callable[[], Any]
    fetch: Callable[[], object] = lambda: None


def recipe(name: str, *, weights: str = "imagenet", seed: int = 0) -> Recipe:
    """Return how to build a model.

    Args:
        name: one of `MODELS`, `fer` or `emonet`.
        weights: of `resnet50` only: `imagenet` or `none` (random).
        seed: of random weights.

    Raises:
        ExportError: there is no such model, or a package it needs is missing.
    """
    match name:
        case "efficientnet-lite0":
            path = efficientnet.find_weights()
            made_from = ["efficientnet.py", "pictures.py", "torch_pickle.py"]
            return Recipe(name, _fingerprint(made_from, path), lambda: efficientnet.build(path))
        case "resnet50":
            fingerprint = _fingerprint(["resnet.py", "pictures.py", "tracking.py"], weights=weights, seed=str(seed))
            return Recipe(name, fingerprint, lambda: resnet.build(weights=weights, seed=seed))
        case "emotion" | "emonet" | "fer":
            made_from = ["emonet.py", "tracking.py"]
            fingerprint = _fingerprint_of(made_from, sources.FER, emonet.FILE)
            return Recipe("emotion", fingerprint, lambda: emonet.build(emonet.find_weights()), emonet.find_weights)
        case "detector":
            fingerprint = _fingerprint_of(["ssd.py", "coco.py", *_DETECTOR], sources.OPENPIBO, ssd.FILE)
            return Recipe(name, fingerprint, lambda: ssd.build(ssd.find_weights()), ssd.find_weights)
        case "nanodet":
            fingerprint = _fingerprint_of(["nanodet.py", "coco.py", *_TFJS], sources.HUMAN_MODELS, nanodet.NAME)
            return Recipe(name, fingerprint, nanodet.build, nanodet.find_weights)
        case "face":
            fingerprint = _fingerprint_of(["blazeface.py", *_TFJS], sources.HUMAN, blazeface.NAME)
            return Recipe(name, fingerprint, blazeface.build, blazeface.find_weights)
        case "pose":
            fingerprint = _fingerprint_of(["movenet.py", *_TFJS], sources.HUMAN_MODELS, movenet.NAME)
            return Recipe(name, fingerprint, movenet.build, movenet.find_weights)
    raise ExportError(f"there is no model {name!r}: choose {', '.join(MODELS[:-1])} or {MODELS[-1]}")


def _fingerprint(modules: list[str], *files: Path, **options: str) -> str:
    code = [_HERE / module for module in ("export.py", *modules)]
    return cache.recipe(sources=[*code, *files], options=options)


def _fingerprint_of(modules: list[str], archive: Archive, name: str) -> str:
    """As `_fingerprint`, without having the weights: their SHA-256 are known."""
    return _fingerprint(modules, **archive.fingerprint(name))
