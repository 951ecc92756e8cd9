"""What a node is told: kafka/server.properties with the ports, the folder and the fellows of one node in it."""

import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from local.kafka.parts import FOLDER
from local.ports import LOOPBACK, free_port

LISTENERS = ("BROK", "PROD1", "PROD2", "CONS1", "CONS2")
FIRST_PORT = 19091
HIGHEST_FIRST_PORT = 65535 - len(LISTENERS) + 1
# What only a Kafka without ZooKeeper knows.
_KRAFT_ONLY = ("process.roles", "node.id", "controller.", "share.")


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a node listens: one port for each of LISTENERS, and that of the controller or of ZooKeeper."""

    listeners: tuple[int, ...]
    controller: int

    @property
    def all(self) -> tuple[int, ...]:
        """Return all of them, in order when they are consecutive."""
        return (self.controller, *self.listeners)

    @classmethod
    def from_first(cls, first: int) -> Self:
        """Return consecutive ports, the controller's before them, as in kafka/server.properties."""
        return cls(tuple(range(first, first + len(LISTENERS))), first - 1)

    @classmethod
    def free(cls) -> Self:
        """Return ports that nobody listens on right now."""
        ports: set[int] = set()
        while len(ports) <= len(LISTENERS):
            ports.add(free_port())
        controller, *listeners = sorted(ports)
        return cls(tuple(listeners), controller)


@dataclass(frozen=True, slots=True)
class Controller:
    """The controller of a node: its port, and the id of the node's folder."""

    port: int
    folder: str


@dataclass(frozen=True, slots=True)
class Quorum:
    """The nodes that make a cluster without ZooKeeper.

    Attributes:
        cluster: its id, as Kafka writes it.
        controllers: by the nodes' numbers.
    """

    cluster: str
    controllers: Mapping[int, Controller]

    @classmethod
    def of(cls, nodes: Sequence[Ports]) -> Self:
        """Return a new cluster of nodes numbered from 1 on."""
        return cls(_id(), {number: Controller(ports.controller, _id()) for number, ports in enumerate(nodes, 1)})

    @property
    def servers(self) -> str:
        """Return the controllers' addresses, separated by commas."""
        return ",".join(f"{LOOPBACK}:{controller.port}" for controller in self.controllers.values())

    @property
    def founders(self) -> str:
        """Return what `kafka-storage format --initial-controllers` takes."""
        return ",".join(
            f"{number}@{LOOPBACK}:{controller.port}:{controller.folder}"
            for number, controller in self.controllers.items()
        )


def read(path: Path) -> dict[str, str]:
    """Return what a file of properties states."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def kraft(ports: Ports, data: Path, quorum: Quorum, number: int = 1) -> dict[str, str]:
    """Return the properties of a node without ZooKeeper; with fellows, kafka/three.properties goes over the rest.

    Args:
        ports: its own.
        data: its folder.
        quorum: its cluster.
        number: its own in the cluster.
    """
    fellows = read(FOLDER / "three.properties") if len(quorum.controllers) > 1 else {}
    return {
        **read(FOLDER / "server.properties"),
        **fellows,
        **_listeners(ports, CONTROLLER=ports.controller),
        "node.id": str(number),
        "controller.quorum.bootstrap.servers": quorum.servers,
        "log.dirs": str(data / "log"),
    }


def with_zookeeper(ports: Ports, data: Path, zookeeper: str) -> dict[str, str]:
    """Return the properties of the one node of the original's form.

    Args:
        ports: its own.
        data: its folder.
        zookeeper: `host:port`.
    """
    stated = read(FOLDER / "server.properties")
    return {
        **{name: value for name, value in stated.items() if not name.startswith(_KRAFT_ONLY)},
        **read(FOLDER / "zookeeper" / "server.properties"),
        **_listeners(ports),
        "zookeeper.connect": zookeeper,
        "log.dirs": str(data / "log"),
    }


def write(path: Path, properties: Mapping[str, str]) -> None:
    """Write properties to a file."""
    path.write_text("".join(f"{name}={value}\n" for name, value in properties.items()), encoding="utf-8")


def _listeners(ports: Ports, **further: int) -> dict[str, str]:
    named = {**dict(zip(LISTENERS, ports.listeners, strict=True)), **further}
    addresses = ",".join(f"{name}://{LOOPBACK}:{port}" for name, port in named.items())
    return {
        "listeners": addresses,
        "advertised.listeners": addresses,
        "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in named),
    }


def _id() -> str:
    made = urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
    return "A" + made[1:] if made.startswith("-") else made  # Kafka's tool takes it for an option
