"""Lists of what a broker shall have, TOML files with a table for each topic or user, and how commands apply them."""

import sys
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from shared.errors import BusError, SettingsError
from shared.settings import MISTAKEN

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


def run_command(name: str, apply: Callable[[], Iterable[str]]) -> int:
    """Apply a list and print a line for each of its entries; return the exit status of the command.

    Args:
        name: of the command, in front of each mistake.
        apply: applies the list and returns the lines.

    Returns:
        0; 1 if the broker did not answer, or refused; 2 if the list or an option is wrong.
    """
    try:
        lines = apply()
    except SettingsError as exc:
        sys.stderr.writelines(f"{name}: {mistake}\n" for mistake in exc.mistakes)
        return MISTAKEN
    except BusError as exc:
        sys.stderr.write(f"{name}: {exc}\n")
        return 1
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 0
