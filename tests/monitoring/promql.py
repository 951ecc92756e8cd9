"""What a PromQL expression asks for: its metrics, and which labels flow through it, on the parser's tree."""

from collections.abc import Callable, Iterator, Set

import promql_parser as tree

Labels = frozenset[str]
# Given to every series by the scrape.
TARGET: Labels = frozenset({"job", "instance"})
_SET_OPERATORS = ("and", "unless")


class UnknownLabel(Exception):
    """The expression names a label that no series has at that place."""


def metrics_in(expression: str) -> set[str]:
    """Return the names of all metrics that an expression selects."""
    found: set[str] = set()

    def visit(node: tree.Expr) -> None:
        selector = node.vector_selector if isinstance(node, tree.MatrixSelector) else node
        if isinstance(selector, tree.VectorSelector):
            assert selector.name, f"a selector without a name in {expression}"
            found.add(selector.name)

    tree.walk(tree.parse(expression), visit)
    return found


def labels_of(expression: str, metric: Callable[[str], Labels]) -> Labels:
    """Return the labels that the result of an expression may have.

    Args:
        expression: PromQL.
        metric: returns the labels of a metric, those of its target included; raises KeyError for one that is unknown.

    Raises:
        UnknownLabel: it selects, groups or joins by a label that is not there.
    """
    return _flow(tree.parse(expression), metric)


def _flow(node: object, metric: Callable[[str], Labels]) -> Labels:
    match node:
        case tree.MatrixSelector():
            return _flow(node.vector_selector, metric)
        case tree.VectorSelector():
            labels = metric(str(node.name))
            _known((matcher.name for matcher in node.matchers.matchers), labels, node)
            return labels
        case tree.ParenExpr() | tree.UnaryExpr() | tree.SubqueryExpr():
            return _flow(node.expr, metric)
        case tree.NumberLiteral() | tree.StringLiteral():
            return frozenset()
        case tree.AggregateExpr():
            return _aggregated(node, metric)
        case tree.Call():
            return _called(node, metric)
        case tree.BinaryExpr():
            return _joined(node, metric)
    raise NotImplementedError(type(node))


def _aggregated(node: tree.AggregateExpr, metric: Callable[[str], Labels]) -> Labels:
    inner = _flow(node.expr, metric)
    if node.modifier is None:
        return frozenset()
    named = frozenset(node.modifier.labels)
    _known(named, inner, node)
    return named if node.modifier.type == tree.AggModifierType.By else inner - named


def _called(node: tree.Call, metric: Callable[[str], Labels]) -> Labels:
    flows = [_flow(argument, metric) for argument in node.args]
    inner = frozenset().union(*flows)
    if node.func.name == "absent":
        (selector,) = node.args
        equal = [one for one in selector.matchers.matchers if one.op == tree.MatchOp.Equal]
        return frozenset(one.name for one in equal)
    if node.func.name == "histogram_quantile":
        _known(["le"], inner, node)
        return inner - {"le"}
    return inner


def _joined(node: tree.BinaryExpr, metric: Callable[[str], Labels]) -> Labels:
    left, right = _flow(node.lhs, metric), _flow(node.rhs, metric)
    operator = str(node.op)
    if operator == "or":
        return left | right
    if node.modifier is not None and (matching := node.modifier.matching) is not None:
        _known(matching.labels, left, node)
        _known(matching.labels, right, node)
        many_to_one = node.modifier.card == tree.VectorMatchCardinality.ManyToOne
        if not many_to_one and operator not in _SET_OPERATORS:
            return frozenset(matching.labels)
    elif left and right and left != right:
        raise UnknownLabel(f"{node}: {sorted(left ^ right)} stand on one side only")
    return left or right


def _known(names: Iterator[str] | Set[str] | list[str], labels: Labels, node: object) -> None:
    for name in names:
        if name not in labels:
            raise UnknownLabel(f"{name} in {node}: there are {sorted(labels)}")
