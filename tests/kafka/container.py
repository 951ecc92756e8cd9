"""A Kafka node in a container, for the same tests as one from the jars."""

import os
import subprocess
from types import TracebackType
from typing import Any, Self

from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from local.kafka.configuration import Ports, Quorum, kraft
from local.kafka.node import listens
from shared.bus import Bus, Topics
from tests.images import docker
from tests.requirements import need
from tests.suite import LOOPBACK, ROOT, kafka_variable
from tests.waiting import wait_until

OFFICIAL, STAND_IN = "apache/kafka", "mld-test/kafka"
DATA = "/var/lib/kafka/data"
ANSWER_TIMEOUT_S = 0.5
READY_WITHIN_S = 300.0  # 10 s on an idle machine


class ContainerNode:
    """Runs kafka/server.properties, set by KAFKA_* variables, in the image; its ports are those of the machine."""

    def __init__(self, image: str, ports: Ports) -> None:
        self.ports = ports
        self._network = Network()
        self._container = DockerContainer(image, env=variables(ports), network=self._network)
        # On the loopback interface only: they have no authentication.
        self._container.ports = {str(port): (LOOPBACK, port) for port in ports.listeners}  # type: ignore[misc]

    @property
    def servers(self) -> tuple[str, ...]:
        return tuple(f"{LOOPBACK}:{port}" for port in self.ports.listeners)

    @property
    def bus(self) -> Bus:
        return Bus(self.servers[0])

    @property
    def pid(self) -> int:
        """Return the process id on this machine."""
        return int(self._docker.attrs["State"]["Pid"])

    def start(self) -> None:
        self._docker.start()

    def kill(self) -> None:
        self._docker.kill()
        self._docker.wait()

    def wait_until_ready(self, within_s: float = READY_WITHIN_S) -> None:
        admin = Topics(self.bus)

        def answers() -> bool:
            assert self._docker.status == "running", self._docker.logs().decode()[-2000:]
            return listens(self.ports.listeners[0]) and admin.broker_answers(ANSWER_TIMEOUT_S)

        wait_until(answers, "the container answers", within_s=within_s)

    def __enter__(self) -> Self:
        self._network.create()
        try:
            self._container.start()
            self.wait_until_ready()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container.stop()
        self._network.remove()

    @property
    def _docker(self) -> Any:
        container = self._container.get_wrapped_container()
        container.reload()
        return container


def variables(ports: Ports) -> dict[str, str]:
    """Return the node's configuration as the image's variables."""
    properties = kraft(ports, ROOT, Quorum.of([ports]))
    del properties["controller.quorum.bootstrap.servers"]  # the image forms a quorum of fixed voters
    own = {
        "listeners": properties["listeners"].replace(LOOPBACK, "0.0.0.0"),
        "controller.quorum.voters": f"1@{LOOPBACK}:{ports.controller}",
        "log.dirs": DATA,
    }
    return {kafka_variable(name): value for name, value in {**properties, **own}.items()}


def image_at_hand(name: str) -> str:
    """Return the name of an image that this machine has; with REQUIRE_ALL=1, build a stand-in for the official one."""
    need(
        "a docker daemon",
        present=docker.answers(),
        install='apt-get install docker.io, then eval "$(tests/images/up.sh)"',
    )
    if subprocess.run(["docker", "image", "inspect", name], capture_output=True, check=False).returncode == 0:
        return name
    if os.environ.get("REQUIRE_ALL") != "1" or not name.startswith(f"{OFFICIAL}:"):
        need(f"the image {name}", present=False, install=f"docker pull {name}, or name another with KAFKA_IMAGE")
    docker.command(str(ROOT / "tests" / "images" / "kafka.sh"), "kafka", STAND_IN)
    return STAND_IN
