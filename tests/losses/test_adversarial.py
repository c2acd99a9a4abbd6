"""Adversarial losses: against PyTorch and closed forms; the gradient penalty to second order."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from tinygrad_loss import Tensor, no_grad, tanh
from tinygrad_loss.inspection.check import check_gradients
from tinygrad_loss.losses import (
    discriminator,
    generator_minimax,
    generator_non_saturating,
    gradient_penalty,
    hinge_discriminator,
    hinge_generator,
    least_squares_discriminator,
    least_squares_generator,
    wasserstein_critic,
    wasserstein_generator,
)

from .derivatives import assert_same_as_torch, floats, reductions

quickly = settings(max_examples=20, deadline=None)
logits = floats((5,)).map(lambda f: f + 1e-4)  # not exactly on a kink


def test_each_equals_its_formula_in_pytorch():
    torch = pytest.importorskip("torch")
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    relu, sigmoid = torch.relu, torch.sigmoid
    of_two = {
        discriminator: lambda r, f: (
            bce(r, torch.ones_like(r), reduction="none"),
            bce(f, torch.zeros_like(f), reduction="none"),
        ),
        wasserstein_critic: lambda r, f: (-r, f),
        least_squares_discriminator: lambda r, f: ((r - 1) ** 2 / 2, f**2 / 2),
        hinge_discriminator: lambda r, f: (relu(1 - r), relu(1 + f)),
    }
    of_one = {
        generator_minimax: lambda f: torch.log(1 - sigmoid(f)),
        generator_non_saturating: lambda f: bce(f, torch.ones_like(f), reduction="none"),
        wasserstein_generator: lambda f: -f,
        least_squares_generator: lambda f: (f - 1) ** 2 / 2,
        hinge_generator: lambda f: -f,
    }

    @quickly
    @given(logits, logits, reductions)
    def check(real, fake, reduction):
        def reduced(losses):
            return losses if reduction == "none" else getattr(losses, reduction)()

        for loss, reference in of_two.items():
            assert_same_as_torch(
                torch,
                lambda r, f, loss=loss: loss(r, f, reduction=reduction),
                lambda r, f, reference=reference: sum(map(reduced, reference(r, f))),
                real,
                fake,
            )
        for loss, reference in of_one.items():
            assert_same_as_torch(
                torch,
                lambda f, loss=loss: loss(f, reduction=reduction),
                lambda f, reference=reference: reduced(reference(f)),
                fake,
            )

    check()


def test_batches_of_different_sizes_are_averaged_apart():
    real, fake = np.zeros(7), np.zeros((3, 1))
    assert discriminator(real, fake) == pytest.approx(2 * math.log(2), rel=1e-15)
    assert discriminator(real, fake, reduction="sum") == pytest.approx(10 * math.log(2), rel=1e-15)
    assert hinge_discriminator(real, fake) == 2
    assert least_squares_discriminator(real, fake) == 0.5
    assert wasserstein_critic(real + 1, fake + 3) == 2


def test_the_saturating_generator_has_no_gradient_when_it_is_found_out():
    # experiments: at f = -10 the gradients are -4.5e-5 and -0.99995
    slopes = []
    for loss in (generator_minimax, generator_non_saturating):
        fake = Tensor([-10.0], requires_grad=True)
        loss(fake).backward()
        slopes.append(fake.grad.item())
    assert slopes[0] == pytest.approx(-4.5398e-5, rel=1e-4)
    assert slopes[1] == pytest.approx(-0.9999546, rel=1e-7)
    assert generator_minimax([3.0]) < 0


@pytest.mark.parametrize("logit", [-1000.0, 1000.0])
def test_extreme_logits_have_exact_losses(logit):
    real, fake = Tensor([logit], requires_grad=True), Tensor([logit], requires_grad=True)
    loss = discriminator(real, fake)
    assert loss.item() == 1000
    loss.backward()
    assert [real.grad.item(), fake.grad.item()] == ([-1.0, 0.0] if logit < 0 else [0.0, 1.0])
    assert generator_non_saturating([logit]) == (1000 if logit < 0 else 0)


# --- gradient penalty -----------------------------------------------------------------------------


@pytest.mark.parametrize("column", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_penalty_of_a_linear_critic(column, dtype):
    # |w| = 5 everywhere: 10 (5 - 1)^2 = 160, gradient 2 * 10 (5 - 1) w/5 = (48, 64)
    w = Tensor(np.array([[3.0], [4.0]], dtype), requires_grad=True)
    rng = np.random.default_rng(0)
    real, fake = (
        rng.standard_normal((6, 2)).astype(dtype),
        rng.standard_normal((6, 2)).astype(dtype),
    )
    penalty = gradient_penalty(
        lambda x: x @ w if column else (x @ w).reshape(-1), real, fake, rng=rng
    )
    assert penalty.dtype == dtype
    assert penalty.item() == pytest.approx(160, rel=1e-5)
    penalty.backward()
    np.testing.assert_allclose(w.grad, [[48.0], [64.0]], rtol=1e-5)


def test_target_weight_and_reduction():
    w = Tensor([[3.0], [4.0]], requires_grad=True)
    x = np.zeros((4, 2))

    def penalty(**options):
        return gradient_penalty(lambda x: x @ w, x, x, rng=np.random.default_rng(0), **options)

    assert penalty(target=0.0).item() == pytest.approx(250)
    assert penalty(target=5.0).item() == pytest.approx(0)
    assert penalty(weight=0.1).item() == pytest.approx(1.6)
    assert penalty(reduction="sum").item() == pytest.approx(640)
    np.testing.assert_allclose(penalty(reduction="none").data, [160] * 4)


def test_the_norm_is_over_all_axes_of_a_sample():
    # f(x) = sum(x) on (2, 3, 4) has the slope sqrt(24); over one axis it would be sqrt(3), say
    images = np.zeros((2, 2, 3, 4))
    w = Tensor(np.ones((2, 3, 4)), requires_grad=True)
    penalty = gradient_penalty(
        lambda x: (x * w).sum(axis=(1, 2, 3)), images, images, rng=np.random.default_rng(0)
    )
    assert penalty.item() == pytest.approx(10 * (math.sqrt(24) - 1) ** 2)


def test_samples_may_be_numbers():
    # f(x) = 3 x on samples of shape (N,): slope 3
    w = Tensor(3.0, requires_grad=True)
    penalty = gradient_penalty(
        lambda x: x * w, np.zeros(4), np.ones(4), rng=np.random.default_rng(0)
    )
    assert penalty.item() == pytest.approx(40)
    penalty.backward()
    assert w.grad == pytest.approx(40)  # 2 * 10 (3 - 1)


def test_one_uniform_number_per_sample_between_real_and_fake():
    seen = []

    def critic(x):
        seen.append(x)
        return (x * x).sum(axis=(1, 2))

    real, fake = np.full((200, 3, 2), 1.0), np.full((200, 3, 2), 5.0)
    gradient_penalty(critic, Tensor(real), fake, rng=np.random.default_rng(0))
    (x,) = seen
    assert x.requires_grad
    assert x.origin is None
    u = x.data[:, 0, 0]
    np.testing.assert_array_equal(x.data, np.broadcast_to(u[:, None, None], x.shape))
    assert u.min() > 1
    assert u.max() < 5
    # uniform on (1, 5): mean 3, standard deviation 4/sqrt(12); 200 samples
    assert abs(u.mean() - 3) < 4 * 4 / math.sqrt(12 * 200)
    assert np.ptp(u) > 3.5


def mlp(x, weights):
    for w in weights[:-1]:
        x = tanh(x @ w)
    return x @ weights[-1]


@pytest.fixture
def weights():
    rng = np.random.default_rng(1)
    return [rng.standard_normal(shape) for shape in [(2, 4), (4, 4), (4, 1)]]


@pytest.mark.parametrize("target", [0.0, 1.0])
def test_gradient_with_respect_to_the_parameters_is_checked_by_differences(weights, target):
    rng = np.random.default_rng(2)
    real, fake = rng.standard_normal((2, 5, 2))
    check_gradients(
        lambda *w: gradient_penalty(
            lambda x: mlp(x, w), real, fake, target=target, rng=np.random.default_rng(0)
        ),
        *weights,
        order=2,
    )


def test_equals_pytorchs_double_backward(weights):
    torch = pytest.importorskip("torch")
    data = np.random.default_rng(2)
    real, fake = data.standard_normal((2, 5, 2))
    u = np.random.default_rng(0).random((5, 1))

    def theirs(*w):
        x = torch.tensor(u * real + (1 - u) * fake, requires_grad=True)
        h = x
        for layer in w[:-1]:
            h = torch.tanh(h @ layer)
        (slope,) = torch.autograd.grad((h @ w[-1]).sum(), x, create_graph=True)
        return 10 * ((torch.linalg.vector_norm(slope, dim=1) - 1) ** 2).mean()

    assert_same_as_torch(
        torch,
        lambda *w: gradient_penalty(lambda x: mlp(x, w), real, fake, rng=np.random.default_rng(0)),
        theirs,
        *weights,
    )


def test_no_gradient_reaches_the_samples_and_no_grad_is_left_behind(weights):
    w = [Tensor(x, requires_grad=True) for x in weights]
    fake = Tensor(np.ones((3, 2)), requires_grad=True)
    gradient_penalty(
        lambda x: mlp(x, w), np.zeros((3, 2)), fake * 2, rng=np.random.default_rng(0)
    ).backward()
    assert fake.grad is None
    assert all(x.grad is not None for x in w)


def test_it_can_be_evaluated_under_no_grad(weights):
    w = [Tensor(x, requires_grad=True) for x in weights]
    real, fake = np.random.default_rng(2).standard_normal((2, 5, 2))

    def penalty():
        return gradient_penalty(lambda x: mlp(x, w), real, fake, rng=np.random.default_rng(0))

    with no_grad():
        value = penalty()
    assert not value.requires_grad
    assert value.item() == penalty().item()


def test_a_flat_critic_has_a_finite_gradient():
    # norm'(0) = 0, where the root of a sum of squares gives NaN
    w = Tensor([[0.0], [0.0]], requires_grad=True)
    penalty = gradient_penalty(
        lambda x: x @ w, np.ones((3, 2)), np.zeros((3, 2)), rng=np.random.default_rng(0)
    )
    assert penalty.item() == 10
    penalty.backward()
    assert np.isfinite(w.grad).all()


@given(st.integers(1, 6))
@quickly
def test_equal_seeds_give_equal_penalties(n):
    w = Tensor([[1.0], [2.0]])
    w.requires_grad = True
    real, fake = np.ones((n, 2)), np.zeros((n, 2))
    values = {
        gradient_penalty(lambda x: (x @ w).tanh(), real, fake, rng=np.random.default_rng(7)).item()
        for _ in range(2)
    }
    assert len(values) == 1
