"""faults.md F6: clipping by the norm of all gradients together, as PyTorch; and closed forms."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from tinygrad_loss import Tensor, mean_squared_error
from tinygrad_loss.nn import MLP
from tinygrad_loss.optim import SGD, clip_grad_norm


def with_gradients(*gradients):
    params = []
    for i, g in enumerate(gradients):
        dtype = getattr(g, "dtype", float)
        params.append(Tensor(np.zeros(np.shape(g)), True, dtype=dtype, name=f"p{i}"))
        params[-1].grad = g
    return params


shapes = st.lists(st.sampled_from([(3, 4), (4,), (), (0, 2), (2, 1, 3)]), min_size=1, max_size=4)


@settings(max_examples=50, deadline=None)
@given(shapes, st.integers(0, 99), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_as_pytorch_clips(shapes, seed, size, max_norm):
    """PyTorch adds 1e-6 to the norm, so that it scales by up to 1e-6 / norm less."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    params = with_gradients(*(np.asarray(size * rng.standard_normal(s)) for s in shapes))
    twins = [torch.zeros(p.shape, dtype=torch.float64, requires_grad=True) for p in params]
    for p, twin in zip(params, twins, strict=True):
        twin.grad = torch.tensor(p.grad)
    theirs = torch.nn.utils.clip_grad_norm_(twins, max_norm).item()
    ours = clip_grad_norm(params, max_norm)
    assert type(ours) is float
    assert ours == pytest.approx(theirs, rel=1e-12)
    tolerance = 2e-6 / (theirs or 1.0) + 1e-12
    for p, twin in zip(params, twins, strict=True):
        np.testing.assert_allclose(p.grad, twin.grad.numpy(), rtol=tolerance)


def test_the_norm_of_all_together_is_at_most_max_norm():
    a, b = np.array([3.0, 0.0]), np.array([[4.0]])
    params = with_gradients(a, b)
    assert clip_grad_norm(params, 1) == 5.0
    np.testing.assert_allclose([*a, *b[0]], [0.6, 0.0, 0.8], rtol=1e-15)
    assert params[0].grad is a  # in place
    assert clip_grad_norm(params, 1.5) == pytest.approx(1.0)
    np.testing.assert_allclose([*a, *b[0]], [0.6, 0.0, 0.8], rtol=1e-15)  # it never scales up


@pytest.mark.parametrize(
    ("dtype", "size"),
    [
        (np.float16, 300.0), (np.float16, 6e4), (np.float16, 6e-8), (np.float16, 1e-4),
        (np.float32, 1e20), (np.float32, 1e-25), (np.float32, 3e38), (np.float32, 1e-45),
        (np.float64, 1e200), (np.float64, 1e-200), (np.float64, 1e-310), (np.longdouble, 1e200),
    ],
)  # fmt: skip
def test_norms_whose_squares_leave_the_range_are_exact(dtype, size):
    """faults.md E1: |(3, 4)| s / 4 = 5 s / 4."""
    g = np.array([0.75, 1.0]) * size
    g = g.astype(dtype)
    expected = math.hypot(*map(float, g))
    params = with_gradients(g.copy())
    assert clip_grad_norm(params, math.inf) == pytest.approx(expected, rel=1e-12, abs=0)
    np.testing.assert_array_equal(params[0].grad, g)
    assert clip_grad_norm(params, expected / 4) == pytest.approx(expected, rel=1e-12, abs=0)
    assert params[0].grad.dtype == dtype
    smallest = float(np.finfo(dtype).smallest_subnormal)
    np.testing.assert_allclose(
        params[0].grad.astype(float), g.astype(float) / 4, rtol=1e-3, atol=smallest
    )


def test_a_norm_beyond_the_range_still_clips():
    params = with_gradients(np.full(4, 1.5e308))
    assert clip_grad_norm(params, 2.0) == math.inf  # 3e308
    np.testing.assert_allclose(params[0].grad, 1.0)


def test_a_factor_that_float16_does_not_have():
    """1e-3 / 60000 is below its smallest number, 6e-8; the product, 1e-3, is not."""
    params = with_gradients(np.array([60000.0], np.float16))
    assert clip_grad_norm(params, 1e-3) == 60000
    np.testing.assert_allclose(params[0].grad, [1e-3], rtol=1e-3)


def test_many_elements_of_float16_are_counted():
    params = with_gradients(np.ones(100_000, np.float16))
    assert clip_grad_norm(params, 1.0) == pytest.approx(math.sqrt(100_000))


def test_gradients_of_zero_stay():
    params = with_gradients(np.zeros(3), np.zeros((0, 2)))
    assert clip_grad_norm(params, 1.0) == 0.0
    np.testing.assert_array_equal(params[0].grad, np.zeros(3))


