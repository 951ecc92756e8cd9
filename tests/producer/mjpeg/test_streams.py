"""Streams of HTTP cameras as public reports describe them (producer/mjpeg/README.md), read from real connections."""

import socket
from collections.abc import Callable, Iterator

import pytest

from producer.content import CameraJpeg, Undecodable
from producer.feed import AccessUnit
from producer.mjpeg.camera import opened
from producer.rhythm import Rhythm
from shared.errors import CameraLost
from tests.conftest import Recovery
from tests.producer.mjpeg.odd_camera import MULTIPART, OddCamera, odd_camera, part, picture, streams

ENOUGH = 12
EOI = 2  # bytes


def chunked(data: bytes, size: int = 700) -> bytes:
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


def head(content_type: bytes, *more: bytes, status: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return b"\r\n".join((status, b"Content-Type: " + content_type, *more, b"", b""))


def with_thumbnail(number: int) -> bytes:
    """Return a picture with a whole JPEG, boundary and all, in its EXIF segment."""
    inner = b"Exif\0\0" + picture(99) + b"\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n"
    return picture(number)[:2] + b"\xff\xe1" + (len(inner) + 2).to_bytes(2, "big") + inner + picture(number)[2:]


MIXED = b"multipart/x-mixed-replace; boundary="
STREAMS: dict[str, tuple[bytes, Callable[[int], bytes]]] = {
    "plain": (MULTIPART, lambda n: part(picture(n))),
    "image/jpg": (MULTIPART, lambda n: part(picture(n), head=b"Content-Type: image/jpg\r\n")),
    "octet-stream": (MULTIPART, lambda n: part(picture(n), head=b"Content-Type: application/octet-stream\r\n")),
    "text/plain": (MULTIPART, lambda n: part(picture(n), head=b"Content-Type: text/plain\r\n")),
    "no type of the part": (MULTIPART, lambda n: part(picture(n), head=b"")),
    "no type of the answer": (b"HTTP/1.1 200 OK\r\n\r\n", lambda n: part(picture(n))),
    "no head of the part": (MULTIPART, lambda n: b"--frame\r\n\r\n" + picture(n) + b"\r\n"),
    "no length": (MULTIPART, lambda n: b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + picture(n) + b"\r\n"),
    "length 0": (MULTIPART, lambda n: b"--frame\r\nContent-Length: 0\r\n\r\n" + picture(n) + b"\r\n"),
    "length too short": (MULTIPART, lambda n: b"--frame\r\nContent-Length: 700\r\n\r\n" + picture(n) + b"\r\n"),
    "length too long": (MULTIPART, lambda n: b"--frame\r\nContent-Length: 999999\r\n\r\n" + picture(n) + b"\r\n"),
    "length beyond reason": (MULTIPART, lambda n: b"--frame\r\nContent-Length: 9999999999\r\n\r\n" + picture(n)),
    "length wrong now and then": (
        MULTIPART,
        lambda n: b"--frame\r\nContent-Length: %d\r\n\r\n" % (len(picture(n)) + n % 3 * 50) + picture(n) + b"\r\n",
    ),
    "boundary behind the part": (
        MULTIPART,
        lambda n: (
            b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b\r\n--frame\r\n" % (len(picture(n)), picture(n))
        ),
    ),
    "boundary twice": (MULTIPART, lambda n: b"--frame\r\n" + part(picture(n))),
    "boundary quoted": (head(MIXED + b'"frame"'), lambda n: part(picture(n))),
    "boundary in single quotes": (head(MIXED + b"'frame'"), lambda n: part(picture(n))),
    "boundary with a blank before =": (head(b"multipart/x-mixed-replace; boundary =frame"), lambda n: part(picture(n))),
    "dashes declared": (head(MIXED + b"--frame"), lambda n: part(picture(n))),
    "dashes declared, none sent": (head(MIXED + b"--frame"), lambda n: part(picture(n), boundary=b"frame")),
    "four dashes": (head(MIXED + b"--frame"), lambda n: part(picture(n), boundary=b"----frame")),
    "closing boundary each time": (MULTIPART, lambda n: part(picture(n)) + b"--frame--\r\n"),
    "another boundary": (MULTIPART, lambda n: part(picture(n), boundary=b"--somethingelse")),
    "boundary changes": (MULTIPART, lambda n: part(picture(n), boundary=b"--b%d" % n)),
    "no boundary declared": (head(b"multipart/x-mixed-replace"), lambda n: part(picture(n))),
    "no boundary at all": (MULTIPART, lambda n: b"Content-Type: image/jpeg\r\n\r\n" + picture(n)),
    "boundary without line end": (MULTIPART, lambda n: b"--frameContent-Type: image/jpeg\r\n\r\n" + picture(n)),
    "line feeds only": (
        MULTIPART,
        lambda n: (
            part(picture(n)).replace(b"\r\n", b"\n")
            if n < 0
            else b"--frame\nContent-Type: image/jpeg\nContent-Length: %d\n\n%b\n" % (len(picture(n)), picture(n))
        ),
    ),
    "extra lines": (
        MULTIPART,
        lambda n: b"\r\n\r\n--frame\r\n\r\nX-Time: 1\r\n\r\n\r\n" + picture(n) + b"\r\n\r\n\r\n",
    ),
    "text parts": (MULTIPART, lambda n: b"--frame\r\nContent-Type: text/plain\r\n\r\nmotion 0\r\n" + part(picture(n))),
    "padding": (MULTIPART, lambda n: part(picture(n) + bytes(3000))),
    "heads between": (MULTIPART, lambda n: b"HTTP/1.1 200 OK\r\n" + part(picture(n))),
    "whole heads between": (MULTIPART, lambda n: MULTIPART + part(picture(n))),
    "bare": (head(b"image/jpeg"), picture),
    "bare without type": (b"HTTP/1.0 200 OK\r\n\r\n", picture),
    "bare without head": (b"", picture),
    "multipart without head": (b"", lambda n: part(picture(n))),
    "ICY": (head(MIXED + b"frame", status=b"ICY 200 OK"), lambda n: part(picture(n))),
    "HTTP/1.0 without reason": (head(MIXED + b"frame", status=b"HTTP/1.0 200"), lambda n: part(picture(n))),
    "100 first": (b"HTTP/1.1 100 Continue\r\n\r\n" + MULTIPART, lambda n: part(picture(n))),
    "length of the answer": (head(MIXED + b"frame", b"Content-Length: 10"), lambda n: part(picture(n))),
    "folded header": (head(b"multipart/x-mixed-replace;\r\n boundary=frame"), lambda n: part(picture(n))),
    "chunked": (head(MIXED + b"frame", b"Transfer-Encoding: chunked"), lambda n: chunked(part(picture(n)))),
    "chunked, says it": (head(MIXED + b"frame", b"Transfer-Encoding: chunked"), lambda n: part(picture(n))),
    "chunks without line ends": (
        head(MIXED + b"frame", b"Transfer-Encoding: chunked"),
        lambda n: b"%x\r\n%b" % (len(part(picture(n))), part(picture(n))),
    ),
    "chunk with extension": (
        head(MIXED + b"frame", b"Transfer-Encoding: chunked"),
        lambda n: b"  %X ;a=b\r\n%b\r\n" % (len(part(picture(n))), part(picture(n))),
    ),
    "thumbnail": (MULTIPART, lambda n: part(with_thumbnail(n))),
    "fill bytes": (MULTIPART, lambda n: part(picture(n)[:2] + b"\xff\xff" + picture(n)[2:])),
    "SOI twice": (MULTIPART, lambda n: part(b"\xff\xd8" + picture(n))),
}
WITHOUT_END: dict[str, tuple[bytes, Callable[[int], bytes]]] = {
    "with length": (MULTIPART, lambda n: part(picture(n)[:-EOI])),
    "without length": (
        MULTIPART,
        lambda n: b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + picture(n)[:-EOI] + b"\r\n",
    ),
    "boundary not declared": (head(b"multipart/x-mixed-replace"), lambda n: part(picture(n)[:-EOI])),
    "boundary directly behind": (MULTIPART, lambda n: b"--frame\r\n\r\n" + picture(n)[:-EOI]),
    "bare": (head(b"image/jpeg"), lambda n: picture(n)[:-EOI]),
    "head behind": (
        MULTIPART,
        lambda n: b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n" + picture(n)[:-EOI] + b"\r\n",
    ),
}


def units(camera: OddCamera, count: int, link: str = "") -> list[AccessUnit]:
    """Return the first access units of a camera."""
    feed = opened(link or camera.link(), interval_s=0.02, rhythm=Rhythm(first_s=20.0), tick=lambda: None)
    try:
        taken: Iterator[AccessUnit] = feed.pictures()
        return [next(taken) for _ in range(count)]
    finally:
        feed.close()


def data(unit: AccessUnit) -> bytes:
    assert isinstance(unit.packet, CameraJpeg)
    return bytes(unit.packet.data)


@pytest.mark.parametrize("name", STREAMS)
def test_every_picture_of_an_odd_stream_is_read(name: str) -> None:
    """Each picture comes out byte for byte and in order, whatever stands around it."""
    respond, make = STREAMS[name]
    with odd_camera(streams(respond, make)) as camera:
        read = [data(unit) for unit in units(camera, ENOUGH)]

    expected = with_thumbnail if name == "thumbnail" else picture
    if name == "fill bytes":
        read = [one.replace(b"\xff\xd8\xff\xff\xff", b"\xff\xd8\xff", 1) for one in read]
    assert read == [expected(number) for number in range(ENOUGH)]


@pytest.mark.parametrize("name", WITHOUT_END)
def test_pictures_without_an_end_are_completed(name: str) -> None:
    """A picture that lacks its EOI ends where its part does, and gets one."""
    respond, make = WITHOUT_END[name]
    with odd_camera(streams(respond, make)) as camera:
        read = [data(unit).replace(b"\r\n\xff\xd9", b"\xff\xd9") for unit in units(camera, ENOUGH)]

    assert read == [picture(number) for number in range(ENOUGH)]


def test_a_truncated_picture_is_not_shown() -> None:
    """A part that ends long before its length is a picture cut off: counted, and the next one is whole."""

    def make(number: int) -> bytes:
        whole = picture(number)
        return part(whole) if number % 2 else b"--frame\r\nContent-Length: %d\r\n\r\n" % len(whole) + whole[:-200]

    with odd_camera(streams(MULTIPART, make)) as camera:
        read = units(camera, 6)

    assert [isinstance(unit.packet, Undecodable) for unit in read] == [True, False] * 3


def test_parts_that_are_no_pictures_are_counted() -> None:
    """A part that says it is a picture and is none is marked; text parts are not."""
    text = b"--frame\r\nContent-Type: text/plain\r\n\r\nnothing\r\n"

    def make(number: int) -> bytes:
        return text + part(picture(number) if number % 2 else b"no picture at all")

    with odd_camera(streams(MULTIPART, make)) as camera:
        read = units(camera, 6)

    assert [isinstance(unit.packet, Undecodable) for unit in read] == [True, False] * 3


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            head(b"text/html", b"Content-Length: 26") + b"<html><body>Log in</body>\r\n"[:26],
            "text/html, 26 bytes, an HTML page",
        ),
        (head(b"application/vnd.apple.mpegurl") + b"#EXTM3U\n#EXTINF:2,\nhttp://10.0.0.1/a.ts\n", "an HLS playlist"),
        (head(b"application/json") + b'{"error": "password s3cret"}', "application/json, 28 bytes, JSON"),
        (head(MIXED + b"frame") + b"", "multipart/x-mixed-replace, 0 bytes, nothing"),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "status 204, no type, 0 bytes, nothing"),
    ],
)
def test_what_is_no_video_is_said_in_one_line(answer: bytes, reason: str) -> None:
    """The reason says what came instead, and quotes nothing of it."""

    def respond(client: socket.socket, request: str, number: int) -> None:
        client.sendall(answer)

    with odd_camera(respond) as camera, pytest.raises(CameraLost) as caught:
        units(camera, 1)

    assert reason in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.fault("camera: announces a picture of 2 GB", expects="the camera counts as lost after 32 MB")
