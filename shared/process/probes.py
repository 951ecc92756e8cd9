"""Health, readiness and metrics of a service, on a port of their own: for the cluster, not for viewers."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from shared import sockets
from shared.go_notation import Address
from shared.hosts import is_loopback
from shared.process.probe_server import Answer, AnswerParts, ProbeServer, json_answer

log = logging.getLogger(__name__)

LOOK_FOR_END_S = 0.1
BACKLOG = 64
STUCK_AFTER_S = 15.0  # a loop without a beat for that long hangs; every wait inside a loop is far shorter


class Pulse:
    """Shows that loops are alive. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._turned_at: dict[str, float] = {}

    def beat(self, loop: str) -> None:
        """Note that a loop has begun another round."""
        self._turned_at[loop] = self._clock()

    def end(self, loop: str) -> None:
        """Expect no more beats of a loop."""
        self._turned_at.pop(loop, None)

    def stuck(self) -> dict[str, float]:
        """Return the loops that hang, with the seconds since the last beat of each."""
        now = self._clock()
        return {loop: now - at for loop, at in list(self._turned_at.items()) if now - at > STUCK_AFTER_S}


@dataclass(frozen=True, slots=True)
class Readiness:
    """Answer of /readyz: each part with `ok` or what is missing; `ready` says whether to send requests here."""

    ready: bool
    parts: Mapping[str, str]

    def as_json(self) -> dict[str, str]:
        """Return the parts, after a `status` of the whole: ready, degraded or not ready."""
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

        Args:
            address: where to listen. On a loopback address, only requests whose Host is a loopback name or address are
                answered: a web page could otherwise read the probes through a name of its own (DNS rebinding).
            registry: of the metrics.
            pulse: of the service's loops.
            readiness: returns the answer of /readyz.

        Raises:
            SettingsError: the port is taken or not allowed.
        """
        answers: dict[str, Answer] = {
            "/healthz": lambda _: _health(pulse),
            "/readyz": lambda _: _ready(readiness()),
            "/metrics": lambda accept: _metrics(registry, accept),
        }
        listener = sockets.listen(address, variable="PROBEPORT", backlog=BACKLOG)
        self._server = ProbeServer(listener, answers, loopback_only=is_loopback(address.host))
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(LOOK_FOR_END_S,), name="probes", daemon=True
        )

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Start answering."""
        self._thread.start()
        log.info("probes listen", extra={"port": self.port})

    def close(self) -> None:
        """Stop answering and release the port."""
        if self._thread.is_alive():  # otherwise `shutdown` would wait for ever
            self._server.shutdown()
        self._server.server_close()


def _health(pulse: Pulse) -> AnswerParts:
    stuck = {loop: f"has not turned for {seconds:.0f} s" for loop, seconds in pulse.stuck().items()}
    return json_answer(503 if stuck else 200, {"status": "stuck" if stuck else "alive", **stuck})


def _ready(readiness: Readiness) -> AnswerParts:
    return json_answer(200 if readiness.ready else 503, readiness.as_json())


def _metrics(registry: CollectorRegistry, accept: str) -> AnswerParts:
    encode, content_type = choose_encoder(accept)
    return 200, content_type, encode(registry)
