"""What an op or a rule computes, as a list of NumPy calls, which the page makes again.

A forward function or a rule runs once more, on the traced arrays of ``unroll``, which note every
call. So what the page writes, and computes with other numbers, is what runs in Python: rules,
stable forms and a user's own ops alike. No derivative is written here a second time.
"""

import ast
import math
import operator
import re
from collections import Counter
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ...engine import ops
from ...engine.arrays import mapped
from ...engine.ops import Op
from ...unroll import values
from ...unroll.array import TracedArray, numbers
from ...unroll.simplify import uniform
from ...unroll.trace import Trace
from ...unroll.values import Value
from . import text

INFIX: dict[Any, str] = {
    np.add: "+", np.subtract: "-", np.multiply: "*", np.divide: "/", np.power: "**",
    np.matmul: "@", np.equal: "==", np.not_equal: "!=", np.less: "<", np.less_equal: "<=",
    np.greater: ">", np.greater_equal: ">=", np.bitwise_or: "|", np.bitwise_and: "&",
}  # fmt: skip
# Functions of arrays alone, which the page's runtime knows by the same names.
FUNCTIONS: dict[Any, str] = {
    function: function.__name__
    for function in (
        *INFIX, np.negative, np.absolute, np.sign, np.exp, np.expm1, np.log, np.log1p, np.log2,
        np.log10, np.sqrt, np.square, np.sin, np.cos, np.tan, np.arctan, np.sinh, np.cosh, np.tanh,
        np.isnan, np.isfinite, np.logical_not, np.logical_and, np.logical_or, np.maximum,
        np.minimum, np.logaddexp, np.where, np.clip, np.floor, np.ceil, np.linalg.solve,
        np.linalg.inv,
    )
}  # fmt: skip
# No NumPy calls of arrays: Python's erf takes one number at a time, and slogdet returns two arrays.
WHOLE = {op.forward: op.name for op in cast("list[Op]", [ops.erf, ops._logabsdet])}
FUNCTIONS |= WHOLE
REDUCTIONS: dict[Any, str] = {
    np.add.reduce: "sum", np.multiply.reduce: "prod", np.maximum.reduce: "max",
    np.minimum.reduce: "min", np.logical_or.reduce: "any", np.logical_and.reduce: "all",
    np.mean: "mean",
}  # fmt: skip
# Functions that only move elements: of the elements' numbers, they say where each comes from.
MOVING = {
    operator.getitem, np.reshape, np.transpose, np.broadcast_to, np.flip, np.roll, np.take,
    np.tile, np.repeat,
}  # fmt: skip
WRITING = {values.with_item: False, values.with_added: True, values.with_added_at: True}


class NotRecordable(Exception):
    """Why the page cannot compute something again."""


