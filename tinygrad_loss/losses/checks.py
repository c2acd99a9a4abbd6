"""Checks whose errors teach: what was given, what is expected, what to do.

Shapes, dtypes and options are checked with an ordinary ``if``. Checks of *values*, such as "are all
labels in range?", have to read the data, and every one of them goes through ``require``. All errors
are made by ``error``, which puts the name of the loss in front.
"""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np

from ..engine.arrays import as_array, data_of, flattened
from ..engine.mode import mode
from ..engine.node import Array, Node
from ..engine.ops import getitem, where
from ..engine.ops import sum as sum_

F = TypeVar("F", bound=Callable[..., Any])
Names = tuple[str, ...]  # of the inputs of a loss, as in its signature


class Running(threading.local):
    """The name of the loss that is running; each thread has its own.

    A loss never waits for another task in the middle, so nothing else can run under its name. (A
    ContextVar would do as well, but setting one slows down the next ops, which read another.)
    """

    name = "loss"


running = Running()


def named(function: F) -> F:
    """Decorate a function: its errors begin with its name."""
    name = function.__name__

    @wraps(function)
    def call(*inputs: Any, **options: Any) -> Any:
        before, running.name = running.name, name
        try:
            return function(*inputs, **options)
        finally:
            running.name = before

    return call  # type: ignore[return-value]


def error(text: str, kind: type[Exception] = ValueError) -> Exception:
    """An error that begins with the name of the running loss.

    >>> @named
    ... def my_loss(pred):
    ...     raise error("pred is late; expected it yesterday.")
    >>> my_loss(1.0)
    Traceback (most recent call last):
    ValueError: my_loss: pred is late; expected it yesterday.
    """
    return kind(f"{running.name}: {text}")


def require(
    check: Callable[..., Any], *data: Any, message: Callable[..., str], warning: bool = False
) -> None:
    """Raise ValueError unless ``check`` holds for ``data``: the one place where losses read values.

    Parameters
    ----------
    check : called with the arrays of ``data``; truthy if all is well. For predictions it lets NaN
        pass (``not (p < 0).any()`` rather than ``(p >= 0).all()``), so that NaN travels to where
        it is seen.
    data : Tensors or arrays; ``check`` receives their arrays, ``message`` NumPy arrays.
    message : called if the check fails: what was given, what is expected, what to do.
    warning : give a UserWarning, at the line that called the loss, instead of the error.

    >>> labels = np.array([0, 3])
    >>> require(lambda y: y.max() < 3, labels, message=lambda y: f"class {y.max()} of 3")
    Traceback (most recent call last):
    ValueError: loss: class 3 of 3
    """
    arrays = [data_of(x) for x in data]
    if (tracer := mode.get().tracer) is not None:
        name = running.name  # the tracer checks again when the loss is over
        tracer.require(check, arrays, lambda *data: f"{name}: {message(*data)}", warning)
    elif not check(*arrays):
        # Only the numbers of NumPy's arrays can be formatted; CuPy's come to the host by get().
        text = message(*[x.get() if hasattr(x, "get") else np.asarray(x) for x in arrays])
        if not warning:
            raise error(text)
        # The user is three calls up: above the loss's formula or preparation, and above the
        # function that @loss made of it.
        warnings.warn(f"{running.name}: {text}", UserWarning, stacklevel=4)


# --- options --------------------------------------------------------------------------------------


def constant(name: str, value: Any) -> Any:
    """The value of an option. A Tensor that requires grad would not receive a gradient: an error.

    >>> from tinygrad_loss import Tensor
    >>> constant("gamma", Tensor(2.0, requires_grad=True))
    Traceback (most recent call last):
    TypeError: loss: gamma requires grad, but is a constant of the loss. Pass its .data.
    """
    if any(isinstance(x, Node) and x._requires_grad for x in flattened(value)):
        raise error(
            f"{name} requires grad, but is a constant of the loss. Pass its .data.", TypeError
        )
    return data_of(value)


