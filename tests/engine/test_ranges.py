"""Numbers at the ends of a dtype's range, and sums of short ones.

faults.md E1, E4, E5, D2, D4 and D5. Expected values are closed forms, NumPy's in float64, or
PyTorch's where it is named.
"""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as npst

import tinygrad_loss as tl
from tinygrad_loss import Tensor, check_gradients, gradients

from ..op_cases import grad_of

F16 = np.float16


def leaf(data, dtype=None):
    return Tensor(data, requires_grad=True, dtype=dtype)


# --- lengths --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "size"),
    [
        (F16, 300), (F16, 1e-4), (F16, 6e-8), (F16, 2e4), (np.float32, 1e20), (np.float32, 1e-25),
        (np.float32, 1e-44), (np.float64, 1e200), (np.float64, 1e-200), (np.float64, 5e-324),
    ],
)  # fmt: skip
def test_a_length_is_right_though_its_square_leaves_the_range(dtype, size):
    """The length of (s, s, s, s) is 2 s, and its gradient 1/2 everywhere."""
    x = leaf(np.full((3, 4), size), dtype)
    y = tl.norm(x, axis=1)
    np.testing.assert_allclose(
        y.data, np.full(3, 2 * x.data[0, 0]), rtol=1e-3 if dtype == F16 else 1e-6
    )
    y.backward(np.ones(3))
    np.testing.assert_allclose(x.grad, np.full((3, 4), 0.5), rtol=1e-3)
    assert (y.dtype, x.grad.dtype) == (dtype, dtype)


@given(
    npst.arrays(np.float64, npst.array_shapes(max_dims=3, max_side=4), elements=st.floats(-9, 9)),
    st.integers(-900, 900),
    st.booleans(),
    st.data(),
)
def test_a_length_scales_with_its_vector(x, exponent, keepdims, data):
    """|2^n x| = 2^n |x| to rounding, for every axis; NumPy's figure at n = 0."""
    axes = [None, *range(-x.ndim, x.ndim), tuple(range(x.ndim))]
    axis = data.draw(st.sampled_from(axes))
    expected = np.sqrt(np.sum(np.square(x), axis=axis, keepdims=keepdims))
    scaled = np.ldexp(x, exponent)
    if (np.abs(x[x != 0]) < 1e-30).any() or (np.ldexp(scaled, -exponent) != x).any():
        return  # what is rounded to a subnormal number is another vector
    y = np.asarray(tl.norm(scaled, axis=axis, keepdims=keepdims))
    np.testing.assert_allclose(np.ldexp(y, -exponent), expected, rtol=1e-14)
    assert y.shape == np.shape(expected)


def test_lengths_with_zeros_infinities_and_nothing():
    x = np.array([[0.0, 0.0], [np.inf, 1.0], [np.nan, 1.0], [3.0, 4.0]])
    np.testing.assert_array_equal(tl.norm(x, axis=1), [0, np.inf, np.nan, 5])
    assert tl.norm(np.zeros((2, 0)), axis=1).tolist() == [0, 0]
    assert tl.norm(np.zeros((0, 2)), axis=1).shape == (0,)
    assert tl.norm(np.array(-3.0)).item() == 3


def test_both_derivatives_of_a_length_at_zero_are_zero():
    """PyTorch's second is NaN. Ours agrees with |x| in one dimension: slope 0 at 0, curvature 0."""
    x = leaf(np.zeros(3))
    (g,) = gradients(tl.norm(x), [x], create_graph=True)
    assert g.tolist() == [0, 0, 0]
    (gg,) = gradients((g * np.array([1.0, 2.0, 3.0])).sum(), [x])
    assert gg.tolist() == [0, 0, 0]


def test_the_second_derivative_of_a_length():
    check_gradients(lambda x: tl.norm(x, axis=1), np.array([[3.0, 4.0], [1e-3, 2e-3]]), order=2)


# --- sums of short numbers ------------------------------------------------------------------------

