"""RTP packets become pictures: with FFmpeg's packets of real videos, and with packets written by hand."""

import random
import struct
from collections.abc import Callable
from functools import cache

import av
import pytest

from producer.feed import AccessUnit
from producer.rtsp import rtp
from producer.rtsp.access_units import ADOPT_AT_START, AccessUnitAssembler
from producer.rtsp.depacketizer import Depacketizer, UnsupportedStream
from producer.rtsp.interleaving import Deinterleaver
from producer.rtsp.mjpeg import JpegDepacketizer
from producer.rtsp.nal_units import H264Depacketizer, H265Depacketizer
from producer.rtsp.rtp import RtpPacket
from shared.clock import Instant
from tests.producer.rtsp_video import PAYLOAD_TYPE, Video, video

IDR, SLICE, REST_OF_SLICE, SPS, PPS = b"\x65\x88 a key", b"\x41\x9a a slice", b"\x41\x1a more", b"\x67sps", b"\x68pps"
REST_OF_IDR = b"\x65\x08 more"
AUD, SEI = b"\x09\xf0", b"\x06\x05\x02xx\x80"
RECOVERY_POINT = b"\x06\x06\x01\xc4\x80"
CODE = b"\0\0\0\1"


def units(*parts: bytes) -> bytes:
    return b"".join(CODE + part for part in parts)


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
    """Numbers packets, and collects what becomes of them."""

    def __init__(self, depacketizer: Depacketizer | None = None, deinterleaver: Deinterleaver | None = None) -> None:
        types = frozenset({PAYLOAD_TYPE})
        self.assembler = AccessUnitAssembler(depacketizer or H264Depacketizer({}), types, deinterleaver)
        self.sequence, self.at, self.step = 65_530, 0, 1
        self.found: list[AccessUnit] = []

    def send(self, timestamp: int, *payloads: bytes, marker: bool = True) -> list[AccessUnit]:
        """Add the payloads of a picture; return what is complete by then."""
        found = []
        for number, payload in enumerate(payloads):
            found += self.add(timestamp, payload, marker=marker and number == len(payloads) - 1)
        return found

    def add(
        self, timestamp: int, payload: bytes, *, marker: bool = False, sequence: int | None = None, other: int = 0
    ) -> list[AccessUnit]:
        """Add a packet, in order unless it has a number of its own."""
        if sequence is None:
            sequence, self.sequence = self.sequence, self.sequence + 1
        self.at += self.step
        packet = RtpPacket(marker, PAYLOAD_TYPE + other, sequence & 0xFFFF, timestamp, payload)
        found = self.assembler.add(packet, Instant(self.at, self.at / 1e6))
        self.found += found
        return found

    def started(self) -> "Stream":
        """Let two whole pictures go by, so that the marker bits are trusted."""
        self.send(0, SPS, PPS, IDR)
        self.send(1, SLICE)
        assert data(self.found) == [units(SPS, PPS, IDR), units(SLICE)]
        self.found.clear()
        return self

    def lose(self, packets: int = 1) -> None:
        """Lose packets; those that follow come slowly, so that only one of them waits for the lost ones."""
        self.sequence += packets
        self.step = 150_000


def data(found: list[AccessUnit]) -> list[bytes]:
    return [b"" if unit.packet is None else bytes(unit.packet) for unit in found]


def test_units_alone_together_and_in_pieces() -> None:
    """Single units, aggregations and fragments make one picture in Annex B form, complete with the marker."""
    stream = Stream().started()

    (unit,) = stream.send(2, aggregated(SPS, PPS), *fragments(IDR))
    assert data([unit]) == [units(SPS, PPS, IDR)]
    assert (unit.key, unit.captured.wall_us) == (True, stream.at)
    (unit,) = stream.send(3, SLICE, REST_OF_SLICE)
    assert data([unit]) == [units(SLICE, REST_OF_SLICE)]
    assert (unit.key, unit.captured.wall_us) == (False, stream.at)


