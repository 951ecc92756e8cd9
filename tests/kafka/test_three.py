"""Three brokers: one of them ends, is killed, comes back, and the picture continues.

The tests share the suite on purpose, as those of one broker do: the next one would find what a fault leaves behind.
"""

import json
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import confluent_kafka.admin
import pytest

from local.kafka.node import Node
from shared.bus import Reader
from tests.conftest import Recovery
from tests.end_to_end.model_server import ModelServer
from tests.end_to_end.numbered import write_video
from tests.kafka.chain import PARTITIONS, KafkaChain
from tests.kafka.cluster import Cluster
from tests.kafka.faults import Viewer
from tests.kafka.test_faults import CAMERA, Live
from tests.waiting import PATIENCE_S, wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]
# librdkafka's default partitioner.
PARTITION = zlib.crc32(CAMERA.encode()) % PARTITIONS
AWAY_S = 10.0


@pytest.fixture(scope="module")
def cluster(kafka_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(kafka_jars, tmp_path_factory.mktemp("three")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def suite(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    film = write_video(tmp_path_factory.mktemp("film") / "film.mkv", 50)
    with ModelServer() as models, KafkaChain(cluster, models, suffix="-three") as chain:
        producer = chain.produce(CAMERAS=json.dumps({CAMERA: str(film)}))
        wait_until(lambda: chain.ask(f"/cameras/{CAMERA}/predictions"), "a first frame")
        with Viewer(chain.port, CAMERA) as viewer:
            yield Live(chain, producer, viewer, film)


@pytest.fixture
def live(suite: Live, cluster: Cluster) -> Live:
    """Return the suite when it is live and every record is on all three brokers."""
    wait_until(lambda: replicated(cluster, suite), "every record is on all three")
    suite.viewer.sees_something_newer(within_s=PATIENCE_S)
    return suite


def test_each_record_is_on_all_three(live: Live, cluster: Cluster) -> None:
    """Topics that name no replication, and Kafka's own, get the brokers' default."""
    topics = metadata(cluster).topics
    partitions = [partition for topic in topics.values() for partition in topic.partitions.values()]

    assert set(topics) == {*map(live.chain.topic, live.chain.topics), "__consumer_offsets"}
    assert {len(partition.replicas) for partition in partitions} == {3}


@pytest.mark.fault(
    "of three brokers a camera's leader is ended in order", expects="another leads; hardly any frame is lost"
)
def test_a_leader_that_ends_in_order_hands_over(live: Live, cluster: Cluster, recovery: Recovery) -> None:
    """As in a rolling restart, it hands its partitions over before it ends; the seconds count from its end."""
    before = lost(live)
    node = leader(cluster, live)
    node.stop()
    seconds = live.is_live_again()
    assert leader(cluster, live) is not node
    returns(node, live)

    live.balances()
    recovery.seen(f"live again without it; {lost(live) - before} frames lost that were acknowledged", seconds=seconds)


@pytest.mark.parametrize(
    "who",
    [
        pytest.param(
            "leader",
            marks=pytest.mark.fault(
                "of three brokers a camera's leader is killed",
                expects="another leads after 2 s without a heartbeat; live again",
            ),
        ),
        pytest.param(
            "controller",
            marks=pytest.mark.fault(
                "of three brokers the controller is killed",
                expects="the other two elect another, which moves its partitions; live again",
            ),
        ),
    ],
)
def test_a_lost_broker_is_replaced(live: Live, cluster: Cluster, recovery: Recovery, who: str) -> None:
    """Nothing is restored: the fault ends when the other two have a leader for every partition."""
    before = lost(live)
    node = leader(cluster, live) if who == "leader" else controller(cluster)
    killed = time.monotonic()
    node.kill()
    wait_until(lambda: led_by_others(cluster, live, node), "the others lead")
    others_lead_s = time.monotonic() - killed
    seconds = live.is_live_again()
    assert leader(cluster, live) is not node
    wait_until(lambda: controller(cluster) is not node, "another controls")
    returns(node, live)

    live.balances()
    recovery.seen(
        f"others led after {others_lead_s:.1f} s; {lost(live) - before} frames lost that were acknowledged",
        seconds=seconds,
    )


@pytest.mark.fault("one of three brokers, lost for a while, comes back", expects="it catches up; the picture continues")
def test_a_broker_that_comes_back_does_not_disturb_the_picture(
    live: Live, cluster: Cluster, recovery: Recovery
) -> None:
    """It copies what it missed while the picture is live."""
    before = lost(live)
    node = leader(cluster, live)
    node.kill()
    live.is_live_again()
    time.sleep(AWAY_S)  # the fault itself
    assert not replicated(cluster, live)
    seconds = returns(node, live)
    wait_until(lambda: replicated(cluster, live), "every record is on all three")

    live.balances()
    recovery.seen(f"it has all records; {lost(live) - before} frames lost that were acknowledged", seconds=seconds)


def test_waiting_for_one_of_three_costs_next_to_nothing(live: Live, cluster: Cluster) -> None:
    """A client that waits for the lost broker retries at intervals, not as fast as it can."""
    with Reader.of_all_partitions(live.chain.bus, live.chain.topic("videostatus"), group="waiting") as reader:
        wait_until(lambda: reader.read(0.1), "records come")
        # The one that this client asks about topics, which may be any of the three.
        node = cluster.node(reader._topic_id._admin.list_topics(timeout=PATIENCE_S).controller_id)
        node.kill()
        cpu_s, began = time.process_time(), time.monotonic()
        while time.monotonic() - began < AWAY_S / 2:
            reader.read(0.1)
        used = (time.process_time() - cpu_s) / (time.monotonic() - began)
    returns(node, live)

    assert used < 0.2


def returns(node: Node, live: Live) -> float:
    """Start a node again; return the seconds from its first answer to a fresh picture."""
    node.start()
    node.wait_until_ready()
    return live.is_live_again()


def lost(live: Live) -> int:
    """Return how many frames were written but not read by the next stage since the start."""
    return sum(service.books(CAMERA).lost_upstream for service in live.services)


def metadata(cluster: Cluster) -> Any:
    return confluent_kafka.admin.AdminClient({"bootstrap.servers": cluster.servers[0]}).list_topics(timeout=PATIENCE_S)


def leader(cluster: Cluster, live: Live) -> Node:
    """Wait until the camera's partition has a leader that is running, and return it."""
    found: list[Node] = []

    def leads() -> bool:
        number = metadata(cluster).topics[live.chain.topic("videocam")].partitions[PARTITION].leader
        found[:] = [node for node in cluster.nodes if node.number == number and node.status() is None]
        return bool(found)

    wait_until(leads, "the camera's partition has a leader")
    return found[0]


def led_by_others(cluster: Cluster, live: Live, node: Node) -> bool:
    """Return whether every partition of the camera's topics has a leader, and a node has none and is not in sync."""
    topics = metadata(cluster).topics
    return all(
        partition.leader != -1 and node.number not in {partition.leader, *partition.isrs}
        for name in live.chain.topics
        for partition in topics[live.chain.topic(name)].partitions.values()
    )


def controller(cluster: Cluster) -> Node:
    """Return the leader of the quorum according to the nodes that are running; clients cannot ask for it."""
    said = [
        json.loads((node.data / "log" / "__cluster_metadata-0" / "quorum-state").read_text())
        for node in cluster.nodes
        if node.status() is None
    ]
    return cluster.node(max(said, key=lambda state: state["leaderEpoch"])["leaderId"])


def replicated(cluster: Cluster, live: Live) -> bool:
    """Return whether every record of the camera's topics is on every node."""
    topics = metadata(cluster).topics
    return all(
        len(partition.isrs) == len(cluster.nodes)
        for name in live.chain.topics
        for partition in topics[live.chain.topic(name)].partitions.values()
    )
