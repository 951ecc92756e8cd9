from video.mjpeg import Boundary, part_age, part_head


def test_a_part_is_written_byte_by_byte_as_promised() -> None:
    """The head of a part has type, length, capture time in seconds with its fraction, number and age."""
    assert part_head(3, captured_at=1_700_000_000_000_042, sequence=7) + part_age(31.6) == (
        b"Content-Type: image/jpeg\r\n"
        b"Content-Length: 3\r\n"
        b"X-Timestamp: 1700000000.000042\r\n"
        b"X-Sequence: 7\r\n"
        b"X-Age: 31\r\n"
        b"\r\n"
    )


def test_every_answer_has_a_boundary_of_its_own() -> None:
    """A camera that knew it could put it into a picture, and a part of its own behind it."""
    one, other = Boundary(), Boundary()
    name = one.content_type.partition("boundary=")[2]

    assert one.content_type == f"multipart/x-mixed-replace;boundary={name}"
    assert len(name) >= 32
    assert name not in other.content_type
    assert one.opening == f"--{name}\r\n".encode()
    assert one.closing == f"\r\n--{name}\r\n".encode()


def test_an_age_that_cannot_be_told_is_not_a_number() -> None:
    """When clocks disagree, the age is unknown rather than wrong."""
    assert part_age(None) == b"X-Age: unknown\r\n\r\n"


def test_a_picture_of_no_frame_claims_no_time() -> None:
    """The picture that says that there is no camera has no capture time."""
    assert b"X-Timestamp" not in part_head(3, captured_at=None, sequence=0)
