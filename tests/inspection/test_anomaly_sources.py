"""detect_anomaly() says where a NaN came from, and sees each array that was written into.

faults.md H2: NaN in X, targets or parameters was reported as "though the inputs are finite", and
index arrays inside tuples were not watched. faults.md I: arrays of other libraries.
"""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as npst

from tinygrad_loss import Tensor, detect_anomaly, losses, nn, no_grad
from tinygrad_loss.engine import functions, ops

from ..strict_array import StrictArray

X = np.random.default_rng(1).normal(size=(5, 3))
Y = np.random.default_rng(2).normal(size=(5, 2))


def leaf(data, name=None):
    return Tensor(data, requires_grad=True, name=name)


def mlp(activation="relu"):
    return nn.MLP([3, 4, 2], activation=activation, rng=np.random.default_rng(0))


def holding(array, index, value=np.nan):
    array = array.copy()
    array[index] = value
    return array


def reported(f, *inputs):
    """The message of the error that f().backward() raises under detect_anomaly()."""
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError) as caught, detect_anomaly():
        f(*inputs).backward()
    return str(caught.value)


# --- NaN in the data ------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [losses.mean_squared_error, losses.huber, losses.log_cosh])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_nan_in_the_samples_is_named(activation, loss):
    model = mlp(activation)
    bad = holding(X, (3, 0))
    for x, name in ((bad, "(5, 3)"), (Tensor(bad, name="X"), "X (5, 3)")):
        message = reported(lambda x=x: loss(model(x), Y))
        assert "input 0 of linear holds nan at [3, 0]" in message
        assert message.endswith(f"no recorded op made it, it came with the data: {name}")
        assert "finite" not in message


@pytest.mark.parametrize(
    "loss", [losses.mean_squared_error, losses.mean_absolute_error, losses.huber]
)
def test_nan_in_the_targets_is_named(loss):
    message = reported(lambda: loss(mlp()(X), holding(Y, (2, 1))))
    assert "holds nan at [2, 1]: no recorded op made it" in message
    assert message.endswith("(5, 2)")


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize(
    ("layer", "kind", "index", "what"),
    [
        (0, "weight", (1, 2), "input 1 of linear holds nan at [1, 2]"),
        (2, "bias", (1,), "input 2 of linear holds nan at [1]"),
    ],
)
def test_nan_in_a_parameter_is_named(layer, kind, index, what, activation):
    model = mlp(activation)
    getattr(model.layers[layer], kind).data[index] = np.nan
    message = reported(lambda: losses.mean_squared_error(model(X), Y))
    assert what in message
    assert f"it came with the data: layers.{layer}.{kind} (" in message


def test_nan_in_an_option_is_named():
    message = reported(lambda: ops.leaky_relu(leaf([1.0, -1.0]), slope=np.nan).sum())
    assert "slope of leaky_relu holds nan: no recorded op made it" in message


@settings(max_examples=40, deadline=None)
@given(data=st.data(), shape=npst.array_shapes(max_dims=3, max_side=4))
def test_the_index_is_that_of_the_nan(data, shape):
    index = tuple(data.draw(st.integers(0, n - 1)) for n in shape)
    message = reported(lambda: ops.square(leaf(holding(np.ones(shape), index), "x")).sum())
    assert f"input 0 of square holds nan at {list(index)}: no recorded" in message


def test_a_nan_counts_more_than_an_inf():
    """The mask of -inf is meant; the NaN in the other input is not."""
    x = holding(np.ones(3), 1)
    message = reported(lambda: (leaf([1.0, 2.0, 3.0]) * np.array([0, 0, -np.inf]) * x).sum())
    assert "as input 1 of multiply holds nan at [1]: no recorded op made it" in message


def test_of_one_array_the_nan_is_named_and_not_the_inf_before_it():
    message = reported(lambda: ops.square(leaf([np.inf, 1.0, np.nan])).sum())
    assert "input 0 of square holds nan at [2]" in message


