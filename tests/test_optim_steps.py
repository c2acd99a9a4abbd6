"""A step changes all parameters or none, settings are checked whenever they are assigned.

The source of each is faults.md B, and PyTorch for what the checked values then are.
"""

import copy
import inspect
import pickle

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from tinygrad_loss import Tensor, no_grad
from tinygrad_loss.optim import GD, SGD, Adam, Optimizer

from .test_optim import MAKERS, parameters, set_gradients


def everything(optimizer):
    """The numbers that a step can change."""
    return [p.data for p in optimizer.params], optimizer.state_dict()


def assert_unchanged(optimizer, before):
    for a, b in zip(everything(optimizer)[0], before[0], strict=True):
        np.testing.assert_array_equal(a, b)
    state = optimizer.state_dict()
    assert state.keys() == before[1].keys()
    for name, value in before[1].items():
        if isinstance(value, list):
            for a, b in zip(state[name], value, strict=True):
                np.testing.assert_array_equal(a, b)
        else:
            assert state[name] == value


# --- all or none (B2) -----------------------------------------------------------------------------

WRONG_GRADIENTS = {
    "Tensor": (Tensor(np.ones(3)), TypeError),
    "list": ([1.0, 2.0, 3.0], TypeError),
    "float": (0.5, TypeError),
    "complex": (2j, TypeError),
    "complex128": (np.ones(3) * 1j, TypeError),
    "object": (object(), TypeError),
    "object ": (np.array([1.0, 2.0, None]), TypeError),
    "str": ("gradient", TypeError),
    "<U3": (np.array(["one", "two", "3"]), TypeError),
    "int64": (np.ones(3, int), TypeError),
    "bool": (np.ones(3, bool), TypeError),
    "MaskedArray": (np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0]), TypeError),
    r"ndarray \(float64 \(3, 1\)\); .*ndarray \(float64 \(3,\)\)": (np.ones((3, 1)), ValueError),
    r"float64 \(2,\)": (np.ones(2), ValueError),
    r"float64 \(\)": (np.float64(1.0), ValueError),
}


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("message", WRONG_GRADIENTS)
def test_a_wrong_gradient_is_refused_by_name_and_nothing_changes(make, message):
    params = parameters([(2,), (3,), (4,)])
    optimizer = make(params)
    set_gradients(params, np.random.default_rng(0))
    optimizer.step()
    before = copy.deepcopy(everything(optimizer))
    params[1].grad, error = WRONG_GRADIENTS[message]
    with pytest.raises(
        error, match=rf"step: the gradient of params\[1\] \(p1\).*{message.strip()}"
    ):
        optimizer.step()
    assert_unchanged(optimizer, before)


def resized(p):
    p.data = np.zeros(7)
    p.grad = np.ones(7)


def resized_in_place(p):
    p.data = np.arange(3.0)
    p.data.resize(7, refcheck=False)
    p.grad = np.ones(7)


def resized_behind_its_gradient(p):
    p.data = np.arange(3.0)
    p.data.resize(7, refcheck=False)


def in_another_dtype(p):
    p.data = p.data.astype(np.float32)
    p.grad = p.grad.astype(np.float32)


def read_only(p):
    p.data.setflags(write=False)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (resized, r"float64 \(7,\), and was float64 \(3,\) when .* new optimizer"),
        (resized_in_place, r"float64 \(7,\), and was float64 \(3,\)"),
        (resized_behind_its_gradient, r"float64 \(7,\), and was float64 \(3,\)"),
        (in_another_dtype, r"float32 \(3,\), and was float64 \(3,\)"),
        (read_only, r"read-only.*p\.data\.copy\(\)"),
    ],
)
def test_a_changed_parameter_is_refused_by_name_and_nothing_changes(make, change, message):
    params = parameters([(2,), (3,), (4,)])
    optimizer = make(params)
    set_gradients(params, np.random.default_rng(0))
    optimizer.step()
    set_gradients(params, np.random.default_rng(1))
    change(params[1])
    before = copy.deepcopy(everything(optimizer))
    with pytest.raises(ValueError, match=rf"params\[1\] \(p1\).*{message}"):
        optimizer.step()
    assert_unchanged(optimizer, before)


