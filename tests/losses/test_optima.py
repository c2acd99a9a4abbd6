"""Training with these losses by gradient steps reaches the optima that scikit-learn finds.

Objectives are divided by the number of samples; the conventions are in the docstring of
``regularizers``. scikit-learn 1.9.1 fits the models beside ours, with its tolerances tightened.
"""

import numpy as np
import pytest

from tinygrad_loss import Tensor
from tinygrad_loss.losses import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge,
    huber,
    mean_squared_error,
)
from tinygrad_loss.optim import SGD
from tinygrad_loss.regularizers import elastic_net, l1, l2

datasets = pytest.importorskip("sklearn.datasets")
linear_model = pytest.importorskip("sklearn.linear_model")
svm = pytest.importorskip("sklearn.svm")


def standardized(x):
    return (x - x.mean(axis=0)) / x.std(axis=0)


def load(name):
    """A data set of scikit-learn, its inputs standardized."""
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return standardized(x), y


def minimize(loss, params, lr, steps, momentum=0.9, l1=0.0):
    """Full-batch gradient steps; with ``l1`` the proximal step, on the first parameter only."""
    nesterov = momentum > 0
    optimizers = [SGD(params[:1], lr, momentum=momentum, nesterov=nesterov, l1=l1)]
    if params[1:]:
        optimizers.append(SGD(params[1:], lr, momentum=momentum, nesterov=nesterov))
    for _ in range(steps):
        for p in params:
            p.zero_grad()
        loss().backward()
        for optimizer in optimizers:
            optimizer.step()
    return loss().item()


def parameters(*shapes):
    return [Tensor(np.zeros(shape), requires_grad=True) for shape in shapes]


# --- linear regression with penalties, diabetes ---------------------------------------------------


def test_ridge():
    x, y = load("diabetes")
    n = len(y)
    w, b = parameters(10, ())

    def loss():
        return mean_squared_error(x @ w + b, y) + l2(w, 10 / n)

    reached = minimize(loss, [w, b], lr=0.1, steps=5000, momentum=0)
    model = linear_model.Ridge(alpha=10).fit(x, y)
    assert mean_squared_error(x @ w.data + b.data, y) == pytest.approx(2872.20277, abs=5e-6)
    np.testing.assert_allclose(w.data, model.coef_, rtol=1e-9)
    assert b.item() == pytest.approx(model.intercept_, rel=1e-12)
    optimum = np.mean((model.predict(x) - y) ** 2) + 10 / n * (model.coef_**2).sum()
    assert reached == pytest.approx(optimum, rel=1e-13)  # experiments: 8e-14


def test_lasso_selects_with_the_proximal_step():
    x, y = load("diabetes")
    y = y - y.mean()
    (w,) = parameters(10)
    objective = (
        minimize(
            lambda: mean_squared_error(x @ w, y) / 2, [w], lr=0.2, steps=1000, momentum=0, l1=1.0
        )
        + np.abs(w.data).sum()
    )
    model = linear_model.Lasso(alpha=1, tol=1e-12, max_iter=100000).fit(x, y)
    assert objective == pytest.approx(1533.768717, abs=5e-7)
    assert np.count_nonzero(w.data) == np.count_nonzero(model.coef_) == 7
    np.testing.assert_array_equal(w.data == 0, model.coef_ == 0)
    np.testing.assert_allclose(w.data, model.coef_, atol=1e-4)


def test_lasso_by_the_subgradient_has_no_exact_zeros():
    x, y = load("diabetes")
    y = y - y.mean()
    (w,) = parameters(10)
    minimize(lambda: mean_squared_error(x @ w, y) / 2 + l1(w, 1.0), [w], 0.2, 1000, momentum=0)
    assert np.count_nonzero(w.data) == 10


def test_elastic_net():
    x, y = load("diabetes")
    y = y - y.mean()
    (w,) = parameters(10)
    minimize(
        lambda: mean_squared_error(x @ w, y) / 2 + l2(w, 0.25), [w], 0.2, 500, momentum=0, l1=0.5
    )
    objective = mean_squared_error(x @ w, y) / 2 + elastic_net(w, l1=0.5, l2=0.25)
    model = linear_model.ElasticNet(alpha=1, l1_ratio=0.5, tol=1e-12, max_iter=100000).fit(x, y)
    assert objective.item() == pytest.approx(1779.356206, abs=5e-7)
    np.testing.assert_allclose(w.data, model.coef_, atol=1e-6)


