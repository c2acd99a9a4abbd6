"""check_gradients must fail on a wrong rule (trap 27), and must not fail on a right one."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from tinygrad_loss import Tensor, sqrt, where
from tinygrad_loss.engine import functions, ops
from tinygrad_loss.engine.ops import Op
from tinygrad_loss.inspection.check import check_gradients

WRONG = 1.0005

# (forward, right rule, domain)
UNARY = {
    "exp": (np.exp, lambda g, y, x: g * y, (-2, 2)),
    "log": (np.log, lambda g, y, x: g / x, (0.5, 2)),
    "sin": (np.sin, lambda g, y, x: g * np.cos(x), (-3, 3)),
    "tanh": (np.tanh, lambda g, y, x: g * (1 - y * y), (-2, 2)),
    "square": (np.square, lambda g, y, x: g * 2 * x, (-2, 2)),
    "relu": (lambda x: np.maximum(x, 0), lambda g, y, x: g * (x > 0), (-2, 2)),
    "sum": (
        lambda x: x.sum(),
        lambda g, y, x: g * np.ones_like(x),
        (-2, 2),
    ),
}


def wrong(name, factor=WRONG):
    forward, rule, _ = UNARY[name]
    return Op(forward, lambda *args: rule(*args) * factor, name="wrong")


def sample(name, shape=(3, 4), seed=0):
    return np.random.default_rng(seed).uniform(*UNARY[name][2], shape)


@pytest.mark.parametrize("factor", [1 + 5e-4, 1 - 5e-4, 1 + 1e-5, -1, 0, 12345])
@pytest.mark.parametrize("name", UNARY)
def test_a_rule_that_is_wrong_by_a_factor_fails(name, factor):
    with pytest.raises(AssertionError, match="relative error"):
        check_gradients(wrong(name, factor), sample(name))


@pytest.mark.parametrize("scale", [1e-12, 1e-4, 1e4, 1e12])
@pytest.mark.parametrize("name", ["square", "relu", "sum"])
def test_it_fails_at_any_scale_of_the_input(name, scale):
    with pytest.raises(AssertionError, match=r"5\.0e-04"):
        check_gradients(wrong(name), sample(name) * scale)


@pytest.mark.parametrize("scale", [1e-12, 1e-4, 1e4, 1e12])
@pytest.mark.parametrize("name", UNARY)
def test_it_fails_at_any_scale_of_the_output(name, scale):
    f = wrong(name)
    with pytest.raises(AssertionError, match=r"5\.0e-04"):
        check_gradients(lambda x: f(x) * scale, sample(name))


@pytest.mark.parametrize("ratio", [1e-3, 1e-5, 1e-7])
@pytest.mark.parametrize("reduction", [lambda t: t, ops.sum, ops.mean])
@pytest.mark.parametrize("name", UNARY)
def test_an_input_with_a_tiny_gradient_is_not_hidden_by_another(name, reduction, ratio):
    f = wrong(name)
    a, b = sample(name, seed=1) + 3, sample(name)
    with pytest.raises(AssertionError, match=r"input 1 \(3, 4\)"):
        check_gradients(lambda a, b: reduction(a * 1.0) + reduction(f(b)) * ratio, a, b)
    check_gradients(
        lambda a, b: reduction(a * 1.0) + reduction(Op(*UNARY[name][:2], name="right")(b)) * ratio,
        a,
        b,
    )


@pytest.mark.parametrize("size", [10, 300])
def test_one_wrong_element_among_many_shows(size):
    def rule(g, y, x):
        right = g * np.cos(x)
        return right * np.where(np.arange(size) == 3, WRONG, 1)

    with pytest.raises(AssertionError):
        check_gradients(Op(np.sin, rule), np.random.default_rng(0).uniform(-1, 1, size))


@pytest.mark.parametrize("position", [0, 1])
def test_the_input_whose_rule_is_wrong_is_named(position):
    rules = [lambda g, y, a, b: g * b, lambda g, y, a, b: g * a]
    right = rules[position]
    rules[position] = lambda *args: right(*args) * WRONG
    product = Op(lambda a, b: a * b, *rules, name="product")
    inputs = [Tensor(np.ones((2, 3)), name="a"), Tensor(np.full(3, 2.0), name="b")]
    shape = inputs[position].shape
    with pytest.raises(AssertionError) as caught:
        check_gradients(product, *inputs)
    assert f"input {position} {'ab'[position]} {shape}: along" in str(caught.value)
    assert "relative error 5.0e-04, allowed 1.0e-06" in str(caught.value)


def test_a_forgotten_path_fails():
    detached = lambda x: x * x.detach()  # noqa: E731
    with pytest.raises(AssertionError, match="relative error"):
        check_gradients(detached, np.array([1.0, 2.0]))


def test_gradient_of_a_transpose_not_transposed_fails():
    f = Op(lambda x: x.T.copy(), lambda g, y, x: g.reshape(x.shape), name="transpose")
    with pytest.raises(AssertionError):
        check_gradients(f, np.arange(6.0).reshape(2, 3))


@pytest.mark.parametrize(
    "rule", [lambda g, y, a, b: (g * a).T, lambda g, y, a, b: 1 / 0, lambda g, y, a: g]
)
def test_a_rule_that_fails_or_gives_another_shape_names_the_input(rule):
    product = Op(lambda a, b: a * b, lambda g, y, a, b: g * b, rule, name="product")
    with pytest.raises(AssertionError, match=r"input 1 \(2, 3\): no gradient: backward of product"):
        check_gradients(product, np.ones((2, 3)), np.ones((2, 3)))


def test_a_wrong_second_derivative_fails_at_order_two_only():
    """The rule's value is right, but it hides from the second pass how it depends on x."""
    cube = Op(
        lambda x: x**3, lambda g, y, x: g * (3 * np.square(getattr(x, "data", x))), name="cube"
    )
    x = np.array([1.0, -2.0])
    check_gradients(cube, x)
    with pytest.raises(AssertionError, match="the gradient of input 0, differentiated by input 0"):
        check_gradients(cube, x, order=2)


