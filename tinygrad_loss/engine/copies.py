"""Copies of Tensors: in this process with their graph, in a file or another process without."""

from copy import deepcopy
from operator import attrgetter
from typing import Any

import numpy as np


class Copied:
    """What ``copy.deepcopy`` and ``pickle`` do with a Tensor: the base of ``Node``."""

    __slots__ = ()
    _requires_grad: bool
    stamp: int

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        """Copy a Tensor and all that it was computed from; stamps too, so that changes are seen."""
        for node in sorted(ancestors(self), key=attrgetter("stamp")):  # inputs before their users
            if id(node) in memo:
                continue
            new: Any = object.__new__(type(node))
            for slot in ("_requires_grad", "_retains_grad", "name", "scopes", "stamp"):
                setattr(new, slot, getattr(node, slot))
            for slot in ("_array", "grad", "origin"):
                setattr(new, slot, deepcopy(getattr(node, slot), memo))
            if isinstance(new._array, np.ndarray):
                new._array.setflags(write=node._array.flags.writeable)
            memo[id(node)] = new
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


def ancestors(output: Any, since: int = 0) -> set[Any]:
    """All that ``output`` was computed from since a stamp, if it requires grad; and itself."""
    found, stack = {output}, [output]
    while stack:  # a loop, since a graph can be deeper than Python's stack
        origin = stack.pop().origin
        for x in origin[1] if origin else ():
            if isinstance(x, Copied) and x._requires_grad and x.stamp >= since and x not in found:
                found.add(x)
                stack.append(x)
    return found
