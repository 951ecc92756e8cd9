"""Reads the manifests: objects, pods, and which selector selects which pods."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from tests.suite import ROOT

Object: TypeAlias = dict[str, Any]

HERE = ROOT / "k8s"
SUBSYSTEMS = ("kafka", "tfserving", "producer", "consumer", "video")
FORMS = ("kafka", "zookeeper")
"""Of the bus: one of them is applied."""
WORKLOADS = {"Deployment", "StatefulSet", "Job"}


@cache
def documents(path: Path) -> list[Object]:
    """Return the objects of a file."""
    return parsed(path.read_text())


def parsed(text: str) -> list[Object]:
    """Return the objects of a text."""
    return [document for document in yaml.safe_load_all(text) if document]


def objects(*subsystems: str) -> list[Object]:
    """Return what applying the subsystems makes."""
    return [document for name in subsystems for document in documents(HERE / name / "deployment.yml")]


def suite(form: str) -> list[Object]:
    """Return all there is, on one form of the bus."""
    return objects(form, *(name for name in SUBSYSTEMS if name not in FORMS))


def of_kind(kind: str, among: list[Object]) -> dict[str, Object]:
    """Return the objects of a kind by name."""
    found = [document for document in among if document["kind"] == kind]
    names = [document["metadata"]["name"] for document in found]
    assert len(names) == len(set(names)), f"{kind}: twice the same name in {names}"
    return dict(zip(names, found, strict=True))


def workloads(among: list[Object]) -> dict[str, Object]:
    """Return what runs pods, by name."""
    return {document["metadata"]["name"]: document for document in among if document["kind"] in WORKLOADS}


def template(workload: Object) -> Object:
    """Return the template of its pods."""
    return dict(workload["spec"]["template"])


def container(workload: Object) -> Object:
    """Return the one container of its pods."""
    (only,) = template(workload)["spec"]["containers"]
    return dict(only)


def labels(workload: Object) -> dict[str, str]:
    """Return the labels of its pods."""
    return dict(template(workload)["metadata"]["labels"])


def ports(workload: Object) -> dict[str, int]:
    """Return the ports of its pods by name."""
    return {port["name"]: port["containerPort"] for port in container(workload).get("ports", ())}


def matches(selector: Mapping[str, str], of: Mapping[str, str]) -> bool:
    """Return whether labels contain everything that a selector requires."""
    return selector.items() <= of.items()


def selected(selector: Mapping[str, str], among: list[Object]) -> list[str]:
    """Return the names of the workloads whose pods a selector finds."""
    return [name for name, workload in workloads(among).items() if matches(selector, labels(workload))]


def environment(workload: Object, among: list[Object]) -> dict[str, str]:
    """Return what a container sees, Secrets apart: its ConfigMaps in their order, then its own variables."""
    maps = of_kind("ConfigMap", among)
    seen: dict[str, str] = {}
    for source in container(workload).get("envFrom", ()):
        if "configMapRef" in source:
            seen |= maps[source["configMapRef"]["name"]]["data"]
    own = container(workload).get("env", ())
    return seen | {variable["name"]: variable["value"] for variable in own if "value" in variable}


def allowed(policy: Object, direction: str) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Yield each peer of a policy with the ports that it may use; an empty peer is everybody."""
    word = {"ingress": "from", "egress": "to"}[direction]
    for rule in policy["spec"].get(direction, ()):
        for peer in rule.get(word, [{}]):
            yield peer, rule["ports"]


def cores(text: str) -> float:
    """Return an amount of CPU in cores.

    >>> cores("200m"), cores("2")
    (0.2, 2.0)
    """
    return int(text[:-1]) / 1000 if text.endswith("m") else float(text)


def size(text: str) -> int:
    """Return an amount of memory in bytes.

    >>> size("1Mi"), size("2Gi")
    (1048576, 2147483648)
    """
    return int(text[:-2]) << {"Mi": 20, "Gi": 30}[text[-2:]]
