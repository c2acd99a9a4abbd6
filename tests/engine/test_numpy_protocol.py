"""NumPy's functions and operators on Tensors: the same as ops and methods, in either order."""

import operator

import numpy as np
import pytest

import tinygrad_loss
from tinygrad_loss import Tensor, gradients
from tinygrad_loss.engine import functions, ops, products

from ..op_inputs import real

X = np.random.default_rng(0).uniform(0.3, 2, (3, 4))

# name: (NumPy function, op, method or None), each a function of one Tensor
SAME = {
    "abs": (np.abs, ops.absolute, lambda t: t.abs()),
    "absolute": (np.absolute, ops.absolute, abs),
    "negative": (np.negative, ops.negative, operator.neg),
    "exp": (np.exp, ops.exp, lambda t: t.exp()),
    "expm1": (np.expm1, ops.expm1, lambda t: t.expm1()),
    "log": (np.log, ops.log, lambda t: t.log()),
    "log1p": (np.log1p, ops.log1p, lambda t: t.log1p()),
    "log2": (np.log2, ops.log2, lambda t: t.log2()),
    "log10": (np.log10, ops.log10, lambda t: t.log10()),
    "sqrt": (np.sqrt, ops.sqrt, lambda t: t.sqrt()),
    "square": (np.square, ops.square, lambda t: t.square()),
    "sin": (np.sin, ops.sin, lambda t: t.sin()),
    "cos": (np.cos, ops.cos, lambda t: t.cos()),
    "tan": (np.tan, ops.tan, None),
    "arctan": (np.arctan, ops.arctan, None),
    "sinh": (np.sinh, ops.sinh, None),
    "cosh": (np.cosh, ops.cosh, None),
    "tanh": (np.tanh, ops.tanh, lambda t: t.tanh()),
    "reciprocal": (np.reciprocal, functions.reciprocal, None),
    "clip": (
        lambda t: np.clip(t, 0.5, 1.5),
        lambda t: ops.clip(t, 0.5, 1.5),
        lambda t: t.clip(0.5, 1.5),
    ),
    "clip-named": (
        lambda t: np.clip(t, a_min=0.5, a_max=1.5),
        lambda t: ops.clip(t, min=0.5, max=1.5),
        lambda t: t.clip(min=0.5, max=1.5),
    ),
    "sum": (np.sum, ops.sum, lambda t: t.sum()),
    "sum-axis": (
        lambda t: np.sum(t, axis=0, keepdims=True),
        lambda t: ops.sum(t, axis=0, keepdims=True),
        lambda t: t.sum(axis=0, keepdims=True),
    ),
    "sum-positional": (lambda t: np.sum(t, 1), lambda t: ops.sum(t, 1), lambda t: t.sum(1)),
    "mean": (
        lambda t: np.mean(t, axis=-1),
        lambda t: ops.mean(t, axis=-1),
        lambda t: t.mean(axis=-1),
    ),
    "max": (lambda t: np.max(t, axis=0), lambda t: ops.max(t, axis=0), lambda t: t.max(axis=0)),
    "amax": (np.amax, ops.max, lambda t: t.max()),
    "min": (lambda t: np.min(t, axis=1), lambda t: ops.min(t, axis=1), lambda t: t.min(axis=1)),
    "amin": (np.amin, ops.min, lambda t: t.min()),
    "var": (
        lambda t: np.var(t, axis=0, ddof=1),
        lambda t: functions.var(t, axis=0, ddof=1),
        lambda t: t.var(axis=0, ddof=1),
    ),
    "std": (np.std, functions.std, lambda t: t.std()),
    "prod": (
        lambda t: np.prod(t, axis=1),
        lambda t: functions.prod(t, axis=1),
        lambda t: t.prod(axis=1),
    ),
    "norm": (
        lambda t: np.linalg.norm(t, axis=1),
        lambda t: functions.norm(t, axis=1),
        lambda t: t.norm(axis=1),
    ),
    "reshape": (
        lambda t: np.reshape(t, (4, 3)),
        lambda t: ops.reshape(t, (4, 3)),
        lambda t: t.reshape(4, 3),
    ),
    "reshape-tuple": (
        lambda t: np.reshape(t, -1),
        lambda t: ops.reshape(t, -1),
        lambda t: t.reshape((-1,)),
    ),
    "transpose": (np.transpose, ops.transpose, lambda t: t.T),
    "transpose-axes": (
        lambda t: np.transpose(t, (1, 0)),
        lambda t: ops.transpose(t, (1, 0)),
        lambda t: t.transpose(1, 0),
    ),
    "swapaxes": (
        lambda t: np.swapaxes(t, 0, 1),
        lambda t: ops.swapaxes(t, 0, 1),
        lambda t: t.swapaxes(0, 1),
    ),
    "expand_dims": (
        lambda t: np.expand_dims(t, 1),
        lambda t: ops.expand_dims(t, 1),
        lambda t: t.expand_dims(1),
    ),
    "expand_dims-index": (
        lambda t: np.expand_dims(t, 1),
        lambda t: ops.expand_dims(t, 1),
        lambda t: t[:, None],
    ),
    "squeeze": (
        lambda t: np.squeeze(t[:, :1], axis=1),
        lambda t: ops.squeeze(t[:, :1], axis=1),
        lambda t: t[:, :1].squeeze(axis=1),
    ),
    "broadcast_to": (
        lambda t: np.broadcast_to(t, (2, 3, 4)),
        lambda t: ops.broadcast_to(t, (2, 3, 4)),
        lambda t: t.broadcast_to((2, 3, 4)),
    ),
    "concatenate": (
        lambda t: np.concatenate([t, X, t]),
        lambda t: ops.concatenate([t, X, t]),
        None,
    ),
    "stack": (lambda t: np.stack([X, t], 1), lambda t: functions.stack([X, t], 1), None),
    "where": (
        lambda t: np.where(X > 1, t, 0),
        lambda t: ops.where(X > 1, t, 0),
        None,
    ),
    "add": (lambda t: np.add(X, t), lambda t: ops.add(X, t), lambda t: X + t),
    "subtract": (lambda t: np.subtract(t, 1), lambda t: ops.subtract(t, 1), lambda t: t - 1),
    "multiply": (lambda t: np.multiply(X, t), lambda t: ops.multiply(X, t), lambda t: X * t),
    "divide": (lambda t: np.divide(X, t), lambda t: ops.divide(X, t), lambda t: X / t),
    "power": (lambda t: np.power(t, X), lambda t: ops.power(t, X), lambda t: t**X),
    "maximum": (lambda t: np.maximum(t, 1), lambda t: ops.maximum(t, 1), lambda t: t.maximum(1)),
    "minimum": (lambda t: np.minimum(1, t), lambda t: ops.minimum(1, t), lambda t: t.minimum(1)),
    "logaddexp": (
        lambda t: np.logaddexp(t, X),
        lambda t: ops.logaddexp(t, X),
        lambda t: t.logaddexp(X),
    ),
    "matmul": (lambda t: np.matmul(X.T, t), lambda t: products.matmul(X.T, t), lambda t: X.T @ t),
}


