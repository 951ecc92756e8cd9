"""Tracks which offset a reader has reached on each partition, and up to which offset all records are accounted for.

Each record of a partition is to be counted exactly once, by one of the readers that share the partition. So each reader
tracks the offset up to which records are accounted for. It commits that offset when it has changed, and at the latest
when the partition is revoked. The commit's metadata hold what the next reader must know (shared/frames/gaps.py: the
last numbers of the cameras). The next reader starts at the end nevertheless, because live video is about the newest
frame, but it continues to count from the commit: the group left out the records between the commit and its first
record, and that record says how many they were. A reader's own seek works the same way: it leaves offsets out. None of
this asks a broker anything.

A reader that was cut off from the group and regains a partition resumes from its own offsets, if no other reader has
committed since: they are newer than its last commit. Records that a reader accounted for after its last commit, and
could not commit because it was killed or cut off, are counted as left out by the next reader. They are at most those
that arrived within COMMIT_EVERY_S (shared/bus/commits.py). Once the group has rebalanced, the offsets of partitions
that went to others are forgotten.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from shared.bus.lag import Arrivals


@dataclass(slots=True)
class PartitionOffset:
    """The offsets of one partition.

    Attributes:
        accounted: offset after the last record that is accounted for; None until the first record arrives where no
            reader has counted before.
        position: offset of the next record to read; None until the first record arrives.
        committed: value of `accounted` at the last commit.
        high_watermark: offset of the next record to be written, as the brokers last said; None while it is unknown.
        arrivals: how fast the partition grows.
    """

    accounted: int | None
    position: int | None = None
    committed: int | None = None
    high_watermark: int | None = None
    arrivals: Arrivals = field(default_factory=Arrivals)


class PartitionOffsets:
    """The partitions of one topic that this reader has, and what it remembers of those that it had.

    Not thread-safe: use from one thread.

    Attributes:
        assigned: offsets by partition.
        start_is_uncommitted: the first record of a partition has been accounted for since the last commit.
    """

    def __init__(self) -> None:
        self.assigned: dict[int, PartitionOffset] = {}
        self.start_is_uncommitted = False
        self._remembered: dict[int, int | None] = {}

    def remembers(self, partition: int) -> bool:
        """Return whether this reader had a partition before."""
        return partition in self._remembered

    def remembered(self, partition: int) -> int | None:
        """Return the offset up to which a partition that this reader had is accounted for.

        Raises:
            KeyError: it never had the partition, or has forgotten it.
        """
        return self._remembered[partition]

    def forget(self) -> None:
        """Forget the partitions that are not assigned: other readers count their records from now on."""
        self._remembered.clear()

    def assign(self, partition: int, accounted: int | None) -> None:
        """Start with a partition whose records before an offset are accounted for."""
        self._remembered.pop(partition, None)
        self.assigned[partition] = PartitionOffset(accounted)

    def revoke(self, partition: int) -> None:
        """Stop with a partition, and remember its offset."""
        offset = self.assigned.pop(partition, None)
        if offset is not None:
            self._remembered[partition] = offset.accounted

    def topic_recreated(self) -> None:
        """The topic was deleted and created again: none of its records is accounted for.

        What is remembered of partitions that are not assigned is forgotten: other readers have had them since, and
        their commits have gone with the topic.
        """
        for offset in self.assigned.values():
            offset.accounted, offset.committed = 0, None
        self._remembered.clear()

    def advance(self, partition: int, offset: int) -> int | None:
        """Account for a record.

        Returns:
            The number of records that were left out before it, or None if its partition is not assigned (any more):
            another reader counts the record.
        """
        at = self.assigned.get(partition)
        if at is None:
            return None
        self.start_is_uncommitted |= at.position is None
        accounted = offset if at.accounted is None else at.accounted
        at.accounted = at.position = offset + 1
        return max(0, offset - accounted)  # a lower offset: the log was truncated, or starts again

    def uncommitted(self) -> dict[int, int]:
        """Return the accounted offset of each partition where it has changed since the last commit."""
        return {
            partition: at.accounted
            for partition, at in self.assigned.items()
            if at.accounted is not None and at.accounted != at.committed
        }

    def accounted(self, partitions: Iterable[int]) -> dict[int, int]:
        """Return the accounted offset of each of these partitions that is assigned and has one."""
        wanted = {partition: self.assigned[partition] for partition in partitions if partition in self.assigned}
        return {partition: at.accounted for partition, at in wanted.items() if at.accounted is not None}

    def mark_committed(self, accounted: Mapping[int, int]) -> None:
        """Remember what was committed."""
        self.start_is_uncommitted = False
        for partition, offset in accounted.items():
            if partition in self.assigned:
                self.assigned[partition].committed = offset
