"""faults.md F1, F2, F5, A4, A12: bad input is refused, in words that help, by every loss."""

import inspect
import re

import numpy as np
import pytest

from tinygrad_loss import Tensor, losses, regularizers
from tinygrad_loss.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    cross_entropy_from_probs,
    focal,
    hinge,
    kl_divergence,
    mean_squared_error,
    multiclass_hinge,
    pinball,
    poisson_nll,
)

from .test_errors import raises
from .test_extremes import CASES, arguments, every_loss

RNG = np.random.default_rng
ONES = Tensor(np.ones(3))
CALLS = {name: (lambda name=name, **o: call_loss(name, **o)) for name in CASES} | {
    "gradient_penalty": lambda **o: losses.gradient_penalty(
        lambda x: x.sum(axis=1), np.ones((2, 2)), np.zeros((2, 2)), **({"rng": RNG(0)} | o)
    ),
    "l1": lambda strength=1.0: regularizers.l1(ONES, strength),
    "l2": lambda strength=1.0: regularizers.l2(ONES, strength),
    "elastic_net": lambda **o: regularizers.elastic_net(ONES, **({"l1": 1, "l2": 1} | o)),
    "dropout": lambda p=0.5, **o: regularizers.dropout(np.ones(3), p, **({"rng": RNG(0)} | o)),
}
OPTIONS = [
    (name, option)
    for name in CALLS
    for option, parameter in inspect.signature(
        getattr(losses, name, None) or getattr(regularizers, name)
    ).parameters.items()
    if parameter.kind is parameter.KEYWORD_ONLY or option in ("strength", "p")
]
every_option = pytest.mark.parametrize(("name", "option"), OPTIONS)


def call_loss(name, **options):
    loss, preds, others = arguments(name)
    return loss(*preds, *others, **options)


def refusal(call):
    """The text of the error that a call raises; None if it raises none."""
    try:
        call()
    except (TypeError, ValueError) as error:
        return str(error)
    return None


# --- options --------------------------------------------------------------------------------------


@every_option
def test_no_option_takes_a_gradient(name, option):
    """faults.md A4: of every option in every signature, alone and inside a nest."""
    t = Tensor(0.5, requires_grad=True)
    for value in (t, [t] * 3, (t,), {"a": t}, [[t], [t]]):
        text = refusal(lambda: CALLS[name](**{option: value}))  # noqa: B023
        assert text is not None
        assert re.match(rf"{name}: {option} (requires grad, but is a constant|is )", text), text


VALUES = [None, "1", "abc", [0.5], [0.1, 0.9], np.array([0.5, 0.5]), np.nan, np.inf, -1, -0.5, 1j,
          {}, True, 10**400, np.array(["a"]), np.array([None]), [[1], [1, 2]]]  # fmt: skip
NONE_IS_LEGAL = {"alpha", "base", "ignore_index", "pos_weight", "sample_weight"}


def is_legal(name, option, value):
    if value is None:
        return option in NONE_IS_LEGAL or (name, option) == ("cross_entropy", "weight")
    if value is True:
        return option in ("pos_weight", "squared", "swap", "training")
    if (option, repr(value)) == ("pos_weight", "[0.5]"):
        return True
    if (name, option) == ("gradient_penalty", "sample_weight"):
        return repr(value) in ("[0.1, 0.9]", "array([0.5, 0.5])")
    if option == "ignore_index":
        return isinstance(value, int)
    return (name, option) == ("cosine_embedding", "margin") and repr(value) in ("-1", "-0.5")


