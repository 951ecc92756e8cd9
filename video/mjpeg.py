"""MJPEG over HTTP: bytes and boundaries, nothing else.

`multipart/x-mixed-replace` as Netscape introduced it, delimited as in RFC 2046, section 5.1. Each picture is followed
by the next boundary at once, because a browser shows a picture only when it knows that it is complete.
"""

import secrets

UNKNOWN_AGE = b"X-Age: unknown\r\n\r\n"


class Boundary:
    """What delimits the parts of one answer.

    It is random, so that no camera can put it into a picture and smuggle in a part of its own.
    """

    def __init__(self) -> None:
        name = secrets.token_hex(16)
        self.content_type = f"multipart/x-mixed-replace;boundary={name}"
        self.opening = f"--{name}\r\n".encode()
        self.closing = f"\r\n--{name}\r\n".encode()


def part_head(size: int, *, captured_at: int | None, sequence: int) -> bytes:
    """Return the part of a head that is the same for every viewer; `part_age` returns the rest.

    Args:
        size: bytes of the picture.
        captured_at: microseconds since the epoch; None if the picture shows no frame, and then no time is claimed.
        sequence: the frame's number.
    """
    timestamp = b"" if captured_at is None else b"X-Timestamp: %d.%06d\r\n" % divmod(captured_at, 1_000_000)
    return b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n%sX-Sequence: %d\r\n" % (size, timestamp, sequence)


def part_age(age_ms: float | None) -> bytes:
    """Return the end of a head: the frame's age in whole milliseconds, None if clocks disagree."""
    return UNKNOWN_AGE if age_ms is None else b"X-Age: %d\r\n\r\n" % age_ms
