import pytest

from producer.rtsp.sdp import parse

# As an Axis, a Dahua and a GStreamer server describe themselves, in short.
AXIS = """v=0\r
o=- 1 1 IN IP4 10.0.0.7\r
s=Session streamed with GStreamer\r
t=0 0\r
a=control:rtsp://10.0.0.7/axis-media/media.amp?videocodec=h264\r
m=video 0 RTP/AVP 96\r
b=AS:50000\r
a=rtpmap:96 H264/90000\r
a=fmtp:96 packetization-mode=1;profile-level-id=4d0029;sprop-parameter-sets=Z00AKeKQDwBE/LgLcBAQGkHiRFQ=,aO48gA==\r
a=control:rtsp://10.0.0.7/axis-media/media.amp/stream=0?videocodec=h264\r
a=framerate:25.000000\r
a=transform:1.0,0.0,0.0;0.0,1.0,0.0;0.0,0.0,1.0\r
m=application 0 RTP/AVP 98\r
a=rtpmap:98 vnd.onvif.metadata/90000\r
a=control:rtsp://10.0.0.7/axis-media/media.amp/stream=1?videocodec=h264\r
"""
DAHUA = """v=0
s=Media Server
a=control:*
m=video 0 RTP/AVP 98
a=control:trackID=0
a=rtpmap:98 H265/90000
a=fmtp:98 profile-id=1; sprop-sps=QgEB; sprop-pps=RAHA; sprop-vps=QAEM
m=audio 0 RTP/AVP 8
a=control:trackID=1
"""
LARGE_JPEG = """v=0
m=video 0 RTP/AVP 26
a=x-dimensions:3840,2160
"""


def test_h264_with_absolute_addresses() -> None:
    """Addresses may be absolute, hold a query, and each media has its own."""
    description = parse(AXIS)

    (track,) = description.videos
    assert description.control == "rtsp://10.0.0.7/axis-media/media.amp?videocodec=h264"
    assert (track.codec, track.payload_types, track.profile) == ("H264", frozenset({96}), "RTP/AVP")
    assert track.control == "rtsp://10.0.0.7/axis-media/media.amp/stream=0?videocodec=h264"
    assert track.parameters["sprop-parameter-sets"] == "Z00AKeKQDwBE/LgLcBAQGkHiRFQ=,aO48gA=="


def test_h265_with_relative_addresses() -> None:
    """Parameters may be separated by a semicolon and a blank, lines by LF alone."""
    description = parse(DAHUA)

    (track,) = description.videos
    assert (track.codec, track.control, description.control) == ("H265", "trackID=0", "*")
    assert track.parameters["sprop-vps"] == "QAEM"


def test_jpeg_needs_no_rtpmap() -> None:
    """Depacketizer type 26 is JPEG (RFC 3551); its size may be said, for packets have no room for large ones."""
    (track,) = parse(LARGE_JPEG).videos

    assert (track.codec, track.size) == ("JPEG", (3840, 2160))


def test_several_videos_and_none() -> None:
    """Videos come in the camera's order; what is not a description has none."""
    two = parse("m=video 0 RTP/AVP 96\na=rtpmap:96 VP8/90000\nm=video 0 RTP/SAVP 97\na=rtpmap:97 h264/90000\n")

    assert [(track.codec, track.profile) for track in two.videos] == [("VP8", "RTP/AVP"), ("H264", "RTP/SAVP")]
    assert parse("").videos == parse("m=\nm=video\nm=audio 0 RTP/AVP 0\n\0\xff").videos == ()


@pytest.mark.parametrize(
    ("lines", "codec", "types"),
    [
        (
            "m=video 0 RTP/AVP 96 97 98\na=rtpmap:96 H264/90000\na=rtpmap:97 H264/90000\na=rtpmap:98 rtx/90000",
            "H264",
            {96, 97},
        ),
        ("m=video -1353744643 RTP/AVP 96\nc=IN IP4 '&\udcff\na=rtpmap:96 H264/90000", "H264", {96}),  # go2rtc 2316
        ("M=VIDEO 0 rtp/avp 96\nA=RTPMAP: 96  h264/90000", "H264", {96}),
        ("m=video 0 RTP/AVP 96\na=rtpmap:96 HEVC/90000", "H265", {96}),
        ("m=video 0 RTP/AVP 96\na=fmtp:96 packetization-mode=1", "H264", {96}),
        ("m=video 0 RTP/AVP 96\na=fmtp:96 sprop-sps=QgEB", "H265", {96}),
        ("m=video 0 RTP/AVP 999 96\na=rtpmap:96 H264/90000", "H264", {96}),
    ],
)
def test_descriptions_as_cameras_write_them(lines: str, codec: str, types: set[int]) -> None:
    """Several formats, ports that cannot be, odd spelling, other names, and none."""
    (track,) = parse(lines).videos

    assert (track.codec, track.payload_types, track.profile) == (codec, frozenset(types), "RTP/AVP")


def test_parameters_behind_another_medium() -> None:
    """Some cameras write those of the video at the end (AlexxIT/WebRTC 419)."""
    text = "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\nm=audio 0 RTP/AVP 0\na=fmtp:96 packetization-mode=1\n"

    assert parse(text).videos[0].parameters == {"packetization-mode": "1"}


@pytest.mark.timeout(20)
def test_a_long_line_takes_no_long_time() -> None:
    """The time grows with the length of a description, not with its square."""
    blank = " " * 500_000
    text = f"a=control:x{blank}x\nm=video 0 RTP/AVP 96\na=rtpmap:96{blank}H264/90000\n"
    text += f"a=control:y{blank}y\na=fmtp:96 {blank};"

    (track,) = parse(text).videos
    assert (track.codec, track.control) == ("H264", f"y{blank}y")
