"""Writes the chart: a template per object, the values with their defaults, and the schema that refuses other values."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from k8s.chart.documents import EXAMPLES
from k8s.chart.kustomizations import DEFAULT, NAMESPACE, Deployment, Key, Object, Variant
from k8s.chart.values import Marks, Values

CHART_VERSION = "0.1.0"
FILES = Path(__file__).with_name("files")
_HOOKS = {
    "helm.sh/hook": "post-install,post-upgrade",
    "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded",
}
"""A Job cannot be changed: each release creates it again, and Helm deletes it once it has succeeded."""
_WEIGHTS = {"users": "-1"}
"""Helm waits for each Job before it starts the next. The topics' one is refused until the users are made."""


def write(deployment: Deployment, folder: Path) -> None:
    """Write the chart of a deployment into a folder, which must not exist.

    Raises:
        FileExistsError: the folder exists.
        ValueError: two objects disagree about a value that people can change.
    """
    templates = folder / "templates"
    templates.mkdir(parents=True)
    values = Values()
    for key, variants in deployment.objects.items():
        text = _template(variants, deployment.overlays, values, _condition(key))
        (templates / _file_name(key)).write_text(text)
    for content in deployment.monitoring:
        text = _template([Variant(content, deployment.overlays)], deployment.overlays, values, "monitoring.enabled")
        (templates / f"monitoring-{_file_name((content['kind'], content['metadata']['name']))}").write_text(text)
    for file in FILES.iterdir():
        (templates / file.name).write_text(file.read_text())
    (folder / "Chart.yaml").write_text(_chart())
    (folder / "values.yaml").write_text(_values(values, deployment.overlays))
    (folder / "values.schema.json").write_text(json.dumps(_schema(values, deployment.overlays), indent=2) + "\n")


def _file_name(key: Key) -> str:
    return f"{key[1]}-{key[0].lower()}.yaml"


def _condition(key: Key) -> str | None:
    return "namespace.create" if key[0] == "Namespace" else None


def _template(variants: list[Variant], overlays: tuple[str, ...], values: Values, condition: str | None) -> str:
    """Return the template of an object: each form under the overlays that have it."""
    return "".join(_conditional(variant, overlays, values, condition) for variant in variants)


def _conditional(variant: Variant, overlays: tuple[str, ...], values: Values, condition: str | None) -> str:
    marks = Marks()
    content = values.take_out(variant.content, marks)
    if content["kind"] == "Namespace":
        content["metadata"]["name"] = marks.mark("{{ .Release.Namespace }}")
    if content["kind"] == "Job":
        weight = {"helm.sh/hook-weight": _WEIGHTS.get(content["metadata"]["name"], "0")}
        content["metadata"].setdefault("annotations", {}).update(_HOOKS | weight)
    text = marks.text(yaml.safe_dump(content, sort_keys=False, width=1_000_000, allow_unicode=True))
    conditions = [f".Values.{condition}"] if condition else []
    if set(variant.overlays) != set(overlays):
        conditions.append(f"(has .Values.overlay (list {_list(variant.overlays)}))")
    if not conditions:
        return f"---\n{text}"
    together = conditions[0] if len(conditions) == 1 else f"and {' '.join(conditions)}"
    return f"{{{{- if {together} }}}}\n---\n{text}{{{{- end }}}}\n"


def _list(names: Iterable[str]) -> str:
    return " ".join(json.dumps(name) for name in names)


def _chart() -> str:
    chart = {
        "apiVersion": "v2",
        "name": NAMESPACE,
        "description": "Live video with machine-learning labels",
        "type": "application",
        "version": CHART_VERSION,
        "appVersion": CHART_VERSION,
    }
    return yaml.safe_dump(chart, sort_keys=False)


def _values(values: Values, overlays: tuple[str, ...]) -> str:
    """Return values.yaml: what is in force, and as comments what may be changed."""
    return "".join(
        [
            "# Written by `make chart` from the kustomizations in k8s/. What stands in comments is the default.\n\n",
            f"# Which of the kustomizations to install: {', '.join(overlays)}.\n",
            f"overlay: {DEFAULT}\n\n",
            "# The namespace itself, with its labels of Pod Security; not together with `helm --create-namespace`.\n",
            "namespace:\n  create: false\n\n",
            "# Prometheus and Grafana beside the suite.\nmonitoring:\n  enabled: false\n\n",
            _section("images", "The images; add your registry, or a digest.", values.images),
            _section("settings", "Settings of the services, by their variables.", {}, commented=values.settings),
            _section("sizes", "Replicas, resources and storage of each workload.", {}, commented=values.sizes),
            *_documents(),
        ]
    )


def _section(name: str, meaning: str, default: Object | dict[str, str], *, commented: Any = None) -> str:
    text = f"# {meaning}\n{yaml.safe_dump({name: default}, sort_keys=True, width=1_000_000)}"
    if commented:
        example = yaml.safe_dump(commented, sort_keys=True, width=1_000_000)
        text += "".join(f"#   {line}\n" for line in example.splitlines())
    return text + "\n"


def _documents() -> Iterator[str]:
    for name, (meaning, example) in EXAMPLES.items():
        yield f"# {meaning}\n{name}: {{}}\n"
        yield "".join(f"#   {line}\n" for line in example.splitlines()) + "\n"


def _schema(values: Values, overlays: tuple[str, ...]) -> Object:
    """Return values.schema.json: a value that the chart does not know is an error, with its name."""
    text: Object = {"type": "string"}
    setting: Object = {"type": ["string", "number", "boolean"]}
    size: Object = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "replicas": {"type": "integer", "minimum": 0},
            "storage": text,
            "resources": {"type": "object"},
        },
    }
    properties: Object = {
        "overlay": {"enum": list(overlays)},
        "namespace": _mapping({"create": {"type": "boolean"}}),
        "monitoring": _mapping({"enabled": {"type": "boolean"}}),
        "images": _mapping(dict.fromkeys(sorted(values.images), text)),
        "settings": _mapping(
            {name: {"type": "object", "additionalProperties": setting} for name in sorted(values.settings)}
        ),
        "sizes": _mapping(dict.fromkeys(sorted(values.sizes), size)),
        **{name: {"type": "object"} for name in EXAMPLES},
        "global": {"type": "object"},
    }
    return {"$schema": "http://json-schema.org/draft-07/schema#", **_mapping(properties)}


def _mapping(properties: Object) -> Object:
    return {"type": "object", "additionalProperties": False, "properties": properties}
