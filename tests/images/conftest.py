"""The images, built once: the real Dockerfiles on stand-ins for what a registry would give."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.images import docker
from tests.requirements import need
from tests.suite import ROOT

HERE = Path(__file__).parent
SERVICES = ("producer", "consumer", "video")
MODEL = "efficientnet-lite0"


@pytest.fixture(scope="session", autouse=True)
def _daemon() -> None:
    need(
        "a docker daemon",
        present=docker.answers(),
        install='apt-get install docker.io debootstrap, then eval "$(tests/images/up.sh)"',
    )


@pytest.fixture(scope="session")
def base(_daemon: None) -> str:
    """A bare Python."""
    name = docker.base_image()
    if "PYTHON_BASE" not in os.environ:
        subprocess.run([str(HERE / "base.sh"), name], check=True, timeout=900)
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
    given = {"PYTHON_BASE": base, "MODEL": MODEL}
    export = docker.build("mld-test/export", dockerfile, ROOT, target="export", **given)
    serving = docker.build("mld-test/serving", HERE / "serving.Dockerfile", HERE, EXPORT=export)
    return docker.build("mld-test/tfserving", dockerfile, ROOT, BASE=serving, **given)