def test_an_inf_from_before_the_block_is_traced_to_its_op():
    with np.errstate(over="ignore"):
        y = ops.exp(leaf([1.0, 800.0]))
    message = reported(lambda: y.sum())
    assert message.endswith("as the value holds inf at [1], which exp made before this block")


def test_a_sum_of_gradients_that_overflows_is_named():
    x = leaf([1.0, 2.0], "x")

    def f():
        y = x * 1e-300
        return (y * 1e308 + y * 1.5e308).sum()

    message = reported(f)
    assert message.startswith("backward of multiply: x (2,) * 1e-300: the gradient of input 0 hold")
    assert "inf at [0], as does the one that arrived there: a sum overflowed" in message


def test_a_nan_from_before_the_block_is_traced_to_its_op():
    x = leaf([1.0, -1.0])
    with np.errstate(invalid="ignore"):
        h = ops.log(x)
    message = reported(lambda: (h * x).sum())
    assert message.endswith(
        "input 0 of multiply holds nan at [1], which log made before this block"
    )


# --- NaN and inf that an op makes -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda x: ops.exp(x * 400), "exp: (3,): the value holds inf at [1], though the inputs a"),
        (
            lambda x: ops.log(abs(x - 2)),
            "log: (3,): the value holds -inf at [1], though the inputs ar",
        ),
        (lambda x: x.astype(np.float32) * 1e39, "the value holds inf at [0], though the inputs "),
        (lambda x: ops.sqrt(x - 3), "sqrt: (3,): the value holds nan at [0], though the inputs a"),
        (
            lambda x: ops.softmax(ops.where(np.zeros(3, bool), x, -np.inf)),
            "softmax: (3,): the value holds nan at [0], and none was given: input 0 holds -inf",
        ),
        (
            lambda x: ops.where([True, False, True], ops.sqrt(x * [1, 0, 1]), 0),
            "backward of sqrt: (3,): the gradient of input 0 holds nan at [1], though all that ",
        ),
    ],
)
def test_the_op_and_the_element_are_named(f, message):
    assert message in reported(lambda: f(leaf([1.0, 2.0, 3.0])).sum())


@pytest.mark.parametrize(
    "f",
    [
        lambda x: ops.softmax(x + np.array([0, -np.inf, 0]))[0],
        lambda x: ops.log_softmax(ops.where([True, False, True], x, -np.inf))[0],
        lambda x: losses.cross_entropy((x + np.array([0, -np.inf, 0])).reshape(1, 3), [0]),
        lambda x: ops.exp(ops.where([True, False, True], x, -np.inf)).sum(),
        lambda x: ops.maximum(x, -np.inf).sum(),
        lambda x: ops.clip(x, -np.inf, np.inf).sum(),
        lambda x: ops.logsumexp(ops.where([True, False, True], x, -np.inf)),
        lambda x: ops.where(np.isnan(holding(np.ones(3), 1)), 0, x).sum(),
        lambda x: ops.where([True, False, True], x - holding(np.ones(3), 1), 0).sum(),
    ],
)
def test_masks_of_inf_and_of_nan_are_not_reported(f):
    x = leaf([1.0, 2.0, 3.0])
    with detect_anomaly():
        f(x).backward()
    assert np.isfinite(x.grad).all()


# --- arrays that were written into ----------------------------------------------------------------


def swap(index):
    index[0], index[1] = index[1], index[0]


INDICES = {  # an index, and what of it is changed
    "array": lambda i: (i, i),
    "list": lambda i: (i := i.tolist(), i),
    "mask": lambda i: (i := i > 0, i),
    "array in a tuple": lambda i: ((np.arange(5), i), i),
    "list in a tuple": lambda i: ((list(range(5)), i := i.tolist()), i),
    "beside a slice": lambda i: ((slice(2), i), i),
    "beside a new axis": lambda i: ((None, i, ...), i),
}


