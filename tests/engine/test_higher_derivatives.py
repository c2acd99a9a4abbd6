"""Derivatives of derivatives, programs as other people write them, and errors of grad."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import tinygrad_loss as tl
from tinygrad_loss import Tensor, check_gradients, grad, nn, no_grad, value_and_grad
from tinygrad_loss.engine.mode import mode


def leaf(data, name=None):
    return Tensor(data, requires_grad=True, name=name)


def cube(x):
    return (x**3).sum()


def plain(x):
    """Whether x is an array, and one's own: nobody else's, and not frozen."""
    return type(x) is np.ndarray and x.flags.writeable and x.flags.owndata


# --- derivatives of derivatives -------------------------------------------------------------------


def test_grad_nests():
    f = lambda x: x**4  # noqa: E731
    assert grad(f)(2.0) == 32
    assert grad(grad(f))(2.0) == 48
    assert grad(grad(grad(f)))(2.0) == 48
    assert grad(grad(grad(grad(f))))(2.0) == 24
    for order in (grad(f), grad(grad(f)), grad(grad(grad(f)))):
        assert plain(order(2.0))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=1, max_size=6), st.floats(-2, 2), st.integers(1, 4))
def test_derivatives_of_polynomials(coefficients, at, order):
    polynomial = np.polynomial.Polynomial(coefficients)

    def f(x):
        return sum((c * x**i for i, c in enumerate(coefficients)), x * 0)

    derivative = f
    for _ in range(order):
        derivative = grad(derivative)
    np.testing.assert_allclose(derivative(at), polynomial.deriv(order)(at), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("f", "third"),
    [
        (tl.sin, lambda x: -np.cos(x)),
        (tl.exp, np.exp),
        (tl.tanh, lambda x: (1 - np.tanh(x) ** 2) * (6 * np.tanh(x) ** 2 - 2)),
        (lambda x: 1 / x, lambda x: -6 / x**4),
        (lambda x: x * tl.log(x), lambda x: -1 / x**2),
    ],
)
def test_third_derivatives(f, third):
    x = np.array([0.3, 0.7, 1.9])
    elementwise = lambda g: lambda t: grad(lambda s: g(s).sum())(t)  # noqa: E731
    found = elementwise(elementwise(elementwise(f)))(x)
    assert plain(found)
    np.testing.assert_allclose(found, third(x), rtol=1e-12)


def test_perturbation_confusion():
    """d/dx of x * d/dy (x + y) is 1, not 2 (Siskind & Pearlmutter 2005)."""
    assert grad(lambda x: x * grad(lambda y: x + y)(x))(1.0) == 1
    assert grad(lambda x: x * grad(lambda y: x * y)(2.0))(3.0) == 6
    assert grad(lambda x: grad(lambda y: x * y * y)(x))(3.0) == 12  # 2 x y at y = x
    # The same with an inner argument that has nothing to do with x.
    assert grad(lambda y: y * grad(lambda x: x * y)(3.0))(2.0) == 4  # d/dy of y * y
    assert grad(lambda x: x * grad(lambda y: x + y)(2.0))(1.0) == 1
    assert grad(lambda x: x * grad(lambda y: x)(2.0))(1.0) == 0
    assert grad(lambda x: grad(lambda y: (x * y) ** 2)(x))(2.0) == 24  # 2 x^2 y at y = x: 6 x^2
    three = lambda x: grad(lambda y: grad(lambda z: x * y**2 * z**3)(y))(x)  # noqa: E731
    assert three(2.0) == 6 * 2 * 1 * 8 * 2  # d/dy of 3 x y^4 = 12 x y^3, at y = x = 2


def test_perturbation_confusion_under_no_grad():
    with no_grad():
        found = grad(lambda y: y * grad(lambda x: x * y)(3.0))(2.0)
        assert plain(found)
        assert found == 4
        assert grad(grad(lambda x: x**3))(leaf(2.0)).item() == 12


def test_no_grad_around_an_inner_grad_makes_it_a_constant():
    def f(y):
        with no_grad():
            inner = grad(lambda x: x * y)(3.0)
        return y * inner

    assert grad(f)(2.0) == 2  # y held fixed inside


def test_a_penalty_on_the_slope_of_a_critic_trains_the_critic():
    """Gulrajani et al. 2017. The gradients are those of differences of the penalty's values."""
    rng = np.random.default_rng(0)
    critic = nn.MLP([3, 5, 1], activation="tanh", rng=rng)
    X = rng.normal(size=(6, 3))

    def penalty():
        slopes = grad(lambda x: critic(x).sum())(X)
        return ((tl.norm(slopes, axis=1) - 1) ** 2).mean()

    penalty().backward()
    weights = [p for p in critic.parameters() if p.grad is not None and np.abs(p.grad).max() > 1e-6]
    assert len(weights) == 3  # the last bias has no influence on the slope
    for p in weights:
        direction = rng.normal(size=p.shape)
        values = []
        for h in (1e-5, -1e-5):
            with no_grad():
                p += h * direction
            values.append(penalty().item())
            with no_grad():
                p -= h * direction
        assert (p.grad * direction).sum() == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-6)

    with no_grad():
        assert plain(grad(lambda x: critic(x).sum())(X))


