"""The cluster and its images, once for all tests here; and what they measured."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping

import pytest

from tests.cluster import rig
from tests.cluster.kubectl import Kubectl
from tests.cluster.rig import Rig
from tests.images.conftest import _daemon, base, services, tfserving  # noqa: F401 - fixtures: the images
from tests.manifests.objects import HERE, WORKLOADS, container, documents
from tests.requirements import need
from tests.suite import ROOT

# Stand-ins out of Maven's jars for what no registry gives here.
BROKERS = {
    "apache/kafka": "kafka",
    "confluentinc/cp-kafka": "cp-kafka",
    "confluentinc/cp-zookeeper": "cp-zookeeper",
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
) -> dict[str, str]:
    """Names in the manifests -> what was built for them."""
    built = {**services, "tfserving": tfserving}
    for name, kind in BROKERS.items():
        built[name] = f"mld-test/{kind}"
        subprocess.run([str(ROOT / "tests" / "images" / "kafka.sh"), kind, built[name]], check=True, timeout=900)
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
