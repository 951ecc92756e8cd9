"""CAMERASFILE while the producer runs: cameras come, change and go, and the others do not notice."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from shared.bus import EmbeddedBroker, Record
from shared.frames.frame import Frame, read_frame
from tests.conftest import Recovery
from tests.producer.cameras import HttpCamera, http_camera
from tests.suite import Service, Tap, children_of, get, make_topics
from tests.waiting import wait_until

USER, PASSWORD = "operator", "hunter2-secret"


@dataclass
class Scene:
    """A producer with a document, and what it writes to the bus."""

    folder: Path
    stack: ExitStack
    broker: EmbeddedBroker = field(default_factory=EmbeddedBroker)
    cameras: dict[str, HttpCamera] = field(default_factory=dict)

    def __post_init__(self) -> None:
        bus = self.broker.bus()
        make_topics(bus, "videocam", "videostatus")
        self._frames = self.stack.enter_context(Tap(bus, "videocam", _frame))
        self._statuses = self.stack.enter_context(Tap(bus, "videostatus", _document))
        for name in ("front", "yard", "new"):
            self.cameras[name] = self.stack.enter_context(http_camera(user=USER, password=PASSWORD))

    @property
    def document(self) -> Path:
        return self.folder / "cameras.yml"

    def write(self, text: str) -> None:
        """Write the document as editors do: a new file in the old one's place."""
        new = self.folder / "new"
        new.write_text("cameras:\n" + text)
        new.rename(self.document)

    def link(self, name: str) -> str:
        return self.cameras[name].link(f"{USER}:{PASSWORD}")

    def start(self) -> Service:
        return self.stack.enter_context(
            Service(
                "producer",
                KAFKAPORT=self.broker.servers,
                KAFKACONFIG=json.dumps(dict(EmbeddedBroker.PROPERTIES)),
                CAMERASFILE=str(self.document),
                VIDEOLINK="takes no part",
                FRAMEINTERVAL="0",
                YARD=self.link("yard"),
            )
        )

    def frames(self, camera: str) -> list[Frame]:
        return [frame for frame in self._frames.kept if frame is not None and frame.camera == camera]

    def goes_on(self, *cameras: str) -> None:
        """Wait for new frames of each."""
        before = {camera: len(self.frames(camera)) for camera in cameras}
        for camera, frames in before.items():
            wait_until(lambda of=camera, n=frames: len(self.frames(of)) > n + 2, f"frames of {camera}")  # type: ignore[misc]

    def status(self) -> dict[str, Any]:
        return next((status for status in reversed(self._statuses.kept) if status), {"cameras": {}})

    def is_said(self, **states: str) -> None:
        """Wait until the status says these states, and names no other camera."""
        wait_until(
            lambda: {name: said["state"] for name, said in self.status()["cameras"].items()} == states, f"{states}"
        )


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with ExitStack() as stack:
        yield Scene(tmp_path, stack)


def _frame(record: Record) -> Frame | None:
    return read_frame(record.key, record.value, record.headers) if record.value else None


def _document(record: Record) -> Any:
    return json.loads(record.value) if record.value else None


