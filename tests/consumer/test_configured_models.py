"""Where the models come from: the document, which is watched, or the short form."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from consumer.configured_models import ConfiguredModels
from consumer.model_set import Model
from consumer.settings import ConsumerSettings
from shared.document import document_valid_gauge
from shared.errors import SettingsError
from tests.waiting import wait_until

URL = "http://server/v1/models/m:predict"


class Configured:
    """A document on disk, and the models that are applied while it is watched."""

    def __init__(self, folder: Path, text: str) -> None:
        self.path = folder / "models.yaml"
        self.path.write_text(text)
        self.registry = CollectorRegistry()
        settings = ConsumerSettings.load(models_file=str(self.path))
        self.configured = ConfiguredModels(settings, valid=document_valid_gauge("consumer", self.registry))
        self.applied: list[list[Model]] = []
        self.stop = threading.Event()
        self._thread = threading.Thread(target=self.configured.run, args=(self.stop, lambda: None, self.applied.append))

    def watch(self) -> None:
        self._thread.start()
        wait_until(lambda: self.applied, "the first models are applied")

    def valid(self) -> float | None:
        return self.registry.get_sample_value("consumer_document_valid", {"file": str(self.path)})

    def names(self) -> list[str]:
        return [model.spec.name for model in self.applied[-1]]

    def end(self) -> None:
        self.stop.set()
        if self._thread.ident is not None:
            self._thread.join(30)


@pytest.fixture
def opened() -> Iterator[list[Configured]]:
    configured: list[Configured] = []
    yield configured
    for one in configured:
        one.end()


def test_a_change_is_applied_and_a_mistake_is_not(tmp_path: Path, opened: list[Configured]) -> None:
    """The last good models stay; /readyz, the metric and the status tell what is wrong, until it is right."""
    one = Configured(tmp_path, f"models: {{a: {{kind: detection, url: '{URL}'}}}}")
    opened.append(one)
    one.watch()
    assert (one.names(), one.valid(), one.configured.readiness()) == (["a"], 1, {"MODELSFILE": "ok"})

    one.path.write_text(f"models:\n  a:\n    kind: guessing\n    url: '{URL}'\n")
    wait_until(lambda: one.valid() == 0, "the mistake is seen")
    assert len(one.applied) == 1
    assert (
        "models.a.kind: got 'guessing'; allowed: classification, detection, emotion"
        in (one.configured.readiness()["MODELSFILE"])
    )
    assert "guessing" in one.configured.mistakes()["MODELSFILE"]

    one.path.write_text(f"models:\n  b:\n    kind: detection\n    url: '{URL}'\n")
    wait_until(lambda: len(one.applied) == 2, "the new models are applied")
    assert (one.names(), one.valid(), one.configured.mistakes()) == (["b"], 1, {})


def test_a_changed_file_of_labels_is_a_change(tmp_path: Path, opened: list[Configured]) -> None:
    """Its model gets another worker, although the document is the same."""
    labels = tmp_path / "labels.json"
    labels.write_text(json.dumps({"0": "cat"}))
    one = Configured(tmp_path, f"models: {{a: {{kind: classification, url: '{URL}', labels: '{labels}'}}}}")
    opened.append(one)
    one.watch()

    labels.write_text(json.dumps({"0": "tiger"}))
    wait_until(lambda: len(one.applied) == 2, "the labels are read again")

    assert [models[0].labels for models in one.applied] == [{0: "cat"}, {0: "tiger"}]
    assert one.applied[0] != one.applied[1]


@pytest.mark.parametrize(
    ("labels", "first"),
    [("coco", "person"), ("emotions", "angry"), ("imagenet", "tench, Tinca tinca"), ({0: "a"}, "a"), (None, "person")],
)
def test_labels_are_packaged_inline_or_the_kind_s(tmp_path: Path, labels: object, first: str) -> None:
    """By name, by class, or by what the kind brings along."""
    entry = {"kind": "detection", "url": URL, **({} if labels is None else {"labels": labels})}
    one = Configured(tmp_path, json.dumps({"models": {"a": entry}}))

    found = one.configured.models[0].labels

    assert found is not None
    assert found[min(found)] == first


def test_labels_on_the_network_are_read_when_the_model_is_asked(tmp_path: Path) -> None:
    """They may be available later."""
    one = Configured(tmp_path, f"models: {{a: {{kind: detection, url: '{URL}', labels: 'http://server/labels.json'}}}}")

    assert one.configured.models[0].labels is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("models: {a: {kind: guessing, url: URL}}", "models.a.kind: got 'guessing'"),
        ("models: {a: {kind: detection, url: URL, labels: /nowhere.json}}", "models.a.labels: /nowhere.json"),
        ("models: {a: {kind: detection, url: URL, rate: -1}}", "line 1: models.a.rate: got -1"),
        ("models: {a: {kind: detection}}", "line 1: models.a.url: is missing"),
        ("cameras: {}", "models"),
    ],
)
def test_a_wrong_document_at_the_start_ends_the_process(tmp_path: Path, text: str, said: str) -> None:
    """Each mistake has a line with the variable, the file, and the place."""
    with pytest.raises(SettingsError) as caught:
        Configured(tmp_path, text.replace("URL", f"'{URL}'"))

    (line, *_) = caught.value.mistakes
    assert line.startswith(f"MODELSFILE: {tmp_path / 'models.yaml'}: ")
    assert any(said in one for one in caught.value.mistakes), caught.value.mistakes


def test_without_a_document_the_short_form_counts() -> None:
    """Nothing is watched, and nothing about a document is reported."""
    settings = ConsumerSettings.load(model_urls={"imagenet_1": URL, "emonet_1": URL}, label_urls={})
    configured = ConfiguredModels(settings, valid=document_valid_gauge("consumer", CollectorRegistry()))

    assert [(one.spec.name, one.spec.kind) for one in configured.models] == [
        ("imagenet_1", "classification"),
        ("emonet_1", "emotion"),
    ]
    assert [len(one.labels or {}) for one in configured.models] == [1000, 7]
    assert (configured.readiness(), configured.mistakes()) == ({}, {})


def test_a_missing_file_of_labels_of_the_short_form_names_its_variable() -> None:
    """The process ends with this line."""
    settings = ConsumerSettings.load(model_urls={"imagenet_1": URL}, label_urls={"imagenet_1": "/nowhere.json"})

    with pytest.raises(SettingsError) as caught:
        ConfiguredModels(settings, valid=document_valid_gauge("consumer", CollectorRegistry()))

    assert caught.value.mistakes == ["LABELURLS[imagenet_1]: /nowhere.json: No such file or directory"]
