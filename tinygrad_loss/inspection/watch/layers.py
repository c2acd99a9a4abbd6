"""What happens in a pass: its ops and gradients, the layers of these, and their statistics."""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ...engine import ops
from ...engine.arrays import data_of, on_host
from ...engine.mode import Mark, Observer
from ...engine.node import Array
from ...engine.tensor import Tensor
from ...nn import Module

ACTIVATIONS = (ops.relu, ops.leaky_relu, ops.sigmoid, ops.tanh)
SATURATED_SLOPE = 0.05  # the share of its largest slope below which a sigmoid or tanh is saturated


class Step(NamedTuple):
    """One op of the forward pass."""

    output: Tensor
    op: ops.Op
    inputs: tuple[Any, ...]
    arrays: list[Array]


class Pass(Observer):
    """Notes every op and every gradient of a pass; at its end ``keep`` is called with it."""

    def __init__(self, keep: "Callable[[Pass], None]") -> None:
        self._keep = keep
        self._begin([])

    def _begin(self, steps: list[Step]) -> None:
        self.steps = steps
        self.end: int | None = None  # how many steps came before the last gradient
        self.gradient: dict[Tensor, float] = {}  # its norm at each Tensor it came to
        self.of_parameter: dict[Tensor, Array] = {}

    def finish(self) -> None:
        """End the pass. Ops after its last gradient are of the next one, or of none."""
        later = [] if self.end is None else self.steps[self.end :]
        self.steps = self.steps[: self.end]
        self._keep(self)
        self._begin(later)

    def after_forward(self, output: Any, op: ops.Op, inputs: Any, arrays: Any) -> None:
        """Note an op. The first recorded use of a parameter after backward() begins a pass."""
        if self.end is not None and output.requires_grad and any(map(is_leaf, inputs)):
            self.finish()
        self.steps.append(Step(output, op, inputs, arrays))

    def after_rule(self, node: Any, position: int, g: Any, part: Any) -> None:
        """Note the gradient at a node, and what one of its rules sends to an input."""
        x, part = node.origin[1][position], data_of(part)
        if not isinstance(g, Tensor):  # create_graph is still forward
            self.end = len(self.steps)
        self.gradient[node] = norm([g])
        if x.origin is None:
            self.of_parameter[x] = self.of_parameter[x] + part if x in self.of_parameter else part


@dataclass
class Row:
    """One call of a layer: of a module with parameters of its own, or with no module inside it.

    A ``scope`` block counts as one too, and so does an activation function called between modules.
    """

    name: str
    kind: str
    outputs: list[Tensor]
    first: int  # the stamp at which the call began
    module: Any = None

    def __post_init__(self) -> None:
        self.parameters = [] if self.module is None else own_parameters(self.module)
        self.last = self.outputs[-1].stamp  # at which it ended
        self.recorded = any(x.requires_grad for x in self.outputs)

    def holds(self, stamp: int) -> bool:
        """Whether something happened in this call."""
        return self.first <= stamp <= self.last


def find_rows(module: Module, seen: Pass) -> list[Row]:
    """The calls of layers, in the order in which they ended."""
    marked: dict[tuple[int, int], tuple[Any, dict[Tensor, Step]]] = {}  # a tuple has several
    for step in seen.steps:
        for maker, first in step.output.scopes:
            marked.setdefault((id(maker), first), (maker, {}))[1][step.output] = step
    names = {id(m): name or type(m).__name__ for name, m in module.named_modules()}
    calls = [
        Row(names[key], type(m).__name__, [*steps], first, m)
        for (key, first), (m, steps) in marked.items()
        if key in names
    ]
    # Calls of the module under no_grad() are evaluations, and left out if others were recorded.
    if any(row.recorded for row in calls if row.module is module):
        evaluations = [row for row in calls if row.module is module and not row.recorded]
        calls = [row for row in calls if not _inside(row.first, evaluations)]
    layers = [row for row in calls if row.parameters or len([*row.module.named_modules()]) == 1]
    rows = [*layers]
    for (_, first), (mark, steps) in marked.items():
        if isinstance(mark, Mark) and _inside(first, calls):
            block = Row(mark.name, "scope", [*steps][-1:], first)
            owned = {p for row in layers if block.holds(row.first) for p in row.parameters}
            used = dict.fromkeys(x for step in steps.values() for x in step.inputs if is_leaf(x))
            block.parameters = [x for x in used if x not in owned]
            rows.append(block)
    for step in seen.steps:
        stamp = step.output.stamp
        if step.op in ACTIVATIONS and _inside(stamp, calls) and not _inside(stamp, rows):
            rows.append(Row("", step.op.name, [step.output], stamp))
    rows.sort(key=lambda row: row.last)
    before, count = "", Counter[str]()
    for row in rows:  # functions are named after the layer before, calls of one layer are numbered
        name = row.name or f"{before}+{row.kind}".removeprefix("+")
        before = row.name or before
        count[name] += 1
        row.name = name if count[name] == 1 else f"{name}, call {count[name]}"
    return rows