def value_and_gradient(f):
    t = Tensor(X, requires_grad=True)
    y = f(t)
    assert isinstance(y, Tensor)
    assert y.requires_grad
    return y.data, gradients(y, [t], np.ones(y.shape))[0].data


@pytest.mark.parametrize("name", SAME)
def test_numpys_function_the_op_and_the_method_are_the_same(name):
    expected = value_and_gradient(SAME[name][1])
    for f in SAME[name]:
        if f is not None:
            for got, wanted in zip(value_and_gradient(f), expected, strict=True):
                np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("name", SAME)
def test_on_arrays_numpys_function_gives_the_same_value(name):
    numpys, op, _ = SAME[name]
    np.testing.assert_allclose(op(X), numpys(X), rtol=1e-15)
    assert not isinstance(op(X), Tensor)


@pytest.mark.parametrize(
    "name",
    [
        "sigmoid",
        "relu",
        "leaky_relu",
        "softplus",
        "erf",
        "softmax",
        "log_softmax",
        "logsumexp",
        "gelu",
    ],
)
def test_methods_of_what_numpy_lacks(name):
    f = getattr(tinygrad_loss, name)
    for got, wanted in zip(
        value_and_gradient(lambda t: getattr(t, name)()), value_and_gradient(f), strict=True
    ):
        np.testing.assert_array_equal(got, wanted)


OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]
OTHERS = [
    2,
    2.5,
    np.float64(1.5),
    np.array(1.5),
    np.array([0.5, 1.0, 1.5, 2.0]),
    np.full((3, 1), 2.0),
    [1.0, 2.0, 3.0, 4.0],
]


