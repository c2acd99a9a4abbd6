"""Tracing: every NumPy call made on a TracedArray is noted, as a Value. No op has to be known."""

import warnings
from collections import Counter
from collections.abc import Callable, Hashable
from hashlib import sha256
from typing import Any
from weakref import ref

import numpy as np

from ..engine.arrays import mapped
from . import values
from .array import TracedArray, numbers
from .memory import is_view, takes_out
from .simplify import simplified
from .values import HARMLESS, Check, NotTraceable, Number, Place, Value, copied, values_in


class Trace:
    """The Values of one computation, in order; equal ones are one.

    ``locate`` returns where in the function it now is. ``counts`` is for ``Step.describe``. The
    losses ask this, as an observer's tracer, for checks of values and random numbers.
    With ``simplifier=None`` the Values are the calls just as they are made.
    """

    def __init__(self, locate: Callable[[], Place | None], simplifier: Any = simplified) -> None:
        self.locate, self.simplifier = locate, simplifier
        self.phase = "forward"
        self.counts: Counter[str] = Counter()
        self.values: list[Value] = []
        self.checks: list[Check] = []
        self.alive: list[ref[TracedArray]] = []
        self.generators: dict[np.random.Generator, Any] = {}  # and what state they were in
        self._known: dict[Any, Value] = {}
        self._owned: set[Value] = set()
        self._errstate = np.geterr()

    def constant(self, array: Any) -> Value:
        """An array that is not computed from the inputs; its values are frozen."""
        key = (array.dtype, array.shape, sha256(array.tobytes()).digest())
        if key not in self._known:
            array = np.array(array, order="K")  # the caller may write into the original later
            array.setflags(write=False)
            self._known[key] = Value(array, constant=True)
        return self._known[key]

    def apply(self, function: Callable[..., Any], *inputs: Any, **options: Any) -> Value:
        """The Value of ``function(*inputs, **options)``: simplified, known already, or new."""
        inputs, options = mapped(self.value_of, (inputs, options))
        if isinstance(function, np.ufunc):
            kinds = [x.dtype for x in inputs if isinstance(x, Value)]
            inputs = tuple(x if isinstance(x, Value) else self.number(x, kinds) for x in inputs)
        simpler = self.simplifier and self.simplifier(self, function, inputs, options)
        if simpler is not None:
            self.counts["simplified"] += 1
            return simpler
        errstate = self._errstate if function in HARMLESS else np.geterr()
        ignored: dict[str, Any] = dict(errstate.items() - self._errstate.items())
        key = (function, key_of(inputs), key_of(sorted(options.items())))
        if key in self._known:
            value = self._known[key]
            self.counts["folded" if value.constant else "shared"] += 1
            value.ignored = dict(value.ignored.items() & ignored.items())
            return value
        array = function(*mapped(numbers, inputs), **mapped(numbers, options))
        if not isinstance(array, np.ndarray | np.generic | bool | int | float):
            raise NotTraceable(
                f"np.{getattr(function, '__name__', function)} returned {type(array).__name__}; "
                "only functions that return one array can be traced. Pass it in, made outside."
            )
        if all(source.constant for source in values_in((inputs, options))):
            self.counts["folded"] += 1
            value = self.constant(np.asarray(array))
        else:
            value = self.noted(Value(np.asarray(array), function, inputs, options, ignored=ignored))
        self._known[key] = value
        return value

    def noted(self, value: Value) -> Value:
        """The Value, which is now a part of the computation."""
        value.phase, value.place = self.phase, self.locate()
        self.values.append(value)
        return value

    def owned(self, value: Value) -> Value:
        """The Value, or a copy if its memory is an argument's, or another's that is owned."""
        home = value
        while is_view(home) and home.function is not np.broadcast_to:
            home = home.inputs[0]
        if home in self._owned or not (takes_out(home) or home.function is np.where):
            value = home = self.noted(Value(value.array, copied, (value,), name=value.name))
        self._owned.add(home)
        return value

    def number(self, x: Any, kinds: list[Any]) -> Value:
        """A number as an array without axes, of the dtype that NumPy gives it beside arrays.

        NumPy takes longer to convert a number than to add it to a small array.
        """
        if not isinstance(x, Number):
            is_number = type(x) in (int, float, complex)
            return self.constant(np.array(x, np.result_type(*kinds, x) if is_number else None))
        array = np.array(x.value, np.result_type(*kinds, x.value))
        key = (values.number, x.text, array.dtype)
        if key not in self._known:
            self._known[key] = self.noted(Value(array, values.number, (x.text,)))
        return self._known[key]

    def value_of(self, x: Any) -> Any:
        """The Value of an array; else x."""
        if isinstance(x, TracedArray):
            return x.value
        x = values.of_numpy(x, "an array that the function captures")
        return self.constant(x) if isinstance(x, np.ndarray | np.generic) else x

    def require(self, check: Any, data: list[Any], message: Any, warning: bool) -> None:
        """Make a check of values, and note it: it is made again at every call of the step.

        Warnings are about how the model was built, which does not change, so they are given once.
        """
        value = self.value_of(data[0])
        if not check(value.array):
            if not warning:
                raise ValueError(message(value.array))
            warnings.warn(message(value.array), UserWarning, stacklevel=5)
        elif not warning and not value.constant:
            # Labels are checked as given, before the step, rather than converted to floats in it.
            if value.function is values.astype and value.inputs[0].dtype.kind in "biu":
                value = value.inputs[0]
            self.checks.append(Check(check, value, message))

    def random(self, generator: np.random.Generator, shape: tuple[int, ...]) -> TracedArray:
        """Draw random numbers, and note it: they are drawn again at every call of the step."""
        self.generators.setdefault(generator, generator.bit_generator.state)
        array = np.asarray(generator.random(shape))
        return TracedArray(self.noted(Value(array, values.random, (generator, tuple(shape)))), self)


def key_of(x: Any) -> Any:
    """A key that is equal for equal arguments: type and value; a Value equals itself only."""
    if isinstance(x, float):
        return repr(x)  # 0.0 is not -0.0, and nan is nan
    if isinstance(x, slice):
        x = (slice, x.start, x.stop, x.step)
    if isinstance(x, list | tuple):
        return (type(x), *map(key_of, x))
    return (type(x), x if isinstance(x, Hashable) else id(x))
