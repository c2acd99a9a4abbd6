"""What is an array, and what is a nest of Tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from .node import Array, Node


def as_array(data: Any, dtype: Any = None, copy: bool = True, requires_grad: bool = False) -> Array:
    """Return data as an array of real numbers, the only data of a Tensor.

    An array of another library that speaks NumPy's protocol stays what it is.
    """
    if holds_tensors(data):
        raise TypeError(
            "Tensor was given Tensors, whose graph would be lost. Use t.detach() for the values "
            "alone, or stack([...]) to join several and keep the graph."
        )
    if hasattr(data, "__array_function__") and not isinstance(data, np.ndarray):
        array = data.astype(dtype) if dtype else data.copy() if copy else data
    else:
        array = np.array(data, dtype=dtype, copy=copy or None)
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"Tensor was given {type(data).__name__} data of dtype {array.dtype}; a Tensor holds "
            "real numbers (float, int or bool). Convert it first, e.g. data.astype(float)."
        )
    if requires_grad:
        check_floating(array)
    return array


def check_floating(array: Array) -> None:
    """Raise TypeError unless there are derivatives with respect to numbers of this dtype."""
    if array.dtype.kind != "f":
        raise TypeError(
            f"a Tensor of dtype {array.dtype} cannot require grad: only floating numbers have "
            "derivatives. Pass dtype=float, or requires_grad=False for labels and indices."
        )


def as_flag(requires_grad: Any) -> bool:
    """Return True or False, which nothing else is taken for."""
    if not isinstance(requires_grad, bool | np.bool_):
        raise TypeError(f"requires_grad is {requires_grad!r}; expected True or False")
    return bool(requires_grad)


def holds_tensors(data: Any) -> bool:
    """Whether data is a Tensor, or a list or tuple with one in it."""
    if isinstance(data, (list, tuple)):
        return any(map(holds_tensors, data))
    return isinstance(data, Node)


def data_of(x: Any) -> Any:
    """Return the array of a Tensor, also inside a tuple or list; anything else as it is."""
    if isinstance(x, Node):
        return x._data
    if isinstance(x, (tuple, list)) and holds_tensors(x):
        return type(x)([data_of(part) for part in x])
    return x


# --- nests: parameters in lists, tuples and dicts, to any depth -----------------------------------


def leaves(nest: Any) -> Iterator[Any]:
    """What lists, tuples and dicts hold, in order; anything else is a leaf itself.

    >>> list(leaves({"w": 1.0, "layers": [2.0, (3.0, 4.0)]}))
    [1.0, 2.0, 3.0, 4.0]
    """
    if isinstance(nest, list | tuple):
        for part in nest:
            yield from leaves(part)
    elif isinstance(nest, dict):
        yield from leaves(list(nest.values()))
    else:
        yield nest


def mapped(function: Callable[[Any], Any], nest: Any) -> Any:
    """The same nest with the function's value in the place of each leaf.

    >>> mapped(lambda x: -x, {"w": 1.0, "layers": [2.0, (3.0, 4.0)]})
    {'w': -1.0, 'layers': [-2.0, (-3.0, -4.0)]}
    """
    if isinstance(nest, list | tuple):
        parts = [mapped(function, part) for part in nest]
        # A namedtuple is made from its fields, any other from a sequence.
        return type(nest)(*parts) if hasattr(nest, "_fields") else type(nest)(parts)
    if isinstance(nest, dict):
        return {key: mapped(function, part) for key, part in nest.items()}
    return function(nest)


def parameters_in(given: Any) -> list[Any] | None:
    """The leaves of whatever parameters are handed over in; None if that is no collection."""
    if isinstance(given, Node) or not isinstance(given, Iterable):
        return None
    return list(leaves(given if isinstance(given, list | tuple | dict) else list(given)))


def is_nested(given: Any) -> bool:
    """Whether gradients of these parameters come in their structure, and not as a flat tuple."""
    if isinstance(given, dict):
        return True
    return isinstance(given, (list, tuple)) and any(
        isinstance(part, (list, tuple, dict)) for part in given
    )