@pytest.mark.parametrize("other", OTHERS, ids=repr)
@pytest.mark.parametrize("op", OPERATORS)
def test_operators_in_both_orders(op, other):
    """Trap 20: never an object array, never a lost gradient."""
    for f in (lambda t: op(t, other), lambda t: op(other, t)):
        y, g = value_and_gradient(f)
        assert y.dtype == np.float64
        np.testing.assert_array_equal(y, f(X))
        assert g.shape == X.shape
        h = 1e-6
        np.testing.assert_allclose(g, (f(X + h) - f(X - h)) / (2 * h), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("other", OTHERS, ids=repr)
@pytest.mark.parametrize("op", OPERATORS)
def test_operators_record_second_derivatives(op, other):
    for f in (lambda t: op(t, other), lambda t: op(other, t)):
        t = Tensor(X, requires_grad=True)
        (first,) = gradients(f(t).sum(), [t], create_graph=True)
        h = 1e-4
        expected = (f(X + h) - 2 * f(X) + f(X - h)) / h**2
        second = gradients(first.sum(), [t])[0].data if first.requires_grad else np.zeros_like(X)
        np.testing.assert_allclose(second, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("op", OPERATORS)
def test_python_numbers_do_not_widen_the_dtype(op, dtype):
    """Trap 10."""
    t = Tensor(X.astype(dtype), requires_grad=True)
    for y in (op(t, 2), op(2, t), op(t, 0.5), op(0.5, t), op(t, t)):
        assert y.dtype == dtype
        (y * 0.5).sum().backward()
        assert t.grad.dtype == dtype


def test_matmul_in_both_orders():
    w = Tensor(np.ones((4, 2)), requires_grad=True)
    for y in (X @ w, np.matmul(X, w)):
        assert isinstance(y, Tensor)
        np.testing.assert_array_equal(y.data, X @ np.ones((4, 2)))
    assert isinstance(w @ np.ones((2, 3)), Tensor)
    assert (w.T @ [1.0, 1.0, 1.0, 1.0]).data.tolist() == [4, 4]
    assert ([[1.0, 1.0, 1.0, 1.0]] @ w).data.tolist() == [[4, 4]]


@pytest.mark.parametrize("compare", [operator.lt, operator.le, operator.gt, operator.ge])
def test_comparisons_give_plain_booleans(compare):
    t, u = Tensor(X, requires_grad=True), Tensor(X[::-1])
    for got, expected in (
        (compare(t, u), compare(X, X[::-1])),
        (compare(t, 1.0), compare(X, 1.0)),
        (compare(1.0, t), compare(1.0, X)),
        (compare(X[0], t), compare(X[0], X)),
    ):
        assert type(got) is np.ndarray
        assert got.dtype == bool
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(
    "f",
    [
        np.argmax,
        np.argmin,
        np.nanargmax,
        np.nanargmin,
        np.sign,
        np.floor,
        np.trunc,
        np.round,
        np.around,
        np.isfinite,
        np.isnan,
        np.argsort,
        np.shape,
        np.ndim,
        np.argwhere,
        np.flatnonzero,
        np.nonzero,
        lambda x: np.floor_divide(x, 0.3),
        lambda x: np.floor_divide(1.0, x),
        lambda x: np.argpartition(x, 1),
        lambda x: np.searchsorted([0.5, 1.0], x),
        lambda x: np.searchsorted(np.sort(x[0]), 1.0),
        lambda x: np.digitize(x, [0.5, 1.0]),
        lambda x: np.logical_xor(x > 1, x),
    ],
)
def test_functions_without_a_gradient_give_plain_arrays(f):
    t = Tensor(X, requires_grad=True)
    assert not isinstance(f(t), Tensor)
    np.testing.assert_array_equal(f(t), f(X))


def test_argmax_along_an_axis():
    t = Tensor(X, requires_grad=True)
    assert t.argmax() == X.argmax()
    assert t.argmax(axis=1).tolist() == X.argmax(axis=1).tolist()
    assert np.argmin(t, axis=0).tolist() == X.argmin(axis=0).tolist()


def test_zeros_like_and_allclose():
    t = Tensor(X, requires_grad=True)
    assert type(np.zeros_like(t)) is np.ndarray
    assert np.allclose(t, X)
    assert np.array_equal(t, t)


def test_zero_dimensional_results_are_arrays():
    """Trap 9: NumPy's scalars have no place to be written in."""
    t = Tensor(np.ones(()), requires_grad=True)
    for y in (
        t * 2,
        t + t,
        ops.exp(t),
        t.sum(),
        Tensor([1.0, 2.0])[0],
        Tensor([1.0]) @ Tensor([2.0]),
    ):
        assert type(y.data) is np.ndarray
        assert y.shape == ()
    (t * 2).backward()
    assert type(t.grad) is np.ndarray


def test_a_loss_written_in_numpy_differentiates():
    """The whole of a logistic regression, in NumPy's names, against the formula X^T (p - y) / n."""
    rng = np.random.default_rng(0)
    data, labels = rng.normal(size=(10, 3)), rng.integers(0, 2, 10)
    w = Tensor(real(rng, 3), requires_grad=True)
    p = 1 / (1 + np.exp(-(data @ w)))
    loss = -np.mean(np.where(labels == 1, np.log(p), np.log(1 - p)))
    loss.backward()
    np.testing.assert_allclose(w.grad, data.T @ (p.data - labels) / 10, rtol=1e-12)
