"""Values and gradients at the ends of each dtype's range, and where rounding takes most digits.

References are closed forms, most of them computed with 60 digits by Python's ``decimal``.
"""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from tinygrad_loss import Tensor, gradients, losses, regularizers
from tinygrad_loss.losses import (
    binary_focal,
    contrastive,
    cosine_embedding,
    cross_entropy,
    focal,
    gradient_penalty,
    kl_divergence,
    log_cosh,
    nt_xent,
    poisson_nll,
    triplet,
)

SIZES = [("f2", 300), ("f2", 1e-4), ("f4", 1e20), ("f4", 1e-25), ("f8", 1e200), ("f8", 1e-200)]
every_size = pytest.mark.parametrize(("dtype", "size"), SIZES)
DTYPES = pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])


def value_and_gradients(loss, *inputs):
    tensors = [Tensor(x, requires_grad=True) for x in inputs]
    value = loss(*tensors)
    value.sum().backward()
    return [value.data, *(t.grad for t in tensors)]


def assert_close(actual, expected, dtype, digits=8):
    """Equal but for some roundings of the dtype (and of subnormal numbers)."""
    info = np.finfo(dtype)
    for a, b in zip(actual, expected, strict=True):
        assert a.dtype == dtype
        np.testing.assert_allclose(
            a.astype(float),
            b,
            rtol=digits * float(info.eps),
            atol=2 * float(info.smallest_subnormal),
        )


# --- lengths whose squares leave the range (faults.md E1) -----------------------------------------


def scaled(dtype, size):
    """Three embeddings whose coordinates are small numbers times the size, and in float64."""
    rows = np.array([[[3.0, 4.0]], [[0.0, 8.0]], [[6.0, 0.0]]], dtype) * np.dtype(dtype).type(size)
    return rows, rows.astype(np.longdouble)


def unit(x):
    return x / np.sqrt((x * x).sum(-1, keepdims=True))


@every_size
@pytest.mark.parametrize("swap", [False, True])
def test_triplet(dtype, size, swap):
    """d(a, p) = d(a, n) = 5 and d(p, n) = 10, times the size. Closed form."""
    rows, exact = scaled(dtype, size)
    margin = float(size) * 2.0
    anchor, positive, negative = exact
    pull, push = unit(anchor - positive), unit(anchor - negative)
    expected = [margin, pull - push, -pull, push]
    actual = value_and_gradients(lambda *x: triplet(*x, margin=margin, swap=swap), *rows)
    assert_close(actual, [np.asarray(x, float) for x in expected], dtype)


@every_size
def test_contrastive(dtype, size):
    """Pairs to be pushed: (m - D)^2/2 with D = 5 sizes, -(m - D) (a - b)/D. Closed form."""
    (a, b, _), (x, y, _) = scaled(dtype, size)
    margin = float(5 * np.longdouble(np.dtype(dtype).type(size)) + 1)
    near = np.longdouble(margin) - np.sqrt(((x - y) ** 2).sum(-1))
    tolerance = max(1.0, 8 * size) * float(np.finfo(dtype).eps) * 8
    value, slope, _ = value_and_gradients(lambda *e: contrastive(*e, [0], margin=margin), a, b)
    if size < 1e20:  # or the margin of 1 is lost in the rounding of the distance
        np.testing.assert_allclose(float(value), float(near[0]) ** 2 / 2, atol=tolerance)
        np.testing.assert_allclose(slope.astype(float), -near * unit(x - y), atol=tolerance)
    far = value_and_gradients(lambda *e: contrastive(*e, [0], margin=size), a, b)
    assert [np.abs(part).max() for part in far] == [0, 0, 0]


def test_half_the_square_is_in_the_range_for_longer_than_the_square():
    """300^2 = 90,000 is none of float16, 300^2 / 2 is. Closed form."""
    a, b = np.array([[300.0, 0.0]], "f2"), np.zeros((1, 2), "f2")
    value, slope, _ = value_and_gradients(lambda *e: contrastive(*e, [1]), a, b)
    assert (value, slope.tolist()) == (45000, [[300, 0]])
    fake = Tensor(np.array([301.0], "f2"), requires_grad=True)
    losses.least_squares_generator(fake).backward()
    assert losses.least_squares_generator(fake).item() == np.float16(45000)
    assert fake.grad.item() == 300
    real = np.array([301.0], "f2")
    assert losses.least_squares_discriminator(real, np.array([0.0], "f2")) == 45000
    log_variance = np.zeros(1, "f2")
    assert losses.gaussian_nll(a[0, :1], log_variance, [0.0]) == np.float16(45000.9)


