"""What is added to a loss, or done to a layer, so that a model fits the pattern and not the noise.

``l1``, ``l2`` and ``elastic_net`` are penalties on the parameters, to be added to the loss:

    loss = mean_squared_error(model(X), y) + l2(weights, strength=1e-3)

Their scale is that of the *mean* loss: with ``reduction="sum"`` the same strength weighs n times less. Biases are usually
left out, since shrinking them helps nothing. ``dropout`` is a layer: it changes the activations while training.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .ops import absolute, square
from .ops import sum as sum_
from .tensor import Tensor


def l1(params: Any, strength: float) -> Any:
    """The lasso penalty, strength * sum |w| (Tibshirani 1996).

    >>> w = Tensor([3.0, -0.5, 0.0], requires_grad=True)
    >>> penalty = l1([w], strength=0.1)
    >>> round(penalty.item(), 12)
    0.35
    >>> penalty.backward()
    >>> w.grad
    array([ 0.1, -0.1,  0. ])
    """
    return _penalty("l1", params, strength, absolute)


def l2(params: Any, strength: float) -> Any:
    """The ridge penalty, strength * sum w^2 (Tikhonov 1943; Hoerl and Kennard 1970).

    >>> w = Tensor([3.0, -0.5, 0.0], requires_grad=True)
    >>> penalty = l2([w], strength=0.1)
    >>> round(penalty.item(), 12)
    0.925
    >>> penalty.backward()
    >>> w.grad
    array([ 0.6, -0.1,  0. ])
    """
    return _penalty("l2", params, strength, square)


def _penalty(name: str, params: Any, strength: float, of_each: Any) -> Any:
    """strength times the sum over all elements of all parameters."""
    if not strength >= 0:
        raise ValueError(
            f"{name}: strength is {strength!r}; expected a number >= 0. A negative one would reward large weights."
        )
    parameters = [params] if isinstance(params, Tensor | np.ndarray) else list(params)
    if not parameters:
        raise ValueError(
            f"{name}: params is empty; expected the parameters to penalise, e.g. model.parameters()."
        )
    total = sum_(of_each(parameters[0]))
    for p in parameters[1:]:
        total = total + sum_(of_each(p))
    return strength * total