def number(name: str, value: Any, holds: Callable[[float], bool], expected: str) -> float:
    """A checked option as a Python number: a NumPy number would turn float32 into float64.

    >>> number("delta", np.float64(0.5), lambda delta: delta > 0, "a number > 0")
    0.5
    >>> number("delta", "1", lambda delta: delta > 0, "a number > 0")
    Traceback (most recent call last):
    TypeError: loss: delta is '1', which is no number; expected a number > 0.
    """
    if not isinstance(value, float):
        value = constant(name, value)
        if getattr(value, "ndim", None) == 0:
            value = value.item()
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise error(f"{name} is {value!r}, which is no number; expected {expected}.", TypeError)
    if not holds(value):
        raise error(f"{name} is {value!r}; expected {expected}.")
    if math.isinf(value):
        raise error(f"{name} is {value!r}; expected a finite number.")
    return float(value)


def one_of(name: str, value: Any, *choices: str) -> None:
    """Raise ValueError unless the value is one of the choices.

    >>> one_of("reduction", "average", "mean", "sum", "none")
    Traceback (most recent call last):
    ValueError: loss: reduction is 'average'; expected 'mean', 'sum' or 'none'.
    """
    if not isinstance(value, str) or value not in choices:
        *others, last = map(repr, choices)
        raise error(f"{name} is {value!r}; expected {', '.join(others)} or {last}.")


def clipping(eps: Any, p: Any) -> float:
    """The option eps, or the smallest normal number of the dtype of p if that is larger.

    >>> clipping(1e-12, np.ones(2, np.float16))
    6.103515625e-05
    """
    smallest = float(np.finfo(p.dtype).smallest_normal)
    return max(number("eps", eps, lambda eps: 0 < eps < 1, "0 < eps < 1"), smallest)


def as_weights(name: str, value: Any, dtype: Any, *, above: Any = None) -> Array:
    """Constant weights in a dtype, all finite and >= 0, or > ``above`` if that is given."""

    def good(w: Array) -> Any:
        return (w >= 0 if above is None else w > above) & (w < np.inf)

    def bad(w: Array) -> str:
        worst = w[~good(w)].flat[0]
        expected = "weights >= 0" if above is None else f"numbers > {above}"
        return f"{name} holds {worst:g}; expected {expected}{', and finite' * (not worst <= 0)}."

    value = converted(constant(name, value), dtype)
    require(lambda w: good(w).all(), value, message=bad)
    return value


# --- dtypes and shapes ----------------------------------------------------------------------------


DATA = (Node, np.ndarray)


def as_data(x: Any) -> Any:
    """Tensors and arrays as they are, lists and numbers as arrays."""
    return x if isinstance(x, DATA) else as_array(x, None, copy=False)


def floating(x: Any) -> Any:
    """Predictions: floating numbers as they are, integers and booleans as float64."""
    if not isinstance(x, DATA):
        x = as_array(x, None, copy=False)
    kind = x.dtype.kind
    if kind == "f":
        return x
    return x.astype(np.float64) if kind in "biu" else as_array(x, None, copy=False)


def converted(x: Any, dtype: Any) -> Any:
    """Targets in the dtype of the predictions *before* any arithmetic: 2*y - 1 on uint8 is 255."""
    if not isinstance(x, DATA):
        x = as_array(x, None, copy=False)
    if x.dtype == dtype:
        return x
    return (x if x.dtype.kind in "biuf" else as_array(x)).astype(dtype)


def logits(names: Names, *inputs: Any) -> list[Any]:
    """Inputs that are all predictions, of any shapes: floating numbers."""
    return [floating(x) for x in inputs]