@pytest.mark.fault(
    "CAMERASFILE: a mistake in the new text",
    expects="the old cameras go on; line and field in the log, /readyz, the metric and the status",
)
def test_cameras_come_change_and_go_while_the_others_go_on(scene: Scene, recovery: Recovery) -> None:
    """Of a camera that no change names, no frame is missing and its only connection lasts."""
    front = f"  front: {{source: '{scene.link('front')}', title: Front door, tags: [outside]}}\n"
    yard = "  yard: {source: {env: YARD}}\n"
    secret = scene.folder / "link"
    scene.write(front + yard)
    producer = scene.start()
    scene.goes_on("front", "yard")
    opened = scene.cameras["front"].requests  # with a password, it is asked twice
    said = scene.status()["cameras"]["front"]
    assert (said["state"], said["title"], said["tags"]) == ("up", "Front door", ["outside"])

    secret.write_text(scene.link("new"))
    new = f"  new: {{source: {{file: {secret}}}}}\n"
    scene.write(front + yard + new)
    scene.goes_on("new")
    scene.is_said(front="up", yard="up", new="up")

    requests = scene.cameras["yard"].requests
    secret.write_text(scene.link("yard"))  # the Secret is updated
    wait_until(lambda: scene.cameras["yard"].requests > requests, "the other link is used")
    scene.goes_on("new")

    scene.write(front + yard.replace("}\n", ", title: Yard}\n").replace("YARD}", "YARD}, interval: 200ms") + new)
    wait_until(lambda: producer.books("yard").dropped.get("thinned", 0) > 5, "the yard's interval is in force")
    wait_until(lambda: scene.status()["cameras"]["yard"].get("title") == "Yard", "and its title")
    assert len({frame.run for frame in scene.frames("yard")}) == 1

    valid = ("producer_document_valid", f"file={scene.document}")
    assert producer.metrics()[valid] == 1
    scene.write(front + yard.replace("{env: YARD}", f"'rtsp//{USER}:{PASSWORD}@host'"))
    wait_until(lambda: producer.metrics()[valid] == 0, "the mistake is noticed")
    mistake = "line 3: cameras.yard.source: got ***; allowed: rtsp://"
    assert sum(mistake in line for line in producer.lines) == 1
    assert mistake in json.loads(_readyz(producer))["CAMERASFILE"]
    wait_until(lambda: mistake in scene.status().get("documents", {}).get("CAMERASFILE", ""), "the status says it")
    scene.goes_on("front", "yard", "new")

    began = time.monotonic()
    scene.write(front + yard.replace("}\n", ", enabled: false}\n"))
    scene.is_said(front="up", yard="disabled", new="removed")
    recovery.seen("every camera went on; right again with the next text", seconds=time.monotonic() - began)
    wait_until(lambda: len(children_of(producer.process.pid)) == 1, "two captures have ended")
    assert "documents" not in scene.status()
    assert producer.metrics()[valid] == 1
    assert ("producer_camera_up", "camera=new") not in producer.metrics()

    assert scene.cameras["front"].requests == opened
    scene.cameras["front"].frozen.set()
    wait_until(lambda: _is_settled(scene, producer), "every frame is accounted for, and on the bus if it went out")
    sequences = [frame.seq for frame in scene.frames("front")]
    assert sequences == sorted(set(sequences))
    assert sequences[-1] - len(sequences) <= sum(producer.books("front").dropped.values())
    seen = producer.log + json.dumps(scene.status()) + _readyz(producer) + _environments(producer)
    assert producer.ends() == 0
    for secret_text in (PASSWORD, USER):
        assert secret_text not in seen


def _is_settled(scene: Scene, producer: Service) -> bool:
    books = producer.books("front")
    sent, on_the_bus = scene.cameras["front"].sent, len(scene.frames("front"))
    return books.balance and (books.arrived, books.out) == (sent, on_the_bus)


def test_a_secret_may_arrive_after_the_document(scene: Scene) -> None:
    """A ConfigMap and a Secret are updated one after the other, in any order."""
    front = f"  front: {{source: '{scene.link('front')}'}}\n"
    secret = scene.folder / "link"
    scene.write(front)
    producer = scene.start()
    scene.goes_on("front")
    opened = scene.cameras["front"].requests

    scene.write(front + f"  new: {{source: {{file: {secret}}}}}\n")
    wait_until(lambda: "cannot be read: No such file" in _readyz(producer), "the file is missed")
    secret.write_text("")
    wait_until(lambda: "holds nothing" in _readyz(producer), "the file is read again")
    secret.write_text(scene.link("new"))
    scene.goes_on("new")

    assert json.loads(_readyz(producer))["CAMERASFILE"] == "ok"
    assert scene.cameras["front"].requests == opened


def test_a_document_that_is_wrong_at_the_start_ends_the_process(scene: Scene) -> None:
    scene.write("  front: {source: 0, interval: soon}\n")

    producer = scene.start()

    assert producer.waits() == 2
    (line,) = producer.lines
    place = f"producer: CAMERASFILE: {scene.document}: line 2: cameras.front.interval"
    assert line == f"{place}: got 'soon'; allowed: a Go duration such as 42ms, 1.5s, 1m30s or 0"


def test_the_cameras_of_a_document_are_checked(scene: Scene) -> None:
    """`--check` tries those that are enabled."""
    scene.write(f"  front: {{source: '{scene.link('front')}'}}\n  yard: {{source: 0, enabled: false}}\n")

    done = subprocess.run(
        [sys.executable, "-m", "producer", "--check"],
        env={"CAMERASFILE": str(scene.document)},
        capture_output=True,
        text=True,
        check=False,
    )

    rows = [line.split() for line in done.stdout.splitlines()[1:]]
    assert (done.returncode, [row[:2] for row in rows]) == (0, [["front", "ok"], ["yard", "disabled"]])
    assert PASSWORD not in done.stdout + done.stderr


def _readyz(producer: Service) -> str:
    return get(f"{producer.probes}/readyz")[1].decode()


def _environments(producer: Service) -> str:
    """Return what the captures inherited, and what a list of processes shows of them."""
    return "".join(
        Path(f"/proc/{pid}/{name}").read_text()
        for pid in children_of(producer.process.pid)
        for name in ("environ", "cmdline")
    )
