"""Notes of a pass, and which layer each op belongs to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ...engine import ops
from ...engine.arrays import data_of
from ...engine.mode import Mark, Observer
from ...engine.node import Array, now
from ...engine.ops import Op
from ...engine.tensor import Tensor
from ...nn import Module

ACTIVATIONS = (ops.relu, ops.leaky_relu, ops.sigmoid, ops.tanh)


class Step(NamedTuple):
    """One op of the forward pass."""

    output: Tensor
    op: Op
    inputs: tuple[Any, ...]
    arrays: list[Array]


class Pass(Observer):
    """The observer of one pass: it notes every op and every gradient.

    It keeps all that was computed until the pass is over; afterwards only the statistics remain.
    """

    def __init__(self) -> None:
        self.began = now()
        self.steps: dict[Tensor, Step] = {}
        self.uses: defaultdict[Tensor, list[tuple[Tensor, int]]] = defaultdict(list)
        self.copies: dict[Tensor, Tensor] = {}  # values that went on without their history
        self.gradient: dict[Tensor, float] = {}  # norm at each Tensor that backprop came through
        self.of_parameter: dict[Tensor, Array] = {}
        self.sent: dict[tuple[Tensor, int], bool] = {}  # does what a rule sent differ from 0?
        self._makers: dict[int, Tensor] = {}  # by the id of the array, which `steps` keeps alive

    def after_forward(
        self, output: Any, op: Op, inputs: tuple[Any, ...], arrays: list[Array]
    ) -> None:
        """Note an op, and which outputs it uses."""
        for i, (x, array) in enumerate(zip(inputs, arrays, strict=True)):
            if isinstance(x, Tensor) and (x.requires_grad or x in self.steps):
                self.uses[x].append((output, i))
            elif (maker := self._makers.get(id(array))) is not None:
                self.copies[maker] = output
        self.steps[output] = Step(output, op, inputs, arrays)
        self._makers[id(output.data)] = output

    def after_rule(self, node: Any, position: int, g: Any, part: Any) -> None:
        """Note the gradient at a node, and what one of its rules sends to an input."""
        self.gradient[node] = norm([g])
        self.sent[node, position] = bool(np.any(data_of(part)))
        _, inputs, _, _ = node.origin
        x = inputs[position]
        if x.origin is None:
            part = data_of(part)
            self.of_parameter[x] = self.of_parameter[x] + part if x in self.of_parameter else part


@dataclass(frozen=True)
class Row:
    """One call of a layer: of a module with parameters of its own, or with no module inside it.

    A ``scope`` block counts as one too, and so does an activation function called between modules.
    """

    name: str
    kind: str
    output: Tensor
    first: int  # the stamp at which the call began
    parameters: list[Tensor]


def find_rows(module: Module, seen: Pass) -> list[Row]:
    """The calls of layers, in the order in which they ended."""
    names = {id(m): name or type(m).__name__ for name, m in module.named_modules()}
    calls = [
        (m, first, step.output)
        for step in seen.steps.values()
        for m, first in step.output.scopes
        if id(m) in names
    ]
    rows = [
        Row(names[id(m)], type(m).__name__, output, first, own)
        for m, first, output in calls
        if (own := own_parameters(m)) or len(list(m.named_modules())) == 1
    ]

    def called(stamp: int) -> bool:
        return any(first <= stamp <= output.stamp for _, first, output in calls)

    rows += _blocks(seen, called, rows)
    for step in seen.steps.values():
        stamp = step.output.stamp
        if (
            step.op in ACTIVATIONS
            and called(stamp)
            and not any(row.first <= stamp <= row.output.stamp for row in rows)
        ):
            rows.append(Row("", step.op.name, step.output, stamp, []))
    rows.sort(key=lambda row: row.output.stamp)
    return _with_names(rows)


def _blocks(seen: Pass, called: Callable[[int], bool], rows: list[Row]) -> list[Row]:
    """The ``scope`` blocks in calls of the module, with parameters that no layer inside owns."""
    blocks: dict[tuple[Mark, int], list[Step]] = {}
    for step in seen.steps.values():
        for maker, first in step.output.scopes:
            if isinstance(maker, Mark) and called(first):
                blocks.setdefault((maker, first), []).append(step)
    found = []
    for (maker, first), steps in blocks.items():
        last = steps[-1].output
        inside = [row for row in rows if first <= row.first and row.output.stamp <= last.stamp]
        owned = {p for row in inside for p in row.parameters}
        used = [x for step in steps for x in step.inputs if isinstance(x, Tensor)]
        own = [x for x in used if x.requires_grad and x.origin is None and x not in owned]
        found.append(Row(maker.name, "scope", last, first, list(dict.fromkeys(own))))
    return found


def own_parameters(module: Module) -> list[Tensor]:
    """The parameters of a module that belong to no module inside it."""
    inner = {p for _, m in module.named_modules() if m is not module for p in m.parameters()}
    return [p for p in module.parameters() if p not in inner]


def _with_names(rows: list[Row]) -> list[Row]:
    """Name functions after the layer before them, and number the calls of the same layer."""
    named: list[Row] = []
    counted: Counter[str] = Counter()
    before = ""
    for row in rows:
        name = row.name or f"{before}+{row.kind}".removeprefix("+")
        before = row.name or before
        counted[name] += 1
        again = f", call {counted[name]}" if counted[name] > 1 else ""
        named.append(Row(name + again, row.kind, row.output, row.first, row.parameters))
    return named


def norm(arrays: list[Any]) -> float:
    """The Euclidean norm of all numbers together, in float64, where tiny squares do not vanish.

    >>> norm([np.array([3.0]), np.array([[4.0]])])
    5.0
    """
    return float(np.sqrt(sum(float(np.sum(np.square(numbers(a)))) for a in arrays)))


def numbers(x: Any) -> Array:
    """The data as a NumPy array of float64; CuPy's arrays come to the host by get()."""
    data = data_of(x)
    return np.asarray(data.get() if hasattr(data, "get") else data, dtype=np.float64)
