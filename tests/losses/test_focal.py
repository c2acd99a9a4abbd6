"""Focal losses: against PyTorch's pieces, optax and what they are without focus."""

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from tinygrad_loss import Tensor, gradients
from tinygrad_loss.losses import (
    binary_cross_entropy_with_logits,
    binary_focal,
    cross_entropy,
    focal,
)

from .derivatives import (
    assert_same,
    assert_same_as_torch,
    binary_batches,
    class_batches,
    floats,
    ours,
    quickly,
    reductions,
)


def test_binary_focal_equals_optax():
    # optax 0.2.8 sigmoid_focal_loss, float64: (gamma, alpha), values, gradients
    recorded = [
        ((2.0, None),
         [2.766280441025, 0.0675734905175, 0.17328679514, 0.0675734905175, 3.874907237957],
         [-1.126749880635, 0.1379369973509, -0.29828679514, -0.1379369973509, 1.086395853085]),
        ((2.0, 0.25),
         [0.6915701102563, 0.05068011788813, 0.043321698785, 0.01689337262938, 2.906180428468],
         [-0.2816874701587, 0.1034527480132, -0.074571698785, -0.03448424933773, 0.8147968898136]),
        ((0.5, 0.75),
         [2.231563747238, 0.0728233662866, 0.3675968038007, 0.2184700988598, 0.9954625800194],
         [-0.7502005048841, 0.08065913321402, -0.3570642438951, -0.2419773996421, 0.252237890762]),
    ]  # fmt: skip
    for (gamma, alpha), values, slopes in recorded:
        logits = Tensor([-3.0, -0.5, 0.0, 0.5, 4.0], requires_grad=True)
        loss = binary_focal(logits, [1, 0, 1, 1, 0], gamma=gamma, alpha=alpha, reduction="none")
        np.testing.assert_allclose(loss.data, values, rtol=1e-12)
        loss.sum().backward()
        np.testing.assert_allclose(logits.grad, slopes, rtol=1e-12)


@quickly
@given(class_batches(), st.data(), st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.7]), reductions)
def test_focal_equals_its_textbook_form_in_pytorch(batch, data, gamma, reduction):
    torch = pytest.importorskip("torch")
    logits, target = batch
    alpha = data.draw(st.none() | floats((logits.shape[1],), 0.1, 1.0))

    def textbook(z):
        p = torch.softmax(z, -1)[torch.arange(len(target)), torch.tensor(target)]
        weight = 1.0 if alpha is None else torch.tensor(alpha)[torch.tensor(target)]
        losses = -weight * (1 - p) ** gamma * torch.log(p)
        return losses if reduction == "none" else getattr(losses, reduction)()

    assert_same_as_torch(
        torch,
        lambda z: focal(z, target, gamma=gamma, alpha=alpha, reduction=reduction),
        textbook,
        logits,
    )


@quickly
@given(
    binary_batches(), st.sampled_from([0.0, 0.5, 1.0, 2.0]), st.none() | st.floats(0, 1), reductions
)
def test_binary_focal_equals_its_textbook_form_in_pytorch(batch, gamma, alpha, reduction):
    torch = pytest.importorskip("torch")
    logits, target = batch

    def textbook(z):
        p, y = torch.sigmoid(z), torch.tensor(target)
        positive = -y * (1 - p) ** gamma * torch.log(p)
        negative = -(1 - y) * p**gamma * torch.log(1 - p)
        if alpha is not None:
            positive, negative = alpha * positive, (1 - alpha) * negative
        losses = positive + negative
        return losses if reduction == "none" else getattr(losses, reduction)()

    assert_same_as_torch(
        torch,
        lambda z: binary_focal(z, target, gamma=gamma, alpha=alpha, reduction=reduction),
        textbook,
        logits,
    )


@quickly
@given(class_batches(), binary_batches(), reductions)
def test_focal_with_gamma_0_is_cross_entropy(batch, binary_batch, reduction):
    logits, target = batch
    expected = ours(lambda z: cross_entropy(z, target, reduction=reduction), logits)
    assert_same(
        ours(lambda z: focal(z, target, gamma=0.0, reduction=reduction), logits), expected, 1e-13
    )
    logits, target = binary_batch
    expected = ours(
        lambda z: binary_cross_entropy_with_logits(z, target, reduction=reduction) / 2, logits
    )
    actual = ours(
        lambda z: binary_focal(z, target, gamma=0.0, alpha=0.5, reduction=reduction), logits
    )
    assert_same(actual, expected, 1e-13)


@pytest.mark.parametrize("gamma", [0.0, 0.25, 0.5, 1.0, 2.0])
def test_focal_on_saturated_correct_logits_is_0_and_not_nan(gamma):
    # where the derivative of the power (1 - p)^gamma is NaN (optax issue 1267, kornia issue 918)
    z = Tensor([[1000.0, -1000.0], [-40.0, 40.0]], requires_grad=True)
    loss = focal(z, [0, 1], gamma=gamma, reduction="none")
    (g,) = gradients(loss.sum(), [z], create_graph=True)
    (h,) = gradients(g.sum(), [z])
    np.testing.assert_allclose(loss.data, 0, atol=1e-30)
    np.testing.assert_allclose(g.data, 0, atol=1e-30)
    assert np.isfinite(h.data).all()
    z = Tensor([1000.0, -1000.0], requires_grad=True)
    loss = binary_focal(z, [1, 0], gamma=gamma, reduction="none")
    loss.sum().backward()
    np.testing.assert_array_equal(np.abs(loss.data), 0)
    np.testing.assert_array_equal(np.abs(z.grad), 0)


