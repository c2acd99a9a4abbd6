"""Programs as people publish them, their updates: they train as they read, or raise.

Each is written as its author would write it, in the style that its docstring names. One that trains
ends at what is known: scikit-learn's or SciPy's solution, a closed form, or what the same program
in plain NumPy computes. The others raise an error that says what to do. (faults.md A6, A8, B3)

More such programs: ``test_public_gradients.py``, ``_penalties.py``, ``_modules.py``, ``_data.py``.
"""

import math

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

import tinygrad_loss as tl
from tinygrad_loss import nn, optim

X = np.random.default_rng(0).normal(size=(60, 3))
y = X @ [1.5, -2.0, 0.5] + 3.0 + np.random.default_rng(1).normal(0, 0.3, 60)
OLS = LinearRegression().fit(X, y)
WAVE = np.linspace(-math.pi, math.pi, 50)


def parameters():
    return [tl.Tensor(np.zeros(3), requires_grad=True), tl.Tensor(0.0, requires_grad=True)]


def assert_fitted(w, b, expected=OLS, **tolerance):
    w, b = (p.data if isinstance(p, tl.Tensor) else p for p in (w, b))
    tolerance = {"rtol": 1e-6, "atol": 1e-9} | tolerance
    np.testing.assert_allclose(np.ravel(w), np.ravel(expected.coef_), **tolerance)
    np.testing.assert_allclose(np.ravel(b), np.ravel(expected.intercept_), **tolerance)


# --- the update of an epoch, in a loop that all share ---------------------------------------------


def under_no_grad(params, lr):
    with tl.no_grad():
        for p in params:
            p -= lr * p.grad


def plus_minus(params, lr):
    """micrograd and makemore: ``p += -lr * p.grad``."""
    with tl.no_grad():
        for p in params:
            p += -lr * p.grad


def of_data(params, lr):
    for p in params:
        p.data -= lr * p.grad


def of_data_plus_minus(params, lr):
    for p in params:
        p.data += -lr * p.grad


def new_data(params, lr):
    for p in params:
        p.data = p.data - lr * p.grad


def into_data(params, lr):
    for p in params:
        p.data[...] = p.data - lr * p.grad


def numpys_out(params, lr):
    for p in params:
        np.subtract(p.data, lr * p.grad, out=p.data)


def by_position(params, lr):
    with tl.no_grad():
        for i in range(len(params)):
            params[i] -= lr * params[i].grad


def one_by_one(params, lr):
    w, b = params
    with tl.no_grad():
        w -= lr * w.grad
        b -= lr * b.grad


@tl.no_grad()
def decorated(params, lr):
    for p in params:
        p -= lr * p.grad


@tl.no_grad
def decorated_without_parentheses(params, lr):
    for p, g in zip(params, [p.grad for p in params], strict=True):
        p -= lr * g


def toggled(params, lr):
    """Before no_grad existed: the flag off, a step, the flag on."""
    for i, p in enumerate(params):
        p.requires_grad = False
        params[i] = p - lr * p.grad
        params[i].requires_grad = True


def new_leaves(params, lr):
    params[:] = [tl.Tensor(p.data - lr * p.grad, requires_grad=True) for p in params]


UPDATES = [
    under_no_grad, plus_minus, of_data, of_data_plus_minus, new_data, into_data, numpys_out,
    by_position, one_by_one, decorated, decorated_without_parentheses, toggled,
    new_leaves,
]  # fmt: skip


@pytest.mark.parametrize("update", UPDATES, ids=lambda f: f.__name__)
def test_trains_by_an_update_of(update):
    """PyTorch, d2l.ai, micrograd: forward, backward, the update, gradients to None."""
    params = parameters()
    for _ in range(200):
        w, b = params
        loss = ((X @ w + b - y) ** 2).mean()
        loss.backward()
        update(params, 0.2)
        for p in params:
            p.grad = None
    assert_fitted(*params)


def no_array(p):
    p.grad = None


def filled(p):
    p.grad.fill(0)


def times_zero(p):
    p.grad *= 0


def all_zeros(p):
    p.grad[...] = 0


def zeros_like(p):
    p.grad = np.zeros_like(p)


@pytest.mark.parametrize(
    "reset",
    [no_array, tl.Tensor.zero_grad, filled, times_zero, all_zeros, zeros_like],
    ids=lambda f: f.__name__,
)
def test_trains_with_gradients_reset_by(reset):
    """``.grad`` is an array of the user's: faults.md E6, for one without dimensions as well."""
    w, b = params = parameters()
    for _ in range(200):
        ((X @ w + b - y) ** 2).mean().backward()
        for p in params:
            p.data -= 0.2 * p.grad
            reset(p)
    assert_fitted(w, b)


