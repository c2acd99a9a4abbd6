"""The same training step in every library, each written as its own documentation would.

A builder takes a Task and returns ``step``: called without arguments it runs forward, backward and
one step of plain gradient descent, and returns the loss before that step, as anything that has
``.item()``. A builder raises ImportError where its library is missing.
"""

from functools import partial
from itertools import pairwise
from types import SimpleNamespace

import numpy as np

from .tasks import LEARNING_RATE, Task

BASELINE = "NumPy by hand"


def numpy_by_hand(task: Task):
    """What one writes for any number of layers, without buffers or other tricks.

    Written out for three layers, without the loops, it takes 6 % less time on the tiny network
    and 2 % less on mnist.
    """
    x, target = task.batch()
    parameters = task.parameters()
    weights, biases = parameters[::2], parameters[1::2]

    def mean_squared_error(prediction):
        error = prediction - target
        return (error * error).mean(), error * (2 / error.size)

    criterion = cross_entropy_by_hand(target) if task.classifies else mean_squared_error

    def step():
        inputs = [x]
        for W, b in zip(weights[:-1], biases[:-1], strict=True):
            inputs.append(np.maximum(inputs[-1] @ W + b, 0))
        loss, g = criterion(inputs[-1] @ weights[-1] + biases[-1])

        gradients = []
        for i in reversed(range(len(weights))):
            gradients += [g.sum(axis=0), inputs[i].T @ g]
            if i > 0:
                g = (g @ weights[i].T) * (inputs[i] > 0)

        for p, gradient in zip(reversed(parameters), gradients, strict=True):
            p -= LEARNING_RATE * gradient
        return loss

    return step


def cross_entropy_by_hand(target):
    """A function from logits to the loss and its gradient."""
    rows = np.arange(len(target))

    def cross_entropy(logits):
        shifted = logits - logits.max(axis=1, keepdims=True)
        exps = np.exp(shifted)
        sums = exps.sum(axis=1, keepdims=True)
        loss = (np.log(sums[:, 0]) - shifted[rows, target]).mean()
        g = exps / sums
        g[rows, target] -= 1
        return loss, g / len(target)

    return cross_entropy


def _our_model(task: Task):
    from tinygrad_loss import losses, nn

    model = nn.MLP(task.sizes, activation="relu", rng=np.random.default_rng(0), dtype=np.float32)
    for p, value in zip(model.parameters(), task.parameters(), strict=True):
        p.data = value
    return model, losses.cross_entropy if task.classifies else losses.mean_squared_error


