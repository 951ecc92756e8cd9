"""The cache of weights and exported models: where it is, who may write to it, and whether an entry is up to date."""

import fcntl
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.cache import cache_folder

_RECIPE = Path("assets.extra", "recipe.json")


def models_folder() -> Path:
    """Return the folder of all cached models."""
    return cache_folder() / "models"


def weights_folder() -> Path:
    """Return the folder of the weights that were fetched."""
    return cache_folder() / "weights"


def make_private(folder: Path) -> None:
    """Create a folder of the cache, readable and writable by its owner only.

    A model is code: whoever may write here decides what the model server runs.

    Raises:
        OSError: the folder cannot be created, or belongs to another user.
    """
    depth = len(folder.relative_to(cache_folder()).parts)
    for one in reversed([folder, *folder.parents][: depth + 1]):
        one.mkdir(mode=0o700, parents=True, exist_ok=True)
        one.chmod(0o700)


@contextmanager
def locked(base: Path) -> Iterator[None]:
    """Hold the lock of one model's folder; wait for another process that holds it.

    The kernel releases the lock when its process ends, however it ends.

    Raises:
        OSError: the lock file cannot be created.
    """
    with base.with_name(f".{base.name}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def recipe(*, sources: list[Path], options: dict[str, str]) -> str:
    """Fingerprint an export: the files it is made from (code, weights) and the options given."""
    digest = hashlib.sha256(json.dumps(options, sort_keys=True).encode())
    for source in sources:
        digest.update(hashlib.sha256(source.read_bytes()).digest())
    return digest.hexdigest()


def write_recipe(version_folder: Path, fingerprint: str) -> None:
    """Write the fingerprint into a SavedModel's folder, where TensorFlow keeps what other tools add."""
    path = version_folder / _RECIPE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"sha256": fingerprint}) + "\n", encoding="utf-8")


def made_by(version_folder: Path, fingerprint: str) -> bool:
    """Return whether the export with this fingerprint made a SavedModel."""
    try:
        recorded = json.loads((version_folder / _RECIPE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(recorded, dict) and recorded.get("sha256") == fingerprint
