"""The cluster and its images, once for all tests here; and what they measured."""

import json
import os
from collections.abc import Iterator, Mapping

import pytest

from tests.cluster import rig
from tests.cluster.kubectl import Kubectl
from tests.cluster.rig import Rig
from tests.images.conftest import (  # noqa: F401 - fixtures: the images
    _brokers_beside,
    _daemon,
    base,
    brokers,
    services,
    tfserving,
)
from tests.manifests.objects import HERE, WORKLOADS, container, documents
from tests.requirements import need
from tests.suite import ROOT

# Names in the manifests -> the settings that name their stand-ins, out of Maven's jars.
BROKERS = {
    "apache/kafka": "KAFKA_IMAGE",
    "confluentinc/cp-kafka": "CP_KAFKA_IMAGE",
    "confluentinc/cp-zookeeper": "ZOOKEEPER_IMAGE",
}
FIGURES = ROOT / "artefacts" / "cluster.json"


@pytest.fixture(scope="session")
def _binaries() -> None:
    need(
        "the one-node Kubernetes",
        present=rig.built() and os.geteuid() == 0,
        install=f"as root, {os.path.relpath(rig.FOLDER, ROOT)}/build.sh, which takes 20 minutes",
    )


@pytest.fixture(scope="session")
def images(
    _binaries: None,
    _daemon: None,  # noqa: F811
    services: Mapping[str, str],  # noqa: F811
    tfserving: str,  # noqa: F811
    brokers: Mapping[str, str],  # noqa: F811
) -> dict[str, str]:
    """Names in the manifests -> what was built for them."""
    built = {**services, "tfserving": tfserving, **{name: brokers[setting] for name, setting in BROKERS.items()}}
    named = {
        container(thing)["image"]
        for path in HERE.glob("*/deployment.yml")
        for thing in documents(path)
        if thing["kind"] in WORKLOADS
    }
    return {name: built[name.split(":")[0]] for name in named if name.split(":")[0] in built}


@pytest.fixture(scope="session")
def cluster(images: Mapping[str, str]) -> Iterator[Kubectl]:
    """A running cluster that has the images; kubectl in its namespace `default`."""
    cluster = Rig()
    try:
        cluster.load(images)
        yield Kubectl(cluster.environment)
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def figures() -> Iterator[dict[str, object]]:
    """What was measured, kept with the run's artefacts."""
    measured: dict[str, object] = {}
    yield measured
    FIGURES.parent.mkdir(exist_ok=True)
    FIGURES.write_text(json.dumps(measured, indent=1) + "\n")
