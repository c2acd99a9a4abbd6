"""Copies of Tensors: in this process with their graph, in a file or another process without."""

from __future__ import annotations

from copy import deepcopy
from operator import attrgetter
from typing import Any

import numpy as np


class Copied:
    """What ``copy.deepcopy`` and ``pickle`` do with a Tensor: the base of ``Node``."""

    __slots__ = ()
    _array: Any

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        """Copy a Tensor and all that it was computed from; stamps too, so that changes are seen."""
        found: set[Any] = {self}
        stack: list[Any] = [self]
        while stack:  # a loop, since a graph can be deeper than Python's stack
            _, inputs, _, _ = stack.pop().origin or (None, (), None, None)
            new = {x for x in inputs if isinstance(x, Copied)} - found
            found |= new
            stack += new
        for node in sorted(found, key=attrgetter("stamp")):  # inputs before what was computed
            if id(node) not in memo:
                memo[id(node)] = _copied_alone(node, memo)
        return memo[id(self)]

    def __copy__(self) -> Any:
        return deepcopy(self)  # a copy that shared its data would not see that they change

    def __reduce__(self: Any) -> Any:
        """Pickle a leaf. It gets a stamp of the process that reads it, whose clock is another."""
        if self.origin is not None:
            raise TypeError(
                f"{self!r} was computed, and its graph cannot be pickled. Pickle t.detach(), its "
                "values, or what it was computed from (a model, say), and compute it again."
            )
        names = ("_array", "_requires_grad", "_retains_grad", "grad", "name")
        return type(self), (0.0,), (None, {name: getattr(self, name) for name in names})


def _copied_alone(node: Any, memo: dict[int, Any]) -> Any:
    """Copy a Tensor whose inputs have been copied."""
    new: Any = object.__new__(type(node))
    for slot in ("_requires_grad", "_retains_grad", "name", "scopes", "stamp", "origin"):
        setattr(new, slot, getattr(node, slot))
    new._array, new.grad = deepcopy(node._array, memo), deepcopy(node.grad, memo)
    if isinstance(new._array, np.ndarray):
        new._array.setflags(write=node._array.flags.writeable)
    if node.origin:
        op, inputs, _, options = node.origin
        inputs, options = deepcopy((inputs, options), memo)
        arrays = [x._array if isinstance(x, Copied) else x for x in inputs]
        new.origin = op, inputs, arrays, options
    return new
