"""Compares the reader of HTTP cameras with FFmpeg's in one run: `python -m bench.bench_mjpeg [--seconds 20]`.

A camera on the loopback interface sends numbered pictures of 720p, 25 a second, to both captures at once. Latency is
from the last byte of a picture, written by the camera, to the frame in the producer; CPU is that of the capture.
"""

import argparse
import itertools
import json
import socket
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np

from producer.protocol import CaptureJob, MessageKind, Receiver
from producer.source import parse
from shared.frames import pixels

RATE = 25
WARM_S = 3.0
OURS = "from producer.capture import main; main()"
FFMPEG = """
import av
import producer.link
from producer.decoder import Decoder
from producer.feed import AccessUnit
from shared.clock import Instant
from shared.errors import CameraLost

class Demuxed:
    reader, codec = "FFmpeg over HTTP", "mjpeg"

    def __init__(self, link):
        options = {"flags": "low_delay", "analyzeduration": "200000", "fpsprobesize": "0"}
        self.container = av.open(link, options=options, timeout=(5, 3))
        self.decoder = Decoder(self.container.streams.video[0].codec_context, low_delay=True)

    def pictures(self):
        for packet in self.container.demux(video=0):
            if packet.size:
                yield AccessUnit(packet, True, Instant.now())
        raise CameraLost("the end")

    def close(self):
        pass

producer.link.mjpeg.opened = lambda link, **_: Demuxed(link)
from producer.capture import main
main()
"""
_COMMENT = b"\xff\xfe\x00\x0a"  # a segment of 8 bytes


def main() -> None:
    """Measure, and print a line for each reader."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    seconds = parser.parse_args().seconds
    camera = Camera()
    readers = {name: Capture(code, camera.link) for name, code in (("mjpeg", OURS), ("ffmpeg", FFMPEG))}
    time.sleep(WARM_S)
    for reader in readers.values():
        reader.start()
    time.sleep(seconds)
    results = {name: reader.result(camera.sent) for name, reader in readers.items()}
    print(json.dumps({"picture_bytes": len(camera.picture), "seconds": seconds, **results}, indent=2))
    for reader in readers.values():
        reader.process.kill()


class Camera:
    """A camera for any number of viewers; `sent` holds when the last byte of each picture had been written."""

    def __init__(self) -> None:
        noise = np.random.default_rng(1).integers(0, 255, (180, 320, 3), np.uint8)
        image = cv2.resize(noise, (1280, 720), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
        self.picture = pixels.encode(image, 60)
        self.sent: dict[tuple[int, int], int] = {}
        """By the viewer's number and the picture's, nanoseconds since the epoch."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.link = f"http://127.0.0.1:{self._listener.getsockname()[1]}/video.mjpg"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        for viewer in itertools.count():
            client = self._listener.accept()[0]
            threading.Thread(target=self._serve, args=(client, viewer), daemon=True).start()

    def _serve(self, client: socket.socket, viewer: int) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.recv(65536)
        head = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"
        client.sendall(head)
        began = time.monotonic() + viewer * 0.5 / RATE  # not both at once
        for number in itertools.count():
            time.sleep(max(0.0, began + number / RATE - time.monotonic()))
            mark = _COMMENT + f"{viewer:02d}{number:06d}".encode()
            data = self.picture[:2] + mark + self.picture[2:]
            part = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b\r\n" % (len(data), data)
            try:
                client.sendall(part)
            except OSError:
                return
            self.sent[viewer, number] = time.time_ns()


class Capture(threading.Thread):
    """A capture process, and what arrives from it."""

    def __init__(self, code: str, link: str) -> None:
        super().__init__(daemon=True)
        self.process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self.process.stdin is not None
        self.process.stdin.write(CaptureJob(parse(link)).to_line())
        self.process.stdin.flush()
        self._arrived: list[tuple[int, int, int]] = []
        self._cpu_s, self._frames = 0.0, 0
        self._measuring = threading.Event()
        threading.Thread(target=self._receive, daemon=True).start()

    def run(self) -> None:
        """Begin to measure."""
        self._cpu_s = self._cpu()
        self._measuring.set()

    def result(self, sent: dict[tuple[int, int], int]) -> dict[str, float]:
        """Return latencies in milliseconds, and CPU in milliseconds per frame."""
        used, arrived = self._cpu() - self._cpu_s, self._arrived.copy()
        known = [(at, sent[viewer, number]) for viewer, number, at in arrived if (viewer, number) in sent]
        latencies = sorted((at - written) / 1e6 for at, written in known)
        return {
            "frames": len(arrived),
            "latency_p50_ms": round(statistics.median(latencies), 2),
            "latency_p99_ms": round(latencies[int(len(latencies) * 0.99) - 1], 2),
            "cpu_ms_per_frame": round(used * 1000 / max(1, len(arrived)), 3),
        }

    def _receive(self) -> None:
        assert self.process.stdout is not None
        receiver = Receiver(self.process.stdout.fileno())
        while True:
            message = receiver.receive(1.0)
            at = time.time_ns()
            if message and message.kind is MessageKind.FRAME and self._measuring.is_set():
                mark = message.payload[6:14]
                self._arrived.append((int(mark[:2]), int(mark[2:]), at))

    def _cpu(self) -> float:
        """Return the CPU time of all threads in seconds, to the nanosecond (Linux: sched-stats)."""
        threads = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


if __name__ == "__main__":
    main()
