"""The two engines of the course: short, the same in the lesson, right, and equal to the library."""

import itertools
import math

import numpy as np
import pytest
from course import array_engine, scalar_engine
from course.array_engine import Tensor
from course.scalar_engine import Value
from hypothesis import given, strategies as st

import tinygrad_loss as tl

from .reading import LESSONS, code

ENGINES = {"scalar_engine": ("03_graph.py", 30), "array_engine": ("05_arrays.py", 50)}


def halves(name):
    """The engine, and the spellings set apart from it."""
    text = (LESSONS / "course" / f"{name}.py").read_text("utf-8")
    engine, comment, spellings = text.partition("# The other spellings")
    assert comment
    return engine.partition('"""\n')[2].strip(), spellings.partition("\n")[2].strip()


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_fits_on_a_slide(name):
    engine, _ = halves(name)
    lines = [line for line in engine.splitlines() if line.strip()]
    assert len(lines) <= ENGINES[name][1]
    assert max(map(len, lines)) <= 88


@pytest.mark.parametrize("name", ENGINES)
def test_the_lesson_holds_the_text_of_the_engine(name):
    script, _ = ENGINES[name]
    shown = [cell.source for cell in code(LESSONS / script, solutions=False)]
    for text in halves(name):
        assert text in shown


def test_the_apple_of_lesson_1():
    """By hand: 100 * 2 * 1.1 = 220; its slopes are 2.2, 110 and 200."""
    price, count, tax = Value(100.0), Value(2.0), Value(1.1)
    total = price * count * tax
    total.backward()
    assert total.data == pytest.approx(220, rel=1e-15)
    assert [x.grad for x in (price, count, tax)] == pytest.approx([2.2, 110, 200], rel=1e-15)


def relu(x):
    return Value(max(x.data, 0.0), [(x, float(x.data > 0))])


def micrograds_expression(a, b, relu):
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + relu(b + a)
    d += 3 * d + relu(b - a)
    e = c - d
    f = e**2
    g = f / 2.0
    return g + 10.0 / f


def test_micrograds_published_expression():
    """The README of micrograd (Karpathy 2020)."""
    a, b = Value(-4.0), Value(2.0)
    g = micrograds_expression(a, b, relu)
    g.backward()
    assert [round(x, 4) for x in (g.data, a.grad, b.grad)] == [24.7041, 138.8338, 645.5773]


def mazur(engine, x, W1, b1, W2, b2, t):
    def sigmoid(z):
        return (1 + (-z).exp()) ** -1

    h = [sigmoid(w[0] * x[0] + w[1] * x[1] + b1) for w in W1]
    y = [sigmoid(w[0] * h[0] + w[1] * h[1] + b2) for w in W2]
    return (y[0] - t[0]) ** 2 / 2 + (y[1] - t[1]) ** 2 / 2


def test_mazurs_net_number_for_number():
    """Mazur, "A step by step backpropagation example" (2015); biases fixed, as there."""
    W1 = [[Value(0.15), Value(0.20)], [Value(0.25), Value(0.30)]]
    W2 = [[Value(0.40), Value(0.45)], [Value(0.50), Value(0.55)]]

    def loss():
        return mazur(Value, (0.05, 0.10), W1, 0.35, W2, 0.60, (0.01, 0.99))

    first = loss()
    first.backward()
    assert round(first.data, 9) == 0.298371109
    assert round(W2[0][0].grad, 9) == 0.082167041
    for w in (*W1[0], *W1[1], *W2[0], *W2[1]):
        w.data -= 0.5 * w.grad
    assert round(W2[0][0].data, 8) == 0.35891648
    assert round(W1[0][0].data, 9) == 0.149780716
    assert round(loss().data, 6) == 0.291028  # published .291027924, from rounded weights


