"""The consumer's settings in the environment."""

import json

import pytest

from consumer.settings import ConsumerSettings
from shared.errors import SettingsError


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the settings of this machine's environment."""
    for field in ConsumerSettings.model_fields.values():
        monkeypatch.delenv(str(field.validation_alias), raising=False)


def mistakes(monkeypatch: pytest.MonkeyPatch, **variables: str) -> list[str]:
    """Return the mistakes in an environment."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        ConsumerSettings.load()
    return caught.value.mistakes


def test_without_an_environment_it_fits_the_original_s_manifests() -> None:
    """Topics, servers, group and model are the original's."""
    settings = ConsumerSettings.load()

    assert (settings.topic_in, settings.topic_out, settings.topic_predictions) == (
        *("videocam", "videodisplay", "videopredictions"),
    )
    assert (settings.servers_in, settings.servers_out) == ("kf1-service:19094", "kf1-service:19093")
    assert settings.group == "goconsumer"
    assert settings.model_urls == {"imagenet_1": "http://tfserving-service:8501/v1/models/tfModel:predict"}
    assert (settings.model_timeout_s, settings.prediction_mode, settings.max_lag_s) == (5, "latest", 1)


def test_the_short_form_becomes_the_same_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """The part of a name before `_` is the kind; LABELURLS replaces the kind's packaged labels."""
    url = "http://server/v1/models/m:predict"
    names = ("imagenet_1", "imagenet_left_side", "imagenet", "emonet_1", "detection_2")
    monkeypatch.setenv("MODELURLS", json.dumps(dict.fromkeys(names, url)))
    monkeypatch.setenv("LABELURLS", '{"emonet_1": "/src/assets/emonetLabels.json"}')

    specs = ConsumerSettings.load().specs()

    assert [(name, spec.kind) for name, spec in specs.items()] == [
        ("imagenet_1", "classification"),
        ("imagenet_left_side", "classification"),
        ("imagenet", "classification"),
        ("emonet_1", "emotion"),
        ("detection_2", "detection"),
    ]
    assert specs["imagenet_1"].labels is None
    assert specs["emonet_1"].labels == "/src/assets/emonetLabels.json"
    assert all((spec.url, spec.protocol, spec.draw) == (url, "tfserving", True) for spec in specs.values())


def test_a_models_document_takes_precedence(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the short form says is not looked at then."""
    monkeypatch.setenv("MODELSFILE", "/etc/models.yaml")
    monkeypatch.setenv("LABELURLS", '{"nobody": "/labels"}')

    assert ConsumerSettings.load().models_file == "/etc/models.yaml"


def test_an_empty_topic_of_predictions_means_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other empty variables count as unset."""
    monkeypatch.setenv("TOPICNAMEPREDICTIONS", "")
    monkeypatch.setenv("TOPICNAMEOUT", "")

    settings = ConsumerSettings.load()

    assert settings.topic_predictions == ""
    assert settings.topic_out == "videodisplay"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TOPICNAMEIN", "video cam"),
        ("TOPICNAMEPREDICTIONS", "video/predictions"),
        ("KAFKAPORTIN", "kf1-service"),
        ("KAFKAPORTOUT", "kf1-service:0"),
        ("COMPRESSIONTYPE", "zip"),
        ("MODELTIMEOUT", "0s"),
        ("MODELTIMEOUT", "soon"),
        ("PREDICTIONMODE", "newest"),
        ("MAXLAG", "-1s"),
        ("MODELURLS", "http://server/v1/models/m:predict"),
        ("MODELURLS", "[1]"),
        ("LABELURLS", '{"imagenet_1": 3}'),
    ],
)
def test_a_wrong_value_is_one_line_with_the_variable_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """The line has the value too."""
    (line,) = mistakes(monkeypatch, **{variable: value})

    assert line.startswith(variable)
    assert "got " in line
    assert "allowed: " in line
    assert "\n" not in line


def test_all_mistakes_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """So they can be corrected together."""
    lines = mistakes(monkeypatch, MODELTIMEOUT="0s", PREDICTIONMODE="x", TOPICNAMEIN="/")

    assert [line.partition(":")[0] for line in sorted(lines)] == ["MODELTIMEOUT", "PREDICTIONMODE", "TOPICNAMEIN"]


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"MODELURLS": '{"resnet_1": "http://s/v1/models/m:predict"}'}, "MODELURLS[resnet_1]: got the name 'resnet_1'"),
        ({"MODELURLS": '{"imagenet_1": "http://s/v1/models/m"}'}, "MODELURLS[imagenet_1]: got 'http://s/v1/models/m'"),
        (
            {"MODELURLS": '{"imagenet_1": "s/v1/models/m:predict"}'},
            "MODELURLS[imagenet_1]: got 's/v1/models/m:predict'",
        ),
        ({"LABELURLS": '{"imagenet_9": "/labels"}'}, "LABELURLS[imagenet_9]: got the name 'imagenet_9'"),
        ({"TOPICNAMEOUT": "videocam", "KAFKAPORTIN": "a:1", "KAFKAPORTOUT": "a:1"}, "TOPICNAMEOUT: got 'videocam'"),
    ],
)
def test_settings_that_contradict_each_other_are_reported(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str
) -> None:
    """Unknown handlers, malformed addresses, labels without a model, a topic that would feed itself."""
    (line,) = mistakes(monkeypatch, **variables)

    assert line.startswith(said)
    assert "; allowed: " in line


def test_credentials_in_a_wrong_address_are_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line may go into a log."""
    (line,) = mistakes(monkeypatch, MODELURLS='{"imagenet_1": "http://me:hidden@s/v1/models/m"}')

    assert "hidden" not in line
