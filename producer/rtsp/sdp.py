"""Parses what a camera declares that it sends: a session description (SDP, RFC 8866; for RTSP, RFC 2326, appendix C).

Read line by line, and leniently: lines that are wrong or unknown are ignored, as FFmpeg does.
"""

from dataclasses import dataclass, field

MOST_PIXELS = 65_535  # of one side of a JPEG (ITU T.81, B.2.2)
_STATIC = {26: "JPEG"}  # payload types that need no rtpmap (RFC 3551, section 6)
_ALIASES = {"H.264": "H264", "AVC": "H264", "HEVC": "H265", "H.265": "H265", "MJPEG": "JPEG"}
_MOST_FORMATS = 16


@dataclass(frozen=True, slots=True)
class Track:
    """One video of a camera.

    Attributes:
        codec: as in `rtpmap`, in upper case: H264, H265, JPEG, …; empty if the camera does not say.
        payload_types: of its RTP packets; one codec may have several.
        profile: of the transport: RTP/AVP.
        control: its own address, absolute or relative; empty or `*` if it has none.
        parameters: of `fmtp`, names in lower case.
        size: width and height in pixels, if they are given (JPEG: RFC 2435 has no room for large ones).
    """

    codec: str
    payload_types: frozenset[int]
    profile: str = "RTP/AVP"
    control: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Description:
    """What a camera sends.

    Attributes:
        videos: in the camera's order.
        control: address of the session as a whole; empty or `*` if it is that of the description itself.
    """

    videos: tuple[Track, ...]
    control: str = ""


def parse(text: str) -> Description:
    """Parse a session description."""
    session: list[str] = []
    media: list[list[str]] = []
    for line in text.replace("\r", "\n").split("\n"):
        stripped = line.strip()
        if stripped[:2].lower() == "m=":
            media.append([stripped])
        elif stripped:
            (media[-1] if media else session).append(stripped)
    everything = [line for part in media for line in part]
    tracks = [track for part in media if (track := _video(part, everything)) is not None]
    return Description(tuple(tracks), _attribute(session, "control"))


def _video(lines: list[str], everything: list[str]) -> Track | None:
    words = lines[0][2:].split()
    if len(words) < 4 or words[0].lower() != "video":
        return None
    formats = [int(word) for word in words[3 : 3 + _MOST_FORMATS] if word.isascii() and word.isdecimal()]
    formats = [number for number in formats if number < 128]
    if not formats:
        return None
    # Some cameras put the parameters of the video behind another medium.
    parameters = _parameters(lines, formats[0]) or _parameters(everything, formats[0])
    codec = _codec(lines, formats[0], parameters)
    return Track(
        codec=codec,
        payload_types=frozenset(number for number in formats if _codec(lines, number, {}) in (codec, "")),
        profile=words[2].upper(),
        control=_attribute(lines, "control"),
        parameters=parameters,
        size=_size(lines),
    )


def _codec(lines: list[str], number: int, parameters: dict[str, str]) -> str:
    """Return the codec of a payload type; if it is not named, its parameters may tell."""
    name = _of_format(lines, "rtpmap", number).partition("/")[0].strip().upper()
    if name:
        return _ALIASES.get(name, name)
    if "sprop-parameter-sets" in parameters or "packetization-mode" in parameters:
        return "H264"
    if "sprop-sps" in parameters:
        return "H265"
    return _STATIC.get(number, "")


def _parameters(lines: list[str], number: int) -> dict[str, str]:
    parts = [part.partition("=") for part in _of_format(lines, "fmtp", number).split(";")]
    return {name.strip().lower(): value.strip() for name, equals, value in parts if equals}


def _attribute(lines: list[str], name: str) -> str:
    """Return the value of the first attribute of a name, or an empty string."""
    for line in lines:
        key, colon, value = line.partition(":")
        if colon and key[:2].lower() == "a=" and key[2:].strip().lower() == name:
            return value.strip()
    return ""


def _of_format(lines: list[str], name: str, number: int) -> str:
    """Return the value of an attribute for a payload type."""
    for line in lines:
        key, colon, value = line.partition(":")
        if colon and key[:2].lower() == "a=" and key[2:].strip().lower() == name:
            found, _, rest = value.strip().partition(" ")
            if found == str(number):
                return rest.strip()
    return ""


def _size(lines: list[str]) -> tuple[int, int] | None:
    words = _attribute(lines, "x-dimensions") or _attribute(lines, "framesize").partition(" ")[2]
    sides = [side.strip() for side in words.replace("-", ",").split(",")]
    if len(sides) != 2 or not all(side.isascii() and side.isdecimal() and len(side) <= 5 for side in sides):
        return None
    width, height = map(int, sides)
    return (width, height) if 0 < width <= MOST_PIXELS and 0 < height <= MOST_PIXELS else None
