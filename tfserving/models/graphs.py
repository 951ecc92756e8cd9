"""TensorFlow graphs of others as functions: cut out, computed ahead, and with their weights as variables."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tfserving.runtime import load_tensorflow

_VARIABLE_FROM_BYTES = 4096
# Of the operations that are written here; it keeps TensorFlow from treating them as those of an old graph.
_PRODUCER = 1087


def as_function(
    graph: Any, *, inputs: Mapping[str, Any], outputs: Sequence[str]
) -> tuple[Callable[..., Any], list[Any]]:
    """Turn a graph into a function of its inputs.

    Large constants become variables. With constants a detector took 1.8 GB instead of 0.7 GB to load, and three times
    as long.

    Args:
        graph: GraphDef; it is changed.
        inputs: name of each placeholder (or of a node that the input replaces) → its TensorSpec.
        outputs: names of nodes, or of their outputs as `NODE:1`.

    Returns:
        The function, and its variables, which the module that is saved must hold.
    """
    tf = load_tensorflow()
    graph = tf.compat.v1.graph_util.extract_sub_graph(graph, [node_of(name) for name in outputs])
    large = [node for node in graph.node if node.op == "Const" and node.ByteSize() > _VARIABLE_FROM_BYTES]
    variables = {node.name: tf.Variable(tf.make_ndarray(node.attr["value"].tensor), trainable=False) for node in large}
    for node in large:  # a value that is fed needs none of its own
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(0.0))

    def run(*given: Any) -> Any:
        values = {name: variable.read_value() for name, variable in variables.items()}
        wanted = [name if ":" in name else f"{name}:0" for name in outputs]
        return tf.graph_util.import_graph_def(graph, dict(zip(inputs, given, strict=True)) | values, wanted, name="")

    return tf.function(run, input_signature=list(inputs.values())), list(variables.values())


def cut(graph: Any, *, inputs: Mapping[str, Any], outputs: Sequence[str]) -> Any:
    """Return the part of a graph between some nodes: each of `inputs` becomes a placeholder of its TensorSpec."""
    tf = load_tensorflow()
    part = tf.compat.v1.GraphDef(versions=graph.versions)
    for node in graph.node:
        if node.name in inputs:
            part.node.append(_placeholder(node.name, inputs[node.name]))
        else:
            part.node.add().CopyFrom(node)
    return tf.compat.v1.graph_util.extract_sub_graph(part, list(outputs))


def folded(graph: Any, *, outputs: Sequence[str]) -> Any:
    """Return the same graph with everything computed that does not depend on its placeholders.

    The batch norm after each convolution goes into its weights and a bias.
    """
    tf = load_tensorflow()
    nodes = {node.name: node for node in graph.node}
    fixed = _fixed(graph)
    edges = {name for node in graph.node if node.name not in fixed for name in node.input if node_of(name) in fixed}
    values = _evaluate(graph, sorted(edges))
    norms = _norms(graph, nodes, fixed, values)

    result = tf.compat.v1.GraphDef()
    result.versions.producer = _PRODUCER
    for name, value in values.items():
        result.node.append(constant(_plain(name), value))
    for node in graph.node:
        if node.name in fixed:
            continue
        kept = result.node.add()
        kept.CopyFrom(node)
        kept.input[:] = [_plain(name) if name in values else name for name in node.input]
        if node.name in norms:
            scaled = _scaled(node.op, values[node.input[1]], norms[node.name])
            result.node.append(constant(f"{node.name}/folded", scaled))
            kept.input[1] = f"{node.name}/folded"
        elif node.op == "Mul" and (convolution := _first_in(node.input, norms)):
            kept.op, kept.input[:] = "Identity", [convolution]
        elif node.op == "Add" and node.input[1] in values and node.input[0] in nodes:
            multiplied = nodes[node.input[0]]
            convolution = _first_in(multiplied.input, norms) if multiplied.op == "Mul" else None
            if convolution:  # TensorFlow fuses convolution, BiasAdd and ReLU6
                kept.op, kept.input[0] = "BiasAdd", convolution
    return tf.compat.v1.graph_util.extract_sub_graph(result, list(outputs))


def node_of(name: str) -> str:
    """Return the name of the node of an input such as `^NODE` or `NODE:1`."""
    return name.lstrip("^").partition(":")[0]


def _fixed(graph: Any) -> set[str]:
    """Return the names of the nodes that depend on no placeholder."""
    inputs = {node.name: [node_of(name) for name in node.input] for node in graph.node}
    moving = {node.name for node in graph.node if node.op == "Placeholder"}
    while True:
        more = {name for name, given in inputs.items() if name not in moving and moving.intersection(given)}
        if not more:
            return set(inputs) - moving
        moving |= more


def _evaluate(graph: Any, names: Sequence[str]) -> dict[str, Any]:
    tf = load_tensorflow()
    with tf.Graph().as_default() as whole, tf.compat.v1.Session(graph=whole) as session:
        tf.import_graph_def(graph, name="")
        found = session.run([name if ":" in name else f"{name}:0" for name in names])
    return dict(zip(names, found, strict=True))


def _norms(graph: Any, nodes: Mapping[str, Any], fixed: set[str], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the output of each convolution is multiplied by, if nothing else uses it."""
    users: dict[str, int] = {}
    for node in graph.node:
        for name in node.input:
            users[node_of(name)] = users.get(node_of(name), 0) + 1
    found = {}
    for node in graph.node:
        if node.op != "Mul" or node.name in fixed:
            continue
        convolution, factor = node.input if node.input[1] in values else reversed(node.input)
        source = nodes.get(convolution)
        if source is None or source.op not in {"Conv2D", "DepthwiseConv2dNative"} or factor not in values:
            continue
        if users[convolution] == 1:
            found[convolution] = values[factor]
    return found


def _scaled(operation: str, kernel: Any, factor: Any) -> Any:
    """Multiply a kernel [h, w, in, out] by a factor per output; a depthwise one is [h, w, in, multiplier]."""
    return kernel * (factor.reshape(kernel.shape[2:]) if operation.startswith("Depthwise") else factor)


def _first_in(names: Sequence[str], among: Mapping[str, Any]) -> str | None:
    return next((name for name in names if name in among), None)


def _plain(name: str) -> str:
    return name.replace(":", "_")


def constant(name: str, value: Any) -> Any:
    """Return a node with a NumPy array as its value."""
    tf = load_tensorflow()
    node = tf.compat.v1.NodeDef(name=name, op="Const")
    node.attr["dtype"].type = tf.as_dtype(value.dtype).as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
    return node


def _placeholder(name: str, spec: Any) -> Any:
    tf = load_tensorflow()
    node = tf.compat.v1.NodeDef(name=name, op="Placeholder")
    node.attr["dtype"].type = spec.dtype.as_datatype_enum
    node.attr["shape"].shape.CopyFrom(spec.shape.as_proto())
    return node
