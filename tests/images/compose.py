"""Compose as people use it: the files of compose/ brought up and down, with Compose v2 and with docker-compose 1.29."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from tests.images.docker import Held, command, docker
from tests.suite import LOOPBACK, bare_environment, get_json
from tests.waiting import wait_until

# What a person has to know; another one where this machine's is taken.
HOSTPORT = os.environ.get("HOSTPORT", "30163")
PAGE = f"http://{LOOPBACK}:{HOSTPORT}"
PROJECT = "com.docker.compose.project"
# Longest wait for a label on the page, and whatever else has to start before. Promised are 60 s from `up`, and what was
# seen is noted; a busy machine may need more.
LABELLED_S = 300.0


def has_v2() -> bool:
    """Return whether docker has `compose` in a version that can include files."""
    done = subprocess.run(["docker", "compose", "version", "--short"], capture_output=True, text=True, check=False)
    return done.returncode == 0 and tuple(map(int, done.stdout.strip(" v\n").split(".")[:2])) >= (2, 20)


def has_v1() -> bool:
    """Return whether docker-compose is there and is version 1."""
    if shutil.which("docker-compose") is None:
        return False
    done = subprocess.run(["docker-compose", "version", "--short"], capture_output=True, text=True, check=False)
    return done.stdout.startswith("1.")


class Compose:
    """One of the two versions, with files of settings such as compose/.env."""

    def __init__(self, version: int, *settings: Path) -> None:
        self.version = version
        self._settings = settings

    def __call__(self, file: str, *arguments: str, status: int | None = 0) -> str:
        """Run a command for compose/FILE.yml from the project's root; return what it said."""
        settings = [word for path in self._settings for word in ("--env-file", str(path))]
        words = (
            ("docker", "compose", *settings, "--file", f"compose/{file}.yml")
            if self.version == 2
            else ("compose/v1.sh", file, *settings)
        )
        # A variable of the environment would go before the file's.
        environment = bare_environment() | {name: os.environ[name] for name in ("DOCKER_HOST",) if name in os.environ}
        return command(*words, *arguments, status=status, environment=environment)

    def up(self, file: str, *arguments: str) -> None:
        self(file, "up", "--detach", *arguments)


def containers(service: str = "", *, ended: bool = False) -> list[Held]:
    """Return the suite's containers, or those of one service; ended ones too if asked for."""
    shown = f'--format={{{{.ID}}}} {{{{.Label "{PROJECT}"}}}} {{{{.Label "com.docker.compose.service"}}}}'
    lines = docker("ps", "--no-trunc", *(["--all"] if ended else []), f"--filter=label={PROJECT}", shown).splitlines()
    found = [line.split() for line in lines]
    return [Held(held) for held, project, of in found if _is_ours(project) and service in {"", of}]


def _is_ours(project: str) -> bool:
    """Return whether a project belongs to compose/."""
    return project.startswith("mld-") or project == "machine-learning-deployment"


def label(*, since: float = 0.0, camera: str = "camera") -> str | None:
    """Return what a model said of the newest frame on the page, if that was captured after a time of the epoch."""
    answer = get_json(f"{PAGE}/cameras/{camera}/predictions") or {"captured_at": 0, "predictions": []}
    if answer["captured_at"] / 1e6 <= since:
        return None
    said = (said["label"] for said in answer["predictions"] if said["state"] == "ok" and said["label"])
    return next(said, None)


def until_labelled() -> float:
    """Wait for a labelled frame captured from now on; return the seconds that it took to come."""
    began, now = time.monotonic(), time.time()
    try:
        wait_until(lambda: label(since=now), "a fresh labelled frame", within_s=LABELLED_S)
    except AssertionError as exc:
        logs = docker("ps", "--all"), *(f"{held.name}:\n{held.log[-2000:]}" for held in containers(ended=True))
        raise AssertionError("\n".join([str(exc), *logs])) from exc
    return time.monotonic() - began


def kill(service: str) -> None:
    """End the first process of a service's container with SIGKILL, as the kernel does: Docker was not asked to."""
    (held, *_) = containers(service)
    os.kill(int(held.state["Pid"]), signal.SIGKILL)


def left() -> list[str]:
    """Return the names of what there is of the suite: containers, volumes, the network."""
    shown = f'--format={{{{.Name}}}} {{{{.Label "{PROJECT}"}}}}'
    volumes = [line.split() for line in docker("volume", "ls", f"--filter=label={PROJECT}", shown).splitlines()]
    return [
        *(held.name for held in containers(ended=True)),
        *(name for name, project in volumes if _is_ours(project)),
        *docker("network", "ls", "--format={{.Name}}", "--filter=name=^dockerNet$").split(),
    ]
