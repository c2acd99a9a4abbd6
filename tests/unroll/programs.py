"""Random programs: networks of random ops, shapes, modules, losses with options and penalties."""

import math

import numpy as np

import tinygrad_loss as tl
from tinygrad_loss import Tensor, losses, nn
from tinygrad_loss.engine import functions, ops, products
from tinygrad_loss.optim import GD, SGD, Adam

from ..loss_cases import (
    LOSS_ROWS,
    column,
    distribution,
    log_distribution,
    positive,
)

ROWS = 4  # as in the table of losses

ELEMENTWISE = [
    ops.tanh, ops.sigmoid, ops.sin, ops.cos, ops.softplus, ops.relu, ops.absolute, functions.gelu,
    lambda x: ops.leaky_relu(x, slope=0.1), lambda x: ops.exp(-x * x), lambda x: -x + 0.5,
    lambda x: ops.sqrt(1 + x**2), lambda x: ops.clip(x, -0.75, 1.0), lambda x: ops.log1p(x * x),
    lambda x: x**3 / (1 + x**2), lambda x: 1 / (2 + x * x), lambda x: 0.5 * x - (1 - x) * 0.25,
    lambda x: ops.where(x > 0.1, x, 0.2 * x - 0.5), lambda x: ops.maximum(x, -x / 2),
]  # fmt: skip
ALONG_AXES = [
    lambda x: ops.softmax(x, axis=1), lambda x: ops.log_softmax(x, axis=0) / 4,
    lambda x: x - x.mean(axis=1, keepdims=True), lambda x: x / (1 + x.max(axis=0) ** 2),
    lambda x: x - ops.logsumexp(x, axis=1, keepdims=True), lambda x: x + x.sum(axis=0) / 8,
    lambda x: x / (0.1 + functions.norm(x, axis=1, keepdims=True)), lambda x: x[:, ::-1],
    lambda x: x * x.min(axis=1, keepdims=True), lambda x: functions.cumsum(x, axis=1) / 2,
    lambda x: (x - x.mean(axis=0)) / ops.sqrt(functions.var(x, axis=0) + 0.1),
    lambda x: x.T.reshape(x.shape[::-1]).T, lambda x: x.reshape(-1).reshape(x.shape) * 1,
    lambda x: ops.concatenate([x[1:], x[:1]]), lambda x: functions.stack([x, x * x]).mean(axis=0),
    lambda x: x[[2, 0, 0, 3]], lambda x: x[np.arange(ROWS), [0, 0, 0, 0]].reshape((ROWS, 1)) + x,
    lambda x: x * (x @ x.T).mean(), lambda x: ops.broadcast_to(x.mean(axis=0), x.shape) - x,
]  # fmt: skip
BINARY = [
    ops.add, ops.subtract, ops.multiply, ops.maximum, ops.minimum, ops.logaddexp,
    lambda x, w: x / (1 + w * w), lambda x, w: w - x * w, lambda x, w: ops.where(x > w, x, w * x),
    lambda x, w: w * w * x + w, lambda x, w: (x - w) ** 2 / 2, lambda x, w: ops.tanh(w) * x * 0.5,
]  # fmt: skip


def parameter(rng, *shape):
    return Tensor(rng.uniform(-1, 1, shape), requires_grad=True)


class Each(nn.Module):
    """Some functions, one after the other."""

    def __init__(self, rng, width):
        self.table = ELEMENTWISE if rng.random() < 0.5 else ALONG_AXES
        self.chosen = rng.integers(0, len(self.table), 2).tolist()

    def forward(self, x):
        for i in self.chosen:
            x = self.table[i](x)
        return x


class Broadcast(nn.Module):
    """Ops of two arrays, one of which is a parameter of any shape that fits."""

    def __init__(self, rng, width):
        shapes = [(), (1,), (width,), (1, width), (ROWS, 1), (ROWS, width), (1, 1)]
        chosen = rng.integers(0, len(shapes), 2)
        self.w = [parameter(rng, *shapes[i]) for i in chosen]
        self.kinds = rng.integers(0, len(BINARY), 2).tolist()

    def forward(self, x):
        for w, i in zip(self.w, self.kinds, strict=True):
            x = ops.tanh(BINARY[i](x, w))
        return x


class Residual(nn.Module):
    def __init__(self, rng, width):
        activation = ["relu", "leaky_relu", "gelu", "tanh", "sigmoid"][rng.integers(5)]
        dropout = [0.0, 0.0, 0.25][rng.integers(3)]
        sizes = [width, int(rng.integers(1, 5)), width]
        self.block = nn.MLP(sizes, activation=activation, dropout=dropout, rng=rng)
        self.strength = parameter(rng) if rng.random() < 0.5 else 0.5

    def forward(self, x):
        return x + self.strength * self.block(x)


class Layers(nn.Sequential):
    def __init__(self, rng, width):
        hidden, bias = int(rng.integers(1, 5)), bool(rng.integers(2))
        kinds = nn.ReLU(), nn.Tanh(), nn.GELU(), nn.LeakyReLU(0.2), nn.Sigmoid(), ops.sin
        super().__init__(
            nn.Linear(width, hidden, rng=rng, bias=bias),
            kinds[rng.integers(len(kinds))],
            nn.Dropout(0.2, rng=rng) if rng.random() < 0.2 else ops.tanh,
            nn.Linear(hidden, width, rng=rng, init="he"),
        )


