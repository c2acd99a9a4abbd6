"""Regression losses: against PyTorch, scikit-learn, optax and published numbers."""

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

from tinygrad_loss import Tensor
from tinygrad_loss.losses import (
    huber,
    log_cosh,
    mean_absolute_error,
    mean_squared_error,
    pinball,
    sum_squared_error,
)

from .derivatives import assert_same, assert_same_as_torch, floats, ours, reductions, shapes


@st.composite
def pairs(draw):
    """Predictions and targets of one shape; no error is 0, where |e| has no derivative."""
    shape = draw(shapes)
    pred, target = draw(floats(shape)), draw(floats(shape))
    assume((pred != target).all())
    return pred, target


def torch_loss(torch, name, options):
    """The same loss of PyTorch; the two that it lacks by their formulas."""
    functional = torch.nn.functional

    def reduced(losses, reduction):
        return losses if reduction == "none" else getattr(losses, reduction)()

    return {
        "sum_squared_error": lambda p, t, r: functional.mse_loss(p, t, reduction=r),
        "mean_squared_error": lambda p, t, r: functional.mse_loss(p, t, reduction=r),
        "mean_absolute_error": lambda p, t, r: functional.l1_loss(p, t, reduction=r),
        "huber": lambda p, t, r: functional.huber_loss(p, t, reduction=r, **options),
        "log_cosh": lambda p, t, r: reduced(torch.log(torch.cosh(p - t)), r),
        "pinball": lambda p, t, r: reduced(
            torch.maximum(options["quantile"] * (t - p), (options["quantile"] - 1) * (t - p)), r
        ),
    }[name]


@pytest.mark.parametrize(
    ("loss", "option"),
    [
        (sum_squared_error, {}),
        (mean_squared_error, {}),
        (mean_absolute_error, {}),
        (huber, {"delta": st.floats(0.1, 3.0)}),
        (log_cosh, {}),
        (pinball, {"quantile": st.floats(0.05, 0.95)}),
    ],
    ids=lambda x: getattr(x, "__name__", None) or "",
)
def test_equals_pytorch(loss, option):
    torch = pytest.importorskip("torch")

    @settings(max_examples=30, deadline=None)
    @given(pairs(), reductions, st.fixed_dictionaries(option))
    def check(pair, reduction, options):
        pred, target = pair
        if loss is huber:  # the second derivative jumps where |e| = delta
            assume((abs(abs(pred - target) - options["delta"]) > 1e-9).all())
        reference = torch_loss(torch, loss.__name__, options)
        assert_same_as_torch(
            torch,
            lambda p, t: loss(p, t, reduction=reduction, **options),
            lambda p, t: reference(p, t, reduction),
            pred,
            target,
        )

    check()


@settings(max_examples=30, deadline=None)
@given(floats((7, 2)), floats((7, 2)), st.floats(0.05, 0.95))
def test_equals_scikit_learn(pred, target, quantile):
    metrics = pytest.importorskip("sklearn.metrics")
    close = pytest.approx
    assert mean_squared_error(pred, target) == close(
        metrics.mean_squared_error(target, pred), abs=1e-12
    )
    assert mean_absolute_error(pred, target) == close(
        metrics.mean_absolute_error(target, pred), abs=1e-12
    )
    assert pinball(pred, target, quantile=quantile) == close(
        metrics.mean_pinball_loss(target, pred, alpha=quantile), abs=1e-12
    )


def test_equals_optax():
    # optax 0.2.8: log_cosh and huber_loss(delta=0.75), float64
    pred, target = [-3.0, -0.5, 0.0, 0.5, 4.0], [1.0, 0.0, 1.0, 1.0, 0.0]
    np.testing.assert_allclose(
        log_cosh(pred, target, reduction="none"),
        [3.307188225813, 0.1201145069583, 0.433780830483, 0.1201145069583, 3.307188225813],
        rtol=1e-12,
    )
    np.testing.assert_allclose(
        huber(pred, target, delta=0.75, reduction="none"),
        [2.71875, 0.125, 0.46875, 0.125, 2.71875],
        rtol=1e-15,
    )


