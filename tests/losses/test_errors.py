"""Whoever uses a loss wrongly is told what was given, what is expected, and what to do."""

import re

import numpy as np
import pytest

from tinygrad_loss import Tensor, softmax
from tinygrad_loss.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    binary_focal,
    contrastive,
    cosine_embedding,
    cross_entropy,
    cross_entropy_from_probs,
    discriminator,
    focal,
    generator_minimax,
    generator_non_saturating,
    gradient_penalty,
    hinge,
    hinge_discriminator,
    hinge_generator,
    huber,
    kl_divergence,
    least_squares_discriminator,
    least_squares_generator,
    log_cosh,
    mean_absolute_error,
    mean_squared_error,
    multiclass_hinge,
    nt_xent,
    pinball,
    squared_hinge,
    sum_squared_error,
    triplet,
    wasserstein_critic,
    wasserstein_generator,
)
from tinygrad_loss.regularizers import l1, l2

ELEMENTWISE = [
    sum_squared_error,
    mean_squared_error,
    mean_absolute_error,
    huber,
    log_cosh,
    pinball,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    binary_focal,
    hinge,
    squared_hinge,
]
BY_INDEX = [cross_entropy, cross_entropy_from_probs, focal, multiclass_hinge]
LOGITS = np.array([[2.0, 1.0, 0.0], [0.0, 3.0, 1.0]])
PROBS = softmax(LOGITS)
PAIR = np.array([[1.0, 2.0], [3.0, 4.0]])


def scores_for(loss):
    return PROBS if loss is cross_entropy_from_probs else LOGITS


def raises(*words, kind=ValueError):
    """The error's message holds all the words, in this order."""
    return pytest.raises(kind, match="(?s)" + ".*".join(map(re.escape, words)))


# --- shapes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ELEMENTWISE)
def test_a_column_against_a_vector_is_refused_by_every_elementwise_loss(loss):
    column, vector = np.ones((4, 1)), np.ones(4)
    names = r": (pred|probs|logits|scores) has shape \(4, 1\) but (target|labels) has shape \(4,\)"
    with pytest.raises(ValueError, match=f"^{loss.__name__}{names}; they must be equal"):
        loss(column, vector)
    with raises(loss.__name__, "(4,)", "(4, 1)", "Reshape one, e.g.", ".reshape(-1)."):
        loss(Tensor(vector), Tensor(column))


def test_the_message_word_for_word():
    with pytest.raises(ValueError) as error:
        mean_squared_error(np.zeros((4, 1)), np.zeros(4))
    assert str(error.value) == (
        "mean_squared_error: pred has shape (4, 1) but target has shape (4,); they must be equal. "
        "Reshape one, e.g. target.reshape(-1, 1)."
    )


@pytest.mark.parametrize("target", [np.zeros(()), np.zeros((3, 1)), np.zeros((1, 4)), 0.0])
def test_nothing_is_broadcast(target):
    with raises("mean_squared_error", "(3, 4)", "they must be equal", "a target of its own"):
        mean_squared_error(np.zeros((3, 4)), target)


def test_kl_divergence_shapes():
    with raises("kl_divergence: log_probs has shape (2, 3) but target has shape (3,)"):
        kl_divergence(np.log(PROBS), PROBS[0])


@pytest.mark.parametrize(
    ("loss", "labels"), [(contrastive, [1, 0]), (cosine_embedding, [1, -1]), (nt_xent, None)]
)
def test_embeddings_of_different_shapes(loss, labels):
    rest = () if labels is None else (labels,)
    with raises(loss.__name__, "a (2, 2), b (1, 2)", "expected equal shapes"):
        loss(PAIR, PAIR[:1], *rest)
    if labels is not None:
        name = "same" if loss is contrastive else "label"
        with raises(loss.__name__, f"{name} has shape (2, 1)", "expected (2,)", "reshape(-1)"):
            loss(PAIR, PAIR, [[x] for x in labels])
        with raises(loss.__name__, f"{name} has shape (3,)", "expected (2,)"):
            loss(PAIR, PAIR, [1, 1, 1])