@pytest.mark.parametrize("node", [Value, Tensor, lambda x: tl.Tensor(x, requires_grad=True)])
def test_backward_twice(node):
    """x * x + x at 3: 7, then twice that, unless gradients inside are left from the first time."""
    x = node(3.0)
    y = x * x + x
    y.backward()
    assert float(x.grad) == 7
    y.backward()
    assert float(x.grad) == (20 if node is Value else 14)


numbers = st.floats(0.2, 3.0)


@given(a=numbers, b=numbers, n=st.sampled_from([-2, -1, 2, 3, 0.5]))
def test_each_spelling_on_numbers_is_the_librarys(a, b, n):
    def everything(x, y):
        return (x + 2) * (3 - y) / (x * y + 1) - (2 / x) * -y + x**n + (x - y) ** 2 + (1 + x + y)

    ours = Value(a), Value(b)
    theirs = tl.Tensor(a, requires_grad=True), tl.Tensor(b, requires_grad=True)
    z, w = everything(*ours), everything(*theirs)
    z = z + ours[0].log() * (-ours[1]).exp()
    w = w + tl.log(theirs[0]) * tl.exp(-theirs[1])
    z.backward()
    w.backward()
    assert z.data == pytest.approx(w.item(), rel=1e-12)
    for x, y in zip(ours, theirs, strict=True):
        assert x.grad == pytest.approx(float(y.grad), rel=1e-12, abs=1e-12)


def tanh_of_arrays(x):
    y = np.tanh(x.data)
    return Tensor(y, [(x, lambda g: g * (1 - y * y))])


def tanh_of_numbers(x):
    y = math.tanh(x.data)
    return Value(y, [(x, 1 - y * y)])


def cross_entropy_of_arrays(z, labels):
    e = (z - z.data.max(axis=1, keepdims=True)).exp()
    p = e / e.sum(axis=1)
    return -(np.eye(z.data.shape[1])[labels] * p.log()).sum() / len(labels)


def mean_squared_error_of_arrays(z, targets):
    return ((z - targets) ** 2).sum() / targets.size


def networks(seed, sizes, rows):
    rng = np.random.default_rng(seed)
    weights = [
        array
        for n_in, n_out in itertools.pairwise(sizes)
        for array in (rng.normal(size=(n_in, n_out)), rng.normal(size=n_out))
    ]
    return rng, rng.normal(size=(rows, sizes[0])), weights


@given(
    seed=st.integers(0, 10**6),
    sizes=st.lists(st.integers(1, 5), min_size=2, max_size=4),
    rows=st.integers(1, 6),
    likelihood=st.booleans(),
)
def test_an_mlp_on_arrays_is_the_librarys(seed, sizes, rows, likelihood):
    likelihood = likelihood and sizes[-1] > 1  # one class is no choice
    rng, X, weights = networks(seed, sizes, rows)
    labels = rng.integers(0, sizes[-1], rows)
    targets = rng.normal(size=(rows, sizes[-1]))

    def run(node, tanh, loss_of):
        leaves = [node(w) for w in weights]
        h = X
        for i in range(0, len(leaves), 2):
            h = h @ leaves[i] + leaves[i + 1]
            h = tanh(h) if i + 2 < len(leaves) else h
        loss = loss_of(h, labels if likelihood else targets)
        loss.backward()
        return loss, leaves

    theirs, their_leaves = run(
        lambda w: tl.Tensor(w, requires_grad=True),
        tl.tanh,
        tl.cross_entropy if likelihood else tl.mean_squared_error,
    )
    ours, our_leaves = run(
        Tensor,
        tanh_of_arrays,
        cross_entropy_of_arrays if likelihood else mean_squared_error_of_arrays,
    )
    assert float(ours.data) == pytest.approx(theirs.item(), rel=1e-12, abs=1e-12)
    for x, y in zip(our_leaves, their_leaves, strict=True):
        assert x.grad.shape == y.shape
        np.testing.assert_allclose(x.grad, y.grad, rtol=1e-12, atol=1e-12)


