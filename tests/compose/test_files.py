"""The compose files agree with the settings, with each other, and with what people rely on."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.kafka import configuration
from local.kafka.program import JVM
from local.services import SETTINGS
from shared.settings import document
from tests.manifests import objects as k8s
from tests.suite import ROOT, kafka_variable

HERE = ROOT / "compose"
TOGETHER = ("kafka", "tfserving", "producer", "consumer", "video")
# zookeeper takes kafka's place.
SUBSYSTEMS = (*TOGETHER, "zookeeper", "monitoring")
BROKERS = ("kafka", "zookeeper")
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
# ${NAME:-default}
_VARIABLE = re.compile(r"\$\{([A-Z_]+):-([^}]*)\}")
_EXAMPLE = re.compile(r"^(?:# example: )?([A-Z_]+)=(.*)$", re.MULTILINE)


def read(name: str) -> dict[str, Any]:
    document = yaml.safe_load((HERE / f"{name}.yml").read_text())
    assert isinstance(document, dict)
    return document


def environment(service: str) -> dict[str, str]:
    """The variables of a service as a container sees them when .env says nothing."""
    given = read(service)["services"][service]["environment"]
    return {name: _VARIABLE.sub(lambda found: found[2], str(value)) for name, value in given.items()}


@pytest.mark.parametrize("service", SETTINGS)
def test_every_variable_is_a_setting(service: str) -> None:
    """A variable that a file sets is one that the service reads."""
    settings = {row.variable for row in document(SETTINGS[service])}

    assert environment(service).keys() <= settings


@pytest.mark.parametrize("service", SETTINGS)
def test_values_are_accepted(service: str) -> None:
    """The service starts with what the file says, the camera apart, which a person has to name."""
    camera = {"VIDEOLINK": "rtsp://192.0.2.10/stream"} if service == "producer" else {}

    assert SETTINGS[service].load(**environment(service) | camera)


@pytest.mark.parametrize("service", SETTINGS)
def test_values_are_the_defaults(service: str) -> None:
    """Defaults are the same with compose as without it, except for the broker's name, logs and the film."""
    defaults = {row.variable: row.default.replace("kf1-service:", "kafka1:") for row in document(SETTINGS[service])}
    given = {
        name: value for name, value in environment(service).items() if value and name not in {"LOGFORMAT", "VIDEOLINK"}
    }

    assert {name: float(value) if _number(value) else value for name, value in given.items()} == {
        name: float(defaults[name]) if _number(defaults[name]) else defaults[name] for name in given
    }


def test_sample_film_is_in_the_image() -> None:
    """Without a camera, the producer plays a film that its image contains; the mounted folder exists."""
    producer = read("producer")["services"]["producer"]
    folder = _VARIABLE.sub(r"\2", producer["volumes"][0]).removesuffix(":/videos:ro")

    assert (HERE.parent / environment("producer")["VIDEOLINK"].removeprefix("/app/")).is_file()
    assert (HERE / folder).is_dir()


@pytest.mark.parametrize("broker", BROKERS)
def test_each_client_uses_its_own_listener(broker: str) -> None:
    """The ports that services are given are listeners of the broker, advertised under its name in the network."""
    kafka = read(broker)["services"]["kafka1"]["environment"]
    advertised = set(re.findall(r"//(kafka1:\d+)", kafka["KAFKA_ADVERTISED_LISTENERS"]))
    used = {
        value for service in SETTINGS for name, value in environment(service).items() if name.startswith("KAFKAPORT")
    }

    assert used == advertised - {"kafka1:19091"}
    assert re.findall(r":(\d+)", kafka["KAFKA_LISTENERS"])[:5] == re.findall(r":(\d+)", str(sorted(advertised)))


@pytest.mark.parametrize("broker", BROKERS)
def test_broker_is_configured_as_everywhere(broker: str) -> None:
    """Whatever kafka/server.properties says, addresses and folders apart, the image's variables say too."""
    properties = configuration.read(ROOT / "kafka" / "server.properties")
    elsewhere = {"listeners", "advertised.listeners", "log.dirs", "controller.quorum.bootstrap.servers"}
    if broker == "zookeeper":
        # There are neither controllers nor share groups.
        elsewhere |= {name for name in properties if name.startswith(("process.", "node.", "controller.", "share."))}
        map_name = "listener.security.protocol.map"
        properties[map_name] = properties[map_name].removesuffix(",CONTROLLER:PLAINTEXT")
    variables = read(broker)["services"]["kafka1"]["environment"]

    for name, value in properties.items():
        if name not in elsewhere:
            assert str(variables.get(kafka_variable(name))) == value, name
    assert " ".join(JVM) in variables["KAFKA_JVM_PERFORMANCE_OPTS"]


def test_topics_are_made_in_the_same_way() -> None:
    """Both forms of the bus get the topics that are declared, and the services' topics are among them."""
    declared = tomllib.loads((ROOT / "kafka" / "topics.toml").read_text()).keys()
    used = {value for service in SETTINGS for name, value in environment(service).items() if name.startswith("TOPIC")}

    assert read("kafka")["services"]["topics"] == read("zookeeper")["services"]["topics"]
    assert used <= declared


