"""Programs as people publish them: of functions and their gradients, as in autograd and JAX.

How they are chosen and checked: see ``test_public_programs.py``. (faults.md A13, F6)
"""

import gc
import operator

import numpy as np
import pandas as pd
import pytest
import scipy.optimize
from sklearn.linear_model import LogisticRegression

import tinygrad_loss as tl
from tinygrad_loss import optim

from .test_public_programs import OLS, X, assert_fitted, parameters, y

OVERLAPPING = (X @ [2.0, 1.0, 0.0] + np.random.default_rng(2).normal(0, 2, 60) > 0).astype(int)


def test_trains_autograds_logistic_regression():
    """HIPS autograd, README: 100 steps; the same with the gradient X^T (p - t) by hand."""
    inputs = np.array([[0.52, 1.12, 0.77], [0.88, -1.08, 0.15], [0.52, 0.06, -1.30],
                       [0.74, -2.49, 1.39]])  # fmt: skip
    targets = np.array([True, True, False, True])

    def sigmoid(x):
        return 0.5 * (np.tanh(x / 2.0) + 1)

    def logistic_predictions(weights, inputs):
        return sigmoid(np.dot(inputs, weights))

    def training_loss(weights):
        preds = logistic_predictions(weights, inputs)
        label_probabilities = preds * targets + (1 - preds) * (1 - targets)
        return -np.sum(np.log(label_probabilities))

    training_gradient_fun = tl.grad(training_loss)
    weights, by_hand = np.zeros(3), np.zeros(3)
    for _ in range(100):
        weights -= training_gradient_fun(weights) * 0.01
        by_hand -= inputs.T @ (sigmoid(inputs @ by_hand) - targets) * 0.01
    np.testing.assert_allclose(weights, by_hand, rtol=1e-12)


def test_trains_jaxs_logistic_regression():
    """JAX quickstart: ``W, b = W - lr * W_grad, b - lr * b_grad``; scikit-learn's coefficients."""

    def predict(W, b, inputs):
        return tl.sigmoid(np.dot(inputs, W) + b)

    def loss(W, b):
        preds = predict(W, b, X)
        return -np.mean(np.log(preds * OVERLAPPING + (1 - preds) * (1 - OVERLAPPING)))

    W, b = np.zeros(3), 0.0
    for _ in range(800):
        W_grad, b_grad = tl.grad(loss, (0, 1))(W, b)
        W, b = W - 1.0 * W_grad, b - 1.0 * b_grad
    expected = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(X, OVERLAPPING)
    assert_fitted(W, b, expected, rtol=1e-4)


@pytest.mark.parametrize("nest", ["pairs", "dict"])
def test_trains_jaxs_mlp_with_parameters_in_a_nest(nest):
    """JAX, "Training a simple neural network": a new nest in each step; XOR over seeds."""
    points, target = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
    for seed in range(3):
        rng = np.random.default_rng(seed)
        params = [(rng.normal(size=(m, n)), np.zeros(n)) for m, n in [(2, 16), (16, 2)]]
        if nest == "dict":
            params = {f"layer{i}": {"w": w, "b": b} for i, (w, b) in enumerate(params)}

        def logits(params, x):
            layers = params if nest == "pairs" else [p.values() for p in params.values()]
            *hidden, (w_last, b_last) = layers
            for w, b in hidden:
                x = np.tanh(np.dot(x, w) + b)
            return np.dot(x, w_last) + b_last

        def loss(params):
            return tl.cross_entropy(logits(params, points), target)

        for _ in range(200):
            grads = tl.grad(loss)(params)
            if nest == "pairs":
                params = [
                    (w - 0.5 * dw, b - 0.5 * db)
                    for (w, b), (dw, db) in zip(params, grads, strict=True)
                ]
            else:
                params = {
                    k: {name: p - 0.5 * grads[k][name] for name, p in layer.items()}
                    for k, layer in params.items()
                }
        assert np.argmax(logits(params, points), axis=1).tolist() == target.tolist()


@pytest.mark.parametrize("start", [np.zeros(3), tl.Tensor(np.zeros(3))], ids=["array", "Tensor"])
def test_trains_300_steps_of_grad_in_constant_time(start):
    """faults.md A13: ``w = w - lr * grad(f)(w)`` dragged every earlier step along."""
    centered = y - y.mean(), X - X.mean(axis=0)
    w, alive = start, []
    gc.disable()  # what a step leaves must go by itself
    try:
        for step in range(300):
            w = w - 0.1 * tl.grad(lambda w: ((centered[1] @ w - centered[0]) ** 2).mean())(w)
            if step in (10, 299):
                alive.append(sum(type(x) is tl.Tensor for x in gc.get_objects()))
    finally:
        gc.enable()
    assert alive[0] == alive[1]
    np.testing.assert_allclose(w.data if isinstance(w, tl.Tensor) else w, OLS.coef_, rtol=1e-6)


