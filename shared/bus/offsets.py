"""Where a reader stands on each partition, and up to where the records are in somebody's books.

Every record of a partition is to be counted once, by one of the readers that share it. So each follows the offset up
to which records have been counted. It commits that offset, with a note of what the next reader must know
(shared/frames/gaps.py: the last numbers of the cameras), once it has changed and at latest when it gives the
partition away. The next one starts at the end all the same, live video being about the newest frame, but it goes on
counting from the commit: what lies between its first record and the commit was left out by the group, and is told
with that record. A reader's own seek is the same thing: offsets that are left out. No question is put to a broker for
any of it.

Who was cut off from the group and gets a partition back goes on from what it remembers itself, if nobody else has
committed since: its memory is newer than its last commit. What a reader counted after its last commit and could not
commit any more, because it was killed or cut off, the next one counts as left out; that is at most what came in
COMMIT_EVERY_S (shared/bus/reader.py). Once the group has been formed anew, what others got is forgotten.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from shared.bus.lag import Arrivals


@dataclass(slots=True)
class PartitionOffset:
    """One partition.

    Attributes:
        counted: offset after the last record that is in somebody's books; None: nobody's books have begun.
        reads: offset of the record that is read next; None: the first one to be written from now on.
        committed: what `counted` was when it was committed last.
        arrivals: how fast the partition grows.
    """

    counted: int | None
    reads: int | None = None
    committed: int | None = None
    arrivals: Arrivals = field(default_factory=Arrivals)


class PartitionOffsets:
    """The partitions of one topic that are ours, and what is remembered of those that were; made for one thread."""

    def __init__(self) -> None:
        self.ours: dict[int, PartitionOffset] = {}
        self._remembered: dict[int, int | None] = {}
        self.have_begun = False
        """The first record of a partition was counted, and nothing has been committed since."""

    def remembers(self, partition: int) -> bool:
        """Tell whether a partition was ours before."""
        return partition in self._remembered

    def remembered(self, partition: int) -> int | None:
        """Return up to where the records of a partition that was ours were counted."""
        return self._remembered[partition]

    def forget(self) -> None:
        """Forget the partitions that are not ours: others count on from now."""
        self._remembered.clear()

    def take(self, partition: int, counted: int | None) -> None:
        """Begin with a partition whose records before an offset are in somebody's books."""
        self._remembered.pop(partition, None)
        self.ours[partition] = PartitionOffset(counted)

    def give(self, partition: int) -> None:
        """A partition is ours no longer."""
        place = self.ours.pop(partition, None)
        if place is not None:
            self._remembered[partition] = place.counted

    def begin_anew(self) -> None:
        """The topic was created in place of another: none of its records has been counted.

        What we remember of partitions that are not ours is forgotten: others have had them since, and what they
        committed has gone with the topic.
        """
        for place in self.ours.values():
            place.counted, place.committed = 0, None
        self._remembered.clear()

    def came(self, partition: int, offset: int) -> int | None:
        """Take in a record.

        Returns:
            The number of records that were left out before it; None: it is not ours to count.
        """
        place = self.ours.get(partition)
        if place is None:
            return None  # given away: the next reader counts it
        self.have_begun |= place.reads is None
        counted = offset if place.counted is None else place.counted
        place.counted = place.reads = offset + 1
        return max(0, offset - counted)  # below: the log was cut, or begins anew

    def uncommitted(self) -> dict[int, int]:
        """Return up to where records were counted, of the partitions where that was not committed."""
        return {
            partition: place.counted
            for partition, place in self.ours.items()
            if place.counted is not None and place.counted != place.committed
        }

    def counted(self, partitions: Iterable[int]) -> dict[int, int]:
        """Return up to where records were counted, of those of these partitions that are ours."""
        places = {partition: self.ours[partition] for partition in partitions if partition in self.ours}
        return {partition: place.counted for partition, place in places.items() if place.counted is not None}

    def committed(self, counted: Mapping[int, int]) -> None:
        """Note what was committed."""
        self.have_begun = False
        for partition, offset in counted.items():
            if partition in self.ours:
                self.ours[partition].committed = offset