def test_model_is_where_the_consumer_looks() -> None:
    """The default address names an alias in the network, and a port that the image exposes."""
    default = next(row.default for row in document(SETTINGS["consumer"]) if row.variable == "MODELURLS")
    host, port = re.findall(r"http://([^:/]+):(\d+)/v1/models/tfModel:predict", default)[0]

    assert environment("consumer")["MODELURLS"] == ""
    assert host in read("tfserving")["services"]["tfserving"]["networks"]["dockerNet"]["aliases"]
    assert f" {port}\n" in re.findall(r"EXPOSE.*\n", (ROOT / "tfserving" / "Dockerfile").read_text())[0]


@pytest.mark.parametrize("name", SUBSYSTEMS)
def test_subsystems_stand_alone(name: str) -> None:
    """No file needs another: a project each, one network of the same name in all, nobody waits for another file's."""
    file = read(name)

    # Identical: Compose would recreate a network that differs while the other projects use it.
    assert file["networks"] == {"dockerNet": {"name": "dockerNet"}}
    assert file["name"] == f"mld-{name}"
    # Nothing else that docker-compose 1.29 does not know; v1.sh takes the name away.
    assert file.keys() <= {"name", "services", "networks", "volumes"}
    for service in file["services"].values():
        assert "dockerNet" in service["networks"]
        assert "depends_on" not in service
        assert "container_name" not in service


@pytest.mark.parametrize("name", SUBSYSTEMS)
def test_whatever_stays_has_a_health_check(name: str) -> None:
    """A file's own where the image is not ours; our images bring theirs."""
    for service, given in read(name)["services"].items():
        if service == "topics":  # ends
            continue
        ours = ROOT / service / "Dockerfile"
        assert given.get("healthcheck", {}).get("test") or "\nHEALTHCHECK " in ours.read_text()


def test_names_that_people_rely_on() -> None:
    """Hosts, aliases of the original, and the port of the page."""
    services = {name: service for file in SUBSYSTEMS for name, service in read(file)["services"].items()}
    aliases = {name: (service["networks"]["dockerNet"] or {}).get("aliases", []) for name, service in services.items()}

    assert aliases == {
        "kafka1": ["kf1-service"],
        "zookeeper1": ["zk1-service"],
        "topics": [],
        "tfserving": ["tfserving-service"],
        "producer": ["goproducer"],
        "consumer": ["goconsumer"],
        "video": ["govideo"],
        "prometheus": [],
        "grafana": [],
    }
    assert [_VARIABLE.sub(r"\2", port) for port in services["video"]["ports"]] == ["127.0.0.1:30163:8080"]


@pytest.mark.parametrize("name", SUBSYSTEMS)
def test_ports_are_published_on_the_loopback_interface(name: str) -> None:
    """Docker bypasses the host's firewall, and no page asks for a password."""
    for service in read(name)["services"].values():
        assert all(_VARIABLE.sub(r"\2", port).startswith("127.0.0.1:") for port in service.get("ports", ()))


@pytest.mark.parametrize("name", SUBSYSTEMS)
def test_limits_are_those_of_kubernetes(name: str) -> None:
    """Each service has a limit of memory, CPU and processes."""
    among = k8s.objects(name)
    pods = k8s.workloads(among)
    for service, given in read(name)["services"].items():
        limits = k8s.container(pods[service])["resources"]["limits"]

        assert k8s.size(_VARIABLE.sub(r"\2", given["mem_limit"]).upper() + "i") == k8s.size(limits["memory"]), service
        assert float(_VARIABLE.sub(r"\2", str(given["cpus"]))) == k8s.cores(limits["cpu"]), service
        assert 0 < given["pids_limit"] <= 1024, service


@pytest.mark.parametrize("name", ["tfserving", *SETTINGS])
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
    """compose.yml includes every subsystem, as secured.yml does in an order of services that there are."""
    (included,) = read("compose")["include"]
    (secured,) = read("secured")["include"]
    services = {name for file in TOGETHER for name in read(file)["services"]}
    order = read("order")["services"]

    assert included["path"] == [f"{name}.yml" for name in TOGETHER]
    assert secured["path"] == [f"{name}.yml" for name in (*TOGETHER, "order", "secured.bus")]
    assert order.keys() | {other for service in order.values() for other in service["depends_on"]} <= services


def test_example_names_every_variable() -> None:
    """.env.example has every variable of the files, with the default that they have, and no other."""
    used: dict[str, str] = {}
    for path in [*HERE.glob("*.yml")]:
        used |= dict(_VARIABLE.findall(_without_comments(path)))
    example = (HERE / ".env.example").read_text()
    shown = {name for name, _ in _EXAMPLE.findall(example)}
    stated = dict(_EXAMPLE.findall(re.sub(r"(?m)^#.*$", "", example)))

    assert shown == used.keys() - {"KAFKA_CLUSTER_ID"}
    assert stated == {name: used[name] for name in stated}


def _without_comments(path: Path) -> str:
    return re.sub(r"(?m)^\s*#.*$", "", path.read_text())


def _number(text: str) -> bool:
    return re.fullmatch(r"\d+(\.\d+)?", text) is not None
