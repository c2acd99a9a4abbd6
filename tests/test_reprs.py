"""What is printed says what it is: in a notebook, in a debugger, in an error of somebody's own."""

import functools
import sys

import numpy as np
import pytest

import tinygrad_loss as tl
from tinygrad_loss import Tensor, data, losses, nn, optim, regularizers
from tinygrad_loss.engine.mode import set_mode
from tinygrad_loss.inspection.graph import Frame
from tinygrad_loss.inspection.watch.layers import Layer

MODULES = [tl, losses, regularizers, nn, optim, data]
X = np.ones((8, 2))


def rng():
    return np.random.default_rng(0)


def mlp():
    return nn.MLP([2, 4, 3], dropout=0.5, rng=rng())


def leaf():
    return Tensor([1.0, 2.0], requires_grad=True, name="w")


def loss_of(model):
    return tl.cross_entropy(model(X), np.zeros(8, int))


def stepped(optimizer):
    (optimizer.params[0] ** 2).sum().backward()
    optimizer.step()
    return optimizer


def half_squares(x):
    return (x * x).sum() / 2


def unrolled(*, traced=False, function=half_squares, n=2):
    w = Tensor(np.ones(n), requires_grad=True)
    return tl.unroll(function, *[w] * traced, wrt=[w])


def watched(passes=1):
    model = mlp()
    with tl.watch(model) as found:
        for _ in range(passes):
            loss_of(model).backward()
    return found


def failed():
    """The error of a computation that failed on its way."""
    try:
        tl.exp(leaf()) + np.ones(3)
    except ValueError as error:
        return error
    raise AssertionError("that should not work")


class Own(nn.Module):
    """Layers in a list and in a dict, a function among them, a parameter, a constant."""

    def __init__(self):
        self.blocks = [nn.Linear(2, 3, rng=rng()), tl.tanh, nn.LeakyReLU(0.2)]
        self.heads = {"a": nn.Linear(3, 1, rng=rng()), "b": (nn.Dropout(0.25, rng=rng()),)}
        self.factor = Tensor(3.0, requires_grad=True)
        self.n_calls = 0


class Scale(nn.Module):
    def __init__(self, n):
        self.factor = Tensor(np.ones(n), requires_grad=True)


class Swish:
    """A layer of somebody who does not know of Module, and wrote no repr."""

    def __call__(self, x):
        return x * tl.sigmoid(x)


class Head(nn.Linear):
    """A Linear of one's own."""


class Quiet(nn.Dropout):
    """A Dropout of one's own."""


class Momentum(optim.Optimizer):
    settings = ("lr", "beta")
    buffers = ("v",)

    def __init__(self, params, lr, beta):
        super().__init__(params, lr)
        self.beta, self.v = beta, [np.zeros_like(p.data) for p in self.params]

    def update(self, i, w, g):
        w -= self.lr * g


class Family(nn.Module):
    """Children that know their parent."""

    def __init__(self):
        self.children_of_mine = [nn.Module(), nn.Linear(2, 2, rng=rng())]
        for child in self.children_of_mine:
            child.parent = self


def between(layer):
    return nn.Sequential(nn.Linear(2, 3, rng=rng()), layer, nn.Linear(3, 1, rng=rng()))


