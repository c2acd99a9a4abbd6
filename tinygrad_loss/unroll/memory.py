"""Memory: which Values are written into which buffer, allocated once and reused at every call.

When the last call that reads a Value has run, its buffer can be used for another Value of the same
shape. If that call is elementwise, it can write its own result there.
"""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from .values import Check, Value, is_basic, random, values_in, with_added, with_added_at, with_item

COMPARISONS = {
    np.greater: ">", np.greater_equal: ">=", np.less: "<", np.less_equal: "<=",
    np.equal: "==", np.not_equal: "!=",
}  # fmt: skip
VIEWS = {np.reshape, np.transpose, np.broadcast_to}
WRITING = {with_item, with_added, with_added_at}  # they change some elements of their first input


def copied(x: Any) -> Any:
    """A copy, for a gradient that would otherwise share its memory with another Value."""
    return x.copy()


WITH_OUT = {np.concatenate, np.clip, random, copied, *WRITING}  # though they are not ufuncs


def live(values: list[Value], read: Iterable[Value]) -> list[Value]:
    """The Values that ``read`` needs, in order. Random numbers are always drawn."""
    needed = set(read)
    for value in reversed(values):
        if value.function is random:
            needed.add(value)
        if value in needed:
            needed.update(value.sources)
    return [value for value in values if value in needed]


def is_view(value: Value) -> bool:
    """Whether the result may be a view of the first input."""
    if value.function is operator.getitem:
        return is_basic(value.inputs[1])
    return value.function in VIEWS


@dataclass(eq=False, repr=False, slots=True)
class Buffer:
    """Memory of one shape and dtype, and the Values that are written into it, one after another."""

    array: Any
    values: list[Value]


