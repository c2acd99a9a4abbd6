"""What all losses share: checks whose errors teach, and the reduction of many losses to one.

Shapes, dtypes and options are known to Python and checked with an ordinary ``if``. Checks on *values*, such as
"are all labels in range?", have to read the data, and all of them go through ``require``.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from ..ops import mean, where
from ..ops import sum as sum_
from ..tensor import Array, Tensor, as_array, data_of

Reduction = Literal["mean", "sum", "none"]


def require(
    check: Callable[..., Any], *data: Any, message: Callable[..., str], warning: bool = False
) -> None:
    """Raise ValueError unless ``check`` holds for the values of ``data``; the one place where losses read values.

    Args:
        check: called with the arrays; its answer is truthy if all is well. It shall let NaN pass in
            predictions (``not (p < 0).any()`` rather than ``(p >= 0).all()``): NaN travels to where it is seen.
        data: Tensors or arrays. ``check`` and ``message`` receive plain arrays.
        message: called with the same arrays if the check fails; says what was given, expected and to do.
        warning: give a UserWarning, to the caller of the loss, instead of the error.
    """
    arrays = [data_of(x) for x in data]
    if not check(*arrays):
        if not warning:
            raise ValueError(message(*arrays))
        warnings.warn(message(*arrays), UserWarning, stacklevel=4)


def require_option(function: str, name: str, value: Any, holds: bool, expected: str) -> None:
    """Raise ValueError unless an option of a loss is what it has to be.

    >>> require_option("huber", "delta", -1.0, holds=False, expected="a number > 0")
    Traceback (most recent call last):
    ValueError: huber: delta is -1.0; expected a number > 0.
    """
    if not holds:
        raise ValueError(f"{function}: {name} is {value!r}; expected {expected}.")


def floating(x: Any) -> Any:
    """Predictions as they are if they are floating numbers; lists, integers and booleans as float64."""
    if not isinstance(x, Tensor | np.ndarray):
        x = as_array(x, None, copy=False)
    if x.dtype.kind == "f":
        return x
    return x.astype(np.float64) if x.dtype.kind in "biu" else as_array(x, None, copy=False)


def converted(x: Any, dtype: Any) -> Any:
    """Targets in the dtype of the predictions, *before* any arithmetic: 2*y - 1 on uint8 labels would be 255."""
    if not isinstance(x, Tensor | np.ndarray):
        x = as_array(x, None, copy=False)
    return x if x.dtype == dtype else x.astype(dtype)


def matched(
    function: str, pred: Any, target: Any, names: tuple[str, str] = ("pred", "target")
) -> tuple[Any, Any]:
    """Predictions and targets in one shape and dtype: no broadcasting between them, ever.

    With pred (N, 1) and target (N,), NumPy would subtract every target from every prediction, and training
    would end, silently, at the mean of the targets.
    """
    pred = floating(pred)
    target = converted(target, pred.dtype)
    if pred.shape != target.shape:
        raise ValueError(
            f"{function}: {names[0]} has shape {pred.shape} but {names[1]} has shape {target.shape}; they must be "
            f"equal. {_how_to_match(pred.shape, target.shape, names[1])}"
        )
    return pred, target


def _how_to_match(shape: tuple[int, ...], other: tuple[int, ...], name: str) -> str:
    if math.prod(shape) != math.prod(other) or shape == ():
        return "They are never broadcast: each prediction has one target of its own."
    return f"Reshape one, e.g. {name}.reshape({', '.join(['-1', *map(str, shape[1:])])})."


# --- classes ----------------------------------------------------------------------------------------------


def class_scores(function: str, scores: Any, name: str = "logits", binary: str = "") -> Any:
    """Scores of shape (N, C) or (C,) with at least two classes; ``binary`` names the loss for one column."""
    scores = floating(scores)
    if scores.ndim not in (1, 2):
        raise ValueError(
            f"{function}: {name} has shape {scores.shape}; expected (N, C), one row per sample and one column "
            f"per class, or (C,) for one sample. Reshape it, e.g. {name}.reshape(-1, C)."
        )
    if scores.shape[-1] < 2:
        raise ValueError(
            f"{function}: {name} has shape {scores.shape}, one class; expected a column for each of at least two. "
            f"With one score per sample use {binary}."
        )
    return scores


def is_indices(target: Any) -> bool:
    """Whether targets are class indices: integers, rather than probabilities."""
    return bool(target.dtype.kind in "iu")


def class_indices(
    function: str, scores: Any, target: Any, ignore_index: int | None = None
) -> Array:
    """Integer class indices, one for each row of ``scores``, all in range or equal to ``ignore_index``."""
    target = data_of(target)
    if not hasattr(target, "dtype"):
        target = as_array(target, None, copy=False)
    if not is_indices(target):
        raise ValueError(
            f"{function}: target has dtype {target.dtype} and shape {target.shape}; expected integer class indices of "
            f"shape {scores.shape[:-1]}. Convert them, e.g. target.astype(int)."
        )
    if target.shape != scores.shape[:-1]:
        raise ValueError(
            f"{function}: class indices have shape {target.shape} but the scores have shape {scores.shape}; "
            f"expected {scores.shape[:-1]}, one index per row. {_how_to_index(scores.shape, target.shape)}"
        )
    n_classes = scores.shape[-1]

    def in_range(y: Array) -> Any:
        if ignore_index is not None:
            y = np.where(y == ignore_index, 0, y)
        return y.size == 0 or (y.min() >= 0 and y.max() < n_classes)

    def out_of_range(y: Array) -> str:
        y = y if ignore_index is None else y[y != ignore_index]
        if y.min() < 0:
            return (
                f"{function}: class index {int(y.min())} is negative; expected 0 to {n_classes - 1}. (NumPy would "
                "silently read a class from the end.) To leave samples out, drop their rows first"
                + (", or pass their label as ignore_index." if function == "cross_entropy" else ".")
            )
        return (
            f"{function}: class index {int(y.max())} is out of range for {n_classes} classes; expected 0 to "
            f"{n_classes - 1}. Labels that start at 1? Subtract 1: target - 1."
        )

    require(in_range, target, message=out_of_range)
    return target


def _how_to_index(scores: tuple[int, ...], target: tuple[int, ...]) -> str:
    if math.prod(target) == math.prod(scores[:-1]):
        return (
            "Flatten them: use target.reshape(-1)."
            if len(scores) == 2
            else "Use target.reshape(())."
        )
    if target == scores:
        return (
            "One-hot rows? Pass target.argmax(axis=-1), or target.astype(float) as probabilities."
        )
    return "Each row of scores needs the index of its class."


def picked(scores: Any, target: Array) -> Any:
    """The score of the class ``target`` in each row."""
    if scores.ndim == 1:
        return scores[target]
    if hasattr(data_of(scores), "vindex"):  # Dask cannot index with two arrays
        return sum_(where(is_class(scores, target), scores, 0), axis=-1)
    return scores[np.arange(scores.shape[0]), target]


def is_class(scores: Any, target: Array) -> Array:
    """A mask of the shape of ``scores``: True at the class ``target`` of each row."""
    return np.arange(scores.shape[-1]) == target[..., np.newaxis]


# --- probabilities and labels -----------------------------------------------------------------------------


def tolerance(p: Any) -> float:
    """How far from 1 a sum of probabilities may be: half of the dtype's digits, 1e-6 in float64."""
    return max(1e-6, float(np.finfo(p.dtype).eps) ** 0.5) if p.dtype.kind == "f" else 1e-6


