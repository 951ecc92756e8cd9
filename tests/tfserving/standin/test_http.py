"""The HTTP side: connections kept alive, bodies of all kinds, a port that is taken."""

import gzip
import http.client
import json
import socket

import pytest

from tests.tfserving.serving import Client
from tfserving.errors import SettingsError
from tfserving.standin.http import MAX_BODY_BYTES, RestServer
from tfserving.standin.rest import RestApi
from tfserving.standin.versions import Models

PREDICT = "/v1/models/half_plus_two:predict"
BODY = b'{"instances": [1.0]}'


def test_a_connection_is_kept_alive(client: Client) -> None:
    """Errors included: a consumer asks 25 times a second on one connection."""
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


def test_a_body_may_come_in_chunks(client: Client) -> None:
    """Clients that do not know the length beforehand send it so."""
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=30)
    connection.request("POST", PREDICT, iter([BODY[:5], BODY[5:]]), encode_chunked=True)

    answer = connection.getresponse()

    assert json.loads(answer.read()) == {"predictions": [2.5]}
    connection.close()


def test_a_body_may_be_compressed(client: Client) -> None:
    """gzip is taken there too."""
    headers = {"Content-Encoding": "gzip"}

    assert client.request("POST", PREDICT, gzip.compress(BODY), **headers).json == {"predictions": [2.5]}
    assert client.request("POST", PREDICT, b"no gzip", **headers).status == 400


def test_a_client_that_asks_before_it_sends_is_told_to_go_on(client: Client) -> None:
    """curl does so with large bodies, and would wait a second for nothing."""
    with socket.create_connection(("127.0.0.1", client.port), timeout=30) as connection:
        head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(BODY)}\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"

        connection.sendall(BODY)

        assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_a_body_that_is_too_large_is_refused_unread(client: Client) -> None:
    """64 MB go in; one byte more is 413, said before anything is read."""
    with socket.create_connection(("127.0.0.1", client.port), timeout=30) as connection:
        head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Length: {MAX_BODY_BYTES + 1}\r\n\r\n"
        connection.sendall(head.encode())

        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_a_small_body_that_unpacks_to_too_much_is_refused(client: Client) -> None:
    """A bomb of zeros must not fill the memory."""
    reply = client.request("POST", PREDICT, gzip.compress(bytes(MAX_BODY_BYTES + 1)), **{"Content-Encoding": "gzip"})

    assert reply.status == 413


def test_head_has_no_body(client: Client) -> None:
    """As a malformed request it gets its status, and the connection stays usable."""
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=30)
    connection.request("HEAD", "/v1/models/half_plus_two")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (400, b"")

    connection.request("GET", "/v1/models/half_plus_two")
    assert connection.getresponse().status == 200
    connection.close()


def test_a_method_that_http_does_not_know_is_not_implemented(client: Client) -> None:
    """501, as libevent says."""
    assert client.request("BREW", "/v1/models/half_plus_two").status == 501


def test_a_taken_port_is_said_in_one_line(client: Client) -> None:
    """With the flag that chooses another."""
    api = RestApi(Models([], lambda _path: pytest.fail("nothing to load")))

    with pytest.raises(SettingsError) as caught:
        RestServer("127.0.0.1", client.port, api, max_requests=1)

    assert str(caught.value) == (
        f"cannot listen on port {client.port} of 127.0.0.1: it is taken; choose another with --rest_api_port"
    )


def test_an_address_of_another_machine_is_said_in_one_line() -> None:
    """The system's words for it."""
    api = RestApi(Models([], lambda _path: pytest.fail("nothing to load")))

    with pytest.raises(SettingsError, match=r"cannot listen on port 0 of 192\.0\.2\.1: "):
        RestServer("192.0.2.1", 0, api, max_requests=1)
