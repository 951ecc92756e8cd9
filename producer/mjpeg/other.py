"""Video over HTTP that is not MJPEG: FFmpeg takes it apart, and opens no connection for it."""

import time
from collections.abc import Iterator

import av
import av.error

from producer.decoder import Decoder
from producer.faults import ffmpeg_error, silence
from producer.feed import AccessUnit
from producer.limits import DECODER_OPTIONS
from producer.mjpeg.http import HttpClient
from producer.mjpeg.response import Response
from producer.rhythm import Rhythm
from shared.clock import Instant
from shared.errors import CameraError, CameraLost

# No playlist, no session description, nothing that names other addresses or files.
FORMATS = "mpegts,flv,live_flv,mov,matroska,avi,h264,hevc,m4v,mpegvideo,asf,ogg,ivf,obu,mpeg,mjpeg,mpjpeg"
_OPTIONS = {
    "format_whitelist": FORMATS,
    "protocol_whitelist": "",
    **DECODER_OPTIONS,
    "flags": "low_delay",
    "analyzeduration": "200000",
    "fpsprobesize": "0",
}
_BUFFER_BYTES = 1 << 15


class _Body:
    """The body of a response as a file for FFmpeg."""

    def __init__(self, client: HttpClient, response: Response, beginning: bytes, rhythm: Rhythm) -> None:
        self._client, self._response, self._rhythm = client, response, rhythm
        self._waiting = memoryview(beginning)
        self.error: CameraError | None = None

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes; none at the end."""
        if not self._waiting:
            try:
                self._waiting = memoryview(self._client.read(self._response, time.monotonic() + self._rhythm.limit_s))
            except TimeoutError:
                self.error = silence(self._rhythm.limit_s)
            except CameraError as exc:
                self.error = exc
        data, self._waiting = bytes(self._waiting[:size]), self._waiting[size:]
        return data


class HttpVideo:
    """A camera whose video FFmpeg demultiplexes; a picture may end only when the next one begins."""

    reader = "FFmpeg over HTTP"

    def __init__(self, client: HttpClient, response: Response, beginning: bytes, rhythm: Rhythm) -> None:
        """Open.

        Args:
            client: asked for the response.
            response: its body is the video.
            beginning: of the body, as far as it has been read.
            rhythm: how long the camera may be silent.

        Raises:
            CameraError: FFmpeg finds no video in it.
        """
        self._client, self._rhythm = client, rhythm
        self._body = _Body(client, response, beginning, rhythm)
        try:
            self._container = av.open(self._body, mode="r", options=_OPTIONS, buffer_size=_BUFFER_BYTES)
            self._video = self._container.streams.video[0]
        except (av.error.FFmpegError, OSError) as exc:
            raise self._body.error or ffmpeg_error(exc, opening=True) from None
        except IndexError:
            raise CameraLost("it sends no video") from None
        self.codec = self._video.codec_context.name
        self.decoder = Decoder(self._video.codec_context, low_delay=True)

    def pictures(self) -> Iterator[AccessUnit]:
        """Yield its coded pictures as they arrive.

        Raises:
            CameraError: there are no more.
        """
        try:
            for packet in self._container.demux(self._video):
                if packet.size:  # the last one, which asks decoders for what they hold, is empty
                    captured = Instant.now()
                    self._rhythm.saw_picture(captured.monotonic_s)
                    yield AccessUnit(packet, packet.is_keyframe, captured)
        except (av.error.FFmpegError, OSError) as exc:
            raise self._body.error or ffmpeg_error(exc, opening=False) from None
        raise self._body.error or CameraLost("the camera ended the stream")

    def close(self) -> None:
        """Close the connection."""
        self._client.close()