LONG = 70_000  # more than 65,504, the largest number of float16


@pytest.mark.parametrize("shape", [(LONG,), (LONG, 2), (2, LONG)])
def test_the_mean_of_many_short_numbers_has_a_gradient(shape):
    """faults.md E4: 0 for more than 65,504 elements. It is 1/n."""
    x = leaf(np.full(shape, 3.0), F16)
    y = x.mean()
    assert y.item() == 3
    y.backward()
    np.testing.assert_allclose(x.grad, np.full(shape, F16(1 / x.size)))
    assert x.grad[0].all()


TERM = 0.25
COUNT = 6000  # 6000 / 4 is 1500; added up in float16, ones stop at 2048 and these at 512


@pytest.mark.parametrize(
    "f",
    [
        lambda x: tl.sum(x, axis=0),
        lambda x: tl.sum(x, axis=0, keepdims=True)[0],
        lambda x: np.sum(x, axis=0),
        lambda x: x.T.sum(axis=1),
        lambda x: tl.mean(x, axis=0) * COUNT,
        lambda x: tl.cumsum(x, axis=0)[-1],
        lambda x: tl.nansum(x, axis=0),
        lambda x: tl.nanmean(x, axis=0) * COUNT,
        lambda x: tl.average(x, axis=0, weights=np.ones(COUNT, F16)) * COUNT,
        lambda x: tl.einsum("ij->j", x),
        lambda x: tl.einsum("ij,i->j", x, np.ones(COUNT, F16)),
        lambda x: np.ones(COUNT, F16) @ x,
        lambda x: tl.dot(np.ones(COUNT, F16), x),
        lambda x: tl.norm(x, axis=0, ord=1),
        lambda x: tl.square(tl.norm(x, axis=0)) / F16(TERM),
        lambda x: tl.exp(tl.logsumexp(x, axis=0) - F16(TERM)) * F16(TERM),
        lambda x: TERM / tl.softmax(x, axis=0)[0],
        lambda x: tl.exp(-tl.log_softmax(x, axis=0)[0]) * TERM,
        lambda x: tl.trace(tl.reshape(x[:, :1], (COUNT, 1)) * np.eye(1, dtype=F16)) * COUNT,
    ],
)
def test_short_numbers_are_added_up_in_float32(f):
    x = leaf(np.full((COUNT, 2), TERM), F16)
    y = f(x)
    assert y.dtype == F16
    np.testing.assert_allclose(y.data.astype(float).ravel()[0], COUNT * TERM, rtol=6e-3)


@pytest.mark.parametrize(
    "f",
    [
        lambda b: b + np.zeros((COUNT, 2), F16),
        lambda b: tl.broadcast_to(b, (COUNT, 2)),
        lambda b: tl.linear(np.zeros((COUNT, 3), F16), np.zeros((3, 2), F16), b),
        lambda b: tl.reshape(b, (1, 2)) * np.ones((COUNT, 1), F16),
        lambda b: tl.cumsum(tl.broadcast_to(b, (COUNT, 2)), axis=0)[-1:] * np.ones((1, 2), F16),
    ],
)
def test_gradients_of_short_numbers_are_added_up_in_float32(f):
    """A bias in float16 that 6000 rows used: each sends 1/4."""
    b = leaf(np.ones(2), F16)
    y = f(b)
    y.backward(np.full(y.shape, TERM if y.shape[0] > 1 else 1.0))
    expected = COUNT * TERM if y.shape[0] > 1 else COUNT
    np.testing.assert_allclose(b.grad.astype(float), [expected] * 2, rtol=2e-3)


def test_many_ties_in_short_numbers():
    for n in (3000, LONG):  # float16 cannot count to 3001, or 65,520
        x = leaf(np.ones(n), F16)
        x.max().backward(np.array(1024.0))
        np.testing.assert_allclose(x.grad.astype(float), np.full(n, 1024 / n), rtol=1e-3)


