"""The compose files agree with the settings, with each other, and with what people rely on."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.readme import SERVICES
from shared.settings import document
from tests.suite import ROOT

HERE = ROOT / "compose"
SUBSYSTEMS = ("kafka", "tfserving", "producer", "consumer", "video")
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
# ${NAME:-default}
_VARIABLE = re.compile(r"\$\{([A-Z_]+):-([^}]*)\}")
_EXAMPLE = re.compile(r"^(?:# example: )?([A-Z_]+)=(.*)$", re.MULTILINE)
# Of compose itself, not of a file.
_OF_COMPOSE = {"COMPOSE_IGNORE_ORPHANS"}


def read(name: str) -> dict[str, Any]:
    document = yaml.safe_load((HERE / f"{name}.yml").read_text())
    assert isinstance(document, dict)
    return document


def environment(service: str) -> dict[str, str]:
    """The variables of a service as a container sees them when .env says nothing."""
    given = read(service)["services"][service]["environment"]
    return {name: _VARIABLE.sub(lambda found: found[2], str(value)) for name, value in given.items()}


@pytest.mark.parametrize("service", SERVICES)
def test_every_variable_is_a_setting(service: str) -> None:
    """A variable that a file sets is one that the service reads."""
    settings = {row.variable for row in document(SERVICES[service])}

    assert environment(service).keys() <= settings


@pytest.mark.parametrize("service", SERVICES)
def test_values_are_accepted(service: str) -> None:
    """The service starts with what the file says, the camera apart, which a person has to name."""
    camera = {"VIDEOLINK": "rtsp://192.0.2.10/stream"} if service == "producer" else {}

    assert SERVICES[service].load(**environment(service) | camera)


@pytest.mark.parametrize("service", SERVICES)
def test_values_are_the_defaults(service: str) -> None:
    """What nobody has changed is the same by compose as without it; only the broker's host has another name."""
    defaults = {row.variable: row.default.replace("kf1-service:", "kafka1:") for row in document(SERVICES[service])}
    given = {name: value for name, value in environment(service).items() if value and name != "LOGFORMAT"}

    assert {name: float(value) if _number(value) else value for name, value in given.items()} == {
        name: float(defaults[name]) if _number(defaults[name]) else defaults[name] for name in given
    }


def test_each_client_uses_its_own_listener() -> None:
    """The ports that services are given are listeners of the broker, advertised under its name in the network."""
    kafka = read("kafka")["services"]["kafka1"]["environment"]
    advertised = set(re.findall(r"//(kafka1:\d+)", kafka["KAFKA_ADVERTISED_LISTENERS"]))
    used = {
        value for service in SERVICES for name, value in environment(service).items() if name.startswith("KAFKAPORT")
    }

    assert used == advertised - {"kafka1:19091"}


def test_broker_is_configured_as_everywhere() -> None:
    """Whatever kafka/server.properties says, addresses and folders apart, the image's variables say too."""
    lines = (ROOT / "kafka" / "server.properties").read_text().splitlines()
    properties = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    of_the_place = {"listeners", "advertised.listeners", "log.dirs", "controller.quorum.bootstrap.servers"}
    variables = read("kafka")["services"]["kafka1"]["environment"]

    for name, value in properties.items():
        if name not in of_the_place:
            assert str(variables.get(f"KAFKA_{name.replace('.', '_').upper()}")) == value, name


@pytest.mark.parametrize("name", SUBSYSTEMS)
def test_subsystems_stand_alone(name: str) -> None:
    """No file needs another: one network of the same name in all, and nobody waits for a service elsewhere."""
    file = read(name)

    assert file["networks"] == {"dockerNet": {"name": "dockerNet"}}
    for service in file["services"].values():
        assert "dockerNet" in service["networks"]
        assert "depends_on" not in service
        assert "container_name" not in service
    # docker-compose 1.29 knows neither.
    assert not {"name", "include"} & file.keys()


def test_names_that_people_rely_on() -> None:
    """Hosts, aliases of the original, and the port of the page."""
    services = {name: service for file in SUBSYSTEMS for name, service in read(file)["services"].items()}
    aliases = {name: (service["networks"]["dockerNet"] or {}).get("aliases", []) for name, service in services.items()}

    assert aliases == {
        "kafka1": ["kf1-service"],
        "topics": [],
        "tfserving": ["tfserving-service"],
        "producer": ["goproducer"],
        "consumer": ["goconsumer"],
        "video": ["govideo"],
    }
    assert [_VARIABLE.sub(r"\2", port) for port in services["video"]["ports"]] == ["30163:8080"]


@pytest.mark.parametrize("name", ["tfserving", *SERVICES])
def test_services_are_confined(name: str) -> None:
    """Each runs our image of this version with nothing to write but /tmp and no privileges."""
    service = read(name)["services"][name]

    assert _VARIABLE.sub(r"\2", service["image"]) == f"{name}:{VERSION}"
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"


def test_all_together_are_all() -> None:
    """compose.yml includes every subsystem, and order.yml names services that there are."""
    (included,) = read("compose")["include"]
    services = {name for file in SUBSYSTEMS for name in read(file)["services"]}
    order = read("order")["services"]

    assert included["path"] == [f"{name}.yml" for name in (*SUBSYSTEMS, "order")]
    assert order.keys() | {other for service in order.values() for other in service["depends_on"]} <= services


def test_example_names_every_variable() -> None:
    """.env.example has every variable of the files, with the default that they have, and no other."""
    used: dict[str, str] = {}
    for path in [*HERE.glob("*.yml")]:
        used |= dict(_VARIABLE.findall(_without_comments(path)))
    example = (HERE / ".env.example").read_text()
    shown = {name for name, _ in _EXAMPLE.findall(example)} - _OF_COMPOSE
    stated = dict(_EXAMPLE.findall(re.sub(r"(?m)^#.*$", "", example)))

    assert shown == used.keys() - {"KAFKA_CLUSTER_ID"}
    assert {name: value for name, value in stated.items() if name not in _OF_COMPOSE} == {
        name: used[name] for name in stated.keys() - _OF_COMPOSE
    }


def _without_comments(path: Path) -> str:
    return re.sub(r"(?m)^\s*#.*$", "", path.read_text())


def _number(text: str) -> bool:
    return re.fullmatch(r"\d+(\.\d+)?", text) is not None
