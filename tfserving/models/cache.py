"""Where exported models are kept, and how to see that one is still what an export would give."""

import hashlib
import json
from pathlib import Path

from shared.cache import cache_folder

_RECIPE = Path("assets.extra", "recipe.json")


def models_folder() -> Path:
    """Return the folder of all cached models."""
    return cache_folder() / "models"


def recipe(*, sources: list[Path], options: dict[str, str]) -> str:
    """Fingerprint an export: the files it is made from (code, weights) and the options given."""
    digest = hashlib.sha256(json.dumps(options, sort_keys=True).encode())
    for source in sources:
        digest.update(hashlib.sha256(source.read_bytes()).digest())
    return digest.hexdigest()


def write_recipe(version_folder: Path, fingerprint: str) -> None:
    """Leave the fingerprint in a SavedModel's folder, where TensorFlow keeps what is not its own."""
    path = version_folder / _RECIPE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"sha256": fingerprint}) + "\n", encoding="utf-8")


def made_by(version_folder: Path, fingerprint: str) -> bool:
    """Tell whether a SavedModel was made by the export with this fingerprint."""
    try:
        recorded = json.loads((version_folder / _RECIPE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(recorded, dict) and recorded.get("sha256") == fingerprint
