"""Every kustomization builds, and Kubernetes accepts the result."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes_validate import utils

from tests.cluster import rig
from tests.manifests.objects import HERE, SUBSYSTEMS, of_kind, parsed, workloads
from tests.manifests.test_schema import VERSIONS
from tests.requirements import need

NAMESPACE = "machine-learning-deployment"
WHOLE = {
    ".": "kafka",
    "overlays/three-brokers": "kafka",
    "overlays/keda": "kafka",
    "overlays/openshift": "kafka",
    "overlays/secured": "kafka",
    "overlays/zookeeper": "zookeeper",
}


def kustomize() -> list[str]:
    """Return the command that builds: kustomize, kubectl, or the kubectl of the one-node cluster; none: empty."""
    for program, words in {"kustomize": ["build"], "kubectl": ["kustomize"]}.items():
        if shutil.which(program):
            return [program, *words]
    return [rig.value("$BIN/kubectl"), "kustomize"] if rig.built() else []


@cache
def build(folder: str | Path) -> list[dict[str, Any]]:
    """Return the objects of a kustomization, named as below k8s/."""
    need("kustomize or kubectl", present=bool(kustomize()), install="one of them in PATH, of 2022 or later")
    done = subprocess.run(
        [*kustomize(), str(HERE / folder)], capture_output=True, text=True, timeout=60, check=False, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # no warning either
    return parsed(done.stdout)


@pytest.fixture(autouse=True, scope="module")
def _schemas_are_read_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utils, "schema_contents", cache(utils.schema_contents))
        yield


@pytest.mark.parametrize("folder", [*SUBSYSTEMS, "zookeeper", *WHOLE])
def test_builds_what_kubernetes_takes(folder: str) -> None:
    """Strictly, in the oldest version and the newest; KEDA's own object has no schema here."""
    for document in build(folder):
        for version in (VERSIONS[0], VERSIONS[-1]):
            if document["kind"] != "ScaledObject":
                assert utils.validate(document, version, strict=True) == version


@pytest.mark.parametrize("folder", SUBSYSTEMS)
def test_subsystem_is_its_file(folder: str) -> None:
    """`-k` of a subsystem makes what `-f` makes, and no namespace."""
    names = {(thing["kind"], thing["metadata"]["name"]) for thing in build(folder)}
    of_file = yaml.safe_load_all(Path(HERE / folder / "deployment.yml").read_text())

    assert names == {(thing["kind"], thing["metadata"]["name"]) for thing in of_file}
    assert all("namespace" not in thing["metadata"] for thing in build(folder))


@pytest.mark.parametrize("folder", WHOLE)
def test_whole_is_in_one_namespace(folder: str) -> None:
    """It has every subsystem, and creates the namespace that all of it goes into."""
    things = build(folder)
    bus = {"zookeeper1", "kafka1"} if WHOLE[folder] == "zookeeper" else {"kafka1"}

    assert of_kind("Namespace", things).keys() == {NAMESPACE}
    assert {thing["metadata"]["namespace"] for thing in things if thing["kind"] != "Namespace"} == {NAMESPACE}
    jobs = {"topics", "users"} if folder == "overlays/secured" else {"topics"}
    assert workloads(things).keys() == bus | jobs | {"tfserving", "producer", "consumer", "video"}


def test_keda_takes_the_autoscalers_place() -> None:
    """Two that scale the same Deployment would fight."""
    things = build("overlays/keda")

    assert of_kind("HorizontalPodAutoscaler", things) == {}
    assert of_kind("ScaledObject", things).keys() == {"consumer"}


def test_a_cluster_may_assign_the_users() -> None:
    """The component takes away the ids and nothing else."""
    ids = ("runAsUser", "runAsGroup", "fsGroup")
    before, after = workloads(build(".")), workloads(build("overlays/openshift"))
    for name, workload in before.items():
        context = workload["spec"]["template"]["spec"]["securityContext"]
        assert context.pop("runAsUser")
        for other in ids[1:]:
            context.pop(other, None)
        assert context["runAsNonRoot"] is True
        assert after[name] == workload


def test_cameras_may_be_confined_to_their_network(tmp_path: Path) -> None:
    """The component replaces any address by one network, and leaves everything else as it is."""
    k8s = os.path.relpath(HERE, tmp_path)
    (tmp_path / "kustomization.yaml").write_text(
        f"resources: [{k8s}/producer]\ncomponents: [{k8s}/components/camera-network]\n"
    )

    before = of_kind("NetworkPolicy", build("producer"))["producer"]["spec"]
    after = of_kind("NetworkPolicy", build(tmp_path))["producer"]["spec"]

    assert after["egress"][1] == {"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}], "ports": [{"protocol": "TCP"}]}
    assert before["egress"][1]["to"][0]["ipBlock"]["cidr"] == "0.0.0.0/0"
    before["egress"][1] = after["egress"][1]
    assert before == after


def test_producers_may_be_scaled(tmp_path: Path) -> None:
    """The component leaves the number of replicas to the autoscaler, and Kubernetes takes it."""
    k8s = os.path.relpath(HERE, tmp_path)
    (tmp_path / "kustomization.yaml").write_text(
        f"resources: [{k8s}/producer]\ncomponents: [{k8s}/components/producer-autoscaler]\n"
    )

    things = build(tmp_path)

    assert "replicas" not in of_kind("Deployment", things)["producer"]["spec"]
    scaler = of_kind("HorizontalPodAutoscaler", things)["producer"]
    assert scaler["spec"]["scaleTargetRef"]["name"] == "producer"
    assert utils.validate(scaler, VERSIONS[0], strict=True) == VERSIONS[0]


def test_three_brokers_are_three() -> None:
    """Three numbered nodes, spread over zones and nodes as far as there are any; one may be away."""
    things = build("overlays/three-brokers")
    spec = of_kind("StatefulSet", things)["kafka1"]["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    (number,) = [variable for variable in container["env"] if variable["name"] == "KAFKA_NODE_ID"]
    spread = {one["topologyKey"] for one in spec["template"]["spec"]["topologySpreadConstraints"]}

    assert spec["replicas"] == 3
    assert number["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.labels['apps.kubernetes.io/pod-index']"
    assert spread == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
    assert of_kind("PodDisruptionBudget", things)["kafka"]["spec"]["maxUnavailable"] == 1
    assert of_kind("ConfigMap", things)["kafka-configmap"]["data"]["KAFKA_MIN_INSYNC_REPLICAS"] == "2"
