"""A camera that sends JPEGs over HTTP: as an endless multipart, one after the other, or one for each request."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping

import cv2
import numpy as np

from producer.content import CameraJpeg, Content, Undecodable
from producer.faults import OPEN_TIMEOUT_S, silence
from producer.feed import AccessUnit, Feed
from producer.mjpeg import found
from producer.mjpeg.http import HttpClient
from producer.mjpeg.other import HttpVideo
from producer.mjpeg.response import NOT_MODIFIED, Response
from producer.mjpeg.scanner import MOST_PICTURE_BYTES, JpegScanner, TooLarge
from producer.rhythm import Rhythm
from shared.clock import Instant
from shared.errors import CameraLost
from shared.frames.pixels import Image

log = logging.getLogger(__name__)

START_S = 2.0  # of Python
POLL_S = 0.04  # between two requests for snapshots where no interval is asked for
REST_S = 0.5  # for what is missing of a body whose length was wrong
BRIEF_REST_S = 0.05  # the same, where pictures lack their end marker, so that none can be missing
TICK_S = 1.0
TOO_LARGE = f"a picture does not end within {MOST_PICTURE_BYTES >> 20} MB"


class NotMjpeg(Exception):
    """The camera sends a video that is left to FFmpeg; `beginning` holds what has been read of it."""

    def __init__(self, beginning: bytes) -> None:
        super().__init__("it sends a video that is not MJPEG")
        self.beginning = beginning


class _AsItIs:
    """Decodes nothing: what the reader delivers is content already."""

    def decode(self, packet: Content) -> Iterator[Content]:
        """Yield the content itself."""
        yield packet


def opened(link: str, *, interval_s: float, rhythm: Rhythm, tick: Callable[[], None], ca: str = "") -> Feed:
    """Return the camera of a link, which has sent its first picture.

    Args:
        link: of the camera, with user name and password.
        interval_s: time from one snapshot to the next, where the camera sends one for each request; 0: 25 a second.
        rhythm: how long it may be silent.
        tick: called when the camera says that its picture has not changed, and while the next is not due.
        ca: what its certificate is verified against, as for `tls.context`.

    Raises:
        CameraError: it cannot be opened, or sends no video.
    """
    client, began_s = HttpClient(link, ca=ca), time.monotonic()
    try:
        response = client.get()
        camera = MjpegCamera(client, response, began_s=began_s, interval_s=interval_s, rhythm=rhythm, tick=tick)
        try:
            camera.wait_for_first()
        except NotMjpeg as exc:
            log.info("the camera is left to FFmpeg's reader: %s", exc)
            return HttpVideo(client, response, exc.beginning, rhythm)
    except BaseException:
        client.close()
        raise
    return camera


class MjpegCamera:
    """An opened camera."""

    reader, codec = "MJPEG over HTTP", "mjpeg"

    def __init__(
        self,
        client: HttpClient,
        response: Response,
        *,
        began_s: float,
        interval_s: float,
        rhythm: Rhythm,
        tick: Callable[[], None],
    ) -> None:
        """Prepare; as in `opened`, which connects.

        Args:
            client: asked for the response.
            response: of which the head has been read.
            began_s: when the client was first asked, monotonic seconds.
            interval_s: time from one snapshot to the next.
            rhythm: how long the camera may be silent.
            tick: called while no picture is due.
        """
        self.decoder = _AsItIs()
        self._client, self._response = client, response
        self._interval_s, self._rhythm, self._tick = interval_s or POLL_S, rhythm, tick
        self._scanner = JpegScanner(response.boundary.encode("latin-1"))
        self._closing = threading.Event()
        self._due_s = self._began_s = began_s
        self._beginning = b""
        self._count = 0  # pictures of the response
        self._polls = self._told_of_end = False
        self._saw_end = False  # a picture came with its end marker
        self._units = self._all()
        self._first: AccessUnit | None = None

    def wait_for_first(self) -> None:
        """Wait until it is sure that the camera sends JPEGs.

        Raises:
            NotMjpeg: it sends another video.
            CameraError: it sends none.
        """
        self._first = next(self._units)

    def pictures(self) -> Iterator[AccessUnit]:
        """Yield its pictures as they arrive.

        Raises:
            CameraError: there are no more.
        """
        if self._first is not None:
            yield self._first
        yield from self._units

    def close(self) -> None:
        """Close the connection."""
        self._closing.set()
        self._client.close()

    def _all(self) -> Iterator[AccessUnit]:
        while True:
            yield from self._of_response()
            if self._count > 1:
                raise CameraLost("the camera ended the stream")
            if not self._count and not self._polls:
                raise CameraLost(found.no_picture(self._response, self._beginning))
            if not self._count:
                yield self._unit(Undecodable(), Instant.now())
            if not self._polls:
                log.info("the camera sends one picture for each request")
            self._polls = True
            self._client.finish(self._response, REST_S)
            self._ask_again()

    def _of_response(self) -> Iterator[AccessUnit]:
        """Yield the pictures of one response."""
        self._count = 0
        while not self._response.closed and (not self._response.complete or self._scanner.inside):
            rest = self._response.complete or (self._count and self._response.length is not None)
            try:
                deadline_s, missing = self._deadline_s(rest=bool(rest)), self._scanner.missing
                data = self._client.read(self._response, deadline_s, at_least=missing)
            except TimeoutError:
                if rest:
                    break
                raise self._silence() from None
            captured = Instant.now()
            if not self._count and found.is_image(self._beginning or data):
                self._collect(data)
                continue
            try:
                for content in self._scanner.add(data):
                    yield self._unit(content, captured)
            except TooLarge:
                raise CameraLost(TOO_LARGE) from None
            if not (self._count or self._polls or self._scanner.inside or self._scanner.seen.undecodable):
                self._examine(data)
        last = self._last()
        if last is not None:
            yield self._unit(last, Instant.now())

    def _last(self) -> CameraJpeg | Image | None:
        """Return the picture that the end of the response completes, unless the response was cut off."""
        if self._response.cut_short:
            return None
        if not (self._polls and self._saw_end) and (last := self._scanner.finish()):
            return last
        if self._count or not self._beginning or not found.is_image(self._beginning):
            return None
        image = cv2.imdecode(np.frombuffer(self._beginning, np.uint8), cv2.IMREAD_COLOR)
        return None if image is None else image.astype(np.uint8, copy=False)

    def _unit(self, content: Content, captured: Instant) -> AccessUnit:
        if not isinstance(content, Undecodable):
            self._count += 1
            self._saw_end = self._saw_end or self._scanner.seen.pictures > self._scanner.seen.without_end
            if self._scanner.seen.without_end == 1 and not self._told_of_end:
                self._told_of_end = True
                log.info("the camera's pictures lack their end marker")
            self._rhythm.saw_picture(captured.monotonic_s)
            self._beginning = b""
        if self._polls:
            return AccessUnit(content, True, captured, asked_s=self._due_s)
        self._due_s = captured.monotonic_s
        return AccessUnit(content, True, captured)

    def _collect(self, data: bytes | bytearray) -> None:
        self._beginning += data
        if len(self._beginning) > MOST_PICTURE_BYTES:
            raise CameraLost(TOO_LARGE)

    def _examine(self, data: bytes | bytearray) -> None:
        """Look at a body that has not shown a JPEG yet.

        Raises:
            NotMjpeg: FFmpeg may know it.
        """
        self._beginning += data
        if found.is_video(self._beginning) or len(self._beginning) > found.ENOUGH_BYTES:
            raise NotMjpeg(self._beginning)

    def _deadline_s(self, *, rest: bool) -> float:
        if rest:
            return time.monotonic() + (BRIEF_REST_S if self._told_of_end else REST_S)
        began = self._count or self._polls
        # Before the first picture this is a little less than what the producer waits, so that it learns what came.
        return time.monotonic() + self._rhythm.limit_s if began else self._began_s + self._rhythm.limit_s - START_S

    def _silence(self) -> Exception:
        if self._count or self._polls:
            return silence(self._rhythm.limit_s)
        return CameraLost(found.no_picture(self._response, self._beginning))

    def _ask_again(self) -> None:
        """Ask for the next snapshot when it is due, until the camera has another than the last."""
        conditions = _conditions(self._response)
        while True:
            self._due_s = max(self._due_s + self._interval_s, time.monotonic() - self._interval_s)
            self._wait_until(self._due_s)
            response = self._client.get(conditions, within_s=max(OPEN_TIMEOUT_S, self._rhythm.limit_s))
            if response.status != NOT_MODIFIED:
                break
            self._client.finish(response, REST_S)
            self._rhythm.saw_none_due(time.monotonic())
            self._tick()
        self._response, self._beginning = response, b""
        self._scanner = JpegScanner(response.boundary.encode("latin-1"))

    def _wait_until(self, due_s: float) -> None:
        while (left_s := due_s - time.monotonic()) > 0:
            if self._closing.wait(min(left_s, TICK_S)):
                raise CameraLost("the capture was asked to end")
            self._tick()


def _conditions(response: Response) -> Mapping[str, str]:
    """Return the headers that ask for a picture only if it is another than that of a response (RFC 9110, 13.1)."""
    headers = {
        "If-None-Match": response.headers.get("etag"),
        "If-Modified-Since": response.headers.get("last-modified"),
    }
    return {name: value for name, value in headers.items() if value}
