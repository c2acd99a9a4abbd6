"""The update: an optimizer's own recurrence, run on traced arrays, and so noted like all else."""

from collections import Counter
from collections.abc import Collection
from functools import partial
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..optim import Optimizer, check_parameter, is_writeable, no_gradient
from .array import TracedArray
from .values import NotTraceable, Number, Place, Value, number

SHORT = {"velocity": "v", "first_moment": "m", "second_moment": "v"}


class Update:
    """The update by an optimizer; and what a call of the step reads, tests and writes for it.

    That is Python text, in which ``_o`` is the optimizer and ``_q0`` its first parameter; there is
    none without an optimizer. ``moving`` are the parameters that the loss depends on, with the
    Values of each and of its gradient.
    """

    def __init__(self, recording: Any, optimizer: Any, moving: dict[Tensor, Any]) -> None:
        self.scope: dict[str, Any] = {}  # what the text names
        self.settings: list[str] = []  # where those are found that are a part of the code
        self.arrays: dict[str, Value] = {}  # the arrays of the state, by where they are found
        self.numbers: dict[str, str] = {}  # where each number is found, by its name in the source
        self.tests: list[str] = []  # what else has to be as it was
        self.after: list[str] = []  # statements
        self.moving: Collection[Tensor] = ()
        if optimizer is None:
            return
        self._recording, self._trace = recording, recording.trace
        kind, trace = type(optimizer), self._trace
        trace.phase = f"update: {kind.__name__}"
        if not moving:
            raise no_gradient("unroll")
        if kind.step is not Optimizer.step:
            raise NotTraceable(
                f"{kind.__name__} has a step() of its own; expected one that defines update(i, w, "
                "g). Use wrt= for the gradients, and let the optimizer step outside."
            )
        check_moving(optimizer, moving)
        self.moving = set(moving)
        self.settings = [f"_o.{name}" for name in optimizer.settings if name != "lr"]
        self.scope = {"_o": optimizer, **{f"_q{i}": p for i, p in enumerate(optimizer.params)}}
        own = object.__new__(kind)  # takes the notes, so that the optimizer stays as it is
        held = vars(own)
        held |= vars(optimizer)
        held["lr"] = self._number("lr", "_o.lr", own.lr)
        held["_number"] = [partial(trace.number, kinds=[x.dtype]) for x in own._scratch]
        scratch = [trace.constant(np.zeros_like(x)) for x in own._scratch]
        held["_scratch"] = [TracedArray(x, trace) for x in scratch]
        names = [moving[p][0].name if p in moving else None for p in own.params]
        for buffer in own.buffers:
            held[buffer] = self._state(buffer, getattr(own, buffer), names)
        before, parts = dict(held), {buffer: list(held[buffer]) for buffer in own.buffers}
        start = len(trace.values)
        for i, p in enumerate(own.params):
            self.tests.append(f"_q{i}._requires_grad is {p.requires_grad}")
            if p in moving:
                self.tests.append(f"_q{i}._array.flags.writeable")
                self.after.append(f"_q{i}.stamp = _now()")
                self._update(own, i, *moving[p])
        # Numbers come first, as all parameters share them.
        trace.values[start:] = sorted(trace.values[start:], key=lambda x: x.function is not number)
        for name, x in held.items():
            if x is not before.get(name):
                raise NotTraceable(
                    f"{kind.__name__}.update changes self.{name}. A step keeps what is listed in "
                    "its buffers: lists with one array or number for each parameter."
                )
        for buffer, given in parts.items():
            for i, (old, new) in enumerate(zip(given, held[buffer], strict=True)):
                at = f"_o.{buffer}[{i}]"
                if isinstance(new, TracedArray):
                    self._written(self.arrays[at], new)
                elif new is not old:
                    self.after.append(f"{at} = {new}")

    def _update(self, own: Optimizer, i: int, value: Value, g: Value) -> None:
        """Run the optimizer's ``update`` for one parameter, and name what it computes."""
        start, w = len(self._trace.values), TracedArray(value, self._trace)
        own.update(i, w, TracedArray(g, self._trace))
        self._written(value, w)
        for x in w.value.inputs[1:]:  # of w - step
            if isinstance(x, Value) and x.function is not None and x.name is None:
                x.name = f"step_{value.name}"
        noted = [x for x in self._trace.values[start:] if x.function is not number]
        for x in noted if len(noted) > 2 else []:
            x.place = Place((value.name,), 1, Counter([(value.name,)]))

    def _number(self, wanted: str, at: str, value: float) -> Number:
        name = self._recording.names.new(wanted)
        self.numbers[name] = at
        return Number(value, name)

    def _state(self, buffer: str, parts: list[Any], names: list[str | None]) -> list[Any]:
        """What stands for the parts of a buffer that belong to parameters with these names."""
        found, known = list(parts), dict[float, Number]()
        for i, (part, name) in enumerate(zip(parts, names, strict=False)):
            at = f"_o.{buffer}[{i}]"
            if name is None:
                continue  # it does not move
            if not isinstance(part, int | float):
                wanted = f"{SHORT.get(buffer, buffer)}_{name}"
                self.arrays[at] = self._recording.argument(wanted, part, at)
                found[i] = TracedArray(self.arrays[at], self._trace)
            elif part in known:
                found[i] = known[part]
                self.tests.append(f"{self.numbers[known[part].text]} == {at}")
            else:
                found[i] = known[part] = self._number(buffer, at, part)
        return found

    def _written(self, old: Value, array: TracedArray) -> None:
        """Note the new Value of an argument: a computed one, that no other argument has got."""
        if array.value is not old:
            self._recording.written[old] = self._trace.owned(array.value)


def check_moving(optimizer: Optimizer, moving: Collection[Tensor]) -> None:
    """Raise as ``optimizer.step()`` if a parameter that moves cannot be updated."""
    for i, p in enumerate(optimizer.params):
        made = optimizer._made_for.get(p)
        if p in moving and (made != (p.shape, p.dtype) * 2 or not is_writeable(p.data)):
            check_parameter("step", i, p, made)
