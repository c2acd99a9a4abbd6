"""Training, files and tools on the strict stand-in for the arrays of other libraries.

Expected values are NumPy's. faults.md I: with CuPy dropout with a NumPy generator (so that
``MLP(dropout=)`` could not train), detect_anomaly, save, check_gradients and unroll failed.
"""

import copy
import pickle

import numpy as np
import pytest

import tinygrad_loss as tl
from tinygrad_loss import Tensor, losses, nn, optim
from tinygrad_loss.data import minibatches
from tinygrad_loss.nn import MLP
from tinygrad_loss.optim import GD, SGD, Adam

from .strict_array import StrictArray

RNG = np.random.default_rng(0)
X, LABELS = RNG.standard_normal((20, 3)), RNG.integers(0, 2, 20)


def to(array, module):
    """The module, with parameters that are arrays of another library."""
    for p in module.parameters():
        p.data = array(p.data)
    return module


def mlp(array=StrictArray, **options):
    options = {"activation": "tanh", "rng": np.random.default_rng(1)} | options
    return to(array, MLP([3, 4, 2], **options))


def assert_equal(strict, array, rtol=1e-12):
    assert isinstance(strict, StrictArray), type(strict)
    assert strict.dtype == array.dtype
    np.testing.assert_allclose(strict.get(), array, rtol=rtol, atol=1e-14)


# --- training -------------------------------------------------------------------------------------

OPTIMIZERS = {
    "GD": lambda params: GD(params, lr=0.3),
    "SGD": lambda params: SGD(params, lr=0.3),
    "momentum": lambda params: SGD(params, lr=0.1, momentum=0.9),
    "nesterov": lambda params: SGD(params, lr=0.1, momentum=0.9, nesterov=True),
    "decay and l1": lambda params: SGD(params, lr=0.1, momentum=0.5, weight_decay=0.1, l1=0.01),
    "Adam": lambda params: Adam(params, lr=0.05),
    "AdamW": lambda params: Adam(params, lr=0.05, weight_decay=0.1),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_optimizers_take_numpys_path(optimizer):
    paths = []
    for array in (StrictArray, np.asarray):
        model = mlp(array)
        steps = OPTIMIZERS[optimizer](model.parameters())
        for step in range(6):
            if step == 3:  # as after a break
                state = steps.state_dict()
                steps = OPTIMIZERS[optimizer](model.parameters())
                steps.load_state_dict(state)
            loss = losses.cross_entropy(model(array(X)), array(LABELS))
            steps.zero_grad()
            loss.backward()
            steps.step()
        paths.append([loss.data, *(p.data for p in model.parameters())])
    for strict, plain in zip(*paths, strict=True):
        assert_equal(strict, plain, rtol=1e-10)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "gelu", "tanh", "sigmoid"])
def test_a_network_with_dropout_and_penalties_trains(activation):
    """The masks of dropout come from a NumPy generator, and are brought to the activations."""
    paths = []
    for array in (StrictArray, np.asarray):
        model = mlp(array, activation=activation, dropout=0.5)
        steps = SGD(model.parameters(), lr=0.1)
        path = []
        for _ in range(2):
            for rows, labels in minibatches(
                array(X), array(LABELS), 8, rng=np.random.default_rng(2)
            ):
                loss = losses.cross_entropy(model(rows), labels)
                loss = loss + tl.l2(model.parameters(), 0.1) + tl.l1(model.parameters(), 0.01)
                steps.zero_grad()
                loss.backward()
                steps.step()
                path.append(loss.data)
        paths.append([*path, model.eval()(array(X)).data])
    for strict, plain in zip(*paths, strict=True):
        assert_equal(strict, plain, rtol=1e-10)


@pytest.mark.parametrize("real", [StrictArray, np.asarray])
def test_gradient_penalty_draws_from_a_numpy_generator(real):
    def penalty(array, real):
        critic = to(array, MLP([3, 4, 1], activation="tanh", rng=np.random.default_rng(1)))
        loss = losses.gradient_penalty(
            critic, real(X), array(X[::-1]), rng=np.random.default_rng(2)
        )
        loss.backward()
        return [loss.data, *(p.grad for p in critic.parameters()[:3])]

    for strict, plain in zip(
        penalty(StrictArray, real), penalty(np.asarray, np.asarray), strict=True
    ):
        assert_equal(strict, plain, rtol=1e-10)


def test_the_update_that_every_book_writes():
    model = mlp()
    (model(StrictArray(X)) ** 2).mean().backward()
    before = [p.data.get() for p in model.parameters()]
    with tl.no_grad():
        for p in model.parameters():
            p -= 0.1 * p.grad
    for p, old in zip(model.parameters(), before, strict=True):
        assert_equal(p.data, old - 0.1 * p.grad.get())


# --- derivatives ----------------------------------------------------------------------------------


def test_the_same_derivatives_in_every_form():
    def f(x):
        return tl.sum(tl.tanh(x) * x**3)

    assert_equal(tl.grad(f)(StrictArray(X)), tl.grad(f)(X))
    value, slope = tl.value_and_grad(f)(StrictArray(X))
    assert_equal(value, f(X))
    assert_equal(slope, tl.grad(f)(X))
    second = tl.grad(lambda x: tl.grad(f)(x).sum())
    assert_equal(second(Tensor(StrictArray(X), requires_grad=True)).data, second(X))
    x = Tensor(StrictArray(X), requires_grad=True)
    (slope,) = tl.gradients(f(x), [x], create_graph=True)
    (slope * slope).sum().backward()
    y = Tensor(X, requires_grad=True)
    (tl.gradients(f(y), [y], create_graph=True)[0] ** 2).sum().backward()
    assert_equal(x.grad, y.grad)


