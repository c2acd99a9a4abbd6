"""Losses for classes: what a prediction costs, given the true class.

    output of the model        target                         loss
    a logit per class (N, C)   class indices, integer (N,)    cross_entropy, focal
    a logit per class (N, C)   probabilities, float (N, C)    cross_entropy
    one logit, any shape       0 or 1, or between             binary_..._with_logits, binary_focal
    log-probabilities (N, C)   probabilities, float (N, C)    kl_divergence
    probabilities              as above                       cross_entropy_from_probs, binary_...

A *logit* is a score before softmax or sigmoid, any real number. Prefer losses of logits: they are
exact where probabilities have already been rounded to 0 or 1. With (N, C) there is one loss per
row, and a single sample (C,) may have an index of shape (); "any shape" means one per element.
Logarithms are natural (nats). If a probability among the targets is NaN, so is the loss.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from ..engine.arrays import data_of
from ..engine.node import Array
from ..engine.ops import clip, exp, log, log_softmax, logsumexp, mean, softplus, sum as sum_, where
from ..engine.tensor import Tensor
from . import checks
from .checks import binary, class_scores, error, matched, number, picked
from .loss import Reduction, Weighted, loss, minus
from .margin import hinge, multiclass_hinge, squared_hinge  # noqa: F401


@loss(partial(class_scores, "binary_cross_entropy_with_logits"))
def cross_entropy(
    logits: Any, target: Any, *, weight: Any = None, ignore_index: int | None = None,
    label_smoothing: float = 0.0, base: float | None = None,
    sample_weight: Any = None, reduction: Reduction = "mean",
) -> Tensor:  # fmt: skip
    """Cross-entropy of softmax(logits): minus the log-probability of the truth.

    Formula: -log p_y with p = softmax(z), or -sum_c t_c log p_c for probability targets t.
    Computed as -log_softmax(z)_y with log_softmax(z) = z - logsumexp(z), both shifted by the row's
    maximum: exp never sees a number above 0. At z = (1000, 0), y = 1 it is 1000, where the textbook
    takes log 0. (A loss below a rounding of 1 is 0; ``focal`` with gamma=0 has its digits.)
    Gradient: p - t, with a one-hot t for an index; each row sums to 0.

    Parameters
    ----------
    logits : (N, C) or (C,), C >= 2
    target : integer (N,) or (), classes 0 to C-1; or float, as logits, with rows that sum to 1
    weight : (C,), one >= 0 per class, for rare classes. The mean then divides by the sum of w_y
        times the sample weights; with probability targets, by N or the sum of the sample weights.
    ignore_index : samples with this index (padding, often -100) do not count at all.
    label_smoothing : eps in [0, 1). The true class gets 1 - eps + eps/C and the others eps/C, so
        that no logit is driven to infinity (Szegedy et al. 2016).
    base : of the logarithm: None for nats, 2 for bits.

    When: exactly one of C classes is true; it is the negative log-likelihood. When not: several can
    be true at once (``binary_cross_entropy_with_logits`` on (N, C)).

    A loss stuck at ln C means that nothing has been learned. Do not apply softmax first: rows that
    are all >= 0 and sum to 1 are legal, but get a UserWarning, since after a second softmax the
    loss stays above ln(1 + (C-1)/e), 1.461 for 10 classes. (One row can look so by chance.)
    Raises ValueError also for ignore_index with probability targets, and if no sample counts.
    Source: Bishop 2006, "Pattern Recognition and Machine Learning", eq. 4.108.

    >>> logits = Tensor([[1.0, 2.0, 0.0], [0.0, 1000.0, 0.0]], requires_grad=True)
    >>> loss = cross_entropy(logits, [1, 0], reduction="none")
    >>> p = np.exp([1.0, 2.0, 0.0]) / np.exp([1.0, 2.0, 0.0]).sum()
    >>> print(loss.data.round(8), -np.log(p[1]).round(8))
    [4.0760596e-01 1.0000000e+03] 0.40760596
    >>> loss.sum().backward()
    >>> print(*logits.grad.round(4), p.round(4))
    [ 0.2447 -0.3348  0.09  ] [-1.  1.  0.] [0.2447 0.6652 0.09  ]
    """
    label_smoothing = number("label_smoothing", label_smoothing, 0, 1)
    checks.require(_is_no_softmax, logits, message=_softmax_twice, warning=True)
    if target.dtype.kind == "f" and target.shape == logits.shape:
        losses = _of_probabilities(logits, target, weight, ignore_index, label_smoothing)
    elif weight is None and ignore_index is None and not label_smoothing:
        target = checks.class_indices(logits, target, or_probabilities=True)
        losses = 0.0 - picked(log_softmax(logits), target)  # as -x is -0.0 at 0
    else:
        losses, weights = _of_indices(logits, target, weight, ignore_index, label_smoothing)
        return Weighted(_in_base(base, losses), weights)
    return _in_base(base, losses)


def _of_indices(
    logits: Any, target: Any, weight: Any, ignore_index: int | None, label_smoothing: float
) -> tuple[Any, Array]:
    """The loss of each row, and the weight of each row in the mean."""
    if isinstance(ignore_index, bool) or not isinstance(ignore_index, int | np.integer | None):
        raise error(f"ignore_index is {ignore_index!r}; expected an integer or None.", TypeError)
    target = data_of(target)
    kept = np.ones_like(target, dtype=bool) if ignore_index is None else target != ignore_index
    target = checks.class_indices(logits, target * kept, or_probabilities=True)
    # A NaN, for example, in an ignored row must not reach the gradient: 0 * NaN is NaN.
    logp = log_softmax(where(kept[..., np.newaxis], logits, 0))
    if weight is None:
        weights = kept.astype(logits.dtype)
    else:
        weight = checks.class_weights("weight", weight, logits)
        weights = np.where(kept, checks.weight_of(target, weight), 0)
    losses = (0.0 - picked(logp, target)) * weights
    if label_smoothing:
        spread = -mean(logp if weight is None else weight * logp, axis=-1)
        losses = (1 - label_smoothing) * losses + label_smoothing * where(kept, spread, 0)
    return losses, weights


def _of_probabilities(
    logits: Any, target: Any, weight: Any, ignore_index: int | None, label_smoothing: float
) -> Any:
    """The loss of each row, -sum_c w_c t_c log p_c."""
    if ignore_index is not None:
        given = f"ignore_index={ignore_index} was given with probability targets"
        raise error(f"{given}; it is of a class. Leave rows out: logits[kept], target[kept].")
    advice = "Indices? Use target.astype(int). Yes or no? Use binary_cross_entropy_with_logits."
    checks.require_distributions("target", target, advice)
    target = checks.converted(target, logits.dtype)
    if label_smoothing:
        target = (1 - label_smoothing) * target + label_smoothing / logits.shape[-1]
    terms = target * _possible(target, log_softmax(logits))
    if weight is not None:
        terms = terms * checks.class_weights("weight", weight, logits)
    return minus(sum_(terms, axis=-1))


def _possible(t: Any, logp: Any) -> Any:
    """Log p, to be multiplied by t, with 0 * -inf = 0: what is never true may be impossible."""
    return where((t <= 0) & (logp == -np.inf), 0, logp)


def _is_no_softmax(z: Array) -> Any:
    """False if all rows look like probabilities. One element, or one row, usually decides."""
    if z.size == 0 or (type(z) is np.ndarray and not 0 <= z.item(0) <= 1):
        return True
    row = z if z.ndim == 1 else z[0]
    return abs(row.sum() - 1) > 0.1 or not checks.are_distributions(z)


def _softmax_twice(z: Array) -> str:
    floor = math.log(1 + (z.shape[-1] - 1) / math.e)
    given = "every row of logits is >= 0 and sums to 1, as after a softmax"
    advice = "cross_entropy applies softmax itself: pass what went into yours"
    return f"{given}. {advice}. With two the loss cannot go below {floor:.3f}."


def _in_base(base: float | None, nats: Any) -> Any:
    """Losses with logarithms to this base instead of natural ones."""
    return nats if base is None else nats / math.log(number("base", base, 1, closed=False))


@loss(partial(class_scores, "binary_cross_entropy"))
def cross_entropy_from_probs(
    probs: Any, target: Any, *, base: float | None = None, eps: float = 1e-12,
    sample_weight: Any = None, reduction: Reduction = "mean",
) -> Tensor:  # fmt: skip
    """Cross-entropy of probabilities: the textbook formula.

    Formula: -log p_y for class indices, -sum_c t_c log p_c for probability targets.
    Gradient: -t/p. Probabilities below eps count as eps, so that log 0 counts as -27.63, with
    gradient 0. (In float16, where 1e-12 is 0, eps is at least 6.1e-5.)

    Parameters: ``probs`` (N, C) or (C,), rows >= 0 that sum to 1; ``target`` and ``base`` as in
    ``cross_entropy``; ``eps`` in (0, 1).

    When: the probabilities come from elsewhere (a table, an ensemble), or to follow a textbook.
    When not: for training, where ``cross_entropy`` has a gradient even if softmax rounds to 0.
    Source: Shannon 1948, "A Mathematical Theory of Communication", sec. 6.

    >>> probs = Tensor([[0.1, 0.2, 0.7]], requires_grad=True)
    >>> print(round(cross_entropy_from_probs(probs, [2], base=2).item(), 5))  # in bits
    0.51457
    >>> loss = cross_entropy_from_probs(probs, [[0.0, 0.0, 1.0]])
    >>> loss.backward()
    >>> print(round(loss.item(), 5), round(-math.log(0.7), 5), probs.grad[0].round(4))
    0.35667 0.35667 [-0.     -0.     -1.4286]
    """
    eps = checks.clipping(eps, probs)
    checks.require_distributions("probs", probs, "Are these logits? Use cross_entropy.")
    if target.dtype.kind == "f" and target.shape == probs.shape:
        checks.require_distributions("target", target, "Class indices? Use target.astype(int).")
        target = checks.converted(target, probs.dtype)
        log_p = sum_(target * log(clip(probs, eps, None)), axis=-1)
    else:
        target = checks.class_indices(probs, target, or_probabilities=True)
        log_p = log(clip(picked(probs, target), eps, None))
    return _in_base(base, minus(log_p))


@loss(binary)
def binary_cross_entropy(
    probs: Any, target: Any, *, base: float | None = None, eps: float = 1e-12,
    sample_weight: Any = None, reduction: Reduction = "mean",
) -> Tensor:  # fmt: skip
    """Binary cross-entropy of probabilities, or log loss: the textbook formula.

    Formula: -[y log p + (1 - y) log(1 - p)].
    Gradient: (p - y) / (p (1 - p)).
    p and 1 - p below eps count as eps: at p = 0, y = 1 the loss is -log eps = 27.63, with gradient
    0. (PyTorch gives 100 there, scikit-learn 36.04, Keras 16.12. In float16, where 1e-12 is 0, eps
    is at least 6.1e-5.) The minimum, the entropy of y, is at p = y.

    Parameters: ``probs`` in [0, 1] and ``target`` in [0, 1], of one shape, give or take a few
    roundings; ``base`` as in ``cross_entropy``; ``eps`` in (0, 1).

    When: the probabilities come from elsewhere. When not: for training with a sigmoid, where
    ``binary_cross_entropy_with_logits`` keeps the gradient that is lost when 1 - p is rounded.
    Source: Good 1952, "Rational Decisions", J. Royal Stat. Soc. B 14.

    >>> probs = Tensor([0.9, 0.2], requires_grad=True)
    >>> loss = binary_cross_entropy(probs, [1, 0])
    >>> loss.backward()
    >>> by_hand = -(math.log(0.9) + math.log(1 - 0.2)) / 2
    >>> print(round(loss.item(), 8), round(by_hand, 8), probs.grad.round(4))
    0.16425203 0.16425203 [-0.5556  0.625 ]
    """
    eps = checks.clipping(eps, probs)
    advice = "These look like logits: use binary_cross_entropy_with_logits."
    checks.unit_interval("probs", probs, advice)
    log_p, log_q = log(clip(probs, eps, None)), log(clip(1 - probs, eps, None))
    return _in_base(base, minus(target * log_p + (1 - target) * log_q))


@loss(binary)
def binary_cross_entropy_with_logits(
    logits: Any, target: Any, *, pos_weight: Any = None, label_smoothing: float = 0.0,
    sample_weight: Any = None, reduction: Reduction = "mean",
) -> Tensor:  # fmt: skip
    """Binary cross-entropy of sigmoid(logits): the loss of logistic regression.

    Formula: -[y log p + (1 - y) log(1 - p)] with p = sigmoid(z).
    Computed as y softplus(-z) + (1 - y) softplus(z), since -log sigmoid(z) = softplus(-z): exact
    for logits of any size. (The usual stable form max(z, 0) - z y + log1p(exp(-|z|)) has kinks at
    z = 0, where every zero-initialized model starts: the chain rule gives it a wrong gradient.)
    Gradient: sigmoid(z) - y.

    Parameters: ``logits`` and ``target`` of one shape (any); target in [0, 1]. ``pos_weight``, a
    number > 0 or an array that broadcasts to the shape of the logits (one per column), multiplies
    the term of y: n_negative / n_positive balances the classes. ``label_smoothing``, eps in [0, 1):
    the target becomes (1 - eps) y + eps/2, so that no logit is driven to infinity.

    When: yes or no, or several labels that can be true at once. When not: exactly one of C classes
    is true (``cross_entropy``).
    Source: Cox 1958, "The Regression Analysis of Binary Sequences", J. Royal Stat. Soc. B 20.

    >>> logits = Tensor([2.0, 0.0, -1000.0], requires_grad=True)
    >>> loss = binary_cross_entropy_with_logits(logits, [1.0, 1.0, 1.0], reduction="none")
    >>> p = 1 / (1 + np.exp(-2.0))
    >>> loss.sum().backward()
    >>> print(loss.data.round(8), -np.log(p).round(8), logits.grad.round(4))
    [1.2692801e-01 6.9314718e-01 1.0000000e+03] 0.12692801 [-0.1192 -0.5    -1.    ]
    """
    if label_smoothing := number("label_smoothing", label_smoothing, 0, 1):
        target = (1 - label_smoothing) * target + label_smoothing / 2
    positive = target * softplus(-logits)
    if pos_weight is not None:
        positive = _pos_weight(pos_weight, logits) * positive
    return positive + (1 - target) * softplus(logits)


def _pos_weight(pos_weight: Any, logits: Any) -> Array:
    weight = checks.as_weights("pos_weight", pos_weight, logits, positive=True)
    pairs = zip(reversed(weight.shape), reversed(logits.shape), strict=False)
    if weight.ndim > logits.ndim or any(n not in (1, of_logits) for n, of_logits in pairs):
        expected = f"a number, or one for each column of logits {logits.shape}"
        raise error(f"pos_weight has shape {weight.shape}; expected {expected}.")
    return weight


@loss(partial(class_scores, "binary_focal"))
def focal(
    logits: Any, target: Any, *, gamma: float = 2.0, alpha: Any = None,
    sample_weight: Any = None, reduction: Reduction = "mean",
) -> Tensor:  # fmt: skip
    """Focal loss: cross-entropy that pays little attention to what is right (Lin et al. 2017).

    Formula: -alpha_y (1 - p_y)^gamma log p_y with p = softmax(z). gamma = 0 is cross-entropy; with
    gamma = 2 a sample at p_y = 0.9 counts only a hundredth.
    Computed from the lead of the true class, z_y - logsumexp(the other logits), whose sigmoid is
    p_y: -log p_y = softplus(-lead), and (1 - p_y)^gamma = exp(-gamma softplus(lead)), exact to a
    rounding of the lead. (The power itself has a NaN gradient at p_y = 1 for gamma < 1.)
    Gradient at z_y: alpha_y (1 - p_y)^gamma (gamma p_y log p_y + p_y - 1).

    Parameters: ``logits`` (N, C) or (C,); ``target`` integer (N,) or (); ``gamma`` >= 0; ``alpha``
    None or (C,), one weight in [0, 1] per class. The mean divides by N.

    When: many easy samples drown a few hard ones, and ranking matters. When not: the probabilities
    themselves are needed; it is not a proper scoring rule, and makes them too cautious.
    Source: Lin, Goyal, Girshick, He, Dollar 2017, "Focal Loss for Dense Object Detection".

    >>> logits = Tensor([[1.0, 2.0, 0.0]], requires_grad=True)
    >>> loss = focal(logits, [1], gamma=2.0)
    >>> p = np.exp(2.0) / np.exp([1.0, 2.0, 0.0]).sum()
    >>> print(round(loss.item(), 8), (-((1 - p) ** 2) * np.log(p)).round(8))
    0.0456778 0.0456778
    >>> loss.backward()
    >>> print(logits.grad[0, 1].round(6), ((1 - p) ** 2 * (2 * p * np.log(p) + p - 1)).round(6))
    -0.098288 -0.098288
    """
    gamma = number("gamma", gamma)
    target = checks.class_indices(logits, target)
    is_own = checks.is_class(logits, target)
    largest = np.where(is_own, -np.inf, data_of(logits)).max(axis=-1, keepdims=True)
    with np.errstate(over="ignore"):  # a lead beyond the range is infinite
        logits = logits - np.where(np.isfinite(largest), largest, 0)
        lead = picked(logits, target) - logsumexp(where(is_own, -np.inf, logits))
    losses = _focused(softplus(-lead), softplus(lead), gamma)
    if alpha is not None:
        weight = checks.class_weights("alpha", alpha, logits)
        checks.unit_interval("alpha", weight, "Divide it by its maximum.")
        losses = checks.weight_of(target, weight) * losses
    return losses


def _focused(minus_log_p: Any, minus_log_q: Any, gamma: float) -> Any:
    """-q^gamma log p, with q = 1 - p."""
    if not gamma:
        return minus_log_p
    with np.errstate(over="ignore"):  # where the power is 0
        power = exp(-gamma * minus_log_q)
    # At a small p the power is 1 and its gradient 0, which the rules would make of inf * 0.
    limit = -2 * math.log(np.finfo(minus_log_p.dtype).eps)
    return where(data_of(minus_log_p) > limit, 1, power) * minus_log_p


@loss(binary)
def binary_focal(
    logits: Any, target: Any, *, gamma: float = 2.0, alpha: float | None = None,
    sample_weight: Any = None, reduction: Reduction = "mean",
) -> Tensor:  # fmt: skip
    """Focal loss of one logit (Lin et al. 2017): see ``focal`` for what it is for.

    Formula: -alpha (1 - p)^gamma log p for y = 1 and -(1 - alpha) p^gamma log(1 - p) for y = 0,
    with p = sigmoid(z); a soft y mixes the two. alpha is the weight of class 1, as in the paper,
    whose 0.25 weights positives *down*; with None both weights are 1. gamma = 0, alpha = 0.5 is
    half of ``binary_cross_entropy_with_logits``.
    Computed with log p = -softplus(-z), and the powers as exp(gamma log(1 - p)), as in ``focal``.
    Gradient for y = 1: alpha (1 - p)^gamma (gamma p log p + p - 1).

    Parameters: ``logits``; ``target`` in [0, 1]; ``gamma`` >= 0; ``alpha`` None or in [0, 1].

    >>> logits = Tensor([2.0, 2.0], requires_grad=True)
    >>> loss = binary_focal(logits, [1, 0], gamma=2.0, alpha=0.25, reduction="none")
    >>> p = 1 / (1 + np.exp(-2.0))
    >>> loss.sum().backward()
    >>> print(loss.data.round(6), (-0.25 * (1 - p) ** 2 * np.log(p)).round(6), logits.grad.round(6))
    [4.510000e-04 1.237559e+00] 0.000451 [-0.001218  0.807535]
    """
    gamma = number("gamma", gamma)
    if alpha is not None:
        alpha = number("alpha", alpha, 0, 1, closed_above=True)
    minus_log_p, minus_log_q = softplus(-logits), softplus(logits)
    positive = target * _focused(minus_log_p, minus_log_q, gamma)
    negative = (1 - target) * _focused(minus_log_q, minus_log_p, gamma)
    if alpha is not None:
        positive, negative = alpha * positive, (1 - alpha) * negative
    return positive + negative


@loss(matched)
def kl_divergence(
    log_probs: Any, target: Any, *, sample_weight: Any = None, reduction: Reduction = "mean"
) -> Tensor:
    """Kullback-Leibler divergence from the predicted distribution to the target's.

    Formula: sum_c t_c (log t_c - log p_c) per row: what a code made for p wastes when t is true. It
    is 0 where they agree, and never negative. It is cross-entropy minus the entropy of t, a
    constant, so the gradient is the same: -t with respect to log p. Terms with t_c = 0 are 0.

    Parameters: ``log_probs`` (N, C) or (C,), from log_softmax; ``target``, probabilities of its
    shape, with rows that sum to 1. The mean divides by N. (PyTorch's default divides by N C.)

    When: the target is a distribution (distillation, soft labels) and 0 is to mean "equal". When
    not: the target is a class: ``cross_entropy`` is the same and shorter to write.
    Source: Kullback and Leibler 1951, "On Information and Sufficiency", Annals of Math. Stat. 22.

    >>> log_probs = Tensor(np.log([[0.5, 0.25, 0.25]]), requires_grad=True)
    >>> loss = kl_divergence(log_probs, [[0.5, 0.5, 0.0]])
    >>> loss.backward()
    >>> by_hand = 0.5 * math.log(0.5 / 0.5) + 0.5 * math.log(0.5 / 0.25)
    >>> print(round(loss.item(), 8), round(by_hand, 8), log_probs.grad)
    0.34657359 0.34657359 [[-0.5 -0.5 -0. ]]
    """
    largest = math.log(np.finfo(log_probs.dtype).max) / 2  # so that no row's sum overflows
    p = np.exp(np.minimum(data_of(log_probs), largest))
    checks.require_distributions("exp(log_probs)", p, "Pass log_softmax(logits).")
    checks.require_distributions("target", target, "Are these logits? Use softmax(target).")
    log_t = log(where(target > 0, target, 1))
    return minus(sum_(target * (_possible(target, log_probs) - log_t), axis=-1))
