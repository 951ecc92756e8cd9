"""One soak: a fault, a check of its effect, a calm period, and the next fault."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.soak import report
from tests.soak.books import Moment
from tests.soak.faults import IN_ORDER, Fault, Ground
from tests.soak.growth import Watch
from tests.soak.report import Outcome

LONG_MINUTES = 15.0  # from here on faults last longer
FIRST_LIVE_S = 120.0
LIVE_AGAIN_S = 60.0  # the promise is 5 s, and the table has what was measured; only a broken suite needs this long
LOOK_S = 0.02
REST_TRIES, AGAIN_S = 5, 1.0
REST_S = 2.0  # a camera that is silent for 3 s counts as frozen
STILL_S = 0.3


@dataclass
class Soak:
    """One run."""

    minutes: float
    ground: Ground
    growth: Watch
    say: Callable[[str], None]
    began: float = field(default_factory=time.monotonic)
    outcomes: list[Outcome] = field(default_factory=list)
    cut_offs: int = 0

    def run(self) -> None:
        """Cause one fault after another, spread evenly over the time, and check the effect of each."""
        since = time.time()
        assert self._live_s(since, FIRST_LIVE_S) is not None, f"never live: {self._missing(since)}"
        self.began = time.monotonic()
        self.ground.archive.open(self._at_rest())
        self.say(report.HEAD)
        for number, fault in enumerate(IN_ORDER, start=1):
            self._wait_until(self.began + number * self.minutes * 60 / (len(IN_ORDER) + 1))
            self._look_at_calm()
            self._endure(fault)
        self._wait_until(self.began + self.minutes * 60)
        self._look_at_calm()

    def _look_at_calm(self) -> None:
        """Nothing has happened since the last fault, so no frame may be missing."""
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
        """Record what happened to the frames since the ledgers were last compared."""
        archive = self.ground.archive
        try:
            for _ in range(REST_TRIES):
                moment = self._at_rest()
                cut_offs = self.ground.parts.cut_offs()
                outcome.rows = archive.close(moment, cut_off=cut_off or cut_offs > self.cut_offs)
                if not any(row.broken for row in outcome.rows):
                    break
                time.sleep(AGAIN_S)  # a frame may have been on its way all that time; a missing one stays missing
            archive.open(moment)
            self.cut_offs = cut_offs
        except AssertionError as exc:
            outcome.broken.append(str(exc))
            return
        self.growth.calm()
        outcome.broken += [f"{row.between}, {row.camera}: {row.broken}" for row in outcome.rows if row.broken]

    def _at_rest(self) -> Moment:
        """Return the ledgers when no frame is on its way.

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
        self.say(outcome.line())

    def _now_s(self) -> float:
        return time.monotonic() - self.began

    def _wait_until(self, at: float) -> None:
        time.sleep(max(0.0, at - time.monotonic()))
