"""The table of derivatives: every op with its forward function and one rule per input.

In a rule, ``g`` is the gradient of the loss with respect to the op's output ``y``; then come the op's inputs and
options. A rule returns the gradient with respect to its input:

    multiply   forward np.multiply      rules: g * b        and  g * a
    exp        forward np.exp           rule:  g * y
    matmul     forward np.matmul        rules: g @ b.mT     and  a.mT @ g

Rules are made of NumPy functions, methods and operators, and of ops, all of which take arrays and Tensors alike.
They never write into ``g``. None does anything about broadcasting: where an input was broadcast, ``backprop.py``
sums its gradient back to the input's shape.

Sources: the derivatives are calculus; the conventions where there is none (kinks) stand with the op.
"""

from __future__ import annotations

import builtins
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .tensor import Array, Op, Tensor, constant_functions, data_of, numpy_functions


def op(*rules: Callable[..., Any] | None) -> Callable[[Callable[..., Array]], Op]:
    """Decorate a forward function with its rules: it becomes an Op."""
    return lambda forward: Op(forward, *rules)


# --- arithmetic ------------------------------------------------------------------------------------------

add = Op(np.add, lambda g, y, a, b: g, lambda g, y, a, b: g)
subtract = Op(np.subtract, lambda g, y, a, b: g, lambda g, y, a, b: -g)
multiply = Op(np.multiply, lambda g, y, a, b: g * b, lambda g, y, a, b: g * a)
divide = Op(np.divide, lambda g, y, a, b: g / b, lambda g, y, a, b: -g * y / b)
negative = Op(np.negative, lambda g, y, x: -g)
# |x|' = 0 at the kink 0, the middle of its subgradients [-1, 1].
absolute = Op(np.absolute, lambda g, y, x: g * np.sign(x))


def _one_less(b: Any) -> Any:
    """b - 1, but 1 where b = 0: there b * a**(b - 1) shall be 0, and a**-1 at a = 0 would make it 0 * inf."""
    return b - (b != 0) if hasattr(b, "shape") else b - 1 if b else 1


power = Op(
    np.power,
    lambda g, y, a, b: g * (b * a ** _one_less(b)),
    # At a = 0 the limit for b > 0 is 0, while 0 * log(0) would be NaN; log(1) = 0 stands in.
    lambda g, y, a, b: g * (y * log(where(a == 0, 1, a))),
)

# --- elementary functions --------------------------------------------------------------------------------

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

_erf = np.frompyfunc(math.erf, 1, 1)


@op(lambda g, y, x: g * (2 / math.sqrt(math.pi)) * np.exp(-x * x))
def erf(x: Array) -> Array:
    """The error function, 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x (Abramowitz & Stegun 7.1.1)."""
    return np.multiply(_erf(x), 1, dtype=x.dtype, casting="unsafe")  # NumPy has no erf; Python's is exact


@op(lambda g, y, x: g * y * (1 - y))
def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)). exp only ever sees -|x|, so nothing overflows and small values keep their digits."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


@op(lambda g, y, x: g * (x > 0))
def relu(x: Array) -> Array:
    """max(x, 0). The derivative at the kink 0 is 0."""
    return np.maximum(x, 0)


@op(lambda g, y, x, slope=0.01: where(x > 0, g, slope * g))
def leaky_relu(x: Array, slope: float = 0.01) -> Array:
    """x where x > 0, else slope * x (Maas, Hannun, Ng 2013). The derivative at 0 is slope."""
    return np.where(x > 0, x, slope * x)


@op(lambda g, y, x: g * sigmoid(x))
def softplus(x: Array) -> Array:
    """log(1 + exp(x)), a smooth max(x, 0), without overflow. -softplus(-x) is log(sigmoid(x))."""
    return np.logaddexp(x, 0)


# log(e^a + e^b): the derivatives are the two shares of the sum, e^(a-y) + e^(b-y) = 1.
logaddexp = Op(np.logaddexp, lambda g, y, a, b: g * exp(a - y), lambda g, y, a, b: g * exp(b - y))

# --- choosing: the gradient goes to whoever was chosen; ties share it equally -----------------------------

