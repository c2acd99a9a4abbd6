"""Simplifications: the same numbers, up to rounding, with less work.

Each is an equation of NumPy calls, tried when the call on its left is traced; none knows an op of
the engine. A pattern ``Value((np.negative, x))`` is a Value computed by ``np.negative(x)``.
"""

import operator
from typing import Any

import numpy as np

from . import values
from .values import Value


def simplified(trace: Any, function: Any, inputs: Any, options: dict[str, Any]) -> Any:
    """A Value equal to ``function(*inputs, **options)`` that takes less work, or None."""
    elementwise = isinstance(function, np.ufunc) and function.signature is None
    if elementwise and (shorter := _without_broadcasts(inputs)):
        return trace.apply(function, *shorter, **options)
    match inputs:
        case (Value(constant=True, shape=()) as c, x) if function is np.multiply and not x.constant:
            return trace.apply(function, x, c, **options)
        case (Value() as x,) if getattr(function, "__name__", "") == "reduce":
            return _reduction(trace.apply, function, x, **options)
    if options:
        return None
    orders = [inputs, inputs[::-1]] if function in (np.add, np.multiply) else [inputs]
    calls = [(function, *order) for order in orders]
    tried = (rule(trace.apply, call) for rule in (_cross_entropy, _algebra) for call in calls)
    return next(filter(None, tried), None)


def uniform(x: Any) -> Any:
    """The number that all elements of a constant are equal to, or None."""
    if not isinstance(x, Value) or not (x.constant and x.array.size and x.dtype.kind in "fiu"):
        return None
    flat = x.array.reshape(-1)
    same = flat[0] == flat[-1] and flat.tobytes() == flat[0].tobytes() * flat.size  # 0 is not -0.0
    return flat[0].item() if same else None


def _without_broadcasts(inputs: tuple[Value, ...]) -> tuple[Any, ...] | None:
    """The inputs, with an array that repeats a smaller one replaced by it, if the shapes allow."""
    shapes = [x.shape for x in inputs]
    for i, x in enumerate(inputs):
        source = x.inputs[0] if x.function is np.broadcast_to else None
        if x.shape and uniform(x) is not None:
            source = np.array(uniform(x), x.dtype)
        if source is not None:
            shorter = [*shapes[:i], source.shape, *shapes[i + 1 :]]
            if np.broadcast_shapes(*shorter) == np.broadcast_shapes(*shapes):
                return (*inputs[:i], source, *inputs[i + 1 :])
    return None


def _keeps_dtype(x: Value, other: Value) -> bool:
    """Whether an operation of a floating x and another operand has the dtype of x."""
    return bool(x.dtype.kind == "f" and np.result_type(x.dtype, other.dtype) == x.dtype)


def _algebra(apply: Any, call: tuple[Any, ...]) -> Any:
    match call:
        case (np.reshape | np.broadcast_to, x, shape) if x.shape == shape:
            return x
        case (np.reshape, Value(options={"axis": 1, **others}) as x, shape) if (
            hasattr(x.function, "__self__") and not others and shape == (*x.shape, 1)
        ):
            return apply(x.function, *x.inputs, axis=1, keepdims=True)
        case (np.transpose, Value((np.transpose, x, first)), then) if first == (*np.argsort(then),):
            return x
        case (np.multiply | np.divide | np.power, x, c) if uniform(c) == 1 and _keeps_dtype(x, c):
            return apply(np.broadcast_to, x, np.broadcast_shapes(x.shape, c.shape))
        # (x * c1) * c2 = x * (c1 c2) for numbers c1 and c2, if their product has all its digits
        case (np.multiply, Value((np.multiply, x, c1)) as product, c2) if (
            c1.constant and c2.constant and c1.shape == c2.shape == () and _keeps_dtype(product, c2)
        ):
            factor, limits = c1.array.item() * c2.array.item(), np.finfo(product.dtype)
            if limits.tiny <= abs(factor) <= limits.max:
                return apply(np.multiply, x, np.array(factor, product.dtype))
        case (np.add, x, Value((np.negative, y))):
            return apply(np.subtract, x, y)
        case (np.negative, Value((np.subtract, a, b)) as difference):
            with np.errstate(**difference.ignored):
                return apply(np.subtract, b, a)
        case (np.negative, Value((np.multiply, a, b))) if b.array.size < a.array.size and (
            b.constant or b.function is np.divide
        ):
            return apply(np.multiply, a, apply(np.negative, b))
        case (np.negative, Value((np.divide, Value(constant=True) as c, s))):
            return apply(np.divide, apply(np.negative, c), s)
        case (np.subtract, Value(shape=()) as c, Value((np.subtract, _, _)) as x):
            return apply(np.negative, x) if uniform(c) == 0 else None
        case (np.absolute, Value((np.negative, x))):
            return apply(np.absolute, x)
        case (np.maximum, Value((np.negative, x)), c) if uniform(c) == 0:
            return apply(np.negative, apply(np.minimum, x, c))
        case (np.greater_equal, Value((np.negative, x)), c) if uniform(c) == 0:
            return apply(np.less_equal, x, c)
        case (np.power, x, Value(shape=()) as c) if uniform(c) == 2 and _keeps_dtype(x, c):
            return apply(np.square, x)
    return None


