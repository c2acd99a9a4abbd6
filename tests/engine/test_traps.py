"""The traps that public autograd engines fell into, one by one.

Numbers are those of the project's list of traps. Where another file tests a trap in full (all ops,
all shapes), the test here is the shortest case of it, and its docstring names that file. Number 29,
the recurrences of the optimizers, is in test_optim.py; 30, saved weights, in test_nn.py.
"""

import gc
import weakref
from contextlib import contextmanager

import numpy as np
import pytest

from tinygrad_loss import Tensor, detect_anomaly, gradients, no_grad
from tinygrad_loss.engine import ops
from tinygrad_loss.engine.ops import Op
from tinygrad_loss.inspection.check import check_gradients


def leaf(data, name=None):
    return Tensor(data, requires_grad=True, name=name)


@contextmanager
def no_garbage_collector():
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


# --- 1 to 4: the walk ----------------------------------------------------------------------------


def test_trap_01_reused_nodes():
    a = leaf(3.0)
    b = a + a
    c = b + b
    c.backward()
    assert a.grad == 4

    x = leaf(3.0)
    (x * x).backward()
    assert x.grad == 6


def test_trap_01_diamonds():
    a, b = leaf(-2.0), leaf(3.0)
    d, e = a * b, a + b
    f = d * e
    f.backward()
    assert (a.grad, b.grad) == (-3, -8)  # (a b)(a + b): 2ab + b^2, a^2 + 2ab


def test_trap_01_fan_out_through_slices():
    x = leaf([1.0, 2.0, 3.0])
    (x[0] * x[1] + x[1:].sum() * x[-1]).backward()
    assert x.grad.tolist() == [2, 1 + 3, 5 + 3]


def test_trap_01_a_late_path_through_an_early_node():
    """The order must wait for the longest path, not the first."""
    x = leaf(2.0)
    y = x * 3
    z = y
    for _ in range(5):
        z = z + y * 0.5
    (z * y).backward()
    assert x.grad == 2 * 3.5 * 9 * 2


def test_trap_02_a_second_backward_adds_exactly_the_same():
    """Random graphs: test_backprop.py."""
    a, b = leaf(3.0), leaf(4.0)
    y = a * b
    z = y * y + a
    z.backward()
    first = a.grad.copy(), b.grad.copy()
    z.backward()
    assert (a.grad, b.grad) == (2 * first[0], 2 * first[1])
    z.backward()
    assert (a.grad, b.grad) == (3 * first[0], 3 * first[1])


def test_trap_03_a_chain_of_100_000_ops():
    """Forward, backward and the deletion of the graph are loops, not recursions."""
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y + 0.5
    assert y.item() == 50_001
    y.backward()
    assert x.grad == 1
    (dx,) = gradients(y, [x], create_graph=True)
    assert dx.item() == 1
    interior = weakref.ref(y)
    del y
    assert interior() is None


def test_trap_04_sixty_diamonds_in_a_row():
    """2^60 paths, but 120 nodes."""
    x = leaf(1.0)
    y = x
    runs = 0

    def rule(g, y, a, b):
        nonlocal runs
        runs += 1
        return g

    add = Op(np.add, rule, rule, name="counted")
    for _ in range(60):
        y = add(y, y)
    y.backward()
    assert x.grad == 2.0**60
    assert runs == 120


# --- 5 to 7: who owns and who writes -------------------------------------------------------------


def test_trap_05_every_leaf_owns_its_gradient():
    a, b = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    (a + b).sum().backward()
    assert a.grad is not b.grad
    assert not np.shares_memory(a.grad, b.grad)
    a.grad *= 10
    assert b.grad.tolist() == [1, 1]


@pytest.mark.parametrize(
    "f",
    [
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: a.reshape(2, 1) + b[:, None],
        lambda a, b: a.T + b,
        lambda a, b: ops.concatenate([a, b]),
        lambda a, b: ops.broadcast_to(a, (3, 2)) + b,
        lambda a, b: a.astype(np.float64) + b.reshape(2),
    ],
)
def test_trap_05_gradients_are_writable_and_shared_with_nobody(f):
    a, b = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    y = f(a, b)
    seed = np.ones(y.shape)
    y.backward(seed)
    for t, other in ((a, b), (b, a)):
        assert t.grad.flags.writeable
        assert t.grad.flags.owndata
        assert not np.shares_memory(t.grad, other.grad)
        assert not np.shares_memory(t.grad, seed)
    before = b.grad.copy()
    a.grad += 100
    y.backward(seed)
    np.testing.assert_array_equal(b.grad, 2 * before)


