"""Data for training: minibatches, and points on a ring. For real data sets, see scikit-learn's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .engine.node import Array


def minibatches(
    X: Any, y: Any, batch_size: int, *, rng: np.random.Generator, drop_last: bool = False
) -> Iterator[tuple[Any, Any]]:
    """Pass once over the data in random order, a few rows at a time.

    The gradient of a random batch is that of all data plus noise of mean 0, for a small part of the
    computation: this is the S in SGD.

    Parameters
    ----------
    X, y : arrays with the same number of rows
    batch_size : int
        Rows per batch. The last batch has the rows that are left.
    rng : numpy.random.Generator
        Shuffles the rows, differently at each call.
    drop_last : bool
        Leave out the last batch if it is smaller than the others.

    Yields
    ------
    tuple of arrays
        ``X[rows], y[rows]``, as copies.

    Raises
    ------
    TypeError
        If batch_size is not an int, or rng is not a Generator.
    ValueError
        If there are no rows, X and y differ in their number, or batch_size is < 1.

    >>> X, y = np.arange(10).reshape(5, 2), np.arange(5)
    >>> for rows, labels in minibatches(X, y, 2, rng=np.random.default_rng(0)):
    ...     print(rows.tolist(), labels)
    [[4, 5], [8, 9]] [2 4]
    [[6, 7], [0, 1]] [3 0]
    [[2, 3]] [1]
    """
    n = len(X)
    if len(y) != n:
        raise ValueError(
            f"minibatches: X has {n} rows and y has {len(y)}; each row of X needs its own in y"
        )
    if n == 0:
        raise ValueError("minibatches: the data has no rows; expected at least one")
    if not isinstance(batch_size, int | np.integer):
        raise TypeError(f"minibatches: batch_size is {batch_size!r}; expected an int")
    if batch_size < 1:
        raise ValueError(f"minibatches: batch_size is {batch_size}; expected at least 1")
    _check_rng("minibatches", rng)

    def batches() -> Iterator[tuple[Any, Any]]:
        order = rng.permutation(n)
        end = n - n % batch_size if drop_last else n
        for start in range(0, end, batch_size):
            rows = order[start : start + batch_size]
            yield X[rows], y[rows]

    # Not a generator itself, so that wrong arguments are refused at the call, not in a loop.
    return batches()


def ring_of_gaussians(
    n: int, *, modes: int = 8, radius: float = 2.0, std: float = 0.05, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Points from a mixture of Gaussians on a circle, the usual test of whether a GAN drops modes.

    Mode k is centered at ``radius * (cos(2 pi k / modes), sin(2 pi k / modes))``; all are equally
    likely. Source: Metz, Poole, Pfau & Sohl-Dickstein 2017, "Unrolled Generative Adversarial
    Networks".

    Parameters
    ----------
    n : int
        Points to draw.
    modes : int
        Gaussians on the ring.
    radius, std : float
        Radius of the ring, and standard deviation of each coordinate; in the same unit.
    rng : numpy.random.Generator

    Returns
    -------
    points : float64 array (n, 2)
    mode : int array (n,)
        Which Gaussian each point is from.

    Raises
    ------
    TypeError
        If rng is not a Generator.
    ValueError
        If a number is negative, or modes is < 1.

    >>> points, mode = ring_of_gaussians(1000, rng=np.random.default_rng(0))
    >>> points.shape, mode.max()
    ((1000, 2), np.int64(7))
    """
    for name, value in (("n", n), ("modes - 1", modes - 1), ("radius", radius), ("std", std)):
        if value < 0:
            raise ValueError(f"ring_of_gaussians: {name} is {value!r}; expected at least 0")
    _check_rng("ring_of_gaussians", rng)
    mode = rng.integers(modes, size=n)
    angle = 2 * np.pi * mode / modes
    center = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return center + std * rng.standard_normal((n, 2)), mode


def _check_rng(what: str, rng: Any) -> None:
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"{what}: rng is {rng!r}; expected a generator: np.random.default_rng(0)")
