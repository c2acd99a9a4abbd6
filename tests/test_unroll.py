"""The unrolled step computes what the eager engine computes, and reads like a textbook.

Expected values are the eager engine's, whose own tests compare it with PyTorch and closed forms.
"""

import ast
import builtins
import importlib
import sys
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_loss import (
    Tensor,
    concatenate,
    dropout,
    exp,
    functions,
    grad,
    gradients,
    l1,
    l2,
    losses,
    no_grad,
    ops,
    relu,
    where,
)
from tinygrad_loss.nn import MLP, Linear, Sequential
from tinygrad_loss.optim import SGD
from tinygrad_loss.unroll import unroll

from .loss_cases import LOSS_ROWS
from .op_cases import CASES


def eager(f, inputs, wrt):
    """Value and gradients by the engine; a number in wrt is an input."""
    numbers = {p for p in wrt if isinstance(p, int)}
    inputs = [Tensor(x, requires_grad=True) if i in numbers else x for i, x in enumerate(inputs)]
    value = f(*inputs)
    slopes = gradients(value, [inputs[p] if isinstance(p, int) else p for p in wrt])
    return value.data, [slope.data for slope in slopes]


def assert_same(actual, expected, tolerance=1e-10):
    (value, slopes), (expected_value, expected_slopes) = actual, expected
    assert value.dtype == expected_value.dtype
    np.testing.assert_allclose(value, expected_value, rtol=tolerance, atol=tolerance)
    assert len(slopes) == len(expected_slopes)
    for slope, expected_slope in zip(slopes, expected_slopes, strict=True):
        assert isinstance(slope, np.ndarray)
        assert (slope.shape, slope.dtype) == (expected_slope.shape, expected_slope.dtype)
        atol = tolerance * max(1, np.abs(expected_slope).max(initial=0))
        np.testing.assert_allclose(slope, expected_slope, rtol=tolerance, atol=atol)


def assert_unrolls(f, *batches, wrt=(), tolerance=1e-10):
    """Traced on the first batch, the step is right on all of them; numbers in wrt are inputs."""
    numbers = {p for p in wrt if isinstance(p, int)}
    first = [Tensor(x, requires_grad=True) if i in numbers else x for i, x in enumerate(batches[0])]
    step = unroll(f, *first, wrt=[first[p] if isinstance(p, int) else p for p in wrt])
    for batch in (*batches[::-1], *batches):
        assert_same(step(*batch), eager(f, batch, wrt), tolerance)
        spoil_buffers(step)
    return step


def spoil_buffers(step):
    """Overwrite all memory that the step keeps: none of it may matter to the next call."""
    for array in vars_of(step).values():
        if isinstance(array, np.ndarray) and array.flags.writeable and array.dtype.kind in "fiub":
            array.fill(np.nan if array.dtype.kind == "f" else 1)


def weighted(f, rng, batch, order):
    """A scalar function of f's value, or of its first derivatives too, with random weights."""
    value = f(*batch)
    w = rng.standard_normal(np.shape(value)).astype(value.dtype)
    if order == 1:
        return lambda *inputs: (f(*inputs) * w).sum()
    ws = [rng.standard_normal(np.shape(x)).astype(value.dtype) for x in batch]

    def product(*inputs):
        total = (f(*inputs) * w).sum()
        variables = [x for x in inputs if isinstance(x, Tensor)]
        for slope, v in zip(gradients(total, variables, create_graph=True), ws, strict=False):
            total = total + (slope * v).sum()
        return total

    return product


def mlp(*sizes, dtype=np.float64, seed=0, **options):
    return MLP(list(sizes), rng=np.random.default_rng(seed), dtype=dtype, **options)


def batch(n_in=2, n_classes=3, n=5, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, n_in)), rng.integers(0, n_classes, n)


# --- it computes the same -----------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_op_and_function(case, order):
    example, other = case.inputs(0), case.inputs(1)
    f = weighted(case.f, np.random.default_rng(0), example, order)
    assert_unrolls(f, example, other, wrt=range(len(example)))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_float32_stays_float32(case):
    example, other = case.inputs(0, np.float32), case.inputs(1, np.float32)
    f = weighted(case.f, np.random.default_rng(0), example, 1)
    assert_unrolls(f, example, other, wrt=range(len(example)), tolerance=1e-4)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(("name", "draws", "n", "options"), LOSS_ROWS)
