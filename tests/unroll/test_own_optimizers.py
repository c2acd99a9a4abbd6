"""Optimizers of users: an ``update`` of one's own, in the forms in which one writes it."""

import math

import numpy as np
import pytest

from tinygrad_loss import Tensor, losses, optim, unroll
from tinygrad_loss.optim import GD, SGD, Adam, Optimizer

from .agreement import batch, mlp
from .test_update import batches, leaves
from .training import assert_same_loss, assert_same_state, assert_same_training, eager_step


class Own(Optimizer):
    """With two buffers of arrays and two of numbers, of which its subclasses use some."""

    settings = ("lr", "decay")
    buffers = ("first", "second", "count", "scale")

    def __init__(self, params, lr=0.05, decay=0.5):
        super().__init__(params, lr)
        self.decay = decay
        self.first = [np.zeros_like(p.data) for p in self.params]
        self.second = [np.ones_like(p.data) for p in self.params]
        self.count = [0] * len(self.params)
        self.scale = [1.0 + i for i in range(len(self.params))]


class Plain(Own):
    def update(self, i, w, g):
        w -= self.lr * g


class Assigned(Own):
    """Also with ``w[...] = ``, of what is computed from w."""

    def update(self, i, w, g):
        w[...] = w - g * self.lr / 2
        w[...] = np.clip(w, -1.5, 1.5)
        np.minimum(w, 1.25, out=w)


class Normalized(Own):
    """A flat view of what has just been updated is read: projected gradient descent."""

    def update(self, i, w, g):
        w -= self.lr * g
        w /= np.sqrt((w * w).sum())


class InItsOrder(Own):
    """Precedence and sides of all operators on the learning rate and on numbers of the state."""

    def update(self, i, w, g):
        a, b = self.lr, self.scale[i]
        w -= (a - (b - a)) * 1e-2 * g + (a / (b / (a + 1))) * g + (a + b) ** 2 * 1e-3 * g
        w -= ((-a) ** 2 + 2**-a - -a + (1 - a) - 1.5 * -b) * 1e-3 * g
        w -= (a**b**0.5 + (a**b) ** 2 + 3 / a * 1e-3 - 2 * (b - 1)) * 1e-3 * g
        w *= 1 - a * self.decay * 1e-2


class Momentum(Own):
    def update(self, i, w, g):
        v = self.first[i]
        v *= self.decay
        v += g
        w -= self.lr * v


class Replaced(Own):
    """New arrays in the list, instead of new numbers in the arrays."""

    def update(self, i, w, g):
        self.first[i] = self.decay * self.first[i] + g
        self.second[i] = 0.9 * self.second[i] + 0.1 * g**2
        w -= self.lr * self.first[i] / (np.sqrt(self.second[i]) + 1e-3)


class ReadAfterwards(Own):
    """A mean of the weights that reads w after it was written, and w again after that."""

    def update(self, i, w, g):
        before = w.copy()
        w -= self.lr * g
        self.first[i] += (1 - self.decay) * (w - self.first[i])
        w -= 0.1 * (w - self.first[i])
        self.second[i][...] = w - before


class Swapped(Own):
    def update(self, i, w, g):
        self.first[i], self.second[i] = self.second[i], self.first[i]
        self.first[i] += g
        w -= self.lr * self.second[i]


class SwappedOnly(Own):
    def update(self, i, w, g):
        self.first[i], self.second[i] = self.second[i], self.first[i]
        w -= self.lr * (g + self.second[i])


class SwappedWithTheParameter(Own):
    def update(self, i, w, g):
        before = w.copy()
        w[...] = self.first[i] - self.lr * g
        self.first[i][...] = before


class OneForBoth(Own):
    """Two buffers get the same array, and the parameter the same numbers."""

    def update(self, i, w, g):
        new = w - self.lr * g
        self.first[i], self.second[i] = new, new
        w[...] = new


class CopiedOnTheWay(Own):
    """The buffer gets numbers that the parameter held, before it was changed again."""

    def update(self, i, w, g):
        w -= self.lr * g
        self.first[i] = w.copy()
        w *= 0.9


class CopiedAtTheEnd(Own):
    """Parameter and buffer end with the same numbers, computed from both."""

    def update(self, i, w, g):
        w *= 0.9
        w += 0.1 * self.first[i]
        w -= self.lr * g
        self.first[i] = w.copy()


