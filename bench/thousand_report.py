"""What `bench.bench_thousand` measured, as text."""

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.books import grown, total
from bench.latency import percentile
from bench.markdown import table
from bench.status_topic import Traffic
from bench.usage import Spent
from bench.watched_wall import Wall
from bench.websocket_viewer import Got
from shared.reports import Entry, LedgerReport
from tests.suite import Service, get

STAGES = ("producer", "consumer", "video")
MISTAKES_SHOWN = 20


@dataclass(frozen=True)
class Measured:
    """What was seen in a period.

    Attributes:
        spent: by each process but the browser's.
        before, after: newest report of each service at its ends.
        got: what the further viewer got.
        wall: what the page did.
        traffic: on `videostatus`, by service.
    """

    spent: Spent
    before: Mapping[str, Entry]
    after: Mapping[str, Entry]
    got: Got
    wall: Wall
    traffic: Mapping[str, Traffic]

    def frames(self, stage: str) -> tuple[LedgerReport, float]:
        """Return what a stage did with its frames between its two reports, and the seconds between them."""
        before, after = self.before[stage], self.after[stage]
        return grown(total(before.report.ledger), total(after.report.ledger)), (after.at - before.at) / 1e6


@dataclass(frozen=True)
class Scrape:
    """An answer of /metrics: its size, its series, and the different values of the label `camera`."""

    bytes: int
    series: int
    cameras: int


def metrics_of(service: Service) -> Scrape:
    """Return what a scrape of a service gives."""
    status, body = get(f"{service.probes}/metrics")
    if status != 200:
        raise RuntimeError(f"/metrics of {service.name}: status {status}")
    lines = body.decode().splitlines()
    cameras = {match[1] for line in lines if (match := re.search(r'[{,]camera="([^"]*)"', line))}
    return Scrape(len(body), sum(not line.startswith("#") for line in lines), len(cameras))


def text(seen: Measured, scrapes: Mapping[str, Scrape]) -> str:
    """Return the figures."""
    parts = _processes(seen), _frames(seen), _viewer(seen.got), _statuses(seen), _scrapes(scrapes), _page(seen)
    return "\n".join(itertools.chain.from_iterable(parts))


def books(wrong: Sequence[str], *, cameras: int) -> str:
    """Return what is said of the books: the first mistakes, and how many there are."""
    if not wrong:
        return f"books: those of all {cameras:,} cameras balance in {', '.join(STAGES)}"
    return "\n".join([*wrong[:MISTAKES_SHOWN], f"books: {len(wrong)} mistakes"])


def _processes(seen: Measured) -> list[str]:
    """Return a table; the frames are those that the producer wrote."""
    written, seconds = seen.frames("producer")
    rate = written.out / seconds
    spent = seen.spent
    rows = {name: (cpu_s / spent.seconds * 1e3, spent.rss_mb[name]) for name, cpu_s in spent.cpu_s.items()}
    rows["browser"] = seen.wall.browser_ms, seen.wall.browser_mb
    cells = ((name, f"{ms:.0f}", f"{ms / rate:.2f}", f"{mb:.0f}") for name, (ms, mb) in rows.items())
    return ["", *table(("process", "CPU ms a second", "CPU ms a frame", "MB"), cells)]


def _frames(seen: Measured) -> list[str]:
    lines = []
    for stage, done in zip(STAGES, ("written", "labelled", "shown"), strict=True):
        account, seconds = seen.frames(stage)
        dropped = ", ".join(f"{reason} {frames}" for reason, frames in account.dropped.items()) or "none"
        lines.append(
            f"{stage}: {account.out / seconds:.1f} frames a second {done} in {seconds:.0f} s; "
            f"dropped: {dropped}; lost before it: {account.lost_upstream}"
        )
    models = seen.after["consumer"].report.models
    return [*lines, *(f"predictions a second of {name}: {model.rate}" for name, model in models.items())]


def _viewer(got: Got) -> Iterator[str]:
    pictures = sum(got.pictures.values())
    rates = [count / got.seconds for count in got.pictures.values()]
    yield (
        f"viewer: {pictures / got.seconds:.1f} pictures a second of {len(rates)} cameras, "
        f"{min(rates, default=0):.2f} to {max(rates, default=0):.2f} of each; with a label: {got.labelled}, "
        f"of another camera or time: {got.wrong}, out of order: {got.disordered}"
    )
    p50, p99 = (percentile(got.ages_ms, share) for share in (0.5, 0.99))
    yield f"age at the viewer: p50 {p50:.0f} ms, p99 {p99:.0f} ms, max {max(got.ages_ms, default=0):.0f} ms"
    kilobytes = got.status_bytes / max(1, got.statuses) / 1e3
    yield (
        f"statuses to the viewer: {got.statuses / got.seconds:.2f} a second of {kilobytes:.0f} KB, "
        f"{got.listed:,} cameras in the last; called anything but up: "
        f"{', '.join(f'{count} {state}' for state, count in Counter(got.not_up.values()).items()) or 'none'}"
    )


def _statuses(seen: Measured) -> Iterator[str]:
    seconds = seen.spent.seconds
    rate = sum(traffic.bytes for traffic in seen.traffic.values()) / seconds
    yield f"videostatus: {rate / 1e3:.0f} KB a second"
    for service, traffic in seen.traffic.items():
        size = traffic.bytes / traffic.records
        yield f"  {service}: {traffic.records / seconds:.2f} records a second of {size / 1e3:.1f} KB"


def _scrapes(scrapes: Mapping[str, Scrape]) -> list[str]:
    cells = ((name, f"{one.series:,}", f"{one.cameras:,}", f"{one.bytes / 1e3:.0f}") for name, one in scrapes.items())
    return ["", *table(("/metrics", "series", "values of `camera`", "KB"), cells)]


def _page(seen: Measured) -> Iterator[str]:
    wall = seen.wall
    yield (
        f"page: main thread {wall.main_ms:.0f} ms a second, {wall.main_cpu_ms:.0f} of them on a processor; "
        f"longest {wall.longest_ms:.0f} ms"
    )
    yield (
        f"updates: {wall.updates / seen.spent.seconds:.2f} a second of {wall.update_kb:.0f} KB, "
        f"{wall.update_ms:.1f} ms each"
    )
    yield (
        f"wall: {sum(wall.tiles.values()):,} tiles, {dict(wall.tiles)}; {wall.in_view} in view with "
        f"{wall.pictures:.1f} pictures a second"
    )
