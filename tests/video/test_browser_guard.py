"""Which web pages may reach the service, and what browsers may do with its answers."""

import logging

import pytest

from shared.hosts import is_loopback
from tests.conftest import Recovery
from tests.video.client import Client
from tests.video.stage import Stage, Stream
from video.browser_guard import origin_of

FRIEND = "https://friend.example"
PATHS = ("/", "/cameras", "/cameras/front/snapshot.jpg", "/cameras/front/predictions", "/docs", "/openapi.json", "/no")


def shown(stage: Stage) -> Stage:
    stage.show("front", 1)
    stage.knows("front")
    return stage


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://cam.example", "https://cam.example"),
        (" HTTPS://Cam.Example:443 ", "https://cam.example"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[::1]:80", "http://[::1]"),
        ("null", None),
        ("", None),
        ("cam.example", None),
        ("ftp://cam.example", None),
        ("https://user@cam.example", None),
        ("https://cam.example/path", None),
        ("https://cam.example:port", None),
        ("*", None),
    ],
)
def test_origins_have_one_form(text: str, origin: str | None) -> None:
    """An origin has scheme, host and port, and the port only where it is not the scheme's own."""
    assert origin_of(text) == origin


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8080", "a.localhost", "127.0.0.1", "127.8.9.1:80", "[::1]:80"]
)
def test_loopback_names_and_addresses_mean_this_machine(host: str) -> None:
    """No name server has a say in them."""
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["", "x", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "192.168.1.5", "[2001:db8::1]"],
)
def test_other_hosts_do_not(host: str) -> None:
    """Their owner decides where they lead."""
    assert not is_loopback(host)


@pytest.mark.fault(
    "a foreign web page reaches for the cameras, also by DNS rebinding",
    expects="403 on every path and on `/ws`; its own page, and pages of ALLOWEDORIGINS, still work",
)
def test_foreign_pages_are_refused(recovery: Recovery) -> None:
    """Origin decides where something is opened or changed; Host decides everywhere while only loopback is served."""
    with Stage() as running:
        stage = shown(running)
        for path in (*PATHS, "/cameras/front/stream", "/healthz"):
            rebound = stage.get(path, Host="rebound.example:8080", Accept="text/html")
            assert rebound.status_code == 403, path
            assert rebound.headers["content-type"].startswith("text/plain")
            assert len(rebound.text.splitlines()) == 1
        with Client(stage.port) as client:
            assert client.upgrade(b"Origin: https://evil.example\r\n").startswith("HTTP/1.1 403 ")
            assert client.is_closed()
        with Client(stage.port) as client:
            assert client.upgrade(b"Origin: null\r\n").startswith("HTTP/1.1 403 ")
        with Client(stage.port) as client:
            assert client.upgrade(b"Origin: http://localhost\r\n").startswith("HTTP/1.1 101 ")
        assert [stage.get(path, Accept="text/html").status_code for path in PATHS] == [200] * 6 + [404]
    recovery.seen("403 on 9 paths and 2 WebSockets; the own page's WebSocket 101", seconds=None)


def test_a_refusal_is_logged_once_a_minute(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """Behind a reverse proxy that changes Host it is a setting that is wrong, and the line names it."""
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            with Client(stage.port) as client:
                client.upgrade(b"Origin: https://cam.example\r\n")

    (line,) = [record.getMessage() for record in caplog.records]
    assert "https://cam.example" in line
    assert "ALLOWEDORIGINS" in line


@pytest.mark.parametrize(
    ("hosts", "status"),
    [([], 403), (["localhost", "localhost"], 403), (["evil.example"], 403), (["localhost."], 403), (["[::1]"], 200)],
    ids=["none", "two", "foreign", "not quite", "IPv6"],
)
def test_a_loopback_server_wants_one_loopback_host(stage: Stage, hosts: list[str], status: int) -> None:
    """A page that was rebound to 127.0.0.1 has its own name there."""
    lines = "".join(f"Host: {host}\r\n" for host in hosts)
    with Client(stage.port) as client:
        client.send(f"GET /healthz HTTP/1.1\r\n{lines}\r\n".encode())

        assert client.status() == status


def test_a_server_of_other_addresses_answers_to_any_name() -> None:
    """Its names are not known; foreign origins are refused all the same."""
    with Stage(loopback_only=False) as stage:
        assert shown(stage).get("/cameras", Host="camera.lan:30163").status_code == 200
        for origin, host, status in (
            ("http://camera.lan:30163", "camera.lan:30163", 101),
            ("https://camera.lan", "camera.lan", 101),
            ("http://camera.lan:80", "Camera.LAN", 101),
            ("http://camera.lan:3000", "camera.lan:30163", 403),
            ("http://evil.example", "camera.lan:30163", 403),
        ):
            with Client(stage.port) as client:
                line = client.upgrade_as(host, f"Origin: {origin}\r\n".encode())
                assert line.startswith(f"HTTP/1.1 {status} "), origin


def test_requests_that_may_change_something_need_an_origin_of_their_own(stage: Stage) -> None:
    """Forms of foreign pages are refused before any path is looked for; programs send no Origin."""
    foreign = {"Origin": "https://evil.example"}
    with Client(stage.port) as client:
        assert client.get("/cameras", foreign, method="POST").status() == 403
    with Client(stage.port) as client:
        assert client.get("/cameras", {"Origin": "http://localhost"}, method="POST").status() == 405
    with Client(stage.port) as client:
        assert client.get("/cameras", method="POST").status() == 405
    with Client(stage.port) as client:
        assert client.get("/cameras", foreign).status() == 200, "the browser keeps the answer from the page"


def test_answers_are_for_pages_of_the_same_origin_unless_allowed(stage: Stage) -> None:
    """There is no CORS and nothing to guess; only streams may be shown in other pages' <img>."""
    for path in PATHS:
        headers = shown(stage).get(path, Accept="text/html", Origin=FRIEND).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["cross-origin-resource-policy"] == "same-origin", path
        assert "access-control-allow-origin" not in headers, path
    with Stream(stage.port, "/cameras/front/stream") as viewer:
        stream = viewer.start().headers
        assert stream["x-content-type-options"] == "nosniff"
        assert stream["cross-origin-resource-policy"] == "cross-origin"
        assert stream["content-security-policy"] == "default-src 'none'; sandbox"


def test_pages_of_allowed_origins_may_read_connect_and_embed() -> None:
    """They get CORS, `/ws` and the page in a frame; their host may lead to this server."""
    with Stage(allowed_origins={FRIEND}) as running:
        stage = shown(running)
        answer = stage.get("/cameras", Origin=FRIEND)
        assert answer.headers["access-control-allow-origin"] == FRIEND
        assert answer.headers["vary"] == "Origin"
        assert "access-control-allow-origin" not in stage.get("/cameras", Origin="https://evil.example").headers
        page = stage.get("/", Accept="text/html")
        assert f"frame-ancestors 'self' {FRIEND};" in page.headers["content-security-policy"] + ";"
        asked = {"Origin": FRIEND, "Access-Control-Request-Method": "GET"}
        with Client(stage.port) as client:
            assert client.get("/cameras", asked, method="OPTIONS").status() == 204
        with Client(stage.port) as client:
            assert client.upgrade(f"Origin: {FRIEND}\r\n".encode()).startswith("HTTP/1.1 101 ")
        assert stage.get("/cameras", Host="friend.example").status_code == 200
        assert stage.get("/cameras", Host="evil.example").status_code == 403
