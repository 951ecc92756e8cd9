"""An ONNX model on MLServer, run by ONNX Runtime.

The model takes and gives its tensors as they are. With `"extra": {"encoded": true}` among the parameters of
model-settings.json, a model of pictures takes encoded ones (JPEG or PNG) instead: they are decoded here, stretched to
the model's size, in RGB, as integers 0 to 255 or floats 0 to 1. That is a tenth of the bytes that pixels take as JSON,
the only other form that MLServer reads over HTTP.
"""

from typing import Any

import cv2
import numpy as np
import onnxruntime
from mlserver import MLModel, types
from mlserver.codecs import Base64Codec, NumpyCodec
from mlserver.errors import InferenceError
from mlserver.utils import get_model_uri

DATATYPES = {"tensor(uint8)": "UINT8", "tensor(float)": "FP32", "tensor(float16)": "FP16", "tensor(int64)": "INT64"}
ENCODED = "image_bytes"


class Onnx(MLModel):
    """One model; `uri` of its settings is the ONNX file."""

    async def load(self) -> bool:
        """Load the file and say what the model takes and gives."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        path = await get_model_uri(self.settings)
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.pictures = (self.settings.parameters.extra or {}).get("encoded", False)
        self.inputs = _described(self.session.get_inputs())
        self.outputs = _described(self.session.get_outputs())
        if self.pictures:
            self.taken = self.inputs[0]
            self.inputs = [types.MetadataTensor(name=ENCODED, datatype="BYTES", shape=[-1])]
        return True

    async def predict(self, payload: types.InferenceRequest) -> types.InferenceResponse:
        """Answer a request; what is wrong with it is status 400 with a reason."""
        names = [output.name for output in self.outputs]
        try:
            inputs = dict(self._tensor(tensor) for tensor in payload.inputs)
            answers = self.session.run(names, inputs)
        except Exception as exc:
            raise InferenceError(str(exc)) from exc
        outputs = [NumpyCodec.encode_output(name, values) for name, values in zip(names, answers, strict=True)]
        return types.InferenceResponse(model_name=self.name, model_version=self.version, id=payload.id, outputs=outputs)

    def _tensor(self, tensor: types.RequestInput) -> tuple[str, Any]:
        if not self.pictures:
            return tensor.name, NumpyCodec.decode_input(tensor).reshape(tensor.shape)
        return self.taken.name, np.stack([self._pixels(encoded) for encoded in Base64Codec.decode_input(tensor)])

    def _pixels(self, encoded: bytes) -> Any:
        image = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            raise InferenceError("not a picture")
        colours_first = self.taken.shape[1] == 3
        height, width = self.taken.shape[2:] if colours_first else self.taken.shape[1:3]
        pixels = cv2.cvtColor(cv2.resize(image, (width, height)), cv2.COLOR_BGR2RGB)
        if self.taken.datatype != "UINT8":
            pixels = pixels.astype(np.float16 if self.taken.datatype == "FP16" else np.float32) / 255
        return pixels.transpose(2, 0, 1) if colours_first else pixels


def _described(tensors: list[Any]) -> list[types.MetadataTensor]:
    return [
        types.MetadataTensor(
            name=tensor.name,
            datatype=DATATYPES[tensor.type],
            shape=[size if isinstance(size, int) else -1 for size in tensor.shape],
        )
        for tensor in tensors
    ]