@pytest.mark.parametrize("kind", INDICES)
def test_an_index_that_was_changed_is_named(kind):
    index, part = INDICES[kind](np.array([0, 1, 1, 0, 2]))
    x = leaf(X, "x")
    with detect_anomaly():
        loss = x[index].sum()
        swap(part)
        with pytest.raises(RuntimeError, match=r"getitem: x \(5, 3\): an element of index was wri"):
            loss.backward()
    assert x.grad is None


def test_a_change_in_the_middle_of_a_long_index_is_seen():
    x, rows = leaf(np.ones((3000, 2))), np.arange(3000)
    with detect_anomaly():
        loss = x[rows, np.zeros(3000, int)].sum()
        rows[1500] = 0
        with pytest.raises(RuntimeError, match="an element of index was written to"):
            loss.backward()


def test_labels_limits_weights_and_conditions_that_were_changed_are_named():
    for f, named in (
        (lambda x, a: losses.cross_entropy(x, a), "index"),
        (lambda x, a: ops.clip(x[:, 0], a, 9.0).sum(), "min"),
        (lambda x, a: ops.where(a, x[:, 0], 0).sum(), "input 0"),
        (lambda x, a: (x[:, 0] * a).sum(), "input 1"),
    ):
        x = leaf(X)
        dtype = {"index": int, "min": float, "input 0": bool, "input 1": np.float32}[named]
        array = np.array([0, 1, 1, 0, 2]).astype(dtype)
        with detect_anomaly():
            loss = f(x, array)
            array[0] = 1
            with pytest.raises(RuntimeError, match=f"an element of {named} was written to after"):
                loss.backward()


def test_a_parameter_that_was_written_into_is_named():
    model = mlp()
    with detect_anomaly():
        loss = losses.mean_squared_error(model(X), Y)
        model.layers[2].weight.data[0, 0] = 1
        with pytest.raises(RuntimeError, match=r"layers\.2\.weight.*an element of input 1 was wri"):
            loss.backward()


def test_writes_after_backward_and_into_what_was_not_recorded_are_no_error():
    x, index = leaf(X), np.array([0, 1])
    with detect_anomaly():
        with no_grad():
            x[index].sum()
        index[0] = 2
        loss = x[index].sum()
        loss.backward()
        index[0] = 1
        x.data[0, 0] = 1
        x[index].sum().backward()


# --- arrays of other libraries --------------------------------------------------------------------


def lazy(data):
    return pytest.importorskip("dask.array").from_array(np.asarray(data), chunks=1)


@pytest.mark.parametrize("array", [StrictArray, lazy])
def test_arrays_of_other_libraries_are_watched(array):
    def foreign(data):
        return Tensor(array(data), requires_grad=True, copy=False, name="x")

    with detect_anomaly():
        (ops.exp(foreign([1.0, 2.0])) * functions.norm(foreign([3.0, 4.0]))).sum().backward()
    for f, message in (
        (lambda: ops.log(foreign([1.0, 0.0])), "log: x (2,): the value holds -inf at [1]"),
        (
            lambda: ops.sqrt(foreign([1.0, 0.0])),
            "backward of sqrt: x (2,): the gradient of input 0",
        ),
        (lambda: ops.square(foreign([1.0, np.nan])), "input 0 of square holds nan at [1]"),
    ):
        assert message in reported(lambda f=f: f().sum())
    x = foreign([1.0, 2.0])
    with detect_anomaly():
        loss = (x * x).sum()
        x.data[0] = 5.0
        with pytest.raises(RuntimeError, match="an element of input 0 was written to"):
            loss.backward()


def test_a_value_that_was_written_into_is_named_where_it_can_be():
    """NumPy's values are read-only; CuPy's arrays have no such flag."""
    with detect_anomaly():
        y = ops.exp(Tensor(StrictArray(1.0), requires_grad=True, copy=False))
        y.data[...] = 5.0
        with pytest.raises(RuntimeError, match=r"exp: \(\): an element of the output was written"):
            y.backward()