def test_a_jacobian_and_a_hessian():
    x0 = np.array([0.5, -1.0, 2.0])
    hessian = [
        grad(lambda x, i=i: grad(lambda z: (z * z * z[::-1]).sum())(x)[i])(x0) for i in range(3)
    ]
    # f = x0^2 x2 + x1^3 + x2^2 x0
    a, b, c = x0
    expected = [[2 * c, 0, 2 * a + 2 * c], [0, 6 * b, 0], [2 * a + 2 * c, 0, 2 * a]]
    np.testing.assert_allclose(hessian, expected)


def test_a_product_of_the_hessian_and_a_vector():
    x0, v = np.array([0.5, -1.0, 2.0]), np.array([1.0, 2.0, -1.0])
    product = grad(lambda x: (grad(lambda z: (z**4).sum())(x) * v).sum())(x0)
    assert plain(product)
    np.testing.assert_allclose(product, 12 * x0**2 * v)


def test_check_gradients_of_a_slope():
    check_gradients(
        lambda x, w: grad(lambda z: (tl.sin(z * w) * z).sum())(x),
        np.array([0.5, -1.0]),
        np.array([2.0, 0.3]),
    )


# --- other people's programs ----------------------------------------------------------------------


def test_scipy_minimizes():
    optimize = pytest.importorskip("scipy.optimize")

    def rosenbrock(x):
        return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()

    x0 = np.array([1.3, 0.7, 0.8, 1.9, 1.2])
    for method in ("BFGS", "L-BFGS-B", "CG"):
        found = optimize.minimize(
            value_and_grad(rosenbrock), x0, jac=True, method=method, tol=1e-10
        )
        np.testing.assert_allclose(found.x, 1, atol=1e-5)
    np.testing.assert_allclose(grad(rosenbrock)(x0), optimize.rosen_der(x0), rtol=1e-12)
    found = optimize.minimize(
        lambda x: value_and_grad(rosenbrock)(x)[0], x0, jac=grad(rosenbrock), method="BFGS"
    )
    np.testing.assert_allclose(found.x, 1, atol=1e-4)


def test_scipy_minimizes_a_loss_of_a_model():
    """The closure holds a model whose Tensors require grad: no_grad makes all of it plain."""
    optimize = pytest.importorskip("scipy.optimize")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 2))
    y, offset = X @ [1.0, -2.0] + 0.5, Tensor(0.5, requires_grad=True)
    loss = value_and_grad(lambda w: tl.mean_squared_error(X @ w + offset, y))
    found = optimize.minimize(no_grad()(loss), np.zeros(2), jac=True)
    np.testing.assert_allclose(found.x, [1, -2], atol=1e-6)


def test_the_logistic_regression_of_autograds_readme():
    """HIPS/autograd, README, with its inputs; the derivative is checked by hand."""
    inputs = np.array([[0.52, 1.12, 0.77], [0.88, -1.08, 0.15], [0.52, 0.06, -1.30],
                       [0.74, -2.49, 1.39]])  # fmt: skip
    targets = np.array([True, True, False, True])

    def sigmoid(x):
        return 0.5 * (np.tanh(x / 2.0) + 1)

    def training_loss(weights):
        preds = sigmoid(np.dot(inputs, weights))
        label_probabilities = preds * targets + (1 - preds) * (1 - targets)
        return -np.sum(np.log(label_probabilities))

    training_gradient = grad(training_loss)
    weights = np.array([0.0, 0.0, 0.0])
    by_hand = inputs.T @ (0.5 - targets)
    np.testing.assert_allclose(training_gradient(weights), by_hand, rtol=1e-14)
    first = training_loss(weights)
    for _ in range(100):
        weights -= training_gradient(weights) * 0.01
    assert type(first) is np.float64
    assert type(weights) is np.ndarray
    assert training_loss(weights) < 0.5 * first


