"""The manifests agree with the settings, with each other, with compose and with what people rely on."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from av import VideoFrame
from prometheus_client import CollectorRegistry

from local.kafka.configuration import read
from local.kafka.program import JVM
from local.services import SETTINGS
from producer.files import pictures
from shared.go_notation import Address
from shared.process.probes import Probes, Pulse, Readiness
from shared.settings import document
from tests.manifests import objects as k8s
from tests.manifests.objects import FORMS, HERE, SUBSYSTEMS, Object, container, environment, of_kind, ports, suite
from tests.suite import LOOPBACK, ROOT, get, kafka_variable

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
TOPICS = tomllib.loads((ROOT / "kafka" / "topics.toml").read_text())
PROPERTIES, OF_THREE = (read(ROOT / "kafka" / file) for file in ("server.properties", "three.properties"))
PROBE_PATHS = {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}


def seen_by(service: str) -> dict[str, str]:
    """What the service's container sees when there is no Secret."""
    among = k8s.objects(service)
    return environment(of_kind("Deployment", among)[service], among)


@pytest.fixture
def film() -> Path:
    """The film that the producer's manifest names, in the source of the image."""
    return ROOT / seen_by("producer")["VIDEOLINK"].removeprefix("/app/")


@pytest.mark.parametrize("service", SETTINGS)
def test_every_variable_is_a_setting(service: str) -> None:
    """A variable that a manifest sets is one that the service reads."""
    assert seen_by(service).keys() <= {row.variable for row in document(SETTINGS[service])}


@pytest.mark.parametrize("service", SETTINGS)
def test_values_are_accepted(service: str, film: Path) -> None:
    """The service starts with what its manifest says."""
    camera = {"VIDEOLINK": str(film)} if service == "producer" else {}

    assert SETTINGS[service].load(**seen_by(service) | camera)


@pytest.mark.parametrize("service", SETTINGS)
def test_values_are_the_defaults(service: str) -> None:
    """Defaults are the same in a cluster as outside it."""
    defaults = {row.variable: row.default for row in document(SETTINGS[service])}
    own = {"LOGFORMAT", "LABELURLS", "VIDEOLINK"}

    for name, value in seen_by(service).items():
        if name not in own:
            assert _plain(value) == _plain(defaults[name]), name


def test_compose_says_the_same() -> None:
    """Variables that both name have the same values, but for the names of hosts."""
    hosts = {"kafka1:": "kf1-service:", "tfserving:": "tfserving-service:"}
    for service in SETTINGS:
        given = yaml.safe_load((ROOT / "compose" / f"{service}.yml").read_text())["services"][service]["environment"]
        seen = seen_by(service)
        for name in given.keys() & seen.keys() - {"VIDEOLINK"}:
            value = re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", str(given[name]))
            for host, other in hosts.items():
                value = value.replace(host, other)
            value = value.replace("${HOSTPORT:-30163}", "30163")
            assert not value or _plain(value) == _plain(seen[name]), f"{service}: {name}"


@pytest.mark.parametrize("form", FORMS)
def test_names_that_people_rely_on(form: str) -> None:
    """StatefulSets, Deployments, Services and ConfigMaps have the names of the original."""
    among = suite(form)
    zookeeper = form == "zookeeper"

    assert of_kind("Deployment", among).keys() == {"tfserving", "producer", "consumer", "video"}
    assert of_kind("StatefulSet", among).keys() == ({"kafka1", "zookeeper1"} if zookeeper else {"kafka1"})
    assert of_kind("Service", among).keys() - {"kafka1"} == {
        *(["zk1-service"] if zookeeper else []),
        "kf1-service",
        "tfserving-service",
        "govideo-service",
    }
    assert "models-configmap" in of_kind("ConfigMap", among)


@pytest.mark.parametrize("form", FORMS)
def test_images_are_of_this_version(form: str) -> None:
    """Ours bear the project's version, in the image's tag and in the label; nobody's is `latest`."""
    for name, workload in k8s.workloads(suite(form)).items():
        image, _, tag = container(workload)["image"].rpartition(":")
        ours = image in {"producer", "consumer", "video", "tfserving"}

        assert re.fullmatch(r"\d+\.\d+\.\d+", tag), name
        assert not ours or tag == VERSION, name
        assert k8s.labels(workload)["app.kubernetes.io/version"] == tag or name == "topics"
        assert container(workload)["imagePullPolicy"] == "IfNotPresent"


