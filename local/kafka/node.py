"""A Kafka node on this machine: its folder and its process."""

import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

from local.kafka.configuration import LISTENERS, Ports, Quorum, kraft, with_zookeeper, write
from local.kafka.parts import FOLDER
from local.kafka.program import JVM, JavaProgram, KafkaEnded
from local.ports import LOOPBACK
from shared.bus import Bus, Properties, Topics

__all__ = ["LISTENERS", "KafkaEnded", "Node", "Ports"]

HEAP = "512m"  # several records of 100 MB at once; everything else that it reads is in the page cache
ANSWER_TIMEOUT_S = 0.5


class Node(JavaProgram):
    """A broker, and with Kafka 4 a controller as well; on its own unless it gets a quorum or a ZooKeeper."""

    def __init__(
        self,
        jars: Path,
        data: Path,
        ports: Ports,
        *,
        quorum: Quorum | None = None,
        number: int = 1,
        zookeeper: str | None = None,
        java_options: tuple[str, ...] = JVM,
        overrides: Mapping[str, str] | None = None,
        client: Properties | None = None,
    ) -> None:
        """Prepare.

        Args:
            jars: folder of Kafka's jars.
            data: folder of this node; formatted at the first start and reused by the next.
            ports: where it listens.
            quorum: the cluster it belongs to.
            number: of the node in the cluster.
            zookeeper: `host:port`; the jars are then those of Kafka 3.9.
            java_options: of Java, beside the heap and the log.
            overrides: properties of the broker that differ from kafka/server.properties.
            client: librdkafka's properties of those who administer it.

        Raises:
            PartMissing: there is no Java 17.
        """
        # Kafka 4 logs with Log4j 2, Kafka 3 with Log4j 1.
        logging = f"-Dlog4j2.configurationFile={FOLDER / 'log4j2.properties'}"
        if zookeeper is not None:
            logging = f"-Dlog4j.configuration=file:{FOLDER / 'zookeeper' / 'log4j.properties'}"
        super().__init__(jars, data, heap=HEAP, logging=logging, options=java_options)
        self.name = "Kafka" if quorum is None else f"node {number}"
        self.ports, self.number = ports, number
        self._overrides, self._client = overrides or {}, client or {}
        self._quorum, self._zookeeper = quorum or Quorum.of([ports]), zookeeper

    @property
    def servers(self) -> tuple[str, ...]:
        """Return the addresses of the five listeners."""
        return tuple(f"{LOOPBACK}:{port}" for port in self.ports.listeners)

    @property
    def bus(self) -> Bus:
        """Return the first listener as those who administer it reach it."""
        return Bus(self.servers[0], self._client)

    def answers(self) -> bool:
        """Return whether the broker answers now."""
        # The port is tried before the client, which would report a broker that is still starting.
        return listens(self.ports.listeners[0]) and Topics(self.bus).broker_answers(ANSWER_TIMEOUT_S)

    def _prepare(self) -> list[str]:
        configuration = self.data / "server.properties"
        if self._zookeeper is not None:
            write(configuration, with_zookeeper(self.ports, self.data, self._zookeeper))
        else:
            write(configuration, kraft(self.ports, self.data, self._quorum, self.number) | dict(self._overrides))
            if not (self.data / "log" / "meta.properties").exists():
                self._format(configuration)
        return ["kafka.Kafka", str(configuration)]

    def _format(self, configuration: Path) -> None:
        command = [*self._java, "kafka.tools.StorageTool", "format", "-c", str(configuration)]
        command += ["-t", self._quorum.cluster, "--initial-controllers", self._quorum.initial_controllers]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=FOLDER.parent)
        if done.returncode:
            lines = (done.stdout + done.stderr).strip().splitlines()
            raise KafkaEnded(f"{self.data} cannot be formatted: {lines[-1] if lines else 'no reason given'}")


def listens(port: int) -> bool:
    """Return whether a process listens on a port of the loopback interface."""
    try:
        socket.create_connection((LOOPBACK, port), ANSWER_TIMEOUT_S).close()
    except OSError:
        return False
    return True
