"""Values, of which a Trace is made, and functions that NumPy has only as methods or statements."""

import ast
import operator
from collections import Counter
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
        library = type(x).__module__.partition(".")[0]
        raise NotTraceable(
            f"{what} is a {type(x).__name__} of {library}; expected a NumPy array, as a step is "
            "NumPy code. Convert it (CuPy's by x.get()), or call the function itself."
        )
    return x


@dataclass(eq=False, repr=False, slots=True)
class Value:
    """One value of the computation: the NumPy function that computes it, and its inputs.

    ``inputs`` and ``options`` hold other Values, numbers, slices, dtypes and tuples of these.
    ``function`` is None for what the computation starts from: inputs, parameters, constants.
    ``array`` is the value in the example that was traced. ``ignored`` are the floating-point
    errors that ``np.errstate`` silenced while it was computed. ``phase`` is forward, backward or
    update, and ``place`` where in the function it is computed; in the backward pass, where the
    Tensor was made whose rule computes it.
    """

    array: Any
    function: Callable[..., Any] | None = None
    inputs: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    constant: bool = False
    name: str | None = None
    ignored: dict[str, Any] = field(default_factory=dict)
    phase: str = ""
    place: "Place | None" = None

    __match_args__ = ("call",)

    shape = property(lambda self: self.array.shape)
    dtype = property(lambda self: self.array.dtype)
    # The function and its inputs, for patterns; None if there are options.
    call = property(lambda self: None if self.options else (self.function, *self.inputs))
    # The Values that this one is computed from, also those nested in its arguments.
    sources = property(lambda self: values_in((self.inputs, self.options)))


@dataclass(eq=False, slots=True)
class Place:
    """A line or a module of the function; in a loop, each time that it runs is another Place."""

    line: tuple[Any, ...]  # what to call it; and the code, if it is a line
    number: int
    times: Counter[Any]  # how often each line ran

    def __str__(self) -> str:
        label, times = self.line[0], self.times[self.line]
        return label if times == 1 else f"{label}, step {self.number} of {times}"


def _operation(name: str, sign: ast.operator) -> tuple[Any, Any]:
    """A method of Number, and the same with swapped operands."""

    def noted(a: Any, b: Any) -> Any:
        if not all(isinstance(x, Number | int | float) for x in (a, b)):
            return NotImplemented
        left, right = (ast.parse(str(x), mode="eval").body for x in (a, b))
        numbers = (x.value if isinstance(x, Number) else x for x in (a, b))
        text = ast.unparse(ast.BinOp(left, sign, right))
        return Number(getattr(operator, name)(*numbers), text)

    return noted, lambda self, other: noted(other, self)


@dataclass(eq=False)
class Number:
    """A Python number that differs at each call, such as a learning rate: its value and text."""

    value: float
    text: str

    __add__, __radd__ = _operation("add", ast.Add())
    __sub__, __rsub__ = _operation("sub", ast.Sub())
    __mul__, __rmul__ = _operation("mul", ast.Mult())
    __truediv__, __rtruediv__ = _operation("truediv", ast.Div())
    __pow__, __rpow__ = _operation("pow", ast.Pow())

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        alone = all(isinstance(x, Number | np.ndarray) for x in inputs)
        return self._refused() if alone else NotImplemented  # a traced array takes it

    def __neg__(self) -> "Number":
        return -1 * self

    def __str__(self) -> str:
        return self.text

    def _refused(self, *_: Any) -> Any:
        raise NotTraceable(
            f"the update needs the number {self} itself, which differs at each call and would be "
            "frozen. Compute with + - * / ** of numbers, and with w and g first: lr * g * mask."
        )

    __bool__ = __float__ = __int__ = __index__ = __lt__ = __le__ = __gt__ = __ge__ = _refused
    __eq__ = __ne__ = _refused


@dataclass(eq=False, slots=True)
class Check:
    """A check of an array that raises ValueError, and the Value that it reads."""

    test: Callable[[Any], Any]
    data: Any
    message: Callable[[Any], str]

    def __call__(self, array: Any) -> None:
        """Make the check."""
        if not self.test(array):
            raise ValueError(self.message(array))


def values_in(x: Any) -> Iterator[Value]:
    """All Values in nested arguments."""
    return (part for part in flattened(x) if isinstance(part, Value))


def _writing(write: Callable[[Any, Any, Any], Any]) -> Callable[[Any, Any, Any], Any]:
    """A function that returns a copy of an array, with a part written into it."""

    def written(x: Any, index: Any, part: Any) -> Any:
        x = x.copy()
        write(x, index, part)
        return x

    return written


with_item = _writing(operator.setitem)  # x[index] = part
# x[index] += part, where no element is picked twice; else it has to receive two parts.
with_added = _writing(lambda x, index, part: operator.setitem(x, index, x[index] + part))
with_added_at = _writing(np.add.at)

astype: Any = np.ndarray.astype
copied: Any = np.ndarray.copy  # of what would otherwise share its memory with another Value
random: Any = np.random.Generator.random


def number(text: str) -> Any:
    """A Number as an array without axes; only its text is needed."""


# They cause no floating-point errors, so that it does not matter which are ignored.
HARMLESS = {
    np.negative, np.absolute, np.maximum, np.minimum, np.where, operator.getitem, np.reshape,
    np.transpose, np.broadcast_to, np.isfinite, np.isnan, with_item, np.equal, np.not_equal,
}  # fmt: skip
