"""Large graphs are folded until they can be read, and stay graphs without circles."""

from graphlib import TopologicalSorter

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from tests.inspection.graph.graphs import losses
from tinygrad_loss import Tensor, nn
from tinygrad_loss.inspection.graph import draw
from tinygrad_loss.inspection.graph.fold import Group, fold
from tinygrad_loss.inspection.graph.trace import trace


class Block(nn.Module):
    def __init__(self, n, rng):
        self.a = nn.Linear(n, n, rng=rng)
        self.b = nn.Linear(n, n, rng=rng)

    def forward(self, x):
        return x + self.b(self.a(x).relu())


@pytest.fixture(scope="module")
def blocks():
    rng = np.random.default_rng(0)
    layers = [
        nn.Linear(4, 8, rng=rng),
        *(Block(8, rng) for _ in range(12)),
        nn.Linear(8, 3, rng=rng),
    ]
    return (nn.Sequential(*layers)(rng.normal(size=(5, 4))) ** 2).mean()


def groups(view):
    return [item for item in view.items if isinstance(item, Group)]


def check(view):
    """Every op is shown once, every edge leads between shown nodes, and there is no circle."""
    ops = [op for item in view.items for op in (item.ops if isinstance(item, Group) else [item])]
    assert sorted(op.id for op in ops) == sorted(op.id for op in view.trace.ops)
    shown = set(view.tensors) | set(view.items)
    before = {node: set() for node in shown}
    for arrow in view.arrows:
        assert {arrow.source, arrow.target} <= shown
        before[arrow.target].add(arrow.source)
    for node in view.tensors:
        if node.maker:
            before[node].add(view.item(node.maker))
    TopologicalSorter(before).prepare()
    hidden = {node for group in groups(view) for node in group.hidden}
    drawn = {use for arrow in view.arrows for use in arrow.uses}
    for use in view.trace.uses:
        maker = use.source.maker
        inside = use.source in hidden or (maker and view.item(maker) is view.item(use.op))
        assert (use in drawn) is not inside
    assert set(view.trace.outputs) <= set(view.tensors)


def test_blocks_of_one_kind_become_one_node(blocks):
    view = fold(trace(blocks), 40)
    check(view)
    assert len(view) <= 40
    assert [group.label for group in groups(view)] == [
        "layers.0: Linear",
        "Block + 11 more",
        "layers.13: Linear",
    ]
    assert groups(view)[1].lines()[2] == "48 parameters, 1,728 numbers"
    assert "Block + 11 more" in view.note()
    assert "Block + 11 more" in draw(blocks, max_nodes=40).dot()
    assert "shape=box3d" in draw(blocks, max_nodes=40).dot()


def test_the_innermost_modules_are_folded_first(blocks):
    view = fold(trace(blocks), 150)
    check(view)
    assert len(view) <= 150
    assert {group.kind for group in groups(view)} == {"Linear"}


def test_what_fits_is_not_folded(blocks):
    view = fold(trace(blocks), 10_000)
    check(view)
    assert not groups(view)
    assert view.note() == ""


def test_a_sequence_of_modules_that_repeats():
    rng = np.random.default_rng(0)
    model = nn.MLP([4, *[8] * 12, 3], activation="tanh", rng=rng)
    view = fold(trace(model(rng.normal(size=(5, 4))).sum()), 40)
    check(view)
    assert "(Tanh, Linear) + 10 more" in [group.label for group in groups(view)]


@given(st.integers(2, 6), st.booleans())
def test_times_are_for_what_is_applied_several_times(times, shared):
    """Issue 13: "x 4" only for the same thing applied four times, "+ 3 more" for siblings."""
    rng = np.random.default_rng(0)
    block = Block(3, rng)
    layers = [block if shared else Block(3, rng) for _ in range(times)]
    loss = nn.Sequential(*layers)(rng.normal(size=(2, 3))).sum()
    labels = [group.label for group in groups(fold(trace(loss), 8))]
    assert labels == [f"Block x {times}" if shared else f"Block + {times - 1} more"]


def test_frozen_weights_are_told_apart_too():
    rng = np.random.default_rng(0)
    frozen = [Tensor(rng.normal(size=(3, 3))) for _ in range(4)]
    for weights, label in ((frozen, "+ 3 more"), (frozen[:1] * 4, "x 4")):
        y = Tensor(np.ones((1, 3)), requires_grad=True)
        for W in weights:
            y = (y @ W).tanh()
        labels = [group.label for group in groups(fold(trace(y.sum()), 6))]
        assert labels == [f"(matmul, tanh) {label}"]


@settings(max_examples=40, deadline=None)
@given(losses(most_ops=40), st.integers(2, 60))
def test_random_graphs_are_folded_to_the_limit(made, limit):
    view = fold(trace(made[0]), limit)
    check(view)
    assert len(view) <= limit


def test_gradients_inside_are_not_lost_sight_of(blocks):
    with np.errstate(invalid="ignore"):
        y = Tensor(-1.0, requires_grad=True).log()
    for _ in range(100):
        y = y + 1.0
    assert "NaN or inf inside" in draw(y, max_nodes=10).dot()


def test_twenty_thousand_ops():
    y = Tensor(1.0, requires_grad=True, name="x")
    for _ in range(10_000):
        y = y * 0.999 + 0.001
    graph = draw(y)
    check(graph.view)
    assert len(graph.trace.ops) == 20_000
    assert len(graph.view) <= 200
    assert graph.svg().startswith("<svg")


def test_an_edge_that_stands_for_several_uses_shows_their_sum():
    x = y = Tensor(2.0, requires_grad=True, name="x")
    for _ in range(50):
        y = y + x * 0.5
    assert "51 uses 52" in draw(y * x, max_nodes=30).dot()


def test_many_parameters_used_everywhere():
    parameters = [Tensor(0.1 * i, requires_grad=True, name=f"p{i}") for i in range(12)]
    y = parameters[0]
    for i in range(600):
        y = (y * parameters[i % 12]).tanh()
    # Even where all nodes would be few enough: many long edges are a tangle, and take minutes. So
    # a parameter has a box beside each use.
    for limit in (200, 10_000):
        view = fold(trace(y), limit)
        check(view)
        assert len(view) <= limit
        assert view.span() <= len(view.items)
