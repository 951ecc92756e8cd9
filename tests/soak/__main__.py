"""Runs the whole suite for a long time, with one fault after another: `python -m tests.soak --minutes 30`.

A real Kafka, an RTSP and an MJPEG camera at 25 frames a second, the real model, two consumers in a group, two replicas
of `video` and six viewers. After each fault: live again at every viewer, nobody has exited, the books of each stage
balance, and between the stages no frame is unexplained (books.py). Over the run: no process grows in memory or
descriptors (growth.py). What was seen goes to standard output and to `artefacts/soak.json`, what the parts said to
`artefacts/soak/`; every broken promise is a line at the end, and makes the status 1.
"""

import argparse
import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import FrameType

from local.kafka.parts import PartMissing, jars, java
from shared.errors import SuiteError
from tests.soak import report
from tests.soak.books import BY_HAND, Archive, Between
from tests.soak.faults import NEVER_KILLED, Ground
from tests.soak.growth import Watch
from tests.soak.parts import CAMERAS, CONSUMERS, PRODUCER, TOPIC, VIDEOS, Parts
from tests.soak.run import Soak
from tests.soak.viewers import Page, Stream, Viewer
from tests.suite import ROOT

ARTEFACT = ROOT / "artefacts" / "soak.json"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WARM_SHARE, MOST_WARM_S = 0.2, 180.0  # of the run
BETWEEN = (
    Between(TOPIC, (PRODUCER, BY_HAND), CONSUMERS),
    *(Between(name, CONSUMERS, (name,)) for name in VIDEOS),
)


class Interrupted(Exception):
    """A signal has arrived."""


FAILURES = (Interrupted, AssertionError, SuiteError)


def main(argv: Sequence[str] | None = None) -> int:
    """Soak; return the status to exit with."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__.partition(":")[0])
    parser.add_argument("--minutes", type=float, default=30.0, help="how long, after the start [%(default)g]")
    options = parser.parse_args(argv)
    try:
        java()
        jars()
    except PartMissing as exc:
        sys.stderr.write(f"soak: {exc}\n")
        return int(os.environ.get("REQUIRE_ALL") == "1")
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        broken = _soak(options.minutes, Path(folder))
    for line in broken:
        say(f"broken: {line}")
    return int(bool(broken))


def _soak(minutes: float, folder: Path) -> list[str]:
    """Start everything, soak, write the report, and return the broken promises."""
    broken: list[str] = []
    with contextlib.ExitStack() as stack:
        try:
            parts = stack.enter_context(Parts(folder, say))
        except FAILURES as exc:
            return [f"it did not start: {exc}"]
        growth = stack.enter_context(Watch(parts.processes))
        viewers = _viewers(parts)
        soak = Soak(minutes, Ground(parts, Archive(CAMERAS, BETWEEN, lambda: parts.services), viewers), growth, say)
        try:
            with contextlib.ExitStack() as watching:
                for viewer in viewers:
                    watching.enter_context(viewer)
                soak.run()
            broken += [f"{name} ended with status {status}" for name, status in parts.end().items() if status]
        except FAILURES as exc:
            broken.append(str(exc))
        parts.write_logs(ARTEFACT.with_suffix(""))
    broken[:0] = [f"{outcome.fault}: {line}" for outcome in soak.outcomes for line in outcome.broken]
    broken += _sent_away(viewers, parts.ports[NEVER_KILLED])
    processes = report.growth(growth.lives.values(), min(MOST_WARM_S, minutes * 60 * WARM_SHARE))
    broken += [f"{row['process']}: {line}" for row in processes for line in row["broken"]]
    say(report.GROWTH_HEAD)
    for row in processes:
        say(report.growth_line(row))
    report.write(ARTEFACT, minutes=minutes, outcomes=soak.outcomes, processes=processes, viewers=viewers, broken=broken)
    return broken


def _viewers(parts: Parts) -> list[Viewer]:
    found: list[Viewer] = []
    for name, port in parts.ports.items():
        found += [Stream(f"{camera} at {name}", port, [camera]) for camera in CAMERAS]
        found.append(Page(f"page at {name}", port, CAMERAS))
    return found


def _sent_away(viewers: Iterable[Viewer], port: int) -> list[str]:
    """Return the viewers whose connection ended although their replica was not killed."""
    return [f"{viewer.name}: {reason}" for viewer in viewers if viewer.port == port for reason in viewer.endings]


def _interrupt(number: int, _frame: FrameType | None) -> None:
    for each in SIGNALS:  # the end is under way: one is enough
        signal.signal(each, signal.SIG_IGN)
    raise Interrupted(f"interrupted by {signal.Signals(number).name}")


def say(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
