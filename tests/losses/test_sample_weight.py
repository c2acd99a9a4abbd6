"""Sample weights: every loss, with every option, beside the weighting of reduction="none" by hand.

Expected values: numpy.average and sums in float64, PyTorch's losses with reduction="none" combined
by the closed form, and the metrics of scikit-learn, where sample_weight means the same.
"""

import numpy as np
import pytest

from tinygrad_loss import Tensor, losses, softmax
from tinygrad_loss.losses import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    cross_entropy_from_probs,
    gradient_penalty,
    hinge,
    mean_absolute_error,
    mean_squared_error,
    pinball,
)

from .derivatives import assert_same_as_torch
from .test_errors import raises
from .test_extremes import CASES, arguments, every_loss

RNG = np.random.default_rng(0)


def weights_for(shape, rng=RNG):
    """Weights >= 0, some of them 0."""
    return rng.choice([0.0, 0.25, 1.0, 3.0], shape) + np.eye(1, np.prod(shape, dtype=int)).reshape(
        shape
    )


# --- every loss -----------------------------------------------------------------------------------


@every_loss
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_every_loss_and_reduction_equals_weighting_by_hand(name, dtype):
    loss, preds, others = arguments(name)
    each = np.asarray(loss(*preds, *others, reduction="none"), np.float64)
    w = weights_for(each.shape)
    preds = [Tensor(p.astype(dtype), requires_grad=True) for p in preds]
    expected = {"none": w * each, "sum": (w * each).sum(), "mean": np.average(each, weights=w)}
    precision = 40 * np.finfo(dtype).eps
    for reduction, by_hand in expected.items():
        value = loss(*preds, *others, sample_weight=w, reduction=reduction)
        assert value.dtype == dtype
        np.testing.assert_allclose(value.data, by_hand, rtol=precision, atol=precision)
        value.sum().backward()
    assert all(p.grad.dtype == dtype and np.isfinite(p.grad).all() for p in preds)


@every_loss
def test_the_gradient_is_that_of_the_weighted_sum(name):
    loss, preds, others = arguments(name)
    w = weights_for(np.shape(loss(*preds, *others, reduction="none")))
    by_hand, weighted = ([Tensor(p, requires_grad=True) for p in preds] for _ in range(2))
    ((loss(*by_hand, *others, reduction="none") * w).sum() / w.sum()).backward()
    loss(*weighted, *others, sample_weight=w, reduction="mean").backward()
    for a, b in zip(weighted, by_hand, strict=True):
        np.testing.assert_allclose(a.grad, b.grad, rtol=1e-12, atol=1e-15)


@every_loss
def test_lists_tensors_integers_and_booleans_are_weights(name):
    loss, preds, others = arguments(name)
    shape = np.shape(loss(*preds, *others, reduction="none"))
    w = (np.arange(np.prod(shape)) % 3 > 0).reshape(shape)
    expected = loss(*preds, *others, sample_weight=w.astype(float))
    for same in (w, w.astype(int), w.tolist(), Tensor(w)):
        assert loss(*preds, *others, sample_weight=same) == expected


@every_loss
def test_equal_weights_change_no_mean(name):
    loss, preds, others = arguments(name)
    ones = np.ones_like(loss(*preds, *others, reduction="none"))
    for reduction in ("mean", "sum"):
        plain = loss(*preds, *others, reduction=reduction)
        same = loss(*preds, *others, sample_weight=ones, reduction=reduction)
        assert same == pytest.approx(plain, rel=1e-13)
    assert loss(*preds, *others, sample_weight=7 * ones, reduction="mean") == pytest.approx(
        loss(*preds, *others, reduction="mean"), rel=1e-13
    )


def test_a_whole_weight_counts_a_sample_that_often():
    pred, target = RNG.standard_normal((2, 4))
    often = np.array([1, 0, 3, 2])
    expected = mean_squared_error(pred.repeat(often), target.repeat(often))
    assert mean_squared_error(pred, target, sample_weight=often) == pytest.approx(expected)


