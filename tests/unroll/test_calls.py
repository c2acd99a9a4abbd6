"""What is read, drawn and checked at each call, what is traced anew, and who owns the results."""

import tracemalloc
import warnings

import numpy as np
import pandas as pd
import pytest

from tinygrad_loss import (
    Tensor,
    exp,
    losses,
    no_grad,
)
from tinygrad_loss.unroll import unroll

from .agreement import assert_same, batch, eager, mlp, vars_of

# --- what is read afresh at each call, and what is traced anew -----------------------------------


def test_parameters_are_read_at_each_call():
    w = Tensor([[1.0], [2.0]], requires_grad=True)
    x = np.array([[1.0, 10.0]])
    step = unroll(lambda x: (x @ w @ w.T).sum(), x, wrt=[w])
    source = step.source
    for change in (
        lambda: setattr(w, "data", [[3.0], [4.0]]),
        lambda: w.data.__isub__(0.5),
        lambda: setattr(w, "data", w.data - 0.25),
        lambda: setattr(w, "data", np.array([[5.0, 6.0]]).T),
    ):
        change()
        for _ in range(2):
            assert_same(step(x), eager(lambda x: (x @ w @ w.T).sum(), (x,), [w]))
    assert step.source == source


def test_tensors_that_are_not_in_wrt_are_read_too():
    w, frozen = Tensor([2.0], requires_grad=True), Tensor([3.0])
    other = Tensor([1.0], requires_grad=True)

    def f(x):
        return (x * w * frozen).sum() + (other * 2).detach().sum()

    step = unroll(f, np.ones(1), wrt=[w])
    frozen.data = [5.0]
    other.data = [7.0]
    assert_same(step(np.ones(1)), eager(f, (np.ones(1),), [w]))


def test_a_new_shape_or_dtype_is_traced_anew():
    model = mlp(2, 3, 3)
    f = lambda x, y: losses.cross_entropy(model(x), y)  # noqa: E731
    step = unroll(f, *batch(n=4), wrt=model.parameters())
    for n in (4, 7, 1, 4):
        for dtype in (np.float64, np.float32):
            x, y = batch(n=n, seed=n)
            data = x.astype(dtype), y.astype(np.int32)
            assert_same(step(*data), eager(f, data, model.parameters()))


def test_a_parameter_of_another_shape_is_traced_anew():
    w = Tensor(np.ones(3), requires_grad=True)
    f = lambda x: (x * w * w).sum()  # noqa: E731
    step = unroll(f, np.ones((2, 3)), wrt=[w])
    for data in (np.ones((1, 3)), np.ones(3), np.ones((2, 3), np.float32)):
        w.data = data
        assert_same(step(np.ones((2, 3))), eager(f, (np.ones((2, 3)),), [w]))


def test_lists_tensors_and_views_as_inputs():
    model = mlp(2, 3, 3)
    f = lambda x, y: losses.cross_entropy(model(x), y)  # noqa: E731
    x, y = batch(n=4)
    step = unroll(f, x, y, wrt=model.parameters())
    expected = eager(f, (x, y), model.parameters())
    for inputs in ((x.tolist(), y.tolist()), (Tensor(x), y), (np.asfortranarray(x), y), (x, y)):
        assert_same(step(*inputs), expected)
    wide = np.repeat(x, 2, axis=1)[:, ::2]
    assert_same(step(wide, y), expected)


INPUTS = {
    "masked": (lambda x: np.ma.array(x, mask=x > 1), r"MaskedArray.*x\.filled"),
    "masked in a list": (lambda x: [np.ma.array(x, mask=x > 1)], r"MaskedArray.*x\.filled"),
    "objects": (lambda x: x.astype(object), "of dtype object.*float"),
    "frame of objects": (lambda x: pd.DataFrame({"a": x, "b": ["yes", "no"]}), "DataFrame.*Text"),
    "text": (lambda x: np.array(["a", "b"]), "Text"),
    "complex": (lambda x: x * 1j, "x.real"),
    "dates": (lambda x: x.astype("M8[s]"), "Dates"),
    "ragged": (lambda x: [[1.0], [2.0, 3.0]], "differ in length"),
    "dict": (lambda x: {"x": x}, "Expected a number, a list or an array"),
    "tensors in a list": (lambda x: [Tensor(1.0, requires_grad=True)] * 2, "graph would be lost"),
}


@pytest.mark.parametrize(("make", "message"), INPUTS.values(), ids=INPUTS)
def test_inputs_that_no_op_takes_are_refused_with_the_same_advice(make, message):
    """Of the kind of faults.md F1: masks were ignored, the others failed in NumPy's words."""
    w, y = Tensor([2.0, 3.0], requires_grad=True), np.array([1.0, 2.0])
    f = lambda y, x: (w * x * y).sum()  # noqa: E731
    step = unroll(f, y, y, wrt=[w])
    with pytest.raises((TypeError, ValueError), match=f"^step: input 1: .*{message}"):
        step(y, make(y))
    with pytest.raises((TypeError, ValueError), match=f"^unroll: input 1: .*{message}"):
        unroll(f, y, make(y), wrt=[w])
    assert_same(step(y, y), eager(f, (y, y), [w]))


