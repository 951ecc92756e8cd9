"""Runs uvicorn as one of the service's worker loops, on a listening socket of its own."""

import logging
import socket
import ssl
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import uvicorn
from starlette.types import ASGIApp

from shared import sockets
from shared.go_notation import Address
from video.client_address import ClientAddresses
from video.connection import Connection, ConnectionLimits
from video.viewer_connection import STALLED_AFTER_S
from video.websocket_connection import WebSocketConnection
from video.websocket_messages import MAX_MESSAGE_BYTES

MakeApp: TypeAlias = Callable[[Callable[[], None], Callable[[BaseException], None]], ASGIApp]

BACKLOG = 1024
UNSENT_BYTES = 128 * 1024  # that the kernel queues beyond what is on the wire: a picture gets old there
END_WITHIN_S = 1  # streams end by themselves; this is for viewers that do not read
CONNECTIONS_PER_VIEWER = 2  # so that requests other than streams find a place
SPARE_CONNECTIONS = 100


def listen(address: Address) -> socket.socket:
    """Return a listening socket; what is set here, accepted sockets inherit.

    Raises:
        SettingsError: the port is taken, or needs privileges that this user lacks.
    """
    listener = sockets.listen(address, variable="DISPLAYPORT", backlog=BACKLOG)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in {
        "TCP_NOTSENT_LOWAT": UNSENT_BYTES,
        "TCP_USER_TIMEOUT": int(STALLED_AFTER_S * 1000),
        "TCP_KEEPIDLE": 10,
        "TCP_KEEPINTVL": 5,
        "TCP_KEEPCNT": 4,
    }.items():
        if hasattr(socket, name):  # Linux has them all
            listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return listener


class WebServer:
    """The loop of the service that serves HTTP."""

    def __init__(
        self,
        address: Address,
        make_app: MakeApp,
        *,
        max_viewers: int,
        addresses: ClientAddresses | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Bind the port.

        Args:
            address: to listen on.
            make_app: builds the application, given a function to call each time its loop turns and one to call with
                the exception when it fails.
            max_viewers: streams and WebSockets at a time.
            addresses: tells clients apart.
            tls: for HTTPS; None for HTTP.

        Raises:
            SettingsError: the port cannot be bound.
        """
        self._listener: socket.socket | None = listen(address)
        self._make_app = make_app
        self._max_connections = CONNECTIONS_PER_VIEWER * max_viewers + SPARE_CONNECTIONS
        self._addresses = addresses or ClientAddresses()
        self._tls = tls
        self.port = int(self._listener.getsockname()[1])
        self._address = Address(address.host, self.port)
        self._server: uvicorn.Server | None = None

    def serving(self) -> bool:
        """Return whether requests are answered."""
        return self._server is not None and self._server.started and not self._server.should_exit

    def run(self, stop: threading.Event, beat: Callable[[], None]) -> None:
        """Serve until `end`; raise what fails in the background."""
        listener = self._listener or listen(self._address)  # after a crash uvicorn has closed the first
        self._listener = None
        limits = ConnectionLimits(self._max_connections, self._addresses)
        config: dict[str, Any] = {
            "loop": "video.event_loop:EventLoop",
            "http": partial(Connection, limits),
            "ws": WebSocketConnection,
            "ws_max_size": MAX_MESSAGE_BYTES,
            "ws_per_message_deflate": False,
            "lifespan": "on",
            "log_config": None,
            "access_log": False,
            "server_header": False,
            "proxy_headers": False,
            "backlog": BACKLOG,
            "timeout_graceful_shutdown": END_WITHIN_S,
        }
        if self._tls is not None:
            context = self._tls
            config["ssl_context_factory"] = lambda *_: context
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
        failures: list[BaseException] = []

        def crashed(failure: BaseException) -> None:
            failures.append(failure)
            self.end()

        self._server = uvicorn.Server(uvicorn.Config(self._make_app(beat, crashed), **config))
        try:
            if not stop.is_set():
                self._server.run(sockets=[listener])
        except SystemExit as exc:  # uvicorn exits if the lifespan does not start
            raise RuntimeError("the web server did not start") from exc
        finally:
            listener.close()
            self._server = None
        if failures:
            raise failures[0]

    def end(self) -> None:
        """Ask the server to end; the application ends the streams."""
        if self._server is not None:
            self._server.should_exit = True
