"""Measure how long `make run` takes from its start to live and to labelled pictures.

    python -m bench.bench_start [--runs 3] [--engine onnxruntime]

The models are exported first if they are not in the cache, so that each run is a second start. A row per run: seconds
until a camera of the wall is live and until a frame has a label, the CPU time of all processes (user + system) until
then, and the memory of the model server. Seconds mean something on a quiet machine only; CPU time does on any.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench.markdown import table
from bench.usage import cpu_of, cpu_of_ended_children, rss_of
from local import answers, wall
from local.ports import LOOPBACK, free_port
from tests.models import exported
from tests.suite import children_of
from tfserving.layout import Engine

HEADER = ("start", "live", "labelled", "CPU until labelled", "memory of the model server")
_LOOK_S = 0.02
_WITHIN_S = 300.0


def main() -> None:
    """Print a line per run, and the medians."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=3, help="number of starts (default: 3)")
    parser.add_argument("--engine", type=Engine, choices=tuple(Engine), default=Engine.ONNXRUNTIME)
    options = parser.parse_args()
    exported(*wall.MODELS, "--config", f"--engine={options.engine}")
    found = [start(options.engine) for _ in range(options.runs)]
    rows = [_row(str(run), figures) for run, figures in enumerate(found, start=1)]
    rows.append(_row("median", tuple(median(column) for column in zip(*found, strict=True))))
    print("\n".join(table(HEADER, rows)))


def start(engine: Engine) -> tuple[float, ...]:
    """Start and end `python -m local`; return its figures in the order of the table, in seconds and MB."""
    port = free_port()
    environment = {**os.environ, "DISPLAYPORT": f"{LOOPBACK}:{port}", "MODELENGINE": engine}
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "local"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        page = f"http://{LOOPBACK}:{port}"
        live_s = _wait_for(lambda: bool(answers.cameras(page)), process) - began
        labelled_s = _wait_for(lambda: _is_labelled(page), process) - began
        pids = (process.pid, *children_of(process.pid))
        cpu_s = sum(cpu_of(pid) + cpu_of_ended_children(pid) for pid in pids)
        return live_s, labelled_s, cpu_s, max(rss_of(pid) for pid in pids if "tfserving" in _arguments(pid))
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def _is_labelled(page: str) -> bool:
    return any(answers.has_label(page, camera["id"]) for camera in answers.cameras(page))


def _wait_for(reached: Callable[[], bool], process: "subprocess.Popen[bytes]") -> float:
    """Return the monotonic time at which a condition became true.

    Raises:
        RuntimeError: the suite ended, or five minutes were not enough.
    """
    deadline = time.monotonic() + _WITHIN_S
    while not reached():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the suite did not start: run `python -m local` to see why")
        time.sleep(_LOOK_S)
    return time.monotonic()


def _arguments(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


def _row(name: str, figures: tuple[float, ...]) -> list[str]:
    live_s, labelled_s, cpu_s, memory = figures
    return [name, f"{live_s:.1f} s", f"{labelled_s:.1f} s", f"{cpu_s:.1f} s", f"{memory:.0f} MB"]


if __name__ == "__main__":
    main()
