"""Errors teach: each message says what was given, what is expected and what to do (trap 24)."""

from contextlib import contextmanager

import numpy as np
import pytest

from tinygrad_loss import Tensor, grad, gradients, value_and_grad
from tinygrad_loss.engine import functions, ops, products


def leaf(data, name=None):
    return Tensor(data, requires_grad=True, name=name)


@contextmanager
def raises(error, *parts):
    """The error must be of this kind, and its message must contain all the parts."""
    with pytest.raises(error) as caught:
        yield
    for part in parts:
        assert part in str(caught.value)


# --- shapes --------------------------------------------------------------------------------------


def test_matmul_names_the_inner_sizes():
    x, W = Tensor(np.ones((64, 10))), leaf(np.ones((64, 32)))
    for f in (lambda: x @ W, lambda: np.matmul(x, W), lambda: products.matmul(x, W)):
        with raises(ValueError, "matmul: (64, 10) @ (64, 32): inner sizes 10 and 64 differ"):
            f()
    with raises(ValueError, "matmul: (64, 10) @ (64, 32): inner sizes 10 and 64 differ"):
        np.ones((64, 10)) @ W
    with raises(ValueError, "X (64, 10) @ W (64, 32)", "inner sizes 10 and 64 differ"):
        Tensor(x.data, name="X") @ leaf(W.data, "W")


@pytest.mark.parametrize(("a", "b"), [((3,), (4,)), ((2, 3), (4,)), ((3,), (4, 2))])
def test_matmul_of_vectors_names_the_inner_sizes(a, b):
    with raises(ValueError, "matmul", "inner sizes 3 and 4 differ"):
        Tensor(np.ones(a)) @ leaf(np.ones(b))


def test_matmul_of_stacks_that_do_not_broadcast():
    with raises(ValueError, "matmul: (2, 3, 4) @ (5, 4, 3)", "broadcast"):
        Tensor(np.ones((2, 3, 4))) @ leaf(np.ones((5, 4, 3)))


@pytest.mark.parametrize("other", [2.0, 2, np.float64(2), np.array(2.0)])
def test_matmul_with_a_number(other):
    t = leaf(np.ones((2, 2)))
    for f in (lambda: t @ other, lambda: other @ t):
        with raises(ValueError, "matmul", "number", "multiply with *"):
            f()


@pytest.mark.parametrize(
    ("f", "shown"),
    [
        (lambda a, b: a + b, "add: (3, 4) + (3,)"),
        (lambda a, b: a - b, "subtract: (3, 4) - (3,)"),
        (lambda a, b: a * b, "multiply: (3, 4) * (3,)"),
        (lambda a, b: a / b, "divide: (3, 4) / (3,)"),
        (ops.maximum, "maximum: (3, 4), (3,)"),
        (ops.logaddexp, "logaddexp: (3, 4), (3,)"),
        (lambda a, b: ops.where(True, a, b), "where: True, (3, 4), (3,)"),
    ],
)
def test_shapes_that_do_not_broadcast(f, shown):
    with raises(ValueError, shown, "broadcast", "reshape"):
        f(leaf(np.ones((3, 4))), np.ones(3))


def test_names_of_tensors_are_shown():
    with raises(ValueError, "X (3, 4) + b (3,)"):
        leaf(np.ones((3, 4)), "X") + leaf(np.ones(3), "b")


