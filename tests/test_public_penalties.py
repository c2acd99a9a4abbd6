"""Programs as people publish them: penalties, and losses that are added up and written down.

How they are chosen and checked: see ``test_public_programs.py``. (faults.md A2, A7, B1)
"""

import functools
import math
import operator

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import ElasticNet, Lasso, Ridge
from sklearn.svm import LinearSVC

import tinygrad_loss as tl
from tinygrad_loss import nn, optim

from .test_public_programs import X, assert_fitted, parameters, y

LAM = 0.3
RIDGE = Ridge(alpha=LAM * len(X), tol=1e-12).fit(X, y)

# --- penalties in the loss of a ridge regression --------------------------------------------------
# The loss is mse + LAM * sum w^2. Each row is what an author adds, or how, given mse and weights.


def in_a_loop(mse, ws):
    for w in ws:
        mse += LAM * (w * w).sum()
    return mse


def at_the_end(mse, ws):
    loss = 0
    loss += mse
    loss += 0.5 * 2 * LAM * np.sum(np.square(ws[0]))
    return loss


RIDGES = {
    "tl.l2": lambda mse, ws: mse + tl.l2(ws, LAM),
    "tl.l2 of a dict": lambda mse, ws: mse + tl.l2({"w": ws[0]}, LAM),
    "sum of a generator": lambda mse, ws: mse + LAM * sum((w**2).sum() for w in ws),
    "sum of a list": lambda mse, ws: sum([mse, LAM * (ws[0] ** 2).sum()]),
    "sum of a map": lambda mse, ws: mse + LAM * sum(map(np.sum, map(np.square, ws))),
    "sum of a Tensor": lambda mse, ws: mse + LAM * sum(ws[0] ** 2),
    "stack": lambda mse, ws: tl.stack([mse, LAM * (ws[0] ** 2).sum()]).sum(),
    "np.stack": lambda mse, ws: np.stack([mse, *(LAM * (w**2).sum() for w in ws)]).sum(),
    "concatenate": lambda mse, ws: mse + LAM * (np.concatenate([w.ravel() for w in ws]) ** 2).sum(),
    "reduce": lambda mse, ws: functools.reduce(
        lambda total, w: total + LAM * (w**2).sum(), ws, mse
    ),
    "operator.add": lambda mse, ws: functools.reduce(operator.add, [mse, LAM * (ws[0] ** 2).sum()]),
    "in a loop": in_a_loop,
    "at the end": at_the_end,
    "norm squared": lambda mse, ws: mse + LAM * np.linalg.norm(ws[0]) ** 2,
    "dot": lambda mse, ws: mse + LAM * np.dot(ws[0], ws[0]),
    "transposed": lambda mse, ws: mse + LAM * ws[0].T @ ws[0],
    "einsum": lambda mse, ws: mse + LAM * np.einsum("i,i->", ws[0], ws[0]),
    "tuple unpacked": lambda mse, ws: mse + LAM * sum((x * x for x in ws[0]), start=0.0),
    "elastic_net": lambda mse, ws: mse + tl.elastic_net(ws, l1=0.0, l2=LAM),
    "max of two": lambda mse, ws: max([mse * 0, mse]) + LAM * max(0, (ws[0] ** 2).sum()),
}


@pytest.mark.parametrize("penalized", RIDGES.values(), ids=RIDGES)
def test_trains_ridge_regression_with_a_penalty_by(penalized):
    """Kaggle, d2l.ai 3.7, PyTorch's forum: scikit-learn's Ridge(alpha=n * strength)."""
    w, b = params = parameters()
    w.data += 0.1  # the length of a vector of zeros has no gradient
    optimizer = optim.SGD(params, lr=0.2)
    for _ in range(150):
        loss = penalized(((X @ w + b - y) ** 2).mean(), [w])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert_fitted(w, b, RIDGE)


