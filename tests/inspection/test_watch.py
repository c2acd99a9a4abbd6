"""watch(): each number against NumPy by hand, each cause of a missing gradient, no traces left."""

import math
import sys

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import tinygrad_loss as tl
from tinygrad_loss import Tensor, nn, optim, watch
from tinygrad_loss.engine.mode import mode


def seen(model, run, **options):
    """The watch of a module after one pass."""
    watched = watch(model)
    with watched:
        run(**options)
    return watched


def mlp(sizes=(3, 5, 2), activation="relu", seed=0):
    return nn.MLP(list(sizes), activation=activation, rng=np.random.default_rng(seed))


X = np.random.default_rng(1).normal(size=(7, 3))


class Chain(nn.Module):
    """Two layers, and something between them."""

    def __init__(self, between):
        rng = np.random.default_rng(0)
        self.a, self.b = nn.Linear(3, 4, rng=rng), nn.Linear(4, 2, rng=rng)
        self.between = between

    def forward(self, x):
        return self.b(self.between(self.a(x)))


# numbers


def test_numbers_of_a_relu_net_equal_those_by_hand():
    model = mlp()
    W, b, V, c = (p.data.copy() for p in model.parameters())
    hidden = X @ W + b
    active = np.maximum(hidden, 0)
    g_out = np.full((7, 2), 1 / 14)
    g_active = g_out @ V.T
    g_hidden = g_active * (hidden > 0)

    watched = watch(model)
    optimizer = optim.SGD(model.parameters(), lr=0.5)
    with watched:
        model(X).mean().backward()
        optimizer.step()
    first, relu, last = watched.layers

    outputs = (hidden, active, active @ V + c)
    for layer, output, g in zip(watched.layers, outputs, (g_hidden, g_active, g_out), strict=True):
        assert layer.mean == pytest.approx(output.mean())
        assert layer.spread == pytest.approx(output.std())
        assert layer.gradient == pytest.approx(np.linalg.norm(g))
    g_W, g_b = X.T @ g_hidden, g_hidden.sum(axis=0)
    g_norm = math.sqrt((g_W**2).sum() + (g_b**2).sum())
    assert first.weight_gradient == pytest.approx(g_norm)
    assert first.update == pytest.approx(0.5 * g_norm / np.linalg.norm(W))  # b was 0
    assert relu.weight_gradient is relu.update is first.dead is last.dead is first.saturated is None
    assert [layer.name for layer in watched.layers] == ["layers.0", "layers.1", "layers.2"]
    assert [layer.kind for layer in watched.layers] == ["Linear", "ReLU", "Linear"]


@settings(max_examples=20)
@given(st.lists(st.booleans(), min_size=1, max_size=6))
def test_dead_is_the_share_of_units_that_are_off_for_every_sample(off):
    model = nn.Sequential(nn.Linear(2, len(off), rng=np.random.default_rng(0)), nn.ReLU())
    model.layers[0].bias.data = np.where(off, -1e3, 1e3)
    watched = seen(model, lambda: model(np.ones((3, 2))).sum().backward())
    assert watched.layers[1].dead == pytest.approx(np.mean(off))


def test_a_unit_that_one_sample_turns_on_is_not_dead():
    model = nn.Sequential(nn.Linear(1, 1, rng=np.random.default_rng(0)), tl.relu)
    model.layers[0].weight.data = np.ones((1, 1))
    for x, dead in (([[-1.0], [2.0]], 0.0), ([[-1.0], [-2.0]], 1.0)):
        assert seen(model, lambda x=x: model(np.array(x))).layers[1].dead == dead


@pytest.mark.parametrize(
    ("function", "last_free"),
    # tanh' = 1 - tanh^2, which is 5 % of tanh'(0) there; sigmoid(x) = (1 + tanh(x / 2)) / 2
    [(tl.tanh, math.atanh(math.sqrt(0.95))), (tl.sigmoid, 2 * math.atanh(math.sqrt(0.95)))],
)
def test_saturated_is_where_the_slope_is_below_5_percent(function, last_free):
    model = nn.Sequential(nn.Linear(1, 1, rng=np.random.default_rng(0)), function)
    model.layers[0].weight.data = np.ones((1, 1))
    x = np.array([[-last_free - 1e-6], [-last_free + 1e-6], [0.0], [last_free + 1e-6]])
    assert seen(model, lambda: model(x)).layers[1].saturated == 0.5