def test_gradient_penalty():
    # f(x) = |x|^2/2 has the slope x itself, a length for each sample
    x = RNG.standard_normal((4, 2))
    w = np.array([0.0, 1.0, 2.0, 5.0])

    def penalty(**options):
        rng = np.random.default_rng(0)
        return gradient_penalty(lambda x: (x * x).sum(axis=1) / 2, x, x, rng=rng, **options)

    each = 10 * (np.linalg.norm(x, axis=1) - 1) ** 2
    assert penalty(sample_weight=w).item() == pytest.approx(np.average(each, weights=w))
    assert penalty(sample_weight=w, reduction="sum").item() == pytest.approx((w * each).sum())
    np.testing.assert_allclose(penalty(sample_weight=w, reduction="none").data, w * each)


# --- all options together -------------------------------------------------------------------------

LOGITS = RNG.standard_normal((6, 3))
INDICES = np.array([0, 2, 1, 1, 2, 0])
PROBABILITIES = RNG.dirichlet(np.ones(3), 6)
CLASS_WEIGHT = np.array([0.5, 2.0, 0.0])
SAMPLE_WEIGHT = np.array([1.0, 0.0, 2.0, 0.5, 3.0, 1.5])
reductions = pytest.mark.parametrize("reduction", ["mean", "sum", "none"])


def combined(torch, each, weights, normalizer, reduction):
    """The closed form: sum of w_i loss_i over the sum of what counts."""
    each = each * torch.tensor(weights)
    return {"none": each, "sum": each.sum(), "mean": each.sum() / normalizer.sum()}[reduction]


@reductions
@pytest.mark.parametrize("base", [None, 2])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("ignore_index", [None, 0, -100])
@pytest.mark.parametrize("weight", [None, CLASS_WEIGHT])
@pytest.mark.parametrize("sample_weight", [None, SAMPLE_WEIGHT])
def test_cross_entropy_of_indices(sample_weight, weight, ignore_index, smoothing, base, reduction):
    torch = pytest.importorskip("torch")
    target = INDICES.copy()
    if ignore_index == -100:
        target[[0, 3]] = -100
    of_class = np.ones(3) if weight is None else weight
    kept = target != (-1000 if ignore_index is None else ignore_index)
    w = np.ones(6) if sample_weight is None else sample_weight
    normalizer = w * np.where(kept, of_class[target * kept], 0)

    def reference(z):
        each = torch.nn.functional.cross_entropy(
            z,
            torch.tensor(target),
            weight=None if weight is None else torch.tensor(weight),
            ignore_index=-1000 if ignore_index is None else ignore_index,
            label_smoothing=smoothing,
            reduction="none",
        )
        return combined(torch, each / np.log(base or np.e), w, normalizer, reduction)

    assert_same_as_torch(
        torch,
        lambda z: cross_entropy(
            z,
            target,
            weight=weight,
            ignore_index=ignore_index,
            label_smoothing=smoothing,
            base=base,
            sample_weight=sample_weight,
            reduction=reduction,
        ),
        reference,
        LOGITS,
    )


@reductions
@pytest.mark.parametrize("base", [None, 2])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weight", [None, CLASS_WEIGHT])
@pytest.mark.parametrize("sample_weight", [None, SAMPLE_WEIGHT])
def test_cross_entropy_of_probabilities(sample_weight, weight, smoothing, base, reduction):
    torch = pytest.importorskip("torch")
    w = np.ones(6) if sample_weight is None else sample_weight

    def reference(z):
        each = torch.nn.functional.cross_entropy(
            z,
            torch.tensor(PROBABILITIES),
            weight=None if weight is None else torch.tensor(weight),
            label_smoothing=smoothing,
            reduction="none",
        )
        return combined(torch, each / np.log(base or np.e), w, w, reduction)

    assert_same_as_torch(
        torch,
        lambda z: cross_entropy(
            z,
            PROBABILITIES,
            weight=weight,
            label_smoothing=smoothing,
            base=base,
            sample_weight=sample_weight,
            reduction=reduction,
        ),
        reference,
        LOGITS,
    )