def test_trains_by_scipys_minimize():
    """autograd's Rosenbrock, at (1, ..., 1), by each method that takes a gradient."""

    def rosen(x):
        return np.sum(100.0 * (x[1:] - x[:-1] ** 2.0) ** 2.0 + (1 - x[:-1]) ** 2.0)

    x0 = np.array([1.3, 0.7, 0.8, 1.9, 1.2])
    for method in ("BFGS", "L-BFGS-B", "CG", "TNC", "SLSQP", "Newton-CG", "trust-constr"):
        found = scipy.optimize.minimize(tl.value_and_grad(rosen), x0, jac=True, method=method)
        np.testing.assert_allclose(found.x, np.ones(5), rtol=2e-3)


def test_trains_by_scipys_minimize_with_args():
    """scikit-learn's way: L-BFGS on weights and intercept in one vector, the data as args."""

    def penalized(w, X, t, alpha):
        margin = (2 * t - 1) * (X @ w[:-1] + w[-1])
        return np.sum(tl.softplus(-margin)) + 0.5 * alpha * np.sum(w[:-1] ** 2)

    found = scipy.optimize.minimize(
        tl.value_and_grad(penalized), np.zeros(4), args=(X, OVERLAPPING, 0.5), jac=True, tol=1e-12
    )
    expected = LogisticRegression(C=2.0, tol=1e-10, max_iter=1000).fit(X, OVERLAPPING)
    assert_fitted(found.x[:-1], found.x[-1], expected, rtol=1e-4)


def error_of(w):
    return ((X @ w[:3] + w[3] - y) ** 2).mean()


def hessian(f):
    def rows(w):
        return [tl.grad(lambda w, i=i: tl.grad(f)(w)[i])(w) for i in range(len(w))]

    return lambda w: np.stack(rows(w))


SOLVERS = {
    "minimize, jac": lambda x: scipy.optimize.minimize(error_of, x, jac=tl.grad(error_of)).x,
    "minimize, hess": lambda x: scipy.optimize.minimize(
        tl.value_and_grad(error_of), x, jac=True, method="trust-exact",
        hess=hessian(error_of),
    ).x,
    "fmin_l_bfgs_b": lambda x: scipy.optimize.fmin_l_bfgs_b(tl.value_and_grad(error_of), x)[0],
    "fmin_bfgs": lambda x: scipy.optimize.fmin_bfgs(error_of, x, tl.grad(error_of), disp=False),
    "root": lambda x: scipy.optimize.root(tl.grad(error_of), x).x,
}  # fmt: skip


@pytest.mark.parametrize("solve", SOLVERS.values(), ids=SOLVERS)
def test_trains_by_a_solver_of_scipys(solve):
    """scipy.optimize with ``grad(f)`` where it expects a derivative: least squares."""
    w = solve(np.zeros(4))
    assert_fitted(w[:3], w[3], rtol=1e-4)
    np.testing.assert_allclose(tl.grad(error_of)(w), 0, atol=1e-4)


def test_trains_a_series_of_named_weights():
    """pandas: ``w -= lr * grad(f)(w)`` writes into the Series, which keeps its index."""
    w = pd.Series(0.0, index=["rooms", "age", "area", "bias"])
    for _ in range(200):
        w -= 0.2 * tl.grad(error_of)(w)
    assert_fitted(w.iloc[:3], w["bias"])


def test_trains_newtons_root_of_a_number():
    """scipy.optimize.newton with first and second derivatives: the cube root of 2."""
    f = lambda x: x**3 - 2  # noqa: E731
    root = scipy.optimize.newton(f, 1.0, fprime=tl.grad(f), fprime2=tl.grad(tl.grad(f)))
    assert root == pytest.approx(2 ** (1 / 3), rel=1e-12)


def written(w):
    w[0] = 0.0
    return w.sum()


def filled(w):
    out = np.zeros(3)
    out[:] = w
    return out.sum()


