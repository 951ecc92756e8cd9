"""What each program of the suite is started with."""

import json

import pytest

from local import plan
from local.plan import Program
from local.services import variables
from local.settings import LocalSettings
from tfserving.layout import Engine

PASSWORDS = {
    "VIDEOLINK": "rtsp://user:camera-password@203.0.113.1/",
    "KAFKACONFIG": '{"sasl.password": "kafka-password"}',
    "LABELURLS": '{"imagenet_1": "http://user:labels-password@203.0.113.1/"}',
    "AWS_SECRET_ACCESS_KEY": "a-strangers-password",
    "https_proxy": "http://user:proxy-password@203.0.113.1/",
}


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> dict[str, Program]:
    inherited = {"PATH": "/bin", "TOPICNAME": "other", "PYTHONSTARTUP": "/x.py", "CAMERA": "front", **PASSWORDS}
    for name, value in inherited.items():
        monkeypatch.setenv(name, value)
    return programs(inherited)


def programs(inherited: dict[str, str]) -> dict[str, Program]:
    found = [
        plan.embedded_broker(inherited),
        plan.export(inherited, Engine.ONNXRUNTIME),
        plan.model_server(inherited, port=1, config="/models.config", engine=Engine.ONNXRUNTIME),
        *plan.services(
            LocalSettings(),
            inherited,
            variables=variables(),
            servers="127.0.0.1:9",
            documents={},
            probe_ports=dict.fromkeys(plan.SERVICES, 1),
        ),
    ]
    return {program.name: program for program in found}


def test_each_program_holds_only_the_secrets_that_it_needs(started: dict[str, Program]) -> None:
    held = {
        name: {variable for variable in PASSWORDS if "password" in program.environment.get(variable, "")}
        for name, program in started.items()
    }

    assert held == {
        "broker": set(),
        "export": {"https_proxy"},
        "tfserving": set(),
        "producer": {"VIDEOLINK", "KAFKACONFIG", "https_proxy"},
        "consumer": {"LABELURLS", "KAFKACONFIG", "https_proxy"},
        "video": {"KAFKACONFIG", "https_proxy"},
    }


def test_the_machine_is_the_same_for_all(started: dict[str, Program]) -> None:
    assert {program.environment["PATH"] for program in started.values()} == {"/bin"}


def test_settings_that_differ_by_service_are_not_passed_on(started: dict[str, Program]) -> None:
    for program in started.values():
        assert not program.environment.keys() & {"TOPICNAME", "PYTHONSTARTUP"}


def test_a_service_gets_its_own_settings(started: dict[str, Program]) -> None:
    assert started["producer"].environment["CAMERA"] == "front"
    assert "CAMERA" not in started["video"].environment
    assert started["video"].environment["KAFKAPORT"] == "127.0.0.1:9"


def test_a_cameras_document_may_name_any_variable() -> None:
    """Its links may come from the environment: `{env: FRONT}`."""
    found = programs({"CAMERASFILE": "/cameras.yaml", "FRONT": "rtsp://front", "MODELURLS": "{}"})

    assert found["producer"].environment["FRONT"] == "rtsp://front"
    assert not found["producer"].environment.keys() & {"MODELURLS", "VIDEOLINK"}
    assert "FRONT" not in found["consumer"].environment


def test_a_model_server_of_the_users_is_asked_as_the_original_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two entries of one model; without TFSERVING and MODELURLS a models document says what is asked."""
    assert "MODELURLS" not in programs({})["consumer"].environment

    monkeypatch.setenv("TFSERVING", "http://127.0.0.1:8501")
    urls = json.loads(programs({})["consumer"].environment["MODELURLS"])
    assert urls == dict.fromkeys(("imagenet_1", "imagenet_2"), "http://127.0.0.1:8501/v1/models/tfModel:predict")


def test_a_models_document_of_the_users_is_passed_on() -> None:
    """No local model server is needed, and no address of one is made up."""
    found = programs({"MODELSFILE": "/models.yaml"})["consumer"].environment

    assert found["MODELSFILE"] == "/models.yaml"
    assert "MODELURLS" not in found
    assert not plan.needs_server(LocalSettings(), {"MODELSFILE": "/models.yaml"})


def test_the_models_are_exported_for_the_engine_that_runs_them(started: dict[str, Program]) -> None:
    for name in ("export", "tfserving"):
        assert "--engine=onnxruntime" in started[name].arguments


def test_the_embedded_broker_has_the_topics_and_no_group_before_the_first_frame(
    started: dict[str, Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both would be waited for: a second, and three. With a Kafka of the user's, there may be further consumers."""
    assert {"videocam", "videodisplay", "videopredictions", "videostatus"} <= set(started["broker"].arguments)
    assert started["consumer"].environment["GROUPNAME"] == ""

    monkeypatch.setenv("BROKER", "127.0.0.1:9092")
    assert "GROUPNAME" not in programs({})["consumer"].environment
