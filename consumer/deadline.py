"""An HTTP session whose `timeout` limits the whole exchange, however slowly the bytes of an answer arrive.

The timeouts of requests and urllib3 limit each wait for bytes and not their sum: a server that sends a byte now and
then, in the head or in the body, would hold its caller for ever. Here every read gets the rest of the time.
"""

import io
import socket
import time
from functools import partial
from http.client import HTTPResponse
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection


def session() -> requests.Session:
    """Return a session for the cluster's own services: no proxy of the environment, and no redirection."""
    opened = _Session()
    opened.trust_env = False
    for scheme in ("http://", "https://"):
        opened.mount(scheme, _Adapter())
    return opened


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002
        """Follow nothing; requests reads `Location` even with `allow_redirects=False`, and fails on malformed ones."""
        return


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        options["timeout"] = Timeout(total=options["timeout"])
        return super().send(request, **options)


class _InTime(HTTPConnection):
    """A connection whose answers end with the time that was left when the request had been sent."""

    def getresponse(self) -> Any:
        if self.timeout is not None:  # what is left of the total, as urllib3 computes it
            self.response_class = partial(_response, deadline=time.monotonic() + self.timeout)  # type: ignore[assignment]
        return super().getresponse()


class _TlsInTime(_InTime, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _InTime


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsInTime


def _response(sock: socket.socket, *args: Any, deadline: float, **kwargs: Any) -> HTTPResponse:
    return HTTPResponse(_Bytes(sock, deadline), *args, **kwargs)  # type: ignore[arg-type]


class _Bytes(io.RawIOBase):
    """The bytes from a socket until a deadline; http.client's response uses nothing but `makefile` of a socket."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock, self._deadline = sock, deadline
        self._raw = sock.makefile("rb", buffering=0)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left_s = self._deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the time for the whole answer is over")
        self._sock.settimeout(left_s)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
