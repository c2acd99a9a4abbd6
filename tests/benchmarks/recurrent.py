"""One training step of a recurrent network, a tanh RNN and an LSTM, in every library.

The state after the last time step is classified: h[t] = cell(x[t] @ W + h[t - 1] @ U + b), then
cross-entropy of h[-1] @ V + c. The cell is written once, with ops that all libraries have; PyTorch
has layers of its own besides. The rest is as in ``peers.py``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from .peers import BASELINE, cross_entropy_by_hand

LEARNING_RATE = np.float32(0.5)  # so large that a wrong gradient shows in the losses


@dataclass(frozen=True)
class Sequences:
    """A batch of sequences, to be classified by a network that reads them step by step."""

    name: str
    gates: int  # matrices in W and in U: one for the tanh RNN, four for the LSTM
    time_steps: int = 16
    rows: int = 32
    inputs: int = 8
    hidden: int = 32
    classes: int = 10
    classifies = True

    @property
    def net(self) -> str:
        return f"{self.inputs}-{self.hidden}-{self.classes}, {self.time_steps} time steps"

    def batch(self):
        """x of shape (time_steps, rows, inputs), and class indices."""
        rng = np.random.default_rng(1)
        x = rng.standard_normal((self.time_steps, self.rows, self.inputs), dtype=np.float32)
        return x, rng.integers(self.classes, size=self.rows)

    def parameters(self):
        """Fresh W, U, b of the cell and V, c of the output, always the same."""
        rng = np.random.default_rng(2)
        width = self.gates * self.hidden
        shapes = (self.inputs, width), (self.hidden, width), (self.hidden, self.classes)
        W, U, V = (
            rng.standard_normal(shape, dtype=np.float32) / np.float32(np.sqrt(shape[0]))
            for shape in shapes
        )
        return [W, U, np.zeros(width, np.float32), V, np.zeros(self.classes, np.float32)]

    def first_state(self):
        return np.zeros((self.rows, self.hidden), np.float32)


def numpy_by_hand(task: Sequences):
    """Backpropagation through time, without buffers or other tricks."""
    x, target = task.batch()
    parameters = W, U, b, V, c = task.parameters()
    forward = _rnn_by_hand if task.gates == 1 else _lstm_by_hand
    cross_entropy = cross_entropy_by_hand(target)

    def step():
        h, backward = forward(x, task.first_state(), W, U, b)
        loss, g = cross_entropy(h @ V + c)
        gradients = [*backward(g @ V.T), h.T @ g, g.sum(axis=0)]
        for p, gradient in zip(parameters, gradients, strict=True):
            p -= LEARNING_RATE * gradient
        return loss

    return step


def _rnn_by_hand(x, h, W, U, b):
    """The last state, and the function from its gradient to those of W, U and b."""
    states = [h]
    for x_t in x:
        states.append(np.tanh(x_t @ W + states[-1] @ U + b))

    def backward(d_h):
        d_W, d_U, d_b = map(np.zeros_like, (W, U, b))
        for t in reversed(range(len(x))):
            d_z = d_h * (1 - states[t + 1] ** 2)
            d_W += x[t].T @ d_z
            d_U += states[t].T @ d_z
            d_b += d_z.sum(axis=0)
            d_h = d_z @ U.T
        return d_W, d_U, d_b

    return states[-1], backward


def _lstm_by_hand(x, h, W, U, b):
    """As above. (Hochreiter & Schmidhuber 1997, "Long short-term memory", with a forget gate.)"""
    c = h
    kept = []
    for x_t in x:
        i, f, g, o = np.split(x_t @ W + h @ U + b, 4, axis=1)
        i, f, g, o = _sigmoid(i), _sigmoid(f), np.tanh(g), _sigmoid(o)
        before = h, c
        c = f * c + i * g
        tanh_c = np.tanh(c)
        h = o * tanh_c
        kept.append((x_t, *before, i, f, g, o, tanh_c))

    def backward(d_h):
        d_W, d_U, d_b = map(np.zeros_like, (W, U, b))
        d_c = np.zeros_like(d_h)
        for x_t, h, c, i, f, g, o, tanh_c in reversed(kept):
            d_c = d_c + d_h * o * (1 - tanh_c**2)
            d_i, d_f, d_g, d_o = d_c * g, d_c * c, d_c * i, d_h * tanh_c
            d_z = np.concatenate(
                [d_i * i * (1 - i), d_f * f * (1 - f), d_g * (1 - g**2), d_o * o * (1 - o)], axis=1
            )
            d_W += x_t.T @ d_z
            d_U += h.T @ d_z
            d_b += d_z.sum(axis=0)
            d_h = d_z @ U.T
            d_c = d_c * f
        return d_W, d_U, d_b

    return h, backward


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Ops(NamedTuple):
    """What a library calls the ops of a cell; ``split`` cuts (rows, 4 * n) into four."""

    tanh: Callable[[Any], Any]
    sigmoid: Callable[[Any], Any]
    split: Callable[[Any], Any]


def last_state(task: Sequences, ops: Ops, x, h, W, U, b):
    """The network as one writes it where gradients come by themselves, in any of the libraries."""
    c = h
    for x_t in x:
        z = x_t @ W + h @ U + b
        if task.gates == 1:
            h = ops.tanh(z)
        else:
            i, f, g, o = ops.split(z)
            c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
            h = ops.sigmoid(o) * ops.tanh(c)
    return h


def _our_loss(task: Sequences):
    import tinygrad_loss as tl

    parameters = [tl.Tensor(p, requires_grad=True) for p in task.parameters()]
    *cell, V, c = parameters
    ops = Ops(tl.tanh, tl.sigmoid, lambda z: tl.split(z, 4, axis=1))
    h = task.first_state()

    def loss_of(x, target):
        return tl.losses.cross_entropy(last_state(task, ops, x, h, *cell) @ V + c, target)

    return loss_of, tl.optim.SGD(parameters, lr=float(LEARNING_RATE))


def ours_eager(task: Sequences):
    loss_of, optimizer = _our_loss(task)
    x, target = task.batch()

    def step():
        loss = loss_of(x, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


def ours_unrolled(task: Sequences):
    from tinygrad_loss import unroll

    loss_of, optimizer = _our_loss(task)
    x, target = task.batch()
    step = unroll(loss_of, optimizer=optimizer)
    return lambda: step(x, target)


def torch_eager(task: Sequences):
    import torch

    parameters = [torch.from_numpy(p).requires_grad_() for p in task.parameters()]
    *cell, V, c = parameters
    ops = Ops(torch.tanh, torch.sigmoid, lambda z: z.chunk(4, dim=1))
    h = torch.from_numpy(task.first_state())
    return _torch_step(task, parameters, lambda x: last_state(task, ops, x, h, *cell) @ V + c)


def torch_layer(task: Sequences):
    import torch

    W, U, b, V, c = map(torch.from_numpy, task.parameters())
    kind = torch.nn.RNN if task.gates == 1 else torch.nn.LSTM
    layer = kind(task.inputs, task.hidden)
    output = torch.nn.Linear(task.hidden, task.classes)
    layer.bias_hh_l0.requires_grad_(False)  # it has two biases to add: only one is to learn
    with torch.no_grad():
        layer.bias_hh_l0.zero_()
        for p, value in (
            (layer.weight_ih_l0, W.T),
            (layer.weight_hh_l0, U.T),
            (layer.bias_ih_l0, b),
            (output.weight, V.T),
            (output.bias, c),
        ):
            p.copy_(value)
    learned = [p for p in (*layer.parameters(), *output.parameters()) if p.requires_grad]
    return _torch_step(task, learned, lambda x: output(layer(x)[0][-1]))


def _torch_step(task: Sequences, parameters, logits_of):
    import torch

    torch.set_num_threads(1)
    optimizer = torch.optim.SGD(parameters, lr=float(LEARNING_RATE))
    criterion = torch.nn.CrossEntropyLoss()
    x, target = map(torch.from_numpy, task.batch())

    def step():
        loss = criterion(logits_of(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


def jax_jit(task: Sequences):
    import jax
    import jax.numpy as jnp

    x, target = map(jnp.asarray, task.batch())
    state = SimpleNamespace(parameters=[jnp.asarray(p) for p in task.parameters()])
    ops = Ops(jnp.tanh, jax.nn.sigmoid, lambda z: jnp.split(z, 4, axis=1))

    def loss_of(parameters, x, target):
        *cell, V, c = parameters
        log_p = jax.nn.log_softmax(last_state(task, ops, x, task.first_state(), *cell) @ V + c)
        return -jnp.take_along_axis(log_p, target[:, None], axis=1).mean()

    @jax.jit
    def update(parameters, x, target):
        loss, gradients = jax.value_and_grad(loss_of)(parameters, x, target)
        step = [p - LEARNING_RATE * g for p, g in zip(parameters, gradients, strict=True)]
        return loss, step

    def step():
        loss, state.parameters = update(state.parameters, x, target)
        jax.block_until_ready(state.parameters)  # JAX returns before it has computed
        return loss

    return step


SEQUENCES = {task.name: task for task in (Sequences("rnn", 1), Sequences("lstm", 4))}
RECURRENT_PEERS = {
    BASELINE: numpy_by_hand,
    "ours, unrolled": ours_unrolled,
    "ours, eager": ours_eager,
    "JAX jit": jax_jit,
    "PyTorch eager": torch_eager,
    "PyTorch layer": torch_layer,
}