W, B = parameters()
((X @ W + B - y) ** 2).mean().backward()
LAYER = nn.Linear(3, 1, rng=np.random.default_rng(0))
tl.mean_squared_error(LAYER(X)[:, 0], y).backward()
OUTSIDE = (RuntimeError, r"leaf that requires grad.*no_grad\(\), or .*\.data -= step")
WRITTEN = (TypeError, r"cannot be written into.*t\.data = array")
REFUSED_UPDATES = {
    "for p in [W, B]: p -= 0.1 * p.grad": OUTSIDE,
    "for p in [W, B]: p += -0.1 * p.grad": OUTSIDE,
    "W *= 1 - 0.1 * 0.01": OUTSIDE,
    "LAYER.weight -= 0.1 * LAYER.weight.grad": OUTSIDE,
    "params = {'W': W}; params['W'] -= 0.1 * params['W'].grad": OUTSIDE,
    "with tl.no_grad(): pass\nW -= 0.1 * W.grad": OUTSIDE,
    "W[:] = W - 0.1 * W.grad": WRITTEN,
    "W[0] -= 0.1 * W.grad[0]": WRITTEN,
    "with tl.no_grad(): W[...] -= 0.1 * W.grad": WRITTEN,
    "W.sub_(0.1 * W.grad)": (AttributeError, r"\+= step, under no_grad\(\)"),
    "g, = tl.gradients((W * W).sum(), [W]); W.data -= g": (TypeError, r"array \+= t.*t\.data"),
    "with tl.no_grad(): B -= 0.1 * W.grad": (ValueError, r"shape \(\), and would have \(3,\)"),
    "with tl.no_grad(): w = W - 0.1 * W.grad\n(w * w).sum().backward()": (
        RuntimeError, r"does not require grad.*under no_grad\(\).*requires_grad=True",
    ),
    "w = W - 0.1 * W.grad\nfor _ in '12': (w * w).sum().backward(); w = w - 0.1 * w.grad": (
        TypeError, "NoneType",  # Python's: a computed Tensor has no .grad
    ),
    "w, b = W.detach(), B.detach(); optim.SGD([w, b], lr=0.1)": (
        ValueError, "does not require grad",
    ),
    "optimizer = optim.SGD([tl.Tensor(1.0, requires_grad=True)], lr=0.1)\n"
    "(optimizer.params[0] ** 2).backward(); optimizer.zero_grad(); optimizer.step()": (
        RuntimeError, r"has a gradient\. Call backward\(\) first",
    ),
    "total = tl.Tensor(0.0, requires_grad=True); total += (W * W).sum()": OUTSIDE,
    "p = tl.Tensor(W - 0.1 * W.grad, requires_grad=True)": (
        TypeError, r"graph would be lost\. Use t\.detach\(\)",
    ),
    "optim.SGD(nn.Linear(3, 1, rng=np.random.default_rng(1)).parameters(), lr=0.1).step()": (
        RuntimeError, r"has a gradient\. Call backward\(\) first",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("program", "error"), REFUSED_UPDATES.items())
def test_refused_updates(program, error):
    """faults.md A6, A8, B3: these changed nothing, or something else, without a word."""
    kind, message = error
    before = [p.data.copy() for p in (W, B, LAYER.weight)]
    with pytest.raises(kind, match=message):
        exec(program, {**globals()})
    for p, array in zip((W, B, LAYER.weight), before, strict=True):
        np.testing.assert_array_equal(p.data, array)


# --- programs of their own: updates by hand -------------------------------------------------------


def test_trains_micrograds_neurons():
    """Karpathy, micrograd: an MLP of single numbers, ``p.data += -0.1 * p.grad``."""

    class Neuron:
        def __init__(self, nin, rng):
            self.w = [tl.Tensor(rng.uniform(-1, 1), requires_grad=True) for _ in range(nin)]
            self.b = tl.Tensor(rng.uniform(-1, 1), requires_grad=True)

        def __call__(self, x):
            return sum((wi * xi for wi, xi in zip(self.w, x, strict=True)), self.b).tanh()

        def parameters(self):
            return [*self.w, self.b]

    xs = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]]
    ys = [1.0, -1.0, -1.0, 1.0]
    for seed in range(3):
        rng = np.random.default_rng(seed)
        layers = [[Neuron(nin, rng) for _ in range(nout)] for nin, nout in [(3, 4), (4, 4), (4, 1)]]

        def predict(x, layers=layers):
            for layer in layers:
                x = [neuron(x) for neuron in layer]
            return x[0]

        params = [p for layer in layers for neuron in layer for p in neuron.parameters()]
        assert len(params) == 41  # Karpathy's count
        for _ in range(60):
            loss = sum((predict(x) - target) ** 2 for x, target in zip(xs, ys, strict=True))
            for p in params:
                p.grad = None
            loss.backward()
            for p in params:
                p.data += -0.1 * p.grad
        assert loss.item() < 0.1
        assert [np.sign(predict(x).item()) for x in xs] == ys


