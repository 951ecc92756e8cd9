import pytest

from shared.errors import SettingsError
from shared.go_notation import Address
from video.settings import VideoSettings

NAMES = [
    "TOPICNAME",
    "KAFKAPORT",
    "GROUPNAME",
    "DISPLAYPORT",
    "NODEPORT",
    "FRAMEINTERVAL",
    "MAXVIEWERS",
    "ALLOWEDORIGINS",
]


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def test_the_defaults_are_those_of_the_original() -> None:
    """The original's manifests set some of these and rely on the rest."""
    settings = VideoSettings.load()

    assert (settings.topic, settings.servers, settings.group) == ("videodisplay", "kf1-service:19095", "govideo")
    assert (settings.display_address, settings.node_address) == (Address("", 8080), Address("", 30163))
    assert (settings.frame_interval_s, settings.max_viewers) == (0.01, 500)
    assert settings.allowed_origins == ""


def test_every_setting_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values are in Go's notation."""
    values = [
        "pictures",
        "a:1,b:2",
        "viewers",
        "127.0.0.1:9000",
        ":9001",
        "42ms",
        "7",
        "HTTPS://a.example:443,http://b:1",
    ]
    for name, value in zip(NAMES, values, strict=False):
        monkeypatch.setenv(name, value)

    settings = VideoSettings.load()

    assert (settings.topic, settings.servers, settings.group) == ("pictures", "a:1,b:2", "viewers")
    assert (settings.display_address, settings.node_address) == (Address("127.0.0.1", 9000), Address("", 9001))
    assert (settings.frame_interval_s, settings.max_viewers) == (0.042, 7)
    assert settings.allowed_origins == "https://a.example,http://b:1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DISPLAYPORT", "8080"),
        ("FRAMEINTERVAL", "10"),
        ("MAXVIEWERS", "0"),
        ("KAFKAPORT", "kafka"),
        ("TOPICNAME", "/"),
        ("ALLOWEDORIGINS", "*"),
    ],
)
def test_a_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """The line has the variable, its value and what is allowed."""
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError) as wrong:
        VideoSettings.load()

    (line,) = wrong.value.mistakes
    assert line.startswith(f"{name}: got {value!r}; allowed: ")
