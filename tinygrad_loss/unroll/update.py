"""The update: an optimizer's own recurrence, run on traced arrays, and so noted like all else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from functools import partial
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..optim import Optimizer, check_parameter, is_writeable, no_gradient
from .array import TracedArray
from .values import NotTraceable, Number, Place, Value, number

SHORT = {"velocity": "v", "first_moment": "m", "second_moment": "v"}


class Update:
    """One update by an optimizer: the arrays that it writes, the numbers that it reads and changes.

    ``moving`` has the parameters that the loss depends on, with the Values of each and of its
    gradient. Where the state is found is a Python expression in which ``_o`` is the optimizer.
    """

    def __init__(
        self, recording: Any, optimizer: Optimizer, moving: dict[Tensor, tuple[Value, Value]]
    ) -> None:
        self.optimizer = optimizer
        self.moving = set(moving)
        self.arrays: dict[str, Value] = {}  # the arrays of the state, by where they are found
        self.numbers: dict[str, str] = {}  # where each number is found, by its name in the source
        self.equal: list[tuple[str, str]] = []  # where numbers are found that have one name
        self.assigned: dict[str, str] = {}  # the text of each new number, by where it is found
        self._recording, self._trace = recording, recording.trace
        kind = type(optimizer)
        self._trace.phase = f"update: {kind.__name__}"
        if not moving:
            raise no_gradient("unroll")
        if kind.step is not Optimizer.step:
            raise NotTraceable(
                f"{kind.__name__} has a step() of its own; expected one that defines update(i, w, "
                "g). Use wrt= for the gradients, and let the optimizer step outside."
            )
        check_moving(optimizer, moving)
        own = object.__new__(kind)  # takes the notes, so that the optimizer stays as it is
        held = vars(own)
        held |= vars(optimizer)
        held["lr"] = self._number("lr", "_o.lr", own.lr)
        held["_number"] = [partial(self._beside, kind=x.dtype) for x in own._scratch]
        scratch = [self._trace.constant(np.zeros_like(x)) for x in own._scratch]
        held["_scratch"] = list(map(self._array, scratch))
        names = [moving[p][0].name if p in moving else None for p in own.params]
        for buffer in own.buffers:
            held[buffer] = self._state(buffer, getattr(own, buffer), names)
        before, parts = dict(held), {buffer: list(held[buffer]) for buffer in own.buffers}
        start = len(self._trace.values)
        for i, p in enumerate(own.params):
            if p in moving:
                self._update(own, i, *moving[p])
        # Numbers come first, as all parameters share them.
        made = self._trace.values[start:]
        self._trace.values[start:] = sorted(made, key=lambda x: x.function is not number)
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
                    self.assigned[at] = str(new)

    def _update(self, own: Optimizer, i: int, value: Value, g: Value) -> None:
        """Run the optimizer's ``update`` for one parameter, and name what it computes."""
        start, w = len(self._trace.values), self._array(value)
        own.update(i, w, self._array(g))
        self._written(value, w)
        for x in w.value.inputs[1:]:  # of w - step
            if isinstance(x, Value) and x.function is not None and x.name is None:
                x.name = f"step_{value.name}"
        noted, line = self._trace.values[start:], (value.name,)
        noted = [x for x in noted if x.function is not number]
        for x in noted if len(noted) > 2 else []:
            x.place = Place(line, 1, Counter([line]))

    def _array(self, value: Value) -> TracedArray:
        return TracedArray(value, self._trace)

    def _beside(self, x: Any, kind: Any) -> Any:
        """A number as the optimizer gives it to ufuncs, an array without axes of this dtype."""
        return self._array(self._trace.number(x, [kind]))

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
                found[i] = self._array(self.arrays[at])
            elif part in known:
                found[i] = known[part]
                self.equal.append((self.numbers[known[part].text], at))
            else:
                found[i] = known[part] = self._number(buffer, at, part)
        return found

    def _written(self, old: Value, array: TracedArray) -> None:
        """Note the new Value of an argument: a computed one, that no other argument has got."""
        if array.value is not old:
            self._recording.written[old] = self._trace.owned(array.value)


def check_moving(optimizer: Optimizer, moving: Container[Tensor]) -> None:
    """Raise as ``optimizer.step()`` if a parameter that moves cannot be updated."""
    for i, p in enumerate(optimizer.params):
        made = optimizer._made_for.get(p)
        fits = made == (p.shape, p.dtype) * 2 and is_writeable(p.data)
        if p in moving and not fits:
            check_parameter("step", i, p, made)