def test_parameter_sets_of_the_description_go_in_front() -> None:
    """They come before the first picture; what is not Base64, or is not a parameter set, is left out."""
    stream = Stream(H264Depacketizer({"sprop-parameter-sets": "Z3Nwcw==,aHBwcw,???,\xf0,Z2Q,AAAAAA=="}))

    stream.send(1, IDR)
    stream.send(2, SLICE)
    stream.send(3, SLICE)
    assert data(stream.found) == [units(SPS, PPS, IDR), units(SLICE), units(SLICE)][: len(stream.found)]


def test_parameter_sets_of_the_stream_replace_those_of_the_description() -> None:
    """A camera that describes others than it sends is believed the ones it sends."""
    stream = Stream(H264Depacketizer({"sprop-parameter-sets": "Z2R3cm9uZw==,aHdyb25n"}))

    stream.send(1, SPS, PPS, IDR)
    stream.send(2, SLICE)
    assert data(stream.found)[0] == units(SPS, PPS, IDR)


def test_parameter_sets_of_the_description_wait_for_a_whole_picture() -> None:
    """A first picture that is damaged does not use them up."""
    stream = Stream(H264Depacketizer({"sprop-parameter-sets": "Z3Nwcw==,aHBwcw=="}))

    stream.send(1, fragments(IDR)[1])
    stream.send(2, IDR)
    stream.send(3, SLICE)
    assert data(stream.found) == [b"", units(SPS, PPS, IDR), units(SLICE)][: len(stream.found)]


def test_parameter_sets_with_a_marker_are_not_a_picture() -> None:
    """Some cameras set the marker after them: they wait for their picture, also if it has another timestamp."""
    stream = Stream()

    assert stream.send(1, SPS) + stream.send(1, PPS) == []
    stream.send(2, IDR)
    stream.send(3, SLICE)
    assert data(stream.found)[0] == units(SPS, PPS, IDR)


def test_a_picture_is_complete_with_its_marker_once_markers_are_trusted() -> None:
    """The first key picture waits for the packet after it, which shows what markers are worth; no other one does."""
    stream = Stream()

    assert stream.send(1, SPS, PPS, IDR) == []
    assert data(stream.send(2, SLICE)) == [units(SPS, PPS, IDR), units(SLICE)]
    assert data(stream.send(3, SLICE)) == [units(SLICE)]


def test_without_markers_the_next_timestamp_ends_a_picture() -> None:
    """It was complete when its own last byte had been read, not the next one's first."""
    stream = Stream()

    assert stream.send(1, SPS, IDR, marker=False) == []
    (unit,) = stream.send(2, SLICE, REST_OF_SLICE, marker=False)
    assert (data([unit]), unit.captured.wall_us) == ([units(SPS, IDR)], 2)
    (unit,) = stream.send(3, SLICE, marker=False)
    assert (data([unit]), unit.captured.wall_us) == ([units(SLICE, REST_OF_SLICE)], 4)


@pytest.mark.parametrize("sets", [(), (SPS, PPS), (AUD, SPS, PPS, SEI)])
@pytest.mark.parametrize("marked", ["each unit", "each packet", "each slice"])
def test_markers_within_pictures_cost_none(sets: tuple[bytes, ...], marked: str) -> None:
    """A camera that marks units, slices or packets is understood with its first picture; none is cut in two."""
    stream = Stream()

    def send(timestamp: int, *nals: bytes) -> None:
        for nal in nals:
            pieces = fragments(nal) if len(nal) > 7 else [nal]
            for number, piece in enumerate(pieces):
                ends = number == len(pieces) - 1 and not (marked == "each slice" and nal in sets)
                stream.add(timestamp, piece, marker=ends or marked == "each packet")

    for start in (0, 10):
        send(start, *sets, IDR, REST_OF_IDR)
        send(start + 1, SLICE, REST_OF_SLICE)
        send(start + 2, SLICE, REST_OF_SLICE)
    send(20, IDR)

    expected = [units(*sets, IDR, REST_OF_IDR), units(SLICE, REST_OF_SLICE), units(SLICE, REST_OF_SLICE)] * 2
    assert data(stream.found) == expected