def test_torchs_tensors_are_refused():
    torch = pytest.importorskip("torch")
    w = Tensor([2.0, 3.0], requires_grad=True)
    step = unroll(lambda x: (w * x).sum(), np.ones(2), wrt=[w])
    with pytest.raises(TypeError, match=r"^step: input 0: torch\.Tensor .*detach\(\)\.numpy\(\)"):
        step(torch.ones(2))


@pytest.mark.parametrize("computed", [False, True])
def test_a_tensor_that_requires_grad_is_an_input_only_where_the_example_was_one(computed):
    """Of the kind of faults.md A2: its graph was lost."""
    x = Tensor([1.0, 5.0], requires_grad=True)
    given, w = x * 2 if computed else x, Tensor(1.0)
    step = unroll(lambda x: (w * x * x).sum(), np.ones(2), wrt=[])
    with pytest.raises(TypeError, match=r"^step: input 0: .*graph would be lost.*detach"):
        step(given)
    assert step(given.detach())[0] == (104 if computed else 26)
    step = unroll(lambda x: (x * x).sum(), x, wrt=[x])
    np.testing.assert_array_equal(step(given)[1][0], 2 * given.data)
    with pytest.raises(TypeError, match="graph would be lost"):
        step([given[0], given[1]])


def test_pandas_objects_are_inputs_by_position():
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}, index=[7, 3])
    w = Tensor([2.0, 3.0], requires_grad=True)
    f = lambda x, y: ((x @ w - y) ** 2).sum()  # noqa: E731
    data = frame.to_numpy(), frame["a"].to_numpy()
    for step in (unroll(f, frame, frame["a"], wrt=[w]), unroll(f, *data, wrt=[w])):
        assert_same(step(frame, frame["a"]), eager(f, data, [w]))


def test_numbers_and_none_are_part_of_the_code():
    w = Tensor([2.0, 3.0], requires_grad=True)

    def f(x, strength, extra):
        loss = (w * x).sum() + strength * (w * w).sum()
        return loss if extra is None else loss * extra

    step = unroll(f, np.ones(2), 0.5, None, wrt=[w])
    for inputs in ((np.ones(2), 0.5, None), (np.ones(2), 0.25, None), (np.ones(2), 0.25, 3.0)):
        assert_same(step(*inputs), eager(f, inputs, [w]))


def test_a_gradient_at_an_input():
    w, x = Tensor([2.0, 3.0], requires_grad=True), Tensor([1.0, 5.0], requires_grad=True)
    step = unroll(lambda x: (w * x * x).sum(), x, wrt=[x, w])
    for data in ([1.0, 5.0], [2.0, 2.0]):
        value, (d_x, d_w) = step(np.array(data))
        assert value == pytest.approx((w.data * np.square(data)).sum())
        np.testing.assert_allclose(d_x, 2 * w.data * data)
        np.testing.assert_allclose(d_w, np.square(data))


def test_gradients_come_in_the_nest_of_wrt():
    w, b = Tensor([1.0, 2.0], requires_grad=True), Tensor(3.0, requires_grad=True)
    step = unroll(lambda x: (w * x + b).sum(), np.ones(2), wrt={"w": w, "rest": [b]})
    value, gradients = step(np.array([5.0, 7.0]))
    assert value == 25
    assert gradients["w"].tolist() == [5, 7]
    assert [g.item() for g in gradients["rest"]] == [2]


def test_captured_arrays_are_frozen_as_documented():
    w, c = Tensor([2.0], requires_grad=True), np.array([3.0])
    step = unroll(lambda: (w * c).sum(), wrt=[w])
    c[0] = 100.0
    assert step()[0] == 6.0


def test_no_grad_around_the_call_changes_nothing():
    w = Tensor([2.0], requires_grad=True)
    with no_grad():
        step = unroll(lambda x: (w * x).sum(), np.ones(1), wrt=[w])
        assert step(np.array([5.0]))[1][0] == 5.0


# --- checks of values ----------------------------------------------------------------------------


def test_wrong_labels_raise_the_losses_own_error_at_each_call():
    model = mlp(2, 3, 3)
    x, y = batch(n=4)
    step = unroll(lambda x, y: losses.cross_entropy(model(x), y), x, y, wrt=model.parameters())
    for bad in (np.array([0, 1, 2, 3]), np.array([0, -1, 2, 1])):
        with pytest.raises(ValueError, match="class index") as error:
            step(x, bad)
        with pytest.raises(ValueError, match="class index") as expected:
            losses.cross_entropy(model(x), bad)
        assert str(error.value) == str(expected.value)
    assert "check" not in step.source  # made before the arithmetic
    assert_same(
        step(x, y),
        eager(lambda x, y: losses.cross_entropy(model(x), y), (x, y), model.parameters()),
    )


