"""The statistics of one layer in one pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...engine import ops
from ...engine.node import Array
from ...engine.tensor import Tensor
from .record import Pass, Row, norm, numbers

# A sigmoid or tanh is saturated where its slope is below this share of its largest slope.
SATURATED_SLOPE = 0.05


@dataclass(frozen=True)
class Layer:
    """The statistics of one layer in one pass; None where one does not apply or was not seen.

    Attributes
    ----------
    name, kind : str
        The dotted name of the module, and its class. An activation that was called as a function is
        named after the layer before it.
    mean, spread : float
        Mean and standard deviation of all numbers in the output.
    gradient : float
        Euclidean norm of the gradient of the loss at the output; 0 if none arrived.
    weight_gradient : float
        The same for the parameters of the layer, taken together.
    dead : float
        The share of ReLUs (columns of the output) that are 0 for every sample of the pass: no
        gradient passes through them.
    saturated : float
        The share of the outputs of sigmoid or tanh where the slope is below 5 % of the largest.
    update : float
        Norm of the change of the parameters during the pass, relative to their norm before it.
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
    output = numbers(row.output)
    inside = [
        step for step in seen.steps.values() if row.first <= step.output.stamp <= row.output.stamp
    ]
    off = [dead_units(numbers(step.output)) for step in inside if step.op is ops.relu]
    slopes = [
        relative_slope(numbers(step.output), steepest_at=0.5 if step.op is ops.sigmoid else 0.0)
        for step in inside
        if step.op in (ops.sigmoid, ops.tanh)
    ]
    weight_gradient = update = None
    if row.parameters:
        if seen.gradient:
            found = [seen.of_parameter[p] for p in row.parameters if p in seen.of_parameter]
            weight_gradient = norm(found)
        old = [p for p in row.parameters if p in before]  # a layer can make its own when called
        change = norm([p.data - before[p] for p in old])
        size = norm([before[p] for p in old])
        stepped = change or any(p.stamp > seen.began for p in old)
        update = change / size if stepped and size else None
    return Layer(
        row.name,
        row.kind,
        float(output.mean()) if output.size else np.nan,
        float(output.std()) if output.size else np.nan,
        seen.gradient.get(row.output, 0.0) if seen.gradient else None,
        weight_gradient,
        _share(off),
        _share([slope < SATURATED_SLOPE for slope in slopes]),
        update,
    )


def dead_units(output: Array) -> Array:
    """A mask of the columns of a ReLU's output that are 0 for every sample.

    >>> dead_units(np.array([[0.0, 2.0], [0.0, 0.0]]))
    array([ True, False])
    """
    return (output == 0).all(axis=tuple(range(output.ndim - 1)))


def relative_slope(output: Array, steepest_at: float) -> Array:
    """The slope of a sigmoid or tanh, from its output, relative to the largest: 1 - t^2.

    A sigmoid, stretched to (-1, 1), is a tanh: t = 2 sigmoid(x) - 1 = tanh(x / 2).

    >>> relative_slope(np.array([0.5, 1.0]), steepest_at=0.5)  # of a sigmoid
    array([1., 0.])
    """
    t = (output - steepest_at) / (1 - steepest_at)
    return 1 - np.square(t)


def _share(flags: list[Array]) -> float | None:
    return float(np.concatenate([x.ravel() for x in flags]).mean()) if flags else None
