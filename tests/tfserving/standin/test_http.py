"""The HTTP server: connections, bodies of all kinds, bounds, a port that is taken."""

import gzip
import http.client
import json
import select
import socket
import time
from contextlib import ExitStack

import pytest

from tests.tfserving.serving import Client
from tfserving.errors import SettingsError
from tfserving.standin import http as server
from tfserving.standin.http import LARGE_BODIES, MAX_BODY_BYTES, SMALL_BODY_BYTES, bind, listen

PREDICT = "/v1/models/half_plus_two:predict"
BODY = b'{"instances": [1.0]}'


def test_a_connection_is_kept_alive(client: Client) -> None:
    """Also after errors: a consumer asks 25 times a second on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=30)
    connection.connect()
    before = connection.sock.getsockname()

    for body, status in ((BODY, 200), (b"{", 400), (BODY, 200)):
        connection.request("POST", PREDICT, body)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status

    assert connection.sock.getsockname() == before
    connection.close()


def test_an_answer_does_not_wait_for_an_acknowledgement() -> None:
    """Connections inherit TCP_NODELAY; without it each answer comes 40 ms later."""
    listener = bind("127.0.0.1", 0)
    with listener, socket.create_connection(("127.0.0.1", listen(listener))):
        connection, _ = listener.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_body_may_come_in_chunks(client: Client) -> None:
    """As from clients that do not know its length beforehand."""
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=30)
    connection.request("POST", PREDICT, iter([BODY[:5], BODY[5:]]), encode_chunked=True)

    answer = connection.getresponse()

    assert json.loads(answer.read()) == {"predictions": [2.5]}
    connection.close()


def test_a_body_may_be_compressed(client: Client) -> None:
    """TensorFlow Serving accepts gzip too."""
    headers = {"Content-Encoding": "gzip"}

    assert client.request("POST", PREDICT, gzip.compress(BODY), **headers).json == {"predictions": [2.5]}
    assert client.request("POST", PREDICT, b"no gzip", **headers).status == 400


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_is_read_whole(client: Client, chunked: bool) -> None:
    """Larger than what is read without a place: blanks around a small request."""
    body = BODY + b" " * (3 * SMALL_BODY_BYTES)
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=60)
    connection.request("POST", PREDICT, iter([body]) if chunked else body, encode_chunked=chunked)

    assert json.loads(connection.getresponse().read()) == {"predictions": [2.5]}
    connection.close()


def test_large_bodies_are_read_only_as_there_are_places(client: Client) -> None:
    """Twelve bodies of 60 MB that never end: two are read, the others stay with their senders; small ones pass."""
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Length: 60000000\r\n\r\n".encode()
    sent: dict[socket.socket, int] = {}
    with ExitStack() as stack:
        for _ in range(12):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", client.port), timeout=30))
            connection.sendall(head)
            connection.setblocking(False)
            sent[connection] = 0
        while ready := select.select([], [one for one in sent if sent[one] < 40_000_000], [], 2.0)[1]:
            for one in ready:
                sent[one] += one.send(bytes(1 << 16))

        assert client.request("POST", PREDICT, BODY).json == {"predictions": [2.5]}
        assert sum(size >= 40_000_000 for size in sent.values()) == LARGE_BODIES
        assert sum(size < 20_000_000 for size in sent.values()) == 12 - LARGE_BODIES
    assert client.request("POST", PREDICT, BODY + b" " * 2 * SMALL_BODY_BYTES).status == 200


def test_a_body_that_does_not_arrive_is_given_up(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sender would keep a place for ever; it gets 408."""
    monkeypatch.setattr(server, "BODY_WITHIN_S", 0.2)
    with socket.create_connection(("127.0.0.1", client.port), timeout=30) as connection:
        connection.sendall(f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n{{".encode())

        assert connection.recv(4096).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("head", [b"", b"GET /v1/models/half_plus_two HTTP/1.1\r\nX-"])
def test_a_head_that_does_not_arrive_ends_the_connection(
    client: Client, monkeypatch: pytest.MonkeyPatch, head: bytes
) -> None:
    """However it drips: the limit is for the whole head."""
    monkeypatch.setattr(server, "HEAD_WITHIN_S", 0.5)
    with socket.create_connection(("127.0.0.1", client.port), timeout=30) as connection:
        connection.sendall(head)
        connection.settimeout(0.05)
        deadline = time.monotonic() + 30
        ended = False
        while not ended and time.monotonic() < deadline:
            try:
                ended = connection.recv(4096) == b""
            except TimeoutError:
                connection.send(b"x" if head else b"")
            except ConnectionError:
                ended = True

        assert ended


def test_a_head_without_end_is_refused(client: Client) -> None:
    """400 after 64 KB."""
    with socket.create_connection(("127.0.0.1", client.port), timeout=30) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n" + b"X-Filler: filler\r\n" * 6000)

        assert connection.recv(4096).startswith(b"HTTP/1.1 400 ")


def test_a_client_that_waits_for_100_continue_gets_it(client: Client) -> None:
    """curl waits with large bodies, and would lose a second."""
    with socket.create_connection(("127.0.0.1", client.port), timeout=30) as connection:
        head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(BODY)}\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 100 ")

        connection.sendall(BODY)

        assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_a_body_that_is_too_large_is_refused_unread(client: Client) -> None:
    """64 MB are allowed; one byte more is 413 before anything is read."""
    with socket.create_connection(("127.0.0.1", client.port), timeout=30) as connection:
        head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Length: {MAX_BODY_BYTES + 1}\r\n\r\n"
        connection.sendall(head.encode())

        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_a_small_body_that_unpacks_to_too_much_is_refused(client: Client) -> None:
    """A bomb of zeros must not fill the memory."""
    reply = client.request("POST", PREDICT, gzip.compress(bytes(MAX_BODY_BYTES + 1)), **{"Content-Encoding": "gzip"})

    assert reply.status == 413


def test_head_has_no_body(client: Client) -> None:
    """HEAD is a malformed request of the API; the connection stays usable."""
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=30)
    connection.request("HEAD", "/v1/models/half_plus_two")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (400, b"")

    connection.request("GET", "/v1/models/half_plus_two")
    assert connection.getresponse().status == 200
    connection.close()


def test_an_unknown_method_is_not_implemented(client: Client) -> None:
    """501 with libevent's page."""
    reply = client.request("BREW", "/v1/models/half_plus_two")

    assert reply.status == 501
    assert b"<H1>Not Implemented</H1>" in reply.body


def test_a_taken_port_is_reported_in_one_line(client: Client) -> None:
    """The message names the flag that chooses another."""
    with pytest.raises(SettingsError) as caught:
        bind("127.0.0.1", client.port)

    assert str(caught.value) == (
        f"cannot listen on port {client.port} of 127.0.0.1: it is taken; choose another with --rest_api_port"
    )


def test_a_port_that_was_taken_meanwhile_is_reported_in_one_line() -> None:
    """The address is held while the models load; another process may listen first."""
    with bind("127.0.0.1", 0) as held, bind("127.0.0.1", held.getsockname()[1]) as other:
        listen(other)

        with pytest.raises(SettingsError, match=r"cannot listen on port \d+ of 127\.0\.0\.1: it is taken"):
            listen(held)


def test_an_address_of_another_machine_is_reported_in_one_line() -> None:
    """The message has the system's reason."""
    with pytest.raises(SettingsError, match=r"cannot listen on port 0 of 192\.0\.2\.1: "):
        bind("192.0.2.1", 0)


def test_all_addresses_are_those_of_ipv4_and_ipv6() -> None:
    """Where there is IPv6, one socket takes both."""
    with bind("", 0) as held:
        port = listen(held)

        socket.create_connection(("127.0.0.1", port), timeout=30).close()