def test_squares_that_are_out_of_range_are_infinite():
    """faults.md E1: legitimately so, as the true value is."""
    a, b = np.full((1, 2), 300, "f2"), np.zeros((1, 2), "f2")
    with np.errstate(over="ignore"):
        assert contrastive(a, b, [1]) == np.inf
        assert triplet(a, b, a, squared=True) == np.inf
        assert losses.mean_squared_error(np.array([1e200]), [0.0]) == np.inf


@every_size
@pytest.mark.parametrize("label", [1, -1])
def test_cosine_embedding(dtype, size, label):
    """cos = (3 4) (0 8) / (5 8) = 0.8, and its slope (b/|b| - cos a/|a|)/|a|. Closed form."""
    (a, b, _), (x, y, _) = scaled(dtype, size)
    cosine = np.longdouble(0.8)
    slopes = [(unit(v) - cosine * unit(u)) / np.sqrt((u * u).sum(-1)) for u, v in ((x, y), (y, x))]
    value = 1 - cosine if label == 1 else cosine
    expected = [np.asarray(part, float) for part in (value, *(-label * s for s in slopes))]
    actual = value_and_gradients(lambda *e: cosine_embedding(*e, [label]), a, b)
    assert_close(actual[:1], expected[:1], dtype, 16)
    for slope, exact, length in zip(actual[1:], expected[1:], (5, 8), strict=True):
        rounding = 16 * float(np.finfo(dtype).eps) / (length * size)
        np.testing.assert_allclose(slope.astype(float), exact, rtol=0, atol=rounding)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_directions_of_the_longest_vectors(dtype):
    """cos((M, M), (M, 0)) = 1/sqrt(2), M being the largest number; |(M, M)| is infinite."""
    largest = np.finfo(dtype).max
    a, b = np.array([[largest, largest]], dtype), np.array([[largest, 0]], dtype)
    value = cosine_embedding(a, b, [-1])
    assert value == pytest.approx(math.sqrt(0.5), rel=4 * float(np.finfo(dtype).eps))


@every_size
def test_nt_xent_does_not_depend_on_lengths(dtype, size):
    rng = np.random.default_rng(0)
    a, b = rng.integers(-8, 9, (2, 4, 3)).astype(float)
    expected = value_and_gradients(nt_xent, a, b)
    factor = np.dtype(dtype).type(size)
    actual = value_and_gradients(nt_xent, a.astype(dtype) * factor, b.astype(dtype) * factor)
    eps = float(np.finfo(dtype).eps)
    np.testing.assert_allclose(float(actual[0]), expected[0], rtol=16 * eps)
    for slope, exact in zip(actual[1:], expected[1:], strict=True):
        np.testing.assert_allclose(slope.astype(float) * float(factor), exact, atol=32 * eps)


@pytest.mark.parametrize(("dtype", "size"), [("f2", 300), ("f4", 1e18), ("f8", 1e150)])
def test_gradient_penalty(dtype, size):
    """A linear critic w = (3, 4) sizes: |w| = 5 sizes, weight (|w| - target)^2. Closed form."""
    w = Tensor(np.array([[3], [4]], dtype) * np.dtype(dtype).type(size), requires_grad=True)
    x = np.ones((2, 2), dtype)
    loss = gradient_penalty(
        lambda x: x @ w, x, x, weight=1e-2, target=4.0 * size, rng=np.random.default_rng(0)
    )
    loss.backward()
    assert loss.item() == pytest.approx(1e-2 * size**2, rel=40 * float(np.finfo(dtype).eps))
    expected = 2 * 1e-2 * size * np.array([[0.6], [0.8]])
    np.testing.assert_allclose(w.grad.astype(float), expected, rtol=40 * float(np.finfo(dtype).eps))


# --- focal losses (faults.md E3) ------------------------------------------------------------------


def exact_focal(lead, gamma):
    """(1 - p)^gamma (-log p) and its derivative by the lead, p = sigmoid(lead), with 400 digits."""
    with localcontext() as context:
        context.prec, context.Emin = 400, -9999
        lead, gamma = Decimal(lead), Decimal(gamma)
        p, q = 1 / (1 + (-lead).exp()), 1 / (1 + lead.exp())
        power = (gamma * q.ln()).exp()
        return power * -p.ln(), power * (gamma * p * p.ln() - q)


