"""Captures cameras reached over the network, with FFmpeg."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from queue import SimpleQueue

import av
import av.error
from av.container import InputContainer
from av.video.stream import VideoStream

from producer.decoder import Decoder
from producer.faults import OPEN_TIMEOUT_S, READ_TIMEOUT_S, camera_error
from producer.picture import Garbage, Shot
from producer.source import for_ffmpeg
from shared.clock import now_us
from shared.errors import CameraError, CameraLost

BEHIND = 2  # packets that wait: the frame at hand is old before it is encoded
MOST_WAITING = 100  # packets: decoding cannot keep up, go on at the next picture that needs no other
# Not fflags=nobuffer: it throws away what was looked at while opening, and with it the only whole picture for seconds.
_ANY = {"flags": "low_delay"}
_RTSP = {
    "rtsp_transport": "tcp",
    "allowed_media_types": "video",
    # The description of the session says what comes; looking into a second of video would only cost that second.
    "analyzeduration": "0",
    "probesize": "32",
}
_HTTP = {"analyzeduration": "200000", "fpsprobesize": "0"}


def shots(link: str) -> Iterator[Shot]:
    """Yield what a camera gives, as soon as it does, until it fails.

    Raises:
        CameraError: it cannot be opened, or gives no more.
    """
    container = _opened(link)
    if not container.streams.video:
        raise CameraLost("it sends no video")
    video = container.streams.video[0]
    decoder = Decoder(video, low_delay=True)
    intake = _Intake(container, video)
    intake.start()
    resting = False  # as long as decoding cannot keep up
    while True:
        coded = intake.next()
        waiting = intake.waiting()
        resting = waiting > MOST_WAITING or (resting and not coded.packet.is_keyframe)
        for content in [Garbage()] if resting else decoder.decode(coded.packet):
            yield Shot(content, coded.captured_at, coded.at_s, overtaken=resting or waiting >= BEHIND)


def _opened(link: str) -> InputContainer:
    options = _ANY | (_RTSP if link.lower().startswith("rtsp") else _HTTP)
    try:
        return av.open(for_ffmpeg(link), options=options, timeout=(OPEN_TIMEOUT_S, READ_TIMEOUT_S))
    except (av.error.FFmpegError, OSError) as exc:
        raise camera_error(exc, opening=True) from None


@dataclass(frozen=True, slots=True)
class _Coded:
    """A coded picture, and when its last byte had been read: microseconds since the epoch, and monotonic seconds."""

    packet: "av.Packet[VideoStream]"  # generic for type checkers only
    captured_at: int
    at_s: float


class _Intake(threading.Thread):
    """Reads beside the decoding, so that the time of reading is true and a backlog is seen."""

    def __init__(self, container: InputContainer, video: VideoStream) -> None:
        super().__init__(name="intake", daemon=True)
        self._container, self._video = container, video
        self._coded: SimpleQueue[_Coded | CameraError] = SimpleQueue()

    def next(self) -> _Coded:
        """Wait for the next coded picture.

        Raises:
            CameraError: there is none.
        """
        coded = self._coded.get()
        if isinstance(coded, CameraError):
            raise coded
        return coded

    def waiting(self) -> int:
        """Return the number of coded pictures that have been read and not taken."""
        return self._coded.qsize()

    def run(self) -> None:
        """Read until the camera fails."""
        try:
            for packet in self._container.demux(self._video):
                if packet.size:  # the last one, which asks decoders for what they hold, is empty
                    self._coded.put(_Coded(packet, now_us(), time.monotonic()))
            self._coded.put(CameraLost("the camera ended the stream"))
        except (av.error.FFmpegError, OSError) as exc:
            self._coded.put(camera_error(exc, opening=False))
