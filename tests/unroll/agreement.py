"""The unrolled step beside the eager engine, whose own tests compare it with PyTorch."""

import numpy as np

from tinygrad_loss import (
    Tensor,
    gradients,
)
from tinygrad_loss.nn import MLP
from tinygrad_loss.unroll import unroll


def eager(f, inputs, wrt):
    """Value and gradients by the engine; a number in wrt is an input."""
    numbers = {p for p in wrt if isinstance(p, int)}
    inputs = [Tensor(x, requires_grad=True) if i in numbers else x for i, x in enumerate(inputs)]
    value = f(*inputs)
    slopes = gradients(value, [inputs[p] if isinstance(p, int) else p for p in wrt])
    return value.data, [slope.data for slope in slopes]


def assert_same(actual, expected, tolerance=1e-10):
    (value, slopes), (expected_value, expected_slopes) = actual, expected
    assert value.dtype == expected_value.dtype
    np.testing.assert_allclose(value, expected_value, rtol=tolerance, atol=tolerance)
    assert len(slopes) == len(expected_slopes)
    for slope, expected_slope in zip(slopes, expected_slopes, strict=True):
        assert isinstance(slope, np.ndarray)
        assert (slope.shape, slope.dtype) == (expected_slope.shape, expected_slope.dtype)
        atol = tolerance * max(1, np.abs(expected_slope).max(initial=0))
        np.testing.assert_allclose(slope, expected_slope, rtol=tolerance, atol=atol)


def assert_unrolls(f, *batches, wrt=(), tolerance=1e-10):
    """Traced on the first batch, the step is right on all of them; numbers in wrt are inputs."""
    numbers = {p for p in wrt if isinstance(p, int)}
    first = [Tensor(x, requires_grad=True) if i in numbers else x for i, x in enumerate(batches[0])]
    step = unroll(f, *first, wrt=[first[p] if isinstance(p, int) else p for p in wrt])
    for batch in (*batches[::-1], *batches):
        assert_same(step(*batch), eager(f, batch, wrt), tolerance)
        spoil_buffers(step)
    return step


def spoil_buffers(step):
    """Overwrite all memory that the step writes into: none of it may matter to the next call."""
    for line in step.source.partition("\ndef step(")[0].splitlines():
        if " = np.empty(" in line:
            array = vars_of(step)[line.partition(" ")[0]]
            array.fill(np.nan if array.dtype.kind == "f" else 1)


def weighted(f, rng, batch, order):
    """A scalar function of f's value, or of its first derivatives too, with random weights."""
    value = f(*batch)
    w = rng.standard_normal(np.shape(value)).astype(value.dtype)
    if order == 1:
        return lambda *inputs: (f(*inputs) * w).sum()
    ws = [rng.standard_normal(np.shape(x)).astype(value.dtype) for x in batch]

    def product(*inputs):
        total = (f(*inputs) * w).sum()
        variables = [x for x in inputs if isinstance(x, Tensor)]
        for slope, v in zip(gradients(total, variables, create_graph=True), ws, strict=False):
            total = total + (slope * v).sum()
        return total

    return product


def mlp(*sizes, dtype=np.float64, seed=0, **options):
    return MLP(list(sizes), rng=np.random.default_rng(seed), dtype=dtype, **options)


def batch(n_in=2, n_classes=3, n=5, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, n_in)), rng.integers(0, n_classes, n)


def vars_of(step):
    """The namespace that the source runs in."""
    return step._program.step.__globals__