LEADS = [-745.0, -300.0, -40.0, -10.0, -1.0, 0.0, 0.5, 2.0, 10.0, 40.0, 300.0, 700.0]


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("lead", LEADS)
def test_focal_of_two_classes_and_of_one_logit(lead, gamma, dtype):
    """With 400 digits. The power is exact to a rounding of gamma times the lead."""
    value, slope = exact_focal(lead, gamma)
    info = np.finfo(dtype)
    digits = 4 + gamma * min(abs(lead), 40)  # beyond, log(1 + exp(-lead)) is lost, as it may be
    tolerance = {"rel": digits * float(info.eps), "abs": 4 * float(info.smallest_normal)}
    two, one = (Tensor(np.array(x, dtype), requires_grad=True) for x in ([lead, 0], lead))
    for loss, x in ((focal(two, 0, gamma=gamma), two), (binary_focal(one, 1.0, gamma=gamma), one)):
        loss.backward()
        assert loss.item() == pytest.approx(float(value), **tolerance)
        assert x.grad.flat[0] == pytest.approx(float(slope), **tolerance)
    assert two.grad[1] == -two.grad[0]


# --- log cosh (faults.md E4) ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "e"), [("f2", 4e4), ("f4", 3e38), ("f8", 1.5e308), ("f8", np.inf)]
)
@pytest.mark.parametrize("sign", [-1, 1])
def test_log_cosh_of_the_largest_errors(dtype, e, sign):
    value, slope = value_and_gradients(
        lambda p: log_cosh(p, np.zeros(1)), np.array([sign * e], dtype)
    )
    assert (value, slope) == (np.dtype(dtype).type(e), sign)


@DTYPES
@settings(max_examples=60, deadline=None)
@given(e=st.floats(-50, 50, width=16))
def test_log_cosh_is_exact_and_never_negative(dtype, e):
    """Formula and tanh with 60 digits; the second derivative is 1 - tanh^2, also at 0."""
    p = Tensor(np.array(e, dtype), requires_grad=True)
    loss = log_cosh(p, np.zeros((), dtype))
    (slope,) = gradients(loss, [p], create_graph=True)
    (curvature,) = gradients(slope, [p])
    with localcontext() as context:
        context.prec = 60
        up, down = Decimal(e).exp(), Decimal(-e).exp()
        value, tanh = float(((up + down) / 2).ln()), float((up - down) / (up + down))
    eps = float(np.finfo(dtype).eps)
    assert loss.item() >= 0
    assert loss.item() == pytest.approx(value, abs=2 * eps * max(1, abs(e)))
    assert slope.item() == pytest.approx(tanh, rel=4 * eps, abs=float(np.finfo(dtype).tiny))
    assert curvature.item() == pytest.approx(1 - tanh**2, abs=4 * eps)


# --- never negative, nor -0.0 (faults.md E4, E7) --------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["f2", "f4", "f8"]))
def test_equal_distributions_and_directions_cost_nothing_or_more(seed, dtype):
    rng = np.random.default_rng(seed)
    z = Tensor(3 * rng.standard_normal((20, 5)).astype(dtype), requires_grad=True)
    assert kl_divergence(z.log_softmax(), z.softmax().data, reduction="none").data.min() >= 0
    scale = rng.uniform(0.1, 9, (20, 1)).astype(dtype)
    cosines = cosine_embedding(z, z.data * scale, np.ones(20, int), reduction="none")
    assert cosines.data.min() >= 0


def test_the_gradient_of_a_loss_of_nothing_is_not_lost():
    logp = Tensor([0.5, 0.25, 0.25]).log()
    logp = Tensor(logp.data, requires_grad=True)
    kl_divergence(logp, [0.5, 0.25, 0.25]).backward()
    np.testing.assert_array_equal(logp.grad, [-0.5, -0.25, -0.25])
    one_more = np.nextafter(1, 2)
    p = Tensor([one_more], requires_grad=True)
    loss = losses.binary_cross_entropy(p, [1.0])
    loss.backward()
    assert loss.item() == 0
    assert p.grad.item() == pytest.approx(-1, rel=1e-15)


@pytest.mark.parametrize(
    "loss",
    [
        lambda **o: cross_entropy([[1000.0, 0.0]], [0], **o),
        lambda **o: cross_entropy([[1000.0, 0.0]], [0], ignore_index=-1, **o),
        lambda **o: cross_entropy([[1000.0, 0.0]], [[1.0, 0.0]], **o),
        lambda **o: losses.cross_entropy_from_probs([[1.0, 0.0]], [0], **o),
        lambda **o: losses.cross_entropy_from_probs([[1.0, 0.0]], [[1.0, 0.0]], **o),
        lambda **o: losses.binary_cross_entropy([1.0, 0.0], [1, 0], **o),
        lambda **o: losses.binary_cross_entropy([1.0, 0.0], [1, 0], base=2, **o),
    ],
)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_a_loss_of_nothing_is_0_and_not_minus_0(loss, reduction):
    assert not np.signbit(loss(reduction=reduction)).any()


