"""Training does not fill memory, with the garbage collector switched off: nothing waits for it."""

import gc
import tracemalloc

import numpy as np
import pytest

from tinygrad_loss import cross_entropy, nn, optim, unroll


def eager(model, optimizer, x, y):
    def step():
        loss = cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def unrolled(model, optimizer, x, y):
    parameters = model.parameters()
    value_and_gradients = unroll(lambda x, y: cross_entropy(model(x), y), x, y, wrt=parameters)

    def step():
        for p, gradient in zip(parameters, value_and_gradients(x, y)[1], strict=True):
            p.grad = gradient
        optimizer.step()

    return step


@pytest.mark.parametrize("make", [eager, unrolled])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_no_step_leaves_anything_behind(make, momentum):
    rng = np.random.default_rng(0)
    model = nn.MLP([4, 8, 3], rng=rng)
    optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=momentum)
    step = make(model, optimizer, rng.normal(size=(16, 4)), rng.integers(0, 3, 16))
    for _ in range(10):
        step()
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        for _ in range(2000):  # until Python keeps enough freed dicts and tuples for later
            step()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(1000):
            step()
        # One Tensor of those that a step makes is more than 2 bytes a step.
        assert tracemalloc.get_traced_memory()[0] - before < 2000
    finally:
        tracemalloc.stop()
        gc.enable()