maximum = Op(
    np.maximum,
    lambda g, y, a, b: g * (a > b) + g / 2 * (a == b),
    lambda g, y, a, b: g * (b > a) + g / 2 * (a == b),
)
minimum = Op(
    np.minimum,
    lambda g, y, a, b: g * (a < b) + g / 2 * (a == b),
    lambda g, y, a, b: g * (b < a) + g / 2 * (a == b),
)


@op(lambda g, y, x, low=None, high=None: g * (x == y))
def clip(x: Array, low: Any = None, high: Any = None) -> Array:
    """x limited to [low, high]. The gradient passes where x is within (the limits included), else it is 0."""
    return np.clip(x, low, high)


@op(None, lambda g, y, c, a, b: where(c, g, 0), lambda g, y, c, a, b: where(c, 0, g))
def where(condition: Array, a: Array, b: Array) -> Array:
    """a where the condition holds, else b. A NaN or inf in the derivative of the branch not taken is *not*
    stopped here, for 0 * inf is NaN: make the input of that branch harmless first (the "double where")."""
    return np.where(condition, a, b)


# --- reductions: one output from many inputs, so each gradient is spread over the inputs it came from -----


def spread(g: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """Give g, the gradient of a reduction of x, its reduced axes back with size 1, so that it broadcasts with x."""
    if keepdims or axis is None:
        return g
    axes = {a % x.ndim for a in (axis if isinstance(axis, tuple) else (axis,))}
    return reshape(g, tuple(1 if i in axes else n for i, n in enumerate(x.shape)))


@op(lambda g, y, x, axis=None, keepdims=False: broadcast_to(spread(g, x, axis, keepdims), x.shape))
def sum(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    """The sum over the axes, or over all of them. Every element counts once, so each receives g."""
    return x.sum(axis=axis, keepdims=keepdims)


@op(
    lambda g, y, x, axis=None, keepdims=False: broadcast_to(
        spread(g, x, axis, keepdims) / (x.size // builtins.max(y.size, 1)), x.shape
    )
)
def mean(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    """The mean over the axes, or over all of them: the sum, divided by how many there are."""
    return x.mean(axis=axis, keepdims=keepdims)


def _share(g: Any, y: Any, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The gradient of max and min: to the elements that are the extreme, in equal parts if there are several."""
    chosen = (x == spread(y, x, axis, keepdims)) | np.isnan(x)
    return spread(g, x, axis, keepdims) * chosen / chosen.sum(axis=axis, keepdims=True, dtype=x.dtype)


@op(_share)
def max(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    """The largest element over the axes."""
    return x.max(axis=axis, keepdims=keepdims)


@op(_share)
def min(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    """The smallest element over the axes."""
    return x.min(axis=axis, keepdims=keepdims)


@op(
    lambda g, y, x, axis=None, keepdims=False: spread(g / where(y == 0, 1, y), x, axis, keepdims) * x,
)
def norm(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    """The Euclidean length sqrt(sum x^2). The gradient is the unit vector x / |x|, and 0 where x = 0."""
    return np.sqrt(np.square(x).sum(axis=axis, keepdims=keepdims))


def _row_max(x: Array, axis: Any) -> Array:
    """The largest element of each row, to subtract before exp: then the largest exponent is 0 and nothing
    overflows. Per row, since with one maximum for all a row far below it would be all zeros. 0 for infinities."""
    largest = x.max(axis=axis, keepdims=True, **({} if x.size else {"initial": -np.inf}))
    return np.where(np.isfinite(largest), largest, 0)


@op(
    lambda g, y, x, axis=-1, keepdims=False: (
        spread(g, x, axis, keepdims) * exp(x - spread(where(y == -np.inf, 0, y), x, axis, keepdims))
    )
)
def logsumexp(x: Array, axis: Any = -1, keepdims: bool = False) -> Array:
    """log(sum(exp(x))), a smooth max(x): exact for any x; -inf for a row of -inf. The gradient is softmax(x)."""
    shift = _row_max(x, axis)
    with np.errstate(divide="ignore"):  # log(0) = -inf is the answer for a row of -inf
        y = np.log(np.exp(x - shift).sum(axis=axis, keepdims=True)) + shift
    return y if keepdims else y.squeeze(axis=axis)


@op(lambda g, y, x, axis=-1: y * (g - (g * y).sum(axis=axis, keepdims=True)))
def softmax(x: Array, axis: Any = -1) -> Array:
    """exp(x) / sum(exp(x)): probabilities from logits. NaN for a row of -inf, which has none."""
    e = np.exp(x - _row_max(x, axis))
    with np.errstate(invalid="ignore"):
        return e / e.sum(axis=axis, keepdims=True)


@op(lambda g, y, x, axis=-1: g - exp(y) * g.sum(axis=axis, keepdims=True))
def log_softmax(x: Array, axis: Any = -1) -> Array:
    """x - logsumexp(x): log-probabilities from logits, exact where softmax would round to 0 or 1."""
    x = x - _row_max(x, axis)
    with np.errstate(divide="ignore", invalid="ignore"):
        return x - np.log(np.exp(x).sum(axis=axis, keepdims=True))


# --- shapes: the same numbers in other places, so the gradient goes back to where they were ---------------


@op(lambda g, y, x, shape: g.reshape(x.shape))
def reshape(x: Array, shape: Any) -> Array:
    """The same elements in another shape."""
    return x.reshape(shape)


def _inverse(axes: Any) -> Any:
    return None if axes is None else tuple(np.argsort([axis % len(axes) for axis in axes]))


@op(lambda g, y, x, axes=None: g.transpose(_inverse(axes)))
def transpose(x: Array, axes: Any = None) -> Array:
    """The axes in another order; reversed without one. The inverse order brings the gradient back."""
    return x.transpose(axes)


# Swapping twice changes nothing: its own inverse.
swapaxes = Op(np.swapaxes, lambda g, y, x, a, b: g.swapaxes(a, b))


@op(lambda g, y, x, axis: g.reshape(x.shape))
def expand_dims(x: Array, axis: Any) -> Array:
    """New axes of size 1."""
    return np.expand_dims(x, axis)


@op(lambda g, y, x, axis=None: g.reshape(x.shape))
def squeeze(x: Array, axis: Any = None) -> Array:
    """Without the axes of size 1."""
    return x.squeeze(axis=axis)


@op(lambda g, y, x, shape: g)  # backprop.py sums it: the gradient of a broadcast is a sum
def broadcast_to(x: Array, shape: Any) -> Array:
    """x repeated to the shape."""
    return np.broadcast_to(x, shape)


@op(lambda g, y, x, dtype: g)  # backprop.py converts it: a gradient has the dtype of its input
def astype(x: Array, dtype: Any) -> Array:
    """x in another floating dtype."""
    if np.dtype(dtype).kind != "f":
        raise TypeError(f"{np.dtype(dtype)} has no derivatives; convert t.data instead")
    return x.astype(dtype)


@op(lambda g, y, x, index: scatter(g, index, x.shape))
def getitem(x: Array, index: Any) -> Array:
    """x[index], with any index of NumPy's. The gradient goes back to the elements picked, 0 to the others."""
    return x[index]


@op(lambda g, y, x, index, shape: g[index])
def scatter(x: Array, index: Any, shape: Any) -> Array:
    """Zeros with x added at the index: what indexing needs to go backwards. An element picked twice gets two."""
    out = np.zeros_like(x, shape=shape)
    if _picks_once(index):
        out[index] = x
    else:
        np.add.at(out, index, x)
    return out


def _picks_once(index: Any) -> bool:
    """Whether no element can be picked twice: slices, integers and masks; or (0, 1, 2 .., column of each row)."""
    parts = index if isinstance(index, tuple) else (index,)
    if all(isinstance(i, int | slice | None.__class__ | type(...)) for i in parts):
        return True
    rows = parts[0]
    if getattr(rows, "dtype", None) == bool and len(parts) == 1:
        return True
    return len(parts) == 2 and getattr(rows, "ndim", 0) == 1 and np.array_equal(rows, np.arange(len(rows)))


def concatenate(tensors: Sequence[Any], axis: int = 0) -> Any:
    """The arrays one after the other along an existing axis; each gets its own piece of the gradient back."""
    ends = np.cumsum([np.shape(t)[axis] for t in tensors]).tolist()
    before = (slice(None),) * (axis % np.ndim(tensors[0]))
    pieces = [(*before, slice(start, end)) for start, end in zip([0, *ends], ends, strict=False)]
    rules = [lambda g, y, *xs, piece=piece: g[piece] for piece in pieces]
    return Op(lambda *xs: np.concatenate(xs, axis), *rules, name="concatenate")(*tensors)


# --- matrix product ---------------------------------------------------------------------------------------

# Of matrices, or stacks of matrices. With y = a @ b, dL/da_ik = sum_j g_ij b_kj: g @ b.mT; likewise for b.
_matmul = Op(np.matmul, lambda g, y, a, b: g @ b.mT, lambda g, y, a, b: a.mT @ g, name="matmul")


def matmul(a: Any, b: Any) -> Any:
    """The matrix product a @ b, in every shape that NumPy allows: a vector is a matrix of one row or column.

    >>> matmul(Tensor([[1.0, 2.0]]), [3.0, 4.0])
    Tensor([11.])
    """
    a, b = (x if hasattr(x, "ndim") else np.array(x) for x in (a, b))
    rows, columns = a.ndim == 1, b.ndim == 1
    if not (rows or columns):
        return _matmul(a, b)
    y = _matmul(expand_dims(a, 0) if rows else a, expand_dims(b, -1) if columns else b)
    return squeeze(y, (-2, -1) if rows and columns else -2 if rows else -1)


# --- how Python and NumPy come to the ops -----------------------------------------------------------------

numpy_functions |= {
    np.abs: absolute, np.matmul: matmul, np.where: where, np.clip: clip, np.concatenate: concatenate,
    np.sum: sum, np.mean: mean, np.max: max, np.amax: max, np.min: min, np.amin: min,
    np.reshape: reshape, np.transpose: transpose, np.expand_dims: expand_dims, np.squeeze: squeeze,
    np.broadcast_to: broadcast_to,
}  # fmt: skip
constant_functions |= {
    np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal, np.isnan, np.isinf, np.isfinite,
    np.sign, np.signbit, np.floor, np.ceil, np.rint, np.round, np.argmax, np.argmin, np.argsort, np.shape, np.ndim,
    np.size, np.zeros_like, np.ones_like, np.empty_like, np.full_like, np.array_equal, np.allclose, np.isclose,
    np.result_type, np.any, np.all, np.count_nonzero, np.logical_and, np.logical_or, np.logical_not, np.array2string,
    np.array_repr, np.array_str,
}  # fmt: skip


def _norm_as_numpy(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    if ord is not None:
        raise TypeError(f"norm: ord={ord!r} is not supported on Tensors; only the Euclidean norm, ord=None, is")
    return norm(x, axis=axis, keepdims=keepdims)


numpy_functions[np.linalg.norm] = _norm_as_numpy


def _operators() -> None:
    """Give Tensor the operators of Python: t + u, 1 / t, t @ u, t[i], t > 0, and the ops as methods."""
    for name, f in {"add": add, "sub": subtract, "mul": multiply, "truediv": divide, "pow": power, "matmul": matmul}.items():
        setattr(Tensor, f"__{name}__", lambda t, other, f=f: f(t, other))
        setattr(Tensor, f"__r{name}__", lambda t, other, f=f: f(other, t))
    for name in ("lt", "le", "gt", "ge", "eq", "ne"):
        compare = getattr(operator, name)
        setattr(Tensor, f"__{name}__", lambda t, other, compare=compare: compare(t._data, data_of(other)))
    for f in (
        exp, expm1, log, log1p, log2, sqrt, square, sin, cos, tanh, erf, sigmoid, relu, leaky_relu, softplus, clip, astype,
        sum, mean, max, min, norm, softmax, log_softmax, logsumexp, squeeze,
    ):  # fmt: skip
        setattr(Tensor, f.name, lambda t, *inputs, f=f, **options: f(t, *inputs, **options))


_operators()
Tensor.__neg__ = lambda t: negative(t)
Tensor.__abs__ = Tensor.abs = lambda t: absolute(t)
Tensor.__getitem__ = lambda t, index: getitem(t, data_of(index))
Tensor.reshape = lambda t, *shape: reshape(t, shape[0] if len(shape) == 1 else shape)
Tensor.transpose = lambda t, *axes: transpose(t, axes[0] if len(axes) == 1 else axes or None)
Tensor.T = property(lambda t: transpose(t))
Tensor.mT = property(lambda t: swapaxes(t, -1, -2))
Tensor.argmax = lambda t, axis=None: t._data.argmax(axis)
Tensor.argmin = lambda t, axis=None: t._data.argmin(axis)