def test_triplet_shapes():
    with raises("triplet: the shapes are anchor (2, 2), positive (2, 2), negative (2,); expected"):
        triplet(PAIR, PAIR, PAIR[0])
    with raises("triplet", "expected equal shapes (N, D)"):
        triplet(*[np.zeros((2, 2, 2))] * 3)


@pytest.mark.parametrize("x", [PAIR[:1], PAIR[0]])
def test_nt_xent_needs_two_pairs(x):
    with raises("nt_xent", str(x.shape), "N >= 2 pairs"):
        nt_xent(x, x)


# --- class indices --------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", BY_INDEX)
def test_class_indices(loss):
    scores, name = scores_for(loss), loss.__name__
    with raises(name, "class index 3 is out of range for 3 classes", "start at 1? subtract 1"):
        loss(scores, [1, 3])
    with raises(name, "class index -1 is negative", "silently read"):
        loss(scores, [-1, 0])
    with raises(name, "dtype float64 and shape (2,)", "integer class indices", "astype(int)"):
        loss(scores, [1.0, 0.0])
    with raises(name, "dtype bool", "integer class indices"):
        loss(scores, [True, False])
    with raises(name, "shape (2, 1)", "class indices of shape (2,)", "use target.reshape(-1)"):
        loss(scores, [[1], [0]])
    with raises(name, "One-hot rows?", "argmax"):
        loss(scores, [[0, 1, 0], [1, 0, 0]])
    with raises(name, "shape (3,)", "the same batch?"):
        loss(scores, [0, 1, 2])
    with raises(name, "shape (2,)", "class indices of shape ()"):
        loss(scores[0], [0, 1])
    with raises(name, "(2, 1)", "two or more classes", "use "):
        loss(scores[:, :1], [0, 0])
    with raises(name, "(1, 2, 3)", "expected (N, C)"):
        loss(scores[None], [0, 0])


@pytest.mark.parametrize(
    ("loss", "instead"),
    [
        (cross_entropy, "binary_cross_entropy_with_logits"),
        (cross_entropy_from_probs, "binary_cross_entropy."),
        (focal, "binary_focal"),
        (multiclass_hinge, "hinge"),
    ],
)
def test_one_column_has_a_loss_of_its_own(loss, instead):
    with raises(loss.__name__, instead):
        loss(np.ones((2, 1)), [0, 0])


def test_ignore_index():
    assert cross_entropy(LOGITS, [-1, 1], ignore_index=-1) > 0
    with raises("cross_entropy: class index -2 is negative"):
        cross_entropy(LOGITS, [-1, -2], ignore_index=-1)
    with raises("cross_entropy: every target is ignored", "skip"):
        cross_entropy(LOGITS, [-1, -1], ignore_index=-1)
    assert cross_entropy(LOGITS, [-1, -1], ignore_index=-1, reduction="sum") == 0
    with raises("cross_entropy: ignore_index=-1", "probability targets", "target[kept]"):
        cross_entropy(LOGITS, PROBS, ignore_index=-1)


@pytest.mark.parametrize("loss", [cross_entropy, cross_entropy_from_probs])
def test_probability_targets(loss):
    name, scores = loss.__name__, scores_for(loss)
    with raises(name, "target holds a negative probability, -0.5"):
        loss(scores, [[1.5, -0.5, 0.0], [1.0, 0.0, 0.0]])
    with raises(name, "a row of target sums to 0.9", "sum to 1", "astype(int)"):
        loss(scores, [[0.5, 0.25, 0.25], [0.5, 0.2, 0.2]])
    with raises(name, "dtype float64", "or float probabilities of shape (2, 3)"):
        loss(scores, [[0.5, 0.5], [0.5, 0.5]])


def test_probabilities_in_float32_may_be_rounded():
    target = softmax(np.random.default_rng(0).standard_normal((50, 1000))).astype(np.float32)
    cross_entropy(np.zeros((50, 1000)), target)


@pytest.mark.parametrize("target", [[0, 1], PROBS])
def test_weights_of_classes(target):
    with raises("cross_entropy: weight has shape (2,); expected (3,)"):
        cross_entropy(LOGITS, target, weight=[1.0, 2.0])
    with raises("cross_entropy: weight holds -1; expected weights >= 0"):
        cross_entropy(LOGITS, target, weight=[1.0, -1.0, 1.0])


