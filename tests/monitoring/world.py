"""A suite in numbers, for `promtool test rules`: a healthy one, and what changes in it from a moment on."""

from dataclasses import dataclass, field, replace
from typing import Any

STEP_S = 5
FAULT_AT_S = 600
SOON_S = 2 * STEP_S
FPS = 25.0
CAMERAS = {"front": "c1:8081", "yard": "c2:8081"}
"""Camera -> the consumer that has it."""
MODEL = "imagenet_1"
GONE = None


@dataclass(frozen=True)
class Series:
    """One series: a gauge's value, or what a counter gains in a second, before the fault and from then on."""

    name: str
    labels: dict[str, str]
    before: float | None
    during: float | None
    counts: bool = False

    def notation(self, end_s: int) -> dict[str, str]:
        """Return the form of promtool's tests, up to a moment."""
        labels = ",".join(f'{name}="{value}"' for name, value in self.labels.items())
        return {"series": f"{self.name}{{{labels}}}", "values": " ".join(self._values(end_s))}

    def _values(self, end_s: int) -> list[str]:
        values: list[str] = []
        total = 0.0
        for at_s in range(0, end_s + STEP_S, STEP_S):
            value = self.before if at_s <= FAULT_AT_S else self.during
            if value is None:
                values.append("stale" if values and values[-1] not in {"stale", "_"} else "_")
                continue
            total += value * STEP_S
            values.append(f"{total if self.counts else value:g}")
        return values


@dataclass
class World:
    """Series that change together."""

    series: list[Series] = field(default_factory=list)

    def gauge(self, name: str, value: float | None, **labels: str) -> None:
        self.series.append(Series(name, labels, value, value))

    def counter(self, name: str, per_second: float | None, **labels: str) -> None:
        self.series.append(Series(name, labels, per_second, per_second, counts=True))

    def changes(self, name: str, value: float | None, **labels: str) -> "World":
        """Return this world with another value from the fault on, in all series of a name that have the labels."""
        changed = [
            replace(one, during=value) if one.name == name and labels.items() <= one.labels.items() else one
            for one in self.series
        ]
        assert changed != self.series, f"there is no {name} with {labels}"
        return World(changed)

    def begins(self, name: str, per_second: float, **labels: str) -> "World":
        """Return this world with one counter more, which begins with the fault."""
        return World([*self.series, Series(name, labels, GONE, per_second, counts=True)])

    def loses(self, instance: str, *, answers: bool) -> "World":
        """Return this world without a replica; its target is still known, and does not answer, or is gone as well."""
        lost = [
            replace(one, during=0 if one.name == "up" and answers else GONE)
            if one.labels.get("instance") == instance
            else one
            for one in self.series
        ]
        return World(lost)

    def test(self, at_s: int, firing: list[dict[str, str]]) -> dict[str, Any]:
        """Return a test of promtool: exactly these alerts fire so many seconds after the fault.

        None fires before it, and none at once: two scrapes that say something else wake nobody.
        """
        samples = [
            {
                "labels": "ALERTS{"
                + ",".join(f'{name}="{value}"' for name, value in {**labels, "alertstate": "firing"}.items())
                + "}",
                "value": 1,
            }
            for labels in firing
        ]
        moments: tuple[tuple[int, list[dict[str, Any]]], ...] = (
            (FAULT_AT_S, []),
            (FAULT_AT_S + SOON_S, []),
            (FAULT_AT_S + at_s, samples),
        )
        return {
            "interval": f"{STEP_S}s",
            "input_series": [one.notation(FAULT_AT_S + at_s) for one in self.series],
            "promql_expr_test": [
                {"expr": 'ALERTS{alertstate="firing"}', "eval_time": f"{moment_s}s", "exp_samples": expected}
                for moment_s, expected in moments
            ],
        }


def healthy() -> World:
    """Return one producer, two consumers, two video replicas and a model that answers, on two cameras of 25 fps."""
    world = World()
    for instance in ("p1:8081", "c1:8081", "c2:8081", "v1:8081", "v2:8081"):
        service = {"p": "producer", "c": "consumer", "v": "video"}[instance[0]]
        labels = {"job": service, "instance": instance}
        world.gauge("up", 1, **labels)
        world.gauge("process_start_time_seconds", 1000, **labels)
        world.gauge("process_open_fds", 40, **labels)
        world.gauge("process_max_fds", 1024, **labels)
        world.gauge("process_resident_memory_bytes", 2e8, **labels)
        world.gauge(f"{service}_broker_silent_seconds", 1, **labels)
        for camera in CAMERAS:
            if service == "consumer" and CAMERAS[camera] != instance:
                continue
            _stage(world, service, camera=camera, **labels)
    world.gauge("producer_document_valid", 1, job="producer", instance="p1:8081", file="/etc/cameras/cameras.yml")
    for instance in CAMERAS.values():
        world.gauge("consumer_document_valid", 1, job="consumer", instance=instance, file="/etc/models/models.yaml")
    for instance in ("v1:8081", "v2:8081"):
        video = {"job": "video", "instance": instance}
        world.gauge("video_document_valid", 1, file="/run/secrets/access.yml", **video)
        world.counter("video_audit_records_total", 1, outcome="written", **video)
        world.counter("video_audit_records_total", 0, outcome="lost", **video)
        for reason in ("no_credential", "camera", "expired"):
            world.counter("video_access_denied_total", 1, reason=reason, **video)
        world.counter("video_access_denied_total", 0, reason="unknown_token", **video)
    for camera in CAMERAS:
        world.gauge("producer_camera_up", 1, job="producer", instance="p1:8081", camera=camera)
    for instance in CAMERAS.values():
        labels = {"job": "consumer", "instance": instance, "model": MODEL}
        world.counter("consumer_predictions_total", 5, outcome="ok", **labels)
        world.counter("consumer_predictions_total", 0, outcome="timeout", **labels)
    world.gauge("prometheus_config_last_reload_successful", 1, job="prometheus", instance="localhost:9090")
    return world


def _stage(world: World, service: str, **labels: str) -> None:
    for what in ("in", "out"):
        world.counter(f"{service}_frames_{what}_total", FPS, **labels)
    # By design, hence nobody's alarm.
    reason = {"producer": "thinned", "consumer": "model_busy", "video": "superseded"}[service]
    world.counter(f"{service}_frames_dropped_total", 0, reason=reason, **labels)
    world.counter(f"{service}_frames_lost_upstream_total", 0, **labels)
    for le, share in (("0.06", 0.5), ("0.12", 1), ("1.0", 1), ("5.0", 1), ("+Inf", 1)):
        world.counter(f"{service}_frame_age_seconds_bucket", FPS * share, le=le, **labels)
    if service == "producer":
        return
    world.gauge(f"{service}_clock_suspect", 0, **labels)
    world.gauge(f"{service}_broker_lag_frames", 1, partition="0", **{k: v for k, v in labels.items() if k != "camera"})
