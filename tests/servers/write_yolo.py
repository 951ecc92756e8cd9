"""Writes a small ONNX model in YOLO's form; runs in the servers' environment, which has the package `onnx`.

It takes float32 [1, 3, 64, 64], exactly one picture, and answers [1, 7, 3]: three boxes, whose classes' scores are the
means of red, green and blue. So what it finds tells which picture it saw, in which colours, and in which numbers.
"""

import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

SIDE = 64
BOXES = [[16, 32, 16, 8], [32, 32, 16, 8], [48, 32, 16, 8]]  # centre, width and height


def main(path: str) -> None:
    """Write the model."""
    boxes = numpy_helper.from_array(np.array(BOXES, np.float32).T[None], "boxes")
    own_class = numpy_helper.from_array(np.eye(3, dtype=np.float32)[None], "own_class")
    axes = numpy_helper.from_array(np.array([2, 3], np.int64), "axes")
    shape = numpy_helper.from_array(np.array([1, 3, 1], np.int64), "shape")
    nodes = [
        helper.make_node("ReduceMean", ["images", "axes"], ["means"], keepdims=1),
        helper.make_node("Reshape", ["means", "shape"], ["column"]),
        helper.make_node("Mul", ["own_class", "column"], ["scores"]),
        helper.make_node("Concat", ["boxes", "scores"], ["output0"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "yolo",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 7, 3])],
        [boxes, own_class, axes, shape],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)


if __name__ == "__main__":
    main(sys.argv[1])
