import os
import subprocess
import sys
from typing import Any

import pytest
from pydantic import model_validator

from shared.errors import SettingsError
from shared.go_notation import DURATION_FORM, Address
from shared.names import camera_id
from shared.redact import is_secret_property
from shared.settings import (
    SERVERS_FORM,
    CameraId,
    Duration,
    JsonOfStrings,
    Servers,
    ServiceSettings,
    document,
    from_command_line,
    setting,
)


class Settings(ServiceSettings):
    """As a service would have them."""

    interval_s: Duration = setting(0.042, "FRAMEINTERVAL", "time between frames", allowed=DURATION_FORM)
    servers: Servers = setting("kafka:9092", "KAFKAPORT", "bootstrap servers", allowed=SERVERS_FORM)
    quality: int = setting(80, "JPEGQUALITY", "quality", allowed="1 to 100", ge=1, le=100)
    camera: CameraId = setting("camera", "CAMERA", "id", allowed="a DNS label")
    links: JsonOfStrings = setting({}, "CAMERAS", "links", allowed="a JSON object")
    predictions: str = setting("videopredictions", "TOPICNAMEPREDICTIONS", "topic", allowed="a name", empty=True)
    link: str = setting("", "VIDEOLINK", "link", allowed="a link", secret=True, pattern="^(rtsp://.*|)$")

    @model_validator(mode="after")
    def _rule(self) -> "Settings":
        if self.camera == "forbidden":
            raise ValueError("CAMERA: got rtsp://me:hunter2@host; allowed: others")
        return self


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.validation_alias), raising=False)


def load(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return Settings.load()


def mistakes(monkeypatch: pytest.MonkeyPatch, **variables: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(monkeypatch, **variables)
    return caught.value.mistakes


def test_the_defaults_are_those_of_the_contract() -> None:
    """Without any variable each common setting has the value of the design's table."""
    settings = ServiceSettings.load()

    assert settings.topic_status == "videostatus"
    assert settings.probe_address == Address("", 8081)
    assert (settings.log_level, settings.log_format) == ("info", "text")
    assert settings.kafka_config == {}
    assert settings.profile == ""


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        ("TOPICNAMESTATUS", "my.status_1-a", "topic_status", "my.status_1-a"),
        ("PROBEPORT", ":9000", "probe_address", Address("", 9000)),
        ("PROBEPORT", "127.0.0.1:0", "probe_address", Address("127.0.0.1", 0)),
        ("LOGLEVEL", "debug", "log_level", "debug"),
        ("LOGLEVEL", "error", "log_level", "error"),
        ("LOGFORMAT", "json", "log_format", "json"),
        (
            "KAFKACONFIG",
            '{"acks": "all", "linger.ms": 5, "x": true}',
            "kafka_config",
            {"acks": "all", "linger.ms": 5, "x": True},
        ),
        ("PROFILE", "cpu", "profile", "cpu"),
        ("PROFILE", "mem", "profile", "mem"),
        ("FRAMEINTERVAL", "1m30s", "interval_s", 90.0),
        ("FRAMEINTERVAL", "0", "interval_s", 0.0),
        ("KAFKAPORT", "a:1, [::1]:65535", "servers", "a:1,[::1]:65535"),
        ("CAMERAS", '{"front": "rtsp://h/x"}', "links", {"front": "rtsp://h/x"}),
        ("JPEGQUALITY", "100", "quality", 100),
    ],
)
def test_a_variable_is_read(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, name: str, value: object
) -> None:
    """Each setting comes from the variable of its name, in the notation of the original."""
    assert getattr(load(monkeypatch, **{variable: text}), name) == value


def test_a_type_that_does_not_tell_what_is_allowed_needs_words() -> None:
    class Unclear(ServiceSettings):
        text: str = setting("", "TEXT", "anything")

    with pytest.raises(TypeError, match="TEXT"):
        document(Unclear)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("TOPICNAMESTATUS", "with blank"),
        ("TOPICNAMESTATUS", ".."),
        ("TOPICNAMESTATUS", "x" * 250),
        ("PROBEPORT", "8081"),
        ("PROBEPORT", "tcp://10.0.0.1:80"),
        ("PROBEPORT", ":65536"),
        ("LOGLEVEL", "verbose"),
        ("LOGFORMAT", "xml"),
        ("PROFILE", "gpu"),
        ("FRAMEINTERVAL", "42"),
        ("FRAMEINTERVAL", "-1s"),
        ("KAFKAPORT", "kafka"),
        ("KAFKAPORT", "kafka:0"),
        ("KAFKAPORT", "kafka:99999"),
        ("KAFKAPORT", "a:1,,b:2"),
        ("JPEGQUALITY", "101"),
        ("JPEGQUALITY", "eighty"),
        ("CAMERA", "Front Door"),
        ("CAMERAS", "not json"),
    ],
)
def test_a_mistake_is_one_line_with_the_variable_what_came_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str
) -> None:
    """A person who mistyped sees where, what, and what would do."""
    allowed = next(row.allowed for row in document(Settings) if row.variable == variable)

    assert mistakes(monkeypatch, **{variable: text}) == [f"{variable}: got {text!r}; allowed: {allowed}"]