def test_trains_ridge_regression_with_weight_decay():
    """PyTorch: ``SGD(weight_decay=2 * strength)`` of the weights, none of the bias."""
    w, b = parameters()
    decayed, plain = optim.SGD([w], lr=0.2, weight_decay=2 * LAM), optim.SGD([b], lr=0.2)
    for _ in range(150):
        w.grad = b.grad = None
        tl.mean_squared_error(X @ w + b, y).backward()
        decayed.step()
        plain.step()
    assert_fitted(w, b, RIDGE)


MODEL = nn.Linear(3, 1, rng=np.random.default_rng(0))
ARRAY = (RuntimeError, r"tl\.stack\(\[\.\.\.\]\) or sum\(\[\.\.\.\]\)")
REFUSED_PENALTIES = {
    "np.sum of a list": (lambda mse, ws: mse + np.sum([LAM * (w**2).sum() for w in ws]), *ARRAY),
    "np.array": (lambda mse, ws: np.array([mse, LAM * (ws[0] ** 2).sum()]).sum(), *ARRAY),
    "np.mean": (lambda mse, ws: np.mean([mse, LAM * (ws[0] ** 2).sum()]), *ARRAY),
    "np.max": (lambda mse, ws: np.max([mse, LAM * (ws[0] ** 2).sum()]), *ARRAY),
    "np.add.reduce": (lambda mse, ws: np.add.reduce([mse, (ws[0] ** 2).sum()]), *ARRAY),
    "np.linalg.norm": (lambda mse, ws: mse + np.linalg.norm([w**2 for w in ws]), *ARRAY),
    "np.dot": (lambda mse, ws: np.dot([1.0, LAM], [mse, (ws[0] ** 2).sum()]), *ARRAY),
    "array *": (lambda mse, ws: (np.array([1.0, LAM]) * [mse, (ws[0] ** 2).sum()]).sum(), *ARRAY),
    "np.r_": (lambda mse, ws: np.r_[mse, (ws[0] ** 2).sum()].sum(), *ARRAY),
    "np.where": (lambda mse, ws: np.where([True, False], [mse, mse], 0).sum(), *ARRAY),
    "np.fmax": (lambda mse, ws: np.fmax(mse, 0), TypeError, r"np\.fmax has no derivative.*t\.data"),
    "+= of an array": (
        lambda mse, ws: operator.iadd(np.zeros(()), mse), TypeError, r"array \+= t.*= array \+ t",
    ),
    "max of an array": (lambda mse, ws: mse + max(0, ws[0]), ValueError, "more than one element"),
    "l2 of a model": (lambda mse, ws: mse + tl.l2(MODEL, LAM), TypeError, r"\.parameters\(\)"),
    "l1, negative": (lambda mse, ws: mse - tl.l1(ws, -LAM), ValueError, r"a number in \[0, inf"),
    "sum(dim=)": (lambda mse, ws: mse + (ws[0] ** 2).sum(dim=0), TypeError, "here dim= is axis="),
    ".pow(2)": (lambda mse, ws: mse + ws[0].pow(2).sum(), AttributeError, r"an operator, .*\*\*"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("penalized", "error", "advice"), REFUSED_PENALTIES.values(), ids=REFUSED_PENALTIES
)
def test_refused_penalties(penalized, error, advice):
    """faults.md A2: NumPy given a list of Tensors made a number without a gradient."""
    w, b = parameters()
    with pytest.raises(error, match=advice):
        penalized(((X @ w + b - y) ** 2).mean(), [w])


@pytest.mark.parametrize(
    "total", [math.fsum, lambda ts: sum(float(t) for t in ts), lambda ts: math.sqrt(ts[0]) ** 2]
)
def test_refused_penalties_that_are_numbers_warn(total):
    """faults.md A7: the weights would not shrink. A program that goes on has been told why."""
    w, b = parameters()
    w.data += 1.0
    mse = ((X @ w + b - y) ** 2).mean()
    with pytest.warns(UserWarning, match=r"without a gradient.*t\.item\(\).*tl\.stack"):
        loss = mse + LAM * total([(w**2).sum()])
    loss.backward()
    alone, _ = tl.gradients(mse, [w, b])
    np.testing.assert_allclose(w.grad, alone.data)


# --- other penalties ------------------------------------------------------------------------------


def test_trains_with_the_length_of_the_weights_not_squared():
    """``mse + lam * np.linalg.norm(w)``: SciPy's minimum, with the derivative by hand."""
    w, b = params = parameters()
    w.data += 0.1
    for _ in range(300):
        loss = ((X @ w + b - y) ** 2).mean() + 0.7 * np.linalg.norm(w)
        loss.backward()
        with tl.no_grad():
            for p in params:
                p -= 0.1 * p.grad
                p.grad = None

    def by_hand(v):
        error, length = X @ v[:3] + v[3] - y, np.sqrt(v[:3] @ v[:3])
        slope = np.append(2 * error @ X / 60 + 0.7 * v[:3] / length, 2 * error.mean())
        return (error**2).mean() + 0.7 * length, slope

    expected = minimize(by_hand, np.full(4, 0.1), jac=True, tol=1e-12).x
    np.testing.assert_allclose([*w.data, b.item()], expected, rtol=1e-5)


SPARSE_X = np.random.default_rng(3).normal(size=(80, 8))
SPARSE_Y = SPARSE_X @ [2.0, -1, 0, 0, 0, 0.5, 0, 0] + np.random.default_rng(4).normal(0, 0.5, 80)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_trains_the_lasso_by_sgd_with_l1(momentum):
    """scikit-learn's Lasso(alpha), with the same zeros: faults.md B1."""
    w = tl.Tensor(np.zeros(8), requires_grad=True)
    optimizer = optim.SGD([w], lr=0.05, momentum=momentum, l1=0.2)
    for _ in range(800):
        loss = tl.mean_squared_error(SPARSE_X @ w, SPARSE_Y) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    expected = Lasso(alpha=0.2, fit_intercept=False, tol=1e-12).fit(SPARSE_X, SPARSE_Y).coef_
    np.testing.assert_allclose(w.data, expected, atol=1e-8)
    assert ((w.data == 0) == (expected == 0)).all()
    assert 0 < (expected == 0).sum() < 8


@pytest.mark.parametrize(
    "penalty",
    [
        lambda w: 0.2 * np.abs(w).sum(),
        lambda w: 0.2 * abs(w).sum(),
        lambda w: tl.l1([w], 0.2),
        lambda w: 0.2 * sum(tl.absolute(x) for x in w),
        lambda w: 0.2 * np.linalg.norm(w, 1),
    ],
    ids=["np.abs", "abs", "tl.l1", "sum", "norm of order 1"],
)
def test_trains_the_lasso_by_steps_on_the_absolute_values(penalty):
    """Without exact zeros, and with an ever smaller step: near scikit-learn's Lasso."""
    w = tl.Tensor(np.ones(8), requires_grad=True)
    for step in range(400):
        loss = tl.mean_squared_error(SPARSE_X @ w, SPARSE_Y) / 2 + penalty(w)
        w.zero_grad()
        loss.backward()
        w.data -= 0.3 * 0.985**step * w.grad
    expected = Lasso(alpha=0.2, fit_intercept=False).fit(SPARSE_X, SPARSE_Y).coef_
    np.testing.assert_allclose(w.data, expected, atol=2e-3)


def test_trains_the_elastic_net():
    """scikit-learn's ElasticNet(alpha, l1_ratio): the l1 part by the optimizer."""
    w, alpha, ratio = tl.Tensor(np.zeros(8), requires_grad=True), 0.4, 0.5
    optimizer = optim.SGD({"w": w}, lr=0.1, l1=alpha * ratio)
    for _ in range(400):
        loss = 0.5 * ((SPARSE_X @ w - SPARSE_Y) ** 2).mean() + tl.l2(w, alpha * (1 - ratio) / 2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    expected = ElasticNet(alpha=alpha, l1_ratio=ratio, fit_intercept=False, tol=1e-12)
    np.testing.assert_allclose(w.data, expected.fit(SPARSE_X, SPARSE_Y).coef_, atol=1e-8)


@pytest.mark.parametrize("hinge", ["python's max", "relu", "np.maximum"])
def test_trains_a_support_vector_machine(hinge):
    """micrograd's demo, ``max(0, 1 - y * score)`` for each sample; the objective of LinearSVC."""
    points, labels = SPARSE_X[:40, :2], np.sign(SPARSE_X[:40, :2] @ [1.0, -1.0] + 0.3)
    labels[::9] *= -1  # some are on the wrong side
    w = tl.Tensor([0.0, 0.0], requires_grad=True)
    for step in range(250):
        if hinge == "python's max":
            total = sum(max(0, 1 - t * (x @ w)) for x, t in zip(points, labels, strict=True))
        elif hinge == "relu":
            total = sum((1 + -t * (x @ w)).relu() for x, t in zip(points, labels, strict=True))
        else:
            total = np.maximum(0, 1 - labels * (points @ w)).sum()
        loss = total / 40 + 0.05 * (w**2).sum()
        w.grad = None
        loss.backward()
        with tl.no_grad():
            w -= 1 / (1 + 0.1 * step) * w.grad

    def objective(w):
        return np.maximum(0, 1 - labels * (points @ w)).mean() + 0.05 * (w**2).sum()

    svc = LinearSVC(
        C=1 / (2 * 0.05 * 40), loss="hinge", fit_intercept=False, max_iter=100_000, random_state=0
    )
    best = objective(svc.fit(points, labels).coef_[0])
    assert best - 1e-6 < objective(w.data) < best + 5e-3


# --- what is written down on the way --------------------------------------------------------------


def test_trains_with_losses_written_down():
    """Kaggle: ``.item()``, f-strings and running sums are silent, and training is the same."""
    w, b = params = parameters()
    optimizer, history, best, running = optim.SGD(params, lr=0.2), [], float("inf"), 0.0
    for epoch in range(200):
        loss = tl.mean_squared_error(X @ w + b, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
        running += loss.detach()
        best = min(best, loss.item())
        if loss < best or epoch % 50 == 0:
            print(f"epoch {epoch:3d} loss {loss:.4f} {loss} {str(loss)!r} {float(loss.data):.3f}")
    assert_fitted(w, b)
    assert best == min(history) == pytest.approx(history[-1])
    assert running.item() == pytest.approx(np.sum(history))


def test_trains_with_float_of_the_loss_and_is_warned():
    """``history.append(float(loss))``: PyTorch warns of it, too; the numbers are right."""
    w, b = params = parameters()
    optimizer, history = optim.SGD(params, lr=0.2), []
    for _ in range(200):
        loss = tl.mean_squared_error(X @ w + b, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with pytest.warns(UserWarning, match=r"float\(\) of a Tensor .*Use t\.item\(\)"):
            history.append(float(loss))
    assert_fitted(w, b)
    assert history[-1] == loss.item()


def test_refused_the_mean_of_kept_losses():
    """``epoch_losses.append(loss)``, then ``np.mean(epoch_losses)``: the error says t.data."""
    w, b = parameters()
    epoch_losses = [
        tl.mean_squared_error(X[i : i + 20] @ w + b, y[i : i + 20]) for i in (0, 20, 40)
    ]
    with pytest.raises(RuntimeError, match=r"t\.data or t\.detach\(\).*sum\(\[\.\.\.\]\)"):
        np.mean(epoch_losses)
    mean = np.mean([loss.data for loss in epoch_losses])
    assert mean == pytest.approx((y**2).mean())
    assert (sum(epoch_losses) / 3).item() == pytest.approx(mean)
