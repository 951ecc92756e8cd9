"""The REST API over HTTP, with models that TensorFlow wrote."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import Recovery
from tests.tfserving import bombs
from tests.tfserving.serving import Client, b64, picture
from tfserving.standin.config import ModelConfig
from tfserving.standin.rest import RestApi
from tfserving.standin.signatures import Signature, TensorInfo, Tensors
from tfserving.standin.versions import Models

HALF = "/v1/models/half_plus_two"
SEVERAL = "/v1/models/several"
CLASSIFIER = "/v1/models/tfModel"
CONVOLUTION = "/v1/models/convolution"


@pytest.mark.parametrize("path", [HALF, HALF + "/versions/1", HALF + "/labels/stable", "/V1/Models/half_plus_two"])
def test_a_models_status_is_as_in_the_documentation(client: Client, path: str) -> None:
    """It has the state, a code and a message; 64-bit numbers are strings."""
    reply = client.get(path)

    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.body == (
        b'{\n "model_version_status": [\n  {\n   "version": "1",\n   "state": "AVAILABLE",\n   "status": {\n'
        b'    "error_code": "OK",\n    "error_message": ""\n   }\n  }\n ]\n}\n'
    )


def test_the_metadata_show_the_signature(client: Client) -> None:
    """They name type, shape and name of each tensor, in the real server's form."""
    document = client.get(HALF + "/metadata").json

    assert document["model_spec"] == {"name": "half_plus_two", "signature_name": "", "version": "1"}
    signature = document["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["method_name"] == "tensorflow/serving/predict"
    assert signature["inputs"] == {
        "x": {
            "dtype": "DT_FLOAT",
            "tensor_shape": {
                "dim": [{"size": "-1", "name": ""}, {"size": "1", "name": ""}],
                "unknown_rank": False,
            },
            "name": "serving_default_x:0",
        }
    }
    assert set(signature["outputs"]) == {"y"}


def test_the_classifier_has_the_originals_signature(client: Client) -> None:
    """`image_bytes` string [-1] → `classes` int64 [-1], `probabilities` float [-1, 1001]."""
    document = client.get(CLASSIFIER + "/metadata").json
    signature = document["metadata"]["signature_def"]["signature_def"]["serving_default"]

    def seen(tensors: dict[str, Any]) -> dict[str, Any]:
        return {
            name: (tensor["dtype"], [dim["size"] for dim in tensor["tensor_shape"]["dim"]])
            for name, tensor in tensors.items()
        }

    assert seen(signature["inputs"]) == {"image_bytes": ("DT_STRING", ["-1"])}
    assert seen(signature["outputs"]) == {
        "classes": ("DT_INT64", ["-1"]),
        "probabilities": ("DT_FLOAT", ["-1", "1001"]),
    }


@pytest.mark.parametrize(
    ("path", "document", "expected"),
    [
        # Declared is (-1, 1). TensorFlow Serving leaves shapes to the kernels, and its documentation shows this one.
        (HALF, {"instances": [1.0, 2.0, 5.0]}, {"predictions": [2.5, 3.0, 4.5]}),
        (HALF, {"instances": [[1.0], [2.0]]}, {"predictions": [[2.5], [3.0]]}),
        (HALF, {"instances": [[1, 2]]}, {"predictions": [[2.5, 3.0]]}),
        (HALF, {"inputs": 1.0}, {"outputs": 2.5}),
        (HALF, {"instances": [{"x": 1.0}]}, {"predictions": [2.5]}),
        (HALF, {"inputs": [1.0, 2]}, {"outputs": [2.5, 3.0]}),
        (HALF, {"inputs": {"x": [1.0]}}, {"outputs": [2.5]}),
        (HALF + "/versions/1", {"instances": [1.0]}, {"predictions": [2.5]}),
        (HALF + "/labels/stable", {"instances": [1.0]}, {"predictions": [2.5]}),
        (HALF, {"signature_name": "serving_default", "instances": [1.0]}, {"predictions": [2.5]}),
        (SEVERAL, {"signature_name": "upper", "instances": ["a", "ü"]}, {"predictions": ["A", "ü"]}),
        (SEVERAL, {"signature_name": "upper", "inputs": [b64(b"xy")]}, {"outputs": ["XY"]}),
        (
            SEVERAL,
            {"instances": [{"a": [1.5, 2], "b": 3}, {"a": [0, 0], "b": -4}]},
            {
                "predictions": [
                    {"count": 3, "even": False, "raw_bytes": b64(b"3"), "text": "3", "total": 6.5},
                    {"count": -4, "even": True, "raw_bytes": b64(b"-4"), "text": "-4", "total": -4.0},
                ]
            },
        ),
        (
            SEVERAL,
            {"inputs": {"a": [[1.5, 2]], "b": [3], "ignored": 1}},
            {
                "outputs": {
                    "count": [3],
                    "even": [False],
                    "raw_bytes": [b64(b"3")],
                    "text": ["3"],
                    "total": [6.5],
                }
            },
        ),
        ("/v1/models/scalar", {"inputs": [[1, 2, 3.5]]}, {"outputs": 6.5}),
    ],
)
def test_predictions_in_both_formats(client: Client, path: str, document: Any, expected: Any) -> None:
    """Rows and columns, named and plain, one output and several, strings, bytes, a named signature."""
    reply = client.post(path + ":predict", document)

    assert reply.json == expected
    assert reply.status == 200


def test_one_output_is_laid_out_as_there(client: Client) -> None:
    """Byte for byte, including the odd line break."""
    assert client.post(HALF + ":predict", {"instances": [1.0, 2.0]}).body == (
        b'{\n    "predictions": [2.5, 3.0\n    ]\n}'
    )


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("POST", "/v1/models/other:predict", '{"instances": [1]}', 404,
         "Servable not found for request: Latest(other)"),
        ("POST", HALF + "/versions/9:predict", '{"instances": [1]}', 404,
         "Servable not found for request: Specific(half_plus_two, 9)"),
        ("POST", HALF + "/labels/gone:predict", '{"instances": [1]}', 404,
         "Servable not found for request: Specific(half_plus_two, 9)"),
        ("POST", HALF + "/labels/none:predict", '{"instances": [1]}', 400, "Unrecognized servable version label: none"),
        ("GET", "/v1/models/other", "", 404, "Could not find any versions of model other"),
        ("GET", HALF + "/versions/9", "", 404, "Could not find version 9 of model half_plus_two"),
        ("GET", HALF + "/versions/9/metadata", "", 404, "Servable not found for request: Specific(half_plus_two, 9)"),
        ("GET", "/v1/models/other/metadata", "", 404, "Servable not found for request: Latest(other)"),
        ("GET", "/v1/models", "", 400, "Missing model name in request."),
        ("GET", "/v1/models/", "", 400, "Malformed request: GET /v1/models/"),
        ("GET", HALF + ":predict", "", 400, "Malformed request: GET /v1/models/half_plus_two:predict"),
        ("POST", HALF, "{}", 400, "Malformed request: POST /v1/models/half_plus_two"),
        ("POST", HALF + ":frobnicate", "{}", 400, "Malformed request: POST /v1/models/half_plus_two:frobnicate"),
        ("POST", HALF + ":Predict", "{}", 400, "Malformed request: POST /v1/models/half_plus_two:Predict"),
        ("POST", HALF + ":predict?a=b", "{}", 400, "Malformed request: POST /v1/models/half_plus_two:predict?a=b"),
        ("PUT", HALF + ":predict", "{}", 400, "Malformed request: PUT /v1/models/half_plus_two:predict"),
        ("DELETE", HALF, "", 400, "Malformed request: DELETE /v1/models/half_plus_two"),
        ("PATCH", HALF, "", 400, "Malformed request: PATCH /v1/models/half_plus_two"),
        ("GET", "/v1/other", "", 400, "Malformed request: GET /v1/other"),
        ("GET", HALF + "/versions/99999999999999999999", "", 400,
         "Failed to convert version: 99999999999999999999 to numeric."),
        ("POST", HALF + ":predict", "", 400, "JSON Parse error: The document is empty"),
        ("POST", HALF + ":predict", '{"instances": [1}', 400,
         "JSON Parse error: Missing a comma or ] after an array element. at offset: 16"),
        ("POST", "/v1/models/other:predict", "{", 400,
         "JSON Parse error: Missing a name for object member. at offset: 1"),
        ("POST", HALF + ":predict", '{"a": 1}', 400, "Missing 'inputs' or 'instances' key"),
        ("POST", HALF + ":predict", '{"instances": ["a"]}', 400,
         ("Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT: "
         'JSON Value: "a" Type: String is not of expected type: float')),
        ("POST", HALF + ":predict", '{"signature_name": "no", "instances": [1]}', 400,
         'Serving signature name: "no" not found in signature def'),
        ("POST", HALF + ":predict", '{"signature_name": "__saved_model_init_op", "instances": [1]}', 400,
         "Failed to get input map for signature: __saved_model_init_op"),
        ("POST", HALF + ":predict", '{"instances": [[1, 2], [3]]}', 400,
         ("Failed to process element: 1 of 'instances' list. Error: INVALID_ARGUMENT: "
         "Expecting tensor size: 2 but got: 1")),
        ("POST", CONVOLUTION + ":predict", '{"instances": [[1, 2]]}', 400,
         "Cannot feed value of shape (1, 2) for Tensor serving_default_pictures:0, which has shape (None, 4, 4, 3)"),
        ("POST", "/v1/models/scalar:predict", '{"instances": [[1, 2, 3]]}', 400,
         "Tensor name: sum has no shape information "),
        ("POST", CLASSIFIER + ":predict", '{"instances": [{"b64": "A!"}]}', 400,
         "Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT: Unable to base64 decode"),
        ("POST", CLASSIFIER + ":predict", '{"instances": [{"image": {"b64": "AA=="}}]}', 400,
         ("Failed to process element: 0 key: image of 'instances' list. Error: INVALID_ARGUMENT: "
         "JSON object: does not have named input: image")),
        ("POST", HALF + ":classify", '{"examples": [{"x": 1.0}]}', 400,
         ("Expected classification signature method_name to be tensorflow/serving/classify. "
         "Was: tensorflow/serving/predict")),
        ("POST", HALF + ":regress", '{"examples": [{"x": 1.0}]}', 400,
         ("Expected regression signature method_name to be tensorflow/serving/regress. "
         "Was: tensorflow/serving/predict")),
        ("POST", HALF + ":classify", '{"examples": []}', 400,
         "JSON Value: {\n    \"examples\": []\n} 'examples' value is an empty array"),
        ("POST", HALF + ":classify", "{}", 400,
         "JSON Value: {} When method is classify, key 'examples' is expected and was not found"),
        ("POST", HALF + ":regress", '{"signature_name": "no", "examples": [1]}', 400,
         "No signature was found with the name: no"),
    ],
)  # fmt: skip
def test_a_mistake_gets_the_status_and_the_message_of_the_real_server(
    client: Client, method: str, path: str, body: str, status: int, message: str
) -> None:
    """The body is {"error": …}; people search for these messages."""
    reply = client.request(method, path, body)

    assert (reply.status, reply.error) == (status, message)
    assert reply.headers["content-type"] == "application/json"
    assert set(reply.json) == {"error"}


