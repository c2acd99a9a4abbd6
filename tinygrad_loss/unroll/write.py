"""Writing: from Values to straight-line NumPy source, one statement per Value."""

import operator
import textwrap
from collections import defaultdict
from fractions import Fraction
from typing import Any

import numpy as np

from . import values
from .memory import WRITING, Buffer, Memory, is_view
from .names import FUNCTIONS, fallback, shown
from .record import Recording
from .simplify import uniform
from .values import HARMLESS, Check, Value

OPERATORS = {np.add: "+", np.subtract: "-", np.multiply: "*", np.divide: "/", np.power: "**"}
NUMBERS = {0: "zero", 0.5: "half", 1: "one", 2: "two", -1: "minus_one"}
METHODS = {np.reshape, np.transpose, values.astype, values.copied}  # written as such
TAB = "    "


class Writer:
    """The source, and what is passed since no text can make it."""

    def __init__(self, recording: Recording, comments: bool) -> None:
        self.memory = memory = Memory(recording)
        self.comments = comments
        self.names = recording.names
        self.captured: dict[str, Any] = {}
        self.prelude: list[str] = []
        self.views: defaultdict[Buffer, list[str]] = defaultdict(list)
        self.text = {value: str(value.name) for value in recording.arguments}
        self.text |= {value: self.text[x] for value, x in memory.argument_of.items()}
        self.position = {value: i for i, value in enumerate(memory.values)}
        self._name_values()
        body = self._body()
        result = self._argument(memory.result) + ".copy()" * (memory.result.shape != ())
        if recording.gradients is not None:
            result += f", {self._argument(tuple(memory.gradients))}"
        given = [self.text[value] for value in recording.arguments]
        given += [*recording.update.numbers, *self.captured]
        definition = f"def step({', '.join(given)}):"
        if len(definition) > 88:
            wrapped = textwrap.fill(f"{', '.join(given)},", 88 - len(TAB))
            definition = f"def step(\n{textwrap.indent(wrapped, TAB)}\n):"
        lines = ["import numpy as np", "", *self.prelude]
        for buffer in memory.buffers:
            names = " = ".join(dict.fromkeys(self.text[value] for value in buffer.values))
            lines += [f"{names} = np.empty({_form(buffer.array)})", *self.views[buffer]]
        lines += ["", "", definition, *(f"{TAB}{line}" for line in [*body, f"return {result}"])]
        self.source = "\n".join([*lines, ""])

    def _name_values(self) -> None:
        memory = self.memory
        same, unnamed = dict[Value, Value](), list[Value]()
        for value in reversed(memory.values):
            readers = [x for x in memory.readers[value] if isinstance(x, Value)]
            after = readers[0] if len(memory.readers[value]) == 1 and readers else None
            if value in memory.argument_of or self._inline(value, after):
                continue
            if value.name is not None:
                self.text[value] = self.names.new(value.name)
            elif after is not None and self._continues(value, after):
                same[value] = after
            elif readers and is_view(readers[-1]) and readers[-1].name is not None:
                self.text[value] = self.names.new(f"{readers[-1].name}_{shown(value)}")
            else:
                unnamed.append(value)
        for value in reversed(unnamed):
            named = [x[-1] if isinstance(x, tuple) and x else x for x in value.inputs]  # an index
            names = [self.text.get(x, "") if isinstance(x, Value) else "" for x in named]
            self.text[value] = self.names.new(fallback(value, names))
        for value, after in same.items():  # from the last one on
            self.text[value] = self.text[after]

    def _continues(self, value: Value, after: Value) -> bool:
        """Whether ``after`` updates ``value`` in place under its name: h = x @ W; h = h + b."""
        buffers = self.memory.buffer_of
        over = value in buffers and buffers[value] is buffers.get(after) and value in after.inputs
        has_name = value.function in FUNCTIONS and after.function in FUNCTIONS
        return over and (after.function in OPERATORS or not has_name)

    def _inline(self, value: Value, after: Value | None) -> bool:
        """Whether an expression is written where it is read, instead of getting a name.

        So are ``W1.T``, a view of an array that differs at each call, and a sum that is divided.
        """
        memory = self.memory
        if value is memory.result or value in memory.gradients:
            return False
        if is_view(value):
            given = memory.shown_by(value) is None
            return given and (value.function is np.transpose or after is not None)
        # What it reads may be overwritten soon, so it has to be read in the next statement.
        if after is None or self.position[after] != self.position[value] + 1:
            return False
        numbers = value.shape == after.shape == () and after.function in OPERATORS
        called = value.function is np.matmul or not isinstance(value.function, np.ufunc)
        buffered = value in memory.buffer_of or after in memory.buffer_of
        return numbers and called and not buffered and not value.ignored

    def _body(self) -> list[str]:
        lines, before = list[str](), ""
        state: dict[str, str] = {}  # the floating-point errors that the block at the end ignores
        for value in self.memory.values:
            statements = self._statements(value)
            phase, colon, rest = value.phase.partition(":")
            of = "" if value.place is None else ": " if phase == "forward" else " of "
            header = f"# {phase}{of}{value.place or ''}{colon}{rest}"
            if statements and header != before:
                lines += [header] if self.comments else []
                before, state = header, {}
            ignored = state if value.function in HARMLESS or not statements else value.ignored
            if ignored and ignored != state:
                kinds = [f'{kind}="{how}"' for kind, how in sorted(ignored.items())]
                lines.append(f"with np.errstate({', '.join(kinds)}):")
            lines += [f"{TAB if ignored else ''}{line}" for line in statements]
            checks = [x for x in self.memory.readers[value] if isinstance(x, Check)]
            lines += [f"{self._object(x, 'check')}({self._argument(value)})" for x in checks]
            state = {} if checks else ignored
        return lines

    def _statements(self, value: Value) -> list[str]:
        name = self.text.get(value)
        if name is None:
            self.text[value] = self._call(value)
            return []
        if value in self.memory.buffer_of:
            lines = self._into_buffer(value, name)
        else:
            lines = [f"{name} = {self._call(value)}"]
            buffer = self.memory.shown_by(value)
            if is_view(value) and buffer is not None:
                self.views[buffer] += lines
                return []
        formula = self._formula(value) if self.comments else None
        return lines if formula is None else [*lines[:-1], f"{lines[-1]}  # {name} = {formula}"]

    def _into_buffer(self, value: Value, name: str) -> list[str]:
        function, inputs = value.function, value.inputs
        if function is values.number:
            return [f"{name}[...] = {inputs[0]}"]
        if function is values.random:
            return [f"{self._argument(inputs[0])}.random(out={name})"]
        if function is values.copied:
            return [f"np.copyto({name}, {self._argument(inputs[0])})"]
        if function not in WRITING:
            return [self._call(value, out=name)]
        (x, index, part), lines, buffer = inputs, [], self.memory.buffer_of[value]
        if self.text.get(x) != name and self.memory.buffer_of.get(x) is not buffer:
            start = self._argument(x) if uniform(x) is None else _number(x.array.flat[0])
            lines.append(f"{name}[...] = {start}")
        text = self._argument(part, literal=True)
        if function is values.with_added_at:
            return [*lines, f"np.add.at({name}, {self._argument(index)}, {text})"]
        sign = "" if function is values.with_item else "+"
        if sign and text[0] == "-" and uniform(part) is not None:
            sign, text = "-", text[1:]
        return [*lines, f"{name}[{self._index(index)}] {sign}= {text}"]

    def _formula(self, value: Value) -> str | None:
        """For a comment: what a Value is, in names of the code; None where its call shows that."""
        inputs = value.inputs
        if value.function is np.matmul:
            ones = [uniform(x) == 1 for x in inputs]
            if value.shape == ():
                x, y = (x.inputs[0] if x.function is np.reshape else x for x in inputs)
                a, b = map(self._plain, (x, y) if x.shape == y.shape or any(ones) else inputs)
                square = f"({a}**2)" if a == b else f"({a} * {b})"
                return f"{b if ones[0] else a if ones[1] else square}.sum()"
            a, b = map(self._plain, inputs)
            if ones[0] and inputs[0].array.ndim == 1:
                return f"{b}.sum(axis=0)"
            if ones[1] and inputs[1].shape[1:] in ((), (1,)):
                return f"{a}.sum(axis=1{', keepdims=True' * (value.array.ndim == 2)})"
            return None if value.phase == "forward" else f"{a} @ {b}"
        if value.function not in OPERATORS:
            return None
        inside = ["" if self.text.get(x, "c").isidentifier() else self._formula(x) for x in inputs]
        unnamed = [x for x in inputs if _is_number(x) and x.array.item() not in NUMBERS]
        hidden = unnamed or any(x.function is values.number for x in inputs)
        if not any(inside) and not (hidden and value in self.memory.buffer_of):
            return None
        texts = [text or self._plain(x) for text, x in zip(inside, inputs, strict=True)]
        return f" {OPERATORS[value.function]} ".join(texts)

    def _plain(self, x: Value) -> str:
        """The text of an operand: of a number what it is, of a transposed matrix what it was."""
        if x.function is values.number:
            return f"({x.inputs[0]})" if " " in x.inputs[0] else x.inputs[0]
        if _is_number(x):
            return _shortened(x.array[()])
        if x.function is np.transpose and x.array.ndim == 2:
            return f"{self._plain(x.inputs[0])}.T"
        return self._argument(x)

    def _call(self, value: Value, out: str | None = None) -> str:
        function: Any = value.function
        inputs, options = value.inputs, value.options
        if function is operator.getitem:
            return f"{self._argument(inputs[0])}[{self._index(inputs[1])}]"
        if function is np.transpose and inputs[1] == tuple(range(value.array.ndim))[::-1]:
            return f"{self._argument(inputs[0])}.T"
        if function in METHODS:
            given = ", ".join(map(self._index, inputs[1:]))
            return f"{self._argument(inputs[0])}.{function.__name__}({given})"
        # A number as text takes the dtype of the other arrays, so that has to be its own dtype.
        kinds = {x.dtype for x in inputs if isinstance(x, Value) and not x.constant}
        literal = isinstance(function, np.ufunc) and value.shape == () and out is None
        arguments = [self._argument(x, literal and kinds == {x.dtype}) for x in inputs]
        if literal and function in OPERATORS and not options:
            return f" {OPERATORS[function]} ".join(arguments)
        if literal and function is np.negative and not options:
            return f"-{arguments[0]}"
        arguments += [f"{key}={self._argument(x)}" for key, x in options.items()]
        arguments += [f"out={out}"] if out is not None else []
        # The method dot, which has less overhead, computes the same as np.matmul for matrices.
        is_dot = function is np.matmul and all(
            x.array.ndim <= 2 and x.dtype == value.dtype in (np.float32, np.float64) for x in inputs
        )
        name = f"{arguments.pop(0)}.dot" if is_dot else self._function(function)
        return f"{name}({', '.join(arguments)})"

    def _function(self, function: Any) -> str:
        name: str = getattr(function, "__name__", "function")
        owner = getattr(function, "__self__", None)
        if isinstance(owner, np.ufunc):
            return f"np.{owner.__name__}.{name}"
        for module in (np, np.linalg, np.fft):
            if getattr(module, name, None) is function:
                return f"{module.__name__.replace('numpy', 'np')}.{name}"
        return self._object(function, name.split(" ")[0])

    def _object(self, thing: Any, wanted: str) -> str:
        """The name of an object that cannot be written as text: it is passed as an argument."""
        known = {id(x): name for name, x in self.captured.items()}
        name = known.get(id(thing)) or self.names.new(wanted)
        self.captured[name] = thing
        return name

    def _argument(self, x: Any, literal: bool = False) -> str:
        if isinstance(x, Value):
            return self._constant(x, literal) if x.constant else self.text[x]
        if isinstance(x, list | tuple):
            inside = ", ".join(map(self._argument, x))
            return f"[{inside}]" if isinstance(x, list) else f"({inside}{',' * (len(x) == 1)})"
        if isinstance(x, np.dtype | type):
            return _dtype(x)
        if isinstance(x, float):
            return _number(x)
        if isinstance(x, slice):
            return f"np.s_[{_ends(x)}]"
        if x is Ellipsis or isinstance(x, bool | int | str | None):
            return "..." if x is Ellipsis else repr(x)
        return self._object(x, "rng" if isinstance(x, np.random.Generator) else type(x).__name__)

    def _index(self, index: Any) -> str:
        """What stands in brackets; of a shape or axes, what a method is given."""
        parts = index if isinstance(index, tuple) else (index,)
        texts = (_ends(x) if isinstance(x, slice) else self._argument(x) for x in parts)
        return ", ".join("np.newaxis" if text == "None" else text for text in texts) or "()"

    def _constant(self, value: Value, literal: bool) -> str:
        """A number as text, if ``literal``; else the name of an array made before the step."""
        array = value.array
        if literal and _is_number(value):
            return str(int(array)) if array[()].is_integer() else _number(array)
        if value not in self.text:
            wanted, text = _described(array)
            self.text[value] = self.names.new(wanted) if text else self._object(array, wanted)
            self.prelude += [f"{self.text[value]} = {text}"] if text else []
        return self.text[value]


