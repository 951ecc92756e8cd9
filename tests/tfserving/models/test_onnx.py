"""A model as ONNX: for servers that do not run TensorFlow."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.models import exported
from tests.tfserving.saved_models import half_plus
from tfserving.errors import ExportError
from tfserving.models.onnx import write_onnx

pytestmark = pytest.mark.timeout(600)  # the first run fetches the converter

# The converter's packages are not those of this environment; run with the reference implementation that comes with it.
_RUN = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy
from onnx.reference import ReferenceEvaluator
model = ReferenceEvaluator(sys.argv[2])
print(model.input_names, model.output_names, model.run(None, {"x": numpy.array([[4.0]], "float32")})[0].tolist())
"""


@pytest.fixture(scope="module")
def converter() -> Path:
    """Have the converter in the cache, or skip where it cannot be fetched."""
    from tests.requirements import need
    from tfserving.models import onnx

    try:
        return onnx.converter()
    except ExportError as exc:
        need("the converter to ONNX", present=False, install=str(exc))
        raise


def test_a_signature_becomes_a_graph_with_its_names(tf: Any, converter: Path, tmp_path: Path) -> None:
    """y = x / 2 + 2, run by ONNX's own implementation."""
    half_plus(tmp_path / "model" / "1")

    target = write_onnx(tmp_path / "model", tmp_path / "model.onnx", signature="serving_default")
    command = [sys.executable, "-c", _RUN, str(converter), str(target)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)

    assert done.stdout.strip() == "['x'] ['y'] [[4.0]]"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "model.onnx"]


def test_a_model_without_pixels_cannot_be_converted(converter: Path, tmp_path: Path) -> None:
    """The classifiers take encoded pictures only, which ONNX cannot decode; nothing is written."""
    with pytest.raises(ExportError, match="emotion has no signature 'tensor'; allowed: serving_default"):
        write_onnx(exported("emotion"), tmp_path / "model.onnx")

    assert list(tmp_path.iterdir()) == []
