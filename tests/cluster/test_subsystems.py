"""Subsystem by subsystem with `kubectl apply -f`, as the README's column goes, and away again."""

import time

import pytest

from tests.cluster.kubectl import Kubectl
from tests.cluster.view import until_labelled
from tests.manifests.objects import SUBSYSTEMS, objects

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1200)]

ROLLOUTS = {"kafka": "statefulset/kafka1"}
FIRST_FRAME_S = 240.0
TOPICS = ("videocam", "videodisplay", "videopredictions", "videostatus")


def file(name: str) -> str:
    return f"--filename=k8s/{name}/deployment.yml"


def made_by(name: str) -> set[str]:
    """Return the objects of a manifest as `kubectl get --output=name` has them, but for the Job, which ends."""
    return {f"{thing['kind'].lower()}/{thing['metadata']['name']}" for thing in objects(name)} - {"job/topics"}


def running(cluster: Kubectl) -> set[str]:
    """Return what identifies the pods of the services."""
    return {pod["metadata"]["uid"] for name in SUBSYSTEMS for pod in cluster.pods(name)}


def test_subsystem_by_subsystem(cluster: Kubectl, figures: dict[str, object]) -> None:
    """Applied one after the other they show labelled frames; applied again, no pod changes; each goes alone."""
    cluster("label", "namespace", "default", "pod-security.kubernetes.io/enforce=restricted", "--overwrite")
    began = time.monotonic()

    for name in SUBSYSTEMS:
        said = cluster("apply", file(name))
        assert "Warning" not in said
        cluster.rolled_out(ROLLOUTS.get(name, f"deployment/{name}"))
    until_labelled(within_s=FIRST_FRAME_S)
    figures["subsystem by subsystem: seconds to the first labelled frame"] = round(time.monotonic() - began, 1)

    cluster("wait", "--for=condition=complete", "job/topics", "--timeout=60s")
    cluster("delete", "job/topics")  # as Kubernetes does by itself five minutes later
    before = running(cluster)
    for name in SUBSYSTEMS:
        cluster("apply", file(name))
    cluster("wait", "--for=condition=complete", "job/topics", "--timeout=120s")
    assert all(f"{topic}: as declared" in cluster("logs", "job/topics") for topic in TOPICS)
    assert before <= running(cluster)

    for name in reversed(SUBSYSTEMS):
        others = {thing for other in SUBSYSTEMS if other != name for thing in made_by(other)} & cluster.left()
        cluster("delete", file(name))
        assert others <= cluster.left()
        assert not made_by(name) & cluster.left()
    cluster.until_gone()
    cluster("label", "namespace", "default", "pod-security.kubernetes.io/enforce-")
