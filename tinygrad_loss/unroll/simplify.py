"""Simplifications: the same numbers, up to rounding, with less work.

Each is an equation of NumPy calls, tried when the call on its left is traced; none knows an op of
the engine. A pattern ``Value((np.negative, x))`` is a Value computed by ``np.negative(x)``. (Equal
calls are made once and constants are folded in any case: see ``trace.py``.)
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from . import values
from .values import Value

Trace = Any  # the one in trace.py, which imports this module


def simplified(trace: Trace, function: Any, inputs: Any, options: dict[str, Any]) -> Any:
    """A Value equal to ``function(*inputs, **options)`` that takes less work, or None."""
    if isinstance(function, np.ufunc) and function.signature is None:
        shorter = _without_broadcasts(inputs)
        if shorter is not None:
            return trace.apply(function, *shorter, **options)
    if function is np.multiply and _is_number(inputs[0]) and not _is_number(inputs[1]):
        return trace.apply(function, *inputs[::-1], **options)
    if getattr(function, "__name__", "") == "reduce" and isinstance(inputs[0], Value):
        return _reduction(trace, function, *inputs, **options)
    if options:
        return None
    orders = [inputs, inputs[::-1]] if function in (np.add, np.multiply) else [inputs]
    for rule in (_arithmetic, _softmax, _sparse, _shapes):
        for order in orders:
            simpler = rule(trace, (function, *order))
            if simpler is not None:
                return simpler
    return None


# --- what patterns ask about Values --------------------------------------------------------------


def uniform(x: Any) -> Any:
    """The number that all elements of a constant are equal to, or None."""
    if not isinstance(x, Value):
        return x if isinstance(x, int | float) and not isinstance(x, bool) else None
    if not x.constant or x.array.size == 0 or x.dtype.kind not in "fiu":
        return None
    flat = x.array.reshape(-1)
    same = flat[0] == flat[-1] and (flat == flat[0]).all()
    return flat[0].item() if same else None


def _shape(x: Any) -> tuple[int, ...]:
    return x.shape if isinstance(x, Value) else ()


def _is_number(x: Any) -> bool:
    return _shape(x) == () and uniform(x) is not None


def _is_zero(x: Any) -> bool:
    return _shape(x) == () and uniform(x) == 0


def _smaller(a: Any, b: Any) -> bool:
    return math.prod(_shape(a)) < math.prod(_shape(b))


def _keeps_dtype(x: Any, other: Any) -> bool:
    """Whether an operation of a floating x and another operand has the dtype of x."""
    if not isinstance(x, Value) or x.dtype.kind != "f":
        return False
    return bool(np.result_type(x.dtype, getattr(other, "dtype", other)) == x.dtype)


# --- elementwise functions -----------------------------------------------------------------------


def _without_broadcasts(inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """The inputs, with an array that repeats a smaller one replaced by it, if the shapes allow."""
    shapes = [_shape(x) for x in inputs]
    full = np.broadcast_shapes(*shapes)
    for i, x in enumerate(inputs):
        if isinstance(x, Value) and x.function is np.broadcast_to:
            source = x.inputs[0]
        elif _shape(x) and uniform(x) is not None:
            source = np.array(uniform(x), x.dtype)
        else:
            continue
        if np.broadcast_shapes(*shapes[:i], source.shape, *shapes[i + 1 :]) == full:
            return (*inputs[:i], source, *inputs[i + 1 :])
    return None


def _arithmetic(trace: Trace, call: tuple[Any, ...]) -> Any:
    apply = trace.apply
    match call:
        case (np.multiply | np.divide, x, one) if uniform(one) == 1 and _keeps_dtype(x, one):
            full = np.broadcast_shapes(x.shape, _shape(one))
            return apply(np.broadcast_to, x, full)
        # c1 * (c2 * x) = (c1 c2) * x for numbers c1 and c2, if their product has all its digits
        case (np.multiply, Value((np.multiply, x, c2)) as product, c1) if (
            _is_number(c1) and _is_number(c2) and _keeps_dtype(product, c1)
        ):
            factor = np.array(uniform(c1) * uniform(c2)).astype(product.dtype)
            if np.finfo(factor.dtype).tiny <= abs(factor) < np.inf:
                return apply(np.multiply, x, factor)
        case (np.add, x, Value((np.negative, y))):
            return apply(np.subtract, x, y)
        case (np.negative, Value((np.negative, x))):
            return x
        case (np.negative, Value((np.subtract, a, b)) as difference):
            with np.errstate(**difference.ignored):
                return apply(np.subtract, b, a)
        case (np.negative, Value((np.multiply, a, Value() as b))) if _smaller(b, a) and (
            b.constant or b.function is np.divide
        ):
            return apply(np.multiply, a, apply(np.negative, b))
        case (np.negative, Value((np.divide, Value(constant=True) as c, s))):
            return apply(np.divide, apply(np.negative, c), s)
        case (np.subtract, zero, Value((np.subtract, _, _)) as difference) if _is_zero(zero):
            return apply(np.negative, difference)
        case (np.absolute, Value((np.negative, x))):
            return apply(np.absolute, x)
        case (np.maximum, Value((np.negative, x)), zero) if _is_zero(zero):
            return apply(np.negative, apply(np.minimum, x, zero))
        case (np.greater_equal, Value((np.negative, x)), zero) if _is_zero(zero):
            return apply(np.less_equal, x, zero)
        case (np.power, x, two) if uniform(two) == 2 and _keeps_dtype(x, two):
            return apply(np.square, x)
    return None


# --- softmax: exp(z - m) and its sums are computed once ------------------------------------------


def _softmax(trace: Trace, call: tuple[Any, ...]) -> Any:
    apply = trace.apply
    match call:
        # exp(x - log(s)) = exp(x) / s, where exp(x) and its sum s are known already
        case (np.exp, Value((np.subtract, x, Value((np.log, s))))):
            e = trace.find(np.exp, x)
            if e is not None and _summed(s) is e and _at_least_one(s):
                return apply(np.divide, e, s)
        # a * (e / s) = e * (a / s), which divides few numbers instead of many and cannot overflow
        case (np.multiply, a, Value((np.divide, e, s)) as quotient) if (
            _keeps_dtype(quotient, a)
            and _at_least_one(s)
            and _shape(e) == quotient.shape == np.broadcast_shapes(_shape(a), _shape(e))
            and _smaller(a, e)
            and _smaller(s, e)
        ):
            return apply(np.multiply, e, apply(np.divide, a, s))
        # (a - b)[rows, y] = a[rows, y] - b for a column b: one element of each row is needed
        case (operator.getitem, Value((np.subtract, a, b)) as x, index) if (
            _shape(a) == x.shape
            and _shape(b) == (x.shape[0], 1)
            and picks_one_per_row(index, x.shape[0])
        ):
            with np.errstate(**x.ignored):
                picked = apply(operator.getitem, a, index)
                return apply(np.subtract, picked, apply(np.reshape, b, x.shape[:1]))
    return None


def _summed(s: Any) -> Any:
    """The matrix whose rows have the sums s, as a column; or None."""
    match s:
        case Value((np.matmul, e, ones)) if uniform(ones) == 1 and s.shape[1:] == (1,):
            return e
        case Value(function=np.add.reduce) if s.array.ndim == s.inputs[0].array.ndim:
            return s.inputs[0]
    return None


def _at_least_one(s: Any) -> bool:
    """Whether s is the sum of exp(z - m) over each row of z, m being the row's maximum.

    The largest element contributes exp(0) = 1. (Only for a row of -inf, where m is 0, it is 0.)
    """
    match _summed(s):
        case Value((np.exp, Value((np.subtract, z, Value((np.where, finite, m, zero)))))):
            match finite, m:
                case Value((np.isfinite, largest)), Value(function=np.maximum.reduce):
                    return bool(largest is m and m.inputs[0] is z and _is_zero(zero))
    return False


# --- one-hot arrays are never built --------------------------------------------------------------


def _sparse(trace: Trace, call: tuple[Any, ...]) -> Any:
    match call:
        # (zeros with some elements set) - x = -x + (zeros with some elements set)
        case (np.subtract, Value((values.with_item, zeros, _, _)) as sparse, Value() as x) if (
            uniform(zeros) == 0
        ):
            return trace.apply(np.add, trace.apply(np.negative, x), sparse)
        # to add zeros with some elements set, add only to these elements
        case (
            np.add,
            Value() as x,
            Value((values.with_item | values.with_added_at as how, zeros, index, part)) as sparse,
        ) if uniform(zeros) == 0 and (x.shape, x.dtype) == (sparse.shape, sparse.dtype):
            if uniform(part) is not None and _shape(part):
                part = np.array(uniform(part), part.dtype)
            added = values.with_added if how is values.with_item else values.with_added_at
            return trace.apply(added, x, index, part)
    return None


def picks_one_per_row(index: Any, n: int) -> bool:
    """Whether an index is the rows 0 to n - 1, and a column for each."""
    return (
        isinstance(index, tuple)
        and len(index) == 2
        and all(_shape(part) == (n,) for part in index)
        and index[0].constant
        and np.array_equal(index[0].array, np.arange(n))
    )


# --- reductions and shapes -----------------------------------------------------------------------


def _reduction(
    trace: Trace, function: Any, x: Any, *, axis: Any = 0, keepdims: bool = False, **options: Any
) -> Any:
    match x:
        case Value((np.transpose, of, (1, 0))) if axis in (0, 1) and not keepdims:
            return trace.apply(function, of, axis=1 - axis, **options)
    by_blas = x.dtype in (np.float32, np.float64) and x.array.ndim == 2 and x.array.size > 0
    if function != np.add.reduce or options or x.constant or not by_blas:
        return None
    n, width = x.shape
    if axis in (0, (0,)) and not keepdims:
        return trace.apply(np.matmul, np.ones(n, x.dtype), x)
    if axis not in (1, -1, (1,), (-1,)):
        return None
    match x:
        case Value((values.with_item, zeros, index, part)) if (
            keepdims and uniform(zeros) == 0 and picks_one_per_row(index, n)
        ):
            return trace.apply(np.reshape, trace.apply(np.broadcast_to, part, (n,)), (n, 1))
    if width <= 64:  # NumPy's sum adds long rows pairwise, and so loses fewer digits
        ones = np.ones((width, 1) if keepdims else width, x.dtype)
        return trace.apply(np.matmul, x, ones)
    return None


def _shapes(trace: Trace, call: tuple[Any, ...]) -> Any:
    match call:
        case (np.reshape | np.broadcast_to, x, shape) if x.shape == shape:
            return x
        case (np.reshape as same, Value((np.reshape, x, _)), shape) | (
            np.broadcast_to as same,
            Value((np.broadcast_to, x, _)),
            shape,
        ):
            return trace.apply(same, x, shape)
        case (np.reshape, Value(options={"axis": 1, **others}) as x, shape) if (
            hasattr(x.function, "__self__") and not others and shape == (*x.shape, 1)
        ):
            return trace.apply(x.function, *x.inputs, axis=1, keepdims=True)
        case (np.transpose, x, axes) if axes == tuple(range(len(axes))):
            return x
        case (np.transpose, Value((np.transpose, x, first)), axes):
            return trace.apply(np.transpose, x, tuple(first[axis] for axis in axes))
        case (values.astype, x, dtype) if x.dtype == dtype:
            return x
    return None
