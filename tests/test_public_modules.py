"""Programs as people publish them: models, no_grad, frozen layers, what forward keeps.

How they are chosen and checked: see ``test_public_programs.py``. (faults.md A5, A8, A9, A10)
"""

import copy
from collections import deque
from contextlib import nullcontext

import numpy as np
import pytest
from sklearn.datasets import make_moons
from sklearn.linear_model import LinearRegression

import tinygrad_loss as tl
from tinygrad_loss import nn, optim

from .test_public_programs import X, assert_fitted, y


def generator(seed=0):
    return np.random.default_rng(seed)


def fit(model, params=None, steps=200, lr=0.2):
    optimizer = optim.SGD(model.parameters() if params is None else params, lr=lr)
    for _ in range(steps):
        loss = tl.mean_squared_error(model(X)[:, 0], y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


class Affine(nn.Module):
    """d2l.ai's LinearRegressionScratch: parameters made by hand."""

    def __init__(self):
        self.w = tl.Tensor(generator().normal(0, 0.01, (3, 1)), requires_grad=True)
        self.b = tl.Tensor(np.zeros(1), requires_grad=True)

    def forward(self, x):
        return x @ self.w + self.b


# --- no_grad --------------------------------------------------------------------------------------


@tl.no_grad()
def accuracy(model, points, labels):
    """PyTorch's tutorials decorate what only evaluates."""
    model.eval()
    right = np.argmax(model(points), axis=1) == labels
    model.train()
    return right.mean()


@tl.no_grad()
def predictions(model, points, size):
    """A generator, decorated: recording is off in its body only."""
    for i in range(0, len(points), size):
        yield model(points[i : i + size])


def test_trains_while_decorated_functions_evaluate():
    """PyTorch's quickstart on two moons: the accuracy of the test set, over seeds."""
    points, labels = make_moons(300, noise=0.1, random_state=0)
    for seed in range(3):
        model = nn.MLP([2, 16, 2], dropout=0.1, rng=generator(seed))
        optimizer = optim.Adam(model.parameters(), lr=0.05)
        for rows, targets in 25 * list(tl.data.minibatches(points, labels, 50, rng=generator())):
            loss = tl.cross_entropy(model(rows), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            accuracy(model, points, labels)
        assert accuracy(model, points, labels) > 0.97


def test_trains_while_decorated_generators_are_half_consumed():
    """faults.md A9: ``zip(g(), g())`` of such generators left recording off for good."""
    model = Affine()
    optimizer = optim.SGD(model.parameters(), lr=0.2)
    for _ in range(200):
        for first, second in zip(
            predictions(model, X, 20), predictions(model, X, 30), strict=False
        ):
            assert not first.requires_grad
            assert not second.requires_grad
            loss = tl.mean_squared_error(model(X)[:, 0], y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert_fitted(model.w, model.b)


def test_trains_after_generators_with_blocks_that_closed_in_another_order():
    """faults.md A9: ``with no_grad(): yield`` in two of them; recording stayed off."""

    def outputs(model, size):
        with tl.no_grad():
            for i in range(0, len(X), size):
                yield model(X[i : i + size]).data

    model = Affine()
    for _ in range(3):
        ends = [a[-1] - b[-1] for a, b in zip(outputs(model, 20), outputs(model, 20), strict=True)]
        assert not np.any(ends)
        first = outputs(model, 30)
        next(first)
        next(outputs(model, 20))
        first.close()
        fit(model, steps=70)
    assert_fitted(model.w, model.b)


def test_trains_after_a_block_that_an_error_left():
    """A notebook: the cell that evaluates is stopped, and the next one trains."""
    model = Affine()
    with pytest.raises(ValueError, match="inner sizes 2 and 3 differ"), tl.no_grad():
        model(X[:, :2])
    fit(model)
    assert_fitted(model.w, model.b)


def test_refused_a_forward_pass_under_no_grad():
    """``with no_grad():`` indented too far: loss.backward() says so."""
    model = Affine()
    with tl.no_grad():
        loss = tl.mean_squared_error(model(X)[:, 0], y)
    with pytest.raises(RuntimeError, match=r"does not require grad.*computed under no_grad\(\)"):
        loss.backward()


# --- frozen and tied parameters -------------------------------------------------------------------


def test_trains_the_head_of_a_frozen_network():
    """PyTorch's transfer learning: requires_grad off in the body; least squares on its features."""
    body, head = nn.Linear(3, 3, rng=generator()), nn.Linear(3, 1, rng=generator(1))
    model = nn.Sequential(body, tl.tanh, head)
    for p in body.parameters():
        p.requires_grad = False
    frozen = body.weight.data.copy()
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = optim.SGD(trained, lr=0.3, momentum=0.9)
    for _ in range(400):
        loss = tl.mean_squared_error(model(X)[:, 0], y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    features = np.tanh(X @ body.weight.data + body.bias.data)
    expected = LinearRegression().fit(features, y)
    assert loss.item() == pytest.approx(np.mean((expected.predict(features) - y) ** 2), rel=1e-4)
    np.testing.assert_array_equal(body.weight.data, frozen)
    assert set(model.state_dict()) == {
        "layers.0.weight", "layers.0.bias", "layers.2.weight", "layers.2.bias",
    }  # fmt: skip


def test_trains_a_body_that_is_unfrozen_by_the_list_that_froze_it():
    """PyTorch's fine-tuning. (Here ``parameters()`` leaves out what is frozen: keep the list.)"""
    body, head = nn.Linear(3, 3, rng=generator()), nn.Linear(3, 1, rng=generator(1))
    model = nn.Sequential(body, head)
    frozen = body.parameters()
    for p in frozen:
        p.requires_grad = False
    fit(model, steps=5)
    for p in frozen:
        p.requires_grad = True
    fit(model, steps=1)
    assert body.weight.grad is not None


def test_trains_tied_weights():
    """A linear autoencoder with W and W.T: the loss of PCA, by the singular values."""
    centered = X - X.mean(axis=0)
    W = tl.Tensor(generator().normal(0, 0.1, (3, 2)), requires_grad=True)
    optimizer = optim.SGD([W], lr=0.1, momentum=0.9)
    for _ in range(600):
        loss = ((centered @ W @ W.T - centered) ** 2).sum() / 60
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    s = np.linalg.svd(centered, compute_uv=False)
    assert loss.item() == pytest.approx(s[2] ** 2 / 60, rel=1e-6)


def test_trains_an_average_of_the_weights():
    """Polyak averaging, a copy of the model and ``.data``: near the solution, in spite of noise."""
    model, rng = Affine(), generator()
    average = copy.deepcopy(model)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    for step in range(1500):
        i = rng.integers(60, size=10)
        loss = tl.mean_squared_error(model(X[i])[:, 0], y[i])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step >= 100:
            for p, mean in zip(model.parameters(), average.parameters(), strict=True):
                mean.data += (p.data - mean.data) / (step - 99)
    assert_fitted(average.w, average.b, rtol=0.02)


# --- what a model holds ---------------------------------------------------------------------------


def test_trains_a_model_that_keeps_its_activations(tmp_path):
    """faults.md A10: ``self.hidden = h.detach()`` for a plot was saved as if it were a weight."""

    class Net(nn.Module):
        def __init__(self, rng):
            self.first, self.second = nn.Linear(3, 4, rng=rng), nn.Linear(4, 1, rng=rng)
            self.history = []

        def forward(self, x):
            self.hidden = self.first(x)
            self.kept = self.hidden.detach()
            self.history.append(self.kept.data.mean())
            self.output = self.second(self.hidden)
            return self.output

    net = Net(generator())
    names = [name for name, _ in net.named_parameters()]
    fit(net, steps=500, lr=0.1)
    assert [name for name, _ in net.named_parameters()] == names == list(net.state_dict())
    w = net.first.weight.data @ net.second.weight.data
    assert_fitted(w, net.first.bias.data @ net.second.weight.data + net.second.bias.data, rtol=1e-5)
    nn.save(tmp_path / "net.npz", net)
    again = nn.load(tmp_path / "net.npz", Net(generator(1)))
    np.testing.assert_array_equal(again(X).data, net(X).data)


def test_trains_parameters_scaled_before_they_require_grad():
    """``self.w = Tensor(...) * 0.01``, then ``requires_grad = True``: a leaf like any other."""

    class Scaled(Affine):
        def __init__(self):
            super().__init__()
            self.w = tl.Tensor(generator().normal(size=(3, 1))) * 0.01
            self.w.requires_grad = True

    model = Scaled()
    fit(model)
    assert_fitted(model.w, model.b)


def holding(make):
    class Net(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(3, 1, rng=generator())
            self.inside = make()

        def forward(self, x):
            return self.layer(x)

    return Net()


def leaf():
    return tl.Tensor([1.0], requires_grad=True)


class Plain:
    """A block that forgot to be a Module."""

    def __init__(self):
        self.layer = nn.Linear(3, 3, rng=generator())


REFUSED_MODELS = {
    "computed": (lambda: leaf() * 0.1, ValueError, r"computed, by multiply.*Tensor\(array \* 0\.1"),
    "computed in a list": (lambda: [leaf(), leaf() / 2], ValueError, r"inside\.1 was computed"),
    "reshaped": (lambda: leaf().reshape(1, 1), ValueError, r"computed, by reshape.*leaf"),
    "set": (lambda: {leaf()}, TypeError, "inside is a set.*Use a list, tuple or dict"),
    "deque": (lambda: deque([leaf()]), TypeError, "inside is a deque.*Use a list"),
    "dict view": (lambda: {"a": leaf()}.values(), TypeError, "dict_values.*Use a list"),
    "object array": (lambda: np.array([Plain().layer, None]), TypeError, "ndarray.*Use a list"),
    "plain object": (Plain, TypeError, "inside is a Plain.*a Module of your own"),
    "generator": (lambda: (leaf() for _ in "ab"), TypeError, "generator.*Use a list"),
    "keys alike": (lambda: {0: leaf(), "0": leaf()}, ValueError, r"two are named 'inside\.0'"),
}


@pytest.mark.parametrize(("make", "error", "advice"), REFUSED_MODELS.values(), ids=REFUSED_MODELS)
def test_refused_models(make, error, advice):
    """faults.md A5, A10, F4: these parameters were never trained and never saved."""
    model = holding(make)
    for use in (lambda: optim.SGD(model.parameters(), lr=0.1), model.state_dict, model.eval):
        with pytest.raises(error, match=advice):
            use()


def slotted():
    return type("Slotted", (Affine,), {"__slots__": ("w",)})()


def replaced(value, under_no_grad=False):
    def make():
        model = Affine()
        with tl.no_grad() if under_no_grad else nullcontext():
            model.w = value(model.w)
        return model

    return make


def closure():
    W = leaf()
    return nn.Sequential(nn.Linear(3, 1, rng=generator()), lambda x: x * W)


def default():
    return nn.Sequential(nn.Linear(3, 1, rng=generator()), lambda x, W=leaf(): x * W)  # noqa: B008


HIDDEN = {"closure": closure, "default argument": default, "slots": slotted}


@pytest.mark.parametrize("make", HIDDEN.values(), ids=HIDDEN)
def test_refused_models_that_hide_a_parameter(make):
    """Of the kind of faults.md A10."""
    with pytest.raises(TypeError, match="neither trained nor saved"):
        make().parameters()


SILENT = {
    "rebuilt under no_grad": replaced(lambda w: w - 0.1, under_no_grad=True),
    "replaced by a constant": replaced(lambda w: tl.Tensor(w.data * 0.1)),
    "replaced by an array": replaced(lambda w: w.data * 0.1),
}


@pytest.mark.parametrize("make", SILENT.values(), ids=SILENT)
def test_refused_models_that_lose_a_parameter(make):
    """Of the kind of faults.md A5, A6 and A10: the rest trains, and the loss stays too large."""
    with pytest.raises(ValueError, match=r"w was a parameter, and is a constant now.*p\.data"):
        make().parameters()


def test_refused_a_list_where_layers_are_expected():
    layers = [nn.Linear(3, 3, rng=generator()), nn.ReLU()]
    with pytest.raises(TypeError, match=r"Sequential\(\*layers\)"):
        nn.Sequential(layers)
    with pytest.raises(TypeError, match=r"such as ReLU\(\)"):
        nn.Sequential(nn.Linear(3, 3, rng=generator()), nn.ReLU)


def test_refused_flags_that_would_lose_gradients():
    """faults.md A8: off at a computed Tensor, on at integers."""
    model = Affine()
    hidden = model(X)
    with pytest.raises(RuntimeError, match=r"made by add.*cannot be changed.*detach\(\)"):
        hidden.requires_grad = False
    labels = tl.Tensor([0, 1, 2])
    with pytest.raises(TypeError, match=r"int64 cannot require grad.*dtype=float"):
        labels.requires_grad = True
