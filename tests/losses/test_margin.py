"""Hinge losses: against PyTorch, scikit-learn, optax and the numbers of CS231n."""

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_loss import Tensor
from tinygrad_loss.losses import hinge, multiclass_hinge, squared_hinge

from .derivatives import assert_same_as_torch, batches, floats, reductions, shapes

quickly = settings(max_examples=30, deadline=None)

# Stanford CS231n, lecture on loss functions: cat, car and frog, scored as cat, car, frog
CS231N = np.array([[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]])


@st.composite
def signed_batches(draw):
    shape = draw(shapes)
    labels = draw(hnp.arrays(np.int64, shape, elements=st.sampled_from([-1, 1])))
    scores = draw(floats(shape, -3.0, 3.0))
    assume((labels * scores != 1).all())  # the kink
    return scores, labels


@st.composite
def class_batches(draw):
    """Scores without ties, so that the derivatives are unique, and class indices."""
    n, c = draw(batches)
    scores = draw(floats((n, c)))
    target = draw(hnp.arrays(np.int64, n, elements=st.integers(0, c - 1)))
    differences = scores[:, :, None] - scores[:, None, :] + np.eye(c)
    assume((abs(differences) > 1e-9).all())
    return scores, target


@quickly
@given(signed_batches(), reductions)
def test_hinge_equals_pytorch(batch, reduction):
    torch = pytest.importorskip("torch")
    scores, labels = batch
    for loss, power in [(hinge, 1), (squared_hinge, 2)]:

        def textbook(s, power=power):
            losses = torch.clamp(1 - torch.tensor(labels) * s, min=0) ** power
            return losses if reduction == "none" else getattr(losses, reduction)()

        assert_same_as_torch(
            torch, lambda s, loss=loss: loss(s, labels, reduction=reduction), textbook, scores
        )


@quickly
@given(class_batches(), st.floats(0.1, 3.0).map(lambda x: round(x, 3) + 5e-5), reductions)
def test_multiclass_hinge_equals_pytorch(batch, margin, reduction):
    torch = pytest.importorskip("torch")
    scores, target = batch
    n_classes = scores.shape[1]
    index = torch.tensor(target)

    def weston_watkins(s):  # which PyTorch divides by C, and cannot differentiate twice
        own = s.gather(1, index[:, None])
        losses = torch.relu(margin + s - own).sum(1) - margin
        value = losses if reduction == "none" else getattr(losses, reduction)()
        reference = torch.nn.functional.multi_margin_loss(
            s, index, margin=margin, reduction=reduction
        )
        np.testing.assert_allclose(
            value.detach(), n_classes * reference.detach(), rtol=1e-10, atol=1e-12
        )
        return value

    def crammer_singer(s):
        own = s.gather(1, index[:, None])[:, 0]
        rivals = s.masked_fill(torch.nn.functional.one_hot(index, n_classes).bool(), -np.inf)
        losses = torch.relu(margin + rivals.max(1).values - own)
        return losses if reduction == "none" else getattr(losses, reduction)()

    for kind, reference in [("weston_watkins", weston_watkins), ("crammer_singer", crammer_singer)]:
        assert_same_as_torch(
            torch,
            lambda s, kind=kind: multiclass_hinge(
                s, target, margin=margin, kind=kind, reduction=reduction
            ),
            reference,
            scores,
        )


def test_equals_optax():
    # optax 0.2.8: hinge_loss, and multiclass_hinge_loss (Crammer and Singer's)
    np.testing.assert_array_equal(
        hinge([-3.0, -0.5, 0.0, 0.5, 4.0], [1, -1, 1, 1, -1], reduction="none"),
        [4.0, 0.5, 1.0, 0.5, 5.0],
    )
    scores = Tensor([[1.0, 2.0, -1.0], [0.0, -2.0, 3.0]], requires_grad=True)
    loss = multiclass_hinge(scores, [2, 0], reduction="none")
    np.testing.assert_array_equal(loss.data, [4.0, 4.0])
    loss.sum().backward()
    np.testing.assert_array_equal(scores.grad, [[0.0, 1.0, -1.0], [-1.0, 0.0, 1.0]])


