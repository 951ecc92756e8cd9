"""The settings of the extended original's consumer, against real models: objects and emotions side by side."""

from functools import partial
from pathlib import Path

import pytest
import yaml

from local.ports import free_port
from shared.packages import data_file
from tests.end_to_end.chain import Chain, embedded_broker
from tests.models import exported
from tests.suite import LOOPBACK, ROOT, Program, get
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(600)  # the first run exports the models

MODELS = ("resnet=efficientnet-lite0", "cnn=emotion")
HOSTS = ("tfsimagenet-service:8501", "tfsemonet-service:8501")


@pytest.fixture(scope="module")
def config() -> Path:
    return exported(*MODELS, "--config")


def test_two_models_look_at_the_same_picture(config: Path) -> None:
    """MODELURLS and LABELURLS of k8s/extended, but for the hosts: the astronaut has a class, and is happy."""
    settings = yaml.safe_load((ROOT / "k8s" / "extended" / "models.yml").read_text())["data"]
    astronaut = data_file("skimage", "data/astronaut.png")
    assert astronaut is not None, "pip install --no-deps -r requirements-data.txt"
    port = free_port()
    urls = settings["MODELURLS"]
    for host in HOSTS:
        assert host in urls
        urls = urls.replace(host, f"{LOOPBACK}:{port}")
    labels = settings["LABELURLS"].replace("/src/assets", str(ROOT / "consumer" / "assets"))
    flags = (f"--rest_api_port={port}", f"--rest_api_host={LOOPBACK}", f"--model_config_file={config}")

    with embedded_broker() as (_, bus), Program("tfserving", *flags):
        for model in ("resnet", "cnn"):
            address = f"http://{LOOPBACK}:{port}/v1/models/{model}/metadata"
            wait_until(partial(_answers, address), f"{model} is served", within_s=120)
        with Chain(bus, MODELURLS=urls, LABELURLS=labels, MODELSFILE=settings["MODELSFILE"]) as chain:
            chain.produce(VIDEOLINK=str(astronaut), CAMERA="space", FRAMEINTERVAL="200ms")
            wait_until(
                lambda: (
                    {name: bool(said.get("label")) for name, said in chain.predictions("space").items()}
                    == {"imagenet_1": True, "emonet_1": True}
                ),
                "both models have said something",
                within_s=60,
            )
            found = chain.predictions("space")

    assert found["emonet_1"]["label"] == "happy"
    assert found["emonet_1"]["probability"] > 0.9
    assert found["imagenet_1"]["label"] in {"bobsled, bobsleigh, bob", "football helmet"}


def _answers(address: str) -> bool:
    try:
        return get(address)[0] == 200
    except OSError:
        return False
