"""Writing: from Values to straight-line NumPy source, one statement per Value."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .memory import COMPARISONS, WRITING, Memory, copied, is_view
from .names import Names, fallback, shown
from .simplify import uniform
from .values import HARMLESS, Check, Value, astype, random, with_added_at, with_item

OPERATORS = {
    np.add: "+", np.subtract: "-", np.multiply: "*", np.divide: "/", np.power: "**",
}  # fmt: skip


class Writer:
    """The source, and the namespace that it runs in."""

    def __init__(self, arguments: list[Value], memory: Memory, n_forward: int) -> None:
        self.memory = memory
        self.names = Names()
        self.namespace: dict[str, Any] = {"np": np}
        self.prelude: list[str] = []
        self.views: dict[int, list[str]] = {}
        self.text = {value: self.names.new(value.name or "x") for value in arguments}
        self.constants: dict[Value, str] = {}
        self.position = {value: i for i, value in enumerate(memory.values)}
        self._name_values()
        body = self._body(n_forward)
        self.source = self._assembled(arguments, body)

    # --- names ---

    def _name_values(self) -> None:
        memory = self.memory
        same: dict[Value, Value] = {}
        unnamed = []
        for value in reversed(memory.values):
            readers = [x for x in memory.readers[value] if isinstance(x, Value)]
            after = readers[0] if len(memory.readers[value]) == 1 and readers else None
            if self._inline(value, after):
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
            self.text[value] = self.names.new(fallback(value, list(map(self._named, value.inputs))))
        for value in reversed(memory.values):
            if value in same:
                self.text[value] = self.text[same[value]]

    def _named(self, x: Any) -> str:
        """The name of an input, or of the last part of an index; empty if there is none."""
        if isinstance(x, tuple) and x:
            return self._named(x[-1])
        return self.text.get(x, "") if isinstance(x, Value) else ""

    def _continues(self, value: Value, after: Value) -> bool:
        """Whether ``after`` updates ``value`` in place under its name: h = x @ W; h = h + b."""
        buffers = self.memory.buffer_of
        return (
            value in buffers
            and buffers.get(after) is buffers[value]
            and value in after.inputs
            and (after.function in OPERATORS or "t" in (fallback(value, []), fallback(after, [])))
        )

    def _inline(self, value: Value, after: Value | None) -> bool:
        """Whether an expression is written where it is read, instead of getting a name.

        So are ``W1.T``, a view of an array that differs at each call, and a sum that is divided.
        """
        memory = self.memory
        if value is memory.result or value in memory.gradients:
            return False
        if is_view(value):
            fixed = memory.home.get(value, value) in memory.buffer_of
            return not fixed and (value.function is np.transpose or after is not None)
        # What it reads may be overwritten soon, so it has to be read in the next statement.
        if after is None or self.position[after] != self.position[value] + 1:
            return False
        return value in memory.conditions or (
            value.shape == after.shape == ()
            and after.function in OPERATORS
            and after not in memory.buffer_of
            and not isinstance(value.function, np.ufunc)
            and not value.ignored
        )

    # --- statements ---

    def _body(self, n_forward: int) -> list[str]:
        lines: list[tuple[Any, str]] = []  # each with the floating-point errors that it ignores
        for i, value in enumerate(self.memory.values):
            if i in (0, n_forward):
                lines.append(({}, "# forward" if i < n_forward else "# backward"))
            ignored = None if value.function in HARMLESS else value.ignored
            lines += [(ignored, line) for line in self._statements(value)]
            for check in self.memory.readers[value]:
                if isinstance(check, Check):
                    lines.append(({}, f"{self._object(check, 'check')}({self._argument(value)})"))
        return _under_errstate(lines)

    def _statements(self, value: Value) -> list[str]:
        memory = self.memory
        name = self.text.get(value)
        if value in memory.buffer_of:
            return self._into_buffer(value, self.text[value])
        if name is None:
            self.text[value] = self._call(value)
            return []
        home = memory.buffer_of.get(memory.home.get(value, value))
        line = f"{name} = {self._call(value)}"
        if is_view(value) and home is not None:
            self.views.setdefault(id(home), []).append(line)
            return []
        return [line]

    def _into_buffer(self, value: Value, name: str) -> list[str]:
        function, inputs = value.function, value.inputs
        if function is random:
            return [f"{self._argument(inputs[0])}.random(out={name})"]
        if function is copied:
            return [f"np.copyto({name}, {self._argument(inputs[0])})"]
        if function not in WRITING:
            return [self._call(value, out=name)]
        x, index, part = inputs
        lines = []
        buffers = self.memory.buffer_of
        if buffers.get(x) is not buffers[value]:
            number = uniform(x)
            start = self._argument(x) if number is None else _number(x.array.flat[0])
            lines.append(f"{name}[...] = {start}")
        text = self._argument(part, literal=True)
        if function is with_added_at:
            return [*lines, f"np.add.at({name}, {self._argument(index)}, {text})"]
        target = f"{name}[{self._index(index)}]"
        if function is with_item:
            return [*lines, f"{target} = {text}"]
        minus = text.startswith("-") and uniform(part) is not None
        return [*lines, f"{target} -= {text[1:]}" if minus else f"{target} += {text}"]

    # --- expressions ---

    def _call(self, value: Value, out: str | None = None) -> str:
        function, inputs = value.function, value.inputs
        if function is operator.getitem:
            return f"{self._argument(inputs[0])}[{self._index(inputs[1])}]"
        if function is astype:
            return f"{self._argument(inputs[0])}.astype({self._argument(inputs[1])})"
        if function is np.transpose:
            x, axes = inputs
            reverse = axes == tuple(range(len(axes)))[::-1]
            return f"{self._argument(x)}.T" if reverse else f"{self._argument(x)}.transpose{axes}"
        if function is np.reshape:
            return f"{self._argument(inputs[0])}.reshape({', '.join(map(str, inputs[1])) or '()'})"
        # A number as text takes the dtype of the other arrays, so that has to be its own dtype.
        given = [x for x in inputs if isinstance(x, Value)]
        others = {x.dtype for x in given if not x.constant and isinstance(function, np.ufunc)}
        arguments = [self._argument(x, literal=x in given and others == {x.dtype}) for x in inputs]
        if out is None and value.shape == () and not value.options:
            if function in OPERATORS:
                return f" {OPERATORS[function]} ".join(arguments)
            if function is np.negative:
                return f"-{arguments[0]}"
        if out is None and function in COMPARISONS and not value.options:
            return f" {COMPARISONS[function]} ".join(arguments)
        arguments += [f"{key}={self._argument(x)}" for key, x in value.options.items()]
        if out is not None:
            arguments.append(f"out={out}")
        return f"{self._function(value)}({', '.join(arguments)})"

    def _function(self, value: Value) -> str:
        if value.function is np.matmul and self._is_dot(value):
            return "np.dot"
        function: Any = value.function
        name: str = getattr(function, "__name__", "function")
        owner = getattr(function, "__self__", None)
        if isinstance(owner, np.ufunc):
            return f"np.{owner.__name__}.{name}"
        for module in (np, np.linalg, np.fft):
            if getattr(module, name, None) is function:
                return f"{module.__name__.replace('numpy', 'np')}.{name}"
        return self._object(function, name.split(" ")[0])

    def _is_dot(self, value: Value) -> bool:
        """Whether np.dot, which has less overhead, computes the same as np.matmul."""
        return (
            value in self.memory.buffer_of
            and value.dtype in (np.float32, np.float64)
            and all(x.array.ndim <= 2 and x.dtype == value.dtype for x in value.inputs)
        )

    def _object(self, thing: Any, wanted: str) -> str:
        """The name of an object that cannot be written as text."""
        for name, known in self.namespace.items():
            if known is thing:
                return name
        name = self.names.new(wanted)
        self.namespace[name] = thing
        self.prelude.append(f"{name} = ...  # {type(thing).__name__}, captured by the function")
        return name

    def _argument(self, x: Any, literal: bool = False) -> str:
        if isinstance(x, Value):
            return self._constant(x, literal) if x.constant else self.text[x]
        if isinstance(x, list):
            return f"[{', '.join(map(self._argument, x))}]"
        if isinstance(x, tuple):
            inside = ", ".join(map(self._argument, x))
            return f"({inside},)" if len(x) == 1 else f"({inside})"
        if isinstance(x, np.dtype) or (isinstance(x, type) and issubclass(x, np.generic)):
            return f"np.{np.dtype(x).name}"
        if isinstance(x, float):
            return _number(x)
        if x is Ellipsis:
            return "..."
        if x is None or isinstance(x, bool | int | str):
            return repr(x)
        return self._object(x, "rng" if isinstance(x, np.random.Generator) else type(x).__name__)

    def _index(self, index: Any) -> str:
        parts = index if isinstance(index, tuple) else (index,)
        return ", ".join(map(self._index_part, parts)) or "()"

    def _index_part(self, x: Any) -> str:
        if not isinstance(x, slice):
            return "np.newaxis" if x is None else self._argument(x)
        ends = ["" if end is None else self._argument(end) for end in (x.start, x.stop, x.step)]
        return ":".join(ends if ends[2] else ends[:2])

    def _constant(self, value: Value, literal: bool) -> str:
        """A number as text, if ``literal``; else the name of an array made before the step."""
        array = value.array
        if literal and array.shape == () and array.dtype.kind in "fiu":
            return _number(array[()])
        if value not in self.constants:
            name, text = _described(array)
            self.constants[value] = name = self.names.new(name)
            self.namespace[name] = array
            self.prelude.append(f"{name} = {text}")
        return self.constants[value]

    # --- the whole source ---

    def _assembled(self, arguments: list[Value], body: list[str]) -> str:
        memory = self.memory
        result = self._argument(memory.result)
        if memory.result.shape != ():
            result += ".copy()"
        gradients = ", ".join(map(self._argument, memory.gradients))
        comma = "," if len(memory.gradients) == 1 else ""
        lines = ["import numpy as np", "", *self.prelude]
        own: dict[str, list[tuple[str, str]]] = {}
        for buffer in memory.buffers:
            array, views = buffer.array, self.views.get(id(buffer), [])
            options = "" if array.dtype == np.float64 else f", {self._argument(array.dtype)}"
            options += "" if array.flags.c_contiguous else ', order="F"'
            names = " = ".join(dict.fromkeys(self.text[value] for value in buffer.values))
            if buffer.values[-1] in memory.gradients and len(buffer.values) == 1 and not views:
                own.setdefault(options, []).append((names, _sizes(array.shape)))
            else:
                lines += [f"{names} = np.empty({_sizes(array.shape)}{options})", *views]
        for options, buffers in own.items():
            lines += [_allocated(buffers[i : i + 4], options) for i in range(0, len(buffers), 4)]
        lines += ["", "", f"def step({', '.join(self.text[value] for value in arguments)}):"]
        lines += [f"    {line}" for line in body]
        lines += [f"    return {result}, ({gradients}{comma})", ""]
        return "\n".join(lines)


def _under_errstate(lines: list[tuple[Any, str]]) -> list[str]:
    """The lines, those that ignore errors in blocks; harmless ones (None) between them join."""
    text: list[str] = []
    state: dict[str, str] = {}
    for i, (ignored, line) in enumerate(lines):
        if ignored is None:
            after: Any = next((each for each, _ in lines[i:] if each is not None), {})
            ignored = state if after == state else {}
        if ignored and ignored != state:
            kinds = [f'{kind}="{how}"' for kind, how in sorted(ignored.items())]
            text.append(f"with np.errstate({', '.join(kinds)}):")
        state = ignored
        text.append(f"    {line}" if state else line)
    return text


def _number(x: Any) -> str:
    if np.isnan(x):
        return "np.nan"
    if np.isinf(x):
        return "np.inf" if x > 0 else "-np.inf"
    return str(x)


def _sizes(shape: tuple[int, ...]) -> str:
    return str(shape[0]) if len(shape) == 1 else str(shape)


def _allocated(buffers: list[tuple[str, str]], options: str) -> str:
    """A statement that allocates several buffers."""
    names, shapes = (", ".join(part) for part in zip(*buffers, strict=True))
    if len(buffers) == 1:
        return f"{names} = np.empty({shapes}{options})"
    return f"{names} = (np.empty(n{options}) for n in [{shapes}])"


def _nested(array: Any) -> str:
    return f"[{', '.join(map(_nested, array))}]" if array.ndim else _number(array[()])


def _described(array: Any) -> tuple[str, str]:
    """A name for a constant array, and how to make it."""
    kind = f", np.{array.dtype}" if array.dtype not in (np.float64, np.int64, bool) else ""
    if array.ndim == 1 and np.array_equal(array, np.arange(array.size)) and array.dtype == np.int64:
        return "rows", f"np.arange({array.size})"
    if array.ndim and array.dtype.kind in "fiu" and (array == 1).all():
        return f"ones_{len(array)}", f"np.ones({_sizes(array.shape)}{kind})"
    if array.size <= 8 and array.dtype.kind in "fiub":
        return "c", f"np.array({_nested(array)}{kind})"
    if array.dtype.kind in "fiub" and (array == array.flat[0]).all():
        return "c", f"np.full({array.shape}, {_number(array.flat[0])}{kind})"
    return "c", f"...  # {array.dtype} {array.shape}, captured by the function"
