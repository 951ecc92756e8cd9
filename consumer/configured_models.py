"""The models as they are configured now: by MODELSFILE, which is watched, or by MODELURLS and LABELURLS, which stay."""

import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from prometheus_client import Gauge

from consumer.kinds import default_labels, kind_names
from consumer.labels import LabelsUnavailable, is_remote, place_of, read_labels
from consumer.model_set import Model
from consumer.model_spec import ModelSpec
from consumer.models_document import ModelsDocument
from consumer.settings import ConsumerSettings
from shared.document import WatchedDocument
from shared.errors import DocumentError, SettingsError

VARIABLE = "MODELSFILE"


class ConfiguredModels:
    """Follows what is configured. `run` is for one thread, the rest for any."""

    def __init__(self, settings: ConsumerSettings, *, valid: Gauge) -> None:
        """Read what is configured.

        Args:
            settings: the models, or where the document is.
            valid: the metric of the document.

        Raises:
            SettingsError: the document or a file of labels cannot be read, or is wrong.
        """
        self._checked: list[Model] = []
        self.models: list[Model] = []
        self._document: WatchedDocument[ModelsDocument] | None = None
        if settings.models_file:
            self._document = WatchedDocument(
                Path(settings.models_file),
                ModelsDocument,
                variable=VARIABLE,
                valid=valid,
                check=self._check,
                also=_label_files,
            )
            self.models = self._checked
        else:
            self.models = [_short(spec) for spec in settings.specs().values()]

    def run(self, stop: threading.Event, beat: Callable[[], None], apply: Callable[[list[Model]], None]) -> None:
        """Apply the models, and again whenever they change, until `stop`."""
        apply(self.models)
        if self._document is None:
            while not stop.wait(1.0):
                beat()
            return

        def change(_: ModelsDocument) -> None:
            self.models = self._checked
            apply(self.models)

        self._document.run(stop, beat, change)

    def mistakes(self) -> dict[str, str]:
        """Return what is wrong with the newest text of the document, by the setting that names it."""
        error = None if self._document is None else self._document.error
        return {} if error is None else {VARIABLE: error}

    def readiness(self) -> dict[str, str]:
        """Return the document's entry in /readyz, if there is one."""
        return {} if self._document is None else {VARIABLE: self._document.readiness()}

    def _check(self, document: ModelsDocument) -> None:
        """Refuse kinds that do not exist and labels that cannot be read; keep what was read."""
        models, mistakes = [], []
        for name, spec in document.specs().items():
            if spec.kind not in kind_names():
                mistakes.append(f"models.{name}.kind: got {spec.kind!r}; allowed: {', '.join(sorted(kind_names()))}")
                continue
            try:
                models.append(Model(spec, labels_of(spec)))
            except LabelsUnavailable as exc:
                mistakes.append(f"models.{name}.labels: {exc}")
        if mistakes:
            raise DocumentError(mistakes)
        self._checked = models


def labels_of(spec: ModelSpec) -> Mapping[int, str] | None:
    """Return the labels of a model by class; None if they are on the network, where they may be available later.

    Raises:
        LabelsUnavailable: a file of labels cannot be read.
    """
    labels = default_labels(spec.kind) if spec.labels is None else spec.labels
    if not isinstance(labels, str):
        return MappingProxyType(dict(labels))
    where = place_of(labels)
    return None if is_remote(where) else read_labels(where)


def _short(spec: ModelSpec) -> Model:
    try:
        return Model(spec, labels_of(spec))
    except LabelsUnavailable as exc:
        raise SettingsError([f"LABELURLS[{spec.name}]: {exc}"]) from exc


def _label_files(document: ModelsDocument) -> Iterable[Path]:
    """Return the files of labels that a document names: a change of one counts as a change of the document."""
    for model in document.models.values():
        if isinstance(model.labels, str) and not is_remote(place_of(model.labels)):
            yield Path(place_of(model.labels))
