"""How Python's operators and NumPy's functions come to the ops.

``t + u``, ``1 / t``, ``t[i]``, ``t.exp()``, ``np.exp(t)`` and ``np.where(mask, t, 0)`` all end in
an op of the table. For the operators and methods, functions are attached to Tensor. For NumPy's,
Tensor answers the two protocols by which NumPy lets other arrays take over: ``__array_ufunc__``
(NEP 13) for elementwise functions and ``__array_function__`` (NEP 18) for the others.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from . import functions, ops
from .backprop import backward
from .methods import data_of
from .tensor import Op, Tensor


def _linalg_norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    if ord is not None:
        raise TypeError(f"norm: ord={ord!r} has no derivative here; the Euclidean one, None, has")
    return ops.norm(x, axis=axis, keepdims=keepdims)


def _clip(x: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    return ops.clip(x, a_min if min is None else min, a_max if max is None else max)


# What NumPy's functions do when they meet a Tensor.
DIFFERENTIABLE: dict[Callable[..., Any], Callable[..., Any]] = {
    op.forward: op
    for op in vars(ops).values()
    if isinstance(op, Op) and isinstance(op.forward, np.ufunc)
} | {
    np.abs: ops.absolute, np.matmul: ops.matmul, np.where: ops.where, np.clip: _clip,
    np.sum: ops.sum, np.mean: ops.mean, np.max: ops.max, np.amax: ops.max, np.min: ops.min,
    np.amin: ops.min, np.var: functions.var, np.std: functions.std, np.prod: functions.prod,
    np.linalg.norm: _linalg_norm, np.reshape: ops.reshape, np.transpose: ops.transpose,
    np.swapaxes: ops.swapaxes, np.squeeze: ops.squeeze, np.expand_dims: ops.expand_dims,
    np.broadcast_to: ops.broadcast_to, np.concatenate: ops.concatenate, np.stack: functions.stack,
}  # fmt: skip

# What has the derivative zero or none: on Tensors it computes plain arrays from plain arrays.
CONSTANT: set[Callable[..., Any]] = {
    np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal, np.logical_and,
    np.logical_or, np.logical_not, np.isnan, np.isinf, np.isfinite, np.sign, np.signbit, np.floor,
    np.ceil, np.rint, np.round, np.argmax, np.argmin, np.argsort, np.any, np.all, np.count_nonzero,
    np.array_equal, np.allclose, np.isclose, np.shape, np.ndim, np.size, np.result_type,
    np.zeros_like, np.ones_like, np.empty_like, np.full_like,
}  # fmt: skip


def dispatch(function: Any, inputs: Any, options: dict[str, Any]) -> Any:
    """Do what a NumPy function does, one of whose arguments is a Tensor."""
    name = f"np.{getattr(function, '__name__', function)}"
    if options.get("out") is not None:
        raise TypeError(
            f"{name}: a Tensor cannot be written into an existing array (out=, or array += t): its "
            "graph would be lost. Write array = array + t, or use t.data for the values alone."
        )
    if function in DIFFERENTIABLE:
        return DIFFERENTIABLE[function](*inputs, **options)
    if function in CONSTANT:
        return function(*map(data_of, inputs), **{key: data_of(x) for key, x in options.items()})
    raise TypeError(
        f"{name} has no derivative in this library. Compose it from functions of tinygrad_loss, "
        "or apply it to t.data, through which no gradient flows."
    )


def _of_ufunc(t: Tensor, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
    return dispatch(ufunc if method == "__call__" else getattr(ufunc, method), inputs, options)


METHODS: dict[str, Any] = {
    "__array_ufunc__": _of_ufunc,
    "__array_function__": lambda t, function, _, inputs, options: dispatch(
        function, inputs, options
    ),
    "__getitem__": lambda t, index: ops.getitem(t, data_of(index)),
    "__neg__": lambda t: ops.negative(t),
    "__pos__": lambda t: t,
    "__abs__": lambda t: ops.absolute(t),
    "abs": lambda t: ops.absolute(t),
    "reshape": lambda t, *shape: ops.reshape(t, shape[0] if len(shape) == 1 else shape),
    "transpose": lambda t, *axes: ops.transpose(t, axes[0] if len(axes) == 1 else axes or None),
    "swapaxes": lambda t, a, b: ops.swapaxes(t, a, b),
    "argmax": lambda t, axis=None: t.data.argmax(axis),
    "argmin": lambda t, axis=None: t.data.argmin(axis),
    "var": functions.var,
    "std": functions.std,
    "prod": functions.prod,
    "gelu": functions.gelu,
    "backward": backward,
    "T": property(lambda t: ops.transpose(t)),
    "mT": property(lambda t: ops.swapaxes(t, -1, -2)),
}


def _attach() -> None:
    """Give Tensor its methods: functions, since only these receive the Tensor as self."""
    arithmetic = {
        "add": ops.add, "sub": ops.subtract, "mul": ops.multiply, "truediv": ops.divide,
        "pow": ops.power, "matmul": ops.matmul,
    }  # fmt: skip
    for name, f in arithmetic.items():
        METHODS[f"__{name}__"] = lambda t, other, f=f: f(t, other)
        METHODS[f"__r{name}__"] = lambda t, other, f=f: f(other, t)
    for name in ("lt", "le", "gt", "ge", "eq", "ne"):
        compare = getattr(operator, name)
        METHODS[f"__{name}__"] = lambda t, other, f=compare: f(t.data, data_of(other))
    for op in (
        ops.exp, ops.expm1, ops.log, ops.log1p, ops.log2, ops.sqrt, ops.square, ops.sin, ops.cos,
        ops.tanh, ops.erf, ops.sigmoid, ops.relu, ops.leaky_relu, ops.softplus, ops.clip,
        ops.astype, ops.sum, ops.mean, ops.max, ops.min, ops.norm, ops.softmax, ops.log_softmax,
        ops.logsumexp, ops.squeeze, ops.maximum, ops.minimum, ops.logaddexp, ops.expand_dims,
        ops.broadcast_to,
    ):  # fmt: skip
        METHODS[op.name] = lambda t, *inputs, op=op, **options: op(t, *inputs, **options)
    for name, method in METHODS.items():
        setattr(Tensor, name, method)


_attach()