# What prints in one line, and what should stand there.
ONE_LINE = {
    # Tensors
    "number": (lambda: Tensor(3.0), "Tensor(3."),
    "parameter": (leaf, "Tensor([1., 2.]", "'w'", "requires_grad=True"),
    "result": (lambda: leaf() * 2, "Tensor([2., 4.]", "made by multiply"),
    "integers": (lambda: Tensor([1, 2]), "Tensor([1, 2]", "int64"),
    "float32": (lambda: Tensor(1.0, dtype=np.float32), "Tensor(1.", "float32"),
    "no elements": (lambda: Tensor(np.ones((0, 3))), "Tensor(", "(0, 3)"),
    "NaN": (lambda: Tensor([np.nan, np.inf]), "Tensor(", "nan", "inf"),
    "loss": (lambda: loss_of(mlp().eval()), "Tensor(", "made by"),
    # modules
    "Module": (nn.Module, "Module()"),
    "Linear": (lambda: nn.Linear(2, 3, rng=rng()), "Linear(2, 3"),
    "Linear without bias": (lambda: nn.Linear(2, 3, bias=False, rng=rng()), "2, 3, bias=False"),
    "a Linear of one's own": (lambda: Head(2, 3, rng=rng()), "Head(2, 3"),
    "ReLU": (nn.ReLU, "ReLU()"),
    "GELU": (nn.GELU, "GELU()"),
    "Tanh": (nn.Tanh, "Tanh()"),
    "Sigmoid": (nn.Sigmoid, "Sigmoid()"),
    "Dropout": (lambda: nn.Dropout(0.5, rng=rng()), "Dropout(", "0.5"),
    "a Dropout of one's own": (lambda: Quiet(0.5, rng=rng()), "Quiet(", "0.5"),
    "MLP": (mlp, "MLP(Linear(2, 4", "ReLU()", "Dropout(0.5", "Linear(4, 3"),
    "Sequential": (lambda: between(np.tanh), "Sequential(Linear(2, 3", "tanh", "Linear(3, 1"),
    "Sequential of nothing": (nn.Sequential, "Sequential()"),
    "Sequential in another": (lambda: nn.Sequential(between(abs)), "Sequential(Sequential(Linear"),
    "an op as a layer": (lambda: between(tl.relu), "Linear(2, 3", "relu"),
    "a function as a layer": (lambda: between(half_squares), "Linear(2, 3", "half_squares"),
    "a lambda as a layer": (lambda: between(lambda x: x), "Linear(2, 3", "lambda"),
    "a method as a layer": (lambda: between(Swish().__call__), "Linear(2, 3", "Linear(3, 1"),
    "a partial as a layer": (
        lambda: between(functools.partial(tl.leaky_relu, slope=0.3)), "leaky_relu", "slope=0.3",
    ),
    "layers in a list": (Own, "Own(", "Linear(2, 3", "LeakyReLU(", "factor ()"),
    "layers in a dict": (Own, "Own(", "Linear(3, 1", "Dropout(", "0.25"),
    "a parameter of one's own": (lambda: Scale(5), "Scale(", "factor", "5"),
    "a child that knows its parent": (Family, "Family(Module(...)", "Linear(2, 2"),
    # training
    "GD": (lambda: optim.GD([leaf()], lr=0.25), "GD(1 ", "2 numbers", "lr=0.25"),
    "SGD": (
        lambda: optim.SGD(mlp().parameters(), lr=0.1, momentum=0.9),
        "SGD(4 parameters", "27 numbers", "lr=0.1", "momentum=0.9",
    ),
    "Adam": (lambda: optim.Adam(mlp().parameters()), "Adam(4 parameters", "lr=0.001", "0.999"),
    "SGD after a step": (lambda: stepped(optim.SGD([leaf()], 0.1, momentum=0.9)), "momentum=0.9"),
    "Adam after a step": (lambda: stepped(optim.Adam([leaf()], lr=0.5)), "Adam(1 ", "lr=0.5"),
    "a learning rate of NumPy's": (lambda: optim.GD([leaf()], np.float64(0.5)), "lr=0.5"),
    "one's own": (lambda: Momentum([leaf()], 0.1, 0.9), "Momentum(1 ", "lr=0.1", "beta=0.9"),
    "minibatches": (
        lambda: data.minibatches(X, X, 5, rng=rng()), "minibatches(2 of up to 5 of 8 rows)",
    ),
    # inspection
    "graph": (lambda: tl.draw(loss_of(mlp().eval())), "Graph", "ops"),
    "graph of a vector": (lambda: tl.draw(leaf() * 2), "Graph", "multiply"),
    "graph of several": (lambda: tl.draw([leaf() * 2, leaf() + 1]), "Graph", "ops"),
    "graph of a failure": (lambda: tl.draw(failed()), "Graph", "that failed, of 2 ops"),
    "frame": (lambda: Frame("<p>" * 100_000, 640), "Frame", "300 kB", "640 pixels"),
    "watch before a pass": (lambda: tl.watch(mlp()), "watch(", "MLP(", "no pass yet"),
    "layer of a watch": (lambda: watched().layers[0], "Layer(", "'layers.0'", "'Linear'"),
    "step not traced": (unrolled, "Step", "half_squares", "not traced"),
    "step": (lambda: unrolled(traced=True), "Step", "half_squares", "forward", "backward"),
    "step of a partial": (lambda: unrolled(function=functools.partial(tl.sum, axis=None)), "sum"),
    # blocks
    "no_grad": (tl.no_grad, "block", "no_grad"),
    "detect_anomaly": (tl.detect_anomaly, "block", "Anomaly"),
    "scope": (lambda: tl.scope("cell"), "block", "cell"),
    "recording": (lambda: set_mode(recording=True), "block", "recording"),
    "a function in no_grad": (lambda: tl.no_grad(half_squares), "half_squares"),
    # ops
    "op": (lambda: tl.exp, "op exp(x)"),
    "op with options": (lambda: tl.sum, "op sum(x, axis=None, keepdims=False)"),
    "one's own op": (lambda: tl.Op(lambda x: x, lambda g, y, x: g, name="same"), "op same(x)"),
    "an op without a signature": (lambda: tl.Op(np.exp, lambda g, y, x: g * y), "op exp"),
    "how a result was made": (lambda: (leaf() * 2).origin, "op multiply(", "'w'"),
}  # fmt: skip

