"""The table of derivatives: every op with its forward function and one rule per input.

In a rule, ``g`` is the gradient of the loss with respect to the op's output ``y``; then come the
op's inputs and options. A rule returns the gradient with respect to its input:

    multiply   forward np.multiply      rules: g * b        and  g * a
    exp        forward np.exp           rule:  g * y
    matmul     forward np.matmul        rules: g @ b.mT     and  a.mT @ g

Rules are made of NumPy functions, methods and operators, and of ops, all of which take arrays and
Tensors alike. They never write into ``g``. None cares for broadcasting: where an input was
broadcast, ``backprop.py`` sums its gradient back to the input's shape.

The derivatives are calculus. What is chosen where there is none (at kinks) stands with the op.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from .tensor import Array, Op


def op(*rules: Callable[..., Any] | None) -> Callable[[Callable[..., Array]], Op]:
    """Decorate a forward function with its rules: it becomes an Op."""
    return lambda forward: Op(forward, *rules)


# --- arithmetic ----------------------------------------------------------------------------------

add = Op(np.add, lambda g, y, a, b: g, lambda g, y, a, b: g)
subtract = Op(np.subtract, lambda g, y, a, b: g, lambda g, y, a, b: -g)
multiply = Op(np.multiply, lambda g, y, a, b: g * b, lambda g, y, a, b: g * a)
divide = Op(np.divide, lambda g, y, a, b: g / b, lambda g, y, a, b: -g * y / b)
negative = Op(np.negative, lambda g, y, x: -g)
# |x|' = 0 at the kink 0, the middle of its subgradients [-1, 1].
absolute = Op(np.absolute, lambda g, y, x: g * np.sign(x))


def _one_less(b: Any) -> Any:
    """Return b - 1, but 0 where b = 0: there b * a**(b - 1) shall be 0, also at a = 0."""
    return (b - 1 if b else 0) if isinstance(b, int | float) else b - np.not_equal(b, 0)


power = Op(
    np.power,
    lambda g, y, a, b: g * (b * a ** _one_less(b)),
    # At a = 0 the limit for b > 0 is 0, while 0 * log(0) would be NaN; log(1) = 0 stands in.
    lambda g, y, a, b: g * (y * np.log(np.where(a == 0, 1, a))),
)

# --- elementary functions ------------------------------------------------------------------------

exp = Op(np.exp, lambda g, y, x: g * y)
expm1 = Op(np.expm1, lambda g, y, x: g * (y + 1))
log = Op(np.log, lambda g, y, x: g / x)
log1p = Op(np.log1p, lambda g, y, x: g / (1 + x))
log2 = Op(np.log2, lambda g, y, x: g / (x * math.log(2)))
sqrt = Op(np.sqrt, lambda g, y, x: g / (2 * y))  # honest: inf at 0
square = Op(np.square, lambda g, y, x: g * (2 * x))
sin = Op(np.sin, lambda g, y, x: g * np.cos(x))
cos = Op(np.cos, lambda g, y, x: -g * np.sin(x))
tanh = Op(np.tanh, lambda g, y, x: g * (1 - y * y))

_erf = np.frompyfunc(math.erf, 1, 1)  # NumPy has none; Python's is exact


@op(lambda g, y, x: g * (2 / math.sqrt(math.pi)) * np.exp(-x * x))
def erf(x: Array) -> Array:
    """The error function, 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x."""
    # With a new axis, for of an array without axes frompyfunc makes a number.
    return _erf(x[np.newaxis]).astype(np.result_type(x.dtype, np.float16))[0]


@op(lambda g, y, x: g * y * (1 - y))
def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)). exp only ever sees -|x|: nothing overflows, small values keep digits."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


@op(lambda g, y, x: g * (y > 0))
def relu(x: Array) -> Array:
    """Rectified linear unit, max(x, 0). The derivative at the kink 0 is 0."""
    return np.maximum(x, 0)


@op(lambda g, y, x, slope=0.01: np.where(x > 0, g, slope * g))
def leaky_relu(x: Array, slope: float = 0.01) -> Array:
    """Leaky relu: x where x > 0, else slope * x (Maas et al. 2013). At 0 the rule gives slope."""
    return np.where(x > 0, x, slope * x)


@op(lambda g, y, x: g * sigmoid(x))
def softplus(x: Array) -> Array:
    """log(1 + exp(x)), a smooth max(x, 0), without overflow. -softplus(-x) is log(sigmoid(x))."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


