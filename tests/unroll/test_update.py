"""``unroll(f, optimizer=optimizer)`` makes the step that the eager loop makes."""

import itertools

import numpy as np
import pytest

from tinygrad_loss import Tensor, losses, relu, unroll
from tinygrad_loss.optim import GD, SGD, Adam, cosine_decay, linear_decay

from .agreement import batch, mlp, spoil_buffers
from .training import (
    assert_close,
    assert_same_loss,
    assert_same_state,
    assert_same_training,
    eager_step,
)

OPTIMIZERS = {
    "GD": (GD, {"lr": 0.2}),
    "Adam": (Adam, {"lr": 0.02}),
    "Adam, decay": (Adam, {"lr": 0.02, "weight_decay": 0.1}),
    "Adam, betas": (Adam, {"lr": 0.02, "betas": (0.5, 0.6), "weight_decay": 0.01}),
    "Adam, no memory": (Adam, {"lr": 0.02, "betas": (0.0, 0.0), "eps": 1e-2}),
    "Adam, eps": (Adam, {"lr": 0.02, "eps": 0.1}),
}
SWITCHES = itertools.product((0, 0.9), (False, True), (0, 0.1), (0, 0.01))
for _values in SWITCHES:
    _options = dict(zip(("momentum", "nesterov", "weight_decay", "l1"), _values, strict=True))
    if _options["momentum"] or not _options["nesterov"]:
        _name = ", ".join(["SGD", *(name for name, x in _options.items() if x)])
        OPTIMIZERS[_name] = (SGD, {"lr": 0.1, **_options})
SOME = ("GD", "SGD, momentum, nesterov, weight_decay, l1", "Adam, decay")

every_optimizer = pytest.mark.parametrize("kind", OPTIMIZERS)
some_optimizers = pytest.mark.parametrize("kind", SOME)


def made(kind, params):
    make, options = OPTIMIZERS[kind]
    return make(params, **options)


def network(kind, dtype=np.float64, **options):
    """A function that makes a network's loss and an optimizer for it, anew at each call."""

    def make():
        model = mlp(2, 4, 3, dtype=dtype, **options)
        return (
            lambda x, y: losses.cross_entropy(model(x), y),
            made(kind, model.parameters()),
        )

    return make


def batches(n=3, dtype=np.float64):
    return [(x.astype(dtype), y) for x, y in (batch(seed=seed) for seed in range(n))]


def leaves(*arrays, **options):
    return [Tensor(x, requires_grad=True, **options) for x in arrays]


# --- the same numbers ----------------------------------------------------------------------------


@every_optimizer
def test_networks_take_the_same_steps(kind):
    assert_same_training(network(kind), *batches())


@every_optimizer
def test_float32_takes_the_same_steps(kind):
    make = network(kind, np.float32)
    assert_same_training(make, *batches(dtype=np.float32), tolerance=1e-5)


@every_optimizer
def test_float16_takes_the_same_steps(kind):
    """Eagerly, numbers such as the learning rate are float32 beside float16 parameters."""
    make = network(kind, np.float16)
    assert_same_training(make, *batches(dtype=np.float16), tolerance=4e-3, steps=10)


@pytest.mark.parametrize("make_optimizer", [GD, SGD, Adam])
def test_a_small_learning_rate_counts_beside_float16(make_optimizer):
    """3e-8 is 0.5 units of the last place of float16's smallest numbers: there it is 6e-8."""

    def make():
        (w,) = leaves(np.full(3, 0.01, np.float16))
        return (lambda x: (w * x).sum()), make_optimizer([w], lr=3e-8)

    assert_same_training(make, (np.full(3, 6e4, np.float16),), tolerance=2e-3, steps=5)


def test_a_small_decay_counts_beside_float16():
    """1 - lr weight_decay is 0.9997, which float16 rounds to 0.9995."""

    def make():
        (w,) = leaves(np.linspace(1, 2, 64).astype(np.float16))
        return (lambda x: (w * x).sum() * 0), Adam([w], lr=1e-3, weight_decay=0.3)

    assert_same_training(make, (np.ones(64, np.float16),), tolerance=5e-4, steps=20)


