"""What cannot be written as straight-line code is refused, and leaves all as it was."""

import builtins

import numpy as np
import pytest

from tinygrad_loss import (
    Tensor,
    dropout,
    grad,
    relu,
)
from tinygrad_loss.nn import Linear, Sequential
from tinygrad_loss.optim import SGD
from tinygrad_loss.unroll import unroll

from .agreement import assert_same, eager

W = Tensor([1.0, 2.0], requires_grad=True)


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda x: (W * x).sum() if (W * x).sum() > 1 else W.sum(), "branch"),
        (lambda x: W.sum() if x[0] > 1 else W[0], "branch"),
        (lambda x: W.sum() * (W.sum().item() + 1), "item"),
        (lambda x: W.sum() * float(x.sum()), "float"),
        (lambda x: W.sum() * int(x[0]), "int"),
        (lambda x: (W * np.asarray(x)).sum(), "array"),
        (lambda x: (W * sum(x.tolist())).sum(), "tolist"),
        (lambda x: W[x > 0].sum(), r"mask|array"),
        (lambda x: (x[x > 0] * W).sum(), "mask"),
        (lambda x: W.sum() * len(np.nonzero(x)[0]), "shape of np.nonzero"),
        (lambda x: W.sum() * len(np.unique(x)), "shape of np.unique"),
        (lambda x: (np.add(x, 1, out=np.zeros(2)) * W).sum(), "outside"),
        (lambda x: (W * np.random.default_rng().random(2)).sum(), "another one each time"),
        (lambda x: W.sum().item(), "item"),
        (lambda x: 3.0, "expected a Tensor"),
        (lambda x: (W * x).sum().backward(), "backward|Tensor"),
        (lambda x: [(W * x).sum().backward(), W.sum()][1], "changes"),
        (lambda x: [setattr(W, "data", W.data - 1), W.sum()][1], "changes"),
        (lambda x: [W.data.__isub__(0.1), W.sum()][1], "updates belong outside"),
        (lambda x: [np.add(x, 1, out=x), (W * x).sum()][1], "updates belong outside"),
        (lambda x: [x.reshape(2, 1).__setitem__(0, 1), (W * x).sum()][1], "copy"),
    ],
)
def test_what_needs_numbers_is_refused(f, message):
    before, grad = W.data, W.grad
    with pytest.raises(TypeError, match=message):
        unroll(f, np.ones(2), wrt=[W])
    assert W.data is before
    assert type(W.data) is np.ndarray
    assert W.grad is grad


@pytest.mark.parametrize(
    "f",
    [
        lambda x: (W * np.array([x[0], x[1]])).sum(),
        lambda x: (np.zeros(2).__setitem__(0, x[0]) or W).sum(),
    ],
)
def test_numpy_says_in_its_own_words_what_cannot_be_converted(f):
    with pytest.raises((TypeError, ValueError)) as error:
        unroll(f, np.ones(2), wrt=[W])
    assert "where(condition" in str(error.value) + str(error.value.__cause__)


def test_an_optimizer_inside_is_refused():
    optimizer = SGD([W], lr=0.1)

    def f(x):
        (W * x).sum().backward()
        optimizer.step()
        return (W * x).sum()

    before = W.data.copy()
    with pytest.raises(TypeError, match="outside"):
        unroll(f, np.ones(2), wrt=[W])
    np.testing.assert_array_equal(W.data, before)
    assert W.grad is None


def test_arrays_made_inside_can_be_written():
    w = Tensor([1.0, 2.0, 3.0], requires_grad=True)

    def f(x, i):
        c = x.copy()
        c[i] = 5.0
        c *= 2
        d = np.zeros_like(x)
        np.add.at(d, i, c[1:])
        d[x > 1] = 0.5
        return (w * c * d).sum()

    step = unroll(f, np.ones(3), np.array([0, 2]), wrt=[w])
    for x, i in ((np.ones(3), [0, 2]), (np.arange(3.0), [1, 1]), (np.full(3, 2.0), [2, 0])):
        data = x, np.array(i)
        assert_same(step(*data), eager(f, data, [w]))


def test_an_array_made_inside_counts_as_it_is_at_each_use():
    """A long one was told apart by its identity, and so stayed what it was at first."""
    w = Tensor([1.0, 2.0], requires_grad=True)

    def f(x):
        buffer, total = np.zeros((200, 2)), (w * x).sum()
        for t in range(3):
            buffer[...] = t
            total = total + (w * (x + buffer) * np.add(x, [1.0, 2.0])).sum()
        return total

    step = unroll(f, np.ones(2), wrt=[w])
    assert_same(step(np.array([3.0, 4.0])), eager(f, (np.array([3.0, 4.0]),), [w]))


def test_results_are_not_cast_to_what_cannot_hold_them():
    def f(x):
        c = x.astype(int)
        c *= 0.5
        return (W * c).sum()

    with pytest.raises(TypeError, match="Cannot cast"):
        unroll(f, np.ones(2), wrt=[W])


def test_an_embedding_is_looked_up():
    table = Tensor(np.arange(8.0).reshape(4, 2), requires_grad=True)
    f = lambda ids: (table[ids] ** 2).sum()  # noqa: E731
    ids = [np.array(x) for x in ([0, 3, 3], [1, 1, 1], [2, 0, 1])]
    step = unroll(f, ids[0], wrt=[table])
    for x in ids:
        assert_same(step(x), eager(f, (x,), [table]))


def test_derivatives_inside_the_function():
    w = Tensor([1.0, 2.0], requires_grad=True)
    f = lambda x: (w * grad(lambda x: (x**3).sum())(x)).sum()  # noqa: E731
    step = unroll(f, np.ones(2), wrt=[w])
    for x in (np.ones(2), np.array([2.0, 3.0])):
        value, (slope,) = step(x)
        assert value == pytest.approx((w.data * 3 * x**2).sum())
        np.testing.assert_allclose(slope, 3 * x**2)


def test_a_counter_is_refused():
    count = iter(builtins.range(1, 100))
    with pytest.raises(TypeError, match="another one each time"):
        unroll(lambda x: (W * x).sum() * next(count), np.ones(2), wrt=[W])


def test_errors_of_the_function_come_through_and_leave_all_as_it_was():
    rng = np.random.default_rng(0)
    state = rng.bit_generator.state
    model = Sequential(Linear(2, 3, rng=np.random.default_rng(1)), relu)

    def f(x):
        raise KeyError(dropout(model(x), 0.5, rng=rng).shape)

    with pytest.raises(KeyError):
        unroll(f, np.ones((1, 2)), wrt=model.parameters())
    assert rng.bit_generator.state == state
    assert all(type(p.data) is np.ndarray for p in model.parameters())
    assert model(np.ones((1, 2))).shape == (1, 3)


def test_wrong_arguments_are_explained():
    with pytest.raises(TypeError, match=r"parameters\(\)"):
        unroll(lambda: W.sum(), wrt=W)
    with pytest.raises(ValueError, match="requires_grad"):
        unroll(lambda x: (x * W).sum(), np.ones(2), wrt=[Tensor([1.0])])
    with pytest.raises(ValueError, match="scalar"):
        unroll(lambda x: x * W, np.ones(2), wrt=[W])
    step = unroll(lambda x: (x * W).sum(), np.ones(2), wrt=[W])
    with pytest.raises(TypeError, match="positional argument"):
        step()
