"""A detector as ONNX, and the two servers that run it."""

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.ports import free_port
from tests.models import exported
from tests.servers.environments import environment
from tests.suite import LOOPBACK, ROOT, get
from tests.waiting import wait_until

EXAMPLES = ROOT / "docs" / "examples"
MODEL = "detector"
START_S = 180  # of a server on a busy machine


@dataclass(frozen=True)
class RealServer:
    """A server that runs; `url` is that of its model."""

    url: str
    log: Path
    process: subprocess.Popen[bytes]


@pytest.fixture(scope="session")
def mlserver_programs() -> Path:
    """The programs of MLServer's environment; a machine that cannot install them needs no model either."""
    return environment("mlserver")


@pytest.fixture(scope="session")
def kserve_programs() -> Path:
    """The programs of KServe's environment."""
    return environment("kserve")


@pytest.fixture(scope="session")
def onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The detector as an ONNX file."""
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    return exported(MODEL, "--onnx", str(path))


@pytest.fixture(scope="session")
def mlserver(mlserver_programs: Path, onnx: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    """MLServer with the runtime of docs/own-model.md: it takes pixels."""
    with _mlserver(mlserver_programs, onnx, tmp_path_factory.mktemp("mlserver"), encoded=False) as server:
        yield server


@pytest.fixture(scope="session")
def mlserver_encoded(
    mlserver_programs: Path, onnx: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealServer]:
    """The same: it takes encoded pictures, as the document shows it."""
    with _mlserver(mlserver_programs, onnx, tmp_path_factory.mktemp("encoded"), encoded=True) as server:
        yield server


@pytest.fixture(scope="session")
def yolo(mlserver_programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    """MLServer with a small model in YOLO's form, which takes exactly one picture."""
    folder = tmp_path_factory.mktemp("yolo")
    onnx = folder / "yolo.onnx"
    program = Path(__file__).parent / "write_yolo.py"
    subprocess.run([mlserver_programs / "python", program, onnx], check=True, cwd=folder)
    with _mlserver(mlserver_programs, onnx, folder, encoded=False) as server:
        yield server


@pytest.fixture(scope="session")
def kserve(kserve_programs: Path, onnx: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    """KServe's Python server with the program of docs/own-model.md."""
    program, port = EXAMPLES / "kserve" / "server.py", free_port()
    command = [str(kserve_programs / "python"), str(program), f"--model_name={MODEL}", f"--onnx={onnx}"]
    command += [f"--http_port={port}", "--enable_grpc=false", "--workers=1"]
    with _running(command, tmp_path_factory.mktemp("kserve"), port) as server:
        yield server


@contextlib.contextmanager
def _mlserver(programs: Path, onnx: Path, folder: Path, *, encoded: bool) -> Iterator[RealServer]:
    """Run MLServer with a copy of the example's folder."""
    models = folder / "models"
    shutil.copytree(EXAMPLES / "mlserver", models)
    (models / MODEL / "model.onnx").symlink_to(onnx)
    ports = {name: free_port() for name in ("http_port", "grpc_port", "metrics_port")}
    settings = json.loads((models / "settings.json").read_text()) | ports
    (models / "settings.json").write_text(json.dumps(settings))
    of_model = json.loads((models / MODEL / "model-settings.json").read_text())
    of_model["parameters"]["extra"]["encoded"] = encoded
    (models / MODEL / "model-settings.json").write_text(json.dumps(of_model))
    with _running([str(programs / "mlserver"), "start", str(models)], folder, ports["http_port"]) as server:
        yield server


@contextlib.contextmanager
def _running(command: list[str], folder: Path, port: int) -> Iterator[RealServer]:
    """Run a server until the block ends; wait until its model is ready."""
    log = folder / "log.txt"
    url = f"http://{LOOPBACK}:{port}/v2/models/{MODEL}"
    variables = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=variables, cwd=folder)
    try:
        ready = lambda: process.poll() is not None or get(f"{url}/ready")[0] == 200  # noqa: E731
        wait_until(ready, f"the model is ready; {log.read_text()[-2000:]}", within_s=START_S, poll_s=0.2)
        assert process.poll() is None, log.read_text()[-2000:]
        yield RealServer(url, log, process)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(30)
