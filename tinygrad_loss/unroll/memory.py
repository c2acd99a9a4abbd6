"""Memory: which Values are written into which buffer, allocated once and reused at every call.

When the last call that reads a Value has run, its buffer can be used for another Value of the same
shape. If that call is elementwise, it can write its own result there.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np

from .values import Check, Value, astype, random, values_in, with_added, with_added_at, with_item

COMPARISONS = {
    np.greater: ">", np.greater_equal: ">=", np.less: "<", np.less_equal: "<=",
    np.equal: "==", np.not_equal: "!=",
}  # fmt: skip
VIEWS = {np.reshape, np.transpose, np.broadcast_to}
WRITING = {with_item, with_added, with_added_at}  # they change some elements of their first input
WITH_OUT = {np.concatenate, np.clip}  # take out=, though they are not ufuncs
LARGE = 1 << 14  # from so many bytes on, sharing memory is worth a line of source
FRESH = {np.where, np.concatenate, np.take, astype}  # they return memory of their own


def copied(x: Any) -> Any:
    """A copy, for a gradient that would otherwise share its memory with another Value."""
    return x.copy()


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
        index = value.inputs[1]
        parts = index if isinstance(index, tuple) else (index,)
        return all(isinstance(i, int | np.integer | slice | type(None) | type(...)) for i in parts)
    return value.function in VIEWS


class Buffer:
    """Memory of one shape and dtype, the last Value written into it, and when it is in use.

    ``host`` is the buffer of a gradient inside which it lies, ``offset`` bytes from its start.
    """

    __slots__ = ("array", "first", "host", "last", "occupant", "offset")

    def __init__(self, array: Any, occupant: Value, first: int) -> None:
        self.array = array
        self.occupant = occupant
        self.first = self.last = first
        self.host: Buffer | None = None
        self.offset = 0


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
        self.home: dict[Value, Value] = {}
        self.layout: dict[Value, Any] = {}
        self.buffers: list[Buffer] = []
        self.buffer_of: dict[Value, Buffer] = {}
        self.conditions = self._conditions()
        self._choose_layouts()
        self.last = self._last_readers(checks)
        self._place()
        self._share_with_gradients()

    def _owned(self, gradients: list[Value]) -> list[Value]:
        owned, taken = [], {self.result}
        for g in gradients:
            home = g
            while is_view(home) and home.function is not np.broadcast_to:
                home = home.inputs[0]
            fresh = home.function in FRESH and home.shape != ()
            if home in taken or not (_takes_out(home) or fresh):
                g = home = Value(g.array, copied, (g,), name=g.name)
                self.values.append(g)
            taken.add(home)
            owned.append(g)
        return owned

    def _conditions(self) -> set[Value]:
        """Comparisons used only in the ``np.where`` that follows: ``np.where(x > 0, x, 0)``."""
        readers = Counter(source for value in self.values for source in set(value.sources))
        return {
            value
            for value, after in pairwise(self.values)
            if (value.function in COMPARISONS or value.function is np.isfinite)
            and after.function is np.where
            and after.inputs[0] is value
            and readers[value] == 1
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

    def _last_readers(self, checks: list[Check]) -> dict[Value, int]:
        last: dict[Value, int] = {}
        for i, value in enumerate(self.values):
            for source in value.sources:
                last[self.home.get(source, source)] = i
        position = {value: i for i, value in enumerate(self.values)}
        for check in checks:
            sources = list(values_in(check.data))
            at = max(position.get(x, -1) for x in sources)
            for x in sources:
                home = self.home.get(x, x)
                last[home] = max(at, last.get(home, -1))
        for value in (self.result, *self.gradients):
            last[self.home.get(value, value)] = len(self.values)
        return last

    def _place(self) -> None:
        free: dict[Any, list[Buffer]] = {}
        for i, value in enumerate(self.values):
            sources = set(value.sources)
            if self._takes_buffer(value):
                layout = self.layout[value]
                key = _key(layout)
                buffer = self._taken_over(i, value, key)
                if buffer is None and free.get(key):
                    buffer = free[key].pop()
                if buffer is None:
                    buffer = Buffer(layout, value, i)
                    self.buffers.append(buffer)
                buffer.occupant = value
                buffer.last = max(buffer.last, self.last.get(value, i))
                self.buffer_of[value] = buffer
            for home in {self.home.get(source, source) for source in sources}:
                buffer = self.buffer_of.get(home)
                if buffer is not None and buffer.occupant is home and self.last[home] == i:
                    free.setdefault(_key(buffer.array), []).append(buffer)

    def _share_with_gradients(self) -> None:
        """Put large buffers inside those of gradients that are written after their last reader."""
        gradients = [self.buffer_of[g] for g in self.gradients if g in self.buffer_of]
        for buffer in sorted(self.buffers, key=lambda b: -b.array.nbytes):
            array = buffer.array
            if buffer in gradients or array.nbytes < LARGE or not array.flags.c_contiguous:
                continue
            for host in gradients:
                tenants = [b for b in self.buffers if b.host is host]
                tenants = [b for b in tenants if b.first <= buffer.last and buffer.first <= b.last]
                ends = (b.offset + b.array.nbytes for b in tenants)
                offset = -(-max(ends, default=0) // 64) * 64
                if buffer.last < host.first and offset + buffer.array.nbytes <= host.array.nbytes:
                    buffer.host, buffer.offset = host, offset
                    break

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
    return (
        (isinstance(function, np.ufunc) and value.dtype != object)
        or isinstance(getattr(function, "__self__", None), np.ufunc)
        or function in WRITING
        or function in WITH_OUT
        or function in (copied, random)
    )


def _key(array: Any) -> Any:
    return array.dtype, array.shape, array.strides
