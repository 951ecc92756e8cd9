"""Scores of classes: which output holds them, and what they mean."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from consumer.servers.errors import Contradiction, ServingNonsense
from consumer.tensors import Signature, Tensors

ROUNDING = 1e-3  # by which a softmax in half precision may exceed 1


def scores_output(signature: Signature) -> str | None:
    """Return the name of the output that holds scores, [n, classes]; None if the server does not describe the model.

    Raises:
        Contradiction: no output, or more than one, can be it.
    """
    outputs = signature.outputs
    if not outputs:
        return None
    if len(outputs) == 1:
        return next(iter(outputs))
    fitting = [name for name, spec in outputs.items() if spec.dtype.startswith("float") and len(spec.shape) == 2]
    if len(fitting) == 1:
        return fitting[0]
    found = ", ".join(map(str, list(outputs.values())[:5]))
    raise Contradiction(f"scores [n, classes] are needed; the server's model gives {found}")


def probabilities(outputs: Tensors, name: str | None, rows: int) -> NDArray[np.float64]:
    """Return the probability of each class for each row, [rows, classes].

    Scores that all lie between 0 and 1 are taken as they are: they come from a softmax, or from a sigmoid for each
    class, whose sum is not 1. Any other scores are logits: they go through a softmax, or through a sigmoid if there is
    one class.

    Args:
        outputs: of the answer.
        name: of the output; None: the only one.
        rows: of the request.

    Raises:
        ServingNonsense: the scores are missing, of another shape, or not finite.
    """
    if name is None and len(outputs) == 1:
        name = next(iter(outputs))
    if name is None or name not in outputs:
        raise ServingNonsense(f"the answer has the outputs {_names(outputs)} instead of {name or 'one'}")
    values = numbers(outputs[name], name)
    scores = values.reshape(rows, -1) if values.shape[:1] == (rows,) else values
    if scores.shape != (rows, max(values.shape[1:], default=0)) or not scores.size:
        raise ServingNonsense(f"{name} has the shape {list(values.shape)} instead of [{rows}, classes]")
    if not np.isfinite(scores).all():
        raise ServingNonsense(f"{name} has scores that are not numbers")
    if scores.min() >= -ROUNDING and scores.max() <= 1 + ROUNDING:
        return scores.clip(0, 1)
    if scores.shape[1] == 1:
        return np.asarray(1 / (1 + np.exp(-scores.clip(-500, 500))))
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def numbers(values: NDArray[Any], name: str) -> NDArray[np.float64]:
    """Return an output as numbers.

    Raises:
        ServingNonsense: it holds something else.
    """
    if values.dtype.kind not in "iuf":
        raise ServingNonsense(f"{name} does not hold numbers")
    return values.astype(np.float64)


def best(row: NDArray[np.float64], count: int) -> list[int]:
    """Return the classes with the highest scores, best first; of equal ones the lower class."""
    return [int(class_) for class_ in np.argsort(-row, kind="stable")[:count]]


def _names(outputs: Tensors) -> str:
    return ", ".join(list(outputs)[:5])[:100] or "none"
