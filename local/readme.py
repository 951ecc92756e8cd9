"""Keeps the settings table of the README true: `python -m local.readme` writes it out of the settings classes."""

import sys
from pathlib import Path

from consumer.settings import ConsumerSettings
from producer.settings import ProducerSettings
from shared.settings import ServiceSettings, SettingDoc, document
from video.settings import VideoSettings

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- settings: written by `make readme` -->", "<!-- settings end -->"
SERVICES: dict[str, type[ServiceSettings]] = {
    "producer": ProducerSettings,
    "consumer": ConsumerSettings,
    "video": VideoSettings,
}


def table() -> str:
    """Return the table in Markdown: the settings of each service, then those that all share."""
    common = {row.variable for row in document(ServiceSettings)}
    lines = ["| service | variable | default | meaning | allowed |", "| --- | --- | --- | --- | --- |"]
    for service, settings in SERVICES.items():
        lines += [_line(service, row) for row in document(settings) if row.variable not in common]
    lines += [_line("all", row) for row in document(ServiceSettings)]
    return "\n".join(lines)


def with_table(readme: str) -> str:
    """Return the README's text with the table of today between its marks.

    Raises:
        ValueError: the marks are not there.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the README has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def _line(service: str, row: SettingDoc) -> str:
    cells = (service, f"`{row.variable}`", f"`{row.default}`" if row.default else "", row.meaning, row.allowed)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main() -> int:
    """Write the README; return the status to exit with."""
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