def test_activations_called_as_functions_are_named_after_the_layer_in_front():
    model = Chain(lambda h: h.tanh().sigmoid())
    watched = seen(model, lambda: model(X).sum().backward())
    assert [x.name for x in watched.layers] == ["a", "a+tanh", "a+sigmoid", "b"]


def test_a_layer_that_is_called_twice_has_two_rows_and_one_weight_gradient():
    layer = nn.Linear(3, 3, rng=np.random.default_rng(0))
    model = nn.Sequential(layer, layer)
    watched = seen(model, lambda: model(X).sum().backward())
    assert [x.name for x in watched.layers] == ["layers.0", "layers.0, call 2"]
    expected = math.hypot(*(np.linalg.norm(p.grad) for p in layer.parameters()))
    assert [x.weight_gradient for x in watched.layers] == pytest.approx([expected] * 2)


def test_a_module_with_parameters_of_its_own_has_a_row_beside_those_inside():
    class Scaled(nn.Module):
        def __init__(self):
            self.inner = nn.Linear(3, 2, rng=np.random.default_rng(0))
            self.factor = Tensor(2.0, requires_grad=True)

        def forward(self, x):
            return self.factor * self.inner(x)

    model = Scaled()
    watched = seen(model, lambda: model(X).sum().backward())
    assert [x.name for x in watched.layers] == ["inner", "Scaled"]
    assert watched.layers[1].weight_gradient == pytest.approx(abs(float(model.factor.grad)))


def test_tiny_float32_gradients_do_not_underflow():
    model = nn.Linear(3, 1, rng=np.random.default_rng(0), dtype=np.float32)
    watched = seen(model, lambda: (model(X.astype(np.float32)).sum() * 1e-30).backward())
    assert watched.layers[0].gradient == pytest.approx(1e-30 * math.sqrt(7), rel=1e-5)


def test_update_is_seen_when_parameters_are_changed_by_hand():
    model = nn.Linear(3, 2, rng=np.random.default_rng(0), bias=False)
    watched = watch(model)
    with watched:
        model.weight.data *= 1.25
        model(X)
    assert watched.layers[0].update == pytest.approx(0.25)


# problems


def test_a_healthy_net_has_none():
    model = mlp()
    assert seen(model, lambda: (model(X) ** 2).sum().backward()).problems == []


def only(watched):
    (problem,) = watched.problems
    return problem


@pytest.mark.parametrize("cut", [Tensor.detach, lambda h: h.data, lambda h: h.numpy()])
def test_a_cut_graph_is_found_where_it_was_cut(cut):
    model = Chain(lambda h: cut(h.tanh()))
    problem = only(seen(model, lambda: model(X).sum().backward()))
    assert problem.startswith(
        "No gradient at a: the output of tanh went into linear in b as a const"
    )
    assert "detach()" in problem


@pytest.mark.parametrize("copy", [lambda h: Tensor(h.data), lambda h: (h > 0) * 1.0])
def test_a_copy_is_told_from_a_layer_that_leads_to_the_loss(copy):
    model = Chain(copy)
    problem = only(seen(model, lambda: model(X).sum().backward()))
    assert problem.startswith("No gradient at a: the output of linear in a does not lead to the")


def test_dead_relus_are_named_as_the_cause():
    model = mlp((3, 5, 5, 2))
    model.layers[2].bias.data = np.full(5, -1e3)
    watched = seen(model, lambda: model(X).sum().backward())
    assert watched.problems[0].startswith(
        "No gradient at layers.0, layers.2: relu in layers.3 is off in every unit for every sample"
    )
    assert watched.problems[1] == "layers.3: 100% of its ReLUs are dead."


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_saturation_is_named_as_the_cause(activation):
    model = mlp(activation=activation)
    model.layers[0].weight.data *= 1e6
    watched = seen(model, lambda: model(X).sum().backward())
    assert f"{activation} in layers.1 is saturated everywhere" in watched.problems[0]
    assert watched.problems[1] == "layers.1: 100% of its outputs are saturated."


def test_zero_weights_are_named_as_the_cause():
    model = mlp()
    model.layers[2].weight.data = np.zeros((5, 2))
    problem = only(seen(model, lambda: model(X).sum().backward()))
    assert problem.startswith("No gradient at layers.0: what linear in layers.2 multiplies it by")