@every_option
def test_every_option_says_what_it_is_and_what_is_expected(name, option):
    expected = "expected|not made of real numbers|differ in length|must be equal"
    for value in VALUES:
        text = refusal(lambda: CALLS[name](**{option: value}))  # noqa: B023
        if is_legal(name, option, value):
            assert text is None
            continue
        assert text is not None, f"{value!r} was taken"
        assert text.startswith(f"{name}: {option}"), text
        assert re.search(expected, text, re.IGNORECASE), text
        assert text.endswith((".", ")")), text


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: losses.triplet([[1.0]], [[1.0]], [[1.0]], squared="no"),
            "triplet: squared is 'no'",
        ),
        (lambda: losses.triplet([[1.0]], [[1.0]], [[1.0]], swap=1), "triplet: swap is 1"),
        (
            lambda: regularizers.dropout([1.0], 0.5, rng=RNG(0), training=0),
            "dropout: training is 0",
        ),
    ],
)
def test_switches_are_true_or_false(call, message):
    with raises(message, "; expected True or False.", kind=TypeError):
        call()


def test_weights_that_float16_cannot_hold():
    z = np.zeros(1, np.float16)
    with raises(": pos_weight holds 100000; expected numbers > 0, and finite in float16."):
        binary_cross_entropy_with_logits(z, [1.0], pos_weight=1e5)


# --- targets that are no numbers ------------------------------------------------------------------

NO_NUMBERS = {
    "text": (np.array(["a", "b"]), "np.unique(labels, return_inverse=True)[1]"),
    "list of text": (["a", "b"], "np.unique(labels, return_inverse=True)[1]"),
    "bytes": (np.array([b"a", b"b"]), "np.unique(labels, return_inverse=True)[1]"),
    "dates": (np.array(["2026-01-01", "2026-01-02"], "M8[D]"), "np.timedelta64(1, 'D')"),
    "durations": (np.array([1, 2], "m8[s]"), "np.timedelta64(1, 's')"),
    "None": (None, "Expected a number, a list or an array"),
    "None inside": (np.array([None, 1.0]), "bool and float columns mixed"),
    "bool and float": (np.array([True, 0.5], object), ".to_numpy(float)"),
    "fields": (np.array([(1, 2.0), (3, 4.0)], [("a", "i4"), ("b", "f8")]), "x['name']"),
    "complex": (np.array([1j, 2]), "x.real"),
    "masked": (np.ma.array([1.0, 0.0], mask=[True, False]), "x.compressed()"),
    "ragged": ([[1], [1, 2]], "differ in length"),
    "set": ({1, 2}, "a list or an array"),
    "Tensors": ([Tensor(1.0, requires_grad=True), Tensor(0.0)], "tl.stack"),
}
INPUTS = [
    (name, position)
    for name, (preds, others) in CASES.items()
    for position in range(len(preds) + len(others))
]


@pytest.mark.parametrize(("name", "position"), INPUTS)
def test_inputs_that_are_no_real_numbers(name, position):
    loss, preds, others = arguments(name)
    inputs = [*preds, *others]
    parameter = list(inspect.signature(loss).parameters)[position]
    for what, (data, advice) in NO_NUMBERS.items():
        inputs[position] = data
        text = refusal(lambda: loss(*inputs))
        assert text is not None, f"{what} was taken"
        if "requires grad, but is a constant" not in text:  # labels never have a gradient
            assert text.startswith(f"{name}: {parameter}: ")
            assert advice in text


def test_columns_of_pandas():
    pandas = pytest.importorskip("pandas")
    z = np.array([[2.0, 1.0], [0.0, 3.0]])
    assert cross_entropy(z, pandas.Series([0, 1], index=[7, 3])) == cross_entropy(z, [0, 1])
    with raises("cross_entropy: target: ", "Series", "np.unique(", kind=TypeError):
        cross_entropy(z, pandas.Series(["cat", "dog"]))
    with raises("they must be equal. Reshape one, e.g. target.to_numpy().reshape(-1, 1)."):
        mean_squared_error(np.ones((2, 1)), pandas.Series([1.0, 2.0]))
    with raises("cross_entropy: target", "use target.to_numpy().reshape(-1)."):
        cross_entropy(z, pandas.DataFrame({"y": [0, 1]}))
    with raises("cross_entropy: target", "Use target.to_numpy().argmax(axis=-1)"):
        cross_entropy(z, pandas.DataFrame({"a": [0, 1], "b": [1, 0]}))


