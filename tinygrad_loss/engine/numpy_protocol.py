"""What NumPy's functions do when they meet a Tensor: ``np.exp(t)``, ``np.where(mask, t, 0)``.

NumPy lets other arrays take over by two methods: ``__array_ufunc__`` (NEP 13) for elementwise
functions and ``__array_function__`` (NEP 18) for the others. Tensor's both call ``dispatch``. A
function has a derivative here, or its value is a constant, or it is refused, as ``out=`` is.
"""

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from . import functions, ops, products
from .arrays import data_of
from .node import Node


def _clip(x: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    by_name = {name: limit for name, limit in (("min", min), ("max", max)) if limit is not None}
    return ops.clip(x, *(() if a_min is a_max is None else (a_min, a_max)), **by_name)


def _each(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Let a function of one array take several, as NumPy's does, and return a tuple."""
    return lambda *arrays: tuple(map(function, arrays)) if arrays[1:] else function(*arrays)


# NumPy's function -> ours, which is called in its place.
DIFFERENTIABLE: dict[Callable[..., Any], Callable[..., Any]] = {
    getattr(np, name): getattr(module, name)
    for module in (ops, functions, products)
    for name in module.__all__
    if hasattr(np, name)
} | {
    np.amax: ops.max, np.amin: ops.min, np.clip: _clip, np.linalg.slogdet: products.slogdet,
    np.atleast_1d: _each(functions.atleast_1d), np.atleast_2d: _each(functions.atleast_2d),
    np.linalg.norm: functions.norm, np.linalg.inv: functions.inv, np.linalg.solve: products.solve,
}  # fmt: skip

# Functions whose derivative is zero, or that have none: with Tensors they return plain arrays.
CONSTANT: set[Callable[..., Any]] = {
    np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal, np.logical_and,
    np.logical_or, np.logical_xor, np.logical_not, np.isnan, np.isinf, np.isfinite, np.sign,
    np.signbit, np.floor, np.ceil, np.trunc, np.rint, np.round, np.around, np.floor_divide,
    np.argmax, np.argmin, np.argsort, np.argpartition, np.nanargmax, np.nanargmin, np.searchsorted,
    np.digitize, np.nonzero, np.flatnonzero, np.argwhere, np.any, np.all, np.count_nonzero,
    np.array_equal, np.allclose, np.isclose, np.shape, np.ndim, np.size, np.result_type,
    np.zeros_like, np.ones_like, np.empty_like, np.full_like,
}  # fmt: skip


def dispatch(function: Any, inputs: Any, options: dict[str, Any]) -> Any:
    """Do what a NumPy function does when one of its arguments is a Tensor."""
    if options.get("out") is not None:
        what = "a Tensor cannot be written into an existing array (out=, or array += t)"
        advice = "its graph would be lost. Write array = array + t, or use t.data."
        raise TypeError(f"{_name(function)}: {what}: {advice}")
    if function in DIFFERENTIABLE:
        ours = DIFFERENTIABLE[function]
        if options or not isinstance(function, np.ufunc):
            inputs, options = _translated(function, ours, inputs, options)
        return ours(*inputs, **options)
    if function in CONSTANT:
        filled = [*inputs[1:], *options.values()] if function is np.full_like else ()
        if any(isinstance(x, Node) and x._requires_grad for x in filled):
            raise TypeError("np.full_like: t would lose its graph; use tl.broadcast_to(t, shape)")
        return function(*map(data_of, inputs), **{key: data_of(x) for key, x in options.items()})
    advice = "Compose it from functions of tinygrad_loss, or use t.data, without a gradient."
    raise TypeError(f"{_name(function)} has no derivative in this library. {advice}")


@cache
def _names(function: Any, ours: Any) -> tuple[dict[str, str], dict[str, Any], bool]:
    """Return our names for NumPy's arguments, NumPy's defaults, and if only positions count."""
    names = {name: name for name in inspect.signature(ours).parameters}
    try:
        theirs = inspect.signature(function).parameters
    except ValueError:  # before NumPy 2.4 some functions in C have no signature
        return names, {}, True
    pairs = zip(theirs, list(names), strict=False)  # our x is a, v or arr in NumPy
    names |= {a: b for a, b in pairs if a not in names and b not in theirs}
    several = any(p.kind is p.VAR_POSITIONAL for p in theirs.values())
    return names, {name: p.default for name, p in theirs.items()}, several


def _translated(function: Any, ours: Any, inputs: Any, options: dict[str, Any]) -> tuple[Any, Any]:
    """Return NumPy's arguments in our order, by our names; refuse those that we do not have."""
    names, defaults, by_position = _names(function, ours)
    given = options if by_position else dict(zip(defaults, inputs, strict=False)) | options
    named: dict[str, Any] = {}
    for name, value in given.items():
        default = defaults.get(name, inspect.Parameter.empty)
        if value is default or (isinstance(value, str) and value == default):
            continue
        if name not in names:
            what = f"{_name(function)}: {name}= cannot be given where an input is a Tensor"
            raise TypeError(f"{what}. Leave it out, or use t.data, without a gradient.")
        named[names[name]] = value
    return inputs if by_position else (), named


def _name(function: Any) -> str:
    """Return a function's name as it is written in code: np.exp, np.linalg.det, np.add.reduce."""
    owner = getattr(function, "__self__", None)
    if isinstance(owner, np.ufunc):
        return f"{_name(owner)}.{function.__name__}"
    name = getattr(function, "__name__", str(function))
    if isinstance(function, np.ufunc):  # SciPy's ufuncs do not know their module
        return f"np.{name}" if getattr(np, name, None) is function else name
    return f"{function.__module__.replace('numpy', 'np', 1)}.{name}"