# What is large, and what must not take long, or fill the screen.
LARGE = {
    "Tensor": lambda: Tensor(np.ones((1000, 1000)), requires_grad=True),
    "Tensor of many rows": lambda: Tensor(np.ones((100_000, 1))),
    "result": lambda: Tensor(np.ones((1000, 1000)), requires_grad=True) * 2,
    "origin": lambda: (Tensor(np.ones((1000, 1000)), requires_grad=True) * 2).origin,
    "Linear": lambda: nn.Linear(1000, 1000, rng=rng()),
    "optimizer": lambda: optim.Adam([Tensor(np.ones(1000), True) for _ in range(1000)]),
    "minibatches": lambda: data.minibatches(np.ones((10**6, 3)), np.ones(10**6), 32, rng=rng()),
    "graph": lambda: tl.draw(functools.reduce(lambda x, _: tl.sin(x), range(500), leaf())),
    "step": lambda: unrolled(traced=True, n=10**6),
}


@pytest.fixture(autouse=True)
def printed_as_usual():
    """Whatever a lesson that ran in this process before has set, for itself and all after it."""
    with np.printoptions(precision=8, suppress=False, threshold=1000, linewidth=75):
        yield


@pytest.fixture(params=ONE_LINE)
def case(request):
    make, *words = ONE_LINE[request.param]
    return make(), words


def is_plain(shown):
    """Whether this is Python's own repr, which says where it is in memory, and not what it is."""
    return "object at 0x" in shown


def test_a_repr_says_what_it_is_in_one_line(case):
    thing, words = case
    shown = repr(thing)
    assert [word for word in words if word not in shown] == [], shown
    assert not is_plain(shown)
    assert "\n" not in shown
    assert len(shown) < 400


def test_str_and_format_say_the_same(case):
    thing, _ = case
    is_number = isinstance(thing, Tensor) and thing.ndim == 0  # of which `f"{loss}"` is the number
    said = f"{thing.item()}" if is_number else str(thing)
    assert f"{thing}" == format(thing, "") == f"{thing:}" == said
    if not isinstance(thing, type(tl.draw(Tensor(1.0)))):  # which is printed as a table
        assert str(thing) == repr(thing)


