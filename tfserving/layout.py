"""A model's base path: one folder per version, named by the version's number."""

from pathlib import Path


def version_folders(base: Path) -> dict[int, Path]:
    """List the version folders of a base path, lowest version first; none if the path does not exist.

    As in TensorFlow Serving, folders whose name is not a number are ignored.
    """
    try:
        entries = list(base.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    found = {
        int(entry.name): entry
        for entry in entries
        if entry.name.isascii() and entry.name.isdecimal() and entry.is_dir()
    }
    return dict(sorted(found.items()))
