"""Found by someone who tried to break it: each gave wrong numbers, or an error that misled."""

import copy
import pickle

import numpy as np
import pytest

from tinygrad_loss import Tensor, cross_entropy, exp, maximum, optim, relu, softmax, unroll

from .agreement import assert_same, eager


def leaf(*numbers):
    return Tensor(np.array(numbers), requires_grad=True)


def test_names_are_compared_as_python_compares_them():
    """Python reads the ligature and the two letters as one identifier (NFKC)."""
    a, b = (Tensor(np.ones((2, 2)), requires_grad=True) for _ in range(2))

    def f(x):
        h, k = relu(x @ a), relu(x @ b * 2)
        h.name, k.name = "\ufb01", "fi"
        return (h * k * k).sum()

    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert unroll(f, x, wrt=[a, b])(x)[0] == f(x).item() == 2960
    for names in (["\u00b5", "\u03bc"], ["W\u00b2", "W2"], ["\u2460", "1"], ["h\nb", "h b"]):
        a.name, b.name = names
        step = unroll(lambda x: (x @ a * (x @ b)).sum(), x, wrt=[a, b])
        assert step(x)[0] == (x @ a.data * (x @ b.data)).sum()


class Model:
    def __init__(self):
        self.W = leaf(1.0, 2.0)

    def loss(self, x):
        return (self.W * x).sum()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_of_a_step_trains_the_copy_of_the_parameters(copied):
    model = Model()
    step = unroll(model.loss, optimizer=optim.SGD([model.W], lr=0.1))
    step(np.ones(2))
    other = copied(step)
    assert other(np.ones(2)) == step(np.ones(2)) == pytest.approx(2.8)
    np.testing.assert_allclose(other._f.__self__.W.data, model.W.data)
    assert other._f.__self__.W is not model.W


def test_a_step_inside_of_a_step_is_refused():
    v, w = leaf(3.0, 4.0), leaf(1.0, 2.0)
    inner = unroll(lambda x: (w * x).sum(), optimizer=optim.SGD([w], lr=0.1))
    inner(np.ones(2))
    before = w.data.copy()

    def f(x):
        inner(x if isinstance(x, np.ndarray) else np.ones(2))
        return (v * x).sum()

    with pytest.raises(TypeError, match=r"^unroll: a step cannot be called in a function"):
        unroll(f, optimizer=optim.SGD([v], lr=0.1))(np.ones(2))
    np.testing.assert_array_equal(w.data, before)


@pytest.mark.parametrize("seed", range(6))
def test_a_branch_on_numpys_random_numbers_is_refused(seed):
    """With the same branch in both recordings it was frozen; the generator had moved on."""
    rng, w = np.random.default_rng(seed), leaf(1.0, 2.0)
    state = copy.deepcopy(rng.bit_generator.state)
    with pytest.raises(TypeError, match=r"draws from rng .*another one each time"):
        unroll(lambda x: (w * x).sum() * (2.0 if rng.random() < 0.5 else 1.0), wrt=[w])(np.ones(2))
    assert rng.bit_generator.state == state


def test_numbers_as_inputs_are_told_apart_by_their_sign_and_nan_is_itself():
    w, traced = leaf(1.0, 2.0), []

    def f(x, c):
        traced.append(c)
        return (w * x).sum() * (1 if np.copysign(1, c) > 0 else -1)

    step = unroll(f, wrt=[w])
    assert [step(np.ones(2), c)[0] for c in (0.0, -0.0, 0.0)] == [3.0, -3.0, 3.0]
    n = len(traced)
    step(np.ones(2), np.nan), step(np.ones(2), np.nan)
    assert len(traced) == n + 2


def test_an_index_with_a_slice_and_an_array():
    """As of im2col: its gradient was refused as one that is another each time."""
    K, i = Tensor(np.ones(3), requires_grad=True), np.array([0, 0])
    f = lambda x, i: ((x * K)[:, i] ** 2).sum()  # noqa: E731
    x = np.arange(6.0).reshape(2, 3)
    value, (slope,) = unroll(f, x, i, wrt=[K])(x, i)
    assert value == 18.0
    np.testing.assert_array_equal(slope, [36.0, 0.0, 0.0])


def test_a_value_without_axes_is_nobodys_memory():
    v = leaf(3.0).sum()
    v = Tensor(v.data, requires_grad=True)
    step = unroll(lambda: v, wrt=[v])
    value = step()[0]
    v.data[...] = 7.0
    assert value == 3.0