@pytest.mark.parametrize(
    ("f", "error", "parts"),
    [
        (lambda t: t.reshape(5, 5), ValueError, ["reshape: ", "(3, 4)", "(5, 5)"]),
        (lambda t: t.sum(axis=2), ValueError, ["sum: (3, 4)", "axis 2 is out of bounds"]),
        (lambda t: t.mean(axis=-3), ValueError, ["mean: (3, 4)", "axis -3 is out of bounds"]),
        (lambda t: t.sum(axis=(0, 0)), ValueError, ["sum: (3, 4)", "duplicate"]),
        (lambda t: t.prod(axis=2), ValueError, ["axis 2 is out of bounds"]),
        (lambda t: t.var(axis=2), ValueError, ["axis 2 is out of bounds"]),
        (lambda t: t.softmax(axis=2), ValueError, ["softmax: (3, 4)", "axis 2 is out of bounds"]),
        (lambda t: t.logsumexp(axis=5), ValueError, ["logsumexp: (3, 4)", "axis 5 is out of"]),
        (lambda t: t.transpose(0, 2), ValueError, ["transpose: (3, 4)", "axis 2 is out of"]),
        (lambda t: t.transpose(0), ValueError, ["transpose: (3, 4)", "axes"]),
        (lambda t: t.squeeze(axis=0), ValueError, ["squeeze: (3, 4)", "size"]),
        (lambda t: ops.expand_dims(t, 5), ValueError, ["expand_dims: (3, 4)", "axis 5"]),
        (lambda t: ops.broadcast_to(t, (2, 2)), ValueError, ["broadcast_to: (3, 4)", "(2, 2)"]),
        (lambda t: t[3], IndexError, ["getitem: (3, 4)", "index 3 is out of bounds"]),
        (lambda t: t[0, 0, 0], IndexError, ["getitem: (3, 4)", "too many indices"]),
        (lambda t: t[np.array([True])], IndexError, ["getitem: (3, 4)", "boolean"]),
        (lambda t: t[0.5], IndexError, ["getitem: (3, 4)", "integers"]),
        (lambda t: t["a"], IndexError, ["getitem: (3, 4)", "integers"]),
        (
            lambda t: ops.concatenate([t, np.ones((2, 3))]),
            ValueError,
            ["concatenate: (3, 4), (2, 3)"],
        ),
        (lambda t: ops.concatenate([t, t], axis=2), ValueError, ["concatenate", "axis 2"]),
        (lambda t: ops.concatenate([]), ValueError, ["concatenate", "at least one"]),
        (lambda t: functions.stack([t, np.ones((2, 3))]), ValueError, ["(1, 3, 4), (1, 2, 3)"]),
        (lambda t: functions.stack([]), ValueError, ["at least one"]),
        (lambda t: functions.gelu(t, approximate="fast"), ValueError, ["'fast'", "'tanh'"]),
    ],
)
def test_shapes_axes_and_indices(f, error, parts):
    with raises(error, *parts):
        f(leaf(np.ones((3, 4))))


# --- data ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [[1, 2], [True, False], np.array([1], np.uint8), 3])
def test_integers_and_booleans_cannot_require_grad(data):
    """Trap 11."""
    with raises(TypeError, "cannot require grad", "dtype=float", str(np.asarray(data).dtype)):
        Tensor(data, requires_grad=True)


def test_an_integer_cannot_become_the_data_of_a_parameter():
    w = leaf([1.0, 2.0])
    with raises(TypeError, "int64", "cannot require grad"):
        w.data = np.array([1, 2])
    assert w.data.dtype == np.float64


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        ([1j], "complex128"),
        ("text", "<U4"),
        (["a", "b"], "<U1"),
        ([None], "object"),
        ({"a": 1}, "object"),
        (np.array(["2020-01-01"], "datetime64[D]"), "datetime64"),
    ],
)
def test_data_that_is_not_made_of_real_numbers(data, dtype):
    with raises(TypeError, dtype, "real numbers"):
        Tensor(data)


def test_ragged_lists():
    with raises(ValueError, "a list whose rows differ in length", "Pad them"):
        Tensor([[1.0, 2.0], [3.0]])


def test_tensors_of_tensors():
    t = leaf([1.0, 2.0])
    for data in (t, [t, t], [1.0, t], (t,), [[t], [t]], [[0.0, 1.0], (0.0, t)]):
        with raises(TypeError, "detach()", "stack"):
            Tensor(data)


def test_writing_into_a_tensor():
    """Trap 22."""
    t = leaf([1.0, 2.0])
    for target in (t, t * 2, Tensor([1, 2])):
        with raises(TypeError, "where(", "concatenate(", ".data"):
            target[0] = 5


