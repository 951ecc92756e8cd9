"""A real Kafka with TLS, passwords and rules, made by the commands that people use."""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.kafka.configuration import LISTENERS, Ports, read
from local.kafka.node import Node
from local.kafka.parts import FOLDER
from local.kafka.program import JVM
from tests.suite import ROOT

SECURED = FOLDER / "secured"
# As k8s/overlays/secured and compose/secured.bus.yml have it: the quick compiler encrypts at a few MB a second only.
BOTH_COMPILERS = tuple(option for option in JVM if "TieredStopAtLevel" not in option)


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

    def node(self, jars: Path, data: Path, **overrides: str) -> "SecuredNode":
        """Return a broker, which is not started."""
        return SecuredNode(self, jars, data, overrides)


class SecuredNode(Node):
    """A broker that wants TLS and, of each service, its own password."""

    def __init__(self, credentials: Credentials, jars: Path, data: Path, overrides: Mapping[str, str]) -> None:
        self.credentials = credentials
        super().__init__(
            jars,
            data,
            Ports.free(),
            java_options=BOTH_COMPILERS,
            overrides=credentials.broker() | dict(overrides),
            client=credentials.of("admin"),
        )


def kafkaconfig(node: object, user: str) -> dict[str, Any]:
    """Return the KAFKACONFIG of a user at a broker; empty for one that is not secured."""
    return node.credentials.of(user) if isinstance(node, SecuredNode) else {}


def run(module: str, *arguments: str, properties: Mapping[str, Any], **environment: str) -> str:
    """Run a command of ours with properties for Kafka; return what it printed."""
    seen = {**os.environ, "KAFKACONFIG": json.dumps(dict(properties)), **environment}
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=seen, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def make_users(node: Node, credentials: Credentials, declared: Path = SECURED / "users.toml") -> str:
    """Make the users as they are declared; return what the command printed."""
    arguments = (str(declared), "--bootstrap", node.servers[0])
    passwords = (credentials.folder / "passwords.json").read_text()
    return run("shared.users", *arguments, properties=credentials.of("admin"), PASSWORDS=passwords)


def make_topics(node: Node, credentials: Credentials) -> str:
    """Make the topics, as the user for that; return what the command printed."""
    where = ("--bootstrap", node.servers[0])
    return run("shared.topics", str(FOLDER / "topics.toml"), *where, properties=credentials.of("topics"))


def of_every_suffix(path: Path) -> Path:
    """Write kafka/secured/users.toml with names as beginnings: the tests' topics and groups have suffixes."""
    declared = tomllib.loads((SECURED / "users.toml").read_text())
    lines = []
    for user, rules in declared.items():
        lines.append(f"[{user}]")
        for operation, names in rules.items():
            lines.append(f"{operation} = {json.dumps([name.removesuffix('*') + '*' for name in names])}")
    path.write_text("\n".join(lines) + "\n")
    return path


def listener(node: Node, name: str) -> str:
    """Return the address of a listener."""
    return dict(zip(LISTENERS, node.servers, strict=True))[name]
