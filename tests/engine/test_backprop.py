"""The chain rule: sums over paths, seeds, pruning, higher derivatives."""

import copy

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

from tinygrad_loss import Tensor, gradients
from tinygrad_loss.engine import ops
from tinygrad_loss.engine.ops import Op
from tinygrad_loss.inspection.check import check_gradients


def leaf(data, name=None):
    return Tensor(data, requires_grad=True, name=name)


class Counting(Op):
    """Multiplication that counts how often each of its rules runs."""

    def __init__(self):
        self.runs = [0, 0]
        super().__init__(np.multiply, self.rule(0), self.rule(1), name="counting")

    def rule(self, i):
        def rule(g, y, a, b):
            self.runs[i] += 1
            return g * (b, a)[i]

        return rule


# --- backward ------------------------------------------------------------------------------------


def test_the_published_micrograd_expression():
    """README of micrograd (Karpathy 2020): g = 24.7041, dg/da = 138.8338, dg/db = 645.5773."""
    a, b = leaf(-4.0), leaf(2.0)
    c = a + b
    d = a * b + b**3
    c = c + (c + 1)
    c = c + (1 + c + (-a))
    d = d + (d * 2 + ops.relu(b + a))
    d = d + (3 * d + ops.relu(b - a))
    e = c - d
    f = e**2
    g = f / 2.0
    g = g + 10.0 / f
    g.backward()
    assert f"{g.item():.4f} {a.grad:.4f} {b.grad:.4f}" == "24.7041 138.8338 645.5773"


def test_gradients_add_up_over_backward_calls_and_outputs():
    w = leaf([1.0, 2.0])
    (w * w).sum().backward()
    (w * 3).sum().backward()
    assert w.grad.tolist() == [2 + 3, 4 + 3]


def test_only_leaves_that_require_grad_receive_one():
    a, b, c = leaf(2.0), Tensor(3.0), leaf(4.0)
    y = a * b
    z = y * y
    z.backward()
    assert a.grad == 2 * 6 * 3
    assert (b.grad, c.grad, y.grad, z.grad) == (None,) * 4


def test_backward_of_a_leaf():
    w = leaf([1.0, 2.0])
    w.backward([3.0, 4.0])
    assert w.grad.tolist() == [3, 4]


def test_retain_grad_keeps_the_gradient_of_an_interior_tensor():
    a = leaf(2.0)
    y = (a * 3).retain_grad()
    z = y * y
    z.backward()
    assert (y.grad, a.grad) == (12, 36)
    assert type(y.grad) is np.ndarray
    assert z.grad is None
    z.backward()
    assert (y.grad, a.grad) == (24, 72)
    y.zero_grad()
    assert y.grad is None


def test_a_seed_weighs_the_outputs():
    x = leaf([1.0, 2.0, 3.0])
    (x * x).backward(np.array([1.0, 0.0, -1.0]))
    assert x.grad.tolist() == [2, 0, -6]
    x.zero_grad()
    (x * x).backward([1, 0, -1])
    assert x.grad.tolist() == [2, 0, -6]


def test_a_seed_of_another_dtype_leaves_the_gradient_in_its_own():
    x = Tensor(np.ones(2, np.float32), requires_grad=True)
    (x * 2).backward(np.ones(2, np.float64))
    assert x.grad.dtype == np.float32


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_one_element_needs_no_seed(shape):
    x = leaf(np.full(shape, 3.0))
    (x * x).backward()
    assert x.grad.shape == shape
    assert x.grad.item() == 6


def test_nothing_of_a_failed_backward_stays():
    """An error in the middle leaves every .grad as it was."""
    bad = Op(lambda x: x * 1, lambda g, y, x: g / np.zeros(5), name="bad")
    a, b = leaf(np.ones(3)), leaf(np.ones(3))
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="backward of bad"):
        (bad(a) + b * 2).sum().backward()
    assert a.grad is None
    assert b.grad is None


def test_an_error_in_a_rule_names_op_and_inputs():
    """Trap 24."""

    def fail(g, y, x):
        raise KeyError("deep inside")

    with pytest.raises(Exception, match=r"backward of bad.*W \(2, 3\).*deep inside") as caught:
        Op(lambda x: x * 1, fail, name="bad")(leaf(np.ones((2, 3)), "W")).sum().backward()
    assert type(caught.value) is KeyError