@some_optimizers
def test_parameters_of_several_dtypes(kind):
    def make():
        a, b = leaves(np.linspace(-1, 1, 6).reshape(2, 3)), leaves(np.float32([[1], [2], [3]]))
        return (lambda x: ((x @ a[0] @ b[0]) ** 2).mean() / 9), made(kind, [*a, *b])

    assert_same_training(make, (np.eye(2),), tolerance=1e-5)


@some_optimizers
def test_what_the_step_keeps_does_not_matter_to_the_next_call(kind):
    (f, optimizer), (twin, twin_optimizer) = network(kind)(), network(kind)()
    step = unroll(f, optimizer=optimizer)
    for x, y in batches() * 2:
        assert_same_loss(step(x, y), eager_step(twin, twin_optimizer, x, y))
        spoil_buffers(step)
        assert_same_state(optimizer, twin_optimizer)


@some_optimizers
def test_a_batch_of_another_shape(kind):
    shapes = [batch(n=n, seed=n) for n in (5, 5, 2, 1, 5)]
    assert_same_training(network(kind), *shapes)


@some_optimizers
def test_networks_with_dropout_draw_the_same_masks(kind):
    assert_same_training(network(kind, dropout=0.5), *batches())


def test_a_parameter_used_twice():
    def make():
        (w,) = leaves(np.array([[0.5, -0.2], [0.1, 0.3]]))
        return (lambda x: ((x @ w @ w) ** 2).mean() + (w * w).sum()), SGD([w], lr=0.1, momentum=0.5)

    assert_same_training(make, (np.eye(2),))


@every_optimizer
def test_scalar_parameters(kind):
    def make():
        w, b = leaves(1.5, 0.25)
        return (lambda x, y: ((w * x + b - y) ** 2).mean()), made(kind, [w, b])

    assert_same_training(make, (np.arange(3.0), np.array([1.0, 2.0, 4.0])))


LAYOUTS = {
    "Fortran order": lambda x: [np.asfortranarray(x), np.asfortranarray(x.T)],
    "transposed": lambda x: [x.copy().T, x.copy()],
    "strided": lambda x: [np.repeat(x.T, 2, axis=1)[:, ::2], np.repeat(x, 3, axis=0)[::3]],
    "reversed": lambda x: [x.T[::-1], x.copy()[:, ::-1]],
    "one array twice": lambda x: [x[:3], x[:3]],
    "overlapping": lambda x: [x[:3], x[1:]],
}


@some_optimizers
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_in_memory(kind, layout):
    """Of views of one memory, the second sees what the first has written."""

    def make():
        base = np.random.default_rng(0).standard_normal((4, 3))
        a, b = leaves(*LAYOUTS[layout](base), copy=False)
        assert np.shares_memory(a.data, b.data) == (layout in ("one array twice", "overlapping"))
        f = lambda x: ((relu(x * a.sum(axis=0).sum()) + b.sum()) ** 2).mean() + (a**2).sum()  # noqa: E731
        return f, made(kind, [a, b])

    assert_same_training(make, (np.ones(3),), steps=6)


@every_optimizer
def test_a_loss_that_is_a_parameter(kind):
    def make():
        (w,) = leaves(2.0)
        return (lambda: w), made(kind, [w])

    assert_same_training(make)


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_the_value_is_the_one_before_the_update_and_stays_so(shape):
    (w,) = leaves(np.full(shape, 2.0))
    for f in (lambda: w, lambda: w.reshape(()), lambda: w.sum(), lambda: w * w, lambda: w[...]):
        w.data = np.full(shape, 2.0)
        step = unroll(f, optimizer=GD([w], lr=0.5))
        first = step()
        kept = float(first.item())
        assert kept in (2.0, 4.0)
        second = step()
        assert first.item() == kept != second.item()
        assert not np.shares_memory(first, w.data)


# --- when it is traced ---------------------------------------------------------------------------


def counted(f):
    """f, and a list to which each run appends."""
    runs = []

    def g(*inputs):
        runs.append(None)
        return f(*inputs)

    return g, runs


