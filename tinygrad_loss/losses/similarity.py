"""Losses for embeddings: similar samples near each other, others apart.

An *embedding* is the vector that a model computes from a sample; the distance between two says how
similar they are. Embeddings have shape (N, D), or (D,) for a single one, the same shape for all in
a call; there is one loss per row. The choice of the pairs matters more than the formula: most
random negative pairs are far apart already and teach nothing.

Distances are exact, and their gradient is 0 where two embeddings are equal. (No direction is better
than another there, and the textbook composition, with the derivative of a root at 0, has a NaN
gradient even for a *positive* pair.) Lengths may be as large and as small as numbers of the dtype;
squares of distances, in ``contrastive`` for same pairs and in ``triplet(squared=True)``, are
infinite from its square root on (256 in float16). Labels that require grad are refused.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..engine.arrays import as_flag, brought, constant, data_of
from ..engine.functions import norm
from ..engine.ops import concatenate, logsumexp, minimum, relu, sqrt, square, sum as sum_, where
from ..engine.tensor import Tensor
from . import checks
from .checks import Names, error, number, picked, running, what
from .loss import Reduction, loss


def embeddings(names: Names, *inputs: Any) -> list[Any]:
    """Embeddings as floating data of one shape, (N, D) or (D,), and one dtype."""
    arrays = checks.logits(names, *inputs)
    shapes = [x.shape for x in arrays]
    if len(set(shapes)) > 1 or len(shapes[0]) not in (1, 2) or shapes[0][-1] == 0:
        given = ", ".join(f"{name} {shape}" for name, shape in zip(names, shapes, strict=True))
        expected = "equal shapes (N, D) or (D,), D > 0. Nothing is broadcast: repeat rows."
        raise error(f"the shapes are {given}; expected {expected}")
    dtype = np.result_type(*[x.dtype for x in arrays])
    return [checks.converted(x, dtype) for x in arrays]


def labeled_pairs(
    allowed: tuple[int, int], advice: str, names: Names, a: Any, b: Any, labels: Any
) -> tuple[Any, Any, Any]:
    """Pairs of embeddings, with one of the two allowed labels for each pair."""
    a, b = embeddings(names[:2], a, b)
    rows, name = a.shape[:-1], names[2]
    labels = checks.as_data(name, constant(running.get(), name, labels))
    if labels.shape != rows:
        fix = f" Use {name}.reshape(-1)." if len(rows) == 1 and labels.size == rows[0] else ""
        given = f"{name} has shape {labels.shape} but the embeddings have shape {a.shape}"
        raise error(f"{given}; expected {rows}, one label for each row.{fix}")
    checks.require_labels(name, labels, allowed, advice)
    return a, b, labels


@loss(partial(labeled_pairs, (0, 1), "1 (True) is for pairs of a kind, 0 (False) for others."))
def contrastive(
    a: Any, b: Any, same: Any, *, margin: float = 1.0,
    sample_weight: Any = None, reduction: Reduction = "mean",
) -> Tensor:  # fmt: skip
    """Contrastive loss: pull pairs of the same kind together, push others beyond the margin.

    Formula, with D = |a - b|: D^2/2 if same is 1; relu(margin - D)^2/2 if it is 0.
    Gradient with respect to a: (a - b) for same pairs, -(margin - D) (a - b)/D for others within
    the margin; with respect to b, minus that.

    Parameters: ``a`` and ``b`` (N, D) or (D,); ``same`` (N,) or (), 1 (True) or 0 (in the paper,
    Y = 0 means similar); ``margin`` > 0, in units of distance.

    When: it is known which pairs are similar (signatures, duplicates). When not: only an order is
    known, "nearer to this than to that" (``triplet``), which also lets classes keep their spread.
    Source: Hadsell et al. 2006, "Dimensionality Reduction by Learning an Invariant Mapping".

    >>> a = Tensor([[3.0, 4.0], [0.3, 0.4]], requires_grad=True)
    >>> b = [[0.0, 0.0], [0.0, 0.0]]  # distances 5 and 0.5
    >>> loss = contrastive(a, b, [1, 0], margin=1.0, reduction="none")
    >>> loss.sum().backward()
    >>> print(loss.data, [5.0**2 / 2, max(0.0, 1.0 - 0.5) ** 2 / 2], *a.grad)
    [12.5    0.125] [12.5, 0.125] [3. 4.] [-0.3 -0.4]
    """
    margin = number("margin", margin, closed=False)
    half = (a - b) / 2  # D^2/2 is computed as 2 (D/2)^2, which leaves the range when it does
    with np.errstate(over="ignore"):  # in pairs that are to be pushed, which do not need it
        pull = sum_(square(half), axis=-1)
    push = square(relu(margin / 2 - norm(half, axis=-1)))
    return where(same == 1, pull, push) * 2


@loss(embeddings)
def triplet(
    anchor: Any, positive: Any, negative: Any, *,
    margin: float = 1.0, squared: bool = False, swap: bool = False,
    sample_weight: Any = None, reduction: Reduction = "mean",
) -> Tensor:  # fmt: skip
    """Triplet loss: the anchor has to be nearer to the positive than to the negative, by a margin.

    Formula: relu(d(a, p) - d(a, n) + margin), d being the Euclidean distance, exact. (PyTorch adds
    1e-6 to each difference, optax adds it inside the root.)
    Gradient where the loss is > 0: with respect to p, (p - a)/d(a, p); to n, -(n - a)/d(a, n); to
    a, minus the sum of both.

    Parameters: ``anchor``, ``positive``, ``negative`` (N, D) or (D,); ``margin`` > 0, in the units
    of d; with ``squared``, d is the squared distance, as in FaceNet; with ``swap``, the negative's
    distance to the positive is used if that is smaller (Balntas et al. 2016).

    When: there are many classes, or ever new ones (faces, products), and only order counts. When
    not: few classes (``cross_entropy``). Stuck at the margin, all embeddings are one point.
    Source: Weinberger and Saul 2009, JMLR 10; Schroff, Kalenichenko, Philbin 2015, "FaceNet".

    >>> anchor = Tensor([[0.0, 0.0]], requires_grad=True)
    >>> loss = triplet(anchor, [[3.0, 4.0]], [[0.0, 5.5]], margin=1.0)
    >>> loss.backward()
    >>> print(loss.item(), max(0.0, 5.0 - 5.5 + 1.0), anchor.grad)
    0.5 0.5 [[-0.6  0.2]]
    """
    margin = number("margin", margin, closed=False)
    squared, swap = as_flag(what("squared"), squared), as_flag(what("swap"), swap)

    def distance(u: Any, v: Any) -> Tensor:
        return sum_(square(u - v), axis=-1) if squared else norm(u - v, axis=-1)

    to_negative = distance(anchor, negative)
    if swap:
        to_negative = minimum(to_negative, distance(positive, negative))
    return relu(distance(anchor, positive) - to_negative + margin)


@loss(partial(labeled_pairs, (-1, 1), "Convert with 2*y - 1 if they are 0 and 1."))
def cosine_embedding(
    a: Any, b: Any, label: Any, *, margin: float = 0.0,
    sample_weight: Any = None, reduction: Reduction = "mean",
) -> Tensor:  # fmt: skip
    """Cosine embedding loss: similar pairs get similar directions, whatever their lengths.

    Formula, with cos = a b / (|a| |b|): 1 - cos if label is 1; relu(cos - margin) if it is -1.
    Gradient of cos with respect to a: (b/|b| - cos a/|a|) / |a|, at right angles to a. A zero
    vector has no direction: its cosine counts as 0, and its gradient is 0.

    Parameters: ``a`` and ``b`` (N, D) or (D,); ``label`` (N,) or (), 1 or -1; ``margin`` in
    [-1, 1]: how similar pairs with label -1 may remain.

    When: lengths mean nothing, as those of texts. When not: magnitudes matter (``contrastive``).
    Source: PyTorch's CosineEmbeddingLoss, which has the same values; for cosine similarity, Salton,
    Wong, Yang 1975, "A Vector Space Model for Automatic Indexing".

    >>> a = Tensor([[3.0, 4.0], [3.0, 4.0]], requires_grad=True)
    >>> b = [[1.0, 0.0], [0.0, 2.0]]  # cosines 0.6 and 0.8
    >>> loss = cosine_embedding(a, b, [1, -1], reduction="none")
    >>> loss.sum().backward()
    >>> print(loss.data.round(12), [1 - 3.0 / (5.0 * 1.0), 8.0 / (5.0 * 2.0)], *a.grad.round(4))
    [0.4 0.8] [0.4, 0.8] [-0.128  0.096] [-0.096  0.072]
    """
    margin = number("margin", margin, -1, 1, closed_above=True)
    cosine = sum_(_unit(a) * _unit(b), axis=-1)
    largest = np.maximum(data_of(cosine), 1)  # by rounding it may be more than 1
    return where(label == 1, largest - cosine, relu(cosine - margin))


@loss(embeddings)
def nt_xent(
    a: Any, b: Any, *, temperature: float = 0.5,
    sample_weight: Any = None, reduction: Reduction = "mean",
) -> Tensor:  # fmt: skip
    """Normalized temperature-scaled cross-entropy: find the partner of each row among 2N - 1.

    Formula: the 2N rows of a and b are the embeddings of N samples, each in two views. For row i
    with partner j: -log(exp(cos_ij / T) / sum_{k != i} exp(cos_ik / T)), cos being the cosine.
    Computed as cross-entropy of the cosines / T with -inf on the diagonal: no row is its own rival.
    Gradient with respect to cos_ik: (p_ik - 1[k = j]) / T, p being the softmax over k.

    Parameters: ``a`` and ``b`` (N, D) with N >= 2; ``temperature`` T > 0: the smaller, the more the
    nearest rivals count. "none" returns the 2N losses, those of a first.

    When: there are no labels, but changes that keep what a sample is (crops, noise). When not: for
    small batches, which have few negatives. Stuck at ln(2N - 1), all embeddings are the same.
    Source: Chen, Kornblith, Norouzi, Hinton 2020, "A Simple Framework for Contrastive Learning of
    Visual Representations" (SimCLR), eq. 1.

    >>> a = Tensor([[1.0, 0.0], [0.0, 1.0]], requires_grad=True)
    >>> loss = nt_xent(a, [[2.0, 0.0], [0.0, 3.0]], temperature=1.0)  # partners 1, rivals 0
    >>> round(loss.item(), 8), round(float(-np.log(np.e / (np.e + 1 + 1))), 8)
    (0.55144471, 0.55144471)
    """
    temperature = number("temperature", temperature, closed=False)
    if a.ndim != 2 or a.shape[0] < 2:
        raise error(f"a and b have shape {a.shape}; expected (N, D) with N >= 2 pairs of views.")
    n = a.shape[0]
    units = _unit(concatenate([a, b]))
    similarity = units @ units.mT / temperature
    own, partner = np.eye(2 * n, dtype=bool), np.roll(np.arange(2 * n), n)
    similarity = where(brought(own, a), -np.inf, similarity)
    return logsumexp(similarity) - picked(similarity, partner)


def _unit(x: Any) -> Any:
    """Each row with length 1, whatever it was; a row of zeros stays 0, and its gradient is 0."""
    largest = np.abs(data_of(x)).max(axis=-1, keepdims=True)
    zero = largest == 0
    # Squares might leave the range without the first division; infinity lets no gradient through.
    x = x / np.where(zero, np.inf, largest)
    return x / sqrt(sum_(square(x), axis=-1, keepdims=True) + zero)
