"""Functions that need no rule of their own: compositions of ops, which have theirs.

All take Tensors, arrays, numbers and lists, and do what NumPy's function of that name does. With a
Tensor, ``np.name(t)`` calls them, with NumPy's order and names of the arguments.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from . import ops
from .arrays import constant, data_of, is_foreign
from .errors import explained
from .node import Array
from .products import arranged, shaped, solve
from .words import teach

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "atleast_1d", "atleast_2d", "average", "column_stack", "cumsum", "diag", "diagonal", "diff",
    "flatten", "flip", "gelu", "hstack", "inv", "median", "nanmean", "nansum", "norm", "prod",
    "ravel", "reciprocal", "repeat", "roll", "sort", "split", "stack", "std", "take_along_axis",
    "tile", "trace", "var", "vstack",
]  # fmt: skip


# --- reductions -----------------------------------------------------------------------------------
def var(x: Array, axis: Any = None, *, ddof: int = 0, keepdims: bool = False) -> Tensor:
    """Variance, the mean squared distance from the mean: sum((x - mean(x))^2) / (n - ddof).

    ``ddof=0`` as in NumPy divides by n; ``ddof=1`` gives the unbiased estimate, PyTorch's default.

    >>> var([1.0, 2.0, 3.0, 4.0]).item()
    1.25
    """
    return _in_float32(_var, x, axis, ddof, keepdims)


def _var(x: Array, axis: Any, ddof: int, keepdims: bool) -> Any:
    squares = ops.square(x - ops.mean(x, axis=axis, keepdims=True))
    if ddof == 0:
        return ops.mean(squares, axis=axis, keepdims=keepdims)
    total = ops.sum(squares, axis=axis, keepdims=keepdims)
    n = x.size // max(total.size, 1)
    return total / float(max(n - ddof, 0))  # inf or NaN of too few elements, as in NumPy


def std(x: Array, axis: Any = None, *, ddof: int = 0, keepdims: bool = False) -> Tensor:
    """Standard deviation sqrt(var(x)). Its gradient is infinite where the variance is 0.

    >>> std([1.0, 3.0]).item()
    1.0
    """
    return _in_float32(lambda *given: ops.sqrt(_var(*given)), x, axis, ddof, keepdims)


def _in_float32(function: Callable[..., Any], x: Any, *options: Any) -> Any:
    """Compute a function of float16 in float32: squares would leave its range."""
    x = shaped(x)
    if x.dtype.char != "e":
        return function(x, *options)
    return ops.astype(function(ops.astype(x, np.float32), *options), x.dtype)


def _rows(x: Array, axis: Any, keepdims: bool) -> tuple[Any, tuple[int, ...]]:
    """Merge the axes to reduce into one, the last; also return the shape of the reduced x."""
    axes = range(x.ndim) if axis is None or not x.ndim else normalize_axis_tuple(axis, x.ndim)
    kept = [a for a in range(x.ndim) if a not in axes]
    sizes = [x.shape[a] for a in kept]
    rows = arranged(x, (*kept, *axes), (*sizes, math.prod(x.shape[a] for a in axes)))
    shape = (1 if a in axes else n for a, n in enumerate(x.shape) if keepdims or a in kept)
    return rows, tuple(shape)


def prod(x: Array, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Product over the axes, or over all of them.

    The textbook derivative y / x fails at x = 0. Here the first half is multiplied by the second
    until one element is left, so that one zero, or two, leave every gradient right.

    >>> from tinygrad_loss import grad
    >>> grad(prod)(np.array([0.0, 2.0, 3.0]))
    array([6., 0., 0.])
    """
    x = shaped(x)
    if x.dtype.kind != "f":
        x = x * np.prod(np.ones(1, x.dtype))  # short integers become long ones, as in NumPy
    y, shape = _rows(x, axis, keepdims)
    while y.shape[-1] != 1:
        n = y.shape[-1]
        if n % 2 or n == 0:
            one = np.ones_like(data_of(y), shape=(*y.shape[:-1], 1))
            y = ops.concatenate([y, one], axis=-1)
        else:
            y = y[..., : n // 2] * y[..., n // 2 :]
    return ops.reshape(y, shape)


def norm(x: Array, axis: Any = None, keepdims: bool = False, *, ord: Any = None) -> Tensor:
    """Length over the axes, by default the Euclidean sqrt(sum x^2).

    For vectors (one axis), ``ord`` may be 2, the same; 1, the sum of all |x|; inf, the largest. For
    matrices (two axes), "fro", the Euclidean length; 1, the largest sum |x| of a column; inf, that
    of a row. Derivative: of the Euclidean length, the unit vector x / |x|, and 0 at x = 0.

    >>> [norm([3.0, -4.0], ord=p).item() for p in (2, 1, np.inf)]
    [5.0, 7.0, 4.0]
    """
    if ord is None:
        return ops._norm(x, axis=axis, keepdims=keepdims)
    x = shaped(x)
    axes = tuple(range(x.ndim)) if axis is None else normalize_axis_tuple(axis, x.ndim)
    if (len(axes), ord) in ((1, 2), (2, "fro")):
        return ops._norm(x, axis=axes, keepdims=keepdims)
    if len(axes) not in (1, 2) or ord not in (1, np.inf):
        raise ValueError(
            f"norm: {x.shape}, axis={axis}, ord={ord!r}; expected None, 1, 2 or inf over one axis, "
            'or None, "fro", 1 or inf over two. Compose others; singular values have no derivative.'
        )
    y = ops.absolute(x if x.dtype.kind == "f" else x * 1.0)
    if len(axes) == 2:
        summed, largest = axes if ord == 1 else axes[::-1]
        y = ops.max(ops.sum(y, axis=summed, keepdims=True), axis=largest, keepdims=True)
        return y if keepdims else ops.squeeze(y, axes)
    return (ops.sum if ord == 1 else ops.max)(y, axis=axes, keepdims=keepdims)


def average(x: Array, axis: Any = None, weights: Array = None, keepdims: bool = False) -> Tensor:
    """Weighted mean sum(w x) / sum(w); the weights have the shape of x, or of the averaged axes.

    >>> average([1.0, 2.0, 4.0], weights=[1, 0, 1]).item()
    2.5
    """
    x = shaped(x)
    axes = tuple(range(x.ndim)) if axis is None else normalize_axis_tuple(axis, x.ndim)
    if weights is None:
        return ops.mean(x, axis=axes, keepdims=keepdims)
    x, w = (a if a.dtype.kind == "f" else a * 1.0 for a in (x, shaped(weights)))
    if x.dtype == w.dtype == np.float16:
        w = ops.astype(w, np.float32)
        return _in_float32(lambda x: average(x, axes, w, keepdims), x)
    if w.shape != x.shape:
        if w.shape != tuple(x.shape[a] for a in axes):
            raise ValueError(f"average: x has shape {x.shape}, weights {w.shape}, axis={axis}")
        w = ops.transpose(w, tuple(np.argsort(axes)))
        w = ops.reshape(w, tuple(n if a in axes else 1 for a, n in enumerate(x.shape)))
    total = ops.sum(x * w, axis=axes, keepdims=keepdims)
    return total / ops.sum(w, axis=axes, keepdims=keepdims)


def nansum(x: Array, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Sum of the elements that are not NaN. The gradient of a NaN is 0.

    >>> nansum([1.0, np.nan, 3.0]).item()
    4.0
    """
    x = shaped(x)
    return ops.sum(ops.where(np.isnan(data_of(x)), 0, x), axis=axis, keepdims=keepdims)


def nanmean(x: Array, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Mean of the elements that are not NaN. The gradient of a NaN is 0.

    >>> nanmean([1.0, np.nan, 3.0]).item()
    2.0
    """

    def mean(x: Array) -> Any:
        y, known = nansum(x, axis, keepdims), ~np.isnan(data_of(x))
        return y / np.sum(known, axis=axis, keepdims=keepdims).astype(y.dtype)

    return _in_float32(mean, x)


def median(x: Array, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Middle element in order of size, or the mean of the two middle ones; NaN if there is a NaN.

    Derivative: the gradient goes to the middle element; two middle ones get half of it each.

    >>> median([5.0, 1.0, 2.0, 8.0]).item()
    3.5
    """
    rows, shape = _rows(shaped(x), axis, keepdims)
    n, ordered = rows.shape[-1], sort(rows)
    y = ops.mean(ordered[..., (n - 1) // 2 : n // 2 + 1], axis=-1, keepdims=True)
    if n:
        last = ordered[..., -1:]  # NaN is sorted to the end
        y = ops.where(np.isnan(data_of(last)), last, y)
    return ops.reshape(y, shape)


def cumsum(x: Array, axis: int | None = None) -> Tensor:
    """Running sum along an axis, or over all elements, row by row.

    Derivative: an element counts in every sum from its own on, and receives all their gradients.

    >>> cumsum([1, 2, 3])
    array([1, 3, 6])
    """
    return ops._cumsum(ravel(x), axis=0) if axis is None else ops._cumsum(x, axis=axis)


def diff(x: Array, n: int = 1, axis: int = -1) -> Tensor:
    """Differences x[i + 1] - x[i] along an axis, taken n times.

    >>> diff([1, 2, 4, 7]), diff([1, 2, 4, 7], n=2)
    (array([1, 2, 3]), array([1, 1]))
    """
    if n < 0:
        raise ValueError(f"diff: n is {n}; expected how many times to take differences, 0 or more")
    x = ops.swapaxes(x, axis, -1)
    for _ in range(n):
        x = x[..., 1:] - x[..., :-1]
    return ops.swapaxes(x, axis, -1)


# --- elements in other places: the gradient goes back to where they were --------------------------
def _moved(function: Callable[..., Any], x: Any, *options: Any, repeats: bool = False) -> Any:
    """Apply a NumPy function that moves or repeats elements: to positions, which then index x."""
    x, options = shaped(x), constant(function.__name__, "an option", options)
    kind = next(filter(is_foreign, options), None)  # positions meet other positions there
    try:
        positions = function(np.arange(x.size, like=kind).reshape(x.shape), *options)
    except (ValueError, TypeError, IndexError) as error:
        raise explained(error, function.__name__, (x, *options), {}) from None
    flat = x if x.ndim == 1 else ravel(x)
    return ops.getitem(flat, index=positions, unique_indices=not repeats)


def ravel(x: Array) -> Tensor:
    """All elements along one axis, row by row.

    >>> ravel([[1, 2], [3, 4]])
    array([1, 2, 3, 4])
    """
    return ops.reshape(x, (-1,))


flatten = ravel


def atleast_1d(x: Array) -> Tensor:
    """x; but a number becomes an array of one element.

    >>> atleast_1d(3.0)
    array([3.])
    """
    x = shaped(x)
    return x if x.ndim else ravel(x)


def atleast_2d(x: Array) -> Tensor:
    """x; but a vector or a number becomes a matrix of one row.

    >>> atleast_2d([1, 2])
    array([[1, 2]])
    """
    x = shaped(x)
    return x if x.ndim > 1 else ops.reshape(x, (1, -1))


def flip(x: Array, axis: Any = None) -> Tensor:
    """The elements in reverse order along the axes, or along all.

    >>> flip([1, 2, 3])
    array([3, 2, 1])
    """
    return _moved(np.flip, x, axis)


def roll(x: Array, shift: Any, axis: Any = None) -> Tensor:
    """The elements shifted along the axes; what leaves at one end comes back at the other.

    >>> roll([1, 2, 3], 1)
    array([3, 1, 2])
    """
    return _moved(np.roll, x, shift, axis)


def repeat(x: Array, repeats: Any, axis: int | None = None) -> Tensor:
    """Each element several times. Derivative: it receives the sum of the gradients of its copies.

    >>> repeat([1, 2], 2), repeat([1, 2], [1, 2])
    (array([1, 1, 2, 2]), array([1, 2, 2]))
    """
    return _moved(np.repeat, x, repeats, axis, repeats=True)


def tile(x: Array, reps: Any) -> Tensor:
    """Copies of x side by side. Derivative: x receives the sum of their gradients.

    >>> tile([1, 2], 2)
    array([1, 2, 1, 2])
    """
    return _moved(np.tile, x, reps, repeats=True)


def take_along_axis(x: Array, indices: Any, axis: int | None = -1) -> Tensor:
    """From each row along the axis, the elements at the positions in the same row of ``indices``.

    >>> take_along_axis([[5, 6, 7], [8, 9, 4]], [[2], [0]]).tolist()
    [[7], [8]]
    """
    return _moved(np.take_along_axis, x, shaped(indices), axis, repeats=True)


def sort(x: Array, axis: int | None = -1) -> Tensor:
    """The elements in ascending order, NaN last. Derivative: gradients go back to the old places.

    >>> sort([3, 1, 2])
    array([1, 2, 3])
    """
    order = np.argsort(data_of(shaped(x)), axis=axis, kind="stable")
    return _moved(np.take_along_axis, x, order, axis)


def diagonal(x: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The diagonal of a matrix, or of each in a stack; ``offset`` counts places to the right of it.

    >>> diagonal([[1, 2], [3, 4]]), diagonal([[1, 2], [3, 4]], 1)
    (array([1, 4]), array([2]))
    """
    return _moved(np.diagonal, x, offset, axis1, axis2)


def diag(x: Array, k: int = 0) -> Tensor:
    """The k-th diagonal of a matrix; of a vector, the matrix with it as k-th diagonal, else 0.

    >>> diag([1, 2]).tolist()
    [[1, 0], [0, 2]]
    """
    x = shaped(x)
    if x.ndim != 1:
        return _moved(np.diag, x, k)
    rows = np.arange(x.size) + max(-k, 0)
    shape = (x.size + abs(k),) * 2
    return ops.scatter(x, index=(rows, rows + k), shape=shape, unique_indices=True)


def trace(x: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Sum of the diagonal. Derivative: the gradient goes to the diagonal, 0 to all else.

    >>> trace([[1, 2], [3, 4]]).item()
    5
    """
    return ops.sum(diagonal(x, offset, axis1, axis2), axis=-1)


# --- joining and splitting ------------------------------------------------------------------------
def stack(tensors: Sequence[Any], axis: int = 0) -> Tensor:
    """Join arrays of equal shape along a new axis.

    >>> stack([[1, 2], [3, 4]])[1, 0].item()
    3
    """
    return ops.concatenate([ops.expand_dims(t, axis) for t in tensors], axis)


def vstack(tensors: Sequence[Any]) -> Tensor:
    """Join matrices, or vectors as rows, one below the other.

    >>> vstack([[1, 2], [[3, 4], [5, 6]]]).shape
    (3, 2)
    """
    return ops.concatenate([atleast_2d(t) for t in tensors], 0)


def hstack(tensors: Sequence[Any]) -> Tensor:
    """Join matrices side by side, or vectors end to end.

    >>> hstack([[1, 2], [3]])
    array([1, 2, 3])
    """
    parts = [atleast_1d(t) for t in tensors]
    return ops.concatenate(parts, 0 if {part.ndim for part in parts} <= {1} else 1)


def column_stack(tensors: Sequence[Any]) -> Tensor:
    """Join matrices, or vectors as columns, side by side.

    >>> column_stack([[1, 2], [3, 4]]).tolist()
    [[1, 3], [2, 4]]
    """
    parts = [shaped(t) for t in tensors]
    return ops.concatenate([t if t.ndim > 1 else ops.reshape(t, (-1, 1)) for t in parts], 1)


def split(x: Array, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """Cut into n equal pieces, or before each of the indices given.

    >>> split([1, 2, 3], [1])
    [array([1]), array([2, 3])]
    """
    x = shaped(x)
    axis = normalize_axis_index(axis, x.ndim)
    n, ends = x.shape[axis], indices_or_sections
    if isinstance(ends, int | np.integer):
        if ends < 1 or n % ends:
            raise ValueError(f"split: {x.shape}, axis={axis}: {ends} does not divide {n}")
        ends = [n // ends * i for i in range(1, ends)]
    parts = [slice(start, end) for start, end in zip([0, *ends], [*ends, n], strict=True)]
    return [ops.getitem(x, index=(*(slice(None),) * axis, part)) for part in parts]


# --- others ---------------------------------------------------------------------------------------
def reciprocal(x: Array) -> Tensor:
    """1 / x. Derivative: -1 / x^2. Also 1 / x for integers, which NumPy's function rounds to 0.

    >>> reciprocal([1.0, 4.0])
    array([1.  , 0.25])
    """
    return ops.divide(1, x)


def inv(a: Array) -> Tensor:
    """Inverse of a matrix, or of each in a stack. ``solve(a, b)`` is better than ``inv(a) @ b``.

    >>> inv([[2.0, 0.0], [0.0, 4.0]]).tolist()
    [[0.5, 0.0], [0.0, 0.25]]
    """
    a = shaped(a)
    return solve(a, np.eye(a.shape[-1] if a.ndim else 1, dtype=a.dtype, like=data_of(a)))


def gelu(x: Array, approximate: str = "none") -> Tensor:
    """Gaussian error linear unit: x P(Z < x) for a standard normal Z, x (1 + erf(x / sqrt 2)) / 2.

    ``approximate="tanh"`` computes x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2, the form that
    GPT-2 was trained with. Source: Hendrycks & Gimpel 2016, "Gaussian Error Linear Units".

    >>> round(gelu(1.0).item(), 6)
    0.841345
    """
    x = shaped(x)
    if approximate == "none":
        return x * (1 + ops.erf(x / math.sqrt(2))) / 2
    if approximate == "tanh":
        c = ops.clip(x, -10, 10)  # beyond, tanh is 1 in any dtype, and x^3 may overflow
        return x * (1 + ops.tanh(math.sqrt(2 / math.pi) * (c + 0.044715 * c**3))) / 2
    raise ValueError(f"gelu: approximate is {approximate!r}; expected 'none' or 'tanh'")


teach(globals())
