"""Losses for numbers: how far is each prediction from its target?

All are means of a function of the error ``e = pred - target``. They differ in how much a large error counts:

    squared error      e^2            gradient 2 e         pulled by outliers; minimised by the mean
    absolute error     |e|            gradient sign(e)     deaf to how far; minimised by the median
    huber, log_cosh    in between     bounded, smooth      squared near 0, absolute far away
    pinball            tilted |e|     -q or 1 - q          minimised by the q-quantile

Every function takes ``pred`` and ``target`` of one equal shape, elements being independent, and

    reduction: "mean" over all elements, "sum" over them, or "none" for an array of the shape of ``pred``.

``target`` may be a Tensor, an array or a list and is converted to the dtype of ``pred``. The result is a Tensor
if ``pred`` or ``target`` is one, of the dtype of ``pred``. NaN in a prediction travels on to the loss.

All raise ValueError if the shapes differ, for an unknown reduction, and for the mean of 0 elements.
"""

from __future__ import annotations

import math
from typing import Any

from ..ops import absolute, clip, relu, softplus, square
from .checks import Reduction, matched, reduce, require_option


def mean_squared_error(pred: Any, target: Any, *, reduction: Reduction = "mean") -> Any:
    """Mean squared error, the loss of least squares (Legendre 1805; Gauss 1809).

    Formula: L = 1/n sum_i (pred_i - target_i)^2.
    Gradient: dL/dpred = 2 (pred - target) / n: a far target pulls proportionally harder.

    When: the noise is roughly Gaussian, of which this is the negative log-likelihood up to constants, or you want
    the conditional mean. When not: outliers (``huber``), or probabilities behind a sigmoid, whose slope cancels
    the gradient of a confident mistake (``binary_cross_entropy_with_logits``).

    A model that predicts a constant ends at Var(target): a loss stuck there says that nothing has been learnt.

    Shapes, dtypes and errors: see the module. Source: Bishop 2006, "Pattern Recognition and Machine Learning",
    sec. 3.1.1.

    >>> from tinygrad_loss import Tensor
    >>> pred = Tensor([3.0, -0.5, 2.0, 7.0], requires_grad=True)
    >>> target = [2.5, 0.0, 2.0, 8.0]
    >>> loss = mean_squared_error(pred, target)
    >>> loss.item(), ((pred.data - target) ** 2).sum().item() / 4
    (0.375, 0.375)
    >>> loss.backward()
    >>> pred.grad
    array([ 0.25, -0.25,  0.  , -0.5 ])
    """
    pred, target = matched("mean_squared_error", pred, target)
    return reduce("mean_squared_error", square(pred - target), reduction)