@pytest.mark.parametrize("shape", [(4, 3), (2,), (3, 5), (12,)])
def test_a_rule_that_gives_another_shape_is_an_error(shape):
    wrong = Op(lambda x: x * 1, lambda g, y, x: np.ones(shape), name="wrong")
    with pytest.raises(Exception, match=r"backward of wrong: .*\(3, 4\)"):
        wrong(leaf(np.ones((3, 4)))).sum().backward()


# --- gradients -----------------------------------------------------------------------------------


def test_gradients_touches_no_grad():
    a, b = leaf(2.0), leaf(3.0)
    a.grad = np.array(7.0)
    y = a * b
    da, db, dy = gradients(y * 2, [a, b, y])
    assert (da.item(), db.item(), dy.item()) == (6, 4, 2)
    assert (a.grad, b.grad, y.grad) == (7, None, None)
    assert isinstance(da, Tensor)
    assert not da.requires_grad


def test_gradients_are_zero_where_the_output_does_not_depend_on_the_input():
    a = leaf(2.0)
    b = Tensor(np.ones((2, 3), np.float32), requires_grad=True)
    _ = a * b
    da, db = gradients(a * 3, [a, b])
    assert da.item() == 3
    assert db.data.tolist() == [[0, 0, 0]] * 2
    assert db.dtype == np.float32
    (late,) = gradients(a, [a * 2])
    assert late.item() == 0


def test_gradients_with_respect_to_the_output_itself_and_twice_the_same():
    a = leaf([1.0, 2.0])
    y = a * 2
    seed = np.array([1.0, -1.0])
    dy, da, again = gradients(y, [y, a, a], seed)
    assert dy.data.tolist() == [1, -1]
    assert da.data.tolist() == again.data.tolist() == [2, -2]


def test_gradients_run_only_the_rules_that_are_needed():
    counting = Counting()
    a, b, c = leaf(2.0), leaf(3.0), leaf(4.0)
    y = counting(counting(a, b), c)
    gradients(y, [c])
    assert counting.runs == [0, 1]
    gradients(y, [b])
    assert counting.runs == [1, 2]
    gradients(y * 1, [leaf(1.0)])
    assert counting.runs == [1, 2]


@settings(deadline=None)
@given(st.data())
def test_whichever_tensors_are_asked_for_the_rules_on_the_way_to_them_run(data):
    """In any graph of sums and products. Expected: the sum over all paths, by recursion."""
    nodes, counting = [leaf(float(n)) for n in range(2, 5)], Counting()
    for _ in range(data.draw(st.integers(1, 6))):
        a, b = (data.draw(st.sampled_from(nodes)) for _ in range(2))
        nodes.append(data.draw(st.sampled_from([counting, ops.add]))(a, b))
    y = nodes[-1]

    def slope(node, x):
        if node is x or node.origin is None:
            return float(node is x)
        op, (a, b), _, _ = node.origin
        by_a, by_b = (1, 1) if op is ops.add else (b.item(), a.item())
        return by_a * slope(a, x) + by_b * slope(b, x)

    def way(node):
        """The nodes on paths from here to what is asked for."""
        inputs = node.origin[1] if node.origin else ()
        below = set().union(*map(way, inputs))
        return below | {node} if below or any(node is x for x in asked) else set()

    asked = data.draw(st.lists(st.sampled_from(nodes), unique_by=id, min_size=1))
    found = gradients(y, asked)
    np.testing.assert_allclose([g.item() for g in found], [slope(y, x) for x in asked], rtol=1e-12)
    multiplied = [node for node in way(y) if node.origin and node.origin[0] is counting]
    inputs = [x for node in multiplied for x in node.origin[1]]
    assert sum(counting.runs) == sum(x in way(y) for x in inputs)


def test_rules_of_inputs_without_a_gradient_never_run():
    counting = Counting()
    counting(np.ones(2), leaf(np.ones(2))).sum().backward()
    counting(Tensor(np.ones(2)), leaf(np.ones(2))).sum().backward()
    assert counting.runs == [0, 2]


