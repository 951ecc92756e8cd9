"""Several Kafka nodes on this machine that form one cluster."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from local.kafka.configuration import Ports, Quorum
from local.kafka.node import Node
from shared.bus import Bus

SIZE = 3  # the smallest cluster of which one node may be lost


class Cluster:
    """Nodes with kafka/three.properties applied over the configuration of one; each record is stored on all three."""

    def __init__(self, jars: Path, data: Path, *, size: int = SIZE) -> None:
        """Prepare.

        Args:
            jars: folder of Kafka's jars.
            data: a new folder, with one subfolder for each node.
            size: number of nodes.

        Raises:
            PartMissing: there is no Java 17.
        """
        ports = [Ports.free() for _ in range(size)]
        quorum = Quorum.of(ports)
        self.nodes = [
            Node(jars, data / str(number), own, quorum=quorum, number=number) for number, own in enumerate(ports, 1)
        ]
        self._running = ExitStack()

    @property
    def servers(self) -> tuple[str, ...]:
        """Return, for each of the five listeners, the addresses of all nodes, separated by commas."""
        return tuple(",".join(addresses) for addresses in zip(*(node.servers for node in self.nodes), strict=True))

    @property
    def bus(self) -> Bus:
        """Return the first listeners of all nodes."""
        return Bus(self.servers[0])

    def node(self, number: int) -> Node:
        """Return the node with a number."""
        return self.nodes[number - 1]

    def __enter__(self) -> Self:
        """Start all nodes and wait until each one answers."""
        with ExitStack() as started:
            for node in self.nodes:
                started.callback(node.stop)
                node.start()
            for node in self.nodes:
                node.wait_until_ready()
            self._running = started.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop all nodes that are running."""
        self._running.close()