@reductions
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("pos_weight", [None, 3.0, np.array([0.5, 1.0, 2.0])])
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_binary_cross_entropy_with_logits(weighted, soft, pos_weight, smoothing, reduction):
    torch = pytest.importorskip("torch")
    target = PROBABILITIES if soft else (PROBABILITIES > 0.4).astype(float)
    w = weights_for((6, 3)) if weighted else np.ones((6, 3))
    smooth = torch.tensor(target * (1 - smoothing) + smoothing / 2)  # PyTorch has no option for it

    def reference(z):
        each = torch.nn.functional.binary_cross_entropy_with_logits(
            z,
            smooth,
            pos_weight=None if pos_weight is None else torch.as_tensor(pos_weight) * torch.ones(3),
            reduction="none",
        )
        return combined(torch, each, w, w, reduction)

    assert_same_as_torch(
        torch,
        lambda z: binary_cross_entropy_with_logits(
            z,
            target,
            pos_weight=pos_weight,
            label_smoothing=smoothing,
            sample_weight=w if weighted else None,
            reduction=reduction,
        ),
        reference,
        LOGITS,
    )


@pytest.mark.parametrize("shape", [(3, 1, 1), (1, 3, 1, 1), (2, 3, 4, 1), (1,), ()])
def test_pos_weight_broadcasts_to_the_logits_as_in_pytorch(shape):
    torch = pytest.importorskip("torch")
    z = RNG.standard_normal((2, 3, 4, 5))
    target, pos_weight = (z > 0).astype(float), RNG.uniform(0.5, 2, shape)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(
        torch.tensor(z), torch.tensor(target), pos_weight=torch.as_tensor(pos_weight)
    )
    actual = binary_cross_entropy_with_logits(z, target, pos_weight=pos_weight)
    assert actual == pytest.approx(expected.item(), rel=1e-14)


def test_smoothed_binary_targets_are_one_half_in_the_limit():
    z = np.array([-2.0, 0.5, 3.0])
    smoothed = binary_cross_entropy_with_logits(z, [0, 1, 1], label_smoothing=1 - 1e-15)
    assert smoothed == pytest.approx(binary_cross_entropy_with_logits(z, [0.5, 0.5, 0.5]))
    two_classes = np.stack([np.zeros(3) - 1e-9, z], axis=1)
    assert binary_cross_entropy_with_logits(z, [0, 1, 1], label_smoothing=0.2) == pytest.approx(
        cross_entropy(two_classes, [0, 1, 1], label_smoothing=0.2), rel=1e-8
    )


# --- scikit-learn ---------------------------------------------------------------------------------


def test_equals_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    pred, target = RNG.standard_normal((2, 6))
    w = {"sample_weight": SAMPLE_WEIGHT}
    signs = np.where(target > 0, 1, -1)
    p = softmax(LOGITS)
    for ours, theirs in [
        (mean_squared_error(pred, target, **w), metrics.mean_squared_error(target, pred, **w)),
        (mean_absolute_error(pred, target, **w), metrics.mean_absolute_error(target, pred, **w)),
        (
            pinball(pred, target, quantile=0.9, **w),
            metrics.mean_pinball_loss(target, pred, alpha=0.9, **w),
        ),
        (hinge(pred, signs, **w), metrics.hinge_loss(signs, pred, **w)),
        (cross_entropy(LOGITS, INDICES, **w), metrics.log_loss(INDICES, p, **w)),
        (cross_entropy_from_probs(p, INDICES, **w), metrics.log_loss(INDICES, p, **w)),
    ]:
        assert ours == pytest.approx(theirs, rel=1e-13)


# --- refusals -------------------------------------------------------------------------------------


@every_loss
def test_weights_of_another_shape_are_never_broadcast(name):
    loss, preds, others = arguments(name)
    shape = np.shape(loss(*preds, *others, reduction="none"))
    for wrong in ((), (1,), (*shape, 1), (*shape[:-1], shape[-1] + 1)):
        with raises(f"{name}: sample_weight has shape {wrong} but the losses have shape {shape};"):
            loss(*preds, *others, sample_weight=np.ones(wrong))


