"""Works out a formula with variables, numbers and a few functions; nothing else can be reached from it."""

import ast
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nodes.api.errors import NodeError

LONGEST = 10_000
MOST_BITS = 100_000
"""Whole numbers may grow to this size; beyond, a short formula could keep the machine busy for hours."""


def _power(base: Any, exponent: Any) -> Any:
    if isinstance(base, int) and isinstance(exponent, int) and exponent > 0:
        _check_bits(base.bit_length() * exponent)
    return base**exponent


def _multiply(left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, int):
        _check_bits(left.bit_length() + right.bit_length())
    return left * right


def _shift(number: Any, places: Any) -> Any:
    _check_bits(number.bit_length() + places)
    return number << places


def _check_bits(bits: int) -> None:
    if bits > MOST_BITS:
        raise NodeError(f"a number in it would have {bits} bits; at most {MOST_BITS} are worked out")


def _sum(*values: Any) -> Any:
    return sum(values[0] if len(values) == 1 and isinstance(values[0], list | tuple) else values)


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "sum": _sum,
    "min": min,
    "max": max,
    "abs": abs,
    "round": round,
    "pow": _power,
    "sqrt": math.sqrt,
    "ceil": math.ceil,
    "floor": math.floor,
    "log": math.log,
    "log2": math.log2,
    "log10": math.log10,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "int": int,
    "float": float,
}
CONSTANTS: Mapping[str, Any] = {"True": True, "False": False, "pi": math.pi}
BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: _multiply,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.LShift: _shift,
    ast.RShift: operator.rshift,
}
UNARY: Mapping[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Invert: operator.invert,
    ast.Not: operator.not_,
}
COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def evaluate(expression: str, variables: Mapping[str, Any]) -> int | float | bool:
    """Return the value of a formula in Python's syntax.

    There are + - * / // % ** & | ^ ~ << >>, comparisons, and, or, not, `a if b else c`, lists, list[index],
    the variables, and the FUNCTIONS. `and`, `or` and `if` leave out what is not needed.

    Raises:
        NodeError: the formula is empty, cannot be read or worked out, or its value is no finite number.
    """
    text = expression.strip()
    if not text:
        raise NodeError("the expression is empty")
    if len(text) > LONGEST:
        raise NodeError(f"the expression has {len(text)} characters; at most {LONGEST} are read")
    try:
        tree = ast.parse(" ".join(text.splitlines()), mode="eval")
        value = Evaluation(variables).value(tree.body)
        if not isinstance(value, int | float):
            raise NodeError(f"its value is {type(value).__name__}, not a number")
        if not math.isfinite(value):
            raise NodeError(f"its value is {value}, which is not finite")
        return value
    except NodeError as error:
        raise NodeError(f"the expression {_short(text)}: {error}") from error
    except SyntaxError as error:
        raise NodeError(f"the expression {_short(text)} cannot be read: {error.msg}") from error
    except (ArithmeticError, ValueError, TypeError, AttributeError, LookupError) as error:
        raise NodeError(f"the expression {_short(text)} cannot be worked out: {error}") from error
    except (RecursionError, MemoryError) as error:
        raise NodeError(f"the expression {_short(text)} is nested too deeply") from error


def _short(text: str) -> str:
    return repr(text if len(text) <= 100 else f"{text[:100]}...")


class Evaluation:
    """One formula with its variables."""

    def __init__(self, variables: Mapping[str, Any]) -> None:
        self.variables = variables

    def value(self, part: ast.expr) -> Any:
        """The value of a part of the formula."""
        handler = getattr(self, f"_{type(part).__name__.lower()}", None)
        if handler is None:
            raise NodeError(f"{ast.unparse(part)!r} is not understood here")
        return handler(part)

    def _constant(self, part: ast.Constant) -> Any:
        if not isinstance(part.value, int | float):
            raise NodeError(f"{part.value!r} is not a number")
        return part.value

    def _name(self, part: ast.Name) -> Any:
        if part.id in self.variables:
            return self.variables[part.id]
        if part.id in CONSTANTS:
            return CONSTANTS[part.id]
        known = ", ".join(self.variables) or "none"
        raise NodeError(f"there is no variable {part.id!r}; linked are: {known}")

    def _binop(self, part: ast.BinOp) -> Any:
        left, right = self.value(part.left), self.value(part.right)
        if isinstance(left, list | tuple) or isinstance(right, list | tuple):
            raise NodeError("lists are for functions and for [index] only")
        return self._known(BINARY, part.op, part)(left, right)

    def _unaryop(self, part: ast.UnaryOp) -> Any:
        return self._known(UNARY, part.op, part)(self.value(part.operand))

    def _boolop(self, part: ast.BoolOp) -> Any:
        stops_at = isinstance(part.op, ast.Or)
        value: Any = None
        for operand in part.values:
            value = self.value(operand)
            if bool(value) is stops_at:
                break
        return value

    def _compare(self, part: ast.Compare) -> bool:
        left = self.value(part.left)
        for sign, operand in zip(part.ops, part.comparators, strict=True):
            right = self.value(operand)
            if not self._known(COMPARISONS, sign, part)(left, right):
                return False
            left = right
        return True

    def _ifexp(self, part: ast.IfExp) -> Any:
        return self.value(part.body if self.value(part.test) else part.orelse)

    def _call(self, part: ast.Call) -> Any:
        name = part.func.id if isinstance(part.func, ast.Name) else ast.unparse(part.func)
        if name not in FUNCTIONS:
            raise NodeError(f"there is no function {name!r}; there are {', '.join(FUNCTIONS)}")
        if part.keywords:
            raise NodeError(f"{name} takes its values by place, not by name")
        return FUNCTIONS[name](*[self.value(argument) for argument in part.args])

    def _list(self, part: ast.List) -> Sequence[Any]:
        return [self.value(entry) for entry in part.elts]

    def _tuple(self, part: ast.Tuple) -> Sequence[Any]:
        return [self.value(entry) for entry in part.elts]

    def _subscript(self, part: ast.Subscript) -> Any:
        values = self.value(part.value)
        if not isinstance(values, list):
            raise NodeError("only lists have an [index]")
        return values[self.value(part.slice)]

    @staticmethod
    def _known(table: Mapping[Any, Callable[..., Any]], sign: ast.AST, part: ast.expr) -> Callable[..., Any]:
        if type(sign) not in table:
            raise NodeError(f"{ast.unparse(part)!r} uses a sign that is not understood here")
        return table[type(sign)]
