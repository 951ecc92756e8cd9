"""Several models in one image, or one alone: served, and found healthy."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.images import docker
from tests.images.docker import CONFINED, Container
from tests.suite import ROOT, get

pytestmark = [pytest.mark.images, pytest.mark.timeout(1200)]

OFTEN = ("--health-interval=1s", "--health-start-period=300s")
PORT = 8501


def served(container: Container, *names: str) -> dict[str, int]:
    """Return the status of each model's metadata."""
    return {name: get(f"{container.url(PORT)}/v1/models/{name}/metadata")[0] for name in names}


@pytest.fixture(scope="module")
def network() -> Iterator[str]:
    with docker.Network("mld-models") as found:
        yield found.name


def test_all_models_of_the_image_are_served(tfserving: str, network: str) -> None:
    """By one models.config; the image's own check is content once they answer."""
    with Container(tfserving, network=network, ports=(PORT,), options=(*CONFINED, *OFTEN)) as container:
        container.until_healthy()

        assert served(container, "tfModel", "detector", "emotion", "face") == {
            "tfModel": 200,
            "detector": 200,
            "emotion": 200,
            "face": 404,
        }


def test_a_model_of_the_users_is_served_instead(tfserving: str, network: str, tmp_path: Path) -> None:
    """MODEL_NAME names a folder that is mounted; the image's models are not loaded."""
    mounted = tmp_path / "mine"
    docker.docker("run", "--rm", "--network=none", f"--volume={tmp_path}:/out", "--user=0", "--entrypoint=cp",
                  tfserving, "-r", "/models/emotion", "/out/mine")  # fmt: skip
    options = (*CONFINED, *OFTEN, f"--volume={mounted}:/models/mine:ro")
    environment = {"MODEL_NAME": "mine"}
    with Container(tfserving, network=network, ports=(PORT,), options=options, environment=environment) as container:
        container.until_healthy()

        assert served(container, "mine", "detector") == {"mine": 200, "detector": 404}


@pytest.fixture(scope="module")
def tfsemonet(base: str, tfserving: str) -> str:
    """An image with one model under two names, as `make images-extended` builds it."""
    given = {"PYTHON_BASE": base, "BASE": "mld-test/serving", "MODELS": "cnn=emotion tfModel=emotion"}
    return docker.build("mld-test/tfsemonet", ROOT / "tfserving" / "Dockerfile", ROOT, **given)


def test_one_model_alone(tfsemonet: str, network: str) -> None:
    """With the name of the original's folder and that of its addresses, from one copy."""
    with Container(tfsemonet, network=network, ports=(PORT,), options=(*CONFINED, *OFTEN)) as container:
        container.until_healthy()

        assert served(container, "cnn", "tfModel", "detector") == {"cnn": 200, "tfModel": 200, "detector": 404}
        body = json.dumps({"instances": [[[[0.5]] * 64] * 64]}).encode()
        with urllib.request.urlopen(f"{container.url(PORT)}/v1/models/cnn:predict", body) as answer:
            (emotions,) = json.load(answer)["predictions"]
        assert len(emotions) == 7
        assert sum(emotions) == pytest.approx(1, abs=1e-3)
