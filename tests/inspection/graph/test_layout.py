"""Pictures that can be read: repeated boxes, aligned steps, folded loops: faults.md F7."""

import re
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from tests.inspection.graph.graphs import micrograd
from tests.inspection.graph.test_fold import check, groups
from tests.inspection.graph.test_page import data_of
from tinygrad_loss import Tensor, draw, nn, scope
from tinygrad_loss.inspection.graph.fold import fold
from tinygrad_loss.inspection.graph.trace import trace

SVG = "{http://www.w3.org/2000/svg}"


def parameter(*shape, name=None, seed=0):
    return Tensor(np.random.default_rng(seed).normal(size=shape), requires_grad=True, name=name)


def rnn(steps, scoped=False):
    Wx, Wh, b = parameter(3, 4, name="Wx"), parameter(4, 4, name="Wh"), parameter(4, name="b")
    X, h = np.random.default_rng(1).normal(size=(steps, 6, 3)), np.zeros((6, 4))
    for x in X:
        if scoped:
            with scope("step"):
                h = (x @ Wx + h @ Wh + b).tanh()
        else:
            h = (x @ Wx + h @ Wh + b).tanh()
    return ((h @ parameter(4, 1, name="Wo")) ** 2).mean()


class Cell(nn.Module):
    def __init__(self):
        rng = np.random.default_rng(0)
        self.x, self.h = nn.Linear(3, 4, rng=rng), nn.Linear(4, 4, rng=rng)

    def forward(self, x, h):
        return (self.x(x) + self.h(h)).tanh()


class RNN(nn.Module):
    def __init__(self):
        self.cell = Cell()

    def forward(self, X):
        h = np.zeros((6, 4))
        for x in X:
            h = self.cell(x, h)
        return h


def rnn_of_modules():
    return (RNN()(np.random.default_rng(1).normal(size=(5, 6, 3))) ** 2).mean()


class BatchNorm(nn.Module):
    def __init__(self, n):
        self.gamma = Tensor(np.ones(n), requires_grad=True)
        self.beta = Tensor(np.zeros(n), requires_grad=True)

    def forward(self, x):
        x = x - x.mean(axis=0)
        return x / ((x**2).mean(axis=0) + 1e-5).sqrt() * self.gamma + self.beta


def normed(layers, n_in=8):
    rng = np.random.default_rng(0)
    sizes = [n_in, *[8] * (layers - 1), 3]
    model = nn.Sequential()
    for k in range(layers):
        model.layers += [nn.Linear(sizes[k], sizes[k + 1], rng=rng)]
        model.layers += [BatchNorm(8), nn.Tanh()] if k < layers - 1 else []
    return model, (model(rng.normal(size=(16, n_in))) ** 2).mean()


# --- (a) a parameter that many steps use ---------------------------------------------------------


@pytest.mark.parametrize("make", [lambda: rnn(5), lambda: rnn(5, scoped=True), rnn_of_modules])
def test_no_edge_of_a_recurrent_network_crosses_the_picture(make):
    """faults.md F7: two parts of a 5-step RNN crossed the whole width."""
    view = fold(trace(make()))
    check(view)
    assert not groups(view)
    place = {item: i for i, item in enumerate(view.items)}
    copies = [node for node in view.tensors if node.box]
    assert {node.box for node in copies} == {f"box {k} of 5" for k in range(1, 6)}
    assert len(copies) % 5 == 0
    for arrow in view.arrows:
        start = arrow.source.maker and place[view.item(arrow.source.maker)]
        assert arrow.source.maker is None or place[arrow.target] - start <= 5
        if arrow.source.box:
            assert [a for a in view.arrows if a.source is arrow.source] == [arrow]


def test_each_box_shows_the_whole_gradient_and_each_edge_its_part():
    found = trace(rnn(5))
    (node,) = (x for x in found.tensors if x.name == "Wh")
    boxes = [x for x in fold(found).tensors if x.name == "Wh"]
    assert len(boxes) == 5
    assert all(box.gradient is node.gradient for box in boxes)
    parts = sum(use.gradient for box in boxes for use in box.uses)
    np.testing.assert_allclose(parts, node.gradient, rtol=1e-12)
    svg = draw(rnn(5)).svg()
    assert svg.count("Wh (4, 4), box 2 of 5") == 2  # the text, and the title of the box
    assert draw(rnn(5)).text().count("\nWh ") == 1


def test_the_steps_stand_below_each_other():
    for make in (lambda: rnn(5), lambda: rnn(5, scoped=True), rnn_of_modules):
        graph = draw(make(), rankdir="TB")
        root = ElementTree.fromstring(graph.svg())
        name = {node.id: node.name for node in graph.trace.tensors}
        x = {}
        for group in root.iter(f"{SVG}g"):
            text = group.find(f"{SVG}text")
            if name.get(group.get("id"), "").startswith("tanh"):
                x[name[group.get("id")]] = float(text.get("x"))
        assert len(x) == 5
        assert np.ptp([x[f"tanh{k}"] for k in range(2, 5)]) < 10  # pixels; a box is 130 wide
        assert np.ptp([x[f"tanh{k}"] for k in range(1, 5)]) < 70


def test_what_is_used_in_one_place_has_one_box():
    for output in (micrograd()[2], rnn(2), normed(2)[1]):
        assert not any(node.box for node in fold(trace(output)).tensors)


def test_the_page_has_one_box_for_each_tensor():
    page = draw(rnn(5)).html()
    assert page.count("box 2 of 5") == 0
    ids = re.findall(r'<g id="(t\d+)"', page)
    assert len(ids) == len(set(ids)) == len(data_of(page)["tensors"])


