"""watch() around a training loop, and modules that return several Tensors.

faults.md H2: a block around 500 steps counted as one pass. faults.md D7: a module that returned
(h, c) "was not called". Expected: the same numbers as with a block around each step.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import tinygrad_loss as tl
from tinygrad_loss import Tensor, draw, losses, nn, watch
from tinygrad_loss.optim import SGD

X = np.random.default_rng(1).normal(size=(8, 3))
Y = np.random.default_rng(2).normal(size=(8, 2))


def mlp(sizes=(3, 5, 2), seed=0):
    return nn.MLP(list(sizes), activation="tanh", rng=np.random.default_rng(seed))


def step(model, optimizer, x=X, y=Y):
    optimizer.zero_grad()
    losses.mean_squared_error(model(x), y).backward()
    optimizer.step()


def history_of_blocks(steps):
    """One block for each step, as it was always done."""
    model = mlp()
    optimizer, watched = SGD(model.parameters(), lr=0.1), watch(model)
    for _ in range(steps):
        with watched:
            step(model, optimizer)
    return watched.history


@settings(max_examples=10, deadline=None)
@given(steps=st.integers(1, 6))
def test_a_block_around_a_loop_is_the_same_as_one_around_each_step(steps):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model) as watched:
        for _ in range(steps):
            step(model, optimizer)
    assert watched.history == history_of_blocks(steps)
    assert watched.problems == []
    assert len(watched.table().splitlines()) == 4


def test_evaluations_under_no_grad_do_not_count():
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model) as watched:
        for _ in range(4):
            with tl.no_grad():
                model(X + 1)
            step(model, optimizer)
            with tl.no_grad():
                losses.mean_squared_error(model(X), Y)
                model(X[:2])
    assert watched.history == history_of_blocks(4)
    assert watched.problems == []


def test_what_is_computed_from_the_output_after_backward_begins_no_pass():
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model) as watched:
        for _ in range(3):
            optimizer.zero_grad()
            prediction = model(X)
            losses.mean_squared_error(prediction, Y).backward()
            tl.abs(prediction * Tensor(2.0) - Y).mean()
            tl.abs(prediction.detach() - Y).mean()
            optimizer.step()
    assert watched.history == history_of_blocks(3)


def test_two_backward_passes_through_one_graph_are_one_pass():
    model, other = mlp(), mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model) as watched:
        for _ in range(3):
            optimizer.zero_grad()
            prediction = model(X)
            tl.square(prediction).mean().backward()
            losses.mean_squared_error(prediction, Y).backward()
            optimizer.step()
    assert len(watched.history) == 3
    with watch(other) as once:
        prediction = other(X)
        tl.square(prediction).mean().backward()
        losses.mean_squared_error(prediction, Y).backward()
    first = watched.history[0]
    assert [x.weight_gradient for x in first] == [x.weight_gradient for x in once.layers]


def test_what_leads_to_a_second_backward_pass_is_noted():
    layer, other = nn.Linear(3, 2, rng=np.random.default_rng(0)), Tensor(1.0, requires_grad=True)
    with watch(layer) as watched:
        h = layer(X)
        (other * 2).backward()
        tl.relu(h - 1e3).sum().backward()
    assert "relu (after Linear) is off in every unit" in watched.problems[0]


def test_each_backward_pass_of_accumulated_gradients_is_a_pass_and_the_last_has_the_update():
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model) as watched:
        for _ in range(2):
            optimizer.zero_grad()
            for rows in (slice(0, 3), slice(3, 6), slice(6, 8)):
                losses.mean_squared_error(model(X[rows]), Y[rows]).backward()
            optimizer.step()
    updated = [layers[0].update is not None for layers in watched.history]
    assert updated == [False, False, True] * 2


def test_two_calls_before_backward_are_one_pass():
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model) as watched:
        for _ in range(2):
            optimizer.zero_grad()
            tl.square(model(X) - model(X + 1)).mean().backward()
            optimizer.step()
    assert len(watched.history) == 2
    assert [x.name for x in watched.layers][-1] == "layers.2, call 2"


def test_a_gradient_inside_the_loss_ends_no_pass():
    critic = mlp((3, 4, 1))
    optimizer, rng = SGD(critic.parameters(), lr=0.01), np.random.default_rng(0)
    with watch(critic) as watched:
        for _ in range(3):
            optimizer.zero_grad()
            penalty = losses.gradient_penalty(critic, X, X + 1, rng=rng)
            (penalty + critic(X).mean() - critic(X + 1).mean()).backward()
            optimizer.step()
    assert len(watched.history) == 3
    assert all(layers[0].update for layers in watched.history)


def test_a_layer_without_parameters_has_a_pass_for_each_step():
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model.layers[1]) as watched:
        for _ in range(3):
            step(model, optimizer)
    assert [[x.name for x in layers] for layers in watched.history] == [["Tanh"]] * 3


def test_a_part_under_no_grad_is_named_in_each_pass():
    class Half(nn.Module):
        def __init__(self):
            self.a, self.b = (nn.Linear(3, 3, rng=np.random.default_rng(i)) for i in range(2))

        def forward(self, x):
            with tl.no_grad():
                h = self.a(x)
            return self.b(h)

    model = Half()
    with watch(model) as watched:
        for _ in range(3):
            model(X).sum().backward()
            assert len(watched.history) <= 2
    assert len(watched.history) == 3
    assert watched.problems == ["No gradient at a: it was computed under no_grad()."]


def test_a_loop_in_which_no_gradient_reaches_the_module_says_why():
    model, head = mlp(), mlp((2, 2))
    watched = watch(model)
    for _ in range(2):
        with watched:
            for _ in range(3):
                head(model(X).detach()).sum().backward()
            with tl.no_grad():
                model(X)
    assert len(watched.history) == 6
    assert "went into linear" in watched.problems[0]
    assert "as a constant" in watched.problems[0]


def test_an_error_in_a_loop_keeps_the_passes_before_it():
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    watched = watch(model)
    with pytest.raises(ZeroDivisionError), watched:
        for i in range(3):
            step(model, optimizer)
            1 / (2 - i)
    assert watched.history == history_of_blocks(2)


def test_nothing_of_a_loop_is_kept_but_numbers():
    import weakref

    model, references = mlp(), []
    with watch(model):
        for _ in range(3):
            loss = model(X).sum()
            loss.backward()
            references.append(weakref.ref(loss))
            del loss
        assert [r() is None for r in references] == [True, True, False]
    assert references[-1]() is None


def test_the_plot_shows_updates_that_only_some_passes_have():
    pytest.importorskip("matplotlib")
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model) as watched:
        for _ in range(5):
            optimizer.zero_grad()
            for _ in range(2):
                losses.mean_squared_error(model(X), Y).backward()
            optimizer.step()
    panels = {axis.get_ylabel(): axis for axis in watched.plot().axes}
    assert [line.get_marker() for line in panels["update / weight"].lines] == [".", "."]
    assert {line.get_marker() for line in panels["spread of the output"].lines} == {""}


# --- several outputs ------------------------------------------------------------------------------


class State(NamedTuple):
    h: Any
    c: Any


@dataclass
class Record:
    h: Any
    c: Any


class Cell(nn.Module):
    """Two outputs in a container, from parameters of its own."""

    def __init__(self, form):
        rng = np.random.default_rng(0)
        self.inner = nn.Linear(3, 4, rng=rng)
        self.w = Tensor(rng.normal(size=(4, 4)), requires_grad=True)
        self.form = form

    def forward(self, x):
        z = self.inner(x)
        self.h = tl.tanh(z @ self.w)
        self.c = tl.sigmoid(z)
        return self.form(self.h, self.c)


class Net(nn.Module):
    def __init__(self, form):
        self.cell = Cell(form)
        self.out = nn.Linear(4, 1, rng=np.random.default_rng(1))

    def forward(self, x):
        self.cell(x)
        return self.out(self.cell.h * self.cell.c)


FORMS = {
    "tuple": lambda h, c: (h, c),
    "list": lambda h, c: [h, c],
    "dict": lambda h, c: {"h": h, "c": c},
    "namedtuple": State,
    "nested": lambda h, c: (None, {"states": [h, (c, 3.0)]}),
    "one twice": lambda h, c: (h, (h, c), [c]),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_module_with_several_outputs_is_one_row(form):
    model = Net(FORMS[form])
    with watch(model) as watched:
        loss = (model(X) ** 2).sum()
        loss.backward()
    assert watched.problems == []
    inner, cell, out = watched.layers
    assert (inner.name, cell.name, out.name) == ("cell.inner", "cell", "out")
    both = np.concatenate([model.cell.h.data.ravel(), model.cell.c.data.ravel()])
    assert cell.mean == pytest.approx(both.mean())
    assert cell.spread == pytest.approx(both.std())
    slopes = tl.gradients(
        (model.out(model.cell.h * model.cell.c) ** 2).sum(), [model.cell.h, model.cell.c]
    )
    expected = np.sqrt(sum(np.sum(np.square(g.data)) for g in slopes))
    assert cell.gradient == pytest.approx(expected)
    assert cell.weight_gradient == pytest.approx(np.linalg.norm(model.cell.w.grad))


@pytest.mark.parametrize("form", FORMS)
def test_a_module_with_several_outputs_is_one_cluster(form):
    model = Net(FORMS[form])
    text = draw(model(X)).dot()
    assert text.count('label="cell: Cell"') == 1
    assert "call 2" not in text


def test_an_output_that_was_made_elsewhere_is_not_marked():
    class Passes(nn.Module):
        def forward(self, x):
            return x, [x * 2]

    x = tl.exp(Tensor(X, requires_grad=True))
    same, [double] = Passes()(x)
    assert same.scopes == ()
    assert len(double.scopes) == 1


def test_a_module_whose_output_is_an_object_is_not_said_to_be_uncalled():
    model = Net(Record)
    with watch(model) as watched:
        model(X).sum().backward()
    assert watched.problems == []
    lone = nn.Linear(3, 3, rng=np.random.default_rng(0))
    lone.forward = lambda x: Record(x @ lone.weight, 0)
    with watch(lone) as watched:
        lone(X).h.sum().backward()
    assert watched.problems == [
        "Linear returned no Tensor, nor a tuple, list or dict of them in this pass."
    ]


def test_the_way_of_each_output_is_followed():
    """h leads nowhere, and the way of c ends at a relu."""

    class Dead(Net):
        def forward(self, x):
            self.cell(x)
            return self.out(tl.relu(self.cell.c - 1e3))

    model = Dead(lambda h, c: (h, c))
    with watch(model) as watched:
        model(X).sum().backward()
    assert watched.problems[0].startswith(
        "No gradient at cell.inner, cell: relu is off in every unit for every sample"
    )
