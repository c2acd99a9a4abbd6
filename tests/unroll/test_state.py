"""What a function keeps outside of itself is refused by name, and put back: faults.md D6."""

import collections
import functools
import gc
import sys
import types

import numpy as np
import pytest

from tests.strict_array import StrictArray
from tinygrad_loss import Tensor, losses, nn, unroll
from tinygrad_loss.optim import SGD
from tinygrad_loss.unroll.array import TracedArray
from tinygrad_loss.unroll.outside import Outside

from .agreement import assert_same, eager

X = np.arange(12.0).reshape(4, 3)
KEPT = []
LATEST = None


class BatchNorm(nn.Module):
    """With running averages, as arrays or as Tensors."""

    def __init__(self, n, as_tensor):
        self.gamma = Tensor(np.ones(n), requires_grad=True)
        self.mean = Tensor(np.zeros(n)) if as_tensor else np.zeros(n)

    def forward(self, x):
        mean = self.mean
        if self.training:
            mean = x.mean(axis=0)
            if isinstance(self.mean, Tensor):
                self.mean.data = 0.9 * self.mean.data + 0.1 * mean.data
            else:
                self.mean = 0.9 * self.mean + 0.1 * mean.data
        return (x - mean) * self.gamma


class Keeps(nn.Module):
    """Keeps its output in an attribute of this name, or wherever ``keep`` puts it."""

    def __init__(self, keep):
        self.layer = nn.Linear(3, 2, rng=np.random.default_rng(0))
        self.out = None
        self.log = {"outputs": [(0.0, [])], "latest": collections.deque(["nothing"], maxlen=3)}
        self.seen = {"nothing"}
        self.record = types.SimpleNamespace(out=1.5)
        self.keep = keep

    def forward(self, x):
        out = self.layer(x)
        self.keep(self, out)
        return out


class Slotted:
    __slots__ = ("value",)

    def __init__(self):
        self.value = None


SLOTTED, PLAIN = Slotted(), types.SimpleNamespace(shared=0)


class Shared:
    latest = 3


def keep_in_global(self, out):
    global LATEST
    LATEST = out


def is_clean(x):
    """Whether no traced array can be reached from x, also inside its Tensors."""
    seen, waiting = set(), [x]
    while waiting:
        x = waiting.pop()
        if isinstance(x, TracedArray):
            return False
        if id(x) not in seen and not isinstance(x, types.ModuleType | type | types.FunctionType):
            seen.add(id(x))
            waiting += gc.get_referents(x)
    return True


def loss_of(model):
    return lambda x: (model(x) ** 2).mean()


@pytest.mark.parametrize("as_tensor", [False, True])
def test_running_averages_are_refused_and_left_as_they_were(as_tensor, tmp_path):
    """faults.md D6: model.eval()(X) returned <traced array>, and save raised."""
    model = nn.Sequential(nn.Linear(3, 2, rng=np.random.default_rng(0)), BatchNorm(2, as_tensor))
    model(X)  # the averages of one batch
    norm = model.layers[1]
    before = np.array(norm.mean.data if as_tensor else norm.mean)
    expected = model.eval()(X).data
    model.train()
    where = r"model\.layers\[1\]\.mean" + (r"\.data" if as_tensor else "")
    with pytest.raises(TypeError, match=rf"unroll: .* in {where}\. .*running averages outside"):
        unroll(lambda x: (model(x) ** 2).mean(), X, wrt=model.parameters())
    np.testing.assert_array_equal(norm.mean.data if as_tensor else norm.mean, before)
    np.testing.assert_array_equal(model.eval()(X).data, expected)
    assert type(model.eval()(X).data) is np.ndarray
    nn.save(tmp_path / "model.npz", model)
    model.train()
    losses.mean_squared_error(model(X), np.zeros((4, 2))).backward()
    assert all(type(p.grad) is np.ndarray for p in model.parameters())


def test_in_eval_mode_the_same_model_is_unrolled():
    model = nn.Sequential(nn.Linear(3, 2, rng=np.random.default_rng(0)), BatchNorm(2, False)).eval()
    step = unroll(loss_of(model), X, wrt=model.parameters())
    assert_same(step(X), eager(loss_of(model), (X,), model.parameters()))


