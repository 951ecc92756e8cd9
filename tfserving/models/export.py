"""Write a model as a SavedModel that TensorFlow Serving (or the local stand-in) serves."""

import os
import shutil
from pathlib import Path
from typing import Any

from tfserving.errors import ExportError
from tfserving.layout import Engine, version_folders
from tfserving.models import cache
from tfserving.models.onnx_form import can_convert, has_form, take_network, write_form
from tfserving.models.progress import step
from tfserving.models.recipes import Recipe
from tfserving.runtime import load_tensorflow

_SIGNATURES = {"serve": "serving_default", "tensor": "tensor"}
"""Attribute of a module with a function → the signature under which it is written."""


def export(wanted: Recipe, base: Path, *, version: int | None = None, engine: Engine = Engine.TENSORFLOW) -> Path:
    """Write a model to `base`/<version>/ and return that folder.

    The folder appears whole or not at all: it is written under another name, then renamed.

    Args:
        wanted: what to export.
        base: the model's base path; created if it does not exist.
        version: the version's number; None takes the next free one, 1 in an empty folder.
        engine: what will run it; for ONNX Runtime, its form is written too.

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
        _write(wanted, partial, engine)
        partial.rename(target)
    except OSError as exc:
        raise ExportError(f"cannot write {target}: {exc.strerror or exc}") from exc
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def _write(wanted: Recipe, folder: Path, engine: Engine) -> None:
    wanted.fetch()
    with step("importing TensorFlow"):
        tf = load_tensorflow()
    with step(f"building {wanted.name} from its weights"):
        module = wanted.build()
    with step("writing the SavedModel"):
        network = take_network(module)
        signatures = _signatures(module)
        tf.saved_model.save(module, str(folder), signatures=signatures)
        cache.write_recipe(folder, wanted.fingerprint)
    if engine is Engine.ONNXRUNTIME:
        write_form(folder, wanted.name, network)


def _signatures(module: Any) -> dict[str, Any]:
    found = {}
    for attribute, name in _SIGNATURES.items():
        function = getattr(module, attribute, None)
        if function is not None:
            found[name] = function.get_concrete_function()
            # As an attribute too, the function would be written twice, constants and all.
            delattr(module, attribute)
    return found


def export_to_cache(wanted: Recipe, engine: Engine = Engine.TENSORFLOW) -> Path:
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
            _bring_up_to_date(wanted, base, engine)
    except OSError as exc:
        raise ExportError(f"cannot write {base}: {exc.strerror or exc}") from exc
    return base


def _bring_up_to_date(wanted: Recipe, base: Path, engine: Engine) -> None:
    folders = list(version_folders(base).values())
    current = [folder for folder in folders if cache.made_by(folder, wanted.fingerprint)]
    if engine is Engine.ONNXRUNTIME:
        with_form = [folder for folder in current if has_form(folder)]
        if with_form or can_convert():
            current = with_form
        else:
            engine = Engine.TENSORFLOW
    if not current:
        export(wanted, base, engine=engine)
    for leftover in (*base.glob(".*.partial-*"), *(folders if not current else ())):
        shutil.rmtree(leftover, ignore_errors=True)
