"""Slows those who guess: an address that has failed often waits, also for the answer to its next guess.

Only guesses wait. A credential that has been right before, or that cannot be guessed, is not held up, whatever others
behind the same address do. For the event loop only.
"""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass

from video.access.identity import Denied, Refused

FREE = 10  # failures in a row that cost nothing: people mistype
FORGIVE_S = 6.0  # one failure is forgotten in so many seconds
FIRST_S = 0.25  # the first wait; each further one is twice as long
LONGEST_S = 5.0
MAX_WAITING_EACH = 8  # requests of one address that wait
MAX_WAITING = 500  # of all addresses
MAX_ADDRESSES = 10_000


@dataclass(slots=True)
class _Record:
    failures: float = 0.0
    at: float = 0.0  # monotonic, of the last look
    waiting: int = 0

    def now(self, now: float) -> float:
        """Return the failures that are not forgotten."""
        self.failures = max(0.0, self.failures - (now - self.at) / FORGIVE_S)
        self.at = now
        return self.failures


class Attempts:
    """Counts failed attempts by address; the address used longest ago makes room."""

    def __init__(self) -> None:
        self._records: OrderedDict[str, _Record] = OrderedDict()
        self._waiting = 0

    def failed(self, address: str) -> None:
        """Note a failed attempt."""
        record = self._record(address)
        record.failures = record.now(time.monotonic()) + 1

    def wait_s(self, address: str) -> float:
        """Return how long the next guess of an address waits."""
        record = self._records.get(address)
        if record is None:
            return 0.0
        beyond = record.now(time.monotonic()) - FREE
        return 0.0 if beyond < 0 else min(LONGEST_S, FIRST_S * 2 ** min(beyond, 30))

    async def turn(self, address: str) -> None:
        """Wait until an address may guess.

        Raises:
            Refused: too many of its guesses wait already.
        """
        wait_s = self.wait_s(address)
        if not wait_s:
            return
        record = self._record(address)
        if record.waiting >= MAX_WAITING_EACH or self._waiting >= MAX_WAITING:
            raise Refused(Denied.TOO_MANY_ATTEMPTS)
        record.waiting += 1
        self._waiting += 1
        try:
            await asyncio.sleep(wait_s)
        finally:
            record.waiting -= 1
            self._waiting -= 1

    def _record(self, address: str) -> _Record:
        record = self._records.get(address)
        if record is None:
            while len(self._records) >= MAX_ADDRESSES:
                self._records.popitem(last=False)
            record = self._records[address] = _Record(at=time.monotonic())
        self._records.move_to_end(address)
        return record
