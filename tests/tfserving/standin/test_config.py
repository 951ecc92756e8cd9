"""The configuration file of tensorflow_model_server."""

from pathlib import Path

import pytest

from tfserving.errors import SettingsError
from tfserving.standin.config import ModelConfig, VersionPolicy, read_max_batch_size, read_model_config


def config(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "models.config"
    path.write_text(text)
    return path


def test_every_field_that_counts_is_read(tmp_path: Path) -> None:
    """Names, paths, policies and labels, in every notation of the text format."""
    path = config(
        tmp_path,
        """
        # comment
        model_config_list {
          config { name: "one" base_path: "/m/one" model_platform: "tensorflow" }
          config: {
            name: 'two', base_path: "/m/two"; model_platform: "tensorflow"
            model_version_policy: { specific { versions: 3 versions: 5 } }
            version_labels { key: "stable" value: 3 }
            version_labels { key: "canary" value: 5 }
          }
          config < name: "three" base_path: "/m/three" model_platform: "tensorflow"
                   model_version_policy { all {} } >
          config { name: "four" base_path: "/m/four" model_type: TENSORFLOW
                   model_version_policy { latest { num_versions: 2 } }
                   logging_config { sampling_config { sampling_rate: 0.1 } } }
        }
        """,
    )

    assert read_model_config(path) == [
        ModelConfig("one", Path("/m/one"), VersionPolicy(latest=1)),
        ModelConfig(
            "two", Path("/m/two"), VersionPolicy(specific=frozenset({3, 5})), labels={"stable": 3, "canary": 5}
        ),
        ModelConfig("three", Path("/m/three"), VersionPolicy(every=True)),
        ModelConfig("four", Path("/m/four"), VersionPolicy(latest=2)),
    ]


@pytest.mark.parametrize(
    ("policy", "chosen"),
    [
        (VersionPolicy(), {12}),
        (VersionPolicy(latest=2), {7, 12}),
        (VersionPolicy(latest=9), {2, 7, 12}),
        (VersionPolicy(specific=frozenset({2, 5})), {2}),
        (VersionPolicy(every=True), {2, 7, 12}),
    ],
)
def test_a_policy_chooses_from_what_is_there(policy: VersionPolicy, chosen: set[int]) -> None:
    """The latest, several of the latest, given ones, all."""
    assert policy.choose([2, 7, 12]) == chosen
    assert policy.choose([]) == set()


MODEL = 'config {{ name: "m" base_path: "{}" {} }}'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("model_config_list {", r"Expected \"}\""),
        ('model_config_list { config { nam: "x" } }', 'no field named "nam"'),
        ("model_config_list { " + MODEL.format("m", 'model_platform: "tensorflow"') + " }", "absolute path"),
        ("model_config_list { " + MODEL.format("/m", "") + " }", "model_platform"),
        ("model_config_list { " + MODEL.format("/m", 'model_platform: "pytorch"') + " }", "'pytorch'"),
        ("model_config_list { " + MODEL.format("/m", 'model_platform: "tensorflow"') * 2 + " }", "multiple times"),
        (
            "model_config_list { "
            + MODEL.format("/m", 'model_platform: "tensorflow" model_version_policy { specific {} }')
            + " }",
            "without any versions",
        ),
        ("custom_model_config {}", "not supported"),
    ],
)
def test_a_mistake_is_named_with_its_file(tmp_path: Path, text: str, complaint: str) -> None:
    """In one line: the file, the position if there is one, and the mistake."""
    path = config(tmp_path, text)

    with pytest.raises(SettingsError, match=complaint) as caught:
        read_model_config(path)

    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_a_settings_error(tmp_path: Path) -> None:
    """Not a traceback."""
    with pytest.raises(SettingsError, match="cannot read"):
        read_model_config(tmp_path / "none")


def test_the_batching_parameters_say_how_much_goes_together(tmp_path: Path) -> None:
    """Only max_batch_size has an effect; the rest is read and ignored."""
    path = config(
        tmp_path, "max_batch_size { value: 5 } batch_timeout_micros { value: 0 } num_batch_threads { value: 2 }"
    )

    assert read_max_batch_size(path) == 5
    assert read_max_batch_size(config(tmp_path, "")) is None
    with pytest.raises(SettingsError, match="at least 1"):
        read_max_batch_size(config(tmp_path, "max_batch_size { value: 0 }"))
