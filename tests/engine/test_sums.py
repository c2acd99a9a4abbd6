"""Sums: those over a few rows or columns of a matrix are products with ones.

Expected: NumPy's sum in the widest dtype, and its own where values are infinite or NaN.
"""

import numpy as np
from hypothesis import given, settings, strategies as st

import tinygrad_loss as tl
from tinygrad_loss import Tensor
from tinygrad_loss.engine.arrays import total

SIZES = st.sampled_from([0, 1, 2, 3, 10, 31, 127, 128, 129, 300])
AXES = st.sampled_from([None, 0, 1, -1, -2, (0,), (0, 1), (-1,)])


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([np.float16, np.float32, np.float64, np.longdouble, np.int8, np.bool_, ">f4"]),
    st.tuples(SIZES, SIZES), AXES, st.booleans(), st.sampled_from("CFSB"), st.integers(0, 99),
)  # fmt: skip
def test_a_sum_is_numpys_to_rounding(dtype, shape, axis, keepdims, layout, seed):
    """In every layout: by rows, by columns, with strides, broadcast from one row."""
    x = np.random.default_rng(seed).normal(size=(2 * shape[0], shape[1])).astype(dtype)
    x = {"C": x[: shape[0]], "S": x[::2], "F": np.asfortranarray(x[: shape[0]]),
         "B": np.broadcast_to(x[:1], shape if shape[0] else (0, shape[1]))}[layout]  # fmt: skip
    y, like_numpy = total(x, axis, keepdims), np.sum(x, axis=axis, keepdims=keepdims)
    assert (y.shape, y.dtype) == (like_numpy.shape, like_numpy.dtype)
    wide = x.astype(np.longdouble)
    exact = np.sum(wide, axis=axis, keepdims=keepdims)
    sizes = np.sum(abs(wide), axis=axis, keepdims=keepdims)
    most = x.size if axis in (None, (0, 1)) else max(shape)
    accumulated = np.float32 if dtype in (np.float16, ">f4") else np.result_type(dtype, np.float32)
    eps = most * np.finfo(accumulated).eps + (
        np.finfo(np.float16).eps if dtype == np.float16 else 0
    )
    assert (abs(y - exact) <= eps * sizes).all()


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([np.float32, np.float64]), st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.booleans(), st.integers(0, 10**6),
)  # fmt: skip
def test_what_is_infinite_or_nan_travels_and_warns_of_nothing(dtype, shape, by_rows, seed):
    """Only inf - inf warns, as in NumPy's sum: no padding of a product may meet it."""
    rng = np.random.default_rng(seed)
    x = rng.integers(-5, 5, shape).astype(dtype)
    x[rng.random(shape) < 0.1] = rng.choice([np.inf, np.nan])
    y = total(x, 0) if by_rows else total(x, -1, keepdims=True)
    np.testing.assert_array_equal(y, np.sum(x, axis=0) if by_rows else np.sum(x, -1, keepdims=True))
    x[rng.random(shape) < 0.1] = -np.inf
    with np.errstate(invalid="ignore"):
        y = total(x, 0) if by_rows else total(x, -1, keepdims=True)
        expected = np.sum(x, axis=0) if by_rows else np.sum(x, axis=-1, keepdims=True)
    np.testing.assert_array_equal(y, expected)


@given(st.sampled_from([1, 3, 128, 129, 1000]), st.sampled_from([np.float32, np.float64]))
def test_the_gradient_of_a_bias_is_the_sum_over_the_rows(n, dtype):
    """Exactly, for whole numbers; with and without a graph of it."""
    x, g = np.ones((n, 2), dtype), np.arange(3.0 * n, dtype=dtype).reshape(n, 3)
    b = Tensor(np.zeros(3, dtype), requires_grad=True)
    y = tl.linear(x, np.ones((2, 3), dtype), b)
    expected = n * (n - 1) / 2 * 3 + n * np.arange(3.0)  # sum over i of 3 i + j
    for create_graph in (False, True):
        (found,) = tl.gradients(y, [b], grad=g, create_graph=create_graph)
        np.testing.assert_array_equal(found.data, expected)
        assert found.dtype == dtype
