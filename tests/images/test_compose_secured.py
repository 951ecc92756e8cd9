"""The suite on a secured bus, by compose/secured.yml and the script that makes certificates and passwords."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.images.compose import LABELLED_S, Compose, containers, left, until_labelled
from tests.images.docker import docker
from tests.kafka.secured import Credentials
from tests.suite import PRINT_READYZ
from tests.waiting import wait_until

pytestmark = [pytest.mark.images, pytest.mark.timeout(1200)]


@dataclass
class Secured:
    """Everything, up, and how to bring it up with other settings."""

    compose: Compose
    settings: Path
    credentials: Credentials

    def with_password(self, password: str, folder: Path) -> Compose:
        """Return Compose with another password of the producer."""
        wrong = json.dumps({**self.credentials.of("producer"), "sasl.password": password})
        path = folder / "wrong.env"
        path.write_text(f"PRODUCER_KAFKACONFIG='{wrong}'\n")
        return Compose(2, self.settings, self.credentials.folder / "compose.env", path)


@pytest.fixture(scope="module")
def secured(v2: Compose, settings: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """Everything, up until a labelled frame is shown."""
    assert left() == []
    credentials = Credentials.make(tmp_path_factory.mktemp("credentials"))
    compose = Compose(v2.version, settings, credentials.folder / "compose.env")
    try:
        compose.up("secured")
        until_labelled()
        yield Secured(compose, settings, credentials)
    finally:
        compose("secured", "down", "--volumes", status=None)
    assert left() == []


def test_the_jobs_have_ended_well(secured: Secured) -> None:
    """The users were made, and then the topics."""
    for service in ("users", "topics"):
        (held,) = containers(service, ended=True)
        assert held.state["ExitCode"] == 0, held.log


def test_a_wrong_password_is_refused_and_named(secured: Secured, tmp_path: Path) -> None:
    """/readyz says so; the right one brings the picture back."""
    alone = ("--no-deps", "producer")
    secured.with_password("wrong", tmp_path).up("secured", *alone)
    wait_until(lambda: said() == "authentication refused", "/readyz names it", within_s=LABELLED_S)

    secured.compose.up("secured", *alone)
    until_labelled()
    assert said() == "ok"


def said() -> str | None:
    """Return what the producer says of its broker; None if it does not answer."""
    (held,) = containers("producer")
    answer = docker("exec", held.id, *PRINT_READYZ, status=None)
    return str(json.loads(answer)["broker"]) if answer.startswith("{") else None
