"""The configuration of a node: kafka/server.properties with the node's ports, folder and cluster."""

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
# Properties that only a Kafka without ZooKeeper knows.
_KRAFT_ONLY = ("process.roles", "node.id", "controller.", "share.")


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of a node: one for each of LISTENERS, and that of the controller or of ZooKeeper."""

    listeners: tuple[int, ...]
    controller: int

    @property
    def all(self) -> tuple[int, ...]:
        """Return all ports, in ascending order if they are consecutive."""
        return (self.controller, *self.listeners)

    @classmethod
    def from_first(cls, first: int) -> Self:
        """Return consecutive ports with the controller's before them, as in kafka/server.properties."""
        return cls(tuple(range(first, first + len(LISTENERS))), first - 1)

    @classmethod
    def free(cls) -> Self:
        """Return ports that are free at the moment."""
        ports: set[int] = set()
        while len(ports) <= len(LISTENERS):
            ports.add(free_port())
        controller, *listeners = sorted(ports)
        return cls(tuple(listeners), controller)


@dataclass(frozen=True, slots=True)
class Controller:
    """The controller of a node: its port and the directory id of the node's folder."""

    port: int
    folder: str


@dataclass(frozen=True, slots=True)
class Quorum:
    """The nodes that form a cluster without ZooKeeper.

    Attributes:
        cluster: the cluster id, as Kafka writes it.
        controllers: by node number.
    """

    cluster: str
    controllers: Mapping[int, Controller]

    @classmethod
    def of(cls, nodes: Sequence[Ports]) -> Self:
        """Return a new cluster whose nodes are numbered from 1."""
        return cls(_id(), {number: Controller(ports.controller, _id()) for number, ports in enumerate(nodes, 1)})

    @property
    def servers(self) -> str:
        """Return the controllers' addresses, separated by commas."""
        return ",".join(f"{LOOPBACK}:{controller.port}" for controller in self.controllers.values())

    @property
    def initial_controllers(self) -> str:
        """Return the controllers as `kafka-storage format --initial-controllers` takes them."""
        return ",".join(
            f"{number}@{LOOPBACK}:{controller.port}:{controller.folder}"
            for number, controller in self.controllers.items()
        )


def read(path: Path) -> dict[str, str]:
    """Return the properties in a file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def kraft(ports: Ports, data: Path, quorum: Quorum, number: int = 1) -> dict[str, str]:
    """Return the properties of a node without ZooKeeper; in a cluster, kafka/three.properties overrides the rest.

    Args:
        ports: of the node.
        data: folder of the node.
        quorum: the cluster.
        number: of the node in the cluster.
    """
    overrides = read(FOLDER / "three.properties") if len(quorum.controllers) > 1 else {}
    return {
        **read(FOLDER / "server.properties"),
        **overrides,
        **_listeners(ports, CONTROLLER=ports.controller),
        "node.id": str(number),
        "controller.quorum.bootstrap.servers": quorum.servers,
        "log.dirs": str(data / "log"),
    }


def with_zookeeper(ports: Ports, data: Path, zookeeper: str) -> dict[str, str]:
    """Return the properties of a single node with ZooKeeper, the original's form.

    Args:
        ports: of the node.
        data: folder of the node.
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


def _listeners(ports: Ports, **additional: int) -> dict[str, str]:
    named = {**dict(zip(LISTENERS, ports.listeners, strict=True)), **additional}
    addresses = ",".join(f"{name}://{LOOPBACK}:{port}" for name, port in named.items())
    return {
        "listeners": addresses,
        "advertised.listeners": addresses,
        "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in named),
    }


def _id() -> str:
    text = urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
    return "A" + text[1:] if text.startswith("-") else text  # Kafka's tool would take it for an option
