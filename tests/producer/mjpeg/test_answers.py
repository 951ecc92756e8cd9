"""What stands before the pictures: passwords, redirections, snapshots, connections; on real connections."""

import base64
import hashlib
import itertools
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext

import pytest

from producer.content import CameraJpeg, Undecodable
from producer.feed import AccessUnit
from producer.mjpeg.camera import opened
from producer.mjpeg.http import HttpClient
from producer.rhythm import Rhythm
from shared.errors import CameraError, CameraLost, CameraRefused
from tests.conftest import Recovery
from tests.producer.mjpeg.odd_camera import MULTIPART, odd_camera, part, picture, streams

Respond = Callable[[socket.socket, str, int], object]
USER, PASSWORD = "operator", "p@ss:w/rd%?#"
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
STREAM = streams(MULTIPART, lambda number: part(picture(number)))


def reading(link: str, *, interval_s: float = 0.01, tick: Callable[[], None] = lambda: None) -> Iterator[AccessUnit]:
    feed = opened(link, interval_s=interval_s, rhythm=Rhythm(first_s=20.0), tick=tick)
    try:
        yield from feed.pictures()
    finally:
        feed.close()


def first(link: str, count: int = 3, *, interval_s: float = 0.01) -> list[bytes]:
    read = reading(link, interval_s=interval_s)
    packets = [unit.packet for unit in itertools.islice(read, count)]
    return [bytes(packet.data) for packet in packets if isinstance(packet, CameraJpeg)]


def answers(client: socket.socket, status: str, *lines: str, body: bytes = b"") -> bool:
    """Send an answer with its length, and keep the connection."""
    head = "\r\n".join((f"HTTP/1.1 {status}", *lines, f"Content-Length: {len(body)}", "", ""))
    client.sendall(head.encode() + body)
    return True


def path_of(request: str) -> str:
    return request.split(" ")[1]


def snapshots(client: socket.socket, request: str, number: int) -> bool:
    return answers(client, "200 OK", "Content-Type: image/jpeg", body=picture(number))


def test_a_snapshot_address_is_polled_over_one_connection() -> None:
    """One picture for each request, at the interval, and no new connection where the camera keeps it."""
    began = time.monotonic()
    with odd_camera(snapshots) as camera:
        read = first(camera.link(), 6, interval_s=0.1)

        assert read == [picture(number) for number in range(6)]
        assert camera.connections == 1
    assert time.monotonic() - began >= 0.4


@pytest.mark.parametrize("kept", ["closed", "announced", "chunked", "too long", "too short", "no length"])
def test_a_snapshot_address_is_polled_however_answers_end(kept: str) -> None:
    """A camera that closes each connection, or gets its lengths wrong, is polled all the same."""

    def respond(client: socket.socket, request: str, number: int) -> bool:
        data = picture(number)
        length = {"too long": len(data) + 500, "too short": len(data) - 100}.get(kept, len(data))
        head = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n"
        if kept == "chunked":
            client.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(data), data))
            return True
        if kept == "announced":
            head += b"Connection: close\r\n"
        client.sendall(head + (b"\r\n" if kept == "no length" else b"Content-Length: %d\r\n\r\n" % length) + data)
        return kept in {"too long", "too short"}

    with odd_camera(respond) as camera:
        assert first(camera.link(), 4) == [picture(number) for number in range(4)]


@pytest.mark.parametrize("way", ["no length", "length", "length and kept", "chunked"])
def test_snapshots_without_an_end_are_completed(way: str) -> None:
    """They end with the answer, and get their EOI."""

    def respond(client: socket.socket, request: str, number: int) -> bool:
        data = picture(number)[:-2]
        head = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n"
        if way == "chunked":
            client.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(data), data))
        else:
            head += b"" if way == "no length" else b"Content-Length: %d\r\n" % len(data)
            client.sendall(head + b"\r\n" + data)
        return way in {"length and kept", "chunked"}

    with odd_camera(respond) as camera:
        assert first(camera.link(), 4) == [picture(number) for number in range(4)]


@pytest.mark.parametrize("length", [b"", b"Content-Length: %d\r\n"])
def test_a_snapshot_that_is_cut_off_is_not_shown(length: bytes) -> None:
    """It is counted, and the next one is whole; a camera whose pictures have their end is known by then."""

    def respond(client: socket.socket, request: str, number: int) -> None:
        data = picture(number)
        head = length % len(data) if length else b""
        cut = -200 if number == 2 else len(data)
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n" + head + b"\r\n" + data[:cut])

    with odd_camera(respond) as camera:
        packets = [unit.packet for unit in itertools.islice(reading(camera.link()), 5)]

    assert isinstance(packets[2], Undecodable)
    shown = [packet.data for packet in packets if isinstance(packet, CameraJpeg)]
    assert shown == [picture(number) for number in (0, 1, 3, 4)]


