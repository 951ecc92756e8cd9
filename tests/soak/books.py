"""Checks that every frame is accounted for, between the stages and across killed processes.

Between two stages: Σ out of the first = Σ in + Σ lost_upstream of the second, over all instances, the dead included.
What is left over is compared with what it was before a fault. It may only have changed where the fault has taken books
away with it, and then by no more frames than can have been on their way in that time:

- A killed process has last told its books just before it was killed; what it did in the milliseconds since is unknown.
- A consumer that is killed or cut off could not commit what it counted last; the next one counts it again, as skipped
  (shared/bus/offsets.py).
- Where the bus loses the last frames of a sender, the next stage sees no gap before that sender sends again
  (shared/frames/gaps.py): they are in no books until then, or for ever if the camera has moved. So are those
  which a deleted topic takes with it from a consumer that gets other partitions of the new one.
- A replica of `video` that is started again counts from its first position on; what was written before is in no books.

All are reported, with their bounds. Nothing is computed as a remainder and then called explained. And what a stage
calls lost must have been noticed by somebody who writes: a bus that loses frames does not answer, or refuses some.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from shared.frames.ledger import Reason
from tests.suite import Books, Service
from tests.waiting import wait_until

MOST_FPS = 50  # of one camera: twice its rate, because delayed frames arrive faster
ON_THE_WAY = 8  # frames of one camera that a stage sends without an answer (shared/frames/writer.py)
UNCOMMITTED_S = 1.5  # shared/bus/commits.py commits every 0.2 s; a busy machine may be late
NONE = Books(0, 0, {}, 0)
BY_HAND = "by hand"  # the part that stands for records that the soak itself writes

Sheet: TypeAlias = dict[str, Books]
"""Camera -> books."""


@dataclass(frozen=True)
class Between:
    """Two stages that follow each other.

    Attributes:
        name: of what lies between.
        before: names of the first stage's parts.
        after: names of the second stage's parts; if there are several, they share the frames.
    """

    name: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True)
class Range:
    """A range of frames."""

    low: int = 0
    high: int = 0

    def __contains__(self, frames: int) -> bool:
        return self.low <= frames <= self.high

    def __str__(self) -> str:
        return f"{self.low} to {self.high}"


@dataclass
class Row:
    """What a fault did to the books between two stages, for one camera.

    Attributes:
        between: name of what lies between them.
        camera: its id.
        lost: frames that the second stage calls lost.
        noticed: frames that anybody dropped because the bus did not answer, or refused.
        unknown: frames that went out of the first stage, and are in no books of the second.
        allowed: how many these may be.
        owed: frames that were in no books before; the camera's next frame shows them as lost.
    """

    between: str
    camera: str
    lost: int
    noticed: int
    unknown: int
    allowed: Range
    owed: int = 0

    @property
    def broken(self) -> str:
        """What is not explained; empty if everything is."""
        if self.unknown not in self.allowed:
            return f"{self.unknown} frames are in no books, and {self.allowed} may be"
        if self.lost > self.owed and not self.noticed:
            return f"{self.lost} frames were lost, and the bus had not been silent"
        return ""


@dataclass
class Archive:
    """The ledgers of all parts, running or killed."""

    cameras: tuple[str, ...]
    betweens: tuple[Between, ...]
    parts: Callable[[], dict[str, Service]]
    written_by_hand: Counter[str] = field(default_factory=Counter)
    """Camera -> records that the soak itself wrote."""
    _dead: dict[str, list[Sheet]] = field(default_factory=dict)
    _untold_s: dict[str, float] = field(default_factory=dict)
    _before: "Moment | None" = None

    def bury(self, name: str, kill: Callable[[], object]) -> None:
        """Kill a part, and read its ledger as late as possible before."""
        sheet, began = self._read(name), time.monotonic()
        kill()
        self._dead.setdefault(name, []).append(sheet)
        self._untold_s[name] = self._untold_s.get(name, 0.0) + time.monotonic() - began

    def read(self) -> "Moment":
        """Return all ledgers as they are now.

        Raises:
            AssertionError: a part does not answer, or the books of a stage do not balance.
        """
        living = {name: self._read(name) for name in self.parts()}
        names = living.keys() | self._dead.keys()
        sheets = {name: _sum([living.get(name, {}), *self._dead.get(name, [])]) for name in names}
        sheets[BY_HAND] = {camera: replace(NONE, out=records) for camera, records in self.written_by_hand.items()}
        return Moment(sheets)

    def open(self, moment: "Moment") -> None:
        """Begin a new entry: from now on, compare what has changed since this moment."""
        self._before = moment
        self._untold_s.clear()

    def close(self, moment: "Moment", *, cut_off: bool) -> list[Row]:
        """Return what has changed since the entry was opened.

        Args:
            moment: when nothing was on its way.
            cut_off: consumers may have lost what they read before they could commit.
        """
        assert self._before is not None
        rows = []
        for between in self.betweens:
            for camera in self.cameras:
                sent = moment.out(between, camera) - self._before.out(between, camera)
                left_over = moment.left_over(between, camera) - self._before.left_over(between, camera)
                lost = moment.lost(between, camera) - self._before.lost(between, camera)
                noticed = moment.noticed() - self._before.noticed()
                owed = max(0, self._before.left_over(between, camera))
                allowed = self._allowed(between, sent, owed, cut_off=cut_off)
                rows.append(Row(between.name, camera, lost, noticed, left_over, allowed, owed))
        return rows

    def _allowed(self, between: Between, sent: int, owed: int, *, cut_off: bool) -> Range:
        """Return how many frames may be in no books, or (less than none) in two.

        Args:
            between: the stages.
            sent: frames that went out of the first one.
            owed: frames that were in no books before.
            cut_off: as for `close`.
        """
        died = any(name in self._untold_s for name in between.after)
        low, high = -self._untold(between.before), self._untold(between.after)
        if cut_off:
            high += ON_THE_WAY * len(between.before)
        if len(between.after) > 1:
            return Range(low - owed - (math.ceil(UNCOMMITTED_S * MOST_FPS) if died or cut_off else 0), high)
        return Range(low - owed, sent if died else high)

    def _untold(self, names: Iterable[str]) -> int:
        """Return how many frames of a camera killed parts can have dealt with after they had told their books."""
        untold_s = [self._untold_s[name] for name in names if name in self._untold_s]
        return sum(math.ceil(seconds * MOST_FPS) + ON_THE_WAY for seconds in untold_s)

    def _read(self, name: str) -> Sheet:
        service = self.parts()[name]
        sheet: Sheet = {}

        def told() -> bool:
            sheet.update(service.ledger())
            return bool(sheet)

        wait_until(told, f"{name} tells its books")
        for camera, books in sheet.items():
            assert books.balance, f"the books of {name} do not balance for {camera}: {books}"
        return sheet


@dataclass(frozen=True)
class Moment:
    """The ledgers of all parts at one time, including those of killed parts."""

    sheets: dict[str, Sheet]

    def out(self, between: Between, camera: str) -> int:
        """Return the frames that left the first stage."""
        return sum(self._of(name, camera).out for name in between.before)

    def left_over(self, between: Between, camera: str) -> int:
        """Return the frames that went out of the first stage, and are in no books of the second, as in or as lost."""
        books = [self._of(name, camera) for name in between.after]
        return self.out(between, camera) - sum(one.arrived + one.lost_upstream for one in books)

    def lost(self, between: Between, camera: str) -> int:
        """Return the frames that the second stage counts as lost."""
        return sum(self._of(name, camera).lost_upstream for name in between.after)

    def noticed(self) -> int:
        """Return the frames that any stage dropped because of the bus."""
        dropped = [books.dropped for sheet in self.sheets.values() for books in sheet.values()]
        return sum(
            one.get(reason, 0) for one in dropped for reason in (Reason.BROKER_UNAVAILABLE, Reason.BROKER_REFUSED)
        )

    def _of(self, name: str, camera: str) -> Books:
        return self.sheets.get(name, {}).get(camera, NONE)


def _sum(sheets: list[Sheet]) -> Sheet:
    total: Sheet = {}
    for sheet in sheets:
        for camera, books in sheet.items():
            total[camera] = _added(total.get(camera, NONE), books)
    return total


def _added(one: Books, other: Books) -> Books:
    reasons = one.dropped.keys() | other.dropped.keys()
    return replace(
        one,
        arrived=one.arrived + other.arrived,
        out=one.out + other.out,
        dropped={reason: one.dropped.get(reason, 0) + other.dropped.get(reason, 0) for reason in sorted(reasons)},
        lost_upstream=one.lost_upstream + other.lost_upstream,
    )
