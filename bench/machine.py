"""What a measurement ran on: the machine, and the versions of what was measured."""

import datetime as dt
import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

from local.kafka.parts import version as kafka_version

PACKAGES = ("opencv-python-headless", "av", "confluent-kafka", "uvicorn", "uvloop", "numpy")
PROGRAMS = {"GStreamer": ("gst-launch-1.0", "--version"), "motion": ("motion", "-h"), "Java": ("java", "-version")}


def described() -> dict[str, str]:
    """Return processor, cores, memory, kernel, versions, commit and date."""
    root = Path(__file__).parents[1]
    kilobytes = int(_first(r"^MemTotal:\s+(\d+)", Path("/proc/meminfo")))
    found = {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{kilobytes / 1e6:.0f} GB",
        "kernel": platform.release(),
        "load before": f"{os.getloadavg()[0]:.1f}",
        "date": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _output("git", "-C", str(root), "rev-parse", "--short", "HEAD"),
        "Python": platform.python_version(),
        "Kafka": kafka_version(),
    }
    for name, command in PROGRAMS.items():
        if shutil.which(command[0]):
            number = re.search(r"\d+\.\d+\.\d+", _output(*command))
            found[name] = number[0] if number else "of an unknown version"
    return found | {package: importlib.metadata.version(package) for package in PACKAGES}


def _processor() -> str:
    """Return name, family and model: a virtual machine's name alone is that of many generations."""
    keys = {"model name": "", "cpu family": "family ", "model": "model "}
    found = {key: _first(rf"^{key}\s*: (.*)$", Path("/proc/cpuinfo")) for key in keys}
    return " ".join(before + found[key] for key, before in keys.items() if found[key] != "0")


def _first(pattern: str, file: Path) -> str:
    match = re.search(pattern, file.read_text(), re.MULTILINE)
    return match[1] if match else "0"


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    return (done.stdout or done.stderr).strip() or "unknown"
