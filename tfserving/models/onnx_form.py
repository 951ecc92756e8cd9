"""Write a model's ONNX form beside its SavedModel, for the second engine of the local stand-in.

The form (`tfserving.layout.OnnxForm`) is the network without the decoding of pictures, for which ONNX has no
operation, and a description of what the server does instead.
"""

import functools
import json
import logging
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tfserving.errors import ExportError
from tfserving.layout import OnnxCall, OnnxForm, Scaling
from tfserving.models import cache
from tfserving.models.onnx import OPERATIONS, PACKAGES, converter
from tfserving.models.progress import step


@dataclass(frozen=True)
class Network:
    """The part of a model that an ONNX engine can run.

    Attributes:
        function: a tf.function with an input signature; its outputs are those of the signatures in `calls`.
        calls: how each signature calls it.
    """

    function: Any
    calls: Mapping[str, OnnxCall]


def network_of_pictures(function: Any, *, size: int, scaling: Scaling) -> Network:
    """Describe the network of a model whose `serving_default` takes `image_bytes`, and whose `tensor` takes `images`.

    Args:
        function: a tf.function of `pictures` (float32 [n, size, size, 3], RGB, 0 to 255), and of `filled` if it wants
            to know the fraction of height and width that each picture fills (float32 [n, 2]).
        size: height and width of the network's input, in pixels.
        scaling: how `serving_default` makes a picture into that square.
    """
    encoded = OnnxCall(encoded="image_bytes", size=size, scaling=scaling)
    return Network(function, {"serving_default": encoded, "tensor": OnnxCall(pixels="images")})


def take_network(module: Any) -> Network:
    """Return a module's attribute `network` and remove it, so that it is not in the SavedModel.

    A module without one has a network that is its only signature.
    """
    found: Network | None = getattr(module, "network", None)
    if found is None:
        return Network(module.serve, {"serving_default": OnnxCall()})
    del module.network
    return found


def write_form(version: Path, name: str, network: Network) -> None:
    """Write the ONNX form of the SavedModel in a version's folder, or the reason why it has none.

    Raises:
        ExportError: the converter cannot be fetched.
    """
    packages = converter()
    form = OnnxForm(version)
    form.folder.mkdir(parents=True, exist_ok=True)
    signatures = _signature_def(version)
    described: dict[str, Any] = {"made_by": fingerprint(), "signature_def": signatures}
    described["calls"] = {key: asdict(call) for key, call in network.calls.items() if key in signatures}
    try:
        with step(f"converting {name} to ONNX"):
            form.network.write_bytes(_convert(network.function, packages))
    except Exception as exc:  # the converter raises nearly anything
        first_line = str(exc).partition("\n")[0]
        described["why_not"] = f"tf2onnx cannot convert it: {type(exc).__name__}: {first_line}"
    form.description.write_text(json.dumps(described) + "\n", encoding="utf-8")


@functools.cache
def can_convert() -> bool:
    """Return whether the converter is there or can be fetched; say so once if not."""
    try:
        converter()
    except ExportError as exc:
        sys.stderr.write(f"  {exc}; TensorFlow will run the models\n")
        return False
    return True


def fingerprint() -> str:
    """Fingerprint what makes the form of a given SavedModel: this code and the converter."""
    return cache.recipe(sources=[Path(__file__)], options={"packages": " ".join(PACKAGES), "opset": str(OPERATIONS)})


def has_form(version: Path) -> bool:
    """Return whether an up-to-date form is there, or the reason why there is none."""
    try:
        described = json.loads(OnnxForm(version).description.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(described, dict) and described.get("made_by") == fingerprint()


def _convert(function: Any, packages: Path) -> bytes:
    """Return a tf.function as ONNX; inputs and outputs keep their names."""
    if str(packages) not in sys.path:
        sys.path.append(str(packages))  # last: it must not replace a package of this environment
    import tf2onnx
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    concrete = function.get_concrete_function()
    # tf2onnx.convert.from_function would make inputs of the constants that a function captures.
    frozen = convert_variables_to_constants_v2(concrete, lower_control_flow=False, aggressive_inlining=True)
    inputs = {tensor.name: spec.name for tensor, spec in zip(frozen.inputs, function.input_signature, strict=True)}
    outputs = {
        tensor.name: name for tensor, name in zip(frozen.outputs, sorted(concrete.structured_outputs), strict=True)
    }
    model, _ = tf2onnx.convert.from_graph_def(
        frozen.graph.as_graph_def(add_shapes=True),
        input_names=list(inputs),
        output_names=list(outputs),
        tensors_to_rename=inputs | outputs,
        opset=OPERATIONS,
    )
    content: bytes = model.SerializeToString()
    return content


def _signature_def(version: Path) -> dict[str, Any]:
    """Return the signatures of a SavedModel as JSON, in the shape of `SignatureDefMap`."""
    from google.protobuf import json_format
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    found = SavedModel()
    found.ParseFromString((version / "saved_model.pb").read_bytes())
    definitions = found.meta_graphs[0].signature_def
    return {
        name: json_format.MessageToDict(
            definitions[name], preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        for name in sorted(definitions)
    }
