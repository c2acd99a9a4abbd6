"""The state is the optimizer's and the model's own: shared, saved, replaced, frozen, refused."""

import re

import numpy as np
import pytest

from tinygrad_loss import dropout, losses, nn, no_grad, optim, unroll
from tinygrad_loss.optim import GD, SGD, Adam

from .agreement import batch, mlp
from .test_update import batches, leaves, made, network, some_optimizers
from .training import (
    assert_close,
    assert_same_loss,
    assert_same_state,
    assert_same_training,
    eager_step,
)

# --- shared with eager steps, other steps and files ----------------------------------------------


@some_optimizers
def test_back_and_forth_between_eager_and_unrolled(kind):
    (f, optimizer), (twin, twin_optimizer) = network(kind)(), network(kind)()
    step = unroll(f, optimizer=optimizer)
    for k, (x, y) in enumerate(batches() * 7):
        take = step if k % 5 in (1, 2) else lambda *xs: eager_step(f, optimizer, *xs)
        assert_same_loss(take(x, y), eager_step(twin, twin_optimizer, x, y))
        assert_same_state(optimizer, twin_optimizer)


@some_optimizers
def test_several_steps_share_one_optimizer(kind):
    """Of each parameter, Adam counts only the steps in which it had a gradient."""

    def make():
        body, heads = mlp(2, 3, 4), [mlp(4, 3, seed=1), mlp(4, 1, seed=2)]
        optimizer = made(kind, [p for each in (body, *heads) for p in each.parameters()])
        return [
            lambda x, y: losses.cross_entropy(heads[0](body(x)), y),
            lambda x, y: losses.mean_squared_error(heads[1](body(x)), x[:, :1]),
            lambda x, y: (heads[1](x @ np.full((2, 4), 0.1)) ** 2).mean(),
        ], optimizer

    (fs, optimizer), (twins, twin_optimizer) = make(), make()
    steps = [unroll(f, optimizer=optimizer) for f in fs]
    for k, (x, y) in enumerate(batches() * 8):
        i = [0, 0, 1, 2, 0, 0][k % 6]
        assert_same_loss(steps[i](x, y), eager_step(twins[i], twin_optimizer, x, y))
        assert_same_state(optimizer, twin_optimizer)
    if kind.startswith("Adam"):
        assert len(set(optimizer.steps)) == 3


@some_optimizers
@pytest.mark.parametrize("way", ["files", "state_dict"])
@pytest.mark.parametrize("into", ["fresh objects", "the same objects"])
def test_a_checkpoint_goes_on_exactly(kind, way, into, tmp_path):
    def make():
        model = mlp(2, 4, 3)
        return model, made(kind, model.parameters())

    def step_of(model, optimizer):
        return unroll(lambda x, y: losses.cross_entropy(model(x), y), optimizer=optimizer)

    data = batches()
    model, optimizer = make()
    step = step_of(model, optimizer)
    for k in range(5):
        step(*data[k % 3])
    nn.save(tmp_path / "model.npz", model)
    optim.save(tmp_path / "optimizer.npz", optimizer)
    states = model.state_dict(), optimizer.state_dict()
    optimizer.lr = optimizer.lr / 2
    expected = [float(step(*data[k % 3])) for k in range(5, 12)]
    final = [p.data.copy() for p in optimizer.params], optimizer.state_dict()
    if into == "fresh objects":
        model, optimizer = make()
        step = step_of(model, optimizer)
    if way == "files":
        nn.load(tmp_path / "model.npz", model)
        optim.load(tmp_path / "optimizer.npz", optimizer)
    else:
        model.load_state_dict(states[0])
        optimizer.load_state_dict(states[1])
    optimizer.lr = optimizer.lr / 2
    assert [float(step(*data[k % 3])) for k in range(5, 12)] == expected
    assert_close([p.data for p in optimizer.params], final[0], 0)
    assert_close(optimizer.state_dict(), final[1], 0)


def test_a_checkpoint_of_other_settings_counts():
    f, optimizer = network("SGD, momentum")()
    twin, twin_optimizer = network("SGD, momentum, nesterov, l1")()
    step = unroll(f, *batch(), optimizer=optimizer)
    step(*batch())
    eager_step(twin, twin_optimizer, *batch())
    for p, q in zip(optimizer.params, twin_optimizer.params, strict=True):
        p.data = q.data
        q.data = q.data.copy()
    optimizer.load_state_dict(twin_optimizer.state_dict())
    for x, y in batches():
        assert_same_loss(step(x, y), eager_step(twin, twin_optimizer, x, y))
        assert_same_state(optimizer, twin_optimizer)


# --- parameters that are replaced, read-only, frozen, unused -------------------------------------


