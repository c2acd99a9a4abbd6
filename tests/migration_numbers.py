"""What the rows of examples/migration.md compute, in plain NumPy."""

import numpy as np

from .migration_sides import A


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
