"""A real Kafka with TLS, passwords and rules, made by the commands that people use."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.kafka.configuration import LISTENERS, Ports, read
from local.kafka.node import Node
from local.kafka.parts import FOLDER
from shared.bus import Bus
from tests.end_to_end.model_server import ModelServer
from tests.kafka.chain import KafkaChain
from tests.suite import ROOT, Service

SECURED = FOLDER / "secured"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What kafka/secured/credentials.sh made."""

    folder: Path

    @classmethod
    def make(cls, folder: Path, *options: str) -> "Credentials":
        """Run the script."""
        script = [str(SECURED / "credentials.sh"), *options, str(folder)]
        subprocess.run(script, check=True, capture_output=True, timeout=60)
        return cls(folder)

    def of(self, user: str) -> dict[str, Any]:
        """Return the KAFKACONFIG of a user."""
        return dict(json.loads((self.folder / "kafkaconfig" / f"{user}.json").read_text()))

    def broker(self) -> dict[str, str]:
        """Return the properties of a broker."""
        return {
            **read(SECURED / "server.properties"),
            "ssl.keystore.location": str(self.folder / "tls" / "kafka.pem"),
            "ssl.truststore.location": str(self.folder / "tls" / "ca.pem"),
        }

    def node(self, jars: Path, data: Path, **overrides: str) -> Node:
        """Return a broker, which is not started."""
        properties = self.broker() | {name.replace("__", "-"): value for name, value in overrides.items()}
        return Node(jars, data, Ports.free(), overrides=properties, client=self.of("admin"))


def run(module: str, *arguments: str, properties: Mapping[str, Any], **environment: str) -> str:
    """Run a command of ours with properties for Kafka; return what it printed."""
    seen = {**os.environ, "KAFKACONFIG": json.dumps(dict(properties)), **environment}
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=seen, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def make_users(node: Node, credentials: Credentials) -> str:
    """Make the users as kafka/secured/users.toml declares them; return what the command printed."""
    arguments = (str(SECURED / "users.toml"), "--bootstrap", node.servers[0])
    passwords = (credentials.folder / "passwords.json").read_text()
    return run("shared.users", *arguments, properties=credentials.of("admin"), PASSWORDS=passwords)


def make_topics(node: Node, credentials: Credentials) -> str:
    """Make the topics, as the user for that; return what the command printed."""
    where = ("--bootstrap", node.servers[0])
    return run("shared.topics", str(FOLDER / "topics.toml"), *where, properties=credentials.of("topics"))


class SecuredChain(KafkaChain):
    """The services, each with its own user."""

    def __init__(self, node: Node, models: ModelServer, credentials: Credentials) -> None:
        super().__init__(node, models, suffix="")
        self.credentials = credentials
        self.bus = Bus(node.servers[0], credentials.of("admin"))

    def start(self, name: str, **settings: str) -> Service:
        """Start a service as its user."""
        return super().start(name, **{"KAFKACONFIG": json.dumps(self.credentials.of(name)), **settings})


def listener(node: Node, name: str) -> str:
    """Return the address of a listener."""
    return dict(zip(LISTENERS, node.servers, strict=True))[name]
