"""Classification losses: against PyTorch, scikit-learn, optax and published numbers."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_loss import Tensor, gradients, softmax
from tinygrad_loss.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    cross_entropy_from_probs,
    kl_divergence,
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

# --- cross-entropy --------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ignore_index", [None, -100, 0])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_cross_entropy_of_indices_equals_pytorch(weighted, ignore_index, smoothing):
    torch = pytest.importorskip("torch")

    @settings(max_examples=8, deadline=None)
    @given(class_batches(), st.integers(0, 10**6), reductions)
    def check(batch, seed, reduction):
        logits, target = batch
        weight = np.random.default_rng(seed).uniform(0.1, 2.0, logits.shape[1])
        if ignore_index is not None:  # some count, the first one among them
            target = np.where(np.arange(len(target)) % 2, ignore_index, target)
            target[0] = 1
        options = {"label_smoothing": smoothing, "reduction": reduction}
        reference = torch.nn.CrossEntropyLoss(
            weight=torch.tensor(weight) if weighted else None,
            ignore_index=-1000 if ignore_index is None else ignore_index,
            **options,
        )
        assert_same_as_torch(
            torch,
            lambda z: cross_entropy(
                z,
                target,
                weight=weight if weighted else None,
                ignore_index=ignore_index,
                **options,
            ),
            lambda z: reference(z, torch.tensor(target)),
            logits,
        )

    check()


@quickly
@given(class_batches(probabilities=True), st.data(), reductions)
def test_cross_entropy_of_probabilities_equals_pytorch(batch, data, reduction):
    torch = pytest.importorskip("torch")
    logits, target = batch
    weight = data.draw(st.none() | floats((logits.shape[1],), 0.1, 2.0))
    smoothing = data.draw(st.sampled_from([0.0, 0.1, 0.5]))
    reference = torch.nn.CrossEntropyLoss(
        weight=None if weight is None else torch.tensor(weight),
        label_smoothing=smoothing,
        reduction=reduction,
    )
    assert_same_as_torch(
        torch,
        lambda z: cross_entropy(
            z, target, weight=weight, label_smoothing=smoothing, reduction=reduction
        ),
        lambda z: reference(z, torch.tensor(target)),
        logits,
    )


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64])
def test_indices_of_any_integer_dtype_lists_and_tensors(dtype):
    logits = np.array([[1.0, 2.0, -1.0], [0.0, -2.0, 3.0]])
    expected = [3.349012216768186, 3.0549852353771474]  # optax 0.2.8, float64
    for target in (np.array([2, 0], dtype), [2, 0], Tensor(np.array([2, 0], dtype))):
        loss = cross_entropy(logits, target, reduction="none")
        np.testing.assert_allclose(loss, expected, rtol=1e-14)


def test_cross_entropy_and_kl_equal_optax():
    # optax 0.2.8, float64: softmax_cross_entropy and kl_divergence, with gradient
    logits = Tensor([[1.0, 2.0, -1.0], [0.0, -2.0, 3.0]], requires_grad=True)
    target = [[0.2, 0.3, 0.5], [0.0, 0.9, 0.1]]
    gradient = [
        [0.059496460342419094, 0.4053845126982412, -0.4648809730406603],
        [0.04712341652466415, -0.8936225390775577, 0.8464991225528936],
    ]
    for loss, expected in [
        (cross_entropy(logits, target, reduction="none"), [2.0490122167681863, 4.554985235377147]),
        (
            kl_divergence(logits.log_softmax(), target, reduction="none"),
            [1.0193592027036127, 4.2299022619857],
        ),
    ]:
        np.testing.assert_allclose(loss.data, expected, rtol=1e-13)
        (actual,) = gradients(loss.sum(), [logits])
        np.testing.assert_allclose(actual.data, gradient, rtol=1e-12)


def test_one_sample_without_a_batch():
    logits = Tensor([1.0, 2.0, -1.0], requires_grad=True)
    expected = 3.349012216768186  # optax, as above
    for target in (2, np.array(2), [0.0, 0.0, 1.0]):
        for reduction in ("mean", "sum", "none"):
            loss = cross_entropy(logits, target, reduction=reduction)
            assert loss.shape == ()
            assert loss.item() == pytest.approx(expected, rel=1e-14)


def test_numbers_of_the_textbook():
    # experiments: [0, 0, 1] against [.1, .2, .7] is -log 0.7 = 0.35667 nats, 0.51457 bits
    probs = [[0.1, 0.2, 0.7]]
    for target in ([2], [[0.0, 0.0, 1.0]]):
        assert cross_entropy_from_probs(probs, target) == pytest.approx(0.35667, abs=5e-6)
        assert cross_entropy_from_probs(probs, target, base=2) == pytest.approx(0.51457, abs=5e-6)
    logits = np.log(probs)
    assert cross_entropy(logits, [2], base=2) == pytest.approx(0.51457, abs=5e-6)
    assert cross_entropy(logits, [2], base=10) == pytest.approx(-math.log10(0.7), rel=1e-14)
    assert binary_cross_entropy([0.7], [1], base=2) == pytest.approx(0.51457, abs=5e-6)


def test_ignored_rows_may_hold_anything():
    logits = Tensor([[1.0, 2.0], [np.nan, np.inf], [-np.inf, -np.inf]], requires_grad=True)
    loss = cross_entropy(logits, [0, -100, -100], ignore_index=-100)
    assert loss.item() == pytest.approx(math.log1p(math.e), rel=1e-14)
    loss.backward()
    assert np.isfinite(logits.grad).all()
    np.testing.assert_array_equal(logits.grad[1:], 0)


@quickly
@given(class_batches())
def test_gradient_of_cross_entropy_is_softmax_minus_one_hot(batch):
    logits, target = Tensor(batch[0], requires_grad=True), batch[1]
    n, c = logits.shape
    cross_entropy(logits, target).backward()
    p = np.exp(batch[0]) / np.exp(batch[0]).sum(1, keepdims=True)
    np.testing.assert_allclose(logits.grad, (p - np.eye(c)[target]) / n, atol=1e-14)
    np.testing.assert_allclose(logits.grad.sum(1), 0, atol=1e-15)


@quickly
@given(class_batches(probabilities=True), st.floats(-1e3, 1e3))
def test_cross_entropy_does_not_change_when_all_logits_shift(batch, shift):
    logits, target = batch
    shifted = cross_entropy(logits + shift, target)
    assert shifted == pytest.approx(cross_entropy(logits, target), abs=1e-11)


@quickly
@given(floats((4,)), st.integers(0, 3))
def test_hessian_of_cross_entropy_is_that_of_the_softmax(logits, target):
    z = Tensor(logits + 7, requires_grad=True)  # it does not matter, but no row looks like softmax
    (g,) = gradients(cross_entropy(z, target), [z], create_graph=True)
    hessian = np.stack([gradients(g[i], [z])[0].data for i in range(4)])
    p = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(hessian, np.diag(p) - np.outer(p, p), atol=1e-15)


@given(st.integers(2, 50))
def test_uniform_prediction_costs_the_logarithm_of_the_number_of_classes(n_classes):
    assert cross_entropy(np.zeros((3, n_classes)), [0, 1, 1]) == pytest.approx(math.log(n_classes))


@quickly
@given(class_batches(probabilities=True))
def test_gradient_reaches_probability_targets(batch):
    torch = pytest.importorskip("torch")
    assert_same_as_torch(
        torch,
        lambda z, t: cross_entropy(z, softmax(t)),
        lambda z, t: torch.nn.functional.cross_entropy(z, torch.softmax(t, -1)),
        *batch,
    )


def test_gradient_reaches_the_target_of_a_class_that_has_probability_0():
    target = Tensor([[0.0, 1.0, 0.0]], requires_grad=True)
    logits = Tensor([[1.0, 2.0, -np.inf]], requires_grad=True)
    cross_entropy(logits, target).backward()
    minus_log_p = np.log(np.e + np.e**2) - logits.data
    np.testing.assert_allclose(target.grad[0, :2], minus_log_p[0, :2], rtol=1e-14)
    assert target.grad[0, 2] == 0  # not inf: "0 * -inf = 0" also holds for the gradient


# --- softmax given as logits ----------------------------------------------------------------------


def test_softmax_output_as_logits_is_warned_of_at_the_line_of_the_caller():
    probs = softmax(np.random.default_rng(0).standard_normal((5, 10)))
    for given_ in (probs, Tensor(probs), probs.astype(np.float32), probs[0]):
        target = 3 if given_.ndim == 1 else [3] * 5
        with pytest.warns(UserWarning, match=r"pass what went into yours.*below 1\.461") as record:
            cross_entropy(given_, target)
        assert record[0].filename == __file__


@pytest.mark.parametrize(
    "row", [[0.2, 0.3, 0.6], [0.2, 1.2, -0.4], [1.0, 0.0, 0.5], [np.nan, 0.5, 0.5]]
)
def test_one_row_that_is_no_distribution_is_enough_not_to_warn(row):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cross_entropy([[0.5, 0.25, 0.25], row], [0, 1])
        cross_entropy([row, [0.5, 0.25, 0.25]], [0, 1])


def test_the_floor_of_a_second_softmax():
    # log(1 + 9/e) = 1.461: what is left when the first softmax is certain and right
    with pytest.warns(UserWarning, match="softmax"):
        loss = cross_entropy(np.eye(10), np.arange(10))
    assert loss == pytest.approx(1.461, abs=5e-4)


# --- probabilities --------------------------------------------------------------------------------


@quickly
@given(class_batches(probabilities=True), reductions)
def test_cross_entropy_from_probs_is_cross_entropy_without_its_softmax(batch, reduction):
    logits, target = batch
    expected = ours(lambda z: cross_entropy(z, target, reduction=reduction), logits)
    actual = ours(
        lambda z: cross_entropy_from_probs(softmax(z), target, reduction=reduction), logits
    )
    assert_same(actual, expected)
    indices = target.argmax(1)
    expected = ours(lambda z: cross_entropy(z, indices, reduction=reduction), logits)
    actual = ours(
        lambda z: cross_entropy_from_probs(softmax(z), indices, reduction=reduction), logits
    )
    assert_same(actual, expected)


@settings(max_examples=15, deadline=None)
@given(class_batches())
def test_cross_entropy_from_probs_equals_scikit_learns_log_loss(batch):
    metrics = pytest.importorskip("sklearn.metrics")
    probs, target = softmax(batch[0]), batch[1]
    expected = metrics.log_loss(target, probs, labels=np.arange(probs.shape[1]))
    assert cross_entropy_from_probs(probs, target) == pytest.approx(expected, rel=1e-12)


@quickly
@given(binary_batches(0.01, 0.99), reductions)
def test_binary_cross_entropy_equals_pytorch(batch, reduction):
    torch = pytest.importorskip("torch")
    probs, target = batch
    y = torch.tensor(target)

    def textbook(p):  # the second derivative of PyTorch's own has an epsilon in it
        losses = -(y * torch.log(p) + (1 - y) * torch.log(1 - p))
        value = losses if reduction == "none" else getattr(losses, reduction)()
        reference = torch.nn.functional.binary_cross_entropy(p, y, reduction=reduction)
        torch.testing.assert_close(value, reference, rtol=1e-12, atol=1e-12)
        return value

    assert_same_as_torch(
        torch,
        lambda p: binary_cross_entropy(p, target, reduction=reduction),
        textbook,
        probs,
    )


def test_probabilities_of_0_and_1_cost_as_much_as_eps():
    # 27.63 = -log 1e-12, where PyTorch says 100, scikit-learn 36.04 and Keras 16.12
    probs = Tensor([0.0, 1.0, 0.0, 1.0], requires_grad=True)
    loss = binary_cross_entropy(probs, [1, 0, 0, 1], reduction="none")
    np.testing.assert_allclose(
        loss.data, [27.631021115928547, 27.631021115928547, 0, 0], rtol=1e-12
    )
    loss.sum().backward()
    assert np.isfinite(probs.grad).all()
    assert binary_cross_entropy([0.0], [1], eps=1e-3) == pytest.approx(-math.log(1e-3))
    rows = Tensor([[0.0, 1.0], [1.0, 0.0]], requires_grad=True)
    for target in ([0, 0], [[1.0, 0.0], [1.0, 0.0]]):
        loss = cross_entropy_from_probs(rows, target, reduction="none")
        np.testing.assert_allclose(loss.data, [27.631021115928547, 0], rtol=1e-12)
        loss.sum().backward()
    assert np.isfinite(rows.grad).all()


@quickly
@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_soft_binary_cross_entropy_has_its_minimum_at_the_target(y, p):
    entropy = -(y * math.log(y) + (1 - y) * math.log(1 - y))
    assert binary_cross_entropy([y], [y]) == pytest.approx(entropy, rel=1e-12)
    assert binary_cross_entropy([p], [y]) >= entropy - 1e-12


# --- binary logits --------------------------------------------------------------------------------


@quickly
@given(binary_batches(), st.data(), reductions)
def test_binary_cross_entropy_with_logits_equals_pytorch(batch, data, reduction):
    torch = pytest.importorskip("torch")
    logits, target = batch
    pos_weight = data.draw(st.none() | st.floats(0.1, 5.0) | floats(logits.shape[-1:], 0.1, 5.0))
    reference = torch.nn.BCEWithLogitsLoss(
        pos_weight=None if pos_weight is None else torch.as_tensor(pos_weight, dtype=torch.float64),
        reduction=reduction,
    )
    assert_same_as_torch(
        torch,
        lambda z: binary_cross_entropy_with_logits(
            z, target, pos_weight=pos_weight, reduction=reduction
        ),
        lambda z: reference(z, torch.tensor(target)),
        logits,
    )


def test_binary_cross_entropy_with_logits_equals_optax():
    # optax 0.2.8 sigmoid_binary_cross_entropy, float64
    logits = Tensor([-3.0, -0.5, 0.0, 0.5, 4.0], requires_grad=True)
    loss = binary_cross_entropy_with_logits(logits, [1, 0, 1, 1, 0], reduction="none")
    expected = [3.048587351574, 0.4740769841801, 0.6931471805599, 0.4740769841801, 4.018149927918]
    np.testing.assert_allclose(loss.data, expected, rtol=1e-12)
    loss.sum().backward()
    expected = [-0.9525741268224, 0.3775406687981, -0.5, -0.3775406687981, 0.9820137900379]
    np.testing.assert_allclose(logits.grad, expected, rtol=1e-12)


def test_derivatives_at_the_logit_0_where_every_model_starts():
    # max(z, 0) - z y + log1p(exp(-|z|)), the usual stable form, gives 0 or -1, and then 0
    z = Tensor(0.0, requires_grad=True)
    (first,) = gradients(binary_cross_entropy_with_logits(z, 1.0), [z], create_graph=True)
    assert first.item() == -0.5
    assert gradients(first, [z])[0].item() == 0.25


@quickly
@given(floats((5,)), hnp.arrays(np.int64, 5, elements=st.integers(0, 1)), reductions)
def test_one_logit_is_two_with_the_first_at_0(logits, target, reduction):
    zeros = np.zeros((5, 1)) - 1e-9  # not quite 0, or a row (0, 1) would look like softmax output

    def two(z):
        columns = np.concatenate([zeros + 0 * z.reshape(-1, 1), z.reshape(-1, 1) + zeros], axis=1)
        return cross_entropy(columns, target, reduction=reduction)

    one = ours(lambda z: binary_cross_entropy_with_logits(z, target, reduction=reduction), logits)
    assert_same(ours(two, logits), one)


# --- Kullback-Leibler -----------------------------------------------------------------------------


@quickly
@given(class_batches(probabilities=True), st.sampled_from(["mean", "sum"]))
def test_kl_divergence_equals_pytorchs_batchmean(batch, reduction):
    torch = pytest.importorskip("torch")
    logits, target = batch
    assert_same_as_torch(
        torch,
        lambda z: kl_divergence(z.log_softmax(), target, reduction=reduction),
        lambda z: torch.nn.functional.kl_div(
            torch.log_softmax(z, -1),
            torch.tensor(target),
            reduction="batchmean" if reduction == "mean" else "sum",
        ),
        logits,
    )


@quickly
@given(class_batches(probabilities=True))
def test_kl_is_cross_entropy_minus_entropy_and_0_where_equal(batch):
    logits, target = batch
    entropy = -np.where(target > 0, target * np.log(np.where(target > 0, target, 1)), 0).sum(1)
    kl = kl_divergence(Tensor(logits).log_softmax(), target, reduction="none")
    np.testing.assert_allclose(
        kl.data, cross_entropy(logits, target, reduction="none") - entropy, atol=1e-13
    )
    assert (kl.data >= -1e-13).all()
    own = softmax(logits)
    np.testing.assert_allclose(kl_divergence(np.log(own), own, reduction="none"), 0, atol=1e-14)


def test_gradient_of_kl_reaches_the_target():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    assert_same_as_torch(
        torch,
        lambda z, t: kl_divergence(z.log_softmax(), t.softmax()),
        lambda z, t: torch.nn.functional.kl_div(
            z.log_softmax(-1), t.softmax(-1), reduction="batchmean"
        ),
        rng.standard_normal((3, 4)),
        rng.standard_normal((3, 4)),
    )