def test_a_notebook_shows_the_same(case):
    pretty = pytest.importorskip("IPython.lib.pretty").pretty
    formatters = pytest.importorskip("IPython.core.formatters")
    thing, words = case
    assert [word for word in words if word not in pretty(thing)] == []
    assert not is_plain(pretty(thing))
    shown, _ = formatters.DisplayFormatter().format(thing)
    assert shown.keys() & {"text/plain", "text/html", "image/svg+xml"}


def test_a_graph_and_a_watch_print_as_tables():
    header, *rows = str(tl.draw(leaf() * 2)).splitlines()
    assert header.split() == ["name", "made", "by", "shape", "value", "gradient"]
    assert rows[0].split()[:2] == ["w", "parameter"]
    assert rows[-1].startswith("multiply1")
    header, *rows = repr(watched(2)).splitlines()
    assert header.split()[:4] == ["layer", "kind", "mean", "spread"]
    assert [row.split()[1] for row in rows[:4]] == ["Linear", "ReLU", "Dropout", "Linear"]


def test_a_module_can_be_shown_in_its_own_init():
    shown = []

    class Growing(nn.Module):
        def __init__(self):
            shown.append(repr(self))
            self.first = nn.Linear(2, 3, rng=rng())
            shown.append(repr(self))
            raise ValueError("enough")

    with pytest.raises(ValueError, match="enough") as found:
        Growing()
    assert "Growing(" in shown[0]
    assert "Linear(2, 3" in shown[1]
    halves = [entry.frame.f_locals.get("self") for entry in found.traceback]
    assert repr(next(x for x in halves if x is not None)) == shown[1]


@pytest.mark.parametrize("name", LARGE)
def test_what_is_large_prints_shortly(name):
    thing = LARGE[name]()
    shown = repr(thing)
    assert len(shown) < 3000
    assert shown.count("\n") < 50


def test_of_what_is_too_large_to_be_shown_the_shape_is():
    assert "(1000, 1000)" in repr(Tensor(np.ones((1000, 1000))))
    assert "(100000,)" in repr(Tensor(np.ones(100_000), requires_grad=True) * 2)
    assert "shape=(201,)" in repr(Tensor(np.ones(201)))
    assert "shape" not in repr(Tensor(np.ones(200))) + repr(Tensor([]))


@pytest.mark.parametrize(
    "tensor",
    [
        Tensor(3.0),
        Tensor([1.0, -2.5], requires_grad=True),
        Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True, name="w"),
        Tensor(1e-300),
        Tensor([1, 2]),
        Tensor([True, False]),
        Tensor([0.5], dtype=np.float32, requires_grad=True),
        Tensor([np.nan, -np.inf]),
        Tensor(1.0, name="it's"),
    ],
    ids=str,
)
def test_the_repr_of_a_leaf_is_python(tensor):
    words = {"nan": np.nan, "inf": np.inf, "bool": bool, "int64": np.int64, "float32": np.float32}
    again = eval(repr(tensor), {"Tensor": Tensor, **words})
    assert (again.dtype, again.shape) == (tensor.dtype, tensor.shape)
    assert (again.requires_grad, again.name) == (tensor.requires_grad, tensor.name)
    np.testing.assert_array_equal(again.data, tensor.data)


def test_the_reprs_of_other_things_that_are_python():
    for module in (nn.ReLU(), nn.Tanh(), nn.Sequential(nn.GELU(), nn.Sigmoid())):
        again = eval(repr(module), vars(nn))
        assert repr(again) == repr(module)
        assert again(-1.0) == module(-1.0)
    layer = watched().layers[0]
    assert eval(repr(layer), {"Layer": Layer}) == layer


