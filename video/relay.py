"""The way of a picture to a viewer that keeps up: from the camera's slot into its connection, in one call.

Waking a task for each picture and viewer costs as much processor time as the kernel takes to send the picture. So the
task of a viewer sleeps while its viewer is ready for each picture that comes, and wakes as soon as something has to be
waited for: the viewer, its pace, a picture of another size, or the end.
"""

import asyncio
import time
from collections.abc import Callable

from shared import clock
from video.mjpeg import part_age, part_head
from video.pace import Pace
from video.picture import nearest_scale
from video.slot import DisplayedPicture
from video.viewer_connection import ViewerConnection
from video.viewers import FrameCounts
from video.watch import Watch


class Relay:
    """Sends one camera's pictures of full size to one viewer; a signal for the slot of the camera."""

    def __init__(
        self,
        pipe: ViewerConnection,
        pace: Pace,
        counts: FrameCounts,
        *,
        width: int | None,
        closing: bytes,
        has_ended: Callable[[], bool],
    ) -> None:
        """Prepare.

        Args:
            pipe: the way to the viewer.
            pace: of its pictures.
            counts: what it was sent.
            width: that it wants, pixels; None for full size.
            closing: what follows each picture.
            has_ended: returns whether its task has to end the answer.
        """
        self._pipe, self._pace, self._counts = pipe, pace, counts
        self._width, self._closing, self._has_ended = width, closing, has_ended
        self._event = asyncio.Event()
        self._watch: Watch | None = None  # while the task sleeps

    async def run(self, watch: Watch) -> None:
        """Send pictures as they come, until there may be something that the viewer's task has to do."""
        self._watch = watch
        try:
            await self._event.wait()
        finally:
            self._watch = None
        self._event.clear()

    def set(self) -> None:
        """Send the new picture, or wake the task."""
        if self._watch is None or self._event.is_set() or not self._sent(self._watch):
            self._event.set()

    def _sent(self, watch: Watch) -> bool:
        """Send the newest picture; return whether it could be done at once."""
        picture, now = watch.look(), time.monotonic()
        if picture is None or self._has_ended() or self._pace.wait_s(now) > 0:
            return False
        if self._width is not None and nearest_scale(picture.width, self._width) != 1:
            return False
        try:
            if not self._pipe.write_at_once(now, head(picture, 1, picture.jpeg), picture.jpeg, self._closing):
                return False
        except (OSError, RuntimeError):  # one viewer must not keep the picture from the others
            self._pipe.abort()
            return False
        self._pace.sent(now)
        missed = watch.take(picture)
        if missed is not None:
            self._counts.sent_one(skipped=missed)
        return True


def write_part(pipe: ViewerConnection, picture: DisplayedPicture, scale: int, jpeg: bytes, closing: bytes) -> None:
    """Write a picture at 1/scale of its size, with its age as of now."""
    pipe.write(head(picture, scale, jpeg), jpeg, closing)


def head(picture: DisplayedPicture, scale: int, jpeg: bytes) -> bytes:
    """Return the head of a picture's part, with its age as of now; the same one within a millisecond."""
    age = picture.age_ms(clock.now_us())
    age_ms = None if age is None else int(age)
    kept = picture.heads.get(scale)
    if kept is None or kept[0] != age_ms:
        frame = picture.frame
        constant = part_head(
            len(jpeg), captured_at=frame.captured_at if frame else None, sequence=frame.seq if frame else 0
        )
        kept = picture.heads[scale] = (age_ms, constant + part_age(age_ms))
    return kept[1]
