"""The images, built once: the real Dockerfiles on stand-ins for what a registry would give."""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.images import docker
from tests.images.compose import HOSTPORT, Compose, has_v1, has_v2
from tests.requirements import need
from tests.suite import ROOT

HERE = Path(__file__).parent
SERVICES = ("producer", "consumer", "video")
MODEL = "efficientnet-lite0"
MODELS = f"tfModel={MODEL} detector emotion"  # those without a package of npm


@pytest.fixture(scope="session", autouse=True)
def _daemon() -> None:
    need(
        "a docker daemon",
        present=docker.answers(),
        install='apt-get install docker.io debootstrap, then eval "$(tests/images/up.sh)"',
    )


@pytest.fixture(scope="session")
def _brokers_beside(_daemon: None) -> Iterator[Future[Mapping[str, str]]]:
    """Has the brokers' images built while the others are: on a fresh machine either takes minutes of waiting."""
    with ThreadPoolExecutor(1) as thread:
        yield thread.submit(_build_brokers)


def _build_brokers() -> Mapping[str, str]:
    images = {"KAFKA_IMAGE": "kafka", "CP_KAFKA_IMAGE": "cp-kafka", "ZOOKEEPER_IMAGE": "cp-zookeeper"}
    found = {}
    for variable, image in images.items():
        found[variable] = os.environ.get(variable, f"mld-test/{image}")
        if variable not in os.environ:
            docker.command(str(HERE / "kafka.sh"), image, found[variable])
    return found


@pytest.fixture(scope="session")
def base(_brokers_beside: Future[Mapping[str, str]]) -> str:
    """A bare Python."""
    name = docker.base_image()
    if "PYTHON_BASE" not in os.environ:
        docker.command(str(HERE / "base.sh"), name)
    return name


@pytest.fixture(scope="session")
def services(base: str) -> Mapping[str, str]:
    """The three services' images by name."""
    return {
        name: docker.build(f"mld-test/{name}", ROOT / name / "Dockerfile", ROOT, BASE=base, REVISION="tested")
        for name in SERVICES
    }


@pytest.fixture(scope="session")
def tfserving(base: str) -> str:
    """The model's image, on the local stand-in of TensorFlow Serving."""
    dockerfile = ROOT / "tfserving" / "Dockerfile"
    given = {"PYTHON_BASE": base, "MODELS": MODELS}
    export = docker.build("mld-test/export", dockerfile, ROOT, target="export", **given)
    serving = docker.build("mld-test/serving", HERE / "serving.Dockerfile", HERE, EXPORT=export)
    return docker.build("mld-test/tfserving", dockerfile, ROOT, BASE=serving, **given)


@pytest.fixture(scope="session")
def brokers(_brokers_beside: Future[Mapping[str, str]]) -> Mapping[str, str]:
    """The images of the bus in both forms by the names of their settings, out of Maven's jars; or those named there."""
    return _brokers_beside.result()


@pytest.fixture(scope="session")
def settings(
    services: Mapping[str, str],
    tfserving: str,
    brokers: Mapping[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """What a person would have in compose/.env: other images, and no camera."""
    lines = {"IMAGES": "mld-test/", "TAG": "latest", "HOSTPORT": HOSTPORT, **brokers}
    path = tmp_path_factory.mktemp("compose") / "env"
    path.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    return path


@pytest.fixture(scope="session")
def v2(settings: Path) -> Compose:
    """Compose v2."""
    need("Compose v2.20 or later", present=has_v2(), install="tests/images/compose_v2.sh, or Docker's own package")
    return Compose(2, settings)


@pytest.fixture(scope="session")
def v1(settings: Path) -> Compose:
    """Compose v1."""
    need("docker-compose 1.29", present=has_v1(), install="apt-get install docker-compose")
    return Compose(1, settings)
