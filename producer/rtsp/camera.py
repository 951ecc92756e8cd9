"""A camera that speaks RTSP over TCP: its coded pictures, each as soon as its last byte is there."""

from collections.abc import Callable, Iterator, Mapping
from typing import Self

import av

from producer.decoder import Decoder
from producer.feed import AccessUnit
from producer.rtsp import rtp
from producer.rtsp.access_units import AccessUnitAssembler
from producer.rtsp.connection import Packet
from producer.rtsp.depacketizer import Depacketizer, UnsupportedStream
from producer.rtsp.mjpeg import JpegDepacketizer
from producer.rtsp.nal_units import H264Depacketizer, H265Depacketizer
from producer.rtsp.sdp import Description, Track
from producer.rtsp.session import Session, opened
from shared.errors import CameraLost

_PROFILE = "RTP/AVP"
_PAYLOADS: Mapping[str, Callable[[Track], Depacketizer]] = {
    "H264": lambda track: H264Depacketizer(track.parameters),
    "H265": lambda track: H265Depacketizer(track.parameters),
    "JPEG": lambda track: JpegDepacketizer(track.size),
}


class RtspCamera:
    """An opened camera."""

    def __init__(self, session: Session, track: Track, payload: Depacketizer) -> None:
        self._session = session
        self._pictures = AccessUnitAssembler(payload, track.payload_type)
        self.decoder = Decoder(av.Codec(payload.codec, "r").create("video"), low_delay=True)

    @classmethod
    def open(cls, link: str) -> Self:
        """Return the camera of a link, which sends already.

        Raises:
            UnsupportedStream: it sends in a way that is left to FFmpeg.
            CameraError: it cannot be opened.
        """
        session, description = opened(link)
        try:
            track, payload = _chosen(description)
            session.play(track)
            return cls(session, track, payload)
        except BaseException:
            session.close()
            raise

    def pictures(self) -> Iterator[AccessUnit]:
        """Yield its coded pictures as they come; those that are damaged, and noise, without a packet.

        Raises:
            CameraError: there are no more.
        """
        for received in self._session.packets():
            packet = rtp.parse(received.data) if isinstance(received, Packet) else None
            if packet is None:  # a gap in the packets' numbers tells whether anything is lost
                yield AccessUnit(None, False, received.captured_at, received.at_s)
                continue
            for picture in self._pictures.add(packet, received.captured_at, received.at_s):
                coded = av.Packet(picture.data) if picture.data else None
                yield AccessUnit(coded, picture.key, picture.captured_at, picture.at_s, breaks=coded is None)

    def close(self) -> None:
        """Take leave of the camera."""
        self._session.close()


def _chosen(description: Description) -> tuple[Track, Depacketizer]:
    """Return the first video that our reader knows.

    Raises:
        UnsupportedStream: there is none.
        CameraLost: there is no video at all.
    """
    if not description.videos:
        raise CameraLost("it sends no video")
    others: list[str] = []
    for track in description.videos:
        if track.profile != _PROFILE or track.codec not in _PAYLOADS:
            others.append(f"{track.codec or 'an unnamed codec'} over {track.profile}")
            continue
        try:
            return track, _PAYLOADS[track.codec](track)
        except UnsupportedStream as exc:
            others.append(str(exc))
    raise UnsupportedStream(", ".join(others))
