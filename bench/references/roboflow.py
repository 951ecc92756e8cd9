"""roboflow's `inference`: `python -m bench.references.roboflow LINK MODEL_URL`; it prints its port.

Its `InferencePipeline` reads and decodes the camera in one thread, hands the newest frame to our two functions, and
calls them in threads of its own. The first asks the same model server as the suite, at most ten times a second; the
second draws the newest class and encodes the picture. Viewers are served as by references/opencv.py. No bus.

It needs 7 GB of packages whose versions are not ours, so it runs in an environment of its own.
"""

import base64
import importlib
import json
import sys
import threading
import time
import urllib.request
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.client import LOOPBACK
from bench.references.opencv import NEWEST, QUALITY, Viewer

VERSION = "1.8.3"
ENVIRONMENT = Path(".cache/inference")
INTERVAL_S = 0.1


def missing() -> str:
    """Return what this machine lacks, empty if nothing."""
    if (ENVIRONMENT / "bin" / "python").exists():
        return ""
    uv = ".venv/bin/uv"
    return (
        f"roboflow's inference is missing (7 GB): {uv} venv {ENVIRONMENT} && "
        f"{uv} pip install --python {ENVIRONMENT} inference-cpu=={VERSION}"
    )


def main() -> None:
    """Serve until the camera ends."""
    # Here, because the suite's own environment, which asks `missing`, does not have it.
    pipelines = importlib.import_module("inference.core.interfaces.stream.inference_pipeline")

    server = ThreadingHTTPServer((LOOPBACK, 0), Viewer)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    link, model = sys.argv[1:]
    asked_s, label = -INTERVAL_S, ""

    def ask(frames: list[Any]) -> list[str]:
        nonlocal asked_s, label
        if time.monotonic() - asked_s >= INTERVAL_S:
            asked_s, label = time.monotonic(), predicted(model, frames[0].image)
        return [label] * len(frames)

    def show(label: str, frame: Any) -> None:
        image = frame.image.copy()
        cv2.putText(image, label, (20, 40), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (255, 255, 255), 2)
        NEWEST.put(cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))[1].tobytes())

    cv2.setNumThreads(1)
    pipeline = pipelines.InferencePipeline.init_with_custom_logic(
        video_reference=link, on_video_frame=ask, on_prediction=show
    )
    print(server.server_address[1], flush=True)
    pipeline.start()


def predicted(model: str, image: NDArray[np.uint8]) -> str:
    """Return the class that the model server gives a picture, uint8 (height, width, 3), BGR."""
    jpeg = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))[1].tobytes()
    body = {"instances": [{"b64": base64.b64encode(jpeg).decode()}]}
    request = urllib.request.Request(model, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return str(json.load(answer)["predictions"][0]["classes"])


if __name__ == "__main__":
    main()