def test_numbers_of_scikit_learns_user_guide():
    # mean_squared_error, mean_absolute_error and mean_pinball_loss, examples of their documentation
    target, pred = [3, -0.5, 2, 7], [2.5, 0.0, 2, 8]
    assert sum_squared_error(pred, target) == 1.5
    assert mean_squared_error(pred, target) == 0.375
    assert mean_absolute_error(pred, target) == 0.5
    assert pinball([0.0, 2, 3], [1, 2, 3], quantile=0.1) == pytest.approx(0.1 / 3)
    assert pinball([1.0, 2, 4], [1, 2, 3], quantile=0.1) == pytest.approx(0.3)


def test_the_sum_of_squares_is_not_averaged_unless_asked():
    pred, target = Tensor([1.0, 2.0, 4.0], requires_grad=True), [0.0, 0.0, 0.0]
    sum_squared_error(pred, target).backward()
    np.testing.assert_array_equal(pred.grad, [2.0, 4.0, 8.0])
    assert sum_squared_error(pred, target, reduction="mean").item() == 7.0


@pytest.mark.parametrize("quantile", [0.5, 0.9])
def test_gradient_is_0_at_the_kink_of_absolute_losses(quantile):
    for loss, options in [(mean_absolute_error, {}), (pinball, {"quantile": quantile})]:
        pred = Tensor([2.0], requires_grad=True)
        loss(pred, [2.0], **options).backward()
        assert pred.grad == 0


@settings(max_examples=30, deadline=None)
@given(pairs(), st.floats(0.1, 4.0))
def test_gradient_of_huber_is_the_clipped_error(pair, delta):
    pred = Tensor(pair[0], requires_grad=True)
    huber(pred, pair[1], delta=delta, reduction="sum").backward()
    assert_same([pred.grad], [np.clip(pair[0] - pair[1], -delta, delta)], 1e-13)


@settings(max_examples=30, deadline=None)
@given(pairs())
def test_gradient_of_log_cosh_is_tanh(pair):
    pred = Tensor(pair[0], requires_grad=True)
    log_cosh(pred, pair[1], reduction="sum").backward()
    assert_same([pred.grad], [np.tanh(pair[0] - pair[1])], 1e-13)


@settings(max_examples=30, deadline=None)
@given(pairs(), reductions)
def test_pinball_at_one_half_is_half_the_absolute_error(pair, reduction):
    pred, target = pair
    actual = ours(lambda p: pinball(p, target, quantile=0.5, reduction=reduction), pred)
    assert_same(
        actual, ours(lambda p: mean_absolute_error(p, target, reduction=reduction) / 2, pred), 1e-14
    )


def test_log_cosh_where_cosh_overflows():
    pred = Tensor([1000.0, -1000.0], requires_grad=True)
    loss = log_cosh(pred, [0.0, 0.0], reduction="none")
    np.testing.assert_allclose(loss.data, [999.306852819440] * 2, rtol=1e-14)  # 1000 - log 2
    loss.sum().backward()
    np.testing.assert_array_equal(pred.grad, [1.0, -1.0])


def test_minimisers_of_a_constant_prediction():
    # closed forms: the mean, the median, where the clipped errors and where tanh(c - x) sum to 0
    data = np.array([1.0, 2.0, 3.0, 4.0, 100.0])

    def minimizer(loss, **options):
        low, high = 0.0, 110.0
        for _ in range(60):  # the derivative of a convex function changes its sign once
            middle = Tensor((low + high) / 2, requires_grad=True)
            loss(middle * np.ones(5), data, **options).backward()
            low, high = (low, middle.item()) if middle.grad >= 0 else (middle.item(), high)
        return (low + high) / 2

    assert minimizer(mean_squared_error) == pytest.approx(22, abs=1e-8)
    assert minimizer(mean_absolute_error) == pytest.approx(3, abs=1e-8)
    assert minimizer(huber) == pytest.approx(3, abs=1e-8)
    assert minimizer(log_cosh) == pytest.approx(3.0188, abs=5e-5)
    assert minimizer(pinball, quantile=0.9) == pytest.approx(100, abs=1e-8)
