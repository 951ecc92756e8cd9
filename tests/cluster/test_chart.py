"""The suite as Helm installs, upgrades and uninstalls it."""

import subprocess
import time
from pathlib import Path

import pytest

from k8s.chart import kustomizations, writer
from shared.clock import now_us
from tests.cluster.kubectl import Kubectl
from tests.cluster.view import PAGE, labelled, until_labelled
from tests.cluster.whole import DEPLOYMENTS, FRESH_S
from tests.suite import get_json
from tests.waiting import wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

NAMESPACE = "live-video"
FILM = "/app/producer/sample/cat-and-coffee.mp4"
HELM_S = 400.0


def helm(cluster: Kubectl, *words: str) -> None:
    """Run Helm against the cluster."""
    done = subprocess.run(
        ["helm", f"--namespace={NAMESPACE}", *words],
        env=cluster.environment,
        capture_output=True,
        text=True,
        timeout=HELM_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def titles() -> dict[str, str | None]:
    """Return what the page calls each camera."""
    return {camera["id"]: camera["title"] for camera in get_json(f"{PAGE}/cameras") or []}


def test_installed_upgraded_uninstalled(cluster: Kubectl, tmp_path: Path, figures: dict[str, object]) -> None:
    """Labelled frames; then a camera by a value, then two more, without new pods; then nothing is left."""
    chart = tmp_path / "chart"
    writer.write(kustomizations.read(), chart)
    inside = cluster.within(NAMESPACE)
    began = time.monotonic()
    try:
        helm(cluster, "install", "live", str(chart), "--create-namespace")
        inside.rolled_out("statefulset/kafka1", *DEPLOYMENTS)
        until_labelled(within_s=FRESH_S)
        figures["Helm chart: seconds to the first labelled frame"] = round(time.monotonic() - began, 1)

        upgrade = ("upgrade", "live", str(chart), "--reuse-values")
        helm(cluster, *upgrade, "--set", f"cameras.front.source={FILM}", "--set", "settings.video.MAXVIEWERS=7")
        inside.rolled_out("deployment/producer", "deployment/video")
        changed_us = now_us()
        wait_until(lambda: labelled(changed_us, "front"), "the camera of the value", within_s=FRESH_S)
        assert inside("exec", "deployment/video", "--", "printenv", "MAXVIEWERS").strip() == "7"

        pods = {pod["metadata"]["uid"] for pod in inside.pods("producer")}
        helm(cluster, *upgrade, "--set", f"cameras.yard.source={FILM}", "--set", "cameras.front.title=Door")
        wait_until(
            lambda: titles().get("front") == "Door" and "yard" in titles(),
            "the document is read again",
            within_s=2 * FRESH_S,
        )
        assert {pod["metadata"]["uid"] for pod in inside.pods("producer")} == pods

        helm(cluster, "uninstall", "live", "--wait")
        inside.until_gone()
    finally:
        cluster("delete", "namespace", NAMESPACE, "--ignore-not-found", within_s=300)
