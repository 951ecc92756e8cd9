"""An export is complete or absent, and an up-to-date model is not exported again."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.tfserving.saved_models import half_plus
from tfserving.errors import ExportError
from tfserving.models import cache
from tfserving.models.command import main
from tfserving.models.export import export, export_to_cache
from tfserving.models.recipes import Recipe, recipe
from tfserving.standin.servable import Servable


def tiny(tf: Any, fingerprint: str = "abc", build: Callable[[], Any] | None = None) -> Recipe:
    """A model y = 2x, which takes no time to build."""

    def double() -> Any:
        module = tf.Module()
        spec = tf.TensorSpec([None], tf.float32, name="x")
        module.serve = tf.function(lambda x: {"y": x * 2}, input_signature=[spec])
        return module

    return Recipe("tiny", fingerprint, build or double)


def test_a_version_is_a_saved_model_that_can_be_served(tf: Any, tmp_path: Path) -> None:
    """Its folder is named by its number, and the base path holds nothing else."""
    folder = export(tiny(tf), tmp_path / "base")

    assert folder == tmp_path / "base" / "1"
    assert list((tmp_path / "base").iterdir()) == [folder]
    assert "serving_default" in Servable(folder).signatures


def test_the_next_version_follows_the_highest(tf: Any, tmp_path: Path) -> None:
    """Unless the caller gives a number; an existing version is not overwritten."""
    (tmp_path / "4").mkdir()

    assert export(tiny(tf), tmp_path).name == "5"
    assert export(tiny(tf), tmp_path, version=2).name == "2"
    with pytest.raises(ExportError, match="is there already"):
        export(tiny(tf), tmp_path, version=4)


def test_a_failed_export_leaves_nothing(tf: Any, tmp_path: Path) -> None:
    """A server never finds half a version."""

    def fail() -> Any:
        raise ExportError("no weights")

    with pytest.raises(ExportError, match="no weights"):
        export(tiny(tf, build=fail), tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_base_path_that_cannot_be_written_is_an_export_error(tf: Any, tmp_path: Path) -> None:
    """The message has the system's reason."""
    (tmp_path / "file").write_text("")

    with pytest.raises(ExportError, match="cannot write"):
        export(tiny(tf), tmp_path / "file" / "base")


def test_the_cache_is_filled_once(tf: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second call returns the result of the first and builds nothing."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = export_to_cache(tiny(tf))

    second = export_to_cache(tiny(tf, build=lambda: pytest.fail("built again")))

    assert first == second == tmp_path / "machine-learning-deployment" / "models" / "tiny"
    assert [entry.name for entry in first.iterdir()] == ["1"]


def test_concurrent_exports_build_a_model_once(tmp_path: Path) -> None:
    """Four processes start with an empty cache; one builds, and all return the same complete version."""
    log = tmp_path / "built"
    process = [sys.executable, "-m", "tests.tfserving.models.export_tiny", str(log)]
    environment = {"XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
    started = [
        subprocess.Popen(process, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    printed = [one.communicate(timeout=100) for one in started]

    assert [one.returncode for one in started] == [0] * 4, printed
    assert {out for out, _ in printed} == {"1\n"}
    assert log.read_text() == "built\n"


def test_the_cache_is_private(tf: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may write to it decides what the model server runs; a folder that was open before is closed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "machine-learning-deployment").mkdir(mode=0o755)

    base = export_to_cache(tiny(tf))

    modes = [folder.stat().st_mode & 0o777 for folder in (base, base.parent, base.parent.parent)]
    assert modes == [0o700] * 3


def test_what_was_made_otherwise_is_replaced(tf: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Newer code or weights make a newer version; the old one is removed, so that the cache does not grow."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    base = export_to_cache(tiny(tf))

    export_to_cache(tiny(tf, fingerprint="def"))

    assert [entry.name for entry in base.iterdir()] == ["2"]
    assert cache.made_by(base / "2", "def")


def test_the_recipe_depends_on_code_weights_and_options(tmp_path: Path) -> None:
    """A change to any of them changes the fingerprint."""
    source = tmp_path / "source"
    source.write_text("one")
    before = cache.recipe(sources=[source], options={"seed": "1"})

    assert cache.recipe(sources=[source], options={"seed": "1"}) == before
    assert cache.recipe(sources=[source], options={"seed": "2"}) != before
    source.write_text("two")
    assert cache.recipe(sources=[source], options={"seed": "1"}) != before
    assert recipe("resnet50", seed=1).fingerprint != recipe("resnet50", seed=2).fingerprint


def test_a_saved_model_without_our_recipe_is_stale(tf: Any, tmp_path: Path) -> None:
    """The recipe may be absent, damaged or of another form."""
    half_plus(tmp_path / "1")
    assert not cache.made_by(tmp_path / "1", "abc")

    cache.write_recipe(tmp_path / "1", "abc")
    assert cache.made_by(tmp_path / "1", "abc")
    (tmp_path / "1" / "assets.extra" / "recipe.json").write_text("[]")
    assert not cache.made_by(tmp_path / "1", "abc")


@pytest.mark.parametrize("stated", ["", "relative/path"])
def test_a_cache_home_that_is_not_absolute_is_ignored(
    stated: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The XDG specification says so."""
    monkeypatch.setenv("XDG_CACHE_HOME", stated)
    monkeypatch.setenv("HOME", str(tmp_path))

    assert cache.models_folder() == tmp_path / ".cache" / "machine-learning-deployment" / "models"


def test_the_command_names_the_models_it_has(capsys: pytest.CaptureFixture[str]) -> None:
    """One line on standard error, status 1, nothing on standard output."""
    assert main(["vgg16"]) == 1

    printed = capsys.readouterr()
    assert "choose efficientnet-lite0, resnet50, detector, nanodet, face, emotion or pose" in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_the_command_ends_with_the_base_path(efficientnet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`make run` passes it to the server; the model is in the cache by now."""
    assert main(["efficientnet-lite0"]) == 0

    assert capsys.readouterr().out.splitlines()[-1] == str(efficientnet)
    assert any((folder / "saved_model.pb").is_file() for folder in efficientnet.iterdir())
