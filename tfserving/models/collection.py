"""Several models for one server: each exported, and the `models.config` that names them."""

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tfserving.errors import ExportError
from tfserving.layout import Engine
from tfserving.models import cache
from tfserving.models.export import export, export_to_cache
from tfserving.models.recipes import Recipe, recipe

CONFIG = "models.config"
_NAME = re.compile(r"[A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class Served:
    """A model and the name under which it is served."""

    name: str
    recipe: Recipe


def parse(entries: Sequence[str], **options: str | int) -> list[Served]:
    """Read entries `NAME=MODEL`, or `MODEL` for a model that is served under its own name.

    Args:
        entries: at least one.
        options: as those of `tfserving.models.recipes.recipe`.

    Raises:
        ExportError: an entry is wrong, or two have the same name.
    """
    found = []
    for entry in entries:
        name, _, model = entry.rpartition("=")
        name = name or model
        if not _NAME.fullmatch(name):
            raise ExportError(f"got the name {name!r}; allowed: letters, digits, '.', '_' and '-'")
        found.append(Served(name, recipe(model, **options)))  # type: ignore[arg-type]
    names = [served.name for served in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ExportError(f"the name {min(twice)!r} is given twice")
    return found


def export_all(collection: Sequence[Served], folder: Path, *, version: int, engine: Engine = Engine.TENSORFLOW) -> Path:
    """Write each model to `folder`/MODEL/<version>/ and `folder`/models.config; return the path of that file.

    A model that is served under several names is written once.

    Raises:
        ExportError: as in `export`.
    """
    folder = folder.resolve()
    bases: dict[str, Path] = {}
    for served in collection:
        model = served.recipe.name
        if model not in bases:
            bases[model] = folder / served.name
            export(served.recipe, bases[model], version=version, engine=engine)
    config = folder / CONFIG
    _write(config, config_text({served.name: bases[served.recipe.name] for served in collection}))
    return config


def export_all_to_cache(collection: Sequence[Served], engine: Engine = Engine.TENSORFLOW) -> Path:
    """Export the models to the cache unless they are there; return the path of a `models.config` of them."""
    text = config_text({served.name: export_to_cache(served.recipe, engine) for served in collection})
    config = cache.models_folder() / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.config"
    _write(config, text)
    return config


def config_text(bases: Mapping[str, Path]) -> str:
    """Return a `models.config` of models by name, each with its base path.

    Format: ModelServerConfig in tensorflow_serving/config/model_server_config.proto, as text.
    """
    entries = "".join(
        f'  config {{ name: "{name}" base_path: "{_quoted(base)}" model_platform: "tensorflow" }}\n'
        for name, base in bases.items()
    )
    return f"model_config_list {{\n{entries}}}\n"


def _quoted(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace('"', '\\"')


def _write(config: Path, text: str) -> None:
    partial = config.with_name(f".{config.name}.partial-{os.getpid()}")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(config)
    except OSError as exc:
        raise ExportError(f"cannot write {config}: {exc.strerror or exc}") from exc
