"""What is wrong in a pass: which layer receives no gradient, and why."""

from __future__ import annotations

import math

import numpy as np

from ...engine import ops
from ...engine.tensor import Tensor
from ...nn import Module
from .layers import Layer
from .record import Pass, Row, own_parameters

# Gradients vanish if at the first layer they are below this share of those at the last layer, and
# explode if they are above its inverse.
VANISHING = 1e-3
MANY = 0.5


def diagnose(module: Module, rows: list[Row], layers: list[Layer], seen: Pass) -> list[str]:
    """All problems of a pass, each in a sentence or two."""
    if not rows:
        return [f"{type(module).__name__} was not called in this pass."]
    problems = _not_called(module, rows) + _not_finite(rows, layers)
    if not seen.gradient:
        problems.append(_no_backward(rows))
    else:
        problems += _silent(rows, layers, seen) + _scale(rows, layers)
    for layer in layers:
        if (layer.dead or 0) >= MANY:
            problems.append(f"{layer.name}: {layer.dead:.0%} of its ReLUs are dead.")
        if (layer.saturated or 0) >= MANY:
            problems.append(f"{layer.name}: {layer.saturated:.0%} of its outputs are saturated.")
    return problems


def _not_called(module: Module, rows: list[Row]) -> list[str]:
    """Layers that have parameters but were not called."""
    called = {p for row in rows for p in row.parameters}
    return [
        f"{name or type(m).__name__} was not called in this pass, so it does not learn."
        for name, m in module.named_modules()
        if (own := own_parameters(m)) and not called.intersection(own)
    ]


def _not_finite(rows: list[Row], layers: list[Layer]) -> list[str]:
    """The first layer whose output is not finite; or else, from the loss, whose gradient is not."""
    problems = []
    for layer in layers:
        if not math.isfinite(layer.mean):
            problems.append(f"{layer.name}: its output holds NaN or inf, the first to do so.")
            break
    else:
        for layer in reversed(layers):
            if not math.isfinite(layer.gradient or 0):
                problems.append(
                    f"{layer.name}: the gradient that arrives there holds NaN or inf, though all "
                    "outputs are finite. detect_anomaly() names the op."
                )
                break
    return problems


def _no_backward(rows: list[Row]) -> str:
    if not any(row.output.requires_grad for row in rows):
        return "No gradients: the pass was computed under no_grad(), or all parameters are frozen."
    return "No gradients: backward() was not called inside the block."


def _silent(rows: list[Row], layers: list[Layer], seen: Pass) -> list[str]:
    """Layers with parameters whose gradient is missing or 0, grouped by the reason."""
    reasons: dict[str, list[str]] = {}
    for row, layer in zip(rows, layers, strict=True):
        if layer.weight_gradient == 0:
            reasons.setdefault(_why(row, rows, seen), []).append(layer.name)
    return [f"No gradient at {', '.join(names)}: {why}" for why, names in reasons.items()]


def _why(row: Row, rows: list[Row], seen: Pass) -> str:
    """Follow what was computed from a layer to the place where its gradient was lost."""
    if not row.output.requires_grad:
        return "it was computed under no_grad()."
    if seen.gradient.get(row.output):
        return "its own input is 0 for every sample, or its rule stops the gradient."
    stack, followed, ends = [row.output], {row.output}, []
    while stack:
        x = stack.pop()
        for user, i in seen.uses[x]:
            if seen.gradient.get(user):
                return _stopped(user, i, rows, seen)
            if not user.requires_grad:
                ends.append(f"{_place(user, rows, seen)} used it under no_grad().")
            elif user not in followed:
                followed.add(user)
                stack.append(user)
        if not seen.uses[x]:
            ends.append(_cut(x, rows, seen))
    return ends[0]


def _stopped(user: Tensor, i: int, rows: list[Row], seen: Pass) -> str:
    """Why an op that received a gradient sent nothing, or zeros, to its i-th input."""
    op, arrays, place = seen.steps[user].op, seen.steps[user].arrays, _place(user, rows, seen)
    if (user, i) not in seen.sent:
        return f"{place} does not differentiate that input."
    if op is ops.relu:
        return (
            f"{place} is off in every unit for every sample, and its slope is 0 there. Lower the "
            "learning rate, start biases at 0, or use leaky_relu."
        )
    if op in (ops.sigmoid, ops.tanh):
        return (
            f"{place} is saturated everywhere, so far out that its slope rounds to 0. Use smaller "
            "weights or inputs, or relu."
        )
    if op in (ops.linear, ops.matmul, ops.multiply) and i < 2 and not np.any(arrays[1 - i]):
        return f"what {place} multiplies it by is all 0. Draw weights at random, as Linear does."
    return f"the derivative of {place} is 0 at these values."


def _cut(x: Tensor, rows: list[Row], seen: Pass) -> str:
    """Why nothing that leads to the loss was computed from x."""
    if x in seen.copies:
        return (
            f"the output of {_place(x, rows, seen)} went into {_place(seen.copies[x], rows, seen)} "
            "as a constant. detach(), .data and .numpy() cut the graph: pass the Tensor itself."
        )
    if x in seen.gradient:
        return f"the gradient of {_place(x, rows, seen)} is 0 from the start."
    return (
        f"the output of {_place(x, rows, seen)} does not lead to the loss. It is not used, or only "
        "a copy of it is: Tensor(t.data), NumPy arrays, comparisons and argmax cut the graph."
    )


def _place(x: Tensor, rows: list[Row], seen: Pass) -> str:
    """The op that computed x, and the layer that it belongs to."""
    op = seen.steps[x].op.name
    for row in rows:
        if row.first <= x.stamp <= row.output.stamp:
            return op if op == row.kind else f"{op} in {row.name}"
    before = [row for row in rows if row.output.stamp < x.stamp]
    return f"{op} (after {before[-1].name})" if before else op


def _scale(rows: list[Row], layers: list[Layer]) -> list[str]:
    """Say so if gradients shrink or grow by orders of magnitude on their way from the loss."""
    found = [
        layer for row, layer in zip(rows, layers, strict=True) if row.parameters and layer.gradient
    ]
    if len(found) < 2:
        return []
    first, last = found[0], found[-1]
    ratio = (first.gradient or 0.0) / (last.gradient or 1.0)
    what = "vanish" if ratio < VANISHING else "explode" if ratio > 1 / VANISHING else ""
    if not what:
        return []
    return [
        f"Gradients {what} with depth: {first.gradient:.1e} at {first.name}, "
        f"{last.gradient:.1e} at {last.name}."
    ]
