# pyright: strict
"""What type checkers say of a user's file; ``test_types.py`` has them read it, and runs it.

To them an op returns a Tensor (of arrays alone it returns an array, but that is not why one calls
it). Arrays, of whatever library, and the numbers in them are Any, and so are comparisons.
"""

import sys
from typing import Any

import numpy as np

import tinygrad_loss as tl
from tinygrad_loss import Tensor, nn, optim

if sys.version_info >= (3, 11):
    from typing import assert_type
else:
    from typing_extensions import assert_type

rng = np.random.default_rng(0)
X = rng.uniform(1.0, 2.0, (4, 4))
y = rng.integers(4, size=4)
W = Tensor(rng.uniform(1.0, 2.0, (4, 4)), requires_grad=True)
b = Tensor(np.zeros(4), requires_grad=True, name="b")

# Operators, with an array or a number on either side.
assert_type(X @ W, Tensor)
assert_type(W @ X, Tensor)
assert_type(X + W, Tensor)
assert_type(X - W, Tensor)
assert_type(X * W, Tensor)
assert_type(X / W, Tensor)
assert_type(W / X, Tensor)
assert_type(X**W, Tensor)
assert_type(2 * W, Tensor)
assert_type(2.0 - W, Tensor)
assert_type(np.float64(2) * W, Tensor)
assert_type(np.float32(2) / W, Tensor)
assert_type(np.int64(2) + W, Tensor)
assert_type(-W, Tensor)
assert_type(abs(W), Tensor)
assert_type(W[0], Tensor)
assert_type(W[y == 1, :2], Tensor)
assert_type([row for row in W], list[Tensor])  # noqa: C416
assert_type(W == 1, Any)
assert_type(W < 1, Any)

# Methods, and what a Tensor holds.
assert_type(W.T, Tensor)
assert_type(W.sum(), Tensor)
assert_type(W.mean(axis=0, keepdims=True), Tensor)
assert_type(W.reshape(2, 8).exp(), Tensor)
assert_type(W.detach(), Tensor)
assert_type(W.data, Any)
assert_type(W.grad, Any)
assert_type(W.shape, tuple[int, ...])
assert_type(W.dtype, np.dtype[Any])
assert_type(W.name, str | None)
assert_type(W.sum().item(), Any)
assert_type(len(W), int)

# Functions: ours, and NumPy's.
assert_type(tl.exp(W), Tensor)
assert_type(tl.sum(W, axis=0), Tensor)
assert_type(tl.where(X > 1.5, W, 0), Tensor)
assert_type(tl.matmul(X, W), Tensor)
assert_type(tl.linear(X, W, b), Tensor)
assert_type(tl.concatenate([W, X]), Tensor)
assert_type(tl.split(W, 2), list[Tensor])
assert_type(tl.einsum("ij,j", W, b), Tensor)
assert_type(np.exp(W), Any)

# Losses and regularizers.
logits = X @ W
assert_type(tl.cross_entropy(logits, y), Tensor)
assert_type(tl.mean_squared_error(logits, X, reduction="sum"), Tensor)
assert_type(tl.losses.huber(logits, X, delta=0.5), Tensor)
assert_type(tl.l2([W, [b]], strength=0.1), Tensor)
assert_type(tl.dropout(W, 0.5, rng=rng), Tensor)


# Modules: a call takes and returns what `forward` does.
class Twice(nn.Module):
    def __init__(self) -> None:
        self.layer = nn.Linear(4, 4, rng=rng)

    def forward(self, x: Any, times: int = 2) -> tuple[Tensor, int]:
        for _ in range(times):
            x = self.layer(x)
        return x, times


model = nn.MLP([4, 8, 4], activation="tanh", rng=rng)
assert_type(model(X), Tensor)
assert_type(nn.Linear(4, 2, rng=rng)(X), Tensor)
assert_type(nn.Sequential(nn.Linear(4, 2, rng=rng), tl.relu, nn.Tanh())(X), Tensor)
assert_type(Twice()(X, times=3), tuple[Tensor, int])
assert_type(model.parameters(), list[Tensor])
assert_type(model.eval(), nn.MLP)
assert_type(model.train(), nn.MLP)

# Training.
optimizer = optim.SGD(model.parameters(), lr=0.1)
for rows, labels in tl.data.minibatches(X, y, 2, rng=rng):
    loss = tl.cross_entropy(model(rows), labels) + tl.l2(model.parameters(), 1e-3)
    optimizer.zero_grad()
    assert_type(loss.backward(), None)
    assert_type(optimizer.step(), None)
(X @ W + b).sum().backward()
b.data -= 0.1 * b.grad
with tl.no_grad():
    b -= 0.1 * b.grad


# Functions that are differentiated or decorated.
def f(x: Tensor) -> Tensor:
    return (x**3).sum()


@tl.no_grad()
def accuracy(logits: Tensor, labels: Any, top: int = 1) -> float:
    return float((logits.data.argmax(1) == labels).mean())


@tl.scope("cube")
def cube(x: Tensor) -> Tensor:
    return x**3


assert_type(tl.gradients(f(W), [W]), tuple[Tensor, ...])
assert_type(tl.gradients(f(W), {"W": W}), Any)
assert_type(tl.grad(f)(X), Any)
assert_type(tl.grad(tl.grad(f))(2.0), Any)
assert_type(tl.check_gradients(f, X), None)
assert_type(accuracy(model(X), y, top=1), float)
assert_type(cube(W), Tensor)
step = tl.unroll(f, W, wrt=[W])
assert_type(step(W), tuple[Any, Any])
assert_type(step.source, str)
with tl.detect_anomaly():
    assert_type(f(W), Tensor)


def pictures() -> None:  # not called: they need Graphviz
    assert_type(tl.draw(loss).svg(), str)
    assert_type(tl.draw(loss, rankdir="LR", max_nodes=20).text(), str)
