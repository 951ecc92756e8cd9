"""Cameras as docs/kubernetes.md tells: a document in a ConfigMap, links in a Secret, producers that share them."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.kubectl import Kubectl
from tests.cluster.view import PAGE, Viewer
from tests.cluster.whole import FRESH_S, applied
from tests.conftest import Recovery
from tests.suite import get_json
from tests.waiting import wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

FILM = "/app/producer/sample/cat-and-coffee.mp4"
PRODUCERS = 3
CAMERAS = ("door", "yard-1", "yard-2", "yard-3")
KUBELET_S = 180.0
"""Longest time until the kubelet has updated a mounted file: its period of synchronisation, and its cache's."""


class Cameras:
    """The cameras document and the links of a namespace."""

    def __init__(self, kubectl: Kubectl, folder: Path) -> None:
        self.kubectl, self._folder = kubectl, folder
        self.cameras: dict[str, Any] = {}
        self.links: dict[str, str] = {}

    def apply(self) -> None:
        """Replace both, in two steps, as users do."""
        (self._folder / "cameras.yml").write_text(json.dumps({"cameras": self.cameras}))
        links = [f"--from-literal={name}={link}" for name, link in self.links.items()]
        document = (
            f"--from-file={self._folder / 'cameras.yml'}",
            "--from-literal=CAMERASFILE=/etc/cameras/cameras.yml",
        )
        for kind, name, what in (("configmap", "cameras", document), ("secret generic", "camera-links", links)):
            made = self.kubectl("create", *kind.split(), name, *what, "--dry-run=client", "--output=json")
            self.kubectl("apply", "--filename=-", given=made)

    def shown(self) -> Mapping[str, Any]:
        """Return what the page says of each camera."""
        return {camera["id"]: camera for camera in get_json(f"{PAGE}/cameras") or []}

    def are(self, states: Mapping[str, str], *, within_s: float) -> None:
        """Wait until the page shows the cameras in these states."""
        wait_until(
            lambda: {name: self.shown().get(name, {}).get("state") for name in states} == states,
            f"cameras are {states}",
            within_s=within_s,
        )

    def runs(self) -> dict[str, int]:
        """Return the run of each camera's newest frame."""
        return {camera: get_json(f"{PAGE}/cameras/{camera}/predictions")["run"] for camera in CAMERAS}

    def readiness(self) -> list[dict[str, str]]:
        """Return the answers of /readyz of all producers."""
        return self.kubectl.readiness("producer")


@pytest.fixture(scope="module")
def cameras(cluster: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cameras]:
    """Four cameras, one of them by a link in the Secret, and three producers."""
    with applied(cluster, "k8s", "statefulset/kafka1") as (inside, _):
        found = Cameras(inside, tmp_path_factory.mktemp("cameras"))
        try:
            found.cameras = {camera: {"source": FILM, "interval": "100ms"} for camera in CAMERAS}
            found.cameras["door"] = {"source": {"file": "/run/secrets/cameras/door"}, "title": "Front door"}
            found.links = {"door": FILM}
            found.apply()
            inside("rollout", "restart", "deployment/producer")
            inside("scale", "deployment/producer", f"--replicas={PRODUCERS}")
            inside.rolled_out("deployment/producer")
            found.are(dict.fromkeys(CAMERAS, "up"), within_s=FRESH_S)
            yield found
        finally:
            inside("delete", "configmap/cameras", "secret/camera-links", status=None)


def test_producers_share_the_cameras(cameras: Cameras) -> None:
    """Each is captured by one of them."""

    def shared() -> bool:
        captured = [name for said in cameras.readiness() for name in said if name.startswith("camera/")]
        return sorted(captured) == [f"camera/{camera}" for camera in CAMERAS]

    assert len(cameras.kubectl.pods("producer")) == PRODUCERS
    wait_until(shared, "each camera has one producer", within_s=FRESH_S)
    assert cameras.shown()["door"]["title"] == "Front door"