def test_all_mistakes_are_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One start shows everything that is wrong."""
    lines = mistakes(monkeypatch, LOGLEVEL="loud", FRAMEINTERVAL="soon", JPEGQUALITY="0")

    assert sorted(line.partition(":")[0] for line in lines) == ["FRAMEINTERVAL", "JPEGQUALITY", "LOGLEVEL"]


@pytest.mark.parametrize(
    "text",
    [
        "hunter2",
        '["hunter2"]',
        '{"sasl.password": null, "a": "hunter2"}',
        '{"sasl.password": ["hunter2"]}',
        "[" * 99999,
    ],
)
def test_kafkaconfig_is_never_printed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """It holds passwords; a mistake in it is one line all the same."""
    [line] = mistakes(monkeypatch, KAFKACONFIG=text)

    assert line.startswith("KAFKACONFIG")
    assert line.endswith(": got ***; allowed: a JSON object of properties")


def test_passwords_in_links_are_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong value is shown without the secrets in it, a secret one not at all, and so are rules about several."""
    secret = mistakes(monkeypatch, VIDEOLINK="ftp://me:hunter2@host/x")
    shown = mistakes(monkeypatch, VIDEOLINK="", CAMERAS='{"front": "rtsp://me:hunter2@host/x"')
    rule = mistakes(monkeypatch, CAMERAS="", CAMERA="forbidden")

    assert secret == ["VIDEOLINK: got ***; allowed: a link"]
    assert "hunter2" not in shown[0] + rule[0]
    assert "rtsp://***@host" in shown[0]


@pytest.mark.parametrize("field", list(Settings.model_fields))
def test_an_empty_variable_is_absent_unless_it_means_something(monkeypatch: pytest.MonkeyPatch, field: str) -> None:
    """Manifests keep unused variables with an empty value."""
    variable = str(Settings.model_fields[field].validation_alias)
    expected = "" if variable == "TOPICNAMEPREDICTIONS" else getattr(Settings.load(), field)

    assert getattr(load(monkeypatch, **{variable: ""}), field) == expected
    assert getattr(Settings.load(**{field: ""}), field) == expected


def test_an_argument_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever starts a service in code has the last word."""
    monkeypatch.setenv("JPEGQUALITY", "50")

    assert Settings.load(quality=60).quality == 60


def test_names_are_case_sensitive(monkeypatch: pytest.MonkeyPatch) -> None:
    """`jpegquality` is another variable."""
    assert load(monkeypatch, jpegquality="1").quality == 80


def test_the_help_lists_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` names each variable with its default and what is allowed, and ends with 0."""
    with pytest.raises(SystemExit) as caught:
        from_command_line(Settings, "producer", "Publishes.", ["--help"])

    text = capsys.readouterr().out
    assert caught.value.code == 0
    for row in document(Settings):
        assert f"  {row.variable:<22} {row.meaning} [{row.default or 'none'}]" in text
        assert row.allowed in text
    assert len(document(Settings)) == len(Settings.model_fields)


def test_defaults_are_shown_in_the_notation_in_which_they_are_typed() -> None:
    """The table shows Go durations, addresses and JSON; the service's own settings come first."""
    rows = {row.variable: row.default for row in document(Settings)}

    assert (rows["FRAMEINTERVAL"], rows["PROBEPORT"], rows["KAFKACONFIG"]) == ("42ms", ":8081", "{}")
    assert next(iter(rows)) == "FRAMEINTERVAL"
    assert list(rows)[-1] == "PROFILE"


def test_a_wrong_setting_ends_the_process_with_status_2() -> None:
    """A line for each mistake on standard error, no traceback, nothing on standard output."""
    program = (
        "import sys; from shared.settings import ServiceSettings, from_command_line;"
        "from_command_line(ServiceSettings, 'producer', '', sys.argv[1:])"
    )
    environment = {**os.environ, "LOGLEVEL": "loud", "PROBEPORT": "here", "KAFKACONFIG": "hunter2"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "producer: PROBEPORT: got 'here'; allowed: a Go address such as :8080 or 127.0.0.1:8080",
        "producer: LOGLEVEL: got 'loud'; allowed: debug, info, warning, error",
        "producer: KAFKACONFIG: got ***; allowed: a JSON object of properties",
    ]


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("a", True),
        ("front-door-2", True),
        ("x" * 63, True),
        ("x" * 64, False),
        ("-a", False),
        ("a-", False),
        ("A", False),
        ("a.b", False),
        ("", False),
        ("a\n", False),
        ("ü", False),
    ],
)
def test_a_camera_s_id_is_a_dns_label(name: str, good: bool) -> None:
    """Metrics, keys and paths rely on it."""
    if good:
        assert camera_id(name) == name
    else:
        with pytest.raises(ValueError, match="DNS label"):
            camera_id(name)


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("sasl.password", True),
        ("ssl.key.pem", True),
        ("sasl.oauthbearer.client.secret", True),
        ("SSL.KEY.PASSWORD", True),
        ("sasl.oauthbearer.config", True),
        ("acks", False),
        ("linger.ms", False),
        ("security.protocol", False),
    ],
)
def test_secret_properties_are_known(name: str, secret: bool) -> None:
    """They are not to be logged."""
    assert is_secret_property(name) is secret


def test_settings_do_not_change() -> None:
    """What was read at the start holds to the end."""
    settings: Any = Settings.load()
    with pytest.raises(ValueError, match="frozen"):
        settings.quality = 1
