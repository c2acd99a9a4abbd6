"""Tracing: every NumPy call made on a TracedArray is noted, as a Value.

The engine's forward functions and rules call NumPy on the arrays that they are given. If these are
``TracedArray`` instead of ``numpy.ndarray``, they compute the same, and each call is also noted, as
a ``Value``: which function, of which other Values. That is the whole trick of ``unroll``. So it
does not need to know the engine's ops.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as np

from ..engine.arrays import mapped
from .array import TracedArray
from .simplify import simplified
from .values import HARMLESS, Check, NotTraceable, Value, astype, of_numpy, random, values_in


class Trace:
    """The Values of one computation, in order; equal ones are one."""

    def __init__(self) -> None:
        self.values: list[Value] = []
        self.checks: list[Check] = []
        self.generators: dict[int, tuple[np.random.Generator, Any]] = {}
        self._known: dict[Any, Value] = {}
        self._kept: list[Any] = []  # what the keys refer to by id has to stay alive
        self._errstate = np.geterr()
        self.alive: list[ref[TracedArray]] = []

    def constant(self, array: Any) -> Value:
        """An array that is not computed from the inputs; its values are frozen."""
        key: Any = ("array", id(array))
        if array.nbytes <= 1024:
            key = ("array", array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            self._kept.append(array)
            array = np.array(array, order="K")  # the caller may write into the original later
            array.setflags(write=False)
            self._known[key] = Value(array, constant=True)
        return self._known[key]

    def apply(self, function: Callable[..., Any], *inputs: Any, **options: Any) -> Value:
        """The Value of ``function(*inputs, **options)``: simplified, known already, or new."""
        inputs, options = self._wrapped(inputs), self._wrapped(options)
        simpler = simplified(self, function, inputs, options)
        if simpler is not None:
            return simpler
        errstate = self._errstate if function in HARMLESS else np.geterr()
        ignored: dict[str, Any] = dict(errstate.items() - self._errstate.items())
        key = (function, _key(inputs), _key(options))
        if key in self._known:
            value = self._known[key]
            value.ignored = dict(value.ignored.items() & ignored.items())
        else:
            self._known[key] = value = self.computed(function, inputs, options, ignored)
            self._kept.append((inputs, options))
        return value

    def computed(
        self, function: Callable[..., Any], inputs: Any, options: Any, ignored: dict[str, str]
    ) -> Value:
        """A new Value; a constant if it is computed from constants only."""
        array = function(*mapped(_example, inputs), **mapped(_example, options))
        if not isinstance(array, np.ndarray | np.generic | bool | int | float):
            raise NotTraceable(
                f"np.{getattr(function, '__name__', function)} returned "
                f"{type(array).__name__}; only functions that return one array can be traced. "
                "Compute it outside, and pass what depends on it as an input of the step."
            )
        array = np.asarray(array)
        if all(source.constant for source in values_in((inputs, options))):
            return self.constant(array)
        value = Value(array, function, inputs, options, ignored=ignored)
        self.values.append(value)
        return value

    def find(self, function: Callable[..., Any], *inputs: Any) -> Value | None:
        """The Value of a call that was made before, or None."""
        return self._known.get((function, _key(self._wrapped(inputs)), _key({})))

    def _wrapped(self, arguments: Any) -> Any:
        """The arguments with arrays replaced by Values."""

        def wrap(x: Any) -> Any:
            if isinstance(x, TracedArray):
                return x.value
            x = of_numpy(x, "an array that the function captures")
            return self.constant(x) if isinstance(x, np.ndarray | np.generic) else x

        return mapped(wrap, arguments)

    # --- what the losses ask of an observer's tracer ---

    def require(self, check: Any, data: list[Any], message: Any, warning: bool) -> None:
        """Make a check of values, and note it: it is made again at every call of the step.

        Warnings are about how the model was built, which does not change, so they are given once.
        """
        (x,) = data
        array = x.value.array if isinstance(x, TracedArray) else x
        if not check(array):
            if not warning:
                raise ValueError(message(array))
            warnings.warn(message(array), UserWarning, stacklevel=5)
        elif not warning and isinstance(x, TracedArray) and not x.value.constant:
            value = x.value
            # Labels are checked as given, before the step, rather than converted to floats in it.
            if value.function is astype and value.inputs[0].dtype.kind in "biu":
                value = value.inputs[0]
            self.checks.append(Check(check, value, message))

    def random(self, generator: np.random.Generator, shape: tuple[int, ...]) -> TracedArray:
        """Draw random numbers, and note it: they are drawn again at every call of the step."""
        if id(generator) not in self.generators:
            self.generators[id(generator)] = (generator, generator.bit_generator.state)
        value = Value(np.asarray(generator.random(shape)), random, (generator, tuple(shape)))
        self.values.append(value)
        return TracedArray(value, self)

    def restore_generators(self) -> None:
        """Put the generators back, so that the first call draws the numbers of the example."""
        for generator, state in self.generators.values():
            generator.bit_generator.state = state


def _example(x: Any) -> Any:
    return x.array if isinstance(x, Value) else x


def _key(x: Any) -> Any:
    """A key that is equal for equal arguments: the id of a Value, else type and value."""
    if isinstance(x, Value):
        return id(x)
    if isinstance(x, tuple | list):
        return (type(x), *map(_key, x))
    if isinstance(x, dict):
        return tuple((name, _key(x[name])) for name in sorted(x))
    if isinstance(x, slice):
        return (slice, _key(x.start), _key(x.stop), _key(x.step))
    if isinstance(x, float):
        return (type(x), repr(x))  # 0.0 is not -0.0, and nan is nan
    try:
        hash(x)
    except TypeError:
        return ("object", id(x))
    return (type(x), x)
