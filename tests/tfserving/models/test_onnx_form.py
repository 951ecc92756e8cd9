"""The two engines of the stand-in answer alike: the exported models in TensorFlow and in ONNX Runtime."""

import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models import exported
from tests.tfserving.models.pictures import jpegs
from tests.tfserving.serving import Client, b64, running, wait_until_served
from tests.waiting import wait_until
from tfserving.layout import Engine, version_folders
from tfserving.standin.onnx_servable import OnnxServable
from tfserving.standin.servable import Servable
from tfserving.standin.signatures import Tensors

pytestmark = pytest.mark.timeout(600)  # the first run fetches weights and the converter

WITH_PICTURES = ("efficientnet-lite0", "detector")


def newest(model: str) -> Path:
    """Return the newest version of a model, with its ONNX form."""
    return list(version_folders(exported(model, f"--engine={Engine.ONNXRUNTIME}")).values())[-1]


@pytest.mark.parametrize("model", [*WITH_PICTURES, "emotion"])
def test_the_answers_are_the_same_within_a_hundredth(model: str) -> None:
    """To eleven real pictures in one request; names, types and shapes too, and the metadata."""
    version = newest(model)
    tensorflow, onnx = Servable(version), OnnxServable(version)
    pictures = np.array(list(jpegs().values()), object)
    faces = np.random.default_rng(0).uniform(0, 1, (5, 64, 64, 1)).astype(np.float32)
    inputs: Tensors = {"faces": faces} if model == "emotion" else {"image_bytes": pictures}

    expected, found = tensorflow.run("serving_default", inputs), onnx.run("serving_default", inputs)

    assert onnx.metadata() == tensorflow.metadata()
    assert onnx.signatures == tensorflow.signatures
    assert largest_difference(expected, found) < 0.01


def test_pixels_are_answered_alike() -> None:
    """The second signature, of servers that decode no pictures."""
    version = newest("detector")
    tensorflow, onnx = Servable(version), OnnxServable(version)
    size = tensorflow.signatures["tensor"].inputs["images"].shape
    assert size is not None
    images = np.random.default_rng(0).integers(0, 255, (2, *size[1:]), dtype=np.uint8)

    expected, found = (one.run("tensor", {"images": images}) for one in (tensorflow, onnx))

    assert largest_difference(expected, found) < 0.01


def largest_difference(expected: Tensors, found: Tensors) -> float:
    assert {key: (value.dtype, value.shape) for key, value in found.items()} == {
        key: (value.dtype, value.shape) for key, value in expected.items()
    }
    return max(float(np.abs(found[key].astype(float) - expected[key]).max()) for key in expected)


@pytest.fixture(scope="module")
def ask() -> Iterator[Callable[..., list[Any]]]:
    """Return what both engines answer to the same request: status and JSON."""
    flags = [f"--model_base_path={newest('efficientnet-lite0').parent}", "--model_name=m"]
    with ExitStack() as stack:
        clients = [stack.enter_context(running([*flags, f"--engine={engine}"])) for engine in Engine]
        for client in clients:
            wait_until_served(client, "m")
        yield lambda *request: [
            (reply.status, reply.json) for reply in (client.request(*request) for client in clients)
        ]


@pytest.mark.parametrize(
    "request_line",
    [
        ("GET", "/v1/models/m"),
        ("GET", "/v1/models/m/metadata"),
        ("GET", "/v1/models/m/versions/99"),
        ("POST", "/v1/models/m:predict", '{"instances": []}'),
        ("POST", "/v1/models/m:predict", '{"signature_name": "none", "instances": [1]}'),
        ("POST", "/v1/models/m:predict", '{"instances": [1]}'),
    ],
)
def test_the_rest_api_is_the_same(ask: Callable[..., list[Any]], request_line: tuple[str, ...]) -> None:
    """Status, metadata and errors, to the letter."""
    tensorflow, onnx = ask(*request_line)

    assert onnx == tensorflow


@pytest.mark.parametrize("body", ['{"instances": [{"b64": "AAAA"}]}', '{"inputs": {"b64": "/9j/4AAQ"}}'])
def test_a_picture_that_cannot_be_decoded_is_the_request_s_fault(ask: Callable[..., list[Any]], body: str) -> None:
    """TensorFlow's message names a node of the graph besides."""
    tensorflow, onnx = ask("POST", "/v1/models/m:predict", body)

    assert onnx[0] == tensorflow[0] == 400
    assert onnx[1]["error"].partition(".")[0].partition(",")[0] in tensorflow[1]["error"]


def test_a_new_version_replaces_the_old_one(tmp_path: Path) -> None:
    """Without a request that fails."""
    shutil.copytree(newest("efficientnet-lite0"), tmp_path / "1")
    body = {"instances": [b64(next(iter(jpegs().values())))]}
    with running(
        [f"--model_base_path={tmp_path}", "--model_name=m", "--engine=onnxruntime", "--file_system_poll_wait_seconds=1"]
    ) as client:
        before = client.post("/v1/models/m:predict", body)
        shutil.copytree(tmp_path / "1", tmp_path / ".2")
        (tmp_path / ".2").rename(tmp_path / "2")
        wait_until(lambda: _answered(client, body) and _served(client) == ["2"], "version 2 alone is served")
        after = client.post("/v1/models/m:predict", body)

    assert (after.status, after.json) == (before.status, before.json) == (200, before.json)


def _answered(client: Client, body: Any) -> bool:
    assert client.post("/v1/models/m:predict", body).status == 200
    return True


def _served(client: Client) -> list[str]:
    versions = client.get("/v1/models/m").json["model_version_status"]
    return [one["version"] for one in versions if one["state"] == "AVAILABLE"]


def test_a_damaged_network_is_left_to_tensorflow(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One line says why."""
    shutil.copytree(newest("emotion"), tmp_path / "1")
    (tmp_path / "1" / "assets.extra" / "onnx" / "network.onnx").write_bytes(b"nothing")
    with (
        caplog.at_level(logging.WARNING),
        running([f"--model_base_path={tmp_path}", "--model_name=m", "--engine=onnxruntime"]) as client,
    ):
        assert client.get("/v1/models/m/metadata").status == 200

    (line,) = [record.getMessage() for record in caplog.records if "TensorFlow runs" in record.getMessage()]
    assert "ONNX Runtime cannot load it" in line
