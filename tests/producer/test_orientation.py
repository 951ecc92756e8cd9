"""Pictures and films that say which way up they are to be shown."""

import io
import struct
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageOps

from producer import orientation
from producer.content import CameraJpeg
from producer.encoder import FrameEncoder
from producer.files import pictures
from shared.frames import pixels
from shared.frames.pixels import Image

PLAIN = FrameEncoder(scale_x=1, scale_y=1, quality=95, raw=False)
WIDTH, HEIGHT = 160, 96
FORMATS = (
    "yuv420p yuvj420p yuv422p yuv444p yuv420p10le yuv444p12le nv12 yuyv422 yuva420p gray gray16le "
    "rgb24 rgb48le rgb565le bgra gbrp gbrp10le"
)
# Matrices a, b, c, d of ISO/IEC 14496-12, by the orientation's number in EXIF.
MATRICES = {
    1: (1, 0, 0, 1),
    2: (-1, 0, 0, 1),
    3: (-1, 0, 0, -1),
    4: (1, 0, 0, -1),
    5: (0, 1, 1, 0),
    6: (0, 1, -1, 0),
    7: (0, -1, -1, 0),
    8: (0, -1, 1, 0),
}


def corners() -> Image:
    """Return a picture whose four corners differ."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[: HEIGHT // 2, : WIDTH // 2] = 240
    image[: HEIGHT // 2, WIDTH // 2 :] = 160
    image[HEIGHT // 2 :, : WIDTH // 2] = 80
    return image


def jpeg_of(image: Image, number: int) -> bytes:
    exif = Pillow.Exif()
    exif[0x0112] = number
    buffer = io.BytesIO()
    Pillow.fromarray(image).save(buffer, "JPEG", quality=95, exif=exif)
    return buffer.getvalue()


def film_of(path: Path, image: Image, matrix: tuple[int, int, int, int], *, pixel_aspect: int = 1) -> None:
    """Write a film as phones do: the picture as the sensor has it, and a matrix in its track header."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.height, stream.width = image.shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.options = {"preset": "ultrafast", "bf": "0"}
        stream.codec_context.sample_aspect_ratio = Fraction(pixel_aspect)
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))
    data = bytearray(path.read_bytes())
    at = data.find(b"tkhd") + 4 + 40  # of version 0
    a, b, c, d = (value << 16 for value in matrix)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def alike(one: Image, other: Image) -> bool:
    return one.shape == other.shape and float(cv2.absdiff(one, other).mean()) < 4


@pytest.mark.parametrize("number", range(1, 9))
def test_exif_is_obeyed(number: int) -> None:
    """A JPEG comes out as Pillow shows it, whatever its EXIF data say; upright ones byte for byte."""
    data = jpeg_of(corners(), number)
    expected = np.asarray(ImageOps.exif_transpose(Pillow.open(io.BytesIO(data))))

    frame = PLAIN.encode(CameraJpeg(data))

    assert alike(pixels.decode(frame.data), expected.astype(np.uint8))
    assert (frame.width, frame.height) == (expected.shape[1], expected.shape[0])
    assert (frame.data == data) is (number == 1)
    assert orientation.of_jpeg(frame.data) == orientation.UPRIGHT


@pytest.mark.parametrize("number", MATRICES)
def test_a_film_s_matrix_is_obeyed(number: int, tmp_path: Path) -> None:
    """A film comes out as the picture with the EXIF orientation of its matrix does; scales are of what is shown."""
    film_of(tmp_path / "film.mp4", corners(), MATRICES[number])
    expected = np.asarray(ImageOps.exif_transpose(Pillow.open(io.BytesIO(jpeg_of(corners(), number)))))

    content = next(pictures(str(tmp_path / "film.mp4"), interval_s=0, tick=lambda: None)).content
    frame = PLAIN.encode(content)
    scaled = FrameEncoder(scale_x=0.5, scale_y=1, quality=95, raw=False).encode(content)

    assert alike(pixels.decode(frame.data), expected.astype(np.uint8))
    assert (scaled.width, scaled.height) == (frame.width // 2, frame.height)


def test_a_film_with_wide_pixels_is_stretched(tmp_path: Path) -> None:
    """Pixels that are twice as wide as high make the picture twice as wide."""
    film_of(tmp_path / "film.mp4", corners(), MATRICES[1], pixel_aspect=2)

    content = next(pictures(str(tmp_path / "film.mp4"), interval_s=0, tick=lambda: None)).content
    frame = PLAIN.encode(content)

    assert (frame.width, frame.height) == (2 * WIDTH, HEIGHT)
    assert alike(cv2.resize(pixels.decode(frame.data), (WIDTH, HEIGHT)).astype(np.uint8), corners())


@pytest.mark.parametrize("cut", [6, 12, 20, 24])
def test_broken_exif_is_upright(cut: int) -> None:
    """EXIF data that end early say nothing."""
    data = jpeg_of(corners(), 6)
    start = data.find(b"Exif")
    broken = data[: start + cut] + b"\xff" * (len(data) - start - cut)

    assert orientation.of_jpeg(broken) == orientation.UPRIGHT


def test_cmyk_is_converted() -> None:
    """A JPEG for printers, which viewers show in different colours, becomes an ordinary one."""
    buffer = io.BytesIO()
    Pillow.fromarray(corners()).convert("CMYK").save(buffer, "JPEG", quality=95)

    frame = PLAIN.encode(CameraJpeg(buffer.getvalue()))

    assert alike(pixels.decode(frame.data), corners())
    assert frame.data != buffer.getvalue()


@pytest.mark.parametrize("form", FORMATS.split())
def test_pixel_formats(form: str) -> None:
    """Frames in every pixel format that cameras and films use come out in their colours."""
    frame = av.VideoFrame.from_ndarray(corners(), format="bgr24").reformat(format=form)

    assert alike(pixels.decode(PLAIN.encode(frame).data), corners())
