"""Masks on JPEGs that cameras send: by rows of MCUs where possible, and on the whole otherwise."""

import io
import random

import av
import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from producer.content import CameraJpeg, Content
from producer.encoder import FrameEncoder
from producer.mask import covered, rectangles
from producer.masked_jpeg import masked_rows
from producer.protocol import Polygons
from shared.errors import BadPicture
from shared.frames import jpeg, jpeg_rows, pixels
from shared.frames.pixels import Image
from tests.producer.masked import (
    CORNER,
    HEIGHT,
    OWN_TABLES,
    SAMPLINGS,
    WIDTH,
    WINDOW,
    assert_covered,
    camera_jpeg,
    masked,
    scene,
    under,
)


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("options", [{}, {"qtables": OWN_TABLES}])
def test_only_the_rows_under_a_mask_of_a_camera_s_jpeg_change(sampling: str, options: dict[str, object]) -> None:
    """With restart markers after each row, the other rows keep every byte; under the mask nothing is left."""
    if sampling == "grey" and options:
        options = {"qtables": OWN_TABLES[:1]}
    data = camera_jpeg(scene(), sampling, restart_marker_rows=1, **options)

    after = masked(CameraJpeg(data))

    assert masked_rows(data, jpeg.inspect(data), WINDOW) == after
    assert_covered(after, WINDOW)
    header = jpeg.inspect(after)
    assert header.quantisation == jpeg.inspect(data).quantisation
    rows = covered(WINDOW, WIDTH, HEIGHT, (header.mcu_width, header.mcu_height), 0.0)
    old, new = (jpeg_rows.split_rows(one, jpeg.inspect(one)) for one in (data, after))
    kept = [data[old[row] : old[row + 1] - 2] == after[new[row] : new[row + 1] - 2] for row in range(header.mcu_rows)]
    assert kept == [not row.any() for row in rows]
    changed = np.abs(pixels.decode(after).astype(int) - pixels.decode(data)).max(axis=2)
    outside = cv2.dilate(under(WINDOW, WIDTH, HEIGHT).astype(np.uint8), np.ones((43, 43), np.uint8)) == 0
    assert np.percentile(changed[outside], 99) < 24  # coded twice with the same tables


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize(("top", "bottom"), [(0, 0.3), (0.5, 0.6), (0.8, 1)])
def test_rows_that_are_covered_from_side_to_side_are_not_decoded(sampling: str, top: float, bottom: float) -> None:
    """What stands in them makes no difference, even bits that no decoder understands; all others keep every byte."""
    data = camera_jpeg(scene(width=WIDTH, height=HEIGHT - 5), sampling, restart_marker_rows=1)
    header = jpeg.inspect(data)
    masks: Polygons = (((0, top), (1, top), (1, bottom), (0, bottom)),)
    under_it = covered(masks, header.width, header.height, (header.mcu_width, header.mcu_height), 0.0).all(axis=1)
    offsets = jpeg_rows.split_rows(data, header)
    spoilt = bytearray(data)
    for row in np.flatnonzero(under_it):
        spoilt[offsets[row] : offsets[row + 1] - 2] = b"\x55" * (offsets[row + 1] - 2 - offsets[row])

    after = masked(CameraJpeg(data), masks)

    assert_covered(after, masks)
    assert masked_rows(bytes(spoilt), header, masks) == after
    new = jpeg_rows.split_rows(after, jpeg.inspect(after))
    for row in np.flatnonzero(~under_it):
        assert data[offsets[row] : offsets[row + 1] - 2] == after[new[row] : new[row + 1] - 2]


