"""Value, gradient and second derivative of a loss: by this library, and by PyTorch."""

import numpy as np
from hypothesis import settings, strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_loss import Tensor, gradients

TOLERANCE = 1e-10  # what the losses promise in float64


def ours(loss, *inputs, seed=0):
    """Value, gradients, and gradients of <v, gradients>, all with random weights."""
    rng = np.random.default_rng(seed)
    inputs = [Tensor(x, requires_grad=True) for x in inputs]
    value = loss(*inputs)
    total = (value * rng.standard_normal(value.shape)).sum()
    first = gradients(total, inputs, create_graph=True)
    product = sum((g * rng.standard_normal(g.shape)).sum() for g in first)
    second = (
        gradients(product, inputs)
        if product.requires_grad
        else [Tensor(np.zeros_like(x.data)) for x in inputs]
    )
    return [value.data, *(g.data for g in first), *(h.data for h in second)]


def theirs(torch, loss, *inputs, seed=0):
    """The same of a function of PyTorch's tensors."""
    rng = np.random.default_rng(seed)
    inputs = [torch.tensor(x, requires_grad=True) for x in inputs]
    value = loss(*inputs)
    total = (value * torch.tensor(rng.standard_normal(tuple(value.shape)))).sum()
    first = torch.autograd.grad(total, inputs, create_graph=True, materialize_grads=True)
    product = sum((g * torch.tensor(rng.standard_normal(tuple(g.shape)))).sum() for g in first)
    second = [torch.zeros_like(x) for x in inputs]
    if product.requires_grad:
        second = torch.autograd.grad(product, inputs, materialize_grads=True)
    return [x.numpy(force=True) for x in (value, *first, *second)]


def assert_same(actual, expected, tolerance=TOLERANCE):
    for i, (a, b) in enumerate(zip(actual, expected, strict=True)):
        assert a.shape == b.shape, f"part {i}"
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance, err_msg=f"part {i}")


def assert_same_as_torch(torch, loss, torch_loss, *inputs):
    assert_same(ours(loss, *inputs), theirs(torch, torch_loss, *inputs))


def floats(shape, low=-5.0, high=5.0):
    """Arrays of a shape, or of shapes from a strategy, rounded so that none is nearly at a kink."""
    number = st.floats(low, high).map(lambda x: round(x, 6))
    return hnp.arrays(np.float64, shape, elements=number)


shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=1, max_side=4)
batches = st.tuples(st.integers(1, 5), st.integers(2, 6))  # (N, C)
reductions = st.sampled_from(["mean", "sum", "none"])

quickly = settings(max_examples=30, deadline=None)


def distributions(shape):
    """Rows of probabilities that sum to 1, some of them 0."""
    numbers = hnp.arrays(np.float64, shape, elements=st.integers(0, 10).map(float))
    return numbers.map(
        lambda x: (
            (x + (x.sum(-1, keepdims=True) == 0))
            / (x + (x.sum(-1, keepdims=True) == 0)).sum(-1, keepdims=True)
        )
    )


@st.composite
def class_batches(draw, probabilities=False):
    """Logits (N, C) with targets, indices or probabilities."""
    n, c = draw(batches)
    logits = draw(floats((n, c)))
    if (logits >= 0).all() and np.allclose(logits.sum(1), 1):
        logits = logits - 1  # they would look like softmax output, and be warned of
    indices = hnp.arrays(np.int64, n, elements=st.integers(0, c - 1))
    return logits, draw(distributions((n, c)) if probabilities else indices)


@st.composite
def binary_batches(draw, low=-5.0, high=5.0):
    """Logits (or probabilities, with low=0, high=1) and targets in [0, 1], many of them 0 or 1."""
    shape = draw(shapes)
    target = hnp.arrays(np.float64, shape, elements=st.sampled_from([0.0, 1.0, 0.25, 0.7]))
    return draw(floats(shape, low, high)), draw(target)
