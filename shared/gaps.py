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
        """Note that our own seek left out so many records of a partition."""
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
        self._cameras[frame.camera] = _Camera(frame.run, frame.seq, frame.numbering, partition, seeks)
        if last is None:
            return Gap()
        missing = _missing(last, frame)
        if missing <= 0:
            return Gap()
        skipped = 0
        if seeks > last.seeks_seen:
            skipped = min(missing, self._unread.get(partition, 0))
            self._unread[partition] -= skipped
        return Gap(skipped=skipped, lost=missing - skipped)


def _missing(last: _Camera, frame: Frame) -> int:
    if last.numbering and frame.numbering and last.numbering[0] == frame.numbering[0]:
        return frame.numbering[1] - last.numbering[1] - 1
    if last.run == frame.run:
        return frame.seq - last.seq - 1
    return 0