def test_the_shape_error_says_what_to_write():
    x = np.zeros((4, 3))
    with raises("weights of rows use np.broadcast_to(sample_weight[:, None], (4, 3))."):
        mean_squared_error(x, x, sample_weight=np.ones(4))
    with raises("Use sample_weight.reshape((4, 3))."):
        mean_squared_error(x, x, sample_weight=np.ones(12))


@every_loss
def test_weights_that_are_none(name):
    loss, preds, others = arguments(name)
    shape = np.shape(loss(*preds, *others, reduction="none"))

    def call(x, **options):
        w = np.ones(shape)
        w.flat[-1] = x
        return loss(*preds, *others, sample_weight=w, **options)

    with raises(f"{name}: sample_weight holds -2; expected weights >= 0, and finite"):
        call(-2.0)
    with raises(f"{name}: sample_weight holds nan; expected weights >= 0, and finite"):
        call(np.nan)
    with raises(f"{name}: sample_weight holds inf; expected weights >= 0, and finite"):
        call(np.inf, reduction="none")
    with raises(f"{name}: sample_weight requires grad", kind=TypeError):
        loss(*preds, *others, sample_weight=Tensor(np.ones(shape), requires_grad=True))
    zeros = np.zeros(shape)
    with raises(f"{name}: sample_weight is 0 for every sample", "expected at least one"):
        loss(*preds, *others, sample_weight=zeros, reduction="mean")
    assert loss(*preds, *others, sample_weight=zeros, reduction="sum") == 0


@pytest.mark.parametrize("wrong", [["a"] * 4, np.array([1j] * 4), np.array([None] * 4)])
def test_weights_that_are_no_numbers(wrong):
    with pytest.raises(TypeError, match="dtype"):
        mean_squared_error(np.zeros(4), np.zeros(4), sample_weight=wrong)


def test_a_tensor_inside_a_list_of_weights_loses_no_gradient():
    t = Tensor(1.0, requires_grad=True)
    for options in ({"sample_weight": [t] * 6}, {"weight": [t] * 3}):
        with raises("cross_entropy: ", "requires grad, but is a constant", kind=TypeError):
            cross_entropy(LOGITS, INDICES, **options)


def test_only_rows_without_weight_are_left():
    target = np.array([-1, 0, -1, 1, -1, -1])
    with raises("cross_entropy: sample_weight is 0 for every sample (or for every one that is not"):
        cross_entropy(LOGITS, target, ignore_index=-1, sample_weight=[1, 0, 1, 0, 1, 1])


def test_batches_of_different_sizes_have_no_common_weights():
    for name in CASES:
        if len(CASES[name][0]) == 2 and name.endswith(("discriminator", "critic")):
            with raises(f"{name}: real has shape (3,) and fake has shape (2,); sample_weight adds"):
                getattr(losses, name)(np.zeros(3), np.zeros(2), sample_weight=np.ones(3))


# --- float16 --------------------------------------------------------------------------------------


def test_a_hundred_thousand_rows_in_float16():
    # 2**16 is beyond float16: a count or a sum of weights of that size must not be kept in it
    n = 100_000
    z = Tensor(np.tile(np.array([[1.0, 2.0]], np.float16), (n, 1)), requires_grad=True)
    target = np.zeros(n, int)
    expected = np.log1p(np.e)  # of every row
    for options in (
        {"sample_weight": np.full(n, 2.0)},
        {"weight": [2.0, 1.0]},
        {"ignore_index": -1},
        {"ignore_index": -1, "weight": [2.0, 1.0], "sample_weight": np.full(n, 2.0)},
    ):
        loss = cross_entropy(z, target, **options)
        assert loss.dtype == np.float16
        assert loss.item() == pytest.approx(expected, rel=2e-3)
        z.zero_grad()
        (loss * 1024).backward()  # as one does in float16, where 1/100,000 is hardly a number
        p = 1 / (1 + np.e)
        np.testing.assert_allclose(z.grad[0], np.array([p - 1, 1 - p]) * 1024 / n, rtol=1e-2)
    x = np.ones(n, np.float16)
    assert mean_squared_error(x, 3 * x, sample_weight=np.full(n, 1e-6)) == 4