class LayerNorm(nn.Module):
    def __init__(self, rng, width):
        self.gamma, self.beta = parameter(rng, width), parameter(rng, width)

    def forward(self, x):
        variance = functions.var(x, axis=1, keepdims=True)
        return (x - x.mean(axis=1, keepdims=True)) / ops.sqrt(
            variance + 0.1
        ) * self.gamma + self.beta


class Recurrent(nn.Module):
    """One column after the other; the same weights at each time, which is a loop."""

    def __init__(self, rng, width):
        size = int(rng.integers(1, 4))
        self.U, self.V = parameter(rng, 1, size), parameter(rng, size, size)
        self.out = nn.Linear(size, width, rng=rng)
        self.size, self.gated = size, bool(rng.integers(2))

    def forward(self, x):
        h = np.zeros((ROWS, self.size))
        for t in range(min(x.shape[1], 4)):
            new = ops.tanh(x[:, t : t + 1] @ self.U + h @ self.V)
            h = new * ops.sigmoid(h @ self.V) + h if self.gated else new
        return self.out(h)


class Attention(nn.Module):
    def __init__(self, rng, width):
        self.Q, self.K = (parameter(rng, width, 2) for _ in range(2))
        self.V = parameter(rng, width, width)

    def forward(self, x):
        scores = (x @ self.Q) @ (x @ self.K).T / math.sqrt(2)
        return ops.softmax(scores, axis=1) @ x @ self.V


class Products(nn.Module):
    """Three axes, einsum and batches of products."""

    def __init__(self, rng, width):
        self.A, self.B = parameter(rng, width, 2, 3), parameter(rng, ROWS, 3, width)

    def forward(self, x):
        a = products.einsum("nd,dij->nij", x, self.A)
        return ops.tanh(a @ self.B).mean(axis=1) + products.einsum(
            "ni,ij->nj", a.sum(axis=1), self.A.sum(axis=1).T
        )


BLOCKS = [
    Each,
    Each,
    Broadcast,
    Broadcast,
    Residual,
    Layers,
    LayerNorm,
    Recurrent,
    Attention,
    Products,
]
PENALTIES = [
    lambda ws: tl.l2(ws, 1e-2), lambda ws: tl.l1(ws, 1e-2), lambda ws: 0,
    lambda ws: tl.elastic_net(ws, l1=1e-2, l2=1e-3), lambda ws: 0,
    lambda ws: 0.01 * sum((w * w).sum() for w in ws), lambda ws: 0,
]  # fmt: skip
DOMAINS = {
    positive: lambda z: 0.05 + 0.9 * ops.sigmoid(z),
    distribution: lambda z: ops.softmax(z),
    log_distribution: lambda z: ops.log_softmax(z, axis=1),
}


class Program(nn.Module):
    """A network with a loss; which one, its generator decides."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.width = int(rng.integers(1, 5))
        kinds = [BLOCKS[i] for i in rng.integers(0, len(BLOCKS), rng.integers(1, 4))]
        self.blocks = [kind(rng, self.width) for kind in kinds]
        row = LOSS_ROWS[(seed + rng.integers(2)) % len(LOSS_ROWS)]
        self.name, self.draws, n, options = row
        self.wanted = self.draws[:n]
        self.heads = [
            nn.Linear(self.width, 1 if draw is column else 3, rng=rng) for draw in self.wanted
        ]
        self.options = {**options, "reduction": ["mean", "sum", "none"][rng.integers(3)]}
        self.penalty = int(rng.integers(len(PENALTIES)))
        self.with_slopes = rng.random() < 0.15
        self.unused = parameter(rng, 2) if rng.random() < 0.3 else None

    def forward(self, x, *targets):
        for block in self.blocks:
            x = block(x)
        predictions = [
            DOMAINS.get(draw, lambda z: z)(head(x))
            for draw, head in zip(self.wanted, self.heads, strict=True)
        ]
        loss = getattr(losses, self.name)(*predictions, *targets, **self.options)
        if self.options["reduction"] == "none":
            loss = (loss * np.linspace(0.5, 1.5, loss.size).reshape(loss.shape)).mean()
        weights = [head.weight for head in self.heads]
        loss = loss + PENALTIES[self.penalty](weights)
        if self.with_slopes:
            slopes = tl.gradients(loss, weights, create_graph=True)
            loss = loss + 0.1 * sum((slope * slope).sum() for slope in slopes)
        return loss

    def batch(self, seed):
        rng = np.random.default_rng(seed)
        return rng.standard_normal((ROWS, self.width)), *(
            draw(rng) for draw in self.draws[len(self.wanted) :]
        )


def optimizer_for(model, kind, seed):
    """One with random options."""
    rng = np.random.default_rng([seed, 1])
    lr, params = float(rng.uniform(0.001, 0.01)), model.parameters()
    if kind is GD:
        return GD(params, lr)
    decay = [0.0, 0.05][rng.integers(2)]
    if kind is SGD:
        momentum = [0.0, 0.5, 0.9][rng.integers(3)]
        nesterov = bool(momentum and rng.integers(2))
        l1 = [0.0, 0.01][rng.integers(2)]
        options = {"momentum": momentum, "nesterov": nesterov, "weight_decay": decay, "l1": l1}
        return SGD(params, lr * (1 - momentum), **options)
    betas = [(0.9, 0.999), (0.5, 0.9), (0.0, 0.9)][rng.integers(3)]
    return Adam(params, lr, betas=betas, eps=[1e-3, 1e-2][rng.integers(2)], weight_decay=decay)
