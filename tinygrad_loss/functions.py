"""Functions that need no rule of their own: compositions, differentiated by the chain rule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from . import ops


def stack(tensors: Sequence[Any], axis: int = 0) -> Any:
    """Join arrays of equal shape along a new axis.

    >>> from tinygrad_loss import Tensor
    >>> stack([Tensor([1.0, 2.0]), [3.0, 4.0]])[1, 0].item()
    3.0
    """
    return ops.concatenate([ops.expand_dims(t, axis) for t in tensors], axis)


def var(x: Any, axis: Any = None, *, ddof: int = 0, keepdims: bool = False) -> Any:
    """Variance, the mean squared distance from the mean: sum((x - mean(x))^2) / (n - ddof).

    ``ddof=0`` as in NumPy divides by n; ``ddof=1`` gives the unbiased estimate, PyTorch's default.

    >>> from tinygrad_loss import Tensor
    >>> var(Tensor([1.0, 2.0, 3.0, 4.0])).item()
    1.25
    """
    squares = ops.square(x - ops.mean(x, axis=axis, keepdims=True))
    if ddof == 0:
        return ops.mean(squares, axis=axis, keepdims=keepdims)
    total = ops.sum(squares, axis=axis, keepdims=keepdims)
    return total / (x.size // max(total.size, 1) - ddof)


def std(x: Any, axis: Any = None, *, ddof: int = 0, keepdims: bool = False) -> Any:
    """Standard deviation sqrt(var(x)). Its gradient is infinite where the variance is 0.

    >>> from tinygrad_loss import Tensor
    >>> std(Tensor([1.0, 3.0])).item()
    1.0
    """
    return ops.sqrt(var(x, axis, ddof=ddof, keepdims=keepdims))


def prod(x: Any, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Any:
    """Product over the axes, or over all of them.

    The textbook rule g * y / x fails at x = 0. Multiplying the first half with the second until one
    is left gives each element the product of all the others, right with one zero and with two.

    >>> from tinygrad_loss import Tensor
    >>> x = Tensor([0.0, 2.0, 3.0], requires_grad=True)
    >>> prod(x).backward()
    >>> x.grad
    array([6., 0., 0.])
    """
    axes = tuple(range(x.ndim))
    if axis is not None and x.ndim:
        axes = normalize_axis_tuple(axis, x.ndim)
    kept = [a for a in range(x.ndim) if a not in axes]
    shape = tuple(x.shape[a] for a in kept)
    y = ops.transpose(x, (*kept, *axes)).reshape((*shape, math.prod(x.shape[a] for a in axes)))
    while y.shape[-1] != 1:
        n = y.shape[-1]
        if n % 2 or n == 0:
            y = ops.concatenate([y, np.ones((*shape, 1), x.dtype)], axis=-1)
        else:
            y = y[..., : n // 2] * y[..., n // 2 :]
    return y.reshape(
        tuple(1 if a in axes else n for a, n in enumerate(x.shape)) if keepdims else shape
    )


def gelu(x: Any, approximate: str = "none") -> Any:
    """Gaussian error linear unit: x P(Z < x) for a standard normal Z, x (1 + erf(x / sqrt 2)) / 2.

    ``approximate="tanh"`` computes x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2, the form that
    GPT-2 was trained with. Source: Hendrycks & Gimpel 2016, "Gaussian Error Linear Units".

    >>> from tinygrad_loss import Tensor
    >>> round(gelu(Tensor(1.0)).item(), 6)
    0.841345
    """
    if approximate == "none":
        return x * (1 + ops.erf(x / math.sqrt(2))) / 2
    if approximate == "tanh":
        return x * (1 + ops.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2
    raise ValueError(f"gelu: approximate is {approximate!r}; expected 'none' or 'tanh'")
