"""Health, readiness and metrics of a service, on a port of their own: for the cluster, never for viewers."""

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from shared import sockets
from shared.go_notation import Address

log = logging.getLogger(__name__)

LOOK_FOR_END_S = 0.1
BACKLOG = 64
STUCK_AFTER_S = 15.0  # a loop that has not turned for so long hangs; every wait inside a loop is far shorter


class Pulse:
    """Shows that loops turn; safe for several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._turned_at: dict[str, float] = {}

    def beat(self, loop: str) -> None:
        """Note that a loop has turned."""
        self._turned_at[loop] = self._clock()

    def end(self, loop: str) -> None:
        """Expect no more of a loop that has ended as it should."""
        self._turned_at.pop(loop, None)

    def stuck(self) -> dict[str, float]:
        """Return the loops that hang, with the seconds since each turned."""
        now = self._clock()
        return {loop: now - at for loop, at in list(self._turned_at.items()) if now - at > STUCK_AFTER_S}


@dataclass(frozen=True, slots=True)
class Readiness:
    """Answer of /readyz: every part with `ok` or what is missing; ready says whether requests help."""

    ready: bool
    parts: Mapping[str, str]

    def as_json(self) -> dict[str, str]:
        """Return the parts, with the whole's `status` first: ready, degraded or not ready."""
        whole = "ready" if all(state == "ok" for state in self.parts.values()) else "degraded"
        return {"status": whole if self.ready else "not ready", **self.parts}


ReadinessCheck: TypeAlias = Callable[[], Readiness]


class Probes:
    """Serves /healthz, /readyz and /metrics in a thread of its own."""

    def __init__(
        self,
        address: Address,
        *,
        registry: CollectorRegistry,
        pulse: Pulse,
        readiness: ReadinessCheck,
    ) -> None:
        """Bind the port; `start` begins to answer.

        Raises:
            SettingsError: the port is taken, or not ours to take.
        """

        class Handler(_Handler):
            answers: Mapping[str, Callable[[str], tuple[int, str, bytes]]] = {
                "/healthz": lambda _: _health(pulse),
                "/readyz": lambda _: _ready(readiness()),
                "/metrics": lambda accept: _metrics(registry, accept),
            }

        self._server = _Server(sockets.listen(address, variable="PROBEPORT", backlog=BACKLOG), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(LOOK_FOR_END_S,), name="probes", daemon=True
        )

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()
        log.info("probes listen", extra={"port": self.port})

    def close(self) -> None:
        """Stop to answer, and free the port."""
        if self._thread.is_alive():  # else `shutdown` would wait for ever
            self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, listener: socket.socket, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(listener.getsockname(), handler, bind_and_activate=False)
        self.socket.close()  # made by the base class
        self.socket = listener
        self.server_address = listener.getsockname()

    def handle_error(self, _request: object, client_address: object) -> None:
        """Log what a handler raised: a client that went away is nobody's mistake."""
        log.debug("probe not answered", extra={"client": str(client_address)}, exc_info=True)


def _health(pulse: Pulse) -> tuple[int, str, bytes]:
    stuck = {loop: f"has not turned for {seconds:.0f} s" for loop, seconds in pulse.stuck().items()}
    return _json(503 if stuck else 200, {"status": "stuck" if stuck else "alive", **stuck})


def _ready(readiness: Readiness) -> tuple[int, str, bytes]:
    return _json(200 if readiness.ready else 503, readiness.as_json())


def _metrics(registry: CollectorRegistry, accept: str) -> tuple[int, str, bytes]:
    encode, content_type = choose_encoder(accept)
    return 200, content_type, encode(registry)


def _json(status: int, document: dict[str, Any]) -> tuple[int, str, bytes]:
    return status, "application/json", json.dumps(document).encode() + b"\n"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave together; else the second waits for a delayed acknowledgement
    timeout = 10  # a client that says nothing holds a thread no longer
    answers: Mapping[str, Callable[[str], tuple[int, str, bytes]]]

    def do_GET(self) -> None:
        answer = self.answers.get(self.path.partition("?")[0])
        if answer is None:
            status, content_type, body = _json(404, {"error": "unknown path", "paths": sorted(self.answers)})
        else:
            try:
                status, content_type, body = answer(self.headers.get("Accept", ""))
            except Exception:
                log.exception("a probe failed", extra={"path": self.path})
                status, content_type, body = _json(500, {"error": "the probe itself failed, see the log"})
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - the base class calls it so

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: probes come every few seconds."""
