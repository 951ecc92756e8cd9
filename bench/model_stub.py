"""A model server that answers at once, in a process of its own: `python -m bench.model_stub`; it prints its port.

It speaks TensorFlow Serving's REST and gives every picture the same class, so that what is measured is the path of
pictures and not a model. Both the suite and the original are asked to draw that class.
"""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from bench.client import LOOPBACK

CLASS, CLASSES = 286, 1001
_ROW = {"classes": CLASS, "probabilities": [0.75 if index == CLASS else 0.0 for index in range(CLASSES)]}
_STATUS = {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}


class Handler(BaseHTTPRequestHandler):
    """Answers one client."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave together
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Answer a prediction for each instance."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer({"predictions": [_ROW] * body.count(b'"b64"')})

    def do_GET(self) -> None:
        """Answer the status or the metadata."""
        if self.path.endswith("/metadata"):
            self._answer({"model_spec": {"name": "tfModel"}, "metadata": {}})
        else:
            self._answer({"model_version_status": [_STATUS]})

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serve for ever."""
    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
