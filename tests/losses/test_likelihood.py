"""Negative log-likelihoods of numbers and counts: against SciPy and PyTorch."""

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_loss import Tensor, check_gradients
from tinygrad_loss.losses import gaussian_nll, mean_squared_error, poisson_nll

from .derivatives import assert_same_as_torch, floats, quickly, reductions, shapes
from .test_errors import raises


@st.composite
def normal(draw):
    """Mean, log-variance and target."""
    shape = draw(shapes)
    return draw(floats(shape)), draw(floats(shape, -4, 4)), draw(floats(shape))


@st.composite
def counted(draw):
    """Log-rates and counts."""
    shape = draw(shapes)
    return draw(floats(shape)), draw(hnp.arrays(np.int64, shape, elements=st.integers(0, 60)))


# --- numbers --------------------------------------------------------------------------------------


@quickly
@given(normal())
def test_gaussian_equals_scipy(sample):
    stats = pytest.importorskip("scipy.stats")
    mean, log_variance, target = sample
    expected = -stats.norm.logpdf(target, loc=mean, scale=np.exp(log_variance / 2))
    actual = gaussian_nll(mean, log_variance, target, reduction="none")
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-12)


@quickly
@given(normal(), reductions)
def test_gaussian_equals_pytorch(sample, reduction):
    # Theirs takes the variance, and adds log(2 pi)/2 only with full=True. Ours is smooth in the
    # logarithm; theirs clips the variance at 1e-6, which these are above.
    torch = pytest.importorskip("torch")
    assert_same_as_torch(
        torch,
        lambda m, s, t: gaussian_nll(m, s, t, reduction=reduction),
        lambda m, s, t: torch.nn.functional.gaussian_nll_loss(
            m, t, torch.exp(s), full=True, reduction=reduction
        ),
        *sample,
    )


def test_gaussian_gradients_by_differences():
    inputs = np.random.default_rng(0).standard_normal((3, 4, 2))
    check_gradients(gaussian_nll, *inputs, order=2)


def test_gaussian_with_a_variance_of_1_is_half_the_squared_error():
    mean, target = np.random.default_rng(0).standard_normal((2, 5))
    half = mean_squared_error(mean, target) / 2
    assert gaussian_nll(mean, np.zeros(5), target) == pytest.approx(
        half + math.log(2 * math.pi) / 2, rel=1e-14
    )


def test_the_best_constant_variance_is_the_mean_squared_error():
    target = np.array([1.0, -2.0, 4.0, 0.5])
    s = Tensor(math.log((target**2).mean()), requires_grad=True)
    gaussian_nll(np.zeros(4), s * np.ones(4), target).backward()
    assert s.grad == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_gaussian_far_out_does_not_overflow_before_it_must(dtype):
    # the square of the error leaves the range, that of the standardized error does not
    far = {np.float16: 300.0, np.float32: 1e20, np.float64: 1e200}[dtype]
    s = Tensor(np.array([2 * math.log(far)], dtype), requires_grad=True)
    loss = gaussian_nll(Tensor(np.zeros(1, dtype)), s, np.array([far]))
    expected = math.log(far) + 1 / 2 + math.log(2 * math.pi) / 2
    assert loss.dtype == dtype
    assert loss.item() == pytest.approx(expected, rel=40 * float(np.finfo(dtype).eps))
    loss.backward()
    assert np.isfinite(s.grad).all()


def test_gaussian_errors():
    with raises("gaussian_nll: mean has shape (4, 1) but log_variance has shape (4,); they must"):
        gaussian_nll(np.zeros((4, 1)), np.zeros(4), np.zeros((4, 1)))
    with raises("gaussian_nll: mean has shape (4, 1) but target has shape (4,)", "target.reshape("):
        gaussian_nll(np.zeros((4, 1)), np.zeros((4, 1)), np.zeros(4))


# --- counts ---------------------------------------------------------------------------------------


@quickly
@given(counted())
def test_poisson_equals_scipy(sample):
    stats = pytest.importorskip("scipy.stats")
    log_rate, target = sample
    expected = -stats.poisson.logpmf(target, np.exp(log_rate))
    actual = poisson_nll(log_rate, target, reduction="none")
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-12)


