import socket
import threading
import time
from contextlib import suppress

import pytest

from shared.errors import SettingsError
from shared.go_notation import Address
from shared.reports import Entry
from tests.video.stage import Stage
from tests.waiting import wait_until
from video import connection
from video.web_server import listen


def test_a_taken_port_is_one_readable_line() -> None:
    """It names the variable and the address."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(SettingsError) as taken:
            listen(Address("127.0.0.1", port))

    (line,) = taken.value.mistakes
    assert line.startswith(f"DISPLAYPORT: cannot listen on 127.0.0.1:{port}: ")
    assert "\n" not in line


def test_accepted_sockets_inherit_what_keeps_them_quick_and_mortal() -> None:
    """Packets are not delayed, the kernel queues little, and clients that vanish are noticed."""
    with listen(Address("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == 128 * 1024


def test_an_empty_host_means_every_interface() -> None:
    """`:8080` of the original is reached by IPv4, and by IPv6 where there is one."""
    with listen(Address("", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            pass
        if socket.has_dualstack_ipv6():
            with socket.create_connection(("::1", port)):
                pass


@pytest.mark.parametrize("said", [b"", b"GET /healthz HTTP/1.1\r\nHost: "])
def test_a_client_that_does_not_finish_its_request_is_let_go(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    """Silent connections would otherwise use up the descriptors."""
    monkeypatch.setattr(connection, "HEAD_TIMEOUT_S", 0.2)
    with socket.create_connection(("127.0.0.1", stage.port)) as client:
        client.settimeout(10)
        client.sendall(said)

        with suppress(ConnectionResetError):
            assert client.recv(100) == b""


def test_a_connection_that_asks_again_is_kept(stage: Stage) -> None:
    """The timeout is for one request, not for a connection."""
    with socket.create_connection(("127.0.0.1", stage.port)) as client:
        client.settimeout(10)
        for _ in range(3):
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = b""
            while b"alive" not in answer:
                answer += client.recv(1000)
            assert answer.startswith(b"HTTP/1.1 200")


def test_what_fails_in_the_background_ends_the_server_so_that_it_is_started_again(stage: Stage) -> None:
    """The failure is raised in the server's thread, where the service logs it and backs off."""

    def broken() -> list[Entry]:
        raise RuntimeError("the board fell off the wall")

    stage.heard = broken

    wait_until(lambda: stage.failure is not None)
    assert "board" in str(stage.failure)
    assert not stage.web.serving()


def test_a_server_that_failed_can_run_again_on_the_same_port() -> None:
    """uvicorn closes the socket; a new one takes its place."""
    with Stage() as stage:
        stage.show("front", 1)
        stage.knows("front")
        stage.web.end()
        wait_until(lambda: not stage.web.serving() and not stage._thread.is_alive())
        stage._thread = threading.Thread(target=stage._run, daemon=True)
        stage._thread.start()
        wait_until(stage.web.serving)
        stage.show("front", 2)
        stage.knows("front")
        assert stage.get("/cameras/front/predictions").json()["seq"] == 2


def test_it_ends_at_once_when_nobody_watches(stage: Stage) -> None:
    """It does not wait for the grace period."""
    began = time.monotonic()
    stage.end()
    assert time.monotonic() - began < 1.5