class Memory:
    """The plan: ``values`` in order, and the buffer of each that is written into one.

    ``home[view]`` is the Value whose memory a view shows. ``gradients`` are those given, but copies
    where they would share memory with an input, a constant or each other.
    """

    def __init__(
        self, values: list[Value], result: Value, gradients: list[Value], checks: list[Check]
    ) -> None:
        self.values = list(values)
        self.result = result
        self.gradients = self._owned(gradients)
        self.readers: defaultdict[Value, list[Value | Check]] = defaultdict(list)
        for value in self.values:
            for source in dict.fromkeys(value.sources):
                self.readers[source].append(value)
        for check in checks:
            self.readers[check.data].append(check)
        self.home: dict[Value, Value] = {}
        self.layout: dict[Value, Any] = {}
        self.buffers: list[Buffer] = []
        self.buffer_of: dict[Value, Buffer] = {}
        self.conditions = self._conditions()
        self._choose_layouts()
        self.last = self._last_readers()
        self._place()

    def _owned(self, gradients: list[Value]) -> list[Value]:
        owned, taken = [], {self.result}
        for g in gradients:
            home = g
            while is_view(home) and home.function is not np.broadcast_to:
                home = home.inputs[0]
            if home in taken or not (_takes_out(home) or home.function is np.where):
                g = home = Value(g.array, copied, (g,), name=g.name)
                self.values.append(g)
            taken.add(home)
            owned.append(g)
        return owned

    def _conditions(self) -> set[Value]:
        """Comparisons used only in the ``np.where`` that follows: ``np.where(x > 0, x, 0)``."""
        return {
            value
            for value, after in pairwise(self.values)
            if (value.function in COMPARISONS or value.function is np.isfinite)
            and after.function is np.where
            and after.inputs[0] is value
            and self.readers[value] == [after]
            and not value.ignored
        }

    def _takes_buffer(self, value: Value) -> bool:
        owned = value.shape != () or value in self.gradients
        return _takes_out(value) and owned and value not in self.conditions

    def _choose_layouts(self) -> None:
        """Find, for each Value, an array with the layout in memory that it will have."""
        reduced = {
            value.inputs[0]
            for value in self.values
            if getattr(value.function, "__name__", "") == "reduce"
            and value.options.get("axis") in (-1, 1)
        }
        for value in self.values:
            if is_view(value):
                source = value.inputs[0]
                base = self.layout.get(source, source.array)
                self.layout[value] = value.function(base, *value.inputs[1:])  # type: ignore[misc]
                if np.may_share_memory(self.layout[value], base):
                    self.home[value] = self.home.get(source, source)
            elif self._takes_buffer(value):
                order: Any = "F" if self._by_columns(value, reduced) else "C"
                self.layout[value] = np.empty(value.shape, value.dtype, order)
            else:
                self.layout[value] = value.array
                for source in value.sources:
                    # Any other function may have returned a view, too.
                    if value.shape != () and np.may_share_memory(value.array, source.array):
                        self.home[value] = self.home.get(source, source)

    def _by_columns(self, value: Value, reduced: set[Value]) -> bool:
        """Whether to store a matrix column by column: if it has short rows that are reduced.

        Reducing many short rows spends its time on starting each; a few long columns are faster.
        """
        if value.function in WRITING:
            return bool(self.layout.get(value.inputs[0], value.array).flags.fnc)
        if not isinstance(value.function, np.ufunc) or value.function.signature:
            return False
        if value in reduced:
            n, width = value.shape if value.array.ndim == 2 else (0, 1)
            return 1 < width <= 32 and n >= width
        same = [x for x in value.sources if x.shape == value.shape]
        return any(self.layout[x].flags.fnc for x in same if x in self.layout)

    def _last_readers(self) -> dict[Value, int]:
        """The position of the last Value that reads each, also by a view; or the end."""
        position = {value: i for i, value in enumerate(self.values)}
        last: dict[Value, int] = {}
        for source, readers in self.readers.items():
            # A check reads its Value as soon as it is computed.
            at = max(position[x.data if isinstance(x, Check) else x] for x in readers)
            home = self.home.get(source, source)
            last[home] = max(at, last.get(home, -1))
        for value in (self.result, *self.gradients):
            last[self.home.get(value, value)] = len(self.values)
        return last

    def _place(self) -> None:
        free: dict[Any, list[Buffer]] = {}
        for i, value in enumerate(self.values):
            if self._takes_buffer(value):
                layout = self.layout[value]
                key = _key(layout)
                buffer = self._taken_over(i, value, key)
                if buffer is None and free.get(key):
                    buffer = free[key].pop()
                if buffer is None:
                    buffer = Buffer(layout, [])
                    self.buffers.append(buffer)
                buffer.values.append(value)
                self.buffer_of[value] = buffer
            # In the order of the inputs: that of a set would differ from run to run.
            for home in dict.fromkeys(self.home.get(source, source) for source in value.sources):
                buffer = self.buffer_of.get(home)
                if buffer is not None and buffer.values[-1] is home and self.last[home] == i:
                    free.setdefault(_key(buffer.array), []).append(buffer)

    def _taken_over(self, i: int, value: Value, key: Any) -> Buffer | None:
        """The buffer of an input not needed later, if elements are read before they are written."""
        for source in values_in(value.inputs):
            buffer = self.buffer_of.get(source)
            if buffer is None or self.last[source] != i or _key(buffer.array) != key:
                continue
            if value.function in WRITING:
                others = list(values_in(value.inputs[1:]))
                if value.inputs[0] is not source:
                    continue
            elif isinstance(value.function, np.ufunc) and value.function.signature is None:
                others = [x for x in value.sources if x is not source]
            else:
                continue
            if all(self.home.get(x, x) is not source for x in others):
                return buffer
        return None


def _takes_out(value: Value) -> bool:
    function: Any = value.function
    ufunc = getattr(function, "__self__", function)  # also that of ufunc.reduce
    return (isinstance(ufunc, np.ufunc) and value.dtype != object) or function in WITH_OUT


def _key(array: Any) -> Any:
    return array.dtype, array.shape, array.strides
