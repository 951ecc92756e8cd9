"""One camera as one viewer follows it over its WebSocket: what goes out next, what was skipped, how late it is."""

import asyncio
import statistics
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass, field

from shared.frames.frame import Frame
from video.access.access import Viewer
from video.access.audit import What
from video.camera import Camera
from video.pace import Pace
from video.slot import DisplayedPicture
from video.viewers import FrameCounts, Viewers
from video.watch import Watch
from video.websocket_messages import Json, Wish

ACKS_REMEMBERED = 9  # the median of the last ones is reported


@dataclass(slots=True)
class Outgoing:
    """A picture on its way to one viewer: it is being scaled.

    Attributes:
        picture: that is sent.
        frame: that it shows.
        scale: at which it is sent.
        notice: the part that a notice names, if there is one.
        missed: frames before it that the viewer was too slow for; None if the viewer has seen this one.
        jpeg: the bytes to send, once they are made.
    """

    picture: DisplayedPicture
    frame: Frame
    scale: int
    notice: str | None
    missed: int | None
    jpeg: asyncio.Future[bytes]


@dataclass(slots=True)
class CameraFeed:
    """One camera as one viewer follows it."""

    camera: Camera
    watch: Watch
    counts: FrameCounts
    pace: Pace
    width: int | None
    leave: ExitStack = field(repr=False)
    outgoing: Outgoing | None = None
    predictions: bool = True  # whether the viewer may read them
    left_out: int = 0  # frames whose pictures were not made in time
    unacked: tuple[int, int] | None = None  # run, seq
    sent_at: float = 0.0
    _due_frames: int = field(
        default=0, init=False
    )  # frames of the camera when the last picture could have been sent by its pace
    _acks_s: "deque[float]" = field(default_factory=lambda: deque(maxlen=ACKS_REMEMBERED), init=False)

    def wish(self, wish: Wish) -> None:
        """Follow the camera as the viewer now wants it."""
        self.width = wish.width
        self.pace.limit(wish.fps)

    def next_picture(self, now: float) -> DisplayedPicture | None:
        """Return the picture to be sent next; None if there is none, or if it is not yet time for it."""
        if self.pace.wait_s(now) > 0:
            self._due_frames = self.watch.slot.frames
            return None
        return None if self.unacked is not None or self.outgoing is not None else self.watch.look()

    def take(self, picture: DisplayedPicture) -> int | None:
        """Note that a picture is being sent; return the frames that the viewer was too slow for before it.

        A frame that came before the viewer wanted the next one is not among them. None: the viewer has seen this one.
        """
        return self.watch.take(picture, unwanted=max(0, self._due_frames - self.watch.count - 1))

    def acknowledge(self, frame: tuple[object, object], now: float) -> bool:
        """Return whether a frame is the one that waits for its acknowledgement, and note it if so."""
        if self.unacked is None or self.unacked != frame:
            return False
        self.unacked = None
        self._acks_s.append(now - self.sent_at)
        return True

    def as_json(self, now: float) -> Json:
        """Return the viewer's counts of this camera as they are in `status`."""
        return {"sent": self.counts.sent, "skipped": self.counts.skipped, "ack_ms": self._ack_ms(now)}

    def _ack_ms(self, now: float) -> int | None:
        """Return how long the viewer takes to acknowledge a frame; one that is overdue counts."""
        usual_s = statistics.median(self._acks_s) if self._acks_s else 0.0
        waiting_s = now - self.sent_at if self.unacked is not None else 0.0
        return round(max(usual_s, waiting_s) * 1000) if self._acks_s or self.unacked is not None else None


def feed_of(
    camera: Camera, wish: Wish, *, viewer: Viewer, viewers: Viewers, event: asyncio.Event, interval_s: float
) -> CameraFeed:
    """Return a feed that follows a camera until its `leave` is closed.

    Args:
        camera: to follow.
        wish: of the viewer.
        viewer: who watches.
        viewers: counts what is sent.
        event: set whenever there may be a new picture.
        interval_s: shortest time between two frames.
    """
    leave = ExitStack()
    counts = leave.enter_context(viewers.watching(camera.id, viewer, What.WEBSOCKET, event.set))
    watch = leave.enter_context(Watch(camera.slot, event))
    return CameraFeed(camera, watch, counts, Pace(interval_s, wish.fps), wish.width, leave)
