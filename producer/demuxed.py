"""RTSP cameras read by FFmpeg, the fallback for cameras that producer/rtsp cannot read."""

from collections.abc import Iterator
from ssl import get_default_verify_paths

import av
import av.error

from producer.decoder import Decoder
from producer.faults import OPEN_TIMEOUT_S, READ_TIMEOUT_S, ffmpeg_error
from producer.feed import AccessUnit
from producer.source import for_ffmpeg
from producer.tls import SYSTEM_CA
from shared.clock import Instant
from shared.errors import CameraLost

# Not fflags=nobuffer: it discards what was read while opening, and with it the only key picture for seconds.
_ANY = {"flags": "low_delay"}
_RTSP = {
    "allowed_media_types": "video",
    # The description of the session says what comes; looking into a second of video would only cost that second.
    "analyzeduration": "0",
    "probesize": "32",
}


class Demuxed:
    """A camera opened by FFmpeg. Its H.264 parser ends a picture when the next one begins: one frame late."""

    def __init__(self, link: str, *, transport: str = "tcp", ca: str = "") -> None:
        """Open the camera.

        Args:
            link: of the camera.
            transport: of RTP, as FFmpeg calls it.
            ca: what its certificate is verified against, as for `tls.context`.

        Raises:
            CameraError: it cannot be opened.
        """
        options = _ANY | _RTSP | {"rtsp_transport": transport} | _verification(link, ca)
        try:
            self._container = av.open(for_ffmpeg(link), options=options, timeout=(OPEN_TIMEOUT_S, READ_TIMEOUT_S))
        except (av.error.FFmpegError, OSError) as exc:
            raise ffmpeg_error(exc, opening=True) from None
        if not self._container.streams.video:
            raise CameraLost("it sends no video")
        self._video = self._container.streams.video[0]
        self.reader, self.codec = f"FFmpeg, RTSP over {transport}", self._video.codec_context.name
        self.decoder = Decoder(self._video.codec_context, low_delay=True)

    def pictures(self) -> Iterator[AccessUnit]:
        """Yield its coded pictures as they come.

        Raises:
            CameraError: there are no more.
        """
        try:
            for packet in self._container.demux(self._video):
                if packet.size:  # the last one, which asks decoders for what they hold, is empty
                    yield AccessUnit(packet, packet.is_keyframe, Instant.now())
        except (av.error.FFmpegError, OSError) as exc:
            raise ffmpeg_error(exc, opening=False) from None
        raise CameraLost("the camera ended the stream")

    def close(self) -> None:
        """Do nothing: the other thread is inside FFmpeg, and the process ends."""


def _verification(link: str, ca: str) -> dict[str, str]:
    """Return the options that make FFmpeg verify a certificate, and the host that it names."""
    if not ca or link.partition(":")[0].lower() != "rtsps":
        return {}
    file = get_default_verify_paths().cafile if ca == SYSTEM_CA else ca
    return {"tls_verify": "1", **({"ca_file": file} if file else {})}
