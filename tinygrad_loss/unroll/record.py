"""Recording: run a function, then its backward pass, with arrays that note what is done to them."""

from __future__ import annotations

import gc
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..engine.arrays import data_of
from ..engine.mode import Observer, set_mode
from ..engine.node import now
from ..engine.tensor import Tensor
from ..engine.transforms import gradients
from .array import TracedArray
from .names import name_parameters, name_tensors
from .outside import Outside
from .trace import Trace
from .values import NotTraceable, Value, of_numpy


class Recording(Observer):
    """The record of one run of ``f`` and its backward pass.

    ``arguments`` are the Values of the inputs that are arrays, then of the parameters: the Tensors
    of ``wrt`` and those in ``others``, which ``f`` is known to use. Other Tensors that it turns out
    to use are collected in ``captured``.
    """

    def __init__(
        self,
        f: Callable[..., Tensor],
        inputs: list[Any],
        wrt: list[Any],
        others: list[Tensor],
        outside: Outside,
    ) -> None:
        self.trace = self.tracer = Trace()
        self.captured: list[Tensor] = []
        self._start = now()
        self._made: list[Tensor] = []
        self._passed: list[tuple[Tensor, Any]] = []
        leaves = [x for x in wrt if isinstance(x, Tensor)]
        self.parameters = list(dict.fromkeys([*leaves, *others]))
        names = name_parameters(self.parameters)
        traced_inputs, self.arguments = self._inputs(f, inputs)
        traced_parameters = [
            Value(of_numpy(p.data, f"the data of {p.name or 'a parameter'}"), name=name)
            for p, name in zip(self.parameters, names, strict=True)
        ]
        self.arguments += traced_parameters
        targets = [traced_inputs[x] if isinstance(x, int) else x for x in wrt]
        with self._recording(traced_parameters, outside):
            output = f(*traced_inputs)
            if not isinstance(output, Tensor):
                raise NotTraceable(
                    f"the function returned {type(output).__name__}; expected a Tensor, the loss. "
                    "(item() and float() take the number out of it.)"
                )
            self.n_forward = len(self.trace.values)
            slopes = gradients(output, targets)
        self.value = self._value(output.data)
        self.value.name = self.value.name or "loss"
        self.gradients = [self._value(slope.data) for slope in slopes]
        self._name(targets)
        del traced_inputs, targets, output, slopes
        self._check_that_none_is_left()

    def _inputs(self, f: Callable[..., Tensor], inputs: list[Any]) -> tuple[list[Any], list[Value]]:
        """The inputs as traced arrays, or as Tensors of these where they were Tensors."""
        given, values = [], []
        for name, x in zip(_argument_names(f, len(inputs)), inputs, strict=True):
            data = data_of(x)
            if isinstance(data, np.ndarray):
                values.append(Value(data, name=getattr(x, "name", None) or name))
                array = TracedArray(values[-1], self.trace, viewed=True)
                is_tensor = isinstance(x, Tensor)
                x = Tensor(array, x.requires_grad, name=x.name, copy=False) if is_tensor else array
            given.append(x)
        return given, values

    @contextmanager
    def _recording(self, values: list[Value], outside: Outside) -> Iterator[None]:
        """Put traced arrays into the parameters, and let the engine report to this observer."""
        before = [(p, p._array, p.grad, p.stamp) for p in self.parameters]
        traced = [TracedArray(value, self.trace, viewed=True) for value in values]
        try:
            for p, array in zip(self.parameters, traced, strict=True):
                p._array = array
            with set_mode(recording=True, observer=self, alone=True):
                yield
            for (p, _, grad, _), array in zip(before, traced, strict=True):
                if p.data is not array or p.grad is not grad:
                    raise NotTraceable(
                        f"the function changes {p.name or 'a parameter'}, by backward(), an "
                        "optimizer or an assignment to data. Return the loss; the step returns the "
                        "gradients, for the update outside."
                    )
        finally:
            for p, array, grad, stamp in before:
                p._array, p.grad, p.stamp = array, grad, stamp
            self.trace.restore_generators()
            stored = outside.put_back()
        if stored:
            raise NotTraceable(
                f"the function stores what it computes from the step's inputs, in {stored[0]}. A "
                "step returns the value and the gradients, and changes nothing else: this would "
                "keep the example's numbers for ever. (It has been put back.) Store nothing while "
                "unrolling; update running averages outside, by a method called after the step."
            )

    def _check_that_none_is_left(self) -> None:
        """Raise if traced arrays are still alive, somewhere where ``Outside`` does not look."""
        self._made.clear()
        self._passed.clear()
        if any(array() is not None for array in self.trace.alive):
            gc.collect()
        left = [array for each in self.trace.alive if (array := each()) is not None]
        if left:
            raise NotTraceable(
                f"something keeps {left[0]} from inside of the function: a cache, a generator, a "
                "module or another thread. Of each step it would hold the example's numbers."
            )

    # --- what the engine reports to its observer ---

    def after_forward(self, output: Any, op: Any, inputs: Any, arrays: Any) -> None:
        """Note a Tensor that was made, and those of its inputs that come from outside ``f``."""
        self._made.append(output)
        for x in inputs:
            if (
                isinstance(x, Tensor)
                and x.origin is None
                and x.stamp < self._start
                and not isinstance(x.data, TracedArray)
            ):
                self.captured.append(x)

    def after_rule(self, node: Any, position: int, g: Any, part: Any) -> None:
        """Note the gradient of a Tensor."""
        self._passed.append((node, g))

    # --- values and their names ---

    def _value(self, array: Any) -> Value:
        return array.value if isinstance(array, TracedArray) else self.trace.constant(array)

    def _name(self, targets: list[Tensor]) -> None:
        made = [x for x in self._made if isinstance(x.data, TracedArray)]
        first = len(self.arguments) - len(self.parameters)
        value_of = dict(zip(self.parameters, self.arguments[first:], strict=True))
        value_of |= {x: x.data.value for x in [*targets, *made] if x not in value_of}
        name_tensors(made, value_of)
        # Of equal gradients, that of the oldest Tensor is named.
        passed = [(node, self._value(data_of(g))) for node, g in reversed(self._passed)]
        for node, g in [*passed, *zip(targets, self.gradients, strict=True)]:
            of = value_of.get(node)
            if of is not None and of.name and g.name is None and g.function is not None:
                g.name = f"d_{of.name}"


def _argument_names(f: Callable[..., Any], n: int) -> list[str]:
    """The names that ``f`` gives to its arguments."""
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        parameters = {}.values()
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return (names + [f"x{i}" for i in range(len(names), n)])[:n]