def test_a_request_with_both_keys_is_quoted(client: Client) -> None:
    """The document is in the message, as in the real server's."""
    reply = client.post(HALF + ":predict", {"instances": [1], "inputs": [1]})

    assert reply.status == 400
    assert reply.error.startswith('JSON Value: {\n    "instances": [\n        1\n    ],')
    assert reply.error.endswith("Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ")


def test_deeply_nested_lists_get_an_answer(client: Client) -> None:
    """Up to the depth of the parser and beyond: 400, not a dropped connection."""
    for depth in (100, 900, 10_000):
        assert client.post(HALF + ":predict", '{"instances": [' + "[" * depth + "]" * depth + "]}").status == 400


def test_an_undecodable_picture_is_the_callers_mistake(client: Client) -> None:
    """400 with TensorFlow's own message, node included; the next picture is classified as usual."""
    reply = client.post(CLASSIFIER + ":predict", {"instances": [{"image_bytes": b64(b"not a picture")}]})

    assert reply.status == 400
    assert reply.error.startswith("Unknown image file format. One of JPEG, ")
    assert "[[{{" in reply.error
    good = client.post(CLASSIFIER + ":predict", {"instances": [{"image_bytes": b64(picture("coffee"))}]})
    assert good.status == 200


@pytest.mark.parametrize("path", ["/", "/favicon.ico", "/v2/models/x", "/monitoring/prometheus/metrics", "/v1"])
def test_a_path_outside_of_the_api_is_not_found(client: Client, path: str) -> None:
    """libevent's page, as from the real server, and the connection ends."""
    reply = client.get(path)

    assert reply.status == 404
    assert reply.headers["content-type"] == "text/html"
    assert reply.headers["connection"] == "close"
    assert b"<H1>Not Found</H1>" in reply.body


