"""What is in the images, and what is not."""

from collections.abc import Mapping

import pytest

from tests.images.conftest import SERVICES
from tests.images.docker import CONFINED, USER, docker, inspect
from tests.suite import ROOT

pytestmark = [pytest.mark.images, pytest.mark.timeout(1200)]

MOST_BYTES = {"producer": 540_000_000, "consumer": 430_000_000, "video": 280_000_000}
PORTS = {"producer": {"8081/tcp"}, "consumer": {"8081/tcp"}, "video": {"8080/tcp", "8081/tcp"}}
LABELS_OF_THE_ORIGINAL = ("/go/src/app/assets/imagenetLabels.json", "/src/assets/imagenetLabels.json")


def run(image: str, program: str, *arguments: str, user: str = USER, status: int | None = 0) -> str:
    options = (*CONFINED, f"--user={user}", f"--entrypoint={program}")
    return docker("run", "--rm", "--network=none", *options, image, *arguments, status=status)


@pytest.mark.parametrize("name", SERVICES)
def test_image_is_small(services: Mapping[str, str], name: str) -> None:
    """An image unpacks to no more than its issue allows."""
    size = int(inspect(services[name])["Size"])

    assert size <= MOST_BYTES[name]


@pytest.mark.parametrize("name", SERVICES)
def test_image_says_what_it_is(services: Mapping[str, str], name: str) -> None:
    """Labels, ports, user and entry point are those that manifests and people rely on."""
    config = inspect(services[name])["Config"]
    labels = config["Labels"]

    assert config["User"] == USER
    assert config["Entrypoint"] == ["python", "-m", name]
    assert config["ExposedPorts"].keys() == PORTS[name]
    assert config["Healthcheck"]["Test"][0] == "CMD"
    assert labels["org.opencontainers.image.title"] == name
    assert labels["org.opencontainers.image.revision"] == "tested"
    assert labels["org.opencontainers.image.licenses"] == "MIT"


def test_models_are_in_their_image(tfserving: str) -> None:
    """TensorFlow Serving's image has the exported models where it looks, a user without a name, and an init."""
    config = inspect(tfserving)["Config"]

    assert config["User"] == USER
    assert config["Entrypoint"][0] == "/usr/bin/tini"
    assert {"8500/tcp", "8501/tcp"} <= config["ExposedPorts"].keys()
    assert config["Labels"]["org.opencontainers.image.title"] == "tfserving"
    assert run(tfserving, "ls", "/models").split() == ["detector", "emotion", "models.config", "tfModel"]
    assert run(tfserving, "ls", "/models/tfModel/1").split() == [
        "assets",
        "assets.extra",
        "fingerprint.pb",
        "saved_model.pb",
        "variables",
    ]


@pytest.mark.parametrize("name", SERVICES)
def test_image_holds_one_service(services: Mapping[str, str], name: str) -> None:
    """Of our packages there is the service's own and the shared one."""
    found = run(services[name], "find", "/app", "-mindepth", "1", "-maxdepth", "1", "-printf", "%f\n").split()

    assert sorted(found) == sorted([name, "shared", "LICENSE", "NOTICES.md"])


@pytest.mark.parametrize("name", SERVICES)
def test_image_has_nothing_to_build_or_test_with(services: Mapping[str, str], name: str) -> None:
    """There is no compiler, no installer, no test, no cache, nothing of the other extras."""
    tools = run(services[name], "sh", "-c", "command -v gcc cc g++ make pip git; ls /opt", status=None).split()
    packages = run(services[name], "ls", *_site_packages(services[name])).lower().split()
    looked_at = ("/opt", "/app", "/root", "/tmp")
    folders = run(services[name], "find", *looked_at, "-type", "d", "-printf", "%f\n", user="0").split()

    assert tools == ["venv"]
    assert not {"pip", "setuptools", "pytest", "tensorflow", "ruff", "mypy"} & set(packages)
    assert not {"tests", ".cache", "pip"} & set(folders)


def test_producer_alone_decodes_video(services: Mapping[str, str]) -> None:
    """PyAV is in the producer's image, the web server in that of video, neither in the others."""
    held = {name: set(run(services[name], "ls", *_site_packages(services[name])).split()) for name in SERVICES}

    assert {name for name in SERVICES if "av" in held[name]} == {"producer"}
    assert {name for name in SERVICES if "uvicorn" in held[name]} == {"video"}
    assert {name for name in SERVICES if "cv2" in held[name]} == {"producer", "consumer"}


@pytest.mark.parametrize("path", LABELS_OF_THE_ORIGINAL)
def test_labels_are_where_the_originals_manifests_look(services: Mapping[str, str], path: str) -> None:
    """LABELURLS of an existing ConfigMap names a file that is there."""
    labels = run(services["consumer"], "cat", path)

    assert labels == (ROOT / "consumer" / "assets" / "imagenetLabels.json").read_text()


@pytest.mark.parametrize("name", SERVICES)
def test_modules_are_compiled(services: Mapping[str, str], name: str) -> None:
    """Every module of ours has its compiled form, since none can be written at run time."""
    files = run(services[name], "find", "/app", "-name", "*.py*", "-printf", "%f\n").split()
    sources = [file for file in files if file.endswith(".py")]

    assert len(sources) > 10
    assert len([file for file in files if file.endswith(".pyc")]) == len(sources)


@pytest.mark.parametrize("name", SERVICES)
def test_help_lists_the_settings(services: Mapping[str, str], name: str) -> None:
    """`docker run IMAGE --help` says every setting."""
    told = docker("run", "--rm", "--network=none", *CONFINED, services[name], "--help")

    assert "PROBEPORT" in told
    assert "KAFKAPORT" in told


@pytest.mark.parametrize("name", SERVICES)
def test_wrong_setting_ends_with_one_line(services: Mapping[str, str], name: str) -> None:
    """A wrong value ends the container with status 2 and a line that names the variable."""
    given = ("--env=PROBEPORT=eighty", "--env=VIDEOLINK=rtsp://192.0.2.1/stream")

    told = docker("run", "--rm", "--network=none", *CONFINED, *given, services[name], status=2)

    assert told.startswith(f"{name}: PROBEPORT: got 'eighty'; allowed:")
    assert len(told.splitlines()) == 1


def _site_packages(image: str) -> list[str]:
    return run(image, "sh", "-c", "ls -d /opt/venv/lib/python3*/site-packages").split()