def test_every_loss(name, draws, n, options, order):
    first, second = ([draw(np.random.default_rng(seed)) for draw in draws] for seed in (0, 1))
    loss = getattr(losses, name)
    f = weighted(lambda *inputs: loss(*inputs, **options), np.random.default_rng(0), first, order)
    assert_unrolls(f, first, second, wrt=range(n))


UNARY = [
    ops.exp, ops.tanh, ops.sin, ops.sigmoid, ops.relu, ops.softplus, ops.square, ops.absolute,
    ops.negative, lambda x: x * 0.5, lambda x: 2 * x, lambda x: x / 3, lambda x: 1 - x,
    lambda x: x**2, lambda x: x**3, lambda x: x * 1, lambda x: x.T, lambda x: x[::-1],
    lambda x: x[[2, 0, 0]], lambda x: x.reshape(9).reshape((3, 3)), lambda x: where(x > 0, x, 0),
    lambda x: x - x.mean(), lambda x: x / (1 + x.sum(axis=1, keepdims=True) ** 2),
    lambda x: x.max(axis=0) + 0 * x, lambda x: x - ops.logsumexp(x, axis=-1, keepdims=True),
    lambda x: ops.softmax(x), lambda x: ops.log_softmax(x, axis=0),
    lambda x: concatenate([x[:1], x[1:]]), lambda x: functions.std(x + np.eye(3)) * x,
    lambda x: ops.clip(x, -1.0, 1.0), lambda x: x[(0, 1, 2), (2, 0, 1)] * x,
]  # fmt: skip
BINARY = [
    ops.add, ops.subtract, ops.multiply, ops.matmul, ops.maximum, ops.minimum, ops.logaddexp,
    lambda a, b: a / (1 + b * b), lambda a, b: where(a > b, a, b), lambda a, b: a + b.sum(axis=0),
    lambda a, b: a.mean(axis=1, keepdims=True) * b, lambda a, b: concatenate([a, b])[1:4],
]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_random_graphs_and_their_second_derivatives(data):
    """Each step applies a random function to earlier values, some used often, some never."""
    plan = data.draw(
        st.lists(
            st.tuples(
                st.sampled_from(UNARY) | st.sampled_from(BINARY),
                st.integers(0, 20),
                st.integers(0, 20),
            ),
            min_size=1,
            max_size=8,
        )
    )
    second = data.draw(st.booleans())
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    w, b, x, y = (np.round(rng.standard_normal((3, 3)), 3) for _ in range(4))
    parameters = [Tensor(w, requires_grad=True, name="w"), Tensor(b, requires_grad=True)]

    def f(x):
        values = [*parameters, x]
        for function, i, j in plan:
            inputs = [values[i % len(values)]]
            if function in BINARY:
                inputs.append(values[j % len(values)])
            values.append(ops.tanh(function(*inputs)))  # tanh keeps the numbers moderate
        total = values[-1].sum() + 0.1 * values[-2].sum() + 0.01 * (parameters[0] * x).sum()
        if second:
            slopes = gradients(total, parameters, create_graph=True)
            total = total + sum((slope * slope).sum() for slope in slopes)
        return total

    assert_unrolls(f, (x,), (y,), wrt=parameters, tolerance=1e-7)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "gelu", "tanh", "sigmoid"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mlps_of_every_activation(activation, dtype):
    model = mlp(2, 4, 3, 3, activation=activation, dtype=dtype)
    (x, y), (x2, y2) = batch(seed=0), batch(seed=1)

    def f(x, y):
        weights = model.parameters()
        return losses.cross_entropy(model(x), y) + l2(weights, 1e-2) + l1(weights, 1e-3)

    tolerance = 1e-10 if dtype == np.float64 else 1e-5
    batches = (x.astype(dtype), y), (x2.astype(dtype), y2)
    assert_unrolls(f, *batches, wrt=model.parameters(), tolerance=tolerance)


def test_training_takes_the_same_path():
    model, twin = mlp(2, 8, 3, seed=1), mlp(2, 8, 3, seed=1)
    x, y = batch(n=20)
    step = unroll(lambda x, y: losses.cross_entropy(model(x), y), x, y, wrt=model.parameters())
    for _ in range(50):
        value, slopes = step(x, y)
        expected = losses.cross_entropy(twin(x), y)
        assert value == pytest.approx(expected.item(), rel=1e-12)
        for p, g, q, h in zip(
            model.parameters(),
            slopes,
            twin.parameters(),
            gradients(expected, twin.parameters()),
            strict=True,
        ):
            p.data -= 0.5 * g
            q.data -= 0.5 * h.data


