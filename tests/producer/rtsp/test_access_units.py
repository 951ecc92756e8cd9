"""RTP packets become pictures: with FFmpeg's packets of real videos, and with packets written by hand."""

import random
import struct

import av
import pytest

from producer.rtsp import rtp
from producer.rtsp.access_units import AccessUnitAssembler, CodedPicture
from producer.rtsp.depacketizer import UnsupportedStream
from producer.rtsp.mjpeg import JpegDepacketizer
from producer.rtsp.nal_units import H264Depacketizer, H265Depacketizer
from producer.rtsp.rtp import RtpPacket
from tests.producer.rtsp_video import PAYLOAD_TYPE, video

IDR, SLICE, REST_OF_SLICE, SPS, PPS = b"\x65\x88 a key", b"\x41\x9a a slice", b"\x41\x1a more", b"\x67sps", b"\x68pps"
RECOVERY_POINT = b"\x06\x06\x01\xc4\x80"


def units(*parts: bytes) -> bytes:
    return b"".join(b"\0\0\0\1" + part for part in parts)


def aggregated(*parts: bytes) -> bytes:
    return b"\x78" + b"".join(struct.pack("!H", len(part)) + part for part in parts)


def fragments(unit: bytes, count: int = 3) -> list[bytes]:
    """Cut a unit of H.264 into FU-A (RFC 6184, section 5.8)."""
    body, size = unit[1:], -(-(len(unit) - 1) // count)
    cut = [body[at : at + size] for at in range(0, len(body), size)]
    ends = [(0x80 if not n else 0) | (0x40 if n == len(cut) - 1 else 0) for n in range(len(cut))]
    head = bytes((unit[0] & 0xE0 | 28,))
    return [head + bytes((end | unit[0] & 31,)) + part for end, part in zip(ends, cut, strict=True)]


class Stream:
    """Numbers packets, and collects what comes of them."""

    def __init__(self, payload=None) -> None:
        self.pictures = AccessUnitAssembler(payload or H264Depacketizer({}), PAYLOAD_TYPE)
        self.sequence, self.at = 65_534, 0
        self.found: list[CodedPicture] = []

    def send(self, timestamp: int, *payloads: bytes, marker: bool = True) -> list[CodedPicture]:
        """Add the payloads of a picture; return what is complete by then."""
        found = []
        for number, payload in enumerate(payloads):
            last = marker and number == len(payloads) - 1
            packet = RtpPacket(last, PAYLOAD_TYPE, self.sequence & 0xFFFF, timestamp, payload)
            self.at += 1
            found += self.pictures.add(packet, self.at, self.at / 1e6)
            self.sequence += 1
        self.found += found
        return found

    def lose(self, packets: int = 1) -> None:
        self.sequence += packets


def data(found: list[CodedPicture]) -> list[bytes]:
    return [picture.data for picture in found]


def test_units_alone_together_and_in_pieces():
    """Single units, aggregations and fragments make one picture in Annex B form, complete with the marker."""
    stream = Stream()

    (picture,) = stream.send(1, aggregated(SPS, PPS), *fragments(IDR))
    assert picture.data == units(SPS, PPS, IDR)
    assert (picture.key, picture.captured_at) == (True, 4)
    (picture,) = stream.send(2, SLICE, REST_OF_SLICE)
    assert picture.data == units(SLICE, REST_OF_SLICE)
    assert (picture.key, picture.captured_at) == (False, 6)


def test_parameter_sets_of_the_description_go_in_front():
    """They come before the first picture; what is no Base64 is left out, for it comes again."""
    stream = Stream(H264Depacketizer({"sprop-parameter-sets": "Z3Nwcw==,aHBwcw,???"}))

    assert data(stream.send(1, IDR)) == [units(SPS, PPS, IDR)]
    assert data(stream.send(2, SLICE)) == [units(SLICE)]


def test_parameter_sets_of_the_description_wait_for_a_whole_picture():
    """A first picture that is damaged does not take them along."""
    stream = Stream(H264Depacketizer({"sprop-parameter-sets": "Z3Nwcw==,aHBwcw=="}))

    assert data(stream.send(1, fragments(IDR)[1])) == [b""]
    assert data(stream.send(2, IDR)) == [units(SPS, PPS, IDR)]


def test_parameter_sets_with_a_marker_are_no_picture():
    """Some cameras set the marker after them: they wait for their picture, also where its time is another."""
    stream = Stream()

    assert stream.send(1, SPS) + stream.send(1, PPS) == []
    assert data(stream.send(2, IDR)) == [units(SPS, PPS, IDR)]


def test_without_markers_the_next_timestamp_ends_a_picture():
    """It was whole when its own last byte had been read, not the next one's first."""
    stream = Stream()

    assert stream.send(1, IDR, marker=False) == []
    (picture,) = stream.send(2, SLICE, REST_OF_SLICE, marker=False)
    assert (picture.data, picture.captured_at) == (units(IDR), 1)
    (picture,) = stream.send(3, SLICE, marker=False)
    assert (picture.data, picture.captured_at) == (units(SLICE, REST_OF_SLICE), 3)


def test_markers_within_a_picture_are_not_believed_again():
    """A part that goes on after a marker shows that markers end parts: from then on timestamps end pictures."""
    stream = Stream()
    stream.send(1, IDR)
    stream.send(2, SLICE)
    stream.send(2, REST_OF_SLICE)
    assert data(stream.found) == [units(IDR), units(SLICE)], "cut in two, once"

    stream.send(3, SLICE)
    stream.send(3, REST_OF_SLICE)
    stream.send(4, SLICE)

    assert data(stream.found)[2:] == [b"", units(SLICE, REST_OF_SLICE)]


def test_a_picture_with_a_part_missing_is_damaged():
    """Whatever part it is. The next one is not, unless its own first part may be missing as well."""
    for missing in (0, 1, 2):
        stream = Stream()
        stream.send(1, IDR)
        for number, part in enumerate(fragments(SLICE)):
            if number == missing:
                stream.lose()
            else:
                stream.send(2, part, marker=number == 2)
        found = stream.send(3, SLICE)

        damaged = [picture for picture in stream.found if not picture.data]
        assert len(damaged) == (2 if missing == 2 else 1)
        assert found[-1].data == (b"" if missing == 2 else units(SLICE)), missing


def test_after_lost_pictures_only_a_key_picture_is_whole():
    """Those that were lost whole leave a gap in the numbers: what may refer to them is damaged."""
    stream = Stream()
    stream.send(1, IDR)
    stream.lose(7)
    assert data(stream.send(9, SLICE)) == [b""]
    stream.lose(7)
    (picture,) = stream.send(19, SPS, IDR)
    assert (picture.data, picture.key) == (units(SPS, IDR), True)


def test_a_recovery_point_is_a_key():
    """Cameras without IDR say in a supplemental message from where on pictures are right."""
    stream = Stream()

    (picture,) = stream.send(1, b"\x06\x05\x02xx\x06\x01\xc4\x80", SLICE)
    assert picture.key
    (picture,) = stream.send(2, RECOVERY_POINT, SLICE)
    assert picture.key
    (picture,) = stream.send(3, b"\x06\x05\x02xx\x80", SLICE)
    assert not picture.key


def test_what_is_sent_twice_or_of_another_kind_is_passed_over():
    """A repeated packet, and one of another payload type, change nothing."""
    stream = Stream()
    stream.send(1, SPS, marker=False)
    stream.sequence -= 1
    stream.send(1, SPS, marker=False)
    stream.pictures.add(RtpPacket(True, PAYLOAD_TYPE + 1, 5, 9, IDR), 0, 0.0)

    assert data(stream.send(1, IDR)) == [units(SPS, IDR)]


def test_a_picture_without_an_end_does_not_fill_the_memory():
    """More than any picture can have is thrown away; the next one is whole."""
    stream = Stream()
    stream.send(1, *fragments(IDR, 2)[:1], marker=False)
    stream.send(1, *[b"\x7c\x05" + bytes(60_000)] * 600, marker=False)

    assert data(stream.send(2, IDR)) == [b"", units(IDR)]


def test_other_orders_than_that_of_decoding_are_not_ours():
    """Interleaved packetization of H.264, and decoding order numbers of H.265, are left to FFmpeg."""
    with pytest.raises(UnsupportedStream):
        H264Depacketizer({"packetization-mode": "2"})
    with pytest.raises(UnsupportedStream):
        H265Depacketizer({"sprop-max-don-diff": "1"})


@pytest.mark.parametrize(
    "bad", [b"", b"\x65", b"\x78\0\x09abc", b"\x78\0", b"\x79abc", b"\x7c\x45abc", b"\x00\x00\x00\x01\x65x"]
)
def test_what_is_no_payload_damages_its_picture(bad):
    """Too short, cut off, of a kind without a meaning, or the end of a fragment that never began."""
    stream = Stream()

    (picture,) = stream.send(1, IDR, bad)
    assert not picture.data


PAYLOADS = {
    "H264": lambda: H264Depacketizer({}),
    "H265": lambda: H265Depacketizer({}),
    "JPEG": lambda: JpegDepacketizer(None),
}


@pytest.mark.parametrize("codec", PAYLOADS)
def test_what_ffmpeg_cut_is_put_together(codec):
    """FFmpeg's packets of a real video decode to as many pictures as were coded, without an error."""
    payload = PAYLOADS[codec]()
    coded = video(codec, key_every=10)
    pictures = AccessUnitAssembler(payload, 26 if codec == "JPEG" else PAYLOAD_TYPE)
    decoder = av.Codec(payload.codec, "r").create("video")
    found = [picture for cut in coded.pictures for packet in cut for picture in pictures.add(rtp.parse(packet), 0, 0.0)]

    assert len(found) == 25
    assert [number for number, picture in enumerate(found) if picture.key][:2] == (
        [0, 1] if codec == "JPEG" else [0, 10]
    )
    assert all(len(decoder.decode(av.Packet(picture.data))) == 1 for picture in found)


@pytest.mark.parametrize("codec", PAYLOADS)
def test_whatever_comes_is_no_crash(codec):
    """Packets with random changes, left out, repeated or cut off give pictures, whole or damaged."""
    chance = random.Random(3)
    pictures = AccessUnitAssembler(PAYLOADS[codec](), 26 if codec == "JPEG" else PAYLOAD_TYPE)
    found = []
    for _ in range(5):
        for packet in (packet for cut in video_of(codec).pictures for packet in cut):
            changed = bytearray(packet)
            for _ in range(chance.choice((0, 0, 0, 0, 0, 3))):
                changed[chance.randrange(len(changed))] = chance.randrange(256)
            parsed = rtp.parse(bytes(changed[: len(changed) if chance.random() > 0.02 else chance.randrange(20)]))
            if parsed is not None and chance.random() > 0.01:
                found += pictures.add(parsed, 0, 0.0)

    assert any(picture.data for picture in found)
    assert any(not picture.data for picture in found)


_VIDEOS = {}


def video_of(codec):
    return _VIDEOS.setdefault(codec, video(codec))
