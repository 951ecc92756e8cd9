"""Parsed JSON → tensors: the rules of json_tensor.cc."""

from typing import Any

import numpy as np
import pytest

from tfserving.errors import Code, StatusError
from tfserving.standin.signatures import TensorInfo
from tfserving.standin.tensors import Format, predict_request

X = {"x": TensorInfo("x:0", "float", (-1,))}
IMAGE = {"image_bytes": TensorInfo("i:0", "string", (-1,))}
TWO = {"a": TensorInfo("a:0", "float", (-1, 2)), "b": TensorInfo("b:0", "int64", (-1,))}


def of(dtype: str) -> dict[str, TensorInfo]:
    return {"x": TensorInfo("x:0", dtype, (-1,))}


@pytest.mark.parametrize(
    ("document", "infos", "expected"),
    [
        ({"instances": [1.5, 2, -3]}, X, {"x": np.array([1.5, 2, -3], np.float32)}),
        ({"instances": [[1, 2], [3, 4]]}, of("int64"), {"x": np.array([[1, 2], [3, 4]], np.int64)}),
        ({"instances": [{"x": [1.0]}, {"x": [2.0]}]}, X, {"x": np.array([[1], [2]], np.float32)}),
        ({"instances": [True, False]}, of("bool"), {"x": np.array([True, False])}),
        ({"inputs": [1.5, 2]}, X, {"x": np.array([1.5, 2], np.float32)}),
        ({"inputs": {"x": [1.5]}}, X, {"x": np.array([1.5], np.float32)}),
        ({"inputs": 4.5}, X, {"x": np.array(4.5, np.float32)}),
        ({"inputs": {"a": [[1, 2]], "b": [3]}}, TWO, {"a": np.array([[1, 2]], np.float32), "b": np.array([3])}),
        ({"instances": [{"a": [1, 2], "b": 3}]}, TWO, {"a": np.array([[1, 2]], np.float32), "b": np.array([3])}),
        ({"instances": [{"b64": "AAEC"}]}, IMAGE, {"image_bytes": np.array([b"\0\1\2"], object)}),
        ({"instances": [{"image_bytes": {"b64": "AAE="}}]}, IMAGE, {"image_bytes": np.array([b"\0\1"], object)}),
        ({"inputs": {"b64": "AAEC"}}, IMAGE, {"image_bytes": np.array(b"\0\1\2", object)}),
        ({"inputs": ["ü"]}, IMAGE, {"image_bytes": np.array(["ü".encode()], object)}),
        ({"instances": [[], []]}, X, {"x": np.empty((2, 0), np.float32)}),
    ],
)
def test_every_form_of_a_request_gives_its_tensors(
    document: dict[str, Any], infos: dict[str, TensorInfo], expected: dict[str, Any]
) -> None:
    """Row and column format, plain and named, numbers, text and base64: values, shape and type."""
    request = predict_request(document, infos)

    assert request.format is (Format.ROW if "instances" in document else Format.COLUMN)
    assert set(request.inputs) == set(expected)
    for name, tensor in expected.items():
        assert request.inputs[name].dtype == tensor.dtype
        assert request.inputs[name].shape == tensor.shape
        assert np.array_equal(request.inputs[name], tensor)


def test_a_request_knows_its_format() -> None:
    """The answer uses the format of the request."""
    assert predict_request({"instances": [1]}, X).format is Format.ROW
    assert predict_request({"inputs": [1]}, X).format is Format.COLUMN


@pytest.mark.parametrize(("text", "data"), [("AAE", b"\0\1"), ("AA EC\n", b"\0\1\2"), ("AAE=", b"\0\1"), ("", b"")])
def test_base64_may_lack_its_padding_and_have_blanks(text: str, data: bytes) -> None:
    """As in absl::Base64Unescape."""
    assert predict_request({"inputs": [{"b64": text}]}, IMAGE).inputs["image_bytes"][0] == data


FAILED = "Failed to process element: {} of 'instances' list. Error: INVALID_ARGUMENT: {}"