def test_tanh_as_autograds_readme_defines_it():
    def tanh(x):
        return (1.0 - np.exp(-2 * x)) / (1.0 + np.exp(-2 * x))

    assert grad(tanh)(1.0) == pytest.approx(0.41997434161402603, rel=1e-14)
    assert grad(tanh)(1.0) == pytest.approx((tanh(1.0001) - tanh(0.9999)) / 0.0002, rel=1e-6)


def test_a_network_in_the_style_of_jax():
    """Parameters are a list of pairs, and a step makes a new one."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    y = np.sin(X[:, :1])

    def predict(params, x):
        *hidden, (W, b) = params
        for V, c in hidden:
            x = np.tanh(np.dot(x, V) + c)
        return np.dot(x, W) + b

    def loss(params):
        return np.mean((predict(params, X) - y) ** 2)

    params = [(rng.normal(size=(2, 8)), np.zeros(8)), (rng.normal(size=(8, 1)) / 3, np.zeros(1))]
    before = loss(params)
    for _ in range(300):
        slopes = grad(loss)(params)
        pairs = zip(params, slopes, strict=True)
        params = [(W - 0.1 * dW, b - 0.1 * db) for (W, b), (dW, db) in pairs]
    assert type(before) is np.float64
    assert all(type(x) is np.ndarray for layer in params for x in layer)
    assert loss(params) < 0.05 * before


def test_newtons_method():
    f = lambda x: x**3 - 2 * x  # noqa: E731  minimum at sqrt(2 / 3)
    x = 1.5
    for _ in range(8):
        x = x - grad(f)(x) / grad(grad(f))(x)
    assert x == pytest.approx(np.sqrt(2 / 3), rel=1e-14)
    assert not isinstance(x, Tensor)


def test_maml_a_step_of_gradient_descent_inside_of_a_loss():
    """d/dw of L(w - a L'(w)), L = w^2: 2 w (1 - 2 a)^2."""
    loss = lambda w: w**2  # noqa: E731
    after_a_step = lambda w: loss(w - 0.1 * grad(loss)(w))  # noqa: E731
    assert grad(after_a_step)(3.0) == pytest.approx(2 * 3 * 0.8**2, rel=1e-14)
    w = leaf(3.0)
    after_a_step(w).backward()
    assert w.grad == pytest.approx(2 * 3 * 0.8**2, rel=1e-14)


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (3, "int64.*cannot require grad.*dtype=float"),
        (np.array([1, 2]), "int64.*cannot require grad"),
        (True, "bool.*cannot require grad"),
        ([1.0, 2], "int64.*cannot require grad"),
        ({"w": 1.0, "label": 2}, "int64.*cannot require grad"),
        (Tensor([1, 2]), "int64.*cannot require grad"),
        ("text", "<U4.*real numbers"),
        ({"w": "text"}, "real numbers"),
        (None, "object.*real numbers"),
        (1j, "complex128.*real numbers"),
        (len, "real numbers"),
        ({1.0, 2.0}, "real numbers"),
    ],
    ids=repr,
)
def test_what_has_no_derivatives(x, message):
    for under in (grad, value_and_grad):
        with pytest.raises(TypeError, match=message):
            under(lambda x: Tensor(1.0))(x)
    assert mode.get().recording
    assert mode.get().blocks == ()


@pytest.mark.parametrize("argnums", [1, 2, -1, (0, 1), (-1,), 0.0, "0", None, [0], ("x",)])
def test_argnums_that_name_no_argument(argnums):
    for under in (grad, value_and_grad):
        with pytest.raises(TypeError, match=r"argnums=.*1 positional arguments.*counted from 0"):
            under(cube, argnums)(2.0)


def test_an_argument_by_name_cannot_be_differentiated():
    with pytest.raises(TypeError, match=r"argnums=0, but f was given 0 positional arguments"):
        grad(cube)(x=2.0)


@pytest.mark.parametrize(
    ("f", "error", "message"),
    [
        (lambda x: x.item(), TypeError, "returned a float; expected a scalar Tensor"),
        (lambda x: x.data, TypeError, "returned a ndarray"),
        (lambda x: (x, x), TypeError, "returned a tuple"),
        (lambda x: None, TypeError, "returned a NoneType"),
        (lambda x: x * np.ones(2), ValueError, r"needs a scalar.*\(2,\)"),
        (lambda x: {}["missing"], KeyError, "missing"),
    ],
)
def test_functions_without_a_scalar(f, error, message):
    for under in (grad, value_and_grad):
        with no_grad():
            with pytest.raises(error, match=message):
                under(f)(2.0)
            assert not mode.get().recording
    assert mode.get().blocks == ()