@quickly
@given(counted(), reductions)
def test_poisson_equals_pytorch(sample, reduction):
    # Theirs leaves out log t!; with full=True it is Stirling's approximation, off by up to 0.08.
    torch = pytest.importorskip("torch")
    log_rate, target = sample
    t = torch.tensor(target, dtype=torch.float64)

    def theirs(z):
        each = torch.nn.functional.poisson_nll_loss(z, t, log_input=True, reduction="none")
        each = each + torch.lgamma(t + 1)
        return each if reduction == "none" else getattr(each, reduction)()

    assert_same_as_torch(
        torch, lambda z: poisson_nll(z, target, reduction=reduction), theirs, log_rate
    )


def test_poisson_gradients_by_differences():
    rng = np.random.default_rng(0)
    target = rng.poisson(3.0, (4, 2))
    check_gradients(lambda z: poisson_nll(z, target), rng.standard_normal((4, 2)), order=2)


def test_logarithms_of_factorials_are_those_of_python():
    n = [0, 1, 2, 5, 20, 100]
    exact = [math.log(math.factorial(k)) + 1 for k in n]  # exp(0) - 0 t + log t!
    np.testing.assert_allclose(
        poisson_nll(np.zeros(6), n, reduction="none"), exact, rtol=1e-15, atol=0
    )
    assert poisson_nll(0.0, 5) == pytest.approx(math.log(120) + 1, rel=1e-15)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_poisson_keeps_the_dtype(dtype):
    z = Tensor(np.array([0.5, 1.0], dtype), requires_grad=True)
    loss = poisson_nll(z, np.array([3, 0], np.uint8))
    assert loss.dtype == dtype
    loss.backward()
    np.testing.assert_allclose(
        z.grad, (np.exp([0.5, 1.0]) - [3, 0]) / 2, rtol=4 * np.finfo(dtype).eps
    )


@pytest.mark.parametrize("wrong", [-1.0, 0.5, np.nan, np.inf])
def test_targets_that_are_no_counts(wrong):
    with raises(f"poisson_nll: target holds {wrong:g}; expected counts, whole numbers >= 0."):
        poisson_nll(np.zeros(2), [1.0, wrong])


def test_poisson_has_no_gradient_for_its_target():
    with raises("poisson_nll: target requires grad, but is a constant", kind=TypeError):
        poisson_nll(*[Tensor([1.0], requires_grad=True) for _ in range(2)])
    with raises("poisson_nll: log_rate has shape (2,) but target has shape (2, 1); they must"):
        poisson_nll(np.zeros(2), np.ones((2, 1)))


@pytest.mark.parametrize(("dtype", "lowest"), [("f2", -30), ("f4", -200), ("f8", -1e4)])
def test_a_sure_and_right_prediction_has_a_finite_likelihood(dtype, lowest):
    mean, log_variance = (Tensor(np.array([x], dtype), requires_grad=True) for x in (1.0, lowest))
    loss = gaussian_nll(mean, log_variance, [1.0])
    loss.backward()
    assert loss.item() == pytest.approx(lowest / 2 + np.log(2 * np.pi) / 2, rel=1e-2)
    assert (mean.grad.item(), log_variance.grad.item()) == (0, 0.5)


@pytest.mark.parametrize("log_variance", [0.0, 9.0, -2.0])
def test_the_gradient_of_log_variance_in_float16(log_variance):
    """(1 - z^2)/2, where z^2 itself is out of range: at z = 300 it was -inf."""
    z = 300.0
    mean = Tensor(np.array([z * np.exp(log_variance / 2)], "f2"), requires_grad=True)
    s = Tensor(np.array([log_variance], "f2"), requires_grad=True)
    loss = gaussian_nll(mean, s, [0.0])
    loss.backward()
    assert loss.item() == pytest.approx(z**2 / 2, rel=5e-3)
    assert s.grad.item() == pytest.approx((1 - z**2) / 2, rel=5e-3)
    assert mean.grad.item() == pytest.approx(z / np.exp(log_variance / 2), rel=5e-3)
    assert {loss.dtype, s.grad.dtype, mean.grad.dtype} == {np.dtype(np.float16)}
