import dataclasses

import pytest

from shared.errors import BadPicture, BadRecord
from shared.frames.frame import Frame, camera_of, has_headers, read_bare_frame, read_frame, to_headers
from shared.frames.go_record import RawPicture, write_original
from shared.frames.jpeg import inspect
from tests.shared.samples import frame, picture


def headers_of(frame_: Frame, **changes: bytes | None) -> dict[str, bytes]:
    headers = dict(to_headers(frame_)) | changes
    return {name.replace("_", "-"): value for name, value in headers.items() if value is not None}


@pytest.mark.parametrize(
    "sent",
    [
        frame(1),
        frame(2**53 - 1, camera="x" * 63, run=0, captured_at=0),
        frame(3, imprinted_at=1_700_000_000_000_001),
        frame(4, imprinted_at=1_700_000_000_000_001, numbering=(17, 4)),
        frame(5, numbering=(17, 5)),
    ],
)
def test_a_frame_reads_back_as_it_was_written(sent: Frame) -> None:
    """Headers and value hold all of a frame."""
    assert read_frame(sent.camera.encode(), sent.jpeg, dict(to_headers(sent))) == sent


def test_the_headers_are_those_of_the_contract() -> None:
    """Names and form are fixed: other people's readers depend on them."""
    sent = frame(7, run=11, captured_at=13, imprinted_at=17, numbering=(19, 23))

    assert to_headers(sent) == [
        ("content-type", b"image/jpeg"),
        ("camera", b"front"),
        ("run", b"11"),
        ("seq", b"7"),
        ("captured-at", b"13"),
        ("width", b"32"),
        ("height", b"16"),
        ("imprinted-at", b"17"),
        ("predictions", b'{"imagenet_1": null}'),
        ("imprinted-run", b"19"),
        ("imprinted-seq", b"23"),
    ]


@pytest.mark.parametrize("name", ["run", "seq", "captured-at"])
@pytest.mark.parametrize("value", [None, b"", b"-1", b"1.5", b"one", b" 1", b"1" * 20, "١".encode(), b"\xff"])
def test_a_missing_or_broken_number_makes_a_bad_record(name: str, value: bytes | None) -> None:
    """A frame without run, number or time is none."""
    headers = headers_of(frame(1)) | ({} if value is None else {name: value})
    if value is None:
        del headers[name]

    with pytest.raises(BadRecord, match=name):
        read_frame(b"front", picture(), headers)


@pytest.mark.parametrize("name", ["imprinted-at", "imprinted-run", "imprinted-seq"])
def test_a_broken_number_of_the_consumer_makes_a_bad_record(name: str) -> None:
    """What the consumer adds may be missing, but not nonsense."""
    headers = headers_of(frame(1, imprinted_at=1, numbering=(1, 1)))

    with pytest.raises(BadRecord, match=name):
        read_frame(b"front", picture(), headers | {name: b"x"})


@pytest.mark.parametrize("content_type", [b"image/png", b"", b"IMAGE/JPEG", b"application/json", b"\xff" * 1000])
def test_another_content_type_makes_a_bad_record(content_type: bytes) -> None:
    """Only JPEG is ours, and the error stays short."""
    with pytest.raises(BadRecord, match="content-type") as caught:
        read_frame(b"front", picture(), headers_of(frame(1), **{"content-type": content_type}))
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("value", [None, b"", b"\xff\xd8", picture()[:20], picture()[:-30], b"GIF89a", bytes(1000)])
def test_a_value_that_is_no_whole_jpeg_makes_a_bad_record(value: bytes | None) -> None:
    """Empty, cut and foreign values are found before anyone decodes them."""
    with pytest.raises(BadRecord):
        read_frame(b"front", value, headers_of(frame(1)))


def test_the_size_is_the_picture_s_own() -> None:
    """Width and height headers are for readers that do not look inside; wrong ones have no effect."""
    read = read_frame(b"front", picture(48, 32), headers_of(frame(1), width=b"9999", height=b"x"))

    assert (read.width, read.height) == (48, 32)


@pytest.mark.parametrize(
    ("key", "header", "camera"),
    [
        (b"front", b"yard", "yard"),
        (b"front", None, "front"),
        (b"Not A Label", None, "camera"),
        (b"\xff", None, "camera"),
        (None, None, "camera"),
        (b"front", b"", "front"),
    ],
)
def test_the_camera_is_in_the_header_or_in_the_key(key: bytes | None, header: bytes | None, camera: str) -> None:
    """A record always belongs to some camera, so that it can be counted."""
    assert camera_of(key, {} if header is None else {"camera": header}) == camera


@pytest.mark.parametrize("camera", [b"Not A Label", b"\xff", b"-", b""])
def test_a_frame_with_a_broken_camera_is_not_given_to_another(camera: bytes) -> None:
    """Someone else's pictures must not appear under the id of a known camera."""
    with pytest.raises(BadRecord, match="camera"):
        read_frame(b"Also No Label", picture(), headers_of(frame(1), camera=camera))


def test_only_our_own_records_have_our_headers() -> None:
    """Other people's headers do not make a record ours."""
    assert has_headers(headers_of(frame(1)))
    assert not has_headers({"traceparent": b"00-0"})


def test_a_record_of_the_original_becomes_a_frame() -> None:
    """Its camera is the key; run, number and time are the caller's; the JPEG is what `encode` makes of the pixels."""
    raw = RawPicture(2, 1, 3, b"abcdef")

    read = read_bare_frame(
        b"yard", write_original(raw), run=1, seq=2, captured_at=3, encode=lambda got: b"jpeg:" + got.pixels
    )

    assert read == Frame(camera="yard", run=1, seq=2, captured_at=3, width=2, height=1, jpeg=b"jpeg:abcdef")


@pytest.mark.parametrize("value", [None, b"", b"{}", b"\xff\xd8\xff"])
def test_what_is_neither_ours_nor_the_original_s_makes_a_bad_record(value: bytes | None) -> None:
    """Everything else is for the ledger."""
    with pytest.raises(BadRecord):
        read_bare_frame(None, value, run=1, seq=1, captured_at=1, encode=lambda raw: raw.pixels)


def test_pixels_that_cannot_be_encoded_make_a_bad_record() -> None:
    """An encoder's refusal is the record's fault and stops nothing."""

    def refuse(_: RawPicture) -> bytes:
        raise BadPicture("too odd")

    with pytest.raises(BadRecord, match="too odd"):
        read_bare_frame(b"k", write_original(RawPicture(1, 1, 1, b"x")), run=1, seq=1, captured_at=1, encode=refuse)


def test_a_frame_does_not_change_and_does_not_print_its_picture() -> None:
    """It is shared between threads, and ends in logs."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        frame(1).seq = 2  # type: ignore[misc]
    assert len(repr(frame(1))) < 300


def test_a_frame_brings_the_header_of_its_picture() -> None:
    """Later steps draw by it and do not read the picture again."""
    read = read_frame(b"front", picture(), dict(to_headers(frame(1))))

    assert read.header == inspect(read.jpeg)