def test_a_rule_that_forgets_how_it_depends_on_its_gradient_fails_at_order_two():
    double = Op(
        lambda x: 2 * x, lambda g, y, x: 2 * Tensor(getattr(g, "data", g)).data, name="double"
    )
    with pytest.raises(AssertionError, match="differentiated by v"):
        check_gradients(double, np.array([1.0, -2.0]), order=2)


def test_order_three():
    check_gradients(lambda x: ops.sin(x) * x, np.array([0.3, 2.0]), order=3)


def test_a_gradient_of_nan_fails():
    f = Op(lambda x: x * 2, lambda g, y, x: g * np.nan, name="nan")
    with pytest.raises(AssertionError, match="gives nan"):
        check_gradients(f, np.ones(2))


@pytest.mark.parametrize("slope", [1, 0])
def test_a_function_without_values_around_the_input_fails(slope):
    def only_at_one(x):
        if x.data != 1:
            raise ValueError("outside")
        return x * slope

    with pytest.raises(AssertionError, match="the change of f gives nan"):
        check_gradients(only_at_one, 1.0)


# --- right rules ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (ops.log, [1e-9, 0.5, 0.3]),
        (ops.sqrt, [1e-12, 0.5]),
        (lambda x: ops.sin(100 * x), np.linspace(-3, 3, 7)),
        (lambda x: ops.softmax(x).sum(), [[0.5, -1.0, 2.0], [3.0, 0.0, 1.0]]),
        (lambda x: (x - x.mean()).sum(), [0.5, -1.0, 2.0]),
        (lambda x: x - x, [1.0, 2.0]),
        (lambda x: ops.sigmoid(x).sum(), [25.0, 40.0, 3.0, -30.0, 700.0, -700.0]),
        (functions.std, np.linspace(0, 1, 10) + 1e6),
        (lambda x: x.astype(np.float32).sum() * 3, [0.1, 0.2]),
        (ops.log_softmax, [[1.0, 1.0, -np.inf], [1.0, 2.0, 3.0]]),
        (ops.logsumexp, [[1000.0, 999.0], [-1000.0, -1000.0]]),
        (ops.softplus, [1000.0, -1000.0, -30.0]),
        (lambda x: ops.relu(x) + ops.absolute(x), np.random.default_rng(0).normal(size=(50, 50))),
        (lambda x: (x * 0).sum() + 1e9, [1.0, 2.0]),
        (lambda x: ops.exp(ops.exp(x)), [1.0, 3.0]),
        (lambda x: x**0.5 * 1e-200, [1e-8, 1e8]),
    ],
)
def test_right_rules_pass_where_differences_are_hard(f, x):
    """Steps out of the domain, fast functions, vanishing gradients, cancellation, large offsets."""
    check_gradients(f, x, order=2)


