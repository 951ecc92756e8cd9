"""The results of a run: what was measured, and the ratios that are compared with bench/bounds.toml."""

import json
import statistics
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.scenarios.fan_out import Flow
from bench.scenarios.growth import Step
from bench.scenarios.one_camera import Round

FOLDER = Path(__file__).parent / "results"
BOUNDS = Path(__file__).parent / "bounds.toml"

Row = dict[str, Any]


@dataclass
class Results:
    """What was measured, as it goes into the JSON.

    Attributes:
        machine: what it ran on.
        tables: rows by system, by scenario.
        steps: by what grew.
        ratios: by name; the smaller the better.
        skipped: why a system was not measured, by its name.
    """

    machine: dict[str, str]
    tables: dict[str, dict[str, Row]] = field(default_factory=dict)
    steps: dict[str, list[Row]] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def write(self, file: Path) -> None:
        """Write all of it as JSON."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def read(cls, file: Path) -> "Results":
        """Return what was written."""
        return cls(**json.loads(file.read_text()))


def of_rounds(rounds: Sequence[Round]) -> Row:
    """Return the row of a system: medians over its rounds; the latency is that of all pictures of all rounds."""
    parts = {part for one in rounds for part in one.cpu_ms}
    topics = {topic for one in rounds for topic in one.kilobytes}
    every = sorted(latency for one in rounds for latency in one.latency_ms)
    return {
        "rounds": len(rounds),
        "seconds": round(sum(one.seconds for one in rounds), 1),
        "fps": median(one.fps for one in rounds),
        "cpu_ms": {part: median(one.cpu_ms.get(part, 0.0) for one in rounds) for part in sorted(parts)},
        "services_ms": median(one.services_ms for one in rounds),
        "broker_ms": median(one.cpu_ms.get("broker", 0.0) for one in rounds),
        "rss_mb": {part: median(one.rss_mb.get(part, 0.0) for one in rounds) for part in sorted(parts)},
        "latency_ms": {str(share): _of(every, share) for share in (0.5, 0.99)},
        "kilobytes": {topic: median(one.kilobytes.get(topic, 0.0) for one in rounds) for topic in sorted(topics)},
        "records_per_s": {
            topic: median(one.records_per_s.get(topic, 0.0) for one in rounds) for topic in sorted(topics)
        },
    }


def of_flows(flows: Sequence[Flow]) -> Row:
    """Return the row of a server: medians over its rounds."""
    ages = sorted(age for one in flows for age in one.ages_ms)
    return {
        "rounds": len(flows),
        "viewers": flows[0].viewers,
        "us_per_mb": median(one.cpu_us_per_mb for one in flows),
        "every_us_per_mb": [round(one.cpu_us_per_mb, 1) for one in flows],
        "cores": median(one.cores for one in flows),
        "mb_per_s": median(one.megabytes / one.seconds for one in flows),
        "least": min(one.fewest for one in flows),
        "rss_mb": median(one.rss_mb for one in flows),
        "age_ms": {str(share): _of(ages, share) for share in (0.5, 0.99)} if ages else {},
    }


def of_step(step: Step) -> Row:
    """Return a step as a row."""
    return {name: _rounded(value) for name, value in asdict(step).items()}


def ratio(table: Mapping[str, Row], ours: str, reference: str, what: str) -> dict[str, float]:
    """Return the ratio of two rows, by name; empty if one is missing."""
    if ours not in table or reference not in table or not table[reference][what]:
        return {}
    return {f"{ours} / {reference}": round(table[ours][what] / table[reference][what], 4)}


def bounds() -> dict[str, float]:
    """Return the bound of each ratio, by name."""
    found: dict[str, float] = tomllib.loads(BOUNDS.read_text())["ratios"]
    return found


def exceeded(ratios: Mapping[str, float]) -> dict[str, float]:
    """Return the ratios that are above their bounds, and those of them that were not measured as infinite."""
    return {name: ratios.get(name, float("inf")) for name, bound in bounds().items() if ratios.get(name, 1e9) > bound}


def median(values: Any) -> float:
    """Return the median, rounded."""
    return float(_rounded(statistics.median(values)))


def _of(ordered: Sequence[float], share: float) -> float:
    return float(_rounded(ordered[min(len(ordered) - 1, int(len(ordered) * share))])) if ordered else -1.0


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    return round(value, 4) if isinstance(value, float) else value