@pytest.mark.parametrize(
    ("document", "infos", "message"),
    [
        ({}, X, "Missing 'inputs' or 'instances' key"),
        ({"instances": 1}, X, "JSON Value: {\n    \"instances\": 1\n} Excepting 'instances' to be an list/array"),
        ({"instances": []}, X, "JSON Value: {\n    \"instances\": []\n} No values in 'instances' array"),
        (
            {"instances": [1], "inputs": 1},
            X,
            (
                'JSON Value: {\n    "instances": [\n        1\n    ],\n    "inputs": 1\n} Not formatted correctly '
                "expecting only one of 'inputs' or 'instances' keys to exist "
            ),
        ),
        ({"instances": ["a"]}, X, FAILED.format(0, 'JSON Value: "a" Type: String is not of expected type: float')),
        ({"instances": [1, None]}, X, FAILED.format(1, "JSON Value: null Type: Null is not of expected type: float")),
        ({"instances": [True]}, X, FAILED.format(0, "JSON Value: true Type: True is not of expected type: float")),
        (
            {"instances": [1.5]},
            of("int32"),
            FAILED.format(0, "JSON Value: 1.5 Type: Number is not of expected type: int32"),
        ),
        (
            {"instances": [3000000000]},
            of("int32"),
            FAILED.format(0, "JSON Value: 3000000000 Type: Number is not of expected type: int32"),
        ),
        ({"instances": [1]}, IMAGE, FAILED.format(0, "JSON Value: 1 Type: Number is not of expected type: string")),
        ({"instances": [1]}, of("bool"), FAILED.format(0, "JSON Value: 1 Type: Number is not of expected type: bool")),
        (
            {"instances": [16777216]},
            X,
            FAILED.format(0, "Cannot convert JSON value: 16777216 to float without loss of precision."),
        ),
        (
            {"instances": [1e39]},
            X,
            FAILED.format(0, "Cannot convert JSON value: 1e+39 to float without loss of precision."),
        ),
        ({"instances": [{"b64": "A!AA"}]}, IMAGE, FAILED.format(0, "Unable to base64 decode")),
        ({"instances": [{"b64": "A"}]}, IMAGE, FAILED.format(0, "Unable to base64 decode")),
        ({"instances": [{"b64": "AA=A"}]}, IMAGE, FAILED.format(0, "Unable to base64 decode")),
        (
            {"instances": [{"image_bytes": {"b64": 1}}]},
            IMAGE,
            FAILED.format(
                "0 key: image_bytes", 'JSON Value: {\n    "b64": 1\n} not formatted correctly for base64 data'
            ),
        ),
        ({"instances": [[1, 2], [3]]}, X, FAILED.format(1, "Expecting tensor size: 2 but got: 1")),
        ({"instances": [[1, 2], [[3], [4]]]}, X, FAILED.format(1, "Expecting shape [2] but got: [2,1]")),
        (
            {"instances": [[[1], [2, 3]]]},
            X,
            FAILED.format(0, "Encountered list at unexpected size: 2 at level: 1 expected size: 1"),
        ),
        (
            {"instances": [[[1], 2]]},
            X,
            FAILED.format(0, "JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2"),
        ),
        ({"instances": [[1, [2]]]}, X, FAILED.format(0, "Encountered list at unexpected level: 1 expected < 1")),
        ({"instances": [{"x": 1}, 2]}, X, "Expecting object but got list at item 1 of input list"),
        ({"instances": [1, {"x": 1}]}, X, "Expecting value/list but got object at item 1 of input list"),
        ({"instances": [{"y": 1}]}, X, FAILED.format("0 key: y", "JSON object: does not have named input: y")),
        (
            {"instances": [{"b": 3}]},
            TWO,
            (
                "Failed to process element: 0 of 'instances' list. "
                'JSON object: {\n    "b": 3\n} keys must be equal to: a,b'
            ),
        ),
        (
            {"instances": [[1, 2]]},
            TWO,
            (
                "instances is a plain list, but expecting list of objects as multiple input tensors required "
                "as per tensorinfo_map"
            ),
        ),
        (
            {"inputs": [[1, 2]]},
            TWO,
            (
                "inputs is a plain value/list, but expecting an object as multiple input tensors required "
                "as per tensorinfo_map"
            ),
        ),
        ({"inputs": {"a": [[1, 2]]}}, TWO, "Missing named input: b in 'inputs' object."),
        ({"inputs": ["a"]}, X, 'JSON Value: "a" Type: String is not of expected type: float'),
    ],
)
def test_what_does_not_fit_gets_the_message_of_the_real_server(
    document: dict[str, Any], infos: dict[str, TensorInfo], message: str
) -> None:
    """The messages are those of json_tensor.cc, so that what people find about them applies here too."""
    with pytest.raises(StatusError) as caught:
        predict_request(document, infos)

    assert caught.value.code is Code.INVALID_ARGUMENT
    assert caught.value.message == message


def test_a_type_without_json_is_not_implemented() -> None:
    """TensorFlow Serving cannot read half precision either: 501."""
    with pytest.raises(StatusError) as caught:
        predict_request({"inputs": [1.5]}, of("half"))

    assert caught.value.code is Code.UNIMPLEMENTED


def test_nan_and_infinity_are_taken_as_floats() -> None:
    """They lose no precision."""
    tensor = predict_request({"instances": [float("nan"), float("inf")]}, X).inputs["x"]

    assert np.isnan(tensor[0])
    assert tensor[1] == np.inf


def test_the_quick_way_gives_what_the_careful_way_gives() -> None:
    """Faces take the fast path; one odd value sends the whole request down the careful path, with equal results."""
    faces = np.random.default_rng(2).random((2, 4, 4, 1)).tolist()
    quick = predict_request({"instances": faces}, X).inputs["x"]
    faces[1][3][3][0] = float("inf")
    careful = predict_request({"instances": faces}, X).inputs["x"]

    assert quick.shape == careful.shape == (2, 4, 4, 1)
    assert np.array_equal(quick.reshape(-1)[:-1], careful.reshape(-1)[:-1])
