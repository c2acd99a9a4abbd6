"""A node of the graph: an array, and how it was computed.

A Tensor is a Node with the methods of an array. Ops and the chain rule need only what is defined
here, so their files do not import Tensor.
"""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np

    from .ops import Op

Array: TypeAlias = Any  # a numpy.ndarray, or an array of another library that speaks its protocols

# (op, inputs, arrays, options): the op that computed a node, and what it was given. The inputs are
# as they came: gradients go to the Tensors among them. The arrays are what forward computed from,
# the data of these Tensors and all else as it is: from them the rules compute the gradients, and
# need not look them up again.
Origin: TypeAlias = "tuple[Op, tuple[Any, ...], list[Array], dict[str, Any]]"

# One clock for all nodes. A node is stamped when it is made, and again when its data is assigned.
# So (1) a node is older than whatever was computed from it, and the chain rule can go from the
# newest to the oldest; (2) an input newer than what was computed from it has been changed since,
# and the chain rule refuses it. (It does not see a write into single elements, ``t.data[0] = 1``,
# or into a plain array that an op was given. ``detect_anomaly()`` does.)
now = count().__next__


class Node:
    """An array in the graph, and how it was made.

    ``origin`` is None for a leaf: a Tensor that you made, or that an op made without recording.
    Gradients end there.
    """

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
    scopes: tuple[tuple[Any, int], ...]  # (module or scope, its first stamp): who made it
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
