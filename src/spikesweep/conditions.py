"""Conditions over axes, `fe > 10 and neuron.RS.b in (0, 20)`: parsed, never run as Python."""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import InputError, nearest
from spikesweep.protocols.base import Axis

_OPERATORS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.Not: np.logical_not,
    ast.And: np.logical_and,
    ast.Or: np.logical_or,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: np.isin,
    ast.NotIn: lambda a, b: ~np.isin(a, b),
}


class Condition:
    """One condition; `keys` are those of the axes that it names."""

    def __init__(self, text: str, axes: Mapping[str, Axis]) -> None:
        self.text, self.axes = text, axes
        try:
            self.tree = ast.parse(str(text), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise InputError(f"exclude: {text!r} is no condition: {error}") from error
        self.keys: set[str] = set()
        self._visit(self.tree, None)

    def holds(self, columns: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
        """Return where the condition holds."""
        try:
            with np.errstate(all="ignore"):
                found = np.asarray(self._visit(self.tree, columns))
        except (TypeError, ValueError, ArithmeticError) as error:
            raise InputError(f"exclude: {self.text!r} cannot be computed: {error}") from error
        if found.dtype != bool:
            raise InputError(f"exclude: {self.text!r} is not true or false; allowed: a comparison")
        return np.broadcast_to(found, len(next(iter(columns.values()))))

    def _visit(self, node: ast.expr, columns: Mapping[str, NDArray[Any]] | None) -> Any:
        """Return a node's value; without columns only collect the keys and refuse what is not allowed."""
        if isinstance(node, ast.Constant) and isinstance(node.value, (bool, str)):
            return node.value
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
            return float(node.value)  # 9**9**9 of whole numbers would never end
        if isinstance(node, (ast.Name, ast.Attribute)):
            return self._column(ast.unparse(node), columns)
        if isinstance(node, (ast.Tuple, ast.List)):
            return [self._visit(item, columns) for item in node.elts]
        parts, operators = _parts(node)
        for kind in operators:
            if kind not in _OPERATORS:
                raise InputError(f"exclude: {self.text!r} holds {ast.unparse(node)!r}, which is not allowed")
        if not operators:
            raise InputError(f"exclude: {self.text!r} holds {ast.unparse(node)!r}, which is not allowed")
        found = [self._visit(part, columns) for part in parts]
        if columns is None:
            return None
        if isinstance(node, ast.UnaryOp):
            return _OPERATORS[operators[0]](found[0])
        if isinstance(node, ast.Compare):
            pairs = zip(operators, found[:-1], found[1:], strict=True)
            return np.logical_and.reduce([_OPERATORS[kind](a, b) for kind, a, b in pairs])
        value = found[0]
        for kind, other in zip(operators, found[1:], strict=True):
            value = _OPERATORS[kind](value, other)
        return value

    def _column(self, name: str, columns: Mapping[str, NDArray[Any]] | None) -> Any:
        known = {axis.name: key for key, axis in self.axes.items()} | {key: key for key in self.axes}
        if name not in known:
            raise InputError(f"exclude: {name} is no axis of {self.text!r}; {nearest(name, known)}")
        self.keys.add(known[name])
        return None if columns is None else columns[known[name]]


def _parts(node: ast.expr) -> tuple[list[ast.expr], list[type]]:
    """Return the operands and the operators between them."""
    match node:
        case ast.BoolOp():
            return node.values, [type(node.op)] * (len(node.values) - 1)
        case ast.BinOp():
            return [node.left, node.right], [type(node.op)]
        case ast.UnaryOp():
            return [node.operand], [type(node.op)]
        case ast.Compare():
            return [node.left, *node.comparators], [type(op) for op in node.ops]
    return [], []
