"""Asks each model's server every few seconds which version it serves."""

import threading
from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

from consumer.model_spec import ModelSpec
from consumer.servers.server import ModelServer
from shared.errors import ServingError

EVERY_S = 5.0

Connect: TypeAlias = Callable[[ModelSpec], ModelServer]


class Versioned(Protocol):
    """A model that learns its version (`consumer.predictor.Predictor`)."""

    spec: ModelSpec

    def learned_version(self, version: str | None) -> None:
        """Record the version that the server says it serves; None if it is unknown."""
        ...


def watch_versions(
    models: Callable[[], Mapping[str, Versioned]],
    connect: Connect,
    stop: threading.Event,
    beat: Callable[[], None],
    *,
    every_s: float = EVERY_S,
) -> None:
    """Report each model's version to it until `stop`.

    Args:
        models: returns the models of now.
        connect: returns a client of a model.
        stop: ends the loop.
        beat: called in each round.
        every_s: seconds between two rounds.
    """
    servers: dict[Versioned, ModelServer] = {}
    try:
        while not stop.is_set():
            beat()
            current = list(models().values())
            for gone in servers.keys() - set(current):
                servers.pop(gone).close()
            for model in current:
                if stop.is_set():
                    break
                if model not in servers:
                    servers[model] = connect(model.spec)
                model.learned_version(_version(servers[model]))
                beat()
            stop.wait(every_s)
    finally:
        for server in servers.values():
            server.close()


def _version(server: ModelServer) -> str | None:
    try:
        return server.version()
    except ServingError:
        return None