def test_no_sample_of_a_class_with_weight():
    with raises("cross_entropy: every target is ignored", "weight 0"):
        cross_entropy(LOGITS, [0, 0], weight=[0.0, 1.0, 1.0])


# --- probabilities and labels ---------------------------------------------------------------------


def test_logits_given_as_probabilities():
    with raises(
        "binary_cross_entropy: probs holds values from -2 to 3",
        "These look like logits: use binary_cross_entropy_with_logits",
    ):
        binary_cross_entropy([-2.0, 3.0], [0, 1])
    with raises(
        "cross_entropy_from_probs", "a row of probs sums to", "Are these logits? Use cross"
    ):
        cross_entropy_from_probs(LOGITS, [0, 1])
    with raises("cross_entropy_from_probs: probs holds a negative probability"):
        cross_entropy_from_probs(-LOGITS, [0, 1])
    for logits in (LOGITS, 1000 * LOGITS):  # whose exponentials are out of range
        with raises("kl_divergence: a row of exp(log_probs) sums to", "Pass log_softmax(logits)"):
            kl_divergence(logits, PROBS)


def test_probabilities_that_are_none():
    with raises("kl_divergence", "a row of target sums to 4"):
        kl_divergence(np.log(PROBS), LOGITS)
    with raises("kl_divergence", "negative probability"):
        kl_divergence(np.log(PROBS), [[1.5, -0.5, 0.0]] * 2)


@pytest.mark.parametrize(
    "loss", [binary_cross_entropy, binary_cross_entropy_with_logits, binary_focal]
)
def test_binary_targets_outside_0_to_1(loss):
    with raises(loss.__name__, "target holds values from -1 to 1", "(target + 1) / 2"):
        loss([0.5, 0.5], [-1, 1])
    with raises(loss.__name__, "target holds values from 1 to 2"):
        loss([0.5, 0.5], [1, 2])


@pytest.mark.parametrize("loss", [hinge, squared_hinge])
def test_hinge_labels_are_never_converted(loss):
    for labels in ([0, 1], [0.0, 0.0], [1, 2], Tensor([0.0, 1.0])):
        with raises(loss.__name__, "labels holds", "expected only -1 and +1", "Convert", "2*y - 1"):
            loss([0.5, 0.5], labels)
    for labels in ([True, False], [True, True]):
        with raises(loss.__name__, "labels are booleans", "2*y - 1"):
            loss([0.5, 0.5], labels)
    with raises(loss.__name__, "labels holds nan"):
        loss([0.5], [np.nan])


def test_labels_of_pairs():
    with raises("contrastive: same holds -1; expected only 0 and +1", "pairs of a kind"):
        contrastive(PAIR, PAIR, [1, -1])
    with raises("cosine_embedding: label holds 0; expected only -1 and +1", "2*y - 1"):
        cosine_embedding(PAIR, PAIR, [1, 0])