REFUSED_FUNCTIONS = {
    "int array": (error_of, np.zeros(4, int), TypeError, "int64 cannot require grad.*dtype=float"),
    "list of numbers": (lambda w: (X @ w).sum(), [0.0] * 3, RuntimeError, r"tl\.stack\(\["),
    "elementwise": (np.tanh, np.ones(3), ValueError, r"needs a scalar.*output\.sum\(\)"),
    "item": (lambda w: (w * w).sum().item(), np.ones(3), TypeError, "returned a float.*Tensor"),
    "data": (lambda w: np.sum(w.data**2), np.ones(3), TypeError, "returned a float64.*Tensor"),
    "print only": (lambda w: None, np.ones(3), TypeError, "returned a NoneType.*Tensor"),
    "w[0] = 0": (written, np.ones(3), TypeError, "cannot be written into"),
    "out[:] = w": (filled, np.ones(3), RuntimeError, r"t\.data or t\.detach\(\)"),
    "np.array": (lambda w: np.array([w[0], w[1]]).sum(), np.ones(3), RuntimeError, r"tl\.stack"),
    "np.linalg.eigh": (
        lambda w: np.linalg.eigh(w)[0].sum(), np.eye(3), TypeError, r"np\.linalg\.eigh has no",
    ),
    "w += 1": (lambda w: operator.iadd(w, 1.0).sum(), np.ones(3), RuntimeError, r"q = p - step"),
    "text": (error_of, "weights", TypeError, "real numbers"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("f", "x", "error", "advice"), REFUSED_FUNCTIONS.values(), ids=REFUSED_FUNCTIONS
)
def test_refused_functions_and_arguments(f, x, error, advice):
    """What autograd and JAX refuse as well, or make constants of in silence."""
    for transform in (tl.grad, tl.value_and_grad):
        with pytest.raises(error, match=advice):
            transform(f)(x)


def test_trains_by_newtons_method():
    """autograd's Hessian: the gradient of each part of the gradient; exact in two steps."""

    def f(w):
        return np.mean((X @ w[:3] + w[3] - y) ** 2)

    w = np.zeros(4)
    for _ in range(2):
        w = w - np.linalg.solve(hessian(f)(w), tl.grad(f)(w))
    assert_fitted(w[:3], w[3], rtol=1e-10)


class TwoLayerNet:
    """The network of the book, chapter 4: arrays in a dict, ``params[key] -= lr * grad[key]``."""

    def __init__(self, rng):
        self.params = {
            "W1": 0.5 * rng.normal(size=(2, 12)), "b1": np.zeros(12),
            "W2": 0.5 * rng.normal(size=(12, 2)), "b2": np.zeros(2),
        }  # fmt: skip

    def predict(self, x, params=None):
        p = params or self.params
        z1 = tl.sigmoid(np.dot(x, p["W1"]) + p["b1"])
        return tl.softmax(np.dot(z1, p["W2"]) + p["b2"])

    def loss(self, x, t, params=None):
        picked = self.predict(x, params)[np.arange(len(t)), t]
        return -np.sum(np.log(picked + 1e-7)) / len(t)

    def gradient(self, x, t):
        return tl.grad(lambda params: self.loss(x, t, params))(self.params)

    def numerical_gradient(self, x, t, h=1e-5):
        grads = {}
        for key, W in self.params.items():
            grads[key] = np.zeros_like(W)
            for i in np.ndindex(W.shape):
                kept, grads[key][i] = W[i], 0.0
                for sign in (1, -1):
                    W[i] = kept + sign * h
                    grads[key][i] += sign * self.loss(x, t) / (2 * h)
                W[i] = kept
        return grads


def test_trains_the_book_deep_learning_from_scratch():
    """The check of gradients of its chapter 5, then spirals by its AdaGrad of chapter 6."""
    rng = np.random.default_rng(0)
    r, t = np.tile(np.linspace(0.2, 1, 40), 2), np.repeat([0, 1], 40)
    angle = 3 * r + np.pi * t
    x = np.stack([r * np.sin(angle), r * np.cos(angle)], axis=1)
    for seed in range(2):
        network = TwoLayerNet(np.random.default_rng(seed))
        grads, numerical = network.gradient(x, t), network.numerical_gradient(x, t)
        for key in network.params:
            assert np.average(np.abs(grads[key] - numerical[key])) < 1e-9
        h = {key: np.zeros_like(val) for key, val in network.params.items()}
        for _ in range(600):
            batch_mask = rng.choice(len(x), 40)
            grads = network.gradient(x[batch_mask], t[batch_mask])
            for key in network.params:
                h[key] += grads[key] * grads[key]
                network.params[key] -= 0.3 * grads[key] / (np.sqrt(h[key]) + 1e-7)
        assert np.mean(np.argmax(network.predict(x), axis=1) == t) == 1


@pytest.mark.parametrize("nest", ["dict", "list", "pairs", "generator"])
def test_trains_optimizers_of_nests(nest):
    """faults.md F6: 8 of 26 programs keep their parameters in dicts, lists and tuples."""
    w, b = parameters()
    given = {
        "dict": {"W": w, "b": b},
        "list": [w, b],
        "pairs": [(w, b)],
        "generator": (p for p in (w, b)),
    }[nest]
    optimizer = optim.Adam(given, lr=0.3, betas=(0.8, 0.99))
    for epoch in range(400):
        optimizer.lr = 0.3 * 0.98**epoch
        loss = tl.mean_squared_error(X @ w + b, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert_fitted(w, b, rtol=1e-5)