def test_arguments_with_defaults():
    w = leaf(1.0, 2.0)
    step = unroll(lambda x, k=2.0: (w * x).sum() * k, wrt=[w])
    assert [step(np.ones(2))[0], step(np.ones(2), 3.0)[0], step(np.ones(2))[0]] == [6.0, 9.0, 6.0]


@pytest.mark.parametrize(
    "update",
    [
        lambda self, i, w, g: w.__isub__(self.lr * np.ones(2) * g),
        lambda self, i, w, g: w.__isub__(np.ones(2) * self.lr * g),
        lambda self, i, w, g: w.__isub__(np.sqrt(self.lr) * g),
    ],
)
def test_a_constant_array_beside_the_learning_rate(update):
    w = leaf(1.0, 2.0)
    optimizer = type("Masked", (optim.Optimizer,), {"update": update})([w], lr=0.1)
    with pytest.raises(TypeError, match=r"^unroll: the update needs the number lr .*lr \* g"):
        unroll(lambda x: (w * x).sum(), optimizer=optimizer)(np.ones(2))


def test_the_second_power_has_no_power_in_its_gradient():
    w = leaf(1.0, 2.0)
    assert "power" not in unroll(lambda x: ((w - x) ** 2).mean(), np.ones(2), wrt=[w]).source


def test_what_is_no_function_is_refused():
    with pytest.raises(TypeError, match=r"^unroll: f is a Tensor; expected a function"):
        unroll(leaf(1.0).sum(), wrt=[])


# --- after a trim --------------------------------------------------------------------------------


W = Tensor(np.ones((3, 2)), requires_grad=True, name="W")
EMPTY = np.zeros((0, 3))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: cross_entropy(Tensor(x) @ W, np.zeros(0, int), reduction="sum", ignore_index=-1),
        lambda x: (relu(Tensor(x) @ W) * (np.zeros((0, 2)) > 0)).sum(),
        lambda x: (Tensor(np.where(np.zeros((0, 3), bool), x, 0.0)) @ W).sum(),
    ],
)
def test_an_empty_batch_has_masks_too(f):
    value, (slope,) = unroll(f, EMPTY, wrt=[W])(EMPTY)
    assert value == 0
    np.testing.assert_array_equal(slope, np.zeros((3, 2)))


def test_a_warning_of_eager_is_one_of_the_step_too():
    """It comes right after an overflow that softmax ignores, and is none of these."""
    f = lambda x, y: exp(maximum(softmax(Tensor(x) @ W), y)).sum()  # noqa: E731
    step = unroll(f, np.ones((2, 3)), np.zeros((2, 2)), wrt=[W])
    with pytest.warns(RuntimeWarning) as caught:
        step(np.ones((2, 3)), np.full((2, 2), 1000.0))
    assert "overflow encountered in exp" in [str(warning.message) for warning in caught]


def test_slices_dtypes_and_odd_names_as_arguments():
    x = np.arange(12.0).reshape(4, 3)

    def always(a):
        return a * 2

    doubled = np.frompyfunc(always, 1, 1)
    for f in (
        lambda x: (Tensor(np.insert(x, slice(0, 2), 1.0, axis=0)) @ W).sum(),
        lambda x: (W * np.cumsum(x, dtype=object).astype(float)[-1]).sum(),
        lambda x: (Tensor(doubled(x).astype(float)) @ W).sum(),
        lambda x: (Tensor(x[np.int64(1) : np.int64(3)]) @ W).sum(),
    ):
        assert_same(unroll(f, x, wrt=[W])(x), eager(f, (x,), [W]))
    f = lambda x: (Tensor(x.astype(float)) @ W).sum()  # noqa: E731
    source = unroll(f, x, wrt=[W], comments=False).source
    assert "astype" not in source  # it is one already
    with pytest.raises(TypeError, match="compute it outside"):
        unroll(lambda x: (Tensor(x) @ W).sum() * len(f"{x.mean():.2f}"), x, wrt=[W])


def test_constants_of_more_digits_than_float64_keep_them():
    third = np.longdouble(1) / 3
    c = np.array([third, third * 2, third * 4])
    f = lambda x: W.sum() * 0 + ((x * c) * 3 - x * [1, 2, 4]).astype(float).sum()  # noqa: E731
    x = np.ones((2, 3))
    assert_same(unroll(f, x, wrt=[W])(x), eager(f, (x,), [W]), 1e-25)
