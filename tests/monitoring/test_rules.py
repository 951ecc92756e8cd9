"""The alerts, in promtool: which fault fires which, after how long, and that nothing else fires with it."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.monitoring import files
from tests.monitoring.faults import FAULTS, V1, V2, warning
from tests.monitoring.prometheus import INSTALL
from tests.monitoring.world import FPS, STEP_S, healthy
from tests.requirements import need


def promtool(*arguments: object) -> None:
    """Run promtool; fail with what it says."""
    need("promtool", present=shutil.which("promtool") is not None, install=INSTALL)
    done = subprocess.run(["promtool", *map(str, arguments)], check=False, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr


def run(folder: Path, test: dict[str, Any], interval_s: int = STEP_S) -> None:
    document = {"rule_files": [str(files.RULES)], "evaluation_interval": f"{interval_s}s", "tests": [test]}
    path = folder / "test.yml"
    path.write_text(yaml.safe_dump(document))
    promtool("test", "rules", path)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_fires_its_alert_and_no_other(fault: Any, tmp_path: Path) -> None:
    """Nothing fires before it, nothing at once; then exactly the alerts that name the cause."""
    world, at_s, firing = fault()

    run(tmp_path, world.test(at_s, firing))


def test_a_healthy_suite_fires_nothing(tmp_path: Path) -> None:
    run(tmp_path, healthy().test(600, []))


def test_thinned_frames_and_a_busy_model_are_no_fault(tmp_path: Path) -> None:
    """FRAMEINTERVAL and PREDICTIONMODE=sync leave out as many frames as they like."""
    world = healthy()
    for service, reason in (("producer", "thinned"), ("consumer", "model_busy")):
        world = world.changes(f"{service}_frames_dropped_total", 20, reason=reason)
        world = world.changes(f"{service}_frames_out_total", FPS - 20)

    run(tmp_path, world.test(600, []))


def test_a_camera_that_moves_to_another_consumer_is_no_fault(tmp_path: Path) -> None:
    """Its frames are summed over the replicas; who had it before keeps its counters."""
    labels = {"job": "consumer", "instance": "c2:8081", "camera": "front"}
    world = healthy()
    for what in ("in", "out"):
        world = world.changes(f"consumer_frames_{what}_total", 0, camera="front")
        world = world.begins(f"consumer_frames_{what}_total", FPS, **labels)

    run(tmp_path, world.test(600, []))


def test_a_replica_taken_away_is_no_fault(tmp_path: Path) -> None:
    """Scaled down: its target is gone, and the others have every camera."""
    run(tmp_path, healthy().loses(V2, answers=False).test(600, []))


def test_restarts_are_counted(tmp_path: Path) -> None:
    """Three starts in a quarter of an hour."""
    series = 'process_start_time_seconds{job="video",instance="v1:8081"}'
    values = "1000x119 2000x29 3000x29 4000x60"  # from 10 min on, after 2.5 min each
    expected = warning("ServiceRestarts", job="video", instance=V1)

    run(tmp_path, only("ServiceRestarts", series, values, {"14m": [], "16m": [expected]}))


@pytest.mark.parametrize(
    ("alert", "metric", "before", "after", "quiet"),
    [
        ("FilesGrow", "process_open_fds", 50, 250, 140),
        ("MemoryGrows", "process_resident_memory_bytes", 200e6, 400e6, 290e6),
    ],
)
def test_growth_is_seen_against_the_day_before(
    alert: str, metric: str, before: float, after: float, quiet: float, tmp_path: Path
) -> None:
    """Grown and never fallen back for an hour; a viewers' evening, or a step that is small, is no growth."""
    step_s = 300  # a day is long
    series = f'{metric}{{job="video",instance="v1:8081"}}'
    expected = warning(alert, job="video", instance=V1)
    day = f"{before:.0f}x{24 * 12}"
    grown = f"{day} {after:.0f}x48"
    peaks = f"{day} " + " ".join(f"{after:.0f}x7 {before:.0f}x3" for _ in range(5))
    small = f"{day} {quiet:.0f}x48"

    for values, firing in ((grown, [expected]), (peaks, []), (small, [])):
        run(tmp_path, only(alert, series, values, {"24h": [], "27h": firing}, interval_s=step_s), interval_s=step_s)


def only(
    alert: str, series: str, values: str, firing: dict[str, list[dict[str, str]]], *, interval_s: int = STEP_S
) -> dict[str, Any]:
    """Return a test of one alert on one series."""
    expression = f'count by (alertname, severity, job, instance) (ALERTS{{alertname="{alert}", alertstate="firing"}})'
    return {
        "interval": f"{interval_s}s",
        "input_series": [{"series": series, "values": values}],
        "promql_expr_test": [
            {
                "expr": expression,
                "eval_time": at,
                "exp_samples": [
                    {"labels": "{" + ",".join(f'{name}="{value}"' for name, value in one.items()) + "}", "value": 1}
                    for one in alerts
                ],
            }
            for at, alerts in firing.items()
        ],
    }


def test_prometheus_takes_the_rules() -> None:
    """And what is scraped: `check config` reads the rules as well."""
    promtool("check", "config", files.SCRAPES)


def test_every_alert_is_tried() -> None:
    """No alert without a fault that fires it."""
    fired = {labels["alertname"] for fault in FAULTS for labels in fault()[2]}
    fired |= {"ServiceRestarts", "FilesGrow", "MemoryGrows"}

    assert {rule["alert"] for rule in files.alerts()} == fired


def test_every_alert_says_how_bad_it_is_and_what_to_do() -> None:
    """Severity, what is wrong, what to do first, and the place in the document that has more."""
    headings = set(re.findall(r"^### (\w+)$", files.DOCUMENT.read_text(), re.MULTILINE))

    for rule in files.alerts():
        assert set(rule["labels"]) == {"severity"}
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
        assert rule["annotations"]["runbook_url"] == f"docs/monitoring.md#{rule['alert'].lower()}"
    assert headings == {rule["alert"] for rule in files.alerts()}