def test_a_camera_that_goes_on_after_a_marker_is_not_trusted_again() -> None:
    """One picture is cut in two; from then on timestamps end pictures."""
    stream = Stream().started()
    stream.send(2, SLICE)
    stream.send(2, REST_OF_SLICE)
    stream.send(3, SLICE)
    stream.send(3, REST_OF_SLICE)
    stream.send(4, SLICE)

    assert data(stream.found) == [units(SLICE), b"", units(SLICE, REST_OF_SLICE)]


def test_parameter_sets_with_the_timestamp_of_the_picture_before() -> None:
    """Reolink's cameras do so (retina 13); it is neither a picture, nor an end of markers."""
    stream = Stream()
    for timestamp in (10, 20, 30):
        stream.send(timestamp - 10, SPS)
        stream.send(timestamp - 10, PPS, marker=False)
        stream.send(timestamp, IDR, REST_OF_IDR)
        stream.send(timestamp + 5, SLICE)

    assert data(stream.found) == [units(SPS, PPS, IDR, REST_OF_IDR), units(SLICE)] * 3


def test_parts_of_a_picture_with_timestamps_of_their_own() -> None:
    """What is certainly not the first part of a picture belongs to the one under way."""
    stream = Stream().started()
    for timestamp, part in enumerate(fragments(SLICE), 100):
        stream.add(timestamp, part)
    stream.add(104, REST_OF_SLICE, marker=True)

    assert data(stream.found) == [units(SLICE, REST_OF_SLICE)]


def test_a_picture_with_a_part_missing_is_damaged() -> None:
    """Whatever part it is. The one after it is not, unless its own first part may be missing as well."""
    for missing in (0, 1, 2):
        stream = Stream().started()
        for number, part in enumerate(fragments(SLICE)):
            if number == missing:
                stream.lose()
            else:
                stream.send(2, part, marker=number == 2)
        stream.send(3, SLICE)
        stream.send(4, SLICE)

        # A picture that lost its end, and the one after it, which may have lost its beginning.
        damaged = 2 if missing == 2 else 1
        assert data(stream.found) == [b""] * damaged + [units(SLICE)] * (3 - damaged), missing
        assert all(unit.breaks for unit in stream.found[:damaged])


def test_after_lost_pictures_only_a_key_picture_is_whole() -> None:
    """Those that were lost whole leave a gap in the numbers: what may refer to them is damaged."""
    stream = Stream().started()
    stream.lose(7)
    stream.send(9, SLICE)
    stream.send(10, SLICE)
    assert data(stream.found) == [b"", units(SLICE)]
    assert stream.found[0].breaks
    stream.lose(7)
    stream.send(19, SPS, IDR)
    assert data(stream.found)[2:] == [units(SPS, IDR)]
    assert stream.found[2].key


def test_a_recovery_point_is_a_key() -> None:
    """Cameras without IDR say in a supplemental message from where on pictures are right."""
    stream = Stream().started()

    (unit,) = stream.send(2, b"\x06\x05\x02xx\x06\x01\xc4\x80", SLICE)
    assert unit.key
    (unit,) = stream.send(3, RECOVERY_POINT, SLICE)
    assert unit.key
    (unit,) = stream.send(4, SEI, SLICE)
    assert not unit.key


