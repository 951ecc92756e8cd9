"""Which versions of which models are loaded: hot reload without a gap.

A newer version is loaded and warmed up before an older one goes; one that cannot be loaded leaves the
older one serving. After tensorflow_serving/core/availability_preserving_policy.cc and
sources/storage_path/file_system_storage_path_source.cc.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from tfserving.errors import Code, StatusError, invalid_argument, not_found
from tfserving.layout import version_folders
from tfserving.standin.batcher import DEFAULT_MAX_ROWS, Batcher, BatcherClosed
from tfserving.standin.config import ModelConfig
from tfserving.standin.signatures import Signature, Tensors

log = logging.getLogger(__name__)


class State(Enum):
    """`ModelVersionStatus.State` in tensorflow_serving/apis/get_model_status.proto."""

    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


@dataclass(frozen=True)
class VersionStatus:
    """What is known of one version; `error` is why it is not served, if that is a mistake."""

    version: int
    state: State
    error: StatusError | None = None


class Loaded(Protocol):
    """What a loaded version can do (`tfserving.standin.servable.Servable`)."""

    signatures: dict[str, Signature]

    def metadata(self) -> dict[str, Any]:
        """Write the signatures as JSON."""

    def run(self, signature: str, inputs: Tensors) -> Tensors:
        """Run the model."""

    def warm_up(self) -> None:
        """Run it once."""

    def close(self) -> None:
        """Free what it holds."""


Load = Callable[[Path], Loaded]


@dataclass(frozen=True)
class Serving:
    """A version that answers requests."""

    version: int
    loaded: Loaded
    batcher: Batcher


@dataclass(frozen=True)
class Request:
    """Which model is meant: by version, by label, or the latest."""

    model: str
    version: int | None = None
    label: str | None = None


class _Model:
    def __init__(self, config: ModelConfig) -> None:
        self.config = config
        self.statuses: dict[int, VersionStatus] = {}
        self.serving: dict[int, Serving] = {}
        self.failed_as: dict[int, object] = {}  # what the folder was like when its version failed
        self.found_none = False


class Models:
    """All models of the server.

    Args:
        configs: the models.
        load: loads the SavedModel in a folder; raises StatusError.
        max_rows: upper limit for the rows of a batch.
    """

    def __init__(self, configs: Sequence[ModelConfig], load: Load, *, max_rows: int = DEFAULT_MAX_ROWS) -> None:
        self._models = {config.name: _Model(config) for config in configs}
        self._load = load
        self._max_rows = max_rows
        self._lock = threading.Lock()  # for statuses and serving; loading happens outside of it

    def watch(self, stop: threading.Event, *, poll_wait_s: float) -> None:
        """Look for new versions until `stop` is set; with `poll_wait_s` 0 only once."""
        while not stop.is_set():
            self.poll(stop)
            if stop.wait(poll_wait_s or None):
                return

    def look(self) -> None:
        """Make the versions known that are there, without loading any."""
        for model in self._models.values():
            self._plan(model)

    def poll(self, stop: threading.Event | None = None) -> None:
        """Look once: load what is new, then let go of what is no longer wanted."""
        plans = [(model, self._plan(model)) for model in self._models.values()]
        for model, wanted in plans:
            if wanted is None:
                continue
            for version, folder in sorted(wanted.items(), reverse=True):
                if stop is not None and stop.is_set():
                    return
                self._bring_up(model, version, folder)
            self._let_go(model, set(wanted))

    def statuses(self, request: Request) -> list[VersionStatus]:
        """List the versions of a model, newest first.

        Source: tensorflow_serving/model_servers/get_model_status_impl.cc (a label is not looked at).

        Raises:
            StatusError: NOT_FOUND: there is no such model or version.
        """
        with self._lock:
            model = self._models.get(request.model)
            known = dict(model.statuses) if model else {}
        if request.version is not None:
            if request.version not in known:
                raise not_found(f"Could not find version {request.version} of model {request.model}")
            return [known[request.version]]
        if not known:
            raise not_found(f"Could not find any versions of model {request.model}")
        return [known[version] for version in sorted(known, reverse=True)]

    def find(self, request: Request) -> Serving:
        """Find the version that is meant and served.

        Raises:
            StatusError: NOT_FOUND: it is not served (`Servable not found for request: Latest(tfModel)`);
                INVALID_ARGUMENT: there is no such label.
        """
        version = request.version
        with self._lock:
            model = self._models.get(request.model)
            if request.label is not None:
                labels = model.config.labels if model else {}
                if request.label not in labels:  # ServerCore::GetModelVersionForLabel
                    raise invalid_argument(f"Unrecognized servable version label: {request.label}")
                version = labels[request.label]
            serving = model.serving if model else {}
            chosen = max(serving, default=None) if version is None else version
            if chosen is None or chosen not in serving:
                # ServableRequest::DebugString
                asked = f"Latest({request.model})" if version is None else f"Specific({request.model}, {version})"
                raise not_found(f"Servable not found for request: {asked}")
            return serving[chosen]

    def submit(self, request: Request, signature: str, inputs: Tensors) -> "Future[Tensors]":
        """Ask the version that is meant for one call.

        Raises:
            StatusError: as in `find`.
        """
        while True:
            try:
                return self.find(request).batcher.submit(signature, inputs)
            except BatcherClosed:
                # Unloaded since it was found; it is out of the table by now.
                continue

    def close(self, *, timeout_s: float) -> bool:
        """Unload everything; tell whether all calls ended in time."""
        until = time.monotonic() + timeout_s
        with self._lock:
            everything = [one for model in self._models.values() for one in model.serving.values()]
            for model in self._models.values():
                model.serving = {}
        ended = [one.batcher.close(timeout_s=max(0.0, until - time.monotonic())) for one in everything]
        return all(ended)

    def _plan(self, model: _Model) -> dict[int, Path] | None:
        """Choose the versions to be served and make those known that are new; None: cannot tell now."""
        base = model.config.base_path
        try:
            there = version_folders(base)
        except OSError as exc:
            log.warning("%s: cannot look into %s: %s", model.config.name, base, exc.strerror)
            return None
        wanted = {version: there[version] for version in model.config.policy.choose(list(there))}
        if not there and not model.found_none:
            log.warning(
                "%s: no versions found under %s; waiting for a folder named by a number", model.config.name, base
            )
        model.found_none = not there
        with self._lock:
            for version, folder in wanted.items():
                if version not in model.statuses or self._try_again(model, version, folder):
                    model.statuses[version] = VersionStatus(version, State.START)
        return wanted

    def _try_again(self, model: _Model, version: int, folder: Path) -> bool:
        # What could not be loaded is not tried again before something in its folder has changed.
        ended = model.statuses[version].state is State.END
        return ended and model.failed_as.get(version) != _looks(folder)

    def _bring_up(self, model: _Model, version: int, folder: Path) -> None:
        if model.statuses[version].state is not State.START:
            return
        name = model.config.name
        looks = _looks(folder)
        self._set(model, VersionStatus(version, State.LOADING))
        began = time.monotonic()
        log.info("%s: loading version %d from %s", name, version, folder)
        try:
            loaded = self._load(folder)
        except StatusError as exc:
            model.failed_as[version] = looks
            self._set(model, VersionStatus(version, State.END, exc))
            log.error("%s: version %d cannot be loaded: %s", name, version, exc)  # noqa: TRY400 - the message says it
            return
        loaded.warm_up()
        batcher = Batcher(loaded.run, loaded.signatures, max_rows=self._max_rows)
        with self._lock:
            model.serving[version] = Serving(version, loaded, batcher)
            model.statuses[version] = VersionStatus(version, State.AVAILABLE)
        model.failed_as.pop(version, None)
        log.info("%s: version %d is available, after %.1f s", name, version, time.monotonic() - began)

    def _let_go(self, model: _Model, wanted: set[int]) -> None:
        served = set(model.serving)
        unwanted = served - wanted
        if wanted and not wanted & served and unwanted:
            # None of those wanted works: the newest of the others goes on.
            unwanted.remove(max(unwanted))
        for version in sorted(unwanted):
            with self._lock:
                serving = model.serving.pop(version)
                model.statuses[version] = VersionStatus(version, State.UNLOADING)
            serving.batcher.close()
            serving.loaded.close()
            # A version that comes back later is loaded like a new one.
            model.failed_as[version] = None
            self._set(model, VersionStatus(version, State.END))
            log.info("%s: version %d is unloaded", model.config.name, version)

    def _set(self, model: _Model, status: VersionStatus) -> None:
        with self._lock:
            model.statuses[status.version] = replace(status)


def check_labels(configs: Sequence[ModelConfig]) -> StatusError | None:
    """Say what TensorFlow Serving says of labels at its start, when no version is available yet.

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


def _looks(folder: Path) -> object:
    """Tell a folder's state by its files' times and sizes, so that a mended one is tried again."""
    try:
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        return [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in files]
    except OSError:
        return None
