"""Everything at once with `kubectl apply -k`: confined, and live whatever happens to its pods."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from shared.clock import now_us
from tests.cluster.kubectl import Kubectl
from tests.cluster.load import Load
from tests.cluster.stranger import Stranger, reached_from
from tests.cluster.view import Viewer, until_labelled
from tests.cluster.whole import FRESH_S, NAMESPACE, applied
from tests.conftest import Recovery
from tests.manifests.objects import SUBSYSTEMS, container, of_kind, ports, suite, workloads
from tests.waiting import wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

VIEWERS = 4
LOW = {"type": "AverageValue", "averageValue": "100m"}


@pytest.fixture(scope="module")
def whole(cluster: Kubectl, figures: dict[str, object]) -> Iterator[Kubectl]:
    """All of it, live; kubectl in its namespace. At the end it is deleted, and nothing is left."""
    with applied(cluster, "k8s", "statefulset/kafka1") as (inside, seconds):
        figures["whole: seconds to the first labelled frame"] = seconds
        yield inside


def addresses(whole: Kubectl) -> dict[str, set[str]]:
    """Return every port of every Service by name and number, and of every pod, of each workload."""
    found: dict[str, set[str]] = {}
    for name, workload in workloads(suite("kafka")).items():
        label = workload["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"]
        for pod in whole.pods(label) if ports(workload) else []:
            found.setdefault(name, set()).update(
                f"{pod['status']['podIP']}:{port}" for port in ports(workload).values()
            )
    for service in of_kind("Service", suite("kafka")).values():
        address = whole.get(f"service/{service['metadata']['name']}")["spec"]["clusterIP"]
        if address != "None":
            owner = service["spec"]["selector"]["app.kubernetes.io/name"].replace("kafka", "kafka1")
            found[owner].update(f"{address}:{port['port']}" for port in service["spec"]["ports"])
    return found


def test_namespace_is_restricted(whole: Kubectl) -> None:
    """Every pod was let in by the restricted standard: one that is not is refused."""
    labels = whole.get(f"namespace/{NAMESPACE}")["metadata"]["labels"]
    refused = whole("run", "root", "--image=video:0.1.0", "--restart=Never", status=1)

    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert "violates PodSecurity" in refused


def test_strangers_reach_nothing(whole: Kubectl, cluster: Kubectl) -> None:
    """From the namespace itself nothing is reached, from another one the page, which its node's port shows anyway."""
    (image,) = {container(thing)["image"] for name, thing in workloads(suite("kafka")).items() if name == "video"}
    every = {address for those in addresses(whole).values() for address in those}
    page = {address for address in addresses(whole)["video"] if address.endswith(":8080")}

    with Stranger(whole, image) as inside, Stranger(cluster, image) as outside:
        # Policies are in force a moment after a pod is there.
        wait_until(lambda: inside.reaches(every) == set(), "the stranger inside reaches nothing", within_s=FRESH_S)
        wait_until(lambda: outside.reaches(every) == page, "the stranger outside reaches the page", within_s=FRESH_S)


def test_prometheus_reaches_metrics_and_nothing_else(whole: Kubectl, cluster: Kubectl) -> None:
    """From the namespace `monitoring`: the ports of probes, and the models'."""
    (image,) = {container(thing)["image"] for name, thing in workloads(suite("kafka")).items() if name == "video"}
    every = {address for those in addresses(whole).values() for address in those}
    scraped = {address for address in every if address.endswith((":8081", ":8080", ":8501"))}
    cluster("create", "namespace", "monitoring")
    try:
        with Stranger(cluster.within("monitoring"), image) as prometheus:
            wait_until(lambda: prometheus.reaches(every) == scraped, "Prometheus reaches metrics", within_s=FRESH_S)
    finally:
        cluster("delete", "namespace", "monitoring")


def test_services_reach_what_they_need_and_nothing_else(whole: Kubectl) -> None:
    """The consumer reaches its own listeners of Kafka and the models, not the other listeners, nor other services."""
    (pod,) = [pod["metadata"]["name"] for pod in whole.pods("consumer")]
    found = addresses(whole)
    own = {f"127.0.0.1:{port}" for port in (8081,)}

    reached = reached_from(whole, pod, {*found["kafka1"], *found["tfserving"], *found["video"], *own})

    assert reached == own | {
        address for address in found["kafka1"] | found["tfserving"] if address.endswith((":19093", ":19094", ":8501"))
    }


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            "producer",
            marks=pytest.mark.fault(
                "the producer's pod deleted in the cluster", expects="a new one captures; viewers stay"
            ),
        ),
        pytest.param(
            "consumer",
            marks=pytest.mark.fault(
                "the consumer's pod deleted in the cluster", expects="a new one labels; viewers stay"
            ),
        ),
        pytest.param(
            "tfserving",
            marks=pytest.mark.fault(
                "one of two model servers' pods deleted in the cluster", expects="the other answers"
            ),
        ),
        pytest.param(
            "video",
            marks=pytest.mark.fault(
                "one of two video pods deleted in the cluster", expects="its viewers reconnect to the other one"
            ),
        ),
        pytest.param(
            "kafka",
            marks=pytest.mark.fault(
                "Kafka's pod deleted in the cluster", expects="back with its volume; no service is restarted"
            ),
        ),
    ],
)
def test_a_pod_is_deleted(whole: Kubectl, recovery: Recovery, figures: dict[str, object], name: str) -> None:
    """Another pod takes its place, and labelled frames continue."""
    with Viewer() as viewer:
        victim = whole.pods(name)[0]["metadata"]
        claims = {claim["metadata"]["uid"] for claim in whole.get("persistentvolumeclaims")["items"]}

        whole("delete", f"pod/{victim['name']}")
        workload = "statefulset/kafka1" if name == "kafka" else f"deployment/{name}"
        whole.rolled_out(workload)
        ready_us = now_us()
        seconds = until_labelled(within_s=FRESH_S, after_us=ready_us)
        ready_s = time.monotonic()
        wait_until(lambda: viewer.at_s[-1] > ready_s, "the viewer sees frames", within_s=FRESH_S)

    assert victim["uid"] not in {pod["metadata"]["uid"] for pod in whole.pods(name)}
    assert {claim["metadata"]["uid"] for claim in whole.get("persistentvolumeclaims")["items"]} == claims
    assert restarts(whole) == {}
    gap = round(viewer.longest_gap_s(), 2)
    figures[f"{name}'s pod deleted: longest time without a new picture for a viewer, seconds"] = gap
    recovery.seen(f"labelled frames again; a viewer waited {gap} s at most for a picture", seconds=seconds)