@pytest.mark.parametrize("loss", [cross_entropy, focal, multiclass_hinge, cross_entropy_from_probs])
@pytest.mark.parametrize("kind", [bool, int, float])
def test_one_hot_rows_where_indices_are_wanted(loss, kind):
    z = np.array([[0.5, 0.5], [0.25, 0.75]]) - (loss is cross_entropy)
    if kind is float and loss in (cross_entropy, cross_entropy_from_probs):
        return  # they are probabilities
    with raises(f"{loss.__name__}: target has", "One-hot rows? Use target.argmax(axis=-1)"):
        loss(z, np.eye(2, dtype=kind))


@pytest.mark.parametrize("penalty", ["l1", "l2"])
def test_parameters_that_are_no_real_numbers(penalty):
    call = getattr(regularizers, penalty)
    for data, advice in (NO_NUMBERS[what] for what in ("text", "complex", "dates", "fields")):
        for params in (data, [np.ones(2), data]):
            with raises(f"{penalty}: params: ", advice, kind=TypeError):
                call(params, 1.0)


def test_targets_that_are_rounded_count_as_0_and_1():
    """The loss is that of the labels 1 and 0, which is not negative: it was -1.8e-13."""
    for loss in (binary_cross_entropy_with_logits, losses.binary_focal):
        z = Tensor([800.0, -800.0], requires_grad=True)
        each = loss(z, [ABOVE, -1e-17], reduction="none")
        np.testing.assert_array_equal(each.data, loss(z.data, [1.0, 0.0], reduction="none"))
        assert (each.data >= 0).all()
    p = Tensor([1.0, 0.0], requires_grad=True)
    np.testing.assert_array_equal(binary_cross_entropy(p, [ABOVE, -1e-17]).data, 0)
    assert cross_entropy([0.0, -900.0], [1.0, -1e-17]) == 0


def test_a_target_that_is_rounded_keeps_its_gradient():
    """With respect to y it is softplus(-z) - softplus(z) = -z: both learn in distillation."""
    z = Tensor([0.5, -3.0], requires_grad=True)
    y = Tensor([ABOVE, -1e-17], requires_grad=True)
    binary_cross_entropy_with_logits(z, y, reduction="sum").backward()
    np.testing.assert_allclose(y.grad, [-0.5, 3.0], rtol=1e-15)
    np.testing.assert_allclose(z.grad, 1 / (1 + np.exp(-z.data)) - [1, 0], rtol=1e-15)


# --- swapped arguments ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "y"),
    [
        (cross_entropy, [0, 1, 1]),
        (focal, [0, 1, 1]),
        (multiclass_hinge, [0, 1, 1]),
        (cross_entropy_from_probs, [0, 1, 1]),
        (kl_divergence, [[0.0, 1.0]] * 3),
        (binary_cross_entropy, [[0, 1]] * 3),
        (binary_cross_entropy_with_logits, [[0, 1]] * 3),
        (losses.binary_focal, [[0, 1]] * 3),
        (hinge, [[-1, 1]] * 3),
        (losses.squared_hinge, [[-1, 1]] * 3),
        (pinball, [[-1, 1]] * 3),
        (poisson_nll, [[3, 1]] * 3),
        (binary_cross_entropy, [[0.5, 0.25]] * 3),
        (cross_entropy_from_probs, [[0.5, 0.5]] * 3),
        (cross_entropy, [[0.0, 1.0]] * 3),
    ],
)
def test_the_order_of_scikit_learn(loss, y):
    """faults.md F1: the labels first. Where only the target requires grad, the error asks.

    Also where all values could be meant so: binary_cross_entropy([1, 0], p) was 2.763, not 0.105.
    """
    z = Tensor([[2.0, 1.0], [0.5, -3.0], [1.0, 1.0]], requires_grad=True)
    given = ", ".join(list(inspect.signature(loss).parameters)[:2])
    for scores in (z, z.softmax()):
        with pytest.raises(ValueError, match=r"Are the arguments swapped\?") as error:
            loss(y, scores)
        assert str(error.value).startswith(f"{loss.__name__}: ")
        assert str(error.value).endswith(f"expected {loss.__name__}({given}).")
        with pytest.raises(ValueError, match=r"Are the arguments swapped\?"):
            loss(y, **{given.split(", ")[1]: scores})


