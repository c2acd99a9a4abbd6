"""The page examples/migration.md, and what both sides of a row start from."""

import re
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np

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
