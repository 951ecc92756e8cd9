"""An RTSP camera for measurements, in a process of its own: `python -m bench.rtsp_camera`.

Its pictures carry numbers and are coded beforehand, so that it costs the machine next to nothing. It prints its link,
and for every line of input when the last byte of each picture was sent since the last one. It serves any number of
clients, each from picture 0 on.
"""

import hashlib
import json
import pickle
import re
import sys
import tempfile
from pathlib import Path

from bench.program import Program
from shared.cache import cache_folder
from tests.end_to_end.numbered import RATE, picture
from tests.producer import rtsp_video
from tests.producer.rtsp_camera import Manners, rtsp_camera
from tests.producer.rtsp_video import Video, video

PICTURES = 750  # after which they come again: 30 s, more than any latency that is measured
WIDTH, HEIGHT = 1280, 720
KEY_EVERY = 50


class Measured(Program):
    """A camera in another process."""

    def __init__(self, *arguments: str) -> None:
        super().__init__(sys.executable, "-m", *arguments)
        self.link = self.line()

    def sent(self) -> list[tuple[int, float]]:
        """Return the number in each picture sent since the last call, and when, in seconds since the epoch."""
        return [(number % PICTURES, at) for number, at in json.loads(self.ask())]


def measured_camera(*, reader: str = "ours", rate: float = RATE) -> Measured:
    """Run a camera.

    Args:
        reader: `ours`, or `ffmpeg`: then it says that it sends in a way which the producer leaves to FFmpeg's reader.
        rate: pictures a second.
    """
    return Measured("bench.rtsp_camera", reader, f"{rate:g}")


def coded() -> Video:
    """Return the camera's pictures, coded; from the cache after the first time, which takes 15 s."""
    sources = "".join(Path(module).read_text() for module in (__file__, rtsp_video.__file__))
    file = cache_folder() / "bench" / f"rtsp-{hashlib.sha256(sources.encode()).hexdigest()[:12]}.pickle"
    if not file.exists():
        shown = video("H264", [picture(number, WIDTH, HEIGHT) for number in range(PICTURES)], key_every=KEY_EVERY)
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as new:
            pickle.dump(shown, new)
        Path(new.name).rename(file)
    loaded: Video = pickle.loads(file.read_bytes())
    return loaded


def main() -> None:
    """Be the camera."""
    shown = coded()
    reader, rate = sys.argv[1:]
    profile = "RTP/AVP" if reader == "ours" else "RTP/SAVP"
    # Nothing but video: GStreamer and motion would ask for sound as well, and this camera has none.
    with rtsp_camera(shown, Manners(rate=float(rate))) as camera:
        # Nothing but video: GStreamer and motion would ask for sound as well, and this camera has none. Its address is
        # whole: GStreamer would put a relative one before the query.
        session, *media = re.split(r"(?m)^(?=m=)", shown.description)
        description = session + "".join(one for one in media if one.startswith("m=video"))
        description = description.replace("video 0 RTP/AVP", f"video 0 {profile}")
        camera.manners.description = description.replace("control:trackID", f"control:{camera.link()}/trackID")
        print(camera.link(), flush=True)
        told = 0
        for _ in sys.stdin:
            now = len(camera.sent)
            print(json.dumps(camera.sent[told:now]), flush=True)
            told = now


if __name__ == "__main__":
    main()