def test_dropout_draws_new_masks_the_same_as_eagerly():
    rng, twin = np.random.default_rng(3), np.random.default_rng(3)
    w = Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)

    def f(x, rng):
        return (dropout(x @ w, 0.5, rng=rng) ** 2).sum()

    x = np.ones((4, 2))
    step = unroll(lambda x: f(x, rng), x, wrt=[w])
    values = []
    for _ in range(4):
        value, slopes = step(x)
        assert_same((value, slopes), eager(lambda x: f(x, twin), (x,), [w]))
        values.append(value)
    assert len(set(values)) > 1


def test_a_gan_step_sees_the_training_of_the_other_network():
    """The generator is used under no_grad(), through detach() and with gradients: never frozen."""
    generator, critic = mlp(2, 3, 2, activation="tanh"), mlp(2, 3, 1, activation="tanh", seed=1)
    rng, twin = np.random.default_rng(3), np.random.default_rng(3)

    def critic_loss(real, z, rng):
        with no_grad():
            fake = generator(z)
        penalty = losses.gradient_penalty(critic, real, fake, weight=1.0, rng=rng)
        return losses.wasserstein_critic(critic(real), critic(fake)) + penalty

    def generator_loss(z):
        return losses.wasserstein_generator(critic(generator(z)))

    def detached_loss(z):
        return (critic(generator(z).detach()) ** 2).mean()

    real, z = batch(n=6)[0], batch(n=6, seed=1)[0]
    critic_step = unroll(lambda x, z: critic_loss(x, z, rng), real, z, wrt=critic.parameters())
    generator_step = unroll(generator_loss, z, wrt=generator.parameters())
    detached_step = unroll(detached_loss, z, wrt=critic.parameters())
    for _ in range(3):
        for step, inputs, f, wrt in (
            (critic_step, (real, z), lambda x, z: critic_loss(x, z, twin), critic),
            (generator_step, (z,), generator_loss, generator),
            (detached_step, (z,), detached_loss, critic),
        ):
            value, slopes = step(*inputs)
            assert_same((value, slopes), eager(f, inputs, wrt.parameters()))
            for p, g in zip(wrt.parameters(), slopes, strict=True):
                p.data -= 0.1 * g


@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_extreme_logits_are_exact_and_silent(scale):
    z = scale * np.array([[1.0, 0.0, -1.0], [0.0, 1.0, -np.inf], [-1.0, -1.0, -1.0]])
    y = np.array([2, 0, 1])
    assert_unrolls(lambda z: losses.cross_entropy(z, y), (z,), (-np.abs(z),), wrt=[0])
    assert_unrolls(lambda z: ops.logsumexp(z).sum(), (z,), (z - scale,), wrt=[0])


@pytest.mark.parametrize(
    "f",
    [
        lambda x: (0.5 * (x / ops.norm(x, axis=1, keepdims=True))).sum(),
        lambda x: (ops.maximum(-x, 0) + ops.absolute(-x)).sum(),
        lambda x: (0.5 * ops.softmax(1e3 * x) + ops.log_softmax(1e3 * x)).sum(),
        lambda x: ops.exp(x - ops.log(ops.exp(x).sum(axis=1, keepdims=True))).sum(),
    ],
)
@pytest.mark.parametrize("scale", [1e-150, 1.0])
def test_simplification_keeps_numbers_at_the_ends_of_the_range(f, scale):
    x = scale * np.array([[1.0, -2.0, 3.0], [4.0, 0.5, -1.0]])
    step = assert_unrolls(f, (x,), wrt=[0], tolerance=1e-9)
    np.testing.assert_allclose(step(x)[0], eager(f, (x,), [0])[0], rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e300])
def test_joined_constants_lose_no_digits(scale):
    """Eagerly, 1e-160 * (1e-160 * x) * 1e300 passes through a number near 0, and rounds."""
    w = Tensor([3.0], requires_grad=True)
    step = unroll(lambda x: (1e-160 * (1e-150 * (w * x)) * 1e300).sum(), np.ones(1), wrt=[w])
    assert step(np.array([scale]))[0] == pytest.approx(3e-10 * scale, rel=1e-12)


