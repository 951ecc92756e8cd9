"""Videos for RTSP cameras: coded and cut into RTP packets by FFmpeg, as nobody of us would do it for a test."""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import av
from av.codec.context import Flags

from shared.frames.pixels import Image
from tests.end_to_end.numbered import RATE, picture

PAYLOAD_TYPE = 96
CLOCK = 90_000  # RTP timestamps a second
PACKET_BYTES = 1400
START_CODE = re.compile(rb"\x00\x00\x00?\x01")
_ENCODERS = {
    "H264": ("libx264", {"preset": "ultrafast", "tune": "zerolatency"}),
    "H265": ("libx265", {"preset": "ultrafast", "tune": "zerolatency", "x265-params": "log-level=none:bframes=0"}),
    # One slice: FFmpeg's muxer leaves out the restart intervals of several.
    "JPEG": ("mjpeg", {"huffman": "default", "qmin": "2", "qmax": "2", "slices": "1", "threads": "1"}),
}


@dataclass(frozen=True)
class Video:
    """Coded pictures, each as RTP packets whose sequence numbers and timestamps are yet to be set."""

    codec: str
    pictures: list[list[bytes]]
    description: str = field(repr=False)


class _Cutter:
    """Gets what FFmpeg's RTP muxer writes: one packet at a time."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []

    def write(self, packet: bytes) -> int:
        self.packets.append(bytes(packet))
        return len(packet)

    def taken(self) -> list[bytes]:
        packets, self.packets = self.packets, []
        return [packet for packet in packets if packet[1] & 0x7F in (PAYLOAD_TYPE, 26)]  # the others are RTCP


def video(
    codec: str = "H264",
    pictures: Sequence[Image] | None = None,
    *,
    key_every: int = 25,
    in_band: bool = True,
    **options: str,
) -> Video:
    """Code pictures as a camera does: no B frames, no look-ahead.

    Args:
        codec: H264, H265 or JPEG.
        pictures: all of one size; default: 0 to 24 of numbered.py.
        key_every: distance of pictures that need no other.
        in_band: parameter sets come with the pictures; else only in the session description.
        options: further ones of the encoder.
    """
    pictures = [picture(number) for number in range(25)] if pictures is None else pictures
    name, fixed = _ENCODERS[codec]
    cutter = _Cutter()
    with av.open(cutter, "w", format="rtp", options={"packetsize": str(PACKET_BYTES)}) as container:
        stream = container.add_stream(name, rate=Fraction(RATE))
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuvj420p" if codec == "JPEG" else "yuv420p"
        stream.options = {**fixed, **options} if codec == "JPEG" else {**fixed, "g": str(key_every), **options}
        if not in_band:
            stream.codec_context.flags |= Flags.global_header
        coded = []
        for number, image in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts = number
            for packet in stream.encode(frame):
                container.mux(packet)
            coded.append(cutter.taken())
        extra = bytes(stream.codec_context.extradata or b"")
        sets = [] if in_band else [unit for unit in START_CODE.split(extra) if unit]
    return Video(codec, coded, _description(codec, sets))


def _description(codec: str, sets: list[bytes]) -> str:
    lines = ["v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=camera", "c=IN IP4 0.0.0.0", "t=0 0", "a=control:*"]
    # Cameras send more than video: a microphone first, and what they have to say of the scene.
    lines += ["m=audio 0 RTP/AVP 0", "a=control:trackID=1"]
    if codec == "JPEG":
        lines += ["m=video 0 RTP/AVP 26", "a=control:trackID=2"]
    else:
        lines += [f"m=video 0 RTP/AVP {PAYLOAD_TYPE}", f"a=rtpmap:{PAYLOAD_TYPE} {codec}/{CLOCK}"]
        texts = [base64.b64encode(unit).decode() for unit in sets]
        if codec == "H264":
            parameters = ["packetization-mode=1"] + ([f"sprop-parameter-sets={','.join(texts)}"] if sets else [])
            lines += [f"a=fmtp:{PAYLOAD_TYPE} {';'.join(parameters)}"]
        elif sets:
            named = [f"sprop-{name}={text}" for name, text in zip(("vps", "sps", "pps"), texts, strict=False)]
            lines += [f"a=fmtp:{PAYLOAD_TYPE} {'; '.join(named)}"]
        lines += ["a=control:trackID=2"]
    lines += ["m=application 0 RTP/AVP 107", "a=rtpmap:107 vnd.onvif.metadata/90000", "a=control:trackID=3"]
    return "\r\n".join(lines) + "\r\n"