def test_parameters_in_any_nest_some_without_gradients():
    a, b, c = with_gradients(np.array([3.0]), np.array([4.0]), None)
    assert clip_grad_norm({"layers": [(a, c)], "scale": b}, 1.0) == 5.0
    assert clip_grad_norm((p for p in (a, b)), 1.0) == pytest.approx(1.0)
    assert c.grad is None


def test_gradients_that_can_not_be_written_into_are_replaced():
    """A number of NumPy's, as p.grad * 0.5 is without dimensions; an array that is read-only."""
    a, b = with_gradients(np.float64(3.0), np.broadcast_to(np.float64(4.0), (1,)))
    assert clip_grad_norm([a, b], 1.0) == 5.0
    np.testing.assert_allclose([a.grad, b.grad[0]], [0.6, 0.8])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda p: (p, 0), ValueError, r"max_norm is 0; expected a number in \(0"),
        (lambda p: (p, -1.0), ValueError, "max_norm is -1"),
        (lambda p: (p, math.nan), ValueError, "max_norm is nan"),
        (lambda p: (p, -math.inf), ValueError, "max_norm is -inf"),
        (lambda p: (p, "1"), TypeError, "max_norm is '1'; expected a number"),
        (lambda p: (p, None), TypeError, "max_norm is None"),
        (lambda p: (p, True), TypeError, "max_norm is True"),
        (lambda p: ([], 1), ValueError, "params is empty"),
        (lambda p: (p[0], 1), TypeError, "params is a Tensor; expected a list"),
        (lambda p: (MLP([1, 1], rng=np.random.default_rng(0)), 1), TypeError, r"\.parameters\(\)"),
        (lambda p: ([*p, Tensor([1.0])], 1), ValueError, r"params\[2\] does not require grad"),
        (lambda p: ([*p, p[0].grad], 1), TypeError, r"params\[2\] is ndarray"),
        (lambda p: ([*p, p[0] * 2], 1), ValueError, r"params\[2\] was computed by multiply"),
        (lambda p: ([*p, p[0]], 1), ValueError, r"params\[2\] is the same Tensor as params\[0\]"),
    ],
)
def test_errors_teach_and_change_nothing(make, error, message):
    params = with_gradients(np.array([30.0]), np.array([40.0]))
    with pytest.raises(error, match=f"^clip_grad_norm: .*{message}"):
        clip_grad_norm(*make(params))
    assert [p.grad.item() for p in params] == [30.0, 40.0]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_gradients_that_are_not_finite_are_refused_by_name(value):
    """PyTorch scales all to NaN (or 0 and NaN), in silence; error_if_nonfinite raises there too."""
    params = with_gradients(np.array([30.0]), np.array([1.0, value]))
    with pytest.raises(FloatingPointError, match=r"params\[1\] \(p1\) holds (nan|inf).*detect_ano"):
        clip_grad_norm(params, 1.0)
    np.testing.assert_array_equal(params[0].grad, [30.0])
    np.testing.assert_array_equal(params[1].grad, [1.0, value])


@pytest.mark.parametrize("g", [[40.0], 40.0, Tensor([40.0]), np.array([40]), np.ones((2, 2))])
def test_wrong_gradients_are_refused_by_name(g):
    params = with_gradients(np.array([30.0]), np.array([40.0]))
    params[1].grad = g
    with pytest.raises((TypeError, ValueError), match=r"clip_grad_norm: .*params\[1\] \(p1\)"):
        clip_grad_norm(params, 1.0)
    assert params[0].grad.item() == 30.0


def test_an_array_that_two_parameters_share_is_scaled_once():
    g = np.array([3.0, 4.0])
    params = with_gradients(g, g)
    assert clip_grad_norm(params, math.sqrt(0.5)) == pytest.approx(math.sqrt(50))
    np.testing.assert_allclose(g, [0.3, 0.4])


def test_no_gradient_at_all_is_refused():
    params = with_gradients(np.ones(2), np.ones(2))
    for p in params:
        p.zero_grad()
    with pytest.raises(
        RuntimeError, match=r"clip_grad_norm: no parameter has a grad.*backward\(\)"
    ):
        clip_grad_norm(params, 1.0)


def test_a_step_after_clipping_is_as_long_as_lr_times_max_norm():
    model = MLP([2, 3, 1], rng=np.random.default_rng(0))
    optimizer = SGD(model.parameters(), lr=0.5)
    mean_squared_error(model(np.ones((4, 2))) * 100, np.ones((4, 1))).backward()
    assert clip_grad_norm(model.parameters(), 0.25) > 0.25
    before = [p.data.copy() for p in model.parameters()]
    optimizer.step()
    moved = [(p.data - a).ravel() for p, a in zip(model.parameters(), before, strict=True)]
    assert np.linalg.norm(np.concatenate(moved)) == pytest.approx(0.125)
