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


def test_h264_with_absolute_addresses():
    """Addresses may be absolute, hold a query, and each media has its own."""
    description = parse(AXIS)

    (track,) = description.videos
    assert description.control == "rtsp://10.0.0.7/axis-media/media.amp?videocodec=h264"
    assert (track.codec, track.payload_type, track.profile) == ("H264", 96, "RTP/AVP")
    assert track.control == "rtsp://10.0.0.7/axis-media/media.amp/stream=0?videocodec=h264"
    assert track.parameters["sprop-parameter-sets"] == "Z00AKeKQDwBE/LgLcBAQGkHiRFQ=,aO48gA=="


def test_h265_with_relative_addresses():
    """Parameters may be parted by a semicolon and a blank, lines by LF alone."""
    description = parse(DAHUA)

    (track,) = description.videos
    assert (track.codec, track.control, description.control) == ("H265", "trackID=0", "*")
    assert track.parameters["sprop-vps"] == "QAEM"


def test_jpeg_needs_no_rtpmap():
    """Depacketizer type 26 is JPEG (RFC 3551); its size may be said, for packets have no room for large ones."""
    (track,) = parse(LARGE_JPEG).videos

    assert (track.codec, track.size) == ("JPEG", (3840, 2160))


def test_several_videos_and_none():
    """Videos come in the camera's order; what is no description has none."""
    two = parse("m=video 0 RTP/AVP 96\na=rtpmap:96 VP8/90000\nm=video 0 RTP/SAVP 97\na=rtpmap:97 h264/90000\n")

    assert [(track.codec, track.profile) for track in two.videos] == [("VP8", "RTP/AVP"), ("H264", "RTP/SAVP")]
    assert parse("").videos == parse("m=video\nm=audio 0 RTP/AVP 0\n\0\xff").videos == ()
