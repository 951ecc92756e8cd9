"""Which processes make the suite on one machine, and what the environment of each says."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local.ports import LOOPBACK
from local.settings import LocalSettings
from shared.bus import EmbeddedBroker

PRODUCER, CONSUMER, VIDEO, SERVING, BROKER = "producer", "consumer", "video", "tfserving", "broker"
SERVICES = (PRODUCER, CONSUMER, VIDEO)
MODEL = "efficientnet-lite0"
MODEL_NAME = "tfModel"
SERVING_NICENESS = 10  # the picture goes before its label
# These mean another thing to each service, or belong to the suite: they do not go on as they are.
_NOT_PASSED_ON = ("TOPICNAME", "GROUPNAME", "PROFILE", "PYTHONSTARTUP")


@dataclass(frozen=True, slots=True)
class Program:
    """A process to start.

    Attributes:
        name: as people are told.
        module: run with `python -m`.
        arguments: of the module.
        environment: all of it.
        niceness: added to the suite's own.
    """

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    niceness: int = 0


def sample_video() -> Path:
    """Return the sample film that the producer plays without a camera: six seconds, 384×256, 25 frames a second."""
    return Path(__file__).parents[1] / "producer" / "sample" / "cat-and-coffee.mp4"


def environment(settings: LocalSettings, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return what the environments of all services have in common, and the camera."""
    common = {name: value for name, value in inherited.items() if name not in _NOT_PASSED_ON}
    common["LOGLEVEL"] = settings.log_level
    if not (settings.cameras or settings.video_link or settings.video_device):
        common["VIDEOLINK"] = str(sample_video())
    return common


def services(
    settings: LocalSettings,
    common: Mapping[str, str],
    *,
    servers: str,
    serving: str,
    probe_ports: Mapping[str, int],
) -> list[Program]:
    """Return the three services.

    Args:
        settings: what the person said.
        common: what `environment` returned.
        servers: of the broker.
        serving: `http://HOST:PORT` of the model server.
        probe_ports: a free port for each service.
    """
    kafka_config = dict(json.loads(common.get("KAFKACONFIG") or "{}"))
    if settings.broker is None:
        kafka_config = {**EmbeddedBroker.PROPERTIES, **kafka_config}
    base = {
        **common,
        "KAFKACONFIG": json.dumps(kafka_config),
        "KAFKAPORT": servers,
        "KAFKAPORTIN": servers,
        "KAFKAPORTOUT": servers,
    }
    predict = f"{serving}/v1/models/{MODEL_NAME}:predict"
    own = {
        PRODUCER: {"FRAMEINTERVAL": common.get("FRAMEINTERVAL") or "0"},
        # The original asks two entries of the same model side by side.
        CONSUMER: {"MODELURLS": settings.model_urls or json.dumps({"imagenet_1": predict, "imagenet_2": predict})},
        VIDEO: {
            "DISPLAYPORT": str(settings.display_address),
            "NODEPORT": f":{settings.display_address.port}",
        },
    }
    return [
        Program(name, name, environment={**base, **own[name], "PROBEPORT": f"{LOOPBACK}:{probe_ports[name]}"})
        for name in SERVICES
    ]


def kafka(common: Mapping[str, str], *, first_port: int) -> Program:
    """Return a real Kafka that makes the suite's topics by itself."""
    return Program(BROKER, "local.kafka", ("--quiet", "--first-port", str(first_port)), dict(common))


def model_server(common: Mapping[str, str], *, port: int, base_path: str) -> Program:
    """Return the local stand-in of TensorFlow Serving with the exported model."""
    arguments = (
        f"--rest_api_port={port}",
        f"--rest_api_host={LOOPBACK}",
        f"--model_name={MODEL_NAME}",
        f"--model_base_path={base_path}",
    )
    return Program(SERVING, "tfserving", arguments, dict(common), SERVING_NICENESS)
