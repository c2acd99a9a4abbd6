"""Losses of embeddings: against PyTorch and optax, and where distances are 0."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_loss import Tensor, gradients
from tinygrad_loss.losses import contrastive, cosine_embedding, nt_xent, triplet

from .derivatives import assert_same_as_torch, floats, reductions

quickly = settings(max_examples=30, deadline=None)


@st.composite
def embeddings(draw, count, min_rows=1):
    """Batches (N, D) of distinct embeddings that are not 0."""
    shape = (draw(st.integers(min_rows, 4)), draw(st.integers(1, 4)))
    found = [draw(floats(shape)) for _ in range(count)]
    for i, x in enumerate(found):
        assume((np.linalg.norm(x, axis=1) > 0.1).all())
        for y in found[:i]:
            assume((np.linalg.norm(x - y, axis=1) > 0.1).all())
    return found


def reduced(losses, reduction):
    return losses if reduction == "none" else getattr(losses, reduction)()


@quickly
@given(embeddings(2), st.data(), st.floats(0.1, 5.0), reductions)
def test_contrastive_equals_its_textbook_form_in_pytorch(pair, data, margin, reduction):
    torch = pytest.importorskip("torch")
    same = data.draw(hnp.arrays(np.int64, len(pair[0]), elements=st.integers(0, 1)))
    assume((abs(np.linalg.norm(pair[0] - pair[1], axis=1) - margin) > 1e-6).all())

    def textbook(a, b):
        d, y = torch.linalg.vector_norm(a - b, dim=1), torch.tensor(same)
        return reduced(y * d**2 / 2 + (1 - y) * torch.relu(margin - d) ** 2 / 2, reduction)

    assert_same_as_torch(
        torch,
        lambda a, b: contrastive(a, b, same, margin=margin, reduction=reduction),
        textbook,
        *pair,
    )


@quickly
@given(embeddings(3), st.floats(0.1, 3.0), st.booleans(), st.booleans(), reductions)
def test_triplet_equals_pytorch_with_the_exact_distance(triple, margin, squared, swap, reduction):
    torch = pytest.importorskip("torch")

    def distance(x, y):
        d = torch.linalg.vector_norm(x - y, dim=1)
        return d**2 if squared else d

    losses = triplet(*triple, margin=margin, squared=squared, swap=swap, reduction="none")
    assume((abs(losses) > 1e-6).all() or (losses == 0).all())
    to_negative = [np.linalg.norm(x - triple[2], axis=1) for x in triple[:2]]
    assume((abs(to_negative[0] - to_negative[1]) > 1e-6).all())
    assert_same_as_torch(
        torch,
        lambda a, p, n: triplet(
            a, p, n, margin=margin, squared=squared, swap=swap, reduction=reduction
        ),
        lambda a, p, n: torch.nn.functional.triplet_margin_with_distance_loss(
            a, p, n, distance_function=distance, margin=margin, swap=swap, reduction=reduction
        ),
        *triple,
    )


@quickly
@given(embeddings(2), st.data(), st.floats(-0.9, 0.9), reductions)
def test_cosine_embedding_equals_pytorch(pair, data, margin, reduction):
    torch = pytest.importorskip("torch")
    label = data.draw(hnp.arrays(np.int64, len(pair[0]), elements=st.sampled_from([-1, 1])))
    lengths = [np.linalg.norm(x, axis=1) for x in pair]
    cosine = (pair[0] * pair[1]).sum(1) / lengths[0] / lengths[1]
    assume((abs(cosine - margin) > 1e-6).all())
    y = torch.tensor(label)

    def textbook(a, b):  # PyTorch's own adds 1e-12 to the squared lengths
        cos = (
            (a * b).sum(1) / torch.linalg.vector_norm(a, dim=1) / torch.linalg.vector_norm(b, dim=1)
        )
        value = reduced(torch.where(y == 1, 1 - cos, torch.relu(cos - margin)), reduction)
        reference = torch.nn.functional.cosine_embedding_loss(a, b, y, margin, reduction=reduction)
        torch.testing.assert_close(value, reference, rtol=1e-9, atol=1e-9)
        return value

    assert_same_as_torch(
        torch,
        lambda a, b: cosine_embedding(a, b, label, margin=margin, reduction=reduction),
        textbook,
        *pair,
    )


@quickly
@given(embeddings(2, min_rows=2), st.floats(0.2, 3.0), reductions)
def test_nt_xent_equals_its_textbook_form_in_pytorch(pair, temperature, reduction):
    torch = pytest.importorskip("torch")

    def textbook(a, b):
        z = torch.nn.functional.normalize(torch.cat([a, b]), dim=1)
        n = len(a)
        e = torch.exp(z @ z.T / temperature)
        losses = []
        for i in range(2 * n):
            others = sum(e[i, k] for k in range(2 * n) if k != i)
            losses.append(-torch.log(e[i, (i + n) % (2 * n)] / others))
        return reduced(torch.stack(losses), reduction)

    assert_same_as_torch(
        torch,
        lambda a, b: nt_xent(a, b, temperature=temperature, reduction=reduction),
        textbook,
        *pair,
    )


def test_equals_optax():
    # optax 0.2.8, float64: ntxent, cosine_similarity, triplet_margin_loss (1e-6 in its roots)
    a = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 0.5]])
    b = np.array([[1.0, 1.0], [-2.0, -1.0], [0.5, 0.5]])
    c = np.array([[0.0, 2.0], [3.0, 1.0], [1.5, 0.5]])
    assert nt_xent(a, b, temperature=0.5) == pytest.approx(1.6197749248192095, rel=1e-12)
    np.testing.assert_allclose(
        cosine_embedding(a, b, [1, 1, 1], reduction="none"),
        1 - np.array([0.9486832980505137, -0.7071067811865475, 1.0]),
        atol=1e-15,
    )
    losses = triplet(a, b, c, margin=1.0, reduction="none")
    np.testing.assert_allclose(losses[:2], [1.0, 3.999999850000015], atol=1e-6)
    assert losses[2] == 0  # 0.0009995 in optax, for whose roots the distance 0 is 0.001


@quickly
@given(embeddings(3), st.floats(0.1, 3.0))
def test_two_triplets_that_want_the_opposite_cost_two_margins(triple, margin):
    a, p, n = triple
    both = triplet(a, p, n, margin=margin, reduction="none") + triplet(
        a, n, p, margin=margin, reduction="none"
    )
    assert (both >= 2 * margin - 1e-12).all()


# --- where the distance is 0 ----------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_coincident_embeddings_have_exact_losses_and_no_nan(dtype):
    x = np.array([[1.0, 2.0], [1.0, 2.0], [0.0, 0.0]], dtype)
    same = [1, 0, 0]
    for loss, expected in [
        (lambda a, b: contrastive(a, b, same, margin=2.0, reduction="none"), [0.0, 2.0, 2.0]),
        (lambda a, b: triplet(a, b, b, margin=2.0, reduction="none"), [2.0, 2.0, 2.0]),
        (lambda a, b: triplet(a, b, b, squared=True, reduction="none"), [1.0, 1.0, 1.0]),
        (lambda a, b: cosine_embedding(a, b, [1, -1, 1], reduction="none"), [0.0, 1.0, 1.0]),
    ]:
        a, b = Tensor(x, requires_grad=True), Tensor(x, requires_grad=True)
        value = loss(a, b)
        np.testing.assert_allclose(value.data, expected, atol=1e-6)
        value.sum().backward()
        for t in (a, b):
            np.testing.assert_allclose(t.grad, 0, atol=1e-7)
            assert t.grad.dtype == dtype


def test_an_identical_positive_pair_pulls_as_a_spring_does():
    # the textbook composition, D^2/2 with D a root, has a NaN gradient here
    a = Tensor([[1.0, 2.0]], requires_grad=True)
    (first,) = gradients(contrastive(a, [[1.0, 2.0]], [1]), [a], create_graph=True)
    np.testing.assert_array_equal(first.data, 0)
    np.testing.assert_array_equal(gradients(first.sum(), [a])[0].data, 1)


def test_zero_vectors_have_no_direction():
    a = Tensor([[0.0, 0.0], [3.0, 4.0]], requires_grad=True)
    loss = cosine_embedding(a, [[1.0, 0.0], [0.0, 0.0]], [1, 1], reduction="none")
    np.testing.assert_array_equal(loss.data, [1.0, 1.0])
    loss.sum().backward()
    np.testing.assert_array_equal(a.grad, 0)
    loss = nt_xent(a, a, temperature=1.0)
    a.zero_grad()
    loss.backward()
    assert np.isfinite(loss.item())
    np.testing.assert_array_equal(a.grad[0], 0)


def test_collapsed_embeddings_are_seen_in_the_loss():
    point = np.ones((4, 3))
    assert triplet(point, point, point, margin=0.7) == pytest.approx(0.7)
    assert nt_xent(point, point) == pytest.approx(math.log(2 * 4 - 1))


def test_one_pair_without_a_batch():
    a, b = np.array([3.0, 4.0]), np.array([0.0, 0.0])
    assert contrastive(a, b, True, reduction="none") == 12.5
    assert triplet(a, b, b, reduction="none") == 1.0
    assert cosine_embedding(a, [4.0, 3.0], 1) == pytest.approx(1 - 24 / 25)


@pytest.mark.parametrize("shape", [(0,), (2, 0), (0, 0)])
@pytest.mark.parametrize("loss", [contrastive, cosine_embedding, nt_xent, triplet])
def test_embeddings_without_numbers(loss, shape):
    x, name = np.ones(shape), loss.__name__
    others = {"nt_xent": [], "triplet": [x]}.get(name, [1])
    with pytest.raises(ValueError, match=rf"^{name}: the shapes are .*; expected .* D > 0"):
        loss(x, x, *others)
