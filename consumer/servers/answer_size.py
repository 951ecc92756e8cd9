"""How large an answer may be, by what the model's signature promises."""

import math

from consumer.tensors import Signature, TensorSpec

LARGEST_ANSWER = 1_000_000
"""Bytes of an answer, unless the signature promises more; that of an ImageNet classifier has 20,000."""
LARGEST_PROMISED_ANSWER = 64_000_000
LARGEST_OPEN_ANSWER = 32_000_000
"""Bytes, if the signature leaves a size open: the 8400 boxes of a YOLO model with 80 classes take 14 MB of JSON."""
_BYTES_PER_NUMBER = 32  # in JSON, indentation included
_MOST_DIMENSIONS, _MOST_TENSORS = 10, 100


def largest_answer(signature: Signature, rows: int) -> int:
    """Return the bytes that an answer about some rows may have.

    Args:
        signature: the model's; empty if its server does not say.
        rows: of the request.
    """
    outputs = list(signature.outputs.values())[:_MOST_TENSORS]
    if any(-1 in output.shape[1:] for output in outputs):
        return LARGEST_OPEN_ANSWER
    promised = sum(_numbers(output) for output in outputs) * max(1, rows) * _BYTES_PER_NUMBER
    return max(LARGEST_ANSWER, min(LARGEST_PROMISED_ANSWER, promised))


def _numbers(output: TensorSpec) -> int:
    return math.prod(max(1, size) for size in output.shape[1:_MOST_DIMENSIONS])
