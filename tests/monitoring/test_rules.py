"""The alerts, in promtool: which fault fires which, after how long, and that nothing else fires with it."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.monitoring import files
from tests.monitoring.prometheus import INSTALL
from tests.monitoring.world import FPS, GONE, MODEL, STEP_S, World, healthy
from tests.requirements import need

P1, C1, V1, V2 = "p1:8081", "c1:8081", "v1:8081", "v2:8081"
Fault = tuple[World, int, list[dict[str, str]]]


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


def critical(alert: str, **labels: str) -> dict[str, str]:
    return {"alertname": alert, "severity": "critical", **labels}


def warning(alert: str, **labels: str) -> dict[str, str]:
    return {"alertname": alert, "severity": "warning", **labels}


def still(world: World, camera: str, *stages: str) -> World:
    """Return a world in which no frame of a camera comes through some stages any more."""
    for stage in stages:
        for what in ("in", "out"):
            world = world.changes(f"{stage}_frames_{what}_total", 0, camera=camera)
        world = world.changes(f"{stage}_frame_age_seconds_bucket", 0, camera=camera)
    return world


def camera_down() -> Fault:
    world = healthy().changes("producer_camera_up", 0, camera="front")
    return still(world, "front", "producer", "consumer", "video"), 120, [critical("CameraDown", camera="front")]


def clock() -> Fault:
    world = healthy().changes("video_clock_suspect", 1, camera="front", instance=V1)
    return world, 90, [warning("ClockSuspect", camera="front")]


def producer_hangs() -> Fault:
    world = healthy().loses(P1, answers=True)
    for camera in ("front", "yard"):
        world = still(world, camera, "consumer", "video")
    return world, 120, [critical("ServiceDown", job="producer", instance=P1)]


def consumers_gone() -> Fault:
    world = healthy().loses(C1, answers=False).loses("c2:8081", answers=False)
    for camera in ("front", "yard"):
        world = still(world, camera, "video")
    return world, 120, [critical("ServiceAbsent", job="consumer")]


def descriptors() -> Fault:
    world = healthy().changes("process_open_fds", 900, instance=V1)
    return world, 120, [critical("FilesRunOut", job="video", instance=V1)]


def broker() -> Fault:
    """Nobody gets or sends anything, and only the broker is named."""
    world = healthy()
    for service in ("producer", "consumer", "video"):
        world = world.changes(f"{service}_broker_silent_seconds", 60)
    for camera in ("front", "yard"):
        world = still(world, camera, "producer", "consumer", "video")
        labels = {"job": "producer", "instance": P1, "camera": camera}
        world = world.changes("producer_frames_in_total", FPS, camera=camera)
        world = world.begins("producer_frames_dropped_total", FPS, reason="broker_unavailable", **labels)
    return world, 400, [critical("BrokerSilent", job=job) for job in ("producer", "consumer", "video")]


def consumers_cut_off() -> Fault:
    """Their listener alone is gone: the producer goes on, and the network is named, not the consumers."""
    world = healthy().changes("consumer_broker_silent_seconds", 60)
    for camera in ("front", "yard"):
        world = still(world, camera, "consumer", "video")
    return world, 300, [critical("BrokerSilent", job="consumer")]


def video_cut_off() -> Fault:
    world = healthy().changes("video_broker_silent_seconds", 60)
    for camera in ("front", "yard"):
        world = still(world, camera, "video")
    return world, 300, [critical("BrokerSilent", job="video")]


def producer_sends_nothing() -> Fault:
    world = still(healthy(), "front", "producer", "consumer", "video")
    world = world.changes("producer_frames_in_total", FPS, camera="front")
    labels = {"job": "producer", "instance": P1, "camera": "front"}
    world = world.begins("producer_frames_dropped_total", FPS, reason="too_large", **labels)
    firing = [critical("ProducerSilent", camera="front"), warning("FramesDropped", job="producer", camera="front")]
    return world, 300, firing


def consumer_stands_still() -> Fault:
    return still(healthy(), "front", "consumer", "video"), 180, [critical("ConsumerSilent", camera="front")]


def one_replica_stands_still() -> Fault:
    world = healthy().changes("video_frames_in_total", 0, camera="front", instance=V2)
    world = world.changes("video_frames_out_total", 0, camera="front", instance=V2)
    return world, 180, [critical("VideoSilent", camera="front")]


def late() -> Fault:
    world = healthy()
    for le in ("0.06", "0.12", "1.0"):
        world = world.changes("video_frame_age_seconds_bucket", 0, camera="front", le=le)
    return world, 300, [warning("Late", camera="front")]


def lag() -> Fault:
    world = healthy().changes("consumer_broker_lag_frames", 200, instance=C1)
    return world, 90, [warning("Lagging", job="consumer", instance=C1)]


def dropped() -> Fault:
    world = healthy().changes("video_frames_out_total", FPS - 5, camera="front")
    world = world.changes("video_frames_dropped_total", 5, camera="front")
    return world, 400, [warning("FramesDropped", job="video", camera="front")]


def lost() -> Fault:
    world = healthy().changes("consumer_frames_lost_upstream_total", 1, camera="front")
    return world, 200, [warning("FramesLost", job="consumer", camera="front")]


def unexplained() -> Fault:
    world = healthy().changes("consumer_frames_out_total", FPS - 0.2, camera="front")
    return world, 60, [warning("LedgerUnbalanced", job="consumer", instance=C1, camera="front")]


def never_dropped_and_unexplained() -> Fault:
    """A stage that never dropped anything has no such series; its books are checked all the same."""
    world = healthy().changes("producer_frames_out_total", FPS - 0.2, camera="front")
    world = World([one for one in world.series if one.name != "producer_frames_dropped_total"])
    return world, 60, [warning("LedgerUnbalanced", job="producer", instance=P1, camera="front")]


def model_refuses() -> Fault:
    world = healthy().changes("consumer_predictions_total", 0, outcome="ok")
    world = world.changes("consumer_predictions_total", 1, outcome="timeout")
    return world, 400, [critical("ModelDown", model=MODEL)]


def model_hangs() -> Fault:
    return healthy().changes("consumer_predictions_total", 0, outcome="ok"), 120, [critical("ModelDown", model=MODEL)]


def model_never_asked() -> Fault:
    return healthy().changes("consumer_predictions_total", GONE), 400, [critical("ModelDown")]


def model_errs() -> Fault:
    world = healthy().changes("consumer_predictions_total", 2, outcome="timeout")
    return world, 400, [warning("ModelErrors", model=MODEL)]


def configuration() -> Fault:
    world = healthy().changes("prometheus_config_last_reload_successful", 0)
    return world, 90, [warning("ConfigurationRejected", job="prometheus", instance="localhost:9090")]


FAULTS = (
    *(camera_down, clock, producer_hangs, consumers_gone, descriptors),
    *(broker, consumers_cut_off, video_cut_off, producer_sends_nothing),
    *(consumer_stands_still, one_replica_stands_still, late, lag, dropped, lost, unexplained),
    *(never_dropped_and_unexplained, model_refuses, model_hangs, model_never_asked, model_errs, configuration),
)


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
