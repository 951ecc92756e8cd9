"""A camera that sends MJPEG over HTTP, in a process of its own: `python -m bench.mjpeg_camera FPS`.

Its pictures carry numbers. It prints its link, and for every line of input when the last byte of each picture was
written since the last one, as bench/rtsp_camera.py does. Each client gets all pictures from the first on.
"""

import itertools
import json
import socket
import sys
import threading
import time

import cv2

from bench.client import LOOPBACK
from bench.rtsp_camera import HEIGHT, PICTURES, WIDTH, Measured
from tests.end_to_end.numbered import RATE, picture

QUALITY = 80
BOUNDARY = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"


def mjpeg_camera(rate: float = RATE) -> Measured:
    """Run a camera that sends so many pictures a second."""
    return Measured("bench.mjpeg_camera", f"{rate:g}")


def main() -> None:
    """Be the camera."""
    rate = float(sys.argv[1])
    sent: list[tuple[int, float]] = []
    # They come again after 10 s, sooner than those of the RTSP camera, which are smaller.
    pictures = [coded(number) for number in range(PICTURES // 3)]
    listener = socket.create_server((LOOPBACK, 0))
    threading.Thread(target=accept, args=(listener, pictures, rate, sent), daemon=True).start()
    print(f"http://{LOOPBACK}:{listener.getsockname()[1]}/video.mjpg", flush=True)
    told = 0
    for _ in sys.stdin:
        now = len(sent)
        print(json.dumps(sent[told:now]), flush=True)
        told = now


def coded(number: int) -> bytes:
    """Return a picture as a camera codes it: without restart markers."""
    return cv2.imencode(".jpg", picture(number, WIDTH, HEIGHT), (cv2.IMWRITE_JPEG_QUALITY, QUALITY))[1].tobytes()


def accept(listener: socket.socket, pictures: list[bytes], rate: float, sent: list[tuple[int, float]]) -> None:
    """Serve everyone who comes."""
    while True:
        client = listener.accept()[0]
        threading.Thread(target=serve, args=(client, pictures, rate, sent), daemon=True).start()


def serve(client: socket.socket, pictures: list[bytes], rate: float, sent: list[tuple[int, float]]) -> None:
    """Send the pictures over and over."""
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    began = time.monotonic()
    try:
        client.recv(65536)
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n")
        for number in itertools.count():
            time.sleep(max(0.0, began + number / rate - time.monotonic()))
            jpeg = pictures[number % len(pictures)]
            # The time is that before it is written: the kernel may keep the writer waiting after the reader has it all.
            at = time.time()
            client.sendall(BOUNDARY % len(jpeg) + jpeg + b"\r\n")
            sent.append((number % len(pictures), at))
    except OSError:
        return


if __name__ == "__main__":
    main()
