"""A case for each row of examples/migration.md: what it is given, and what should come out."""

from dataclasses import dataclass

import numpy as np

from .migration_numbers import (
    adam,
    cross_entropy,
    descend,
    flat,
    log_softmax,
    of_network,
    perceptron,
    relu,
    sigmoid,
    slope,
    smoothed,
    trained,
    wavy,
)
from .migration_sides import PEERS, A, weights


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