@given(seed=st.integers(0, 10**6))
def test_an_mlp_on_numbers_is_the_librarys(seed):
    """2-3-2, one row: softmax and cross-entropy from exp, log, + and /."""
    rng, X, weights = networks(seed, (2, 3, 2), 1)
    label = int(rng.integers(0, 2))
    W1, b1, W2, b2 = ([Value(x) for x in w.ravel()] for w in weights)
    h = [tanh_of_numbers(X[0, 0] * W1[j] + X[0, 1] * W1[3 + j] + b1[j]) for j in range(3)]
    z = [h[0] * W2[j] + h[1] * W2[2 + j] + h[2] * W2[4 + j] + b2[j] for j in range(2)]
    e = [x.exp() for x in z]
    loss = -(e[label] / (e[0] + e[1])).log()
    loss.backward()
    leaves = [tl.Tensor(w, requires_grad=True) for w in weights]
    logits = tl.tanh(X @ leaves[0] + leaves[1]) @ leaves[2] + leaves[3]
    theirs = tl.cross_entropy(logits, np.array([label]))
    theirs.backward()
    assert loss.data == pytest.approx(theirs.item(), rel=1e-12, abs=1e-12)
    for ours, leaf in zip((W1, b1, W2, b2), leaves, strict=True):
        np.testing.assert_allclose(
            [x.grad for x in ours], leaf.grad.ravel(), rtol=1e-12, atol=1e-12
        )


@given(a=numbers, n=st.sampled_from([-2, -1, -0.5, 0.5, 1, 2, 3, 4]), left=st.sampled_from("-/@="))
def test_powers_and_what_stands_on_the_left_are_the_librarys(a, n, left):
    """A number, a NumPy array of integers, a matrix: on the left of - and /, and of @."""
    x = np.array([[a, 1.0], [2.0, a + 1]])
    M = np.array([[1, 2], [3, 4]])

    def run(node):
        leaf = node(x)
        y = {"-": lambda: M - leaf + (2 - leaf), "/": lambda: M / leaf + 2 / leaf}
        y |= {"@": lambda: M @ leaf, "=": lambda: leaf / M + leaf / np.int64(3)}
        loss = ((y[left]() + 1) ** 2 * M + leaf**n).sum()
        loss.backward()
        return leaf.grad

    theirs = run(lambda x: tl.Tensor(x, requires_grad=True))
    np.testing.assert_allclose(run(Tensor), theirs, rtol=1e-12)


shapes = st.sampled_from([(), (3,), (2, 3), (1, 3), (2, 1), (1, 1)])


@given(a=shapes, b=shapes, op=st.sampled_from(["+", "-", "*", "/"]), seed=st.integers(0, 99))
def test_broadcasting_is_undone_as_in_the_library(a, b, op, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0.5, 2, a), rng.uniform(0.5, 2, b)
    g = rng.normal(size=np.broadcast_shapes(a, b))

    def run(node):
        u, v = node(x), node(y)
        both = {"+": lambda: u + v, "-": lambda: u - v, "*": lambda: u * v, "/": lambda: u / v}
        loss = (both[op]() * g).sum()
        loss.backward()
        return u.grad, v.grad

    for ours, theirs in zip(
        run(Tensor), run(lambda w: tl.Tensor(w, requires_grad=True)), strict=True
    ):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_a_sum_over_an_axis_keeps_it():
    x = Tensor(np.arange(6.0).reshape(2, 3))
    y = (x.sum(axis=1) * [[1.0], [10.0]]).sum()
    y.backward()
    np.testing.assert_array_equal(x.grad, [[1, 1, 1], [10, 10, 10]])


@pytest.mark.parametrize("engine", [scalar_engine, array_engine])
def test_in_the_order_every_parent_comes_before_its_child(engine):
    node = engine.Value if engine is scalar_engine else engine.Tensor
    a, b = node(2.0), node(3.0)
    c = a * b
    d = c + a * c
    order = engine.topological_order(d, [], set())
    assert len(order) == len({id(x) for x in order}) == 5
    for place, x in enumerate(order):
        assert all(parent in order[:place] for parent, _ in x.parents)
