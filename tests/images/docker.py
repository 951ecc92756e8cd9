"""Docker as the tests use it: its command line, and containers that run as their manifests run them."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from tests.suite import LOOPBACK, ROOT
from tests.waiting import PATIENCE_S, wait_until

USER = "10001:10001"
# What every manifest says: a user without a name, nothing to write but /tmp, no privileges.
CONFINED = (
    f"--user={USER}",
    "--read-only",
    "--tmpfs=/tmp",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
)
END_S = 30  # promised are 3 s, and test_life.py notes what was seen; then Docker kills it, which is status 137


def command(
    *words: str, status: int | None = 0, timeout_s: float = 1200, environment: Mapping[str, str] | None = None
) -> str:
    """Run a command and return what it printed on both streams; fail if it ends with another status."""
    done = subprocess.run(
        words,
        cwd=ROOT,
        env=None if environment is None else dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=timeout_s,
        check=False,
    )
    if status is not None:
        assert done.returncode == status, f"{' '.join(words)}: {done.returncode}\n{done.stdout[-4000:]}"
    return done.stdout


def docker(*arguments: str, status: int | None = 0) -> str:
    """Run a command of docker's, as `command` does."""
    return command("docker", *arguments, status=status)


def answers() -> bool:
    """Return whether a daemon answers."""
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
    """Return Docker's description of a container or an image."""
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


class Held:
    """A container that something else started."""

    def __init__(self, identifier: str) -> None:
        self.id = identifier

    @property
    def log(self) -> str:
        return docker("logs", self.id)

    @property
    def name(self) -> str:
        return str(inspect(self.id)["Name"]).removeprefix("/")

    @property
    def labels(self) -> dict[str, str]:
        return dict(inspect(self.id)["Config"]["Labels"])

    @property
    def state(self) -> dict[str, Any]:
        return dict(inspect(self.id)["State"])

    def until_healthy(self, *, within_s: float = PATIENCE_S) -> None:
        """Wait until the container's own health check succeeds."""
        wait_until(
            lambda: self.state["Health"]["Status"] == "healthy" or self._check_runs(), "healthy", within_s=within_s
        )

    def answers(self) -> bool:
        """Run the container's own health check now; return whether it succeeds."""
        test = inspect(self.id)["Config"]["Healthcheck"]["Test"]
        return subprocess.run(["docker", "exec", self.id, *test[1:]], capture_output=True, check=False).returncode == 0

    def _check_runs(self) -> bool:
        assert self.state["Running"], f"ended with {self.state['ExitCode']}:\n{self.log}"
        return False


class Container(Held):
    """A container of the test's own, which is removed at the end."""

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
        super().__init__(docker(*words).split()[-1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        docker("rm", "--force", "--volumes", self.id, status=None)

    def url(self, port: int) -> str:
        """Return where a published port is reached."""
        return f"http://{LOOPBACK}:{self.port(port)}"

    def port(self, port: int) -> int:
        """Return the machine's port for one of the container's."""
        (bound, *_) = inspect(self.id)["NetworkSettings"]["Ports"][f"{port}/tcp"]
        return int(bound["HostPort"])

    def ends(self) -> tuple[int, float]:
        """Send SIGTERM; return the status, 137 if that was not enough, and the seconds that it took."""
        began = time.time()
        docker("stop", f"--time={END_S}", self.id)
        state = self.state
        return int(state["ExitCode"]), datetime.fromisoformat(state["FinishedAt"]).timestamp() - began


def base_image() -> str:
    """Return the name of the Python that images are built on, of which PYTHON_BASE may name a real one."""
    return os.environ.get("PYTHON_BASE", "mld-test/python:slim")
