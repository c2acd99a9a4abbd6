"""@loss: the name in errors and warnings, the signature, the positional and named arguments."""

import ast
import inspect
import re
import threading
import traceback

import numpy as np
import pytest

from tinygrad_loss import Tensor, losses, regularizers, unroll
from tinygrad_loss.losses import (
    cross_entropy,
    gradient_penalty,
    huber,
    mean_squared_error,
    pinball,
    sum_squared_error,
)
from tinygrad_loss.losses.checks import matched
from tinygrad_loss.losses.loss import loss

from .test_errors import raises
from .test_extremes import arguments, every_loss

EVERY = [getattr(losses, name) for name in losses.__all__]
every_function = pytest.mark.parametrize(
    "function", [*EVERY, *map(vars(regularizers).get, ("l1", "l2", "elastic_net", "dropout"))]
)


@every_function
def test_no_loss_writes_its_own_name(function):
    (definition,) = ast.parse(inspect.getsource(function)).body
    assert isinstance(definition, ast.FunctionDef)
    strings = [
        node.value
        for statement in definition.body[1:]  # without the docstring
        for node in ast.walk(statement)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    own = re.compile(rf"\b{function.__name__}\b")
    assert not [text for text in strings if own.search(text)]


@every_function
def test_help_shows_the_signature_of_the_formula(function):
    parameters = inspect.signature(function).parameters
    assert inspect.signature(function).return_annotation == "Tensor"
    assert inspect.getdoc(function)
    if function in EVERY:
        assert list(parameters)[-2:] == ["sample_weight", "reduction"]
        assert parameters["sample_weight"].default is None
        expected = "sum" if function is sum_squared_error else "mean"
        assert parameters["reduction"].default == expected
        positional = [p for p in parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
        assert all(p.default is p.empty for p in positional)
        assert all(p.kind is p.KEYWORD_ONLY for p in parameters.values() if p not in positional)


@every_loss
def test_errors_begin_with_the_name(name):
    function, preds, others = arguments(name)
    inputs = [*preds, *others]
    with raises("") as error:
        function(*inputs, reduction="average")
    assert str(error.value).startswith(f"{name}: ")
    with raises("") as error:
        function(*[np.asarray(x)[:0] for x in inputs], reduction="mean")
    assert str(error.value).startswith(f"{name}: ")
    with raises("") as error:
        function(*inputs, sample_weight=np.ones(99))
    assert str(error.value).startswith(f"{name}: ")
    if len(inputs) > 1 and not name.endswith(("discriminator", "critic")):
        with raises("") as error:
            function(*inputs[:-1], inputs[-1][:2])
        assert str(error.value).startswith(f"{name}: ")


@pytest.mark.parametrize(
    "reduction", [None, 1, np.array(["mean"]), np.zeros(2), ["mean"], np.array("mean")]
)
def test_reductions_that_are_no_strings(reduction):
    with raises("mean_squared_error: reduction is ", "expected 'mean', 'sum' or 'none'."):
        mean_squared_error([0.0], [0.0], reduction=reduction)


@every_loss
def test_inputs_may_be_given_by_name(name):
    function, preds, others = arguments(name)
    inputs = [*preds, *others]
    names = list(inspect.signature(function).parameters)[: len(inputs)]
    expected = function(*inputs)
    assert function(**dict(zip(names, inputs, strict=True))) == expected
    assert function(inputs[0], **dict(list(zip(names, inputs, strict=True))[1:])) == expected


def test_arguments_that_do_not_fit_are_refused_as_python_does():
    for call, message in [
        (lambda: mean_squared_error([1.0]), r"^mean_squared_error\(\) missing 1 .* 'target'$"),
        (lambda: mean_squared_error(), r"missing 2 .* 'pred' and 'target'$"),
        (lambda: mean_squared_error([1.0], [1.0], "sum"), r"takes 2 positional arguments but 3"),
        (lambda: mean_squared_error([1.0], [1.0], pred=[1.0]), r"multiple values .* 'pred'$"),
        (lambda: mean_squared_error([1.0], [1.0], delta=1.0), r"unexpected keyword .* 'delta'$"),
        (lambda: huber([1.0], [1.0], 1.0), r"takes 2 positional arguments but 3"),
    ]:
        with pytest.raises(TypeError, match=message):
            call()


def test_one_cause_one_traceback():
    with raises("pinball: ") as error:
        pinball([1.0], [1.0], quantile=2.0)
    assert error.value.__cause__ is error.value.__context__ is None
    assert len(traceback.extract_tb(error.value.__traceback__)) <= 5
    with raises("cross_entropy: class index 5") as error:
        cross_entropy(np.zeros((1, 3)), [5])
    assert error.value.__cause__ is error.value.__context__ is None
    assert len(traceback.extract_tb(error.value.__traceback__)) <= 5


# --- whose name it is -----------------------------------------------------------------------------


def test_a_loss_inside_another_has_its_own_name_and_gives_it_back():
    x = np.ones((2, 1))

    def critic(x, wrong):
        mean_squared_error(x.data, x.data if not wrong else x.data[0])
        return x.sum(axis=1) if not wrong else x

    rng = np.random.default_rng(0)
    with raises("mean_squared_error: pred has shape"):
        gradient_penalty(lambda x: critic(x, wrong=True), x, x, rng=rng)

    def survives(x):
        with pytest.raises(ValueError, match=r"^mean_squared_error: "):
            critic(x, wrong=True)
        return np.zeros(3)

    with raises("gradient_penalty: the critic returned shape (3,)"):
        gradient_penalty(survives, x, x, rng=rng)

    def penalized(x):
        regularizers.l2(x, 0.1)
        return np.zeros(3)

    with raises("gradient_penalty: the critic returned shape (3,)"):
        gradient_penalty(penalized, x, x, rng=rng)
    with raises("gradient_penalty: reduction is"):
        gradient_penalty(lambda x: critic(x, wrong=False), x, x, rng=rng, reduction="average")
    with raises("huber: delta is 0"):
        huber([0.0], [0.0], delta=0)


def test_each_thread_has_its_own_name():
    found = []

    def critic(x):
        def other():
            with pytest.raises(ValueError) as error:
                huber([0.0], [0.0], delta=0)
            found.append(str(error.value))

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        return np.zeros(3)

    with raises("gradient_penalty: the critic returned"):
        gradient_penalty(critic, np.ones((1, 1)), np.ones((1, 1)), rng=np.random.default_rng(0))
    assert found == ["huber: delta is 0; expected a number in (0, inf)."]


def test_an_unrolled_step_refuses_in_the_name_of_the_loss():
    w = Tensor(np.zeros((2, 3)), requires_grad=True)
    x = np.ones((4, 2))
    step = unroll(lambda x, y, s: cross_entropy(x @ w - 1, y, sample_weight=s),
                  x, np.array([0, 1, 2, 0]), np.ones(4), wrt=[w])  # fmt: skip
    ones = np.ones(4)
    with raises("cross_entropy: class index 3 is out of range"):
        step(x, np.array([0, 1, 2, 3]), ones)
    with raises("cross_entropy: sample_weight holds -1; expected weights >= 0, and finite"):
        step(x, np.array([0, 1, 2, 0]), -ones)
    with raises("cross_entropy: sample_weight is 0 for every sample"):
        step(x, np.array([0, 1, 2, 0]), 0 * ones)
    value, _ = step(x, np.array([0, 1, 2, 0]), np.arange(4.0))
    assert value == pytest.approx(np.log(3))


# --- options that are no numbers ------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [None, "1", [0.5], np.array([0.5, 0.5]), True, 1j, {}])
@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("huber", "delta"), ("pinball", "quantile"), ("cross_entropy", "label_smoothing"),
        ("binary_cross_entropy_with_logits", "label_smoothing"), ("binary_cross_entropy", "eps"),
        ("cross_entropy_from_probs", "eps"), ("focal", "gamma"), ("binary_focal", "gamma"),
        ("multiclass_hinge", "margin"), ("contrastive", "margin"), ("triplet", "margin"),
        ("cosine_embedding", "margin"), ("nt_xent", "temperature"), ("cross_entropy", "base"),
        ("binary_focal", "alpha"),
    ],
)  # fmt: skip
def test_options_that_are_no_numbers(name, option, wrong):
    function, preds, others = arguments(name)
    if wrong is None and option in ("base", "alpha"):
        return
    with raises(f"{name}: {option} is ", "; expected a number.", kind=TypeError):
        function(*preds, *others, **{option: wrong})


