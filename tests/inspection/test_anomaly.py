"""detect_anomaly() finds what the stamps cannot see: raw writes, NaN and inf (trap 7)."""

import numpy as np
import pytest

from tinygrad_loss import Tensor, detect_anomaly, gradients, no_grad
from tinygrad_loss.engine import ops


def leaf(data, name=None):
    return Tensor(data, requires_grad=True, name=name)


def test_raw_writes_are_caught_by_detect_anomaly():
    for write in (
        lambda w: w.data.__setitem__(0, 9.0),
        lambda w: np.add(w.data, 1, out=w.data),
        lambda w: w.data.sort(),
    ):
        w = leaf([2.0, 1.0], "weights")
        with detect_anomaly():
            loss = (w * w).sum()
            write(w)
            with pytest.raises(RuntimeError, match=r"multiply: weights \(2,\).*written"):
                loss.backward()
        assert w.grad is None


def test_raw_writes_into_plain_arrays_are_caught_too():
    w, x = leaf([2.0, 1.0]), np.ones(2)
    with detect_anomaly():
        loss = (x * w).sum()
        x[0] = 5
        with pytest.raises(RuntimeError, match="multiply"):
            loss.backward()


@pytest.mark.parametrize(
    ("f", "x", "what"),
    [
        (ops.log, 0.0, "log: x.*-inf"),
        (ops.log, -1.0, "log: x.*nan"),
        (ops.exp, 1000.0, "exp: x.*inf"),
        (lambda x: 1 / x, 0.0, "divide: 1.*x.*inf"),
        (lambda x: ops.sqrt(x), 0.0, "backward of sqrt: x.*inf"),
        (lambda x: x**0.5, 0.0, "backward of power: x.*inf"),
    ],
)
def test_nan_and_inf_name_the_op(f, x, what):
    with np.errstate(all="ignore"), detect_anomaly(), pytest.raises(FloatingPointError, match=what):
        f(leaf([x, 1.0], "x")).sum().backward()


def test_nan_that_was_there_before_is_not_blamed_on_the_op():
    x = leaf([np.nan, 1.0])
    with detect_anomaly():
        (x * 2).sum().backward()
    assert x.grad.tolist() == [2, 2]


def test_detect_anomaly_leaves_right_computations_alone():
    x = leaf([1.0, 2.0])
    with detect_anomaly():
        loss = (ops.exp(x) * x).sum()
        loss.backward()
        (g,) = gradients(loss, [x], create_graph=True)
        gradients(g.sum(), [x])
        with no_grad():
            assert not (x * 2).requires_grad
    with np.errstate(divide="ignore"):
        assert ops.log(leaf(0.0)).item() == -np.inf