PLACES = {
    "attribute": (lambda self, out: setattr(self, "out", out), r"\.out"),
    "array": (lambda self, out: setattr(self, "out", out.data), r"\.out"),
    "new attribute": (lambda self, out: setattr(self, "fresh", out), r"\.fresh"),
    "attribute in a new object": (
        lambda self, out: setattr(self, "out", types.SimpleNamespace(a=[{"b": out}])), r"\.out"
    ),
    "list": (lambda self, out: self.log["outputs"].append(out), r"\.log\['outputs'\]\[1\]"),
    "list in a tuple": (
        lambda self, out: self.log["outputs"][0][1].append(out.data), r"\[0\]\[1\]\[0\]\."
    ),
    "dict": (lambda self, out: self.log.update(out=out), r"\.log\['out'\]"),
    "deque": (lambda self, out: self.log["latest"].append(out), r"\['latest'\]\[1\]"),
    "set": (lambda self, out: self.seen.add(out), r"\.seen\["),
    "plain object": (lambda self, out: setattr(self.record, "out", out), r"\.record\.out"),
    "object with slots": (lambda self, out: setattr(SLOTTED, "value", out), r"SLOTTED\.value"),
    "global": (keep_in_global, "LATEST"),
    "global list": (lambda self, out: KEPT.append(out), r"KEPT\[0\]"),
    "class": (lambda self, out: setattr(Shared, "latest", out), r"Shared\.latest"),
    "class of self": (lambda self, out: setattr(type(self), "latest", out), r"Keeps\.latest"),
    "default argument": (lambda self, out, kept=[]: kept.append(out), r"keep\[0\]\[0\]"),
    "attribute of a function": (lambda s, out: setattr(keep_in_global, "out", out), r"\['out'\]"),
    "data of a Tensor": (
        lambda self, out: setattr(self.constant, "data", out.data.sum(axis=0)), r"constant\.data"
    ),
    "gradient": (lambda self, out: setattr(self.constant, "grad", out.data[0]), r"constant\.grad"),
}  # fmt: skip


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize(("keep", "path"), PLACES.values(), ids=PLACES)
def test_wherever_it_is_kept_it_is_put_back(keep, path, fails):
    """After an error of the function itself, as after a refusal."""

    def kept(self, out):
        keep(self, out)
        if fails:
            raise KeyError("of the function itself")

    model = Keeps(kept)
    model.constant = Tensor(np.zeros(2))
    places = (model, vars(model), SLOTTED, PLAIN, KEPT, LATEST, keep)
    state = repr((vars(model.record), model.log, model.seen, model.out, SLOTTED.value, KEPT))
    stamp, class_attributes = model.constant.stamp, dict(vars(Keeps))
    with pytest.raises(
        KeyError if fails else TypeError, match="function itself" if fails else path
    ):
        unroll(loss_of(model), X, wrt=model.parameters())
    assert is_clean(places)
    assert is_clean(
        [dict(vars(Keeps)), dict(vars(Shared)), vars(keep_in_global), keep.__defaults__]
    )
    assert (
        repr((vars(model.record), model.log, model.seen, model.out, SLOTTED.value, KEPT)) == state
    )
    assert (LATEST, Shared.latest, dict(vars(Keeps))) == (None, 3, class_attributes)
    assert "fresh" not in vars(model)
    assert model.constant.stamp == stamp
    assert model.layer(X).shape == (4, 2)


def test_a_closure_a_method_and_a_partial():
    kept = None

    def f(x):
        nonlocal kept
        kept = model(x)
        return kept.mean()

    class Trainer:
        def __init__(self):
            self.model, self.outputs = nn.Linear(3, 2, rng=np.random.default_rng(0)), []

        def loss(self, scale, x):
            self.outputs.append(self.model(x))
            return self.outputs[-1].sum() * scale

    trainer = Trainer()
    model = trainer.model
    for function, path in (
        (f, "kept"),
        (functools.partial(trainer.loss, 2.0), r"outputs\[0\]"),
        (functools.partial(Trainer.loss, trainer, 2.0), r"outputs\[0\]"),
    ):
        with pytest.raises(TypeError, match=path):
            unroll(function, X, wrt=model.parameters())
        assert (kept, trainer.outputs) == (None, [])


def test_the_state_of_an_optimizer_is_left_alone():
    model = nn.Linear(3, 2, rng=np.random.default_rng(0))
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    model(X).sum().backward()
    optimizer.step()

    def f(x):
        model(x).sum().backward()
        optimizer.step()
        return model(x).sum()

    with pytest.raises(TypeError):
        unroll(f, X, wrt=model.parameters())
    assert is_clean([optimizer, model])
    optimizer.step()  # as before


def test_a_refused_assignment_to_data_leaves_graphs_of_the_old_data_valid():
    """The stamp of the parameter is put back, too."""
    w = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    loss = (w * w).sum()

    def f(x):
        w.data = w.data * 2
        return (w * x).sum()

    with pytest.raises(TypeError, match="changes a parameter"):
        unroll(f, np.ones(3), wrt=[w])
    loss.backward()
    np.testing.assert_array_equal(w.grad, [2.0, 4.0, 6.0])


def test_what_cannot_be_found_is_refused_all_the_same():
    """A generator, a cache, or a module keeps it: no attribute of anything that f can reach."""

    def remembers():
        seen = []
        while True:
            seen.append((yield))

    memory = remembers()
    next(memory)
    w = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    with pytest.raises(TypeError, match="something keeps <traced array of shape"):
        unroll(lambda x: [(w * x).sum(), memory.send(x)][0], np.ones(3), wrt=[w])

    module = types.ModuleType("somewhere")
    sys.modules["somewhere"] = module
    try:

        def f(x):
            import somewhere

            somewhere.x = x
            return (w * x).sum()

        with pytest.raises(TypeError, match="something keeps <traced array of shape"):
            unroll(f, np.ones(3), wrt=[w])
    finally:
        del sys.modules["somewhere"]