def test_parameters_that_came_later_are_refused():
    a, b = parameters([(2,), (3,)])
    optimizer = SGD([a], 0.1)
    optimizer.params.append(b)
    set_gradients([a, b], np.random.default_rng(0))
    before = a.data.copy()
    with pytest.raises(ValueError, match=r"params\[1\] \(p1\).*another Tensor.*new optimizer"):
        optimizer.step()
    np.testing.assert_array_equal(a.data, before)


@pytest.mark.parametrize("make", MAKERS)
def test_gradients_that_mean_the_same_are_taken(make):
    """A number of NumPy's for a parameter without dimensions, as p.grad * 0.5 is; another dtype."""
    a, b = Tensor(1.0, requires_grad=True), Tensor([1.0, 2.0], np.True_, dtype=np.float32)
    twins = Tensor(1.0, requires_grad=True), Tensor([1.0, 2.0], True, dtype=np.float32)
    a.grad, b.grad = np.array(1.0) * 0.5, np.array([0.5, 0.25])
    twins[0].grad, twins[1].grad = np.array(0.5), np.array([0.5, 0.25], np.float32)
    assert isinstance(a.grad, np.float64)
    make([a, b]).step()
    make(twins).step()
    for p, q in zip((a, b), twins, strict=True):
        np.testing.assert_allclose(p.data, q.data, rtol=1e-6)
        assert p.dtype == q.dtype


# --- no gradient at all (B3) ----------------------------------------------------------------------


@pytest.mark.parametrize("make", MAKERS)
def test_a_step_without_any_gradient_is_refused(make):
    params = parameters()
    optimizer = make(params)
    before = copy.deepcopy(everything(optimizer))
    with pytest.raises(
        RuntimeError, match=r"no parameter has a gradient.*backward\(\).*another mod"
    ):
        optimizer.step()
    set_gradients(params, np.random.default_rng(0))
    optimizer.zero_grad()
    with pytest.raises(RuntimeError, match="no parameter has a gradient"):
        optimizer.step()
    assert_unchanged(optimizer, before)


# --- settings (B3, B4) ----------------------------------------------------------------------------

W = Tensor([1.0], requires_grad=True, name="w")
OPTIMIZERS = [lambda: GD([W], 0.1), lambda: SGD([W], 0.1, momentum=0.5), lambda: Adam([W], 0.1)]
SETTINGS = {  # what is refused, with its error
    "lr": [(-1, ValueError), (np.nan, ValueError), (np.inf, ValueError), ("0.1", TypeError),
           (True, TypeError), (None, TypeError), (Tensor(0.1), TypeError), (1j, TypeError)],
    "momentum": [(1, ValueError), (1.5, ValueError), (-0.1, ValueError), ("0.9", TypeError)],
    "nesterov": [(1, TypeError), ("False", TypeError), (None, TypeError)],
    "weight_decay": [(-1, ValueError), (np.inf, ValueError), ("1", TypeError), (True, TypeError)],
    "l1": [(np.nan, ValueError), (-1e-9, ValueError), ([0.1], TypeError)],
    "betas": [(0.9, TypeError), ((0.9,), TypeError), ((0.9, 1.0), ValueError), ("ab", TypeError),
              ((0.9, "0.9"), TypeError), ((np.nan, 0.9), ValueError)],
    "eps": [(0, ValueError), (-1e-8, ValueError), (np.nan, ValueError), ("1e-8", TypeError)],
}  # fmt: skip


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_every_setting_is_checked_when_it_is_assigned(make):
    optimizer = make()
    before = optimizer.state_dict()
    for name in optimizer.settings:
        for value, error in SETTINGS[name]:
            with pytest.raises(error, match=rf"{type(optimizer).__name__}: {name}.* is "):
                setattr(optimizer, name, value)
        setattr(optimizer, name, getattr(optimizer, name))
    after = optimizer.state_dict()
    assert [after[name] for name in optimizer.settings] == [before[n] for n in optimizer.settings]


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_every_setting_is_checked_by_the_constructor_too(make):
    optimizer = make()
    options = {name: getattr(optimizer, name) for name in optimizer.settings}
    for name in optimizer.settings:
        for value, error in SETTINGS[name]:
            with pytest.raises(error, match=f"{name}.* is "):
                type(optimizer)([W], **(options | {name: value}))


