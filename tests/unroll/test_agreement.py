"""The unrolled step computes what the eager engine computes."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from tinygrad_loss import (
    Tensor,
    concatenate,
    dropout,
    exp,
    gradients,
    l1,
    l2,
    losses,
    no_grad,
    where,
)
from tinygrad_loss.engine import functions, ops, products
from tinygrad_loss.unroll import unroll

from ..loss_cases import LOSS_ROWS
from ..op_cases import CASES
from .agreement import assert_same, assert_unrolls, batch, eager, mlp, weighted

# np.linalg.slogdet returns two arrays, and a step is made of functions that return one.
TRACEABLE = [case for case in CASES if case.name != "slogdet"]


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("case", TRACEABLE, ids=str)
def test_every_op_and_function(case, order):
    example, other = case.inputs(0), case.inputs(1)
    f = weighted(case.f, np.random.default_rng(0), example, order)
    assert_unrolls(f, example, other, wrt=range(len(example)))


def test_slogdet_is_refused():
    x = Tensor(np.eye(2), requires_grad=True)
    with pytest.raises(TypeError, match="slogdet returned SlogdetResult; only functions that"):
        unroll(lambda x: products.slogdet(x).logabsdet, x, wrt=[x])


@pytest.mark.parametrize("case", TRACEABLE, ids=str)
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
    ops.add, ops.subtract, ops.multiply, products.matmul, ops.maximum, ops.minimum, ops.logaddexp,
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
        lambda x: (0.5 * (x / functions.norm(x, axis=1, keepdims=True))).sum(),
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