def test_packets_that_come_twice_or_out_of_order() -> None:
    """A repeated packet changes nothing, and one that was overtaken is put in its place."""
    parts = fragments(SLICE + b" longer", 6)
    for order in ([0, 0, 1, 2, 2, 3, 4, 5, 5], [1, 0, 2, 3, 4, 5], [0, 3, 1, 4, 2, 5], [0, 2, 1, 1, 3, 5, 4, 0, 2]):
        stream = Stream().started()
        for number in order:
            stream.add(2, parts[number], marker=number == 5, sequence=stream.sequence + number)
        stream.sequence += 6
        stream.send(3, SLICE)

        assert data(stream.found) == [units(SLICE + b" longer"), units(SLICE)], order


def test_a_whole_picture_that_comes_twice() -> None:
    """The second time it is dropped, packet by packet."""
    stream = Stream().started()
    for _ in range(2):
        for number, part in enumerate(fragments(SLICE)):
            stream.add(2, part, marker=number == 2, sequence=stream.sequence + number)
    stream.sequence += 3
    stream.send(3, SLICE)

    assert data(stream.found) == [units(SLICE), units(SLICE)]


@pytest.mark.parametrize("step", [12_345, -12_345, -40, 20, 40_000])
def test_numbers_that_begin_again(step: int) -> None:
    """In front of a key picture nothing is lost, however far the numbers jump."""
    stream = Stream().started()
    stream.sequence += step
    stream.step = 50_000
    stream.send(2, SPS, PPS, IDR)
    stream.send(3, SLICE)
    stream.send(4, SLICE)

    assert data(stream.found) == [units(SPS, PPS, IDR), units(SLICE), units(SLICE)]


@pytest.mark.parametrize("counted", [True, False])
def test_packets_of_other_types_between_those_of_the_video(counted: bool) -> None:
    """Whether they are counted with the video's or on their own, nothing is missing."""
    stream = Stream().started()
    own = stream.sequence + 2  # would fit the video's numbers
    for timestamp in range(2, 12):
        for part in fragments(SLICE):
            stream.add(timestamp, b"maker's own", other=1, sequence=None if counted else own)
            own += 1
            stream.add(timestamp, part, marker=part[1] & 0x40 > 0)

    assert data(stream.found) == [units(SLICE)] * 10
    stream.add(12, b"maker's own", other=1)
    stream.lose()
    stream.send(12, SLICE)
    stream.send(13, SLICE)
    assert data(stream.found)[10:] == [b"", units(SLICE)], "a packet that is missing all the same"


def test_a_payload_type_that_was_not_described_is_adopted() -> None:
    """A camera that describes 96 and sends 97 is believed what it sends."""
    stream = Stream()
    for timestamp in range(ADOPT_AT_START + 3):
        stream.add(timestamp, IDR, marker=True, other=1)

    assert data(stream.found)[-1] == units(IDR)


@pytest.mark.parametrize("empty", [b"", b"\x1f", b"\x1e maker's own", b"\x00", b"\x1c\x9f nothing"])
def test_packets_that_hold_nothing_of_a_picture(empty: bytes) -> None:
    """Without a payload, or of a kind without a meaning; with another timestamp, or the picture's marker."""
    stream = Stream().started()
    for timestamp in (2, 3):
        stream.add(timestamp + 100, empty)
        stream.send(timestamp, *fragments(SLICE), marker=False)
        stream.add(timestamp, empty, marker=True)
        stream.add(timestamp + 200, empty, marker=True)

    assert data(stream.found) == [units(SLICE), units(SLICE)]


@pytest.mark.parametrize("start", [CODE, CODE[1:], b""])
@pytest.mark.parametrize("way", ["single", "fragments", "aggregation"])
def test_several_units_in_one(start: bytes, way: str) -> None:
    """Units joined by start codes are looked into: parameter sets, a key picture, and a slice of another."""
    stream = Stream()

    def send(timestamp: int, *nals: bytes) -> None:
        unit = start + CODE.join(nals)
        stream.send(
            timestamp, *{"single": [unit], "fragments": fragments(unit), "aggregation": [aggregated(unit)]}[way]
        )

    send(1, AUD, SPS, PPS, IDR)
    send(2, AUD, SLICE)
    send(3, SPS, PPS, IDR)
    send(4, SLICE)

    expected = [units(AUD, SPS, PPS, IDR), units(AUD, SLICE), units(SPS, PPS, IDR), units(SLICE)]
    assert [found.replace(b"\0\0" + CODE, CODE).replace(b"\0" + CODE, CODE) for found in data(stream.found)] == expected
    assert [unit.key for unit in stream.found] == [True, False, True, False]


