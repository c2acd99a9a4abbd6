# pyright: strict
"""Mistakes that type checkers find before the program runs; nobody calls this function.

``test_types.py`` has them read it, and expects an error in each line marked so, and in no other.
"""

import numpy as np

import tinygrad_loss as tl
from tinygrad_loss import nn, optim

rng = np.random.default_rng(0)
X, y = np.ones((2, 3)), np.zeros(2, int)
t = tl.Tensor(X, requires_grad=True)
model = nn.MLP([3, 2], rng=rng)


def mistakes() -> None:
    t.sum(op=tl.max)  # wrong
    t.sum().mean(axes=0)  # wrong
    t.no_such_method()  # wrong
    t.requires_grad = "yes"  # wrong
    t.backward().item()  # wrong
    tl.Tensor()  # wrong
    tl.exp()  # wrong
    tl.exp(t, out=X)  # wrong
    tl.sum(t, axes=0)  # wrong
    tl.no_such_function(t)  # wrong
    tl.cross_entropy(t)  # wrong
    tl.mean_squared_error(t, X, reduction="average")  # wrong
    tl.l2([t])  # wrong
    tl.unroll(model, X)  # wrong
    tl.draw(t, rankdir=3)  # wrong
    model()  # wrong
    model(X, y)  # wrong
    nn.Linear(3, 2)  # wrong
    nn.MLP([3, 2], activation=3, rng=rng)  # wrong
    optim.SGD(model.parameters())  # wrong
    optim.Adam(model.parameters(), betas=0.9)  # wrong
    len(model)  # wrong
