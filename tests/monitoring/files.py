"""The files of the subsystem as tests read them: dashboards, alerts, and what they ask Prometheus."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from tests.suite import ROOT

HERE = ROOT / "monitoring"
RULES = HERE / "prometheus" / "rules" / "alerts.yml"
SCRAPES = HERE / "prometheus" / "prometheus.yml"
DOCUMENT = ROOT / "docs" / "monitoring.md"
# What Grafana puts in place of its variables; the rate's window is four scrapes, as it makes it at the least.
_VARIABLES = {"$__rate_interval": "20s", "$camera": ".*"}


@dataclass(frozen=True)
class Query:
    """A question to Prometheus: where it stands, its PromQL, and the labels that the text about its answer names."""

    where: str
    expression: str
    labels: frozenset[str]

    def __str__(self) -> str:
        return self.where


def read_yaml(path: Any) -> Any:
    return yaml.safe_load(path.read_text())


def dashboards() -> dict[str, dict[str, Any]]:
    """Return the dashboards as Grafana reads them, by the name of the file."""
    return {path.name: json.loads(path.read_text()) for path in sorted((HERE / "grafana" / "dashboards").glob("*"))}


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the panels that ask something."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def alerts() -> list[dict[str, Any]]:
    return [rule for group in read_yaml(RULES)["groups"] for rule in group["rules"]]


def queries() -> list[Query]:
    """Return what dashboards and rules ask, variables filled in."""
    return [*_of_dashboards(), *_of_rules()]


def _of_dashboards() -> Iterator[Query]:
    for name, dashboard in dashboards().items():
        for panel in panels(dashboard):
            columns = _columns(panel)
            for target in panel["targets"]:
                expression = target["expr"]
                for variable, value in _VARIABLES.items():
                    expression = expression.replace(variable, value)
                legend = re.findall(r"{{(\w+)}}", target.get("legendFormat", ""))
                yield Query(f"{name}: {panel['title']} {target['refId']}", expression, frozenset({*legend, *columns}))


def _columns(panel: dict[str, Any]) -> list[str]:
    filters = [one["options"] for one in panel.get("transformations", []) if one["id"] == "filterFieldsByName"]
    return [name for options in filters for name in options["include"]["names"]]


def _of_rules() -> Iterator[Query]:
    for rule in alerts():
        text = " ".join(rule["annotations"].values())
        yield Query(rule["alert"], rule["expr"], frozenset(re.findall(r"\$labels\.(\w+)", text)))