def test_start_codes_in_messages_are_not_units() -> None:
    """A message may hold anything (ONVIF media signing): it stays whole, and makes no picture."""
    stream = Stream().started()

    assert stream.send(2, SEI + CODE + IDR) == []
    (unit,) = stream.send(2, SLICE)
    assert not unit.key


@pytest.mark.parametrize("left_over", [b"\0", b"\0\0", b"\0" * 9, b"\xff", b"\xff\xff\xff\x1f", b"\0\0garbage"])
def test_what_is_left_over_behind_an_aggregation(left_over: bytes) -> None:
    """Padding is ignored, a slice that is cut off is not."""
    stream = Stream().started()

    assert data(stream.send(2, aggregated(SPS, PPS) + left_over, IDR)) == [units(SPS, PPS, IDR)]
    assert data(stream.send(3, aggregated(SLICE)[:-1])) == [b""]


@pytest.mark.parametrize("parts", [(b"", SPS, PPS), (SPS, b"", b"", PPS), (b"", b"", SPS, b"", PPS, b"")])
def test_empty_units_of_an_aggregation_are_passed_over(parts: tuple[bytes, ...]) -> None:
    """Wherever they are, the others count."""
    stream = Stream().started()

    assert data(stream.send(2, aggregated(*parts), IDR)) == [units(SPS, PPS, IDR)]


@pytest.mark.parametrize("parts", [(b"",), (b"", b"")])
def test_an_aggregation_of_empty_units_is_no_loss(parts: tuple[bytes, ...]) -> None:
    """It is like a packet without payload."""
    stream = Stream().started()

    assert data(stream.send(2, aggregated(*parts), SLICE)) == [units(SLICE)]


FLAGS: dict[str, Callable[[int, bool], int]] = {
    "as it should be": lambda number, last: (0x80 if not number else 0) | (0x40 if last else 0),
    "start on each": lambda number, last: 0x80 | (0x40 if last else 0),
    "end on each": lambda number, last: (0x80 if not number else 0) | 0x40,
    "no end": lambda number, last: 0x80 if not number else 0,
    "no start": lambda number, last: 0x40 if last else 0,
    "neither": lambda number, last: 0,
}


@pytest.mark.parametrize("name", FLAGS)
@pytest.mark.parametrize("slices", [1, 2])
@pytest.mark.parametrize("marker", [True, False])
def test_fragments_with_odd_flags(name: str, slices: int, marker: bool) -> None:
    """Where one slice ends and the next begins is told from the flags that are there."""
    if name == "neither" and slices == 2:
        pytest.skip("nothing tells them apart")
    stream = Stream()
    for timestamp in range(12):
        first, rest = (IDR, REST_OF_IDR) if timestamp % 4 == 0 else (SLICE, REST_OF_SLICE)
        for slice_ in (first, rest)[:slices]:
            cut = fragments(slice_, 3)
            for number, piece in enumerate(cut):
                flags = FLAGS[name](number, number == 2) | slice_[0] & 31
                ends = marker and number == 2 and slice_ is (first, rest)[slices - 1]
                stream.add(timestamp, piece[:1] + bytes((flags,)) + piece[2:], marker=ends)
    stream.send(12, SLICE)

    expected = {0: units(IDR, REST_OF_IDR) if slices == 2 else units(IDR)}
    expected |= dict.fromkeys((1, 2, 3), units(SLICE, REST_OF_SLICE) if slices == 2 else units(SLICE))
    assert data(stream.found)[4:12][:7] == [expected[number % 4] for number in range(8)][:7], data(stream.found)


