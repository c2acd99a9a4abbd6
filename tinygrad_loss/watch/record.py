"""What is noted during a pass, and which layer each op belongs to."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .. import ops
from ..methods import data_of
from ..nn import Module
from ..tensor import Array, Op, Tensor, now

ACTIVATIONS = (ops.relu, ops.leaky_relu, ops.sigmoid, ops.tanh)


class Step(NamedTuple):
    """One op of the forward pass."""

    output: Tensor
    op: Op
    inputs: tuple[Any, ...]
    arrays: list[Array]


class Pass:
    """The observer: the engine tells it of every op, and of every gradient.

    It holds on to what was computed until the pass is over; afterwards only numbers remain.
    """

    def __init__(self, outer: Any = None) -> None:
        self.began = now()
        self.outer = outer  # a detect_anomaly() block around this pass goes on checking
        self.steps: dict[Tensor, Step] = {}
        self.uses: defaultdict[Tensor, list[tuple[Tensor, int]]] = defaultdict(list)
        self.copies: dict[Tensor, Tensor] = {}  # values that went on without their history
        self.gradient: dict[Tensor, float] = {}  # norm at each Tensor that backprop came through
        self.of_parameter: dict[Tensor, Array] = {}
        self.sent: dict[tuple[Tensor, int], bool] = {}  # is what a rule sent to an input not all 0?
        self._makers: dict[int, Tensor] = {}  # by the id of the array, which `steps` keeps alive

    def after_forward(
        self, output: Tensor, op: Op, inputs: tuple[Any, ...], arrays: list[Array]
    ) -> None:
        """Note an op, and who uses whose output."""
        if self.outer:
            self.outer.after_forward(output, op, inputs, arrays)
        for i, (x, array) in enumerate(zip(inputs, arrays, strict=True)):
            if isinstance(x, Tensor) and (x.requires_grad or x in self.steps):
                self.uses[x].append((output, i))
            elif (maker := self._makers.get(id(array))) is not None:
                self.copies[maker] = output
        self.steps[output] = Step(output, op, inputs, arrays)
        self._makers[id(output.data)] = output

    def __call__(self, node: Tensor, i: int, g: Any, part: Any) -> None:
        """Note the gradient at a node, and what its rule sends to the i-th input."""
        if self.outer:
            self.outer(node, i, g, part)
        self.gradient[node] = norm([g])
        self.sent[node, i] = bool(np.any(data_of(part)))
        x = node.origin[1][i]
        if x.origin is None:
            part = data_of(part)
            self.of_parameter[x] = self.of_parameter[x] + part if x in self.of_parameter else part


@dataclass(frozen=True)
class Row:
    """One call of a layer: a module with parameters of its own, or with no module inside it.

    An activation that was called as a function, between modules, is one too.
    """

    name: str
    kind: str
    output: Tensor
    first: int  # the stamp at which the call began
    parameters: list[Tensor]


def find_rows(module: Module, seen: Pass) -> list[Row]:
    """The layers that were called, in the order in which they ended."""
    names = {id(m): name or type(m).__name__ for name, m in module.named_modules()}
    calls = [
        (m, first, step.output)
        for step in seen.steps.values()
        for m, first in step.output.scopes or ()
        if id(m) in names
    ]
    rows = [
        Row(names[id(m)], type(m).__name__, output, first, own)
        for m, first, output in calls
        if (own := own_parameters(m)) or len(list(m.named_modules())) == 1
    ]
    for step in seen.steps.values():
        stamp = step.output.stamp
        if (
            step.op in ACTIVATIONS
            and any(first <= stamp <= output.stamp for _, first, output in calls)
            and not any(row.first <= stamp <= row.output.stamp for row in rows)
        ):
            rows.append(Row("", step.op.name, step.output, stamp, []))
    rows.sort(key=lambda row: row.output.stamp)
    return _with_names(rows)


def own_parameters(module: Module) -> list[Tensor]:
    """The parameters of a module that belong to no module inside it."""
    inner = {p for _, m in module.named_modules() if m is not module for p in m.parameters()}
    return [p for p in module.parameters() if p not in inner]


def _with_names(rows: list[Row]) -> list[Row]:
    """Name functions after the layer in front of them, and count calls of the same layer."""
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
    """The Euclidean norm of all numbers together; in float64, so that tiny squares do not vanish.

    >>> norm([np.array([3.0]), np.array([[4.0]])])
    5.0
    """
    return float(np.sqrt(sum(float(np.sum(np.square(numbers(a)))) for a in arrays)))


def numbers(x: Any) -> Array:
    """The data as a NumPy array of float64; CuPy's comes home with get()."""
    data = data_of(x)
    return np.asarray(data.get() if hasattr(data, "get") else data, dtype=np.float64)
