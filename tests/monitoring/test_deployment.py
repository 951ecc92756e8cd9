"""The subsystem in compose and in Kubernetes: the same files, flags and images, confined, and closed to the outside."""

import re
from typing import Any

import pytest
import yaml

from local.services import SETTINGS
from shared.settings import document
from tests.manifests.test_kustomize import build
from tests.monitoring import files
from tests.suite import ROOT

PARTS = ("prometheus", "grafana")
COMPOSE: dict[str, Any] = files.read_yaml(ROOT / "compose" / "monitoring.yml")["services"]
MANIFESTS: list[dict[str, Any]] = list(yaml.safe_load_all((ROOT / "k8s" / "monitoring" / "deployment.yml").read_text()))
_DEFAULT = re.compile(r"\$\{[A-Z_]+:-([^}]*)\}")


def manifest(kind: str, name: str) -> dict[str, Any]:
    (found,) = [one for one in MANIFESTS if one["kind"] == kind and one["metadata"]["name"] == name]
    return found


def pod(name: str) -> dict[str, Any]:
    spec = manifest("Deployment", name)["spec"]["template"]["spec"]
    assert isinstance(spec, dict)
    return spec


def container(name: str) -> dict[str, Any]:
    (found,) = pod(name)["containers"]
    assert isinstance(found, dict)
    return found


def plain(text: str) -> str:
    """Return a value of compose when .env says nothing."""
    return _DEFAULT.sub(r"\1", text)


@pytest.mark.parametrize("part", PARTS)
def test_images_are_the_same(part: str) -> None:
    """Pinned, with no registry before the name; the label says which version."""
    image = container(part)["image"]

    assert plain(COMPOSE[part]["image"]) == image
    assert re.fullmatch(rf"(prom|grafana)/{part}:v?\d+\.\d+\.\d+", image)
    labels = manifest("Deployment", part)["spec"]["template"]["metadata"]["labels"]
    assert image.endswith(labels["app.kubernetes.io/version"])
    assert f"`{image}`" in files.DOCUMENT.read_text()


def test_prometheus_is_started_alike() -> None:
    assert container("prometheus")["args"] == COMPOSE["prometheus"]["command"]


@pytest.mark.parametrize("part", PARTS)
def test_compose_confines(part: str) -> None:
    """No privilege, nothing to write but what is named, and reached from this machine only."""
    service = COMPOSE[part]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert int(service["user"].partition(":")[0]) == pod(part)["securityContext"]["runAsUser"] > 0
    assert all(plain(port).startswith("127.0.0.1:") for port in service["ports"])
    assert all(volume.endswith(":ro") for volume in service["volumes"] if volume.startswith("."))


@pytest.mark.parametrize("part", PARTS)
def test_kubernetes_confines(part: str) -> None:
    """The restricted Pod Security Standard, no token, no variables of other services, and a limit to what it takes."""
    spec, inside = pod(part), container(part)

    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is spec["enableServiceLinks"] is False
    assert manifest("ServiceAccount", part)["automountServiceAccountToken"] is False
    assert inside["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"requests", "limits"} <= inside["resources"].keys()
    assert {"startupProbe", "livenessProbe", "readinessProbe"} <= inside.keys()
    assert "type" not in manifest("Service", part)["spec"], "ClusterIP"


def test_nothing_of_a_namespace_is_in_it() -> None:
    """It goes where kubectl's context points, or where a kustomization says."""
    assert not any("namespace" in one["metadata"] for one in MANIFESTS)
    assert not {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"} & {one["kind"] for one in MANIFESTS}


def test_prometheus_finds_every_service() -> None:
    """By the name of a compose service, and of a headless Service that gives pods which are not ready as well."""
    scrapes = {one["job_name"]: one for one in files.read_yaml(files.SCRAPES)["scrape_configs"]}
    probes = {row.variable: row.default for row in document(SETTINGS["video"])}["PROBEPORT"]

    assert scrapes.keys() == {*SETTINGS, "prometheus"}
    for service in SETTINGS:
        (found,) = scrapes[service]["dns_sd_configs"]
        headless = manifest("Service", service)["spec"]
        assert (found["names"], found["type"], f":{found['port']}") == ([service], "A", probes)
        assert service in files.read_yaml(ROOT / "compose" / f"{service}.yml")["services"]
        assert headless["clusterIP"] == "None"
        assert headless["publishNotReadyAddresses"] is True
        assert headless["selector"]["app.kubernetes.io/name"] == service


def test_the_policies_let_through_what_is_needed() -> None:
    """Grafana to Prometheus, Prometheus to the services' probes, both to the DNS; nobody from outside."""
    first, second = (manifest("NetworkPolicy", part)["spec"] for part in PARTS)
    probes = first["egress"][0]

    assert first["ingress"][0]["ports"] == [{"port": 9090}] == second["egress"][0]["ports"]
    assert second["ingress"] == []
    assert probes["ports"] == [{"port": 8081}]
    assert probes["to"][0]["podSelector"]["matchExpressions"][0]["values"] == list(SETTINGS)
    assert first["egress"][-1] == second["egress"][-1]


@pytest.fixture(scope="module")
def built() -> dict[str, dict[str, Any]]:
    """The ConfigMaps that `kubectl apply -k k8s/monitoring` makes."""
    objects = build("monitoring")
    assert len(objects) > len(MANIFESTS)
    return {one["metadata"]["name"]: one["data"] for one in objects if one["kind"] == "ConfigMap"}


def test_pods_see_the_files_where_compose_mounts_them(built: dict[str, dict[str, Any]]) -> None:
    """Path by path, and byte by byte."""
    for part in PARTS:
        expected = {}
        for volume in COMPOSE[part]["volumes"]:
            source, target, *_ = volume.split(":")
            if not source.startswith("."):
                continue
            path = ROOT / "compose" / source
            for file in [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]:
                inside = target if path.is_file() else f"{target}/{file.relative_to(path)}"
                expected[inside] = file.read_text()

        assert mounted(part, built) == expected


def mounted(part: str, configurations: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Return the files of ConfigMaps that a pod has, by their paths."""
    volumes = {volume["name"]: volume for volume in pod(part)["volumes"]}
    found = {}
    for mount in container(part)["volumeMounts"]:
        volume = volumes[mount["name"]]
        sources = [one["configMap"] for one in volume.get("projected", {}).get("sources", [])]
        sources += [volume["configMap"]] if "configMap" in volume else []
        for source in sources:
            data = configurations[source["name"]]
            places = {item["path"]: data[item["key"]] for item in source.get("items", [])} or data
            for path, text in places.items():
                found[mount["mountPath"] if "subPath" in mount else f"{mount['mountPath']}/{path}"] = text
    return found