def test_softmax_sends_back_what_sums_to_zero_in_float16():
    x = leaf(np.zeros(COUNT), F16)
    g = np.where(np.arange(COUNT) < COUNT // 2, 1.0, 0.0)
    tl.softmax(x).backward(g)
    # y (g - mean of g) = (1 or 0 - 1/2) / n
    np.testing.assert_allclose(x.grad.astype(float), (g - 0.5) / COUNT, rtol=2e-3)


@pytest.mark.parametrize("ddof", [0, 1])
def test_the_deviation_of_short_numbers_whose_variance_is_out_of_range(ddof):
    """The variance of (-400, 400) is 160,000."""
    x = leaf([-400.0, 400.0, -400.0, 400.0], F16)
    y = tl.std(x, ddof=ddof)
    assert y.dtype == F16
    assert y.item() == np.float16(np.std(x.data.astype(float), ddof=ddof))
    y.backward()
    exact = leaf(x.data.astype(float))
    tl.std(exact, ddof=ddof).backward()
    np.testing.assert_allclose(x.grad, exact.grad, rtol=1e-3)
    assert tl.var(leaf(np.full(LONG, 2.0), F16)).item() == 0


def test_big_endian_numbers():
    """faults.md D1: max of a big-endian array."""
    x = Tensor(np.array([1.0, 3.0, 3.0], ">f8"), requires_grad=True)
    for f, expected in ((tl.max, [0, 0.5, 0.5]), (tl.mean, [1 / 3] * 3), (tl.norm, None)):
        x.zero_grad()
        f(x).backward()
        if expected:
            np.testing.assert_allclose(x.grad, expected)
        assert x.grad.dtype == x.dtype


# --- powers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_zero_to_a_negative_power(dtype):
    """0^b falls from inf as b grows: PyTorch's slope by b is -inf, and 0 for b >= 0."""
    a, b = np.zeros(4, dtype), leaf([-1.0, -0.5, 0.0, 2.0], dtype)
    with np.errstate(divide="ignore"):
        y = a**b
        y.sum().backward()
    np.testing.assert_array_equal(y.data, [np.inf, np.inf, 1, 0])
    np.testing.assert_array_equal(b.grad, [-np.inf, -np.inf, 0, 0])


def test_zero_to_a_negative_power_is_pytorchs():
    torch = pytest.importorskip("torch")
    exponents = [-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0]
    u = torch.tensor(exponents, dtype=torch.float64, requires_grad=True)
    (torch.zeros(7, dtype=torch.float64) ** u).sum().backward()
    b = leaf(exponents)
    with np.errstate(divide="ignore"):
        (np.zeros(7) ** b).sum().backward()
    np.testing.assert_array_equal(b.grad, u.grad)


# --- NaN: the gradient passes to what made it -----------------------------------------------------


@pytest.mark.parametrize(
    "f",
    [
        lambda x: tl.relu(x), lambda x: tl.leaky_relu(x, 0.5), lambda x: tl.clip(x, -1, 1),
        lambda x: tl.clip(x, 0, None), lambda x: tl.maximum(x, 0.0), lambda x: tl.minimum(0.0, x),
        lambda x: tl.absolute(x), lambda x: tl.softplus(x), lambda x: tl.max(x),
        lambda x: tl.norm(x), lambda x: tl.median(x),
    ],
)  # fmt: skip
def test_nan_does_not_stop_the_gradient(f):
    """faults.md A12: relu, clip, maximum gave the value NaN and the gradient 0."""
    x = leaf([np.nan, 2.0])
    with np.errstate(invalid="ignore"):
        y = f(x).sum()
        y.backward()
    assert np.isnan(y.item())
    assert x.grad[0] != 0


def test_relu_of_nan_is_pytorchs():
    torch = pytest.importorskip("torch")
    values = [np.nan, -1.0, 0.0, 2.0, np.inf, -np.inf]
    u = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    torch.relu(u).sum().backward()
    np.testing.assert_array_equal(grad_of(tl.relu, np.array(values)), u.grad)


# --- work and memory, counted rather than timed ---------------------------------------------------


@pytest.mark.parametrize("join", [tl.stack, tl.concatenate, tl.vstack, tl.hstack])
def test_many_arrays_are_joined_a_hundred_at_a_time(join):
    """faults.md D4: a rule is called with all inputs, so that n rules in one op cost n^2."""
    n = 10_101
    x = leaf(np.arange(3.0))
    y = join([x * 1.0 for _ in range(n)])
    assert y.size == 3 * n
    np.testing.assert_array_equal(y.data.ravel(), np.tile(np.arange(3.0), n))
    most, seen, waiting = 0, set(), [y]
    while waiting:
        node = waiting.pop()
        if node.origin and node not in seen:
            seen.add(node)
            _, inputs, _, _ = node.origin
            most = max(most, len(inputs))
            waiting += [t for t in inputs if isinstance(t, Tensor)]
    assert most <= 102
    y.backward(np.ones(y.shape))
    assert x.grad.tolist() == [n] * 3


PRODUCTS = [tl.matmul, lambda x, W: tl.linear(x, W, np.zeros(W.shape[1]))]


@pytest.mark.parametrize("shape", [(50, 4, 3), (2, 50, 4, 3), (0, 4, 3), (5, 0, 3), (5, 4, 0)])
@pytest.mark.parametrize("product", PRODUCTS)
def test_the_gradients_of_samples_and_weights(product, shape):
    """faults.md D5: (N, T, n) @ W."""
    rng = np.random.default_rng(0)
    x, W = leaf(rng.normal(size=shape)), leaf(rng.normal(size=(shape[-1], 2)))
    g = rng.normal(size=(*shape[:-1], 2))
    y = product(x, W)
    y.backward(g)
    np.testing.assert_allclose(y.data, np.matmul(x.data, W.data), atol=1e-12)
    rows = tuple(range(len(shape) - 1))
    np.testing.assert_allclose(W.grad, np.tensordot(x.data, g, (rows, rows)), atol=1e-12)
    np.testing.assert_allclose(x.grad, g @ W.data.T, atol=1e-12)


@pytest.mark.parametrize("product", PRODUCTS)
def test_no_weight_gradient_for_each_sample(product):
    """faults.md D5: there were N gradients of W, which were then added up.

    Of |X W|^2 / 2 the gradient is X'X W, and that of its product with V is X'X V.
    """
    rng = np.random.default_rng(0)
    x, W, V = rng.normal(size=(500, 1, 60)), leaf(rng.normal(size=(60, 60))), np.eye(60)
    tracemalloc.start()
    (first,) = gradients((product(x, W) ** 2).sum() / 2, [W], create_graph=True)
    (second,) = gradients((first * V).sum(), [W])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    gram = x[:, 0].T @ x[:, 0]
    np.testing.assert_allclose(first.data, gram @ W.data, atol=1e-9)
    np.testing.assert_allclose(second.data, gram @ V, atol=1e-9)
    assert peak < 500 * W.data.nbytes / 2


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4)])
def test_linear_takes_one_row_too(shape):
    """faults.md D1: with x of shape (n,) the backward pass failed."""
    rng = np.random.default_rng(0)
    x, W, b = rng.normal(size=shape), rng.normal(size=(4, 2)), rng.normal(size=2)
    check_gradients(tl.linear, x, W, b, order=2)


@pytest.mark.parametrize(
    ("W", "b"), [((2, 3, 4), (4,)), ((3, 4), (1, 4)), ((3, 4), (5, 4)), ((3, 4), ()), ((3,), (1,))]
)
def test_linear_refuses_other_shapes_before_it_computes(W, b):
    with pytest.raises(ValueError, match=r"linear: .*expected weights \(n, m\) and biases \(m,\)"):
        tl.linear(leaf(np.ones((2, 3))), leaf(np.ones(W)), leaf(np.ones(b)))
