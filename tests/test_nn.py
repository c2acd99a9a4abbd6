"""Modules, layers, their initialization and their marks for pictures."""

import gc
import weakref

import numpy as np
import pandas as pd
import pytest

from tinygrad_loss import Tensor, check_gradients, nn, no_grad, tanh
from tinygrad_loss.engine import ops
from tinygrad_loss.nn import (
    ACTIVATIONS,
    GELU,
    MLP,
    Dropout,
    LeakyReLU,
    Linear,
    Module,
    ReLU,
    Sequential,
    Sigmoid,
    Tanh,
)


def rng(seed=0):
    return np.random.default_rng(seed)


class Branches(Module):
    """Parameters in attributes, lists, dicts and submodules; one shared, one frozen, one cached."""

    def __init__(self):
        self.scale = Tensor(2.0, requires_grad=True)
        self.frozen = Tensor([1.0, 2.0])
        self.trunk = Linear(2, 3, rng=rng())
        self.heads = [Linear(3, 1, rng=rng(1)), (Linear(3, 2, rng=rng(2)), tanh)]
        self.by_name = {"again": self.trunk, "other": Linear(1, 1, rng=rng(3), bias=False)}
        self.numbers = [1, 2.5, "text", None, np.ones(2)]
        self.myself = self
        self.hidden = None

    def forward(self, x):
        self.hidden = self.trunk(x * self.frozen)
        return self.heads[0](self.hidden) * self.scale


NAMES = [
    "scale", "trunk.weight", "trunk.bias", "heads.0.weight", "heads.0.bias", "heads.1.0.weight",
    "heads.1.0.bias", "by_name.other.weight",
]  # fmt: skip


def test_parameters_are_found_in_order_each_once():
    model = Branches()
    assert [name for name, _ in model.named_parameters()] == NAMES
    assert model.parameters() == [p for _, p in model.named_parameters()]
    model(np.ones((4, 2)))  # keeps a computed Tensor, which is no parameter
    assert model.hidden.requires_grad
    assert [name for name, _ in model.named_parameters()] == NAMES


def test_modules_are_found_each_once():
    names = [name for name, _ in Branches().named_modules()]
    assert names == ["", "trunk", "heads.0", "heads.1.0", "by_name.other"]


def test_a_frozen_parameter_is_not_trained_but_kept_in_the_state():
    model = MLP([2, 3, 1], rng=rng())
    model.layers[0].weight.requires_grad = False
    assert len(model.parameters()) == 3
    assert "layers.0.weight" in model.state_dict()


def test_train_and_eval_reach_every_module_and_return_the_module():
    model = Sequential(Dropout(0.5, rng=rng()), Sequential(Dropout(0.5, rng=rng())), ReLU())
    assert all(m.training for _, m in model.named_modules())
    assert model.eval() is model
    assert not any(m.training for _, m in model.named_modules())
    assert model.train() is model
    assert all(m.training for _, m in model.named_modules())


def test_a_module_without_forward_says_so():
    class Empty(Module):
        pass

    with pytest.raises(NotImplementedError, match="Empty must define forward"):
        Empty()(1.0)


@pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 5, 3), (0, 3)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear_is_the_affine_map_of_pytorch(shape, bias):
    torch = pytest.importorskip("torch")
    layer = Linear(3, 2, rng=rng(), bias=bias)
    if bias:
        layer.bias.data = rng(1).standard_normal(2)
    theirs = torch.nn.Linear(3, 2, bias=bias, dtype=torch.float64)
    theirs.weight.data = torch.tensor(layer.weight.data.T)
    if bias:
        theirs.bias.data = torch.tensor(layer.bias.data)
    x = rng(2).standard_normal(shape)
    ours, expected = layer(x), theirs(torch.tensor(x))
    np.testing.assert_allclose(ours.data, expected.detach().numpy(), atol=1e-14)
    ours.sum().backward()
    expected.sum().backward()
    np.testing.assert_allclose(layer.weight.grad, theirs.weight.grad.numpy().T, atol=1e-14)
    if bias:
        np.testing.assert_allclose(layer.bias.grad, theirs.bias.grad.numpy(), atol=1e-14)