@pytest.mark.parametrize("shape", [(), (3,), (2, 5), (4, 4, 3), (1, 4, 4), (1, 4, 4, 1), (1, 0, 0, 3), (1, 1, 4, 4, 3)])
def test_no_shape_ends_the_process(client: Client, shape: tuple[int, ...]) -> None:
    """A convolution's kernel aborts on an input of lower rank; the next request is answered as before."""
    inputs = np.ones(shape).tolist()

    assert client.post(CONVOLUTION + ":predict", {"inputs": inputs}).status == 400
    assert client.post(CONVOLUTION + ":predict", {"inputs": np.ones((1, 4, 4, 3)).tolist()}).json == {
        "outputs": [[[[27.0], [27.0]], [[27.0], [27.0]]]]
    }


@pytest.mark.fault(
    "a picture of a hundred kilobytes that is too expensive to decode",
    expects="400 before anything is decoded",
)
@pytest.mark.parametrize(
    "bomb", [bombs.baseline(8192, 8192), bombs.progressive(4096, 4096, 150), bombs.png(13000, 13000), bombs.gif(65535)]
)
def test_a_picture_that_is_too_expensive_is_refused_before_it_is_decoded(
    client: Client, bomb: bytes, recovery: Recovery
) -> None:
    """A hundred kilobytes would otherwise ask for gigabytes of pixels, or for half a minute of work."""
    reply = client.post(CLASSIFIER + ":predict", {"instances": [{"image_bytes": b64(bomb)}]})

    assert reply.status == 400
    assert "too expensive to decode" in reply.error
    recovery.seen("400: too expensive to decode", seconds=None)


