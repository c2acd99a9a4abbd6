"""Updates as every book writes them: p -= lr * p.grad."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from tinygrad_loss import Tensor, detect_anomaly, gradients, mean_squared_error, nn, no_grad, optim
from tinygrad_loss.engine.mode import set_mode


def leaf(data, name=None, **options):
    return Tensor(data, requires_grad=True, name=name, **options)


def add(p, step):
    p += step
    return p


def subtract(p, step):
    p -= step
    return p


def multiply(p, step):
    p *= step
    return p


def divide(p, step):
    p /= step
    return p


def power(p, step):
    p **= step
    return p


def matmul(p, step):
    p @= step
    return p


ELEMENTWISE = {
    add: np.add,
    subtract: np.subtract,
    multiply: np.multiply,
    divide: np.true_divide,
    power: np.power,
}
UPDATES = [*ELEMENTWISE, matmul]
START = np.array([[1.0, 2.0], [3.0, 4.0]])
STEP = np.array([[0.5, 1.0], [2.0, 0.25]])


def by_name(function):
    return getattr(function, "__name__", None)


# --- in place, under no_grad ----------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("update", UPDATES, ids=by_name)
def test_a_leaf_is_written_in_place(update, dtype):
    p = leaf(START.astype(dtype))
    array, stamp = p.data, p.stamp
    p.grad = np.ones((2, 2), dtype)
    with no_grad():
        after = update(p, STEP)
    assert after is p
    assert p.data is array
    assert p.dtype == dtype
    assert p.stamp > stamp
    assert (p.requires_grad, p.origin) == (True, None)
    assert p.grad.tolist() == [[1, 1], [1, 1]]
    numpys = ELEMENTWISE.get(update, np.matmul)
    # In the precision of the step, and rounded once.
    np.testing.assert_array_equal(p.data, numpys(START.astype(dtype), STEP).astype(dtype))


@pytest.mark.parametrize("update", UPDATES, ids=by_name)
def test_the_graph_of_before_refuses_and_a_new_one_is_right(update):
    """Trap 7."""
    p = leaf(START, "weights")
    loss = (p * p).sum()
    with no_grad():
        update(p, STEP)
    for f in (loss.backward, lambda: gradients(loss, [p])):
        with pytest.raises(RuntimeError, match=r"weights \(2, 2\) was changed after multiply"):
            f()
    (p * p).sum().backward()
    np.testing.assert_array_equal(p.grad, 2 * p.data)


@pytest.mark.parametrize(
    "step",
    [2, 2.0, True, np.float64(2), np.array(2.0), [2.0, 3.0], (2.0, 3.0), [[2.0], [3.0]],
     np.ones(2, np.float32), np.arange(2), Tensor([2.0, 3.0]), leaf([2.0, 3.0]),
     leaf([2.0, 3.0]) * 2],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("update", [add, subtract, multiply], ids=by_name)
def test_steps_of_all_kinds_broadcast(update, step):
    p = leaf(START)
    with no_grad():
        assert update(p, step) is p
    number = step.data if isinstance(step, Tensor) else np.array(step)
    np.testing.assert_array_equal(p.data, ELEMENTWISE[update](START, number))
    assert p.origin is None


def test_a_leaf_with_itself():
    p = leaf(START)
    with no_grad():
        p += p
        p -= p * 0.5
        p *= p.T  # reads what it writes
    np.testing.assert_array_equal(p.data, START * START.T)


def test_a_step_of_gradients_that_are_tensors():
    p = leaf(START)
    (g,) = gradients((p * p).sum(), [p], create_graph=True)
    with no_grad():
        p -= 0.25 * g
    np.testing.assert_array_equal(p.data, START / 2)


def test_leaves_without_dimensions_stay_arrays():
    p = leaf(3.0)
    array = p.data
    with no_grad():
        p -= 1
        p **= 2
        p /= 8.0
    assert p.data is array
    assert type(p.data) is np.ndarray
    assert p.item() == 0.5


def test_a_shared_array_is_written_into():
    array = START.copy()
    p = leaf(array, copy=False)
    with no_grad():
        p -= 1
    np.testing.assert_array_equal(array, START - 1)


@pytest.mark.parametrize(
    ("start", "step", "shape"),
    [((2,), (3, 2), (3, 2)), ((), (2,), (2,)), ((1, 2), (4, 2), (4, 2)), ((2,), (1, 2), (1, 2))],
)
def test_a_step_that_would_make_it_grow(start, step, shape):
    p = leaf(np.ones(start), "bias")
    stamp = p.stamp
    with no_grad(), pytest.raises(ValueError) as error:
        p -= np.full(step, 0.5)
    assert f"bias has shape {start}, and would have {shape}" in str(error.value)
    assert "broadcasts to the shape of bias" in str(error.value)
    assert (p.data == 1).all()
    assert p.stamp == stamp


def test_a_matrix_product_that_would_change_the_shape():
    p = leaf(START)
    with no_grad(), pytest.raises(ValueError, match=r"p has shape \(2, 2\), and would have \(2,\)"):
        p @= np.ones(2)
    with no_grad(), pytest.raises(ValueError, match="inner sizes 2 and 3 differ"):
        p @= np.ones((3, 2))
    np.testing.assert_array_equal(p.data, START)


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (np.ones(3), ValueError),
        (1j, TypeError),
        (np.ones((2, 2), complex), TypeError),
        ("step", TypeError),
        (None, TypeError),
        ({}, TypeError),
        (np.array([None, 1.0]), TypeError),
    ],
    ids=repr,
)
@pytest.mark.parametrize("update", [add, subtract, multiply, divide, power], ids=by_name)
def test_steps_that_are_refused_change_nothing(update, step, error):
    p = leaf(START)
    stamp = p.stamp
    with no_grad(), pytest.raises(error):
        update(p, step)
    np.testing.assert_array_equal(p.data, START)
    assert p.stamp == stamp


def test_nan_travels():
    p = leaf([1.0, 2.0])
    with no_grad():
        p -= np.array([np.nan, np.inf])
    np.testing.assert_array_equal(p.data, [np.nan, -np.inf])


def test_attributes_and_items_stay_the_parameters_they_were():
    """faults.md A6: `layer.weight -= ...` made weight a plain Tensor, and only the bias trained."""
    layer = nn.Linear(2, 3, rng=np.random.default_rng(0))
    weight, bias = layer.parameters()
    before = weight.data.copy()
    params = {"w": leaf(START), "list": [leaf(1.0)]}
    known = [params["w"], params["list"][0]]
    with no_grad():
        layer.weight -= 0.5
        layer.bias += 1
        params["w"] *= 2
        params["list"][0] /= 4
    assert layer.weight is weight
    assert all(p is q for p, q in zip(layer.parameters(), [weight, bias], strict=True))
    assert params["w"] is known[0]
    assert params["list"][0] is known[1]
    np.testing.assert_array_equal(weight.data, before - 0.5)
    assert bias.data.tolist() == [1, 1, 1]
    assert known[1].item() == 0.25


def test_names_of_before_see_the_new_values():
    p = leaf(START)
    same, view = p, p.data[0]
    with no_grad():
        p -= 1
    assert same is p
    assert view.tolist() == [0, 1]


def test_no_grad_as_a_decorator_and_around_calls():
    p = leaf(START)

    @no_grad()
    def step(params, lr):
        for q in params:
            q -= lr * q.grad

    (p * p).sum().backward()
    step([p], 0.25)
    np.testing.assert_array_equal(p.data, START / 2)


def test_detect_anomaly_knows_of_updates():
    p = leaf(START, "weights")
    with detect_anomaly():
        for _ in range(3):
            p.zero_grad()
            (p * p).sum().backward()
            with no_grad():
                p -= 0.25 * p.grad
    np.testing.assert_array_equal(p.data, START / 8)


# --- outside --------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [1.0, STEP, leaf(STEP)], ids=["number", "array", "tensor"])
@pytest.mark.parametrize("update", UPDATES, ids=by_name)
def test_while_recording_an_update_names_the_two_ways_out(update, step):
    p = leaf(START, "weights")
    stamp = p.stamp
    for recording in (None, True):
        with set_mode(recording), pytest.raises(RuntimeError) as error:
            update(p, step)
        for part in ("weights is a leaf", "no_grad()", "weights.data -= step", "q = weights - st"):
            assert part in str(error.value)
    np.testing.assert_array_equal(p.data, START)
    assert p.stamp == stamp


def test_an_update_inside_of_what_records_under_no_grad():
    p = leaf(3.0)
    with no_grad(), set_mode(recording=True), pytest.raises(RuntimeError, match="leaf"):
        p -= 1


# --- all others are rebound -----------------------------------------------------------------------


@pytest.mark.parametrize("update", UPDATES, ids=by_name)
def test_a_computed_tensor_is_rebound_with_its_graph(update):
    w = leaf(START)
    b = old = w * 2
    b = update(b, STEP)
    assert b is not old
    np.testing.assert_array_equal(old.data, 2 * START)
    np.testing.assert_array_equal(b.data, ELEMENTWISE.get(update, np.matmul)(2 * START, STEP))
    assert b.origin[1][0] is old
    (found,) = gradients((b * old).sum(), [w])
    second = {
        add: 2 * START + STEP + 2 * START,
        subtract: 2 * START - STEP + 2 * START,
        multiply: 4 * START * STEP,
        divide: 4 * START / STEP,
        power: (STEP + 1) * (2 * START) ** STEP,
        matmul: 2 * START @ STEP + 2 * START @ STEP.T,
    }[update]
    np.testing.assert_allclose(found.data, 2 * second, rtol=1e-14)


def test_the_sum_of_a_loop_keeps_its_graph():
    w = leaf([1.0, 2.0, 3.0])
    total = 0
    for i in range(3):
        total += w[i] ** 2
    total /= 3
    total.backward()
    np.testing.assert_allclose(w.grad, 2 * w.data / 3)


@pytest.mark.parametrize("under_no_grad", [False, True])
@pytest.mark.parametrize("data", [START, START.astype(np.float32), START.astype(int), START > 2])
def test_a_leaf_that_does_not_require_grad_is_rebound(data, under_no_grad):
    t = old = Tensor(data)
    with no_grad() if under_no_grad else set_mode():
        t += 1
    assert t is not old
    np.testing.assert_array_equal(old.data, data)
    np.testing.assert_array_equal(t.data, data + 1)
    assert t.dtype == (data + 1).dtype


def test_a_constant_plus_a_parameter_has_a_graph():
    t, w = Tensor([1.0, 2.0]), leaf([3.0, 4.0])
    t *= w
    assert t.requires_grad
    t.sum().backward()
    assert w.grad.tolist() == [1, 2]


def test_a_result_of_no_grad_and_a_detached_tensor_are_rebound():
    w = leaf([1.0, 2.0])
    with no_grad():
        y = old = w * 2
        y += 1
    d = shared = (w * 2).detach()
    d += 1
    assert old.data.tolist() == shared.data.tolist() == [2, 4]
    assert y.data.tolist() == d.data.tolist() == [3, 5]


def test_under_no_grad_a_computed_tensor_is_rebound_too():
    w = leaf([1.0, 2.0])
    y = old = w * 2
    with no_grad():
        y -= 1
    assert (y.requires_grad, old.requires_grad) == (False, True)
    assert y.data.tolist() == [1, 3]
    assert old.data.tolist() == [2, 4]
    old.sum().backward()
    assert w.grad.tolist() == [2, 2]


# --- training -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("way", ["augmented", "data", "attribute"])
def test_the_loop_that_books_write_equals_gradient_descent(way, dtype):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 3)).astype(dtype), rng.normal(size=(20, 1)).astype(dtype)
    model = nn.MLP([3, 8, 1], activation="tanh", rng=rng)
    for p in model.parameters():
        p.data = p.data.astype(dtype)
    other = copy.deepcopy(model)
    optimizer = optim.GD(other.parameters(), lr=0.125)
    losses = []
    for _ in range(20):
        for m in (model, other):
            for p in m.parameters():
                p.zero_grad()
            loss = mean_squared_error(m(X), y)
            loss.backward()
        losses.append(loss.item())
        optimizer.step()
        if way == "augmented":
            with no_grad():
                for p in model.parameters():
                    p -= 0.125 * p.grad
        elif way == "data":
            for p in model.parameters():
                p.data -= 0.125 * p.grad
        else:
            with no_grad():
                for layer in model.layers:
                    if isinstance(layer, nn.Linear):
                        layer.weight -= 0.125 * layer.weight.grad
                        layer.bias -= 0.125 * layer.bias.grad
        for p, q in zip(model.parameters(), other.parameters(), strict=True):
            assert p.dtype == dtype
            np.testing.assert_array_equal(p.data, q.data)
    assert losses[-1] < 0.8 * losses[0]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(UPDATES), st.floats(0.5, 1.5), st.booleans()), max_size=6)
)
def test_any_sequence_of_updates_equals_numpys(steps):
    p, array = leaf(START), START.copy()
    one = p
    for update, number, by_tensor in steps:
        if update is power and (array <= 0).any():
            continue
        number = number * np.eye(2) + 0.1
        array = ELEMENTWISE.get(update, np.matmul)(array, number)
        with no_grad():
            one = update(one, Tensor(number) if by_tensor else number)
    assert one is p
    np.testing.assert_allclose(p.data, array, rtol=1e-12)