def test_each_rule_runs_once_however_many_paths_there_are():
    counting = Counting()
    x = leaf(1.0)
    y = counting(x, 1.0)
    z = y + y * y + y * 3
    z.backward()
    assert counting.runs == [1, 0]
    assert x.grad == 1 + 2 + 3


def test_gradients_without_create_graph_records_nothing():
    x = leaf(2.0)
    recorded = []
    watching = Op(np.square, lambda g, y, x: recorded.append(type(x)) or g * 2 * x, name="watching")
    (dx,) = gradients(watching(x), [x])
    assert recorded == [np.ndarray]
    assert dx.origin is None


def test_gradients_are_owned():
    """Two inputs of one sum share a gradient array inside the walk, but not outside of it."""
    a, b = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    da, db = gradients((a + b).sum(), [a, b])
    assert not np.shares_memory(da.data, db.data)


# --- derivatives of derivatives ------------------------------------------------------------------


def test_create_graph_to_third_order():
    x = leaf([0.5, -1.5])
    y = ops.sin(x) * x
    (first,) = gradients(y.sum(), [x], create_graph=True)
    (second,) = gradients(first.sum(), [x], create_graph=True)
    (third,) = gradients(second.sum(), [x])
    s, c = np.sin(x.data), np.cos(x.data)
    np.testing.assert_allclose(first.data, s + x.data * c, rtol=1e-14)
    np.testing.assert_allclose(second.data, 2 * c - x.data * s, rtol=1e-14)
    np.testing.assert_allclose(third.data, -3 * s - x.data * c, rtol=1e-14)


def test_backward_through_gradients_reaches_the_leaves():
    """A gradient penalty (Gulrajani et al. 2017): d/dw of |d(x w)/dx|^2 = 2 w."""
    x, w = leaf([1.0, 2.0]), leaf([3.0, -4.0])
    (slope,) = gradients((x * w).sum(), [x], create_graph=True)
    (slope * slope).sum().backward()
    assert w.grad.tolist() == [6, -8]
    assert x.grad is None


# --- random expression graphs --------------------------------------------------------------------

STEPS = {
    "add": (lambda a, b: a + b, lambda torch, a, b: a + b),
    "subtract": (lambda a, b: a - b, lambda torch, a, b: a - b),
    "multiply": (lambda a, b: a * b, lambda torch, a, b: a * b),
    "divide": (lambda a, b: a / (1 + b * b), lambda torch, a, b: a / (1 + b * b)),
    "matmul": (lambda a, b: a @ b / 3, lambda torch, a, b: a @ b / 3),
    "tanh": (lambda a, b: ops.tanh(a), lambda torch, a, b: torch.tanh(a)),
    "sin": (lambda a, b: np.sin(a), lambda torch, a, b: torch.sin(a)),
    "sigmoid": (lambda a, b: a.sigmoid(), lambda torch, a, b: torch.sigmoid(a)),
    "exp": (lambda a, b: ops.exp(ops.tanh(a)), lambda torch, a, b: torch.exp(torch.tanh(a))),
    "power": (lambda a, b: (1 + a * a) ** 0.5, lambda torch, a, b: (1 + a * a) ** 0.5),
    "column": (
        lambda a, b: a.sum(axis=1, keepdims=True) * b,
        lambda torch, a, b: a.sum(1, True) * b,
    ),
    "row": (lambda a, b: a.mean(axis=0) + b, lambda torch, a, b: a.mean(0) + b),
    "number": (lambda a, b: a.mean() - b, lambda torch, a, b: a.mean() - b),
    "transpose": (lambda a, b: a.T, lambda torch, a, b: a.T),
    "pick": (lambda a, b: a[[0, 0, 2]] * b, lambda torch, a, b: a[[0, 0, 2]] * b),
    "join": (
        lambda a, b: ops.concatenate([a[:1], b[1:]]),
        lambda torch, a, b: torch.cat([a[:1], b[1:]]),
    ),
    "softmax": (lambda a, b: a.softmax(axis=1), lambda torch, a, b: a.softmax(1)),
    "logsumexp": (
        lambda a, b: a.logsumexp(axis=1, keepdims=True) + b,
        lambda torch, a, b: a.logsumexp(1, True) + b,
    ),
    "softplus": (
        lambda a, b: a.softplus(),
        lambda torch, a, b: torch.logaddexp(a, torch.zeros_like(a)),
    ),
    "norm": (
        lambda a, b: b / (1 + a * a).norm(),
        lambda torch, a, b: b / torch.linalg.vector_norm(1 + a * a),
    ),
}