def require_distributions(function: str, name: str, p: Any, advice: str) -> None:
    """Rows of probabilities: none negative, each row with sum 1."""
    allowed = tolerance(p)

    def wrong(p: Array) -> str:
        if (p < 0).any():
            return f"{function}: {name} has a negative probability, {p.min():.6g}; expected values in [0, 1]. {advice}"
        sums = p.sum(axis=-1)
        worst = sums.ravel()[abs(sums - 1).argmax()]
        return f"{function}: a row of {name} sums to {worst:.6g}; each row must sum to 1. {advice}"

    require(
        lambda p: not ((p < 0).any() or (abs(p.sum(axis=-1) - 1) > allowed).any()), p, message=wrong
    )


def require_unit_interval(function: str, name: str, p: Any, advice: str) -> None:
    """Values in [0, 1]; NaN passes."""
    require(
        lambda p: not ((p < 0) | (p > 1)).any(),
        p,
        message=lambda p: (
            f"{function}: {name} has values from {p.min():.6g} to {p.max():.6g}; expected values in [0, 1]. {advice}"
        ),
    )


def require_signs(function: str, name: str, labels: Any) -> None:
    """Labels that are all -1 or +1. They are never converted: a batch of one class could not be told apart."""
    if labels.dtype.kind == "b":
        raise ValueError(
            f"{function}: {name} are booleans; expected -1 and +1. Convert with 2*y - 1: 2*{name}.astype(int) - 1."
        )
    require(
        lambda y: (abs(y) == 1).all(),
        labels,
        message=lambda y: (
            f"{function}: {name} hold {_some_values(y, abs(y) != 1)}; expected only -1 and +1. Convert labels "
            "0 and 1 with 2*y - 1."
        ),
    )


def _some_values(y: Array, wrong: Array) -> str:
    return ", ".join(f"{value:g}" for value in np.unique(y[wrong])[:3].tolist())


# --- reduction --------------------------------------------------------------------------------------------


def reduce(function: str, losses: Any, reduction: str, weights: Any = None) -> Any:
    """Losses of elements or samples as one number ("mean", "sum"), or as they are ("none").

    ``weights``, if given, have already been multiplied into ``losses``; the mean divides by their sum.
    """
    if reduction == "none":
        return losses
    if reduction == "sum":
        return sum_(losses)
    if reduction != "mean":
        raise ValueError(
            f"{function}: reduction is {reduction!r}; expected 'mean', 'sum' or 'none'."
        )
    if losses.size == 0:
        raise ValueError(
            f"{function}: the mean is undefined for 0 samples (losses of shape {losses.shape}). Use "
            "reduction='sum', which is 0, or skip the batch."
        )
    return mean(losses) if weights is None else sum_(losses) / weights.sum()
