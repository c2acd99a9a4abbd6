"""Values, of which a Trace is made, and the functions that NumPy has only as statements."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..engine.arrays import flattened, is_foreign


class NotTraceable(TypeError):
    """What cannot be straight-line NumPy code."""

    def __init__(self, message: str) -> None:
        super().__init__(f"unroll: {message}")


def of_numpy(x: Any, what: str) -> Any:
    """Return x, or raise if it is an array of another library."""
    if is_foreign(x):
        kind = type(x)
        raise NotTraceable(
            f"{what} is a {kind.__name__} of {kind.__module__.partition('.')[0]}; expected a NumPy "
            "array, since a step is NumPy code with NumPy buffers. Convert it (CuPy's by x.get()), "
            "or call the function itself, which runs on arrays of other libraries, too."
        )
    return x


@dataclass(eq=False, repr=False, slots=True)
class Value:
    """One value of the computation: the NumPy function that computes it, and its inputs.

    ``inputs`` and ``options`` hold other Values, numbers, slices, dtypes and tuples of these.
    ``function`` is None for what the computation starts from: inputs, parameters, constants.
    ``array`` is the value in the example that was traced. ``ignored`` are the floating-point
    errors that ``np.errstate`` silenced while it was computed.
    """

    array: Any
    function: Callable[..., Any] | None = None
    inputs: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    constant: bool = False
    name: str | None = None
    ignored: dict[str, Any] = field(default_factory=dict)

    __match_args__ = ("call",)

    @property
    def call(self) -> tuple[Any, ...] | None:
        """The function and its inputs, for patterns; None if there are options."""
        return None if self.options else (self.function, *self.inputs)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return self.array.shape

    @property
    def dtype(self) -> Any:
        """The dtype of the array."""
        return self.array.dtype

    @property
    def sources(self) -> Iterator[Value]:
        """The Values that this one is computed from, also those nested in its arguments."""
        return values_in((self.inputs, self.options))


@dataclass(eq=False, slots=True)
class Check:
    """A check of an array that raises ValueError, and the Value that it reads."""

    test: Callable[[Any], Any]
    data: Value
    message: Callable[[Any], str]

    def __call__(self, array: Any) -> None:
        """Make the check."""
        if not self.test(array):
            raise ValueError(self.message(array))


def values_in(x: Any) -> Iterator[Value]:
    """All Values in nested arguments."""
    return (part for part in flattened(x) if isinstance(part, Value))


def is_basic(index: Any) -> bool:
    """Whether ``x[index]`` is a view of x: of numbers, slices, None and ``...`` only."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(isinstance(i, int | np.integer | slice | type(None) | type(...)) for i in parts)


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


def random(generator: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """``generator.random(shape)``."""
    return generator.random(shape)


# They cause no floating-point errors that an op of the engine ignores. (np.matmul is written as
# np.dot, which gives no warnings.)
HARMLESS = {
    np.exp, np.negative, np.absolute, np.maximum, np.minimum, np.where, np.matmul, operator.getitem,
    np.reshape, np.transpose, np.broadcast_to, np.isfinite, np.isnan, np.isinf,
    with_item, np.equal, np.not_equal,
}  # fmt: skip
