"""The ids of events: the position in the topic behind an event, in all partitions.

    q8Zf3kLm.2s.0..1f     in the topic that `q8Zf3kLm` identifies: the next offsets of partitions 0, 1 and 3 in base 36;
                          that of partition 2 is unknown

An id means the same to every replica of the service, before and after a restart: it names offsets of the topic, and
which topic of that name it was. With one id for all partitions, an event tells a reader where to resume in all of them.
"""

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass

MAX_PARTITIONS = 300  # of a topic whose events have ids: with more, an id would be longer than most events
MAX_ID = 8 + 14 * MAX_PARTITIONS  # characters
MAX_OFFSET = 2**63 - 1  # Kafka's offsets are signed 64-bit numbers
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_ID = re.compile(rf"([A-Za-z0-9_-]{{8}})((?:\.[0-9a-z]{{0,13}}){{1,{MAX_PARTITIONS}}})")


@dataclass(frozen=True, slots=True)
class Position:
    """A position in a topic.

    Attributes:
        log: identifies the topic among all that have had its name; see `token_of`.
        offsets: of the next record by partition; a partition that is missing is unknown.
    """

    log: str
    offsets: Mapping[int, int]


def token_of(log_id: str) -> str:
    """Return eight characters that stand for a topic's id."""
    return urlsafe_b64encode(hashlib.sha256(log_id.encode()).digest()[:6]).decode()


def read_position(text: str) -> Position | None:
    """Return the position that an id names; None if it is not one of ours."""
    found = _ID.fullmatch(text)
    if found is None:
        return None
    offsets = {number: int(digits, 36) for number, digits in enumerate(found[2].split(".")[1:]) if digits}
    if any(offset > MAX_OFFSET for offset in offsets.values()):
        return None
    return Position(found[1], offsets)


class PositionWriter:
    """Writes the id of each position that follows another; only the offset that has changed is converted."""

    def __init__(self, position: Position) -> None:
        self._log = position.log
        self._offsets = dict(position.offsets)
        partitions = range(max(position.offsets, default=-1) + 1)
        self._digits = [base36(position.offsets[at]) if at in position.offsets else "" for at in partitions]

    @property
    def position(self) -> Position:
        """The position that was last written."""
        return Position(self._log, dict(self._offsets))

    def advance(self, partition: int, offset: int) -> None:
        """Go to an offset of a partition."""
        self._offsets[partition] = offset
        self._digits += [""] * (partition + 1 - len(self._digits))
        self._digits[partition] = base36(offset)

    def text(self) -> str:
        """Return the id; empty if there is none for so many partitions, or none known."""
        if not 0 < len(self._digits) <= MAX_PARTITIONS:
            return ""
        return f"{self._log}.{'.'.join(self._digits)}"


def base36(number: int) -> str:
    """Return a whole number from 0 on in base 36, as `int(text, 36)` reads it.

    >>> base36(0), base36(35), base36(36)
    ('0', 'z', '10')
    """
    digits = ""
    while number >= 36:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return _DIGITS[number] + digits
