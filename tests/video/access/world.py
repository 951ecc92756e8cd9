"""A web server with an access document, the files that it names, and an issuer of tokens; only the bus is missing."""

import json
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Self

import yaml
from prometheus_client import CollectorRegistry

from shared.document import document_valid_gauge
from tests.video.access.issuer_server import AUDIENCE, IssuerServer
from tests.video.client import Client
from tests.video.stage import Stage
from tests.waiting import wait_until
from video.access import links
from video.access.access import Access
from video.access.audit import Audit
from video.access.key_files import Key, digest_of
from video.access.watched import watch_access
from video.client_address import ClientAddresses
from video.events.events import EventSource
from video.metrics import AccessMetrics

GUARD, NEIGHBOUR, STRANGER = "guards-own-token", "neighbours-own-token", "token-of-a-role-without-cameras"
PROXY = "127.1.0.1"  # a trusted one's address
LINK_KEY = Key("k1", b"a-secret-that-is-long-enough-for-links")
CAMERAS = ("front", "lobby", "yard-1")


class World:
    """What a test asks, and changes."""

    def __init__(self, folder: Path, *, everyone: tuple[str, ...] = (), events: EventSource | None = None) -> None:
        self.folder = folder
        self.issuer = IssuerServer()
        self.registry = CollectorRegistry()
        self.access = Access(ClientAddresses(), AccessMetrics(self.registry))
        self.audited: list[dict[str, Any]] = []
        self.stage = Stage(access=self.access, events=events, audit=Audit(self.audited.append))
        self.stop = threading.Event()
        self._exit = ExitStack()
        self._seq = 0
        self._address = 0
        self.document: dict[str, Any] = {
            "viewers": {
                "everyone": {"cameras": list(everyone)},
                "roles": {
                    "guard": {"cameras": ["*"]},
                    "neighbour": {"cameras": ["yard-*"], "predictions": False},
                    "cleaner": {"cameras": []},
                },
            },
            "tokens": {"file": str(folder / "tokens")},
            "proxy": {"trusted": ["127.1.0.0/16"], "user": "X-Forwarded-User", "groups": "X-Forwarded-Groups"},
            "links": {"keys": str(folder / "link-keys")},
            "sessions": {"keys": str(folder / "session-keys")},
        }
        self.tokens = {GUARD: "guard", NEIGHBOUR: "neighbour", STRANGER: "cleaner"}
        self.link_keys = [LINK_KEY]

    @property
    def port(self) -> int:
        """Of the server."""
        return self.stage.port

    def write(self) -> None:
        """Write the document and its files as they are now."""
        lines = [f"{role} {digest_of(token)}" for token, role in self.tokens.items()]
        _write(self.folder / "tokens", "\n".join(["# role sha256", *lines]))
        _write(self.folder / "link-keys", "\n".join(f"{key.id} {key.secret.decode()}" for key in self.link_keys))
        _write(self.folder / "session-keys", "s1 a-secret-that-is-long-enough-for-sessions")
        _write(self.folder / "access.yml", yaml.safe_dump(self.document))

    def change(self) -> None:
        """Write everything again, and wait until it is in force."""
        before = self.access.policy
        self.write()
        wait_until(lambda: self.access.policy is not before)

    def link(self, camera: str = "front", *, seconds: float = 60, key: Key = LINK_KEY, predictions: bool = True) -> str:
        """Return a signed link's text."""
        return links.sign(key, camera, time.time() + seconds, predictions=predictions)

    def client(self, source: str | None = None) -> Client:
        """Return a client at an address of its own: failed attempts of one test do not slow another."""
        self._address += 1
        return Client(self.port, source=source or f"127.2.{self._address // 250}.{self._address % 250 + 1}")

    def denied(self, reason: str) -> float:
        """Return how many requests and streams were refused for a reason."""
        return self.registry.get_sample_value("video_access_denied_total", {"reason": reason}) or 0.0

    def keep_showing(self) -> None:
        """Put frames in, ten a second, until the test ends."""

        def show() -> None:
            while not self.stop.wait(0.1):
                self.show()

        self.start(show)

    def show(self) -> None:
        """Put a frame of every camera in."""
        self._seq += 1
        for camera in CAMERAS:
            self.stage.show(camera, self._seq)

    def start(self, target: Callable[[], None]) -> None:
        """Run something in a thread until it returns; it is waited for."""
        thread = threading.Thread(target=target, daemon=True)
        thread.start()
        self._exit.callback(thread.join, 10)

    def __enter__(self) -> Self:
        self._exit.enter_context(self.issuer)
        self.document["jwt"] = {
            "issuer": self.issuer.issuer,
            "audience": AUDIENCE,
            "jwks": f"{self.issuer.issuer}/jwks",
            "roles_claim": "groups",
        }
        self.write()
        gauge = document_valid_gauge("video", self.registry)
        watched = watch_access(str(self.folder / "access.yml"), self.access, gauge)
        assert watched is not None
        self._exit.enter_context(self.stage)
        self.start(partial(watched.run, self.stop, lambda: None, self.access.use))
        self.show()
        with self.client() as guard:
            wait_until(lambda: self._all_known(guard))
        return self

    def _all_known(self, guard: Client) -> bool:
        _, _, body = guard.get("/cameras", {"Authorization": f"Bearer {GUARD}"}).answer()
        return len(json.loads(body)) == len(CAMERAS)

    def __exit__(self, *exc: Any) -> None:
        self.stop.set()
        self._exit.__exit__(*exc)


def _write(path: Path, text: str) -> None:
    """Replace a file as a whole, as editors and Kubernetes do."""
    new = path.with_suffix(".new")
    new.write_text(text + "\n", encoding="utf-8")
    new.rename(path)
