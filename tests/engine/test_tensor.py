"""Tensor: what it holds, what it owns, how it shows itself."""

import numpy as np
import pytest

from tinygrad_loss import Tensor
from tinygrad_loss.engine import ops

# --- data ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "dtype", "shape"),
    [
        (3.0, np.float64, ()),
        (3, np.int64, ()),
        (True, np.bool_, ()),
        ([1, 2.5], np.float64, (2,)),
        ([[1.0, 2.0]], np.float64, (1, 2)),
        ((1.0, 2.0), np.float64, (2,)),
        ([], np.float64, (0,)),
        (np.float32(2), np.float32, ()),
        (np.ones(3, np.float16), np.float16, (3,)),
        (np.ones((2, 0), np.float32), np.float32, (2, 0)),
        (np.array([1, 2], np.uint8), np.uint8, (2,)),
    ],
)
def test_data_becomes_an_array_as_in_numpy(data, dtype, shape):
    t = Tensor(data)
    assert type(t.data) is np.ndarray
    assert (t.dtype, t.shape, t.ndim, t.size) == (dtype, shape, len(shape), np.prod(shape))
    assert t.grad is None
    assert t.requires_grad is False
    assert t.name is None


def test_dtype_converts():
    t = Tensor([1, 2], dtype=np.float32, requires_grad=True)
    assert t.dtype == np.float32
    assert Tensor([1.5], dtype=int).data.tolist() == [1]


def test_data_is_copied_unless_told_otherwise():
    x = np.ones(2)
    copied, shared = Tensor(x), Tensor(x, copy=False)
    x[0] = 5
    assert copied.data.tolist() == [1, 1]
    assert shared.data is x


def test_assigning_data_copies():
    t, x = Tensor([1.0, 2.0]), np.array([3.0, 4.0])
    t.data = x
    x[0] = 9
    assert t.data.tolist() == [3, 4]
    t.data = [5.0, 6.0]
    assert t.data.tolist() == [5, 6]


def test_data_is_updated_in_place():
    t = Tensor([1.0, 2.0], requires_grad=True)
    before = t.data
    t.data -= 0.5
    assert t.data is before
    assert t.data.tolist() == [0.5, 1.5]
    scalar = Tensor(1.0, requires_grad=True)
    scalar.data -= 0.5
    assert type(scalar.data) is np.ndarray
    assert scalar.item() == 0.5


def test_numbers_out():
    t = Tensor([2.5])
    assert (t.item(), float(t), int(t), f"{t:.3f}") == (2.5, 2.5, 2, "2.500")
    assert isinstance(t.item(), float)
    assert t.numpy() is t.data
    assert np.asarray(t).tolist() == [2.5]
    assert np.asarray(t, dtype=np.float32).dtype == np.float32


def test_detach_is_a_constant_with_the_same_data():
    w = Tensor([1.0, 2.0], requires_grad=True, name="w")
    y = w * 2
    d = y.detach()
    assert (d.requires_grad, d.origin) == (False, None)
    assert d.data.tolist() == [2, 4]
    (d * w).sum().backward()
    assert w.grad.tolist() == [2, 4]
    assert w.detach().name == "w"


def test_zero_grad():
    t = Tensor(1.0, requires_grad=True)
    (t * t).backward()
    t.zero_grad()
    assert t.grad is None


@pytest.mark.parametrize("value", [0.0, 1.0, -2.5])
def test_truth_is_that_of_the_only_element(value):
    """Trap 21."""
    assert bool(Tensor(value)) is bool(value)
    assert bool(Tensor([value])) is bool(value)
    assert bool(Tensor([[value]])) is bool(value)


def test_equality_compares_elements_and_hashing_goes_by_identity():
    """Trap 21."""
    a, b = Tensor([1.0, 2.0]), Tensor([1.0, 3.0])
    assert (a == b).tolist() == [True, False]
    assert (a != b).tolist() == [False, True]
    assert len({a, b, a}) == 2
    assert {a: 1}[a] == 1
    assert hash(a) != hash(Tensor([1.0, 2.0]))


def test_length_and_iteration():
    t = Tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], requires_grad=True)
    assert len(t) == 3
    first, second, third = t
    (second * third).sum().backward()
    assert first.data.tolist() == [1, 2]
    assert t.grad.tolist() == [[0, 0], [5, 6], [3, 4]]
    assert list(Tensor(np.ones((0, 2)))) == []


def test_transposes():
    x = np.arange(6.0).reshape(1, 2, 3)
    assert Tensor(x).T.shape == (3, 2, 1)
    np.testing.assert_array_equal(Tensor(x).mT.data, x.mT)


@pytest.mark.parametrize(
    ("tensor", "text"),
    [
        (Tensor(1.5), "Tensor(1.5)"),
        (Tensor([1, 2]), "Tensor([1, 2], dtype=int64)"),
        (Tensor([1.0], requires_grad=True), "Tensor([1.], requires_grad=True)"),
        (Tensor(np.float32([0.5]), name="w"), "Tensor([0.5], dtype=float32, name='w')"),
        (Tensor([1.0], requires_grad=True) * 2, "Tensor([2.], made by multiply)"),
        (Tensor([1.0]) * 2, "Tensor([2.])"),
    ],
)
def test_repr_shows_values_and_what_made_it(tensor, text):
    assert repr(tensor) == text


def test_repr_of_much_data_is_short():
    assert len(repr(Tensor(np.zeros((1000, 1000))))) < 1000


def test_origin_holds_the_op_and_its_inputs():
    x, w = np.ones((2, 3)), Tensor(np.ones(3), requires_grad=True)
    y = x * w
    op, inputs, arrays, options = y.origin
    assert op is ops.multiply
    assert inputs[0] is x
    assert inputs[1] is w
    assert arrays[1] is w.data
    assert options == {}
    assert w.origin is None


def test_results_of_ops_are_read_only():
    """Trap 7: arrays computed by ops cannot be written to."""
    w = Tensor([1.0, 2.0], requires_grad=True)
    for y in (w * 2, w.sum(), ops.exp(w)):
        with pytest.raises(ValueError, match="read-only"):
            y.data[...] = 0
    with pytest.raises(RuntimeError, match=r"computed by an op and cannot be assigned.*detach"):
        (w * 2).data = np.zeros(2)
    w.data[0] = 5  # a leaf's own array stays writable


def test_integer_tensors_compute_but_do_not_differentiate():
    t = Tensor([1, 2, 3])
    assert (t * 2).data.tolist() == [2, 4, 6]
    assert not (t * 2).requires_grad
    w = Tensor([1.0, 1.0, 1.0], requires_grad=True)
    (t * w).sum().backward()
    assert w.grad.tolist() == [1, 2, 3]


def test_the_graph_records_only_what_requires_grad():
    a, w = Tensor(2.0), Tensor(3.0, requires_grad=True)
    assert (a * a).origin is None
    assert not (a * a).requires_grad
    assert (a * w).requires_grad
