"""Data for training: minibatches, and points on a ring. For real data sets, see scikit-learn's."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral
from typing import Any

import numpy as np

from .engine.arrays import as_array, as_flag, as_number
from .engine.node import Array, Node
from .engine.ops import getitem
from .engine.words import publish, taught

__all__ = ["minibatches", "ring_of_gaussians"]
publish(globals())


class minibatches:
    """The data in batches of a few rows: each loop over it is a pass in a new random order.

    The gradient of a random batch is that of all data plus noise of mean 0, at a part of the cost:
    this is the S in SGD. A pass yields ``len()`` pairs ``X[rows], y[rows]``, as copies.

    Parameters
    ----------
    X, y : arrays with the same number of rows; also lists, pandas' objects (by position), arrays of
        another library, and Tensors, whose batches are Tensors. Without targets, give X twice.
    batch_size : int, rows per batch. The last batch has the rows that are left.
    rng : a numpy.random.Generator, which shuffles the rows, differently in each pass
    drop_last : bool, whether to leave out the last batch if it is smaller than the others

    Raises TypeError if X or y is not made of real numbers, or an option not of its type; ValueError
    if X and y have no rows or unequal numbers, batch_size is < 1, or drop_last leaves no batch.

    >>> X, y = np.arange(10).reshape(5, 2), np.arange(5)
    >>> for rows, labels in minibatches(X, y, 2, rng=np.random.default_rng(0)):
    ...     print(rows.tolist(), labels)
    [[4, 5], [8, 9]] [2 4]
    [[6, 7], [0, 1]] [3 0]
    [[2, 3]] [1]
    """

    @taught
    def __init__(
        self, X: Any, y: Any, batch_size: int, *, rng: np.random.Generator, drop_last: bool = False
    ) -> None:
        X, y = _rows("X", X), _rows("y", y)
        if not 0 < len(X) == len(y):
            given = f"X has {len(X) or 'no'} rows, y has {len(y) or 'none'}"
            raise ValueError(f"minibatches: {given}; expected equally many, at least one")
        as_number("minibatches: batch_size", batch_size, 1, kind=Integral)
        _check_rng("minibatches", rng)
        full, rest = divmod(len(X), batch_size)
        if as_flag("minibatches: drop_last", drop_last) and full == 0:
            what = f"batch_size is {batch_size}, and drop_last=True drops all of the {rest} rows"
            raise ValueError(f"minibatches: {what}; take a smaller batch_size")
        self.X, self.y, self.batch_size, self.rng = X, y, batch_size, rng
        self.n_batches = full if drop_last or not rest else full + 1

    def __len__(self) -> int:
        return self.n_batches

    def __repr__(self) -> str:
        return f"minibatches({self.n_batches} of up to {self.batch_size} of {len(self.X)} rows)"

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        order = self.rng.permutation(len(self.X))
        for start in range(0, self.n_batches * self.batch_size, self.batch_size):
            rows = order[start : start + self.batch_size]
            yield getitem(self.X, index=rows), getitem(self.y, index=rows)


def _rows(name: str, x: Any) -> Any:
    if not isinstance(x, Node):
        x = as_array(x, copy=False, what=f"minibatches: {name}")
    if x.ndim == 0:
        raise ValueError(f"minibatches: {name} is the number {x.item()!r}; expected rows")
    return x


@taught
def ring_of_gaussians(
    n: int, *, modes: int = 8, radius: float = 2.0, std: float = 0.05, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Points from a mixture of Gaussians on a circle, the usual test of whether a GAN drops modes.

    Mode k is centered at ``radius * (cos(2 pi k / modes), sin(2 pi k / modes))``; all are equally
    likely. ``std`` is the standard deviation of each coordinate. Returns the points, a float64
    array (n, 2), and an int array (n,): the mode each is from. Raises TypeError for an argument of
    another type; ValueError if a number is negative, infinite or NaN, or modes is < 1.
    Source: Metz et al. 2017, "Unrolled Generative Adversarial Networks".

    >>> points, mode = ring_of_gaussians(1000, rng=np.random.default_rng(0))
    >>> points.shape, mode.max()
    ((1000, 2), np.int64(7))
    """
    as_number("ring_of_gaussians: n", n, kind=Integral)
    as_number("ring_of_gaussians: modes", modes, 1, kind=Integral)
    as_number("ring_of_gaussians: radius", radius)
    as_number("ring_of_gaussians: std", std)
    _check_rng("ring_of_gaussians", rng)
    mode = rng.integers(modes, size=n)
    angle = 2 * np.pi * mode / modes
    center = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return center + std * rng.standard_normal((n, 2)), mode


def _check_rng(what: str, rng: Any) -> None:
    """Raise TypeError unless rng is a generator of NumPy's."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"{what}: rng is {rng!r}; expected a generator: np.random.default_rng(0)")