# log(e^a + e^b): the derivatives are the shares of the sum, e^a / (e^a + e^b) = sigmoid(a - b).
logaddexp = Op(
    np.logaddexp, lambda g, y, a, b: g * sigmoid(a - b), lambda g, y, a, b: g * sigmoid(b - a)
)

# --- choosing: the gradient goes to whoever was chosen; ties share it equally ---------------------


def _won(g: Any, y: Any, a: Any, b: Any) -> Any:
    """Return the gradient of a: g if a was chosen as y before b, and half of it in a tie."""
    return g * (a == y) - g / 2 * (a == b)


maximum = Op(np.maximum, _won, lambda g, y, a, b: _won(g, y, b, a))
minimum = Op(np.minimum, _won, lambda g, y, a, b: _won(g, y, b, a))


@op(lambda g, y, x, min=None, max=None: g * (x == y))
def clip(x: Array, min: Any = None, max: Any = None) -> Array:
    """Limit x to [min, max]. The gradient passes where x is within, limits included."""
    return np.clip(x, min, max)


@op(None, lambda g, y, c, a, b: np.where(c, g, 0), lambda g, y, c, a, b: np.where(c, 0, g))
def where(condition: Array, a: Array, b: Array) -> Array:
    """Return a where the condition holds, else b.

    The branch not taken receives the gradient 0. If its own derivative is inf or NaN, the product
    is NaN all the same: make its input harmless first with a second where (the "double where").
    """
    return np.where(condition, a, b)


# --- reductions: one output from many inputs, so its gradient is spread over all of them ----------


