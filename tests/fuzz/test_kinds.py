"""Metadata, tensors and binary answers of model servers, however odd: findings within the frame, or one error."""

import json
from contextlib import suppress
from random import Random
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from consumer.kinds import make_kind
from consumer.model_spec import ModelEntry, named
from consumer.pictures.picture import Picture
from consumer.servers.http import Answer
from consumer.servers.inference_tensors import HEADER_LENGTH, read_outputs
from consumer.servers.kserve import _tensors
from consumer.servers.tf_metadata import read_signature
from consumer.tensors import Signature, TensorSpec
from shared.errors import ServingError
from tests.consumer.frames import jpeg
from tests.consumer.servers.test_kserve import ANSWERED, BINARY, DESCRIBED
from tests.consumer.servers.test_tfserving import metadata
from tests.fuzz import odd
from tests.fuzz.runner import any_of, fuzz

pytestmark = pytest.mark.fuzz

FRAME = (320, 192)
NUMBERS = (0.0, -1.0, 0.5, 1.0, 2.0, 1e-300, 1e30, 1e308, -1e308, float("nan"), float("inf"), float("-inf"))
SHAPES: dict[str, dict[str, tuple[int, ...]]] = {
    "classification": {"scores": (1, 10)},
    "emotion": {"emotions": (1, 7)},
    "detection": {
        "detection_boxes": (1, 5, 4),
        "detection_scores": (1, 5),
        "detection_classes": (1, 5),
        "num_detections": (1,),
    },
    "yolo": {"output0": (1, 7, 20)},
}


def array(random: Random, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return numbers between 0 and 1 with a few odd ones, at times of another shape or type."""
    if random.random() < 0.1:
        shape = tuple(random.choice((0, 1, 2, size)) for size in shape[: random.randrange(4)])
    values = np.random.default_rng(random.randrange(2**32)).random(shape)
    for index in random.sample(range(values.size), min(values.size, random.randrange(4))):
        values.reshape(-1)[index] = random.choice(NUMBERS)
    if random.random() < 0.1:
        return values.astype(random.choice((str, object, bool, np.float16, complex)))
    return values


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::numpy.exceptions.ComplexWarning")
def test_any_tensors_are_findings_within_the_frame_or_an_error_of_the_model(name: str) -> None:
    kind_name = "detection" if name == "yolo" else name
    outputs = {of: TensorSpec(of, "float32", (-1, *shape[1:])) for of, shape in SHAPES[name].items()}
    spec = named("m", ModelEntry(kind=kind_name, url="http://h/v1/models/m:predict", threshold=0.1))
    kind = make_kind(spec, Signature({}, outputs), {0: "cat"})
    request = kind.request([Picture(jpeg(*FRAME))], [((10, 10, 100, 100),)])

    def check(random: Random) -> None:
        answer = {of: array(random, shape) for of, shape in SHAPES[name].items() if random.random() < 0.98}
        with suppress(ServingError):
            (findings,) = kind.findings(answer, request)
            assert len(findings) <= 100
            for finding in findings:
                assert 0 <= (finding.probability or 0) <= 1
                x, y, width, height = finding.box or (0, 0, 1, 1)
                assert 0 <= x < x + width <= FRAME[0]
                assert 0 <= y < y + height <= FRAME[1]
            json.dumps([finding.as_json() for finding in findings], allow_nan=False)

    fuzz(check, rounds=1000)


def test_any_metadata_make_a_request_or_one_line() -> None:
    of_tensorflow = metadata({"images": ("DT_UINT8", [-1, 30, 30, 3])}, {"scores": ("DT_FLOAT", [-1, 10])})
    picture = Picture(jpeg(*FRAME))

    def check(random: Random) -> None:
        if random.random() < 0.5:
            signature = read_signature(odd.altered(random, of_tensorflow) or {})
        else:
            inputs, outputs = (odd.altered(random, DESCRIBED[key]) for key in ("inputs", "outputs"))
            try:
                signature = Signature(_tensors(inputs), _tensors(outputs))
            except (KeyError, TypeError, ValueError, AttributeError):
                return
        spec = named("m", ModelEntry(kind="classification", url="http://h/v1/models/m:predict"))
        with suppress(ServingError):
            request = make_kind(spec, signature, {}).request([picture], [None])
            assert request.rows == (1,)

    fuzz(check, rounds=1000)


def test_any_answer_of_the_inference_protocol_is_outputs_or_an_error_of_the_model() -> None:
    body, headers = BINARY
    length = int(next(iter(headers.values())))

    def check(random: Random) -> None:
        if random.random() < 0.5:
            answer = Answer(odd.text(odd.altered(random, ANSWERED)), {})
        else:
            said = random.choice((length, length, 0, 10**9, -1, "x"))
            answer = Answer(any_of(random, [body]), {HEADER_LENGTH.lower(): str(said)})
        with suppress(ServingError):
            for values in read_outputs(answer).values():
                assert values.nbytes < 10_000_000

    fuzz(check, rounds=1000)
