"""An RTSP camera for measurements, in a process of its own: `python -m bench.rtsp_camera`.

Its pictures carry numbers and are coded beforehand, so that it costs the machine next to nothing. It prints its link,
goes on until its input ends, and then prints when the last byte of each picture was sent.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.end_to_end.numbered import RATE, picture
from tests.producer.rtsp_camera import Manners, rtsp_camera
from tests.producer.rtsp_video import video

PICTURES = 250  # after which they come again: 10 s
WIDTH, HEIGHT = 1280, 720


class Measured:
    """A camera in another process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        assert process.stdout is not None
        self.link = process.stdout.readline().strip()

    def sent(self) -> list[tuple[int, float]]:
        """End the camera; return the number in each picture that it sent, and when, in seconds since the epoch."""
        said, _ = self._process.communicate()
        return [(number % PICTURES, at) for number, at in json.loads(said)]


@contextmanager
def measured_camera(*, reader: str, rate: float = RATE) -> Iterator[Measured]:
    """Run a camera.

    Args:
        reader: `ours`, or `ffmpeg`: then it says that it sends in a way which is left to FFmpeg's reader.
        rate: pictures a second.
    """
    command = [sys.executable, "-m", "bench.rtsp_camera", reader, str(rate)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Measured(process)
        finally:
            process.kill()


def main() -> None:
    """Be the camera."""
    shown = video("H264", [picture(number, WIDTH, HEIGHT) for number in range(PICTURES)], key_every=50)
    reader, rate = sys.argv[1:]
    profile = "RTP/AVP" if reader == "ours" else "RTP/SAVP"
    description = shown.description.replace("video 0 RTP/AVP", f"video 0 {profile}")
    with rtsp_camera(shown, Manners(description=description, rate=float(rate))) as camera:
        print(camera.link(), flush=True)
        sys.stdin.read()
        print(json.dumps(camera.sent))


if __name__ == "__main__":
    main()
