"""What is wrong in a pass: which layer receives no gradient, and why."""

import math
from collections import defaultdict

import numpy as np

from ...engine import ops
from ...engine.tensor import Tensor
from ...nn import Module
from .layers import Layer, Pass, Row, own_parameters

VANISHING = 1e-3  # the gradient at the first layer / that at the last; exploding: the inverse
MANY = 0.5  # the share of dead or saturated units that is a problem
_FLAT = {  # why an op whose slope is nowhere 0 by its formula sends back 0 alone
    ops.relu: "is off in every unit for every sample. Lower the learning rate, or use leaky_relu.",
    ops.sigmoid: "is saturated everywhere. Use smaller weights or inputs, or relu.",
    ops.tanh: "is saturated everywhere. Use smaller weights or inputs, or relu.",
}


def diagnose(module: Module, rows: list[Row], layers: list[Layer], seen: Pass) -> list[str]:
    """All problems of a pass, each in a sentence or two."""
    used = {x for step in seen.steps for x in step.inputs if isinstance(x, Tensor)}
    if not rows:
        what = "returned no Tensor, nor a tuple, list or dict of them"
        ran = used.intersection(module.parameters())
        return [f"{type(module).__name__} {what if ran else 'was not called'} in this pass."]
    called = used.union(*(row.parameters for row in rows))
    problems = [
        f"{name or type(m).__name__} was not called in this pass, so it does not learn."
        for name, m in module.named_modules()
        if (own := own_parameters(m)) and not called.intersection(own)
    ]
    if bad := [x.name for x in layers if not math.isfinite(x.mean)]:
        problems.append(f"{bad[0]}: its output holds NaN or inf, the first to do so.")
    elif bad := [x.name for x in layers if not math.isfinite(x.gradient or 0)]:
        what = "the gradient that arrives there holds NaN or inf. detect_anomaly() names the op."
        problems.append(f"{bad[-1]}: {what}")
    if seen.gradient:
        problems += _silent(rows, layers, seen) + _scale(layers)
    elif any(row.recorded for row in rows):
        problems.append("No gradients: backward() was not called inside the block.")
    else:
        problems.append("No gradients: the pass was computed under no_grad(), or all is frozen.")
    for x in layers:
        for share, which in (x.dead, "ReLUs are dead"), (x.saturated, "outputs are saturated"):
            if (share or 0) >= MANY:
                problems.append(f"{x.name}: {share:.0%} of its {which}.")
    return problems


def _scale(layers: list[Layer]) -> list[str]:
    """Say so if gradients shrink or grow by orders of magnitude on their way from the loss."""
    found = [(x.gradient, x.name) for x in layers if x.weight_gradient is not None and x.gradient]
    if found:
        (first, start), (last, end) = found[0], found[-1]
        for how, small, large in (("vanish", first, last), ("explode", last, first)):
            if small < VANISHING * large:
                return [f"Gradients {how} with depth: {first:.1e} at {start}, {last:.1e} at {end}."]
    return []


def _silent(rows: list[Row], layers: list[Layer], seen: Pass) -> list[str]:
    """Layers with parameters whose gradient is missing or 0, grouped by the reason."""
    search = _Search(rows, seen)
    reasons: dict[str, list[str]] = {}
    for row, layer in zip(rows, layers, strict=True):
        if layer.weight_gradient == 0:
            reasons.setdefault(search.why(row), []).append(layer.name)
    return [f"No gradient at {', '.join(names)}: {why}" for why, names in reasons.items()]


class _Search:
    """Follows what was computed from a layer to the place where its gradient was lost."""

    def __init__(self, rows: list[Row], seen: Pass) -> None:
        self.rows, self.seen = rows, seen
        self.steps = {step.output: step for step in seen.steps}
        self.uses: defaultdict[Tensor, list[tuple[Tensor, int]]] = defaultdict(list)
        self.copies: dict[Tensor, Tensor] = {}  # values that went on without their history
        makers: dict[int, Tensor] = {}  # by the id of the array, which the pass keeps alive
        for output, _, inputs, arrays in seen.steps:
            for i, (x, array) in enumerate(zip(inputs, arrays, strict=True)):
                if isinstance(x, Tensor) and (x.requires_grad or x in self.steps):
                    self.uses[x].append((output, i))
                elif id(array) in makers:
                    self.copies[makers[id(array)]] = output
            makers[id(output.data)] = output

    def why(self, row: Row) -> str:
        """Why the parameters of a layer received no gradient."""
        if not row.recorded:
            return "it was computed under no_grad()."
        if any(self.seen.gradient.get(x) for x in row.outputs):
            return "its own input is 0 for every sample, or its rule stops the gradient."
        stack, followed, ends = [*row.outputs], {*row.outputs}, []
        while stack:
            x = stack.pop()
            for user, i in self.uses[x]:
                if self.seen.gradient.get(user):
                    return self._stopped(user, i)
                if not user.requires_grad:
                    ends.append(f"{self._place(user)} used it under no_grad().")
                elif user not in followed:
                    followed.add(user)
                    stack.append(user)
            if not self.uses[x]:
                ends.append(self._cut(x))
        return ends[0]

    def _stopped(self, user: Tensor, i: int) -> str:
        """Why an op that received a gradient sent nothing, or zeros, to its i-th input."""
        (_, op, _, arrays), place = self.steps[user], self._place(user)
        if op.rules[i] is None:
            return f"{place} does not differentiate that input."
        if op in _FLAT:
            return f"{place} {_FLAT[op]}"
        if op in (ops._linear, ops._matmul, ops.multiply) and i < 2 and not np.any(arrays[1 - i]):
            return f"what {place} multiplies it by is all 0. Draw weights at random."
        return f"the derivative of {place} is 0 at these values."

    def _cut(self, x: Tensor) -> str:
        """Why nothing that leads to the loss was computed from x."""
        output = f"the output of {self._place(x)}"
        if x in self.copies:
            advice = "detach(), .data and .numpy() cut the graph: pass the Tensor itself."
            return f"{output} went into {self._place(self.copies[x])} as a constant. {advice}"
        advice = "Tensor(t.data), NumPy arrays, comparisons and argmax cut the graph."
        return f"{output} does not lead to the loss, or only a copy does. {advice}"

    def _place(self, x: Tensor) -> str:
        """The op that computed x, and the layer that it belongs to."""
        op = self.steps[x].op.name
        for row in self.rows:
            if row.holds(x.stamp):
                return op if op == row.kind else f"{op} in {row.name}"
        before = [row.name for row in self.rows if row.last < x.stamp]
        return f"{op} (after {before[-1]})" if before else op