def test_writing_into_an_array():
    t, x = leaf([1.0, 2.0]), np.ones(2)
    with raises(TypeError, "out=", "array + t", "t.data"):
        np.exp(t, out=x)
    with raises(TypeError, "out=", "array + t", "t.data"):
        x += t
    with raises(TypeError, "out="):
        np.sum(t, out=np.zeros(()))
    with raises(TypeError, "out="):
        np.add(x, x, out=t)
    assert x.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("f", "name"),
    [
        (np.arcsin, "np.arcsin"),
        (np.cumprod, "np.cumprod"),
        (np.fft.fft, "np.fft.fft"),
        (np.linalg.det, "np.linalg.det"),
        (np.linalg.eigh, "np.linalg.eigh"),
        (np.ptp, "np.ptp"),
        (np.add.reduce, "np.add.reduce"),
        (np.add.accumulate, "np.add.accumulate"),
    ],
)
def test_numpy_functions_without_a_rule(f, name):
    with raises(TypeError, f"{name} has no derivative in this library", "t.data"):
        f(leaf(np.ones((2, 2))))


def test_ufuncs_of_other_libraries_are_not_called_numpys():
    expit = np.frompyfunc(lambda x: 1 / (1 + np.exp(-x)), 1, 1)
    with raises(TypeError, "no derivative"):
        expit(leaf([1.0]))
    with pytest.raises(TypeError, match=r"^expit has no derivative"):
        pytest.importorskip("scipy.special").expit(leaf([1.0]))


def test_options_of_numpy_that_no_op_has():
    with raises(TypeError, "np.sum: dtype=", "t.data"):
        np.sum(leaf([1.0]), dtype=np.float32)
    with raises(TypeError, "np.max: initial="):
        np.max(leaf([1.0]), initial=0.0)
    with raises(TypeError, "np.exp: where="):
        np.exp(leaf([1.0]), where=[True])
    with raises(ValueError, "norm: (1,), axis=None, ord=3", "1, 2 or inf over one", "Compose"):
        np.linalg.norm(leaf([1.0]), ord=3)


@pytest.mark.parametrize("x", [np.ones(2), leaf([1.0, 2.0])])
def test_a_further_input_is_not_taken_for_an_array_to_fill(x):
    """NumPy's log(x, 10.0 in an array) does not compute a logarithm to base 10: it writes there."""
    base = np.array(10.0)
    with raises(TypeError, "log: got (2,), ()", "expected 1 input", "out="):
        ops.log(x, base)
    with raises(TypeError, "multiply: got (2,), 2, where=", "expected 2 inputs"):
        ops.multiply(x, 2, where=[True, False])
    assert base == 10


@pytest.mark.parametrize("f", [ops.sum, ops.softmax, ops.max])
def test_numbers_instead_of_arrays(f):
    with raises(TypeError, f"{f.name}: 3.0", "expected a Tensor or an array"):
        f(3.0)
    np.testing.assert_array_equal(f([1.0, 2.0]), f(np.array([1.0, 2.0])))


def test_operands_that_are_not_numbers():
    t = leaf([1.0, 2.0])
    for f in (lambda: t + "a", lambda: t * None, lambda: t + {}):
        with raises(TypeError):
            f()


def test_converting_to_integers():
    with raises(TypeError, "astype", "int64", "t.data"):
        leaf([1.0]).astype(int)


# --- truth, iteration, numbers -------------------------------------------------------------------


def test_the_truth_of_several_elements():
    for data in ([0.0, 1.0], [[1.0], [1.0]]):
        with raises(ValueError, "more than one element", "any"):
            bool(leaf(data))


def test_iteration_over_no_dimensions():
    with raises(TypeError, "without dimensions", "item()"):
        iter(leaf(1.0))
    with raises(TypeError, "len()"):
        len(leaf(1.0))


def test_the_item_of_several_elements():
    for f in (lambda t: t.item(), float, int):
        with raises((ValueError, TypeError), "size 1"):
            f(Tensor([1.0, 2.0]))


# --- backward ------------------------------------------------------------------------------------


