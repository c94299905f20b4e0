"""Conditions over axes, `fe > 10 and neuron.RS.b in (0, 20)`: a grammar of their own, never run as Python.

Numbers, words in quotes, true values, names of axes; `+ - * /` of numbers; comparisons, `in` and `not in` a
list; `and`, `or`, `not`; parentheses. Python's parser reads the text; what it finds beyond these is refused.
Nothing in them grows: a condition is at most as long as `_LONGEST`, its values as long as the axes.
"""

import ast
import operator
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import InputError, nearest, shown
from spikesweep.grid.grid import is_finite
from spikesweep.grid.schema import Axis

_OPERATORS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
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


#: Characters of a condition, and levels of it.
_LONGEST, _DEEPEST = 1000, 40
_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.USub)
_GRAMMAR = "allowed: numbers, axes, words in quotes, + - * /, comparisons, in, and, or, not, ( )"
_COMPARISONS = "allowed: comparisons of an axis with values of its kind"
_LOGIC = (ast.And, ast.Or, ast.Not)


class Condition:
    """One condition; `keys` are those of the axes that it names."""

    def __init__(self, text: str, axes: Mapping[str, Axis]) -> None:
        self.text, self.axes = str(text).replace("\n", " ").strip(), axes
        if len(self.text) > _LONGEST:
            raise InputError(
                f"exclude: {shown(text)} has {len(text):,} characters; allowed: {_LONGEST}, or several"
            )
        try:
            with warnings.catch_warnings():  # of Python's own meaning
                warnings.simplefilter("ignore")
                self.tree = ast.parse(self.text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise InputError(f"exclude: {shown(text)} is no condition: {error}; {_GRAMMAR}") from error
        if _levels(self.tree) > _DEEPEST:
            raise InputError(f"exclude: {shown(text)} is refused; allowed: at most {_DEEPEST} levels")
        self.keys: set[str] = set()
        self._visit(self.tree, None)
        if not self.keys:
            raise InputError(
                f"exclude: {text!r} names no axis; {nearest('', [a.name for a in axes.values()])}"
            )

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
            if not is_finite(node.value):
                raise InputError(f"exclude: {self.text!r} holds {ast.unparse(node)}; allowed: finite numbers")
            return float(node.value)
        if isinstance(node, (ast.Name, ast.Attribute)):
            return self._column(ast.unparse(node), columns)
        if isinstance(node, (ast.Tuple, ast.List)):
            return [self._visit(item, columns) for item in node.elts]
        parts, operators = _parts(node)
        if not operators or not set(operators) <= set(_OPERATORS):
            part = shown(ast.unparse(node))
            raise InputError(f"exclude: {self.text!r} holds {part}, which is not allowed; {_GRAMMAR}")
        found = [self._visit(part, columns) for part in parts]
        if columns is None:
            return None
        if operators[0] in _LOGIC:
            self._assert_truths(node, found)
        if operators[0] in _ARITHMETIC:
            self._assert_numbers(node, found)
        if isinstance(node, ast.UnaryOp):
            return _OPERATORS[operators[0]](found[0])
        if isinstance(node, ast.Compare):
            pairs = list(zip(operators, found[:-1], found[1:], strict=True))
            for kind, a, b in pairs:
                self._assert_comparable(node, kind, a, b)
            held = [np.asarray(_OPERATORS[kind](a, b)) for kind, a, b in pairs]
            return np.logical_and.reduce(np.broadcast_arrays(*held))
        value = found[0]
        for kind, other in zip(operators, found[1:], strict=True):
            value = _OPERATORS[kind](value, other)
        return value

    def _assert_truths(self, node: ast.expr, values: list[Any]) -> None:
        if any(isinstance(v, list) or np.asarray(v).dtype != bool for v in values):
            raise InputError(
                f"exclude: {ast.unparse(node)!r} joins what is not true or false; {_COMPARISONS}"
            )

    def _assert_numbers(self, node: ast.expr, values: list[Any]) -> None:
        if any(isinstance(v, list) or np.asarray(v).dtype.kind not in "iuf" for v in values):
            raise InputError(f"exclude: {ast.unparse(node)!r} counts with what is no number; {_COMPARISONS}")

    def _assert_comparable(self, node: ast.expr, kind: type, a: Any, b: Any) -> None:
        """Refuse words compared with numbers, which are never equal, and lists but after `in`."""
        member = kind in (ast.In, ast.NotIn)
        if isinstance(a, list) or isinstance(b, list) != member:
            raise InputError(
                f"exclude: {ast.unparse(node)!r} is refused; allowed: a list after `in`, and only there"
            )
        words = {_is_word(value) for value in (a, *(b if member else [b]))}
        if len(words) > 1:
            raise InputError(f"exclude: {ast.unparse(node)!r} compares words with numbers; {_COMPARISONS}")

    def _column(self, name: str, columns: Mapping[str, NDArray[Any]] | None) -> Any:
        known = {axis.name: key for key, axis in self.axes.items()} | {key: key for key in self.axes}
        if name not in known:
            raise InputError(f"exclude: {name} is no axis of {self.text!r}; {nearest(name, known)}")
        self.keys.add(known[name])
        return None if columns is None else columns[known[name]]


def _levels(node: ast.AST) -> int:
    """Return how many levels a tree has, without a call for each."""
    level, levels = [node], 0
    while level:
        level = [child for each in level for child in ast.iter_child_nodes(each)]
        levels += 1
    return levels


def _is_word(value: Any) -> bool:
    return np.asarray(value).dtype.kind not in "biuf"


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