def test_a_cycle_inside_the_function_is_no_leak():
    w = Tensor([1.0, 2.0, 3.0], requires_grad=True)

    def f(x):
        node = types.SimpleNamespace(x=x)
        node.itself = node
        return (w * node.x).sum()

    assert unroll(f, np.ones(3), wrt=[w])(np.ones(3))[0] == 6.0


def test_constants_made_once_and_counters_are_allowed():
    """What does not depend on the inputs is frozen anyway."""

    class Masked(nn.Module):
        def __init__(self):
            self.w, self.mask, self.calls = Tensor(np.ones(3), requires_grad=True), None, 0

        def forward(self, x):
            self.calls += 1
            if self.mask is None:
                self.mask = np.array([1.0, 0.0, 1.0])
            return self.w * x * self.mask

    model = Masked()
    step = unroll(lambda x: model(x).sum(), np.ones(3), wrt=model.parameters())
    assert step(np.ones(3))[0] == 2.0
    np.testing.assert_array_equal(model.mask, [1.0, 0.0, 1.0])


def test_a_number_of_the_state_that_counts_on_is_still_refused():
    model = types.SimpleNamespace(calls=0)
    w = Tensor([1.0, 2.0], requires_grad=True)

    def f(x):
        model.calls += 1
        return (w * x).sum() * model.calls

    with pytest.raises(TypeError, match="another one each time"):
        unroll(f, np.ones(2), wrt=[w])


def test_libraries_are_not_searched():
    """It would take seconds: their functions and classes keep nothing of what they are given."""
    model = nn.MLP([3, 4, 2], rng=np.random.default_rng(0))
    reached = Outside(f=lambda x: losses.cross_entropy(model(np.tanh(x)), np.zeros(3))).before
    assert len(reached) < 100
    assert {id(model), id(model.layers), id(model.layers[0].weight)} <= set(reached)


def test_a_new_shape_is_checked_as_the_first():
    kept = []
    w = Tensor([1.0, 2.0], requires_grad=True)

    def f(x):
        if len(x) > 2:
            kept.append(x)
        return (w * x).sum()

    step = unroll(f, np.ones((2, 2)), wrt=[w])
    with pytest.raises(TypeError, match=r"in kept\[0\]"):
        step(np.ones((3, 2)))
    assert kept == []
    assert step(np.ones((2, 2)))[0] == 6.0


def test_slices_whose_ends_depend_on_an_input_are_refused():
    w = Tensor(np.ones(5), requires_grad=True)
    with pytest.raises(TypeError, match="an index or a size needs the numbers"):
        unroll(lambda x, n: (w * x)[:n].sum(), np.ones(5), np.array(3), wrt=[w])
    with pytest.raises(TypeError, match="an index or a size needs the numbers"):
        unroll(lambda x, n: (w[:3] * x[:n]).sum(), np.ones(5), np.array(3), wrt=[w])


# --- arrays of other libraries: faults.md I ------------------------------------------------------


def strict(*shape):
    return StrictArray(np.ones(shape))


@pytest.mark.parametrize(
    ("f", "inputs", "what"),
    [
        (lambda w, c, x: (w * x).sum(), [strict(3)], "an input"),
        (lambda w, c, x: (w * x).sum(), [Tensor(strict(3))], "the data of an input"),
        (lambda w, c, x: (w * x * c).sum(), [np.ones(3)], "an array that"),
        (lambda w, c, x: (w * x * Tensor(c)).sum(), [np.ones(3)], "an array that"),
        (lambda w, c, x: (w * x).sum() + x @ c, [np.ones(3)], "an array that"),
    ],
)  # fmt: skip
def test_arrays_of_other_libraries_are_refused(f, inputs, what):
    """faults.md I: "Implicit conversion to a NumPy array is not allowed"."""
    w = Tensor(np.ones(3), requires_grad=True)
    with pytest.raises(TypeError, match=f"unroll: {what}.*is a StrictArray of tests; expected a"):
        unroll(lambda x: f(w, strict(3), x), *inputs, wrt=[w])


def test_parameters_of_another_library_are_refused():
    w = Tensor(strict(3), requires_grad=True, name="w")
    with pytest.raises(
        TypeError, match="unroll: the data of w is a StrictArray of tests; expected"
    ):
        unroll(lambda x: (w * x).sum(), np.ones(3), wrt=[w])
    v = Tensor(np.ones(3), requires_grad=True)
    step = unroll(lambda x: (v * x).sum(), np.ones(3), wrt=[v])
    with pytest.raises(TypeError, match=r"unroll: an input is a StrictArray.*by x\.get\(\)"):
        step(strict(3))
    assert step(np.ones(3))[0] == 3.0
