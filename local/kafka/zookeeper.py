"""The ZooKeeper that the original's form of Kafka needs."""

import socket
from pathlib import Path

from local.kafka.configuration import read, write
from local.kafka.parts import FOLDER
from local.kafka.program import JavaProgram
from local.ports import LOOPBACK

HEAP = "128m"
ANSWER_TIMEOUT_S = 0.5


class ZooKeeper(JavaProgram):
    """One ZooKeeper, for one broker."""

    name = "ZooKeeper"

    def __init__(self, jars: Path, data: Path, port: int) -> None:
        """Prepare.

        Args:
            jars: folder of the jars of Kafka 3.9, which include it.
            data: folder of this program.
            port: where it listens.

        Raises:
            PartMissing: there is no Java 17.
        """
        logging = f"-Dlog4j.configuration=file:{FOLDER / 'zookeeper' / 'log4j.properties'}"
        super().__init__(jars, data, heap=HEAP, logging=logging)
        self.port = port

    @property
    def address(self) -> str:
        """Return where it listens."""
        return f"{LOOPBACK}:{self.port}"

    def answers(self) -> bool:
        """Return whether it serves now; while it is starting, it accepts connections and does not answer."""
        try:
            with socket.create_connection((LOOPBACK, self.port), ANSWER_TIMEOUT_S) as connection:
                connection.sendall(b"srvr")
                return connection.recv(64).startswith(b"Zookeeper version")
        except OSError:
            return False

    def _prepare(self) -> list[str]:
        configuration = self.data / "zookeeper.properties"
        own = {"clientPort": str(self.port), "clientPortAddress": LOOPBACK, "dataDir": str(self.data / "log")}
        write(configuration, {**read(FOLDER / "zookeeper" / "zookeeper.properties"), **own})
        return ["org.apache.zookeeper.server.quorum.QuorumPeerMain", str(configuration)]
