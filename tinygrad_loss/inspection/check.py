"""check_gradients(): compare gradients with differences of the function's values."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..engine.arrays import data_of
from ..engine.node import Array
from ..engine.ops import where
from ..engine.tensor import Tensor
from ..engine.transforms import gradients

_EPS = float(np.finfo(np.float64).eps)

# Steps h relative to the size of the input. cbrt(eps) balances the two errors of a central
# difference, eps/h of rounding and h^2 of truncation. The others are for functions that change
# faster, and for those whose changes are lost in rounding.
_STEP = _EPS ** (1 / 3)
_OTHER_STEPS = (1e-8, _STEP, 2e-4, _EPS ** (1 / 7), 0.02)

# Weights of f(x + k h), k = -3..3, in the differences of order 4 and 6 (Fornberg 1988, table 1).
_ORDER_4 = np.array([0, 1, -8, 0, 8, -1, 0]) / 12
_ORDER_6 = np.array([-1, 9, -45, 0, 45, -9, 1]) / 60


def check_gradients(
    f: Callable[..., Tensor],
    *inputs: Any,
    order: int = 1,
    directions: int = 3,
    rtol: float = 1e-6,
    rng: int | np.random.Generator = 0,
) -> None:
    """Check the gradients of a function against central differences along random directions.

    For each input x, with random weights v at the outputs and a random direction d as large as x,

        <v, f(x + h d) - f(x - h d)> / 2h = <gradient of <v, f(x)>, d> + O(h^2),   h = cbrt(eps),

    must hold to ``rtol``. Each input is checked by itself, so that one with a small gradient is not
    hidden by the others. Where f is so large that its change is lost in rounding, or so curved that
    h is too long, differences of order 6 with several h are tried. The one with the smallest error
    counts (the difference from order 4, plus the rounding noise of f), and that error is allowed.

    Parameters
    ----------
    f : callable
        A function of the inputs, the same at each call. Its value is a Tensor of any shape.
    *inputs : array_like or Tensor
        Those of floating dtype are checked, all of them. Anything else (labels, masks, options) is
        passed to ``f`` as it is.
    order : int
        2 also checks the gradients of the gradients (also with respect to v, the gradient that
        the rules start from), and so on.
    directions : int
        The number of random directions for each input.
    rtol : float
        The relative error allowed. With correct rules it is about 1e-9.
    rng : int or numpy.random.Generator
        The seed, or the generator, of v and d.

    A gradient has to have the shape and the dtype of its input, whatever the dtype; values are
    compared in float64.

    Raises
    ------
    AssertionError
        If a gradient is wrong. The message names the input and gives the error.
    TypeError
        If no input is floating, or the value of ``f`` is not a floating Tensor.
    ValueError
        If ``f`` gives two values for the same inputs, or ``order`` or ``directions`` is below 1.

    Sources: Fornberg 1988, "Generation of Finite Difference Formulas on Arbitrarily Spaced Grids";
    Moré & Wild 2011, "Estimating Computational Noise".

    >>> from tinygrad_loss import Op, exp
    >>> check_gradients(exp, [0.5, -1.0], order=2)
    >>> wrong = Op(np.exp, lambda g, y, x: g * y * 1.0005, name="wrong")
    >>> try:
    ...     check_gradients(wrong, [0.5, -1.0])
    ... except AssertionError as error:
    ...     print(error)
    check_gradients: input 0 (2,): along a random direction its gradient gives -0.3440721615, but
    the change of f gives -0.3439002114: relative error 5.0e-04, allowed 1.0e-06
    """
    if order < 1 or directions < 1:
        raise ValueError(
            f"check_gradients: order={order}, directions={directions}; expected 1 or more of each"
        )
    values: list[Any] = [data_of(x) for x in inputs]
    checked = [i for i, x in enumerate(values) if np.asarray(x).dtype.kind == "f"]
    if not checked:
        kinds = [type(x).__name__ for x in inputs]
        raise TypeError(
            f"check_gradients: got {kinds}, none of floating dtype; pass floating arrays or Tensors"
        )
    for i in checked:
        values[i] = np.array(values[i])
    names = [f"input {i} {getattr(x, 'name', None) or ''}".strip() for i, x in enumerate(inputs)]
    generator = np.random.default_rng(rng)
    _check_shapes_and_dtypes(f, values, checked, names)
    for i in checked:
        values[i] = values[i].astype(np.float64)
    _check_values(f, values, checked, names, order, directions, rtol, generator)


def _variables(values: Sequence[Any], checked: Sequence[int]) -> list[Any]:
    return [Tensor(x, requires_grad=True) if i in checked else x for i, x in enumerate(values)]


def _value(f: Callable[..., Tensor], variables: Sequence[Any]) -> Tensor:
    y = f(*variables)
    if not isinstance(y, Tensor) or y.dtype.kind != "f":
        what = f"a Tensor of dtype {y.dtype}" if isinstance(y, Tensor) else type(y).__name__
        raise TypeError(f"check_gradients: f returned {what}; expected a floating Tensor")
    return y


def _check_shapes_and_dtypes(
    f: Callable[..., Tensor], values: Sequence[Any], checked: Sequence[int], names: Sequence[str]
) -> None:
    variables = _variables(values, checked)
    y = _value(f, variables)
    if not np.array_equal(y.data, _value(f, variables).data, equal_nan=True):
        raise ValueError(
            "check_gradients: f gave two values for the same inputs, so it has no gradient. If it "
            "draws random numbers, seed them inside of f."
        )
    for i in checked:
        try:
            (slope,) = gradients(y, [variables[i]], np.ones_like(y.data))
        except Exception as error:
            raise AssertionError(
                f"check_gradients: {names[i]} {values[i].shape}: no gradient: {error}"
            ) from error
        got, expected = (slope.shape, slope.dtype), (values[i].shape, values[i].dtype)
        if got != expected:
            raise AssertionError(
                f"check_gradients: {names[i]}: its gradient has shape {got[0]} and dtype {got[1]}; "
                f"expected those of the input, {expected[0]} and {expected[1]}"
            )


def _check_values(
    f: Callable[..., Tensor],
    values: list[Any],
    checked: list[int],
    names: list[str],
    order: int,
    directions: int,
    rtol: float,
    rng: np.random.Generator,
) -> None:
    variables = _variables(values, checked)
    y = _value(f, variables)
    finite = np.isfinite(y.data)
    v = np.where(finite, rng.uniform(0.5, 1.5, y.shape), 0)
    slopes = gradients(y, [variables[i] for i in checked], v)
    for i, slope in zip(checked, slopes, strict=True):
        for _ in range(directions):
            for least in (1e-3, 0.0):
                d = _random_direction(values[i], least, rng)
                line = partial(_value_along, f, values, checked, i, d, finite)
                given = float((slope.data * d).sum())
                measured, uncertainty = _measure(line, y.data[finite], v[finite], given, rtol)
                if not math.isnan(measured):
                    break
            if not abs(given - measured) <= rtol * abs(given) + uncertainty:
                error = abs(given - measured) / max(abs(given), abs(measured))
                raise AssertionError(
                    f"check_gradients: {names[i]} {values[i].shape}: along a random direction its "
                    f"gradient gives {given:.10g}, but the change of f gives {measured:.10g}: "
                    f"relative error {error:.1e}, allowed {rtol:.1e}"
                )
    if order > 1:
        values, checked, names = [*values, v], [*checked, len(values)], [*names, "v"]
        for i in checked[:-1]:
            of = [f"the gradient of {names[i]}, differentiated by {name}" for name in names]
            slope_of_i = partial(_slope, f, i, finite)
            _check_values(slope_of_i, values, checked, of, order - 1, directions, rtol, rng)


def _slope(f: Callable[..., Tensor], i: int, finite: Array, *inputs: Any) -> Tensor:
    """The gradient of <v, f> with respect to input i, as a function of the inputs and v."""
    *xs, v = inputs
    y = f(*xs)
    total: Tensor = ((y if finite.all() else where(finite, y, 0)) * v).sum()
    slope: Tensor = gradients(total, [xs[i]], create_graph=True)[0]
    return slope


def _random_direction(x: Array, least: float, rng: np.random.Generator) -> Array:
    """A direction as large as x, element by element: a small x > 0 stays positive, a large x moves.

    Elements smaller than ``least`` times the largest count as that large, so that they show.
    """
    finite = np.isfinite(x)
    size = np.where(finite, np.abs(x), 0)
    largest = size.max(initial=0) or 1.0
    size = np.where(size == 0, 1e-3 * largest, np.maximum(size, least * largest)) * finite
    return rng.uniform(0.5, 1, x.shape) * rng.choice([-1, 1], x.shape) * size


def _value_along(
    f: Callable[..., Tensor],
    values: list[Any],
    checked: list[int],
    i: int,
    d: Array,
    finite: Array,
    step: float,
) -> Array:
    """The values at x + step d of the elements of f that are finite at x; NaN if f raises there."""
    try:
        moved = f(*_variables([*values[:i], values[i] + step * d, *values[i + 1 :]], checked))
    except (ValueError, ArithmeticError):
        return np.full(np.count_nonzero(finite), np.nan)
    return moved.data[finite].astype(np.float64)


def _measure(
    line: Callable[[float], Array], y: Array, v: Array, given: float, rtol: float
) -> tuple[float, float]:
    """The derivative at step 0 of <v, line(step)>, and its uncertainty; y is line(0).

    Elements are subtracted before they are summed: a small change would be lost in a large sum.
    """
    with np.errstate(all="ignore"):
        quick = float(v @ (line(_STEP) - line(-_STEP))) / (2 * _STEP)
        if abs(quick - given) <= rtol * abs(given):
            return quick, 0.0
        changes = np.array([[line(k * step) - y for k in range(-3, 4)] for step in _OTHER_STEPS])
        noise = float(np.linalg.norm(v * _noise(changes, y)))
        measured, uncertainty = math.nan, math.inf
        for step, change in zip(_OTHER_STEPS, changes @ v, strict=True):
            best, second = float(_ORDER_6 @ change) / step, float(_ORDER_4 @ change) / step
            error = abs(best - second) + 10 * noise / step
            if abs(best - measured) > 10 * (error + uncertainty):
                break  # this step and the later ones are too long: they jump over a kink
            if error < uncertainty:
                measured, uncertainty = best, error
    return measured, uncertainty if math.isfinite(uncertainty) else 0.0


def _noise(changes: Array, y: Array) -> Array:
    """The rounding error of each element, from its changes at [step, k]: at least one last digit.

    Over so short a step f is a parabola, whose fourth differences are 0, while those of the noise
    have 70 times its variance. If a step is too short to show any noise, the next one shows it.
    """
    seen = np.sqrt(np.square(np.diff(changes[:2], 4, axis=1)).mean(axis=1) / 70)
    moved = changes.any(axis=(0, 1))
    size = np.abs(y) * moved if moved.any() else np.maximum(np.abs(y), 1)
    return np.maximum(np.where(seen[0] > 0, seen[0], seen[1]), np.finfo(y.dtype).eps * size)