def test_a_stream_that_ends_inside_a_picture_is_lost_at_once() -> None:
    """Nothing more can come on a connection that is closed."""

    def respond(client: socket.socket, request: str, number: int) -> None:
        client.sendall(MULTIPART + part(picture(0)) + part(picture(1)) + part(picture(2))[:-200])

    with odd_camera(respond) as camera, pytest.raises(CameraLost, match="ended the stream"):
        first(camera.link(), 4)


def test_an_unchanged_snapshot_is_not_sent_again() -> None:
    """The camera is asked for a picture only if it has another one; that it has none is a sign of life."""
    ticks: list[float] = []

    def respond(client: socket.socket, request: str, number: int) -> bool:
        if number % 3 and f'If-None-Match: "{number // 3}"' in request:
            return answers(client, "304 Not Modified")
        state = f'ETag: "{number // 3}"', "Last-Modified: Mon, 30 Nov 2026 00:00:00 GMT"
        return answers(client, "200 OK", "Content-Type: image/jpeg", *state, body=picture(number))

    with odd_camera(respond) as camera:
        units = list(itertools.islice(reading(camera.link(), tick=lambda: ticks.append(0)), 3))

        assert [unit.packet for unit in units] == [CameraJpeg(picture(number)) for number in (0, 3, 6)]
        assert all("If-Modified-Since: Mon, 30 Nov 2026" in request for request in camera.requests[1:])
    assert len(ticks) >= 4


def test_a_snapshot_is_due_when_it_is_asked_for() -> None:
    """The time that a camera takes to answer must not thin its pictures out."""
    answer_s = 0.05

    def respond(client: socket.socket, request: str, number: int) -> bool:
        time.sleep(answer_s)
        return snapshots(client, request, number)

    with odd_camera(respond) as camera:
        first_unit, *units = itertools.islice(reading(camera.link()), 4)

    assert first_unit.due_s == first_unit.captured.monotonic_s  # nothing shows yet that the camera has to be asked
    assert all(unit.captured.monotonic_s - unit.due_s >= answer_s for unit in units)


def test_an_ftp_style_png_is_a_snapshot() -> None:
    """A still that is no JPEG is decoded."""
    import cv2
    import numpy as np

    png = cv2.imencode(".png", np.full((20, 30, 3), 200, np.uint8))[1].tobytes()

    def respond(client: socket.socket, request: str, number: int) -> bool:
        return answers(client, "200 OK", "Content-Type: image/png", body=png)

    with odd_camera(respond) as camera:
        units = list(itertools.islice(reading(camera.link()), 3))

    assert [unit.packet.shape for unit in units] == [(20, 30, 3)] * 3