def test_backward_of_a_non_scalar_shows_the_two_ways_out():
    """Trap 25."""
    y = leaf(np.ones((2, 3))) * 2
    for f in (y.backward, lambda: gradients(y, [y])):
        with raises(ValueError, "(2, 3)", "mean()", "sum()", "backward(grad)"):
            f()


def test_a_seed_of_the_wrong_shape():
    x = leaf(np.ones((2, 3)))
    y = x * 2
    for seed in (np.ones(3), np.ones((3, 2)), 1.0, np.ones((1, 2, 3))):
        with raises(ValueError, str(np.shape(seed)), "(2, 3)"):
            y.backward(seed)
        with raises(ValueError, str(np.shape(seed)), "(2, 3)"):
            gradients(y, [x], seed)
    assert x.grad is None


def test_backward_without_anything_that_requires_grad():
    with raises(RuntimeError, "does not require grad", "no_grad()", "requires_grad=True"):
        (Tensor(1.0) * 2).backward()
    with raises(RuntimeError, "does not require grad"):
        Tensor([1]).sum().backward()


def test_gradients_with_respect_to_what_does_not_require_grad():
    x = leaf(1.0)
    with raises(ValueError, "inputs[1]", "requires_grad=True"):
        gradients(x * 2, [x, Tensor(1.0)])
    with raises(ValueError, "inputs[0]", "Tensor"):
        gradients(x * 2, [np.array(1.0)])


@pytest.mark.parametrize("x", [1.0, [1.0, 2.0]])
def test_gradients_with_respect_to_a_tensor_instead_of_a_list(x):
    x = leaf(x)
    with raises(TypeError, "inputs is a Tensor", " [x] "):
        gradients((x * 2).sum(), x)


@pytest.mark.parametrize("output", [3.0, np.ones(())])
def test_gradients_of_what_is_no_tensor(output):
    with raises(TypeError, "gradients: output is a", "expected a Tensor"):
        gradients(output, [leaf(1.0)])


def test_grad_of_functions_that_return_something_else():
    with raises(TypeError, "float", "scalar Tensor"):
        grad(lambda x: x.item())(1.0)
    with raises(TypeError, "tuple", "Tensor"):
        value_and_grad(lambda x: (x, x))(1.0)
    with raises(ValueError, "(2,)", "scalar"):
        grad(lambda x: x * x)(np.array([1.0, 2.0]))


def test_grad_with_respect_to_integers_and_missing_arguments():
    with raises(TypeError, "int64", "cannot require grad"):
        grad(lambda x: x * x)(3)
    with raises((IndexError, TypeError), "argnums", "1"):
        grad(lambda x: x * x, 1)(3.0)
    with raises(TypeError, "argnums=-1", "counted from 0"):
        grad(lambda x: x * x, -1)(3.0)
    with raises(TypeError, "argnums=[0]", "tuple"):
        grad(lambda x: x * x, [0])(3.0)


# --- data changed after use ----------------------------------------------------------------------


def test_data_changed_between_forward_and_backward_names_tensor_and_op():
    """Trap 7."""
    w = leaf([1.0, 2.0], "weights")
    y = (w * w).sum()
    w.data = [3.0, 4.0]
    with raises(RuntimeError, "weights", "(2,)", "multiply", "changed", "backward()"):
        y.backward()
    assert w.grad is None


@pytest.mark.parametrize(
    "f",
    [
        lambda x, limit: x.clip(limit, 1.0),
        lambda x, limit: x.clip(min=limit),
        lambda x, limit: np.clip(x, None, limit),
        lambda x, limit: ops.leaky_relu(x, limit),
        lambda x, limit: ops.leaky_relu(x.data, slope=limit),
    ],
)
def test_an_option_that_requires_grad_would_lose_its_gradient(f):
    x = leaf([0.5, 2.0])
    with raises(TypeError, "requires grad", "has no derivative with respect to", "Pass its .data"):
        f(x, leaf(0.1))
    constant = f(x, Tensor(0.1))  # one that does not is a number like another
    assert isinstance(constant, Tensor | np.ndarray)
    assert np.array_equal(constant, f(x, 0.1))
