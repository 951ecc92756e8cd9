"""`VideoCapture` → `imencode` → MJPEG, as in countless Flask examples: `python -m bench.references.opencv LINK`.

One process, no bus, no model, no label. A thread reads and encodes, and a thread per viewer waits for the next picture,
as Flask's server has it (Werkzeug's is `http.server` with threads). It prints its port.
"""

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2

from bench.client import LOOPBACK

QUALITY = 80  # as the suite's


class Newest:
    """The newest picture."""

    def __init__(self) -> None:
        self._changed, self._number, self._jpeg = threading.Condition(), 0, b""

    def put(self, jpeg: bytes) -> None:
        """Replace it."""
        with self._changed:
            self._jpeg = jpeg
            self._number += 1
            self._changed.notify_all()

    def after(self, number: int) -> tuple[int, bytes]:
        """Wait for a picture after that of a number; return its own number, and it."""
        with self._changed:
            self._changed.wait_for(lambda: self._number > number)
            return self._number, self._jpeg


NEWEST = Newest()


class Viewer(BaseHTTPRequestHandler):
    """One viewer."""

    def do_GET(self) -> None:
        """Send each picture."""
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        number = 0
        try:
            while True:
                number, jpeg = NEWEST.after(number)
                head = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg)
                self.wfile.write(head + jpeg + b"\r\n")
        except OSError:
            return

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Serve for ever."""
    server = ThreadingHTTPServer((LOOPBACK, 0), Viewer)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    cv2.setNumThreads(1)
    camera = cv2.VideoCapture(sys.argv[1])
    print(server.server_address[1], flush=True)
    while True:
        read, image = camera.read()
        if not read:
            raise SystemExit("the camera has ended")
        NEWEST.put(cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))[1].tobytes())


if __name__ == "__main__":
    main()