def test_a_sure_prediction():
    """-log p_y = log(1 + 2 e^-45) = 5.7e-20: focal with gamma = 0 has it, cross_entropy says 0."""
    z = np.array([[45.0, 0.0, 0.0]])
    assert focal(z, [0], gamma=0) == pytest.approx(math.log1p(2 * math.exp(-45)), rel=1e-14)
    assert cross_entropy(z, [0]) == 0


# --- float16 is added up in float32 (faults.md E5) ------------------------------------------------


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, math.log(10)),
        ({"ignore_index": -1}, math.log(10)),
        ({"weight": np.full(10, 5.0)}, math.log(10)),
        ({"label_smoothing": 0.1}, math.log(10)),
        ({"sample_weight": np.full(40_000, 3.0)}, math.log(10)),
        ({"base": 10, "ignore_index": -1}, 1.0),
    ],
)
def test_cross_entropy_of_40_000_rows(options, expected):
    """All logits are equal, so it is ln 10 = 2.303, and the slopes p/N, (p - 1)/N."""
    target = np.arange(40_000) % 10
    z = Tensor(np.zeros((40_000, 10), np.float16), requires_grad=True)
    loss = cross_entropy(z, target, **options)
    loss.backward()
    assert loss.dtype == np.float16
    assert loss.item() == pytest.approx(expected, rel=1e-3)
    slopes = np.full((40_000, 10), 0.1)
    slopes[np.arange(40_000), target] -= 1
    slopes *= (1 - options.get("label_smoothing", 0)) / 40_000
    slopes /= math.log(options.get("base", math.e))
    np.testing.assert_allclose(z.grad.astype(float), slopes, atol=1e-6)


def test_label_smoothing_over_60_000_classes():
    """All logits are equal, so it is ln 60,000, whatever the target."""
    z = np.zeros((2, 60_000), np.float16)
    loss = cross_entropy(z, [0, 1], label_smoothing=0.5)
    assert loss == pytest.approx(math.log(60_000), rel=1e-3)


@pytest.mark.parametrize("name", ["mean_squared_error", "huber", "pinball", "hinge_discriminator"])
def test_the_mean_of_100_000_losses(name):
    loss = getattr(losses, name)
    x, zeros = np.full(100_000, 3.0), np.zeros(100_000)
    expected = value_and_gradients(loss, x, zeros)
    actual = value_and_gradients(loss, x.astype("f2"), zeros.astype("f2"))
    for a, b in zip(actual, expected, strict=True):
        np.testing.assert_allclose(a.astype(float), b, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("penalty", [regularizers.l1, regularizers.l2])
def test_penalties_of_100_000_weights(penalty):
    """The sum of |w| and of w^2 is 100,000, times 1e-3."""
    w = Tensor(np.ones(100_000, np.float16), requires_grad=True)
    loss = penalty(w, 1e-3)
    loss.backward()
    assert (loss.dtype, loss.item(), w.grad.dtype) == (np.float16, 100, np.float16)
    assert w.grad[0] == np.float16(1e-3 if penalty is regularizers.l1 else 2e-3)


def test_penalties_of_integers_do_not_wrap_around():
    # 100^2 is 16 in int8
    w, one = Tensor(np.array([100], np.int8)), Tensor(np.array([1.0], "f4"))
    assert regularizers.l2(w, 1.0) == 10_000
    assert regularizers.l2([w, one], 1.0) == 10_001


# --- counts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "count"), [("f2", 20_000), ("f2", 70_000), ("f4", 10**8), ("f8", 10**8)]
)
def test_large_counts(dtype, count):
    """-logpmf(t) at the rate t is log(2 pi t)/2 + 1/(12 t): Stirling. t s and log t! cancel."""
    s = Tensor(np.array([math.log(count)], dtype), requires_grad=True)
    loss = poisson_nll(s, [count])
    loss.backward()
    u = float(s.data[0]) - math.log(count)  # what the dtype has cut off
    expected = math.log(2 * math.pi * count) / 2 + count * (math.expm1(u) - u)
    assert loss.item() == pytest.approx(expected, rel=max(1e-6, 2 * float(np.finfo(dtype).eps)))
    assert s.grad.item() == pytest.approx(count * math.expm1(u), rel=1e-2, abs=1e-6)