# --- options --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: huber([1.0], [0.0], delta=0.0), "huber: delta is 0.0; expected a number in (0"),
        (lambda: huber([1.0], [0.0], delta=float("nan")), "huber: delta is nan; expected"),
        (lambda: pinball([1.0], [0.0], quantile=0.0), "pinball: quantile is 0.0; expected a num"),
        (lambda: pinball([1.0], [0.0], quantile=1), "pinball: quantile is 1; expected a number"),
        (lambda: focal(LOGITS, [0, 1], gamma=-1), "focal: gamma is -1; expected a number in [0,"),
        (lambda: focal(LOGITS, [0, 1], alpha=0.5), "focal: alpha has shape (); expected (3,)"),
        (
            lambda: focal(LOGITS, [0, 1], alpha=[1, 2, 0.5]),
            "focal: alpha holds values from 0.5 to 2",
        ),
        (lambda: focal(LOGITS, [0, 1], alpha=[1, -1, 0.5]), "focal: alpha holds -1"),
        (lambda: binary_focal([1.0], [0], gamma=-0.5), "binary_focal: gamma is -0.5; expected"),
        (
            lambda: binary_focal([1.0], [0], alpha=1.5),
            "binary_focal: alpha is 1.5; expected a number in [0, 1].",
        ),
        (
            lambda: multiclass_hinge(LOGITS, [0, 1], margin=0),
            "multiclass_hinge: margin is 0; expected",
        ),
        (
            lambda: multiclass_hinge(LOGITS, [0, 1], kind="cs"),
            "multiclass_hinge: kind is 'cs'; expected 'crammer_singer' or 'weston_watkins'.",
        ),
        (lambda: contrastive(PAIR, PAIR, [0, 1], margin=-1), "contrastive: margin is -1; expected"),
        (
            lambda: triplet(PAIR, PAIR, PAIR, margin=0),
            "triplet: margin is 0; expected a number in (0",
        ),
        (lambda: cosine_embedding(PAIR, PAIR, [1, 1], margin=2), "cosine_embedding: margin is 2"),
        (
            lambda: nt_xent(PAIR, PAIR, temperature=0),
            "nt_xent: temperature is 0; expected a number",
        ),
        (
            lambda: cross_entropy(LOGITS, [0, 1], label_smoothing=1.0),
            "cross_entropy: label_smoothing is 1.0; expected a number in [0, 1).",
        ),
        (lambda: cross_entropy(LOGITS, [0, 1], base=1), "cross_entropy: base is 1; expected"),
        (lambda: binary_cross_entropy([0.5], [1], base=-2), "binary_cross_entropy: base is -2"),
        (lambda: binary_cross_entropy([0.5], [1], eps=0), "binary_cross_entropy: eps is 0"),
        (
            lambda: cross_entropy_from_probs(PROBS, [0, 1], eps=2),
            "cross_entropy_from_probs: eps is 2",
        ),
        (
            lambda: binary_cross_entropy_with_logits(LOGITS, LOGITS * 0, pos_weight=[1.0, 2.0]),
            "binary_cross_entropy_with_logits: pos_weight has shape (2,); expected a number, or "
            "one",
        ),
        (
            lambda: binary_cross_entropy_with_logits(LOGITS, LOGITS * 0, pos_weight=0.0),
            "binary_cross_entropy_with_logits: pos_weight holds 0; expected numbers > 0",
        ),
    ],
    ids=lambda x: x.split(";")[0] if isinstance(x, str) else "",
)
def test_options_out_of_range(call, message):
    with raises(message):
        call()


ALL = {
    **{loss: (np.full(2, 0.5), np.ones(2)) for loss in ELEMENTWISE},
    cross_entropy: (LOGITS, [0, 1]),
    cross_entropy_from_probs: (PROBS, [0, 1]),
    focal: (LOGITS, [0, 1]),
    multiclass_hinge: (LOGITS, [0, 1]),
    kl_divergence: (np.log(PROBS), PROBS),
    contrastive: (PAIR, PAIR, [0, 1]),
    triplet: (PAIR, PAIR, PAIR),
    cosine_embedding: (PAIR, PAIR, [1, -1]),
    nt_xent: (PAIR, PAIR),
    **dict.fromkeys(
        (discriminator, wasserstein_critic, least_squares_discriminator, hinge_discriminator),
        (PAIR, PAIR),
    ),
    **dict.fromkeys(
        (
            generator_minimax,
            generator_non_saturating,
            wasserstein_generator,
            least_squares_generator,
            hinge_generator,
        ),
        (PAIR,),
    ),
}


@pytest.mark.parametrize("loss", ALL, ids=lambda loss: loss.__name__)
def test_unknown_reduction(loss):
    with raises(f"{loss.__name__}: reduction is 'average'; expected 'mean', 'sum' or 'none'."):
        loss(*ALL[loss], reduction="average")


@pytest.mark.parametrize("loss", ALL, ids=lambda loss: loss.__name__)
def test_empty_batch(loss):
    inputs = [np.asarray(x)[:0] for x in ALL[loss]]
    if loss is nt_xent:
        with raises("nt_xent", "N >= 2"):
            loss(*inputs)
        return
    if loss is not sum_squared_error:  # whose default is the sum
        with raises(
            f"{loss.__name__}: the mean is undefined for 0 samples", "reduction='sum'", "skip"
        ):
            loss(*inputs)
    pred = Tensor(inputs[0], requires_grad=True)
    loss_of_nothing = loss(pred, *inputs[1:], reduction="sum")
    assert loss_of_nothing.item() == 0
    loss_of_nothing.backward()
    assert pred.grad.shape == pred.shape


