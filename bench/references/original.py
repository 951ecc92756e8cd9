"""The original's way, rebuilt from its definition: `python -m bench.references.original producer|consumer|video`.

Adaickalavan/machine-learning-deployment and its `-extended` sibling (MIT), of which nobody can build the Go services
without OpenCV's headers of 2019. What a frame costs is in OpenCV, librdkafka and libz, which Python calls just as Go
does; base64 and JSON are C here, and faster than those of Go's standard library. So this is rather cheaper than the
original. Kept is what it does with every frame, and in which order:

- producer (goproducer/main.go): read, resize, raw pixels as base64 in JSON, produce to any partition, sleep 42 ms;
- consumer (goconsumer/main.go, message.go, models/imagenet.go): JSON, pixels, clone, newest class or none, write it
  twice, hand the frame to the model if that is free (JPEG of quality 95, base64 in JSON, HTTP) and to the writer if
  that is free (raw pixels as base64 in JSON), look up the watermarks, seek to the end if each partition holds 100;
- video (govideo/main.go, hybridgroup/mjpeg): JSON, pixels, JPEG of quality 95, a buffer of twice its size for each
  viewer that is free, which is written whole; then the watermarks as above.

Settings are the original's: KAFKAPORT, TOPICNAME, VIDEOLINK, COMPRESSIONTYPE, MODELURL, DISPLAYPORT.
"""

import base64
import http.client
import json
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np
from confluent_kafka import Consumer, KafkaError, Message, Producer

from shared.frames.pixels import Image

FRAME_INTERVAL_S = 0.042  # FRAMEINTERVAL of goproducer's manifest
VIEWER_INTERVAL_S = 0.010  # and of govideo's
SEEK_FROM = 100  # records in a partition, below which nothing is left out
ASK_TIMEOUT_S = 0.1
FONT, SCALE = cv2.FONT_HERSHEY_PLAIN, 1.2
INK, GROUND = (50, 150, 200), (255, 255, 255)
CV_8UC3 = 16


def record(image: Image) -> bytes:
    """Return a frame as `topicMsg`: raw pixels in JSON."""
    rows, cols, channels = image.shape
    mat = base64.b64encode(image.tobytes()).decode()
    return json.dumps({"mat": mat, "channels": channels, "rows": rows, "cols": cols, "type": CV_8UC3}).encode()


def image_in(value: bytes) -> Image:
    """Return the frame in a record."""
    document = json.loads(value)
    shape = document["rows"], document["cols"], document["channels"]
    image: Image = np.frombuffer(base64.b64decode(document["mat"]), np.uint8).reshape(shape)
    return image


class Out:
    """Writes frames to a topic (confluentkafkago/producer.go)."""

    def __init__(self) -> None:
        self._topic = os.environ["TOPICNAMEOUT"]
        self._producer = Producer(
            {
                "bootstrap.servers": os.environ["KAFKAPORT"],
                "message.max.bytes": 100_000_000,
                "compression.type": os.environ["COMPRESSIONTYPE"],
            }
        )

    def write(self, image: Image) -> None:
        """Produce a frame; wait while librdkafka's queue is full, as Go's channel does."""
        value = record(image)
        while True:
            try:
                self._producer.produce(self._topic, value)
            except BufferError:
                self._producer.poll(0.1)
            else:
                self._producer.poll(0)
                return