@some_optimizers
def test_new_data_counts(kind):
    def before(k, optimizer):
        first, second, *_ = optimizer.params
        if k == 3:
            first.data = np.asfortranarray(first.data * 0.5)
        if k == 6:
            second.data -= 0.25
        if k == 9:
            first.data = np.repeat(first.data, 2, axis=1)[:, ::2]

    assert_same_training(network(kind), *batches(), before=before)


def spoiled(p, how):
    """Make the parameter one that no optimizer can update; return its data."""
    if how == "read-only":
        p.data = p.data.copy()
    if how in ("read-only", "made read-only"):
        p.data.setflags(write=False)
    elif how == "shape":
        p.data = np.ones((*p.shape, 1))
    elif how == "size":
        p.data = np.ones(7) if p.ndim == 1 else np.ones((2, 7))
    elif how == "dtype":
        p.data = p.data.astype(np.float32)


@some_optimizers
@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("how", ["read-only", "made read-only", "size", "shape", "dtype"])
def test_all_or_none(kind, traced, how):
    """The last parameter cannot be updated: no other has been, either."""

    def make():
        W, b, c = leaves(np.array([[0.5, -1.0], [0.2, 0.1]]), np.ones(2), np.ones(2))
        return (lambda x: ((x @ W + b) ** 2).mean() + (c * c).sum()), made(kind, [W, b, c])

    (f, optimizer), (twin, twin_optimizer) = make(), make()
    step = unroll(f, *([np.eye(2)] if traced else []), optimizer=optimizer)
    if traced:
        step(np.eye(2))
        eager_step(twin, twin_optimizer, np.eye(2))
    for each in (optimizer, twin_optimizer):
        spoiled(each.params[-1], how)
    before = [p.data.copy() for p in optimizer.params], optimizer.state_dict()
    with pytest.raises(ValueError, match=r"params\[2\]") as expected:
        eager_step(twin, twin_optimizer, np.eye(2))
    message = str(expected.value).partition("step: ")[2]
    for _ in range(2):
        with pytest.raises(ValueError, match=re.escape(message)):
            step(np.eye(2))
        assert_close([p.data for p in optimizer.params], before[0], 0)
        assert_close(optimizer.state_dict(), before[1], 0)
    optimizer.params[-1].data = twin_optimizer.params[-1].data = np.ones(2)
    twin_optimizer.params[-1].data = np.ones(2)
    for _ in range(3):
        expected = eager_step(twin, twin_optimizer, np.eye(2))
        assert_same_loss(step(np.eye(2)), expected)
        assert_same_state(optimizer, twin_optimizer)


@some_optimizers
def test_frozen_for_a_while(kind):
    """A parameter that does not require grad has no gradient: it neither moves nor decays."""

    def before(k, optimizer):
        optimizer.params[0].requires_grad = k not in (4, 5, 6, 12)
        optimizer.params[-1].requires_grad = k >= 2

    assert_same_training(network(kind), *batches(), before=before)


@some_optimizers
def test_nothing_is_left_to_train(kind):
    f, optimizer = network(kind)()
    step = unroll(f, *batch(), optimizer=optimizer)
    step(*batch())
    before = [p.data.copy() for p in optimizer.params], optimizer.state_dict()
    for p in optimizer.params:
        p.requires_grad = False
    with pytest.raises(RuntimeError):
        step(*batch())
    assert_close([p.data for p in optimizer.params], before[0], 0)
    assert_close(optimizer.state_dict(), before[1], 0)


@some_optimizers
def test_parameters_that_the_loss_does_not_depend_on(kind):
    """Only a gradient of zeros would let them decay: ``x * 0`` gives one, and ``detach()`` not."""

    def make():
        a, b, c, d = leaves(np.ones(3), np.full(3, 2.0), np.full(3, 3.0), np.full(3, 4.0))

        def f(x):
            return (a * x).sum() + (b * 0).sum() + (c.detach() * a).sum()

        return f, made(kind, [d, a, b, c])

    (f, optimizer), (twin, twin_optimizer) = make(), make()
    step = unroll(f, optimizer=optimizer)
    for _ in range(5):
        assert_same_loss(step(np.ones(3)), eager_step(twin, twin_optimizer, np.ones(3)))
        assert_same_state(optimizer, twin_optimizer)
    np.testing.assert_array_equal(optimizer.params[0].data, np.full(3, 4.0))
    np.testing.assert_array_equal(optimizer.params[3].data, np.full(3, 3.0))


def test_an_unused_parameter_may_be_anything():
    def before(k, optimizer):
        if k == 3:
            optimizer.params[1].data.setflags(write=False)
        if k == 5:
            optimizer.params[1].data = np.ones((2, 2))

    def make():
        a, b = leaves(np.ones(3), np.ones(3))
        return (lambda x: (a * a * x).sum()), SGD([a, b], lr=0.1, momentum=0.9, weight_decay=0.1)

    assert_same_training(make, (np.ones(3),), before=before)