def test_trains_the_polynomial_of_pytorchs_tutorial():
    """PyTorch, "Learning with examples": the same numbers as its NumPy version, step by step."""
    x, target, learning_rate = WAVE, np.sin(WAVE), 2e-5
    a, b, c, d = (tl.Tensor(0.1, requires_grad=True) for _ in range(4))
    for _ in range(100):
        y_pred = a + b * x + c * x**2 + d * x**3
        loss = ((y_pred - target) ** 2).sum()
        loss.backward()
        with tl.no_grad():
            a -= learning_rate * a.grad
            b -= learning_rate * b.grad
            c -= learning_rate * c.grad
            d -= learning_rate * d.grad
            a.grad = b.grad = c.grad = d.grad = None
    ours = [p.item() for p in (a, b, c, d)]

    a = b = c = d = 0.1
    for _ in range(100):
        grad_y = 2.0 * (a + b * x + c * x**2 + d * x**3 - target)
        a -= learning_rate * grad_y.sum()
        b -= learning_rate * (grad_y * x).sum()
        c -= learning_rate * (grad_y * x**2).sum()
        d -= learning_rate * (grad_y * x**3).sum()
    np.testing.assert_allclose(ours, [a, b, c, d], rtol=1e-9)


def test_trains_d2ls_linear_regression_from_scratch():
    """d2l.ai 3.4: data_iter, squared_loss, sgd; w = (2, -3.4), b = 4.2 within the noise."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(500, 2))
    labels = features @ [2.0, -3.4] + 4.2 + rng.normal(0, 0.01, 500)

    def data_iter(batch_size):
        indices = list(range(len(features)))
        rng.shuffle(indices)
        for i in range(0, len(features), batch_size):
            batch = indices[i : i + batch_size]
            yield features[batch], labels[batch]

    def linreg(X, w, b):
        return X @ w + b

    def squared_loss(y_hat, y):
        return (y_hat - y.reshape(y_hat.shape)) ** 2 / 2

    def sgd(params, lr, batch_size):
        with tl.no_grad():
            for param in params:
                param -= lr * param.grad / batch_size
                param.zero_grad()

    w = tl.Tensor(rng.normal(0, 0.01, (2, 1)), requires_grad=True)
    b = tl.Tensor(np.zeros(1), requires_grad=True)
    for _ in range(3):
        for rows, target in data_iter(10):
            loss = squared_loss(linreg(rows, w, b), target)
            loss.sum().backward()
            sgd([w, b], 0.1, 10)
    np.testing.assert_allclose([*w.data[:, 0], b.item()], [2.0, -3.4, 4.2], atol=5e-3)


def test_trains_makemores_bigrams():
    """Karpathy, makemore: a row of logits per letter reaches the loss of counted bigrams."""
    words = ["emma", "olivia", "ava", "isabella", "sophia", "charlotte", "mia", "amelia"]
    chars = sorted(set("".join(words)) | {"."})
    pairs = [(a, b) for word in words for a, b in zip(f".{word}", f"{word}.", strict=True)]
    xs, ys = (np.array([chars.index(pair[i]) for pair in pairs]) for i in (0, 1))
    xenc, num = np.eye(len(chars))[xs], len(xs)
    W = tl.Tensor(np.random.default_rng(0).normal(size=(len(chars),) * 2), requires_grad=True)
    for _ in range(300):
        counts = (xenc @ W).exp()
        probs = counts / counts.sum(1, keepdims=True)
        loss = -probs[np.arange(num), ys].log().mean()
        W.grad = None
        loss.backward()
        W.data += -30 * W.grad
    N = np.zeros((len(chars),) * 2)
    np.add.at(N, (xs, ys), 1)
    best = -np.log((N / np.maximum(N.sum(1, keepdims=True), 1))[xs, ys]).mean()
    assert best < loss.item() < best + 0.01


def test_trains_karpathys_character_rnn():
    """min-char-rnn: states in a dict, and Adagrad written by hand; it recites what it has read."""
    data = "hello world "
    chars = sorted(set(data))
    inputs = [chars.index(ch) for ch in data]
    targets = inputs[1:] + inputs[:1]
    rng, hidden, size = np.random.default_rng(0), 24, len(chars)
    Wxh, Whh, Why, bh, by = params = [
        tl.Tensor(rng.normal(0, 0.1, shape), requires_grad=True)
        for shape in [(hidden, size), (hidden, hidden), (size, hidden), (hidden, 1), (size, 1)]
    ]
    mems = [np.zeros_like(p) for p in params]

    def step(h, ix):
        x = np.zeros((size, 1))
        x[ix] = 1
        h = np.tanh(np.dot(Wxh, x) + np.dot(Whh, h) + bh)
        return h, np.dot(Why, h) + by

    for _ in range(150):
        hs, loss = {-1: np.zeros((hidden, 1))}, 0
        for t in range(len(inputs)):
            hs[t], scores = step(hs[t - 1], inputs[t])
            p = np.exp(scores) / np.sum(np.exp(scores))
            loss += -np.log(p[targets[t], 0])
        loss.backward()
        with tl.no_grad():
            for param, mem in zip(params, mems, strict=True):
                dparam = np.clip(param.grad, -5, 5)
                mem += dparam * dparam
                param += -0.1 * dparam / np.sqrt(mem + 1e-8)
                param.zero_grad()

    h, ix, said = np.zeros((hidden, 1)), inputs[0], ""
    with tl.no_grad():
        for _ in range(11):
            h, scores = step(h, ix)
            ix = np.argmax(scores)
            said += chars[ix]
    assert said == "ello world "


def test_trains_by_momentum_written_by_hand():
    """Momentum as in PyTorch's documentation; equal to optim.SGD(momentum=0.9)."""
    w, b = params = parameters()
    other = parameters()
    optimizer = optim.SGD(other, lr=0.02, momentum=0.9)
    velocities = [np.zeros_like(p) for p in params]
    for _ in range(300):
        ((X @ w + b - y) ** 2).mean().backward()
        with tl.no_grad():
            for i, p in enumerate(params):
                velocities[i] = 0.9 * velocities[i] + p.grad
                p -= 0.02 * velocities[i]
                p.grad = None
        ((X @ other[0] + other[1] - y) ** 2).mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    assert_fitted(w, b)
    assert_fitted(*other)
    np.testing.assert_allclose(w.data, other[0].data, rtol=1e-12)


