"""What makes a model fit the pattern rather than the noise: penalties on its weights, and dropout.

``l1``, ``l2`` and ``elastic_net`` are Tensors to be added to the loss:

    loss = mean_squared_error(model(X), y) + l2(weights, strength=1e-3)

The strength is relative to the *mean* loss; beside ``reduction="sum"`` the same strength counts
only 1/n as much. Biases are usually left out, as they do not make a model more complex. Weights in
float16 are added up in float32. Libraries differ in factors; where ours are
``loss = mse + strength * sum w^2``, theirs are

    PyTorch's weight_decay d              strength = d / 2 (under plain SGD)
    Ridge(alpha), n samples               strength = alpha / n
    Lasso(alpha)                          mse / 2 + l1(strength=alpha)
    ElasticNet(alpha, l1_ratio=r)         mse / 2 + elastic_net(l1=alpha r, l2=alpha (1 - r) / 2)
    LogisticRegression(C), LinearSVC(C)   mean loss + l2(strength=1 / (2 n C))

``dropout`` is not added to the loss, but applied to activations in training.

All raise ValueError for a number out of range or no parameters; TypeError for other types than
these. In the examples np is NumPy, and Tensor is that of ``tinygrad_loss``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .engine.arrays import as_flag, parameters_in
from .engine.ops import absolute, square, sum as sum_
from .engine.tensor import Tensor
from .engine.words import publish, taught
from .losses import checks
from .losses.checks import converted, error, floating, named, number, what

__all__ = ["dropout", "elastic_net", "l1", "l2"]
publish(globals())


@named
def l1(params: Any, strength: float) -> Tensor:
    """The lasso penalty: pulls every weight toward 0 with the same force, so that few remain.

    Formula: strength * sum |w|.
    Gradient: strength * sign(w), and 0 at w = 0 (where JAX says 1).

    Plain gradient steps jump around 0, as the force does not shrink with w. ``SGD(l1=strength)``
    gives exact zeros: after the step on the loss, w moves toward 0 by lr * strength, not beyond.

    Parameters: ``params``, a Tensor, or a nest or generator of Tensors; ``strength`` >= 0.
    When: few of many inputs matter, and you want to know which. When not: inputs are correlated; it
    keeps one of them, by chance (``elastic_net``).
    Source: Tibshirani 1996, "Regression Shrinkage and Selection via the Lasso", JRSS B 58.

    >>> w = Tensor([3.0, -0.5, 0.0], requires_grad=True)
    >>> penalty = l1([w], strength=0.5)
    >>> penalty.backward()
    >>> print(penalty.item(), 0.5 * (3.0 + 0.5 + 0.0), w.grad)
    1.75 1.75 [ 0.5 -0.5  0. ]
    """
    return _penalty(params, strength, absolute)


@named
def l2(params: Any, strength: float) -> Tensor:
    """The ridge penalty: pulls every weight toward 0 in proportion to its size.

    Formula: strength * sum w^2, without a root (whose gradient has a kink at 0) and without 1/2.
    Gradient: 2 * strength * w. An SGD step multiplies w by 1 - 2 lr strength, which is "weight
    decay"; with Adam the two differ (Loshchilov and Hutter 2019).

    Parameters: as ``l1``. When: nearly always a little, also with correlated inputs. When not:
    exact zeros are wanted (``l1``).
    Source: Hoerl and Kennard 1970, "Ridge Regression", Technometrics 12.

    >>> w = Tensor([3.0, -0.5, 0.0], requires_grad=True)
    >>> penalty = l2([w], strength=0.5)
    >>> penalty.backward()
    >>> print(penalty.item(), 0.5 * (3.0**2 + 0.5**2), w.grad)
    4.625 4.625 [ 3.  -0.5  0. ]
    """
    return _penalty(params, strength, square)


@named
def elastic_net(params: Any, *, l1: float, l2: float) -> Tensor:
    """Elastic net: selects as the lasso does, but keeps groups of correlated inputs.

    Formula: l1 * sum |w| + l2 * sum w^2.
    Gradient: l1 * sign(w) + 2 * l2 * w.

    Parameters: ``params`` as in ``l1``; the strengths ``l1`` >= 0 and ``l2`` >= 0.
    When: inputs come in correlated groups, few of which matter. When not: one of the two will do.
    Source: Zou and Hastie 2005, "Regularization and Variable Selection via the Elastic Net",
    JRSS B 67.

    >>> w = Tensor([3.0, -0.5], requires_grad=True)
    >>> penalty = elastic_net([w], l1=0.5, l2=1.0)
    >>> penalty.backward()
    >>> print(penalty.item(), 0.5 * (3.0 + 0.5) + 1.0 * (3.0**2 + 0.5**2), w.grad)
    11.0 11.0 [ 6.5 -1.5]
    """
    params = _parameters(params)
    return _penalty(params, l1, absolute, "l1") + _penalty(params, l2, square, "l2")


def _penalty(params: Any, strength: float, of_each: Any, name: str = "strength") -> Any:
    """The strength times the sum over all elements of all parameters."""
    strength = number(name, strength)
    params = _parameters(params)
    dtype = np.result_type(*[p.dtype for p in params])
    exact = checks.at_least_float32(dtype)
    first, *others = [sum_(of_each(converted(p, exact))) for p in params]
    return converted(sum(others, first) * strength, dtype)


def _parameters(params: Any) -> list[Any]:
    """The parameters as a list: one Tensor, or those of a nest or an iterable."""
    found = [params] if hasattr(params, "dtype") else parameters_in(what("params"), params)
    if not found:
        raise error("params is empty. A generator gives them once: call model.parameters() anew.")
    numbers = [floating("params", p) for p in found]
    if len({isinstance(p, Tensor) for p in found}) > 1:
        raise error("params holds Tensors and constants; use model.parameters().", TypeError)
    return numbers


@taught
@named
def dropout(x: Any, p: float, *, rng: np.random.Generator, training: bool = True) -> Tensor:
    """Dropout: in training, set elements to 0 at random, so that none relies on another.

    Formula: x * m / (1 - p), each m being 0 with probability p, else 1 ("inverted" dropout: the
    factor 1 / (1 - p) keeps the mean, so that x is right as it is after training).
    Gradient: m / (1 - p).
    For linear regression it is an L2 penalty in expectation: E |y - dropout(X) w|^2 =
    |y - X w|^2 + p/(1 - p) sum_j w_j^2 |X_j|^2 (Wager, Wang, Liang 2013).

    Parameters: ``x`` of any shape; ``p`` in [0, 1), the probability of 0; ``rng``, the source of
    the mask, e.g. np.random.default_rng(0), from which every call draws a new one. The result has
    the shape and dtype of x; with p = 0 or ``training=False`` it is x.

    When: wide layers overfit. When not: small networks or little data; before batch normalization.
    Source: Srivastava et al. 2014, "Dropout", JMLR 15.

    >>> x = Tensor(np.ones(6), requires_grad=True)
    >>> y = dropout(x, 0.5, rng=np.random.default_rng(0))
    >>> y.sum().backward()
    >>> print(y.data, np.where(np.random.default_rng(0).random(6) >= 0.5, 1 / (1 - 0.5), 0), x.grad)
    [2. 0. 0. 0. 2. 2.] [2. 0. 0. 0. 2. 2.] [2. 0. 0. 0. 2. 2.]
    """
    p = number("p", p, 0, 1)
    if not as_flag(what("training"), training) or p == 0:
        return x
    x = floating("x", x)
    keep = checks.uniform(rng, x.shape, x) >= p
    return x * (keep / (1 - p)).astype(x.dtype)