@pytest.mark.parametrize("loss", ALL, ids=lambda loss: loss.__name__)
def test_what_is_no_number(loss):
    with pytest.raises(TypeError, match="dtype"):
        loss(np.array(["a", "b"]), *ALL[loss][1:])
    with pytest.raises(TypeError, match="stack"):
        loss([Tensor(1.0, requires_grad=True), Tensor(2.0)], *ALL[loss][1:])


def test_none_of_two_batches_of_different_sizes():
    with raises(
        "discriminator: real has shape (2,) and fake has shape (3,)", "Use 'mean' or 'sum'"
    ):
        discriminator(np.zeros(2), np.zeros(3), reduction="none")


# --- gradient penalty -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("critic", "real", "words"),
    [
        (lambda x: x.sum(axis=1), PAIR[:1], ["real has shape (1, 2) and fake has shape (2, 2)"]),
        (lambda x: x.sum(), PAIR, ["returned shape ()", "for 2 samples", "(2,) or (2, 1)"]),
        (lambda x: x, PAIR, ["returned shape (2, 2)", "one score for each"]),
        (lambda x: 3.0, PAIR, ["returned a float"]),
        (lambda x: x.data.sum(axis=1), PAIR, ["do not depend on its input", ".data"]),
        (
            lambda x: Tensor([1.0, 2.0], requires_grad=True) * 2,
            PAIR,
            ["do not depend on its input"],
        ),
        (lambda x: x.detach().sum(axis=1), PAIR, ["do not depend on its input"]),
    ],
)
def test_gradient_penalty(critic, real, words):
    with raises("gradient_penalty: ", *words):
        gradient_penalty(critic, real, PAIR, rng=np.random.default_rng(0))


def test_gradient_penalty_options():
    options = {"rng": np.random.default_rng(0)}
    with raises("gradient_penalty: weight is -1; expected"):
        gradient_penalty(lambda x: x.sum(axis=1), PAIR, PAIR, weight=-1, **options)
    with raises("gradient_penalty: target is -1; expected"):
        gradient_penalty(lambda x: x.sum(axis=1), PAIR, PAIR, target=-1, **options)
    with raises("gradient_penalty: reduction is 'average'"):
        gradient_penalty(lambda x: x.sum(axis=1), PAIR, PAIR, reduction="average", **options)
    with raises("gradient_penalty: the mean is undefined for 0 samples"):
        gradient_penalty(lambda x: x.sum(axis=1), PAIR[:0], PAIR[:0], **options)
    with pytest.raises(TypeError, match="rng is 0; expected a generator"):
        gradient_penalty(lambda x: x.sum(axis=1), PAIR, PAIR, rng=0)


@pytest.mark.parametrize(
    "loss",
    [
        lambda t: huber(PAIR, PAIR, delta=t(1.0)),
        lambda t: nt_xent(PAIR, PAIR, temperature=t(0.5)),
        lambda t: cross_entropy(LOGITS, [0, 1], weight=t([1.0, 2.0, 3.0])),
        lambda t: focal(LOGITS, [0, 1], alpha=t([0.1, 0.2, 0.3])),
        lambda t: binary_focal(PAIR, [[0, 1], [1, 0]], alpha=t(0.25)),
        lambda t: binary_cross_entropy_with_logits(PAIR, [[0, 1], [1, 0]], pos_weight=t(2.0)),
        lambda t: l1(Tensor(PAIR), t(0.1)),
        lambda t: l2(Tensor(PAIR), t(0.1)),
    ],
)
def test_no_gradient_is_lost_at_an_option(loss):
    with pytest.raises(TypeError, match="requires grad, but is a constant"):
        loss(lambda x: Tensor(x, requires_grad=True))
    assert loss(Tensor) == loss(lambda x: x)
