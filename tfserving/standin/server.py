"""The life of the server: load, listen, watch, stop."""

import logging
import threading
from collections.abc import Callable, Sequence

from shared.crashes import run_again
from tfserving.errors import Code, SettingsError, StatusError
from tfserving.standin.config import ModelConfig
from tfserving.standin.engines import servable_loader
from tfserving.standin.flags import Flags
from tfserving.standin.http import RestServer, bind, listen
from tfserving.standin.rest import RestApi
from tfserving.standin.versions import Load, Models

log = logging.getLogger(__name__)

# Together less than the three seconds within which a stopped server ends.
_LAST_CALLS_S = 1.5
_LAST_ANSWERS_S = 0.5
_LOADING_ENDS_S = 0.5
_TURN_S = 0.2


def serve(
    flags: Flags, stop: threading.Event, *, load: Load | None = None, ready: Callable[[int], None] | None = None
) -> bool:
    """Serve until `stop` is set.

    Listens once every model has a version that is available, as the real server does; while a model has no version
    at all, it waits.

    Args:
        flags: what to serve, and where.
        stop: ends it.
        load: loads a version; by default into the engine of the flags.
        ready: called with the port once it listens.

    Returns:
        Whether every call and load had ended in time; if not, threads are still in TensorFlow.

    Raises:
        SettingsError: the port is taken, a label names a version that is not available yet, or a model cannot be
            loaded.
    """
    if not flags.allow_labels_for_unavailable and (mistake := check_labels(flags.models)):
        raise _cannot_start(f"{mistake} (--allow_version_labels_for_unavailable_models allows it)")
    if flags.grpc_asked_for:
        log.warning("--port: this stand-in has no gRPC")
    models = Models(flags.models, load or servable_loader(flags), max_rows=flags.max_batch_rows)
    watcher = threading.Thread(
        target=run_again,
        args=("versions", lambda: models.watch(stop, poll_wait_s=flags.poll_wait_s), stop),
        name="versions",
        daemon=True,
    )
    listener = bind(flags.rest_api_host, flags.rest_api_port)
    server = None
    watcher.start()
    try:
        _wait_for_models(models, stop)
        if not stop.is_set():
            port = listen(listener)
            api = RestApi(models, timeout_s=flags.rest_api_timeout_s)
            server = RestServer(listener, api, max_requests=flags.rest_api_num_threads)
            log.info("Exporting HTTP/REST API at:%s:%d", flags.rest_api_host or "localhost", port)
            if ready:
                ready(port)
        # In short turns: a signal that one of TensorFlow's threads received is handled when this thread wakes up.
        while not stop.wait(_TURN_S):
            pass
    finally:
        stop.set()
        log.info("stopping")
        ended = _end(server, models, watcher)
        if server is None:
            listener.close()
    return ended


def _end(server: RestServer | None, models: Models, watcher: threading.Thread) -> bool:
    """Stop everything; return whether all calls and loads ended in time."""
    if server is not None:
        server.stop()
    ended = models.close(timeout_s=_LAST_CALLS_S)
    if server is not None:
        server.join(_LAST_ANSWERS_S)
    watcher.join(_LOADING_ENDS_S)
    return ended and not watcher.is_alive()


def _wait_for_models(models: Models, stop: threading.Event) -> None:
    try:
        while models.awaited() and not stop.wait(_TURN_S):
            pass
    except StatusError as exc:
        raise _cannot_start(str(exc)) from exc


def check_labels(configs: Sequence[ModelConfig]) -> StatusError | None:
    """Return what TensorFlow Serving says about labels at its start, when no version is available yet.

    Unless --allow_version_labels_for_unavailable_models is given it does not start:
    `UpdateModelVersionLabelMap` in tensorflow_serving/model_servers/server_core.cc.
    """
    for config in configs:
        for version in config.labels.values():
            return StatusError(
                Code.FAILED_PRECONDITION,
                f"Request to assign label to version {version} of model {config.name}, "
                "which is not currently available for inference",
            )
    return None


def _cannot_start(why: str) -> SettingsError:
    return SettingsError(f"Failed to start server. Error: {why}")  # main.cc