def test_trap_05_seeds_are_copied():
    w, seed = leaf([1.0, 2.0]), np.array([3.0, 4.0])
    w.backward(seed)
    (w + 0).backward(seed)
    seed[:] = 0
    assert w.grad.tolist() == [6, 8]
    (g,) = gradients(w, [w], seed)
    seed[:] = 9
    assert g.data.tolist() == [0, 0]


def test_trap_06_rules_do_not_write_into_their_gradient():
    """All rules with read-only arrays: test_ops.py."""
    x, seed = leaf([1.0, 2.0, 3.0]), np.ones(3)
    seed.setflags(write=False)
    (ops.maximum(x, 2.0) + ops.where(x.data > 1, x, 0) + x[[0, 0, 1]]).backward(seed)
    assert seed.tolist() == [1, 1, 1]
    assert x.grad.tolist() == [0 + 0 + 2, 0.5 + 1 + 1, 1 + 1 + 0]


@pytest.mark.parametrize("change", ["assign", "in place", "optimizer"])
@pytest.mark.parametrize("through", ["multiply", "matmul", "view", "constant"])
def test_trap_07_data_changed_after_it_was_used(change, through):
    w = leaf([[1.0, 2.0], [3.0, 4.0]], "weights")
    x = Tensor(np.ones((2, 2)), requires_grad=through == "constant", name="inputs")
    y = {
        "multiply": lambda: w * w,
        "matmul": lambda: x @ w,
        "view": lambda: w.reshape(4) * 2,
        "constant": lambda: x * w.data * w,
    }[through]()
    loss = (y * y).sum()
    if change == "assign":
        w.data = np.zeros((2, 2))
    elif change == "in place":
        w.data -= 0.5
    else:
        with no_grad():
            w.data += 0.1 * w.data
    for f in (loss.backward, lambda: gradients(loss, [w])):
        with pytest.raises(
            RuntimeError, match=r"weights \(2, 2\) was changed after \w+ had used it"
        ):
            f()
    assert w.grad is None
    fresh = (w * w).sum()
    fresh.backward()
    np.testing.assert_array_equal(w.grad, 2 * w.data)


def test_trap_07_data_of_a_constant_changed_after_it_was_used():
    w, x = leaf([1.0, 2.0]), Tensor([3.0, 4.0], name="inputs")
    loss = (w * x).sum()
    x.data = np.zeros(2)
    with pytest.raises(RuntimeError, match="inputs"):
        loss.backward()


def test_trap_07_a_detached_copy_does_not_change_along():
    """A penalty on the distance from where the weights started, or a target network."""
    w = leaf([1.0, 2.0])
    start, p = w.detach(), leaf([3.0, 4.0])
    loss = (start * p).sum()
    w.data -= 1
    loss.backward()
    assert p.grad.tolist() == [1, 2]
    y = w * 2
    assert y.detach().data is y.data  # computed data cannot be written to: no need to copy


def test_trap_07_steps_between_forward_and_backward_are_fine_when_not_used():
    """Training in turns: only what a loss was computed from must stay."""
    w, other = leaf(2.0), leaf(3.0)
    loss = w * w
    other.data -= 1
    loss.backward()
    w.data -= 0.1 * w.grad
    (w * w).backward()
    assert w.grad == pytest.approx(4 + 3.2)


def test_trap_07_raw_writes_and_nan_are_caught_by_detect_anomaly():
    """In full: test_anomaly.py."""
    w = leaf([2.0, 1.0], "weights")
    with detect_anomaly():
        loss = (w * w).sum()
        w.data[0] = 9
        with pytest.raises(RuntimeError, match=r"multiply: weights \(2,\).*written"):
            loss.backward()
        with np.errstate(divide="ignore"), pytest.raises(FloatingPointError, match=r"^log: "):
            ops.log(w * 0)


# --- 8 to 19: numbers; in full in test_ops.py, test_kinks.py, test_numpy_protocol.py -------------


