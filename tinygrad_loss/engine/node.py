"""A node of the graph: an array, and how it was computed.

A Tensor is a Node with the methods of an array. Ops and the chain rule need no more of it than what
stands here, so they know nothing of Tensor.
"""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np

    from .ops import Op

Array: TypeAlias = Any  # a numpy.ndarray, or an array of another library that speaks its protocols

# (op, inputs, arrays, options): the op that computed a node, its inputs as they were given
# (Tensors, arrays, numbers), the same as arrays, and its options. Both are kept: to the inputs the
# gradients go, from the arrays the rules compute them. (``input.data`` may be another by then.)
Origin: TypeAlias = "tuple[Op, tuple[Any, ...], list[Array], dict[str, Any]]"

# One clock for all nodes. A node is stamped when it is made and again when its data is assigned. So
# (1) a node is older than whatever was computed from it: from the newest to the oldest is an order
# for the chain rule; (2) an input that is younger than what was computed from it has been changed.
now = count().__next__


class Node:
    """An array in the graph; ``origin`` is None for a leaf, which nothing was computed from."""

    __slots__ = (
        "__weakref__", "_data", "_requires_grad", "_retains_grad", "grad", "name", "origin",
        "scopes", "stamp",
    )  # fmt: skip

    _data: Array
    _requires_grad: bool
    _retains_grad: bool
    grad: Array  # None until `backward()` has added one
    name: str | None
    origin: Origin | None
    scopes: tuple[
        tuple[Any, int], ...
    ]  # the modules and scopes that it is the work of: see mode.py
    stamp: int

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the axes."""
        return self._data.shape

    @property
    def ndim(self) -> int:
        """How many axes there are."""
        return self._data.ndim

    @property
    def size(self) -> int:
        """How many elements there are."""
        return self._data.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the elements."""
        return self._data.dtype

    def item(self) -> Any:
        """The only element, as a Python number."""
        return self._data.item()

    def tolist(self) -> Any:
        """The elements as Python numbers, in nested lists."""
        return self._data.tolist()