def matched(names: Names, pred: Any, *targets: Any) -> list[Any]:
    """Predictions and targets in one shape and dtype: no broadcasting between them, ever.

    With pred (N, 1) and target (N,), NumPy would compare every prediction with every target, and
    training would silently end at the mean of the targets.
    """
    pred = floating(pred)
    dtype, shape = pred.dtype, pred.shape
    inputs = [pred]
    for target in targets:
        target = converted(target, dtype)
        if target.shape != shape:
            name = names[len(inputs)]
            raise error(
                f"{names[0]} has shape {shape} but {name} has shape {target.shape}; they must be "
                f"equal. {_how_to_match(shape, target.shape, name)}"
            )
        inputs.append(target)
    return inputs


def _how_to_match(shape: tuple[int, ...], other: tuple[int, ...], name: str) -> str:
    if math.prod(shape) != math.prod(other) or shape == ():
        return "They are never broadcast: each prediction has a target of its own."
    return f"Reshape one, e.g. {name}.reshape({', '.join(['-1', *map(str, shape[1:])])})."


# --- classes --------------------------------------------------------------------------------------


def class_scores(binary: str) -> Callable[..., Any]:
    """Scores (N, C) or (C,) of at least two classes; ``binary`` is the loss for one column."""

    def prepare(names: Names, scores: Any, target: Any) -> tuple[Any, Any]:
        scores = floating(scores)
        shape = scores.shape
        if len(shape) not in (1, 2):
            raise error(
                f"{names[0]} has shape {shape}; expected (N, C), a row per sample and a column per "
                f"class, or (C,) for one sample. Reshape it, e.g. {names[0]}.reshape(-1, C)."
            )
        if shape[-1] < 2:
            raise error(
                f"{names[0]} has shape {shape}, one column; expected a column for each of two or "
                f"more classes. For one column per sample use {binary}."
            )
        return scores, as_data(target)

    return prepare


