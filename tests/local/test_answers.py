"""What `make run` hears of a page that is served by HTTPS."""

import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from local import answers
from local.settings import LocalSettings
from tests.video.test_certificate import Files

CAMERAS = [{"id": "front", "width": 640}]


class Page(BaseHTTPRequestHandler):
    """Shows one camera."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(CAMERAS).encode())

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Serve the page with a certificate that nobody has signed, for another name than the loopback address."""
    files = Files(tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.cert, files.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_a_page_behind_https_is_asked_and_printed_as_such(port: int) -> None:
    settings = LocalSettings.load(DISPLAYPORT=f"127.0.0.1:{port}", TLSCERT="/tls.crt")

    assert settings.page() == f"https://127.0.0.1:{port}"
    assert answers.cameras(settings.page()) == CAMERAS
    assert not answers.is_closed(settings.page())


def test_without_a_certificate_the_page_is_plain() -> None:
    assert LocalSettings.load(DISPLAYPORT="127.0.0.1:9", TLSCERT="").page() == "http://127.0.0.1:9"
