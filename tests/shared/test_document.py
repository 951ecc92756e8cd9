"""A watched document: what is in force, what is wrong with the newest text, and when it is read again."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, ConfigDict, Field

from shared.document import WatchedDocument, document_valid_gauge, parse_document
from shared.errors import DocumentError, SettingsError
from shared.setting_words import Form
from shared.settings import Duration


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    file: Path


class _Camera(BaseModel):
    model_config = ConfigDict(extra="forbid")
    source: str | _File
    interval: Duration | None = None
    quality: Annotated[int, Field(ge=1, le=100), Form("1 to 100")] = 80
    masks: list[list[tuple[float, float]]] = []
    password: str = Field("", max_length=3, json_schema_extra={"secret": True})


class _Cameras(BaseModel):
    model_config = ConfigDict(extra="forbid")
    cameras: dict[str, _Camera] = {}


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ("cameras:\n  a:\n    source: x\n    quality: 101", ["line 4: cameras.a.quality: got 101; allowed: 1 to 100"]),
        (
            "cameras:\n  a:\n    sourse: x",
            ["line 2: cameras.a.source: is missing", "line 3: cameras.a.sourse: unknown"],
        ),
        (
            "cameras:\n  a:\n    source: {fil: x}",
            ["line 3: cameras.a.source: got a mapping", "file: is missing", "source.fil: unknown field; allowed: file"],
        ),
        (
            "cameras:\n  a:\n    source: x\n    interval: soon",
            ["line 4: cameras.a.interval: got 'soon'; allowed: a Go duration"],
        ),
        (
            "cameras:\n  a:\n    source: x\n    masks: [[[0, 1],\n      [0, b]]]",
            ["line 5: cameras.a.masks.0.1.1: got 'b'"],
        ),
        ("cameras:\n  a: {source: x, password: hunter2}", ["line 2: cameras.a.password: got ***"]),
        ("cameras:\n  a: {source: [rtsp://me:hunter2@host]}", ["line 2: cameras.a.source: got a list"]),
        ("cameras: 7", ["line 1: cameras: got 7"]),
        ("- a", ["line 1: the document: got a list"]),
        ("kameras: {}", ["line 1: kameras: unknown field; allowed: cameras"]),
    ],
)
def test_mistakes_name_line_and_field(text: str, mistakes: list[str]) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_document(text, _Cameras)
    said = "\n".join(caught.value.mistakes)
    for mistake in mistakes:
        assert mistake in said
    assert "hunter2" not in said


def test_an_empty_document_has_its_defaults() -> None:
    assert parse_document("# nothing yet\n", _Cameras) == _Cameras()


class _Watch:
    """A document that is watched by a thread of its own."""

    def __init__(self, path: Path, **kwargs: Any) -> None:
        self.registry = CollectorRegistry()
        self.document = WatchedDocument(
            path,
            _Cameras,
            variable="CAMERASFILE",
            valid=document_valid_gauge("producer", self.registry),
            **kwargs,
        )
        self.seen: list[_Cameras] = []
        self._path, self._stop = path, threading.Event()
        self._thread = threading.Thread(
            target=self.document.run, args=(self._stop, lambda: None, self.seen.append), daemon=True
        )
        self._thread.start()

    def valid(self) -> float | None:
        return self.registry.get_sample_value("producer_document_valid", {"file": str(self._path)})

    def close(self) -> None:
        self._stop.set()
        self._thread.join(10)


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Callable[..., _Watch]]:
    watches: list[_Watch] = []

    def make(path: Path, **kwargs: Any) -> _Watch:
        watches.append(_Watch(path, **kwargs))
        return watches[-1]

    yield make
    for one in watches:
        one.close()


def _until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def _text(*cameras: str) -> str:
    return "cameras:\n" + "".join(f"  {camera}: {{source: x}}\n" for camera in cameras)


def test_a_change_is_in_force(tmp_path: Path, watch: Callable[..., _Watch]) -> None:
    path = tmp_path / "cameras.yml"
    path.write_text(_text("a"))
    one = watch(path)
    assert list(one.document.value.cameras) == ["a"]
    path.write_text(_text("a", "b"))
    _until(lambda: bool(one.seen))
    assert list(one.document.value.cameras) == list(one.seen[-1].cameras) == ["a", "b"]
    assert one.valid() == 1


def test_a_mistake_leaves_the_old_text_in_force(
    tmp_path: Path, watch: Callable[..., _Watch], caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "cameras.yml"
    path.write_text(_text("a"))
    one = watch(path)
    with caplog.at_level(logging.ERROR):
        path.write_text("cameras:\n  a: {sourse: x}\n")
        _until(lambda: one.document.error is not None)
    assert len(caplog.records) == 1
    assert "line 2: cameras.a.sourse: unknown field" in caplog.records[0].mistake  # type: ignore[attr-defined]
    assert list(one.document.value.cameras) == ["a"]
    assert one.valid() == 0
    assert "line 2" in one.document.readiness()
    path.write_text(_text("a", "c"))
    _until(lambda: bool(one.seen))
    assert one.document.readiness() == "ok"
    assert one.valid() == 1


def test_a_file_that_is_gone_leaves_the_old_text_in_force(tmp_path: Path, watch: Callable[..., _Watch]) -> None:
    path = tmp_path / "cameras.yml"
    path.write_text(_text("a"))
    one = watch(path)
    path.unlink()
    _until(lambda: one.document.error is not None)
    assert "No such file" in one.document.readiness()
    path.write_text(_text("b"))
    _until(lambda: bool(one.seen))
    assert list(one.document.value.cameras) == ["b"]


def test_kubernetes_exchanges_a_symbolic_link(tmp_path: Path, watch: Callable[..., _Watch]) -> None:
    """As the kubelet updates a ConfigMap: a new folder, and one rename of the link `..data`."""
    for version in ("1", "2"):
        (tmp_path / f"..{version}").mkdir()
        (tmp_path / f"..{version}" / "cameras.yml").write_text(_text(f"v{version}"))
    (tmp_path / "..data").symlink_to("..1")
    path = tmp_path / "cameras.yml"
    path.symlink_to("..data/cameras.yml")
    one = watch(path)
    (tmp_path / "..data_tmp").symlink_to("..2")
    (tmp_path / "..data_tmp").rename(tmp_path / "..data")
    _until(lambda: bool(one.seen))
    assert list(one.document.value.cameras) == ["v2"]


def test_a_file_that_the_document_names_counts_too(tmp_path: Path, watch: Callable[..., _Watch]) -> None:
    secret, path = tmp_path / "front", tmp_path / "cameras.yml"
    secret.write_text("rtsp://one")
    path.write_text(f"cameras:\n  a: {{source: {{file: {secret}}}}}\n")

    def check(cameras: _Cameras) -> None:
        for name, camera in cameras.cameras.items():
            if isinstance(camera.source, _File) and not camera.source.file.exists():
                raise ValueError(f"cameras.{name}.source.file: no such file")

    one = watch(
        path,
        check=check,
        also=lambda value: [c.source.file for c in value.cameras.values() if isinstance(c.source, _File)],
    )
    secret.write_text("rtsp://another")
    _until(lambda: len(one.seen) == 1)
    secret.unlink()
    _until(lambda: one.document.error is not None)
    assert "no such file" in one.document.readiness()
    secret.write_text("rtsp://third")
    _until(lambda: len(one.seen) == 2)


@pytest.mark.parametrize("text", ["cameras: [", "cameras: {a: {}}", None, b"\xff\xfe"])
def test_a_mistake_at_the_start_ends_the_process(tmp_path: Path, text: str | bytes | None) -> None:
    path = tmp_path / "cameras.yml"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SettingsError) as caught:
        _Watch(path)
    assert caught.value.mistakes[0].startswith(f"CAMERASFILE: {path}: ")
