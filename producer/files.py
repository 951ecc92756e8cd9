"""Plays picture and video files in a loop, at their own rate, as if they came from a camera."""

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

import av
import av.error
import cv2
import numpy as np
from av.container import InputContainer
from av.video.reformatter import Interpolation, VideoReformatter

from producer import orientation
from producer.content import CameraJpeg, CapturedPicture, Content, Undecodable
from producer.decoder import Decoder
from producer.limits import DECODER_OPTIONS
from producer.pacing import Playback
from producer.protocol import state_fact
from producer.source import files, is_picture
from shared.clock import now_us
from shared.errors import CameraLost
from shared.frames.jpeg import MAX_PIXELS

MOST_STRETCH = 4  # a larger pixel aspect ratio is taken for a mistake
STILL_S = 0.04  # a picture file without a configured interval, a frame of a video without a rate: 25 a second

Taken: TypeAlias = tuple[int, Iterable[Content]]
"""When the coded picture had been read, microseconds since the epoch; and its content, not decoded yet."""


@dataclass(frozen=True, slots=True)
class _Cue:
    """A picture in its file: offset from the file's beginning, how long it is shown, and how to read it."""

    offset_s: float
    lasts_s: float
    take: Callable[[], Taken]


def pictures(pattern: str, *, interval_s: float, tick: Callable[[], None]) -> Generator[CapturedPicture]:
    """Yield the pictures of files when they are due, in an endless loop.

    Args:
        pattern: path or glob, matched again in each round; pictures and videos may be mixed.
        interval_s: time from one picture file to the next; 0 means 25 a second. Videos keep their own rate.
        tick: called at least once a second while waiting.

    Raises:
        CameraLost: no file matches, or a whole round yields no picture.
    """
    state_fact("reader", "files")
    playback = Playback(tick)
    begin_s = 0.0
    while True:
        paths = files(pattern)
        if not paths:
            raise CameraLost("no such file")
        usable = False
        for path in paths:
            end_s = begin_s
            for cue in _still(path, interval_s or STILL_S) if is_picture(path) else _video(path):
                due_s = begin_s + cue.offset_s
                playback.wait_for(due_s)
                captured_at, contents = cue.take()
                for content in contents:
                    usable = usable or not isinstance(content, Undecodable)
                    yield CapturedPicture(content, captured_at, due_s)
                end_s = due_s + cue.lasts_s
            begin_s = end_s
        if not usable:
            raise CameraLost("the files contain no picture")


def _still(path: Path, lasts_s: float) -> Iterator[_Cue]:
    def take() -> Taken:
        try:
            data = path.read_bytes()
        except OSError:  # removed since the folder was listed
            return now_us(), []
        return now_us(), _picture(data)

    yield _Cue(0.0, lasts_s, take)


def _picture(data: bytes) -> Iterator[Content]:
    if data[:2] == b"\xff\xd8":
        yield CameraJpeg(data)
        return
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    yield Undecodable() if image is None else image.astype(np.uint8, copy=False)


def _video(path: Path) -> Iterator[_Cue]:
    try:
        with av.open(str(path), options=DECODER_OPTIONS) as container:
            yield from _frames(container)
    except (av.error.FFmpegError, OSError, IndexError):  # IndexError: it contains no video
        yield _Cue(0.0, STILL_S, lambda: (now_us(), [Undecodable()]))


class _Shown:
    """A decoder whose pictures are ready to show: upright, and with square pixels (one side is stretched)."""

    def __init__(self, decoder: Decoder, pixel_aspect: Fraction | None) -> None:
        self._decoder, self._film = decoder, orientation.FilmOrientation()
        self._reformatter = VideoReformatter()
        plausible = pixel_aspect and 1 / MOST_STRETCH <= pixel_aspect <= MOST_STRETCH
        self._aspect = Fraction(pixel_aspect) if pixel_aspect and plausible else Fraction(1)

    def decode(self, packet: "av.Packet[Any] | None") -> Iterator[Content]:
        """Yield the pictures that a packet releases."""
        for content in self._decoder.decode(packet):
            yield self._shown(content) if isinstance(content, av.VideoFrame) else content

    def _shown(self, frame: av.VideoFrame) -> Content:
        turn = self._film.of(frame)
        if self._aspect == 1 and turn == orientation.UPRIGHT:
            return frame
        width, height = frame.width, frame.height
        size = (round(width * self._aspect), height) if self._aspect > 1 else (width, round(height / self._aspect))
        if size[0] * size[1] > MAX_PIXELS:
            return frame
        scaled = self._reformatter.reformat(frame, *size, "bgr24", interpolation=Interpolation.BILINEAR, threads=1)
        image = scaled.to_ndarray()
        return orientation.turned(image.astype(np.uint8, copy=False), turn)


def _frames(container: InputContainer) -> Iterator[_Cue]:
    video = container.streams.video[0]
    state_fact("codec", video.codec_context.name)
    decoder = _Shown(Decoder(video.codec_context, low_delay=False), video.sample_aspect_ratio)
    rate = video.average_rate or video.guessed_rate
    step_s = float(1 / rate) if rate else STILL_S
    begin: int | None = video.start_time
    offset_s = -step_s
    for packet in container.demux(video):
        if not packet.size:
            continue
        if packet.dts is None or packet.time_base is None:  # a bare stream has no timestamps
            offset_s += step_s
        else:
            # A packet is read at its decoding time, when the picture that it releases is due (with B frames, another
            # one than its own). Packets before the start release none and are read at once, so loops have no gap.
            begin = packet.dts if begin is None else begin
            offset_s = max(0.0, float((packet.dts - begin) * packet.time_base))
            step_s = float(packet.duration * packet.time_base) if packet.duration else step_s
        yield _Cue(offset_s, step_s, lambda packet=packet: (now_us(), decoder.decode(packet)))  # type: ignore[misc]
    for content in list(decoder.decode(None)):
        offset_s += step_s
        # A picture that the decoder held back until the end gets its time when it is released.
        yield _Cue(offset_s, step_s, lambda content=content: (now_us(), [content]))  # type: ignore[misc]