def ours_eager(task: Task):
    from tinygrad_loss import optim

    model, criterion = _our_model(task)
    optimizer = optim.SGD(model.parameters(), lr=float(LEARNING_RATE))
    x, target = task.batch()

    def step():
        loss = criterion(model(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


def ours_unrolled(task: Task):
    from tinygrad_loss import optim, unroll

    model, criterion = _our_model(task)
    optimizer = optim.SGD(model.parameters(), lr=float(LEARNING_RATE))
    x, target = task.batch()
    step = unroll(lambda x, target: criterion(model(x), target), optimizer=optimizer)
    return lambda: step(x, target)


def torch_eager(task: Task, compiled: bool = False):
    import torch

    torch.set_num_threads(1)
    layers = []
    for n_in, n_out in pairwise(task.sizes):
        layers += [torch.nn.Linear(n_in, n_out), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    with torch.no_grad():
        for p, value in zip(model.parameters(), task.parameters(), strict=True):
            p.copy_(torch.from_numpy(value.T))
    criterion = torch.nn.CrossEntropyLoss() if task.classifies else torch.nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=float(LEARNING_RATE))
    x, target = map(torch.from_numpy, task.batch())

    def forward(x, target):
        return criterion(model(x), target)

    if compiled:
        forward = torch.compile(forward)

    def step():
        loss = forward(x, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


def jax_jit(task: Task):
    import jax
    import jax.numpy as jnp

    x, target = map(jnp.asarray, task.batch())
    state = SimpleNamespace(parameters=[jnp.asarray(p) for p in task.parameters()])

    def loss_of(parameters, x, target):
        h = x
        for W, b in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
            h = jax.nn.relu(h @ W + b)
        output = h @ parameters[-2] + parameters[-1]
        if task.classifies:
            log_p = jax.nn.log_softmax(output)
            return -jnp.take_along_axis(log_p, target[:, None], axis=1).mean()
        return jnp.mean((output - target) ** 2)

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


def mygrad_eager(task: Task):
    import mygrad as mg
    from mygrad.nnet.activations import relu
    from mygrad.nnet.losses import softmax_crossentropy

    x, target = task.batch()
    parameters = [mg.tensor(p) for p in task.parameters()]

    @mg.mem_guard_off  # its documentation advises this where speed matters
    def step():
        h = x
        for W, b in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
            h = relu(h @ W + b)
        output = h @ parameters[-2] + parameters[-1]
        if task.classifies:
            loss = softmax_crossentropy(output, target)
        else:
            loss = mg.mean((output - target) ** 2)
        loss.backward()
        for p in parameters:
            p.data -= LEARNING_RATE * p.grad
        return loss

    return step


def hips_autograd(task: Task):
    import autograd.numpy as anp
    from autograd import value_and_grad
    from autograd.scipy.special import logsumexp

    x, target = task.batch()
    rows = np.arange(len(x))
    parameters = task.parameters()

    def loss_of(parameters):
        h = x
        for W, b in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
            h = anp.maximum(anp.dot(h, W) + b, 0)
        output = anp.dot(h, parameters[-2]) + parameters[-1]
        if task.classifies:
            return anp.mean(logsumexp(output, axis=1) - output[rows, target])
        return anp.mean((output - target) ** 2)

    loss_and_gradients = value_and_grad(loss_of)

    def step():
        loss, gradients = loss_and_gradients(parameters)
        for p, gradient in zip(parameters, gradients, strict=True):
            p -= LEARNING_RATE * gradient
        return loss

    return step


def tangent_ad(task: Task):
    """Written out for two or three layers: a loop over a list of parameters takes twice as long.

    The derivative of its ``np.maximum`` is in float64, that of ``numpy_relu`` is not.
    """
    import tangent
    from scipy.special import logsumexp

    x, target = task.batch()
    rows = np.arange(len(x))
    parameters = task.parameters()

    def cross_entropy(output):
        return np.mean(logsumexp(output, axis=1) - output[rows, target])

    def mean_squared_error(output):
        return np.mean((output - target) ** 2)

    criterion = cross_entropy if task.classifies else mean_squared_error

    def two_layers(W0, b0, W1, b1):
        return criterion(tangent.numpy_relu(x @ W0 + b0) @ W1 + b1)

    def three_layers(W0, b0, W1, b1, W2, b2):
        h = tangent.numpy_relu(x @ W0 + b0)
        h = tangent.numpy_relu(h @ W1 + b1)
        return criterion(h @ W2 + b2)

    loss_of = {4: two_layers, 6: three_layers}[len(parameters)]
    every = tuple(range(len(parameters)))
    gradients_and_loss = tangent.grad(loss_of, wrt=every, preserve_result=True)

    def step():
        *gradients, loss = gradients_and_loss(*parameters)
        for p, gradient in zip(parameters, gradients, strict=True):
            p -= LEARNING_RATE * gradient
        return loss

    return step


def dezero_eager(task: Task):
    # DeZero's last release is older than NumPy 1.24, which dropped the name np.int that it reads
    # while it is imported.
    np.int = int  # noqa: NPY001
    try:
        from dezero import functions, models, optimizers
    finally:
        del np.int  # noqa: NPY001

    x, target = task.batch()
    model = models.MLP(task.sizes[1:], activation=functions.relu)
    parameters = task.parameters()
    for layer, W, b in zip(model.layers, parameters[::2], parameters[1::2], strict=True):
        layer.W.data, layer.b.data = W, b
    optimizer = optimizers.SGD(float(LEARNING_RATE)).setup(model)
    if task.classifies:
        criterion = functions.softmax_cross_entropy
    else:
        criterion = functions.mean_squared_error

    def step():
        loss = criterion(model(x), target)
        model.cleargrads()
        loss.backward()
        optimizer.update()
        return loss.data

    return step


def micrograd_scalars(task: Task):
    if task.name != "tiny":
        raise ImportError("not timed here: with one Python object per number it takes minutes")
    from micrograd.engine import Value
    from micrograd.nn import MLP

    x, target = (array.tolist() for array in task.batch())
    model = MLP(task.sizes[0], list(task.sizes[1:]))
    parameters = task.parameters()
    for layer, W, b in zip(model.layers, parameters[::2], parameters[1::2], strict=True):
        for neuron, w, bias in zip(layer.neurons, W.T.tolist(), b.tolist(), strict=True):
            neuron.b.data = bias
            for value, number in zip(neuron.w, w, strict=True):
                value.data = number

    def step():
        predictions = [model(list(map(Value, row))) for row in x]
        errors = [(p - t) ** 2 for p, (t,) in zip(predictions, target, strict=True)]
        loss = sum(errors) * (1 / len(errors))
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= float(LEARNING_RATE) * p.grad
        return np.float64(loss.data)

    return step


PEERS = {
    BASELINE: numpy_by_hand,
    "ours, unrolled": ours_unrolled,
    "ours, eager": ours_eager,
    "JAX jit": jax_jit,
    "PyTorch eager": torch_eager,
    "torch.compile": partial(torch_eager, compiled=True),
    "MyGrad": mygrad_eager,
    "tangent-ad": tangent_ad,
    "DeZero": dezero_eager,
    "autograd": hips_autograd,
    "micrograd": micrograd_scalars,
}
# Runs only when asked for: it needs a C++ compiler and half a minute for each network.
ON_REQUEST = {"torch.compile"}
# The distributions whose versions are reported.
DISTRIBUTIONS = (
    "numpy",
    "torch",
    "jax",
    "mygrad",
    "tangent-ad",
    "dezero",
    "autograd",
    "micrograd",
)