def _ends(x: slice) -> str:
    ends = (x.start, x.stop) if x.step is None else (x.start, x.stop, x.step)
    return ":".join("" if end is None else str(operator.index(end)) for end in ends)


def _is_number(x: Any) -> bool:
    return isinstance(x, Value) and x.constant and x.shape == () and x.dtype.kind in "fiu"


def _shortened(x: Any) -> str:
    """A number for a comment: 0.25, (1 / 3); if it is neither, with six digits."""
    text, fraction = f"{x:g}", Fraction(float(x)).limit_denominator(9999) if np.isfinite(x) else 0
    exact = x.dtype.type(text) == x or x.dtype.type(float(fraction)) != x
    return text if exact else f"({fraction})".replace("/", " / ")


def _number(x: Any) -> str:
    if np.ndim(x):
        return f"[{', '.join(map(_number, x))}]"
    return str(x) if np.isfinite(x) else f"{'-' if x < 0 else ''}np.{abs(x)}"


def _dtype(x: Any) -> str:
    return f"np.{np.dtype(x).name}".replace("np.bool", "bool").replace("np.object", "object")


def _form(array: Any, *number: str) -> str:
    """What np.empty, np.ones or np.full is given, to make an array like this one."""
    parts = [str(array.size if array.ndim == 1 else array.shape), *number]
    parts += [_dtype(array.dtype)] if array.dtype != np.float64 else []
    return ", ".join(parts if array.flags.c_contiguous else [*parts, 'order="F"'])


def _described(array: Any) -> tuple[str, str]:
    """A name for a constant array, and how to make it; empty if it is too long to be written."""
    if array.dtype.kind not in "fiub" or array.itemsize > 8:
        return "c", ""
    if array.dtype == np.int64 and np.array_equal(array, np.arange(array.size)):
        return "rows", f"np.arange({array.size})"
    first = array.flat[0] if array.size else 0
    full = array.tobytes() == np.full_like(array, first).tobytes()
    name = {"1": "ones", "0": "zeros"}.get(_number(first).removesuffix(".0"))  # but not for -0.0
    if full and name and array.ndim:
        return f"{name}_{len(array)}", f"np.{name}({_form(array)})"
    if array.size <= 8:
        dtype = f", {_dtype(array.dtype)}" * (array.dtype not in (np.float64, np.int64, bool))
        name = "c" if array.ndim else NUMBERS.get(array.item(), "c")
        return name, f"np.array({_number(array)}{dtype})"
    return "c", f"np.full({_form(array, _number(first))})" if full else ""
