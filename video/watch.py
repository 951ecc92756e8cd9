"""How one viewer follows one camera: its next picture, and the number of those it missed."""

import time
from types import TracebackType
from typing import Self

from video.cameras import REPEAT_AFTER_S
from video.slot import DisplayedPicture, Signal, Slot

STALE_AFTER_S = 1.5 * REPEAT_AFTER_S


class Watch:
    """Follows a slot until the context ends."""

    def __init__(self, slot: Slot, signal: Signal) -> None:
        """Follow a slot.

        Args:
            slot: of the camera.
            signal: set whenever there may be a new picture.
        """
        self.slot = slot
        self._signal = signal
        self._count = max(0, slot.frames - 1)  # the newest frame has not been seen
        picture = slot.picture
        # A picture that nobody watched for a while may be old, with no notice on it yet: wait for the next one.
        stale = picture is not None and time.monotonic() - slot.shown_at > STALE_AFTER_S
        self._number = picture.number if picture is not None and stale else 0

    @property
    def count(self) -> int:
        """Frames that the slot had been given when the last picture was taken."""
        return self._count

    def look(self) -> DisplayedPicture | None:
        """Return the picture to be shown next; None if the last one taken is still the newest."""
        picture = self.slot.picture
        return None if picture is None or picture.number == self._number else picture

    def take(self, picture: DisplayedPicture, *, unwanted: int = 0) -> int | None:
        """Note that a picture is being sent.

        Args:
            picture: what `look` returned.
            unwanted: frames left out since the last one because the viewer asked for fewer.

        Returns:
            The number of frames that the viewer missed before this one; None if it has seen this one already.
        """
        missed = picture.count - self._count - 1
        self._count, self._number = picture.count, picture.number
        return None if missed < 0 else max(0, missed - unwanted)

    def __enter__(self) -> Self:
        """Start following."""
        self.slot.watch(self._signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop following."""
        self.slot.unwatch(self._signal)