@pytest.mark.fault("a request that takes the model server seconds", expects="others are answered before it is done")
@pytest.mark.parametrize("path", [HALF, CLASSIFIER])
def test_an_expensive_request_does_not_hold_up_the_others(client: Client, path: str, recovery: Recovery) -> None:
    """Other requests, to the same model too, are answered before it is done."""
    large = [{"image_bytes": b64(bombs.baseline(6000, 5900))}] * 7
    small = [{"image_bytes": b64(picture("coffee"))}] if path == CLASSIFIER else [1.0]
    replies: list[int] = []
    thread = threading.Thread(
        target=lambda: replies.append(client.post(CLASSIFIER + ":predict", {"instances": large}).status)
    )
    thread.start()

    answered_before = 0
    while not replies:
        assert client.post(path + ":predict", {"instances": small}).status == 200
        answered_before += not replies
    thread.join(60)

    assert replies == [200]
    assert answered_before
    recovery.seen(f"{answered_before} other requests answered meanwhile", seconds=None)


def test_many_expensive_pictures_in_a_request_are_refused(client: Client) -> None:
    """Each is allowed; together they would take seconds, and the others would wait."""
    large = {"image_bytes": b64(bombs.baseline(6000, 5900))}

    assert client.post(CLASSIFIER + ":predict", {"instances": [large]}).status == 200
    reply = client.post(CLASSIFIER + ":predict", {"instances": [large] * 8})
    assert reply.status == 400
    assert "too expensive to decode" in reply.error


def test_numbers_lose_nothing_on_the_way(client: Client) -> None:
    """A float32 is read back with the very bits that the model returned."""
    reply = client.post(HALF + ":predict", {"instances": [1 / 3, 3e30]})

    expected = np.array([1 / 3, 3e30], np.float32) / np.float32(2) + np.float32(2)
    assert np.array_equal(np.array(reply.json["predictions"], np.float32), expected)
    assert b"[2.16666675, 1.5e+30" in reply.body


class Stuck:
    """A loaded model that does not answer until it is released."""

    free = TensorInfo("x:0", "float", (-1,))
    signatures = {"serving_default": Signature({"x": free}, {"y": free}, "tensorflow/serving/predict")}  # noqa: RUF012

    def __init__(self) -> None:
        self.release = threading.Event()

    def metadata(self) -> dict[str, Any]:
        return {}

    def run(self, _signature: str, inputs: Tensors) -> Tensors:
        assert self.release.wait(60)
        return {"y": inputs["x"]}

    def warm_up(self) -> None:
        """Nothing to prepare."""

    def close(self) -> None:
        """Nothing to free."""


def test_a_call_that_takes_too_long_is_abandoned(tmp_path: Path) -> None:
    """--rest_api_timeout_in_ms: 504, and the model still answers others."""
    stuck = Stuck()
    (tmp_path / "1").mkdir()
    models = Models([ModelConfig("m", tmp_path)], lambda _path: stuck)
    models.poll()

    late = RestApi(models, timeout_s=0.05).answer("POST", "/v1/models/m:predict", b'{"instances": [1]}')
    stuck.release.set()
    in_time = RestApi(models).answer("POST", "/v1/models/m:predict", b'{"instances": [1]}')

    assert late.status == 504
    assert b'"error"' in late.body
    assert in_time.status == 200
    assert models.close(timeout_s=60)
