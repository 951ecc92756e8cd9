"""Several models for one server."""

from pathlib import Path
from typing import Any

import pytest

from tests.tfserving.serving import running, wait_until_served
from tfserving.errors import ExportError
from tfserving.models.collection import Served, config_text, export_all, export_all_to_cache, parse
from tfserving.models.command import main
from tfserving.models.recipes import Recipe


def tiny(tf: Any, factor: float) -> Recipe:
    """A model y = factor · x."""

    def build() -> Any:
        module = tf.Module()
        spec = tf.TensorSpec([None], tf.float32, name="x")
        module.serve = tf.function(lambda x: {"y": x * factor}, input_signature=[spec])
        return module

    return Recipe(f"times{factor:g}", str(factor), build)


def test_one_server_finds_all_of_them(tf: Any, tmp_path: Path) -> None:
    """Under their names; a model of two names is written once."""
    double = tiny(tf, 2)

    config = export_all(
        [Served("two", double), Served("three", tiny(tf, 3)), Served("also-two", double)], tmp_path, version=4
    )

    assert sorted(path.name for path in tmp_path.iterdir()) == ["models.config", "three", "two"]
    assert (tmp_path / "two" / "4" / "saved_model.pb").is_file()
    with running([f"--model_config_file={config}"]) as client:
        answers = {}
        for name in ("two", "three", "also-two"):
            wait_until_served(client, name)
            answers[name] = client.post(f"/v1/models/{name}:predict", {"instances": [5.0]}).json["predictions"]
    assert answers == {"two": [10], "three": [15], "also-two": [10]}


def test_the_cache_keeps_a_file_per_collection(tf: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same collection has the same file; another one does not change it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    both = [Served("two", tiny(tf, 2)), Served("three", tiny(tf, 3))]

    config = export_all_to_cache(both)
    text = config.read_text()
    other = export_all_to_cache(both[:1])

    assert export_all_to_cache(both) == config != other
    assert config.read_text() == text
    assert text.count("base_path") == 2


def test_a_path_with_quotes_is_written_as_the_text_format_requires() -> None:
    assert 'base_path: "/a \\"b\\"/c"' in config_text({"m": Path('/a "b"/c')})


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (["detectr"], "there is no model 'detectr': choose efficientnet-lite0, "),
        (["a/b=emotion"], "got the name 'a/b'; allowed: letters"),
        (["emotion", "emotion=fer"], "the name 'emotion' is given twice"),
    ],
)
def test_a_wrong_entry_is_named(entries: list[str], message: str) -> None:
    with pytest.raises(ExportError, match=message):
        parse(entries)


def test_names_are_those_given_or_those_of_the_models() -> None:
    assert [(served.name, served.recipe.name) for served in parse(["cnn=emotion", "emonet", "resnet=resnet50"])] == [
        ("cnn", "emotion"),
        ("emonet", "emotion"),
        ("resnet", "resnet50"),
    ]


def test_several_models_need_a_config(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["emotion", "face"]) == 1

    assert "several models need --config" in capsys.readouterr().err