def _cross_entropy(apply: Any, call: tuple[Any, ...]) -> Any:
    """Exponentials and their sums are computed once, and one-hot arrays are never built."""
    match call:
        # exp(x - log(s)) = exp(x) / s
        case (np.exp, Value((np.subtract, x, Value((np.log, s))))):
            e = _exponentials(s)
            return apply(np.divide, e, s) if e is not None and e.inputs[0] is x else None
        # a * (e / s) = e * (a / s), which divides few numbers instead of many and cannot overflow
        case (np.multiply, a, Value((np.divide, e, s)) as quotient) if (
            a.shape in ((), s.shape) and _keeps_dtype(quotient, a) and e is _exponentials(s)
        ):
            return apply(np.multiply, e, apply(np.divide, a, s))
        # (a - b)[rows, y] = a[rows, y] - b for a column b: one element of each row is needed
        case (operator.getitem, Value((np.subtract, a, b)) as x, index) if (
            _one_per_row(index, x) and a.shape == x.shape and b.shape == (len(a.array), 1)
        ):
            with np.errstate(**x.ignored):
                picked = apply(operator.getitem, a, index)
                return apply(np.subtract, picked, apply(np.reshape, b, b.shape[:1]))
        # To add zeros with some elements set, add only to these; (these) - x = -x + (these).
        case (np.subtract, sparse, x) if _is_sparse(sparse, x):
            return apply(np.add, apply(np.negative, x), sparse)
        case (np.add, x, sparse) if _is_sparse(sparse, x):
            _, index, part = sparse.inputs
            if isinstance(part, Value) and uniform(part) is not None:
                part = np.array(uniform(part), part.dtype)
            at = sparse.function is values.with_added_at
            return apply(values.with_added_at if at else values.with_added, x, index, part)
    return None


def _exponentials(s: Value) -> Any:
    """The e = exp(z - m), for m the largest z of each row, of which s is the sum, or None.

    So s is at least 1, as exp(0) is one of the numbers. (Only for a row of -inf it is 0.)
    """
    if s.function != np.add.reduce and (s.function is not np.matmul or uniform(s.inputs[1]) != 1):
        return None
    match s.inputs[0]:
        case Value((np.exp, Value((np.subtract, z, Value((np.where, Value() as f, m, 0)))))) as e:
            largest = f.call == (np.isfinite, m) and m.function == np.maximum.reduce
            return e if largest and m.inputs[0] is z and m.shape == s.shape else None
    return None


def _is_sparse(a: Value, x: Value) -> bool:
    """Whether a is zeros with some elements set, of the shape and dtype of x."""
    is_set = a.function in (values.with_item, values.with_added_at)
    return is_set and uniform(a.inputs[0]) == 0 and (a.shape, a.dtype) == (x.shape, x.dtype)


def _one_per_row(index: Any, x: Value) -> bool:
    """Whether an index is all rows of x, in order, and a column for each."""
    match index:
        case (Value(constant=True) as rows, Value(shape=(n,))) if x.array.ndim == 2:
            return n == len(x.array) and np.array_equal(rows.array, np.arange(n))
    return False


def _reduction(
    apply: Any, function: Any, x: Value, axis: Any = 0, keepdims: bool = False, **options: Any
) -> Any:
    """Sums as products; but NumPy adds long rows pairwise, and so loses fewer digits of these."""
    by_blas = x.dtype in (np.float32, np.float64) and x.array.size > 0 and not x.constant
    match by_blas and function == np.add.reduce and not options, x, axis, keepdims:
        case _, Value((np.transpose, of, (1, 0))), 0 | 1, False:
            return apply(function, of, axis=1 - axis, **options)
        case True, _, None, False if x.array.size <= 4096:
            return _total(apply, x)
        case True, Value(shape=(n, _)), 0 | (0,), False:
            return apply(np.matmul, np.ones(n, x.dtype), x)
        case True, Value((values.with_item, zeros, at, part)), 1 | -1, True if _one_per_row(at, x):
            if uniform(zeros) == 0:
                column = apply(np.broadcast_to, part, x.shape[:1])
                return apply(np.reshape, column, (len(x.array), 1))
        case True, Value(shape=(_, n)), 1 | -1 | (1,) | (-1,), _ if n <= 64:
            return apply(np.matmul, x, np.ones((n, 1) if keepdims else n, x.dtype))
    return None


def _total(apply: Any, x: Value) -> Any:
    """The sum of all elements, as a product."""
    match x:
        case Value((np.square, a)):
            factors = a, a
        # (A constant would be kept in both shapes.)
        case Value((np.multiply, a, b)) if a.shape == b.shape and not (a.constant or b.constant):
            factors = a, b
        case _:
            factors = np.ones(x.shape, x.dtype), x
    return apply(np.matmul, *(apply(np.reshape, y, (x.array.size,)) for y in factors))
