"""What counts as an array; and nests: lists, tuples and dicts of Tensors, inside each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from .node import Array, Node


def as_array(data: Any, dtype: Any = None, copy: bool = True, requires_grad: bool = False) -> Array:
    """Return data as an array of real numbers, the only data of a Tensor.

    An array of another library stays what it is, if it has NumPy's ``__array_function__``.
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
    """Raise TypeError unless the numbers are floating: no others have derivatives."""
    if array.dtype.kind != "f":
        raise TypeError(
            f"a Tensor of dtype {array.dtype} cannot require grad: only floating numbers have "
            "derivatives. Pass dtype=float, or requires_grad=False for labels and indices."
        )


def as_flag(requires_grad: Any) -> bool:
    """Return True or False; anything else, even 0 or 1, is refused."""
    if not isinstance(requires_grad, bool | np.bool_):
        raise TypeError(f"requires_grad is {requires_grad!r}; expected True or False")
    return bool(requires_grad)


def holds_tensors(data: Any) -> bool:
    """Whether data is a Tensor, or a list, tuple or dict with one in it."""
    if not isinstance(data, _NESTS):
        return isinstance(data, Node)
    for part in data.values() if isinstance(data, dict) else data:
        if isinstance(part, Node) or (isinstance(part, _NESTS) and holds_tensors(part)):
            return True
    return False


_NESTS = (tuple, list, dict)


def data_of(x: Any) -> Any:
    """Return the array of a Tensor, also inside a nest; anything else as it is."""
    if isinstance(x, Node):
        return x._data
    return mapped(data_of, x) if holds_tensors(x) else x


# --- nests: parameters in lists, tuples and dicts, to any depth -----------------------------------


def flattened(nest: Any) -> Iterator[Any]:
    """What a nest of lists, tuples and dicts holds, in order; anything else is its only item.

    >>> list(flattened({"w": 1.0, "layers": [2.0, (3.0, 4.0)]}))
    [1.0, 2.0, 3.0, 4.0]
    """
    if isinstance(nest, list | tuple):
        for part in nest:
            yield from flattened(part)
    elif isinstance(nest, dict):
        yield from flattened(list(nest.values()))
    else:
        yield nest


def mapped(function: Callable[[Any], Any], nest: Any) -> Any:
    """The same nest, with each item replaced by the function's value of it.

    >>> mapped(lambda x: -x, {"w": 1.0, "layers": [2.0, (3.0, 4.0)]})
    {'w': -1.0, 'layers': [-2.0, (-3.0, -4.0)]}
    """
    if isinstance(nest, list | tuple):
        parts = [mapped(function, part) for part in nest]
        # A namedtuple is made from its fields, all others from a sequence.
        return type(nest)(*parts) if hasattr(nest, "_fields") else type(nest)(parts)
    if isinstance(nest, dict):
        return {key: mapped(function, part) for key, part in nest.items()}
    return function(nest)


def parameters_in(given: Any) -> list[Any] | None:
    """A list of the items of a nest, or of another iterable; None if it is neither."""
    if isinstance(given, Node) or not isinstance(given, Iterable):
        return None
    return list(flattened(given if isinstance(given, list | tuple | dict) else list(given)))


def is_nested(given: Any) -> bool:
    """Whether gradients of these parameters come as the same nest, and not as a flat tuple."""
    if isinstance(given, dict):
        return True
    return isinstance(given, (list, tuple)) and any(
        isinstance(part, (list, tuple, dict)) for part in given
    )
