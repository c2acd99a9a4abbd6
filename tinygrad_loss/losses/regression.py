"""Losses for numbers: how far each prediction is from its target.

Most are means of a function of the error ``e = pred - target``, and differ in how large ones count:

    loss              per element                  gradient     a constant prediction ends at
    squared error     e^2                          2 e          the mean
    absolute error    |e|                          sign(e)      the median
    huber, log_cosh   e^2/2 near 0, |e| far away   e, bounded   in between
    pinball           |e|, tilted                  -q or 1 - q  the q-quantile

Two are likelihoods: ``gaussian_nll`` of a number and its uncertainty, ``poisson_nll`` of a count.

``pred`` and ``target`` have the same shape, any, and there is one loss per element. (For one sample
weight per row: np.broadcast_to(w[:, None], pred.shape).) The gradients below are those of one
element's loss; the mean over n divides them by n. If a target is NaN, so is the loss.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..engine.arrays import constant, data_of, elementwise
from ..engine.ops import absolute, clip, cosh, exp, log, square
from ..engine.tensor import Tensor
from . import checks
from .checks import Names, converted, matched, number, running
from .loss import Reduction, half_square, loss


@loss(matched, symmetric=True)
def sum_squared_error(
    pred: Any, target: Any, *, sample_weight: Any = None, reduction: Reduction = "sum"
) -> Tensor:
    """Sum of squared errors, the loss of least squares (Legendre 1805).

    Formula: L = sum_i e_i^2, without the factor 1/2 that some books have. With it,
    ``sum_squared_error(...) / 2``, it is what a well-known Japanese textbook calls 2乗和誤差.
    Gradient: 2 e.

    When: to compare with the statistics literature, where it is the residual sum of squares. When
    not: for gradient descent, as the gradient grows with the number n of samples, and the learning
    rate has to shrink (``mean_squared_error``). Unlike the other losses it is a sum by default.
    Source: Hastie, Tibshirani, Friedman 2009, "The Elements of Statistical Learning", eq. 3.2.

    >>> pred, target = Tensor([3.0, -0.5, 2.0, 7.0], requires_grad=True), [2.5, 0.0, 2.0, 8.0]
    >>> loss = sum_squared_error(pred, target)
    >>> loss.backward()
    >>> print(loss.item(), sum((p - t) ** 2 for p, t in zip(pred.tolist(), target)), pred.grad)
    1.5 1.5 [ 1. -1.  0. -2.]
    """
    return square(pred - target)


@loss(matched, symmetric=True)
def mean_squared_error(
    pred: Any, target: Any, *, sample_weight: Any = None, reduction: Reduction = "mean"
) -> Tensor:
    """Mean squared error: least squares, averaged (Gauss 1809).

    Formula: L = 1/n sum_i e_i^2.
    Gradient: 2 e / n, so a far target pulls proportionally harder.

    When: the noise is roughly Gaussian (this is its negative log-likelihood, up to constants), or
    the conditional mean is wanted. When not: with outliers, which it squares (``huber``), or after
    a sigmoid or softmax, whose flat ends leave a confident mistake without a gradient
    (``binary_cross_entropy_with_logits``). A loss stuck at Var(target) has learned nothing.
    Source: Bishop 2006, "Pattern Recognition and Machine Learning", sec. 3.1.1.

    >>> pred, target = Tensor([3.0, -0.5, 2.0, 7.0], requires_grad=True), [2.5, 0.0, 2.0, 8.0]
    >>> loss = mean_squared_error(pred, target)
    >>> loss.backward()
    >>> print(loss.item(), sum((p - t) ** 2 for p, t in zip(pred.tolist(), target)) / 4, pred.grad)
    0.375 0.375 [ 0.25 -0.25  0.   -0.5 ]
    """
    return square(pred - target)


@loss(matched, symmetric=True)
def mean_absolute_error(
    pred: Any, target: Any, *, sample_weight: Any = None, reduction: Reduction = "mean"
) -> Tensor:
    """Mean absolute error, the loss of least absolute deviations (Boscovich 1757; Laplace 1793).

    Formula: L = 1/n sum_i |e_i|.
    Gradient: sign(e) / n; 0 at the kink e = 0, the middle of its subgradients. (JAX says 1 there.)

    When: some targets are wild, or the conditional median is wanted; its unit is that of the
    target. When not: where the last digits matter: the gradient does not shrink near the minimum,
    so that steps of a fixed size jump back and forth (lower the learning rate, or use ``huber``).
    Source: Hastie, Tibshirani, Friedman 2009, "The Elements of Statistical Learning", sec. 10.6.

    >>> pred = Tensor([3.0, -0.5, 2.0, 7.0], requires_grad=True)
    >>> loss = mean_absolute_error(pred, [2.5, 0.0, 2.0, 8.0])
    >>> loss.backward()
    >>> print(loss.item(), (0.5 + 0.5 + 0.0 + 1.0) / 4, pred.grad)
    0.5 0.5 [ 0.25 -0.25  0.   -0.25]
    """
    return absolute(pred - target)


@loss(matched, symmetric=True)
def huber(
    pred: Any, target: Any, *, delta: float = 1.0,
    sample_weight: Any = None, reduction: Reduction = "mean",
) -> Tensor:  # fmt: skip
    """Huber loss: squared for errors up to delta, absolute beyond (Huber 1964).

    Formula: e^2/2 if |e| <= delta, else delta (|e| - delta/2).
    Gradient: clip(e, -delta, delta).
    Computed without branches: with c = clip(e, -delta, delta) both cases are c (e - c/2).

    Parameters: ``delta`` > 0, in the units of the target: larger errors count as outliers. 1.345
    standard deviations of the noise keep 95 % of the efficiency of least squares.

    When: squared error is right except for some outliers. When not: they are what you want to
    predict. (PyTorch's smooth_l1_loss is this divided by delta.)
    Source: Huber 1964, "Robust Estimation of a Location Parameter", Annals of Math. Stat. 35.

    >>> pred = Tensor([0.5, -3.0, 0.0], requires_grad=True)
    >>> loss = huber(pred, [0.0, 0.0, 0.0], delta=1.0, reduction="sum")
    >>> loss.backward()
    >>> print(loss.item(), 0.5**2 / 2 + 1.0 * (3.0 - 1.0 / 2), pred.grad)
    2.625 2.625 [ 0.5 -1.   0. ]
    """
    delta = number("delta", delta, closed=False)
    e = pred - target
    c = clip(e, -delta, delta)
    return c * (e - c / 2)


@loss(matched, symmetric=True)
def log_cosh(
    pred: Any, target: Any, *, sample_weight: Any = None, reduction: Reduction = "mean"
) -> Tensor:
    """Logarithm of the hyperbolic cosine of the error: a Huber loss without a seam.

    Formula: log cosh e, about e^2/2 near 0 and |e| - log 2 far away.
    Gradient: tanh(e).
    Computed as log cosh(c) + |e - c| with c = clip(e, -36, 36) (in float64), since cosh(711) would
    overflow, and log cosh is |e| - log 2 from there on, to the last digit.

    When: as ``huber`` with delta = 1, where smooth second derivatives are wanted (boosting); divide
    by the size of an ordinary error first. When not: to choose where outliers begin (``huber``).
    Source: Green 1990, "Bayesian reconstructions from emission tomography data using a modified EM
    algorithm", IEEE Transactions on Medical Imaging 9.

    >>> pred = Tensor([1.0, 1000.0], requires_grad=True)
    >>> loss = log_cosh(pred, [0.0, 0.0], reduction="none")
    >>> loss.sum().backward()
    >>> print(loss.data, round(math.log(math.cosh(1.0)), 8), pred.grad)
    [4.33780830e-01 9.99306853e+02] 0.43378083 [0.76159416 1.        ]
    """
    e = pred - target
    limit = -math.log(np.finfo(e.dtype).eps)
    near = clip(e, -limit, limit)
    return log(cosh(near)) + absolute(e - near)


@loss(matched)
def pinball(
    pred: Any, target: Any, *, quantile: float = 0.5,
    sample_weight: Any = None, reduction: Reduction = "mean",
) -> Tensor:  # fmt: skip
    """Pinball or quantile loss: tilted absolute error (Koenker and Bassett 1978).

    Formula: q relu(target - pred) + (1 - q) relu(pred - target), with ``quantile`` q in (0, 1).
    Gradient: -q below the target, 1 - q above it, and 0 at the kink. With q = 0.9 a prediction
    that is too low costs nine times as much as one that is too high, so the minimum has 90 % of
    the targets below it: it is the 0.9-quantile.

    When: an interval is wanted rather than a number (two models, q = 0.05 and 0.95), or too little
    costs more or less than too much (stock). When not: at q = 0.5, half of the absolute error.
    Source: Koenker and Bassett 1978, "Regression Quantiles", Econometrica 46.

    >>> pred = Tensor([1.0, 4.0], requires_grad=True)
    >>> loss = pinball(pred, [3.0, 3.0], quantile=0.9, reduction="none")
    >>> loss.sum().backward()
    >>> print(loss.data, [0.9 * 2.0, 0.1 * 1.0], pred.grad)
    [1.8 0.1] [1.8, 0.1] [-0.9  0.1]
    """
    quantile = number("quantile", quantile, 0, 1, closed=False)
    e = pred - target
    side = np.sign(data_of(e))
    return e * np.where(side < 0, -quantile, (1 - quantile) * side)


@loss(matched)
def gaussian_nll(
    mean: Any, log_variance: Any, target: Any, *,
    sample_weight: Any = None, reduction: Reduction = "mean",
) -> Tensor:  # fmt: skip
    """Negative log-likelihood of a normal distribution: a prediction that says how sure it is.

    Formula: (log v + (target - mean)^2 / v)/2 + log(2 pi)/2, v being the variance.
    Gradient, with s = log v and z = (target - mean)/sqrt(v): -z/sqrt(v) with respect to the mean,
    (1 - z^2)/2 to s. Where the mean is right on average, s ends at the logarithm of the mean
    squared error. The model predicts log v rather than v, because it may be any real number.

    When: the noise differs from sample to sample, and an error bar is wanted with each prediction.
    It comes from a density, so it may be negative. When not: the noise is the same everywhere
    (``mean_squared_error``, the same up to constants), or outliers would pass for variance. (Train
    the mean alone for a while first: a large variance silences its gradient.)
    Source: Nix and Weigend 1994, "Estimating the mean and variance of the target probability
    distribution". PyTorch's gaussian_nll_loss takes v, clips it at 1e-6, leaves out log(2 pi)/2.

    >>> mean = Tensor([1.0], requires_grad=True)
    >>> log_variance = Tensor([math.log(4.0)], requires_grad=True)
    >>> loss = gaussian_nll(mean, log_variance, [4.0])
    >>> density = math.exp(-((4.0 - 1.0) ** 2) / (2 * 4.0)) / math.sqrt(2 * math.pi * 4.0)
    >>> loss.backward()
    >>> print(round(loss.item(), 8), round(-math.log(density), 8), mean.grad, log_variance.grad)
    2.73708571 2.73708571 [-0.75] [-0.625]
    """
    exact = checks.at_least_float32(mean.dtype)  # the gradient of s passes through z^2
    # exp may not overflow, or 0 * inf at an exact prediction would be NaN.
    largest = 0.995 * math.log(float(np.finfo(exact).max))
    log_precision = converted(log_variance, exact) / -2  # of 1 / standard deviation
    z = (target - converted(mean, exact)) * exp(clip(log_precision, None, largest))
    return converted((math.log(2 * math.pi) / 2 - log_precision) + half_square(z), mean.dtype)


def counts(names: Names, log_rate: Any, target: Any) -> tuple[Any, Any]:
    """Log-rates, and counts of the same shape in float64."""
    log_rate, name = checks.floating(names[0], log_rate), names[1]
    target = constant(running.get(), name, target)
    _, target = matched(names, converted(log_rate, np.float64), target)
    good = "counts, whole numbers >= 0."
    checks.require_each(name, target, lambda t: (t >= 0) & (t == np.floor(t)) & (t < np.inf), good)
    return log_rate, target


@loss(counts)
def poisson_nll(
    log_rate: Any, target: Any, *, sample_weight: Any = None, reduction: Reduction = "mean"
) -> Tensor:
    """Negative log-likelihood of a Poisson distribution: the loss of counts.

    Formula: exp(s) - t s + log t!, s being the logarithm of the expected count and t the count.
    Gradient: exp(s) - t, the expected count minus the true one.

    Parameters: ``log_rate`` s; ``target`` t, whole numbers >= 0, and constants. The loss has the
    dtype of ``log_rate``, but is computed in float64, as t s and log t! cancel except for the last
    digits (and leave the range of float16).

    When: the target counts events (visits, accidents, photons) that have no upper bound. When not:
    the variance of the counts is far from their mean.
    Raises TypeError also if a target requires grad.
    Source: McCullagh and Nelder 1989, "Generalized Linear Models", ch. 6. PyTorch's
    poisson_nll_loss leaves out log t! by default, and with full=True approximates it.

    >>> log_rate = Tensor([math.log(2.0)], requires_grad=True)
    >>> loss = poisson_nll(log_rate, [3])
    >>> likelihood = 2.0**3 * math.exp(-2.0) / math.factorial(3)
    >>> loss.backward()
    >>> print(round(loss.item(), 8), round(-math.log(likelihood), 8), log_rate.grad)
    1.71231793 1.71231793 [-1.]
    """
    s = converted(log_rate, target.dtype)
    return converted(exp(s) - target * s + _log_factorial(target), log_rate.dtype)


_log_factorial = elementwise(lambda t: math.lgamma(t + 1))
