"""Pods are confined, selectors find their pods, and nothing is reached but what the data's path needs."""

from typing import Any

import pytest

from producer.camera_set import LINGER_S
from producer.service import LEAVE_S
from shared.process.service import END_WITHIN_S
from tests.manifests import objects as k8s
from tests.manifests.objects import (
    FORMS,
    HERE,
    Object,
    allowed,
    container,
    cores,
    of_kind,
    ports,
    selected,
    size,
    suite,
)
from tests.manifests.test_schema import VERSIONS

# Who opens a connection to whom, and the ports of the latter; everything else is to be refused.
FLOWS = {
    ("topics", "kafka"): {19091},
    ("producer", "kafka"): {19092},
    ("consumer", "kafka"): {19093, 19094},
    ("video", "kafka"): {19095},
    ("consumer", "tfserving"): {8500, 8501},
    ("kafka", "kafka"): {19090, 19091},
}
FLOWS_WITH_ZOOKEEPER = {flow: ports for flow, ports in FLOWS.items() if flow != ("kafka", "kafka")} | {
    ("kafka", "zookeeper"): {2181}
}
NOT_BY_US = {8500}  # gRPC: let in for who needs it, not used by our consumer
USERS = {"kafka": 1000, "zookeeper": 1000}  # those of the images; ours run as 10001
WRITES_INTO_ITS_ROOT = {"confluentinc/cp-kafka", "confluentinc/cp-zookeeper"}


def cases(form: str) -> list[tuple[str, Object]]:
    return list(k8s.workloads(suite(form)).items())


EVERY = [pytest.param(name, workload, id=f"{form}-{name}") for form in FORMS for name, workload in cases(form)]


@pytest.mark.parametrize(("name", "workload"), EVERY)
def test_pod_is_restricted(name: str, workload: Object) -> None:
    """The restricted Pod Security Standard holds, and more: nothing to write but volumes, no token, no links."""
    pod = k8s.template(workload)["spec"]
    only = container(workload)
    user = USERS.get(k8s.labels(workload)["app.kubernetes.io/name"], 10001)

    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert pod["serviceAccountName"]
    assert {key: pod["securityContext"][key] for key in ("runAsNonRoot", "runAsUser", "runAsGroup")} == {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
    }
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": only["image"].split(":")[0] not in WRITES_INTO_ITS_ROOT,
        "capabilities": {"drop": ["ALL"]},
    }
    # What the standard forbids.
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    for volume in pod.get("volumes", ()):
        assert volume.keys() - {"name"} <= {
            "configMap",
            "emptyDir",
            "secret",
            "persistentVolumeClaim",
            "projected",
        }
    assert all("hostPort" not in port for port in only.get("ports", ()))


@pytest.mark.parametrize(("name", "workload"), EVERY)
def test_pod_says_what_it_takes(name: str, workload: Object) -> None:
    """Requests and limits of CPU and memory, and no limit below its request."""
    resources = container(workload)["resources"]

    assert resources["requests"].keys() == resources["limits"].keys() == {"cpu", "memory"}
    assert cores(resources["requests"]["cpu"]) <= cores(resources["limits"]["cpu"])
    assert size(resources["requests"]["memory"]) <= size(resources["limits"]["memory"])


@pytest.mark.parametrize("form", FORMS)
def test_all_of_it_fits_a_small_node(form: str) -> None:
    """Requests leave room on a node of two cores and 8 GB, for the cluster's own pods and for an update."""
    cpu, memory = 0.0, 0
    for workload in k8s.workloads(suite(form)).values():
        replicas = workload["spec"].get("replicas", 1)
        cpu += replicas * cores(container(workload)["resources"]["requests"]["cpu"])
        memory += replicas * size(container(workload)["resources"]["requests"]["memory"])

    assert cpu <= 1.4
    assert memory <= 4 * 2**30


