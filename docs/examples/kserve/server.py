"""An ONNX model on KServe's Python server, run by ONNX Runtime.

    python server.py --model_name detector --onnx model.onnx --http_port 8080

Tensors may come as JSON, or as bytes by the protocol's binary extension, which KServe has and does not announce: set
`binary: true` in the models document.
"""

import argparse
from typing import Any

import onnxruntime
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer, model_server

DATATYPES = {"tensor(uint8)": "UINT8", "tensor(float)": "FP32", "tensor(float16)": "FP16", "tensor(int64)": "INT64"}


class Onnx(Model):
    """One model."""

    def __init__(self, name: str, path: str) -> None:
        super().__init__(name)
        self.path = path
        self.load()

    def load(self) -> bool:
        """Load the file."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(self.path, options, providers=["CPUExecutionProvider"])
        self.ready = True
        return True

    async def get_input_types(self) -> list[dict[str, Any]]:
        """Return what the model takes."""
        return _described(self.session.get_inputs())

    async def get_output_types(self) -> list[dict[str, Any]]:
        """Return what the model gives."""
        return _described(self.session.get_outputs())

    def predict(self, payload: InferRequest, headers: Any = None, response_headers: Any = None) -> InferResponse:  # noqa: ARG002
        """Answer a request, as bytes if it asks for them."""
        tensors = self.session.get_outputs()
        inputs = {tensor.name: tensor.as_numpy().reshape(tensor.shape) for tensor in payload.inputs}
        outputs = []
        for tensor, values in zip(tensors, self.session.run([one.name for one in tensors], inputs), strict=True):
            output = InferOutput(tensor.name, list(values.shape), DATATYPES[tensor.type])
            output.set_data_from_numpy(values, binary_data=bool(payload.from_grpc or payload.use_binary_outputs))
            outputs.append(output)
        return InferResponse(
            response_id=payload.id,
            model_name=self.name,
            infer_outputs=outputs,
            use_binary_outputs=payload.use_binary_outputs,
        )


def _described(tensors: list[Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": tensor.name,
            "datatype": DATATYPES[tensor.type],
            "shape": [size if isinstance(size, int) else -1 for size in tensor.shape],
        }
        for tensor in tensors
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(parents=[model_server.parser])
    parser.add_argument("--onnx", required=True)
    arguments = parser.parse_args()
    ModelServer().start([Onnx(arguments.model_name, arguments.onnx)])
