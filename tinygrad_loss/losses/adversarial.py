"""Losses for a generator and its critic: two players, each the other's loss function.

A *discriminator* or *critic* f scores samples; a *generator* makes some. They are trained in turn:

    loss of the critic            loss of the generator         idea
    discriminator                 generator_non_saturating      real or fake? (or generator_minimax)
    wasserstein_critic            wasserstein_generator         how far apart are the distributions?
      + gradient_penalty                                        keeps the slope of f near 1
    least_squares_discriminator   least_squares_generator       regression on labels 1 and 0
    hinge_discriminator           hinge_generator               a margin

All take *logits*: the output f of the critic before any sigmoid, of any shape, an element for each
sample. When training the critic, give it ``fake.detach()``: no gradient needs to reach the
generator. The reductions of real and of fake losses are added, and the batches may differ in size;
but "none" and sample weights add element by element, and the shapes must be equal. No loss here
tells how good the samples are, as it depends on both players.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.arrays import brought, data_of
from ..engine.functions import norm
from ..engine.mode import mode, set_mode
from ..engine.ops import relu, softplus
from ..engine.tensor import Tensor
from ..engine.transforms import between, gradients
from .checks import Names, converted, error, logits, number, uniform
from .loss import Apart, Reduction, half_square, loss


@loss(logits)
def discriminator(
    real: Any, fake: Any, *, sample_weight: Any = None, reduction: Reduction = "mean"
) -> Tensor:
    """Loss of the discriminator of the original GAN: binary cross-entropy, real being 1 and fake 0.

    Formula: -log D(real) - log(1 - D(fake)) with D = sigmoid(f).
    Computed as softplus(-f_real) + softplus(f_fake), exact for logits of any size.
    Gradient: sigmoid(f) - 1 on real, sigmoid(f) on fake, each divided by the size of its batch.

    When: with either GAN generator below. Near 2 ln 2 = 1.386 it cannot tell real from fake (at
    equilibrium, or at the start); near 0 it has won, and the generator may get no gradient.
    Source: Goodfellow et al. 2014, "Generative Adversarial Nets", algorithm 1.

    >>> real, fake = Tensor([2.0], requires_grad=True), Tensor([-1.0], requires_grad=True)
    >>> loss = discriminator(real, fake)
    >>> loss.backward()
    >>> by_hand = -np.log(1 / (1 + np.exp(-2.0))) - np.log(1 - 1 / (1 + np.exp(1.0)))
    >>> print(round(loss.item(), 8), by_hand.round(8), real.grad.round(4), fake.grad.round(4))
    0.4401897 0.4401897 [-0.1192] [0.2689]
    """
    return Apart(softplus(-real), softplus(fake))


@loss(logits)
def generator_minimax(
    fake: Any, *, sample_weight: Any = None, reduction: Reduction = "mean"
) -> Tensor:
    """Loss of the generator in the minimax game: the saturating one.

    Formula: log(1 - sigmoid(f)) = -softplus(f), which is always negative.
    Gradient: -sigmoid(f), which vanishes where it matters most: -4.5e-5 for a sure fake, f = -10.

    When: to see why it is not used. When not: to train (``generator_non_saturating``).
    Source: Goodfellow et al. 2014, "Generative Adversarial Nets", eq. 1.

    >>> fake = Tensor([-10.0], requires_grad=True)
    >>> loss = generator_minimax(fake)
    >>> loss.backward()
    >>> print(f"{loss.item():.6e} {np.log(1 - 1 / (1 + np.exp(10.0))):.6e} {fake.grad}")
    -4.539890e-05 -4.539890e-05 [-4.53978687e-05]
    """
    return -softplus(fake)


@loss(logits)
def generator_non_saturating(
    fake: Any, *, sample_weight: Any = None, reduction: Reduction = "mean"
) -> Tensor:
    """Loss of the generator that is used in practice: fakes labeled as real.

    Formula: -log sigmoid(f), computed as softplus(-f).
    Gradient: -sigmoid(-f), near -1 for a fake that is found out and near 0 for one that passes.

    When: the default for a GAN with ``discriminator``. When not: it leaves out some kinds of
    samples (``wasserstein_generator`` with a gradient penalty).
    Source: Goodfellow et al. 2014, "Generative Adversarial Nets", sec. 3.

    >>> fake = Tensor([-10.0], requires_grad=True)
    >>> loss = generator_non_saturating(fake)
    >>> loss.backward()
    >>> print(round(loss.item(), 6), round(-np.log(1 / (1 + np.exp(10.0))), 6), fake.grad)
    10.000045 10.000045 [-0.9999546]
    """
    return softplus(-fake)


@loss(logits)
def wasserstein_critic(
    real: Any, fake: Any, *, sample_weight: Any = None, reduction: Reduction = "mean"
) -> Tensor:
    """Loss of the Wasserstein critic: minus the distance that it sees between real and fake.

    Formula: mean f(fake) - mean f(real).
    Gradient: -1/n on real, 1/n on fake, always. Minus the loss estimates the earth mover's distance
    if f has slopes of at most 1: add ``gradient_penalty``, or the loss goes to minus infinity.

    When: the loss is to fall as samples get better, and no kind of sample is to be left out. When
    not: time is short, as the critic needs several steps for each step of the generator.
    Source: Arjovsky, Chintala, Bottou 2017, "Wasserstein GAN".

    >>> real, fake = Tensor([1.0, 2.0], requires_grad=True), Tensor([0.5, -0.5], requires_grad=True)
    >>> loss = wasserstein_critic(real, fake)
    >>> loss.backward()
    >>> print(loss.item(), (0.5 - 0.5) / 2 - (1.0 + 2.0) / 2, real.grad, fake.grad)
    -1.5 -1.5 [-0.5 -0.5] [0.5 0.5]
    """
    return Apart(-real, fake)


@loss(logits)
def wasserstein_generator(
    fake: Any, *, sample_weight: Any = None, reduction: Reduction = "mean"
) -> Tensor:
    """Loss of the Wasserstein generator: minus the critic's score.

    Formula: -mean f(fake).
    Gradient: -1/n for every sample: it never saturates.
    When: with ``wasserstein_critic``. Source: Arjovsky, Chintala, Bottou 2017, "Wasserstein GAN".

    >>> fake = Tensor([0.5, -1.5], requires_grad=True)
    >>> loss = wasserstein_generator(fake)
    >>> loss.backward()
    >>> print(loss.item(), -(0.5 - 1.5) / 2, fake.grad)
    0.5 0.5 [-0.5 -0.5]
    """
    return -fake


def critic_and_samples(names: Names, critic: Any, real: Any, fake: Any) -> tuple[Any, Any, Any]:
    """The critic, and as many real samples as fake ones, as arrays of one dtype."""
    if not callable(critic):
        raise error(f"critic is {critic!r}; expected a function, such as a module.", TypeError)
    real, fake = map(data_of, logits(names[1:], real, fake))
    if real.shape != fake.shape or real.ndim == 0:
        given = f"real has shape {real.shape} and fake has shape {fake.shape}"
        raise error(f"{given}; expected equal shapes (N, ...). Cut one, e.g. real[: len(fake)].")
    real = brought(converted(real, fake.dtype), fake)
    return critic, real, brought(fake, real)


@loss(critic_and_samples)
def gradient_penalty(
    critic: Callable[[Tensor], Any], real: Any, fake: Any, *,
    weight: float = 10.0, target: float = 1.0, rng: np.random.Generator,
    sample_weight: Any = None, reduction: Reduction = "mean",
) -> Tensor:  # fmt: skip
    """Gradient penalty: keeps the slope of the critic near 1 between real and fake samples.

    Formula: weight * mean_i (|grad f(x_i)| - target)^2 at x_i = u_i real_i + (1 - u_i) fake_i,
    with one uniform number u_i in [0, 1) per sample, and the norm over all axes but the first. It
    is a loss of a gradient, which is itself recorded (``create_graph=True``), so that backward()
    reaches the parameters of the critic. The gradient of the norm is 0 where the slope is 0.

    Parameters: ``critic``, a function of a Tensor (N, ...) with one score per sample, (N,) or
    (N, 1), each of which depends on that sample only (so no batch normalization); ``real`` and
    ``fake`` (N, ...), of one shape, which count as constants; ``weight`` >= 0 (0.1 in the paper's
    script for toy data); ``target`` >= 0, the slope to keep near; ``rng``, the source of u.

    When: added to ``wasserstein_critic``. When not: on the generator's loss.
    Raises ValueError also without a batch axis, and for a critic that does not return a Tensor with
    one score per sample, or whose scores do not depend on its input (did it use ``x.data``?).
    Source: Gulrajani et al. 2017, "Improved Training of Wasserstein GANs", eq. 3.

    The gradient of a linear critic is w everywhere: |w| = 5, a penalty of 10 (5 - 1)^2 = 160, whose
    gradient is 2 * 10 (5 - 1) w/5 = (48, 64).

    >>> w, rng = Tensor([[3.0], [4.0]], requires_grad=True), np.random.default_rng(0)
    >>> penalty = gradient_penalty(lambda x: x @ w, np.ones((8, 2)), np.zeros((8, 2)), rng=rng)
    >>> penalty.backward()
    >>> print(penalty.item(), w.grad.ravel().round(12))
    160.0 [48. 64.]
    """
    weight, target = number("weight", weight), number("target", target)
    u = uniform(rng, (len(real), *[1] * (real.ndim - 1)), real).astype(fake.dtype)
    x = Tensor(u * real + (1 - u) * fake, requires_grad=True, name="between")
    recording = mode.get().recording
    with set_mode(recording=True):  # also under no_grad(): the slope of f needs the graph of f
        scores, n = critic(x), len(x)
        shape = getattr(scores, "shape", None)
        if shape not in ((n,), (n, 1)):
            given = f"a {type(scores).__name__}" if shape is None else f"shape {shape}"
            expected = f"one score for each, of shape ({n},) or ({n}, 1)"
            raise error(f"the critic returned {given} for {n} samples; expected {expected}.")
        if not isinstance(scores, Tensor) or not between({x}, scores):
            fix = "Compute with the Tensor given, not its .data or detach(), nor under no_grad()."
            raise error(f"the critic's scores do not depend on its input. {fix}")
        # Each score depends on its own sample only, so the gradient of their sum has all slopes.
        (slopes,) = gradients(scores, [x], np.ones_like(scores.data), create_graph=recording)
    excess = norm(slopes, axis=tuple(range(1, slopes.ndim))) - target
    return excess * (weight * excess)


@loss(logits)
def least_squares_discriminator(
    real: Any, fake: Any, *, sample_weight: Any = None, reduction: Reduction = "mean"
) -> Tensor:
    """Loss of the least-squares discriminator: regression on 1 for real and 0 for fake.

    Formula: (f_real - 1)^2/2 + f_fake^2/2.
    Gradient: f - 1 on real, f on fake, each divided by the size of its batch.

    When: samples far on the right side are to keep a gradient, which pulls them toward the
    boundary. When not: outliers among the scores, which it squares.
    Source: Mao et al. 2017, "Least Squares Generative Adversarial Networks", eq. 9: labels 0, 1, 1.

    >>> real, fake = Tensor([3.0], requires_grad=True), Tensor([0.5], requires_grad=True)
    >>> loss = least_squares_discriminator(real, fake)
    >>> loss.backward()
    >>> print(loss.item(), (3.0 - 1) ** 2 / 2 + 0.5**2 / 2, real.grad, fake.grad)
    2.125 2.125 [2.] [0.5]
    """
    return Apart(half_square(real - 1), half_square(fake))


@loss(logits)
def least_squares_generator(
    fake: Any, *, sample_weight: Any = None, reduction: Reduction = "mean"
) -> Tensor:
    """Loss of the least-squares generator: fakes have to score 1.

    Formula: (f - 1)^2/2.
    Gradient: f - 1.
    When: with ``least_squares_discriminator``. Source: as there, Mao et al. 2017, eq. 9.

    >>> fake = Tensor([0.5, -2.0], requires_grad=True)
    >>> loss = least_squares_generator(fake, reduction="none")
    >>> loss.sum().backward()
    >>> print(loss.data, [(0.5 - 1) ** 2 / 2, (-2.0 - 1) ** 2 / 2], fake.grad)
    [0.125 4.5  ] [0.125, 4.5] [-0.5 -3. ]
    """
    return half_square(fake - 1)


@loss(logits)
def hinge_discriminator(
    real: Any, fake: Any, *, sample_weight: Any = None, reduction: Reduction = "mean"
) -> Tensor:
    """Loss of the hinge discriminator: real above 1, fake below -1, and no credit for more.

    Formula: relu(1 - f_real) + relu(1 + f_fake).
    Gradient: -1 on real below 1, 1 on fake above -1, else 0, each divided by its batch's size.

    When: large image GANs (SAGAN, BigGAN), with spectral normalization. When not: the scores are to
    mean probabilities (``discriminator``).
    Source: Lim and Ye 2017, "Geometric GAN"; Miyato et al. 2018, "Spectral Normalization", eq. 16.

    >>> real, fake = Tensor([0.5, 3.0], requires_grad=True), Tensor([0.5, -2.0], requires_grad=True)
    >>> loss = hinge_discriminator(real, fake)
    >>> loss.backward()
    >>> print(loss.item(), (0.5 + 0.0) / 2 + (1.5 + 0.0) / 2, real.grad, fake.grad)
    1.0 1.0 [-0.5 -0. ] [0.5 0. ]
    """
    return Apart(relu(1 - real), relu(1 + fake))


@loss(logits)
def hinge_generator(
    fake: Any, *, sample_weight: Any = None, reduction: Reduction = "mean"
) -> Tensor:
    """Loss of the generator against a hinge discriminator: minus the score.

    Formula: -f.
    Gradient: -1 for every sample, the same as ``wasserstein_generator``.
    When: with ``hinge_discriminator``. Source: Lim and Ye 2017, "Geometric GAN".

    >>> print(hinge_generator([0.5, -1.5]), -(0.5 - 1.5) / 2)
    0.5 0.5
    """
    return -fake
