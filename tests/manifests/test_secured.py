"""The manifests and compose files of a secured bus say what kafka/secured/ says."""

from typing import Any

import pytest
import yaml

from local.kafka.configuration import read
from tests.kafka.secured import BOTH_COMPILERS
from tests.manifests.objects import of_kind, template, workloads
from tests.manifests.test_kustomize import build
from tests.suite import ROOT, kafka_variable

SECURED = ROOT / "kafka" / "secured"
PROPERTIES = {kafka_variable(name): value for name, value in read(SECURED / "server.properties").items()}
STORES = {
    "KAFKA_SSL_KEYSTORE_LOCATION": "/etc/kafka/secrets/kafka.pem",
    "KAFKA_SSL_TRUSTSTORE_LOCATION": "/etc/kafka/secrets/ca.pem",
}
JAVA = {"KAFKA_JVM_PERFORMANCE_OPTS": " ".join(BOTH_COMPILERS)}
"""Those of the open bus but for the quick compiler alone, which encrypts slowly."""


def test_the_overlay_sets_the_properties() -> None:
    data = of_kind("ConfigMap", build("overlays/secured"))["kafka-configmap"]["data"]
    open_ = of_kind("ConfigMap", build("."))["kafka-configmap"]["data"]

    assert {name: value for name, value in data.items() if open_.get(name) != value} == PROPERTIES | STORES | JAVA
    assert open_.keys() <= data.keys()


def test_the_overlay_has_the_list_of_users() -> None:
    assert of_kind("ConfigMap", build("overlays/secured"))["users-configmap"]["data"] == {
        "users.toml": (SECURED / "users.toml").read_text()
    }


@pytest.mark.parametrize("name", ["producer", "consumer", "video", "topics", "users"])
def test_pods_wait_for_their_secret(name: str) -> None:
    """They read it at their start only: one that began without it would be refused until somebody restarts it."""
    (container,) = template(workloads(build("overlays/secured"))[name])["spec"]["containers"]
    sources = [source["secretRef"] for source in container["envFrom"] if "secretRef" in source]

    assert [source.get("optional", False) for source in sources if source["name"] == f"{name}-secret"] == [False]


def test_no_listener_is_open() -> None:
    protocols = dict(pair.split(":") for pair in PROPERTIES["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))

    assert set(protocols.values()) == {"SSL", "SASL_SSL"}
    wants_certificates = {name for name, protocol in protocols.items() if protocol == "SSL"}
    assert all(PROPERTIES[f"KAFKA_LISTENER_NAME_{name}_SSL_CLIENT_AUTH"] == "required" for name in wants_certificates)


def test_the_broker_advertises_a_name_of_its_certificate() -> None:
    """Clients compare the name with the certificate; the pod's address is in none."""
    (container,) = template(workloads(build("overlays/secured"))["kafka1"])["spec"]["containers"]
    (advertised,) = (one["value"] for one in container["env"] if one["name"] == "KAFKA_ADVERTISED_LISTENERS")
    hosts = {address.split("://")[1].split(":")[0] for address in advertised.replace(" ", "").split(",")}
    script = (SECURED / "credentials.sh").read_text()
    (names,) = (line.partition("=")[2].split(",") for line in script.splitlines() if line.startswith("hosts="))

    assert hosts <= set(names)
    assert {"localhost", "kafka1"} <= set(names)  # the controller's, and Compose's


def test_compose_sets_the_same() -> None:
    services: dict[str, Any] = yaml.safe_load((ROOT / "compose" / "secured.bus.yml").read_text())["services"]
    environment = {name: str(value).replace("$$", "$") for name, value in services["kafka1"]["environment"].items()}

    assert environment == PROPERTIES | STORES | JAVA
    for name in ("topics", "producer", "consumer", "video"):
        assert services[name]["environment"]["KAFKACONFIG"].startswith(f"${{{name.upper()}_KAFKACONFIG:?")