@some_optimizers
@pytest.mark.parametrize("at_once", [False, True])
def test_a_loss_of_none_of_the_parameters(kind, at_once):
    (w, other) = leaves([1.0, 2.0], [3.0, 4.0])
    optimizer = made(kind, [w])
    with pytest.raises(RuntimeError, match="no parameter has a gradient"):
        unroll(lambda x: (other * x).sum(), *[np.ones(2)] * at_once, optimizer=optimizer)(
            np.ones(2)
        )
    np.testing.assert_array_equal(w.data, [1.0, 2.0])
    assert_same_state(optimizer, made(kind, leaves([1.0, 2.0])), 0)


def test_the_data_of_a_parameter_as_an_input():
    def make():
        w, v = leaves([1.0, 2.0], [3.0, 4.0])
        return (lambda x: (w * v * x).sum()), SGD([w, v], lr=0.01, momentum=0.5)

    (f, optimizer), (twin, twin_optimizer) = make(), make()
    step = unroll(f, optimizer=optimizer)
    for _ in range(3):
        expected = eager_step(twin, twin_optimizer, twin_optimizer.params[0].data)
        assert_same_loss(step(optimizer.params[0].data), expected)
        assert_same_state(optimizer, twin_optimizer)


@pytest.mark.parametrize("at_once", [False, True])
def test_a_parameter_itself_as_an_input(at_once):
    """Eagerly it is trained, as what f gets is the parameter: so it is here, or it is refused."""

    def make():
        w, v = leaves([1.0, 2.0], [3.0, 4.0])
        return (lambda w: (w * w * v).sum()), SGD([w, v], lr=0.01, momentum=0.5)

    (f, optimizer), (twin, twin_optimizer) = make(), make()
    w, before = optimizer.params[0], make()[1]
    try:
        step = unroll(f, *[w] * at_once, optimizer=optimizer)
        for _ in range(3):
            expected = eager_step(twin, twin_optimizer, twin_optimizer.params[0])
            assert_same_loss(step(w), expected)
            assert_same_state(optimizer, twin_optimizer)
    except TypeError as error:
        assert re.match("(unroll|step): input 0", str(error))  # noqa: PT017
        assert_same_state(optimizer, before, 0)


# --- what else is left alone, and what is not ----------------------------------------------------


@some_optimizers
def test_grad_is_left_alone(kind):
    f, optimizer = network(kind)()
    optimizer.params[0].grad = kept = np.ones(optimizer.params[0].shape)
    step = unroll(f, *batch(), optimizer=optimizer)
    step(*batch())
    assert optimizer.params[0].grad is kept
    assert (kept == 1).all()
    assert all(p.grad is None for p in optimizer.params[1:])


def test_a_graph_of_the_old_data_is_refused():
    a, b, unused = leaves([1.0, 2.0], [3.0, 4.0], [5.0, 6.0])
    step = unroll(lambda x: (a * b * x).sum(), np.ones(2), optimizer=GD([a, b, unused], lr=0.1))
    for _ in range(2):
        before, other = (a * b).sum(), (unused * unused).sum()
        step(np.ones(2))
        with pytest.raises(RuntimeError, match="changed"):
            before.backward()
        other.backward()
        (a * b).sum().backward()


def test_no_grad_around_the_call_changes_nothing():
    (f, optimizer), (twin, twin_optimizer) = network("Adam")(), network("Adam")()
    with no_grad():
        value = unroll(f, optimizer=optimizer)(*batch())
    assert_same_loss(value, eager_step(twin, twin_optimizer, *batch()))
    assert_same_state(optimizer, twin_optimizer)


@some_optimizers
@pytest.mark.parametrize("traced", [False, True])
def test_labels_out_of_range(kind, traced):
    (f, optimizer), (_, twin) = network(kind, dropout=0.5)(), network(kind)()
    x, y = batch()
    step = unroll(f, *([x, y] if traced else []), optimizer=optimizer)
    for bad in (y + 3, -1 - y):
        with pytest.raises(ValueError, match="class index"):
            step(x, bad)
    assert_same_state(optimizer, twin, 0)


def test_values_on_the_way_are_checked_before_the_update():
    def make():
        (w,) = leaves([[0.5, 0.2]])
        f = lambda x, y: losses.binary_cross_entropy(x * w, y)  # noqa: E731
        return f, SGD([w], lr=0.1, momentum=0.9)

    (f, optimizer), (twin, twin_optimizer) = make(), make()
    step = unroll(f, optimizer=optimizer)
    data = np.ones((1, 2)), np.array([[1.0, 0.0]])
    assert_same_loss(step(*data), eager_step(twin, twin_optimizer, *data))
    with pytest.raises(ValueError, match="These look like logits"):
        step(3 * data[0], data[1])
    assert_same_state(optimizer, twin_optimizer)


