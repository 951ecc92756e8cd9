"""Who watches, how many may, and what each was sent. For the event loop only; the metrics for any thread."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from video.access.access import Viewer
from video.access.audit import Audit, Viewing, What
from video.access.identity import Denied
from video.client_address import ClientAddresses
from video.metrics import ViewerFrames, ViewerMetrics
from video.places import NoPlace, Places

log = logging.getLogger(__name__)

SAY_FULL_EVERY_S = 60.0
RETRY_AFTER_S = 10  # sent to a viewer that finds no place
IDLE_AFTER_S = 5.0


class ViewerLimitReached(Exception):
    """The viewer limit is reached."""


class Activity:
    """When a viewer last took something; idle viewers are the first to give up their places.

    Attributes:
        last_at: that time, monotonic seconds.
    """

    def __init__(self) -> None:
        self.last_at = time.monotonic()

    def note(self) -> None:
        """Note that the viewer has just taken something."""
        self.last_at = time.monotonic()

    def is_idle(self) -> bool:
        """Return whether the viewer has taken nothing for some seconds."""
        return time.monotonic() - self.last_at > IDLE_AFTER_S


class FrameCounts:
    """Frames of one camera that one viewer was sent, and that it skipped because it was not ready for them."""

    def __init__(self, all_viewers: ViewerFrames) -> None:
        """Start with none.

        Args:
            all_viewers: the counts of all viewers of the camera.
        """
        self.sent = self.skipped = 0
        self._all = all_viewers

    def sent_one(self, *, skipped: int) -> None:
        """Count a frame, and those left out before it."""
        self.sent += 1
        self._all.sent += 1
        if skipped > 0:
            self.skipped += skipped
            self._all.skipped += skipped


class Viewers:
    """Counts viewers and their viewings."""

    def __init__(
        self, limit: int, metrics: ViewerMetrics, addresses: ClientAddresses | None = None, audit: Audit | None = None
    ) -> None:
        """Start without viewers.

        Args:
            limit: viewers at a time.
            metrics: of viewers and what they are sent.
            addresses: tells clients apart.
            audit: writes down who watches what.
        """
        self._places = Places(limit)
        self._addresses = addresses or ClientAddresses()
        self._logged_full_at = float("-inf")
        self._metrics = metrics
        self.audit = audit or Audit()
        self._ends: dict[Viewing, Callable[[], None]] = {}  # what ends each viewing

    @property
    def present(self) -> int:
        """The number of viewers: open streams and WebSockets."""
        return self._places.taken

    @contextmanager
    def admitted(
        self, scope: Mapping[str, Any], *, is_idle: Callable[[], bool], give_up: Callable[[], None]
    ) -> Iterator[None]:
        """Hold a place for one viewer.

        Args:
            scope: of the viewer's request, ASGI.
            is_idle: returns whether the viewer takes nothing.
            give_up: ends the viewer because a client from another address needs the place.

        Raises:
            ViewerLimitReached: there is no place, and no other address holds enough of them to give one up.
        """
        try:
            place = self._places.take(self._addresses.of_request(scope), is_idle=is_idle, give_up=give_up)
        except NoPlace as exc:
            self._log_full()
            raise ViewerLimitReached from exc
        try:
            yield
        finally:
            self._places.release(place)

    def _log_full(self) -> None:
        if time.monotonic() - self._logged_full_at > SAY_FULL_EVERY_S:
            self._logged_full_at = time.monotonic()
            log.warning("the viewer limit is reached: refusing viewers", extra={"viewers": self.present})

    @contextmanager
    def watching(self, camera: str, viewer: Viewer, what: What, end: Callable[[], None]) -> Iterator[FrameCounts]:
        """Count a viewer of a camera for as long as it watches.

        Args:
            camera: its id.
            viewer: who watches.
            what: how.
            end: ends the viewing; called when the viewer may no longer see the camera.
        """
        gauge = self._metrics.watching.labels(camera)
        counts = FrameCounts(self._metrics.frames.of(camera))
        viewing = Viewing(viewer, camera, what, lambda: counts.sent)
        self._ends[viewing] = end
        gauge.inc()
        try:
            with self.audit.watching(viewing):
                yield counts
        finally:
            gauge.dec()
            self._ends.pop(viewing, None)

    def end_revoked(self) -> None:
        """End every viewing whose right has ended; call it several times a second."""
        for viewing in list(self._ends):
            rights = viewing.viewer.rights
            if rights is viewing.checked:
                continue  # nothing has changed: looking costs next to nothing, however many watch
            viewing.checked = rights
            if rights.may_see(viewing.camera):
                continue
            end = self._ends.pop(viewing)
            viewing.viewer.access.metrics.denied.labels(viewing.viewer.ended or Denied.CAMERA).inc()
            log.info("a viewing ended with its right", extra={"camera": viewing.camera, "what": viewing.what})
            end()