@pytest.mark.parametrize("form", FORMS)
def test_topics_are_those_of_the_list(form: str) -> None:
    """The ConfigMap holds kafka/topics.toml word for word, and the Job applies it."""
    among = k8s.objects(form)
    job = of_kind("Job", among)["topics"]
    (path, *_) = container(job)["args"]
    (mount,) = container(job)["volumeMounts"]
    (volume,) = k8s.template(job)["spec"]["volumes"]

    assert of_kind("ConfigMap", among)["topics-configmap"]["data"] == {
        "topics.toml": (ROOT / "kafka" / "topics.toml").read_text()
    }
    assert path == f"{mount['mountPath']}/topics.toml"
    assert volume == {"name": mount["name"], "configMap": {"name": "topics-configmap"}}
    assert container(job)["command"] == ["python", "-m", "shared.topics"]


def test_topics_that_services_use_are_declared() -> None:
    """No service names a topic that is not created."""
    used = {value for service in SETTINGS for name, value in seen_by(service).items() if name.startswith("TOPICNAME")}

    assert used <= TOPICS.keys()


def test_consumers_are_as_many_as_partitions_at_most() -> None:
    """Both autoscalers end where a further replica would have nothing to read."""
    (autoscaler,) = of_kind("HorizontalPodAutoscaler", k8s.objects("consumer")).values()
    (scaled, *_) = k8s.documents(HERE / "components" / "keda" / "scaledobject.yml")
    (trigger,) = scaled["spec"]["triggers"]
    seen = seen_by("consumer")

    assert autoscaler["spec"]["maxReplicas"] == TOPICS[seen["TOPICNAMEIN"]]["partitions"]
    assert scaled["spec"]["maxReplicaCount"] == autoscaler["spec"]["maxReplicas"]
    assert scaled["spec"]["scaleTargetRef"]["name"] == autoscaler["spec"]["scaleTargetRef"]["name"] == "consumer"
    assert trigger["metadata"]["topic"] == seen["TOPICNAMEIN"]
    assert trigger["metadata"]["consumerGroup"] == seen["GROUPNAME"]


@pytest.mark.parametrize("form", FORMS)
def test_broker_is_configured_as_everywhere(form: str) -> None:
    """Whatever kafka/server.properties says, addresses, folders and KRaft apart, the image's variables say too."""
    among = k8s.objects(form)
    variables = environment(of_kind("StatefulSet", among)["kafka1"], among)
    of_the_place = {"listeners", "advertised.listeners", "log.dirs", "controller.quorum.bootstrap.servers"}
    of_kraft = {"process.roles", "node.id", "controller.listener.names", "listener.security.protocol.map"}
    if form == "zookeeper":
        of_the_place |= of_kraft | {name for name in PROPERTIES if name.startswith("share.coordinator")}

    for name, value in PROPERTIES.items():
        if name not in of_the_place:
            assert variables.get(kafka_variable(name)) == value, name
    assert variables["KAFKA_JVM_PERFORMANCE_OPTS"] == " ".join(JVM)


