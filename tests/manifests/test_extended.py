"""The extended original's subsystems: two model servers, and a consumer that asks both."""

import json
import tomllib
from typing import Any
from urllib.parse import urlsplit

import pytest
from kubernetes_validate import utils

from consumer.settings import ConsumerSettings
from tests.manifests import objects as k8s
from tests.manifests.objects import HERE, Object, allowed, container, cores, environment, of_kind, ports, selected, size
from tests.manifests.test_confinement import (
    test_pod_is_restricted,
    test_pod_says_what_it_takes,
    test_service_is_probed_and_has_time_to_end,
)
from tests.manifests.test_kustomize import NAMESPACE, build
from tests.manifests.test_schema import VERSIONS
from tests.suite import ROOT

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
SERVERS = {"tfsimagenet": "resnet", "tfsemonet": "cnn"}
"""Server → its model."""


def servers() -> dict[str, Object]:
    return k8s.workloads(k8s.objects("extended"))


def settings() -> dict[str, str]:
    (configmap,) = k8s.documents(HERE / "extended" / "models.yml")
    return dict(configmap["data"])


def test_names_that_people_rely_on() -> None:
    among = k8s.objects("extended")

    assert of_kind("Deployment", among).keys() == SERVERS.keys()
    assert of_kind("Service", among).keys() == {f"{name}-service" for name in SERVERS}
    assert of_kind("NetworkPolicy", among).keys() == of_kind("ServiceAccount", among).keys() == SERVERS.keys()
    for name, workload in servers().items():
        assert container(workload)["image"] == f"{name}:{VERSION}"


@pytest.mark.parametrize("name", SERVERS)
def test_servers_are_confined_and_probed_as_all_are(name: str) -> None:
    for check in (test_pod_is_restricted, test_pod_says_what_it_takes, test_service_is_probed_and_has_time_to_end):
        check(name, servers()[name])


@pytest.mark.parametrize("name", SERVERS)
def test_selectors_find_their_pods(name: str) -> None:
    """Each object selects the pods of one of the two, and its Service their ports."""
    among = k8s.objects("extended")
    workload = servers()[name]
    service = of_kind("Service", among)[f"{name}-service"]

    assert selected(service["spec"]["selector"], among) == [name]
    assert {port["port"]: port["targetPort"] for port in service["spec"]["ports"]} == {8500: "grpc", 8501: "rest"}
    assert ports(workload) == {"grpc": 8500, "rest": 8501}
    assert selected(workload["spec"]["selector"]["matchLabels"], among) == [name]
    assert selected(of_kind("NetworkPolicy", among)[name]["spec"]["podSelector"]["matchLabels"], among) == [name]
    assert selected(of_kind("PodDisruptionBudget", among)[name]["spec"]["selector"]["matchLabels"], among) == [name]


def test_the_consumer_asks_the_models_that_are_served() -> None:
    """Objects and emotions side by side; the consumer accepts these settings."""
    models, labels = (json.loads(settings()[name]) for name in ("MODELURLS", "LABELURLS"))
    among = k8s.objects("extended")

    assert models.keys() == labels.keys() == {"imagenet_1", "emonet_1"}
    assert {urlsplit(url).netloc for url in models.values()} == {f"{name}-service:8501" for name in SERVERS}
    for url in models.values():
        server = urlsplit(url).hostname or ""
        model = SERVERS[server.removesuffix("-service")]
        workload = servers()[server.removesuffix("-service")]
        assert urlsplit(url).path == f"/v1/models/{model}:predict"
        assert environment(workload, among)["MODEL_NAME"] == model
        for probe in ("startupProbe", "readinessProbe"):
            assert container(workload)[probe]["httpGet"]["path"] == f"/v1/models/{model}/metadata"
    for path in labels.values():
        folder, _, name = path.rpartition("/")
        assert f"ln -s /app/consumer/assets {folder}" in (ROOT / "consumer" / "Dockerfile").read_text()
        assert (ROOT / "consumer" / "assets" / name).is_file()
    assert ConsumerSettings.load(**settings()).model_urls == models


def test_the_images_hold_the_models_under_these_names() -> None:
    """`make images-extended` builds them, and under the name that the original's addresses have as well."""
    makefile = (ROOT / "Makefile").read_text()

    for server, model in SERVERS.items():
        _, _, rest = makefile.partition(f"--tag {server}:$(VERSION)")
        (arguments, _, _) = rest.partition("$(BUILD)")
        assert f"MODELS='{model}=" in arguments
        assert " tfModel=" in arguments


def test_the_consumer_reaches_both_and_they_reach_nothing() -> None:
    """The consumer's policy lets it connect to every model server; theirs let nobody else in but Prometheus."""
    among = [*k8s.objects("extended"), *k8s.objects("consumer"), *k8s.objects("tfserving")]
    policies = of_kind("NetworkPolicy", among)
    reached = [name for peer, _ in allowed(policies["consumer"], "egress") for name in _pods(peer, among)]

    assert sorted(reached) == sorted([*SERVERS, "tfserving"])
    for name in SERVERS:
        callers = [caller for peer, _ in allowed(policies[name], "ingress") for caller in _pods(peer, among)]
        assert callers == ["consumer"]
        assert list(allowed(policies[name], "egress")) == []


def _pods(peer: dict[str, Any], among: list[Object]) -> list[str]:
    return selected(peer["podSelector"]["matchLabels"], among) if "podSelector" in peer else []


def test_all_of_it_is_in_one_namespace_and_fits_a_small_node() -> None:
    """`kubectl apply -k k8s/extended`: the two servers in place of the one, and the consumer's models replaced."""
    things = build("extended")
    cpu = sum(_replicas(pod) * cores(container(pod)["resources"]["requests"]["cpu"]) for pod in _pods_of(things))
    memory = sum(_replicas(pod) * size(container(pod)["resources"]["requests"]["memory"]) for pod in _pods_of(things))

    assert k8s.workloads(things).keys() == {*SERVERS, "kafka1", "topics", "producer", "consumer", "video"}
    assert {thing["metadata"]["namespace"] for thing in things if thing["kind"] != "Namespace"} == {NAMESPACE}
    assert of_kind("ConfigMap", things)["models-configmap"]["data"] == settings()
    assert cpu <= 1.6
    assert memory <= 5 * 2**30
    for thing in things:
        for version in (VERSIONS[0], VERSIONS[-1]):
            assert utils.validate(thing, version, strict=True) == version


def _pods_of(things: list[Object]) -> list[Object]:
    return list(k8s.workloads(things).values())


def _replicas(workload: Object) -> int:
    return int(workload["spec"].get("replicas", 1))
