"""A viewer as the page is one, without drawing: `python -m bench.websocket_viewer PORT CAMERAS`.

It follows CAMERAS, a JSON list of ids, over one WebSocket, acknowledges each frame, and compares each picture's number
with the camera and the time that its header names. It prints a line when every camera has given a picture, and then for
each line of input what it has got since the last one, as JSON.
"""

import json
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from websockets.sync.client import connect

from bench.client import LOOPBACK
from bench.small_pictures import is_of


@dataclass
class Got:
    """What has come since the last line of input.

    Attributes:
        seconds: since then.
        pictures: by camera, without repeats.
        ages_ms: from `captured-at` to the arrival of each picture's last byte.
        labelled: pictures that bear what a model found.
        wrong: pictures that are not what their headers say.
        disordered: pictures that came after a newer one of their camera.
        statuses: messages with the status of the suite.
        status_bytes: of all of them.
        listed: cameras in the last of them.
        not_up: camera -> its state, where a status called it anything but up.
    """

    seconds: float = 0.0
    pictures: dict[str, int] = field(default_factory=dict)
    ages_ms: list[float] = field(default_factory=list)
    labelled: int = 0
    wrong: int = 0
    disordered: int = 0
    statuses: int = 0
    status_bytes: int = 0
    listed: int = 0
    not_up: dict[str, str] = field(default_factory=dict)


class Viewer:
    """Takes in what the server sends; one thread calls `text` and `frame`, another one `taken`."""

    def __init__(self) -> None:
        self._lock, self._got, self._since = threading.Lock(), Got(), time.monotonic()
        self._newest: dict[str, tuple[int, int]] = {}  # camera -> (run, seq)

    @property
    def cameras(self) -> int:
        """Return how many cameras have given a picture."""
        return len(self._newest)

    def taken(self) -> Got:
        """Return what has come since the last call."""
        with self._lock:
            got, self._got = self._got, Got()
        now = time.monotonic()
        got.seconds, self._since = now - self._since, now
        return got

    def text(self, message: str) -> None:
        """Take in a status; other texts are of no interest."""
        document = json.loads(message)
        if document["type"] != "status":
            return
        states = {camera["id"]: camera["state"] for camera in document["cameras"]}
        with self._lock:
            self._got.statuses += 1
            self._got.status_bytes += len(message.encode())
            self._got.listed = len(states)
            self._got.not_up.update({camera: state for camera, state in states.items() if state != "up"})

    def frame(self, message: bytes, arrived_s: float) -> dict[str, Any]:
        """Take in a frame; return its header.

        Args:
            message: of the server.
            arrived_s: when its last byte had come, seconds since the epoch.
        """
        size = int.from_bytes(message[:4], "big")
        head: dict[str, Any] = json.loads(message[4 : 4 + size])
        if head["repeated"]:
            return head
        camera, number = head["camera"], (head["run"], head["seq"])
        is_right = is_of(message[4 + size :], camera, head["captured_at"])
        with self._lock:
            self._got.pictures[camera] = self._got.pictures.get(camera, 0) + 1
            self._got.ages_ms.append(arrived_s * 1e3 - head["captured_at"] / 1e3)
            self._got.labelled += any(one.get("label") for one in head["predictions"])
            self._got.wrong += not is_right
            self._got.disordered += number <= self._newest.get(camera, (0, 0))
            self._newest[camera] = number
        return head


def main() -> None:
    """Watch until this process is ended."""
    port, cameras = int(sys.argv[1]), json.loads(sys.argv[2])
    viewer = Viewer()
    threading.Thread(target=answer, args=(viewer, len(cameras)), daemon=True).start()
    with connect(f"ws://{LOOPBACK}:{port}/ws", max_size=None) as socket:
        socket.send(json.dumps({"type": "watch", "cameras": {camera: {} for camera in cameras}}))
        for message in socket:
            if isinstance(message, str):
                viewer.text(message)
                continue
            head = viewer.frame(message, time.time())
            socket.send(json.dumps({"type": "ack", "camera": head["camera"], "run": head["run"], "seq": head["seq"]}))


def answer(viewer: Viewer, cameras: int) -> None:
    """Print a line once all cameras have given a picture, and then one for each line of input."""
    while viewer.cameras < cameras:
        time.sleep(0.1)
    print("ready", flush=True)
    for _ in sys.stdin:
        print(json.dumps(asdict(viewer.taken())), flush=True)


if __name__ == "__main__":
    main()
