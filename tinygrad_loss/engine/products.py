"""Products of matrices and over any axes, and linear systems: composed of a few ops."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from . import ops
from .arrays import as_array, data_of, is_plain
from .node import Array, Node
from .words import teach

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["dot", "einsum", "inner", "linear", "matmul", "outer", "slogdet", "solve", "tensordot"]

Labels = list[Any]  # of the axes of an array: letters, or numbers
_SignAndLog: Any = type(np.linalg.slogdet(np.eye(1)))  # NumPy's named tuple


def shaped(x: Any, what: str = "Tensor") -> Array:
    """Return Tensors as they are, and anything else as an array, which has a shape."""
    ready = isinstance(x, Node) or (hasattr(x, "ndim") and is_plain(x))
    return x if ready else as_array(x, copy=False, what=what)


def matmul(a: Array, b: Array) -> Tensor:
    """Matrix product a @ b in every shape NumPy allows: a vector is a matrix of one row or column.

    Derivative: elements were multiplied by those of the other matrix, so the gradient is multiplied
    by the other matrix, transposed.

    >>> matmul([[1.0, 2.0]], [3.0, 4.0])
    array([11.])
    """
    a, b = shaped(a, "matmul"), shaped(b, "matmul")
    if not (a.ndim and b.ndim):
        raise ValueError("matmul: one of the two is a number, not a matrix; multiply with *")
    if a.ndim > 2 == b.ndim and a.shape[-1] == b.shape[0]:
        # One product of all rows: many small ones would give many gradients of b, to be added up.
        return ops.reshape(ops._matmul(_rows(a), b), (*a.shape[:-1], b.shape[1]))
    row = ops.expand_dims(a, 0) if a.ndim == 1 else a
    y = ops._matmul(row, ops.expand_dims(b, -1) if b.ndim == 1 else b)
    added = tuple(axis for axis, x in ((-2, a), (-1, b)) if x.ndim == 1)
    return ops.squeeze(y, added) if added else y


def _rows(x: Any) -> Any:
    """All rows, the vectors along the last axis, as one matrix."""
    return ops.reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))


def linear(x: Array, W: Array, b: Array) -> Tensor:
    """``x @ W + b``: inputs (..., n), weights (n, m) and biases (m,) give (..., m).

    Derivatives: an input receives its outputs' gradients, times the weights in between; a weight
    its output's gradient times its input, summed over the rows; a bias the sum over the rows.

    >>> linear([[1, 2]], [[3], [4]], [0.5])
    array([[11.5]])
    """
    if getattr(x, "ndim", 0) == 2:
        return ops._linear(x, W, b)
    x = shaped(x, "linear")
    if not x.ndim:
        raise ValueError("linear: x is a number; expected inputs (..., n)")
    y = ops._linear(_rows(x), W, b)
    return ops.reshape(y, (*x.shape[:-1], y.shape[1]))


def dot(a: Array, b: Array) -> Tensor:
    """Sum of products over the last axis of a and the last but one, or only one, of b.

    >>> dot([1, 2], [3, 4]).item()
    11
    """
    a, b = shaped(a), shaped(b)
    if not a.ndim or not b.ndim:
        return ops.multiply(a, b)
    return matmul(a, b) if b.ndim <= 2 else tensordot(a, b, (-1, -2))


def inner(a: Array, b: Array) -> Tensor:
    """Sum of products over the last axis of both; with a number, the plain product.

    >>> inner([[1, 2], [3, 4]], [1, 1])
    array([3, 7])
    """
    a, b = shaped(a), shaped(b)
    return tensordot(a, b, (-1, -1)) if a.ndim and b.ndim else ops.multiply(a, b)


def outer(a: Array, b: Array) -> Tensor:
    """The matrix of all products: row i has element i of a, column j element j of b.

    >>> outer([1, 2], [3, 4]).tolist()
    [[3, 4], [6, 8]]
    """
    return ops.multiply(ops.reshape(a, (-1, 1)), ops.reshape(b, (-1,)))


def tensordot(a: Array, b: Array, axes: Any = 2) -> Tensor:
    """Sum of products over axes of a and b: a pair of axes, or a pair of lists of them.

    A number n stands for the last n axes of a and the first n of b.

    >>> tensordot(np.ones((2, 3, 4)), np.ones((4, 3)), axes=([1, 2], [1, 0]))
    array([12., 12.])
    """
    a, b = shaped(a), shaped(b)
    if isinstance(axes, int | np.integer):
        axes = range(a.ndim - axes, a.ndim), range(axes)
    with_a, with_b = (normalize_axis_tuple(n, x.ndim) for n, x in zip(axes, (a, b), strict=True))
    if [a.shape[i] for i in with_a] != [b.shape[i] for i in with_b]:
        raise ValueError(f"tensordot: {a.shape}, {b.shape}: axes {with_a} and {with_b} differ")
    of_a = list(range(a.ndim))
    of_b = [with_a[with_b.index(i)] if i in with_b else a.ndim + i for i in range(b.ndim)]
    return _contracted([of_a, of_b], [a, b], [i for i in of_a + of_b if i not in with_a])


def einsum(subscripts: str, *operands: Array) -> Tensor:
    """Einstein's sum: letters name the axes; multiply, and sum over letters not in the output.

    "ij,jk->ik" is the matrix product, "ii->i" a diagonal, "ij->j" a sum over rows; "..." stands for
    any number of axes, which broadcast. Without "->" the output has the letters that occur once, in
    alphabetical order. Two operands at a time are multiplied, the smallest product first.

    >>> einsum("ij,j->i", [[1, 2], [3, 4]], [1, 1])
    array([3, 7])
    """
    if not isinstance(subscripts, str):
        raise TypeError('einsum: expected letters for the axes first, as in "ij,jk->ik"')
    arrays = [shaped(x) for x in operands]
    try:
        terms, output = _labels(subscripts, [x.ndim for x in arrays])
        return _contracted(terms, arrays, output)
    except ValueError as error:
        given = ", ".join(str(x.shape) for x in arrays)
        raise ValueError(f'einsum: "{subscripts}" of {given}: {error}') from None


def _labels(subscripts: str, dimensions: list[int]) -> tuple[list[Labels], Labels]:
    """Return the labels of all axes; those of "..." are numbers, -1 for the last, and so align."""

    def labels(term: str, n: int) -> Labels:
        before, dots, after = term.partition("...")
        letters, n = before + after, n - len(before + after)
        if not (letters.isalpha() or not letters) or n < 0 or (n and not dots):
            raise ValueError(f'"{term}" does not fit {n + len(letters)} axes')
        return [*before, *range(-n, 0), *after]

    given, arrow, output = subscripts.replace(" ", "").partition("->")
    parts = given.split(",")
    if len(parts) != len(dimensions):
        raise ValueError(f"expected {len(parts)} operands")
    terms = [labels(part, n) for part, n in zip(parts, dimensions, strict=True)]
    if not arrow:
        output = "..." + "".join(x for x in sorted({*given} - {*".,"}) if given.count(x) == 1)
    dotted = max(sum(isinstance(label, int) for label in term) for term in terms)
    kept = labels(output, len(output.replace("...", "")) + dotted)
    if len({*kept}) < len(kept) or not {*kept} <= {label for term in terms for label in term}:
        raise ValueError(f'the output "{output}" has a letter twice, or one that no operand has')
    return terms, kept


def _contracted(terms: list[Labels], arrays: list[Any], output: Labels) -> Any:
    """Multiply arrays, aligned by the labels of their axes, and sum over labels not in output."""
    sizes: dict[Any, int] = {}
    for term, x in zip(terms, arrays, strict=True):
        for label, n in zip(term, x.shape, strict=True):
            if sizes.setdefault(label, n) == 1:
                sizes[label] = n
            elif n not in (1, sizes[label]):
                raise ValueError(f"one axis has the sizes {sizes[label]} and {n}")
    factors: list[tuple[Labels, Any]] = []
    for term, x in map(_diagonals, terms, arrays):
        # An axis of size 1 that broadcasts is left out: a product with the others broadcasts it.
        full = [i for i, label in enumerate(term) if x.shape[i] == sizes[label]]
        shape = tuple(x.shape[i] for i in full)
        factors.append(([term[i] for i in full], arranged(x, range(x.ndim), shape)))

    def kept(*chosen: int) -> set[Any]:
        """The labels of the chosen factors that other factors or the output have too."""
        others = (term for k, (term, _) in enumerate(factors) if k not in chosen)
        return {*output}.union(*others) & {label for k in chosen for label in factors[k][0]}

    for k, (term, x) in enumerate(factors):
        alone = tuple(i for i, label in enumerate(term) if label not in kept(k))
        if alone:
            factors[k] = [label for label in term if label in kept(k)], ops.sum(x, axis=alone)
    while len(factors) > 1:
        pairs = combinations(range(len(factors)), 2)
        i, j = min(pairs, key=lambda pair: math.prod(sizes[label] for label in kept(*pair)))
        factors.append(_product(factors[i], factors[j], kept(i, j)))
        del factors[j], factors[i]
    [(term, x)] = factors
    order = [term.index(label) for label in output]
    return arranged(x, order, tuple(x.shape[i] for i in order))


def _diagonals(term: Labels, x: Any) -> tuple[Labels, Any]:
    """Replace axes with the same label by their diagonal."""
    sizes = dict(zip(term, x.shape, strict=True))
    if len(sizes) == len(term):
        return term, x
    if x.shape != tuple(sizes[label] for label in term):
        raise ValueError(f"a letter stands for axes of two sizes in {x.shape}")
    places = dict(zip(sizes, np.ix_(*map(np.arange, sizes.values())), strict=True))
    index = tuple(places[label] for label in term)
    return list(sizes), ops.getitem(x, index=index, unique_indices=True)


def _product(a: tuple[Labels, Any], b: tuple[Labels, Any], kept: set[Any]) -> tuple[Labels, Any]:
    """Multiply a and b as stacks of matrices, summing over labels of both that are not kept."""
    (of_a, x), (of_b, y) = a, b
    n = dict(zip(of_a + of_b, x.shape + y.shape, strict=True))
    stacked = [label for label in of_a if label in of_b and label in kept]
    summed = [label for label in of_a if label in of_b and label not in kept]
    rows = [label for label in of_a if label not in of_b]
    columns = [label for label in of_b if label not in of_a]

    def matrices(x: Any, term: Labels, rows: Labels, columns: Labels) -> Any:
        order = [term.index(label) for label in stacked + rows + columns]
        height, width = (math.prod(n[label] for label in labels) for labels in (rows, columns))
        return arranged(x, order, (*(n[label] for label in stacked), height, width))

    x, y = matrices(x, of_a, rows, summed), matrices(y, of_b, summed, columns)
    z = matmul(x, y) if summed else ops.multiply(x, y)
    labels = stacked + rows + columns
    return labels, arranged(z, range(z.ndim), tuple(n[label] for label in labels))


def arranged(x: Any, order: Iterable[int], shape: tuple[int, ...]) -> Any:
    """Transpose and reshape x, unless that changes nothing."""
    order = tuple(order)
    x = x if order == tuple(range(x.ndim)) else ops.transpose(x, order)
    return x if x.shape == shape else ops.reshape(x, shape)


def solve(a: Array, b: Array) -> Tensor:
    """The y with a @ y = b: a is (..., n, n), and b is (n,) or (..., n, m), as in NumPy.

    Derivative by b: the gradient is the solution of the transposed system for g. Derivative by a:
    the gradient is minus that of b, times y transposed.

    >>> solve([[2.0, 0.0], [0.0, 4.0]], [1.0, 1.0])
    array([0.5 , 0.25])
    """
    b = shaped(b)
    if b.ndim != 1:
        return ops._solve(a, b)
    return ops.squeeze(ops._solve(a, ops.expand_dims(b, -1)), -1)


def slogdet(a: Array) -> Any:
    """Sign of det a (a constant) and log |det a|, which does not overflow; a is (..., n, n).

    Derivative: the gradient of log |det a| is the inverse of a, transposed.

    >>> round(float(slogdet([[2.0, 0.0], [0.0, -3.0]]).logabsdet), 6)  # log 6
    1.791759
    """
    a = shaped(a)
    return _SignAndLog(np.linalg.slogdet(data_of(a))[0], ops._logabsdet(a))


teach(globals())
