"""The trace is the computation: its values, and each gradient sent along an edge."""

import numpy as np
import pytest
from hypothesis import given, settings

from tests.inspection.graph.graphs import losses, micrograd
from tinygrad_loss import Tensor, concatenate, gradients, nn, no_grad
from tinygrad_loss.inspection.graph import draw
from tinygrad_loss.inspection.graph.trace import trace


@settings(max_examples=60, deadline=None)
@given(losses())
def test_gradients_are_those_of_a_real_backward(made):
    loss, leaves = made
    found = trace(loss)
    assert all(leaf.grad is None for leaf in leaves)
    loss.backward()
    by_name = {node.name: node for node in found.tensors}
    numbered = [leaf for leaf in leaves if leaf.grad is not None]
    numbered.sort(key=lambda leaf: leaf.stamp)
    parameters = [node for node in found.tensors if node.kind == "parameter"]
    assert len(parameters) == len(numbered) <= len(by_name)
    for node, leaf in zip(parameters, numbered, strict=True):
        np.testing.assert_array_equal(node.gradient, leaf.grad)


@settings(max_examples=60, deadline=None)
@given(losses())
def test_the_gradient_of_a_tensor_is_the_sum_over_its_uses(made):
    found = trace(made[0])
    for node in found.tensors:
        sent = [use.gradient for use in node.uses if use.gradient is not None]
        if node in found.outputs:
            continue
        if not sent:
            assert node.gradient is None
        else:
            np.testing.assert_allclose(sum(sent), node.gradient, rtol=1e-12, atol=1e-14)


@settings(max_examples=30, deadline=None)
@given(losses())
def test_the_picture_is_the_same_before_and_after_backward(made):
    loss, _ = made
    before = draw(loss)
    loss.backward()
    after = draw(loss)
    assert (before.dot(), before.text()) == (after.dot(), after.text())


def test_micrograds_expression():
    a, b, g = micrograd()
    found = {node.name: node for node in trace(g).tensors}
    assert found["a"].gradient == pytest.approx(138.8338, abs=5e-5)  # micrograd's README
    assert found["b"].gradient == pytest.approx(645.5773, abs=5e-5)
    assert found["add13"].value == pytest.approx(24.7041, abs=5e-5)
    assert a.grad is None
    assert b.grad is None


def test_a_square_uses_its_input_twice():
    x = Tensor(3.0, requires_grad=True, name="x")
    found = trace(x * x)
    assert [(use.source.name, use.position, use.gradient) for use in found.uses] == [
        ("x", 0, 3.0),
        ("x", 1, 3.0),
    ]
    assert found.tensors[0].gradient == 6.0


def test_tensors_come_after_what_they_are_computed_from():
    found = trace(micrograd()[2])
    place = {node: i for i, node in enumerate(found.tensors)}
    for use in found.uses:
        assert place[use.source] < place[use.op.output]
    assert [node.id for node in found.tensors] == [f"t{i}" for i in range(len(found.tensors))]


def test_names_are_the_users_then_the_modules_then_counted():
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Linear(2, 3, rng=rng), nn.ReLU(), nn.Linear(3, 1, rng=rng))
    w = Tensor(1.0, requires_grad=True, name="mine")
    free = Tensor(1.0, requires_grad=True)
    loss = (model(np.ones((4, 2))).relu() * w * free).sum()
    names = [node.name for node in trace(loss).tensors]
    assert {"mine", "0.weight", "0.bias", "2.weight"} <= {n.removeprefix("layers.") for n in names}
    assert {"parameter1", "input1", "relu1", "relu2", "sum1"} <= set(names)


class Twice(nn.Module):
    def __init__(self, inner):
        self.inner = inner

    def forward(self, x):
        return self.inner(self.inner(x)) + x


def test_scopes_nest_and_calls_are_counted():
    rng = np.random.default_rng(0)
    model = Twice(nn.Linear(2, 2, rng=rng))
    found = trace((model(np.ones((1, 2))) * 2).sum())
    assert [scope.label for scope in found.scopes] == [
        "Twice",
        "inner: Linear",
        "inner: Linear, call 2",
    ]
    outer, first, second = found.scopes
    assert first.parent is second.parent is outer
    assert outer.parent is None
    scope_of = {node.name: node.scope for node in found.tensors}
    assert scope_of["multiply1"] is None
    assert scope_of["sum1"] is None
    # The weight is used by both calls: it belongs to the module around them.
    assert scope_of["inner.weight"] is outer
    assert {op.scope for op in found.ops} == {outer, first, second, None}


