"""Recording: run a function, then its backward pass, with arrays that note what is done to them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..engine.mode import Observer, set_mode
from ..engine.node import now
from ..engine.tensor import Tensor
from ..engine.transforms import gradients
from .array import TracedArray
from .names import name_parameters, name_tensors
from .trace import Trace
from .values import Value


def as_data(x: Any) -> Any:
    """An input as an array; but a number, None or a string stays what it is, part of the code."""
    if isinstance(x, Tensor):
        return x.data
    if x is None or (isinstance(x, bool | int | float | str) and not isinstance(x, np.generic)):
        return x
    return np.asarray(x)


class Recording(Observer):
    """The record of one run of ``f`` and its backward pass.

    ``arguments`` are the Values of the inputs that are arrays, then of the parameters: the Tensors
    of ``wrt`` and those in ``others``, which ``f`` is known to use. Other Tensors that it turns out
    to use are collected in ``captured``.
    """

    def __init__(
        self,
        f: Callable[..., Tensor],
        inputs: tuple[Any, ...],
        wrt: list[Any],
        others: list[Tensor],
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
            Value(p.data, name=name) for p, name in zip(self.parameters, names, strict=True)
        ]
        self.arguments += traced_parameters
        targets = [traced_inputs[x] if isinstance(x, int) else x for x in wrt]
        with self._recording(traced_parameters):
            output = f(*traced_inputs)
            self._check(output, wrt)
            self.n_forward = len(self.trace.values)
            slopes = gradients(output, targets)
        self.value = self._value(output.data)
        self.value.name = self.value.name or "loss"
        self.gradients = [self._value(slope.data) for slope in slopes]
        self._name(targets)

    def _inputs(
        self, f: Callable[..., Tensor], inputs: tuple[Any, ...]
    ) -> tuple[list[Any], list[Value]]:
        """The inputs as traced arrays, or as Tensors of these where they were Tensors."""
        given, values = [], []
        for name, x in zip(_argument_names(f, len(inputs)), inputs, strict=True):
            data = as_data(x)
            if not isinstance(data, np.ndarray):
                given.append(x)
                continue
            value = Value(data, name=getattr(x, "name", None) or name)
            values.append(value)
            array = TracedArray(value, self.trace, viewed=True)
            if isinstance(x, Tensor):
                given.append(Tensor(array, x.requires_grad, name=x.name, copy=False))
            else:
                given.append(array)
        return given, values

    @contextmanager
    def _recording(self, values: list[Value]) -> Iterator[None]:
        """Put traced arrays into the parameters, and let the engine report to this observer."""
        arrays = [p.data for p in self.parameters]
        grads = [p.grad for p in self.parameters]
        traced = [TracedArray(value, self.trace, viewed=True) for value in values]
        try:
            for p, array in zip(self.parameters, traced, strict=True):
                p._data = array
            with set_mode(recording=True, observer=self, alone=True):
                yield
            for p, array, grad in zip(self.parameters, traced, grads, strict=True):
                if p.data is not array or p.grad is not grad:
                    raise TypeError(
                        f"unroll: the function changes {p.name or 'a parameter'}, by backward(), "
                        "an optimizer or an assignment to data. Return the loss; the step returns "
                        "the gradients, for the update outside."
                    )
        finally:
            for p, array, grad in zip(self.parameters, arrays, grads, strict=True):
                p._data = array
                p.grad = grad
            self.trace.restore_generators()

    @staticmethod
    def _check(output: Any, wrt: list[Any]) -> None:
        if not isinstance(output, Tensor):
            raise TypeError(
                f"unroll: the function returned {type(output).__name__}; expected a Tensor, the "
                "loss. (item() and float() take the number out of it.)"
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
        value_of = {x: x.data.value for x in self._made if isinstance(x.data, TracedArray)}
        name_tensors(list(value_of), value_of)
        for node, g in reversed(self._passed):  # of equal gradients, that of the oldest Tensor
            g = g.data if isinstance(g, Tensor) else g
            if node in value_of and isinstance(g, TracedArray):
                self._name_gradient(g.value, value_of[node])
        for target, g in zip(targets, self.gradients, strict=True):
            if isinstance(target.data, TracedArray):
                self._name_gradient(g, target.data.value)
        first = len(self.arguments) - len(self.parameters)
        values = dict(zip(self.parameters, self.arguments[first:], strict=True))
        for target, g in zip(targets, self.gradients, strict=True):
            if target in values:
                self._name_gradient(g, values[target])

    @staticmethod
    def _name_gradient(g: Value, of: Value) -> None:
        if g.name is None and g.function is not None and of.name:
            g.name = f"d_{of.name}"


def _argument_names(f: Callable[..., Any], n: int) -> list[str]:
    """The names that ``f`` gives to its arguments."""
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        parameters = {}.values()
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return (names + [f"x{i}" for i in range(len(names), n)])[:n]
