"""Huge logits, dtypes, NaN, other array libraries: what holds for every loss."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import tinygrad_loss
from tinygrad_loss import Tensor, losses, softmax
from tinygrad_loss.losses import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    kl_divergence,
    mean_squared_error,
    multiclass_hinge,
)

RNG = np.random.default_rng(0)
X, Y, Z = RNG.standard_normal((3, 4, 3))
INDEX = np.array([0, 2, 1, 1])
BITS = np.array([[0, 1, 1], [1, 0, 0], [1, 1, 0], [0, 0, 1]])
COUNTS = np.array([[0, 1, 5], [2, 0, 3], [1, 1, 0], [7, 2, 4]])
PAIR_BITS = np.array([0, 1, 1, 0])

# Each loss with arguments: the predictions, which have a gradient, then the others.
CASES = {
    "sum_squared_error": ([X], [Y]),
    "mean_squared_error": ([X], [Y]),
    "mean_absolute_error": ([X], [Y]),
    "huber": ([X], [Y]),
    "log_cosh": ([X], [Y]),
    "pinball": ([X], [Y]),
    "gaussian_nll": ([X, Y], [Z]),
    "poisson_nll": ([X], [COUNTS]),
    "cross_entropy": ([X], [INDEX]),
    "cross_entropy_from_probs": ([softmax(X)], [INDEX]),
    "binary_cross_entropy": ([softmax(X)], [BITS]),
    "binary_cross_entropy_with_logits": ([X], [BITS]),
    "focal": ([X], [INDEX]),
    "binary_focal": ([X], [BITS]),
    "kl_divergence": ([np.log(softmax(X))], [softmax(Y)]),
    "hinge": ([X], [2 * BITS - 1]),
    "squared_hinge": ([X], [2 * BITS - 1]),
    "multiclass_hinge": ([X], [INDEX]),
    "contrastive": ([X, Y], [PAIR_BITS]),
    "triplet": ([X, Y, Z], []),
    "cosine_embedding": ([X, Y], [2 * PAIR_BITS - 1]),
    "nt_xent": ([X, Y], []),
    "discriminator": ([X, Y], []),
    "generator_minimax": ([X], []),
    "generator_non_saturating": ([X], []),
    "wasserstein_critic": ([X, Y], []),
    "wasserstein_generator": ([X], []),
    "least_squares_discriminator": ([X, Y], []),
    "least_squares_generator": ([X], []),
    "hinge_discriminator": ([X, Y], []),
    "hinge_generator": ([X], []),
}
OF_ROWS = {
    *("cross_entropy", "cross_entropy_from_probs", "focal", "kl_divergence", "multiclass_hinge"),
    *("contrastive", "triplet", "cosine_embedding"),
}
every_loss = pytest.mark.parametrize("name", CASES)


def arguments(name):
    """The loss, its predictions and its other arguments."""
    return getattr(losses, name), *CASES[name]


def test_no_loss_is_forgotten():
    assert set(CASES) | {"gradient_penalty"} == set(losses.__all__)
    for name in losses.__all__:
        assert getattr(tinygrad_loss, name) is getattr(losses, name)
    for name in ("hinge", "squared_hinge", "multiclass_hinge"):  # losses for classes, too
        assert getattr(losses.classification, name) is getattr(losses, name)


@every_loss
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_dtype_of_the_prediction_is_kept(name, dtype, reduction):
    loss, preds, others = arguments(name)
    preds = [Tensor(p.astype(dtype), requires_grad=True) for p in preds]
    value = loss(*preds, *others, reduction=reduction)
    assert value.dtype == dtype
    value.sum().backward()
    exact = loss(*CASES[name][0], *others, reduction=reduction)
    assert all(p.grad.dtype == dtype for p in preds)
    precision = 20 * np.finfo(dtype).eps
    np.testing.assert_allclose(value.data, exact, rtol=precision, atol=precision)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(np.float64, 27.631021), (np.float32, 27.631021), (np.float16, 9.704061)],
)
def test_a_probability_of_0_costs_minus_log_eps(dtype, expected):
    """eps is 1e-12, or 2**-14 in float16, where 1e-12 would be 0 and its logarithm infinite."""
    for loss, p, target in [
        (losses.binary_cross_entropy, [0, 1], [1, 0]),
        (losses.cross_entropy_from_probs, [[0, 1], [1, 0]], [0, 1]),
        (losses.cross_entropy_from_probs, [[0, 1], [1, 0]], [[1.0, 0.0], [0.0, 1.0]]),
    ]:
        p = Tensor(p, requires_grad=True, dtype=dtype)
        value = loss(p, target)
        assert value.item() == pytest.approx(expected, rel=max(1e-7, float(np.finfo(dtype).eps)))
        value.backward()
        assert np.isfinite(p.grad).all()


@every_loss
@pytest.mark.parametrize("number", [float, np.float64])
def test_options_keep_float32(name, number):
    # in NumPy 2, float32 * 0.5 is float32, but float32 * np.float64(0.5) is float64
    options = {
        "cross_entropy": {"weight": [1.0, 2.0, 3.0], "label_smoothing": number(0.1)},
        "cross_entropy_from_probs": {"eps": number(1e-7), "base": number(2)},
        "binary_cross_entropy": {"eps": number(1e-7), "base": number(2)},
        "binary_cross_entropy_with_logits": {"pos_weight": number(3)},
        "focal": {"alpha": [0.1, 0.2, 0.3], "gamma": number(0.5)},
        "binary_focal": {"alpha": number(0.25), "gamma": number(0.5)},
        "huber": {"delta": number(0.3)},
        "pinball": {"quantile": number(0.3)},
        "multiclass_hinge": {"margin": number(0.5)},
        "contrastive": {"margin": number(0.5)},
        "triplet": {"margin": number(0.5), "swap": True, "squared": True},
        "cosine_embedding": {"margin": number(0.1)},
        "nt_xent": {"temperature": number(0.1)},
    }.get(name, {})
    loss, preds, others = arguments(name)
    preds = [Tensor(p.astype(np.float32), requires_grad=True) for p in preds]
    for reduction in ("mean", "sum", "none"):
        value = loss(*preds, *others, **options, reduction=reduction)
        assert value.dtype == np.float32


@every_loss
def test_arrays_lists_and_tensors_give_the_same_number(name):
    loss, preds, others = arguments(name)
    expected = loss(*preds, *others)
    assert isinstance(expected, np.floating | float)
    tensor = loss(*map(Tensor, preds), *map(Tensor, others))
    assert isinstance(tensor, Tensor)
    assert tensor.item() == expected
    assert loss(*[p.tolist() for p in preds], *[x.tolist() for x in others]) == expected


@every_loss
def test_reductions_agree(name):
    loss, preds, others = arguments(name)
    each = loss(*preds, *others, reduction="none")
    assert loss(*preds, *others, reduction="sum") == pytest.approx(each.sum(), rel=1e-14)
    assert loss(*preds, *others, reduction="mean") == pytest.approx(each.mean(), rel=1e-14)
    assert each.shape == ((8,) if name == "nt_xent" else (4,) if name in OF_ROWS else (4, 3))


@every_loss
def test_inputs_are_not_written_to_and_the_loss_is_a_composition(name):
    loss, preds, others = arguments(name)
    for x in (*preds, *others):
        x.setflags(write=False)
    preds = [Tensor(p, requires_grad=True) for p in preds]
    value = loss(*preds, *others)
    ops, stack = set(), [value]
    while stack:
        node = stack.pop()
        if node.origin:
            ops.add(node.origin[0].name)
            stack += [x for x in node.origin[1] if isinstance(x, Tensor)]
    assert ops <= set(dir(tinygrad_loss.engine.ops)) | {"matmul", "concatenate", "norm"}
    assert name not in ops


@every_loss
def test_nan_in_a_prediction_travels_to_the_loss(name):
    loss, preds, others = arguments(name)
    broken = preds[0].copy()
    broken[1, 2] = np.nan
    value = loss(Tensor(broken), *map(Tensor, preds[1:]), *others)  # and nothing is warned of
    assert math.isnan(value.item())


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.1, 1.0, 100.0]))
def test_only_losses_of_players_can_be_negative(seed, scale):
    may_be = {
        "gaussian_nll",
        "generator_minimax",
        "wasserstein_critic",
        "wasserstein_generator",
        "hinge_generator",
    }
    rng = np.random.default_rng(seed)
    for name, (preds, others) in CASES.items():
        moved = [p + scale * rng.standard_normal(p.shape) for p in preds]
        if name in {"cross_entropy_from_probs", "binary_cross_entropy"}:
            moved = [softmax(p) for p in moved]
        if name == "kl_divergence":
            moved = [Tensor(p).log_softmax().data for p in moved]
        value = getattr(losses, name)(*moved, *others, reduction="none")
        assert name in may_be or value.min() >= -1e-15, name


@every_loss
def test_dask_arrays_give_the_same_loss_and_gradient(name):
    dask_array = pytest.importorskip("dask.array")
    loss, preds, others = arguments(name)
    expected = [Tensor(p, requires_grad=True) for p in preds]
    value = loss(*expected, *others)
    value.backward()
    chunked = [Tensor(dask_array.from_array(p, chunks=(2, 3)), requires_grad=True) for p in preds]
    lazy = loss(*chunked, *[dask_array.from_array(x, chunks=2) for x in others])
    assert isinstance(lazy.data, dask_array.Array)
    lazy.backward()
    np.testing.assert_allclose(lazy.data.compute(), value.data, rtol=1e-13)
    for a, b in zip(chunked, expected, strict=True):
        np.testing.assert_allclose(a.grad.compute(), b.grad, rtol=1e-12, atol=1e-15)


def test_labels_in_a_dask_array_are_checked():
    dask_array = pytest.importorskip("dask.array")
    for wrong, message in [([0, 3], "class index 3 is out of range"), ([0, -1], "index -1 is neg")]:
        with pytest.raises(ValueError, match=message):
            cross_entropy(X[:2], dask_array.from_array(np.array(wrong), chunks=1))
    with pytest.raises(ValueError, match="a row of target sums to 3"):
        cross_entropy(X[:2], dask_array.ones((2, 3), chunks=1))


# --- values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logits_of_1000_have_exact_losses_and_gradients(dtype):
    z = Tensor(np.array([[1000.0, -1000.0], [1000.0, -1000.0]], dtype), requires_grad=True)
    loss = cross_entropy(z, [0, 1], reduction="none")
    np.testing.assert_array_equal(loss.data, [0, 2000])
    loss.sum().backward()
    np.testing.assert_array_equal(z.grad, [[0, 0], [1, -1]])
    z = Tensor(np.array([1000.0, -1000.0, 1000.0, -1000.0], dtype), requires_grad=True)
    loss = binary_cross_entropy_with_logits(z, [1, 1, 0, 0], reduction="none")
    np.testing.assert_array_equal(loss.data, [0, 1000, 1000, 0])
    loss.sum().backward()
    np.testing.assert_array_equal(z.grad, [0, -1, 1, 0])


def test_masked_classes_have_logits_of_minus_infinity():
    masked = np.array([[1.0, -np.inf, 0.0], [-np.inf, 2.0, -np.inf]])
    for target in ([0, 1], np.array([[0.3, 0.0, 0.7], [0.0, 1.0, 0.0]])):
        z = Tensor(masked, requires_grad=True)
        loss = cross_entropy(z, target)
        assert np.isfinite(loss.item())
        loss.backward()
        assert np.isfinite(z.grad).all()
        np.testing.assert_array_equal(z.grad[np.isinf(masked)], 0)
    z = Tensor(masked, requires_grad=True)
    loss = kl_divergence(z.log_softmax(), [[0.3, 0.0, 0.7], [0.0, 1.0, 0.0]])
    loss.backward()
    assert np.isfinite(z.grad).all()
    assert cross_entropy(masked[0], 1) == np.inf
    z = Tensor(masked, requires_grad=True)
    for gamma in (0.0, 0.5, 2.0):
        loss = losses.focal(z, [0, 1], gamma=gamma)
        loss.backward()
    assert np.isfinite(z.grad).all()
    for kind in ("crammer_singer", "weston_watkins"):
        z = Tensor(masked, requires_grad=True)
        multiclass_hinge(z, [0, 1], kind=kind).backward()
        assert np.isfinite(z.grad).all()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-1e4, 1e4), min_size=2, max_size=5), st.data())
def test_cross_entropy_is_finite_and_not_negative_for_any_logits(logits, data):
    z = Tensor([x - 2e4 for x in logits], requires_grad=True)
    loss = cross_entropy(z, data.draw(st.integers(0, len(logits) - 1)))
    loss.backward()
    assert 0 <= loss.item() <= 2e4 + math.log(5)
    assert np.isfinite(z.grad).all()
    assert abs(z.grad.sum()) < 1e-10


def test_targets_are_converted_before_arithmetic():
    # in uint8, 0 - 1 is 255
    assert mean_squared_error([0.0, 0.0], np.array([1, 2], np.uint8)) == 2.5
    assert (
        mean_squared_error(np.array([1, 2]), [1.5, 2.5]) == 0.25
    )  # integer predictions stay exact
    assert binary_cross_entropy_with_logits([0.0], np.array([True])) == pytest.approx(math.log(2))


def test_gradient_reaches_a_target_that_is_a_tensor():
    teacher = Tensor([1.0, 2.0], requires_grad=True)
    mean_squared_error(Tensor([0.0, 0.0]), teacher).backward()
    np.testing.assert_array_equal(teacher.grad, [1.0, 2.0])
