"""Checks whose errors teach: what was given, what is expected, what to do.

Shapes, dtypes and options are checked with an ordinary ``if``. Checks of *values*, such as "are all
labels in range?", have to read the data, and every one of them goes through ``require``. All errors
are made by ``error``, which puts the name of the loss in front.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any, TypeVar

import numpy as np

from ..engine.arrays import as_array, as_number, brought, constant, data_of, on_host, total
from ..engine.mode import mode
from ..engine.node import Array, Node
from ..engine.ops import getitem, sum as sum_, where

F = TypeVar("F", bound=Callable[..., Any])
Names = tuple[str, ...]  # of the inputs of a loss, as in its signature

running: ContextVar[str] = ContextVar("running", default="loss")  # the name of the loss that runs


def named(function: F) -> F:
    """Decorate a function: its errors begin with its name."""
    name = function.__name__

    @wraps(function)
    def call(*inputs: Any, **options: Any) -> Any:
        token = running.set(name)
        try:
            return function(*inputs, **options)
        finally:
            running.reset(token)

    return call  # type: ignore[return-value]


def error(text: str, kind: type[Exception] = ValueError) -> Exception:
    """An error that begins with the name of the running loss."""
    return kind(f"{running.get()}: {text}")


def require(
    check: Callable[[Any], Any], data: Any, message: Callable[[Any], str], warning: bool = False
) -> None:
    """Raise ValueError unless ``check`` holds for ``data``: the one place where losses read values.

    A check of predictions lets NaN pass (``not (p < 0).any()`` rather than ``(p >= 0).all()``), so
    that NaN travels to where it is seen. If it fails, ``message`` is called with an array of
    NumPy's. A ``warning`` is a UserWarning instead, at the line that called the loss.
    """
    array = data_of(data)
    if (tracer := mode.get().tracer) is not None:
        name = running.get()  # the tracer checks again when the loss is over
        tracer.require(check, [array], lambda x: f"{name}: {message(x)}", warning)
    elif not check(array):
        text = message(on_host(array))  # only the numbers of NumPy's arrays can be formatted
        if not warning:
            raise error(text)
        # The user is three calls up: above the formula, and above what @loss made of it.
        warnings.warn(f"{running.get()}: {text}", UserWarning, stacklevel=4)


def require_each(name: str, data: Any, good: Callable[[Any], Any], expected: str) -> None:
    """Require that each element is good; the error shows the first that is not."""
    require(
        lambda x: good(x).all(),
        data,
        message=lambda x: f"{name} holds {shown(x[~good(x)].flat[0])}; expected {expected}",
    )


def shown(x: Any) -> str:
    """A number in as few digits as tell it from all others."""
    return str(x).removesuffix(".0")


# --- options --------------------------------------------------------------------------------------
def what(name: str) -> str:
    """An input or an option of the running loss, as its errors begin: ``huber: delta``."""
    return f"{running.get()}: {name}"


def number(name: str, value: Any, low: float = 0.0, high: float = math.inf, **ends: bool) -> float:
    """An option that is a number in an interval, by default >= 0: see ``as_number``."""
    if not isinstance(value, float):
        value = constant(running.get(), name, value)
        value = value.item() if getattr(value, "ndim", None) == 0 else value
    return as_number(what(name), value, low, high, **ends)


def one_of(name: str, value: Any, *choices: str) -> None:
    """Raise ValueError unless the value is one of the choices."""
    if not isinstance(value, str) or value not in choices:
        *others, last = map(repr, choices)
        raise error(f"{name} is {value!r}; expected {', '.join(others)} or {last}.")


def clipping(eps: Any, p: Any) -> float:
    """The option eps, or the smallest normal number of the dtype of p if that is larger."""
    smallest = float(np.finfo(p.dtype).smallest_normal)
    return max(number("eps", eps, 0, 1, closed=False), smallest)


def as_weights(name: str, value: Any, x: Any, *, positive: bool = False) -> Array:
    """Constant weights to multiply x, all finite and >= 0, or > 0 if they are to be positive."""
    value, largest = as_data(name, constant(running.get(), name, value)), np.finfo(x.dtype).max
    good = f"{'numbers > 0' if positive else 'weights >= 0'}, and finite in {x.dtype}."
    require_each(name, value, lambda w: (w > 0 if positive else w >= 0) & (w <= largest), good)
    return brought(converted(value, x.dtype), x)


# --- dtypes and shapes ----------------------------------------------------------------------------
def as_data(name: str, x: Any) -> Any:
    """Tensors and arrays of real numbers as they are, lists and numbers as arrays."""
    if isinstance(x, Node) or (type(x) is np.ndarray and x.dtype.kind in "fiub"):
        return x
    return as_array(x, copy=False, what=what(name))


def floating(name: str, x: Any) -> Any:
    """Predictions: floating numbers as they are, integers and booleans as float64."""
    array = x._array if isinstance(x, Node) else x
    if type(array) is np.ndarray and array.dtype.kind == "f":
        return x  # the usual case, for speed
    x = as_data(name, x)
    return x if x.dtype.kind == "f" else x.astype(np.float64)


def converted(x: Any, dtype: Any) -> Any:
    """Targets in the dtype of the predictions *before* any arithmetic: 2*y - 1 on uint8 is 255."""
    return x if x.dtype == dtype else x.astype(dtype)


def at_least_float32(dtype: Any) -> Any:
    """The dtype to add up in: in float16 the sum of 65,520 ones is infinite."""
    return dtype if dtype.itemsize >= 4 else np.dtype(np.float32)


def logits(names: Names, *inputs: Any) -> list[Any]:
    """Inputs that are all predictions, of any shapes: floating numbers."""
    return list(map(floating, names, inputs))


def matched(names: Names, pred: Any, *targets: Any) -> list[Any]:
    """Predictions and targets in one shape and dtype: no broadcasting between them, ever.

    With pred (N, 1) and target (N,), NumPy would compare every prediction with every target, and
    training would silently end at the mean of the targets.
    """
    pred = floating(names[0], pred)
    array = pred._array if isinstance(pred, Node) else pred
    inputs, dtype, shape = [pred], array.dtype, array.shape
    for target in targets:
        array = target._array if isinstance(target, Node) else target
        if type(array) is not np.ndarray or array.dtype != dtype:  # usually not, for speed
            target = converted(as_data(names[len(inputs)], target), dtype)
        if target.shape != shape:
            name = names[len(inputs)]
            advice = "They are never broadcast: each prediction has a target of its own."
            if shape and math.prod(shape) == math.prod(target.shape):
                new = ", ".join(["-1", *map(str, shape[1:])])
                advice = f"Reshape one, e.g. {name}.reshape({new})."
            given = f"{names[0]} has shape {shape} but {name} has shape {target.shape}"
            raise error(f"{given}; they must be equal. {advice}")
        inputs.append(target)
    return inputs


# --- classes --------------------------------------------------------------------------------------
def class_scores(binary: str, names: Names, scores: Any, target: Any) -> tuple[Any, Any]:
    """Scores (N, C) or (C,) of at least two classes; ``binary`` is the loss for one column."""
    name, scores, target = names[0], floating(names[0], scores), as_data(names[1], target)
    shape = scores.shape
    if len(shape) not in (1, 2):
        advice = ""
        if shape:
            order = (0, *range(2, len(shape)), 1)  # the classes last
            advice = (
                f" If the last axis is the classes, use {name}.reshape(-1, {shape[-1]}) and "
                "target.reshape(-1). If axis 1 is, as in PyTorch, move it to the end first: "
                f"{name}.transpose{order}.reshape(-1, {shape[1]})."
            )
        expected = "(N, C), a row per sample and a column per class, or (C,) for one sample"
        raise error(f"{name} has shape {shape}; expected {expected}.{advice}")
    if shape[-1] < 2:
        expected = f"one for each of two or more classes. For one column use {binary}"
        raise error(f"{name} has shape {shape}, one column; expected {expected}.")
    return scores, target


def class_indices(scores: Any, target: Any, *, or_probabilities: bool = False) -> Array:
    """Integer class indices in range, one for each row of ``scores``."""
    target = data_of(target)
    given, shape, rows = target.shape, scores.shape, scores.shape[:-1]
    if target.dtype.kind not in "iu" or given != rows:
        if given == shape:
            advice = "One-hot rows? Use target.argmax(axis=-1)"
            advice += ", or target.astype(float) as probabilities." if or_probabilities else "."
        elif given == rows:
            advice = "For indices use target.astype(int)."
        elif math.prod(given) == math.prod(rows):
            advice = "Flatten it: use target.reshape(-1)." if rows else "Use target[0]."
        else:
            advice = "Do logits and target come from the same batch?"
        expected = f"integer class indices of shape {rows}, one for each row of {shape}"
        expected += f", or float probabilities of shape {shape}" * or_probabilities
        given = f"target has dtype {target.dtype} and shape {given}"
        raise error(f"{given}; expected {expected}. {advice}")
    n_classes = shape[-1]

    def in_range(y: Array) -> Any:
        if not isinstance(y, np.ndarray) or y.size == 0:
            return ((y >= 0) & (y < n_classes)).all()
        # As above, in a quarter of the time.
        return y.item(y.argmin()) >= 0 and y.item(y.argmax()) < n_classes

    def out_of_range(y: Array) -> str:
        if y.min() < 0:
            given = f"class index {y.min()} is negative, which NumPy silently reads from the end"
            advice = "To leave samples out, drop rows, or use cross_entropy with ignore_index."
        else:
            given = f"class index {y.max()} is out of range for {n_classes} classes"
            advice = "Labels that start at 1? subtract 1: target - 1."
        return f"{given}; expected 0 to {n_classes - 1}. {advice}"

    require(in_range, target, message=out_of_range)
    return target


def picked(scores: Any, target: Array) -> Any:
    """The score of the class ``target`` in each row."""
    array = data_of(scores)
    if array.ndim == 1:
        return scores[target]
    if hasattr(array, "vindex"):  # a Dask array, which cannot be indexed with two arrays
        return sum_(where(is_class(scores, target), scores, 0), axis=-1)
    return getitem(scores, index=(np.arange(len(array)), target), unique_indices=True)


def is_class(scores: Any, target: Array) -> Array:
    """A mask of the shape of ``scores``, True at the class ``target`` of each row."""
    return np.arange(scores.shape[-1], like=target) == target[..., np.newaxis]


def weight_of(target: Array, weight: Array) -> Array:
    """``weight[target]``; NumPy cannot index by an array of another library."""
    return np.where(is_class(weight, target), weight, 0).sum(axis=-1)


def class_weights(name: str, weight: Any, scores: Any) -> Array:
    """One weight >= 0 for each class, in the dtype of the scores."""
    weight = as_weights(name, weight, scores)
    if weight.shape != scores.shape[-1:]:
        raise error(f"{name} has shape {weight.shape}; expected {scores.shape[-1:]}, one a class.")
    return weight


# --- probabilities, labels and random numbers -----------------------------------------------------
def _rounding(p: Any) -> float:
    return float(np.finfo(p.dtype).eps) if p.dtype.kind == "f" else 0.0


def are_distributions(p: Array) -> Any:
    """Whether every row is >= 0 and sums to 1, up to a rounding error: 1e-6, or half the digits."""
    eps = _rounding(p)
    return (p >= -eps).all() and (abs(total(p, -1) - 1) <= max(1e-6, eps**0.5)).all()


def require_distributions(name: str, p: Any, advice: str) -> None:
    """Require rows of probabilities: none negative, each row with sum 1. NaN passes."""

    def wrong(p: Array) -> str:
        if (p < -_rounding(p)).any():
            given = f"{name} holds a negative probability, {p.min():.6g}"
        else:
            sums = total(p, -1)
            given = f"a row of {name} sums to {sums.flat[abs(sums - 1).argmax()]:.9g}"
        return f"{given}; expected rows of probabilities >= 0 that sum to 1. {advice}"

    require(lambda p: are_distributions(p) or np.isnan(p).any(), p, message=wrong)


def unit_interval(name: str, p: Any, advice: str) -> Any:
    """Values in [0, 1]. What is off by a few roundings counts as 0 or 1. NaN passes."""

    def inside(p: Array, allowed: float = 0) -> bool:
        return not p.size or not (p.min() < -allowed or p.max() > 1 + allowed)

    def wrong(p: Array) -> str:
        given = f"{name} holds values from {shown(p.min())} to {shown(p.max())}"
        return f"{given}; expected values in [0, 1]. {advice}"

    array = data_of(p)
    if mode.get().tracer is None and inside(array):
        return p  # the usual case, for speed
    require(lambda p: inside(p, 8 * _rounding(p)), p, message=wrong)
    clipped = np.clip(array, 0, 1)
    return p - (array - clipped) if isinstance(p, Node) else clipped  # the gradient passes


def binary(names: Names, pred: Any, target: Any) -> list[Any]:
    """Predictions, and targets from 0 (no) to 1 (yes), in one shape and dtype."""
    pred, target = matched(names, pred, target)
    return [pred, unit_interval(names[1], target, "Labels -1 and 1? Use (target + 1) / 2.")]


def require_labels(name: str, labels: Any, allowed: tuple[int, int], advice: str) -> None:
    """Require that each label is one of two values. Labels are never converted or guessed."""
    low, high = allowed
    if labels.dtype.kind == "b" and low != 0:
        raise error(f"{name} are booleans; expected {low} and +{high}. {advice}")
    good = f"only {low} and {high:+d}. {advice}"
    require_each(name, labels, lambda y: (y == low) | (y == high), good)


def uniform(rng: np.random.Generator, shape: tuple[int, ...], x: Any) -> Array:
    """Uniform random numbers in [0, 1), to meet x; no loss or regularizer draws any elsewhere."""
    if not hasattr(rng, "random"):
        raise error(f"rng is {rng!r}; expected a generator: np.random.default_rng(0).", TypeError)
    tracer = mode.get().tracer
    return brought(rng.random(shape), x) if tracer is None else tracer.random(rng, shape)
