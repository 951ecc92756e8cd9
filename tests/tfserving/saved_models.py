"""Small SavedModels, written by TensorFlow itself."""

# mypy: disable-error-code="untyped-decorator"

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfserving.runtime import load_tensorflow


def half_plus(path: Path, offset: float = 2.0) -> None:
    """y = x / 2 + offset, as in TensorFlow Serving's documentation: declared (-1, 1), with a variable."""
    tf = load_tensorflow()
    module = tf.Module()
    module.offset = tf.Variable(float(offset))

    @tf.function(input_signature=[tf.TensorSpec([None, 1], tf.float32, name="x")])
    def half_plus_offset(x: Any) -> dict[str, Any]:
        return {"y": x / 2.0 + module.offset}

    tf.saved_model.save(module, str(path), signatures=half_plus_offset)


def several(path: Path) -> None:
    """Two inputs, four outputs of different types; a second signature `labels` with strings."""
    tf = load_tensorflow()
    module = tf.Module()
    spec = [tf.TensorSpec([None, 2], tf.float32, name="a"), tf.TensorSpec([None], tf.int64, name="b")]

    @tf.function(input_signature=spec)
    def mixed(a: Any, b: Any) -> dict[str, Any]:
        total = tf.reduce_sum(a, axis=1) + tf.cast(b, tf.float32)
        raw = tf.strings.as_string(b)
        return {"total": total, "even": b % 2 == 0, "text": raw, "raw_bytes": raw, "count": tf.cast(b, tf.int32)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="word")])
    def upper(word: Any) -> dict[str, Any]:
        return {"upper": tf.strings.upper(word)}

    tf.saved_model.save(module, str(path), signatures={"serving_default": mixed, "upper": upper})


def scalar(path: Path) -> None:
    """One output without any dimension: the row format cannot show it, and it cannot be batched."""
    tf = load_tensorflow()
    module = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float64, name="x")])
    def total(x: Any) -> dict[str, Any]:
        return {"sum": tf.reduce_sum(x)}

    tf.saved_model.save(module, str(path), signatures=total)


def convolution(path: Path) -> None:
    """Pictures (-1, 4, 4, 3) through a convolution, whose kernel aborts on an input of lower rank."""
    tf = load_tensorflow()
    module = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec([None, 4, 4, 3], tf.float32, name="pictures")])
    def convolve(pictures: Any) -> dict[str, Any]:
        return {"y": tf.nn.conv2d(pictures, tf.ones((3, 3, 3, 1)), 1, "VALID")}

    tf.saved_model.save(module, str(path), signatures=convolve)


WRITERS: dict[str, Callable[[Path], None]] = {
    "half_plus_two": half_plus,
    "several": several,
    "scalar": scalar,
    "convolution": convolution,
}