@some_optimizers
def test_an_error_inside_of_the_function(kind):
    """The first run may fail, or the one for another shape: all is as it was."""
    _, twin = network(kind)()
    model = mlp(2, 4, 3)
    optimizer = made(kind, model.parameters())
    rng = np.random.default_rng(0)

    def f(x, y):
        loss = losses.cross_entropy(dropout(model(x), 0.5, rng=rng), y)
        if len(x) == 3:
            raise KeyError("of the function itself")
        return loss

    state = rng.bit_generator.state
    step = unroll(f, optimizer=optimizer)
    with pytest.raises(KeyError, match="itself"):
        step(*batch(n=3))
    with pytest.raises(RuntimeError, match="Call the step"):
        step.source  # noqa: B018
    for example in ((), batch()):
        step = unroll(f, *example, optimizer=optimizer)
        with pytest.raises(KeyError, match="itself"):
            step(*batch(n=3))
    assert rng.bit_generator.state == state
    assert_same_state(optimizer, twin, 0)
    assert all(type(p.data) is np.ndarray and p.grad is None for p in optimizer.params)
    loss = losses.cross_entropy(model(batch()[0]), batch()[1])
    loss.backward()  # in the mode of before: it records
    optimizer.step()


# --- two networks --------------------------------------------------------------------------------


def gan(seed=5):
    """Two networks, with an optimizer each; dropout, and a penalty of second derivatives."""
    generator = mlp(2, 3, 2, activation="tanh", dropout=0.2)
    critic = mlp(2, 4, 1, activation="tanh", seed=1)
    rng = np.random.default_rng(seed)

    def critic_loss(real, z):
        with no_grad():
            fake = generator(z)
        penalty = losses.gradient_penalty(critic, real, fake, weight=1.0, rng=rng)
        return losses.wasserstein_critic(critic(real), critic(fake)) + penalty

    def generator_loss(z):
        return losses.wasserstein_generator(critic(generator(z)))

    optimizers = (
        Adam(critic.parameters(), lr=0.01, betas=(0.5, 0.9), eps=1e-4),
        SGD(generator.parameters(), lr=0.1, momentum=0.5),
    )
    return (critic_loss, generator_loss), optimizers


def test_two_networks_are_trained_in_turn():
    (fs, optimizers), (twins, twin_optimizers) = gan(), gan()
    steps = [unroll(f, optimizer=each) for f, each in zip(fs, optimizers, strict=True)]
    for k in range(20):
        real, z = batch(n=6, seed=k)[0], batch(n=6, seed=100 + k)[0]
        for i, inputs in ((0, (real, z)), (0, (z, real)), (1, (z,))):
            expected = eager_step(twins[i], twin_optimizers[i], *inputs)
            assert_same_loss(steps[i](*inputs), expected)
            assert_same_state(optimizers[i], twin_optimizers[i])


# --- wrong arguments -----------------------------------------------------------------------------


def test_wrong_arguments_are_explained():
    (w,) = leaves([1.0, 2.0])
    f, optimizer = (lambda x: (w * x).sum()), GD([w], lr=0.1)
    for options in ({}, {"wrt": [w], "optimizer": optimizer}, {"wrt": None, "optimizer": None}):
        for inputs in ((), (np.ones(2),)):
            with pytest.raises(TypeError, match=r"^unroll: (?=.*wrt)(?=.*optimizer)"):
                unroll(f, *inputs, **options)
    for wrong in ("GD", GD, [w], w, 0.1, (optimizer,)):
        with pytest.raises(TypeError, match=r"^unroll: optimizer is .*expected"):
            unroll(f, np.ones(2), optimizer=wrong)
        with pytest.raises(TypeError, match=r"^unroll: optimizer is .*expected"):
            unroll(f, optimizer=wrong)
    assert unroll(f, np.ones(2), wrt=[])(np.ones(2))[1] == ()  # a value without gradients


def test_what_is_no_loss_is_refused_as_ever():
    (w,) = leaves([1.0, 2.0])
    optimizer = SGD([w], lr=0.1, momentum=0.9)
    for f, error, message in (
        (lambda x: w * x, ValueError, "scalar"),
        (lambda x: 3.0, TypeError, "expected a Tensor"),
        (lambda x: float((w * x).sum()), TypeError, "float|item"),
        (lambda x: [optimizer.step(), w.sum()][1], (TypeError, RuntimeError), None),
        (lambda x: [setattr(w, "data", w.data - x), w.sum()][1], TypeError, "changes"),
    ):
        with pytest.raises(error, match=message):
            unroll(f, optimizer=optimizer)(np.ones(2))
        np.testing.assert_array_equal(w.data, [1.0, 2.0])
        assert type(w.data) is np.ndarray
        assert_same_state(optimizer, SGD(leaves([1.0, 2.0]), lr=0.1, momentum=0.9), 0)