@some_optimizers
@pytest.mark.parametrize("at_once", [False, True])
def test_tracing_changes_nothing(kind, at_once):
    f, optimizer = network(kind, dropout=0.5)()
    twin = network(kind, dropout=0.5)()[1]
    counting, runs = counted(f)
    x, y = batch()
    step = unroll(counting, *((x, y) if at_once else ()), optimizer=optimizer)
    assert bool(runs) == at_once
    assert_same_state(optimizer, twin, tolerance=0)
    if at_once:
        assert "# update" in step.source
    else:
        for read in (lambda: step.source, step.describe):
            with pytest.raises(RuntimeError, match=r"unroll: .*Call the step.*example"):
                read()
    step(x, y)
    traced = len(runs)
    assert traced > 0
    step(*batch(seed=1))
    assert len(runs) == traced
    assert all(p.grad is None for p in optimizer.params)


def test_a_function_without_inputs_is_traced_at_once():
    (w,) = leaves([1.0, 2.0], name="w")
    f, runs = counted(lambda: (w * w).sum())
    step = unroll(lambda: f(), optimizer=GD([w], lr=0.25))
    assert runs
    assert "def step(w, lr)" in step.source.replace("\n", "")
    np.testing.assert_array_equal(w.data, [1.0, 2.0])
    assert [float(step()), float(step())] == [5.0, 1.25]
    np.testing.assert_array_equal(w.data, [0.25, 0.5])


def test_a_function_with_default_arguments_waits_for_its_first_call():
    (w,) = leaves([1.0, 2.0])
    step = unroll(lambda x=3.0: (w * x).sum(), optimizer=GD([w], lr=0.5))
    assert float(step()) == 9.0
    np.testing.assert_array_equal(w.data, [-0.5, 0.5])


@some_optimizers
@pytest.mark.parametrize(
    "schedule",
    [lambda k: linear_decay(k, 15, 0.1, 0.0), lambda k: cosine_decay(k, 19, 0.2, 0.01)],
)
def test_schedules_are_read_without_another_trace(kind, schedule):
    runs = []

    def make():
        f, optimizer = network(kind)()
        f, _runs = counted(f)
        runs.append(_runs)
        return f, optimizer

    def before(k, optimizer):
        optimizer.lr = schedule(k)
        counts.append(len(runs[0]))

    counts = []
    assert_same_training(make, *batches(), before=before)
    assert len(set(counts[2:])) == 1


SETTINGS = [
    (SGD, {"momentum": 0.0}, {"momentum": 0.5}),
    (SGD, {"momentum": 0.7}, {"momentum": 0.0}),
    (SGD, {"momentum": 0.7}, {"momentum": 0.8}),
    (SGD, {"momentum": 0.0, "nesterov": False}, {"momentum": 0.9, "nesterov": True}),
    (SGD, {"weight_decay": 0.0}, {"weight_decay": 0.1}),
    (SGD, {"l1": 0.0}, {"l1": 0.05}),
    (Adam, {"betas": (0.9, 0.999)}, {"betas": (0.3, 0.4)}),
    (Adam, {"eps": 1e-8}, {"eps": 0.1}),
    (Adam, {"weight_decay": 0.0}, {"weight_decay": 0.5}),
]


@pytest.mark.parametrize(("kind", "first", "later"), SETTINGS, ids=str)
def test_settings_assigned_later_count(kind, first, later):
    """Also when they are assigned back: momentum then starts from 0 again."""

    def make():
        model = mlp(2, 4, 3)
        f = lambda x, y: losses.cross_entropy(model(x), y)  # noqa: E731
        return f, kind(model.parameters(), lr=0.1, **first)

    def before(k, optimizer):
        for name, value in {5: later, 10: first, 15: later}.get(k, {}).items():
            setattr(optimizer, name, value)

    assert_same_training(make, *batches(), before=before)


def test_a_wrong_setting_raises_as_the_optimizer_does():
    f, optimizer = network("GD")()
    model_before = [p.data.copy() for p in optimizer.params]
    optimizer = SGD(optimizer.params, lr=0.1)
    step = unroll(f, *batch(), optimizer=optimizer)
    optimizer.nesterov = True
    with pytest.raises(ValueError, match="nesterov=True needs momentum"):
        step(*batch())
    assert_close([p.data for p in optimizer.params], model_before, 0)
    optimizer.nesterov = False
    assert step(*batch()) > 0