def test_the_target_of_a_likelihood_first():
    mean, log_variance = (Tensor([x], requires_grad=True) for x in (1.0, 2.0))
    with raises("gaussian_nll: Are the arguments swapped? Only target requires grad; expected"):
        losses.gaussian_nll([3.0], mean, log_variance)
    losses.gaussian_nll(mean, log_variance, [3.0]).backward()
    losses.gaussian_nll([1.0], log_variance, [3.0]).backward()  # of a mean that is known
    losses.gaussian_nll(mean, [0.0], log_variance).backward()
    assert mean.grad is not None


def test_losses_that_are_the_same_when_swapped_are_not_refused():
    p = Tensor([1.0, 2.0], requires_grad=True)
    for name in ("mean_squared_error", "mean_absolute_error", "huber", "log_cosh"):
        getattr(losses, name)([0.0, 4.0], p).backward()
    assert (p.grad * [1, -1] > 0).all()
    teacher = Tensor([0.3, 0.7], requires_grad=True)
    for loss in (pinball, binary_cross_entropy_with_logits):
        teacher.grad = None
        loss(p, teacher).backward()  # both learn
        assert teacher.grad.any()
    with raises("mean_squared_error: pred has shape (2,)") as error:
        mean_squared_error(p, [1.0])
    assert "swapped" not in str(error.value)


# --- shapes and roundings -------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 3, 4, 5)])
@pytest.mark.parametrize("loss", [cross_entropy, focal, multiclass_hinge])
def test_classes_on_axis_1(loss, shape):
    """faults.md F5: reshape(-1, C) alone would mix classes with positions. The advice works."""
    rng = RNG(0)
    z, target = rng.standard_normal(shape), rng.integers(0, 3, (shape[0], *shape[2:]))
    with raises(
        f"{loss.__name__}: ", "axis 1 is, as in PyTorch, move it to the end first"
    ) as error:
        loss(Tensor(z), target)
    (advice,) = re.findall(r"(?:logits|scores)(\.transpose.*)\.$", str(error.value))
    logits = eval("z" + advice, {"z": Tensor(z)})
    each = loss(logits, target.reshape(-1), reduction="none").data.reshape(target.shape)
    for where in np.ndindex(*target.shape):
        row = z[(where[0], slice(None), *where[1:])]
        assert each[where] == pytest.approx(loss(row, target[where]), rel=1e-12)


def test_pos_weight_of_the_channels_of_pictures():
    """pos_weight (C, 1, 1) beside (N, C, H, W): w softplus(0) = w log 2 at logits of 0."""
    z = np.zeros((2, 3, 4, 5))
    w = np.array([1.0, 2.0, 3.0]).reshape(3, 1, 1)
    each = binary_cross_entropy_with_logits(z, np.ones_like(z), pos_weight=w, reduction="none")
    np.testing.assert_allclose(each, np.broadcast_to(w * np.log(2), z.shape), rtol=1e-15)


ABOVE = float(np.nextafter(1, 2))


def test_probabilities_may_be_rounded():
    """A probability of 1 + 1 ulp, or of -1e-17, is one of 1 or 0: value and gradient."""
    p = Tensor([ABOVE, -1e-17, 0.5], requires_grad=True)
    loss = binary_cross_entropy(p, [1, 0, 1], reduction="none")
    loss.sum().backward()
    np.testing.assert_allclose(loss.data, [0, 0, np.log(2)], rtol=1e-15, atol=0)
    np.testing.assert_allclose(p.grad, [-1, 1, -2], rtol=1e-15)
    p = Tensor([[ABOVE, -1e-17]], requires_grad=True)
    loss = cross_entropy_from_probs(p, [0])
    loss.backward()
    assert loss.item() == 0
    np.testing.assert_allclose(p.grad, [[-1, 0]], rtol=1e-15)
    z = np.array([[1.0, -np.inf]])
    assert cross_entropy(z, [[1.0, -1e-17]]) == 0
    assert binary_cross_entropy_with_logits([0.0], [ABOVE]) == pytest.approx(np.log(2))


