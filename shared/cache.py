"""The folder in which the suite caches what it downloads or builds once."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the project's cache folder: `$XDG_CACHE_HOME` or `~/.cache`, then the project's name."""
    # The XDG Base Directory Specification requires that an empty or relative XDG_CACHE_HOME is ignored.
    stated = Path(os.environ.get("XDG_CACHE_HOME", ""))
    root = stated if stated.is_absolute() else Path.home() / ".cache"
    return root / "machine-learning-deployment"