def digest_refused(request: str, nonce: str, *, quality: bool) -> bool:
    """Return whether a request lacks the right answer to a Digest challenge (RFC 7616, section 3.4.1)."""
    header = re.search(r"Authorization: Digest (.*)", request)
    if not header:
        return True
    values = {name: quoted or plain for name, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', header[1])}

    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    one, two = md5(f"{USER}:camera:{PASSWORD}"), md5(f"GET:{path_of(request)}")
    middle = f"{nonce}:{values.get('nc')}:{values.get('cnonce')}:auth" if quality else nonce
    return values.get("nonce") != nonce or values.get("response") != md5(f"{one}:{middle}:{two}")


@pytest.mark.parametrize("quality", [True, False])
def test_digest_is_answered(quality: bool) -> None:
    """A camera that asks by Digest gets no password, and a nonce that has become too old is replaced, said or not."""

    def respond(client: socket.socket, request: str, number: int) -> bool:
        nonce = f"n{number // 4}"
        if digest_refused(request, nonce, quality=quality):
            challenge = f'Digest realm="camera", nonce="{nonce}"' + (', qop="auth"' if quality else "")
            return answers(client, "401 Unauthorized", f"WWW-Authenticate: {challenge}")
        return answers(client, "200 OK", "Content-Type: image/jpeg", body=picture(number))

    with odd_camera(respond) as camera:
        assert len(first(camera.link(f"{USER}:{PASSWORD}"), 6)) == 6
        assert not any("Basic" in request for request in camera.requests)


@pytest.mark.parametrize("challenge", ['WWW-Authenticate: Basic realm="x"', "WWW-Authenticate: Basic", "X-Nothing: 1"])
def test_basic_is_answered_when_asked_for(challenge: str) -> None:
    """The password goes out only after the camera has asked, also where it does not say how."""

    def respond(client: socket.socket, request: str, number: int) -> object:
        if f"Authorization: {BASIC}" not in request:
            return answers(client, "401 Unauthorized", challenge)
        return STREAM(client, request, number)

    with odd_camera(respond) as camera:
        assert len(first(camera.link(f"{USER}:{PASSWORD}"))) == 3
        assert len(camera.requests) == 2
        assert "Authorization" not in camera.requests[0]


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden", "404 Not Found"])
def test_refusals_are_refusals(status: str) -> None:
    """A wrong password is tried once; the reason names the status."""

    def respond(client: socket.socket, request: str, number: int) -> bool:
        return answers(client, status, 'WWW-Authenticate: Basic realm="x"')

    with odd_camera(respond) as camera, pytest.raises(CameraRefused, match=status[:3]):
        first(camera.link(f"{USER}:wrong"))
    assert len(camera.requests) <= 2


@pytest.mark.parametrize(
    "where", ["/real.mjpg", "real.mjpg", "http://127.0.0.1:{port}/real.mjpg", "//127.0.0.1:{port}/real.mjpg"]
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirections_on_the_same_host_keep_the_password(where: str, status: int) -> None:
    """Relative or absolute, with the password that the link has."""

    def respond(client: socket.socket, request: str, number: int) -> object:
        if path_of(request) != "/real.mjpg":
            return answers(client, f"{status} Moved", f"Location: {where.format(port=camera.port)}")
        if f"Authorization: {BASIC}" not in request:
            return answers(client, "401 Unauthorized", 'WWW-Authenticate: Basic realm="x"')
        return STREAM(client, request, number)

    with odd_camera(respond) as camera:
        assert len(first(camera.link(f"{USER}:{PASSWORD}"))) == 3


@pytest.mark.fault(
    "camera: redirects to another host", expects="refused; neither a request nor the password goes there"
)
@pytest.mark.parametrize(
    "where", ["http://camera.invalid/", "http://127.0.0.2:{port}/", "rtsp://127.0.0.1/", "http://[::1", ""]
)
def test_redirections_elsewhere_are_refused(where: str, recovery: Recovery) -> None:
    """Neither the password nor a request goes to another host, whatever the camera says."""

    def respond(client: socket.socket, request: str, number: int) -> bool:
        return answers(client, "302 Found", f"Location: {where.format(port=camera.port)}")

    with odd_camera(respond) as camera, pytest.raises(CameraRefused, match="redirects to"):
        first(camera.link(f"{USER}:{PASSWORD}"))
    assert len(camera.requests) == 1
    recovery.seen("refused after one request", seconds=None)


def test_a_redirection_loop_ends() -> None:
    """A camera that redirects for ever is given up."""

    def respond(client: socket.socket, request: str, number: int) -> bool:
        return answers(client, "302 Found", f"Location: /{number}")

    with odd_camera(respond) as camera, pytest.raises(CameraLost, match="redirections"):
        first(camera.link())
    assert len(camera.requests) < 10


def test_blanks_in_a_link_are_encoded() -> None:
    """Blanks and letters beyond ASCII in path and query reach the camera encoded; what is encoded stays."""
    with odd_camera(STREAM) as camera:
        first(camera.link(path="cgi bin/vidéo%20x.mjpg?user=a b&x=%41"))

        assert path_of(camera.requests[0]) == "/cgi%20bin/vid%C3%A9o%20x.mjpg?user=a%20b&x=%41"


def test_an_ipv6_address_may_have_a_zone() -> None:
    """The zone of a link-local address chooses the interface, and is not sent to the camera (RFC 6874)."""
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        port = server.getsockname()[1]
        zone = socket.if_nametoindex("lo")
        client = HttpClient(f"http://[::1%25{zone}]:{port}/video.mjpg")
        try:
            with pytest.raises(CameraError):
                client.get(within_s=0.3)
        finally:
            client.close()
        connection = server.accept()[0]
        with connection:
            assert f"Host: [::1]:{port}\r\n" in connection.recv(4096).decode()


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy for the internet is not asked for cameras."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with odd_camera(STREAM) as camera:
        assert len(first(camera.link())) == 3


def test_a_camera_may_sign_its_own_certificate(tmp_path: Path) -> None:
    """HTTPS works with what cameras have."""
    files = tmp_path / "key.pem", tmp_path / "certificate.pem"
    key = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=camera"]
    subprocess.run([*key, "-keyout", files[0], "-out", files[1]], check=True, capture_output=True)
    tls = SSLContext(PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(files[1], files[0])

    with odd_camera(STREAM, tls=tls) as camera:
        assert len(first(camera.link())) == 3
