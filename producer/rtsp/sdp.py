"""What a camera says it sends: a session description (SDP, RFC 8866; for RTSP, RFC 2326, appendix C)."""

import re
from dataclasses import dataclass, field

MOST_PIXELS = 65_535  # of one side of a JPEG (ITU T.81, B.2.2)
_STATIC = {26: "JPEG"}  # payload types that need no rtpmap (RFC 3551, section 6)


@dataclass(frozen=True, slots=True)
class Track:
    """One video of a camera.

    Attributes:
        codec: as in `rtpmap`, in upper case: H264, H265, JPEG, …; empty: it does not say.
        payload_type: of its RTP packets.
        profile: of the transport: RTP/AVP.
        control: its own address, absolute or to be appended to the session's.
        parameters: of `fmtp`, names in lower case.
        size: width and height in pixels, where it is said (JPEG, RFC 2435 has no room for large ones).
    """

    codec: str
    payload_type: int
    profile: str = "RTP/AVP"
    control: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Description:
    """What a camera sends.

    Attributes:
        videos: in the camera's order.
        control: address of the session as a whole; empty or `*`: that of the description itself.
    """

    videos: tuple[Track, ...]
    control: str = ""


def parse(text: str) -> Description:
    """Return what a session description says; lines that are wrong or unknown are passed over."""
    session, *media = re.split(r"^(?=m=)", text.replace("\r", ""), flags=re.MULTILINE)
    tracks = [track for part in media if (track := _video(part)) is not None]
    return Description(tuple(tracks), _attribute(session, "control"))


def _video(text: str) -> Track | None:
    line = re.match(r"m=video +\S+ +(\S+) +(\d{1,3})\b", text)
    if line is None:
        return None
    number = int(line[2])
    encoding = re.search(rf"^a=rtpmap: *{number} +([^/\s]+)", text, re.MULTILINE)
    formats = re.search(rf"^a=fmtp: *{number} +(.*)$", text, re.MULTILINE)
    parameters = [part.strip().partition("=") for part in (formats[1] if formats else "").split(";")]
    return Track(
        codec=encoding[1].upper() if encoding else _STATIC.get(number, ""),
        payload_type=number,
        profile=line[1],
        control=_attribute(text, "control"),
        parameters={name.strip().lower(): value.strip() for name, equals, value in parameters if equals},
        size=_size(text),
    )


def _attribute(text: str, name: str) -> str:
    found = re.search(rf"^a={name}: *(.*?) *$", text, re.MULTILINE)
    return found[1] if found else ""


def _size(text: str) -> tuple[int, int] | None:
    found = re.search(r"^a=(?:framesize: *\d+ +|x-dimensions: *)(\d{1,5}) *[-,] *(\d{1,5})\b", text, re.MULTILINE)
    width, height = (int(found[1]), int(found[2])) if found else (0, 0)
    return (width, height) if 0 < width <= MOST_PIXELS and 0 < height <= MOST_PIXELS else None
