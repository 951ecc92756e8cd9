"""Faults in numbers: the world that each makes, seconds after which it is looked at, and the alerts that fire then."""

from tests.monitoring.world import FPS, GONE, MODEL, World, healthy

P1, C1, V1, V2 = "p1:8081", "c1:8081", "v1:8081", "v2:8081"
Fault = tuple[World, int, list[dict[str, str]]]


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


def document() -> Fault:
    """Each service at one instance: the cameras document, that of the models, and that of access."""
    world = healthy().changes("producer_document_valid", 0)
    world = world.changes("consumer_document_valid", 0, instance=C1)
    world = world.changes("video_document_valid", 0, instance=V2)
    of = {"producer": P1, "consumer": C1, "video": V2}
    return world, 90, [warning("DocumentRejected", job=job, instance=instance) for job, instance in of.items()]


def guesses() -> Fault:
    world = healthy().changes("video_access_denied_total", 1, reason="unknown_token", instance=V1)
    return world, 400, [warning("AccessDenied", job="video")]


def audit() -> Fault:
    world = healthy().changes("video_audit_records_total", 1, outcome="lost", instance=V2)
    return world, 120, [warning("AuditLost", job="video", instance=V2)]


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
    *(camera_down, document, guesses, audit, clock, producer_hangs, consumers_gone, descriptors),
    *(broker, consumers_cut_off, video_cut_off, producer_sends_nothing),
    *(consumer_stands_still, one_replica_stands_still, late, lag, dropped, lost, unexplained),
    *(never_dropped_and_unexplained, model_refuses, model_hangs, model_never_asked, model_errs, configuration),
)
