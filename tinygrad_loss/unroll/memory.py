"""Memory: which Values are written into which buffer, allocated once and reused at every call.

When the last call that reads a Value has run, its buffer can be used for another Value of the same
shape. If that call is elementwise, it can write its own result there.
"""

import operator
import sys
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..engine.ops import is_basic
from . import values
from .values import Check, Value, copied, number, random, values_in

# They change some elements of their first input.
WRITING = {values.with_item, values.with_added, values.with_added_at}
WITH_OUT = {np.concatenate, np.clip, random, number, copied, *WRITING}  # though they are not ufuncs
END = sys.maxsize  # after the last


def is_view(value: Value) -> bool:
    """Whether the result may be a view of the first input."""
    if value.function is operator.getitem:
        return is_basic(value.inputs[1])
    return value.function in (np.reshape, np.transpose, np.broadcast_to)


@dataclass(eq=False, repr=False, slots=True)
class Buffer:
    """Memory of one shape and dtype, and the Values that are written into it, one after another."""

    array: Any
    values: list[Value]


class Memory:
    """The plan: ``values`` in order, those that are needed, and ``buffer_of`` some of them.

    ``home[view]`` is the Value whose memory a view shows. ``argument_of`` says which Values are
    written into which argument, by the update.
    """

    def __init__(self, recording: Any) -> None:
        trace, written = recording.trace, recording.written
        checks = [c for c in trace.checks if c.data not in recording.arguments]
        self.result, self.gradients = recording.value, recording.gradients or []
        kept = self.result, *self.gradients, *written.values()
        needed = {*kept, *(c.data for c in checks)}
        for value in reversed(trace.values):
            if value in needed or value.function is random:  # which is drawn in any case
                needed |= {value, *value.sources}
        self.values = [value for value in trace.values if value in needed]
        self.readers: defaultdict[Value, list[Value | Check]] = defaultdict(list)
        for value in self.values:
            for source in dict.fromkeys(value.sources):
                self.readers[source].append(value)
        for check in checks:
            self.readers[check.data].append(check)
        self.home = {x: x for value in self.values for x in (value, *value.sources)}
        self.layout: dict[Value, Any] = {}
        self._choose_layouts()
        # The position of what reads it last, also by a view.
        self.last = {self.home[x]: i for i, y in enumerate(self.values) for x in y.sources}
        self.last |= dict.fromkeys((self.home[x] for x in kept), END)
        self.buffers: list[Buffer] = []
        self.buffer_of: dict[Value, Buffer] = {}
        self.argument_of: dict[Value, Value] = {}
        for argument, new in written.items():
            steps = self._steps(argument, new)
            if not steps:
                steps = [Value(new.array, copied, (new,), phase=trace.phase)]
                self.values += steps
                self.readers[new] += steps
            self.argument_of |= dict.fromkeys(steps, argument)
        self._place()
        given = {argument: Buffer(argument.array, []) for argument in written}
        self.buffer_of |= {step: given[argument] for step, argument in self.argument_of.items()}

    def shown_by(self, view: Value) -> Buffer | None:
        """The buffer that a view shows; None if it shows an array that differs at each call."""
        home = self.home[view]
        return None if home in self.argument_of else self.buffer_of.get(home)

    def _steps(self, argument: Value, new: Value) -> list[Value]:
        """The Values from ``argument`` on to ``new``, if each can overwrite the one before it."""
        steps, value = [], argument
        while value is not new:
            at = self.last.get(value, END)
            if at == END or not self._overwrites(self.values[at], value):
                return []
            value = self.values[at]
            steps.append(value)
        return steps

    def _overwrites(self, value: Value, source: Value) -> bool:
        """Whether the result can be written where its input is: elements are read before."""
        if value.function in WRITING:
            can, others = value.inputs[0] is source, list(values_in(value.inputs[1:]))
        else:
            can, others = _is_elementwise(value), [x for x in value.sources if x is not source]
        same = (value.shape, value.dtype) == (source.shape, source.dtype)
        return can and same and all(self.home[x] is not source for x in others)

    def _takes_buffer(self, value: Value) -> bool:
        owned = value.shape != () or value in self.gradients or value.function is number
        return takes_out(value) and owned

    def _choose_layouts(self) -> None:
        """Find, for each Value, an array with the layout in memory that it will have."""
        for value in self.values:
            if self._takes_buffer(value):
                order: Any = "F" if self._by_columns(value) else "C"
                self.layout[value] = np.empty(value.shape, value.dtype, order)
                continue
            layout, sources = value.array, {x: x.array for x in value.sources}
            if is_view(value):
                sources = {x: self.layout.get(x, x.array) for x in sources}
                layout = value.function(*sources.values(), *value.inputs[1:])
            self.layout[value] = layout
            for source, array in sources.items():  # any other function may return a view, too
                if value.function is not copied and np.may_share_memory(layout, array):
                    self.home[value] = self.home[source]

    def _by_columns(self, value: Value) -> bool:
        """Whether to store a matrix column by column: if it has short rows that are reduced.

        Reducing many short rows spends its time on starting each; a few long columns are faster.
        """
        if not _is_elementwise(value) and value.function not in WRITING:
            return False
        readers = [x for x in self.readers[value] if isinstance(x, Value)]
        reducing = [x for x in readers if getattr(x.function, "__name__", "") == "reduce"]
        if any(x.options.get("axis") in (-1, 1) for x in reducing):
            n, width = value.shape if value.array.ndim == 2 else (0, 1)
            return 1 < width <= 32 and n >= width
        same = [x for x in value.sources if x.shape == value.shape]
        return any(self.layout[x].flags.fnc for x in same if x in self.layout)

    def _place(self) -> None:
        free: defaultdict[Any, list[Buffer]] = defaultdict(list)
        for i, value in enumerate(self.values):
            # In the order of the inputs: that of a set would differ from run to run.
            homes = dict.fromkeys(self.home[x] for x in value.sources)
            ended = [x for x in homes if x in self.buffer_of and self.last[x] == i]
            if self._takes_buffer(value) and value not in self.argument_of:
                key = _key(self.layout[value])
                taken = [self.buffer_of[x] for x in ended[::-1] if self._overwrites(value, x)]
                fitting = [each for each in taken if _key(each.array) == key] or free[key]
                buffer = fitting.pop() if fitting else Buffer(self.layout[value], [])
                self.buffers += [] if buffer.values else [buffer]
                buffer.values.append(value)
                self.buffer_of[value] = buffer
            for x in ended:
                buffer = self.buffer_of[x]
                if buffer.values[-1] is x:
                    free[_key(buffer.array)].append(buffer)


def _is_elementwise(value: Value) -> bool:
    return isinstance(value.function, np.ufunc) and value.function.signature is None


def takes_out(value: Value) -> bool:
    """Whether the function can write its result into a given array."""
    function: Any = value.function
    ufunc = getattr(function, "__self__", function)  # also that of ufunc.reduce
    return (isinstance(ufunc, np.ufunc) and value.dtype != object) or function in WITH_OUT


def _key(array: Any) -> Any:
    return array.dtype, array.shape, array.strides