def test_trap_08_a_scalar_branch_of_where_gets_a_scalar():
    a, b = leaf(2.0), leaf([1.0, 2.0, 3.0])
    ops.where(np.array([True, False, True]), a, b).sum().backward()
    assert a.grad.shape == ()
    assert a.grad == 2
    assert b.grad.tolist() == [0, 1, 0]


def test_trap_09_results_without_dimensions_are_arrays():
    t = leaf(np.ones(()))
    y = t * 2
    y.backward()
    assert type(y.data) is type(t.grad) is np.ndarray
    t.data -= t.grad
    assert type(t.data) is np.ndarray


def test_trap_10_float32_stays_float32():
    x = Tensor(np.ones(3, np.float32), requires_grad=True)
    y = ops.maximum(x * 0.5, 0).mean() + ops.where(x > 0, x, 0.0).max() + x.std() + x.norm()
    assert y.dtype == np.float32
    with np.errstate(divide="ignore", invalid="ignore"):  # std of equal numbers has no slope
        y.backward()
    assert x.grad.dtype == np.float32


def test_trap_11_integers_cannot_require_grad():
    with pytest.raises(TypeError, match="int64 cannot require grad"):
        Tensor([1, 2], requires_grad=True)


def test_trap_12_ties_share_one_gradient():
    x = leaf([2.0, 2.0, 1.0])
    x.max().backward()
    assert x.grad.tolist() == [0.5, 0.5, 0]


def test_trap_13_kinks_at_zero():
    x = leaf([0.0])
    (ops.relu(x) + ops.absolute(x)).sum().backward()
    assert x.grad.tolist() == [0]


def test_trap_14_the_norm_of_zero_has_the_gradient_zero():
    x = leaf([0.0, 0.0])
    x.norm().backward()
    assert x.grad.tolist() == [0, 0]
    with np.errstate(divide="ignore"):
        assert gradients(ops.sqrt(x).sum(), [x])[0].data.tolist() == [np.inf, np.inf]


def test_trap_15_powers():
    for f, at, slope in (
        (lambda x: x**0, 0.0, 0),
        (lambda x: x**2, -3.0, -6),
        (lambda x: 0.0**x, 2.0, 0),
        (lambda x: 2**x, 3.0, 8 * np.log(2)),
        (lambda x: x**x, 2.0, 4 * (1 + np.log(2))),
    ):
        x = leaf(at)
        f(x).backward()
        assert x.grad == pytest.approx(slope, rel=1e-14)


def test_trap_15_the_exponents_gradient_is_computed_only_when_needed():
    """log(-3) would be NaN and warn; warnings are errors here."""
    x = leaf(-3.0)
    (x ** Tensor(2.0)).backward()
    assert x.grad == -6


def test_trap_16_nothing_overflows():
    x = leaf([1000.0, -1000.0])
    y = ops.sigmoid(x) + ops.tanh(x) + ops.softplus(x) / 1000 + ops.logaddexp(x, 0.0) / 1000
    y.sum().backward()
    assert y.data.tolist() == [1 + 1 + 1 + 1, 0 - 1]
    assert x.grad.tolist() == [0.002, 0]


def test_trap_17_softmax_is_shifted_row_by_row():
    y = ops.softmax(Tensor([[1000.0, 1000.0], [-1000.0, -1000.0]]))
    assert y.data.tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_trap_18_axes():
    x = leaf(np.arange(6.0).reshape(2, 3))
    x.max(axis=-1).sum().backward()
    assert x.grad.tolist() == [[0, 0, 1], [0, 0, 1]]
    assert x.sum(axis=()).shape == (2, 3)
    assert leaf(np.ones((4, 0))).sum(axis=1).data.tolist() == [0, 0, 0, 0]
    assert leaf(2.0).sum(axis=()).item() == 2


def test_trap_19_repeated_indices_add_up():
    x = leaf([1.0, 2.0, 3.0])
    x[[0, 0, 2, 0]].sum().backward()
    assert x.grad.tolist() == [3, 0, 1]


# --- 20 to 25: Python ----------------------------------------------------------------------------


def test_trap_20_array_times_tensor():
    """All operators: test_numpy_protocol.py."""
    t = leaf([1.0, 2.0])
    y = np.array([3.0, 4.0]) * t
    assert isinstance(y, Tensor)
    assert y.dtype == np.float64
    y.sum().backward()
    assert t.grad.tolist() == [3, 4]


