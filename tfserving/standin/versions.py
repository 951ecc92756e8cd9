"""Which versions of which models are loaded: hot reload without a gap.

A newer version is loaded and warmed up before an older one is unloaded; if it cannot be loaded, the older one
continues to serve. After tensorflow_serving/core/availability_preserving_policy.cc and
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
    """The state of one version; `error` says why it cannot be served."""

    version: int
    state: State
    error: StatusError | None = None


class Loaded(Protocol):
    """A loaded version (`tfserving.standin.servable.Servable`)."""

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
    """The model that a request names: by version, by label, or the latest."""

    model: str
    version: int | None = None
    label: str | None = None


class _Model:
    def __init__(self, config: ModelConfig) -> None:
        self.config = config
        self.statuses: dict[int, VersionStatus] = {}
        self.serving: dict[int, Serving] = {}
        self.failed_as: dict[int, object] = {}  # state of the folder when its version failed
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
        self._lock = threading.Lock()  # for statuses and serving; not held while loading

    def watch(self, stop: threading.Event, *, poll_wait_s: float) -> None:
        """Look for new versions until `stop` is set; only once if `poll_wait_s` is 0."""
        while not stop.is_set():
            self.poll(stop)
            if stop.wait(poll_wait_s or None):
                return

    def awaited(self) -> list[str]:
        """Return the names of the models of which no version has become available yet.

        Raises:
            StatusError: UNKNOWN: the versions of a model that were to be served cannot be loaded, none of them;
                `ServerCore::WaitUntilModelsAvailable` in tensorflow_serving/model_servers/server_core.cc.
        """
        awaited, failed = [], []
        with self._lock:
            for name, model in self._models.items():
                states = {status.state for status in model.statuses.values()}
                if model.serving:
                    continue
                awaited.append(name)
                if states == {State.END}:
                    failed += [(name, status) for status in model.statuses.values()]
        if failed:
            texts = (f"{{{{name: {name} version: {one.version}}} due to error: {one.error}}}, " for name, one in failed)
            raise StatusError(Code.UNKNOWN, f"{len(failed)} servable(s) did not become available: {{{''.join(texts)}}}")
        return awaited

    def poll(self, stop: threading.Event | None = None) -> None:
        """Look once: load new versions, then unload those that are no longer wanted."""
        plans = [(model, self._plan(model)) for model in self._models.values()]
        for model, wanted in plans:
            if wanted is None:
                continue
            for version, folder in sorted(wanted.items(), reverse=True):
                if stop is not None and stop.is_set():
                    return
                self._bring_up(model, version, folder)
            self._unload(model, set(wanted))

    def statuses(self, request: Request) -> list[VersionStatus]:
        """List the versions of a model, newest first.

        Source: tensorflow_serving/model_servers/get_model_status_impl.cc (labels are ignored).

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
        """Return the served version that a request names.

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
        """Submit one call to the version that a request names.

        Raises:
            StatusError: as in `find`.
        """
        while True:
            try:
                return self.find(request).batcher.submit(signature, inputs)
            except BatcherClosed:
                # Unloaded since it was found; it is no longer in the table.
                continue

    def close(self, *, timeout_s: float) -> bool:
        """Unload everything; return whether all calls ended in time."""
        until = time.monotonic() + timeout_s
        with self._lock:
            everything = [one for model in self._models.values() for one in model.serving.values()]
            for model in self._models.values():
                model.serving = {}
        ended = [one.batcher.close(timeout_s=max(0.0, until - time.monotonic())) for one in everything]
        return all(ended)

    def _plan(self, model: _Model) -> dict[int, Path] | None:
        """Return the versions to serve and add new ones to the statuses; None if the folder cannot be read now."""
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
                if version not in model.statuses or self._may_retry(model, version, folder):
                    model.statuses[version] = VersionStatus(version, State.START)
        return wanted

    def _may_retry(self, model: _Model, version: int, folder: Path) -> bool:
        # Loading is tried again only after something in the folder has changed.
        ended = model.statuses[version].state is State.END
        return ended and model.failed_as.get(version) != _state_of(folder)

    def _bring_up(self, model: _Model, version: int, folder: Path) -> None:
        if model.statuses[version].state is not State.START:
            return
        name = model.config.name
        state = _state_of(folder)
        self._set(model, VersionStatus(version, State.LOADING))
        began = time.monotonic()
        log.info("%s: loading version %d from %s", name, version, folder)
        try:
            loaded = self._load(folder)
        except StatusError as exc:
            model.failed_as[version] = state
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

    def _unload(self, model: _Model, wanted: set[int]) -> None:
        served = set(model.serving)
        unwanted = served - wanted
        if wanted and not wanted & served and unwanted:
            # None of the wanted versions works: the newest other one continues.
            unwanted.remove(max(unwanted))
        for version in sorted(unwanted):
            with self._lock:
                serving = model.serving.pop(version)
                model.statuses[version] = VersionStatus(version, State.UNLOADING)
            serving.batcher.close()
            serving.loaded.close()
            # A version that returns later is loaded like a new one.
            model.failed_as[version] = None
            self._set(model, VersionStatus(version, State.END))
            log.info("%s: version %d is unloaded", model.config.name, version)

    def _set(self, model: _Model, status: VersionStatus) -> None:
        with self._lock:
            model.statuses[status.version] = replace(status)


def _state_of(folder: Path) -> object:
    """Return the state of a folder, its files' times and sizes, so that a repaired one is tried again."""
    try:
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        return [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in files]
    except OSError:
        return None