def test_impossible_rows_have_no_gradient_and_give_no_warning():
    z = np.array([[1.0, 2.0], [-np.inf, -np.inf]])
    assert_unrolls(lambda z: exp(ops.logsumexp(z)).sum(), (z,), wrt=[0])


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
    with pytest.warns(UserWarning, match="softmax"):
        step = unroll(lambda z: losses.cross_entropy(z, [0, 1]), Tensor(p, True), wrt=[])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        step(p)


# --- what cannot be traced is refused ------------------------------------------------------------

W = Tensor([1.0, 2.0], requires_grad=True)


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda x: (W * x).sum() if (W * x).sum() > 1 else W.sum(), "branch"),
        (lambda x: W.sum() if x[0] > 1 else W[0], "branch"),
        (lambda x: W.sum() * (W.sum().item() + 1), "item"),
        (lambda x: W.sum() * float(x.sum()), "float"),
        (lambda x: W.sum() * int(x[0]), "int"),
        (lambda x: (W * np.asarray(x)).sum(), "array"),
        (lambda x: (W * sum(x.tolist())).sum(), "tolist"),
        (lambda x: W[x > 0].sum(), r"mask|array"),
        (lambda x: (x[x > 0] * W).sum(), "mask"),
        (lambda x: W.sum() * len(np.nonzero(x)[0]), "shape of np.nonzero"),
        (lambda x: W.sum() * len(np.unique(x)), "shape of np.unique"),
        (lambda x: (np.add(x, 1, out=np.zeros(2)) * W).sum(), "outside"),
        (lambda x: (W * np.random.default_rng().random(2)).sum(), "another one each time"),
        (lambda x: W.sum().item(), "item"),
        (lambda x: 3.0, "expected a Tensor"),
        (lambda x: (W * x).sum().backward(), "backward|Tensor"),
        (lambda x: [(W * x).sum().backward(), W.sum()][1], "changes"),
        (lambda x: [setattr(W, "data", W.data - 1), W.sum()][1], "changes"),
        (lambda x: [W.data.__isub__(0.1), W.sum()][1], "updates belong outside"),
        (lambda x: [np.add(x, 1, out=x), (W * x).sum()][1], "updates belong outside"),
        (lambda x: [x.reshape(2, 1).__setitem__(0, 1), (W * x).sum()][1], "copy"),
    ],
)
def test_what_needs_numbers_is_refused(f, message):
    before, grad = W.data, W.grad
    with pytest.raises(TypeError, match=message):
        unroll(f, np.ones(2), wrt=[W])
    assert W.data is before
    assert type(W.data) is np.ndarray
    assert W.grad is grad


@pytest.mark.parametrize(
    "f",
    [
        lambda x: (W * np.array([x[0], x[1]])).sum(),
        lambda x: (np.zeros(2).__setitem__(0, x[0]) or W).sum(),
    ],
)
def test_numpy_says_in_its_own_words_what_cannot_be_converted(f):
    with pytest.raises((TypeError, ValueError)) as error:
        unroll(f, np.ones(2), wrt=[W])
    assert "where(condition" in str(error.value) + str(error.value.__cause__)


def test_an_optimizer_inside_is_refused():
    optimizer = SGD([W], lr=0.1)

    def f(x):
        (W * x).sum().backward()
        optimizer.step()
        return (W * x).sum()

    before = W.data.copy()
    with pytest.raises(TypeError, match="outside"):
        unroll(f, np.ones(2), wrt=[W])
    np.testing.assert_array_equal(W.data, before)
    assert W.grad is None


def test_arrays_made_inside_can_be_written():
    w = Tensor([1.0, 2.0, 3.0], requires_grad=True)

    def f(x, i):
        c = x.copy()
        c[i] = 5.0
        c *= 2
        d = np.zeros_like(x)
        np.add.at(d, i, c[1:])
        d[x > 1] = 0.5
        return (w * c * d).sum()

    step = unroll(f, np.ones(3), np.array([0, 2]), wrt=[w])
    for x, i in ((np.ones(3), [0, 2]), (np.arange(3.0), [1, 1]), (np.full(3, 2.0), [2, 0])):
        data = x, np.array(i)
        assert_same(step(*data), eager(f, data, [w]))


def test_an_embedding_is_looked_up():
    table = Tensor(np.arange(8.0).reshape(4, 2), requires_grad=True)
    f = lambda ids: (table[ids] ** 2).sum()  # noqa: E731
    ids = [np.array(x) for x in ([0, 3, 3], [1, 1, 1], [2, 0, 1])]
    step = unroll(f, ids[0], wrt=[table])
    for x in ids:
        assert_same(step(x), eager(f, (x,), [table]))