# --- (b) as much as fits a screen ----------------------------------------------------------------


def height(graph):
    return float(re.search(r'height="(\d+)pt"', graph.svg())[1]) * 96 / 72


def test_a_deep_network_is_folded_into_a_screen():
    """faults.md F7: 19,760 pixels tall, where max_nodes=60 gave "(BN, Tanh, Linear) x 4"."""
    _, loss = normed(6, n_in=4)
    graph = draw(loss)
    labels = [group.label for group in groups(graph.view)]
    assert "(BatchNorm, Tanh, Linear) + 3 more" in labels
    assert height(graph) < 1600  # at half its size, with text of 7 pixels, it fits a screen
    whole = draw(loss, max_nodes=200)
    assert not groups(whole.view)
    assert "max_nodes=... unfolds" in graph.dot()


def test_what_cannot_be_folded_sensibly_is_not_folded_for_the_screen():
    x = y = Tensor(0.3, requires_grad=True)
    for k in range(12):
        y = [y * 2, y.tanh(), y + x, y.exp(), y - 1][k**2 % 5].sin()
        y = [y.log1p(), -y][k % 2] * 0.5
    assert not groups(draw(y).view)


# --- (c), (d) loops ------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(["matmul", "tanh", "add", "sin"]), min_size=2, max_size=5),
    st.integers(8, 40),
    st.integers(0, 3),
)
def test_a_loop_is_folded_between_its_steps(cell, times, before):
    """faults.md F7: arbitrary runs that cut across cells. Here a cell begins with a division."""
    w, y = parameter(3, 3), parameter(2, 3).exp()
    ops = {
        "matmul": lambda y: y @ w,
        "tanh": Tensor.tanh,
        "add": lambda y: y + 1,
        "sin": Tensor.sin,
    }
    for name in cell[len(cell) - before :] if before else ():  # as at the end of a cell
        y = ops[name](y)
    for _ in range(times):
        y = y / 2
        for name in cell:
            y = ops[name](y)
    view = fold(trace(y.sum()), 20)
    check(view)
    assert f"({', '.join(['divide', *cell])}) x {times}" in [group.label for group in groups(view)]


def test_a_long_recurrence_is_one_node():
    labels = [group.label for group in groups(draw(rnn(50)).view)]
    assert labels == ["(matmul, matmul, add, add, tanh) x 50"]


def test_a_step_is_not_cut_where_more_than_its_state_would_be_cut_off():
    """What follows the loop begins as a step does: a product of the same shapes."""
    Wx, Wh, Wo = (parameter(4, 4) for _ in range(3))
    h = np.zeros((6, 4))
    for x in np.ones((50, 6, 4)):
        h = (x @ Wx + h @ Wh).tanh()
    labels = [group.label for group in groups(draw(((h @ Wo) ** 2).mean()).view)]
    assert labels == ["(matmul, matmul, add, tanh) x 50"]


def test_two_loops_are_folded_by_their_own_periods():
    y = parameter(2, 3)
    for _ in range(20):
        y = ((y + 1).tanh() * 2).sin().exp()
    for _ in range(30):
        y = y.tanh()
    labels = [group.label for group in groups(draw(y.sum()).view)]
    assert labels == ["(add, tanh, multiply, sin, exp) x 20", "tanh x 30"]


def scalar_network(samples, widths=(2, 6, 4, 1)):
    """A loss of scalars, neuron by neuron, as micrograd computes it."""
    rng = np.random.default_rng(0)
    layers = [
        [([Tensor(w, requires_grad=True) for w in rng.normal(size=n)], Tensor(0.0, True))] * m
        for n, m in pairwise(widths)
    ]
    layers = [[(list(map(fresh, w)), fresh(b)) for w, b in layer] for layer in layers]
    losses = []
    for x in rng.normal(size=(samples, 2)):
        for k, layer in enumerate(layers):
            x = [sum((w * a for w, a in zip(ws, x, strict=True)), b) for ws, b in layer]
            x = [y.relu() for y in x] if k < 2 else x
        losses.append((1 + x[0]).relu())
    return sum(losses) / samples + sum(w * w for layer in layers for ws, _ in layer for w in ws)


def fresh(x):
    return Tensor(x.data, requires_grad=True)


def test_thousands_of_scalars_show_their_structure():
    """faults.md F7: 65,077 scalar ops ended as one box."""
    graph = draw(scalar_network(60))
    check(graph.view)
    assert len(graph.trace.ops) > 5000
    assert 5 < len(graph.view) <= 60
    assert any(group.label.endswith(("x 60", "x 59")) for group in groups(graph.view))
    names = [node.name for node in graph.view.tensors]
    (many,) = (x for x in graph.view.tensors if re.fullmatch(r"\d\d parameters", x.name))
    assert names.count(many.name) == 1
    leaves = {x.name: x for x in graph.trace.tensors if x.kind == "parameter"}
    merged = int(many.name.split()[0])
    assert many.value.shape == many.gradient.shape == (merged,)
    assert merged <= len(leaves) == 51
    assert graph.svg().startswith("<svg")


def test_loops_of_loops_are_folded_together():
    labels = [group.label for group in groups(draw(scalar_network(12, (2, 16, 16, 1))).view)]
    (whole,) = (label for label in labels if label.endswith(") x 12"))
    assert whole.startswith("(642 ops: relu x 16, (multiply, add) + 31 more, ")