ROWS = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
TABLE = pd.DataFrame(ROWS, columns=["a", "b"], index=[7, 3, 3])
INPUTS = {
    "list of rows": (ROWS.tolist(), ROWS),
    "list of arrays": (list(ROWS), ROWS),
    "tuple of numbers": ((1.0, 2.0), ROWS[0]),
    "list of numbers": ([1, 2], ROWS[0]),
    "int array": (ROWS.astype(int), ROWS),
    "bool array": (ROWS > 2, (ROWS > 2) * 1.0),
    "no rows": (np.ones((0, 2)), np.ones((0, 2))),
    "DataFrame": (TABLE, ROWS),
    "DataFrame of ints": (TABLE.astype(int), ROWS),
    "row of a DataFrame": (TABLE.iloc[1], ROWS[1]),
    "some rows": (TABLE.iloc[::-2], ROWS[::-2]),
}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("x", "array"), INPUTS.values(), ids=INPUTS)
def test_models_take_what_can_be_an_array(x, array, bias):
    """faults.md A1: model(df) gave a Tensor that held a DataFrame. The values are NumPy's."""
    layer = Linear(2, 3, rng=rng(), bias=bias)
    for model in (layer, Sequential(layer, Tanh(), ReLU(), np.sin)):
        layer.weight.grad = None
        y, expected = model(x), layer.weight.data.T @ np.atleast_2d(array).T
        assert type(y) is Tensor
        assert type(y.data) is np.ndarray
        if model is layer:
            np.testing.assert_allclose(y.data, expected.T.reshape(y.shape), rtol=1e-14)
            y.sum().backward()
            rows = np.atleast_2d(array).sum(axis=0)
            np.testing.assert_allclose(layer.weight.grad, rows[:, None] * np.ones(3))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (TABLE.astype(object), r"df\.to_numpy\(float\)"),
        (TABLE.assign(b=[True, False, True]), "bool and float columns mixed"),
        (TABLE.assign(b="text").to_numpy(), r"np\.unique"),
        (ROWS * 1j, r"\.real"),
        (np.ma.array(ROWS), "filled"),
        (None, "None"),
        ([[1.0, 2.0], [3.0]], "rows differ in length"),
    ],
)
@pytest.mark.parametrize("bias", [True, False])
def test_models_refuse_what_is_not_made_of_numbers(x, message, bias):
    """faults.md F1: object arrays passed the model, and the loss then spoke of Tensors."""
    with pytest.raises((TypeError, ValueError), match=message):
        Sequential(Linear(2, 1, rng=rng(), bias=bias))(x)


def test_data_in_float64_makes_a_float32_model_compute_in_float64():
    """As NumPy promotes; for arithmetic in float32 the data must be float32 too."""
    model = MLP([2, 3, 1], rng=rng(), dtype=np.float32)
    assert model(TABLE).dtype == np.float64
    assert model(TABLE.astype(np.float32)).dtype == np.float32


def test_he_weights_keep_the_size_of_the_signal_through_relu():
    """He et al. 2015: with variance 2/n_in, E y^2 is the same after ten layers as before."""
    layers = [
        f for _ in range(10) for f in (Linear(512, 512, rng=rng(7), init="he", bias=False), ReLU())
    ]
    x = rng().standard_normal((200, 512))
    y = Sequential(*layers)(x).data
    assert 0.3 < np.mean(y**2) / np.mean(np.maximum(x, 0) ** 2) < 3


def test_the_distributions_of_the_weights():
    w = Linear(400, 300, rng=rng(), init="he").weight.data
    assert w.std() == pytest.approx(np.sqrt(2 / 400), rel=0.01)
    assert np.mean(np.abs(w) < w.std()) == pytest.approx(0.6827, abs=0.005)  # the normal's
    w = Linear(400, 300, rng=rng(), init="glorot").weight.data
    limit = np.sqrt(6 / 700)
    assert 0.999 * limit < np.abs(w).max() <= limit
    assert w.std() == pytest.approx(limit / np.sqrt(3), rel=0.01)  # the uniform's
    assert (Linear(400, 300, rng=rng()).bias.data == 0).all()


@pytest.mark.parametrize("activation", ["relu", ops.relu, ReLU(), "gelu", "leaky_relu"])
def test_mlp_draws_he_weights_in_front_of_relu_and_glorot_elsewhere(activation):
    hidden, output = (
        layer.weight.data
        for layer in MLP([400, 300, 200], activation=activation, rng=rng()).layers
        if isinstance(layer, Linear)
    )
    assert hidden.std() == pytest.approx(np.sqrt(2 / 400), rel=0.01)
    assert output.std() == pytest.approx(np.sqrt(2 / 500), rel=0.01)


def test_mlp_draws_glorot_weights_in_front_of_tanh():
    model = MLP([400, 300, 200], activation="tanh", rng=rng())
    assert np.abs(model.layers[0].weight.data).max() <= np.sqrt(6 / 700)


