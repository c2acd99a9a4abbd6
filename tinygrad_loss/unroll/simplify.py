"""Simplifications: the same numbers, up to rounding, with less work.

Each looks at one call while it is traced, and may put another Value in its place. They are algebra
on NumPy functions; none knows an op of the engine. (Equal calls are made once and constants are
folded in any case: see ``trace.py``.)
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from .values import Value, with_added, with_added_at

Trace = Any  # the one in trace.py, which imports this module
Simplification = Callable[..., Any]
SIMPLIFICATIONS: dict[Any, list[Simplification]] = {}


def simplifies(*functions: Any) -> Callable[[Simplification], Simplification]:
    """Register a simplification for these functions; it returns None where it does not apply."""

    def register(f: Simplification) -> Simplification:
        for function in functions:
            SIMPLIFICATIONS.setdefault(function, []).append(f)
        return f

    return register


def simplified(
    trace: Trace, function: Any, inputs: tuple[Any, ...], options: dict[str, Any]
) -> Value | None:
    """A Value equal to ``function(*inputs, **options)`` that takes less work, or None."""
    if isinstance(function, np.ufunc) and function.signature is None:
        shorter = _without_broadcasts(inputs)
        if shorter is not None:
            return trace.apply(function, *shorter, **options)  # type: ignore[no-any-return]
    if getattr(function, "__name__", "") == "reduce":
        simpler = reduction_of_transpose(trace, function, *inputs, **options)
        if simpler is None and function == np.add.reduce:
            simpler = sum_as_product(trace, *inputs, **options)
        return simpler  # type: ignore[no-any-return]
    if options:
        return None
    for f in SIMPLIFICATIONS.get(getattr(function, "__name__", None), ()):
        simpler = f(trace, *inputs)
        if simpler is not None:
            return simpler  # type: ignore[no-any-return]
    return None


# --- what simplifications look at ----------------------------------------------------------------


def made_by(x: Any, name: str) -> bool:
    """Whether x is the Value of a call of the function with this name."""
    return _is_value(x) and x.function is not None and x.function.__name__ == name


def _is_value(x: Any) -> bool:
    return isinstance(x, Value)


def uniform(x: Any) -> Any:
    """The number that all elements of a constant are equal to, or None."""
    if not _is_value(x):
        return x if isinstance(x, int | float) and not isinstance(x, bool) else None
    if not x.constant or x.array.size == 0 or x.dtype.kind not in "fiu":
        return None
    flat = x.array.reshape(-1)
    same = flat[0] == flat[-1] and (flat == flat[0]).all()
    return flat[0].item() if same else None


def _shape(x: Any) -> tuple[int, ...]:
    return x.shape if _is_value(x) else ()


def _smaller(a: Any, b: Any) -> bool:
    return math.prod(_shape(a)) < math.prod(_shape(b))


# --- elementwise functions broadcast by themselves -----------------------------------------------


def _without_broadcasts(inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """The inputs, with an array that repeats a smaller one replaced by it, if the shapes allow."""
    shapes = [_shape(x) for x in inputs]
    full = np.broadcast_shapes(*shapes)
    for i, x in enumerate(inputs):
        if not _is_value(x) or x.shape == ():
            continue
        source: Any = None
        if x.constant:
            number = uniform(x)
            source = None if number is None else np.array(number, x.dtype)
        elif made_by(x, "broadcast_to"):
            source = x.inputs[0]
        if source is None:
            continue
        if np.broadcast_shapes(*shapes[:i], source.shape, *shapes[i + 1 :]) == full:
            return (*inputs[:i], source, *inputs[i + 1 :])
    return None


# --- arithmetic ----------------------------------------------------------------------------------


def _times_one(divide: bool) -> Simplification:
    def times_one(trace: Trace, a: Any, b: Any) -> Any:
        for x, one in ((a, b),) if divide else ((a, b), (b, a)):
            if _is_value(x) and uniform(one) == 1 and np.result_type(*_operands(a, b)) == x.dtype:
                full = np.broadcast_shapes(_shape(a), _shape(b))
                return x if x.shape == full else trace.apply(np.broadcast_to, x, full)
        return None

    return times_one


def _operands(*inputs: Any) -> list[Any]:
    """Operands as ``np.result_type`` takes them: the dtypes of Values, and numbers."""
    return [x.dtype if _is_value(x) else x for x in inputs]


simplifies("multiply")(_times_one(divide=False))
simplifies("divide")(_times_one(divide=True))


@simplifies("multiply")
def one_factor(trace: Trace, a: Any, b: Any) -> Any:
    """c1 * (c2 * x) = (c1 c2) * x for numbers c1 and c2."""
    for c1, product in ((a, b), (b, a)):
        if not (made_by(product, "multiply") and _is_number(c1) and not product.options):
            continue
        for c2, x in (product.inputs, product.inputs[::-1]):
            if _is_number(c2) and _is_value(x) and x.shape == product.shape:
                factor = np.array(uniform(c1) * uniform(c2)).astype(product.dtype)
                if _keeps_dtype(product.dtype, c1) and _is_normal(factor):
                    return trace.apply(np.multiply, x, factor)
    return None


def _is_normal(factor: Any) -> bool:
    """Whether a product of numbers has all its digits: it is not 0, subnormal or infinite."""
    return bool(np.finfo(factor.dtype).tiny <= abs(factor) < np.inf)


def _is_number(x: Any) -> bool:
    return _shape(x) == () and uniform(x) is not None


def _keeps_dtype(dtype: Any, *others: Any) -> bool:
    return bool(dtype.kind == "f" and np.result_type(dtype, *_operands(*others)) == dtype)


@simplifies("multiply")
def small_quotient(trace: Trace, a: Any, b: Any) -> Any:
    """Divide few numbers instead of many: a * (e / s) = e * (a / s).

    Only if s is known to be at least 1, as a / s might overflow.
    """
    for x, quotient in ((a, b), (b, a)):
        if made_by(quotient, "divide") and _keeps_dtype(quotient.dtype, x):
            e, s = quotient.inputs
            if (
                _at_least_one(s)
                and _shape(e) == quotient.shape == np.broadcast_shapes(_shape(x), _shape(e))
                and _smaller(x, e)
                and _smaller(s, e)
            ):
                return trace.apply(np.multiply, e, trace.apply(np.divide, x, s))
    return None


@simplifies("add")
def sum_of_negative(trace: Trace, a: Any, b: Any) -> Any:
    """Write x + (-y) as x - y."""
    for x, negative in ((a, b), (b, a)):
        if made_by(negative, "negative"):
            return trace.apply(np.subtract, x, negative.inputs[0])
    return None


@simplifies("negative")
def negative_of(trace: Trace, x: Any) -> Any:
    """-(-x) = x; -(a - b) = b - a; -(a * b) = a * (-b) and -(b / c) = (-b) / c for a small b."""
    if made_by(x, "negative"):
        return x.inputs[0]
    if made_by(x, "subtract"):
        with np.errstate(**x.ignored):
            return trace.apply(np.subtract, x.inputs[1], x.inputs[0])
    if made_by(x, "multiply"):
        for a, b in (x.inputs, x.inputs[::-1]):
            if _is_value(b) and _smaller(b, a) and (b.constant or made_by(b, "divide")):
                return trace.apply(np.multiply, a, trace.apply(np.negative, b))
    if made_by(x, "divide") and _is_value(x.inputs[0]) and x.inputs[0].constant:
        return trace.apply(np.divide, trace.apply(np.negative, x.inputs[0]), x.inputs[1])
    return None


@simplifies("absolute")
def absolute_of_negative(trace: Trace, x: Any) -> Any:
    """|-x| = |x|."""
    return trace.apply(np.absolute, x.inputs[0]) if made_by(x, "negative") else None


@simplifies("maximum")
def maximum_of_negative(trace: Trace, x: Any, zero: Any) -> Any:
    """max(-x, 0) = -min(x, 0)."""
    if made_by(x, "negative") and uniform(zero) == 0 and _shape(zero) == ():
        return trace.apply(np.negative, trace.apply(np.minimum, x.inputs[0], zero))
    return None


@simplifies("greater_equal")
def sign_of_negative(trace: Trace, x: Any, zero: Any) -> Any:
    """-x >= 0 where x <= 0, as in a sigmoid of -x."""
    if made_by(x, "negative") and uniform(zero) == 0:
        return trace.apply(np.less_equal, x.inputs[0], zero)
    return None


@simplifies("power")
def small_powers(trace: Trace, x: Any, exponent: Any) -> Any:
    """Write x ** 1 as x, and x ** 2 as a square."""
    if _is_value(x) and _keeps_dtype(x.dtype, exponent) and _shape(exponent) == ():
        if uniform(exponent) == 1:
            return x
        if uniform(exponent) == 2:
            return trace.apply(np.square, x)
    return None


# --- one-hot arrays are never built --------------------------------------------------------------


@simplifies("subtract")
def subtract_from_sparse(trace: Trace, sparse: Any, x: Any) -> Any:
    """(zeros with some elements set) - x = -x + (zeros with some elements set)."""
    if made_by(sparse, "with_item") and uniform(sparse.inputs[0]) == 0 and _is_value(x):
        return trace.apply(np.add, trace.apply(np.negative, x), sparse)
    return None


@simplifies("add")
def add_at_index(trace: Trace, a: Any, b: Any) -> Any:
    """Add zeros with some elements set to x by adding only to those elements of x."""
    for x, sparse in ((b, a), (a, b)):
        for name, function in (("with_item", with_added), ("with_added_at", with_added_at)):
            if (
                made_by(sparse, name)
                and uniform(sparse.inputs[0]) == 0
                and _is_value(x)
                and (x.shape, x.dtype) == (sparse.shape, sparse.dtype)
            ):
                _, index, part = sparse.inputs
                if uniform(part) is not None and _shape(part):
                    part = np.array(uniform(part), part.dtype)
                return trace.apply(function, x, index, part)
    return None


# --- reductions ----------------------------------------------------------------------------------


def reduction_of_transpose(
    trace: Trace, function: Any, x: Any, axis: Any = 0, keepdims: bool = False, **options: Any
) -> Any:
    """Reduce the rows of x instead of the columns of x.T, and the other way round."""
    if made_by(x, "transpose") and x.inputs[1] == (1, 0) and axis in (0, 1) and not keepdims:
        return trace.apply(function, x.inputs[0], axis=1 - axis, **options)
    return None


def sum_as_product(
    trace: Trace, x: Any, axis: Any = 0, keepdims: bool = False, **options: Any
) -> Any:
    """Sum the columns or rows of a matrix by a product with ones, for which NumPy calls BLAS.

    Not long rows: NumPy's sum adds them pairwise, and so loses fewer digits.
    """
    if not _is_value(x) or options or x.constant or x.array.ndim != 2 or x.array.size == 0:
        return None
    if x.dtype not in (np.float32, np.float64):
        return None
    axis = axis if isinstance(axis, tuple) else (axis,)
    if axis in ((1,), (-1,)) and keepdims and _sets_one_per_row(x):
        part = trace.apply(np.broadcast_to, x.inputs[2], x.shape[:1])
        return trace.apply(np.reshape, part, (x.shape[0], 1))
    if axis == (0,) and not keepdims:
        return trace.apply(np.matmul, np.ones(len(x.array), x.dtype), x)
    if axis in ((1,), (-1,)) and x.shape[1] <= 64:
        ones = np.ones((x.shape[1], 1) if keepdims else x.shape[1], x.dtype)
        return trace.apply(np.matmul, x, ones)
    return None


def _sets_one_per_row(x: Any) -> bool:
    """Whether x is zeros with one element set in each row."""
    return (
        made_by(x, "with_item")
        and uniform(x.inputs[0]) == 0
        and _is_value(x.inputs[2])
        and picks_one_per_row(x.inputs[1], len(x.array))
    )


def picks_one_per_row(index: Any, n: int) -> bool:
    """Whether an index is the rows 0 to n - 1, and a column for each."""
    return (
        isinstance(index, tuple)
        and len(index) == 2
        and all(_is_value(part) and part.shape == (n,) for part in index)
        and index[0].constant
        and np.array_equal(index[0].array, np.arange(n))
    )


def _is_sum(s: Any, e: Any) -> bool:
    """Whether s holds the sums of the rows of e, as a column."""
    if made_by(s, "matmul"):
        return s.inputs[0] is e and uniform(s.inputs[1]) == 1 and s.shape[-1:] == (1,)
    return bool(
        made_by(s, "reduce")
        and s.function == np.add.reduce
        and s.inputs[0] is e
        and s.array.ndim == e.array.ndim
    )


@simplifies("exp")
def softmax_of_log_softmax(trace: Trace, log_p: Any) -> Any:
    """exp(x - log(s)) = exp(x) / s, where exp(x) and its sum s are known already."""
    if not made_by(log_p, "subtract"):
        return None
    x, log_s = log_p.inputs
    e = trace.find(np.exp, x)
    if e is None or not made_by(log_s, "log"):
        return None
    s = log_s.inputs[0]
    return trace.apply(np.divide, e, s) if _is_sum(s, e) and _at_least_one(s) else None


@simplifies("getitem")
def pick_before_subtracting(trace: Trace, x: Any, index: Any) -> Any:
    """(a - b)[rows, y] = a[rows, y] - b for a column b: only one element of each row is needed."""
    if made_by(x, "subtract") and x.array.ndim == 2 and picks_one_per_row(index, len(x.array)):
        a, b = x.inputs
        if _shape(a) == x.shape and _shape(b) == (len(x.array), 1):
            with np.errstate(**x.ignored):
                picked = trace.apply(operator.getitem, a, index)
                return trace.apply(np.subtract, picked, trace.apply(np.reshape, b, (b.shape[0],)))
    return None


@simplifies("where")
def softmax_of_impossible(trace: Trace, condition: Any, zero: Any, p: Any) -> Any:
    """Where z is -inf, exp(z - m) / s is 0 already, unless all of its row is -inf and s = 0.

    In any other row s, the sum of exp(z - m) with the row's maximum m, is at least 1.
    """
    if not (made_by(condition, "equal") and uniform(zero) == 0 and made_by(p, "divide")):
        return None
    z, infinity = condition.inputs
    e, s = p.inputs
    if (
        uniform(infinity) == -np.inf
        and _is_sum(s, e)
        and _at_least_one(s)
        and e.inputs[0].inputs[0] is z
    ):
        return trace.apply(np.divide, e, trace.apply(np.maximum, s, 1))
    return None


def _at_least_one(s: Any) -> bool:
    """Whether s is max(..., 1), or the sum of exp(z - m) over each row of z, m being its maximum.

    The largest element contributes exp(0) = 1. (Only for a row of -inf the sum is 0.)
    """
    if made_by(s, "maximum"):
        return bool(uniform(s.inputs[1]) == 1)
    if not (made_by(s, "matmul") or made_by(s, "reduce")) or not _is_sum(s, s.inputs[0]):
        return False
    e = s.inputs[0]
    if not (made_by(e, "exp") and made_by(e.inputs[0], "subtract")):
        return False
    z, m = e.inputs[0].inputs
    return _is_row_maximum(m, z)


def _is_row_maximum(m: Any, z: Any) -> bool:
    """Whether m is the maximum of each row of z, or 0 for a row without a finite one."""
    if not made_by(m, "where") or uniform(m.inputs[2]) != 0:
        return False
    finite, largest, _ = m.inputs
    return (
        made_by(finite, "isfinite")
        and finite.inputs[0] is largest
        and made_by(largest, "reduce")
        and largest.function == np.maximum.reduce
        and largest.inputs[0] is z
    )


# --- shapes --------------------------------------------------------------------------------------


@simplifies("expand_dims")
def only_reshape(trace: Trace, x: Any, axis: Any) -> Any:
    """Add axes of size 1 by a reshape."""
    return trace.apply(np.reshape, x, np.expand_dims(x.array, axis).shape)


@simplifies("reshape")
def one_reshape(trace: Trace, x: Any, shape: Any) -> Any:
    """Of several reshapes keep the last; drop one to the same shape."""
    if x.shape == shape:
        return x
    if made_by(x, "reduce") and x.options == {"axis": 1} and shape == (*x.shape, 1):
        return trace.apply(x.function, *x.inputs, axis=1, keepdims=True)
    return trace.apply(np.reshape, x.inputs[0], shape) if made_by(x, "reshape") else None


@simplifies("transpose")
def one_transpose(trace: Trace, x: Any, axes: Any) -> Any:
    """Make one transpose of two; drop one that changes nothing."""
    if axes == tuple(range(len(axes))):
        return x
    if made_by(x, "transpose"):
        return trace.apply(np.transpose, x.inputs[0], tuple(x.inputs[1][axis] for axis in axes))
    return None


@simplifies("broadcast_to")
def one_broadcast(trace: Trace, x: Any, shape: Any) -> Any:
    """Of several broadcasts keep the last; drop one to the same shape."""
    if x.shape == tuple(np.atleast_1d(shape)) or x.shape == shape:
        return x
    return trace.apply(np.broadcast_to, x.inputs[0], shape) if made_by(x, "broadcast_to") else None


@simplifies("astype")
def same_dtype(trace: Trace, x: Any, dtype: Any) -> Any:
    """Drop a conversion to the same dtype."""
    return x if x.dtype == dtype else None
