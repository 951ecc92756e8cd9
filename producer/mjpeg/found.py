"""What an HTTP camera sends if it is not MJPEG: left to FFmpeg, or reported in one line."""

import re

from producer.mjpeg.response import Response

ENOUGH_BYTES = 1 << 20  # without a JPEG: it is something else
_LONGEST_TYPE = 60
_PACKET = 188  # bytes of MPEG-TS
_BEGINNINGS: dict[str, re.Pattern[bytes]] = {
    "an HLS playlist": re.compile(rb"\s*#EXTM3U"),
    "a DASH manifest": re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?<MPD\b"),
    "a session description": re.compile(rb"v=0\r?\n"),
    "an HTML page": re.compile(rb"\s*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE),
    "XML": re.compile(rb"\s*<\?xml"),
    "JSON": re.compile(rb"\s*[\[{]\s*[\"\]}\[{0-9]"),
    "a PNG": re.compile(rb"\x89PNG\r\n"),
    "a GIF": re.compile(rb"GIF8[79]a"),
    "a WebP": re.compile(rb"RIFF....WEBP", re.DOTALL),
    "a BMP": re.compile(rb"BM.{4}\0{4}", re.DOTALL),
}
_VIDEO = re.compile(
    rb"G.{187}G|FLV\x01|.{4}ftyp|\x1a\x45\xdf\xa3|RIFF.{4}AVI |\0\0\0?\x01|OggS|\x30\x26\xb2\x75|DKIF", re.DOTALL
)
"""MPEG-TS, FLV, MP4, Matroska, AVI, H.264 or H.265 byte streams, Ogg, ASF, IVF."""
_IMAGES = frozenset({"a PNG", "a GIF", "a WebP", "a BMP"})


def is_video(beginning: bytes | bytearray) -> bool:
    """Return whether a body begins like a video format that FFmpeg reads."""
    return bool(_VIDEO.match(beginning))


def is_image(beginning: bytes | bytearray) -> bool:
    """Return whether a body begins like a picture that is no JPEG."""
    return kind(beginning) in _IMAGES


def kind(beginning: bytes | bytearray) -> str:
    """Return what a body seems to be, from its first bytes."""
    for name, pattern in _BEGINNINGS.items():
        if pattern.match(beginning):
            return name
    if not beginning:
        return "nothing"
    return "text" if re.fullmatch(rb"[\t\r\n -~]*", beginning[:512]) else "binary data"


def no_picture(response: Response, beginning: bytes) -> str:
    """Return the line that reports what arrived instead of a picture; it quotes nothing that may be a secret."""
    media_type = re.sub(r"[^\w/+.-]", "", response.content_type)[:_LONGEST_TYPE] or "no type"
    return (
        f"no JPEG in what it sends: status {response.status}, {media_type}, "
        f"{response.received} bytes, {kind(beginning)}"
    )