def test_mlp_is_what_its_sizes_say():
    model = MLP([4, 8, 8, 3], activation="tanh", dropout=0.2, rng=rng())
    assert repr(model) == (
        "MLP(Linear(4, 8), Tanh(), Dropout(0.2), Linear(8, 8), Tanh(), Dropout(0.2), Linear(8, 3))"
    )
    assert repr(MLP([4, 3], rng=rng())) == "MLP(Linear(4, 3))"
    assert model(np.ones((5, 4))).shape == (5, 3)


def test_mlp_computes_what_one_would_write_by_hand():
    model = MLP([4, 5, 2], activation="tanh", rng=rng())
    w1, b1, w2, b2 = model.parameters()
    b1.data = rng(1).standard_normal(5)
    x = rng(2).standard_normal((3, 4))
    expected = np.tanh(x @ w1.data + b1.data) @ w2.data + b2.data
    np.testing.assert_allclose(model(x).data, expected, rtol=1e-15)
    check_gradients(lambda x: model(x).sum(), x)


def test_equal_seeds_give_equal_weights_in_any_dtype():
    models = [MLP([3, 4, 2], rng=rng(5), dtype=t) for t in (np.float64, np.float32)]
    for p, q in zip(*(m.parameters() for m in models), strict=True):
        assert q.dtype == np.float32
        np.testing.assert_array_equal(p.data.astype(np.float32), q.data)


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_float32_stays_float32(activation):
    model = MLP([3, 4, 2], activation=activation, dropout=0.5, rng=rng(), dtype=np.float32)
    loss = model(np.ones((5, 3), np.float32)).sum()
    loss.backward()
    assert loss.dtype == np.float32
    assert {p.grad.dtype for p in model.parameters()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("number", [np.float64(0.5), np.float32(0.5), np.float16(0.5), 0.5])
def test_options_are_numbers_of_python(number):
    """faults.md E6: LeakyReLU(np.float64(.1)) turned float32 into float64."""
    ones = np.ones(4, np.float32)
    for layer in (LeakyReLU(number), Dropout(number, rng=rng())):
        assert layer(Tensor(ones)).dtype == layer(ones).dtype == np.float32
        assert {type(x) for x in vars(layer).values()} & {float, type(number)} == {float}
    assert MLP([2, 2, 2], dropout=number, rng=rng()).layers[2].p == 0.5


@pytest.mark.parametrize(
    "wrong", [".5", None, True, np.True_, np.nan, np.inf, -np.inf, 0.5j, [0.5], np.ones(1),
              Tensor(0.5), Tensor(0.5, requires_grad=True)],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize(
    ("make", "what"),
    [
        (LeakyReLU, "LeakyReLU: slope"),
        (lambda p: Dropout(p, rng=rng()), "Dropout: p"),
        (lambda p: MLP([2, 2], dropout=p, rng=rng()), "MLP: dropout p"),
    ],
)
def test_options_that_are_no_numbers_are_refused(make, what, wrong):
    error = ValueError if isinstance(wrong, float) else TypeError
    with pytest.raises(error, match=rf"^{what} is .*; expected a (finite )?number"):
        make(wrong)


@pytest.mark.parametrize(
    ("module", "name", "options"),
    [
        (ReLU(), "relu", {}),
        (LeakyReLU(0.2), "leaky_relu", {"negative_slope": 0.2}),
        (GELU(), "gelu", {}),
        (Tanh(), "tanh", {}),
        (Sigmoid(), "sigmoid", {}),
    ],
)
def test_activations_are_pytorchs(module, name, options):
    torch = pytest.importorskip("torch")
    x = np.linspace(-4, 4, 33)
    expected = getattr(torch.nn.functional, name)(torch.tensor(x), **options)
    np.testing.assert_allclose(module(Tensor(x)).data, expected.numpy(), atol=1e-15)


def test_mlp_takes_any_function_as_activation():
    model = MLP([2, 3, 1], activation=np.sin, rng=rng())
    w1, _, w2, _ = (p.data for p in model.parameters())
    x = np.ones((4, 2))
    np.testing.assert_allclose(model(x).data, np.sin(x @ w1) @ w2)


def test_dropout_drops_in_training_only():
    drop = Dropout(0.25, rng=rng())
    x = Tensor(np.ones((100, 100)))
    y = drop(x).data
    assert set(np.unique(y)) == {0.0, 1 / 0.75}
    assert np.mean(y == 0) == pytest.approx(0.25, abs=0.02)
    assert not np.array_equal(y, drop(x).data)  # a new mask each time
    assert drop.eval()(x) is x


def test_names_of_parameters_say_which_layer():
    inner = Sequential(Linear(2, 2, rng=rng()))
    assert inner.layers[0].weight.name == "layers.0.weight"
    chosen = Linear(2, 2, rng=rng())
    chosen.weight.name = "W"
    model = Sequential(ReLU(), inner, chosen)
    assert inner.layers[0].weight.name == "layers.1.layers.0.weight"
    assert chosen.weight.name == "W"
    with pytest.raises(ValueError, match=r"layers\.1\.layers\.0\.weight \(2, 2\)"):
        model(np.ones((4, 3)))


def test_outputs_are_marked_with_the_modules_that_made_them():
    model = MLP([2, 3, 1], rng=rng())
    x = Tensor(np.ones((4, 2)))
    y = model(x)
    (inner, inner_start), (outer, outer_start) = y.scopes
    assert inner is model.layers[-1]
    assert outer is model
    assert x.stamp < outer_start < inner_start < y.stamp


def test_what_a_module_only_hands_on_is_not_marked():
    x = Tensor([1.0])
    model = Sequential(Dropout(0.5, rng=rng())).eval()
    assert model(x) is x
    assert x.scopes == ()
    hidden = Tensor([1.0], requires_grad=True) * 2
    assert model(hidden).scopes == ()


def test_a_graph_through_modules_is_freed_without_the_collector():
    model = MLP([2, 3, 1], rng=rng())
    gc.collect()
    gc.disable()
    try:
        y = model(np.ones((4, 2)))
        hidden = weakref.ref(y.origin[1][0])
        del y
        assert hidden() is None
    finally:
        gc.enable()


def test_under_no_grad_nothing_is_recorded():
    with no_grad():
        assert MLP([2, 3, 1], rng=rng())(np.ones((4, 2))).origin is None


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Linear(0, 2, rng=rng()), ValueError, r"n_in is 0; expected an int in \[1, inf\)"),
        (lambda: Linear(2, -1, rng=rng()), ValueError, "n_out is -1"),
        (lambda: Linear(2.0, 2, rng=rng()), TypeError, r"n_in is 2\.0; expected an int"),
        (lambda: Linear(True, 2, rng=rng()), TypeError, "n_in is True; expected an int"),
        (lambda: Linear(2, "2", rng=rng()), TypeError, "n_out is '2'"),
        (lambda: Linear(2, None, rng=rng()), TypeError, "n_out is None"),
        (lambda: Linear(2, 2, rng=0), TypeError, r"rng is 0; .*np\.random\.default_rng\(0\)"),
        (lambda: Linear(2, 2, rng=rng(), init="xavier"), ValueError, "init is 'xavier'"),
        (lambda: Linear(2, 2, rng=rng(), dtype=int), TypeError, "require"),
        (lambda: Linear(2, 2, rng=rng(), bias="no"), TypeError, "bias is 'no'; expected True or"),
        (lambda: Linear(2, 2, rng=rng()).train("no"), TypeError, "training is 'no'; expected True"),
        (
            lambda: nn.CrossEntropyLoss,
            AttributeError,
            "tinygrad_loss.nn' has no .*CrossEntropyLoss'",
        ),
        (
            lambda: nn.functional,
            AttributeError,
            "functional'; here it is tl.relu, tl.cross_entropy",
        ),
        (lambda: Dropout(1.0, rng=rng()), ValueError, r"p is 1\.0"),
        (lambda: Dropout(-0.1, rng=rng()), ValueError, r"p is -0\.1"),
        (lambda: Dropout(0.5, rng=None), TypeError, "rng is None"),
        (lambda: MLP([4], rng=rng()), ValueError, r"sizes is \[4\]; .*\[64, 64, 10\]"),
        (lambda: MLP(4, rng=rng()), ValueError, r"sizes is 4; .*\[64, 64, 10\]"),
        (lambda: MLP({4, 2}, rng=rng()), ValueError, r"sizes is \{"),
        (lambda: MLP([4, 2.0], rng=rng()), TypeError, r"n_out is 2\.0"),
        (lambda: MLP([4, 0, 2], rng=rng()), ValueError, "n_out is 0"),
        (lambda: MLP([4, 2, 2], activation="rel", rng=rng()), ValueError, "'rel'.*leaky_relu"),
        (lambda: MLP([4, 2, 2], activation=3, rng=rng()), TypeError, "layer 1 is 3"),
        (lambda: MLP([4, 2, 2], dropout=1.5, rng=rng()), ValueError, r"p is 1\.5"),
        (lambda: Sequential([ReLU()]), TypeError, r"write Sequential\(\*layers\)"),
        (lambda: Sequential(ReLU), TypeError, r"such as ReLU\(\)"),
    ],
)
def test_errors_teach(make, error, message):
    with pytest.raises(error, match=message):
        make()