def class_indices(
    scores: Any,
    target: Any,
    *,
    or_probabilities: bool = False,
    may_ignore: bool = False,
    ignore_index: int | None = None,
) -> Array:
    """Integer class indices, one for each row of ``scores``, in range or ``ignore_index``."""
    if ignore_index is not None and (
        isinstance(ignore_index, bool) or not isinstance(ignore_index, int | np.integer)
    ):
        raise error(f"ignore_index is {ignore_index!r}; expected an integer or None.", TypeError)
    target = data_of(target)
    shape, rows = target.shape, scores.shape[:-1]
    if target.dtype.kind not in "iu":
        instead = f", or float probabilities of shape {scores.shape}" if or_probabilities else ""
        raise error(
            f"target has dtype {target.dtype} and shape {shape}; expected integer class indices of "
            f"shape {rows}{instead}. For indices use target.astype(int)."
        )
    if shape != rows:
        raise error(
            f"target has shape {shape} and integer dtype; expected class indices of shape {rows}, "
            f"one for each row of {scores.shape}. "
            f"{_how_to_index(scores.shape, shape, or_probabilities)}"
        )
    n_classes = scores.shape[-1]

    def in_range(y: Array) -> Any:
        if ignore_index is not None:
            y = np.where(y == ignore_index, 0, y)
        if not isinstance(y, np.ndarray) or y.size == 0:
            return ((y >= 0) & (y < n_classes)).all()
        # As above, in a quarter of the time.
        return y.item(y.argmin()) >= 0 and y.item(y.argmax()) < n_classes

    def out_of_range(y: Array) -> str:
        if ignore_index is not None:
            y = y[y != ignore_index]
        if y.min() < 0:
            return (
                f"class index {int(y.min())} is negative; expected 0 to {n_classes - 1}. (NumPy "
                "would silently read a class from the end.) To leave samples out, drop their rows"
                f"{', or pass ignore_index' * may_ignore}."
            )
        return (
            f"class index {int(y.max())} is out of range for {n_classes} classes; expected 0 to "
            f"{n_classes - 1}. Labels that start at 1? subtract 1: target - 1."
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
    return getitem(scores, index=(np.arange(scores.shape[0]), target), unique_indices=True)


def is_class(scores: Any, target: Array) -> Array:
    """A mask of the shape of ``scores``, True at the class ``target`` of each row."""
    return np.arange(scores.shape[-1]) == target[..., np.newaxis]


def weight_of(target: Array, weight: Array) -> Array:
    """``weight[target]``; NumPy cannot index by an array of another library."""
    return np.where(is_class(weight, target), weight, 0).sum(axis=-1)


def class_weights(name: str, weight: Any, scores: Any) -> Array:
    """One weight >= 0 for each class, in the dtype of the scores."""
    weight = as_weights(name, weight, scores.dtype)
    if weight.shape != scores.shape[-1:]:
        raise error(
            f"{name} has shape {weight.shape}; expected {scores.shape[-1:]}, one weight for each "
            "class."
        )
    return weight


# --- probabilities and labels ---------------------------------------------------------------------


def tolerance(p: Any) -> float:
    """The rounding error allowed in probabilities: 1e-6, or half the digits of the dtype."""
    return max(1e-6, float(np.finfo(p.dtype).eps) ** 0.5) if p.dtype.kind == "f" else 1e-6


def are_distributions(p: Array) -> Any:
    """Whether every row is >= 0 and sums to 1."""
    return (p >= 0).all() and (abs(p.sum(axis=-1) - 1) <= tolerance(p)).all()


def require_distributions(name: str, p: Any, advice: str) -> None:
    """Require rows of probabilities: none negative, each row with sum 1. NaN passes."""

    def wrong(p: Array) -> str:
        if (p < 0).any():
            what = f"{name} holds a negative probability, {p.min():.6g}"
        else:
            sums = p.sum(axis=-1).ravel()
            what = f"a row of {name} sums to {sums[abs(sums - 1).argmax()]:.6g}"
        return f"{what}; expected rows of probabilities >= 0 that sum to 1. {advice}"

    require(lambda p: are_distributions(p) or np.isnan(p).any(), p, message=wrong)


def require_unit_interval(name: str, p: Any, advice: str) -> None:
    """Require values in [0, 1]. NaN passes."""
    require(
        lambda p: p.size == 0 or not (p.min() < 0 or p.max() > 1),
        p,
        message=lambda p: (
            f"{name} holds values from {p.min():.6g} to {p.max():.6g}; expected values in [0, 1]. "
            f"{advice}"
        ),
    )


def binary(names: Names, pred: Any, target: Any) -> list[Any]:
    """Predictions, and targets from 0 (no) to 1 (yes), in one shape and dtype."""
    inputs = matched(names, pred, target)
    require_unit_interval(names[1], inputs[1], "Labels -1 and 1? Use (target + 1) / 2.")
    return inputs


def require_labels(name: str, labels: Any, allowed: tuple[int, int], advice: str) -> None:
    """Require that each label is one of two values. Labels are never converted or guessed.

    A batch of one class, all 1, does not show whether its labels are 0 and 1 or -1 and +1.
    """
    low, high = allowed
    if labels.dtype.kind == "b" and low != 0:
        raise error(f"{name} are booleans; expected {low} and +{high}. {advice}")
    require(
        lambda y: ((y == low) | (y == high)).all(),
        labels,
        message=lambda y: (
            f"{name} holds {y[(y != low) & (y != high)].flat[0]:g}; expected only {low} and "
            f"{high:+d}. {advice}"
        ),
    )


# --- randomness -----------------------------------------------------------------------------------


def uniform(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Uniform random numbers in [0, 1); no loss or regularizer draws any elsewhere."""
    if not hasattr(rng, "random"):
        raise error(
            f"rng is {rng!r}; expected a generator, e.g. np.random.default_rng(0).", TypeError
        )
    tracer = mode.get().tracer
    return rng.random(shape) if tracer is None else tracer.random(rng, shape)
