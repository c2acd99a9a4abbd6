"""A model, its training, and what a process of its own does with them: spawn imports it by name."""

from typing import Any

import numpy as np

import tinygrad_loss as tl
from tinygrad_loss.data import minibatches
from tinygrad_loss.nn import MLP, Dropout, LeakyReLU, Linear, Module, Sequential
from tinygrad_loss.optim import Adam


def scaled(x: Any) -> Any:
    """A function of a user's module, which pickles by its name."""
    return tl.tanh(x) * 0.9


def make_model() -> Module:
    """Ops, functions of NumPy and of the user, dropout with a generator that all of them share."""
    rng = np.random.default_rng(0)
    return Sequential(
        Linear(3, 4, rng=rng),
        tl.tanh,
        Dropout(0.2, rng=rng),
        np.sin,
        LeakyReLU(0.1),
        MLP([4, 5, 4], activation=tl.sigmoid, dropout=0.1, rng=rng),
        MLP([4, 5, 1], activation=scaled, rng=rng),
        tl.softplus,
    )


def start() -> tuple[Module, Adam, minibatches]:
    """A model, its optimizer and its data, after a first epoch."""
    rng = np.random.default_rng(1)
    X = rng.standard_normal((12, 3))
    model = make_model()
    everything = model, Adam(model.parameters(), lr=0.01), minibatches(X, X[:, :1], 5, rng=rng)
    train(*everything)
    return everything


def train(model: Module, optimizer: Adam, batches: minibatches) -> tuple[list[float], Module]:
    """One more epoch: the losses, and the model."""
    losses = []
    for rows, targets in batches:
        loss = tl.mean_squared_error(model(rows), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, model