@pytest.mark.parametrize(("name", "workload"), EVERY)
def test_service_is_probed_and_has_time_to_end(name: str, workload: Object) -> None:
    """Three probes each, and longer to end than what the service and a pause before it take; Jobs end by themselves."""
    if workload["kind"] == "Job":
        assert workload["spec"]["ttlSecondsAfterFinished"] > 0  # so that applying it again runs it again
        return
    only, pod = container(workload), k8s.template(workload)["spec"]
    pause = int(only.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", [0, "0"])[1])

    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        (how,) = [only[probe][key] for key in ("httpGet", "tcpSocket") if key in only[probe]]
        assert how["port"] in ports(workload)
    assert pod["terminationGracePeriodSeconds"] >= pause + 3 + 5


@pytest.mark.parametrize("form", FORMS)
def test_selectors_find_their_pods(form: str) -> None:
    """Each Service, budget, policy and spread finds the pods of one workload, and each workload its own."""
    among = suite(form)

    for name, workload in k8s.workloads(among).items():
        if workload["kind"] != "Job":
            assert selected(workload["spec"]["selector"]["matchLabels"], among) == [name]
        for spread in k8s.template(workload)["spec"].get("topologySpreadConstraints", ()):
            assert selected(spread["labelSelector"]["matchLabels"], among) == [name]
    for service in of_kind("Service", among).values():
        (target,) = selected(service["spec"]["selector"], among)
        for port in service["spec"]["ports"]:
            assert ports(k8s.workloads(among)[target])[port["targetPort"]] == port["port"]
    for kind, path in {"PodDisruptionBudget": "selector", "NetworkPolicy": "podSelector"}.items():
        found = [selected(thing["spec"][path]["matchLabels"], among) for thing in of_kind(kind, among).values()]
        of_services = [[name] for name, workload in k8s.workloads(among).items() if workload["kind"] != "Job"]
        assert sorted(found) == sorted([*of_services, *([["topics"]] if kind == "NetworkPolicy" else [])])


@pytest.mark.parametrize("form", FORMS)
def test_budgets_never_hold_up_a_node(form: str) -> None:
    """One pod of each may always be evicted: a budget that keeps the only one would block every drain."""
    for budget in of_kind("PodDisruptionBudget", suite(form)).values():
        assert budget["spec"]["maxUnavailable"] == 1


@pytest.mark.parametrize("form", FORMS)
def test_service_accounts_are_their_own(form: str) -> None:
    """Each subsystem has an account that is there, has no rights, and gets no token."""
    among = suite(form)
    accounts = of_kind("ServiceAccount", among)

    assert {k8s.template(workload)["spec"]["serviceAccountName"] for workload in k8s.workloads(among).values()} == set(
        accounts
    )
    assert all(account["automountServiceAccountToken"] is False for account in accounts.values())
    assert not {thing["kind"] for thing in among} & {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("direction", ["ingress", "egress"])
def test_policies_allow_the_datas_path_and_no_more(form: str, direction: str) -> None:
    """Which pods reach which ports is the same from either end, and as intended."""
    among = suite(form)
    found: dict[tuple[str, str], set[int]] = {}
    for policy in of_kind("NetworkPolicy", among).values():
        (own,) = selected(policy["spec"]["podSelector"]["matchLabels"], among)
        assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
        for peer, allowed_ports in allowed(policy, direction):
            others = selected(peer["podSelector"]["matchLabels"], among) if "podSelector" in peer else []
            for other in others:
                source, target = (other, own) if direction == "ingress" else (own, other)
                flow = _short(source), _short(target)
                pods = k8s.workloads(among)[target]
                found.setdefault(flow, set()).update(_number(port, pods) for port in allowed_ports)

    meant = FLOWS if form == "kafka" else FLOWS_WITH_ZOOKEEPER
    if direction == "egress":
        meant = {flow: ports - NOT_BY_US for flow, ports in meant.items()}
    assert found == meant


@pytest.mark.parametrize("form", FORMS)
def test_strangers_are_let_in_to_the_page_only(form: str) -> None:
    """Without a peer, a rule lets everybody in: that is for video's page; metrics are for Prometheus."""
    among = suite(form)
    for name, policy in of_kind("NetworkPolicy", among).items():
        open_to_all = [port["port"] for peer, ports in allowed(policy, "ingress") if not peer for port in ports]
        assert open_to_all == (["http"] if name == "video" else [])
        for peer, scraped in allowed(policy, "ingress"):
            if "namespaceSelector" in peer:
                assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "monitoring"}
                assert [port["port"] for port in scraped] == ["rest" if name == "tfserving" else "probes"]


def test_who_asks_for_names_may() -> None:
    """Every pod that opens a connection by name may ask the cluster's DNS."""
    for form in FORMS:
        for name, policy in of_kind("NetworkPolicy", suite(form)).items():
            asks = [ports for peer, ports in allowed(policy, "egress") if "namespaceSelector" in peer]
            opens = name not in {"tfserving", "zookeeper"}
            dns = [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]
            assert asks == ([dns] if opens else [])


def test_whole_namespace_denies_by_default() -> None:
    """The namespace of `-k` is restricted, and traffic that no policy allows does not pass."""
    namespace, policy = k8s.documents(HERE / "namespace" / "namespace.yml")
    labels = namespace["metadata"]["labels"]

    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert labels["pod-security.kubernetes.io/enforce-version"] == f"v{VERSIONS[0]}"
    assert policy["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@pytest.mark.parametrize("form", FORMS)
def test_secrets_are_their_own(form: str) -> None:
    """No two subsystems share a Secret, and each Secret bears the name of the only one that reads it."""
    among = suite(form)
    named = {
        name: {source["secretRef"]["name"] for source in container(pod).get("envFrom", ()) if "secretRef" in source}
        for name, pod in k8s.workloads(among).items()
    }

    mounted = {
        volume["secret"]["secretName"]
        for pod in k8s.workloads(among).values()
        for volume in k8s.template(pod)["spec"].get("volumes", ())
        if "secret" in volume
    }

    assert mounted == {"camera-links"}
    assert {name: secrets for name, secrets in named.items() if secrets} == {
        "topics": {"topics-secret"},
        "producer": {"camera-secret", "producer-secret"},
        "consumer": {"consumer-secret"},
        "video": {"video-secret"},
    }


def test_an_update_leaves_no_gap() -> None:
    """One more is started before one ends; a producer has the time to hand its cameras over."""
    among = suite("kafka")
    for deployment in of_kind("Deployment", among).values():
        assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    producer = of_kind("Deployment", among)["producer"]
    assert k8s.template(producer)["spec"]["terminationGracePeriodSeconds"] > END_WITHIN_S + LEAVE_S + LINGER_S
    assert of_kind("Deployment", among)["video"]["spec"]["minReadySeconds"] > 0
    assert "replicas" not in of_kind("Deployment", among)["consumer"]["spec"]  # they are the autoscaler's


def _short(workload: str) -> str:
    """Return what a workload is called in FLOWS."""
    return workload.rstrip("1")


def _number(port: dict[str, Any], workload: Object) -> int:
    number = port["port"] if isinstance(port["port"], int) else ports(workload)[port["port"]]
    assert number in ports(workload).values(), f"{port} is no port of {workload['metadata']['name']}"
    return int(number)
