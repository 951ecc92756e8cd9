"""Compares the frames of a camera that arrive with those that its producer has counted."""

from shared.reports import Entry

LATE_US = 2_000_000  # a frame is counted when the broker has it, which may be so long after its capture


class Arrivals:
    """Whether a camera is slow, or its frames are lost on the way: both leave the picture as it is for a while."""

    def __init__(self) -> None:
        self._counted: tuple[str, int] | None = None
        self._counted_at = 0
        self._grown_after: int | None = None

    def note(self, camera: str, producer: Entry) -> None:
        """Note what a producer has counted; the same report may come again."""
        if producer.at == self._counted_at or (account := producer.report.ledger.get(camera)) is None:
            return
        counted = producer.instance, account.out
        if self._counted is not None and counted != self._counted and account.out:
            self._grown_after = self._counted_at
        self._counted, self._counted_at = counted, producer.at

    def complete(self, captured_at: int) -> bool:
        """Return whether everything that is known to be written has arrived.

        Args:
            captured_at: of the newest frame that arrived, microseconds since the epoch by the producer's clock.
        """
        if self._counted is None:
            return False
        return self._grown_after is None or captured_at >= self._grown_after - LATE_US
