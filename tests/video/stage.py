"""The web server on a free port with everything real but the bus: frames are put where the reading thread puts them."""

import socket
import threading
import time
from collections.abc import Callable, Collection
from functools import cache
from io import BytesIO
from typing import Any, Self

import httpx
from PIL import Image, ImageDraw
from prometheus_client import CollectorRegistry

from shared.clock import now_us
from shared.frames.frame import Frame
from shared.frames.reader import ReceivedFrame
from shared.go_notation import Address
from shared.reports import Entry, ServiceName
from tests.ledgers import ledger_of
from tests.reports import report_of
from tests.waiting import wait_until
from video.access.access import Access
from video.access.audit import Audit
from video.app import create_app
from video.certificate import Certificate
from video.display import Sources
from video.events.events import EventSource
from video.latest import LatestFrames
from video.metrics import ViewerMetrics
from video.readiness import CameraReadiness
from video.viewers import Viewers
from video.web_server import WebServer

RUN = 1_700_000_000_000_000
PREDICTIONS = b'[{"model": "imagenet_1", "state": "ok", "label": "tabby", "probability": 0.87}]'


@cache
def jpeg(width: int = 64, height: int = 48, colour: str = "grey", noise: int = 0) -> bytes:
    """Return a picture; with noise it takes many bytes."""
    image = Image.effect_noise((width, height), noise).convert("RGB") if noise else Image.new("RGB", (width, height))
    ImageDraw.Draw(image).rectangle((0, 0, width // 2, height // 2), fill=colour)
    coded = BytesIO()
    image.save(coded, "JPEG", quality=90)
    return coded.getvalue()


def frame(camera: str, seq: int, picture: bytes | None = None, **changes: object) -> Frame:
    """Return a frame that was captured just now."""
    data = picture or jpeg()
    width, height = Image.open(BytesIO(data)).size
    values = {"captured_at": now_us(), "imprinted_at": now_us(), "predictions": PREDICTIONS, **changes}
    return Frame(camera, RUN, seq, width=width, height=height, jpeg=data, **values)  # type: ignore[arg-type]


def entry(service: ServiceName, *, silent_s: float = 0.0, ending: bool = False, **report: dict[str, Any]) -> Entry:
    """Return what a service reported some seconds ago."""
    return Entry(service, f"{service}-0", time.monotonic() - silent_s, now_us(), ending, report_of(**report))


class Stage:
    """A running web server; the test sets what it hears of the other services."""

    def __init__(
        self,
        *,
        max_viewers: int = 500,
        interval_s: float = 0.01,
        allowed_origins: Collection[str] = (),
        loopback_only: bool = True,
        access: Access | None = None,
        events: EventSource | None = None,
        certificate: Certificate | None = None,
        audit: Audit | None = None,
    ) -> None:
        access = access or Access()
        self.registry = CollectorRegistry()
        self.ledger = ledger_of("video", self.registry)
        self.latest = LatestFrames(self.ledger)
        self.readiness = CameraReadiness()
        self.heard: Callable[[], list[Entry]] = list
        self.bus_silent_s = 0.0
        self.stop = threading.Event()
        self.beats = 0
        sources = Sources(
            latest=self.latest,
            ledger=self.ledger,
            viewers=Viewers(max_viewers, ViewerMetrics(self.registry), access.addresses, audit),
            entries=lambda: self.heard(),
            bus_silent_s=lambda: self.bus_silent_s,
            frame_interval_s=interval_s,
            ending=self.stop.is_set,
            readiness=self.readiness,
            allowed_origins=frozenset(allowed_origins),
            loopback_only=loopback_only,
            access=access,
            events=events,
            hsts=certificate is not None,
        )
        self.web = WebServer(
            Address("127.0.0.1", 0),
            lambda beat, crashed: create_app(sources, beat, crashed),
            max_viewers=max_viewers,
            addresses=access.addresses,
            tls=None if certificate is None else certificate.context,
        )
        self.port = self.web.port
        self.url = f"http://127.0.0.1:{self.port}"
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def show(
        self, camera: str, seq: int, picture: bytes | None = None, *, suspect: bool = False, **changes: object
    ) -> Frame:
        """Put a frame in, as the reading thread does."""
        shown = frame(camera, seq, picture, **changes)
        self.latest.put(ReceivedFrame(shown, suspect))
        return shown

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Return the answer to a request that ends."""
        return httpx.get(self.url + path, headers=headers, timeout=10)

    def knows(self, camera: str) -> None:
        """Wait until a camera's frame has arrived."""
        wait_until(lambda: self.get(f"/cameras/{camera}/predictions").status_code == 200)

    def metric(self, name: str, **labels: str) -> float:
        """Return a metric's value, 0 if there is none yet."""
        return self.registry.get_sample_value(name, labels) or 0.0

    def _beat(self) -> None:
        self.beats += 1

    def _run(self) -> None:
        try:
            self.web.run(self.stop, self._beat)
        except RuntimeError as exc:
            self.failure = exc

    def __enter__(self) -> Self:
        self._thread.start()
        wait_until(self.web.serving)
        return self

    def end(self) -> None:
        """Ask the server to end, and wait for it."""
        self.stop.set()
        self.web.end()
        self._thread.join(10)
        assert not self._thread.is_alive()

    def __exit__(self, *_: object) -> None:
        self.end()


class Stream:
    """A viewer of MJPEG on a raw socket, which reads exactly what it is told to."""

    def __init__(self, port: int, path: str, *, http: str = "1.1", accept: str = "*/*", window: int = 0) -> None:
        self.socket = socket.socket()
        if window:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self.socket.settimeout(10)
        self.socket.connect(("127.0.0.1", port))
        self.socket.sendall(f"GET {path} HTTP/{http}\r\nHost: localhost\r\nAccept: {accept}\r\n\r\n".encode())
        self.file = self.socket.makefile("rb")
        self.status = self.boundary = ""
        self.headers: dict[str, str] = {}

    def start(self) -> Self:
        """Read the head of the answer and the first boundary."""
        self.status = self.line()
        while line := self.line():
            name, _, value = line.partition(": ")
            self.headers[name.lower()] = value
        self.boundary = self.headers["content-type"].partition("boundary=")[2]
        assert self.line() == f"--{self.boundary}"
        return self

    def line(self) -> str:
        """Read one line."""
        return self.file.readline().decode().removesuffix("\r\n")

    def part(self) -> tuple[dict[str, str], bytes]:
        """Read one part, with the boundary that ends it."""
        headers = {}
        while line := self.line():
            name, _, value = line.partition(": ")
            headers[name] = value
        picture = self.file.read(int(headers["Content-Length"]))
        assert self.file.read(2) == b"\r\n"
        assert self.line() == f"--{self.boundary}"
        return headers, picture

    def sequence(self) -> int:
        """Read one part, and return its number."""
        return int(self.part()[0]["X-Sequence"])

    def close(self) -> None:
        """Close the connection."""
        self.file.close()
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
