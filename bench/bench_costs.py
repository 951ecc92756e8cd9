"""Measures the steps of a frame one by one: `python -m bench.bench_costs [--rounds 12]`.

A picture of 720p goes through the steps of producer and consumer in this process, without a bus. CPU time of this
thread, the best of several rounds: so it says what a step costs, and not what else the machine does.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import av
import cv2

from consumer.asking import inference_of
from consumer.imprint import imprint, imprint_whole
from consumer.model_set import Model
from consumer.model_spec import InputSpec, ModelEntry, named
from consumer.overlay import Line, LineState, Overlay
from consumer.pictures.picture import Picture
from producer.encoder import FrameEncoder
from shared.frames import jpeg, pixels
from tests.consumer import rest
from tests.end_to_end.numbered import write_video

WIDTH, HEIGHT, PICTURES = 1280, 720, 20
OF_A_ROUND = 10
QUALITY = 80
MODEL_SIZE = (320, 320)


def best_ms(step: Callable[[], object], rounds: int) -> float:
    """Return the CPU time of a step in milliseconds."""
    step()
    found = []
    for _ in range(rounds):
        began = time.thread_time()
        for _ in range(OF_A_ROUND):
            step()
        found.append((time.thread_time() - began) / OF_A_ROUND * 1e3)
    return min(found)


def decoded(folder: Path) -> tuple[list[av.VideoFrame], float]:
    """Return the frames of a video, and the CPU time in milliseconds that each took to decode in one thread."""
    with av.open(str(write_video(folder / "numbers.mkv", PICTURES, WIDTH, HEIGHT))) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        began = time.thread_time()
        frames = list(container.decode(stream))
        return frames, (time.thread_time() - began) / len(frames) * 1e3


def asking(url: str, size: tuple[int, int] | None, picture: bytes) -> Callable[[], object]:
    """Return what asks a model about a picture."""
    entry = ModelEntry(kind="classification", url=url, input=InputSpec(size=size))
    inference = inference_of(Model(named("things", entry), None), timeout_s=5.0)
    inference.prepare()
    return lambda: inference.ask([Picture(picture)], [None], timeout_s=5.0)


def main() -> None:
    """Print a line for each step."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=12)
    rounds = arguments.parse_args().rounds
    cv2.setNumThreads(1)
    encoder = FrameEncoder(scale_x=1.0, scale_y=1.0, quality=QUALITY, raw=False)
    with tempfile.TemporaryDirectory() as folder, rest.Rest(rest.well) as server:
        frames, decoding_ms = decoded(Path(folder))
        turn = cycle(frames)
        picture = bytes(encoder.encode(frames[0]).data)
        image = pixels.decode(picture)
        label = Overlay((Line("Egyptian cat", "87%", LineState.NORMAL),), ())
        steps: dict[str, Callable[[], object]] = {
            "convert and encode": lambda: encoder.encode(next(turn)),
            "encode alone": lambda: pixels.encode(image, QUALITY),
            "read the header": lambda: jpeg.inspect(picture),
            "draw a label on its rows": lambda: imprint(picture, label, quality=QUALITY),
            "draw it on the whole picture": lambda: imprint_whole(picture, label, quality=QUALITY),
            "ask a model, the whole picture": asking(server.predict_url, None, picture),
            f"ask a model, {MODEL_SIZE[0]} pixels": asking(server.predict_url, MODEL_SIZE, picture),
        }
        print(f"{len(picture) / 1e3:.0f} KB; ms of CPU")
        print(f"{'decode H.264':<32} {decoding_ms:6.2f}")
        for name, step in steps.items():
            print(f"{name:<32} {best_ms(step, rounds):6.2f}", flush=True)


if __name__ == "__main__":
    main()