class Views(Own):
    """Buffers that are given views of others, and of the gradient."""

    def update(self, i, w, g):
        self.first[i] = g.reshape(w.shape)
        self.second[i] = self.first[i][::-1]
        w -= self.lr * self.second[i]


class Nothing(Own):
    """A parameter that stays, a state that is set to constants."""

    def update(self, i, w, g):
        self.first[i] = np.full_like(self.first[i], 3.0)
        self.count[i] = 7
        w *= 1


class Counting(Own):
    def update(self, i, w, g):
        self.count[i] += 1
        self.scale[i] = self.scale[i] * self.decay + self.lr
        w -= self.lr / self.count[i] ** 0.5 * g + 1e-3 * self.scale[i] * w


class AdaGrad(Own):
    def update(self, i, w, g):
        self.first[i] += g * g
        w -= self.lr * g / (np.sqrt(self.first[i]) + 1e-2)


class SignAndNorm(Own):
    """Functions of arrays that have no ``out=``; elements written by a mask."""

    def update(self, i, w, g):
        length = np.linalg.norm(g)
        w -= self.lr * np.sign(g) * length / (1 + np.abs(w).max())
        w[np.abs(w) < 0.05] = 0
        w -= self.lr * np.where(g > 0, g, 0.5 * g).mean()


class Rotated(Own):
    """The new parameter is a product, which cannot be written where it reads."""

    def update(self, i, w, g):
        flat = (w - self.lr * g).reshape(-1, 1)
        turn = np.eye(flat.shape[0])[::-1] + 0.01
        w[...] = (turn @ flat).reshape(w.shape)


class OfTheParent(Adam):
    """Adam, and then a projection."""

    def update(self, i, w, g):
        super().update(i, w, g * 2)
        np.clip(w, -1.0, 1.0, out=w)


class WritesTheGradient(SGD):
    def update(self, i, w, g):
        g *= 0.5
        g += 0.1 * w
        super().update(i, w, g)


class ForSome(Own):
    """What a parameter's number or shape decides is straight-line code."""

    def update(self, i, w, g):
        if w.ndim == 1 and i > 0:
            w -= 0.1 * self.lr * g
        elif len(w) == 2:
            w -= self.lr * (g - g.mean(axis=0, keepdims=True))
        else:
            w -= self.lr * g.T.copy().T


class Clipped(Own):
    """As advised instead of ``if``: where, minimum, maximum."""

    def update(self, i, w, g):
        length = np.sqrt((g * g).sum())
        w -= self.lr * g * np.minimum(1.0, self.decay / (length + 1e-12))


OWN = [
    Plain, Assigned, Normalized, InItsOrder, Momentum, Replaced, ReadAfterwards, Swapped,
    SwappedOnly, SwappedWithTheParameter, OneForBoth, CopiedOnTheWay, CopiedAtTheEnd, Views,
    Nothing, Counting, AdaGrad, SignAndNorm, Rotated, OfTheParent, WritesTheGradient, ForSome,
    Clipped,
]  # fmt: skip
each_own = pytest.mark.parametrize("kind", OWN, ids=lambda kind: kind.__name__)


def network(kind):
    def make():
        model = mlp(2, 4, 3, activation="tanh")
        return (lambda x, y: losses.cross_entropy(model(x), y)), kind(model.parameters(), lr=0.05)

    return make


@each_own
def test_the_same_steps(kind):
    def before(k, optimizer):
        optimizer.lr = 0.05 / (1 + k)

    assert_same_training(network(kind), *batches(), before=before)


@each_own
def test_scalar_parameters(kind):
    if kind in (Views, ForSome):
        kind = Momentum  # they index, or ask for the length

    def make():
        w, b = leaves(1.5, 0.25)
        return (lambda x, y: ((w * x + b - y) ** 2).mean()), kind([w, b], lr=0.05)

    assert_same_training(make, (np.arange(3.0), np.array([1.0, 2.0, 4.0])))


@each_own
def test_fortran_order(kind):
    def make():
        W, b = leaves(np.asfortranarray(np.arange(6.0).reshape(2, 3) / 6), np.ones((3, 2)).T)
        assert W.data.flags.f_contiguous
        return (lambda x: ((W * x - b) ** 2).mean()), kind([W, b], lr=0.05)

    assert_same_training(make, (np.ones((2, 3)),), (np.full((2, 3), 2.0),))


