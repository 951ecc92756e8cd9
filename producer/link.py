"""Captures cameras reached over the network."""

import logging
from collections.abc import Callable, Generator, Iterator

import producer.mjpeg.camera as mjpeg
from producer.content import CapturedPicture, Undecodable
from producer.demuxed import Demuxed
from producer.feed import Feed, FeedReader
from producer.rhythm import Rhythm
from producer.rtsp.camera import RtspCamera
from producer.rtsp.depacketizer import UnsupportedStream

log = logging.getLogger(__name__)

BEHIND = 2  # packets that wait: the frame at hand is old before it is encoded
MOST_WAITING = 100  # packets: decoding cannot keep up, go on at the next picture that needs no other


def pictures(link: str, *, interval_s: float, rhythm: Rhythm, tick: Callable[[], None]) -> Generator[CapturedPicture]:
    """Yield what a camera gives, as soon as it does, until it fails.

    Raises:
        CameraError: it cannot be opened, or gives no more.
    """
    feed = _opened(link, interval_s=interval_s, rhythm=rhythm, tick=tick)
    try:
        yield from _decoded(feed)
    finally:
        feed.close()


def _opened(link: str, *, interval_s: float, rhythm: Rhythm, tick: Callable[[], None]) -> Feed:
    if not link.lower().startswith("rtsp"):
        return mjpeg.opened(link, interval_s=interval_s, rhythm=rhythm, tick=tick)
    try:
        return RtspCamera.open(link)
    except UnsupportedStream as exc:
        log.info("the camera is left to FFmpeg's reader: %s", exc)
        return Demuxed(link, transport=exc.transport)


def _decoded(feed: Feed) -> Iterator[CapturedPicture]:
    intake = FeedReader(feed)
    intake.start()
    behind = broken = False  # as long as decoding cannot keep up; since a picture was missing
    while True:
        coded = intake.next()
        waiting = intake.waiting()
        behind = waiting > MOST_WAITING or (behind and not coded.key)
        broken = coded.breaks or (broken and not coded.key)
        if broken or coded.packet is None:
            yield CapturedPicture(Undecodable(), coded.captured_at, coded.at_s)
        elif behind:
            yield CapturedPicture(Undecodable(), coded.captured_at, coded.at_s, overtaken=True)
        else:
            for content in feed.decoder.decode(coded.packet):
                yield CapturedPicture(content, coded.captured_at, coded.at_s, overtaken=waiting >= BEHIND)