def test_cameras_come_change_and_go(cameras: Cameras, figures: dict[str, object]) -> None:
    """Without a restart, and without another camera noticing; a mistake changes nothing."""
    pods = {pod["metadata"]["uid"] for pod in cameras.kubectl.pods("producer")}
    runs, began = cameras.runs(), time.monotonic()
    cameras.links["new"] = FILM
    cameras.cameras["new"] = {"source": {"file": "/run/secrets/cameras/new"}, "title": "Twelfth", "interval": "100ms"}
    cameras.apply()
    cameras.are({"new": "up"}, within_s=KUBELET_S)
    figures["a camera added to the ConfigMap is live after seconds, most of them the kubelet's"] = round(
        time.monotonic() - began, 1
    )

    good = dict(cameras.cameras["new"])
    cameras.cameras["new"] = good | {"interval": "soon"}
    cameras.apply()
    mistake = "cameras.new.interval: got 'soon'"
    wait_until(
        lambda: all(mistake in said.get("CAMERASFILE", "") for said in cameras.readiness()),
        "every producer names the mistake",
        within_s=KUBELET_S,
    )
    cameras.are(dict.fromkeys((*CAMERAS, "new"), "up"), within_s=FRESH_S)

    cameras.cameras["new"] = good | {"title": "Renamed", "enabled": False}
    cameras.apply()
    cameras.are({"new": "disabled"}, within_s=KUBELET_S)
    assert cameras.shown()["new"]["title"] == "Renamed"
    del cameras.cameras["new"]
    cameras.apply()
    cameras.are({"new": "removed"}, within_s=KUBELET_S)
    wait_until(lambda: "new" not in cameras.shown(), "it has left the page", within_s=FRESH_S)

    assert cameras.runs() == runs
    assert {pod["metadata"]["uid"] for pod in cameras.kubectl.pods("producer")} == pods


@pytest.mark.fault(
    "one of three producers' pods deleted in the cluster, without a grace period",
    expects="the others capture its cameras within 5 s",
)
def test_a_producer_that_is_deleted_is_replaced(
    cameras: Cameras, figures: dict[str, object], recovery: Recovery
) -> None:
    """It has two seconds, whatever it is in the middle of; tests/kafka/test_producers.py kills without any."""
    victim = cameras.kubectl.pods("producer")[0]["metadata"]["name"]
    with ExitStack() as stack:
        viewers = [stack.enter_context(Viewer(f"/cameras/{camera}/stream")) for camera in CAMERAS]
        cameras.kubectl("delete", f"pod/{victim}", "--grace-period=0", "--force")
        killed_s = time.monotonic()
        cameras.kubectl.rolled_out("deployment/producer")
        wait_until(
            lambda: all(viewer.at_s[-1] > killed_s for viewer in viewers), "every camera is live", within_s=FRESH_S
        )
    gap = round(max(viewer.longest_gap_s() for viewer in viewers), 2)
    figures["one of three producers' pods deleted at once: longest time without a new picture of a camera, seconds"] = (
        gap
    )
    recovery.seen("every camera live with the pods that were left", seconds=gap)


def test_an_update_of_the_producers_shows_no_gap(cameras: Cameras, figures: dict[str, object]) -> None:
    """Three pods are replaced one after the other, and hand their cameras over."""
    old = {pod["metadata"]["uid"] for pod in cameras.kubectl.pods("producer")}
    with ExitStack() as stack:
        viewers = [stack.enter_context(Viewer(f"/cameras/{camera}/stream")) for camera in CAMERAS]
        cameras.kubectl("rollout", "restart", "deployment/producer")
        cameras.kubectl.rolled_out("deployment/producer")
        wait_until(
            lambda: not old & {pod["metadata"]["uid"] for pod in cameras.kubectl.get("pods")["items"]},
            "the old pods are gone",
            within_s=FRESH_S,
        )
        gone_s = time.monotonic()
        wait_until(
            lambda: all(viewer.at_s[-1] > gone_s for viewer in viewers), "every camera is live", within_s=FRESH_S
        )
    gaps = [round(viewer.longest_gap_s(), 2) for viewer in viewers]
    figures["producers updated: longest gap of each camera, seconds (1 is promised)"] = gaps
    assert max(gaps) < 5
