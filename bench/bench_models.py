"""Measure the models that can be exported, each in a local model server of its own.

    python -m bench.bench_models [MODEL …] [--requests 30]
    python -m bench.bench_models [MODEL …] --engine tensorflow --engine onnxruntime

A line per model: size of the SavedModel, memory of the server with it, CPU time until it answers, and CPU time per
picture, for a JPEG of 1280×720 and for one of the model's own size. The server without any model is the first line.
CPU time is user + system of the server's process, so that other load on the machine matters little.

With `--engine`, which can be given several times, the engines of the local model server are compared: a server for each
is asked in turn, each on one thread. A prediction per second is one divided by the CPU time of one, so that it is what
a thread achieves that it has to itself. The first engine is the reference of ratios and differences.
"""

import argparse
import base64
import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np

from bench.bench_imprint import scene
from bench.usage import cpu_of, rss_of
from local.ports import LOOPBACK, free_port
from shared.frames import pixels
from tests.models import exported
from tfserving.layout import Engine

MODELS = {"efficientnet-lite0": 224, "detector": 300, "nanodet": 416, "face": 256, "emotion": 64, "pose": 256}
"""Model → height and width of its input in pixels."""
_START_S = 300.0
_TURN = 10  # requests to one engine before the other ones get theirs


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("models", nargs="*", default=[*MODELS], metavar="MODEL", help=f"of {', '.join(MODELS)}")
    arguments.add_argument("--requests", type=int, default=30, help="for each figure (default: 30)")
    arguments.add_argument("--engine", type=Engine, choices=tuple(Engine), action="append", help="compare engines")
    options = arguments.parse_args()
    if options.engine:
        compare(options.models, options.engine, options.requests)
        return
    print(
        "| model | SavedModel | memory of the server | CPU until it answers | CPU per 1280×720 JPEG | of its own size |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as empty, server([f"--model_config_file={_no_models(Path(empty))}"]) as (_, pid):
        print(f"| (none) | | {rss_of(pid):.0f} MB | {cpu_of(pid):.1f} s | | |")
    for name in options.models:
        print(row(name, options.requests), flush=True)


def row(name: str, requests: int) -> str:
    """Return the line of one model."""
    base = exported(name)
    size = sum(path.stat().st_size for path in base.rglob("*") if path.is_file())
    with server([f"--model_base_path={base}", f"--model_name={name}"]) as (url, pid):
        wait_for(f"{url}/v1/models/{name}/metadata")
        loaded_s = cpu_of(pid)
        large = None if name == "emotion" else per_request(url, name, picture(1280, 720), pid, requests)
        small = per_request(url, name, picture(MODELS[name], MODELS[name]), pid, requests)
        memory = rss_of(pid)
    shown = f"{large * 1e3:.0f} ms" if large is not None else ""
    return f"| `{name}` | {size / 1e6:.1f} MB | {memory:.0f} MB | {loaded_s:.1f} s | {shown} | {small * 1e3:.0f} ms |"


def compare(models: Sequence[str], engines: Sequence[Engine], requests: int) -> None:
    """Print a line for each model and engine."""
    print("| model | engine | predictions per second | ratio | largest difference | memory | CPU until it answers |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name in models:
        for line in compared(name, engines, requests):
            print(line, flush=True)


def compared(name: str, engines: Sequence[Engine], requests: int) -> Iterator[str]:
    """Yield a line per engine about one model: for a picture of 1280×720, or a face."""
    base = exported(name, f"--engine={Engine.ONNXRUNTIME}")
    image = picture(*((MODELS[name],) * 2 if name == "emotion" else (1280, 720)))
    rounds = max(1, requests // _TURN)
    with ExitStack() as stack:
        flags = [f"--model_base_path={base}", f"--model_name={name}"]
        servers = [stack.enter_context(server([*flags, f"--engine={engine}"])) for engine in engines]
        for url, _ in servers:
            wait_for(f"{url}/v1/models/{name}/metadata")
        loaded_s = [cpu_of(pid) for _, pid in servers]
        costs_s: list[list[float]] = [[] for _ in servers]
        for _ in range(rounds):
            for cost_s, (url, pid) in zip(costs_s, servers, strict=True):
                cost_s.append(per_request(url, name, image, pid, _TURN))
        answers = [answer(url, name, image) for url, _ in servers]
        memory = [rss_of(pid) for _, pid in servers]
    rates = [1 / median(cost_s) for cost_s in costs_s]
    for index, engine in enumerate(engines):
        difference = max(float(np.abs(answers[index][key] - answers[0][key]).max()) for key in answers[0])
        yield (
            f"| `{name}` | {engine} | {rates[index]:.1f} | {rates[index] / rates[0]:.2f} | {difference:.6f} "
            f"| {memory[index]:.0f} MB | {loaded_s[index]:.1f} s |"
        )


def answer(url: str, name: str, image: pixels.Image) -> dict[str, Any]:
    """Return the outputs about one picture, by name, as arrays."""
    body = json.dumps({"instances": [instance(name, image)]}).encode()
    (found,) = json.loads(_post(f"{url}/v1/models/{name}:predict", body))["predictions"]
    outputs = found if isinstance(found, dict) else {"": found}
    return {key: np.asarray(value, float) for key, value in outputs.items()}


def picture(width: int, height: int) -> pixels.Image:
    """Return a picture like real video."""
    return scene(width, height)


def per_request(url: str, name: str, image: pixels.Image, pid: int, requests: int) -> float:
    """Return the server's CPU time for one picture in seconds, after some that warm it up."""
    body = json.dumps({"instances": [instance(name, image)]}).encode()
    for _ in range(3):
        _post(f"{url}/v1/models/{name}:predict", body)
    before = cpu_of(pid)
    for _ in range(requests):
        _post(f"{url}/v1/models/{name}:predict", body)
    return (cpu_of(pid) - before) / requests


def instance(name: str, image: pixels.Image) -> Any:
    """Return what the model takes: an encoded picture, or a grey face from 0 to 1."""
    if name == "emotion":
        return (cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None] / 255).round(3).tolist()
    return {"b64": base64.b64encode(pixels.encode(image, 80)).decode()}


@contextmanager
def server(flags: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Run the local model server until the block ends."""
    port = free_port()
    command = [sys.executable, "-m", "tfserving", f"--rest_api_port={port}", f"--rest_api_host={LOOPBACK}", *flags]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://{LOOPBACK}:{port}"
        wait_for(f"{url}/v1/models/nothing", status=404)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait()


def wait_for(url: str, *, status: int = 200) -> None:
    """Wait until an address answers with a status.

    Raises:
        TimeoutError: it does not within five minutes.
    """
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                found = answer.status
        except urllib.error.HTTPError as exc:
            found = exc.code
        except OSError:
            found = 0
        if found == status:
            return
        time.sleep(0.05)
    raise TimeoutError(f"{url} did not answer with {status}")


def _post(url: str, body: bytes) -> bytes:
    with urllib.request.urlopen(url, body, timeout=60) as response:
        content: bytes = response.read()
    return content


def _no_models(folder: Path) -> Path:
    config = folder / "models.config"
    config.write_text("model_config_list {\n}\n")
    return config


if __name__ == "__main__":
    main()
