"""The numbers of an update: arrays without axes for NumPy, arithmetic for ``unroll``."""

import copy
import operator

import numpy as np
import pytest

from tinygrad_loss import Tensor
from tinygrad_loss.optim import GD, SGD, Adam

from .test_optim import MAKERS, parameters, set_gradients


class Number:
    """One of which nothing is known but how it was computed from Python's numbers."""

    def __init__(self, value):
        self.value = value

    def as_array(self):
        return np.array(getattr(self, "value", self))

    def __bool__(self, other=None):
        raise AssertionError("an update compared a number")

    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__


def _computed(operation, swapped):
    def compute(self, other):
        pair = self.value, getattr(other, "value", other)
        return Number(operation(*(pair[::-1] if swapped else pair)))

    return compute


for _name in ("add", "sub", "mul", "truediv", "pow"):
    setattr(Number, f"__{_name}__", _computed(getattr(operator, _name), swapped=False))
    setattr(Number, f"__r{_name}__", _computed(getattr(operator, _name), swapped=True))


@pytest.mark.parametrize(
    "make", [*MAKERS, lambda params: SGD(params, 0.1, momentum=0.5, weight_decay=0.1, l1=0.01)]
)
def test_an_update_computes_its_numbers_by_arithmetic_alone(make):
    """So that ``unroll`` can repeat it with the learning rate and the step count of the day."""
    ours, theirs = parameters(), parameters()
    optimizer, traced = make(ours), make(theirs)
    for step in range(3):
        for params in (ours, theirs):
            set_gradients(params, np.random.default_rng(step))
        optimizer.step()
        known = copy.copy(traced)
        vars(known)["lr"] = Number(traced.lr)
        known._number = [Number.as_array] * len(theirs)
        if isinstance(known, Adam):
            known.steps = list(map(Number, traced.steps))
        for i, p in enumerate(theirs):
            known.update(i, p.data, p.grad)
        if isinstance(known, Adam):
            traced.steps = [t.value for t in known.steps]
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(p.data, q.data, strict=True)


@pytest.mark.parametrize("make", MAKERS)
def test_parameters_of_several_dtypes_move_as_each_alone(make):
    dtypes = [np.float16, np.float32, np.float64, np.float32]
    groups = [parameters([(3, 2)], dtype, seed) for seed, dtype in enumerate(dtypes)]
    twins = [parameters([(3, 2)], dtype, seed) for seed, dtype in enumerate(dtypes)]
    together, alone = make([p for (p,) in groups]), [make(twin) for twin in twins]
    for step in range(3):
        for params in (*groups, *twins):
            set_gradients(params, np.random.default_rng(step))
        together.lr = 0.1 / (step + 1)
        together.step()
        for optimizer in alone:
            optimizer.lr = 0.1 / (step + 1)
            optimizer.step()
    for (p,), (q,) in zip(groups, twins, strict=True):
        np.testing.assert_array_equal(p.data, q.data, strict=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_learning_rate_that_changes_at_each_step_is_followed_and_not_kept(dtype):
    """More of them than are remembered; then the first again."""
    w = Tensor(0.0, requires_grad=True, dtype=dtype)
    optimizer = GD([w], 1.0)
    rates = [1 / (k + 1) for k in range(300)] * 2
    for rate in rates:
        optimizer.lr = rate
        w.grad = np.ones((), dtype)
        optimizer.step()
    np.testing.assert_allclose(w.data, -sum(rates), rtol=1e-5 if dtype == np.float32 else 1e-13)
    assert optimizer._number[0].cache_info().currsize < 300
