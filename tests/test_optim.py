"""Optimizers against PyTorch's trajectories, scikit-learn's Lasso, and closed forms."""

import copy
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Lasso

from tinygrad_loss import Tensor
from tinygrad_loss.losses import mean_squared_error
from tinygrad_loss.optim import GD, SGD, Adam, Optimizer, cosine_decay, linear_decay
from tinygrad_loss.regularizers import l2

SHAPES = [(3, 4), (4,), (), (0, 2), (2, 1, 3)]
SGD_OPTIONS = [
    {},
    {"momentum": 0.9},
    {"momentum": 0.8, "nesterov": True},
    {"weight_decay": 0.3},
    {"momentum": 0.9, "weight_decay": 0.1},
    {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
]
ADAM_OPTIONS = [
    {},
    {"betas": (0.5, 0.9), "eps": 1e-3},
    {"betas": (0.0, 0.0)},
    {"weight_decay": 0.2},
]
MAKERS = [
    lambda params: GD(params, 0.1),
    lambda params: SGD(params, 0.1, momentum=0.9, nesterov=True, weight_decay=0.1, l1=0.01),
    lambda params: Adam(params, 0.1, weight_decay=0.1),
]


def parameters(shapes=SHAPES, dtype=float, seed=0):
    rng = np.random.default_rng(seed)
    return [
        Tensor(rng.standard_normal(s), dtype=dtype, requires_grad=True, name=f"p{i}")
        for i, s in enumerate(shapes)
    ]


def set_gradients(params, rng):
    for p in params:
        p.grad = np.asarray(rng.standard_normal(p.shape), dtype=p.dtype)


def follow(optimizer, theirs_of, dtype=float, steps=30):
    """The largest distance from PyTorch's optimizer over the steps; every third leaves one out."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    ours = optimizer.params
    twins = [torch.tensor(p.data, requires_grad=True) for p in ours]
    theirs = theirs_of(torch, twins)
    largest = 0.0
    for step in range(steps):
        set_gradients(ours, rng)
        if step % 3 == 2:
            ours[1].grad = None
        for p, twin in zip(ours, twins, strict=True):
            twin.grad = None if p.grad is None else torch.tensor(p.grad)
        if step == 20:
            optimizer.lr = theirs.param_groups[0]["lr"] = 0.01
        optimizer.step()
        theirs.step()
        for p, twin in zip(ours, twins, strict=True):
            assert p.dtype == dtype
            largest = max(largest, np.abs(p.data - twin.detach().numpy()).max(initial=0))
    return largest


@pytest.mark.parametrize("options", SGD_OPTIONS)
def test_sgd_follows_pytorch(options):
    optimizer = SGD(parameters(), 0.1, **options)
    assert follow(optimizer, lambda torch, p: torch.optim.SGD(p, 0.1, **options)) < 1e-12


@pytest.mark.parametrize("options", ADAM_OPTIONS)
def test_adam_follows_pytorch_adamw(options):
    optimizer = Adam(parameters(), 0.1, **options)
    theirs = {"weight_decay": 0.0} | options  # PyTorch's default is 0.01
    assert follow(optimizer, lambda torch, p: torch.optim.AdamW(p, 0.1, **theirs)) < 1e-12


def test_adam_without_decay_follows_pytorch_adam():
    optimizer = Adam(parameters(), 0.1)
    assert follow(optimizer, lambda torch, p: torch.optim.Adam(p, 0.1)) < 1e-12


def test_gd_follows_pytorch_sgd():
    assert follow(GD(parameters(), 0.1), lambda torch, p: torch.optim.SGD(p, 0.1)) < 1e-12


def test_float32_follows_pytorch_in_float32():
    optimizer = SGD(parameters(dtype=np.float32), 0.1, momentum=0.9, weight_decay=0.1)
    theirs = {"momentum": 0.9, "weight_decay": 0.1}
    assert follow(optimizer, lambda torch, p: torch.optim.SGD(p, 0.1, **theirs), np.float32) < 1e-5


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_parameters_and_state_keep_their_dtype(make, dtype):
    params = parameters(dtype=dtype)
    optimizer = make(params)
    optimizer.lr = np.float64(0.1)  # as NumPy computes it; float64 arithmetic would follow
    assert type(optimizer.lr) is float
    for _ in range(2):
        set_gradients(params, np.random.default_rng(0))
        optimizer.step()
    assert {p.dtype for p in params} == {np.dtype(dtype)}
    state = [x for name in optimizer.buffers for x in getattr(optimizer, name)]
    kept = np.float32 if dtype == np.float16 and isinstance(optimizer, Adam) else dtype
    assert {x.dtype for x in state if hasattr(x, "dtype")} <= {np.dtype(kept)}


@settings(max_examples=30, deadline=None)
@given(
    w=st.lists(st.floats(-10, 10), min_size=1, max_size=5),
    g=st.floats(-10, 10),
    lr=st.floats(1e-3, 1),
    l1=st.floats(1e-3, 10),
)
def test_l1_is_the_proximal_step(w, g, lr, l1):
    """The new weight minimizes |x - (w - lr g)|^2 / 2 + lr l1 |x|: better than 0 and neighbors."""
    p = Tensor(w, requires_grad=True)
    p.grad = np.full(p.shape, g)
    SGD([p], lr, l1=l1).step()
    v = np.array(w) - lr * g
    expected = np.sign(v) * np.maximum(np.abs(v) - lr * l1, 0)
    np.testing.assert_allclose(p.data, expected, atol=1e-14)
    assert (p.data[np.abs(v) < 0.999 * lr * l1] == 0).all()


MOMENTA = [
    {},
    {"momentum": 0.5},
    {"momentum": 0.5, "nesterov": True},
    {"momentum": 0.9},
    {"momentum": 0.9, "nesterov": True},
]


@pytest.mark.parametrize("options", MOMENTA)
def test_l1_shrinks_by_lr_l1_over_one_minus_momentum(options):
    """By 0.2, 0.4 or 2; see the docstring of SGD, and faults.md B1."""
    w = Tensor([3.0, -0.01], requires_grad=True)
    w.grad = np.zeros(2)
    SGD([w], lr=0.1, l1=2.0, **options).step()
    threshold = 0.1 * 2.0 / (1 - options.get("momentum", 0))
    np.testing.assert_allclose(w.data, [3 - threshold, 0.0], rtol=1e-15)


@settings(max_examples=30, deadline=None)
@given(
    options=st.sampled_from(MOMENTA),
    target=st.floats(-3, 3),
    l1=st.floats(0.01, 2),
    weight_decay=st.sampled_from([0.0, 0.5]),
)
def test_l1_minimizes_the_penalized_loss_whatever_the_momentum(options, target, l1, weight_decay):
    """(w - a)^2 / 2 + d w^2 / 2 + c |w| is least at sign(a) max(|a| - c, 0) / (1 + d)."""
    w = Tensor(2.0, requires_grad=True)
    optimizer = SGD([w], 0.2, l1=l1, weight_decay=weight_decay, **options)
    for _ in range(600):
        w.grad = np.asarray(w.data - target)
        optimizer.step()
    least = np.sign(target) * max(abs(target) - l1, 0) / (1 + weight_decay)
    assert w.item() == pytest.approx(least, abs=1e-9)


@pytest.mark.parametrize("options", MOMENTA)
@pytest.mark.parametrize(("l1", "standardized"), [(2.0, True), (0.2, False)])
def test_l1_gives_the_lasso_with_exact_zeros(l1, standardized, options):
    """faults.md B1: 7 of 10 weights are not 0, with momentum and nesterov, too.

    The loss is mean_squared_error + l1 |w|_1, which scikit-learn halves: Lasso(l1 / 2). The data as
    they come have columns with a norm of 1, so that lr is about 100: 1 / L without momentum, for
    the largest eigenvalue L of 2 X'X / n.
    """
    X, y = load_diabetes(return_X_y=True)
    X, y = X / X.std(axis=0) if standardized else X, y - y.mean()
    lr = len(y) / (2 * np.linalg.eigvalsh(X.T @ X)[-1])
    w = Tensor(np.zeros(10), requires_grad=True)
    optimizer = SGD([w], lr * (1 - options.get("momentum", 0)), l1=l1, **options)
    for _ in range(1000):
        loss = mean_squared_error(X @ w, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    lasso = Lasso(alpha=l1 / 2, fit_intercept=False, tol=1e-14, max_iter=100_000).fit(X, y)
    ours, theirs = (np.mean((X @ v - y) ** 2) + l1 * abs(v).sum() for v in (w.data, lasso.coef_))
    assert ours == pytest.approx(theirs, rel=0, abs=1e-6)
    assert (w.data != 0).sum() == 7
    np.testing.assert_array_equal(w.data == 0, lasso.coef_ == 0)
    np.testing.assert_allclose(w.data, lasso.coef_, rtol=1e-6)


def test_the_subgradient_of_l1_gives_no_exact_zero():
    X, y = load_diabetes(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    w = Tensor(np.zeros(10), requires_grad=True)
    optimizer = GD([w], lr=0.2)
    for _ in range(200):
        loss = mean_squared_error(X @ w, y - y.mean()) / 2 + abs(w).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (w.data != 0).all()


def test_momentum_assigned_later_starts_from_rest():
    """With g = 1: two steps of lr; then v = 1, 1.5, 1.75, so that w = 0 - lr (2 + 4.25)."""
    w = Tensor(0.0, requires_grad=True)
    optimizer = SGD([w], lr=0.5)
    for step in range(5):
        if step == 2:
            optimizer.momentum = 0.5
        w.grad = np.ones(())
        optimizer.step()
    assert w.item() == -0.5 * (2 + 1 + 1.5 + 1.75)


def test_weight_decay_is_l2_under_plain_sgd_but_not_under_adam():
    def train(make, penalty):
        w = Tensor([1.0, -2.0], requires_grad=True)
        optimizer = make([w])
        for _ in range(10):
            loss = mean_squared_error(w, [3.0, 1.0]) + l2([w], penalty)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return w.data

    decayed = train(lambda params: SGD(params, 0.1, weight_decay=0.5), 0.0)
    penalized = train(lambda params: SGD(params, 0.1), 0.25)
    np.testing.assert_allclose(decayed, penalized, rtol=1e-14)
    decayed = train(lambda params: Adam(params, 0.1, weight_decay=0.5), 0.0)
    penalized = train(lambda params: Adam(params, 0.1), 0.25)
    assert np.abs(decayed - penalized).min() > 0.01


@pytest.mark.parametrize("make", MAKERS)
def test_updates_are_in_place_and_allocate_nothing(make):
    params = parameters([(300, 300)])
    arrays = [p.data for p in params]
    optimizer = make(params)
    set_gradients(params, np.random.default_rng(0))
    optimizer.step()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    for _ in range(3):
        optimizer.step()
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert peak < 20_000  # one array has 720,000 bytes
    assert all(p.data is a for p, a in zip(params, arrays, strict=True))


@pytest.mark.parametrize("make", MAKERS)
def test_gradients_are_only_read(make):
    params = parameters()
    set_gradients(params, np.random.default_rng(0))
    for p in params:
        p.grad.setflags(write=False)
    make(params).step()


@pytest.mark.parametrize("make", MAKERS)
def test_a_step_after_the_forward_pass_makes_its_graph_stale(make):
    w = Tensor([1.0, 2.0], requires_grad=True, name="w")
    loss = (w * w).sum()
    loss.backward()
    make([w]).step()
    with pytest.raises(RuntimeError, match=r"w .*changed"):
        loss.backward()


@pytest.mark.parametrize("make", MAKERS)
def test_dask_arrays_are_updated_too(make):
    da = pytest.importorskip("dask.array")
    data = np.array([1.0, -2.0, 3.0])
    ours, lazy = Tensor(data, requires_grad=True), Tensor(da.from_array(data), requires_grad=True)
    for p in (ours, lazy):
        optimizer = make([p])
        for _ in range(3):
            optimizer.zero_grad()
            (p * p).sum().backward()
            optimizer.step()
    assert isinstance(lazy.data, da.Array)
    np.testing.assert_allclose(lazy.data.compute(), ours.data, rtol=1e-15)


def test_zero_grad_forgets():
    params = parameters()
    set_gradients(params, np.random.default_rng(0))
    GD(params, 0.1).zero_grad()
    assert [p.grad for p in params] == [None] * len(params)


def test_a_parameter_without_gradient_stays():
    a, b = parameters([(2,), (3,)])
    before = b.data.copy()
    a.grad = np.ones(2)
    Adam([a, b], weight_decay=0.5).step()
    np.testing.assert_array_equal(b.data, before)


@pytest.mark.parametrize("make", MAKERS)
def test_a_loaded_state_continues_the_training_exactly(make):
    params = parameters()
    optimizer = make(params)
    rng = np.random.default_rng(1)
    for _ in range(5):
        set_gradients(params, rng)
        optimizer.step()
    optimizer.lr = 0.03

    resumed = parameters(seed=9)
    for p, q in zip(params, resumed, strict=True):
        q.data = p.data
    state = optimizer.state_dict()
    kept = copy.deepcopy(state)
    other = make(resumed)
    other.load_state_dict(state)
    assert other.lr == 0.03
    rng2 = copy.deepcopy(rng)
    for _ in range(5):
        set_gradients(params, rng)
        set_gradients(resumed, rng2)
        optimizer.step()
        other.step()
    for p, q in zip(params, resumed, strict=True):
        np.testing.assert_array_equal(p.data, q.data)
    # The state is a copy: neither training has changed it.
    assert state.keys() == kept.keys()
    for name in optimizer.buffers:
        for x, y in zip(state[name], kept[name], strict=True):
            np.testing.assert_array_equal(x, y)


def other_states(state):
    yield "GD", GD(parameters(), 0.1).state_dict()
    yield "list", [state]
    yield "velocity", {k: v for k, v in state.items() if k != "velocity"}
    yield "more", state | {"more": 1}
    yield "velocity holds", state | {"velocity": state["velocity"][:-1]}
    yield r"\(2, 2\)", state | {"velocity": [np.zeros((2, 2))] * len(SHAPES)}
    yield "float32", state | {"velocity": [v.astype(np.float32) for v in state["velocity"]]}
    yield "NoneType", state | {"velocity": None}
    yield "momentum is 2", state | {"momentum": 2}
    yield "lr is -1", state | {"lr": -1}


def test_a_wrong_state_is_refused_and_changes_nothing():
    params = parameters()
    optimizer = SGD(params, 0.1, momentum=0.9)
    set_gradients(params, np.random.default_rng(0))
    optimizer.step()
    before = optimizer.state_dict()
    for message, state in other_states(optimizer.state_dict()):
        with pytest.raises(ValueError, match=message):
            optimizer.load_state_dict(state)
        after = optimizer.state_dict()
        for v, w in zip(before.pop("velocity"), after.pop("velocity"), strict=True):
            np.testing.assert_array_equal(v, w)
        assert before == after
        before = optimizer.state_dict()


def test_a_masked_buffer_is_refused_and_changes_nothing():
    """Its mask would be ignored."""
    optimizer = SGD([Tensor([1.0, 2.0], requires_grad=True)], 0.1, momentum=0.9)
    masked = np.ma.array([3.0, 4.0], mask=[True, False])
    with pytest.raises(TypeError, match=r"load_state_dict: .*MaskedArray.*filled"):
        optimizer.load_state_dict(optimizer.state_dict() | {"lr": 0.5, "velocity": [masked]})
    assert optimizer.lr == 0.1
    assert optimizer.velocity[0].tolist() == [0, 0]


def test_a_state_after_a_schedule_has_come_to_zero_can_be_loaded():
    optimizer = GD(parameters(), 0.1)
    optimizer.lr = 0.0
    state = optimizer.state_dict()
    other = GD(parameters(), 0.1)
    other.load_state_dict(state)
    assert other.lr == 0.0


W = Tensor([1.0], requires_grad=True)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: GD([W], 0), ValueError, r"lr is 0; expected a number in \(0, inf\)"),
        (lambda: GD([W], -0.1), ValueError, "lr is -0.1"),
        (lambda: GD([W], np.nan), ValueError, "lr is nan"),
        (lambda: GD([W], np.inf), ValueError, "lr is inf"),
        (lambda: GD([W], "0.1"), TypeError, "lr is '0.1'; expected a number"),
        (
            lambda: SGD([W], 0.1, momentum=-0.1),
            ValueError,
            r"momentum is -0.1; expected .* \[0, 1\)",
        ),
        (lambda: SGD([W], 0.1, momentum=1), ValueError, "momentum is 1"),
        (lambda: SGD([W], 0.1, nesterov=True), ValueError, "nesterov.*Pass a momentum"),
        (lambda: SGD([W], 0.1, weight_decay=-1), ValueError, "weight_decay is -1"),
        (lambda: SGD([W], 0.1, l1=-1), ValueError, "l1 is -1"),
        (lambda: Adam([W], betas=(0.9, 1.0)), ValueError, r"betas\[1\] is 1.0"),
        (lambda: Adam([W], betas=(-0.1, 0.9)), ValueError, r"betas\[0\] is -0.1"),
        (lambda: Adam([W], betas=0.9), TypeError, "betas is 0.9; expected two numbers"),
        (lambda: Adam([W], betas=(0.9, 0.9, 0.9)), TypeError, "expected two numbers"),
        (lambda: Adam([W], eps=0), ValueError, r"eps is 0; expected a number in \(0"),
        (lambda: Adam([W], weight_decay=-1), ValueError, "weight_decay is -1"),
        (lambda: GD([], 0.1), ValueError, "params is empty"),
        (lambda: GD(W, 0.1), TypeError, r"params is a Tensor; expected a list .*parameters\(\)"),
        (lambda: GD(3, 0.1), TypeError, "params is a int; expected a list"),
        (lambda: GD([W, W.data], 0.1), TypeError, r"params\[1\] is ndarray"),
        (lambda: GD({"w": "W"}, 0.1), TypeError, r"params\[0\] is str"),
        (lambda: GD([Tensor([1.0])], 0.1), ValueError, "does not require grad"),
        (lambda: GD([W * 2], 0.1), ValueError, "computed by multiply"),
        (lambda: GD([W, W], 0.1), ValueError, r"params\[1\] is the same Tensor as params\[0\]"),
    ],
)
def test_errors_teach(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_params_may_be_a_generator():
    params = parameters()
    assert SGD((p for p in params), 0.1).params == params


def test_params_may_be_a_nest():
    """As autograd's programs hold them: lists, tuples and dicts, nested."""
    W, b, c = (Tensor(np.ones(n), requires_grad=True) for n in (2, 3, 4))
    optimizer = SGD({"layers": [(W, b)], "scale": c}, lr=0.5)
    assert optimizer.params == [W, b, c]
    ((W * 2).sum() + (b * 3).sum() + (c * 4).sum()).backward()
    optimizer.step()
    assert [p.data[0] for p in (W, b, c)] == [0, -0.5, -1]


def test_an_optimizer_of_ones_own():
    class SignDescent(Optimizer):
        def update(self, i, w, g):
            w -= self.lr * np.sign(g)

    w = Tensor([3.0, -4.0], requires_grad=True)
    optimizer = SignDescent([w], 0.5)
    (w * w).sum().backward()
    optimizer.step()
    np.testing.assert_array_equal(w.data, [2.5, -3.5])
    with pytest.raises(NotImplementedError, match="Optimizer must define update"):
        Optimizer([w], 0.5).step()


def test_repr_says_what_it_optimizes():
    model = parameters([(2, 3), (3,)])
    assert repr(GD(model, 0.1)) == "GD(2 parameters, 9 numbers, lr=0.1)"


@pytest.mark.parametrize("schedule", [linear_decay, cosine_decay])
def test_schedules_go_from_start_to_end(schedule):
    lrs = [schedule(k, 10, start=0.5, end=0.1) for k in range(13)]
    assert lrs[0] == pytest.approx(0.5)
    assert lrs[10:] == pytest.approx([0.1] * 3)
    assert (np.diff(lrs[:11]) < 0).all()
    assert lrs[5] == pytest.approx(0.3)
    with pytest.raises(ValueError, match="step is -1 of 10"):
        schedule(-1, 10, 0.5, 0.1)
    with pytest.raises(ValueError, match="step is 0 of 0"):
        schedule(0, 0, 0.5, 0.1)


def test_the_schedules_are_pytorchs():
    torch = pytest.importorskip("torch")
    for ours, theirs in [
        (linear_decay, lambda o: torch.optim.lr_scheduler.LinearLR(o, 1.0, 0.2, 10)),
        (cosine_decay, lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 10, 0.1)),
    ]:
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.5)
        schedule = theirs(optimizer)
        for k in range(10):
            assert optimizer.param_groups[0]["lr"] == pytest.approx(
                ours(k, 10, 0.5, 0.1), abs=1e-12
            )
            optimizer.step()
            schedule.step()