@pytest.mark.parametrize("make", OPTIMIZERS)
@pytest.mark.parametrize("name", ["learning_rate", "LR", "beta", "step_size", "weight_decays"])
def test_what_nothing_reads_can_not_be_assigned(make, name):
    optimizer = make()
    with pytest.raises(AttributeError, match=rf"has no {name}; its settings are lr"):
        setattr(optimizer, name, 0.1)
    assert not hasattr(optimizer, name)


@pytest.mark.parametrize("kind", [GD, SGD, Adam])
def test_the_constructor_says_what_the_learning_rate_is_called_here(kind):
    with pytest.raises(TypeError, match=r"unexpected keyword .*; here learning_rate= is lr=$"):
        kind([W], learning_rate=0.1)
    assert list(inspect.signature(kind).parameters)[:2] == ["params", "lr"]


def test_a_setting_of_another_optimizer_can_not_be_assigned():
    with pytest.raises(AttributeError, match=r"GD has no momentum; its settings are lr$"):
        GD([W], 0.1).momentum = 0.9


def test_settings_become_numbers_of_python():
    optimizer = SGD([W], np.float32(0.5), momentum=np.float64(0.25), nesterov=np.True_)
    optimizer.weight_decay = np.int64(1)
    assert [type(getattr(optimizer, name)) for name in optimizer.settings] == [
        float, float, bool, float, float,
    ]  # fmt: skip
    adam = Adam([W])
    adam.betas = [np.float32(0.5), 0]
    assert adam.betas == (0.5, 0.0)
    assert {type(beta) for beta in adam.betas} == {float}


def test_momentum_can_be_switched_on_and_off():
    """Each time from rest: g = 1 and lr = 1 give steps of 1; 1, 1.5; 1; 1, 1.5."""
    w = Tensor(0.0, requires_grad=True)
    optimizer = SGD([w], lr=1.0)
    steps = []
    for momentum in (0.0, 0.5, 0.5, 0.0, 0.5, 0.5):
        optimizer.momentum = momentum
        before = w.item()
        w.grad = np.ones(())
        optimizer.step()
        steps.append(before - w.item())
        again = SGD([w], lr=0.1)  # a state at any moment can be loaded
        again.load_state_dict(optimizer.state_dict())
        assert again.momentum == momentum
        np.testing.assert_array_equal(again.velocity, optimizer.velocity)
    assert steps == [1, 1, 1.5, 1, 1, 1.5]


@pytest.mark.parametrize("weight_decay", [0.0, 0.5])
def test_nesterov_without_momentum_is_refused_at_the_step_too(weight_decay):
    """Both are assigned one after the other, in any order; faults.md B2: then nothing moves."""
    params = [Tensor([x], requires_grad=True) for x in (1.0, 2.0)]
    optimizer = SGD(params, lr=0.5, weight_decay=weight_decay)
    for p in params:
        p.grad = np.ones(1)
    optimizer.nesterov = True
    before = everything(optimizer)
    with pytest.raises(ValueError, match=r"SGD\.step: nesterov=True needs momentum > 0"):
        optimizer.step()
    assert_unchanged(optimizer, before)
    optimizer.momentum = 0.5
    optimizer.weight_decay = 0.0
    optimizer.step()
    assert [p.item() for p in params] == [0.25, 1.25]  # w - lr (g + momentum g)


# --- optimizers of one's own ----------------------------------------------------------------------


class Lion(Optimizer):
    """Steps of lr in the direction of the sign of a moving average (Chen et al. 2023)."""

    settings = ("lr", "beta", "momentum")
    buffers = ("averages",)

    def __init__(self, params, lr, beta=0.9, momentum=7.0):
        self.history = []
        super().__init__(params, lr)
        self.beta, self.momentum = beta, momentum  # another momentum than that of SGD
        self.averages = [np.zeros_like(p.data) for p in self.params]
        self.note = "assigned after all else"

    def update(self, i, w, g):
        m = self.averages[i]
        m *= self.beta
        m += (1 - self.beta) * g
        w -= self.lr * np.sign(m)
        self.last = i
        self.history.append(i)


class Halving(SGD):
    """SGD whose learning rate is halved after each step."""

    def step(self):
        super().step()
        self.lr /= 2
        self.halved = True


