"""``@loss`` turns a formula into a loss.

    @loss(matched)
    def mean_squared_error(pred, target, *, sample_weight=None, reduction="mean"):
        return square(pred - target)

The decorated function checks and converts its inputs, computes the losses by the formula, one per
element or row, weights them and reduces them to one number. All its errors begin with the name of
the loss.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Literal, NamedTuple

import numpy as np

from ..engine.node import Array
from ..engine.ops import mean
from ..engine.ops import sum as sum_
from .checks import F, as_weights, converted, error, one_of, require, running

Reduction = Literal["mean", "sum", "none"]


def loss(prepare: Callable[..., Any]) -> Callable[[F], F]:
    """Decorate a formula: it becomes a loss, with checks, sample weights and a reduction.

    ``prepare(names, *inputs)`` checks and converts the positional inputs of the loss; their names
    are for its errors. The formula receives what it returns, and itself returns the losses, one
    per element or row; or ``weighted`` or ``apart`` losses, whose mean is computed differently.
    ``sample_weight`` and ``reduction`` are in the formula's signature for the callers of the loss;
    the formula itself does not receive them.

    Sample weights multiply the losses, and the mean divides by their sum. (The weight 0 does not
    leave out a sample whose loss is infinite, as 0 * inf is NaN. Drop its row.)
    """

    def decorate(formula: F) -> F:
        code, defaults = formula.__code__, formula.__kwdefaults__ or {}
        name, n, usual = formula.__name__, code.co_argcount, defaults["reduction"]
        names = code.co_varnames[:n]

        @wraps(formula)
        def call(
            *inputs: Any, sample_weight: Any = None, reduction: Reduction = usual, **options: Any
        ) -> Any:
            before, running.name = running.name, name
            try:
                if len(inputs) != n:
                    by_name = names[len(inputs) :]
                    if len(inputs) > n or not all(x in options for x in by_name):
                        return formula(*inputs, **options)  # Python's own TypeError
                    inputs += tuple(options.pop(x) for x in by_name)
                losses = formula(*prepare(names, *inputs), **options)
                return reduced(losses, sample_weight, reduction)
            finally:
                running.name = before

        return call  # type: ignore[return-value]

    return decorate


class _Weighted(NamedTuple):
    losses: Any
    weights: Array


class _Apart(NamedTuple):
    real: Any
    fake: Any


def weighted(losses: Any, weights: Array) -> Any:
    """Losses already multiplied by weights: their mean divides by the sum of the weights."""
    return _Weighted(losses, weights)


def apart(real: Any, fake: Any) -> Any:
    """The losses of two batches, of any sizes: each is reduced by itself, the results are added."""
    return _Apart(real, fake)


def reduced(losses: Any, sample_weight: Any, reduction: Reduction) -> Any:
    """Losses of elements or rows as one number ("mean", "sum"), or as they are ("none")."""
    if sample_weight is not None or isinstance(losses, tuple):
        return _reduced_by_weight(losses, sample_weight, reduction)
    if isinstance(reduction, str) and reduction == "mean" and losses.size:
        return mean(losses)
    _check(reduction, losses)
    return sum_(losses) if reduction == "sum" else losses


def _reduced_by_weight(losses: Any, sample_weight: Any, reduction: Reduction) -> Any:
    weights = None
    if isinstance(losses, _Weighted):
        losses, weights = losses
    elif isinstance(losses, _Apart):
        if sample_weight is None and reduction != "none":
            return reduced(losses.real, None, reduction) + reduced(losses.fake, None, reduction)
        losses = _added(*losses, "reduction='none'" if reduction == "none" else "sample_weight")
    _check(reduction, losses)
    dtype = losses.dtype
    exact = np.result_type(dtype, np.float32)  # in float16 the sum of 65,520 ones is infinite
    losses = converted(losses, exact)
    if sample_weight is not None:
        of_each = _sample_weights(sample_weight, losses)
        losses = losses * of_each
        weights = of_each if weights is None else weights * of_each
    if reduction != "none":
        losses = sum_(losses)
    if reduction == "mean" and weights is not None:
        weights = converted(weights, exact)
        require(lambda w: w.sum() > 0, weights, message=lambda w: _nothing(sample_weight))
        losses = losses / weights.sum()
    return converted(losses, dtype)


def _check(reduction: Any, losses: Any) -> None:
    one_of("reduction", reduction, "mean", "sum", "none")
    if reduction == "mean" and losses.size == 0:
        raise error(
            "the mean is undefined for 0 samples; use reduction='sum' or skip the batch. (The sum "
            "is 0.)"
        )


def _added(real: Any, fake: Any, because: str) -> Any:
    """The losses of real and fake samples, added element by element."""
    if real.shape != fake.shape:
        raise error(
            f"real has shape {real.shape} and fake has shape {fake.shape}; {because} adds "
            "them element by element and expects equal shapes. Use 'mean' or 'sum'"
            f"{', without it' * (because == 'sample_weight')}."
        )
    return real + fake


def _sample_weights(sample_weight: Any, losses: Any) -> Array:
    """One weight for each loss, in the dtype of the losses."""
    weights = as_weights("sample_weight", sample_weight, losses.dtype)
    if weights.shape != losses.shape:
        fix = ""
        if weights.shape == losses.shape[:1]:
            rows = f"sample_weight[:{', None' * (losses.ndim - 1)}]"
            fix = f" For weights of rows use np.broadcast_to({rows}, {losses.shape})."
        elif weights.size == losses.size:
            fix = f" Use sample_weight.reshape({losses.shape})."
        raise error(
            f"sample_weight has shape {weights.shape} but the losses have shape {losses.shape}; "
            f"they must be equal, a weight for each loss.{fix}"
        )
    return weights


def _nothing(sample_weight: Any) -> str:
    """What to say when the weights of all losses are 0."""
    if sample_weight is None:
        what = "every target is ignored (equal to ignore_index, or of a class with weight 0)"
    else:
        what = "sample_weight is 0 for every sample (or for every one that is not ignored)"
    return (
        f"{what}; expected at least one that counts. Use reduction='sum', which is 0, or skip the "
        "batch."
    )
