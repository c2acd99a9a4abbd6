"""Copies of Tensors, with their graphs, and pickles, used in another process. faults.md C."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

import tinygrad_loss as tl
from tinygrad_loss import Op, Tensor
from tinygrad_loss.engine import functions, ops


def leaf(data, **options):
    return Tensor(data, requires_grad=True, **options)


def test_a_leaf_is_pickled_with_all_that_was_set_in_it():
    w = leaf(np.ones(2, np.float32), name="w").retain_grad()
    w.grad = np.array([3, 4], np.float32)
    v = pickle.loads(pickle.dumps(w))
    assert (v.name, v.requires_grad, v.dtype, v._retains_grad) == ("w", True, np.float32, True)
    assert v.grad.tolist() == [3, 4]
    v.data -= 1
    assert (v.tolist(), w.tolist()) == ([0, 0], [1, 1])
    assert pickle.loads(pickle.dumps(Tensor([1, 2]))).tolist() == [1, 2]


def test_a_pickled_leaf_is_older_than_what_is_computed_from_it_in_another_process():
    """faults.md C1: backward() raised a false "was changed after it was used"."""
    for _ in range(1000):  # time passes here, and a new process begins at 0
        w = leaf([1.0, 2.0])
    program = (
        "import pickle, sys; w = pickle.load(sys.stdin.buffer); (w * w).sum().backward();"
        "print(w.grad.tolist())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=pickle.dumps(w), capture_output=True, check=True
    )
    assert done.stdout.split() == [b"[2.0,", b"4.0]"]


@pytest.mark.parametrize("module", [ops, functions])
def test_every_op_is_pickled_by_its_name(module):
    for name in module.__all__:
        f = getattr(module, name)
        assert pickle.loads(pickle.dumps(f)) is f
        assert copy.deepcopy(f) is f


def test_an_op_that_has_no_name_in_a_module_is_not_pickled():
    for op in (Op(np.exp, lambda g, y, x: g * y), Op(lambda x: x, lambda g, y, x: g, name="mine")):
        with pytest.raises((pickle.PicklingError, AttributeError), match="pickle"):
            pickle.dumps(op)


def test_a_computed_tensor_is_not_pickled_but_says_what_to_do():
    y = (leaf([1.0, 2.0]) * 2).sum()
    with pytest.raises(TypeError, match=r"made by sum\) was computed.*t\.detach\(\).*a model"):
        pickle.dumps(y)
    assert pickle.loads(pickle.dumps(y.detach())).item() == 6


def test_a_chain_of_any_length_is_copied():
    """faults.md C2: RecursionError for 2,000 ops. Gradient of 1.0001^5000 x: itself."""
    x = leaf(1.0)
    y = x
    for _ in range(5000):
        y = y * 1.0001
    copied = copy.deepcopy(y)
    copied.backward()
    assert x.grad is None
    copied_x, copied_y = copy.deepcopy((x, y))
    copied_y.backward()
    assert copied_x.grad.item() == pytest.approx(1.0001**5000)


def test_a_copy_shares_nothing_but_keeps_what_is_shared_inside():
    x, mask = leaf([1.0, 2.0], name="x"), np.array([True, False])
    h = (x * x).retain_grad()
    loss = tl.where(mask, h, h * x).sum()
    x2, h2, loss2 = copy.deepcopy([x, h, loss])
    loss2.backward()
    assert h.grad is None
    assert h2.grad.tolist() == [1, 2]
    assert x2.grad.tolist() == [2, 3 * 4]
    assert x2.name == "x"
    assert not np.shares_memory(x.data, x2.data)
    assert not h2.data.flags.writeable
    assert x2.data.flags.writeable
    (slope,) = tl.gradients(loss2, [h2])
    assert slope.tolist() == [1, 2]
    twice = tl.gradients(tl.gradients(loss2, [x2], create_graph=True)[0].sum(), [x2])[0]
    assert twice.tolist() == [2, 6 * 2]


def test_a_copy_still_knows_that_data_was_changed():
    x = leaf([1.0, 2.0])
    y = (x * x).sum()
    x.data -= 1
    with pytest.raises(RuntimeError, match="changed after"):
        copy.deepcopy(y).backward()


def test_copies_of_a_model_and_of_what_it_kept():
    layer = tl.nn.Linear(2, 1, rng=np.random.default_rng(0))
    layer.kept = layer(np.ones((3, 2)))
    other = copy.deepcopy(layer)
    other.kept.sum().backward()
    assert layer.weight.grad is None
    assert other.weight.grad.ravel().tolist() == [3, 3]


def test_a_shallow_copy_has_data_of_its_own():
    """Or a write into it would change the values that a graph of the original needs, unseen."""
    t = leaf([1.0, 2.0])
    loss = (t * t).sum()
    c = copy.copy(t)
    with tl.no_grad():
        c -= 5.0
    loss.backward()
    assert t.grad.tolist() == [2, 4]
    copy.copy(loss).backward()
