"""Measures the whole suite as one viewer sees it: `python -m bench.bench_suite [--seconds 60] [--every 60]`.

Starts `python -m local` on a free port, reads the stream of its camera, and prints frames a second, latency (whole
picture received − captured-at, one machine, one clock), predictions a second, and CPU time and memory of each process.

    python -m bench.bench_suite --camera rtsp-ffmpeg --camera rtsp --broker apache

does so twice with an RTSP camera of 720p25, first through FFmpeg's reader and then through ours, on a real Kafka, and
counts the latency from the moment when the camera had sent the last byte of a picture, too.
"""

import argparse
import http.client
import os
import re
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from bench.bench_bus import WARM_UP_S as KAFKA_WARM_UP_S
from bench.kafka import kafka
from bench.latency import percentile, since_sent_ms
from bench.rtsp_camera import Measured, measured_camera
from bench.usage import cpu_of, rss_of
from local.ports import LOOPBACK, free_port
from tests.end_to_end.numbered import read_number

UP_WITHIN_S = 120.0
WARM_UP_S = 3.0  # past the start of the model, which is not what is measured


def parts(port: int, camera: str) -> Iterator[tuple[float, float, int, bytes]]:
    """Yield (received at, captured at, sequence, JPEG) of each part of a stream; seconds since the epoch."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=10)
    connection.request("GET", f"/cameras/{camera}/stream")
    stream = connection.getresponse()
    headers: dict[bytes, bytes] = {}
    while line := stream.readline():
        name, colon, value = line.strip().partition(b":")
        if colon:
            headers[name.lower()] = value.strip()
        elif not line.strip() and b"content-length" in headers:
            jpeg = stream.read(int(headers[b"content-length"]))
            yield time.time(), float(headers[b"x-timestamp"]), int(headers[b"x-sequence"]), jpeg
            headers = {}


def processes(root: int) -> dict[str, int]:
    """Return the process ids of the suite's parts by name."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            command = (folder / "cmdline").read_text().replace("\0", " ")
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        match = re.search(r"shared\.child (?:--nice \d+ )?(\S+)", command)
        if match and parent == root:
            found[match[1]] = int(folder.name)
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == found.get("producer"):
                found["capture"] = int(folder.name)
    return {"suite": root, **found}


def predictions(probes: str) -> float:
    """Return how many predictions the consumer has had answered."""
    with urllib.request.urlopen(probes, timeout=5) as answer:
        text = answer.read().decode()
    return sum(float(n) for n in re.findall(r'consumer_predictions_total\{[^}]*outcome="ok"\} (\S+)', text))


def spread(values_ms: list[float]) -> str:
    """Return what is told of a list of latencies."""
    return f"p50 {statistics.median(values_ms):.1f}  p99 {percentile(values_ms, 0.99):.1f}  max {max(values_ms):.1f}"


def main() -> None:
    """Run the suite and print the figures."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=float, default=60.0)
    arguments.add_argument("--every", type=float, default=60.0, help="seconds between two looks at the memory")
    arguments.add_argument("--camera", action="append", choices=("file", "rtsp", "rtsp-ffmpeg"), help="may be repeated")
    arguments.add_argument("--broker", choices=("embedded", "apache"), default="embedded")
    options = arguments.parse_args()
    with ExitStack() as stack:
        environment, warm_up_s = dict(os.environ), WARM_UP_S
        if options.broker == "apache":
            environment["BROKER"], warm_up_s = stack.enter_context(kafka()).servers, KAFKA_WARM_UP_S
        for camera in options.camera or ["file"]:
            print(f"== camera {camera}, broker {options.broker}")
            if camera == "file":
                run(environment, None, options.seconds, options.every, warm_up_s)
                continue
            with measured_camera(reader="ffmpeg" if camera == "rtsp-ffmpeg" else "ours") as measured:
                run(environment | {"VIDEOLINK": measured.link}, measured, options.seconds, options.every, warm_up_s)


def run(
    environment: Mapping[str, str], camera: Measured | None, seconds: float, every: float, warm_up_s: float
) -> None:
    """Run the suite once, and print what was seen."""
    port = free_port()
    began = time.monotonic()
    suite = subprocess.Popen(
        [sys.executable, "-m", "local"],
        env={**environment, "DISPLAYPORT": f"{LOOPBACK}:{port}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        probes = ""
        for line in suite.stdout or ():
            if match := re.search(r"consumer +(http://\S+)/readyz", line):
                probes = match[1] + "/metrics"
            if "Live at" in line:
                print(f"first frame after {time.monotonic() - began:.1f} s")
                break
        seen = measure(suite.pid, port, probes, seconds, every, warm_up_s, numbered=camera is not None)
        if camera is not None:
            print(f"sent→seen ms {spread(since_sent_ms(seen, camera.sent()))}")
    finally:
        suite.send_signal(signal.SIGINT)
        suite.wait(10)


def measure(
    root: int, port: int, probes: str, seconds: float, every: float, warm_up_s: float, *, numbered: bool
) -> list[tuple[float, int]]:
    """Read the stream for so long and print what was seen; return (received at, number) of numbered pictures."""
    deadline = time.monotonic() + UP_WITHIN_S
    while not predictions(probes):
        if time.monotonic() > deadline:
            raise SystemExit("no prediction came")
        time.sleep(0.2)
    time.sleep(warm_up_s)
    pids = processes(root)
    ages, sequences, arrivals = [], [], []
    seen: dict[int, tuple[float, int]] = {}
    began, predicted = time.monotonic(), predictions(probes)
    cpu = {name: cpu_of(pid) for name, pid in pids.items()}
    next_look = every
    print("RSS in MB  " + "  ".join(f"{name:>9}" for name in pids))
    for received, captured, sequence, jpeg in parts(port, "camera"):
        if numbered and sequence not in seen:  # a picture that is repeated is none that comes late
            seen[sequence] = received, read_number.__wrapped__(jpeg)
        ages.append((received - captured) * 1e3)
        sequences.append(sequence)
        arrivals.append(received)
        elapsed = time.monotonic() - began
        if elapsed >= next_look or len(ages) == 1:
            print(f"  {elapsed:6.0f} s  " + "  ".join(f"{rss_of(pid):9.1f}" for pid in pids.values()), flush=True)
            next_look += every if len(ages) > 1 else 0
        if elapsed >= seconds:
            break
    elapsed = time.monotonic() - began
    print(f"frames     {len(ages)} in {elapsed:.1f} s: {(len(ages) - 1) / (arrivals[-1] - arrivals[0]):.2f} a second")
    print(
        f"missing    {sequences[-1] - sequences[0] + 1 - len(set(sequences))}, repeated "
        f"{len(sequences) - len(set(sequences))}"
    )
    print(f"latency ms {spread(ages)}")
    print(f"predictions {(predictions(probes) - predicted) / elapsed:.1f} a second in total")
    used = {name: cpu_of(pid) - cpu[name] for name, pid in pids.items()}
    print("CPU s/s    " + "  ".join(f"{name} {seconds_ / elapsed:.3f}" for name, seconds_ in used.items()))
    return list(seen.values())


if __name__ == "__main__":
    main()
