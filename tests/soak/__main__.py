"""Lets the whole suite run for long, with one fault after the other: `python -m tests.soak --minutes 30`.

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
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from local.kafka.parts import PartMissing, jars, java
from shared.errors import SuiteError
from tests.soak import report
from tests.soak.books import BY_HAND, Archive, Between, Moment
from tests.soak.faults import IN_ORDER, NEVER_KILLED, Fault, Ground
from tests.soak.growth import Watch
from tests.soak.parts import CAMERAS, CONSUMERS, PRODUCER, TOPIC, VIDEOS, Parts
from tests.soak.report import Outcome
from tests.soak.viewers import Page, Stream, Viewer
from tests.suite import ROOT

ARTEFACT = ROOT / "artefacts" / "soak.json"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LONG_MINUTES = 15.0  # from here on faults last long
FIRST_LIVE_S = 120.0
LIVE_AGAIN_S = 30.0  # promised are 5 s, and the table has what was seen; only a broken suite needs so long
LOOK_S = 0.02
REST_TRIES, AGAIN_S = 5, 1.0
REST_S = 2.0  # a camera that is silent for 3 s counts as frozen
STILL_S = 0.3
WARM_SHARE, MOST_WARM_S = 0.2, 180.0  # of the run
BETWEEN = (
    Between(TOPIC, (PRODUCER, BY_HAND), CONSUMERS),
    *(Between(name, CONSUMERS, (name,)) for name in VIDEOS),
)


class Interrupted(Exception):
    """A signal has come."""


FAILURES = (Interrupted, AssertionError, SuiteError)


@dataclass
class Soak:
    """One run."""

    minutes: float
    ground: Ground
    growth: Watch
    began: float = field(default_factory=time.monotonic)
    outcomes: list[Outcome] = field(default_factory=list)

    def run(self) -> None:
        """Make one fault after the other, evenly over the time, and look at what each did."""
        since = time.time()
        assert self._live_s(since, FIRST_LIVE_S) is not None, f"never live: {self._missing(since)}"
        self.began = time.monotonic()
        self.ground.archive.open(self._at_rest())
        say(report.HEAD)
        for number, fault in enumerate(IN_ORDER, start=1):
            self._wait_until(self.began + number * self.minutes * 60 / (len(IN_ORDER) + 1))
            self._look_at_calm()
            self._endure(fault)
        self._wait_until(self.began + self.minutes * 60)
        self._look_at_calm()

    def _look_at_calm(self) -> None:
        """Nothing has happened since the last fault: no frame may be missing."""
        outcome = Outcome("calm", self._now_s(), broken=self.ground.parts.exited())
        self._compare(outcome, cut_off=False)
        if any(row.lost or row.unknown for row in outcome.rows) or outcome.broken:
            self._enter(outcome)

    def _endure(self, fault: Fault) -> None:
        outcome = Outcome(fault.name, self._now_s())
        began = time.monotonic()
        try:
            fault.make(self.ground, fault.lasts_s[self.minutes >= LONG_MINUTES])
        except AssertionError as exc:
            raise AssertionError(f"{fault.name}: {exc}") from exc
        outcome.lasted_s = time.monotonic() - began
        ended = time.time()
        outcome.live_s = self._live_s(ended, LIVE_AGAIN_S)
        if outcome.live_s is None:
            outcome.broken.append(f"not live within {LIVE_AGAIN_S:.0f} s: {self._missing(ended)}")
        outcome.broken += self.ground.parts.exited()
        self._compare(outcome, cut_off=fault.cut_off)
        self._enter(outcome)

    def _compare(self, outcome: Outcome, *, cut_off: bool) -> None:
        """Enter what has become of the frames since the books were last compared."""
        archive = self.ground.archive
        try:
            for _ in range(REST_TRIES):
                moment = self._at_rest()
                outcome.rows = archive.close(moment, cut_off=cut_off)
                if not any(row.broken for row in outcome.rows):
                    break
                time.sleep(AGAIN_S)  # a frame may have been on its way all that time; what is missing stays so
            archive.open(moment)
        except AssertionError as exc:
            outcome.broken.append(str(exc))
            return
        self.growth.calm()
        outcome.broken += [f"{row.between}, {row.camera}: {row.broken}" for row in outcome.rows if row.broken]

    def _at_rest(self) -> Moment:
        """Return the books when no frame is on its way.

        Raises:
            AssertionError: they do not come to rest, or those of a stage do not balance.
        """
        for _ in range(REST_TRIES):
            with self.ground.parts.hush():
                deadline = time.monotonic() + REST_S
                last = self.ground.archive.read()
                while time.monotonic() < deadline:
                    time.sleep(STILL_S)
                    now = self.ground.archive.read()
                    if now == last:
                        return now
                    last = now
            time.sleep(AGAIN_S)
        raise AssertionError("the books do not come to rest while the cameras are silent")

    def _live_s(self, since: float, within_s: float) -> float | None:
        """Return how long it takes until every viewer sees all as it is after a time; None: longer."""
        began = time.monotonic()
        while not all(viewer.is_live(since) for viewer in self.ground.viewers):
            if time.monotonic() - began > within_s:
                return None
            time.sleep(LOOK_S)
        return time.monotonic() - began

    def _missing(self, since: float) -> str:
        missing = [f"{viewer.name}: {', '.join(viewer.missing(since))}" for viewer in self.ground.viewers]
        return "; ".join(line for line in missing if not line.endswith(": "))

    def _enter(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        say(outcome.line())

    def _now_s(self) -> float:
        return time.monotonic() - self.began

    def _wait_until(self, at: float) -> None:
        time.sleep(max(0.0, at - time.monotonic()))


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
    """Start everything, soak, write what was seen, and return the broken promises."""
    broken: list[str] = []
    with contextlib.ExitStack() as stack:
        try:
            parts = stack.enter_context(Parts(folder, say))
        except FAILURES as exc:
            return [f"it did not start: {exc}"]
        growth = stack.enter_context(Watch(parts.processes))
        viewers = _viewers(parts)
        soak = Soak(minutes, Ground(parts, Archive(CAMERAS, BETWEEN, lambda: parts.services), viewers), growth)
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
    """Return whose connection ended although nobody had killed the replica that they watch."""
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