class Record:
    """The calls that ``function(*given, **options)`` makes, where the arrays given can change.

    ``data`` is for the page. A register holds each array that was given, and then the result of
    each call; -1, -2, ... are the constants. In the text ``{0}`` stands for the first array, and
    ``{c1}`` for the first constant. ``store`` returns the number of an array in the page. Raises
    NotRecordable.

    >>> g, x = np.ones(()), np.full((), 3.0)
    >>> Record(ops.multiply.rules[0], [g, x, x, 0.5], {}, store=id).data
    {'calls': [['multiply', [0, -1]]], 'constants': [0.5], 'result': 3, 'text': '{0} * 0.5'}
    """

    def __init__(
        self, function: Any, given: list[Any], options: Any, store: Callable[[Any], int]
    ) -> None:
        trace = Trace(lambda: None, simplifier=None)
        inputs = [Value(x) if isinstance(x, np.ndarray) else x for x in given]
        arrays = [x for x in inputs if isinstance(x, Value)]
        self.store = store
        self.calls: list[list[Any]] = []
        self.constants: list[Any] = []
        self.registers: dict[Any, int] = {x: i for i, x in enumerate(arrays)}
        self.texts: dict[Any, str] = {x: f"_{i}" for i, x in enumerate(arrays)}
        self.lines: list[str] = []
        self.given = len(arrays)
        if function in WHOLE:
            result = trace.noted(Value(given[0], function, tuple(inputs)))
        else:
            result = self.traced(trace, function, inputs, options)
        self.uses = Counter([result])
        for value in reversed(trace.values):
            self.uses.update(value.sources if value in self.uses else ())
        for value in trace.values:
            if value in self.uses:
                self.note(value)
        register = self.register(result)
        tree = ast.parse("\n".join([*self.lines, self.text(result)]))
        line = re.sub(r"\b_(c?\d+)\b", r"{\1}", ast.unparse(tree)).replace("axis=", "axis ")
        self.data: dict[str, Any] = {"calls": self.calls, "constants": self.constants}
        self.data |= {"result": register, "text": line}

    def traced(self, trace: Trace, function: Any, inputs: list[Any], options: Any) -> Value:
        """The Value that the function computes, noted in the trace with all that lead to it."""
        arrays = (TracedArray(x, trace, viewed=True) if x in self.registers else x for x in inputs)
        try:
            with np.errstate(all="ignore"):
                result = trace.value_of(function(*arrays, **options))
        except Exception as error:
            raise NotRecordable(str(error).removeprefix("unroll: ").partition(". ")[0]) from None
        return result if isinstance(result, Value) else trace.constant(np.asarray(result))

    def register(self, x: Any) -> int:
        """The register of a Value; of what is constant, a new one."""
        if isinstance(x, Value) and x in self.registers:
            return self.registers[x]
        array = np.asarray(numbers(x))
        if array.dtype.kind not in "biuf":
            raise NotRecordable(f"it computes with {text.constant(numbers(x))}")
        same = uniform(Value(array, constant=True))
        constant: Any = json_number(same)
        if same is None:
            constant = {"array": self.store(array)}
        elif array.ndim:
            constant = {"full": constant, "shape": array.shape}
        if constant not in self.constants:
            self.constants.append(constant)
        return -1 - self.constants.index(constant)

    def text(self, x: Any) -> str:
        """What is written for a Value or a constant."""
        if isinstance(x, Value) and x in self.texts:
            return self.texts[x]
        if isinstance(x, tuple | list):
            return f"({', '.join(map(self.text, x))}{',' * (len(x) == 1)})"
        same = uniform(Value(np.asarray(numbers(x)), constant=True))
        if isinstance(same, float) and abs(float(text.number(same))) not in (abs(same), math.inf):
            return f"_c{-self.register(x)}"  # with as many digits as the page needs
        return text.number(same) if same is not None else text.constant(numbers(x))

    def note(self, value: Value) -> None:
        """Note the call that computes a Value, and how it is written."""
        if value.function in (values.astype, values.copied):
            source = value.inputs[0]
            if value.dtype.kind not in ("f", source.dtype.kind):
                raise NotRecordable(f"it converts numbers to {value.dtype}")
            self.registers[value], self.texts[value] = self.register(source), self.text(source)
            return
        call, line = self.call(value), self.written(value)
        self.registers[value] = self.given + len(self.calls)
        self.calls.append(call)
        if self.uses[value] > 1 and not line.isidentifier():
            self.lines.append(f"part{len(self.lines) + 1} = {line}")
            line = f"part{len(self.lines)}"
        self.texts[value] = line

    def call(self, value: Value) -> list[Any]:
        """The call for the runtime: its function, registers, and what else it needs."""
        function, inputs, options = value.function, value.inputs, value.options
        if function is np.matmul and min(len(x.shape) for x in values.values_in(inputs)) < 2:
            raise NotRecordable("it multiplies a vector by @")
        booleans = function is np.add and value.dtype.kind == "b"  # whose sum is no number
        if function in FUNCTIONS and not (options or booleans):
            none = (None, -np.inf, np.inf)  # limits of clip
            limits = (none[i] if x is None else x for i, x in enumerate(inputs))
            return [FUNCTIONS[function], list(map(self.register, limits))]
        if function in REDUCTIONS and options.keys() <= {"axis", "keepdims", "dtype"}:
            return [REDUCTIONS[function], [self.register(inputs[0])], axes_of(value), value.shape]
        if function is np.cumsum and len(axes_of(value)) == 1:
            return ["cumsum", [self.register(inputs[0])], axes_of(value)[0]]
        if function is np.concatenate:
            axis = (*inputs, options.get("axis", 0))[1] % value.array.ndim
            return ["concatenate", list(map(self.register, inputs[0])), axis, value.shape]
        if function in MOVING | WRITING.keys():
            if not all(x.constant for x in values.values_in((inputs[1:2], options))):
                raise NotRecordable("it computes an index from numbers that can change")
            x, *others = mapped(numbers, inputs)
            places = np.arange(x.size).reshape(x.shape)
            register = self.register(inputs[0])
            if function in WRITING:
                registers = [register, self.register(inputs[2])]
                return ["put", registers, self.store(places[others[0]]), WRITING[function]]
            found = np.asarray(function(places, *others, **mapped(numbers, options)))
            if not (found.size and np.may_share_memory(found, places)):
                return ["take", [register], self.store(found)]
            strides = [step // found.itemsize for step in found.strides]
            return ["view", [register], found.shape, strides, int(found.flat[0])]
        name = getattr(function, "__name__", str(function))
        raise NotRecordable(f"it calls {name}, which the page does not know")

    def written(self, value: Value) -> str:
        """The call as Python, with the texts of what it is made of."""
        function, inputs = value.function, value.inputs
        parts = [self.text(x) for x in inputs]
        if function in INFIX:
            neutral = "01" if function is np.multiply else "1" if function is np.power else ""
            for i in map(int, neutral):  # times 1, or to the power of 1
                if parts[i] == "1":
                    return parts[1 - i]
            return f"({parts[0]}) {INFIX[function]} ({parts[1]})"
        if function is np.negative:
            return f"-({parts[0]})"
        if function is operator.getitem:
            return f"({parts[0]})[{index_text(inputs[1])}]"
        if function in WRITING:
            base = "" if parts[0] == "0" else f", {parts[0]}"
            return f"scatter({parts[2]}, at[{index_text(inputs[1])}]{base})"
        if function is np.transpose and value.array.ndim > 1:
            *first, a, b = numbers(inputs[1])
            if (*first, b, a) == tuple(range(value.array.ndim)):
                return f"({parts[0]}).{'mT' if first else 'T'}"
        if function in REDUCTIONS:
            axes = axes_of(value)
            every = len(axes) == inputs[0].array.ndim
            shown = "" if every else f", axis={axes[0] if len(axes) == 1 else tuple(axes)}"
            return f"{REDUCTIONS[function]}({parts[0]}{shown})"
        name = FUNCTIONS.get(function, getattr(function, "__name__", "function"))
        named = [f"{key}={text.constant(numbers(x))}" for key, x in value.options.items()]
        return f"{name}({', '.join(parts + named)})"


def axes_of(value: Value) -> list[int]:
    """The axes that a reduction reduces."""
    default = 0 if hasattr(value.function, "__self__") else None  # of a ufunc's method
    axis = value.options.get("axis", (*value.inputs, default)[1])
    count = value.inputs[0].array.ndim
    return list(range(count)) if axis is None else list(normalize_axis_tuple(axis, count))


def index_text(index: Any) -> str:
    """An index as it stands between brackets."""
    parts = index if isinstance(index, tuple) else (index,)
    return ", ".join(text.constant(numbers(part)) for part in parts) or "()"


def json_number(x: Any) -> Any:
    """A number for JSON, which has no NaN and no inf: these become words."""
    x = x.item() if isinstance(x, np.generic) else x
    return text.number(x) if isinstance(x, float) and not math.isfinite(x) else x