def test_trap_21_truth_and_hashing():
    assert not Tensor([0.0])
    assert Tensor([2.0])
    t = Tensor([1.0, 2.0])
    assert t in {t}
    with pytest.raises(ValueError, match="more than one element"):
        bool(t)


def test_trap_22_writing_into_a_tensor_says_what_to_do():
    with pytest.raises(TypeError, match=r"where\(.*concatenate\("):
        leaf([1.0, 2.0])[0] = 5


def test_trap_23_grad_mode():
    """Threads, tasks and generators: test_mode.py."""
    w = leaf(1.0)
    with pytest.raises(ZeroDivisionError), no_grad():
        1 / 0  # noqa: B018
    assert (w * 2).requires_grad


def test_trap_24_errors_say_where():
    """All messages: test_errors.py."""
    with pytest.raises(
        ValueError, match=r"matmul: \(64, 10\) @ \(64, 32\): inner sizes 10 and 64 differ"
    ):
        leaf(np.ones((64, 10))) @ np.ones((64, 32))


def test_trap_25_backward_of_a_non_scalar():
    with pytest.raises(ValueError, match=r"\(2,\).*sum\(\).*backward\(grad\)"):
        (leaf([1.0, 2.0]) * 2).backward()


# --- 26 to 28: memory, the check, products -------------------------------------------------------


def build_losses():
    w, b = leaf(np.ones((3, 2))), leaf(np.ones(2))
    x = np.ones((4, 3))
    yield (ops.relu(x @ w + b) ** 2).mean(), w
    yield ops.concatenate([w, w[:1]]).softmax(axis=1).log().sum(), w
    yield (w.max(axis=0) * w.var() + w.prod() + ops.where(w.data > 0, w, 0)).sum(), w


def interior(loss):
    node = loss
    while any(isinstance(x, Tensor) and x.origin for x in node.origin[1]):
        node = next(x for x in node.origin[1] if isinstance(x, Tensor) and x.origin)
    return node


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_trap_26_a_graph_is_freed_with_its_last_tensor(which, backward):
    with no_garbage_collector():
        loss, w = list(build_losses())[which]
        tensor = weakref.ref(interior(loss))
        array = weakref.ref(interior(loss).data)
        if backward:
            loss.backward()
        assert tensor() is not None
        del loss
        assert tensor() is None
        assert array() is None
        assert w.data is not None


def test_trap_26_graphs_of_gradients_and_failed_backwards_are_freed_too():
    with no_garbage_collector():
        x = leaf([1.0, 2.0])
        y = ops.exp(x) * x
        (g,) = gradients(y.sum(), [x], create_graph=True)
        alive = [weakref.ref(y), weakref.ref(g), weakref.ref(interior(g))]
        del y, g
        assert [ref() for ref in alive] == [None] * 3

        y = x * 2
        alive = weakref.ref(y)
        with pytest.raises(ValueError, match="scalar"):
            y.backward()
        del y
        assert alive() is None


def test_trap_26_gradients_of_interior_tensors_do_not_pile_up():
    """Of a chain of 100, at most a few gradients are alive at a time."""
    alive, most = weakref.WeakSet(), 0

    class Tracked(np.ndarray):
        def __array_finalize__(self, _):
            nonlocal most
            alive.add(self)
            most = max(most, len(alive))

        __hash__ = object.__hash__

    def rule(g, y, x):
        return (np.asarray(g) * 1).view(Tracked)

    step = Op(lambda x: x * 1, rule, name="step")
    x = leaf(np.ones(3))
    y = x
    for _ in range(100):
        y = step(y)
    with no_garbage_collector():
        y.sum().backward()
    assert x.grad.tolist() == [1, 1, 1]
    assert most < 10


def test_trap_27_the_check_fails_on_a_rule_half_a_thousandth_wrong():
    """All sizes of wrong: test_check.py."""
    wrong = Op(np.square, lambda g, y, x: g * 2.001 * x, name="wrong")
    with pytest.raises(AssertionError, match="relative error"):
        check_gradients(wrong, np.array([1.0, -2.0]))


def test_trap_28_products_with_zeros():
    for data, expected in (([0.0, 2.0, 3.0], [6, 0, 0]), ([0.0, 0.0, 3.0], [0, 0, 0])):
        x = leaf(data)
        x.prod().backward()
        assert x.grad.tolist() == expected