@settings(max_examples=40, deadline=None)
@given(
    scale=st.floats(-20, 1).map(lambda e: 10.0**e),
    offset=st.floats(-3, 12).map(lambda e: 10.0**e),
    seed=st.integers(0, 10**6),
)
def test_right_rules_pass_however_small_their_part_in_the_value(scale, offset, seed):
    x = np.random.default_rng(seed).normal(size=5)
    check_gradients(lambda a, b: a.sum() * offset + (ops.tanh(b) * b).sum() * scale, x, x, rng=seed)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_values_are_compared_in_float64_whatever_the_dtype(dtype):
    seen = set()

    def f(x):
        seen.add(x.dtype)
        return ops.exp(x)

    check_gradients(f, np.array([0.1, 0.2], dtype))
    assert seen == {np.dtype(dtype), np.dtype(np.float64)}


def test_integers_masks_and_options_are_passed_as_they_are():
    labels = np.array([0, 2])
    mask = np.array([True, False])

    def f(x, labels, mask, power):
        assert labels.dtype == int
        assert mask.dtype == bool
        assert power == 2
        return ops.where(mask, x[np.arange(2), labels] ** power, 0)

    check_gradients(f, np.arange(6.0).reshape(2, 3), labels, mask, 2, order=2)


def test_numbers_lists_and_empty_arrays():
    check_gradients(lambda x: x * x, 3.0)
    check_gradients(lambda x, y: x * y, [1.0, 2.0], Tensor(3.0), order=2)
    check_gradients(lambda x: x * x, np.ones((0, 3)), order=2)


def test_inputs_are_not_changed():
    x = Tensor([1.0, 2.0], requires_grad=True)
    check_gradients(ops.exp, x, order=2)
    assert x.data.tolist() == [1, 2]
    assert x.grad is None


def test_the_same_seed_gives_the_same_error():
    messages = set()
    for rng in (3, np.random.default_rng(3), 4):
        with pytest.raises(AssertionError) as caught:
            check_gradients(wrong("exp"), sample("exp"), rng=rng)
        messages.add(str(caught.value))
    assert len(messages) == 2


def test_bad_arguments():
    with pytest.raises(ValueError, match="order=0"):
        check_gradients(ops.exp, 1.0, order=0)
    with pytest.raises(ValueError, match="directions=0"):
        check_gradients(ops.exp, 1.0, directions=0)
    with pytest.raises(TypeError, match="none of floating dtype"):
        check_gradients(ops.exp, np.array([1, 2]))
    with pytest.raises(TypeError, match="f returned float64; expected a floating Tensor"):
        check_gradients(lambda x: x.data.sum(), 1.0)
    with pytest.raises(TypeError, match="f returned a Tensor of dtype int64"):
        check_gradients(lambda x: Tensor([1, 2]), 1.0)


def test_a_random_function_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="two values for the same inputs"):
        check_gradients(lambda x: x * rng.normal(), 1.0)


def test_the_usual_fault_of_where_fails():
    """The rule of the branch not taken gives NaN."""
    for f in (lambda x: where(x > 0, sqrt(x), 0.0), lambda x: x * np.nan):
        with np.errstate(all="ignore"), pytest.raises(AssertionError, match="nan"):
            check_gradients(f, np.array([-1.0, -2.0]))
