"""Our configuration in a real Prometheus on the real services: queries have answers, and real faults fire alerts."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.monitoring import files, prometheus, suite
from tests.monitoring.prometheus import Prometheus
from tests.monitoring.suite import CAMERAS, Running
from tests.processes import freeze, thaw
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(600)

OF_DASHBOARDS = [query for query in files.queries() if ".json" in query.where]
SCRAPED_S = 15.0  # three scrapes: enough for a rate over four
ALARM_S = 240.0  # generous: what `for` and the windows add up to is a minute


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prometheus")


@pytest.fixture(scope="module")
def live(folder: Path) -> Iterator[Running]:
    with suite.running(folder) as running:
        yield running


@pytest.fixture(scope="module")
def asked(folder: Path, live: Running) -> Iterator[Prometheus]:
    """Prometheus, once it has scraped every service some times."""
    targets = {name: service.probes.removeprefix("http://") for name, service in live.services.items()}
    with prometheus.running(folder, targets) as running:
        wait_until(lambda: len(running.now("up == 1")) == 4, "every target is up")
        time.sleep(SCRAPED_S)
        yield running


def answer(asked: Prometheus, title: str) -> list[float]:
    """Return the numbers that a panel shows."""
    found = [query for query in OF_DASHBOARDS if query.where.rpartition(" ")[0].endswith(f": {title}")]
    assert found
    return [value for query in found for value in asked.values(query.expression)]


@pytest.mark.parametrize("query", OF_DASHBOARDS, ids=str)
def test_every_panel_has_an_answer(query: files.Query, asked: Prometheus) -> None:
    """Of what is right now, and over time; only the table of alerts is empty when all is well."""
    now = time.time()
    over_time = asked.api("query_range", query=query.expression, start=f"{now - 60}", end=f"{now}", step="5")

    assert over_time["result"] or "Firing now" in query.where
    assert asked.now(query.expression) or "Firing now" in query.where


def test_every_rule_is_evaluated(asked: Prometheus) -> None:
    """Without an error, and each sees the series that it asks for."""
    rules = [rule for group in asked.api("rules")["groups"] for rule in group["rules"]]

    assert {rule["name"] for rule in rules} == {rule["alert"] for rule in files.alerts()}
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] != "ok"} == {}
    assert not asked.firing() & {rule["alert"] for rule in files.alerts() if rule["labels"]["severity"] == "critical"}


def test_the_top_row_tells_the_truth(live: Running, asked: Prometheus) -> None:
    """All live, in time, explained; and the rate is that of the service's own counters."""
    before, began = live.services["video"].books(CAMERAS[0]).out, time.monotonic()
    time.sleep(SCRAPED_S)
    counted = (live.services["video"].books(CAMERAS[0]).out - before) / (time.monotonic() - began)
    shown = asked.values(f'sum(rate(video_frames_out_total{{camera="{CAMERAS[0]}"}}[20s]))')

    assert answer(asked, "Is it live?") == [0]
    assert answer(asked, "Unexplained") == [0]
    assert answer(asked, "What is down?") == [len(asked.now('ALERTS{alertstate="firing"}'))]
    median, p99 = answer(asked, "How late?")
    assert 0 < median <= p99
    assert 0 <= answer(asked, "What is lost?")[0] < 1
    assert shown[0] == pytest.approx(counted, rel=0.5)
    assert answer(asked, "Frames sent")[0] > 0


def test_a_silent_broker_is_named_and_nobody_else(live: Running, asked: Prometheus) -> None:
    """Every stage stands still then, and one cause is reported; it is over once the broker is back."""
    freeze(live.broker.process.pid)
    try:
        wait_until(lambda: "BrokerSilent" in asked.firing(), "the alert fires", within_s=ALARM_S)
        critical = asked.firing() & {
            rule["alert"] for rule in files.alerts() if rule["labels"]["severity"] == "critical"
        }
        (told,) = [
            one["annotations"]["summary"]
            for one in asked.api("alerts")["alerts"]
            if one["labels"].get("job") == "producer" and one["labels"]["alertname"] == "BrokerSilent"
        ]
    finally:
        thaw(live.broker.process.pid)

    assert critical == {"BrokerSilent"}
    assert told.startswith("The producer has had no answer from Kafka for ")
    wait_until(lambda: "BrokerSilent" not in asked.firing(), "the alert is over", within_s=ALARM_S)


def test_a_killed_producer_is_named(live: Running, asked: Prometheus) -> None:
    """It does not answer, and the page's first question is answered with no."""
    live.services["producer"].close()

    wait_until(lambda: "ServiceDown" in asked.firing(), "the alert fires", within_s=ALARM_S)
    (down,) = [one for one in asked.api("alerts")["alerts"] if one["labels"]["alertname"] == "ServiceDown"]
    assert down["labels"]["job"] == "producer"
    assert down["annotations"]["runbook_url"] == "docs/monitoring.md#servicedown"
    assert "<error" not in "".join(down["annotations"].values())
    assert answer(asked, "Is it live?") == []  # shown as `no producer`
    assert answer(asked, "What is down?")[0] >= 1