programs = st.lists(
    st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 3), st.integers(0, 3)),
    min_size=1,
    max_size=12,
)


def run(program, inputs, torch=None):
    """Each step combines two of the four newest values; all of them count in the result."""
    values = list(inputs)
    for name, i, j in program:
        a, b = values[-1 - i % len(values)], values[-1 - j % len(values)]
        values.append(STEPS[name][1](torch, a, b) if torch else STEPS[name][0](a, b))
    total = sum((v * v * 0.1).mean() for v in values[2:])
    return total * 1.0


def matrices(seed):
    return list(np.random.default_rng(seed).normal(size=(2, 3, 3)))


@settings(max_examples=60, deadline=None)
@given(program=programs, seed=st.integers(0, 100))
def test_random_graphs_equal_pytorch(program, seed):
    torch = pytest.importorskip("torch")
    arrays = matrices(seed)
    tensors = [leaf(x) for x in arrays]
    others = [torch.tensor(x, requires_grad=True) for x in arrays]
    y, expected = run(program, tensors), run(program, others, torch)
    np.testing.assert_allclose(y.item(), expected.item(), rtol=1e-10)

    first = gradients(y, tensors, create_graph=True)
    options = {"allow_unused": True, "materialize_grads": True}
    other_first = torch.autograd.grad(expected, others, create_graph=True, **options)
    for g, other in zip(first, other_first, strict=True):
        scale = max(1, np.abs(other.numpy(force=True)).max())
        np.testing.assert_allclose(g.data, other.numpy(force=True), rtol=1e-9, atol=1e-10 * scale)

    total = sum((g * g).sum() for g in first)
    other_total = sum((g * g).sum() for g in other_first)
    if not total.requires_grad:
        return
    second = gradients(total, tensors)
    other_second = torch.autograd.grad(other_total, others, **options)
    for g, other in zip(second, other_second, strict=True):
        scale = max(1, np.abs(other.numpy(force=True)).max())
        np.testing.assert_allclose(g.data, other.numpy(force=True), rtol=1e-8, atol=1e-9 * scale)

    y.backward()
    for t, g in zip(tensors, first, strict=True):
        grad_of_t = np.zeros((3, 3)) if t.grad is None else t.grad
        np.testing.assert_allclose(grad_of_t, g.data, rtol=1e-9, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(program=programs, seed=st.integers(0, 100))
def test_random_graphs_equal_differences_of_the_values(program, seed):
    value = run(program, [leaf(x) for x in matrices(seed)]).item()
    assume(abs(value) < 1e3)  # where numbers are large, differences of a sine say nothing
    check_gradients(lambda a, b: run(program, [a, b]), *matrices(seed), order=2, directions=1)


@settings(max_examples=30, deadline=None)
@given(program=programs, seed=st.integers(0, 100))
def test_random_graphs_leave_nothing_behind_and_repeat_exactly(program, seed):
    """Trap 2: a second backward through the same graph adds exactly the same."""
    tensors = [leaf(x) for x in matrices(seed)]
    y = run(program, tensors)
    y.backward()
    once = [t.grad for t in tensors]
    y.backward()
    for t, g in zip(tensors, once, strict=True):
        if g is not None:
            np.testing.assert_array_equal(t.grad, 2 * g)


def test_a_graph_and_its_deep_copy_can_meet():
    """The nodes of a copy have the stamps of the originals, so two wait with equal stamps."""
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = (x * x).sum()
    copied_x, copied_y = copy.deepcopy((x, y))
    (y + 3 * copied_y).backward()
    np.testing.assert_array_equal(x.grad, [2, 4])
    np.testing.assert_array_equal(copied_x.grad, [6, 12])
