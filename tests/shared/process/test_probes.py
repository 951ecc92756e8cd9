import contextlib
import json
import logging
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from shared.errors import SettingsError
from shared.go_notation import Address
from shared.process import probe_server
from shared.process.probe_server import MAX_CONNECTIONS
from shared.process.probes import STUCK_AFTER_S, Probes, Pulse, Readiness
from tests.waiting import wait_until


class Clock:
    """Time that passes when the test says so."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Stage:
    """Probes of a service that the test plays."""

    def __init__(self) -> None:
        self.clock, self.registry = Clock(), CollectorRegistry()
        self.pulse = Pulse(self.clock)
        self.readiness: Readiness | None = Readiness(ready=True, parts={"broker": "ok"})
        self.probes = Probes(
            Address("127.0.0.1", 0), registry=self.registry, pulse=self.pulse, readiness=self._readiness
        )
        self.probes.start()
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.probes.port}", timeout=10)

    def _readiness(self) -> Readiness:
        if self.readiness is None:
            raise KeyError("front")
        return self.readiness


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.client.close()
    stage.probes.close()


def test_health_is_that_the_loops_turn(stage: Stage) -> None:
    """Alive without loops, and while each turns."""
    assert stage.client.get("/healthz").json() == {"status": "alive"}

    stage.pulse.beat("frames")
    stage.clock.now += STUCK_AFTER_S - 1
    answer = stage.client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


def test_a_stuck_loop_is_named_with_503(stage: Stage) -> None:
    """And is forgiven when it turns again or has ended as it should."""
    stage.pulse.beat("frames")
    stage.pulse.beat("status")
    stage.clock.now += STUCK_AFTER_S + 1
    stage.pulse.beat("status")

    answer = stage.client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "stuck", "frames": f"has not turned for {STUCK_AFTER_S + 1:.0f} s"}

    stage.pulse.end("frames")
    assert stage.client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("readiness", "status", "body"),
    [
        (
            Readiness(ready=True, parts={"broker": "ok", "camera/front": "ok"}),
            200,
            {"status": "ready", "broker": "ok", "camera/front": "ok"},
        ),
        (
            Readiness(ready=True, parts={"broker": "ok", "camera/front": "no frame for 12 s"}),
            200,
            {"status": "degraded", "broker": "ok", "camera/front": "no frame for 12 s"},
        ),
        (
            Readiness(ready=False, parts={"broker": "no answer for 3 s"}),
            503,
            {"status": "not ready", "broker": "no answer for 3 s"},
        ),
    ],
)
def test_readiness_always_names_what_is_missing(
    stage: Stage, readiness: Readiness, status: int, body: dict[str, str]
) -> None:
    """Degraded is 200: keeping requests away would not help."""
    stage.readiness = readiness

    answer = stage.client.get("/readyz")

    assert (answer.status_code, answer.json()) == (status, body)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"


def test_metrics_are_those_of_the_registry(stage: Stage) -> None:
    """In Prometheus' text, and in OpenMetrics for those who ask."""
    Counter("frames", "Frames", ["camera"], registry=stage.registry).labels("front").inc(3)

    plain = stage.client.get("/metrics?name=x")
    asked = stage.client.get("/metrics", headers={"Accept": "application/openmetrics-text"})

    assert 'frames_total{camera="front"} 3.0' in plain.text.splitlines()
    assert plain.headers["Content-Type"].startswith("text/plain")
    assert asked.headers["Content-Type"].startswith("application/openmetrics-text")
    assert asked.text.endswith("# EOF\n")


