"""What NumPy says, to compare with."""

import numpy as np

import tinygrad_loss as tl
from tinygrad_loss import Tensor, gradients

from ..op_inputs import invertible

RNG = np.random.default_rng(0)
X, V, W = RNG.uniform(0.3, 2, (3, 4)), RNG.uniform(0.3, 2, 4), RNG.uniform(0.3, 2, (4, 2))
C = RNG.uniform(0.3, 2, (2, 3, 4))
A, ONE = invertible(RNG, (3, 3)), np.array(1.5)
NAN = np.where(X > 1, X, np.nan)
ORDER = np.argsort(X, axis=1)


def numpys(name):
    f = np
    for part in name.split("."):
        f = getattr(f, part)
    return f


def ours(name):
    return getattr(tl, name.rpartition(".")[2])


def recorded(x):
    """The same arguments with floating arrays as Tensors that require grad."""
    if isinstance(x, list | tuple):
        return type(x)(map(recorded, x))
    if isinstance(x, dict):
        return {key: recorded(value) for key, value in x.items()}
    floating = isinstance(x, np.ndarray) and x.dtype.kind == "f"
    return Tensor(x, requires_grad=True) if floating else x


def tensors_in(x):
    if isinstance(x, list | tuple):
        return [t for part in x for t in tensors_in(part)]
    if isinstance(x, dict):
        return tensors_in(list(x.values()))
    return [x] if isinstance(x, Tensor) else []


def value_and_slopes(f, inputs, options):
    inputs, options = recorded(inputs), recorded(options)
    y = f(*inputs, **options)
    values = y if isinstance(y, list) else [y]
    total = sum((v * np.cos(np.arange(v.size)).reshape(v.shape)).sum() for v in values)
    slopes = gradients(total, tensors_in([inputs, options]))
    return [v.data for v in values], [slope.data for slope in slopes]


def assert_equal(actual, expected, rtol=1e-12):
    actual = actual if isinstance(actual, list) else [actual]
    expected = expected if isinstance(expected, list) else [expected]
    for got, wanted in zip(actual, expected, strict=True):
        assert (np.shape(got), np.asarray(got).dtype) == (np.shape(wanted), wanted.dtype)
        np.testing.assert_allclose(got, wanted, rtol=rtol, atol=1e-12)
