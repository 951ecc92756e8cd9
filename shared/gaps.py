"""Finds frames that never came: gaps in the numbers that the stage before wrote on them.

The producer numbers what it sends by `run` and `seq`. The consumer keeps these, and numbers what it sends itself by
`imprinted-run` and `imprinted-seq`, because it leaves frames out and says so in its own ledger; so `video` can tell
frames lost on the bus from frames that the consumer dropped.
"""

from dataclasses import dataclass

from shared.frame import Frame


@dataclass(frozen=True, slots=True)
class Gap:
    """Frames of one camera missing before a frame: skipped by our own seek, or lost before they came here."""

    skipped: int = 0
    lost: int = 0


@dataclass(slots=True)
class _Camera:
    run: int
    seq: int
    numbering: tuple[int, int] | None
    partition: int
    seeks_seen: int


class Gaps:
    """Follows the numbers of every camera on the partitions of one topic; not safe for several threads."""

    def __init__(self) -> None:
        self._cameras: dict[str, _Camera] = {}
        self._seeks: dict[int, int] = {}
        self._unread: dict[int, int] = {}

    def sought(self, partition: int, records: int) -> None:
        """Note that our own seek left out so many records, after those that `before` was asked about."""
        self._seeks[partition] = self._seeks.get(partition, 0) + 1
        self._unread[partition] = self._unread.get(partition, 0) + records

    def assigned(self, partition: int) -> None:
        """Note that reading of a partition starts anew: what came before is not ours to count."""
        self._cameras = {name: last for name, last in self._cameras.items() if last.partition != partition}
        self._seeks.pop(partition, None)
        self._unread.pop(partition, None)

    def before(self, frame: Frame, partition: int) -> Gap:
        """Return what is missing between the camera's last frame and this one, and remember this one."""
        seeks = self._seeks.get(partition, 0)
        last = self._cameras.get(frame.camera)
        missing = 0 if last is None else _missing(last, frame)
        if last is not None and missing < 0:
            return Gap()  # late, or there already: what comes next follows the newest
        self._cameras[frame.camera] = _Camera(frame.run, frame.seq, frame.numbering, partition, seeks)
        if last is None or missing == 0:
            return Gap()
        skipped = self._take_unread(partition, missing) if seeks > last.seeks_seen else 0
        return Gap(skipped=skipped, lost=missing - skipped)

    def before_unnumbered(self, partition: int) -> Gap:
        """Return what is missing before a frame without numbers: all that our own seeks left out of its partition."""
        return Gap(skipped=self._take_unread(partition, self._unread.get(partition, 0)))

    def _take_unread(self, partition: int, most: int) -> int:
        taken = min(most, self._unread.get(partition, 0))
        self._unread[partition] = self._unread.get(partition, 0) - taken
        return taken


def _missing(last: _Camera, frame: Frame) -> int:
    """Return the number of frames between two; -1: the second is not after the first."""
    if last.numbering and frame.numbering:
        # Another numbering is another consumer's or a new start's: what lies between never went out to us.
        return _between(last.numbering, frame.numbering)
    return _between((last.run, last.seq), (frame.run, frame.seq))


def _between(last: tuple[int, int], next_: tuple[int, int]) -> int:
    if last[0] != next_[0]:
        return 0
    return max(-1, next_[1] - last[1] - 1)
