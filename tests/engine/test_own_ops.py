"""Ops of one's own: what their functions may return, and what is said when they fail.

faults.md D3, F1 and F8.
"""

import traceback

import numpy as np
import pytest

import tinygrad_loss as tl
from tinygrad_loss import Op, Tensor


def leaf(data, name=None):
    return Tensor(data, requires_grad=True, name=name)


class Own(Exception):
    """An exception with a constructor of its own."""

    def __init__(self, code, detail):
        super().__init__(code, detail)
        self.code = code


ERRORS = [
    RuntimeError("r"), FloatingPointError("f"), ZeroDivisionError("z"), MemoryError("m"),
    KeyError("k"), IndexError("i"), ValueError("v"), TypeError("t"), OverflowError("o"),
    NotImplementedError("n"), AssertionError("a"), ArithmeticError("b"), LookupError("l"),
    StopIteration("s"), np.linalg.LinAlgError("singular"), np.exceptions.AxisError("axis"),
]  # fmt: skip


@pytest.mark.parametrize("where", ["forward", "backward of"])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_keeps_its_kind(error, where):
    def fail(*_):
        raise error

    fine = (lambda x: x * 1, lambda g, y, x: g)
    op = Op(
        fail if where == "forward" else fine[0], fail if where != "forward" else fine[1], name="bad"
    )
    with pytest.raises(type(error), match=rf"bad: W \(2, 3\).*{error.args[0]}") as caught:
        op(leaf(np.ones((2, 3)), "W")).sum().backward()
    assert type(caught.value) is type(error)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("where", ["forward", "backward"])
def test_an_exception_of_ones_own_passes_as_it_is(where):
    error = Own(7, "detail")

    def fail(*_):
        raise error

    op = Op(fail if where == "forward" else lambda x: x * 1, fail, name="bad")
    with pytest.raises(Own) as caught:
        op(leaf([1.0])).sum().backward()
    assert caught.value is error


def test_a_message_of_ones_own_that_speaks_of_broadcasts_stays():
    def fail(g, y, x):
        raise ValueError("no broadcast on channel 7")

    with pytest.raises(ValueError, match="no broadcast on channel 7"):
        Op(lambda x: x * 1, fail, name="radio")(leaf([1.0])).sum().backward()


def test_floating_point_errors_are_so_in_both_directions():
    """faults.md D3: under np.errstate(over="raise") backward raised TypeError."""
    x = leaf([1e200])
    with np.errstate(over="raise"):
        with pytest.raises(FloatingPointError, match=r"square: \(1,\): overflow"):
            tl.square(x)
        y = tl.divide(1e-200, leaf([1e-200])) * 1e200
        with pytest.raises(FloatingPointError, match=r"backward of divide.*overflow"):
            y.backward(np.ones(1))


RETURNED = {
    "None": (None, TypeError),
    "a list": ([1.0, 2.0], TypeError),
    "a number": (1.0, TypeError),
    "text": ("g", TypeError),
    "a tuple": ((np.ones(2),), TypeError),
    "another shape": (np.ones(3), ValueError),
    "fewer axes": (np.float64(1.0), ValueError),
    "complex": (np.ones(2, complex), ValueError),
    "objects": (np.ones(2, object), ValueError),
}


@pytest.mark.parametrize("name", RETURNED)
def test_a_rule_must_return_a_gradient(name):
    returned, kind = RETURNED[name]
    op = Op(lambda a, b: a + b, lambda g, y, a, b: g, lambda g, y, a, b: returned, name="mine")
    a, b = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    with pytest.raises(kind, match=r"backward of mine: rule 1 returned .*input 1.*\(2,\)"):
        op(a, b).sum().backward()
    assert a.grad is None
    assert b.grad is None


@pytest.mark.parametrize("shape", [(2, 3), (1, 3), (2, 2, 3), (5, 2, 3)])
def test_a_rule_may_return_what_its_input_was_broadcast_to(shape):
    x = leaf(np.ones((2, 3))[: shape[-2]])
    Op(lambda x: x * 1, lambda g, y, x: np.ones(shape), name="mine")(x).sum().backward()
    assert x.grad.shape == x.shape
    assert x.grad.sum() == np.prod(shape)


def test_a_rule_may_compute_with_tensors_from_outside():
    w = leaf([3.0, 4.0])
    x = leaf([1.0, 2.0])
    Op(lambda x: x * w.data, lambda g, y, x: g * w, name="by w")(x).sum().backward()
    assert type(x.grad) is np.ndarray
    assert x.grad.tolist() == [3, 4]


