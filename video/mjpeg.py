"""MJPEG over HTTP: bytes and boundaries, nothing else.

`multipart/x-mixed-replace` as Netscape made it and RFC 2046, section 5.1, cuts it. Each picture is followed by the
next boundary at once, for a browser shows a picture only when it knows that it is whole.
"""

BOUNDARY = "MJPEGBOUNDARY"  # the original's
CONTENT_TYPE = f"multipart/x-mixed-replace;boundary={BOUNDARY}"
OPENING = f"--{BOUNDARY}\r\n".encode()
CLOSING = f"\r\n--{BOUNDARY}\r\n".encode()
UNKNOWN_AGE = b"X-Age: unknown\r\n\r\n"


def part_head(size: int, *, captured_at: int | None, sequence: int) -> bytes:
    """Return what is the same for every viewer in the head of a part; `part_age` ends it.

    Args:
        size: bytes of the picture.
        captured_at: microseconds since the epoch; None: there is no frame, and no time is claimed.
        sequence: the frame's number.
    """
    timestamp = b"" if captured_at is None else b"X-Timestamp: %d.%06d\r\n" % divmod(captured_at, 1_000_000)
    return b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n%sX-Sequence: %d\r\n" % (size, timestamp, sequence)


def part_age(age_ms: float | None) -> bytes:
    """Return the end of the head of a part: the age of the frame in whole milliseconds, None when clocks disagree."""
    return UNKNOWN_AGE if age_ms is None else b"X-Age: %d\r\n\r\n" % age_ms