def test_a_single_fragment_is_a_unit() -> None:
    """Start and end in one, as some cameras send small pictures (gortsplib 649)."""
    stream = Stream().started()

    assert data(stream.send(2, b"\x5c\xc1" + SLICE[1:])) == [units(SLICE)]


def test_a_picture_without_an_end_does_not_fill_the_memory() -> None:
    """More than any picture can have is discarded; the next one is whole."""
    stream = Stream().started()
    stream.send(2, *fragments(IDR, 2)[:1], marker=False)
    stream.send(2, *[b"\x7c\x05" + bytes(60_000)] * 600, marker=False)
    stream.send(3, IDR)

    assert data(stream.found) == [b"", units(IDR)]


def test_other_orders_than_that_of_decoding_are_left_to_ffmpeg() -> None:
    """Decoding order numbers of H.265."""
    with pytest.raises(UnsupportedStream):
        H265Depacketizer({"sprop-max-don-diff": "1"})


@pytest.mark.parametrize("bad", [b"\x78\0\x09\x65bc", b"\x78\0", b"\x7c\x45abc"])
def test_what_is_cut_off_damages_its_picture(bad: bytes) -> None:
    """An aggregation that is cut off, or the end of a fragment that never began."""
    stream = Stream().started()
    stream.send(2, *fragments(IDR))
    stream.found.clear()

    assert data(stream.send(3, SLICE, bad)) == [b""]


DEPACKETIZERS: dict[str, Callable[[], Depacketizer]] = {
    "H264": lambda: H264Depacketizer({}),
    "H265": lambda: H265Depacketizer({}),
    "JPEG": lambda: JpegDepacketizer(None),
}


def assembler_of(codec: str) -> AccessUnitAssembler:
    return AccessUnitAssembler(DEPACKETIZERS[codec](), frozenset({26 if codec == "JPEG" else PAYLOAD_TYPE}))


@pytest.mark.parametrize("codec", DEPACKETIZERS)
def test_what_ffmpeg_cut_is_put_together(codec: str) -> None:
    """FFmpeg's packets of a real video decode to as many pictures as were coded, without an error."""
    assembler, coded = assembler_of(codec), video(codec, key_every=10)
    decoder = av.Codec(DEPACKETIZERS[codec]().codec, "r").create("video")
    parsed = [rtp.parse(packet) for cut in coded.pictures for packet in cut]
    found = [unit for packet in parsed if packet for unit in assembler.add(packet, Instant(0, 0.0))]

    assert len(found) == 25
    assert [n for n, unit in enumerate(found) if unit.key][:2] == ([0, 1] if codec == "JPEG" else [0, 10])
    assert all(len(decoder.decode(unit.packet)) == 1 for unit in found)


@pytest.mark.parametrize("codec", DEPACKETIZERS)
def test_whatever_comes_is_not_a_crash(codec: str) -> None:
    """Packets with random changes, left out, repeated or cut off give pictures, whole or damaged."""
    chance = random.Random(3)
    assembler = assembler_of(codec)
    found: list[AccessUnit] = []
    for _ in range(5):
        for packet in (packet for cut in video_of(codec).pictures for packet in cut):
            changed = bytearray(packet)
            for _ in range(chance.choice((0, 0, 0, 0, 0, 3))):
                changed[chance.randrange(len(changed))] = chance.randrange(256)
            parsed = rtp.parse(bytes(changed[: len(changed) if chance.random() > 0.02 else chance.randrange(20)]))
            if parsed is not None and chance.random() > 0.01:
                found += assembler.add(parsed, Instant(0, 0.0))

    assert any(unit.packet for unit in found)
    assert any(not unit.packet for unit in found)


@cache
def video_of(codec: str) -> Video:
    return video(codec)
