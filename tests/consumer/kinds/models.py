"""Models, signatures and answers for tests of kinds."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from consumer.kinds import Kind, make_kind
from consumer.model_spec import ModelEntry, ModelSpec, named
from consumer.pictures.picture import Picture
from consumer.prediction import Box, Finding
from consumer.servers.errors import ServingNonsense
from consumer.tensors import Signature, TensorSpec
from shared.frames import pixels

LABELS = {index: f"label {index}" for index in range(999)}  # of ImageNet's thousand the last one is missing


def spec(kind: str = "classification", **values: Any) -> ModelSpec:
    """Return a model of a document."""
    return named("things", ModelEntry.model_validate({"kind": kind, "url": "http://h/v1/models/m:predict", **values}))


def signature(inputs: dict[str, tuple[str, tuple[int, ...]]], outputs: dict[str, tuple[int, ...]]) -> Signature:
    """Return a signature; inputs as (type, shape), outputs are float32."""
    return Signature(
        {name: TensorSpec(name, dtype, shape) for name, (dtype, shape) in inputs.items()},
        {name: TensorSpec(name, "float32", shape) for name, shape in outputs.items()},
    )


def picture(width: int = 640, height: int = 480, shade: int = 128) -> Picture:
    """Return a plain picture."""
    return Picture(pixels.encode(np.full((height, width, 3), shade, np.uint8), 80))


def ask(kind: Kind, outputs: Mapping[str, Any], pictures: int = 1, regions: tuple[Box, ...] | None = None) -> Any:
    """Return the findings in an answer about some pictures of 640×480."""
    request = kind.request([picture()] * pictures, [regions] * pictures)
    return kind.findings({name: np.asarray(values) for name, values in outputs.items()}, request)


def is_nonsense(kind: Kind, outputs: Any, pictures: int = 1) -> str:
    """Return the message about an answer that breaks the signature; it is short."""
    with pytest.raises(ServingNonsense) as caught:
        ask(kind, outputs, pictures)
    assert len(str(caught.value)) < 200
    return str(caught.value)


def boxes_of(findings: tuple[Finding, ...]) -> list[Box | None]:
    return [finding.box for finding in findings]


def made(kind: str, of: Signature, labels: Any = None, **values: Any) -> Kind:
    """Return a kind for a model."""
    return make_kind(spec(kind, **values), of, LABELS if labels is None else labels)