@pytest.mark.parametrize("value", [None, "text", 1j, [[1.0], [1.0, 2.0]], {1.0}], ids=repr)
def test_a_forward_function_must_return_numbers(value):
    op = Op(lambda x: value, lambda g, y, x: g, name="mine")
    with pytest.raises((TypeError, ValueError), match=r"mine \(its forward function\): "):
        op(leaf([1.0]))


@pytest.mark.parametrize("value", [2.5, [1.0, 2.0], (1.0,), np.float32(2), True], ids=repr)
def test_numbers_and_lists_become_arrays(value):
    y = Op(lambda x: value, lambda g, y, x: g.sum() * x, name="mine")(leaf([1.0]))
    assert type(y.data) is np.ndarray
    np.testing.assert_array_equal(y.data, value)
    y.backward(np.ones(y.shape))


def test_an_op_without_rules_is_refused_at_once():
    with pytest.raises(TypeError, match="Op: exp has no rule; expected one"):
        Op(np.exp)


def test_an_input_without_a_rule_of_its_own():
    """Too few rules: what has none is an option, a constant."""
    op = Op(lambda a, b: a * b, lambda g, y, a, b: g * b, name="mine")
    assert op(leaf([2.0]), 3.0).tolist() == [6]
    with pytest.raises(TypeError, match=r"mine: .*no derivative with respect to b"):
        op(leaf([2.0]), leaf([3.0]))


# --- one cause, one traceback ---------------------------------------------------------------------

WRONG = {
    "shapes": lambda: leaf(np.ones((64, 10))) @ np.ones((64, 32)),
    "broadcast": lambda: leaf(np.ones(3)) + np.ones(4),
    "reshape": lambda: leaf(np.ones(3)).reshape(2, 2),
    "axis": lambda: leaf(np.ones(3)).sum(axis=1),
    "index": lambda: leaf(np.ones(3))[7],
    "keyword": lambda: tl.exp(leaf(1.0), axis=0),
    "solve": lambda: tl.solve(leaf(np.zeros((2, 2))), np.ones(2)),
    "einsum": lambda: tl.einsum("ij,jk->ik", leaf(np.ones((2, 3))), np.ones((2, 3))),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_error_has_one_traceback(name):
    """faults.md F8: 29 lines for a wrong shape. Now the frames down to the op, and no second."""
    with pytest.raises(Exception) as caught:
        WRONG[name]()
    text = "".join(traceback.format_exception(caught.value))
    assert text.count("Traceback") == 1
    assert "numpy/_core" not in text
    assert text.count("\n") <= 18, text


def test_the_traceback_of_a_rule_shows_its_line():
    def rule(g, y, x):
        return g["this line is shown"]

    with pytest.raises(IndexError) as caught:
        Op(lambda x: x * 1, rule, name="mine")(leaf([1.0])).sum().backward()
    text = "".join(traceback.format_exception(caught.value))
    assert text.count("Traceback") == 1
    assert "this line is shown" in text


@pytest.mark.parametrize("forward", [lambda x: np.round(x).astype(int), lambda x: x > 1])
def test_what_has_no_derivatives_sends_no_rounded_gradient_back(forward):
    """A straight-through estimator; the gradient .5 became an integer, 0."""
    op = Op(forward, lambda g, y, x: g, name="rounded")
    with pytest.raises(TypeError, match=r"backward of multiply: input 0 holds .*floating"):
        (op(leaf([1.2, 2.7])) * 0.5).sum().backward()
    x = leaf([1.2, 2.7])
    floats = Op(lambda x: forward(x).astype(x.dtype), lambda g, y, x: g, name="rounded")
    (floats(x) * 0.5).sum().backward()
    assert x.grad.tolist() == [0.5, 0.5]


def test_an_attribute_error_keeps_its_kind_if_the_inputs_are_arrays():
    with pytest.raises(AttributeError, match=r"mine: \(1,\): .*foo"):
        Op(lambda x: x.foo, lambda g, y, x: g, name="mine")(leaf([1.0]))
    with pytest.raises(AttributeError, match=r"backward of mine: \(1,\): .*foo"):
        Op(lambda x: x * 1, lambda g, y, x: g.foo, name="mine")(leaf([1.0])).sum().backward()


def test_a_rule_with_too_few_arguments_is_told_which_it_gets():
    for rule in (lambda g, x: g * 2, lambda g: g):
        doubled = Op(lambda x: x * 2, rule, name="doubled")
        with pytest.raises(TypeError, match=r"rule\(g, y, \*inputs\), with the options by name"):
            doubled(leaf([1.0])).sum().backward()
    with pytest.raises(TypeError) as error:
        Op(lambda: 1.0, lambda g, y, x: g, name="forward")(leaf([1.0]))
    assert "A rule" not in str(error.value)
