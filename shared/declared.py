"""Reads lists of what a broker shall have: a TOML file with a table for each topic or user."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from shared.errors import SettingsError

Declared = TypeVar("Declared")


def read_tables(path: Path, entry: Callable[[str, Any], Declared]) -> list[Declared]:
    """Return what a TOML file declares.

    Args:
        path: of the file.
        entry: makes an entry of a table and its name; raises ValueError if the table is wrong.

    Raises:
        SettingsError: the file cannot be read or contains something else; each line names the place.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise SettingsError([f"{path}: {exc}"]) from exc
    declared, mistakes = [], []
    for name, table in tables.items():
        try:
            declared.append(entry(name, table))
        except ValueError as exc:
            mistakes.append(f"{path}: [{name}] {exc}")
    if mistakes:
        raise SettingsError(mistakes)
    return declared
