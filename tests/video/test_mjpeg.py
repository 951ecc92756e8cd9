from video import mjpeg


def test_a_part_is_written_byte_by_byte_as_promised():
    """The head of a part has type, length, capture time in seconds with its fraction, number and age."""
    head = mjpeg.part_head(3, captured_at=1_700_000_000_000_042, sequence=7) + mjpeg.part_age(31.6)

    assert mjpeg.OPENING + head + b"jpg" + mjpeg.CLOSING == (
        b"--MJPEGBOUNDARY\r\n"
        b"Content-Type: image/jpeg\r\n"
        b"Content-Length: 3\r\n"
        b"X-Timestamp: 1700000000.000042\r\n"
        b"X-Sequence: 7\r\n"
        b"X-Age: 31\r\n"
        b"\r\n"
        b"jpg"
        b"\r\n--MJPEGBOUNDARY\r\n"
    )


def test_an_age_that_cannot_be_told_is_not_a_number():
    """When clocks disagree, the age is said to be unknown rather than shown wrong."""
    assert mjpeg.part_age(None) == b"X-Age: unknown\r\n\r\n"


def test_a_picture_of_no_frame_claims_no_time():
    """The picture that says that there is no camera has no capture time."""
    assert b"X-Timestamp" not in mjpeg.part_head(3, captured_at=None, sequence=0)