def test_equals_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    labels, scores = np.where(np.arange(30) % 3, 1, -1), 2 * rng.standard_normal(30)
    assert hinge(scores, labels) == pytest.approx(metrics.hinge_loss(labels, scores), rel=1e-14)
    target, scores = np.arange(30) % 4, 2 * rng.standard_normal((30, 4))
    expected = metrics.hinge_loss(target, scores)  # Crammer and Singer's
    assert multiclass_hinge(scores, target) == pytest.approx(expected, rel=1e-14)


def test_a_batch_of_one_class_means_what_it_says():
    # sklearn.metrics.hinge_loss guesses what the only label means, and returns 1.2 here
    scores, labels = [0.2, -0.3], [1, 1]
    assert hinge(scores, labels) == pytest.approx((0.8 + 1.3) / 2)


def test_numbers_of_cs231n():
    losses = multiclass_hinge(CS231N, [0, 1, 2], kind="weston_watkins", reduction="none")
    np.testing.assert_allclose(losses, [2.9, 0.0, 12.9], atol=1e-12)
    assert multiclass_hinge(CS231N, [0, 1, 2], kind="weston_watkins") == pytest.approx(
        5.27, abs=5e-3
    )


@quickly
@given(class_batches(), st.floats(0.1, 3.0))
def test_every_rival_costs_at_least_as_much_as_the_nearest(batch, margin):
    nearest = multiclass_hinge(*batch, margin=margin, reduction="none")
    every = multiclass_hinge(*batch, margin=margin, kind="weston_watkins", reduction="none")
    assert (every >= nearest - 1e-12).all()
    if batch[0].shape[1] == 2:
        np.testing.assert_allclose(every, nearest, atol=1e-12)


def test_gradient_at_the_kink_and_at_ties():
    scores = Tensor([1.0, -1.0], requires_grad=True)
    hinge(scores, [1, -1]).backward()
    np.testing.assert_array_equal(scores.grad, [0.0, 0.0])
    scores = Tensor([[0.0, 2.0, 2.0]], requires_grad=True)
    multiclass_hinge(scores, [0]).backward()
    np.testing.assert_array_equal(scores.grad, [[-1.0, 0.5, 0.5]])


@pytest.mark.parametrize("kind", ["crammer_singer", "weston_watkins"])
def test_one_sample_without_a_batch(kind):
    loss = multiclass_hinge(CS231N[0], 0, kind=kind, reduction="none")
    assert loss.shape == ()
    assert loss == pytest.approx(2.9)


def test_unsigned_labels_do_not_wrap_around():
    # 2*y - 1 in uint8 is 255 for y = 0, and -y is 255 for y = 1
    labels = np.array([1, 1], np.uint8)
    np.testing.assert_allclose(hinge([0.5, -0.5], labels, reduction="none"), [0.5, 1.5])


@pytest.mark.parametrize(("dtype", "score"), [(np.float16, 4096), (np.float32, 1e9), (float, 1e17)])
@pytest.mark.parametrize(("kind", "cost"), [("crammer_singer", 1), ("weston_watkins", 2)])
def test_the_margin_is_not_lost_in_the_rounding_of_large_scores(dtype, score, kind, cost):
    assert multiclass_hinge(np.full((1, 3), score, dtype), [0], kind=kind) == cost


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize("kind", ["crammer_singer", "weston_watkins"])
def test_multiclass_hinge_at_the_largest_scores(dtype, kind):
    """A lead that leaves the range costs nothing, without a warning; s - 0 costs s."""
    s = 0.6 * float(np.finfo(dtype).max)
    for row, y, cost, slopes in [([s, -s, -s], 0, 0, [0, 0, 0]), ([s, 0, -s], 1, s, [1, -1, 0]),
                                 ([s, -s, -s], 1, np.inf, None)]:  # fmt: skip
        scores = Tensor(np.array(row, dtype), requires_grad=True)
        loss = multiclass_hinge(scores, y, kind=kind)
        loss.backward()
        np.testing.assert_allclose(float(loss.item()), cost, rtol=1e-3)
        if slopes:
            np.testing.assert_array_equal(scores.grad, slopes)
