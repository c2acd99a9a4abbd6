"""What all losses share: checks whose errors teach, and the reduction of many losses to one.

Shapes, dtypes and options are known to Python and checked with an ordinary ``if``. Checks on
*values*, such as "are all labels in range?", have to read the data, and every one of them goes
through ``require``. The first argument of each check is the name of the loss, with which its
errors begin.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Literal

import numpy as np

from ..methods import as_array, data_of
from ..ops import getitem, mean, where
from ..ops import sum as sum_
from ..tensor import Array, Tensor

Reduction = Literal["mean", "sum", "none"]

# Whoever traces a computation, in order to repeat it, is told of what is no NumPy call on arrays:
# the checks that read values, ``.require(check, arrays, message)``, and the draws of random
# numbers, ``.random(rng, shape)``.
tracer: ContextVar[Any] = ContextVar("tracer", default=None)


def require(
    check: Callable[..., Any], *data: Any, message: Callable[..., str], warning: bool = False
) -> None:
    """Raise ValueError unless ``check`` holds for ``data``: the one place where losses read values.

    Parameters
    ----------
    check : called with the arrays of ``data``; truthy if all is well. For predictions it lets NaN
        pass (``not (p < 0).any()`` rather than ``(p >= 0).all()``): NaN shall travel to where it
        is seen.
    data : Tensors or arrays; ``check`` receives their arrays, ``message`` NumPy arrays.
    message : called if the check fails: what was given, is expected, is to do.
    warning : give a UserWarning, at the line that called the loss, instead of the error.

    >>> labels = np.array([0, 3])
    >>> require(lambda y: y.max() < 3, labels, message=lambda y: f"class {y.max()} of 3")
    Traceback (most recent call last):
    ValueError: class 3 of 3
    """
    arrays = [data_of(x) for x in data]
    if (trace := tracer.get()) is not None:
        trace.require(check, arrays, message, warning)
    elif not check(*arrays):
        # Messages format numbers, as only NumPy's arrays do; CuPy's come to the host by get().
        text = message(*[x.get() if hasattr(x, "get") else np.asarray(x) for x in arrays])
        if not warning:
            raise ValueError(text)
        warnings.warn(text, UserWarning, stacklevel=3)


def require_option(function: str, name: str, value: Any, holds: Any, expected: str) -> None:
    """Raise ValueError unless an option of a loss is what it has to be.

    >>> require_option("huber", "delta", -1.0, False, "a number > 0")
    Traceback (most recent call last):
    ValueError: huber: delta is -1.0; expected a number > 0.
    """
    if not holds:
        raise ValueError(f"{function}: {name} is {value!r}; expected {expected}.")


def constant(function: str, name: str, value: Any) -> Any:
    """The value of an option. As a Tensor that requires grad it would lose its gradient silently.

    >>> constant("focal", "gamma", Tensor(2.0, requires_grad=True))
    Traceback (most recent call last):
    TypeError: focal: gamma requires grad, but is a constant of the loss. Pass its .data.
    """
    if isinstance(value, Tensor) and value.requires_grad:
        raise TypeError(
            f"{function}: {name} requires grad, but is a constant of the loss. Pass its .data."
        )
    return data_of(value)


def number(function: str, name: str, value: Any, holds: Any, expected: str) -> float:
    """An option, checked, as a Python number: one of NumPy's would turn float32 into float64.

    >>> number("huber", "delta", np.float64(0.5), True, "a number > 0")
    0.5
    """
    require_option(function, name, value, holds, expected)
    return float(constant(function, name, value))


def clipping(function: str, eps: Any, p: Any) -> float:
    """The option eps; where the dtype of p has no number so small, the smallest normal one it has.

    >>> clipping("binary_cross_entropy", 1e-12, np.ones(2, np.float16))
    6.103515625e-05
    """
    smallest = float(np.finfo(p.dtype).smallest_normal)
    return max(number(function, "eps", eps, 0 < eps < 1, "0 < eps < 1"), smallest)


# --- dtypes and shapes ----------------------------------------------------------------------------


def as_data(x: Any) -> Any:
    """Tensors and arrays as they are, lists and numbers as arrays."""
    return x if isinstance(x, (Tensor, np.ndarray)) else as_array(x, None, copy=False)


def floating(x: Any) -> Any:
    """Predictions: floating numbers as they are, integers and booleans as float64."""
    x = as_data(x)
    if x.dtype.kind == "f":
        return x
    return x.astype(np.float64) if x.dtype.kind in "biu" else as_array(x, None, copy=False)


def converted(x: Any, dtype: Any) -> Any:
    """Targets in the dtype of the predictions *before* any arithmetic: 2*y - 1 on uint8 is 255."""
    x = as_data(x)
    return x if x.dtype == dtype else x.astype(dtype)


def matched(
    function: str, pred: Any, target: Any, names: tuple[str, str] = ("pred", "target")
) -> tuple[Any, Any]:
    """Predictions and targets in one shape and dtype: no broadcasting between them, ever.

    With pred (N, 1) and target (N,), NumPy would compare every prediction with every target, and
    training would end, silently, at the mean of the targets.
    """
    pred = floating(pred)
    target = converted(target, pred.dtype)
    if pred.shape != target.shape:
        raise ValueError(
            f"{function}: {names[0]} has shape {pred.shape} but {names[1]} has shape "
            f"{target.shape}; they must be equal. "
            f"{_how_to_match(pred.shape, target.shape, names[1])}"
        )
    return pred, target


def _how_to_match(shape: tuple[int, ...], other: tuple[int, ...], name: str) -> str:
    if math.prod(shape) != math.prod(other) or shape == ():
        return "They are never broadcast: each prediction has a target of its own."
    return f"Reshape one, e.g. {name}.reshape({', '.join(['-1', *map(str, shape[1:])])})."


# --- classes --------------------------------------------------------------------------------------


def class_scores(function: str, scores: Any, name: str, binary: str) -> Any:
    """Scores (N, C) or (C,) of at least two classes; ``binary`` is the loss for one column."""
    scores = floating(scores)
    if scores.ndim not in (1, 2):
        raise ValueError(
            f"{function}: {name} has shape {scores.shape}; expected (N, C), a row per sample and a "
            f"column per class, or (C,) for one sample. Reshape it, e.g. {name}.reshape(-1, C)."
        )
    if scores.shape[-1] < 2:
        raise ValueError(
            f"{function}: {name} has shape {scores.shape}, one column; expected a column for each "
            f"of two or more classes. For one column per sample use {binary}."
        )
    return scores


def class_indices(
    function: str,
    scores: Any,
    target: Any,
    *,
    or_probabilities: bool = False,
    ignore_index: int | None = None,
) -> Array:
    """Integer class indices, one for each row of ``scores``, in range or ``ignore_index``."""
    target = data_of(as_data(target))
    if target.dtype.kind not in "iu":
        instead = f", or float probabilities of shape {scores.shape}" if or_probabilities else ""
        raise ValueError(
            f"{function}: target has dtype {target.dtype} and shape {target.shape}; expected "
            f"integer class indices of shape {scores.shape[:-1]}{instead}. For indices use "
            "target.astype(int)."
        )
    if target.shape != scores.shape[:-1]:
        raise ValueError(
            f"{function}: target has shape {target.shape} and integer dtype; expected class "
            f"indices of shape {scores.shape[:-1]}, one for each row of {scores.shape}. "
            f"{_how_to_index(scores.shape, target.shape, or_probabilities)}"
        )
    n_classes = scores.shape[-1]

    def in_range(y: Array) -> Any:
        if ignore_index is not None:
            y = np.where(y == ignore_index, 0, y)
        if not isinstance(y, np.ndarray) or y.size == 0:
            return ((y >= 0) & (y < n_classes)).all()
        # The same in a quarter of the time.
        return y.item(y.argmin()) >= 0 and y.item(y.argmax()) < n_classes

    def out_of_range(y: Array) -> str:
        if ignore_index is not None:
            y = y[y != ignore_index]
        if y.min() < 0:
            return (
                f"{function}: class index {int(y.min())} is negative; expected 0 to "
                f"{n_classes - 1}. (NumPy would silently read a class from the end.) To leave "
                "samples out, drop their "
                "rows" + (", or pass ignore_index." if function == "cross_entropy" else ".")
            )
        return (
            f"{function}: class index {int(y.max())} is out of range for {n_classes} classes; "
            f"expected 0 to {n_classes - 1}. Labels that start at 1? subtract 1: target - 1."
        )

    require(in_range, target, message=out_of_range)
    return target


def _how_to_index(scores: tuple[int, ...], target: tuple[int, ...], or_probabilities: bool) -> str:
    if target == scores:
        return "One-hot rows? Use target.argmax(axis=-1)" + (
            ", or target.astype(float) as probabilities." if or_probabilities else "."
        )
    if math.prod(target) == math.prod(scores[:-1]):
        return "Flatten it: use target.reshape(-1)." if len(scores) == 2 else "Use target[0]."
    return "Do logits and target come from the same batch?"


def picked(scores: Any, target: Array) -> Any:
    """The score of the class ``target`` in each row."""
    if scores.ndim == 1:
        return scores[target]
    if hasattr(data_of(scores), "vindex"):  # a Dask array, which cannot be indexed with two arrays
        return sum_(where(is_class(scores, target), scores, 0), axis=-1)
    return getitem(scores, (np.arange(scores.shape[0]), target), True)  # in each row once


def is_class(scores: Any, target: Array) -> Array:
    """A mask of the shape of ``scores``, True at the class ``target`` of each row."""
    return np.arange(scores.shape[-1]) == target[..., np.newaxis]


def weight_of(target: Array, weight: Array) -> Array:
    """``weight[target]``, which NumPy arrays refuse if target is an array of another library."""
    return np.where(is_class(weight, target), weight, 0).sum(axis=-1)


def class_weights(function: str, name: str, weight: Any, scores: Any) -> Array:
    """One weight >= 0 for each class, in the dtype of the scores."""
    weight = converted(constant(function, name, weight), scores.dtype)
    if weight.shape != scores.shape[-1:]:
        raise ValueError(
            f"{function}: {name} has shape {weight.shape}; expected {scores.shape[-1:]}, one "
            "weight for each class."
        )
    require(
        lambda w: (w >= 0).all(),
        weight,
        message=lambda w: f"{function}: {name} holds {w.min():g}; expected weights >= 0.",
    )
    return weight


# --- probabilities and labels ---------------------------------------------------------------------


def tolerance(p: Any) -> float:
    """How far rounding may take probabilities: 1e-6, or half the digits of a dtype with fewer."""
    return max(1e-6, float(np.finfo(p.dtype).eps) ** 0.5) if p.dtype.kind == "f" else 1e-6


def are_distributions(p: Array) -> Any:
    """Whether every row is >= 0 and sums to 1."""
    return (p >= 0).all() and (abs(p.sum(axis=-1) - 1) <= tolerance(p)).all()


def require_distributions(function: str, name: str, p: Any, advice: str) -> None:
    """Rows of probabilities: none negative, each row with sum 1. Rows with NaN pass."""

    def wrong(p: Array) -> str:
        if (p < 0).any():
            what = f"{name} holds a negative probability, {p.min():.6g}"
        else:
            sums = p.sum(axis=-1).ravel()
            what = f"a row of {name} sums to {sums[abs(sums - 1).argmax()]:.6g}"
        return f"{function}: {what}; expected rows of probabilities >= 0 that sum to 1. {advice}"

    require(lambda p: are_distributions(p) or np.isnan(p).any(), p, message=wrong)


def require_unit_interval(function: str, name: str, p: Any, advice: str) -> None:
    """Values in [0, 1]; NaN passes."""
    require(
        lambda p: p.size == 0 or not (p.min() < 0 or p.max() > 1),
        p,
        message=lambda p: (
            f"{function}: {name} holds values from {p.min():.6g} to {p.max():.6g}; expected "
            f"values in [0, 1]. {advice}"
        ),
    )


def require_labels(
    function: str, name: str, labels: Any, allowed: tuple[int, int], advice: str
) -> None:
    """Labels that all have one of two values. They are never converted or guessed.

    A batch of one class, all 1, could not show whether its labels are 0 and 1 or -1 and +1.
    """
    low, high = allowed
    if labels.dtype.kind == "b" and low != 0:
        raise ValueError(f"{function}: {name} are booleans; expected {low} and +{high}. {advice}")
    require(
        lambda y: ((y == low) | (y == high)).all(),
        labels,
        message=lambda y: (
            f"{function}: {name} holds {y[(y != low) & (y != high)].flat[0]:g}; expected only "
            f"{low} and {high:+d}. {advice}"
        ),
    )


# --- randomness and reduction ---------------------------------------------------------------------


def uniform(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Uniform random numbers in [0, 1): the one place where a loss or regularizer draws any."""
    if not hasattr(rng, "random"):
        raise TypeError(f"rng is {rng!r}; expected a generator, e.g. np.random.default_rng(0).")
    trace = tracer.get()
    return rng.random(shape) if trace is None else trace.random(rng, shape)


def reduce(function: str, losses: Any, reduction: str, weights: Any = None) -> Any:
    """Losses of elements or samples as one number ("mean", "sum"), or as they are ("none").

    ``weights``, if given, are in ``losses`` already; the mean divides by their sum.
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
            f"{function}: the mean is undefined for 0 samples; use reduction='sum' or skip the "
            "batch. (The sum is 0.)"
        )
    if weights is None:
        return mean(losses)
    require(
        lambda w: w.sum() > 0,
        weights,
        message=lambda w: (
            f"{function}: every target is ignored (equal to ignore_index, or of a class with "
            "weight 0); expected at least one that counts. Use reduction='sum', which is 0, or "
            "skip the batch."
        ),
    )
    return sum_(losses) / weights.sum()
