"""Captions and boxes on a JPEG, drawn row by row and on the whole picture."""

import random
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from consumer.drawing.layout import layout
from consumer.imprint import imprint, imprint_whole, prepare
from consumer.overlay import Box, Line, LineState, Overlay
from shared.errors import BadPicture
from shared.frames import jpeg, jpeg_rows, pixels

TWO_LINES = Overlay((Line("Egyptian cat", "87%"), Line("tabby, tabby cat", "31%  4 s old", LineState.STALE)))
DOWN = Overlay((Line("MODEL DOWN", "imagenet_1", LineState.DOWN),))


def scene(width: int, height: int, *, seed: int = 1) -> pixels.Image:
    """Return soft random colours."""
    small = np.random.default_rng(seed).integers(0, 256, (height // 16 + 2, width // 16 + 2, 3), dtype=np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.uint8, copy=False)


def photograph(name: str) -> pixels.Image:
    found = find_spec("skimage")
    if found is None or not found.submodule_search_locations:
        pytest.skip("scikit-image's pictures are not installed")
    image = cv2.imread(str(Path(found.submodule_search_locations[0]) / "data" / name))
    assert image is not None
    return image.astype(np.uint8, copy=False)


def coded_rows(data: bytes) -> list[bytes]:
    """Return the coded data of each row of MCUs, without markers."""
    offsets = jpeg_rows.split_rows(data, jpeg.inspect(data))
    return [data[a : b - 2] for a, b in pairwise(offsets)]


def touched(overlay: Overlay, width: int, height: int) -> set[int]:
    """Return the rows of MCUs on which something of `overlay` lies."""
    marks = layout(overlay, width, height)
    return {row for mark in marks for row in range(max(mark.top, 0) // 16, -(-min(mark.bottom, height) // 16))}


def brightness(data: bytes) -> pixels.Image:
    """Decode the luminance only, which a decoder does not mix at the border of a row."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    return image.astype(np.uint8, copy=False)


def face(x: int, y: int, width: int, height: int) -> Box:
    return Box(x, y, width, height, Line("happy", "92%"))


def random_overlay(choose: random.Random, width: int, height: int) -> Overlay:
    lines = tuple(
        Line("abc " * choose.randrange(12), choose.choice(("", "87%")), choose.choice(list(LineState)))
        for _ in range(choose.randrange(3))
    )
    boxes = tuple(
        face(choose.randrange(-40, width), choose.randrange(-40, height), choose.randrange(90), choose.randrange(60))
        for _ in range(choose.randrange(3))
    )
    return Overlay(lines, boxes)


def test_rows_away_from_the_captions_keep_every_coefficient() -> None:
    """Random sizes, qualities and overlays: rows with nothing on them keep their bytes."""
    choose = random.Random(2)
    kept = 0

    for seed in range(40):
        width, height, quality = choose.randrange(64, 700), choose.randrange(48, 420), choose.randrange(1, 101)
        before = pixels.encode(scene(width, height, seed=seed), quality)
        overlay = random_overlay(choose, width, height)
        on = touched(overlay, width, height)
        if len(on) > 0.8 * -(-height // 16):
            continue

        after = imprint(before, overlay, quality=50)

        old, new = coded_rows(before), coded_rows(after)
        assert len(new) == len(old)
        assert [row for row in range(len(old)) if row not in on and old[row] != new[row]] == []
        assert jpeg.inspect(after).quantisation == jpeg.inspect(before).quantisation
        kept += len(old) - len(on)

    assert kept > 200


def test_pixels_away_from_the_captions_are_the_same() -> None:
    """Decoded, all other rows are equal: in brightness up to the border, in colour except for one line there."""
    before = pixels.encode(photograph("chelsea.png"), 85)
    height, width = pixels.decode(before).shape[:2]
    below = 16 * (max(touched(TWO_LINES, width, height)) + 1)

    after = imprint(before, TWO_LINES, quality=85)

    assert 16 < below < height / 2
    assert np.array_equal(brightness(after)[below:], brightness(before)[below:])
    assert np.array_equal(pixels.decode(after)[below + 1 :], pixels.decode(before)[below + 1 :])
    assert not np.array_equal(pixels.decode(after)[:below], pixels.decode(before)[:below])


@pytest.mark.parametrize(("width", "height"), [(64, 48), (320, 180), (333, 241), (1280, 720), (1920, 1080)])
def test_both_ways_look_the_same(width: int, height: int) -> None:
    """A picture drawn on row by row equals one drawn on as a whole, within the loss of JPEG."""
    picture = pixels.encode(scene(width, height), 90)
    overlay = Overlay(TWO_LINES.lines, (face(width // 2, height // 2, width // 8, height // 8),))

    quick = pixels.decode(imprint(picture, overlay, quality=90)).astype(int)
    whole = pixels.decode(imprint_whole(picture, overlay, quality=90)).astype(int)

    assert quick.shape == whole.shape
    assert np.abs(quick - whole).mean() < 1
    assert np.abs(cv2.blur(quick - whole.astype(float), (9, 9))).max() < 12


def test_marks_are_drawn_alike_on_a_strip_and_on_the_whole() -> None:
    """Cutting into rows before or after drawing gives the same pixels, wherever the marks lie."""
    choose = random.Random(4)

    for _ in range(30):
        width, height = choose.randrange(64, 400), choose.randrange(48, 300)
        marks = layout(random_overlay(choose, width, height), width, height)
        whole, strips = scene(width, height), scene(width, height)
        for mark in marks:
            mark.draw(whole, 0)
            for row in range(0, height, 16):
                mark.draw(strips[row : row + 16], row)
        assert np.array_equal(whole, strips)


def test_marks_stay_in_the_rows_that_they_name() -> None:
    """Nothing is drawn above `top` or below `bottom`; otherwise changed rows would be lost."""
    choose = random.Random(6)
    seen = 0

    for _ in range(40):
        width, height = choose.randrange(64, 2000), choose.randrange(48, 300)
        for mark in layout(random_overlay(choose, width, height), width, height):
            image = np.full((height, width, 3), 128, np.uint8)
            mark.draw(image, 0)
            rows = np.flatnonzero((image != 128).any(axis=(1, 2)))
            if len(rows):
                seen += 1
                assert mark.top <= rows[0]
                assert rows[-1] < mark.bottom

    assert seen > 40


@pytest.mark.parametrize(("width", "height"), [(320, 180), (1280, 720), (3840, 2160)])
@pytest.mark.parametrize("ground", [0, 255])
def test_captions_can_be_read_on_any_ground(width: int, height: int, ground: int) -> None:
    """On black and on white there are bright letters on a dark box in the top left corner."""
    picture = pixels.encode(np.full((height, width, 3), ground, np.uint8), 90)

    shown = brightness(imprint(picture, Overlay((Line("Egyptian cat", "87%"),)), quality=90))

    size = round(height / 20)
    corner = shown[size // 3 : size // 3 + size, size : size * 4]
    assert (corner > 190).mean() > 0.04
    assert (corner < 90).mean() > 0.25
    assert abs(int(shown[-1, -1]) - ground) < 3


@pytest.mark.parametrize(("width", "height", "rows"), [(640, 480, 2), (1280, 720, 2), (1920, 1080, 3), (3840, 2160, 5)])
def test_a_caption_touches_as_few_rows_as_its_height_allows(width: int, height: int, rows: int) -> None:
    """Each row of MCUs that it touches is decoded and encoded: in 720p, one pixel less is a row less."""
    marks = layout(Overlay((Line("Egyptian cat", "87%"),)), width, height)

    assert -(-max(mark.bottom for mark in marks) // 16) == rows


def test_states_have_colours_of_their_own() -> None:
    """Normal is marked green, stale amber, down is on red, which is seen before the text is read."""
    picture = pixels.encode(np.zeros((360, 640, 3), np.uint8), 95)
    mean = {}
    for state in LineState:
        shown = pixels.decode(imprint(picture, Overlay((Line("", "87% 87%", state),)), quality=95))
        mean[state] = shown[4:18, 10:60].reshape(-1, 3).mean(axis=0)

    blue, green, red = mean[LineState.NORMAL]
    assert green > max(blue, red) + 10
    blue, green, red = mean[LineState.STALE]
    assert red > green > blue + 10
    blue, green, red = mean[LineState.DOWN]
    assert red > max(green, blue) + 40


def test_a_long_label_is_shortened_and_its_note_is_not() -> None:
    """The longest label stays within the picture, and the probability after it is complete."""
    picture = pixels.encode(np.zeros((120, 320, 3), np.uint8), 95)
    long = pixels.decode(imprint(picture, Overlay((Line("long label " * 9, "87%"),)), quality=95))
    longer = pixels.decode(imprint(picture, Overlay((Line("long label " * 999, "87%"),)), quality=95))
    other = pixels.decode(imprint(picture, Overlay((Line("long label " * 9, "12%"),)), quality=95))

    assert np.array_equal(long, longer)
    changed = np.flatnonzero(np.abs(long.astype(int) - other).max(axis=(0, 2)) > 90)
    assert changed[0] > 250
    assert changed[-1] < 316


@pytest.mark.parametrize("size", [(64, 48), (16, 16), (1, 1), (33, 700), (700, 9)])
def test_small_and_narrow_pictures_are_drawn_on(size: tuple[int, int]) -> None:
    """A picture with little room keeps its size, whatever is drawn on it."""
    width, height = size
    picture = pixels.encode(scene(width, height), 80)
    overlay = Overlay((*TWO_LINES.lines, *DOWN.lines), (face(-5, -5, 20, 20), face(2, 2, 900, 900)))

    after = imprint(picture, overlay, quality=80)

    assert pixels.decode(after).shape == (height, width, 3)
    assert after != picture or width < 8  # there is no room for anything


def test_nothing_to_draw_leaves_the_picture_alone() -> None:
    """Without captions, or with boxes outside only, the bytes are unchanged."""
    picture = pixels.encode(scene(320, 180), 80)
    outside = tuple(face(*at, 30, 30) for at in ((-90, 10), (400, 10), (10, -90), (10, 400), (-(10**12), 10**12)))

    assert imprint(picture, Overlay(), quality=80) is picture
    assert imprint(picture, Overlay(boxes=outside), quality=80) is picture


@pytest.mark.parametrize(
    "options",
    [
        (),
        (cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        (cv2.IMWRITE_JPEG_RST_INTERVAL, 20, cv2.IMWRITE_JPEG_OPTIMIZE, 1),
        (cv2.IMWRITE_JPEG_RST_INTERVAL, 3),
        (cv2.IMWRITE_JPEG_RST_INTERVAL, 10, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_411),
    ],
)
def test_pictures_of_other_encoders_become_ours(options: tuple[int, ...]) -> None:
    """A picture that cannot be cut is encoded as a whole, with the quality given, and looks like ours."""
    image = scene(320, 180)
    theirs = cv2.imencode(".jpg", image, (*options, cv2.IMWRITE_JPEG_QUALITY, 90))[1].tobytes()

    after = imprint(theirs, TWO_LINES, quality=77)

    header = jpeg.inspect(after)
    assert header.restarts_every_row
    assert header.quantisation == jpeg.inspect(pixels.encode(image, 77)).quantisation
    ours = imprint(pixels.encode(image, 90), TWO_LINES, quality=77)
    assert np.abs(pixels.decode(after).astype(int) - pixels.decode(ours)).mean() < 6


@pytest.mark.parametrize(
    "options",
    [
        (cv2.IMWRITE_JPEG_RST_INTERVAL, 40, cv2.IMWRITE_JPEG_LUMA_QUALITY, 71, cv2.IMWRITE_JPEG_CHROMA_QUALITY, 33),
        (cv2.IMWRITE_JPEG_RST_INTERVAL, 40, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
        (cv2.IMWRITE_JPEG_RST_INTERVAL, 20, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422),
    ],
)
def test_rows_of_cameras_with_tables_of_their_own_are_exchanged(options: tuple[int, ...]) -> None:
    """With a restart marker after every row, a camera's sampling and quantisation tables are kept."""
    theirs = cv2.imencode(".jpg", scene(320, 180), options)[1].tobytes()

    after = imprint(theirs, TWO_LINES, quality=77)

    old, new = coded_rows(theirs), coded_rows(after)
    changed = [row for row, (before, now) in enumerate(zip(old, new, strict=True)) if before != now]
    assert 0 < len(changed) < len(old) / 2
    assert changed == list(range(len(changed)))
    assert jpeg.inspect(after).quantisation == jpeg.inspect(theirs).quantisation


def test_a_grey_picture_shows_colours() -> None:
    """It is encoded as a whole, with colours: the ones of labels mean something."""
    grey = cv2.imencode(".jpg", scene(320, 180)[:, :, 0], (cv2.IMWRITE_JPEG_RST_INTERVAL, 40))[1].tobytes()

    after = pixels.decode(imprint(grey, Overlay(boxes=(face(100, 80, 60, 60),)), quality=90))

    assert np.ptp(after.astype(int), axis=2).max() > 60


@pytest.mark.parametrize("segment", [b"\xff\xe1\0\x0aExif\0\0XX", b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\1"])
def test_pictures_with_exif_or_adobe_data_are_encoded_as_a_whole(segment: bytes) -> None:
    """EXIF data may turn a picture, Adobe's may change its colours: its rows are not mixed with ours."""
    plain = pixels.encode(scene(320, 180), 90)

    after = imprint(plain[:2] + segment + plain[2:], TWO_LINES, quality=80)

    header = jpeg.inspect(after)
    assert not header.has_exif
    assert not header.has_adobe
    assert header.quantisation == jpeg.inspect(pixels.encode(scene(320, 180), 80)).quantisation


def test_a_picture_without_huffman_tables_gets_them() -> None:
    """A camera's JPEG without tables is drawn on as if it had them, and has them afterwards, drawn on or not."""
    picture = pixels.encode(scene(320, 180), 80)
    at, end = picture.index(b"\xff\xc4"), picture.index(b"\xff\xdd")
    bare = picture[:at] + picture[end:]

    assert jpeg.inspect(imprint(bare, Overlay(), quality=80)).has_huffman_tables
    drawn = imprint(bare, TWO_LINES, quality=80)
    assert np.array_equal(pixels.decode(drawn), pixels.decode(imprint(picture, TWO_LINES, quality=80)))


def test_other_bytes_are_refused() -> None:
    """Nothing, text, a PNG and a truncated picture are not JPEGs."""
    picture = pixels.encode(scene(320, 180), 80)
    png = cv2.imencode(".png", scene(16, 16))[1].tobytes()

    for wrong in (b"", b"hello", png, picture[: len(picture) // 2], picture[:300]):
        with pytest.raises(BadPicture):
            imprint(wrong, TWO_LINES, quality=80)


def test_wrong_bytes_raise_nothing_but_bad_picture() -> None:
    """Random damage leads to a picture of the size in the header, or to BadPicture."""
    choose = random.Random(9)
    sources = [
        pixels.encode(scene(160, 120), 80),
        cv2.imencode(".jpg", scene(160, 120), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1))[1].tobytes(),
    ]
    refused = 0

    for number in range(300):
        spoilt = bytearray(sources[number % 3 // 2])
        for _ in range(choose.randrange(1, 5)):
            at = choose.randrange(choose.choice((700, len(spoilt))))
            spoilt[at] = choose.choice((0, 0xFF, 0xD9, choose.randrange(256)))
        try:
            after = imprint(bytes(spoilt), TWO_LINES, quality=80)
        except BadPicture:
            refused += 1
        else:
            before, header = jpeg.inspect(bytes(spoilt)), jpeg.inspect(after)
            assert sorted((header.width, header.height)) == sorted((before.width, before.height))

    assert 30 < refused < 300


def test_the_cost_is_known_before_anything_is_decoded() -> None:
    """Pixels to decode times scans: a strip of rows, the whole picture, or all scans of a progressive one."""
    ours = pixels.encode(scene(640, 480), 80)
    other = cv2.imencode(".jpg", scene(640, 480))[1].tobytes()
    progressive = cv2.imencode(".jpg", scene(640, 480), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1))[1].tobytes()
    rows = len(touched(TWO_LINES, 640, 480))

    assert prepare(ours, Overlay()).cost == 0
    assert prepare(ours, TWO_LINES).cost == rows * 16 * 640
    assert prepare(other, TWO_LINES).cost == 640 * 480
    assert prepare(progressive, TWO_LINES).cost == 640 * 480 * progressive.count(b"\xff\xda")


def test_captions_of_a_very_wide_picture_take_little_memory() -> None:
    """Their size stops growing; at 65,500 pixels of width they would take gigabytes."""
    marks = layout(Overlay((Line("long label " * 20, "87%"),)), 65_500, 500)

    assert max(mark.bottom - mark.top for mark in marks) <= 160