def test_a_loss_in_an_f_string():
    loss = (Tensor([1.0, 2.0], requires_grad=True) ** 2).mean()
    assert f"{loss!r}" == f"{loss!s}" == "Tensor(2.5, made by mean)"
    assert f"{loss}" == "2.5"
    assert f"{loss:.3f}" == "2.500"
    assert f"{loss:.2e}" == "2.50e+00"
    assert f"{loss:8.1f}|{loss:<8.1f}|" == "     2.5|2.5     |"
    assert f"{Tensor([7]):03d}" == "007"
    assert f"{Tensor(np.float32(0.1), requires_grad=True):.1f}" == "0.1"
    dask = pytest.importorskip("dask.array")
    assert "dask.array" in f"{Tensor(dask.ones(()))}"


def test_a_vector_in_an_f_string_with_a_number_of_digits_is_refused():
    with pytest.raises(ValueError, match="of size 1"):
        f"{leaf():.3f}"


def test_repr_touches_nothing():
    w = leaf()
    loss = half_squares(w)
    model, optimizer = mlp(), optim.SGD([w], 0.1, momentum=0.9)
    batches = data.minibatches(X, X, 3, rng=(source := rng()))
    before = source.bit_generator.state, model.state_dict(), optimizer.state_dict(), vars(model)
    before = repr(before)
    for thing in (w, loss, model, optimizer, batches, tl.watch(model), tl.draw(loss)):
        assert repr(thing) == repr(thing)
    after = source.bit_generator.state, model.state_dict(), optimizer.state_dict(), vars(model)
    assert repr(after) == before
    assert w.grad is None
    loss.backward()
    np.testing.assert_array_equal(w.grad, w.data)


NAMES = [(module, name) for module in MODULES for name in getattr(module, "__all__", ())]


def test_every_public_name_prints_as_itself():
    assert len(NAMES) > 190
    wrong = {}
    for module, name in NAMES:
        shown = repr(getattr(module, name))
        called = {"abs": "absolute", "flatten": "ravel"}.get(name, name)  # what it is another of
        line = "\n" not in shown and len(shown) < 300 and not is_plain(shown)
        if not (called in shown and line) and name != "ACTIVATIONS":
            wrong[f"{module.__name__}.{name}"] = shown
    assert wrong == {}
    assert [name for name in nn.ACTIVATIONS if f"'{name}'" not in repr(nn.ACTIVATIONS)] == []


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (tl.cross_entropy, "logits, target, label_smoothing, reduction, sample_weight"),
        (tl.mean_squared_error, "pred, target, reduction"),
        (tl.l2, "params, strength"),
        (tl.dropout, "x, p, rng, training"),
        (tl.einsum, "subscripts, operands"),
        (tl.matmul, "a, b"),
        (tl.grad, "f, argnums"),
        (tl.draw, "output, grad, backward, rankdir, max_nodes"),
        (optim.clip_grad_norm, "params, max_norm"),
        (nn.save, "path, module"),
    ],
)
def test_a_notebook_shows_the_arguments_of_a_function(function, names):
    shown = pytest.importorskip("IPython.lib.pretty").pretty(function)
    assert function.__name__ in shown
    assert "\n" not in shown
    assert [name for name in names.split(", ") if name not in shown] == []


def test_a_tensor_can_be_shown_while_it_is_traced():
    shown = []

    def f(x):
        shown.extend([repr(x), f"{x * x}", str(leaf() * x)])
        return (x * x).sum()

    w = leaf()
    tl.unroll(f, w, wrt=[w])
    assert shown
    assert [x for x in shown if not x.startswith("Tensor(") or "(2,)" not in x] == []
    printed = []

    def g(x):
        loss = (x * x).sum()
        printed.append(f"{loss}")  # a number that is not known
        return loss

    tl.unroll(g, w, wrt=[w])
    assert printed
    assert [x for x in printed if "traced array of shape ()" not in x] == []


def test_a_deep_nest_prints_without_an_error():
    model = nn.ReLU()
    for _ in range(sys.getrecursionlimit() // 10):
        model = nn.Sequential(model)
    assert "Sequential(" in repr(model)