def test_an_optimizer_of_ones_own_keeps_what_it_likes():
    params = parameters([(2,), (3,)])
    set_gradients(params, np.random.default_rng(0))
    expected = [p.data - 0.5 * np.sign(p.grad) for p in params]
    optimizer = Lion(params, 0.5)
    optimizer.step()
    for p, data in zip(params, expected, strict=True):
        np.testing.assert_array_equal(p.data, data)
    optimizer.beta = 2.0
    optimizer.anything = 1
    assert (optimizer.history, optimizer.last, optimizer.anything) == ([0, 1], 1, 1)
    with pytest.raises(ValueError, match="Lion: lr is -1"):
        optimizer.lr = -1
    other = Lion(params, 0.1)
    other.load_state_dict(optimizer.state_dict())
    assert (other.lr, other.beta, other.momentum) == (0.5, 2.0, 7.0)


def test_a_subclass_of_sgd_is_checked_as_sgd():
    params = parameters([(2,)])
    set_gradients(params, np.random.default_rng(0))
    optimizer = Halving(params, 0.5, momentum=0.5)
    optimizer.step()
    assert (optimizer.lr, optimizer.halved) == (0.25, True)
    with pytest.raises(ValueError, match=r"Halving: momentum is 1\.5"):
        optimizer.momentum = 1.5


# --- float16 (B4) ---------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    g=st.floats(0, 60000, width=16) | st.sampled_from([0.0, 6e-8, 1e-5, 5e-3, 300.0, 60000.0]),
    weight_decay=st.sampled_from([0.0, 0.5]),
)
def test_adam_in_float16_takes_the_steps_of_float64(g, weight_decay):
    """NaN for a gradient 0, since eps underflows; so do squares, or they overflow.

    With moments in float16 the first step for 5e-3 is inf, and after 60000 w stays for ever.
    Expected: the same optimizer in float64, of which each step is rounded to float16.
    """
    paths = []
    for dtype in (np.float16, np.float64):
        w = Tensor([1.0, -2.0], dtype=dtype, requires_grad=True)
        optimizer = Adam([w], lr=0.125, weight_decay=weight_decay)
        for k in range(8):
            w.grad = np.array([g, -g / (k + 1)], np.float16).astype(dtype)
            optimizer.step()
        paths.append(w.data.astype(float))
    np.testing.assert_allclose(paths[0], paths[1], rtol=4e-3, atol=4e-3)


def test_adam_with_an_eps_that_float32_does_not_have():
    """0 / 0, and a first step of lr."""
    w = Tensor([1.0, 1.0], dtype=np.float32, requires_grad=True)
    w.grad = np.array([0.0, 1.0], np.float32)
    Adam([w], lr=0.5, eps=1e-50).step()
    np.testing.assert_allclose(w.data, [1.0, 0.5], rtol=1e-6)


# --- copies (C1) ----------------------------------------------------------------------------------


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_with_its_parameters_goes_on_exactly(make, copied):
    params = parameters()
    optimizer = make(params)
    set_gradients(params, np.random.default_rng(0))
    optimizer.step()
    others, other = copied((params, optimizer))
    assert all(p is q for p, q in zip(other.params, others, strict=True))
    for steps, own in ((optimizer, params), (other, others)):
        for seed in range(3):
            set_gradients(own, np.random.default_rng(seed))
            steps.step()
    for p, q in zip(params, others, strict=True):
        np.testing.assert_array_equal(p.data, q.data, strict=True)
    with pytest.raises(AttributeError, match="has no learning_rate"):
        other.learning_rate = 0.1


def test_a_copy_holds_no_room_for_intermediate_results():
    """Nor the uninitialized memory that it is made of; its parts share memory again."""
    params = parameters([(1000,), (10, 10)])
    pickled = pickle.dumps(GD(params, 0.1))
    assert len(pickled) < 1100 * 8 + 2000
    first, second = pickle.loads(pickled)._scratch
    assert np.shares_memory(first, second)


def test_a_step_under_no_grad_is_the_same():
    a, b = parameters([(3,)]), parameters([(3,)])
    for params in (a, b):
        set_gradients(params, np.random.default_rng(0))
    GD(a, 0.1).step()
    with no_grad():
        GD(b, 0.1).step()
    np.testing.assert_array_equal(a[0].data, b[0].data)
