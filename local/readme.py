"""Writes the tables of the README from the code: `python -m local.readme` (settings, drop reasons)."""

import sys
from collections.abc import Callable
from pathlib import Path

from local.services import SETTINGS
from shared.frames.ledger import Reason
from shared.settings import ServiceSettings, SettingDoc, document

README = Path(__file__).parents[1] / "README.md"


def settings_table() -> str:
    """Return the settings of each service, then those that all share, as a Markdown table."""
    common = {row.variable for row in document(ServiceSettings)}
    lines = ["| service | variable | default | meaning | allowed |", "| --- | --- | --- | --- | --- |"]
    for service, settings in SETTINGS.items():
        lines += [_line(service, row) for row in document(settings) if row.variable not in common]
    lines += [_line("all", row) for row in document(ServiceSettings)]
    return "\n".join(lines)


def reasons_table() -> str:
    """Return the reasons for which a frame is dropped, as a Markdown table."""
    rows = [f"| `{reason}` | {reason.meaning} |" for reason in Reason]
    return "\n".join(["| reason | the frame |", "| --- | --- |", *rows])


TABLES: dict[str, Callable[[], str]] = {"settings": settings_table, "reasons": reasons_table}


def with_tables(readme: str) -> str:
    """Return the README's text with the current tables between their markers.

    Raises:
        ValueError: a marker is missing.
    """
    for name, table in TABLES.items():
        begin, end = f"<!-- {name}: written by `make readme` -->", f"<!-- {name} end -->"
        before, found, rest = readme.partition(begin)
        _, ended, after = rest.partition(end)
        if not found or not ended:
            raise ValueError(f"the README has no {begin} … {end}")
        readme = f"{before}{begin}\n{table()}\n{end}{after}"
    return readme


def _line(service: str, row: SettingDoc) -> str:
    cells = (service, f"`{row.variable}`", f"`{row.default}`" if row.default else "", row.meaning, row.allowed)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main() -> int:
    """Write the README; return the exit status."""
    README.write_text(with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