def other_coding(image: Image, form: str) -> bytes:
    match form:
        case "no restart markers":
            return camera_jpeg(image, "4:2:0")
        case "restart markers elsewhere":
            return camera_jpeg(image, "4:2:2", restart_marker_blocks=7)
        case "progressive":
            return camera_jpeg(image, "4:2:0", progressive=True)
        case "optimised tables":
            return camera_jpeg(image, "4:2:0", restart_marker_rows=1, optimize=True)
        case "Adobe's RGB":
            return camera_jpeg(image, "4:4:4", restart_marker_rows=1, keep_rgb=True)
        case "CMYK":
            file = io.BytesIO()
            Pillow.fromarray(image[:, :, ::-1]).convert("CMYK").save(file, "JPEG", restart_marker_rows=1)
            return file.getvalue()
        case "4:1:1":
            options = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_411]
            return cv2.imencode(".jpg", image, [*options, cv2.IMWRITE_JPEG_RST_INTERVAL, WIDTH // 32])[1].tobytes()
        case "4:4:0":
            options = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_440]
            return cv2.imencode(".jpg", image, [*options, cv2.IMWRITE_JPEG_RST_INTERVAL, WIDTH // 8])[1].tobytes()
    raise AssertionError(form)


FORMS = (
    *("no restart markers", "restart markers elsewhere", "progressive", "optimised tables"),
    *("Adobe's RGB", "CMYK", "4:1:1", "4:4:0"),
)


@pytest.mark.parametrize("form", FORMS)
def test_other_jpegs_are_coded_as_a_whole(form: str) -> None:
    """Correct first: nothing is left under the mask, and the rest looks the same."""
    data = other_coding(scene(), form)

    after = masked(CameraJpeg(data))

    assert masked_rows(data, jpeg.inspect(data), WINDOW) is None
    assert_covered(after, WINDOW)
    assert jpeg.inspect(after).restarts_every_row
    outside = cv2.dilate(under(WINDOW, WIDTH, HEIGHT).astype(np.uint8), np.ones((99, 99), np.uint8)) == 0
    shown, theirs = (cv2.blur(pixels.decode(one).astype(float), (9, 9)) for one in (after, data))
    assert np.abs(shown - theirs)[outside].mean() < 3


@pytest.mark.parametrize("form", ["rows", "pixels", "yuv420p", "yuv422p", "nv12", *FORMS])
@pytest.mark.parametrize("scale", [1, 0.5, 0.37, 1.7])
def test_what_lies_under_a_mask_makes_no_difference(form: str, scale: float) -> None:
    """Two pictures that differ under the mask only become the same frame, bit for bit, coded and raw."""
    before = scene()
    other = before.copy()
    hidden = under(WINDOW, WIDTH, HEIGHT)
    other[hidden] = scene(2)[hidden]
    contents: list[Content] = []
    for image in (before, other):
        match form:
            case "pixels":
                contents.append(image)
            case "yuv420p" | "yuv422p" | "nv12":
                contents.append(av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format=form))
            case "rows":
                contents.append(CameraJpeg(camera_jpeg(image, "4:2:0", restart_marker_rows=1)))
            case _:
                contents.append(CameraJpeg(other_coding(image, form)))

    for raw in (False, True):
        first, second = (masked(content, scale=scale, raw=raw) for content in contents)
        assert first == second
    plain = FrameEncoder(scale, scale, 85, raw=False)
    assert plain.encode(contents[0]).data != plain.encode(contents[1]).data


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_random_polygons_leave_nothing(sampling: str) -> None:
    """Random sizes, triangles and qualities, by rows and as a whole."""
    choose = random.Random(3)
    for seed in range(12):
        width, height = choose.randrange(80, 200), choose.randrange(80, 200)
        x, y = choose.uniform(0, 0.7), choose.uniform(0, 0.7)
        masks: Polygons = (((x, y), (x + choose.uniform(0.01, 0.3), y), (x, y + choose.uniform(0.01, 0.3))),)
        rows = {"restart_marker_rows": 1} if seed % 2 else {}

        data = camera_jpeg(scene(seed, width, height), sampling, quality=choose.randrange(20, 101), **rows)

        assert_covered(masked(CameraJpeg(data), masks), masks)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_masks_are_fractions_of_the_upright_picture(orientation: int) -> None:
    """Whatever EXIF data say, the mask covers the place where viewers see it."""
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    data = camera_jpeg(scene(width=WIDTH, height=160), "4:2:0", restart_marker_rows=1, exif=exif)

    after = masked(CameraJpeg(data), CORNER)

    shown = pixels.decode(after)
    assert shown.shape[:2] == ((160, WIDTH) if orientation < 5 else (WIDTH, 160))
    assert b"Exif" not in after
    assert_covered(after, CORNER)
    assert (shown[:8, :16] < 3).all()
    assert shown[-8:, -16:].mean() > 20


def test_nothing_but_the_picture_is_passed_on() -> None:
    """Thumbnails, comments, colour profiles, further pictures and bytes after the end would show what is hidden."""
    picture = camera_jpeg(scene(), "4:2:0", restart_marker_rows=1)
    secret = b"SECRET"
    segment = b"\xff\xe1" + (2 + 6 + len(secret)).to_bytes(2, "big") + b"Exif\0\0" + secret
    comment = b"\xff\xff\xfe" + (2 + len(secret)).to_bytes(2, "big") + secret
    profile = b"\xff\xe2" + (2 + len(secret)).to_bytes(2, "big") + secret
    data = picture[:2] + segment + comment + profile + picture[2:] + camera_jpeg(scene(), "grey") + secret

    after = masked(CameraJpeg(data))

    assert secret in FrameEncoder(1, 1, 85, raw=False).encode(CameraJpeg(data)).data
    assert secret not in after
    assert after == masked(CameraJpeg(picture))
    assert after.count(b"\xff\xd8") == 1
    assert after.endswith(b"\xff\xd9")
    header = jpeg.inspect(after)
    assert header.end == len(after)


def test_a_picture_without_huffman_tables_is_masked() -> None:
    """Its rows are coded with the standard tables, which it gets."""
    data = camera_jpeg(scene(), "4:2:0", restart_marker_rows=1)
    bare, at = data, 2
    while (at := bare.find(b"\xff\xc4")) > 0:
        bare = bare[:at] + bare[at + 2 + int.from_bytes(bare[at + 2 : at + 4], "big") :]

    after = masked(CameraJpeg(bare))

    assert np.array_equal(pixels.decode(after), pixels.decode(masked(CameraJpeg(data))))
    assert_covered(after, WINDOW)


@pytest.mark.parametrize("damage", ["cut off", "a marker less", "markers out of order", "a second scan"])
def test_damaged_pictures_are_masked_or_dropped(damage: str) -> None:
    """What cannot be cut into rows is decoded as a whole, and then masked; or it is no picture."""
    data = camera_jpeg(scene(), "4:2:0", restart_marker_rows=1)
    match damage:
        case "cut off":
            data = data[: len(data) // 2]
        case "a marker less":
            at = data.index(b"\xff\xd3")
            data = data[:at] + data[at + 2 :]
        case "markers out of order":
            data = data.replace(b"\xff\xd3", b"\xff\xd6", 1)
        case "a second scan":
            header = jpeg.inspect(data)
            data = data[:-2] + data[header.scan_header_offset :]

    try:
        after = masked(CameraJpeg(data))
    except BadPicture:
        assert damage in {"cut off", "a marker less"}
    else:
        assert_covered(after, WINDOW)


def test_random_damage_shows_nothing_under_a_mask() -> None:
    """Wrong bytes anywhere in a picture that can be cut into rows: it is refused, or black under the mask."""
    choose, painted, refused = random.Random(8), 0, 0
    sources = [camera_jpeg(scene(), sampling, restart_marker_rows=1) for sampling in SAMPLINGS]
    for number in range(600):
        spoilt = bytearray(sources[number % len(sources)])
        for _ in range(choose.randrange(1, 6)):
            at = choose.randrange(choose.choice((700, len(spoilt))))
            spoilt[at] = choose.choice((0, 0xFF, 0xD0, 0xD9, choose.randrange(256)))
        try:
            after = masked(CameraJpeg(bytes(spoilt)))
        except BadPicture:
            refused += 1
            continue
        header = jpeg.inspect(after)
        shown = cv2.imdecode(np.frombuffer(after, np.uint8), cv2.IMREAD_GRAYSCALE)
        assert shown is not None
        cell = header.mcu_width, header.mcu_height
        for left, top, right, bottom in rectangles(WINDOW, header.width, header.height, cell):
            assert shown[top:bottom, left:right].max() < 4
        painted += 1

    assert painted > 100
    assert refused > 20
