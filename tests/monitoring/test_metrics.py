"""What dashboards and rules ask for is what the services export: names, labels, and the page that lists them."""

import re
from collections.abc import Iterator

import pytest

from tests.monitoring import files, suite
from tests.monitoring.promql import TARGET, Labels, labels_of, metrics_in
from tests.suite import ROOT

QUERIES = files.queries()
# Made by Prometheus out of the rules; a rule's own labels come to those of its expression.
_ALERTS: Labels = frozenset({"alertname", "alertstate", "severity", "job", "instance", "camera", "model"})
# Of Prometheus about itself: it is asked for it in test_prometheus.py.
_OWN = "prometheus_"
_SERVICE = r"(?:producer|consumer|video)_\w+"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Labels]]:
    """Metrics by name, with the labels that they have."""
    with suite.running(tmp_path_factory.mktemp("monitoring")) as running:
        yield running.labels()


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_every_metric_is_exported(query: files.Query, exported: dict[str, Labels]) -> None:
    """No query names a metric that no service has."""
    asked = {name for name in metrics_in(query.expression) if not name.startswith(_OWN)}

    assert asked - {"ALERTS"} <= exported.keys()


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_every_label_is_there(query: files.Query, exported: dict[str, Labels]) -> None:
    """What it selects, groups and joins by, its metrics have; what its legend or text names is left in the result."""

    def labels(metric: str) -> Labels:
        if metric.startswith(_OWN):
            return TARGET
        return _ALERTS if metric == "ALERTS" else exported[metric]

    assert query.labels <= labels_of(query.expression, labels) | (_ALERTS if "ALERTS" in query.expression else set())


def test_the_choice_of_cameras_is_of_all_that_are_known(exported: dict[str, Labels]) -> None:
    """Whichever stage knows a camera, it can be chosen."""
    (variable,) = files.dashboards()["live-video.json"]["templating"]["list"]
    (names,) = re.findall(r'^label_values\({__name__=~"(.*)"}, camera\)$', variable["query"])

    found = {name for name, labels in exported.items() if re.fullmatch(names, name) and "camera" in labels}
    assert found == {f"{service}_frames_in_total" for service in ("producer", "consumer", "video")}


def test_every_metric_of_ours_is_asked_for(exported: dict[str, Labels]) -> None:
    """Every metric of the services is shown or watched."""
    asked = {name for query in QUERIES for name in metrics_in(query.expression)}
    ours = {name for name in exported if re.fullmatch(_SERVICE, name) and not name.endswith(("_created", "_sum"))}

    # A histogram's buckets are enough.
    assert {name for name in ours if not name.endswith("_count")} - asked == {"producer_frames_lost_upstream_total"}


def test_the_document_lists_what_is_exported(exported: dict[str, Labels]) -> None:
    """docs/monitoring.md has each metric of the services with its labels, and no other."""
    ours = {
        re.sub(r"_bucket$", "", name): labels - TARGET - {"le"}
        for name, labels in exported.items()
        if re.fullmatch(_SERVICE, name) and not name.endswith(("_created", "_sum", "_count"))
    }
    listed: dict[str, Labels] = {}
    for names, labels in re.findall(r"^\| `([\w<>]+)(?:{([\w,]+)})?` \|", files.DOCUMENT.read_text(), re.MULTILINE):
        for service in services_of(names):
            listed[names.replace("<service>", service)] = frozenset(filter(None, labels.split(",")))

    assert {name: labels for name, labels in listed.items() if re.fullmatch(_SERVICE, name)} == ours


def services_of(name: str) -> tuple[str, ...]:
    """Return the services that a name in the document stands for."""
    return ("producer", "consumer", "video") if name.startswith("<service>") else ("",)


def test_the_readme_lists_no_other(exported: dict[str, Labels]) -> None:
    """Each metric that the README names is one that a service has."""
    for name in re.findall(r"`(<service>_\w+|(?:producer|consumer|video)_\w+)[{`]", (ROOT / "README.md").read_text()):
        pattern = name.replace("<service>", "(producer|consumer|video)") + "(_bucket)?"
        assert any(re.fullmatch(pattern, known) for known in exported), name
