"""Measures many cameras with one model on a real Kafka: `python -m bench.bench_cameras [--cameras 8] [--rate 10]`.

Each camera is an RTSP camera of 720p that sends so many pictures a second by itself. A local model server classifies
them as often as it can, with less priority than the pictures, as `make run` does. One viewer per camera reads its MJPEG
stream. The age is that of a picture when its last byte has come to the viewer: one machine, one clock.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.bench_bus import WARM_UP_S
from bench.bench_models import server, wait_for
from bench.bench_suite import parts, predictions, processes
from bench.kafka import kafka
from bench.latency import percentile
from bench.rtsp_camera import measured_camera
from bench.usage import cpu_of
from local.ports import LOOPBACK, free_port
from tests.models import exported
from tests.suite import get_json
from tests.waiting import wait_until

MODEL = "efficientnet-lite0"
UP_WITHIN_S = 120.0


class Viewer(threading.Thread):
    """Reads the stream of one camera; notes the ages of its pictures in milliseconds, and which ones they are."""

    def __init__(self, port: int, camera: str) -> None:
        super().__init__(daemon=True)
        self.ages_ms: list[float] = []
        self.seen: set[int] = set()
        self.measuring = threading.Event()
        self._port, self._camera = port, camera

    def run(self) -> None:
        """Read until the stream ends."""
        for received, captured, sequence, _ in parts(self._port, self._camera):
            if self.measuring.is_set() and sequence not in self.seen:  # one that is repeated is no new picture
                self.seen.add(sequence)
                self.ages_ms.append((received - captured) * 1e3)


def main() -> None:
    """Print the figures."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--cameras", type=int, default=8)
    arguments.add_argument("--rate", type=float, default=10.0, help="pictures a second of each camera (default: 10)")
    arguments.add_argument("--seconds", type=float, default=60.0)
    options = arguments.parse_args()
    names = [f"camera-{number}" for number in range(1, options.cameras + 1)]
    with ExitStack() as stack:
        bus = stack.enter_context(kafka())
        camera = stack.enter_context(measured_camera(reader="ours", rate=options.rate))
        folder = exported(MODEL)
        arguments_ = [f"--model_base_path={folder}", "--model_name=tfModel"]
        serving, serving_pid = stack.enter_context(server(arguments_))
        os.setpriority(os.PRIO_PROCESS, serving_pid, 10)
        wait_for(f"{serving}/v1/models/tfModel/metadata")
        links = dict.fromkeys(names, camera.link)
        urls = {"imagenet_1": f"{serving}/v1/models/tfModel:predict"}
        environment = {"BROKER": bus.servers, "CAMERAS": json.dumps(links), "MODELURLS": json.dumps(urls)}
        root, port, probes = stack.enter_context(suite(environment))
        wait_until(lambda: all_up(port, names), "every camera is shown", within_s=UP_WITHIN_S)
        time.sleep(WARM_UP_S)
        measure(port, probes, names, {**processes(root), "captures": 0, "tfserving": serving_pid}, options.seconds)


@contextmanager
def suite(environment: dict[str, str]) -> Iterator[tuple[int, int, str]]:
    """Run the suite; yield its process id, the port of the page, and the address of the consumer's metrics."""
    port, probes = free_port(), ""
    command = [sys.executable, "-m", "local"]
    seen = {**os.environ, **environment, "DISPLAYPORT": f"{LOOPBACK}:{port}"}
    process = subprocess.Popen(command, env=seen, stdout=subprocess.PIPE, text=True)
    try:
        for line in process.stdout or ():
            if "consumer" in line and "/readyz" in line:
                probes = line[line.index("http") :].split("/readyz")[0] + "/metrics"
            if "Live at" in line:
                break
        yield process.pid, port, probes
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


def all_up(port: int, names: list[str]) -> bool:
    """Return whether all cameras are shown."""
    listed = get_json(f"http://{LOOPBACK}:{port}/cameras") or []
    return {one["id"] for one in listed if one.get("state") in {None, "up"}} >= set(names)


def captures(producer: int) -> list[int]:
    """Return the process ids of the captures."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1]) if folder.name.isdigit() else 0
        except OSError:
            continue
        if parent == producer:
            found.append(int(folder.name))
    return found


def measure(port: int, probes: str, names: list[str], pids: dict[str, int], seconds: float) -> None:
    """Read all streams for so long, and print what was seen."""
    viewers = {name: Viewer(port, name) for name in names}
    for viewer in viewers.values():
        viewer.start()
    time.sleep(2.0)
    groups = {name: [pid] for name, pid in pids.items() if pid and name != "capture"}
    groups["captures"] = captures(pids["producer"])
    before, predicted, began = (
        {n: sum(map(cpu_of, g)) for n, g in groups.items()},
        predictions(probes),
        time.monotonic(),
    )
    for viewer in viewers.values():
        viewer.measuring.set()
    time.sleep(seconds)
    elapsed = time.monotonic() - began
    used = {name: (sum(map(cpu_of, group)) - before[name]) / elapsed for name, group in groups.items()}
    rates = {name: len(viewer.seen) / elapsed for name, viewer in viewers.items()}
    ages = [age for viewer in viewers.values() for age in viewer.ages_ms]
    print(f"{len(names)} cameras, {elapsed:.0f} s")
    print(f"pictures a second: {min(rates.values()):.2f} to {max(rates.values()):.2f}")
    print(f"slowest / fastest: {min(rates.values()) / max(rates.values()):.2f}")
    print(f"age ms: p50 {statistics.median(ages):.1f}, p99 {percentile(ages, 0.99):.1f}, max {max(ages):.0f}")
    print(f"predictions a second: {(predictions(probes) - predicted) / elapsed:.1f}")
    print("CPU s/s: " + ", ".join(f"{name} {share:.3f}" for name, share in used.items()))


if __name__ == "__main__":
    main()