def test_an_endless_picture_is_given_up(recovery: Recovery) -> None:
    """A picture that does not end within the limit costs no more memory than that."""
    begin = picture(0)[:-200]

    def respond(client: socket.socket, request: str, number: int) -> None:
        client.sendall(MULTIPART + b"--frame\r\nContent-Length: 2000000000\r\n\r\n" + begin)
        for _ in range(100):
            client.sendall(bytes(1 << 20))

    with odd_camera(respond) as camera, pytest.raises(CameraLost, match="does not end within 32 MB"):
        units(camera, 1)
    recovery.seen("given up after 32 MB", seconds=None)


def test_an_endless_head_is_given_up() -> None:
    """A head of an answer has a bound."""

    def respond(client: socket.socket, request: str, number: int) -> None:
        client.sendall(b"HTTP/1.1 200 OK\r\n")
        for _ in range(1000):
            client.sendall(b"X-Filler: " + b"x" * 1000 + b"\r\n")

    with odd_camera(respond) as camera, pytest.raises(CameraLost, match="more than 64 KB"):
        units(camera, 1)


def test_other_video_is_left_to_ffmpeg(tmp_path_factory: pytest.TempPathFactory) -> None:
    """MPEG-TS over HTTP is demultiplexed by FFmpeg, out of the body that our client reads."""
    import av

    path = tmp_path_factory.mktemp("ts") / "video.ts"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for _ in range(50):
            container.mux(stream.encode(av.VideoFrame(96, 64, "yuv420p")))
        container.mux(stream.encode(None))

    def respond(client: socket.socket, request: str, number: int) -> None:
        client.sendall(head(b"video/mp2t") + path.read_bytes())

    with odd_camera(respond) as camera:
        read = units(camera, 20)

    assert read[0].key
    assert all(unit.size_bytes for unit in read)
    assert len(camera.requests) == 1