@each_own
def test_the_state_is_shared_and_saved(kind, tmp_path):
    (f, optimizer), (twin, twin_optimizer) = network(kind)(), network(kind)()
    step = unroll(f, optimizer=optimizer)
    for k, (x, y) in enumerate(batches() * 4):
        take = step if k % 4 != 3 else lambda *xs: eager_step(f, optimizer, *xs)
        assert_same_loss(take(x, y), eager_step(twin, twin_optimizer, x, y))
        if k % 5 == 4:
            optim.save(tmp_path / "state.npz", optimizer)
            optim.load(tmp_path / "state.npz", optimizer)
            twin_optimizer.load_state_dict(twin_optimizer.state_dict())
        assert_same_state(optimizer, twin_optimizer)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_an_eager_step_leaves_numbers_of_numpys_in_the_lists(dtype):
    """For a parameter of shape (), ``a * b + g`` is no array: the next step may find either."""

    def make():
        (w,) = leaves(np.array(1.5, dtype))
        return (lambda x: (w * x).mean() ** 2), Replaced([w], lr=0.01)

    (f, optimizer), (twin, twin_optimizer) = make(), make()
    step, x = unroll(f, optimizer=optimizer), np.ones(3, dtype)
    for k in range(8):
        value = step(x) if k % 3 else eager_step(f, optimizer, x)
        tolerance = 4 * np.finfo(dtype).eps
        assert_same_loss(value, eager_step(twin, twin_optimizer, x), tolerance)
        assert_same_state(optimizer, twin_optimizer, tolerance)
        assert isinstance(optimizer.first[0], np.ndarray | np.generic)


def test_a_setting_of_ones_own():
    def before(k, optimizer):
        optimizer.decay = 0.5 if k % 7 else 0.25

    for kind in (InItsOrder, Momentum, Clipped):
        assert_same_training(network(kind), *batches(), before=before)


def test_numbers_that_become_different_and_equal_again():
    def before(k, optimizer):
        if k == 4:
            optimizer.scale[1] = 1.0
        if k == 8:
            optimizer.scale[0] = optimizer.scale[2] = 0.25
        if k == 12:
            optimizer.count[0] += 3

    assert_same_training(network(Counting), *batches(), before=before)


def test_names_that_the_source_needs_too():
    """An input called lr, a parameter called steps, one called out: as names in the source."""

    def make():
        lr, steps, np_, step, v = leaves(*(np.full(2, 0.5 + i) for i in range(5)))
        names = ("lr", "steps", "np", "step", "v_lr")
        for p, name in zip((lr, steps, np_, step, v), names, strict=True):
            p.name = name

        def f(lr_, steps_, second_moment):
            return (lr * lr_ + steps * steps_ - np_ * step * v * second_moment).sum() ** 2

        return f, Adam([lr, steps, np_, step, v], lr=0.01, weight_decay=0.1, eps=1e-3)

    assert_same_training(make, (np.ones(2), np.array([2.0, 1.0]), np.full(2, 3.0)))

    def make_inputs():
        (w,) = leaves(np.ones(2), name="W")

        def f(lr, steps, rate, v_W, m_W, scale):
            return (w * (lr + steps + rate + v_W + m_W + scale)).sum() ** 2

        return f, Adam([w], lr=0.01, eps=1e-3)

    assert_same_training(make_inputs, [np.full(2, float(i)) for i in range(6)])


# --- what is refused -----------------------------------------------------------------------------


class OwnStep(GD):
    def step(self):
        super().step()


class Counts(GD):
    """An attribute that is no buffer."""

    def __init__(self, params, lr):
        super().__init__(params, lr)
        self.calls = 0

    def update(self, i, w, g):
        self.calls += 1
        super().update(i, w, g)


class KeepsTheGradient(GD):
    def update(self, i, w, g):
        self.last = g
        super().update(i, w, g)


class KeepsInADict(GD):
    """Not an attribute that is assigned, but one that is written."""

    def __init__(self, params, lr):
        super().__init__(params, lr)
        self.seen = {}

    def update(self, i, w, g):
        self.seen[i] = g
        super().update(i, w, g)


class CountsInAList(GD):
    def __init__(self, params, lr):
        super().__init__(params, lr)
        self.calls = [0]

    def update(self, i, w, g):
        self.calls[0] += 1
        w -= self.lr / self.calls[0] * g


def updating(update, kind=Own):
    return type("Odd", (kind,), {"update": update})


class Undefined(Own):
    """Without an update at all."""