@pytest.mark.parametrize("given", [StrictArray(X), X, X.tolist(), Tensor(StrictArray(X))])
def test_the_gradient_to_start_from_is_brought_to_the_output(given):
    x = Tensor(StrictArray(X), requires_grad=True)
    (x * x).backward(given)
    assert_equal(x.grad, 2 * X * X)


def test_gradients_are_arrays_of_their_own():
    """The gradient of a reshape is a view, and of two uses the sum: neither belongs to another."""
    x = Tensor(StrictArray(X), requires_grad=True)
    start = StrictArray(np.ones(60))
    x.reshape(60).backward(start)
    x.reshape(60).backward(start)
    start.fill(9.0)
    assert_equal(x.grad, np.full((20, 3), 2.0))


def test_a_constant_may_come_to_require_grad():
    """CuPy's flags do not say whether an array can be written."""
    constant = (Tensor(StrictArray(X)) * 2).detach()
    constant.requires_grad = True
    (constant * 3).sum().backward()
    assert_equal(constant.grad, np.full((20, 3), 3.0))


# --- what it shows, files, copies -----------------------------------------------------------------


def test_numbers_and_text():
    t, plain = Tensor(StrictArray(X[:2]), name="t"), Tensor(X[:2], name="t")
    assert (repr(t), str(t), t.tolist()) == (repr(plain), str(plain), plain.tolist())
    assert f"{t.sum():.3f}" == f"{plain.sum():.3f}"
    assert (float(t[0, 0]), int(t[0, 0]), t.sum().item()) == (X[0, 0], int(X[0, 0]), X[:2].sum())
    assert [len(row) for row in t] == [3, 3]
    assert_equal(t.argmax(axis=1), X[:2].argmax(axis=1))
    assert_equal(t > 0, X[:2] > 0)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies(again):
    model = mlp()
    for p, q in zip(again(model).parameters(), model.parameters(), strict=True):
        assert_equal(p.data, q.data.get())


def test_weights_go_to_a_file_and_back(tmp_path):
    """save writes what get() gives; load leaves the weights with the library of the module."""
    nn.save(tmp_path / "weights.npz", mlp())
    plain = nn.load(tmp_path / "weights.npz", mlp(np.asarray, rng=np.random.default_rng(5)))
    strict = nn.load(tmp_path / "weights.npz", mlp(rng=np.random.default_rng(6)))
    for p, q, original in zip(
        plain.parameters(), strict.parameters(), mlp(np.asarray).parameters(), strict=True
    ):
        np.testing.assert_array_equal(p.data, original.data)
        assert_equal(q.data, original.data, rtol=0)


def test_an_optimizer_goes_to_a_file_and_back(tmp_path):
    paths = []
    for array in (StrictArray, np.asarray):
        model = mlp(array)
        steps = Adam(model.parameters(), lr=0.05)
        for step in range(4):
            if step == 2:
                optim.save(tmp_path / "optimizer.npz", steps)
                steps = optim.load(tmp_path / "optimizer.npz", Adam(model.parameters(), lr=1.0))
            steps.zero_grad()
            (model(array(X)) ** 2).mean().backward()
            assert optim.clip_grad_norm(model.parameters(), 0.01) > 0.01
            steps.step()
        paths.append([p.data for p in model.parameters()])
    for strict, plain in zip(*paths, strict=True):
        assert_equal(strict, plain, rtol=1e-10)


# --- tools ----------------------------------------------------------------------------------------


def test_watch_and_draw_show_the_same_numbers():
    shown = []
    for array in (StrictArray, np.asarray):
        model = mlp(array)
        with tl.watch(model) as watched:
            loss = (model(array(X)) ** 2).mean()
            loss.backward()
        shown.append((watched.table(), tl.draw(loss).dot()))
    assert shown[0] == shown[1]


def test_detect_anomaly_lets_pass_what_is_finite():
    with tl.detect_anomaly():
        (mlp()(StrictArray(X)) ** 2).mean().backward()


def test_detect_anomaly_finds_the_op():
    x = Tensor(StrictArray([1.0, 0.0]), requires_grad=True, name="x")
    with np.errstate(divide="ignore"), tl.detect_anomaly():
        with pytest.raises(FloatingPointError, match=r"log: x \(2,\)"):
            x.log()
        with pytest.raises(FloatingPointError, match="backward of sqrt"):
            x.sqrt().sum().backward()


def test_detect_anomaly_sees_a_write():
    x = Tensor(StrictArray(X), requires_grad=True)
    with tl.detect_anomaly():
        y = (x * x).sum()
        x.data[0, 0] = 5.0
        with pytest.raises(RuntimeError, match="written to"):
            y.backward()


def test_check_gradients_says_that_it_takes_numpys_arrays():
    with pytest.raises(TypeError, match=r"check_gradients: input 0 .*NumPy"):
        tl.check_gradients(tl.tanh, StrictArray(X))


def test_unroll_says_that_it_takes_numpys_arrays():
    model = mlp()

    def f(x):
        return (model(x) ** 2).mean()

    with pytest.raises(TypeError, match=r"unroll: .*NumPy"):
        tl.unroll(f, StrictArray(X), wrt=model.parameters())
    with pytest.raises(TypeError, match=r"unroll: .*NumPy"):
        tl.unroll(lambda: f(StrictArray(X)), wrt=model.parameters())
