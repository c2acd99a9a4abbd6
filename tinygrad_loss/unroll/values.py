"""Values, of which a Trace is made, and the functions that NumPy has only as statements."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Shape = tuple[int, ...]


class Value:
    """One value of the computation: the NumPy function that computes it, and its inputs.

    ``inputs`` and ``options`` hold other Values, numbers, slices, dtypes and tuples of these.
    ``function`` is None for what the computation starts from: inputs, parameters, constants.
    ``array`` is the value in the example that was traced. ``ignored`` are the floating-point
    errors that ``np.errstate`` silenced while it was computed.
    """

    __slots__ = ("array", "constant", "function", "ignored", "inputs", "name", "options")

    def __init__(
        self,
        array: Any,
        function: Callable[..., Any] | None = None,
        inputs: tuple[Any, ...] = (),
        options: dict[str, Any] | None = None,
        *,
        constant: bool = False,
        name: str | None = None,
        ignored: dict[str, str] | None = None,
    ) -> None:
        self.array = array
        self.function = function
        self.inputs = inputs
        self.options = options or {}
        self.constant = constant
        self.name = name
        self.ignored = ignored or {}

    @property
    def shape(self) -> Shape:
        """The shape of the array."""
        return self.array.shape  # type: ignore[no-any-return]

    @property
    def dtype(self) -> Any:
        """The dtype of the array."""
        return self.array.dtype

    @property
    def sources(self) -> Iterator[Value]:
        """The Values that this one is computed from, also those nested in its arguments."""
        return values_in((self.inputs, self.options))


class Check:
    """A check of values that raises ValueError, and the Values that it reads."""

    __slots__ = ("data", "message", "test")

    def __init__(
        self, test: Callable[..., Any], data: list[Any], message: Callable[..., str]
    ) -> None:
        self.test = test
        self.data = data
        self.message = message

    def __call__(self, *arrays: Any) -> None:
        """Make the check."""
        if not self.test(*arrays):
            raise ValueError(self.message(*arrays))


def values_in(x: Any) -> Iterator[Value]:
    """All Values in nested arguments."""
    if isinstance(x, Value):
        yield x
    elif isinstance(x, tuple | list):
        for part in x:
            yield from values_in(part)
    elif isinstance(x, dict):
        yield from values_in(list(x.values()))
    elif isinstance(x, slice):
        yield from values_in((x.start, x.stop, x.step))


def replaced(x: Any, replace: Callable[[Any], Any]) -> Any:
    """Nested arguments with each leaf replaced."""
    if type(x) in (tuple, list):
        return type(x)([replaced(part, replace) for part in x])
    if isinstance(x, dict):
        return {key: replaced(part, replace) for key, part in x.items()}
    if isinstance(x, slice):
        return slice(*(replaced(part, replace) for part in (x.start, x.stop, x.step)))
    return replace(x)


# --- functions that NumPy has as statements or methods -------------------------------------------


def with_item(x: Any, index: Any, item: Any) -> Any:
    """``x[index] = item``, as a function."""
    x = x.copy()
    x[index] = item
    return x


def with_added(x: Any, index: Any, part: Any) -> Any:
    """``x[index] += part``, as a function, for an index that picks no element twice."""
    x = x.copy()
    x[index] += part
    return x


def with_added_at(x: Any, index: Any, part: Any) -> Any:
    """``np.add.at(x, index, part)``, as a function: an element picked twice receives two parts."""
    x = x.copy()
    np.add.at(x, index, part)
    return x


def astype(x: Any, dtype: Any) -> Any:
    """``x.astype(dtype)``."""
    return x.astype(dtype)


def random(generator: np.random.Generator, shape: Shape) -> Any:
    """``generator.random(shape)``."""
    return generator.random(shape)


def may_raise(function: Any, kind: str) -> bool:
    """Whether a function can cause a floating-point error of this kind."""
    if kind == "divide":
        return function in _DIVIDING
    return function not in _HARMLESS


_DIVIDING = {
    np.divide, np.floor_divide, np.remainder, np.fmod, np.reciprocal, np.power, np.float_power,
    np.log, np.log2, np.log10, np.log1p, np.arctanh,
}  # fmt: skip
# np.matmul is written as np.dot, which gives no warnings.
_HARMLESS = {
    np.exp, np.negative, np.absolute, np.maximum, np.minimum, np.where, np.matmul, operator.getitem,
    np.reshape, np.transpose, np.broadcast_to, np.isfinite, np.isnan, np.isinf,
    with_item, np.equal, np.not_equal,
}  # fmt: skip