@pytest.mark.parametrize(
    ("call", "given"),
    [
        (lambda: binary_cross_entropy([1 + 1e-9, 0.5], [1, 0]), "from 0.5 to 1.000000001;"),
        (lambda: binary_cross_entropy([-1e-9, 0.5], [1, 0]), "from -1e-09 to 0.5;"),
        (lambda: cross_entropy_from_probs([[0.5, 0.5000015]], [0]), "sums to 1.0000015;"),
        (lambda: hinge([1.0], [ABOVE]), "labels holds 1.0000000000000002;"),
        (lambda: poisson_nll([1.0], [2 + 2**-51]), "target holds 2.0000000000000004;"),
    ],
)
def test_numbers_are_shown_with_the_digits_that_matter(call, given):
    with raises(given, "expected"):
        call()


@pytest.mark.parametrize(
    "log_probs", [np.log([[0.5, 0.25]]), np.log([[0.9, 0.9]]), [[-1.0, -np.inf]]]
)
def test_log_probabilities_that_do_not_sum_to_1(log_probs):
    """faults.md F1: the divergence was -1.03."""
    total = np.exp(log_probs).sum()
    with raises(
        "kl_divergence: a row of exp(log_probs)", f"sums to {total:.6g}", "Pass log_softmax(logits)"
    ):
        kl_divergence(log_probs, [[0.5, 0.5]])
    assert kl_divergence([[0.0, -np.inf]], [[1.0, 0.0]]) == 0


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_log_probabilities_may_be_rounded(dtype):
    z = 5 * RNG(0).standard_normal((50, 1000)).astype(dtype)
    logp = Tensor(z).log_softmax()
    assert kl_divergence(logp, logp.data.astype(float) * 0 + 1 / 1000).item() > 0


# --- NaN (faults.md A12) --------------------------------------------------------------------------


@every_loss
def test_nan_in_a_prediction_is_seen_in_its_gradient(name):
    """As in PyTorch: it is NaN, or passes where relu passes it on; it is never silently 0."""
    loss, preds, others = arguments(name)
    broken = preds[0].copy()
    broken[1, 2] = np.nan
    p = Tensor(broken, requires_grad=True)
    value = loss(p, *preds[1:], *others)
    value.backward()
    assert np.isnan(value.item())
    assert p.grad[1, 2] != 0


@pytest.mark.parametrize("q", [0.1, 0.5, 0.9])
def test_nan_and_pinball(q):
    p = Tensor([np.nan, 1.0, 2.0, 3.0], requires_grad=True)
    pinball(p, np.full(4, 2.0), quantile=q, reduction="sum").backward()
    np.testing.assert_array_equal(p.grad, [np.nan, -q, 0, 1 - q])


@pytest.mark.parametrize("name", ["mean_squared_error", "huber", "log_cosh", "gaussian_nll",
                                  "binary_cross_entropy_with_logits", "kl_divergence"])  # fmt: skip
def test_nan_in_a_float_target_travels(name):
    loss, preds, others = arguments(name)
    target = others[-1].astype(float)
    target[1, 2] = np.nan
    assert np.isnan(loss(*preds, *others[:-1], target))


def test_labels_of_pairs_have_no_gradient():
    """As `same == 1` has none: a Tensor that requires grad would be forgotten."""
    x, label = np.ones((2, 3)), Tensor([1.0, 1.0], requires_grad=True)
    for loss, name in ((losses.contrastive, "same"), (losses.cosine_embedding, "label")):
        with raises(f"{loss.__name__}: {name} requires grad, but is a constant", kind=TypeError):
            loss(x, x, label)
