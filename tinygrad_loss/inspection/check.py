"""check_gradients(): compare gradients with differences of the function's values."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..engine.arrays import data_of, is_foreign
from ..engine.backprop import fitted
from ..engine.errors import describe
from ..engine.mode import Observer, set_mode
from ..engine.node import Array
from ..engine.ops import where
from ..engine.tensor import Tensor
from ..engine.transforms import gradients

_EPS = float(np.finfo(np.float64).eps)

# Steps h relative to the size of the input. cbrt(eps) balances the two errors of a central
# difference, eps/h of rounding and h^2 of truncation. The others are for functions that change
# faster, and for those whose changes are lost in rounding.
_STEP = _EPS ** (1 / 3)
_STEPS = (1e-8, _STEP, 2e-4, _EPS ** (1 / 7), 0.02)

# Weights of f(x + k h), k = -3..3, in the differences of order 4 and 6 (Fornberg 1988, table 1).
_ORDER_4 = np.array([0, 1, -8, 0, 8, -1, 0]) / 12
_ORDER_6 = np.array([-1, 9, -45, 0, 45, -9, 1]) / 60


def check_gradients(
    f: Callable[..., Tensor], *inputs: Any, order: int = 1, directions: int = 3,
    rtol: float = 1e-6, rng: int | np.random.Generator = 0,
) -> None:  # fmt: skip
    """Check the gradients of a function against central differences along random directions.

    For each input x, with random weights v at the outputs and a random direction d as large as x,

        <v, f(x + h d) - f(x - h d)> / 2h = <gradient of <v, f(x)>, d> + O(h^2),   h = cbrt(eps),

    must hold to ``rtol``, for each input by itself: a small gradient is not hidden by another.
    Where the change of f is lost in rounding, or f is too curved for h, differences of order 6 with
    several h are tried. The one with the smallest error counts (the difference from order 4, plus
    the rounding noise of f), and that error is allowed. Each rule also has to be linear in the
    gradient g that it is given, and to write into no input.

    Parameters
    ----------
    f : callable, a function of the inputs, the same at each call; its value: a Tensor of any shape
    *inputs : array_likes or Tensors. Those of floating dtype are checked, others passed as they are
    order : int. 2 also checks the gradients of the gradients, by the inputs and v; and so on.
    directions : int, random directions for each input
    rtol : float, the relative error allowed, in float64. Of correct rules it is about 1e-9.
    rng : int or numpy.random.Generator, the seed, or the generator, of v and d

    Raises AssertionError if a gradient is wrong, or has not the shape and dtype of its input, with
    the input and the error; or if ``f`` has a kink at the inputs: it says where. TypeError if no
    input is floating, an array is not NumPy's, or ``f`` returns no floating Tensor; ValueError if
    ``f`` gives two values for the same inputs, or ``order`` or ``directions`` is below 1.

    Sources: Fornberg 1988, Math. Comp. 51 (184); Moré & Wild 2011, SIAM J. Sci. Comput. 33 (3).

    >>> from tinygrad_loss import Op, exp
    >>> check_gradients(exp, [0.5, -1.0], order=2)
    >>> wrong = Op(np.exp, lambda g, y, x: g * y * 1.0005, name="wrong")
    >>> try:
    ...     check_gradients(wrong, [0.5, -1.0])
    ... except AssertionError as error:
    ...     print(error)
    check_gradients: input 0 (2,): along a random direction its gradient gives -0.7334940188, but
    the change of f gives -0.7331274551: relative error 5.0e-04, allowed 1.0e-06
    """
    if order < 1 or directions < 1:
        raise ValueError(f"check_gradients: order={order}, directions={directions}; expected >= 1")
    values = [data_of(x) for x in inputs]
    for i, x in enumerate(values):
        if is_foreign(x):
            given = f"input {i} is a {type(x).__name__}"
            raise TypeError(f"check_gradients: {given}; expected arrays of NumPy: x.get()")
    checked = {i: np.array(x) for i, x in enumerate(values) if np.asarray(x).dtype.kind == "f"}
    if not checked:
        kinds = [type(x).__name__ for x in inputs]
        raise TypeError(f"check_gradients: got {kinds}, none of floating dtype; pass such an array")

    def of_checked(*xs: Tensor) -> Tensor:
        given = dict(enumerate(values)) | dict(zip(checked, xs, strict=True))
        y = f(*given.values())
        if not isinstance(y, Tensor) or y.dtype.kind != "f":
            what = f"a Tensor of dtype {y.dtype}" if isinstance(y, Tensor) else type(y).__name__
            raise TypeError(f"check_gradients: f returned {what}; expected a floating Tensor")
        return y

    names = [f"input {i} {getattr(inputs[i], 'name', None) or ''}".strip() for i in checked]
    variables = [Tensor(x, requires_grad=True) for x in checked.values()]
    y = of_checked(*variables)
    if not np.array_equal(y.data, of_checked(*variables).data, equal_nan=True):
        twice = "f gave two values for the same inputs. Seed random numbers inside f."
        raise ValueError(f"check_gradients: {twice}")
    for name, x in zip(names, variables, strict=True):
        try:
            gradients(y, [x], np.ones_like(y.data))
        except Exception as error:
            what = f"check_gradients: {name} {x.shape}: no gradient: {error}"
            raise AssertionError(what) from error
    xs = [x.astype(np.float64) for x in checked.values()]
    _check_values(of_checked, xs, names, order, directions, rtol, np.random.default_rng(rng))


def _check_values(
    f: Any, xs: list[Array], names: list[str], order: int, directions: int, rtol: float, rng: Any
) -> None:
    variables = [Tensor(x, requires_grad=True) for x in xs]
    y = f(*variables)
    finite = np.isfinite(y.data)
    v = np.where(finite, rng.uniform(0.5, 1.5, y.shape) * rng.choice([-1, 1], y.shape), 0)
    with set_mode(observer=_Rules()):
        slopes = gradients(y, variables, v)

    def change(i: int, d: Array, step: float) -> Array:
        """The change of the finite elements of f when input i moves by step d; NaN if f raises."""
        # Subtracted before they are summed: a small change would be lost in a large sum.
        moved = [*xs[:i], xs[i] + step * d, *xs[i + 1 :]]
        try:
            y_moved = f(*(Tensor(x, requires_grad=True) for x in moved))
            return y_moved.data[finite].astype(np.float64) - y.data[finite]
        except (ValueError, ArithmeticError):
            return np.full(np.count_nonzero(finite), np.nan)

    for i, (x, slope) in enumerate(zip(xs, slopes, strict=True)):
        for _ in range(directions):
            for least in (1e-3, 0.0):
                d = _random_direction(x, least, rng)
                given, line = float((slope.data * d).sum()), partial(change, i, d)
                measured, uncertainty = _measure(line, y.data[finite], v[finite], given, rtol)
                if not math.isnan(measured):
                    break
            error = abs(given - measured)
            if not error <= rtol * abs(given) + uncertainty:
                relative = error / np.maximum(abs(measured), abs(given))
                why = _kink(partial(change, i), np.abs(d)) or (
                    f"along a random direction its gradient gives {given:.10g}, but the change of "
                    f"f gives {measured:.10g}: relative error {relative:.1e}, allowed {rtol:.1e}"
                )
                raise AssertionError(f"check_gradients: {names[i]} {x.shape}: {why}")
    if order > 1:
        for i, name in enumerate(names):

            def slope_of_i(*inputs: Tensor, i: int = i) -> Tensor:
                *xs, v = inputs
                total = (where(finite, f(*xs), 0) * v).sum()
                return gradients(total, [xs[i]], create_graph=True)[0]

            of = [f"the gradient of {name}, differentiated by {other}" for other in (*names, "v")]
            _check_values(slope_of_i, [*xs, v], of, order - 1, directions, rtol, rng)


class _Rules(Observer):
    """Calls each rule a second time, for what its first value does not show."""

    def after_rule(self, node: Any, position: int, g: Any, part: Any) -> None:
        """Raise if the rule writes into arrays that others use, or is not linear in g."""
        op, inputs, arrays, options = node.origin
        given = describe(op.name, inputs)
        rule = f"check_gradients: backward of {op.name}: {given}: rule {position}"
        scale = -(2.0**20)  # a power of two rounds nothing
        with np.errstate(all="ignore"):
            read_only = [
                np.broadcast_to(x, x.shape) if isinstance(x, np.ndarray) else x
                for x in (np.asarray(scale * g), node.data, *arrays)
            ]
            try:
                again = fitted(op.rules[position](*read_only, **options), part, op, position)
            except ValueError as error:
                wrote = f"writes into g, y or an input: {error}. Write g * y, not g *= y."
                raise AssertionError(f"{rule} {wrote}") from error
            noise = 1e-13 * np.abs(read_only[0]).max(initial=0)
            same = np.allclose(again, scale * part, rtol=1e-9, atol=noise, equal_nan=True)
        if not same and g.dtype == part.dtype == np.float64:
            raise AssertionError(f"{rule} is not linear in g. It has to multiply g by derivatives.")


def _random_direction(x: Array, least: float, rng: np.random.Generator) -> Array:
    """A direction as large as x, element by element: a small x > 0 stays so, a large x moves."""
    size = np.abs(np.nan_to_num(x, posinf=0, neginf=0))
    largest = size.max(initial=0) or 1.0
    # Elements smaller than ``least`` times the largest count as that large, so that they show.
    size = np.where(size == 0, 1e-3 * largest, np.maximum(size, least * largest))
    return rng.uniform(0.5, 1, x.shape) * rng.choice([-1, 1], x.shape) * size


def _kink(change: Callable[[Array, float], Array], d: Array) -> str:
    """Say at which element of the input f has a kink, if it has one there."""
    if _is_bent(partial(change, d)):
        for index in np.ndindex(d.shape):
            alone = np.zeros_like(d)
            alone[index] = d[index]
            if _is_bent(partial(change, alone)):
                place = f"at {list(index)}" if index else "there"
                return f"f has a kink {place}, and so no gradient. Move the input, and check again."
    return ""


def _is_bent(line: Callable[[float], Array]) -> bool:
    """Whether an element of f has two slopes at step 0, one on each side: for all short steps."""
    # Those of a curve draw near to each other, and those of rounding are at random. They are
    # computed from the changes at t and 3 t, so that the second derivative cancels.
    with np.errstate(all="ignore"):
        steps = np.outer((-1, 1), _STEPS[:3])
        slopes = np.array([[(9 * line(t) - line(3 * t)) / (6 * t) for t in side] for side in steps])
        between = np.abs(slopes[1, 0] - slopes[0, 0])
        return bool((np.ptp(slopes, axis=1).max(axis=0) < 0.1 * between).any())


def _measure(
    line: Callable[[float], Array], y: Array, v: Array, given: float, rtol: float
) -> tuple[float, float]:
    """The derivative of <v, f> at step 0 of a line, and its uncertainty; y is f there."""
    with np.errstate(all="ignore"):
        quick = float(v @ (line(_STEP) - line(-_STEP))) / (2 * _STEP)
        if abs(quick - given) <= rtol * abs(given):
            return quick, 0.0
        changes = np.array([[line(k * step) for k in range(-3, 4)] for step in _STEPS])
        noise = float(np.linalg.norm(v * _noise(changes, y)))
        measured, uncertainty = math.nan, math.inf
        for step, change in zip(_STEPS, changes @ v, strict=True):
            best, second = float(_ORDER_6 @ change) / step, float(_ORDER_4 @ change) / step
            error = abs(best - second) + 10 * noise / step
            if abs(best - measured) > 10 * (error + uncertainty):
                break  # this step and the later ones are too long: they jump over a kink
            if error < uncertainty:
                measured, uncertainty = best, error
    return measured, uncertainty


def _noise(changes: Array, y: Array) -> Array:
    """The rounding error of each element, from its changes at [step, k]; at least a last digit."""
    # Over so short a step f is a parabola, whose fourth differences are 0, while those of the noise
    # have 70 times its variance. If a step is too short to show any noise, the next one shows it.
    seen = np.sqrt(np.square(np.diff(changes[:2], 4, axis=1)).mean(axis=1) / 70)
    moved = changes.any(axis=(0, 1))
    size = np.abs(y) * moved if moved.any() else np.maximum(np.abs(y), 1)
    return np.maximum(np.where(seen[0] > 0, seen[0], seen[1]), np.finfo(y.dtype).eps * size)
