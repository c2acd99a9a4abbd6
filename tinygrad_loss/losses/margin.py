"""Losses for decisions: the score has to be on the right side, by a margin.

    output of the model       target                         loss
    one score, any shape      -1 or +1, of that shape        hinge, squared_hinge
    a score per class (N, C)  class indices, integer (N,)    multiclass_hinge

A *score* is any real number. Its size says how sure the model is, but is not a probability. What
wins by the margin costs nothing.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import numpy as np

from ..engine.ops import max as max_, relu, square, sum as sum_, where
from ..engine.tensor import Tensor
from . import checks
from .checks import Names, matched, number, picked
from .loss import Reduction, loss


def signs(names: Names, scores: Any, labels: Any) -> list[Any]:
    """Scores, and labels that are -1 or +1, in one shape and dtype."""
    labels = checks.as_data(names[1], labels)
    checks.require_labels(names[1], labels, (-1, 1), "Convert with 2*y - 1 if they are 0 and 1.")
    return matched(names, scores, labels)


@loss(signs)
def hinge(
    scores: Any, labels: Any, *, sample_weight: Any = None, reduction: Reduction = "mean"
) -> Tensor:
    """Hinge loss: the loss of the support vector machine.

    Formula: relu(1 - y s), y in {-1, +1}.
    Gradient: -y where y s < 1, else 0; 0 at the kink y s = 1.
    What is right by the margin has none: the solution depends on the others, the support vectors.

    Parameters: ``scores`` and ``labels``, -1 or +1, of one shape. Other labels are an error, never
    converted, since a batch of one class does not show what its labels mean.

    When: a decision is wanted, with a margin; add ``l2`` to make the margin mean something. When
    not: probabilities are wanted (``binary_cross_entropy_with_logits``).
    Source: Cortes and Vapnik 1995, "Support-Vector Networks", Machine Learning 20.

    >>> scores = Tensor([2.0, 0.5, 0.5], requires_grad=True)
    >>> loss = hinge(scores, [1, 1, -1], reduction="none")
    >>> loss.sum().backward()
    >>> print(loss.data, [max(0.0, 1 - 2.0), 1 - 0.5, 1 + 0.5], scores.grad)
    [0.  0.5 1.5] [0.0, 0.5, 1.5] [-0. -1.  1.]
    """
    return relu(1 - labels * scores)


@loss(signs)
def squared_hinge(
    scores: Any, labels: Any, *, sample_weight: Any = None, reduction: Reduction = "mean"
) -> Tensor:
    """Squared hinge loss: the loss of the L2-SVM (scikit-learn's default for LinearSVC).

    Formula: relu(1 - y s)^2, y in {-1, +1}.
    Gradient: -2 y relu(1 - y s), without a jump at y s = 1.

    Parameters: as ``hinge``. When: as ``hinge``, with an optimizer that needs a continuous
    gradient. When not: with wrong labels in the data, whose large errors it squares.
    Source: Lee and Mangasarian 2001, "SSVM: A Smooth Support Vector Machine".

    >>> scores = Tensor([2.0, 0.5, 0.5], requires_grad=True)
    >>> loss = squared_hinge(scores, [1, 1, -1], reduction="none")
    >>> loss.sum().backward()
    >>> print(loss.data, [max(0.0, 1 - 2.0) ** 2, (1 - 0.5) ** 2, (1 + 0.5) ** 2], scores.grad)
    [0.   0.25 2.25] [0.0, 0.25, 2.25] [-0. -1.  3.]
    """
    return square(relu(1 - labels * scores))


@loss(partial(checks.class_scores, "hinge"))
def multiclass_hinge(
    scores: Any, target: Any, *, margin: float = 1.0,
    kind: Literal["crammer_singer", "weston_watkins"] = "crammer_singer",
    sample_weight: Any = None, reduction: Reduction = "mean",
) -> Tensor:  # fmt: skip
    """Multi-class hinge loss: the true class has to win by a margin.

    Formula: kind="crammer_singer": relu(margin + max_{j != y} s_j - s_y), the nearest rival;
    kind="weston_watkins": sum_{j != y} relu(margin + s_j - s_y), every rival. The first is never
    more than the second. Neither is divided by C. (PyTorch's multi_margin_loss is Weston-Watkins /
    C; Keras's CategoricalHinge, relu(1 + max(0, max_{j != y} s_j) - s_y), is neither.)
    Gradient: +1 at each rival that counts, minus the number of those at y; rivals that tie for
    the maximum share the 1 equally.

    Parameters: ``scores`` (N, C) or (C,), C >= 2; ``target`` integer (N,) or (); ``margin`` > 0.

    When: a decision among C classes. When not: probabilities are wanted (``cross_entropy``). Stuck
    at the margin (times C - 1 for "weston_watkins"), all scores are equal: nothing is learned.
    Source: Crammer and Singer 2001, JMLR 2; Weston and Watkins 1999, ESANN. The example is that of
    Stanford's CS231n lecture on loss functions: a cat, a car and a frog, scored as cat, car, frog.

    >>> scores = Tensor([[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]], requires_grad=True)
    >>> multiclass_hinge(scores, [0, 1, 2], reduction="none").data.round(12)
    array([2.9, 0. , 6.6])
    >>> losses = multiclass_hinge(scores, [0, 1, 2], kind="weston_watkins", reduction="none")
    >>> losses.sum().backward()
    >>> print(losses.data.round(12), *scores.grad)
    [ 2.9  0.  12.9] [-1.  1.  0.] [0. 0. 0.] [ 1.  1. -2.]
    """
    margin = number("margin", margin, closed=False)
    checks.one_of("kind", kind, "crammer_singer", "weston_watkins")
    target = checks.class_indices(scores, target)
    own, is_own = picked(scores, target), checks.is_class(scores, target)
    # The margin is added last, as it would be lost in the rounding of a large score.
    with np.errstate(over="ignore"):  # a difference beyond the range is infinite
        if kind == "crammer_singer":
            nearest_rival = max_(where(is_own, -np.inf, scores), axis=-1)
            return relu(margin + (nearest_rival - own))
        violations = relu(margin + (scores - own.reshape((*own.shape, 1))))
    return sum_(where(is_own, 0, violations), axis=-1)
