"""A camera that speaks RTSP over TCP: its coded pictures, each as soon as its last byte is there."""

import logging
from collections.abc import Callable, Iterator, Mapping

import av

from producer.decoder import Decoder
from producer.faults import OPEN_TIMEOUT_S, READ_TIMEOUT_S
from producer.feed import AccessUnit
from producer.rhythm import Rhythm
from producer.rtsp import rtp
from producer.rtsp.access_units import AccessUnitAssembler
from producer.rtsp.connection import Packet
from producer.rtsp.depacketizer import Depacketizer, UnsupportedStream
from producer.rtsp.interleaving import Deinterleaver
from producer.rtsp.mjpeg import JpegDepacketizer
from producer.rtsp.nal_units import H264Depacketizer, H265Depacketizer
from producer.rtsp.opening import opened
from producer.rtsp.request_channel import HungUp, NotRtsp
from producer.rtsp.sdp import Description, Track
from producer.rtsp.session import Session
from shared.errors import CameraError, CameraLost

log = logging.getLogger(__name__)

START_S = OPEN_TIMEOUT_S + 2.0  # of Python, and to open the camera

_PROFILES = frozenset({"RTP/AVP", "RTP/AVPF", "RTP/AVP/TCP", "RTP/AVP/UDP"})
_DEPACKETIZERS: Mapping[str, Callable[[Track], Depacketizer]] = {
    "H264": lambda track: H264Depacketizer(track.parameters),
    "H265": lambda track: H265Depacketizer(track.parameters),
    "JPEG": lambda track: JpegDepacketizer(track.size),
}


class RtspCamera:
    """An opened camera."""

    reader = "RTSP"

    def __init__(self, session: Session, track: Track, depacketizer: Depacketizer, rhythm: Rhythm) -> None:
        self._session, self._rhythm, self._any_picture = session, rhythm, False
        # Cameras may use the interleaved mode without declaring it.
        deinterleaver = Deinterleaver(track.parameters) if track.codec == "H264" else None
        self._assembler = AccessUnitAssembler(depacketizer, track.payload_types, deinterleaver)
        self.codec = depacketizer.codec
        self.decoder = Decoder(av.Codec(depacketizer.codec, "r").create("video"), low_delay=True)

    @classmethod
    def open(cls, link: str, *, rhythm: Rhythm, ca: str = "") -> "RtspCamera":
        """Return the camera of a link, which sends already.

        Args:
            link: of the camera.
            rhythm: how long it may be silent.
            ca: what its certificate is verified against, as for `tls.context`.

        Raises:
            UnsupportedStream: the stream is left to FFmpeg.
            CameraError: it cannot be opened.
        """

        def begin(session: Session, description: Description) -> "RtspCamera":
            track, depacketizer = _chosen(description)
            session.start(track)
            return cls(session, track, depacketizer, rhythm)

        try:
            return opened(link, begin, ca=ca)
        except (HungUp, NotRtsp) as exc:
            raise UnsupportedStream(str(exc), failure=exc) from None
        except (ArithmeticError, LookupError, TypeError, ValueError):  # a bug in the reader must not lose the camera
            log.exception("the reader for RTSP failed")
            raise UnsupportedStream("the reader failed") from None

    def pictures(self) -> Iterator[AccessUnit]:
        """Yield its coded pictures as they come; what is damaged or not recognised, without a packet.

        Raises:
            CameraError: there are no more.
        """
        for received in self._session.packets(self._silence_s):
            packet = rtp.parse(received.data) if isinstance(received, Packet) else None
            if packet is None:  # a gap in the numbers of the packets tells whether anything is lost
                yield AccessUnit(None, False, received.captured)
            else:
                for unit in self._assembler.add(packet, received.captured):
                    if unit.packet is not None:
                        self._any_picture = True
                        self._rhythm.saw_picture(unit.captured.monotonic_s)
                    yield unit

    def _silence_s(self) -> float:
        # The first picture may take its time, but packets do not; an empty rhythm allows for the start of Python, too.
        return self._rhythm.limit_s if self._any_picture else max(READ_TIMEOUT_S, self._rhythm.limit_s - START_S)

    def close(self) -> None:
        """Sign off at the camera."""
        self._session.close()


def _chosen(description: Description) -> tuple[Track, Depacketizer]:
    """Return the first video that this reader knows.

    Raises:
        UnsupportedStream: there is none.
    """
    failure: CameraError = CameraLost("it sends no video")
    if not description.videos:
        raise UnsupportedStream("the camera describes no video", failure=failure)
    others: list[str] = []
    for track in description.videos:
        if track.profile not in _PROFILES or track.codec not in _DEPACKETIZERS:
            others.append(f"{track.codec or 'an unnamed codec'} over {track.profile}")
            continue
        try:
            return track, _DEPACKETIZERS[track.codec](track)
        except UnsupportedStream as exc:
            others.append(str(exc))
    raise UnsupportedStream(", ".join(others))
