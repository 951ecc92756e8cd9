"""The report of a soak, for people and for programs."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.soak.books import Row
from tests.soak.growth import Life
from tests.soak.viewers import Viewer


@dataclass
class Outcome:
    """The effect of one fault.

    Attributes:
        fault: its name; `calm` is the time before one.
        began_s: since the start of the soak.
        lasted_s: until the restored part answered.
        live_s: from then until every viewer saw a fresh labelled picture of every camera; None: not in time.
        rows: of the books.
        broken: promises, a line each.
    """

    fault: str
    began_s: float
    lasted_s: float = 0.0
    live_s: float | None = None
    rows: list[Row] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def line(self) -> str:
        """Return the row of the table."""
        live = "" if self.live_s is None else f"{self.live_s:.1f}"
        lost = ", ".join(f"{row.lost} {row.camera} at {row.between}" for row in self.rows if row.lost)
        unknown = ", ".join(
            f"{row.unknown} {row.camera} at {row.between} (may be {row.allowed})" for row in self.rows if row.unknown
        )
        books = "; ".join(filter(None, (lost and f"lost {lost}", unknown and f"in no books {unknown}"))) or "balance"
        return f"{self.began_s:7.0f} {self.lasted_s:7.1f} {live:>6}  {self.fault:<40} {books}"


HEAD = f"{'at s':>7} {'lasts s':>7} {'live s':>6}  {'fault':<40} between the stages"


def growth(lives: Iterable[Life], warm_s: float) -> list[dict[str, Any]]:
    """Return a line for each process: what it took, and whether it grew."""
    return [_growth(life, warm_s) for life in lives if life.lasted_s > warm_s]


def _growth(life: Life, warm_s: float) -> dict[str, Any]:
    """Return what one process used."""
    warm = life.warm_mb(warm_s)
    slope = life.slope(warm_s)
    return {
        "process": life.name,
        "pid": life.pid,
        "seconds": round(life.lasted_s),
        "rss_mb": [round(warm[0], 1), round(max(warm), 1), round(warm[-1], 1)],
        "slope_mb_a_minute": None if slope is None else [round(x, 3) for x in (slope.low, slope.value, slope.high)],
        "points": [[round(minutes, 2), round(mb, 2)] for minutes, mb in life.points(0)],
        "descriptors": life.files(warm_s),
        "threads": [life.uses[0].threads, life.uses[-1].threads],
        "broken": life.broken(warm_s),
    }


GROWTH_HEAD = (
    f"{'process':<12} {'lived s':>7} {'MB warm':>8} {'most':>7} {'end':>7}  {'MB a minute (95 %)':<24} descriptors"
)


def growth_line(row: dict[str, Any]) -> str:
    """Return the row of the table of processes."""
    warm, most, end = row["rss_mb"]
    slope = row["slope_mb_a_minute"]
    grows = "" if slope is None else f"{slope[1]:+.2f} ({slope[0]:+.2f} to {slope[2]:+.2f})"
    files = "" if row["descriptors"] is None else "{} → {}".format(*row["descriptors"])
    return f"{row['process']:<12} {row['seconds']:>7} {warm:>8.1f} {most:>7.1f} {end:>7.1f}  {grows:<24} {files}"


def write(
    path: Path,
    *,
    minutes: float,
    outcomes: list[Outcome],
    processes: list[dict[str, Any]],
    viewers: Iterable[Viewer],
    broken: list[str],
) -> None:
    """Write the whole report."""
    document = {
        "minutes": minutes,
        "broken": broken,
        "outcomes": [asdict(outcome) for outcome in outcomes],
        "processes": processes,
        "viewers": [{"name": one.name, "pictures": one.pictures, "endings": one.endings} for one in viewers],
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
