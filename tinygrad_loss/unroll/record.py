"""Recording: run a function, its backward pass and the update, with arrays that note all calls."""

import gc
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from ..engine.arrays import data_of
from ..engine.mode import Observer, set_mode
from ..engine.node import now
from ..engine.tensor import Tensor
from ..engine.transforms import gradients
from ..optim import Optimizer
from .array import TracedArray
from .names import Names, name_parameters, name_tensors
from .outside import Outside
from .places import Places
from .trace import Trace
from .update import Update
from .values import NotTraceable, Place, Value, of_numpy


class Recording(Observer):
    """The record of one run of ``f``, of its backward pass and of the update, if there is one.

    ``arguments`` are the Values of the inputs that are arrays, then of the parameters, the Tensors
    that ``f`` is known to use, then of the optimizer's state. Other Tensors that ``f`` turns out to
    use are collected in ``captured``.
    """

    def __init__(
        self, f: Any, inputs: list[Any], wrt: list[Any], optimizer: Optimizer | None,
        parameters: list[Tensor], outside: Outside,
    ) -> None:  # fmt: skip
        self.trace = self.tracer = Trace(self._locate)
        self.names = Names()
        self.arguments: list[Value] = []
        self.captured: dict[Tensor, None] = {}
        self.written: dict[Value, Value] = {}  # the new Value of each argument that changes
        self._parameters, self._outside = parameters, outside
        self.gradients: list[Value] | None = None  # what the step returns, without an optimizer
        self._places = Places(outside, Recording._run.__code__)
        self._made: dict[Any, Place | None] = {}  # the Tensors made, and where
        self._passed: list[tuple[Tensor, Any]] = []  # Tensors and their gradients
        self._reached: set[Any] = set()  # what received a part of a gradient
        self._seen = 0  # how many Values have their place
        self._added = False  # whether the last part was added to another
        self._start = now()
        self._run(f, inputs, wrt, optimizer)
        self._check_that_none_is_left()

    def _run(self, f: Any, inputs: list[Any], wrt: list[Any], optimizer: Optimizer | None) -> None:
        """Run ``f``, its backward pass and the update; no local variable outlives this."""
        names = [p.name for p in parameters_of(f) or [] if p.kind <= p.POSITIONAL_OR_KEYWORD]
        names += [f"x{i}" for i in range(len(names), len(inputs))]
        traced_inputs = list(map(self._input, inputs, names))
        value_of = {}
        for p, name in zip(self._parameters, name_parameters(self._parameters), strict=True):
            value_of[p] = self.argument(name, p.data, f"the data of {p.name or 'a parameter'}")
        with self._recording(value_of):
            output = f(*traced_inputs)
            if not isinstance(output, Tensor):
                kind = type(output).__name__
                raise NotTraceable(f"the function returned {kind}; expected a Tensor, the loss")
            targets = [traced_inputs[x] if isinstance(x, int) else x for x in wrt]
            # The value is nobody's memory, also after the update.
            self.value = self.trace.owned(self.trace.value_of(output.data))
            self.value.name = self.value.name or "loss"
            self._seen = len(self.trace.values)
            self._reached = {output}  # not by gradients that f computes
            self.trace.phase = "backward"
            slopes = gradients(output, targets)
            self._give_places(self._passed[-1][0] if self._passed else None)
            found = [(x, self.trace.value_of(g.data)) for x, g in zip(targets, slopes, strict=True)]
            self._name(found, value_of)
            moving = {p: (value_of[p], g) for p, g in found if p in self._reached}
            if optimizer is None:
                self.gradients = [self.trace.owned(g) for _, g in found]
            self.update = Update(self, optimizer, moving)

    def argument(self, name: str, data: Any, what: str) -> Value:
        """The Value of a new argument of the step."""
        self.arguments.append(Value(of_numpy(data, what), name=self.names.new(name)))
        return self.arguments[-1]

    def _input(self, x: Any, name: str) -> Any:
        """An input as a traced array, or as a Tensor of that; what is no array as it is."""
        data = data_of(x)
        if not isinstance(data, np.ndarray):
            return x
        value = self.argument(getattr(x, "name", None) or name, data, "an input")
        array = TracedArray(value, self.trace, viewed=True)
        is_tensor = isinstance(x, Tensor)
        return Tensor(array, x.requires_grad, name=x.name, copy=False) if is_tensor else array

    @contextmanager
    def _recording(self, value_of: dict[Tensor, Value]) -> Iterator[None]:
        """Put traced arrays into the parameters, and let the engine report to this observer."""
        before = {p: (p._array, p.grad, p.stamp) for p in value_of}
        traced = {p: TracedArray(value_of[p], self.trace, viewed=True) for p in value_of}
        try:
            for p in traced:
                p._array = traced[p]
            with set_mode(recording=True, observer=self, alone=True):
                yield
            for p in traced:
                if p.data is not traced[p] or p.grad is not before[p][1]:
                    raise NotTraceable(
                        f"the function changes {p.name or 'a parameter'}, by backward(), step() "
                        "or p.data. Return the loss only: optimizer= lets unroll do the rest."
                    )
        finally:
            for p in before:
                p._array, p.grad, p.stamp = before[p]
            for generator, state in self.trace.generators.items():
                generator.bit_generator.state = state  # the first call draws the same numbers
            stored = self._outside.put_back()
        if stored:
            raise NotTraceable(
                f"the function stores what it computes, in {stored[0]}. A step stores nothing (it "
                "has been put back). Update running averages outside, by a method called after it."
            )

    def _check_that_none_is_left(self) -> None:
        """Raise if traced arrays are still alive, somewhere where ``Outside`` does not look."""
        for kept in (self._places.last, self._made, self._passed, self._reached):
            kept.clear()
        if any(array() is not None for array in self.trace.alive):
            gc.collect()
        left = [array for each in self.trace.alive if (array := each()) is not None]
        if left:
            raise NotTraceable(
                f"something keeps {left[0]} from inside of the function: a cache, a generator, a "
                "module or another thread. Of each step it would hold the example's numbers."
            )

    def after_forward(self, output: Any, op: Any, inputs: Any, arrays: Any) -> None:
        """Note a Tensor that was made, and those of its inputs that come from outside ``f``."""
        self._made[output] = self._locate()
        for x in inputs:
            if isinstance(x, Tensor) and x.origin is None and x.stamp < self._start:
                self.captured |= {} if isinstance(x.data, TracedArray) else {x: None}

    def after_rule(self, node: Any, position: int, g: Any, part: Any) -> None:
        """Note the gradient of a Tensor, and what received a part of it."""
        x = node.origin[1][position]
        if self.trace.phase == "backward":
            self._give_places(node)
            self._added = x in self._reached
        self._passed.append((node, g))
        self._reached.add(x)

    def _give_places(self, node: Any) -> None:
        """What the rules of a Tensor computed has the place where that Tensor was made."""
        for value in self.trace.values[self._seen :]:
            # The first may be the sum of the part before this one and an earlier part.
            of = self._passed[-1][0] if self._added else node
            value.place, self._added = self._made.get(of), False
        self._seen = len(self.trace.values)

    def _locate(self) -> Place | None:
        return self._places.here() if self.trace.phase == "forward" else None

    def _name(self, found: list[tuple[Tensor, Value]], value_of: dict[Tensor, Value]) -> None:
        made = [x for x in self._made if isinstance(x.data, TracedArray)]
        value_of |= {x: x.data.value for x in [*dict(found), *made] if x not in value_of}
        name_tensors(made, value_of)
        # Of equal gradients, that of the oldest Tensor is named.
        passed = [(node, self.trace.value_of(data_of(g))) for node, g in reversed(self._passed)]
        for node, g in [*passed, *found]:
            of = value_of.get(node)
            if of is not None and of.name and g.name is None and g.function is not None:
                g.name = f"d_{of.name}"


def parameters_of(f: Callable[..., Any]) -> list[inspect.Parameter] | None:
    """The parameters of ``f``; None if that is not known, as of some functions written in C."""
    with suppress(TypeError, ValueError):
        return list(inspect.signature(f).parameters.values())
    return None