def test_trains_the_layer_whose_attributes_are_updated():
    """``layer.weight -= lr * layer.weight.grad`` under no_grad: it stays the layer's parameter."""
    layer = nn.Linear(3, 1, rng=np.random.default_rng(0))
    for _ in range(200):
        tl.mean_squared_error(layer(X)[:, 0], y).backward()
        with tl.no_grad():
            layer.weight -= 0.2 * layer.weight.grad
            layer.bias -= 0.2 * layer.bias.grad
            for p in layer.parameters():
                p.zero_grad()
    assert len(layer.parameters()) == 2
    assert_fitted(layer.weight, layer.bias)


def test_trains_by_gradient_ascent():
    """Maximum likelihood: the mean and the standard deviation of the data, in closed form."""
    mu, log_sigma = tl.Tensor(0.0, requires_grad=True), tl.Tensor(0.0, requires_grad=True)
    for _ in range(400):
        z = (y - mu) / np.exp(log_sigma)
        likelihood = (-0.5 * z**2 - log_sigma).mean()
        likelihood.backward()
        with tl.no_grad():
            mu += 0.5 * mu.grad
            log_sigma += 0.2 * log_sigma.grad
        mu.grad = log_sigma.grad = None
    np.testing.assert_allclose(
        [mu.item(), np.exp(log_sigma).item()], [y.mean(), y.std()], rtol=1e-6
    )


def test_trains_with_gradients_accumulated_and_clipped():
    """Hugging Face's loop: four small batches per step, ``p.grad`` scaled to a global norm."""
    w, b = params = parameters()
    optimizer = optim.SGD(params, lr=0.2)
    for _ in range(250):
        optimizer.zero_grad()
        for part in np.split(np.arange(60), 4):
            loss = ((X[part] @ w + b - y[part]) ** 2).mean() / 4
            loss.backward()
        total = np.sqrt(sum((p.grad**2).sum() for p in params))
        for p in params:
            p.grad *= min(1.0, 2.0 / total)
        optimizer.step()
    assert_fitted(w, b)