def _inside(stamp: int, rows: list[Row]) -> bool:
    return any(row.holds(stamp) for row in rows)


def own_parameters(module: Module) -> list[Tensor]:
    """The parameters of a module that belong to no module inside it."""
    inner = {p for _, m in module.named_modules() if m is not module for p in m.parameters()}
    return [p for p in module.parameters() if p not in inner]


@dataclass(frozen=True)
class Layer:
    """The statistics of one layer in one pass; None where one does not apply or was not seen.

    name, kind : the dotted name of the module, and its class. An activation that was called as a
        function is named after the layer before it.
    mean, spread : mean and standard deviation of all numbers in the output
    gradient : Euclidean norm of the gradient of the loss at the output; 0 if none arrived
    weight_gradient : the same for the parameters of the layer, taken together
    dead : share of ReLUs (columns of the output) that are 0 for all samples: no gradient passes
    saturated : share of the outputs of sigmoid or tanh with a slope < 5 % of the largest
    update : norm of the change of the parameters in the pass, if any, relative to that before it.
        About 1e-3 is usual; at 1e-1 they are overwritten, at 1e-6 they hardly learn.
    """

    name: str
    kind: str
    mean: float
    spread: float
    gradient: float | None
    weight_gradient: float | None
    dead: float | None
    saturated: float | None
    update: float | None


def summarize(row: Row, seen: Pass, before: dict[Tensor, Array]) -> Layer:
    """Compute the statistics of a layer from what was noted in the pass."""
    output = np.concatenate([numbers(x).ravel() for x in row.outputs])
    mean, spread = map(float, (output.mean(), output.std()) if output.size else [math.nan] * 2)
    off, flat = [], []
    for step in seen.steps:
        if row.holds(step.output.stamp) and step.op in (ops.relu, ops.sigmoid, ops.tanh):
            y = numbers(step.output)
            if step.op is ops.relu:
                off.append((y == 0).all(axis=tuple(range(y.ndim - 1))).ravel())
            else:  # the slope of y = tanh(x) is 1 - y^2, and 2 sigmoid(x) - 1 = tanh(x / 2)
                y = 2 * y - 1 if step.op is ops.sigmoid else y
                flat.append(1 - np.square(y).ravel() < SATURATED_SLOPE)
    dead, saturated = (float(np.concatenate(x).mean()) if x else None for x in (off, flat))
    gradient = of_weights = None
    if seen.gradient:
        gradient = math.hypot(*(seen.gradient.get(x, 0.0) for x in row.outputs))
        sent = [seen.of_parameter[p] for p in row.parameters if p in seen.of_parameter]
        of_weights = norm(sent) if row.parameters else None
    old = [p for p in row.parameters if p in before]  # a layer can make its own when called
    size, change = norm([before[p] for p in old]), norm([p.data - before[p] for p in old])
    update = change / size if change and size else None
    return Layer(row.name, row.kind, mean, spread, gradient, of_weights, dead, saturated, update)


def norm(arrays: list[Any]) -> float:
    """The Euclidean norm of all numbers together, in float64, where tiny squares do not vanish."""
    return float(np.sqrt(sum(float(np.sum(np.square(numbers(a)))) for a in arrays)))


def numbers(x: Any) -> Array:
    """The data as a NumPy array of float64."""
    return on_host(x).astype(np.float64, copy=False)


def is_leaf(x: Any) -> bool:
    """Whether x is a parameter, or another Tensor that collects a gradient."""
    return isinstance(x, Tensor) and x.requires_grad and x.origin is None