def test_a_constant_prediction_ends_at_the_variance_of_the_target():
    # where training with (N,) against (N, 1) ends, which other libraries broadcast: R2 = 0
    x, y = load("diabetes")
    w, b = parameters(10, ())
    reached = minimize(lambda: mean_squared_error(0 * (x @ w) + b, y), [w, b], lr=0.1, steps=300)
    assert reached == pytest.approx(y.var(), rel=1e-12)
    assert reached == pytest.approx(5929.88, abs=5e-3)
    with pytest.raises(ValueError, match=r"reshape\(-1\)"):
        mean_squared_error(x @ w + b, y[:, None])


# --- outliers -------------------------------------------------------------------------------------


def test_huber_finds_the_clean_coefficients_among_outliers():
    x, y = load("diabetes")
    clean = linear_model.LinearRegression().fit(x, y).coef_
    outliers = np.random.RandomState(0).choice(442, 44, replace=False)
    y[outliers] += 1000
    model = linear_model.HuberRegressor(alpha=0, tol=1e-10, max_iter=100000).fit(x, y)
    delta = model.epsilon * model.scale_
    assert delta == pytest.approx(58.2248, abs=1e-4)
    w, b = parameters(10, ())
    minimize(lambda: huber(x @ w + b, y, delta=delta), [w, b], lr=0.3, steps=3000, momentum=0.95)
    np.testing.assert_allclose(w.data, model.coef_, atol=2e-3)  # L-BFGS stops a little above
    theirs = huber(model.predict(x), y, delta=delta)
    assert huber(x @ w.data + b.data, y, delta=delta) == pytest.approx(theirs, rel=1e-9)
    assert huber(x @ w.data + b.data, y, delta=delta) <= theirs
    assert np.linalg.norm(w.data - clean) == pytest.approx(15.70, abs=0.01)
    w, b = parameters(10, ())
    minimize(lambda: mean_squared_error(x @ w + b, y), [w, b], lr=0.1, steps=2000)
    assert np.linalg.norm(w.data - clean) == pytest.approx(215.26, abs=5e-3)


# --- classification -------------------------------------------------------------------------------


def test_binary_logistic_regression():
    x, y = load("breast_cancer")
    n = len(y)
    w, b = parameters(30, ())

    def loss():
        return binary_cross_entropy_with_logits(x @ w + b, y) + l2(w, 1 / (2 * n))

    reached = minimize(loss, [w, b], lr=0.5, steps=2000)
    model = linear_model.LogisticRegression(C=1, tol=1e-10, max_iter=100000).fit(x, y)
    assert reached == pytest.approx(0.0663601862, rel=1e-8)  # 1e4 steps without momentum: 1.7e-5
    np.testing.assert_allclose(w.data, model.coef_[0], atol=1e-3)


def test_multinomial_logistic_regression():
    x, y = load("iris")
    w, b = parameters((4, 3), 3)

    def loss():
        return cross_entropy(x @ w + b, y) + l2(w, 1 / (2 * len(y)))

    reached = minimize(loss, [w, b], lr=0.5, steps=1500)
    model = linear_model.LogisticRegression(C=1, tol=1e-10, max_iter=100000).fit(x, y)
    assert reached == pytest.approx(0.2091917884, rel=1e-9)
    np.testing.assert_allclose(w.data.T, model.coef_, atol=1e-4)


def test_support_vector_machine():
    # Pegasos (Shalev-Shwartz et al. 2011): subgradient steps 1/(lambda t), averaged
    x, y = load("breast_cancer")
    n, labels = len(y), 2 * y - 1
    x = np.column_stack([x, np.ones(n)])  # LinearSVC penalizes the intercept too

    def objective(w):
        return hinge(x @ w, labels) + l2(w, 1 / (2 * n))

    (w,) = parameters(31)
    average = np.zeros(31)
    steps = 10000
    for t in range(steps):
        w.zero_grad()
        objective(w).backward()
        w.data -= n / (t + 1000) * w.grad
        average += (2 * (t + 1) / (steps * (steps + 1))) * w.data  # later ones count more
    model = svm.LinearSVC(loss="hinge", C=1, tol=1e-10, max_iter=10**7, random_state=0).fit(
        x[:, :-1], y
    )
    optimum = objective(Tensor(np.append(model.coef_[0], model.intercept_))).item()
    assert optimum == pytest.approx(0.0466192471, rel=1e-6)
    reached = objective(Tensor(average)).item()
    assert optimum <= reached + 1e-9
    assert reached == pytest.approx(optimum, rel=1.4e-3)