@pytest.mark.parametrize(
    ("name", "option"), [("huber", "delta"), ("focal", "gamma"), ("nt_xent", "temperature"),
                         ("triplet", "margin"), ("cross_entropy", "base")],
)  # fmt: skip
def test_infinite_options(name, option):
    function, preds, others = arguments(name)
    with raises(f"{name}: {option} is inf; expected a number in "):
        function(*preds, *others, **{option: np.inf})


@pytest.mark.parametrize("kind", [int, float, np.float32, np.int64, np.array, Tensor])
def test_numbers_of_all_kinds_are_options(kind):
    assert huber([3.0], [0.0], delta=kind(1)) == 2.5


@pytest.mark.parametrize("base", [0.5, 1, 0, -2, float("nan")])
def test_bases_of_logarithms_are_above_1(base):
    with raises(f"cross_entropy: base is {base}; expected a number in (1, inf)."):
        cross_entropy(np.zeros((1, 3)), [0], base=base)


@pytest.mark.parametrize("wrong", ["0", 0.5, True, [0]])
def test_ignore_index_is_an_integer(wrong):
    with raises("cross_entropy: ignore_index is ", "expected an integer or None", kind=TypeError):
        cross_entropy(np.zeros((1, 3)), [0], ignore_index=wrong)


def test_weights_that_are_infinite():
    z = np.zeros((2, 3))
    with raises("cross_entropy: weight holds inf; expected weights >= 0, and finite"):
        cross_entropy(z, [0, 1], weight=[1, np.inf, 1])
    with raises(": pos_weight holds inf; expected numbers > 0, and finite"):
        losses.binary_cross_entropy_with_logits(z, z, pos_weight=np.inf)


def test_a_critic_is_a_function():
    with raises("gradient_penalty: critic is None; expected a function", kind=TypeError):
        gradient_penalty(None, np.ones((2, 2)), np.ones((2, 2)), rng=np.random.default_rng(0))


# --- a loss of one's own --------------------------------------------------------------------------


def test_a_loss_of_ones_own():
    @loss(matched)
    def cubed(pred, target, *, sample_weight=None, reduction="sum"):
        return abs(pred - target) ** 3

    assert cubed([1.0, 4.0], [0.0, 2.0]) == 9
    assert cubed([1.0, 4.0], [0.0, 2.0], sample_weight=[1, 3], reduction="mean") == 25 / 4
    with raises("cubed: pred has shape (1,) but target has shape (2,); they must be equal."):
        cubed([1.0], [0.0, 2.0])


def test_losses_name_the_argument_that_is_missing():
    with pytest.raises(TypeError, match="'pred'"):
        mean_squared_error(target=[1.0])
    with pytest.raises(TypeError, match="'log_variance'"):
        losses.gaussian_nll([1.0], target=[1.0])
