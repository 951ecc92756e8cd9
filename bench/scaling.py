"""Computes what a number of cameras needs: `python -m bench.scaling` prints the tables of docs/scaling.md.

The figures of one frame come from bench/scaling.toml; here is only how they add up. A core is planned to be busy to
BUSY of its time, so that a burst or a lost replica finds room.
"""

import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FIGURES = Path(__file__).with_name("scaling.toml")
CAMERAS = (100, 1000, 10_000)
RATES = (1.0, 5.0)  # frames a second of each camera
PREDICTIONS = 1.0  # a second and camera
CAMERAS_PER_VIEWER = 10
BUSY = 0.6
MAX_CAMERAS = 1000  # of one suite: shared/frames/ledger.py, shared/reports.py
LEAST_PARTITIONS = 12  # kafka/topics.toml
CAMERAS_PER_PARTITION = 80  # their numbers fit into a commit: shared/frames/gaps.py, LARGEST_NOTE
PRODUCER_MB = 8_000  # a producer's captures, on one node
PRODUCER_CORES, BROKER_CORES = 4, 4
RETAINED_S = 135.0  # kafka/README.md
COPIES = 3  # brokers that keep each record


@dataclass(frozen=True, slots=True)
class Size:
    """What a number of cameras at a rate needs.

    Attributes:
        cameras: their number.
        frames: a second, of all.
        suites: independent ones, each with its topics, groups and page.
        partitions: of each suite's topics of frames.
        producers, consumers, videos, brokers: of all suites.
        model_cores: for predictions.
        cores: of everything.
        written_mb: a second that producers and consumers write to the bus.
        read_mb: a second that consumers and videos read.
        viewers_mb: a second to viewers.
        disk_gb: of the frames, on each broker's share of all copies together.
    """

    cameras: int
    frames: float
    suites: int
    partitions: int
    producers: int
    consumers: int
    videos: int
    brokers: int
    model_cores: int
    cores: int
    written_mb: float
    read_mb: float
    viewers_mb: float
    disk_gb: float


@cache
def figures() -> Mapping[str, Mapping[str, float]]:
    """Return the measured figures."""
    with FIGURES.open("rb") as file:
        return tomllib.load(file)


def size_of(cameras: int, rate: float) -> Size:
    """Return what so many cameras at so many frames a second need."""
    costs, frames = figures(), cameras * rate
    frame_mb = costs["frame"]["bytes"] / 1e6

    def cores(ms: float) -> float:
        return ms / 1000 / BUSY

    # A replica of video reads every frame of its suite in one process: that, or the number of cameras, bounds a suite.
    suites = max(_up(cameras / MAX_CAMERAS), _up(cores(frames * costs["video"]["ms_per_frame"])))
    viewer_frames = cameras / CAMERAS_PER_VIEWER * rate
    each_video = (
        frames * costs["video"]["ms_per_frame"] + viewer_frames * costs["video"]["ms_per_viewer_frame"]
    ) / suites
    videos = suites * max(2, _up(cores(each_video)))
    producer_cores = cores(frames * costs["producer"]["ms_per_frame"])
    producers = max(
        suites,
        _up(producer_cores / PRODUCER_CORES),
        _up(cameras * costs["producer"]["mb_per_camera"] / PRODUCER_MB),
    )
    consumer_cores = cores(frames * costs["consumer"]["ms_per_frame"])
    consumers = max(suites, _up(consumer_cores))
    written_mb, read_mb = 2 * frames * frame_mb, frames * frame_mb * (1 + videos / suites)
    # Each further video reads the frames again, and each further copy is a write: both counted as a share of the whole.
    broker_cores = cores(frames * costs["broker"]["ms_per_frame"]) * (COPIES + videos / suites - 1) / 2
    model_cores = cores(cameras * min(rate, PREDICTIONS) * costs["model"]["ms_per_prediction"])
    video_cores = videos * cores(each_video)
    return Size(
        cameras=cameras,
        frames=frames,
        suites=suites,
        partitions=max(
            LEAST_PARTITIONS,
            *(_twelves(number) for number in (cameras / suites / CAMERAS_PER_PARTITION, consumers / suites)),
        ),
        producers=producers,
        consumers=consumers,
        videos=videos,
        brokers=max(COPIES, _up(broker_cores / BROKER_CORES)),
        model_cores=_up(model_cores),
        cores=_up(producer_cores + consumer_cores + video_cores + broker_cores + model_cores),
        written_mb=written_mb,
        read_mb=read_mb,
        viewers_mb=viewer_frames * frame_mb,
        disk_gb=written_mb * RETAINED_S * COPIES / 1000,
    )


def table(rate: float) -> str:
    """Return the table of a rate in Markdown."""
    sizes = [size_of(cameras, rate) for cameras in CAMERAS]
    rows: tuple[tuple[str, Callable[[Size], float]], ...] = (
        ("frames a second", lambda size: size.frames),
        ("suites", lambda size: size.suites),
        ("partitions of each topic of frames, in each suite", lambda size: size.partitions),
        (f"producers of up to {PRODUCER_CORES} cores and {PRODUCER_MB / 1000:.0f} GB", lambda size: size.producers),
        ("consumers of one core", lambda size: size.consumers),
        ("replicas of `video`", lambda size: size.videos),
        (f"brokers of {BROKER_CORES} cores, each record on {COPIES}", lambda size: size.brokers),
        ("cores for models", lambda size: size.model_cores),
        ("cores for everything", lambda size: size.cores),
        ("MB/s written to the bus", lambda size: size.written_mb),
        ("MB/s read from it", lambda size: size.read_mb),
        ("MB/s to viewers", lambda size: size.viewers_mb),
        ("GB on the brokers' disks", lambda size: size.disk_gb),
    )
    lines = [
        f"| {rate:g} frames a second each | " + " | ".join(f"{size.cameras:,} cameras" for size in sizes) + " |",
        "| --- " * (len(sizes) + 1) + "|",
        *(f"| {name} | " + " | ".join(f"{value(size):,.0f}" for size in sizes) + " |" for name, value in rows),
    ]
    return "\n".join(lines)


def _up(number: float) -> int:
    return max(1, math.ceil(number))


def _twelves(partitions: float) -> int:
    return 12 * _up(partitions / 12)


def main() -> None:
    """Print the tables."""
    print("\n\n".join(table(rate) for rate in RATES))


if __name__ == "__main__":
    main()