def test_derivatives_inside_the_function():
    w = Tensor([1.0, 2.0], requires_grad=True)
    f = lambda x: (w * grad(lambda x: (x**3).sum())(x)).sum()  # noqa: E731
    step = unroll(f, np.ones(2), wrt=[w])
    for x in (np.ones(2), np.array([2.0, 3.0])):
        value, (slope,) = step(x)
        assert value == pytest.approx((w.data * 3 * x**2).sum())
        np.testing.assert_allclose(slope, 3 * x**2)


def test_a_counter_is_refused():
    count = iter(builtins.range(1, 100))
    with pytest.raises(TypeError, match="another one each time"):
        unroll(lambda x: (W * x).sum() * next(count), np.ones(2), wrt=[W])


def test_errors_of_the_function_come_through_and_leave_all_as_it_was():
    rng = np.random.default_rng(0)
    state = rng.bit_generator.state
    model = Sequential(Linear(2, 3, rng=np.random.default_rng(1)), relu)

    def f(x):
        raise KeyError(dropout(model(x), 0.5, rng=rng).shape)

    with pytest.raises(KeyError):
        unroll(f, np.ones((1, 2)), wrt=model.parameters())
    assert rng.bit_generator.state == state
    assert all(type(p.data) is np.ndarray for p in model.parameters())
    assert model(np.ones((1, 2))).shape == (1, 3)


def test_wrong_arguments_are_explained():
    with pytest.raises(TypeError, match=r"model\.parameters\(\)"):
        unroll(lambda: W.sum(), wrt=W)
    with pytest.raises(ValueError, match="requires_grad"):
        unroll(lambda x: (x * W).sum(), np.ones(2), wrt=[Tensor([1.0])])
    with pytest.raises(ValueError, match="scalar"):
        unroll(lambda x: x * W, np.ones(2), wrt=[W])
    step = unroll(lambda x: (x * W).sum(), np.ones(2), wrt=[W])
    with pytest.raises(TypeError, match="positional argument"):
        step()


# --- who owns what -------------------------------------------------------------------------------


def test_gradients_share_memory_with_nothing_but_the_next_call():
    a, b = Tensor([1.0, 2.0], requires_grad=True), Tensor([3.0, 4.0], requires_grad=True)
    unused = Tensor([1.0], requires_grad=True)
    c = np.array([5.0, 6.0])
    x = np.array([7.0, 8.0])
    step = unroll(lambda x: (a + b).sum() + (a * c).sum() + (b * x).sum(), x, wrt=[a, b, a, unused])
    _, slopes = step(x)
    arrays = [*slopes, a.data, b.data, c, x]
    for i, g in enumerate(slopes):
        assert all(not np.shares_memory(g, other) for other in arrays[:i] + arrays[i + 1 :])
    for g in slopes:
        g *= 0  # whatever is done to them, the next call is right
    assert_same(
        step(x),
        eager(lambda x: (a + b).sum() + (a * c).sum() + (b * x).sum(), (x,), [a, b, a, unused]),
    )


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


def vars_of(step):
    """The namespace that the source runs in."""
    return step._program.step.__globals__


# --- the source ----------------------------------------------------------------------------------


def textbook():
    model = mlp(2, 3, 2)
    x, y = batch(n_in=2, n_classes=2, n=4)
    step = unroll(lambda x, y: losses.cross_entropy(model(x), y), x, y, wrt=model.parameters())
    return step, model, x, y


def test_the_source_fits_on_a_screen_and_has_the_names_of_a_textbook():
    source = textbook()[0].source
    lines = source.splitlines()
    assert len(lines) <= 50
    assert max(map(len, lines)) <= 80
    body = source[source.index("def step(x, y, W0, b0, W1, b1):") :]
    for line in (
        "np.dot(x, W0, out=h1)",
        "np.add(h1, b0, out=h1)",
        "np.maximum(h1, 0, out=a1)",
        "d_h2[rows, y] -= 0.25",
        "np.dot(a1_T, d_h2, out=d_W1)",
        "np.dot(x.T, d_h1, out=d_W0)",
        "return loss, (d_W0, d_b0, d_W1, d_b1)",
    ):
        assert f"\n    {line}\n" in body, line
    assert body.index("# forward") < body.index("loss =") < body.index("# backward")