@pytest.mark.parametrize("form", FORMS)
def test_broker_tells_clients_the_listeners_that_it_has(form: str) -> None:
    """What is advertised is listened on, has a protocol, is a port of the pod, and of kf1-service."""
    among = k8s.objects(form)
    broker = of_kind("StatefulSet", among)["kafka1"]
    variables = environment(broker, among)
    advertised = _listeners(variables["KAFKA_ADVERTISED_LISTENERS"])
    listening = _listeners(variables["KAFKA_LISTENERS"])
    protocols = dict(pair.split(":") for pair in variables["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))
    service = of_kind("Service", among)["kf1-service"]

    assert advertised.items() <= listening.items()
    assert protocols.keys() == listening.keys()
    assert {name.lower(): port for name, port in listening.items()} == ports(broker)
    assert {port["name"]: port["port"] for port in service["spec"]["ports"]} == {
        name.lower(): port for name, port in advertised.items()
    }
    assert advertised.items() <= _listeners(PROPERTIES["advertised.listeners"]).items()


def test_each_client_uses_its_own_listener() -> None:
    """The addresses that services are given are the broker's Service and, each, another port of it."""
    used = [value for service in SETTINGS for name, value in seen_by(service).items() if name.startswith("KAFKAPORT")]
    (broker,) = of_kind("StatefulSet", k8s.objects("kafka")).values()

    assert sorted(used) == [f"kf1-service:{ports(broker)[name]}" for name in ("prod1", "prod2", "cons1", "cons2")]


def test_three_brokers_are_configured_as_everywhere() -> None:
    """Whatever kafka/three.properties says."""
    _, config = k8s.documents(HERE / "overlays" / "three-brokers" / "kafka.yml")

    for name, value in OF_THREE.items():
        assert config["data"].get(kafka_variable(name)) == value, name


def test_three_brokers_know_each_other() -> None:
    """The overlay names a voter for each replica, by its name in the headless Service and its number."""
    statefulset, config = k8s.documents(HERE / "overlays" / "three-brokers" / "kafka.yml")
    voters = config["data"]["KAFKA_CONTROLLER_QUORUM_VOTERS"].split(",")
    base = of_kind("StatefulSet", k8s.objects("kafka"))["kafka1"]
    headless = base["spec"]["serviceName"]

    assert voters == [
        f"{number}@kafka1-{number}.{headless}:{ports(base)['controller']}"
        for number in range(statefulset["spec"]["replicas"])
    ]
    assert headless in of_kind("Service", k8s.objects("kafka"))
    assert {name: value for name, value in config["data"].items() if name.endswith("REPLICATION_FACTOR")} == {
        name: "3" for name in _variables("kafka-configmap") if name.endswith("REPLICATION_FACTOR")
    }
    assert {name: value for name, value in config["data"].items() if name.endswith(("MIN_ISR", "INSYNC_REPLICAS"))} == {
        name: "2" for name in _variables("kafka-configmap") if name.endswith(("MIN_ISR", "INSYNC_REPLICAS"))
    }


def test_consumer_asks_the_model_that_is_served() -> None:
    """Host, port and name in MODELURLS are those of the model server, and of its probes."""
    among = k8s.objects("tfserving")
    server = of_kind("Deployment", among)["tfserving"]
    name = environment(server, among)["MODEL_NAME"]
    service = of_kind("Service", among)["tfserving-service"]
    rest = ports(server)["rest"]

    for url in json.loads(seen_by("consumer")["MODELURLS"]).values():
        assert urlsplit(url).netloc == f"{service['metadata']['name']}:{rest}"
        assert urlsplit(url).path == f"/v1/models/{name}:predict"
    for probe in ("startupProbe", "readinessProbe"):
        assert container(server)[probe]["httpGet"] == {"path": f"/v1/models/{name}/metadata", "port": "rest"}
    assert {port["port"] for port in service["spec"]["ports"]} == {8500, 8501}


def test_labels_are_where_the_image_has_them() -> None:
    """LABELURLS names a file that the consumer's image links, for a model that is asked."""
    seen = seen_by("consumer")
    models, files = json.loads(seen["MODELURLS"]), json.loads(seen["LABELURLS"])

    assert files.keys() <= models.keys()
    for path in files.values():
        folder, _, name = path.rpartition("/")
        assert f"ln -s /app/consumer/assets {folder}" in (ROOT / "consumer" / "Dockerfile").read_text()
        assert (ROOT / "consumer" / "assets" / name).is_file()


@pytest.mark.parametrize("service", SETTINGS)
def test_ports_are_those_that_the_service_is_told(service: str) -> None:
    """Probes and page listen where the pod's ports say, and Prometheus is sent there."""
    deployment = of_kind("Deployment", k8s.objects(service))[service]
    seen = seen_by(service)
    told = {"probes": seen["PROBEPORT"]} | ({"http": seen["DISPLAYPORT"]} if service == "video" else {})

    assert {name: f":{port}" for name, port in ports(deployment).items()} == told
    assert k8s.template(deployment)["metadata"]["annotations"] == {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(ports(deployment)["probes"]),
        "prometheus.io/path": "/metrics",
    }


def test_page_is_at_the_port_that_people_know() -> None:
    """govideo-service, NODEPORT and kind agree on 30163."""
    service = of_kind("Service", k8s.objects("video"))["govideo-service"]
    (port,) = service["spec"]["ports"]
    kind = yaml.safe_load((HERE / "kind.yaml").read_text())
    (mapping,) = kind["nodes"][0]["extraPortMappings"]

    assert service["spec"]["type"] == "NodePort"
    assert seen_by("video")["NODEPORT"] == f":{port['nodePort']}" == ":30163"
    assert mapping["containerPort"] == mapping["hostPort"] == 30163


@pytest.mark.parametrize("service", SETTINGS)
def test_probes_ask_for_paths_that_exist(service: str) -> None:
    """Each kind of probe asks the path that is made for it, at the port of probes; the service answers there."""
    probes = {name: container(of_kind("Deployment", k8s.objects(service))[service])[name] for name in PROBE_PATHS}
    server = Probes(
        Address(LOOPBACK, 0), registry=CollectorRegistry(), pulse=Pulse(), readiness=lambda: Readiness(True, {})
    )
    server.start()
    try:
        for name, probe in probes.items():
            assert probe["httpGet"] == {"path": PROBE_PATHS[name], "port": "probes"}
            assert get(f"http://{LOOPBACK}:{server.port}{probe['httpGet']['path']}")[0] == 200
    finally:
        server.close()


def test_the_film_plays(film: Path) -> None:
    """Without a camera, the producer plays a film that is in its image."""
    first = next(pictures(str(film), interval_s=0, tick=lambda: None))

    assert isinstance(first.content, VideoFrame)
    assert (first.content.width, first.content.height) == (384, 256)


@pytest.mark.parametrize("name", SUBSYSTEMS)
def test_commands_in_the_heads_name_the_file(name: str) -> None:
    """The first line of a manifest says how it is applied."""
    path = HERE / name / "deployment.yml"

    assert f"kubectl apply -f {path.relative_to(ROOT)}" in "".join(path.read_text().splitlines(True)[:2])


def _variables(config_map: str) -> dict[str, str]:
    return dict(of_kind("ConfigMap", k8s.objects("kafka"))[config_map]["data"])


def _listeners(text: str) -> dict[str, int]:
    return {name: int(port) for name, port in re.findall(r"([A-Z0-9]+)://[^:,]*:(\d+)", text)}


def _plain(text: str) -> Any:
    """A value without what does not matter: `1` and `1.0`, spaces in JSON, a line's end."""
    try:
        return json.loads(text)
    except ValueError:
        return text.strip()


def test_objects_are_applied_once() -> None:
    """No two subsystems make the same object: deleting one leaves the others."""
    for form in FORMS:
        names = [(thing["kind"], thing["metadata"]["name"]) for thing in suite(form)]
        assert len(names) == len(set(names))


@pytest.mark.parametrize("name", [*SUBSYSTEMS, "zookeeper"])
def test_objects_go_where_kubectl_points(name: str) -> None:
    """No object of a subsystem names a namespace; each says what it belongs to."""
    thing: Object
    for thing in k8s.objects(name):
        assert "namespace" not in thing["metadata"]
        assert thing["metadata"]["labels"]["app.kubernetes.io/part-of"] == "machine-learning-deployment"
        assert "app.kubernetes.io/name" in thing["metadata"]["labels"]


def test_commands_in_the_documentation_name_what_is_there() -> None:
    """Files, folders, workloads and Services in docs/kubernetes.md are those of the manifests."""
    text = (ROOT / "docs" / "kubernetes.md").read_text()
    paths = set(re.findall(r"(?:-f|-k|--config) (k8s[\w./-]*)", text))
    named = set(re.findall(r"\b(deployment|statefulset|service)/([a-z0-9]+(?:-[a-z0-9]+)*)", text))
    kinds = {"statefulset": "StatefulSet", "deployment": "Deployment", "service": "Service"}
    among = suite("kafka")

    assert {path for path in paths if not (ROOT / path).exists()} == set()
    assert {f"k8s/{name}/deployment.yml" for name in [*SUBSYSTEMS, "zookeeper"]} <= paths
    for kind, name in named:
        assert name in of_kind(kinds[kind], among), f"{kind}/{name}"
