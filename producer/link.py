"""Captures cameras reached over the network."""

import logging
import time
from collections.abc import Callable, Generator, Iterator

import producer.mjpeg.camera as mjpeg
from producer.content import CapturedPicture, Undecodable
from producer.demuxed import Demuxed
from producer.feed import AccessUnit, Feed, FeedReader
from producer.protocol import state_fact
from producer.rhythm import Rhythm
from producer.rtsp.camera import RtspCamera
from producer.rtsp.depacketizer import UnsupportedStream
from shared.errors import CameraError, CameraLost

log = logging.getLogger(__name__)

BEHIND = 2  # packets that wait: the frame at hand is old before it is encoded
MOST_WAITING = 100  # packets: decoding cannot keep up; continue at the next key picture
HOPELESS_AFTER_S = 4.0  # without one picture, of what should have been pictures
LEAST_UNITS, LEAST_KEYS = 10, 2  # that were damaged, or could not be decoded


def pictures(
    link: str, *, interval_s: float, rhythm: Rhythm, tick: Callable[[], None], ca: str = ""
) -> Generator[CapturedPicture]:
    """Yield what a camera delivers, as soon as it does, until it fails.

    Args:
        link: of the camera.
        interval_s: time from one snapshot to the next, if the camera sends one for each request.
        rhythm: how long the camera may be silent.
        tick: called while no picture is due.
        ca: what its certificate is verified against, as for `tls.context`.

    Raises:
        CameraError: it cannot be opened, or delivers no more.
    """
    if not link.lower().startswith("rtsp"):
        yield from _pictures(mjpeg.opened(link, interval_s=interval_s, rhythm=rhythm, tick=tick, ca=ca))
        return
    try:
        feed = RtspCamera.open(link, rhythm=rhythm, ca=ca)
        log.info("reading the camera with the RTSP reader")
        yield from _pictures(feed, supervised=True)
    except UnsupportedStream as exc:
        log.info("FFmpeg's reader takes over: %s", exc)
        yield from _pictures(_fallback(link, ca, exc))


def _fallback(link: str, ca: str, why: UnsupportedStream) -> Feed:
    try:
        return Demuxed(link, transport=why.transport, ca=ca)
    except CameraError as exc:
        raise why.failure or exc from None


def _pictures(feed: Feed, *, supervised: bool = False) -> Iterator[CapturedPicture]:
    state_fact("reader", feed.reader)
    state_fact("codec", feed.codec)
    try:
        yield from _decoded(feed, _Supervision() if supervised else None)
    finally:
        feed.close()


def _decoded(feed: Feed, supervision: "_Supervision | None") -> Iterator[CapturedPicture]:
    reader = FeedReader(feed)
    reader.start()
    behind = broken = False  # as long as decoding cannot keep up; since a picture was missing
    while True:
        unit = reader.next()
        waiting = reader.waiting()
        behind = waiting > MOST_WAITING or (behind and not unit.key)
        broken = unit.breaks or (broken and not unit.key)
        if broken or unit.packet is None:
            yield CapturedPicture(Undecodable(), unit.captured.wall_us, unit.due_s)
        elif behind:
            yield CapturedPicture(Undecodable(), unit.captured.wall_us, unit.due_s, overtaken=True)
        else:
            for content in feed.decoder.decode(unit.packet):
                if supervision and not isinstance(content, Undecodable):
                    supervision = None
                yield CapturedPicture(content, unit.captured.wall_us, unit.due_s, overtaken=waiting >= BEHIND)
        if supervision:
            supervision.check(unit)


class _Supervision:
    """Detects a camera that sends enough data, but from which the RTSP reader gets no picture."""

    def __init__(self) -> None:
        self._began_s = time.monotonic()
        self._units = self._damaged = self._keys = 0

    def check(self, unit: AccessUnit) -> None:
        """Note what came.

        Raises:
            UnsupportedStream: it is time to give up.
        """
        self._units += 1
        self._damaged += unit.packet is None
        self._keys += unit.key
        mostly_damaged = self._damaged >= LEAST_UNITS and self._damaged * 10 >= self._units * 9
        if time.monotonic() - self._began_s > HOPELESS_AFTER_S and (mostly_damaged or self._keys >= LEAST_KEYS):
            raise UnsupportedStream(
                "it gets no picture from the data that arrives",
                failure=CameraLost("the data that it sends is not video"),
            )