def consume(handle: Callable[[Message], None]) -> None:
    """Handle each record of a topic for ever (confluentkafkago/consumer.go)."""
    consumer = Consumer(
        {
            "bootstrap.servers": os.environ["KAFKAPORT"],
            "group.id": os.environ["GROUPNAME"],
            "session.timeout.ms": 6000,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe([os.environ["TOPICNAMEIN"]])
    while True:
        message = consumer.poll(1.0)
        if message is None:
            continue
        if (error := message.error()) is not None:
            if error.code() != KafkaError._PARTITION_EOF:
                print(error, file=sys.stderr)
            continue
        handle(message)
        seek_to_end(consumer)


def seek_to_end(consumer: Consumer) -> None:
    """Seek to the end of all partitions, unless one of them holds few records (LatestOffset)."""
    partitions = consumer.assignment()
    for partition in partitions:
        try:
            low, high = consumer.get_watermark_offsets(partition, timeout=ASK_TIMEOUT_S)
        except Exception:
            return
        if high - low < SEEK_FROM:
            return
        partition.offset = high
    consumer.assign(partitions)


def produce() -> None:
    """Be goproducer."""
    out, camera = Out(), cv2.VideoCapture(os.environ["VIDEOLINK"])
    while True:
        read, image = camera.read()
        if not read:
            raise SystemExit("Webcam read failure")
        out.write(cv2.resize(image, None, fx=1.0, fy=1.0, interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False))
        time.sleep(FRAME_INTERVAL_S)


class Model:
    """Asks the model server about the frame that it was given while it was free (models/imagenet.go)."""

    def __init__(self) -> None:
        url = urlsplit(os.environ["MODELURL"])
        self._path, self._server = url.path, http.client.HTTPConnection(url.netloc)
        self.frames: queue.Queue[Image] = queue.Queue(1)
        self.classes: queue.Queue[str] = queue.Queue(1)
        self.free = threading.Event()  # Go's channels hold nothing: a frame is taken only by one that waits for it

    def run(self) -> None:
        """Ask for ever."""
        while True:
            self.free.set()
            image = self.frames.get()
            jpeg = cv2.imencode(".jpg", image)[1].tobytes()
            body = json.dumps({"instances": [{"image_bytes": {"b64": base64.b64encode(jpeg).decode()}}]})
            self._server.request("POST", self._path, body, {"Content-Type": "application/json"})
            answer: dict[str, Any] = json.loads(self._server.getresponse().read())
            self.classes.put(f"class {answer['predictions'][0]['classes'] - 1}")

    def post(self, image: Image) -> None:
        """Hand over a frame if the model waits for one."""
        if self.free.is_set():
            self.free.clear()
            self.frames.put(image)


def relabel() -> None:
    """Be goconsumer."""
    out, model = Out(), Model()
    display: queue.Queue[Image] = queue.Queue(1)
    writes = threading.Event()
    label = "Nothing"

    def write_output() -> None:
        while True:
            writes.set()
            out.write(display.get())

    def handle(message: Message) -> None:
        nonlocal label
        image = image_in(message.value() or b"")
        drawn = image.copy()
        with suppress(queue.Empty):
            label = model.classes.get_nowait()
        cv2.putText(drawn, label, (10, 20), FONT, SCALE, GROUND, 6)
        cv2.putText(drawn, label, (10, 20), FONT, SCALE, INK, 2)
        model.post(image)
        if writes.is_set():
            writes.clear()
            display.put(drawn)

    threading.Thread(target=model.run, daemon=True).start()
    threading.Thread(target=write_output, daemon=True).start()
    consume(handle)


class Stream(BaseHTTPRequestHandler):
    """One viewer (hybridgroup/mjpeg, stream.go)."""

    viewers: set["queue.Queue[bytes]"] = set()  # noqa: RUF012 - shared by all requests

    def do_GET(self) -> None:
        """Write each frame that comes while the viewer is free."""
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace;boundary=MJPEGBOUNDARY")
        self.end_headers()
        mine: queue.Queue[bytes] = queue.Queue(1)
        self.viewers.add(mine)
        try:
            while True:
                time.sleep(VIEWER_INTERVAL_S)
                self.wfile.write(mine.get())
        except OSError:
            return
        finally:
            self.viewers.discard(mine)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def show() -> None:
    """Be govideo."""
    host, _, port = os.environ["DISPLAYPORT"].rpartition(":")
    server = ThreadingHTTPServer((host, int(port)), Stream)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    frame = bytearray()

    def handle(message: Message) -> None:
        nonlocal frame
        jpeg = cv2.imencode(".jpg", image_in(message.value() or b""))[1].tobytes()
        head = b"\r\n--MJPEGBOUNDARY\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n" % len(jpeg)
        head += b"X-Timestamp: 0.000000\r\n\r\n"
        if len(frame) < len(head) + len(jpeg):
            frame = bytearray(2 * (len(head) + len(jpeg)))
        frame[: len(head) + len(jpeg)] = head + jpeg
        for viewer in Stream.viewers.copy():
            if viewer.empty():
                viewer.put(bytes(frame))

    consume(handle)


if __name__ == "__main__":
    cv2.setNumThreads(1)
    {"producer": produce, "consumer": relabel, "video": show}[sys.argv[1]]()