def test_video_is_updated_while_people_watch(whole: Kubectl, figures: dict[str, object]) -> None:
    """Viewers are disconnected once, reconnect by themselves, and hardly notice."""
    with ExitStack() as stack:
        viewers = [stack.enter_context(Viewer()) for _ in range(VIEWERS)]
        old = {pod["metadata"]["uid"] for pod in whole.pods("video")}

        whole("rollout", "restart", "deployment/video")
        whole.rolled_out("deployment/video")
        wait_until(
            lambda: not old & {pod["metadata"]["uid"] for pod in whole.get("pods")["items"]}, "the old pods are gone"
        )
        gone_s = time.monotonic()
        wait_until(lambda: all(viewer.at_s[-1] > gone_s for viewer in viewers), "every viewer sees frames")

    gaps = [viewer.longest_gap_s() for viewer in viewers]
    figures["video updated: longest gap of each viewer, seconds (1 is promised)"] = [round(gap, 2) for gap in gaps]
    assert all(viewer.connections >= 1 for viewer in viewers)
    assert max(gaps) < 5


def test_consumer_is_scaled_under_load(whole: Kubectl, figures: dict[str, object]) -> None:
    """More cameras than one replica takes bring another one, and the replicas share the cameras."""
    deployment = "deployment/consumer"
    began = time.monotonic()
    # The half core of the manifest may not be there to be used on a busy machine; one camera takes less.
    # And no more replicas than the node has room for beside the load.
    low = {"maxReplicas": 2, "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": LOW}}]}
    whole("patch", "hpa/consumer", "--type=merge", f"--patch={json.dumps({'spec': low})}")
    with Load(whole):
        wait_until(lambda: whole.get(deployment)["spec"]["replicas"] > 1, "the autoscaler asks for more", within_s=240)
        figures["consumer scaled by its autoscaler after seconds of load"] = round(time.monotonic() - began, 1)
        figures["use under load"] = used(whole)
        whole.rolled_out(deployment)
        wait_until(lambda: len(sharing(whole)) > 1, "replicas share the partitions", within_s=FRESH_S)
    until_labelled(within_s=FRESH_S, after_us=now_us())


def test_use_is_what_is_asked_for(whole: Kubectl, figures: dict[str, object]) -> None:
    """No service uses more memory than it asks for: nodes are not filled beyond what they have."""
    wait_until(lambda: len(used(whole)) >= 7, "metrics of every pod", within_s=FRESH_S)
    figures["use"] = use = used(whole)

    asked = {
        pod["metadata"]["name"]: pod["spec"]["containers"][0]["resources"]["requests"]["memory"]
        for name in SUBSYSTEMS
        for pod in whole.pods(name)
        if name != "kafka"  # its log in the page cache counts, and is given back when it is wanted
    }
    for pod, (_, memory) in use.items():
        assert pod not in asked or mebibytes(memory) <= mebibytes(asked[pod]), pod


def restarts(whole: Kubectl) -> dict[str, int]:
    """Return the pods with a container that was started more than once."""
    return {
        pod["metadata"]["name"]: status["restartCount"]
        for pod in whole.get("pods")["items"]
        for status in pod["status"].get("containerStatuses", ())
        if status["restartCount"]
    }


def sharing(whole: Kubectl) -> list[str]:
    """Return the consumers that have partitions."""
    found = []
    for pod in whole.pods("consumer"):
        said = whole("logs", pod["metadata"]["name"], status=None).splitlines()
        given = [json.loads(line)["partitions"] for line in said if '"partitions assigned"' in line]
        found += [pod["metadata"]["name"]] if given and given[-1] else []
    return found


def used(whole: Kubectl) -> dict[str, tuple[str, str]]:
    """Return CPU and memory of each pod, as metrics-server has them."""
    lines = whole("top", "pods", "--no-headers", status=None).splitlines()
    return {words[0]: (words[1], words[2]) for words in map(str.split, lines) if len(words) == 3}


def mebibytes(text: str) -> int:
    return int(text[:-2]) * {"Ki": 0, "Mi": 1, "Gi": 1024}[text[-2:]]
