"""How long a camera may be silent: some send 25 pictures a second, others one a minute."""

from collections import deque
from dataclasses import dataclass, field

LEAST_S = 3.0  # a shorter silence is never a freeze
FIRST_PICTURE_S = 12.0  # 5 s to connect, 5 s to examine what arrives, and the start of Python
LONGEST_FIRST_PICTURE_S = 300.0  # after several attempts without any: a camera may send one only every few minutes
SECOND_PICTURE_S = 30.0  # before the rhythm is known
LONGEST_SECOND_PICTURE_S = 300.0  # where an earlier attempt ended before it was known
TOLERANCE = 3.0  # times the longest of the last gaps
REMEMBERED = 10  # gaps


@dataclass(slots=True)
class Rhythm:
    """The gaps between a camera's pictures, and the silence that follows from them.

    The rhythm is known after the first gap. Where a camera has frozen soon after it connected, the rhythm may have been
    misjudged (two pictures at once, then one a minute): `cautious` asks for ten gaps.

    Attributes:
        fixed_s: the longest silence as CAMERATIMEOUT sets it; None: it follows the rhythm.
        first_s: time for the first picture.
        cautious: trust the rhythm only after ten gaps.
        second_s: longest silence while the rhythm is not known.
    """

    fixed_s: float | None = None
    first_s: float = FIRST_PICTURE_S
    cautious: bool = False
    second_s: float = SECOND_PICTURE_S
    _last_s: float | None = None
    _gaps_s: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def saw_picture(self, at_s: float) -> None:
        """Record a picture; in monotonic seconds."""
        if self._last_s is not None:
            self._gaps_s.append(at_s - self._last_s)
        self._last_s = at_s

    def saw_none_due(self, at_s: float) -> None:
        """Record that the camera is alive while no picture is due; in monotonic seconds."""
        self._last_s = at_s

    @property
    def limit_s(self) -> float:
        """Seconds of silence that are still normal."""
        if self._last_s is None:
            return max(self.first_s, self.fixed_s or 0.0)
        if self.fixed_s is not None:
            return self.fixed_s
        if len(self._gaps_s) < (REMEMBERED if self.cautious else 1):
            return self.second_s
        return self.normal_silence_s

    @property
    def normal_silence_s(self) -> float:
        """Seconds of silence that the gaps seen so far make normal."""
        return max(LEAST_S, TOLERANCE * max(self._gaps_s, default=0.0))

    @property
    def pictures_are_few(self) -> bool:
        """Whether fewer than ten gaps have been seen."""
        return len(self._gaps_s) < REMEMBERED
