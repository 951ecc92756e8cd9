"""The server's life: listen, load, watch, stop."""

import logging
import threading
from collections.abc import Callable

from shared.crashes import run_again
from tfserving.errors import SettingsError
from tfserving.standin.flags import Flags
from tfserving.standin.http import RestServer
from tfserving.standin.rest import RestApi
from tfserving.standin.servable import Servable
from tfserving.standin.versions import Load, Models, check_labels

log = logging.getLogger(__name__)

# Together below the three seconds in which a stopped server is gone.
_LAST_CALLS_S = 1.5
_LOADING_ENDS_S = 0.5
_LOOK_FOR_END_S = 0.2


def servable_loader(flags: Flags) -> Load:
    """Make the function that loads a version's folder with the threads that the flags allow."""
    return lambda path: Servable(path, intra_op_threads=flags.intra_op_threads, inter_op_threads=flags.inter_op_threads)


def serve(
    flags: Flags, stop: threading.Event, *, load: Load | None = None, ready: Callable[[int], None] | None = None
) -> bool:
    """Serve until `stop` is set.

    Listens at once: while the first versions load, their state is LOADING and predictions get 404, as from
    the real server for a model that is being added.

    Args:
        flags: what to serve, and where.
        stop: ends it.
        load: loads a version; by default a SavedModel into TensorFlow.
        ready: called with the port when it listens.

    Returns:
        Whether every call and load had ended in time; if not, threads are still in TensorFlow.

    Raises:
        SettingsError: the port is taken, or a label names a version that is not there yet.
    """
    if not flags.allow_labels_for_unavailable and (mistake := check_labels(flags.models)):
        raise SettingsError(
            f"Failed to start server. Error: {mistake} (--allow_version_labels_for_unavailable_models allows it)"
        )
    models = Models(flags.models, load or servable_loader(flags), max_rows=flags.max_batch_rows)
    api = RestApi(models, timeout_s=flags.rest_api_timeout_s)
    server = RestServer(flags.rest_api_host, flags.rest_api_port, api, max_requests=flags.rest_api_num_threads)

    def watch() -> None:
        models.watch(stop, poll_wait_s=flags.poll_wait_s)

    watcher = threading.Thread(target=run_again, args=("versions", watch, stop), name="versions", daemon=True)
    listener = threading.Thread(target=server.serve_forever, args=(0.1,), name="http", daemon=True)
    if flags.grpc_asked_for:
        log.warning("--port: this stand-in has no gRPC")
    log.info("Exporting HTTP/REST API at:%s:%d", flags.rest_api_host or "localhost", server.port)
    models.look()
    listener.start()
    watcher.start()
    if ready:
        ready(server.port)
    # In short turns: a signal that one of TensorFlow's own threads received is handled only when this one wakes up.
    while not stop.wait(_LOOK_FOR_END_S):
        pass
    log.info("stopping")
    server.shutdown()
    server.server_close()
    ended = models.close(timeout_s=_LAST_CALLS_S)
    watcher.join(_LOADING_ENDS_S)
    return ended and not watcher.is_alive()