def test_the_source_of_a_binary_classifier_fits_on_a_screen_too():
    model = mlp(2, 3, 1)
    x, y = np.ones((4, 2)), np.array([[0], [1], [1], [0]])
    f = lambda x, y: losses.binary_cross_entropy_with_logits(model(x), y)  # noqa: E731
    step = unroll(f, x, y, wrt=model.parameters())
    assert len(step.source.splitlines()) <= 60
    assert step.source.count("np.exp(") == 1  # softplus and sigmoid, of z and of -z, share it
    assert step.source.count("np.log1p(") == 1
    namespace = {}
    exec(step.source, namespace)
    result = namespace["step"](x, y, *(p.data for p in model.parameters()))
    assert_same(result, eager(f, (x, y), model.parameters()))


def test_the_source_runs_on_its_own():
    step, model, x, y = textbook()
    namespace = {}
    exec(step.source, namespace)
    result = namespace["step"](x, y, *(p.data for p in model.parameters()))
    assert_same(result, step(x, y))


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(("name", "draws", "n", "options"), LOSS_ROWS[::3])
def test_nothing_is_computed_that_no_one_reads(name, draws, n, options, order):
    inputs = [draw(np.random.default_rng(0)) for draw in draws]
    inputs = [Tensor(x, requires_grad=True) if i < n else x for i, x in enumerate(inputs)]
    arrays = [x.data if isinstance(x, Tensor) else x for x in inputs]
    loss = getattr(losses, name)
    f = weighted(lambda *xs: loss(*xs, **options), np.random.default_rng(0), arrays, order)
    step = unroll(f, *inputs, wrt=inputs[:n])
    tree = ast.parse(step.source)
    (function,) = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    written, read = set(), set()
    for node in ast.walk(function):
        if isinstance(node, ast.keyword) and node.arg == "out":
            written.add(node.value.id)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            written.add(node.targets[0].id)
    outs = {
        id(n.value) for n in ast.walk(function) if isinstance(n, ast.keyword) and n.arg == "out"
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in outs:
            read.add(node.id)
    assert written <= read


def test_calls_made_twice_are_shared_and_constants_folded():
    w = Tensor([1.0, 2.0], requires_grad=True, name="w")
    c = np.array([1.0, 2.0])
    step = unroll(lambda: (exp(w) * exp(w) * np.exp(c).sum() * 2.0 * 0.25).sum(), wrt=[w])
    assert step.source.count("np.exp(") == 1
    assert_same(step(), eager(lambda: (exp(w) * exp(w) * np.exp(c).sum() * 0.5).sum(), (), [w]))


def test_views_of_buffers_are_made_once():
    model = mlp(2, 3, 3, 1)
    x = np.ones((4, 2))
    step = unroll(lambda x: model(x).sum(), x, wrt=model.parameters())
    before, body = step.source.split("def step(")
    assert "a1_T = a1.T" in before
    assert "a1.T" not in body
    assert "W1.T" in body  # another array may come at each call


def test_a_deep_graph_needs_no_recursion():
    w = Tensor(1.0, requires_grad=True)

    def f(x):
        y = w * x
        for _ in range(3000):
            y = y + x
        return y

    step = unroll(f, np.array(2.0), wrt=[w])
    assert_same(step(np.array(3.0)), (np.asarray(3.0 + 3000 * 3.0), [np.asarray(3.0)]))


# --- the example ---------------------------------------------------------------------------------


def test_the_printed_program_learns_xor(monkeypatch, capsys, tmp_path):
    pytest.importorskip("matplotlib").use("agg")
    pytest.importorskip("tqdm")
    examples = Path(__file__).parents[1] / "examples"
    monkeypatch.setattr(sys, "path", [str(examples), *sys.path])
    monkeypatch.setattr(importlib.import_module("_common"), "OUTPUT", tmp_path)
    result = importlib.import_module("backprop_by_hand").main(quick=True)
    assert result["difference"] < 1e-14
    np.testing.assert_allclose(result["path"], result["engine"], rtol=1e-6)
    assert result["path"][-1] < 0.02 < 0.2 < result["path"][0]
    assert len(result["source"].splitlines()) <= 40
    assert result["source"] in capsys.readouterr().out
    assert (tmp_path / "backprop_by_hand.png").stat().st_size > 5000