def test_data_stays_outside_and_masks_inside_a_module():
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Linear(2, 5, rng=rng), nn.Dropout(0.5, rng=rng))
    x = np.ones((3, 2))
    found = trace(model(x).sum())
    inputs = {node.value.shape: node for node in found.tensors if node.kind == "input"}
    assert inputs[3, 2].scope is None
    assert inputs[3, 5].scope.kind == "Dropout"


def test_a_vector_has_gradients_only_from_a_seed():
    x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    y = x * 3
    assert trace(y).tensors[0].gradient is None
    np.testing.assert_array_equal(trace(y, [1.0, 10.0]).tensors[0].gradient, [3.0, 30.0])
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        trace(y, [1.0, 2.0, 3.0])


def test_leaves_and_constants_can_be_drawn():
    (node,) = trace(Tensor([1.0, 2.0])).tensors
    assert (node.kind, node.name) == ("input", "input1")
    with no_grad():
        (node,) = trace(Tensor(1.0, requires_grad=True) * 2).tensors
    assert node.gradient is None


def test_several_outputs():
    x = Tensor(2.0, requires_grad=True, name="x")
    found = trace([x * 2, x * 3])
    assert [node.value for node in found.outputs] == [4.0, 6.0]
    assert all(use.gradient is None for use in found.uses)


def test_the_graph_of_the_gradients():
    w = Tensor(2.0, requires_grad=True, name="w")
    loss = (w * 3 - 1) ** 2
    found = trace(loss, backward=True)
    assert [node.name for node in found.outputs] == ["power1", "gradient of w"]
    assert found.outputs[1].value == 30.0  # 2 (3 w - 1) 3
    backward = [op for op in found.ops if op.backward]
    assert backward
    assert {op.scope.label for op in backward} == {"backward pass"}
    assert w.grad is None


def test_a_gradient_penalty_is_an_ordinary_graph():
    x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    (g,) = gradients((x**3).sum(), [x], create_graph=True)
    found = trace((g.norm() - 1) ** 2)
    (dx,) = gradients((g.norm() - 1) ** 2, [x])
    node = next(node for node in found.tensors if node.name == "x")
    np.testing.assert_allclose(node.gradient, dx.data, rtol=1e-12)


def test_the_graph_of_gradients_of_changed_data_is_refused():
    w = Tensor(2.0, requires_grad=True, name="w")
    loss = w * w
    w.data -= 1.0
    with pytest.raises(RuntimeError, match=r"the data of w .* was changed after multiply"):
        trace(loss, backward=True)
    assert [node.changed for node in trace(loss).tensors] == [True, False]


def test_a_later_write_does_not_change_the_trace():
    w = Tensor([2.0, 3.0], requires_grad=True)
    found = trace((w * w).sum())
    w.data -= 1.0
    np.testing.assert_array_equal(found.tensors[0].value, [2.0, 3.0])


@pytest.mark.parametrize("wrong", [3.0, [3.0], [], "loss"])
def test_what_is_no_tensor_is_refused(wrong):
    with pytest.raises(TypeError, match="expected a Tensor or a sequence of Tensors"):
        draw(wrong)


def test_options_that_need_one_output():
    x = Tensor(2.0, requires_grad=True)
    for options in ({"backward": True}, {"grad": 1.0}):
        with pytest.raises(ValueError, match="for one output, but 2 were given"):
            draw([x * 2, x * 3], **options)
    with pytest.raises(ValueError, match="has none"):
        draw(x, backward=True)
    with pytest.raises(ValueError, match="rankdir is 'RL'"):
        draw(x, rankdir="RL")
    with pytest.raises(ValueError, match="max_nodes is 1"):
        draw(x, max_nodes=1)


def test_pieces_of_a_concatenation():
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = Tensor([3.0], requires_grad=True)
    found = trace((concatenate([x, y]) * [1.0, 10.0, 100.0]).sum())
    gradients_of = [node.gradient.tolist() for node in found.tensors if node.kind == "parameter"]
    assert gradients_of == [[1.0, 10.0], [100.0]]


def test_a_chain_is_traced_without_recursion():
    y = Tensor(1.0, requires_grad=True)
    for _ in range(5000):
        y = y + 1e-3
    assert len(trace(y).ops) == 5000
