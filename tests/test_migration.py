"""What examples/migration.md says of other libraries is so: both sides of each row are run.

The side of this library is compared with NumPy's numbers, whatever is installed; the other side
with this one, where its library is. Each side gets a namespace with the same arrays, runs the cell
of the page, and then what its case says. A cell that is left out must change the outcome.
"""

import inspect
import re
import shutil
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

PAGE = Path(__file__).parents[1] / "examples" / "migration.md"
PEERS = {"PyTorch": "torch", "autograd": "autograd", "micrograd": "micrograd", "DeZero": "dezero"}
INDENT = "&emsp;"

# --- the page -------------------------------------------------------------------------------------


def code(cell):
    """The code of a cell: pieces in backticks, one on each line, after signs that indent it."""
    lines = []
    for line in cell.split("<br>"):
        match = re.fullmatch(rf"((?:{INDENT})*)`([^`]+)`", line)
        assert match, f"no code: {line!r}"
        lines.append("    " * (len(match[1]) // len(INDENT)) + match[2])
    return "\n".join(lines)


def read(text):
    """The imports of this library's side, those of each other, and the cells of each row."""
    head, *sections = re.split(r"^## ", text, flags=re.MULTILINE)
    block = re.compile(r"```python\n(.*?)```", re.DOTALL)
    imports, rows = {"here": block.search(head)[1]}, {}
    for section in sections:
        peer = section.partition("\n")[0]
        if peer not in PEERS:
            continue
        imports[peer] = block.search(section)[1]
        header, _, *lines = [line for line in section.splitlines() if line.startswith("|")]
        assert header == f"| task | {peer} | here |"
        for line in lines:
            cells = line.strip("|").split("|")
            assert len(cells) == 3, f"a | within a cell: {line}"
            first, there, here = (cell.strip() for cell in cells)
            task, remark = re.fullmatch(r"\*\*(.+?)\*\*(?:<br>(.+))?", first).groups()
            assert (peer, task) not in rows
            assert not remark or remark.endswith(".")
            rows[peer, task] = {"there": code(there), "here": code(here)}
    return imports, rows


IMPORTS, ROWS = read(PAGE.read_text("utf-8"))

# --- what both sides start from -------------------------------------------------------------------


def arrays():
    rng = np.random.default_rng(0)
    return SimpleNamespace(
        x=rng.normal(size=(5, 3)), x50=rng.normal(size=(50, 3)), w=rng.normal(size=3),
        W=rng.normal(size=(3, 2)), b=rng.normal(size=2), z=rng.normal(size=(5, 2)),
        target=rng.normal(size=(5, 2)), labels=np.array([0, 1, 1, 0, 1]),
        bits=np.array([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0], [1.0, 0.0], [1.0, 0.0]]),
        soft=np.array([[0.2, 0.8], [0.5, 0.5], [0.9, 0.1], [0.3, 0.7], [0.6, 0.4]]),
        signs=np.array([1.0, -1.0, -1.0, 1.0, 1.0]), v=rng.normal(size=5),
    )  # fmt: skip


A = arrays()  # for the numbers that are expected


def weights(*sizes):
    """Weights (inputs, outputs) and biases of layers, the same for every library."""
    shapes = [shape for pair in pairwise(sizes) for shape in (pair, pair[1:])]
    return [np.sin(1.0 + i + np.arange(np.prod(s))).reshape(s) for i, s in enumerate(shapes)]


def fill_pairs(model):
    """Give a model of ours or of PyTorch's these weights; PyTorch's are transposed."""
    pairs = list(model.parameters())
    turned = hasattr(model, "register_buffer")
    sizes = [p.shape[1] if turned else p.shape[0] for p in pairs[::2]] + [pairs[-1].shape[0]]
    for p, value in zip(pairs, weights(*map(int, sizes)), strict=True):
        if turned:
            p.data = p.new_tensor(value.T)
        else:
            p.data = value
    return model


def fill_dezero(model):
    layers = getattr(model, "layers", None)
    if not layers:
        layers = [model] if hasattr(model, "W") else [model.hidden, model.out]
    values = weights(3, *(layer.out_size for layer in layers))
    for layer, W, b in zip(layers, values[::2], values[1::2], strict=True):
        assert layer.in_size in (None, len(W))
        layer.W.data, layer.b.data = W, b
    return model


def fill_micrograd(model):
    values = weights(len(model.layers[0].neurons[0].w), *(len(x.neurons) for x in model.layers))
    for layer, W, b in zip(model.layers, values[::2], values[1::2], strict=True):
        for neuron, w, bias in zip(layer.neurons, W.T.tolist(), b.tolist(), strict=True):
            neuron.b.data = bias
            for value, number in zip(neuron.w, w, strict=True):
                value.data = number
    return model


def nested(f, x):
    return [nested(f, part) for part in x] if isinstance(x, list) else f(x)


def helpers(peer):
    """What the cases call; ``leaf`` and ``const`` make an array the library's own."""
    if peer is None:
        import tinygrad_loss as tl

        rng = np.random.default_rng(0)

        def network(dropout=0.0):
            return fill_pairs(tl.nn.MLP([3, 4, 2], activation="tanh", dropout=dropout, rng=rng))

        def leaf(x, name=None):
            return tl.Tensor(x, requires_grad=True, name=name)

        tools = {"leaf": leaf, "const": np.array, "fill": fill_pairs, "network": network}
        tools |= {"rng": rng, "sqrt": np.sqrt, "tanh": np.tanh}

        def relu_network():
            return fill_pairs(tl.nn.MLP([3, 4, 1], rng=rng))

        def total(model, x):
            return 0.1 * model(x).sum()

        return tools | {"relu_network": relu_network, "total": total}
    if peer == "PyTorch":
        import torch
        from torch import nn

        def network(dropout=0.0):
            inner = [nn.Tanh(), nn.Dropout(dropout)] if dropout else [nn.Tanh()]
            return fill_pairs(nn.Sequential(nn.Linear(3, 4), *inner, nn.Linear(4, 2)))

        def leaf(x, name=None):
            return torch.tensor(x, requires_grad=True)

        tools = {"leaf": leaf, "const": torch.tensor, "fill": fill_pairs, "network": network}
        return tools | {"sqrt": torch.sqrt, "tanh": torch.tanh}
    if peer == "autograd":
        import autograd.numpy as anp

        return {"leaf": np.array, "const": np.array, "tanh": anp.tanh}
    if peer == "micrograd":
        from micrograd.engine import Value
        from micrograd.nn import MLP

        def leaf(x, name=None):
            return nested(Value, np.asarray(x).tolist())

        tools = {"leaf": leaf, "const": lambda x: np.asarray(x).tolist(), "fill": fill_micrograd}
        tools |= {"relu_network": lambda: fill_micrograd(MLP(3, [4, 1])), "draw_dot": draw_dot}
        return tools | {"total": lambda model, x: 0.1 * sum(model(row) for row in x)}
    import dezero
    from dezero import functions, models

    def network():
        return fill_dezero(models.MLP((4, 2), activation=functions.tanh))

    def leaf(x, name=None):
        return dezero.Variable(np.array(x), name)

    return {"leaf": leaf, "const": np.array, "fill": fill_dezero, "network": network}


def draw_dot(root):
    """The function of micrograd's notebook trace_graph.ipynb, which is in no package."""
    from graphviz import Digraph

    nodes, edges = set(), set()

    def build(v):
        if v not in nodes:
            nodes.add(v)
            for child in v._prev:
                edges.add((child, v))
                build(child)

    build(root)
    dot = Digraph(format="svg", graph_attr={"rankdir": "LR"})
    for n in nodes:
        label = f"{{ data {n.data:.4f} | grad {n.grad:.4f} }}"
        dot.node(name=str(id(n)), label=label, shape="record")
        if n._op:
            dot.node(name=str(id(n)) + n._op, label=n._op)
            dot.edge(str(id(n)) + n._op, str(id(n)))
    for n1, n2 in edges:
        dot.edge(str(id(n1)), str(id(n2)) + n2._op)
    return dot


def drawn(path, *said):
    """For each of the texts, whether the picture has it."""
    text = Path(path).read_text("utf-8")
    assert "<svg" in text
    return [f">{name}" in text for name in said]


def boxes(picture):
    """Value and gradient of each box, in order."""
    if hasattr(picture, "source"):
        found = re.findall(r"data (\S+) \| grad (\S+)", picture.source)
    else:
        found = [line.split()[-2:] for line in picture.text().splitlines()[1:]]
    return sorted([float(value), float(gradient)] for value, gradient in found)


# --- running a side -------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _folder_of_its_own(tmp_path, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))  # DeZero writes into it


@pytest.fixture
def row_with_peer(request, monkeypatch):
    """A row whose library is installed, as it was when it was released."""
    row = name, _ = request.param
    if name == "DeZero":  # its last release reads np.int, which NumPy 1.24 dropped
        monkeypatch.setattr(np, "int", int, raising=False)
    for module in (PEERS[name], *CASES[row].needs):
        pytest.importorskip(module)
    if "svg" in ROWS[row]["there"] and shutil.which("dot") is None:
        pytest.skip("they draw with Graphviz's program dot, which is not installed")
    if name != "PyTorch":
        yield row
        return
    import torch

    before, compiled = torch.get_default_dtype(), torch.compile
    torch.set_default_dtype(torch.float64)  # on both sides
    # The default would need a C++ compiler, and half a minute.
    monkeypatch.setattr(torch, "compile", lambda f: compiled(f, backend="eager"))
    yield row
    torch.set_default_dtype(before)


def namespace(row, side, cell):
    """The names that a cell meets, and two functions that run it once more."""
    name, case = row[0] if side == "there" else None, CASES[row]
    names = dict(vars(arrays()))
    exec(IMPORTS["here" if name is None else name], names)
    names |= helpers(name) | {"drawn": drawn, "boxes": boxes}

    def again(**changes):
        """The names after the cell has run once more."""
        copy = names | changes
        exec(cell, copy)
        return copy

    def raised(**changes):
        """The name of the error that the cell raises with other values of some names, or None."""
        try:
            with np.errstate(all="ignore"):
                again(**changes)
        except Exception as error:
            return type(error).__name__
        return None

    names |= {"again": again, "raised": raised}
    exec(inspect.cleandoc(case.given), names)
    return names


def outcome(row, side, cell=None):
    """What comes out of a side of a row: a list of arrays."""
    case = CASES[row]
    cell = ROWS[row][side] if cell is None else cell
    names = namespace(row, side, cell)
    exec(compile(cell, f"{row[0]}: {row[1]} ({side})", "exec"), names)
    exec(inspect.cleandoc(case.then), names)
    return numbers(eval(case.there if side == "there" and case.there else case.value, names))


def numbers(value):
    """Parts of a tuple as arrays, whatever library they are of."""
    parts = value if isinstance(value, tuple) else (value,)
    return [np.asarray(number(part), dtype=float) for part in parts]


def number(x):
    if isinstance(x, list):
        return [number(part) for part in x]
    if isinstance(x, np.ndarray | np.generic | int | float):
        return x
    if hasattr(x, "detach"):  # a tensor, PyTorch's or ours
        return x.detach().numpy()
    return number(x.data)  # micrograd's Value, DeZero's Variable


def differ(found, expected, tolerance):
    """Say where two outcomes differ, or nothing."""
    if [x.shape for x in found] != [x.shape for x in expected]:
        return f"shapes {[x.shape for x in found]}, not {[x.shape for x in expected]}"
    for x, y in zip(found, expected, strict=True):
        if not np.allclose(x, y, rtol=tolerance, atol=tolerance / 10):
            return f"{x}, not {y}"
    return None


# --- the numbers that are expected, in plain NumPy ------------------------------------------------


def slope(f, at):
    """The gradient of a real function of arrays, exact to rounding: a step along i."""
    at, steps = np.asarray(at), np.eye(np.size(at)).reshape(-1, *np.shape(at)) * 1e-30j
    return np.array([np.imag(f(at + step)) / 1e-30 for step in steps]).reshape(at.shape)


def relu(x):
    return np.where(np.real(x) > 0, x, 0)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def perceptron(x, values, f=np.tanh):
    W0, b0, W1, b1 = values
    return f(x @ W0 + b0) @ W1 + b1


def flat(values):
    return np.concatenate([v.ravel() for v in values])


def unflat(vector, like):
    cuts = np.cumsum([v.size for v in like])[:-1]
    return [part.reshape(v.shape) for part, v in zip(np.split(vector, cuts), like, strict=True)]


def log_softmax(z):
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def cross_entropy(z, labels=A.labels, smoothing=0.0):
    logp = log_softmax(z)
    hit = logp[np.arange(len(z)), labels].mean()
    return -(1 - smoothing) * hit - smoothing * logp.mean()


def smoothed(z):
    return cross_entropy(z, A.labels, 0.1)


def wavy(w):
    """The ``loss_of`` of the rows about optimizers."""
    return (np.tanh(w) ** 2).sum()


def descend(gradient, w, lr, steps, momentum=0.0, nesterov=False, decay=0.0):
    w, v = np.array(w), 0.0
    for k in range(steps):
        g = gradient(w) + decay * w
        v = momentum * v + g
        w = w - (lr(k) if callable(lr) else lr) * (g + momentum * v if nesterov else v)
    return w


def adam(gradient, w, steps, lr=0.1, decay=0.0):
    w, m, v = np.array(w), 0.0, 0.0
    for k in range(1, steps + 1):
        w, g = w * (1 - lr * decay), gradient(w)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        w = w - lr * m / (1 - 0.9**k) / (np.sqrt(v / (1 - 0.999**k)) + 1e-8)
    return w


def trained(loss, values, steps, lr=0.1, momentum=0.0):
    """Weights after some steps of gradient descent, and the loss before the last."""
    before = descend(vector := _of_vector(loss, values), flat(values), lr, steps - 1, momentum)
    after = descend(vector, flat(values), lr, steps, momentum)
    return [np.asarray(loss(unflat(before, values))), *unflat(after, values)]


def _of_vector(loss, values):
    return lambda vector: slope(lambda u: loss(unflat(u, values)), vector)


def of_network(z_to_loss):
    return lambda values: z_to_loss(perceptron(A.x, values))


# --- the cases ------------------------------------------------------------------------------------


@dataclass
class Case:
    """How a row is run and compared: ``given``, the cell, ``then``, and the value.

    The same code serves both sides; ``there`` is the value on the other one if it reads otherwise.
    ``expected`` is a function without arguments, of NumPy's numbers.
    """

    expected: object
    value: str
    given: str = ""
    then: str = ""
    there: str = ""
    needs: tuple = ()
    tolerance: float = 1e-9


# Three steps with the optimizer that a cell has made.
THREE_STEPS = """
    for _ in range(3):
        optimizer.zero_grad()
        objective().backward()
        optimizer.step()
"""
WAVY = (
    "w = leaf(w)\ndef loss_of(w): return (tanh(w) ** 2).sum()\ndef objective(): return loss_of(w)"
)
OPTIMIZED = {"value": "w", "then": THREE_STEPS, "given": WAVY}
CLASSES = "model, x, y = network(), const(x), const(labels)\n"
TRAINED_HERE = "(loss, *model.parameters())"
TRAINED_THERE = "(loss, *[p.t() for p in model.parameters()])"
NET = weights(3, 4, 2)
SVM = weights(3, 4, 1)
HAND = "w = leaf(w)\n(tanh(w) ** 2).sum().backward()"


def f_of_3(w):
    """The function of the rows about derivatives of functions."""
    return (np.tanh(w) ** 2).sum() * w[0]


OF_3 = "def f(w): return (tanh(w) ** 2).sum() * w[0]\n"
AUTOGRAD_OF_3 = "def f(w): return np.sum(tanh(w) ** 2) * w[0]\n"


def hessian_of_3():
    t = np.tanh(A.w)
    d, second = 2 * t * (1 - t**2), 2 * (1 - t**2) * (1 - 3 * t**2)
    e = np.eye(3)[0]
    return np.diag(second) * A.w[0] + np.outer(d, e) + np.outer(e, d)


PYTORCH = {
    "a parameter": Case(
        lambda: [np.array([1.0, 2.0]), np.array([3.0, 12.0])],
        "(w, w.grad)", then="(w**3).sum().backward()",
    ),
    "float32": Case(
        lambda: [np.float32([0.1, 0.2]), 1],
        "(t, t.dtype == np.float32)", there="(t, t.dtype == torch.float32)",
        given="if 'torch' in globals(): torch.set_default_dtype(torch.float32)", tolerance=1e-15,
    ),
    "a constant from NumPy": Case(
        lambda: [A.x @ A.w, A.x.sum(axis=0)],
        "(z, w.grad)", given="w = leaf(w)", then="z.sum().backward()",
    ),
    "the backward pass": Case(
        lambda: [slope(wavy, A.w)], "g", given="w = leaf(w)\nloss = (tanh(w) ** 2).sum()",
    ),
    "clear a gradient": Case(
        lambda: [slope(wavy, A.w)], "w.grad", given=HAND, then="(tanh(w) ** 2).sum().backward()",
    ),
    "an update by hand": Case(
        lambda: [A.w - 0.1 * slope(wavy, A.w), 1], "(w, w.requires_grad)", given=HAND,
    ),
    "cut the graph": Case(
        lambda: [A.w**2], "w.grad", given="w = leaf(w)\nh = w**2", then="(c * w).sum().backward()",
    ),
    "plain values": Case(
        lambda: [A.w, 2.5, 1], "(a, s, type(a) is np.ndarray and type(s) is float)",
        given="import numpy as np\nt, loss = leaf(w), leaf(2.5)",
    ),
    "reductions": Case(
        lambda: [A.x.var(axis=0, ddof=1, keepdims=True)], "v", given="t = leaf(x)",
    ),
    "other shapes": Case(
        lambda: [np.hstack([A.z, A.target]).ravel(), A.z.T[None]],
        "(t, u)", given="a, b = leaf(z), leaf(target)",
    ),
    "a layer, from a seed": Case(
        lambda: [1, 1, A.x @ NET_32[0] + NET_32[1]],
        """(bool((again()["layer"].weight == layer.weight).all()),
            bool((layer.weight != layer.weight[0, 0]).any()), fill(layer)(const(x)))""",
    ),
    "layers in a row": Case(lambda: [perceptron(A.x, NET)], "fill(model)(const(x))"),
    "a module of your own": Case(
        lambda: [perceptron(A.x, NET), 4],
        "(fill(Net())(const(x)), len(list(Net().parameters())))",
    ),
    "a training step": Case(
        lambda: trained(of_network(cross_entropy), NET, 2), TRAINED_HERE, there=TRAINED_THERE,
        given=CLASSES + """
optimizer = (optim if "optim" in globals() else torch.optim).SGD(model.parameters(), lr=0.1)
""", then="loss = again()['loss']",
    ),
    "cross-entropy": Case(
        lambda: [smoothed(A.z), slope(smoothed, A.z)],
        "(loss, logits.grad)", given="logits, y = leaf(z), const(labels)", then="loss.backward()",
    ),
    "mean squared error": Case(
        lambda: [((perceptron(A.x, NET) - A.target) ** 2).mean()], "loss",
        given=CLASSES + "y = const(target)",
    ),
    "yes or no": Case(
        lambda: [-np.mean(
            A.bits * np.log(sigmoid(A.z)) * [2, 3] + (1 - A.bits) * np.log(sigmoid(-A.z))
        )],
        "loss", given="logits, y, c = leaf(z), const(bits), const([2.0, 3.0])",
    ),
    "smooth L1": Case(
        lambda: [np.mean([
            e * e / 2 / 0.5 if abs(e) < 0.5 else abs(e) - 0.25 for e in (A.z - A.target).ravel()
        ])],
        "loss", given="z, y = leaf(z), const(target)",
    ),
    "KL divergence": Case(
        lambda: [(A.soft * (np.log(A.soft) - log_softmax(A.z))).sum() / 5], "loss",
        given="z, p = leaf(z), const(soft)",
    ),
    "SGD": Case(
        lambda: [descend(lambda w: slope(wavy, w), A.w, 0.1, 3, 0.9, True, 0.2)], **OPTIMIZED
    ),
    "AdamW": Case(lambda: [adam(lambda w: slope(wavy, w), A.w, 3, decay=0.2)], **OPTIMIZED),
    "Adam with an L2 penalty": Case(
        lambda: [adam(lambda w: slope(wavy, w) + 0.2 * w, A.w, 3)],
        "w", then=THREE_STEPS, given=WAVY.replace("def objective(): return loss_of(w)", ""),
    ),
    "clip gradients": Case(
        lambda: [np.linalg.norm(1000 * A.w), A.w / np.linalg.norm(A.w)], "(float(norm), w.grad)",
        given="w = leaf(w)\n(500 * w**2).sum().backward()", tolerance=1e-8,
    ),
    "a schedule": Case(
        lambda: [descend(
            lambda w: slope(wavy, w), A.w, lambda k: 0.05 * (1 + np.cos(np.pi * k / 10)), 5
        )],
        "w", given=WAVY + """
optimizer = (optim if "optim" in globals() else torch.optim).SGD([w], lr=0.1)
def train(): optimizer.zero_grad(); loss_of(w).backward(); optimizer.step()
""",
    ),
    "minibatches": Case(
        lambda: [np.array([16, 16, 16, 2]), A.x50.T @ np.arange(50), 1],
        """([len(rows) for _, rows in loader], sum(a.T @ rows for a, rows in loader),
            any(p[1][0] != q[1][0] for p, q in zip(loader, list(loader))))""",
        given="import numpy as np\nx, y = const(x50), const(np.arange(50.0))",
    ),
    "evaluation": Case(
        lambda: [perceptron(A.x, NET), 0, 0], "(z, z.requires_grad, model.training)",
        given="x, model = const(x), network(dropout=0.5)",
    ),
    "freeze a layer": Case(
        lambda: [np.array([1, 1, 0, 0]), np.full(2, 5.0)],
        "([p.grad is None for p in four], four[3].grad)",
        given="""
model = network()
layers = getattr(model, "layers", model)
four = [layers[0].weight, layers[0].bias, layers[2].weight, layers[2].bias]
""", then="model(const(x)).sum().backward()",
    ),
    "save and load": Case(
        lambda: [perceptron(A.x, NET)], "other(const(x))", given="""
model, other = network(), network()
for p in other.parameters():
    p.data = p.data * 0
""",
    ),
    "the gradient at a hidden value": Case(
        lambda: [2 * A.w**2], "h.grad", given="w = leaf(w)\nh = w**2\nloss = (h**2).sum()",
    ),
    "a penalty on a gradient": Case(
        lambda: [slope(f_of_3, A.w), 2 * hessian_of_3() @ slope(f_of_3, A.w)],
        "(g, w.grad)", given=OF_3 + "w = leaf(w)",
    ),
    "a vector-Jacobian product": Case(
        lambda: [A.v @ (A.x * (1 - np.tanh(A.x @ A.w) ** 2)[:, None])],
        "g", given="w, v = leaf(w), const(v)\nz = tanh(const(x) @ w)",
    ),
    "the derivative of a function": Case(
        lambda: [slope(f_of_3, A.w)], "g", given=OF_3 + "w = const(w)",
    ),
    "a Hessian": Case(lambda: [hessian_of_3()], "H", given=OF_3 + "w = const(w)"),
    "check a gradient": Case(
        lambda: [1, 1],
        "(raised() is None, raised(f=wrong) == 'AssertionError')",
        there="(raised() is None, raised(f=wrong) == 'GradcheckError')",
        given=OF_3 + "w = leaf(w)\ndef wrong(w): return (w * w.detach()).sum()",
    ),
    "find a NaN": Case(
        lambda: [1, 1],
        "(raised() is None, raised(w=minus) == 'FloatingPointError')",
        there="(raised() is None, raised(w=minus) == 'RuntimeError')",
        given="w, minus = leaf(w**2), leaf(-(w**2))\ndef f(w): return sqrt(w).sum()",
    ),
    "a faster step": Case(
        lambda: trained(of_network(cross_entropy), NET, 2), TRAINED_HERE, there=TRAINED_THERE,
        given=CLASSES + """
if "optim" in globals():
    optimizer, cross_entropy = optim.SGD(model.parameters(), lr=0.1), tl.cross_entropy
else:
    optimizer, cross_entropy = torch.optim.SGD(model.parameters(), lr=0.1), F.cross_entropy
def loss_of(x, y): return cross_entropy(model(x), y)
""", then="loss = again()['loss']",
    ),
    "draw the graph": Case(
        lambda: [np.ones(1)], "drawn('loss.svg', 'w')", needs=("torchviz",),
        given="w = leaf(w, name='w')\nloss = (w**2).sum()",
    ),
}  # fmt: skip
NET_32 = weights(3, 2)


def of_x(w):
    return (np.tanh(A.x @ w) ** 2).sum()


OF_X = "def f(w): return np.sum(np.tanh(x @ w) ** 2)\n"
AUTOGRAD = {
    "a function of arrays": Case(
        lambda: [of_x(A.w), slope(of_x, A.w)], "(f(w), (tl.grad(f)(w)))",
        there="(f(w), grad(f)(w))",
    ),
    "the gradient": Case(lambda: [slope(of_x, A.w)], "g", given=OF_X),
    "value and gradient": Case(lambda: [of_x(A.w), slope(of_x, A.w)], "(s, g)", given=OF_X),
    "several arguments": Case(
        lambda: [A.w[:2] * 2 * A.b, A.w[:2] ** 2], "(ga, gb)",
        given="a = w[:2]\ndef f(a, b): return np.sum(a**2 * b)",
    ),
    "element by element": Case(lambda: [1 - np.tanh(A.x) ** 2], "d"),
    "a Jacobian": Case(
        lambda: [A.W.T * (1 - np.tanh(A.w @ A.W) ** 2)[:, None]],
        "J", given="def f(w): return np.tanh(w @ W)",
    ),
    "a Hessian times a vector": Case(
        lambda: [hessian_of_3() @ A.v[:3]], "h", given=AUTOGRAD_OF_3 + "v = v[:3]",
    ),
    "a rule of your own": Case(
        lambda: [A.w**2, 2 * A.w * np.cos(A.w**2)],
        "(square(w), tl.grad(lambda w: np.sin(square(w)).sum())(w))",
        there="(square(w), grad(lambda w: np.sum(np.sin(square(w))))(w))",
    ),
    "Adam": Case(
        lambda: [adam(lambda w: slope(of_x, w), A.w, 5)], "w",
        given=OF_X + "if 'tl' in globals(): w = leaf(w)",
    ),
    "SciPy's minimizers": Case(
        lambda: [np.array([1.0, -2.0, 3.0])], "w", needs=("scipy",), tolerance=1e-6,
        given="def f(w): return np.sum((w - [1.0, -2.0, 3.0]) ** 2 * [2.0, 5.0, 10.0])",
    ),
}  # fmt: skip

MICROGRAD = {
    "a number": Case(
        lambda: [-4.0, 3 * 16.0], "(a, a.grad)", then="(a**3).backward()",
    ),
    "backprop": Case(lambda: [9.0, 3.0], "(s, d)", given="a, b = leaf(-6.0), leaf(3.0)"),
    "a neuron": Case(
        lambda: [relu(A.x[0] @ -A.w + 3.0), A.x[0]],
        "(act, w.grad)", there="(act, [p.grad for p in w])",
        given="x, w, b = const(x[0]), leaf(-w), leaf(3.0)", then="act.backward()",
    ),
    "a network": Case(
        lambda: [perceptron(A.x, SVM, relu)[:, 0]], "fill(model)(const(x))[:, 0]",
        there="[fill(model)(row) for row in const(x)]",
    ),
    "the SVM loss": Case(
        lambda: [np.maximum(1 - A.signs * A.v, 0).mean()], "loss",
        given="y, scores = const(signs), leaf(v)",
    ),
    "the L2 penalty": Case(
        lambda: [0.01 * (flat(SVM) ** 2).sum()], "penalty", given="model = relu_network()",
    ),
    "a training step": Case(
        lambda: [flat(trained(square_of_network, SVM, 2)[1:])],
        "np.concatenate([p.data.ravel() for p in model.parameters()])",
        there="""[p for layer in model.layers for p in
            [n.w[i] for i in range(len(layer.neurons[0].w)) for n in layer.neurons]
            + [n.b for n in layer.neurons]]""",
        given="""
model = relu_network()
def loss_of(model): return total(model, const(x)) ** 2
""", then="again()",
    ),
    "the picture": Case(
        lambda: [np.array([[-6.0, 1.0], [-4.0, 1.0], [-3.0, 2.0], [2.0, -2.0]])], "boxes(picture)",
        given="a, b = leaf(2.0), leaf(-3.0)\ng = a * b + a\ng.backward()",
    ),
}  # fmt: skip


def square_of_network(values):
    return 0.01 * perceptron(A.x, values, relu).sum() ** 2


DEZERO = {
    "a variable": Case(lambda: [2.0, 12.0], "(x, x.grad)", then="(x**3).backward()"),
    "the gradient": Case(lambda: [12.0], "g", given="x = leaf(2.0)\ny = x**3"),
    "clear a gradient": Case(
        lambda: [12.0], "x.grad",
        given="x = leaf(2.0)\n(x**3).backward()", then="(x**3).backward()",
    ),
    "a second derivative": Case(
        lambda: [12.0, 12.0], "(gx, x.grad)", given="x = leaf(2.0)\ny = x**3",
    ),
    "functions": Case(
        lambda: [np.where((h := A.x @ A.W + A.b) > 0, h, 0.2 * h)], "h",
        given="W, b = const(W), const(b)",
    ),
    "a layer": Case(lambda: [A.x @ NET_32[0] + NET_32[1]], "fill(layer)(x)"),
    "a network": Case(lambda: [perceptron(A.x, NET, sigmoid)], "fill(model)(x)"),
    "a model of your own": Case(lambda: [perceptron(A.x, NET)], "fill(Net())(x)"),
    "mean squared error": Case(
        lambda: [((A.z - A.target) ** 2).sum() / 5, 2 * (A.z - A.target) / 5],
        "(loss, z.grad)", given="z, y = leaf(z), const(target)", then="loss.backward()",
    ),
    "cross-entropy": Case(
        lambda: [cross_entropy(A.z), slope(cross_entropy, A.z)],
        "(loss, z.grad)", given="z, y = leaf(z), const(labels)", then="loss.backward()",
    ),
    "momentum": Case(
        lambda: trained(of_network(lambda z: (z**2).sum() / 50), NET, 3, momentum=0.9)[1:],
        "tuple(model.parameters())",
        there="tuple(p for layer in model.layers for p in (layer.W, layer.b))",
        given="model = network()", then="""
for _ in range(3):
    if "dezero" in globals():
        model.cleargrads()
    else:
        optimizer.zero_grad()
    ((model(x) ** 2).sum() / 50).backward()
    if "dezero" in globals():
        optimizer.update()
    else:
        optimizer.step()
""",
    ),
    "a training step": Case(
        lambda: trained(of_network(cross_entropy), NET, 2), TRAINED_HERE,
        there="(loss, *[p for layer in model.layers for p in (layer.W, layer.b)])",
        given="""
model, y = network(), labels
if "dezero" in globals():
    optimizer = optimizers.SGD(lr=0.1).setup(model)
else:
    optimizer = optim.SGD(model.parameters(), lr=0.1)
""", then="loss = again()['loss']",
    ),
    "evaluation": Case(
        lambda: [perceptron(A.x, NET), 0], "(z, z.requires_grad)",
        there="(z, z.creator is not None)", given="model = network()",
    ),
    "save and load": Case(
        lambda: [perceptron(A.x, NET)], "other(x)", given="""
model, other = network(), network()
for p in [p for layer in other.layers for p in vars(layer).values() if hasattr(p, "grad")]:
    p.data = p.data * 0
""",
    ),
    "the picture": Case(
        lambda: [np.ones(2)], "drawn('y.svg', 'first', 'second')",
        given="y = leaf(2.0, 'first') * leaf(3.0, 'second')",
    ),
}  # fmt: skip

CASES = {
    (peer, task): case
    for peer, cases in zip(PEERS, (PYTORCH, AUTOGRAD, MICROGRAD, DEZERO), strict=True)
    for task, case in cases.items()
}


def name_of(row):
    return f"{row[0]}: {row[1]}"


def test_every_row_has_its_case():
    assert list(CASES) == list(ROWS)
    assert len(ROWS) >= 50


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_what_one_writes_here(row):
    if "scipy" in CASES[row].needs:
        pytest.importorskip("scipy")
    found, case = outcome(row, "here"), CASES[row]
    expected = numbers(tuple(case.expected()))
    assert not differ(found, expected, case.tolerance)
    assert depends_on_the_cell(row, "here", found)


# What theirs say of themselves: PyTorch's func.hessian, its detect_anomaly(), and torchviz.
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled:UserWarning")
@pytest.mark.filterwarnings("ignore::SyntaxWarning")  # DeZero's, when Python first compiles it
@pytest.mark.filterwarnings("ignore:distutils Version classes are deprecated:DeprecationWarning")
@pytest.mark.parametrize("row_with_peer", ROWS, ids=name_of, indirect=True)
def test_what_one_writes_there_gives_the_same(row_with_peer):
    row = row_with_peer
    here, there = outcome(row, "here"), outcome(row, "there")
    assert not differ(there, here, CASES[row].tolerance)
    assert depends_on_the_cell(row, "there", there)


def depends_on_the_cell(row, side, found):
    """Whether something else comes out, or an error, when the cell is left out."""
    for path in Path().iterdir():
        path.unlink()
    try:
        without = outcome(row, side, "pass")
    except Exception:
        return True
    return differ(found, without, 1e-6)


def test_what_differs_is_so_here():
    import tinygrad_loss as tl
    from tinygrad_loss import nn, optim

    w, rng = tl.Tensor(A.w, requires_grad=True), np.random.default_rng(0)
    with pytest.raises(TypeError, match="int"):
        tl.Tensor([1, 2], requires_grad=True)
    assert tl.Tensor(np.float32([1.0])).dtype == np.float32
    assert not np.shares_memory(w.detach().data, w.data)
    with pytest.raises(RuntimeError, match="requires grad"):
        np.asarray(w)
    (w**2).sum().backward()
    w.data -= 0.1 * w.grad
    assert np.allclose(w.data, 0.8 * A.w)
    assert type(w.grad) is np.ndarray
    w.grad *= np.nan
    with pytest.raises(FloatingPointError):
        optim.clip_grad_norm([w], 1.0)
    (of_other,) = tl.gradients((w**2).sum(), [tl.Tensor(1.0, requires_grad=True)])
    assert of_other.item() == 0
    with pytest.raises(ValueError, match="shape"):
        tl.mean_squared_error(A.z[:, :1], A.z[:, 0])
    with pytest.raises(ValueError, match="scalar"):
        (w**2).backward()

    model = nn.MLP([3, 4, 2], rng=rng)
    assert isinstance(model.layers[1], nn.ReLU)
    assert [p.shape for p in model.parameters()] == [v.shape for v in NET]
    assert not any(p.data.any() for p in model.parameters()[1::2])  # biases
    model.layers[0].weight.requires_grad = False
    assert len(model.parameters()) == 3
    assert [type(x) for x in model.state_dict().values()] == [np.ndarray] * 4
    assert optim.Adam([w]).weight_decay == 0
    assert np.allclose(tl.leaky_relu(-1.0), -0.01)

    half = 1e300 * tl.Tensor([1.0], requires_grad=True)
    with tl.detect_anomaly(), np.errstate(all="ignore"), pytest.raises(FloatingPointError):
        half * half  # the inf of a forward pass
    assert isinstance(tl.grad(wavy)(A.w), np.ndarray)
    assert isinstance(tl.grad(wavy)(w), tl.Tensor)


def test_every_link_leads_somewhere():
    links = [x for x in re.findall(r"\]\(([^)#]+)\)", PAGE.read_text("utf-8")) if "://" not in x]
    assert links
    assert [link for link in links if not (PAGE.parent / link).exists()] == []
