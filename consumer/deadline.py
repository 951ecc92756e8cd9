"""HTTP whose timeout limits the whole exchange, however slowly the bytes of an answer arrive.

The timeouts of urllib3 limit each wait for bytes and not their sum: a server that sends a byte now and then, in the
head or in the body, would hold its caller for ever. Here every read gets the rest of the time.

urllib3 is used without requests, which took a third of the CPU time of a request.
"""

import io
import socket
import time
from collections.abc import Mapping
from functools import lru_cache, partial
from http.client import HTTPResponse
from typing import Any, Self
from urllib.parse import unquote

import certifi
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, PoolManager, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import make_headers, parse_url

ACCEPTED = {"accept": "*/*", "accept-encoding": "gzip, deflate"}


class HttpSession:
    """Connections to the cluster's own services: no proxy of the environment, and no redirection. Thread-safe."""

    def __init__(self, *, authorities: str | None = None) -> None:
        """Prepare; nothing is asked yet.

        Args:
            authorities: PEM file against which certificates are verified; None: those of the web.
        """
        self._pools = PoolManager(cert_reqs="CERT_REQUIRED", ca_certs=authorities or certifi.where())
        self._pools.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def request(
        self,
        method: str,
        url: str,
        *,
        timeout_s: float,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> BaseHTTPResponse:
        """Return an answer whose body has not been read; close it.

        Args:
            method: such as GET.
            url: whole address; name and password in it are sent as basic authentication (RFC 7617).
            timeout_s: longest time until the end of the answer.
            body: of the request.
            headers: of the request.

        Raises:
            urllib3.exceptions.HTTPError: there is no answer, or it breaks HTTP.
        """
        return self._pools.urlopen(
            method,
            url,
            body=body,
            headers={**ACCEPTED, **_authorization(url), **(headers or {})},
            timeout=Timeout(total=timeout_s),
            retries=False,
            redirect=False,
            preload_content=False,
        )

    def close(self) -> None:
        """Close the connections."""
        self._pools.clear()

    def __enter__(self) -> Self:
        """Return the session itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()


@lru_cache(maxsize=64)
def _authorization(url: str) -> Mapping[str, str]:
    auth = parse_url(url).auth
    return make_headers(basic_auth=unquote(auth)) if auth else {}


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
