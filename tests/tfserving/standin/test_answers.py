"""Tensors → the JSON of an answer, byte for byte."""

import numpy as np
import pytest

from tfserving.errors import StatusError
from tfserving.standin.answers import predict_answer
from tfserving.standin.signatures import Tensors
from tfserving.standin.tensors import Format

FLOATS = np.array([[1.0, 0.25], [3.5, 4.0]], np.float32)


@pytest.mark.parametrize(
    ("outputs", "form", "text"),
    [
        (
            {"y": np.array([2.5, 3.0], np.float32)},
            Format.ROW,
            '{\n    "predictions": [2.5, 3.0\n    ]\n}',
        ),
        (
            {"y": FLOATS},
            Format.ROW,
            '{\n    "predictions": [[1.0, 0.25], [3.5, 4.0]\n    ]\n}',
        ),
        (
            {"probabilities": FLOATS, "classes": np.array([7, 8])},
            Format.ROW,
            (
                '{\n    "predictions": [\n        {\n            "classes": 7,\n'
                '            "probabilities": [1.0, 0.25]\n'
                '        },\n        {\n            "classes": 8,\n            "probabilities": [3.5, 4.0]\n'
                "        }\n    ]\n}"
            ),
        ),
        (
            {"y": np.array([2.5, 3.0], np.float32)},
            Format.COLUMN,
            '{\n    "outputs": [\n        2.5,\n        3.0\n    ]\n}',
        ),
        ({"y": np.array(2.5, np.float32)}, Format.COLUMN, '{\n    "outputs": 2.5\n}'),
        (
            {"b": np.array([True]), "a": np.array([[1]], np.int32)},
            Format.COLUMN,
            (
                '{\n    "outputs": {\n        "a": [\n            [\n                1\n            ]\n        ],\n'
                '        "b": [\n            true\n        ]\n    }\n}'
            ),
        ),
        (
            {"x_bytes": np.array([b"\0"], object)},
            Format.ROW,
            '{\n    "predictions": [{\n            "b64": "AA=="\n        }\n    ]\n}',
        ),
        ({"x": np.array([b"a\n"], object)}, Format.ROW, '{\n    "predictions": ["a\\n"\n    ]\n}'),
        ({"x": np.empty((0,), np.float32)}, Format.ROW, '{\n    "predictions": []\n}'),
    ],
)
def test_an_answer_is_laid_out_as_by_the_real_server(outputs: Tensors, form: Format, text: str) -> None:
    """RapidJSON's pretty writer with arrays of a row on one line."""
    assert predict_answer(outputs, form).decode() == text


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({}, "Cannot convert empty tensor map to JSON"),
        ({"y": np.array(1.0)}, "Tensor name: y has no shape information "),
        (
            {"y": np.zeros(2), "z": np.zeros(3)},
            "Tensor name: z has inconsistent batch size: 3 expecting: 2",
        ),
        ({"y": np.zeros(2, np.complex64)}, "Failed to write JSON value for tensor type: complex64"),
    ],
)
def test_outputs_that_make_no_rows_are_an_error(outputs: Tensors, message: str) -> None:
    """Rows need one size for all outputs, and a type that exists in JSON."""
    with pytest.raises(StatusError) as caught:
        predict_answer(outputs, Format.ROW)

    assert caught.value.message == message
