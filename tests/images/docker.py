"""Docker as the tests use it: its command line, and containers that run as their manifests run them."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from tests.suite import LOOPBACK, until

USER = "10001:10001"
# What every manifest says: a user without a name, nothing to write but /tmp, no privileges.
CONFINED = (
    f"--user={USER}",
    "--read-only",
    "--tmpfs=/tmp",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
)
END_S = 3  # design: SIGTERM ends each service in this time; then Docker kills it, which is status 137


def docker(*arguments: str, status: int | None = 0, timeout_s: float = 1200) -> str:
    """Run a command of docker's and return what it printed on both streams; fail if it ends with another status."""
    done = subprocess.run(
        ["docker", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=timeout_s,
        check=False,
    )
    if status is not None:
        assert done.returncode == status, f"docker {' '.join(arguments)}: {done.returncode}\n{done.stdout[-4000:]}"
    return done.stdout


def answers() -> bool:
    """Tell whether there is a daemon."""
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "version"], capture_output=True, check=False).returncode == 0


def build(tag: str, dockerfile: Path, context: Path, *, target: str = "", **arguments: str) -> str:
    """Build an image and return its tag."""
    options = [option for name, value in arguments.items() for option in ("--build-arg", f"{name}={value}")]
    if target:
        options += ["--target", target]
    docker("build", "--network=host", "-f", str(dockerfile), "-t", tag, *options, str(context))
    return tag


def inspect(name: str) -> dict[str, Any]:
    """Return what docker knows of a container or an image."""
    (document,) = json.loads(docker("inspect", name))
    assert isinstance(document, dict)
    return document


class Network:
    """A network of the test's own: a daemon started by up.sh has none by itself."""

    def __init__(self, name: str) -> None:
        self.name = name
        docker("network", "rm", name, status=None)  # of a run that was killed
        docker("network", "create", name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        docker("network", "rm", self.name, status=None)


class Container:
    """A container that is removed at the end."""

    def __init__(
        self,
        image: str,
        *arguments: str,
        options: Sequence[str] = CONFINED,
        network: str,
        ports: Sequence[int] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start it.

        Args:
            image: of which.
            arguments: of its entry point.
            options: of `docker run`.
            network: the name of one, `container:ID` for that of another container, or `none`.
            ports: to be reached at `url`.
            environment: variables set in it.
        """
        published = [f"--publish={LOOPBACK}::{port}" for port in ports]
        variables = [f"--env={name}={value}" for name, value in (environment or {}).items()]
        words = ("run", "--detach", f"--network={network}", *published, *variables, *options, image, *arguments)
        # The last line: warnings come before it.
        self.id = docker(*words).split()[-1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        docker("rm", "--force", "--volumes", self.id, status=None)

    @property
    def log(self) -> str:
        return docker("logs", self.id)

    @property
    def state(self) -> dict[str, Any]:
        return dict(inspect(self.id)["State"])

    def url(self, port: int) -> str:
        """Return where a published port is reached."""
        return f"http://{LOOPBACK}:{self.port(port)}"

    def port(self, port: int) -> int:
        """Return the machine's port for one of the container's."""
        (bound, *_) = inspect(self.id)["NetworkSettings"]["Ports"][f"{port}/tcp"]
        return int(bound["HostPort"])

    def until_healthy(self) -> None:
        """Wait until the image's own check says that it is well."""
        until(lambda: self.state["Health"]["Status"] == "healthy" or self._check_runs(), "healthy")

    def ends(self) -> int:
        """Send SIGTERM, and return the status; 137 if that was not enough."""
        docker("stop", f"--time={END_S}", self.id)
        return int(self.state["ExitCode"])

    def _check_runs(self) -> bool:
        assert self.state["Running"], f"ended with {self.state['ExitCode']}:\n{self.log}"
        return False


def base_image() -> str:
    """Return the name of the Python that images are built on, of which PYTHON_BASE may name a real one."""
    return os.environ.get("PYTHON_BASE", "mld-test/python:slim")