def spread(g: Any, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Give g, of the shape of x reduced over the axes, these axes back with size 1."""
    if keepdims or axis is None or x.ndim == 0:
        return g
    shape = list(x.shape)
    for reduced in axis if isinstance(axis, tuple) else (axis,):
        shape[reduced] = 1
    return g.reshape(shape)


def count(x: Any, y: Any) -> int:
    """How many elements of x were reduced to one of y."""
    return x.size // y.size if y.size else 1


@op(lambda g, y, x, *axes, **named: spread(g, x, *axes, **named) * np.ones_like(x))
def sum(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    """Sum over the axes, or over all of them. Every element counts once, so each receives g."""
    return x.sum(axis=axis, keepdims=keepdims)


@op(lambda g, y, x, *axes, **named: spread(g / count(x, y), x, *axes, **named) * np.ones_like(x))
def mean(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    """Mean over the axes, or over all of them: the sum, divided by how many there are."""
    if x.dtype.itemsize < 4:  # NumPy averages float16 in float32, where the sum does not overflow
        return x.mean(axis=axis, keepdims=keepdims)
    total = x.sum(axis=axis, keepdims=keepdims)
    return total / count(x, total)


def _shared(g: Any, y: Any, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Share the gradient of max or min equally between the elements that are the extreme."""
    chosen = (x == spread(y, x, axis, keepdims)) | np.isnan(x)
    parts = chosen.sum(axis=axis, keepdims=True, dtype=x.dtype)
    return spread(g, x, axis, keepdims) * chosen / parts


@op(_shared)
def max(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    """Return the largest element over the axes."""
    return x.max(axis=axis, keepdims=keepdims)


@op(_shared)
def min(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    """Return the smallest element over the axes."""
    return x.min(axis=axis, keepdims=keepdims)


@op(lambda g, y, x, *axes, **named: spread(g / np.where(y == 0, 1, y), x, *axes, **named) * x)
def norm(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    """Euclidean length sqrt(sum x^2). The gradient is the unit vector x / |x|, or 0 at x = 0."""
    return np.sqrt(np.square(x).sum(axis=axis, keepdims=keepdims))


def _row_max(x: Array, axis: Any) -> Array:
    """Return what to subtract from each row before exp, so that nothing overflows: its maximum.

    One maximum for all rows would turn a row far below it into zeros. Infinities count as 0.
    """
    if x.ndim == 2 and axis in (1, -1) and x.size:  # four times faster than along short rows
        largest = x.T.copy().max(axis=0)[:, None]
    else:
        largest = x.max(axis=axis, keepdims=True, **({} if x.size else {"initial": -np.inf}))
    return np.where(np.isfinite(largest), largest, 0)


@op(lambda g, y, x, axis=-1: y * (g - (g * y).sum(axis=axis, keepdims=True)))
def softmax(x: Array, axis: Any = -1) -> Array:
    """exp(x) / sum(exp(x)): probabilities from logits. NaN for a row of -inf, which has none."""
    e = np.exp(x - _row_max(x, axis))
    with np.errstate(invalid="ignore"):
        return e / e.sum(axis=axis, keepdims=True)


@op(
    lambda g, y, x, axis=-1, keepdims=False: (
        spread(g, x, axis, keepdims) * np.where(x == -np.inf, 0, softmax(x, axis))
    )
)
def logsumexp(x: Array, axis: Any = -1, keepdims: bool = False) -> Array:
    """log(sum(exp(x))), a smooth max(x), for any x; -inf for a row of -inf."""
    shift = _row_max(x, axis)
    with np.errstate(divide="ignore"):  # log(0) = -inf is the answer for a row of -inf
        y = np.log(np.exp(x - shift).sum(axis=axis, keepdims=True)) + shift
    return y if keepdims else y.squeeze(axis=axis)


@op(lambda g, y, x, axis=-1: g - np.exp(y) * g.sum(axis=axis, keepdims=True))
def log_softmax(x: Array, axis: Any = -1) -> Array:
    """Log-probabilities from logits, x - logsumexp(x): exact where softmax rounds to 0 or 1."""
    x = x - _row_max(x, axis)
    with np.errstate(divide="ignore", invalid="ignore"):
        return x - np.log(np.exp(x).sum(axis=axis, keepdims=True))


# --- shapes: the same numbers in other places, so the gradient goes back to where they were -------


def _inverse(axes: Any) -> Any:
    return None if axes is None else tuple(np.argsort([axis % len(axes) for axis in axes]))


reshape = Op(np.reshape, lambda g, y, x, shape: g.reshape(x.shape))
expand_dims = Op(np.expand_dims, lambda g, y, x, axis: g.reshape(x.shape))
squeeze = Op(np.squeeze, lambda g, y, x, axis=None: g.reshape(x.shape))
transpose = Op(np.transpose, lambda g, y, x, axes=None: np.transpose(g, _inverse(axes)))
swapaxes = Op(np.swapaxes, lambda g, y, x, a, b: g.swapaxes(a, b))  # its own inverse
# Nothing to do: for every op, backprop.py undoes broadcasting, with a sum.
broadcast_to = Op(np.broadcast_to, lambda g, y, x, shape: g)


@op(lambda g, y, x, dtype: g)  # backprop.py converts it: a gradient has the dtype of its input
def astype(x: Array, dtype: Any) -> Array:
    """Convert x to another floating dtype."""
    if np.dtype(dtype).kind != "f":
        raise TypeError(f"{np.dtype(dtype)} has no derivatives; convert t.data instead")
    return x.astype(dtype)


@op(lambda g, y, x, index, shape, once=False: g[index])
def scatter(x: Array, index: Any, shape: Any, once: bool = False) -> Array:
    """Add x into zeros at the index: indexing, backwards. An element picked twice receives both."""
    out = np.zeros_like(x, shape=shape)
    if once or _picks_once(index):
        out[index] = x
    else:
        np.add.at(out, index, x)
    return out


@op(lambda g, y, x, index, once=False: scatter(g, index, x.shape, once))
def getitem(x: Array, index: Any, once: bool = False) -> Array:
    """x[index], with any index of NumPy's. What was picked receives the gradient, the rest 0.

    ``once`` says, to whom it would take time to find out, that no element is picked twice.
    """
    return x[index]


def _picks_once(index: Any) -> bool:
    """Whether an index surely picks no element twice: slices, a mask, one column of each row."""
    parts = index if isinstance(index, tuple) else (index,)
    if all(isinstance(i, int | slice | type(None) | type(...)) for i in parts):
        return True
    if len(parts) == 1:
        return getattr(parts[0], "dtype", None) == np.bool_
    rows, columns = parts[0], parts[1:]
    one_each = isinstance(rows, np.ndarray) and [rows.shape] == [np.shape(c) for c in columns]
    return one_each and rows.dtype.kind != "b" and np.array_equal(rows, np.arange(rows.size))


def concatenate(tensors: Sequence[Any], axis: int = 0) -> Any:
    """Join arrays along an existing axis; each gets its own piece of the gradient back."""
    if not len(tensors):
        raise ValueError("concatenate: got no arrays; expected at least one")
    axis = normalize_axis_index(axis, np.ndim(tensors[0]), "concatenate")
    ends = np.cumsum([np.shape(t)[axis] for t in tensors]).tolist()
    before = (slice(None),) * axis
    pieces = [(*before, slice(start, end)) for start, end in zip([0, *ends], ends, strict=False)]
    rules = [lambda g, y, *xs, piece=piece: g[piece] for piece in pieces]
    return Op(lambda *xs: np.concatenate(xs, axis), *rules, name="concatenate")(*tensors)


# --- matrix product ------------------------------------------------------------------------------


def _mT(x: Any) -> Any:
    """Transpose matrices, also in a stack of them; not every array library has NumPy's ``x.mT``."""
    return x.swapaxes(-1, -2)


# Of matrices, or of stacks of them. From y_ij = sum_k a_ik b_kj: dL/da_ik = sum_j g_ij b_kj.
_matmul = Op(np.matmul, lambda g, y, a, b: g @ _mT(b), lambda g, y, a, b: _mT(a) @ g)


def matmul(a: Any, b: Any) -> Any:
    """Matrix product a @ b in every shape NumPy allows: a vector is a matrix of one row or column.

    >>> matmul([[1.0, 2.0]], [3.0, 4.0])
    array([11.])
    """
    if isinstance(a, list) or isinstance(b, list):
        return matmul(*(np.array(x) if isinstance(x, list) else x for x in (a, b)))
    dimensions = getattr(a, "ndim", 0), getattr(b, "ndim", 0)
    if 0 in dimensions:
        raise ValueError("matmul: one of the two is a number, not a matrix; multiply with *")
    if 1 not in dimensions:
        return _matmul(a, b)
    y = _matmul(expand_dims(a, 0) if a.ndim == 1 else a, expand_dims(b, -1) if b.ndim == 1 else b)
    return squeeze(y, tuple(axis for axis, x in ((-2, a), (-1, b)) if x.ndim == 1))


# Every layer is this, so it is one op: one node less to walk, and x @ W need not be kept.
@op(
    lambda g, y, x, W, b: g @ _mT(W),
    lambda g, y, x, W, b: _mT(x) @ g,
    lambda g, y, x, W, b: g,
)
def linear(x: Array, W: Array, b: Array) -> Array:
    """Affine map x @ W + b: inputs (..., n), weights (n, m) and biases (m,) give (..., m)."""
    return x @ W + b
