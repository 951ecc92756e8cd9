import gc
from pathlib import Path

import av
import numpy as np
import pytest

from producer.content import CameraJpeg, Content, Undecodable
from producer.encoder import FrameEncoder
from shared.errors import BadPicture
from shared.frames import jpeg, pixels
from tests.producer.cameras import image

PLAIN = FrameEncoder(scale_x=1, scale_y=1, quality=80, raw=False)


def test_a_camera_s_jpeg_passes_through_untouched() -> None:
    """At scale 1 not a byte of a camera's own picture changes."""
    data = pixels.encode(image(), 95)

    published = PLAIN.encode(CameraJpeg(data))

    assert published.data == data
    assert (published.width, published.height) == (320, 240)


def test_missing_huffman_tables_are_inserted() -> None:
    """A camera's JPEG without tables gets the standard ones, and then shows the same picture."""
    whole = pixels.encode(image(), 90)
    bare, at, scan = whole[:2], 2, jpeg.inspect(whole).scan_header_offset
    while at < scan:
        after = at + 2 + int.from_bytes(whole[at + 2 : at + 4], "big")
        bare += b"" if whole[at : at + 2] == b"\xff\xc4" else whole[at:after]
        at = after
    bare += whole[scan:]
    assert not jpeg.inspect(bare).has_huffman_tables

    published = PLAIN.encode(CameraJpeg(bare))

    assert np.array_equal(pixels.decode(published.data), pixels.decode(whole))


@pytest.mark.parametrize("content", [CameraJpeg(b""), CameraJpeg(b"\xff\xd8garbage"), Undecodable()])
def test_garbage_is_refused(content: Content) -> None:
    """What is no picture raises, whatever is to be made of it."""
    for encoder in (
        PLAIN,
        FrameEncoder(scale_x=0.5, scale_y=1, quality=80, raw=False),
        FrameEncoder(1, 1, 80, raw=True),
    ):
        with pytest.raises(BadPicture):
            encoder.encode(content)


def test_a_picture_is_not_scaled_beyond_what_readers_accept() -> None:
    """Scaling a picture up past the pixel budget makes it undecodable, before any memory is taken for it."""
    encoder = FrameEncoder(scale_x=8, scale_y=8, quality=80, raw=False)
    large = np.zeros((1000, 1000, 3), np.uint8)

    with pytest.raises(BadPicture, match="8000x8000"):
        encoder.encode(large)


@pytest.mark.parametrize("coded", [True, False])
def test_scales_apply_to_each_side(coded: bool) -> None:
    """Width and height are scaled on their own, of a camera's JPEG as well as of pixels."""
    content = CameraJpeg(pixels.encode(image(), 90)) if coded else image()

    published = FrameEncoder(scale_x=0.5, scale_y=0.25, quality=80, raw=False).encode(content)

    assert (published.width, published.height) == (160, 60)
    assert pixels.decode(published.data).shape == (60, 160, 3)


def test_what_we_encode_has_the_form_of_the_bus() -> None:
    """Baseline, 4:2:0, standard tables, and a restart marker after every row of MCUs."""
    published = PLAIN.encode(image(318, 250))

    picture = jpeg.inspect(published.data)
    assert picture.restarts_every_row
    assert picture.standard_huffman
    assert (picture.mcu_width, picture.mcu_height) == (16, 16)


def test_quality_is_heard() -> None:
    """A lower quality gives a smaller JPEG."""
    sizes = [len(FrameEncoder(1, 1, quality, raw=False).encode(image()).data) for quality in (1, 50, 100)]

    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2] / 2


def test_raw_pixels_are_the_picture_s() -> None:
    """Raw rows are those of the picture, blue first."""
    published = FrameEncoder(scale_x=1, scale_y=1, quality=80, raw=True).encode(image())

    assert np.array_equal(np.frombuffer(published.data, np.uint8).reshape(240, 320, 3), image())


def test_frames_leave_no_threads_behind() -> None:
    """However many frames are converted, the process has no more threads, and with them no more memory."""
    encoder = FrameEncoder(scale_x=0.5, scale_y=0.5, quality=80, raw=False)
    frames = [
        av.VideoFrame.from_ndarray(image(number=number), format="bgr24").reformat(format="yuv420p")
        for number in range(50)
    ]
    encoder.encode(frames[0])
    before = len(list(Path("/proc/self/task").iterdir()))

    for frame in frames:
        encoder.encode(frame)

    assert len(list(Path("/proc/self/task").iterdir())) == before


def test_frames_are_released_without_the_garbage_collector() -> None:
    """A frame that has been encoded is gone at once: a few of 4K fill the memory of a capture."""
    encoder = FrameEncoder(1, 1, 80, raw=False)
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            encoder.encode(av.VideoFrame.from_ndarray(image(), format="bgr24").reformat(format="yuv420p"))
        kept = sum(isinstance(one, av.VideoFrame) for one in gc.get_objects())
    finally:
        gc.enable()

    assert kept <= 2