def test_a_flat_loss_is_named_as_the_cause():
    model = nn.Linear(3, 1, rng=np.random.default_rng(0))
    problem = only(seen(model, lambda: ((model(X) - 1e3).relu()).sum().backward()))
    assert problem.startswith("No gradient at Linear: relu (after Linear) is off in every unit")


def test_no_grad_is_named_as_the_cause():
    model = mlp()

    @tl.no_grad()
    def run():
        model(X)

    assert only(seen(model, run)).startswith("No gradients: the pass was computed under no_grad()")


def test_no_grad_around_a_part_is_named_as_the_cause():
    class Half(Chain):
        def forward(self, x):
            with tl.no_grad():
                h = self.a(x)
            return self.b(h)

    model = Half(None)
    problem = only(seen(model, lambda: model(X).sum().backward()))
    assert problem == "No gradient at a: it was computed under no_grad()."


def test_a_pass_without_backward_says_so():
    model = mlp()
    watched = seen(model, lambda: model(X))
    assert only(watched) == "No gradients: backward() was not called inside the block."
    assert [layer.gradient for layer in watched.layers] == [None, None, None]


def test_a_layer_that_was_not_called_is_named():
    model = mlp()
    model.extra = nn.Linear(2, 2, rng=np.random.default_rng(0))
    problem = only(seen(model, lambda: model(X).sum().backward()))
    assert problem == "extra was not called in this pass, so it does not learn."
    assert only(seen(model, lambda: None)) == "MLP was not called in this pass."


def test_the_first_layer_with_nan_is_named():
    model = mlp((3, 5, 5, 2), activation="tanh")
    model.layers[2].weight.data[0, 0] = np.nan
    watched = seen(model, lambda: model(X).sum().backward())
    assert watched.problems[0].startswith("layers.2: its output holds NaN or inf")


def test_the_layer_where_a_gradient_becomes_infinite_is_named():
    model = Chain(lambda h: (h * 0.0).sqrt())
    with np.errstate(divide="ignore", invalid="ignore"):
        watched = seen(model, lambda: model(X).sum().backward())
    assert watched.problems[0].startswith("a: the gradient that arrives there holds NaN or inf")


def test_vanishing_and_exploding_gradients():
    deep = mlp((3, *[8] * 12, 2), activation="sigmoid")
    watched = seen(deep, lambda: deep(X).sum().backward())
    assert only(watched).startswith("Gradients vanish with depth: ")
    large = nn.Sequential(*(nn.Linear(3, 3, rng=np.random.default_rng(i)) for i in range(8)))
    for p in large.parameters():
        p.data *= 10.0
    watched = seen(large, lambda: large(X).sum().backward())
    assert only(watched).startswith("Gradients explode with depth: ")


# a guest that leaves no traces


def test_gradients_are_the_same_with_and_without():
    model = mlp()
    model(X).sum().backward()
    expected = [p.grad.copy() for p in model.parameters()]
    attributes = dict(vars(model))
    for p in model.parameters():
        p.zero_grad()
    seen(model, lambda: model(X).sum().backward())
    for p, g in zip(model.parameters(), expected, strict=True):
        np.testing.assert_array_equal(p.grad, g)
    assert vars(model) == attributes


def test_an_error_in_the_block_goes_on_and_leaves_nothing_behind():
    model = mlp()
    watched = watch(model)
    before = mode.get().blocks
    with pytest.raises(ValueError, match="linear"), watched:
        model(np.ones((2, 4)))
    assert mode.get().blocks == before
    assert watched.history == []
    with watched:
        model(X).sum().backward()
    assert len(watched.history) == 1


def test_nothing_of_a_pass_is_kept_but_numbers():
    import weakref

    model = mlp()
    watched = watch(model)
    with watched:
        loss = model(X).sum()
        loss.backward()
    reference = weakref.ref(loss)
    del loss
    assert reference() is None


def test_detect_anomaly_around_the_block_goes_on_checking():
    model = Chain(lambda h: (h * 0.0).log())
    with (
        np.errstate(divide="ignore"),
        pytest.raises(FloatingPointError, match="log"),
        tl.detect_anomaly(),
        watch(model),
    ):
        model(X)


