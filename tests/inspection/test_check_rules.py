"""check_gradients finds what one gradient does not show, and tells a kink from a wrong rule.

faults.md H1: `abs(g) * y`, `g * (g > 0) * y` and a rule that writes into g passed.
faults.md F5: a kink looked like a wrong rule.
"""

from itertools import cycle

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as npst

from tinygrad_loss import Op, Tensor, check_gradients, losses
from tinygrad_loss.engine import functions, ops, products

from ..strict_array import StrictArray

X = np.array([0.5, -1.0, 2.0])


def into_g(g, y, x):
    g *= y
    return g


def into_x(g, y, x):
    part = g * y
    x[...] = 0
    return part


def into_y(g, y, x):
    y *= g
    return y


def into_its_last_value():
    buffer = np.empty(3)

    def rule(g, y, x):
        buffer[...] = g * y
        return buffer

    return rule


NOT_LINEAR = {
    "its size": lambda g, y, x: abs(g) * y,
    "where it is positive": lambda g, y, x: g * (g > 0) * y,
    "max(g, 0)": lambda g, y, x: np.maximum(g, 0) * y,
    "its square": lambda g, y, x: g**2 * y,
    "its sign": lambda g, y, x: np.sign(g) * y,
    "a constant more": lambda g, y, x: (g + 1) * y,
    "a small constant more": lambda g, y, x: g * y + 1e-7,
    "not at all": lambda g, y, x: 1 * y,
    "clipped": lambda g, y, x: np.clip(g, -100, 100) * y,
    "without the small ones": lambda g, y, x: np.where(abs(g) < 10, g, 0) * y,
}
WRITING = {"g": into_g, "x": into_x, "y": into_y}

# f of an op of the exponential: alone, as a scalar, and where several parts of its gradient add up.
USES = [lambda op, x: op(x), lambda op, x: op(x).sum(), lambda op, x: op(x) + 2 * op(x * 0.5)]


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("how", NOT_LINEAR)
def test_a_rule_that_is_not_linear_in_g_fails(how, use, order):
    op = Op(np.exp, NOT_LINEAR[how], name="wrong")
    with pytest.raises(
        AssertionError, match=r"backward of wrong: x? ?\(3,\): rule 0 is not linear"
    ):
        check_gradients(lambda x: use(op, x), X, order=order)
    with pytest.raises(AssertionError, match="is not linear in g"):
        check_gradients(lambda x: use(op, x), 0.5, order=order)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("into", WRITING)
def test_a_rule_that_writes_into_what_it_is_given_fails(into, use, order):
    op = Op(np.exp, WRITING[into], name="wrong")
    for x in (X, 0.5):
        with pytest.raises(AssertionError, match=r"backward of wrong.*read-only"):
            check_gradients(lambda x: use(op, x), x, order=order)


def test_a_rule_that_writes_into_another_input_fails():
    def rule(g, y, a, b):
        b *= g
        return b

    op = Op(lambda a, b: a * b, rule, lambda g, y, a, b: g * a, name="product")
    for f in (op, lambda a: op(a, np.ones(3))):
        with pytest.raises(AssertionError, match="rule 0 writes into g, y or an input"):
            check_gradients(f, *([X, X] if f is op else [X]))


def test_a_rule_that_writes_into_its_last_value_fails():
    op = Op(np.exp, into_its_last_value(), name="wrong")
    with pytest.raises(AssertionError, match=r"backward of wrong.*rule 0 is not linear"):
        check_gradients(op, X)


def test_a_second_rule_that_changes_what_the_first_returned_fails():
    """The first rule returns its g, as that of a sum does; the second writes into it."""

    def second(g, y, a, b):
        g *= 1.0 + (a > 0)
        return g / (1.0 + (a > 0))

    op = Op(lambda a, b: a + b, lambda g, y, a, b: g, second, name="total")
    with pytest.raises(AssertionError, match=r"total.*rule 1 writes into g"):
        check_gradients(op, X, X)


def test_a_rule_that_mixes_the_elements_by_size_fails():
    """It is linear in the size of g, but drops the gradients that are small beside the others."""
    op = Op(np.exp, lambda g, y, x: g * (abs(g) >= abs(g).mean()) * y, name="largest")
    with pytest.raises(AssertionError, match="relative error"):
        check_gradients(op, np.linspace(-1, 1, 9))


def test_a_rule_that_is_right_for_positive_inputs_only_fails():
    op = Op(np.absolute, lambda g, y, x: g * 1.0, name="absolute")
    check_gradients(op, np.abs(X))
    with pytest.raises(AssertionError, match="relative error"):
        check_gradients(op, X)


@settings(max_examples=50, deadline=None)
@given(
    shape=npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    seed=st.integers(0, 10**6),
    size=st.floats(-9, 9).map(lambda e: 10.0**e),
)
def test_right_rules_pass_whatever_the_seed_the_shape_and_the_size(shape, seed, size):
    x = np.random.default_rng(seed).normal(size=shape) * size
    check_gradients(lambda x, b: ops.tanh(x / size) * b, x, np.ones(shape[-1:]), order=2, rng=seed)


def test_gradients_that_are_zero_up_to_rounding_are_linear():
    """The bias before a batch norm: its gradient is a sum that cancels, 1e-17."""
    rng = np.random.default_rng(0)

    def f(x, W, b):
        h = products.linear(x, W, b)
        return (h - h.mean(axis=0)) / functions.std(h, axis=0)

    check_gradients(f, rng.normal(size=(20, 3)), rng.normal(size=(3, 4)), rng.normal(size=4))


