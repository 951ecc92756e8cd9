"""Finds frames that never came: gaps in the numbers that the stage before wrote on them.

The producer numbers what it sends by `run` and `seq`. The consumer keeps these, and numbers what it sends itself by
`imprinted-run` and `imprinted-seq`, because it leaves frames out and says so in its own ledger; so `video` can tell
frames lost on the bus from frames that the consumer dropped.

A gap is counted once, when the camera's next frame shows it. Up to the number of records of the partition that the
reader left out since the camera's last frame (by its own seek, or before it took the partition over) it is `skipped`;
the rest was lost on the way. The last numbers outlive a partition: they stay in memory when it is revoked, and go to
the next reader with the commit (shared/bus/offsets.py).

A frame that arrives after one with a higher number is late: the gap that it left was counted when that one arrived. It
happens when brokers were frozen and at last accept what a connection that was given up had sent.

Anyone may write any number to the bus. So a gap that is larger than can have been lost, and a row of late frames that
is longer than can be late, mean that the numbers began again; nothing is then counted as lost.
"""

import json
from dataclasses import dataclass, field

from shared.frames.frame import Frame

RUNS = 4  # followed for each camera: consumers that take turns, a producer that was restarted
LATEST = 1000  # numbers behind the highest one: a frame further back is not late, its numbers begin again
MOST_LATE = 64  # in a row; a connection that was given up holds 8 (shared/frames/writer.py, WINDOW)
LARGEST_GAP = 5000  # frames: more than three minutes at 25 a second, without a frame that was left out here
LARGEST_NOTE = 4000  # bytes; brokers take 4096 with a commit (offset.metadata.max.bytes)


@dataclass(frozen=True, slots=True)
class Gap:
    """Frames of one camera missing before a frame.

    Attributes:
        skipped: left out by this reader.
        lost: lost before they reached it.
        renumbered: the numbers began again somewhere else, so that nothing can be said about missing frames.
    """

    skipped: int = 0
    lost: int = 0
    renumbered: bool = False


@dataclass(slots=True)
class _Camera:
    partition: int
    last: dict[int, int] = field(default_factory=dict)  # run -> highest number; the run of the newest frame is last
    leaps_seen: int = 0
    late: int = 0  # late frames in a row


@dataclass(slots=True)
class _LeftOut:
    leaps: int = 0  # how often records of the partition were left out
    records: int = 0  # those of them that no gap has been put down to yet


class Gaps:
    """Follows the numbers of every camera on the partitions of one topic. Not thread-safe: use from one thread."""

    def __init__(self) -> None:
        self._cameras: dict[str, _Camera] = {}
        self._left_out: dict[int, _LeftOut] = {}

    def left_out(self, partition: int, records: int) -> None:
        """Note how many records were left out before the one that `before` is asked about next."""
        left_out = self._left_out.setdefault(partition, _LeftOut())
        left_out.leaps += 1
        left_out.records += records

    def before(self, frame: Frame, partition: int) -> Gap | None:
        """Return what is missing between the camera's last frame and this one, and remember this one.

        Returns:
            None if the frame is late or came twice; it is in the books already.
        """
        run, number = frame.numbering or (frame.run, frame.seq)
        left_out = self._left_out.get(partition, _LeftOut())
        camera = self._cameras.pop(frame.camera, None) or _Camera(partition)
        self._cameras[frame.camera] = camera  # the camera of the newest frame is last
        if camera.partition != partition:  # the topic got more of them
            camera.partition, camera.leaps_seen = partition, 0
        last = camera.last.pop(run, None)
        if last is not None and last - LATEST < number <= last and camera.late < MOST_LATE:
            camera.last[run] = last
            camera.late += 1
            return None
        camera.late = 0
        camera.last[run] = number
        while len(camera.last) > RUNS:
            del camera.last[next(iter(camera.last))]
        leapt, camera.leaps_seen = left_out.leaps > camera.leaps_seen, left_out.leaps
        missing = max(0, number - 1 - (last or 0))
        skipped = self._take(partition, missing) if leapt else 0
        # A run that is new to this reader may have begun earlier: what is missing of it, apart from what was left out
        # here, cannot be known.
        lost = 0 if last is None else missing - skipped
        if lost > LARGEST_GAP or (last is not None and number <= last):
            return Gap(skipped=skipped, renumbered=True)
        return Gap(skipped=skipped, lost=lost)

    def forget(self, camera: str) -> None:
        """Forget a camera's numbers."""
        self._cameras.pop(camera, None)

    def before_unnumbered(self, partition: int) -> Gap:
        """Return what is missing before a frame without numbers: all that was left out of its partition."""
        return Gap(skipped=self._take(partition, self._left_out.get(partition, _LeftOut()).records))

    def note(self, partition: int) -> str:
        """Return what another reader of the partition needs to continue: the last number of each camera.

        If there are more cameras than fit into a commit: those with the newest frames.
        """
        parts: list[str] = []
        size = 2
        for name, camera in reversed(self._cameras.items()):
            if camera.partition != partition or not camera.last:
                continue
            run, number = next(reversed(camera.last.items()))
            part = f'"{name}":[{run},{number}]'
            size += len(part) + 1
            if size > LARGEST_NOTE:
                break
            parts.append(part)
        return "{" + ",".join(parts) + "}"

    def assigned(self, partition: int, note: str | None) -> None:
        """Continue with a partition: where another reader ended, by its note, otherwise with what is remembered.

        A note of another form is ignored.
        """
        if note is None:
            return
        self._cameras = {name: camera for name, camera in self._cameras.items() if camera.partition != partition}
        self._left_out.pop(partition, None)
        try:
            numbers = {str(name): (int(run), int(number)) for name, (run, number) in json.loads(note).items()}
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            return
        for name, (run, number) in reversed(numbers.items()):
            self._cameras[name] = _Camera(partition, {run: number})

    def _take(self, partition: int, most: int) -> int:
        left_out = self._left_out.get(partition, _LeftOut())
        taken = min(most, left_out.records)
        left_out.records -= taken
        return taken