def test_alpha_of_a_quarter_weighs_positives_down():
    losses = binary_focal([0.0, 0.0], [1, 0], gamma=0.0, alpha=0.25, reduction="none")
    np.testing.assert_allclose(losses, [0.25 * math.log(2), 0.75 * math.log(2)], rtol=1e-15)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("lead", [-745.0, -30.0, -1.0, 0.0, 1.0, 30.0, 300.0])
def test_a_lead_costs_what_it_costs_one_logit(lead, gamma):
    # of two classes only the difference counts; binary_focal takes it as it is, without rounding
    two, one = Tensor([0.5, lead + 0.5], requires_grad=True), Tensor(lead, requires_grad=True)
    focal(two, 1, gamma=gamma).backward()
    binary_focal(one, 1.0, gamma=gamma).backward()
    np.testing.assert_allclose(two.grad, one.grad * np.array([-1, 1]), rtol=1e-14)
    assert focal(two.data, 1, gamma=gamma) == pytest.approx(
        binary_focal(lead, 1.0, gamma=gamma), rel=1e-14, abs=0
    )


def test_a_hopeless_class_has_the_gradient_of_the_others_softmax():
    z = Tensor([-1e10, -1.0, -2.0], requires_grad=True)
    focal(z, 0).backward()
    np.testing.assert_allclose(z.grad, [-1, 0.731058578630, 0.268941421370], rtol=1e-11)


# --- the ends of the range ------------------------------------------------------------------------

DTYPES = pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])


def exact_focal(z, y, gamma):
    """Value and gradient by the closed form, in long double, of the logits as they are."""
    z = z.astype(np.longdouble)
    e = np.exp(z - z.max())
    p, others = e / e.sum(), np.delete(z, y)
    log_p = z[y] - z.max() - np.log(e.sum())
    q = np.exp(others - z.max()).sum() / e.sum()
    slope = q**gamma * (gamma * p[y] * log_p / q - 1) if q else 0  # by log p_y
    return -(q**gamma) * log_p, slope * ((np.arange(len(z)) == y) - p)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize(
    ("dtype", "z"),
    [
        ("f2", [4096, 4096, 4096]),
        ("f2", [1001, 1002, 1000]),
        ("f4", [1e5, 1e5, 1e5]),
        ("f4", [-1e5 - 2, -1e5, -1e5 + 1]),
        ("f8", [745, 745, 745]),
        ("f8", [1e15, 1e15 + 1, 1e15 - 3]),
    ],
)
def test_focal_is_invariant_under_a_shift(dtype, z, gamma):
    """Closed form. float16 logits of 4096 gave 0.6934, where ln 3 is right."""
    for y in range(3):
        logits = Tensor(np.array(z, dtype), requires_grad=True)
        loss = focal(logits, y, gamma=gamma)
        loss.backward()
        value, slopes = exact_focal(logits.data, y, gamma)
        rounding = (4 if dtype == "f8" else 8) * float(np.finfo(dtype).eps)
        np.testing.assert_allclose(float(loss.item()), float(value), rtol=rounding)
        np.testing.assert_allclose(
            logits.grad.astype(float), slopes.astype(float), rtol=rounding, atol=rounding / 8
        )


@DTYPES
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_at_the_largest_logits(dtype, gamma):
    """No warnings; a lead beyond the range is infinite. A hopeless class costs -log p = s."""
    s = 0.6 * float(np.finfo(dtype).max)
    half = 2**-gamma
    slope = half * (1 + gamma * math.log(2)) / 2  # by the own logit at p = 1/2
    for row, y, value, slopes in [
        ([s, -s, 0], 0, 0, [0, 0, 0]),
        ([s, -s, 0], 1, np.inf, [1, -1, 0]),
        ([s, 0, -s], 1, s, [1, -1, 0]),
        ([-s, 0, 0], 0, s, [-1, 0.5, 0.5]),
        ([-s, s, s], 1, half * math.log(2), [0, -slope, slope]),
        ([-s, 0, 0], 1, half * math.log(2), [0, -slope, slope]),
    ]:
        z = Tensor(np.array(row, dtype), requires_grad=True)
        loss = focal(z, y, gamma=gamma)
        loss.backward()
        rounding = 8 * float(np.finfo(dtype).eps)
        np.testing.assert_allclose(float(loss.item()), value, rtol=rounding)
        np.testing.assert_allclose(z.grad.astype(float), slopes, rtol=rounding)


@DTYPES
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_binary_focal_at_the_largest_logits(dtype, gamma):
    s = 0.6 * float(np.finfo(dtype).max)
    z = Tensor(np.array([s, s, -s, -s, s], dtype), requires_grad=True)
    loss = binary_focal(z, [0, 1, 0, 1, 0.5], gamma=gamma, reduction="none")
    loss.backward(np.ones_like(loss.data))
    np.testing.assert_allclose(loss.data / z.data[0], [1, 0, 0, 1, 0.5], rtol=1e-3)
    np.testing.assert_allclose(z.grad, [1, 0, 0, -1, 0.5], rtol=1e-3)