def test_rounding_that_differs_from_call_to_call_is_linear():
    """Some BLAS libraries add up in another order if the memory is aligned otherwise."""
    rounding = cycle([1e-17, -1e-17, 3e-17])
    op = Op(lambda x: x * 0 + 1.0, lambda g, y, x: g * next(rounding), name="constant")
    check_gradients(op, X)


def test_rules_in_float16_are_not_scaled_out_of_its_range():
    check_gradients(lambda x: x.astype(np.float16).sum() * 3, X, rtol=1.0)


def test_the_weights_of_the_outputs_have_both_signs():
    seen = []
    op = Op(np.exp, lambda g, y, x: seen.append(np.array(getattr(g, "data", g))) or g * y)
    check_gradients(op, np.zeros(40) + 0.5, rng=1)
    v = seen[1]
    assert 10 < np.count_nonzero(v > 0) < 30
    assert np.all((np.abs(v) > 0.5) & (np.abs(v) < 1.5))


# --- kinks ---------------------------------------------------------------------------------------

KINKS = {  # f, input, where
    "relu": (ops.relu, [1.0, 0.0, -1.0], r"at \[1\]"),
    "leaky": (ops.leaky_relu, 0.0, "there"),
    "clip": (lambda x: ops.clip(x, 0, 1), [0.5, 1.0], r"at \[1\]"),
    "hinge": (lambda z: losses.hinge(z, np.array([1, -1])), [1.0, 3.0], r"at \[0\]"),
    "max of three": (
        lambda x: ops.max(x, axis=1)[0],
        [[2.0, 0.0, 2.0], [1.0, 2.0, 3.0]],
        None,  # a tie of two shares the slope, and passes
    ),
    "max": (lambda x: ops.where(x[0] >= x[1], x[0], x[1]), [2.0, 2.0], r"at \[0\]"),
    "the middle of many": (
        lambda x: ops.relu(x).sum() ** 2,
        np.where(np.arange(35) == 23, 0, 1.0).reshape(5, 7),
        r"at \[3, 2\]",
    ),
    "where two cross": (lambda x: ops.relu(x[0] - x[1]) + x.sum(), [3.0, 3.0], r"at \[0\]"),
    "a kink in a curve": (lambda x: ops.exp(x) + 1e-2 * ops.relu(x - 1), [1.0], r"at \[0\]"),
}


@pytest.mark.parametrize("name", KINKS)
def test_a_kink_is_named_with_its_place(name):
    f, x, place = KINKS[name]
    for seed in range(3):
        if place is None:
            check_gradients(f, x, rng=seed)
            continue
        with pytest.raises(AssertionError, match=f"f has a kink {place}, .*Move the input"):
            check_gradients(f, x, rng=seed)


@pytest.mark.parametrize("order", [1, 2])
def test_the_input_with_the_kink_is_named(order):
    a, b = Tensor([1.0, 2.0], name="a"), Tensor([3.0, 0.0], name="b")
    with pytest.raises(AssertionError, match=r"input 1 b \(2,\): f has a kink at \[1\]"):
        check_gradients(lambda a, b: a * ops.relu(b), a, b, order=order)


def test_a_kink_of_the_gradient_is_named_at_order_two():
    def squared(x):
        return ops.relu(x) ** 2

    check_gradients(squared, [1.0, 0.0])
    with pytest.raises(AssertionError, match=r"gradient of input 0, diff.*f has a kink at \[1\]"):
        check_gradients(squared, [1.0, 0.0], order=2)


@pytest.mark.parametrize("name", ["sin", "exp", "fast", "cubed", "offset", "noise"])
def test_a_wrong_rule_of_a_smooth_function_is_not_taken_for_a_kink(name):
    f = {
        "sin": ops.sin,
        "exp": lambda x: ops.exp(ops.exp(x)),
        "fast": lambda x: ops.sin(1e4 * x),
        "cubed": lambda x: x**3,
        "offset": lambda x: x * 1e-3 + 1e6,
        "noise": lambda x: (x * 1e-3 + 1e9) - 1e9,
    }[name]
    factor = Op(lambda x: x * 1.0, lambda g, y, x: g * 1.5, name="factor")
    for seed in range(5):
        with pytest.raises(AssertionError, match="relative error"):
            check_gradients(lambda x: f(factor(x)), [0.0, 1.0, -0.3], rng=seed)


def test_beside_a_kink_right_rules_pass_and_wrong_ones_do_not():
    x = np.array([1e-9, -1e-9, 1e-3])
    check_gradients(ops.relu, x, order=2)
    wrong = Op(lambda x: np.maximum(x, 0), lambda g, y, x: g * (x > 0) * 1.0005, name="relu")
    with pytest.raises(AssertionError, match=r"relative error 5\.0e-04"):
        check_gradients(wrong, x)


# --- arrays of other libraries -------------------------------------------------------------------


def test_arrays_of_other_libraries_are_refused():
    x = StrictArray([1.0, 2.0])
    for foreign in (x, Tensor(x)):
        with pytest.raises(TypeError, match=r"input 0 is a StrictArray; expected arrays of NumPy"):
            check_gradients(ops.exp, foreign)
    with pytest.raises(TypeError, match="input 1 is a StrictArray"):
        check_gradients(lambda x, i: x[i], np.ones(2), StrictArray([1]))
