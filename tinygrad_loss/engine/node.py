"""A node of the graph: what ops and backprop need of a Tensor, which is a Node with methods."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias

from .copies import Copied

if TYPE_CHECKING:
    import numpy as np

    from .ops import Op

Array: TypeAlias = Any  # a numpy.ndarray, or an array of another library that speaks its protocols

# (op, inputs, arrays, options): the op that computed a node, and what it was given. The inputs are
# as they came: gradients go to the Tensors among them. The arrays are what forward computed from,
# the data of these Tensors and all else as it is: from them the rules compute the gradients.
Origin: TypeAlias = "tuple[Op, tuple[Any, ...], list[Array], dict[str, Any]]"

# One clock for all nodes. A node is stamped when it is made, and again when its data is assigned.
# So (1) a node is older than whatever was computed from it, and the chain rule can go from the
# newest to the oldest; (2) an input newer than what was computed from it has been changed since,
# and the chain rule refuses it. (It does not see a write into single elements, ``t.data[0] = 1``,
# or into a plain array that an op was given. ``detect_anomaly()`` does.)
now = count().__next__


class Node(Copied):
    """An array in the graph, and how it was made: None for a leaf, where gradients end.

    A leaf is a Tensor that you made, or that an op made without recording.
    """

    __slots__ = (
        "__weakref__", "_array", "_requires_grad", "_retains_grad", "grad", "name", "origin",
        "scopes", "stamp",
    )  # fmt: skip

    _array: Array
    _requires_grad: bool
    _retains_grad: bool
    grad: Array  # None until `backward()` has added one
    name: str | None
    origin: Origin | None
    scopes: tuple[tuple[Any, int], ...]  # (module or scope, its first stamp): who made it
    stamp: int

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the axes."""
        return self._array.shape

    @property
    def ndim(self) -> int:
        """How many axes there are."""
        return self._array.ndim

    @property
    def size(self) -> int:
        """How many elements there are."""
        return self._array.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the elements."""
        return self._array.dtype

    def item(self) -> Any:
        """The only element, as a Python number."""
        return self._array.item()

    def tolist(self) -> Any:
        """The elements as Python numbers, in nested lists."""
        return self._array.tolist()

    def argmax(self, axis: int | None = None) -> Array:
        """The position of the largest element; a plain array, without a gradient."""
        return self._array.argmax(axis)

    def argmin(self, axis: int | None = None) -> Array:
        """The position of the smallest element; a plain array, without a gradient."""
        return self._array.argmin(axis)

    def numpy(self) -> Array:
        """The array itself, not a copy. The graph does not see what is computed from it."""
        return self._array

    def __format__(self, spec: str) -> str:
        return format(self._array if self.ndim == 0 else self.item() if spec else str(self), spec)

    def __len__(self) -> int:
        return len(self._array)

    def __bool__(self) -> bool:
        return bool(self._array)
