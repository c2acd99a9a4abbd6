"""Random inputs within the domains of the ops."""

import numpy as np


def real(rng, shape):
    """Of both signs, no closer than 0.1 to the kinks at 0 and 1, no two equal."""
    x = np.asarray(rng.uniform(0.1, 0.9, shape) + rng.integers(0, 3, shape))
    return x * rng.choice([-1, 1], shape)


def positive(rng, shape):
    return np.asarray(rng.uniform(0.3, 3, shape))


def small(rng, shape):
    """The product of 24 of them stays within float16."""
    return real(rng, shape) / 2


def invertible(rng, shape):
    """Square matrices with a large diagonal: far from singular, of positive determinant."""
    return real(rng, shape) + 8 * np.eye(shape[-1])


def dims(x, axis):
    return tuple(range(x.ndim)) if axis is None else axis
