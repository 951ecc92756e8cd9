"""Measures what one 720p25 camera costs each service: `python -m bench.bench_profile [--camera rtsp|mjpeg]`.

The three services run as processes on a real Kafka, with one viewer, and a model that answers at once and is asked ten
times a second. It prints the CPU time of each process and thread for each frame that the viewer got.

    python -m bench.bench_profile --camera rtsp --tree /path/to/another/checkout

runs the services of another checkout as well, at the same time, on topics of their own: whatever else the machine does
slows both. With `--perf FOLDER` the profile of each process is written there (`perf`, with the symbols of libraries);
with `--spy FOLDER`, by function of Python (py-spy, as root or with the right to trace).
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from bench.bench_bus import WARM_UP_S
from bench.bench_mjpeg import Camera as MjpegCamera
from bench.bench_suite import parts, spread
from bench.kafka import kafka
from bench.rtsp_camera import HEIGHT, WIDTH, measured_camera
from local.kafka.parts import FOLDER
from local.ports import LOOPBACK, free_port
from shared.bus import Bus, Topics
from shared.frames import pixels
from shared.topics import read_list
from tests.consumer import rest
from tests.end_to_end.chain import embedded_broker
from tests.end_to_end.numbered import picture
from tests.suite import ROOT, bare_environment, children_of, get_json, make_topics
from tests.waiting import wait_until

CAMERA, RATE, QUALITY = "front", 10.0, 80
SERVICES = ("producer", "capture", "consumer", "video")
UP_WITHIN_S = 200.0
LEAST_MS = 0.03  # of a thread that is listed

Threads: TypeAlias = dict[str, dict[str, float]]
"""Process → thread → seconds."""


@dataclass
class Suite:
    """The services of one checkout, on topics of their own."""

    tree: Path
    name: str
    port: int = field(default_factory=free_port)
    processes: dict[str, int] = field(default_factory=dict)
    ages_ms: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    measuring: threading.Event = field(default_factory=threading.Event)

    def environment(self, bus: Bus, link: str, models: Path) -> Mapping[str, str]:
        """Return the settings of all services; each takes its own."""
        topics = {"STATUS": "videostatus", "AUDIT": "videoaudit", "PREDICTIONS": "videopredictions"}
        topics |= {"IN": "videocam", "OUT": "videodisplay"}
        named = {f"TOPICNAME{variable}": topic + self.name for variable, topic in topics.items()}
        return {
            **bare_environment(),
            **named,
            **dict.fromkeys(("KAFKAPORT", "KAFKAPORTIN", "KAFKAPORTOUT"), bus.servers),
            "KAFKACONFIG": json.dumps(dict(bus.properties)),
            "GROUPNAME": f"group{self.name}",
            "FRAMEINTERVAL": "0",
            "CAMERAS": json.dumps({CAMERA: link}),
            "MODELSFILE": str(models),
            "DISPLAYPORT": f"{LOOPBACK}:{self.port}",
        }

    def cpu_s(self) -> Threads:
        """Return the CPU time of each thread of each process so far, seconds."""
        return {name: threads_cpu_s(pid) for name, pid in self.processes.items()}

    def see(self) -> None:
        """Be the viewer, until the stream ends."""
        for received, captured, _, jpeg in parts(self.port, CAMERA):
            if self.measuring.is_set():
                self.ages_ms.append((received - captured) * 1e3)
                self.sizes.append(len(jpeg))


@contextmanager
def services(suite: Suite, bus: Bus, link: str, models: Path) -> Iterator[None]:
    """Run the services of a checkout until the end of the block; the topics exist."""
    environment = suite.environment(bus, link, models)
    frames = {"producer": "videocam", "video": "videodisplay"}
    started: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name in ("video", "consumer", "producer"):
            own = {"PROBEPORT": f"{LOOPBACK}:{free_port()}"}
            if name in frames:
                own["TOPICNAME"] = frames[name] + suite.name
            command = [sys.executable, "-m", name]
            started[name] = subprocess.Popen(
                command,
                cwd=suite.tree,
                env={**environment, **own},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        shown = f"http://{LOOPBACK}:{suite.port}/cameras/{CAMERA}/predictions"
        wait_until(lambda: (get_json(shown) or {}).get("predictions"), "a labelled frame", within_s=UP_WITHIN_S)
        suite.processes = {name: process.pid for name, process in started.items()}
        (suite.processes["capture"],) = children_of(suite.processes["producer"])
        yield
    finally:
        for process in started.values():
            process.terminate()
        for process in started.values():
            process.wait(20)


def threads_cpu_s(pid: int) -> dict[str, float]:
    """Return the CPU time of each thread of a process in seconds, by number and name (Linux: sched-stats, in ns)."""
    found = {}
    for thread in Path(f"/proc/{pid}/task").iterdir():
        try:
            name = (thread / "comm").read_text().strip()
            found[f"{thread.name} {name}"] = int((thread / "schedstat").read_text().split()[0]) / 1e9
        except OSError:  # it has just ended
            continue
    return found


@contextmanager
def camera(kind: str) -> Iterator[str]:
    """Run a camera of 720p25; yield its link."""
    if kind == "mjpeg":
        mjpeg = MjpegCamera()
        mjpeg.picture = pixels.encode(picture(1, WIDTH, HEIGHT), QUALITY)  # as large as a frame of the RTSP camera
        yield mjpeg.link
        return
    with measured_camera(reader="ours") as measured:
        yield measured.link


@contextmanager
def broker(kind: str) -> Iterator[Bus]:
    """Run a broker."""
    if kind == "embedded":
        with embedded_broker() as (_, bus):
            yield bus
    else:
        with kafka() as bus:
            yield bus


def make(bus: Bus, suffix: str) -> None:
    """Make the topics of a checkout."""
    topics = [replace(topic, name=topic.name + suffix) for topic in read_list(FOLDER / "topics.toml")]
    if bus.properties:  # the embedded broker makes topics when they are written to
        make_topics(bus, *(topic.name for topic in topics))
        return
    for topic in topics:
        Topics(bus).apply(topic)


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--camera", choices=("rtsp", "mjpeg"), default="rtsp")
    arguments.add_argument("--broker", choices=("apache", "embedded"), default="apache")
    arguments.add_argument("--seconds", type=float, default=30.0)
    arguments.add_argument("--warm-up", type=float, default=WARM_UP_S, help="seconds (default: 20; the JVM is cold)")
    arguments.add_argument("--tree", type=Path, action="append", default=[], help="another checkout")
    arguments.add_argument("--perf", type=Path, help="folder for profiles by perf")
    arguments.add_argument("--spy", type=Path, help="folder for profiles by py-spy")
    options = arguments.parse_args()
    suites = [Suite(tree.resolve(), f"-{number}") for number, tree in enumerate([ROOT, *options.tree])]
    with ExitStack() as stack:
        models = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "models.json"
        server = stack.enter_context(rest.Rest(rest.well))
        models.write_text(
            json.dumps({"models": {"things": {"kind": "classification", "url": server.predict_url, "rate": RATE}}})
        )
        bus = stack.enter_context(broker(options.broker))
        link = stack.enter_context(camera(options.camera))
        for suite in suites:
            make(bus, suite.name)
            stack.enter_context(services(suite, bus, link, models))
            threading.Thread(target=suite.see, daemon=True).start()
        time.sleep(options.warm_up)
        asked = len(server.asked)
        measure(suites, options.seconds, options)
        print(f"predictions a second, of all checkouts: {(len(server.asked) - asked) / options.seconds:.1f}")


def measure(suites: list[Suite], seconds: float, options: argparse.Namespace) -> None:
    """Measure for so long, and print what each checkout took."""
    before = {suite.name: suite.cpu_s() for suite in suites}
    profilers = [one for suite in suites for one in profile(suite, seconds, options.perf, options.spy)]
    for suite in suites:
        suite.measuring.set()
    time.sleep(seconds)
    for suite in suites:
        suite.measuring.clear()
    after = {suite.name: suite.cpu_s() for suite in suites}
    for profiler in profilers:
        profiler.wait(60)
    for suite in suites:
        report(suite, seconds, before[suite.name], after[suite.name])


def profile(suite: Suite, seconds: float, perf: Path | None, spy: Path | None) -> Iterator["subprocess.Popen[bytes]"]:
    """Start the profilers of a checkout's processes, which end by themselves."""
    for name, pid in suite.processes.items():
        if perf:
            perf.mkdir(parents=True, exist_ok=True)
            target = str(perf / f"{name}{suite.name}.data")
            command = ["perf", "record", "-q", "-F", "499", "-g", "-p", str(pid), "-o", target, "sleep", str(seconds)]
            yield subprocess.Popen(command, stdout=subprocess.DEVNULL)
        if spy:
            spy.mkdir(parents=True, exist_ok=True)
            command = [str(Path(sys.executable).with_name("py-spy")), "record", "--threads", "--rate", "150"]
            command += ["--format", "raw", "--duration", str(int(seconds)), "--pid", str(pid)]
            command += ["--output", str(spy / f"{name}{suite.name}.txt")]
            yield subprocess.Popen(command, stdout=subprocess.DEVNULL)


def report(suite: Suite, seconds: float, before: Threads, after: Threads) -> None:
    """Print what a checkout took for each frame."""
    frames, total = len(suite.ages_ms), 0.0
    print(f"== {suite.tree}: {frames / seconds:.2f} frames a second of {sum(suite.sizes) / frames / 1e3:.0f} KB")
    print(f"   age ms {spread(suite.ages_ms)}")
    for name in SERVICES:
        used = {t: (now - before[name].get(t, 0.0)) * 1e3 / frames for t, now in after[name].items()}
        total += sum(used.values())
        most = sorted(((ms, thread.partition(" ")[2]) for thread, ms in used.items() if ms >= LEAST_MS), reverse=True)
        print(f"{name:>9} {sum(used.values()):6.2f} ms a frame: " + ", ".join(f"{t} {ms:.2f}" for ms, t in most))
    print(f"{'total':>9} {total:6.2f} ms a frame", flush=True)


if __name__ == "__main__":
    main()
