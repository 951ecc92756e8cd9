"""The other forms of the bus: three brokers, and the original's ZooKeeper."""

import pytest

from shared.clock import now_us
from tests.cluster.kubectl import Kubectl
from tests.cluster.view import Viewer, until_labelled
from tests.cluster.whole import FRESH_S, applied
from tests.conftest import Recovery
from tests.waiting import wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]


@pytest.mark.fault("one of three brokers' pods deleted in the cluster", expects="the others take over; it comes back")
def test_three_brokers(cluster: Kubectl, recovery: Recovery, figures: dict[str, object]) -> None:
    """Topics have three copies, one broker may go, and all copies are whole again when it is back."""
    with applied(cluster, "k8s/overlays/three-brokers", "statefulset/kafka1") as (inside, seconds):
        figures["three brokers: seconds to the first labelled frame"] = seconds
        assert {copies(line) for line in described(inside)} == {3}

        with Viewer() as viewer:
            inside("delete", "pod/kafka1-1")
            inside.rolled_out("statefulset/kafka1")
            fresh_s = until_labelled(within_s=FRESH_S, after_us=now_us())
        wait_until(
            lambda: described(inside, "--under-replicated-partitions") == [], "every copy is whole", within_s=FRESH_S
        )

        gap = round(viewer.longest_gap_s(), 2)
        figures["one of three brokers' pods deleted: longest time without a new picture for a viewer, seconds"] = gap
        recovery.seen(f"labelled frames again; a viewer waited {gap} s at most for a picture", seconds=fresh_s)


def test_zookeeper_form(cluster: Kubectl, figures: dict[str, object]) -> None:
    """The same services on Kafka 3.9 with ZooKeeper, as the original had it."""
    sets = ("statefulset/zookeeper1", "statefulset/kafka1")
    with applied(cluster, "k8s/overlays/zookeeper", *sets) as (inside, seconds):
        figures["ZooKeeper form: seconds to the first labelled frame"] = seconds
        assert {pod["status"]["phase"] for name in ("zookeeper", "kafka") for pod in inside.pods(name)} == {"Running"}


def described(kubectl: Kubectl, *options: str) -> list[str]:
    """Return Kafka's line on each partition."""
    command = ("/opt/kafka/bin/kafka-topics.sh", "--bootstrap-server", "kf1-service:19091", "--describe", *options)
    return [line for line in kubectl("exec", "kafka1-0", "--", *command).splitlines() if "Partition: " in line]


def copies(line: str) -> int:
    """Return how many brokers a partition is on."""
    return len(line.partition("Replicas: ")[2].split()[0].split(","))
