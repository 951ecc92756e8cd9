"""The processes of the suite on one machine, with their arguments and environments."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local import wall
from local.environment import FETCH_PREFIXES, JAVA_PREFIXES, PROXY, TENSORFLOW_PREFIXES, environment, unclaimed
from local.kafka.parts import FOLDER
from local.ports import LOOPBACK
from local.settings import LocalSettings
from shared.bus import EmbeddedBroker
from shared.topics import read_list
from tfserving.layout import Engine

PRODUCER, CONSUMER, VIDEO, SERVING, BROKER = "producer", "consumer", "video", "tfserving", "broker"
SERVICES = (PRODUCER, CONSUMER, VIDEO)
MODEL_NAME = "tfModel"
CAMERAS_DOCUMENT, MODELS_DOCUMENT = "cameras.json", "models.json"
SERVING_NICENESS = 10  # pictures take precedence over labels


@dataclass(frozen=True, slots=True)
class Program:
    """A process to start.

    Attributes:
        name: as the console shows it.
        module: run with `python -m`.
        arguments: of the module.
        environment: the whole environment of the process.
        niceness: added to that of the suite.
    """

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    niceness: int = 0


def shows_wall(settings: LocalSettings, inherited: Mapping[str, str]) -> bool:
    """Return whether no camera is configured, so that the wall is shown."""
    return not (settings.cameras or settings.video_link or settings.video_device or inherited.get("CAMERASFILE"))


def needs_server(settings: LocalSettings, inherited: Mapping[str, str]) -> bool:
    """Return whether no model server is configured, so that the local one is started."""
    return not (settings.serving or settings.model_urls or inherited.get("MODELSFILE"))


def write_documents(
    folder: Path, settings: LocalSettings, inherited: Mapping[str, str], *, serving: str
) -> dict[str, dict[str, str]]:
    """Write the documents of what is not configured; return the variables that name them, by service."""
    found: dict[str, dict[str, str]] = {}
    if shows_wall(settings, inherited):
        path = folder / CAMERAS_DOCUMENT
        path.write_text(wall.cameras_document(wall.films()), encoding="utf-8")
        # Without a group: on an existing Kafka, this producer must not share the cameras of those that are there.
        found[PRODUCER] = {"CAMERASFILE": str(path), "GROUPNAME": ""}
    if needs_server(settings, inherited):
        path = folder / MODELS_DOCUMENT
        path.write_text(wall.models_document(serving, wall=shows_wall(settings, inherited)), encoding="utf-8")
        found[CONSUMER] = {"MODELSFILE": str(path)}
    return found


def embedded_broker(inherited: Mapping[str, str]) -> Program:
    """Return the broker in memory, with the suite's topics; it prints its address."""
    topics = tuple(topic.name for topic in read_list(FOLDER / "topics.toml"))
    return Program(BROKER, "local.broker", topics, environment(inherited))


def kafka(inherited: Mapping[str, str], *, first_port: int) -> Program:
    """Return a real Kafka that creates the suite's topics itself."""
    arguments = ("--quiet", "--first-port", str(first_port))
    return Program(BROKER, "local.kafka", arguments, environment(inherited, PROXY, prefixes=JAVA_PREFIXES))


def export(inherited: Mapping[str, str], engine: Engine) -> Program:
    """Return the program that exports the models unless they are cached, and prints the path of their models.config."""
    variables = environment(inherited, PROXY, prefixes=(*TENSORFLOW_PREFIXES, *FETCH_PREFIXES))
    return Program("export", "tfserving.export", (*wall.MODELS, "--config", f"--engine={engine}"), variables)


def model_server(inherited: Mapping[str, str], *, port: int, config: str, engine: Engine) -> Program:
    """Return the local stand-in for TensorFlow Serving with the exported models."""
    arguments = (
        f"--rest_api_port={port}",
        f"--rest_api_host={LOOPBACK}",
        f"--model_config_file={config}",
        f"--engine={engine}",
    )
    variables = environment(inherited, prefixes=TENSORFLOW_PREFIXES)
    return Program(SERVING, "tfserving", arguments, variables, SERVING_NICENESS)


def services(
    settings: LocalSettings,
    inherited: Mapping[str, str],
    *,
    variables: Mapping[str, Collection[str]],
    servers: str,
    documents: Mapping[str, Mapping[str, str]],
    probe_ports: Mapping[str, int],
) -> list[Program]:
    """Return the three services.

    Args:
        settings: of the suite.
        inherited: the environment of the suite.
        variables: service → names of its settings.
        servers: of the broker.
        documents: service → the variables that name documents of ours.
        probe_ports: a free port for each service.
    """
    suite = {"LOGLEVEL": settings.log_level, **_bus(settings, inherited, servers)}
    own = {
        PRODUCER: {"FRAMEINTERVAL": inherited.get("FRAMEINTERVAL") or "0"},
        CONSUMER: {**_model_urls(settings), **_group(settings)},
        VIDEO: {
            "DISPLAYPORT": str(settings.display_address),
            "NODEPORT": f":{settings.display_address.port}",
        },
    }
    names = {name: PROXY.union(variables[name]) for name in SERVICES}
    if inherited.get("CAMERASFILE"):
        names[PRODUCER] |= unclaimed(inherited, set().union(*variables.values()))
    return [
        Program(
            name,
            name,
            environment={
                **environment(inherited, names[name]),
                **{variable: value for variable, value in suite.items() if variable in variables[name]},
                **own[name],
                **documents.get(name, {}),
                "PROBEPORT": f"{LOOPBACK}:{probe_ports[name]}",
            },
        )
        for name in SERVICES
    ]


def _model_urls(settings: LocalSettings) -> dict[str, str]:
    if settings.model_urls:
        return {"MODELURLS": settings.model_urls}
    if settings.serving:  # the original asks two entries of the same model side by side
        predict = f"{settings.serving}/v1/models/{MODEL_NAME}:predict"
        return {"MODELURLS": json.dumps({"imagenet_1": predict, "imagenet_2": predict})}
    return {}  # a models document: ours, or the user's


def _group(settings: LocalSettings) -> dict[str, str]:
    # The embedded broker lets the first member of a group wait for others for 3 s, and there are none.
    return {"GROUPNAME": ""} if settings.broker is None else {}


def _bus(settings: LocalSettings, inherited: Mapping[str, str], servers: str) -> dict[str, str]:
    properties = dict(json.loads(inherited.get("KAFKACONFIG") or "{}"))
    if settings.broker is None:
        properties = {**EmbeddedBroker.PROPERTIES, **properties}
    return {
        "KAFKACONFIG": json.dumps(properties),
        "KAFKAPORT": servers,
        "KAFKAPORTIN": servers,
        "KAFKAPORTOUT": servers,
    }