def test_integer_labels_are_checked_before_the_step():
    w = Tensor([[0.5], [0.2]], requires_grad=True)
    x, y = np.ones((3, 2)), np.array([[0], [1], [1]])
    for loss in (losses.hinge, losses.binary_cross_entropy_with_logits):
        labels = 2 * y - 1 if loss is losses.hinge else y
        step = unroll(lambda x, y, loss=loss: loss(x @ w, y), x, labels, wrt=[w])
        assert "check" not in step.source
        with pytest.raises(ValueError, match="holds") as error:
            step(x, labels + 1)
        with pytest.raises(ValueError, match="holds") as expected:
            loss(x @ w, labels + 1)
        assert str(error.value) == str(expected.value)


def test_values_computed_on_the_way_are_checked_too():
    w = Tensor([[0.5, 0.2]], requires_grad=True)
    y = np.array([[1.0, 0.0]])
    step = unroll(lambda x, y: losses.binary_cross_entropy(x * w, y), np.ones((1, 2)), y, wrt=[w])
    assert step(np.ones((1, 2)), y)[0] > 0
    with pytest.raises(ValueError, match="These look like logits"):
        step(np.full((1, 2), 3.0), y)
    with pytest.raises(ValueError, match="Labels -1 and 1"):
        step(np.ones((1, 2)), np.array([[1.0, -1.0]]))


def test_a_warning_is_given_while_tracing():
    p = np.full((2, 2), 0.5)
    with pytest.warns(UserWarning, match="softmax") as record:
        step = unroll(lambda z: losses.cross_entropy(z, [0, 1]), Tensor(p, True), wrt=[])
    assert record[0].filename == __file__  # the line that called the loss
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        step(p)


# --- who owns what -------------------------------------------------------------------------------


@pytest.mark.parametrize("computed", [False, True])
def test_gradients_share_memory_with_nothing_but_the_next_call(computed):
    a, b = Tensor([1.0, 2.0], requires_grad=True), Tensor([3.0, 4.0], requires_grad=True)
    unused = Tensor([1.0], requires_grad=True)
    c = np.array([5.0, 6.0])
    x = np.array([0.7, 0.8])

    def f(x):
        if computed:  # one array, which is the gradient of both
            return exp((a + b) * x).sum() + (unused * 0).sum()
        return (a + b).sum() + (a * c).sum() + (b * x).sum()  # constants

    step = unroll(f, x, wrt=[a, b, a, unused])
    _, slopes = step(x)
    arrays = [*slopes, a.data, b.data, c, x]
    for i, g in enumerate(slopes):
        assert all(not np.shares_memory(g, other) for other in arrays[:i] + arrays[i + 1 :])
    for g in slopes:
        g *= 0  # whatever is done to them, the next call is right
    assert_same(step(x), eager(f, (x,), [a, b, a, unused]))


def test_inputs_and_parameters_are_never_written():
    model = mlp(2, 3, 3)
    x, y = batch(n=4)
    for array in (x, y, *(p.data for p in model.parameters())):
        array.setflags(write=False)
    step = unroll(lambda x, y: losses.cross_entropy(model(x), y), x, y, wrt=model.parameters())
    step(x, y)
    step(x, y)


def test_the_value_stays_what_it_was():
    w = Tensor([[2.0]], requires_grad=True)
    step = unroll(lambda x: w * x, np.ones((1, 1)), wrt=[w])
    first, _ = step(np.full((1, 1), 3.0))
    step(np.full((1, 1), 5.0))
    assert first == 6.0


def test_a_step_allocates_less_than_the_same_by_hand():
    model = mlp(64, 32, 10, dtype=np.float32)
    x, y = batch(64, 10, 64)
    x = x.astype(np.float32)
    W0, b0, W1, b1 = (p.data for p in model.parameters())
    rows = np.arange(64)

    def by_hand():
        a = np.maximum(x @ W0 + b0, 0)
        z = a @ W1 + b1
        z = z - z.max(axis=1, keepdims=True)
        e = np.exp(z)
        total = e.sum(axis=1, keepdims=True)
        loss = (np.log(total[:, 0]) - z[rows, y]).mean()
        g = e / total
        g[rows, y] -= 1
        g /= len(x)
        d_h = (g @ W1.T) * (a > 0)
        return loss, (x.T @ d_h, d_h.sum(axis=0), a.T @ g, g.sum(axis=0))

    def peak(f):
        f()
        tracemalloc.start()
        try:
            result = f()
            assert np.isfinite(result[0])
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    step = unroll(lambda x, y: losses.cross_entropy(model(x), y), x, y, wrt=model.parameters())
    arrays = {id(x): x for x in vars_of(step).values() if isinstance(x, np.ndarray)}.values()
    buffers = sum(x.nbytes for x in arrays if x.base is None)
    assert step(x, y)[0] == pytest.approx(by_hand()[0], rel=1e-5)
    assert buffers + peak(lambda: step(x, y)) <= peak(by_hand)


def test_an_input_that_is_missing_is_named_as_by_python():
    x, c = Tensor(2.0, requires_grad=True), Tensor(3.0)
    step = unroll(lambda a, b: a * b, c, x, wrt=[x])
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'b'"):
        step(c)