def test_two_watches_at_once_see_the_same():
    model = mlp()
    outer, inner = watch(model), watch(model.layers[0])
    with outer, inner:
        model(X).sum().backward()
    assert inner.layers[0].gradient == outer.layers[0].gradient
    assert [layer.name for layer in inner.layers] == ["Linear"]


def test_the_same_watch_cannot_be_inside_itself():
    watched = watch(mlp())
    with watched, pytest.raises(RuntimeError, match="second watch"):
        watched.__enter__()
    assert len(watched.history) == 1


# table and plot


def test_the_table_has_a_line_for_each_layer_and_the_repr_the_problems():
    model = mlp()
    watched = watch(model)
    assert "no pass yet" in repr(watched)
    with watched:
        model(X)
    lines = watched.table().splitlines()
    assert " ".join(lines[0].split()) == (
        "layer kind mean spread gradient of weights dead saturated update"
    )
    assert len({len(line) for line in lines}) == 1
    assert lines[2].split()[:2] == ["layers.1", "ReLU"]
    assert repr(watched).splitlines()[-1].startswith("! No gradients: backward()")


def test_the_plot_shows_every_layer_over_all_passes():
    pytest.importorskip("matplotlib")
    model = mlp((3, 5, 5, 2))
    optimizer = optim.SGD(model.parameters(), lr=0.01)
    watched = watch(model)
    for _ in range(4):
        with watched:
            optimizer.zero_grad()
            model(X).sum().backward()
            optimizer.step()
    figure = watched.plot()
    panels = {axis.get_ylabel(): axis for axis in figure.axes}
    assert list(panels) == [
        "spread of the output", "gradient norm at the output", "update / weight",
        "share of dead ReLUs",
    ]  # fmt: skip
    gradients = panels["gradient norm at the output"].lines
    assert [line.get_label() for line in gradients] == [f"layers.{i}" for i in range(5)]
    for i, line in enumerate(gradients):
        expected = [layers[i].gradient for layers in watched.history]
        np.testing.assert_array_equal(line.get_ydata(), expected)
    assert len(figure.legends[0].get_texts()) == 5
    # Jupyter asks for this, also where pyplot, which would show the figure, was never imported.
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_the_legend_of_a_deep_net_shows_three_layers():
    pytest.importorskip("matplotlib")
    deep = mlp((3, *[4] * 9, 2))
    figure = seen(deep, lambda: deep(X).sum().backward()).plot()
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["layers.0", "layers.9", "layers.18"]


# errors


@pytest.mark.parametrize("wrong", [np.tanh, [mlp()], None])
def test_what_is_no_module_is_refused(wrong):
    with pytest.raises(TypeError, match=r"watch: got .*expected a Module"):
        watch(wrong)


def test_asking_before_a_pass_says_what_to_do():
    watched = watch(mlp())
    for ask in (watched.table, watched.plot, lambda: watched.layers):
        with pytest.raises(RuntimeError, match="no pass was seen yet"):
            ask()


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch):
    model = mlp()
    watched = seen(model, lambda: model(X))
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'tinygrad_loss\[examples\]'"):
        watched.plot()


class Cell(nn.Module):
    """A recurrent cell without modules inside: its time steps are scopes."""

    def __init__(self):
        self.W = Tensor([[0.5, -0.3], [0.2, 0.4]], requires_grad=True)
        self.out = nn.Linear(2, 1, rng=np.random.default_rng(0))

    def forward(self, xs):
        h = np.zeros((1, 2))
        for x in xs:
            with tl.scope("step"):
                h = (x + h @ self.W).tanh()
        with tl.scope("readout"):
            return self.out(h)


def test_scopes_are_rows():
    cell = Cell()
    with watch(cell) as watched:
        cell(np.ones((3, 1, 2))).sum().backward()
    rows = {row.name: row for row in watched.layers}
    assert [row.kind for row in watched.layers if row.name.startswith("step")] == ["scope"] * 3
    assert {"step", "step, call 2", "step, call 3", "readout", "out"} <= set(rows)
    # The first step multiplies W by zeros; all three are the same W, whose gradient is the sum.
    assert rows["step"].weight_gradient == pytest.approx(np.linalg.norm(cell.W.grad))
    assert rows["step, call 3"].gradient > rows["step"].gradient > 0
    assert rows["readout"].weight_gradient is None  # its parameters are those of the layer inside
    assert watched.problems == []