REFUSED = {
    "own step": (OwnStep, r"OwnStep has a step\(\) of its own"),
    "attribute": (Counts, r"Counts.update changes self.calls"),
    "gradient": (KeepsTheGradient, r"KeepsTheGradient.update changes self.last"),
    "dict": (KeepsInADict, r"optimizer\.seen\[\d\]"),
    "list": (CountsInAList, r"calls|another one each time"),
    "float": (updating(lambda self, i, w, g: w.__isub__(float(self.lr) * g)), "the number lr"),
    "sqrt": (updating(lambda self, i, w, g: w.__isub__(math.sqrt(self.lr) * g)), "the number lr"),
    "less": (updating(lambda self, i, w, g: w.__isub__(g if self.lr < 1 else w)), "the number lr"),
    "equal": (updating(lambda self, i, w, g: w.__isub__(g if self.lr == 0.05 else w)), "number lr"),
    "unequal": (updating(lambda self, i, w, g: w.__isub__(w if self.lr != 1 else g)), "number lr"),
    "a part": (updating(lambda self, i, w, g: w.__isub__(w if self.lr in (1, 2) else g)), "lr"),
    "max": (updating(lambda self, i, w, g: w.__isub__(max(self.lr, 0.1) * g)), "the number lr"),
    "and": (updating(lambda self, i, w, g: w.__isub__((self.lr and 0.1) * g)), "the number lr"),
    "count": (
        updating(lambda self, i, w, g: w.__isub__(g if self.count[i] == 0 else w)), "number count"
    ),
    "count below": (
        updating(lambda self, i, w, g: w.__isub__(g if self.count[i] < 3 else w)), "number count"
    ),
    "branch": (updating(lambda self, i, w, g: w.__isub__(g if g.sum() > 0 else w)), "condition"),
    "noise": (
        updating(lambda self, i, w, g: w.__isub__(np.random.default_rng().random(w.shape))),
        "another one each time",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "message"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("at_once", [False, True])
def test_refused_by_name(kind, message, at_once):
    (f, optimizer), (g, twin) = network(kind)(), network(kind)()
    with pytest.raises(TypeError, match=f"^unroll: .*{message}"):
        unroll(f, *(batch() if at_once else ()), optimizer=optimizer)(*batch())
    assert_same_state(optimizer, twin, 0)
    assert {*vars(optimizer)} == {*vars(twin)}
    assert getattr(optimizer, "calls", 0) in (0, [0]) or kind is CountsInAList
    assert not getattr(optimizer, "seen", {})
    if kind is not REFUSED["noise"][0] and kind is not CountsInAList:
        assert_same_loss(eager_step(f, optimizer, *batch()), eager_step(g, twin, *batch()))
        assert_same_state(optimizer, twin)
        assert all(type(p.data) is np.ndarray for p in optimizer.params)


def test_an_update_that_is_missing_or_fails_raises_its_own_error():
    for kind, error in (
        (Undefined, NotImplementedError),
        (updating(lambda self, i, w, g: {}["missing"]), KeyError),
    ):
        (f, optimizer), (_, twin) = network(kind)(), network(kind)()
        with pytest.raises(error):
            unroll(f, optimizer=optimizer)(*batch())
        assert_same_state(optimizer, twin, 0)


def test_an_update_that_fails_at_the_second_parameter_leaves_the_first():
    def update(self, i, w, g):
        w -= self.lr * g
        self.first[i] = w * 2
        self.count[i] += 1
        if i == 1:
            raise KeyError("of the update itself")

    f, optimizer = network(updating(update))()
    twin = network(updating(update))()[1]
    with pytest.raises(KeyError, match="of the update itself"):
        unroll(f, optimizer=optimizer)(*batch())
    assert_same_state(optimizer, twin, 0)


def test_a_state_of_another_library_is_refused():
    from tests.strict_array import StrictArray

    (w,) = leaves([1.0, 2.0])
    optimizer = SGD([w], lr=0.1, momentum=0.9)
    optimizer.velocity[0] = StrictArray(np.zeros(2))
    with pytest.raises(TypeError, match=r"^unroll: .*velocity\[0\] is a StrictArray"):
        unroll(lambda: (w * w).sum(), optimizer=optimizer)
    v = Tensor(StrictArray(np.ones(2)), requires_grad=True)
    with pytest.raises(TypeError, match=r"^unroll: .*StrictArray"):
        unroll(lambda: (v * v).sum(), optimizer=SGD([v], lr=0.1))