@pytest.mark.parametrize("path", ["/", "/healthz/", "/health", "/metrics/x"])
def test_another_path_is_404_and_names_the_known_ones(stage: Stage, path: str) -> None:
    """So that a person finds the right one."""
    answer = stage.client.get(path)

    assert answer.status_code == 404
    assert answer.json()["paths"] == ["/healthz", "/metrics", "/readyz"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/nowhere"])
def test_head_answers_as_get_without_a_body(stage: Stage, path: str) -> None:
    """Same status, same length, on a connection that stays usable."""
    for _ in range(2):
        head, get = stage.client.head(path), stage.client.get(path)

        assert head.status_code == get.status_code
        assert head.headers["Content-Type"] == get.headers["Content-Type"]
        assert head.headers["Content-Length"] == get.headers["Content-Length"] == str(len(get.content))
        assert head.content == b""


def test_other_methods_are_refused(stage: Stage) -> None:
    """Nothing can be written here."""
    assert stage.client.post("/healthz").status_code == 501


def test_a_probe_that_fails_itself_is_500_and_logged(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """The connection is answered, and the traceback is where people look."""
    stage.readiness = None

    assert stage.client.get("/readyz").status_code == 500
    assert "KeyError: 'front'" in caplog.text
    assert stage.client.get("/healthz").status_code == 200


def test_many_probes_at_once_are_all_answered(stage: Stage) -> None:
    """Also while clients hold connections open, and others go away in the middle."""
    held = [socket.create_connection(("127.0.0.1", stage.probes.port)) for _ in range(20)]
    gone = socket.create_connection(("127.0.0.1", stage.probes.port))
    gone.sendall(b"GET /metrics HTTP/1.1\r\n")
    gone.close()

    def ask(number: int) -> int:
        path = ("/healthz", "/readyz", "/metrics")[number % 3]
        return stage.client.get(path, headers={"Connection": "close"}).status_code

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(ask, range(60))) == {200}
    for connection in held:
        connection.close()


def test_a_client_that_goes_away_is_no_traceback(
    stage: Stage, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """It is said at debug level only, and never on standard error."""
    caplog.set_level(logging.INFO)
    for _ in range(5):
        connection = socket.create_connection(("127.0.0.1", stage.probes.port))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        connection.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        connection.close()
    assert stage.client.get("/healthz").status_code == 200

    assert "Traceback" not in capfd.readouterr().err
    assert "Traceback" not in caplog.text


def test_a_taken_port_is_one_readable_line() -> None:
    """It is a wrong setting, not a crash."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = Address("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(SettingsError) as caught:
            Probes(address, registry=CollectorRegistry(), pulse=Pulse(), readiness=lambda: Readiness(True, {}))

    assert caught.value.mistakes == [f"PROBEPORT: cannot listen on {address}: Address already in use"]


@pytest.mark.parametrize("host", ["256.1.1.1", "a..b", "x" * 64 + ".example"])
def test_a_host_that_is_none_is_one_readable_line(host: str) -> None:
    """Whatever the resolver says."""
    with pytest.raises(SettingsError, match="PROBEPORT: cannot listen on"):
        Probes(Address(host, 0), registry=CollectorRegistry(), pulse=Pulse(), readiness=lambda: Readiness(True, {}))


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
@pytest.mark.parametrize(("listen", "asked"), [("::1", "[::1]"), ("", "[::1]"), ("", "127.0.0.1")])
def test_both_families_are_listened_on(listen: str, asked: str) -> None:
    """As Go does for `:8081`; and an IPv6 address is an address."""
    probes = Probes(
        Address(listen, 0), registry=CollectorRegistry(), pulse=Pulse(), readiness=lambda: Readiness(True, {})
    )
    probes.start()
    try:
        assert httpx.get(f"http://{asked}:{probes.port}/healthz").status_code == 200
    finally:
        probes.close()


def test_probes_that_never_started_can_be_closed() -> None:
    """When something else fails at the start, the end does not hang, and the port is free again."""
    probes = Probes(
        Address("127.0.0.1", 0), registry=CollectorRegistry(), pulse=Pulse(), readiness=lambda: Readiness(True, {})
    )
    closing = threading.Thread(target=probes.close, daemon=True)
    closing.start()
    closing.join(10)

    assert not closing.is_alive()
    with socket.socket() as again:
        again.bind(("127.0.0.1", probes.port))


def test_the_body_is_one_line_of_json(stage: Stage) -> None:
    """For people with curl."""
    text = stage.client.get("/readyz").text

    assert text.endswith("\n")
    assert json.loads(text)


def connect(stage: Stage) -> socket.socket:
    return socket.create_connection(("127.0.0.1", stage.probes.port), timeout=60)


def test_clients_that_send_nothing_keep_nobody_out(stage: Stage) -> None:
    """However many there are: threads stay few, and a probe is answered."""
    before = threading.active_count()
    held = [connect(stage) for _ in range(200)]
    for connection in held:
        with contextlib.suppress(OSError):
            connection.sendall(b"GET /healthz HTTP/1.1\r\n")

    assert [stage.client.get("/healthz").status_code for _ in range(5)] == [200] * 5
    wait_until(
        lambda: threading.active_count() <= before + MAX_CONNECTIONS + 2, "the threads of those that were cut end"
    )
    for connection in held:
        connection.close()


def test_a_request_has_to_be_complete_in_time(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then does not make the time longer."""
    monkeypatch.setattr(probe_server, "REQUEST_WITHIN_S", 0.5)
    with connect(stage) as slow:
        ended = False

        def is_cut() -> bool:
            nonlocal ended
            try:
                slow.sendall(b"G")
                ended = ended or not slow.recv(1, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return False
            except OSError:
                return True
            return ended

        wait_until(is_cut, "the connection is cut", poll_s=0.1)

    assert stage.client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "head", [b"X: " + b"a" * 20_000 + b"\r\n", b"".join(b"X-%d: %s\r\n" % (n, b"a" * 900) for n in range(90))]
)
def test_a_head_that_is_too_long_is_refused(stage: Stage, head: bytes) -> None:
    with connect(stage) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8081", 200),
        ("localhost", 200),
        ("[::1]:8081", 200),
        ("127.8.9.1", 200),
        ("evil.example", 403),
        ("10.0.0.7:8081", 403),
        ("localhost.evil.example", 403),
        ("", 403),
    ],
)
def test_on_loopback_only_loopback_hosts_are_answered(stage: Stage, host: str, status: int) -> None:
    """A web page with a name of its own for this machine reads nothing."""
    answer = stage.client.get("/metrics", headers={"Host": host})

    assert answer.status_code == status
    assert (b"python_info" in answer.content) is False


def test_a_body_is_refused(stage: Stage) -> None:
    """By its announcement; it is not waited for."""
    with connect(stage) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 413 ")
