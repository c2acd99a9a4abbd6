"""Losses for classes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..ops import log_softmax, logsumexp, relu, where
from ..ops import sum as sum_
from ..tensor import Array, Tensor, data_of
from .checks import (
    Reduction,
    class_indices,
    class_scores,
    converted,
    is_indices,
    matched,
    picked,
    reduce,
    require,
    require_distributions,
    require_option,
    require_signs,
    tolerance,
)


def cross_entropy(
    logits: Any,
    target: Any,
    *,
    weight: Any = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    base: float | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Cross-entropy."""
    logits = class_scores("cross_entropy", logits, binary="binary_cross_entropy_with_logits")
    require(
        _cannot_be_softmax,
        logits,
        message=lambda z: (
            "cross_entropy: every row of logits is >= 0 and sums to 1, as softmax output does. Pass the logits "
            "themselves: a second softmax keeps the loss from going below "
            f"{math.log(1 + (z.shape[-1] - 1) / math.e):.3f}."
        ),
        warning=True,
    )
    require_option(
        "cross_entropy",
        "label_smoothing",
        label_smoothing,
        0 <= label_smoothing < 1,
        "0 <= label_smoothing < 1",
    )
    unit = 1.0 if base is None else _log_base("cross_entropy", base)
    if not isinstance(target, Tensor | np.ndarray):
        target = np.array(target) if isinstance(target, list | tuple) else target
    if weight is not None:
        weight = _class_weights("cross_entropy", weight, logits)
    options = (weight, ignore_index, label_smoothing)
    if is_indices(target) or target.shape != logits.shape:
        losses, weights = _cross_entropy_of_indices(logits, target, *options)
    else:
        losses, weights = _cross_entropy_of_probabilities(logits, target, *options), None
    loss = reduce("cross_entropy", losses, reduction, weights)
    return loss if base is None else loss / unit


def _cannot_be_softmax(z: Array) -> bool:
    """False if all rows look like probabilities. One element, then one row, mostly decide: the test is cheap."""
    if z.size == 0 or not 0 <= z[(0,) * z.ndim] <= 1:
        return True
    allowed = tolerance(z)
    for part in (z[:1], z) if z.ndim == 2 else (z,):
        if (part < 0).any() or not (abs(part.sum(axis=-1) - 1) <= allowed).all():
            return True
    return False


def _log_base(function: str, base: float) -> float:
    require_option(
        function,
        "base",
        base,
        base > 0 and base != 1,
        "None for nats, 2 for bits, 10 ..: > 0 and not 1",
    )
    return math.log(base)


def _class_weights(function: str, weight: Any, logits: Any) -> Array:
    """One weight >= 0 per class, as an array in the dtype of the logits."""
    weight = data_of(converted(weight, logits.dtype))
    if weight.shape != logits.shape[-1:]:
        raise ValueError(
            f"{function}: weight has shape {weight.shape}; expected {logits.shape[-1:]}, one weight per class."
        )
    require(
        lambda w: (w >= 0).all(),
        weight,
        message=lambda w: f"{function}: weight holds {w.min():g}; expected weights >= 0.",
    )
    return weight


def _cross_entropy_of_indices(
    logits: Any, target: Any, weight: Array | None, ignore_index: int | None, label_smoothing: float
) -> tuple[Any, Array | None]:
    """The loss of each row, and the weights of the rows if they are not all 1."""
    target = class_indices("cross_entropy", logits, target, ignore_index)
    if weight is None and ignore_index is None and not label_smoothing:
        return logsumexp(logits) - picked(logits, target), None
    kept = np.full(target.shape, True) if ignore_index is None else target != ignore_index
    require(
        lambda k: k.size == 0 or k.any(),
        kept,
        message=lambda k: (
            f"cross_entropy: every target is ignore_index={ignore_index}; expected at least one that counts. "
            "Skip the batch."
        ),
    )
    target = np.where(kept, target, 0)
    # What an ignored row holds, NaN for example, must not reach the gradient: 0 * NaN is NaN.
    logp = log_softmax(where(kept[..., np.newaxis], logits, 0))
    weights = kept.astype(logits.dtype) if weight is None else where(kept, weight[target], 0)
    losses = -picked(logp, target) * weights
    if label_smoothing:
        share = logp if weight is None else weight * logp
        smooth = -where(kept, sum_(share, axis=-1), 0) / logits.shape[-1]
        losses = (1 - label_smoothing) * losses + label_smoothing * smooth
    return losses, weights


def _cross_entropy_of_probabilities(
    logits: Any, target: Any, weight: Array | None, ignore_index: int | None, label_smoothing: float
) -> Any:
    """The loss of each row: -sum_c w_c t_c log p_c."""
    if ignore_index is not None:
        raise ValueError(
            f"cross_entropy: ignore_index={ignore_index} was given with probability targets; it belongs to class "
            "indices. Drop the rows instead: logits[kept], target[kept]."
        )
    require_distributions(
        "cross_entropy", "target", target, "Class indices? Convert them: target.astype(int)."
    )
    target = converted(target, logits.dtype)
    if label_smoothing:
        target = (1 - label_smoothing) * target + label_smoothing / logits.shape[-1]
    logp = log_softmax(logits)
    losses = _times(target, logp if weight is None else weight * logp)
    return -sum_(losses, axis=-1)


def _times(t: Any, x: Any) -> Any:
    """t * x with 0 * -inf = 0: what has probability 0 in the target costs nothing, however impossible it is."""
    return t * where((t == 0) & (x == -np.inf), 0, x)


def hinge(scores: Any, labels: Any, *, reduction: Reduction = "mean") -> Any:
    """Hinge loss."""
    require_signs("hinge", "labels", labels if hasattr(labels, "dtype") else np.array(labels))
    scores, labels = matched("hinge", scores, labels, ("scores", "labels"))
    return reduce("hinge", relu(1 - labels * scores), reduction)
