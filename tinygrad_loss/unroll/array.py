"""The array that notes every NumPy call made on it."""

import operator
from collections.abc import Callable, Iterator
from functools import partial, partialmethod
from typing import Any
from weakref import ref

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ..engine.arrays import mapped
from ..engine.ops import is_basic
from ..engine.tensor import Tensor
from .values import NotTraceable, Value, astype, with_added_at, with_item

_METHODS = {  # that are functions of NumPy, too
    "sum", "prod", "max", "min", "any", "all", "mean", "var", "std", "argmax", "argmin", "argsort",
    "clip", "round", "take", "dot", "ravel", "squeeze", "swapaxes", "cumsum",
}  # fmt: skip
# The results of these functions are constant, as they depend on shapes and dtypes only.
_STATIC = {
    np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.iscomplexobj, np.isrealobj,
    np.zeros_like, np.ones_like, np.empty_like,
}  # fmt: skip
_VALUE_SHAPES = {
    np.nonzero, np.flatnonzero, np.argwhere, np.unique, np.compress, np.extract, np.trim_zeros,
    np.union1d, np.intersect1d, np.setdiff1d, np.setxor1d, np.bincount, np.histogram, np.delete,
    np.repeat, np.unique_all, np.unique_counts, np.unique_inverse, np.unique_values,
}  # fmt: skip
_FIXED_SHAPES = "depends on values. Use np.where(condition, a, b), or pass it in, made outside."
_RESHAPING = {np.reshape, np.ravel, np.squeeze, np.expand_dims}
_TRANSPOSING = {np.transpose, np.matrix_transpose, np.swapaxes, np.moveaxis}
_REDUCTIONS: dict[Any, Any] = {
    np.sum: np.add, np.prod: np.multiply, np.max: np.maximum, np.min: np.minimum,
    np.any: np.logical_or, np.all: np.logical_and,
}  # fmt: skip


def _converting(convert: Callable[..., Any], what: str) -> Any:
    """A method that converts the numbers of a constant, and refuses all others."""

    def method(self: "TracedArray", *inputs: Any, **options: Any) -> Any:
        if self.value.constant:
            return convert(self.value.array, *inputs, **options)
        raise NotTraceable(
            f"{what} needs the numbers of an array, which differ at each call: a branch would be "
            "frozen. Choose with where(condition, a, b), or compute it outside and pass it in."
        )

    return method


class TracedArray(NDArrayOperatorsMixin):
    """An array that computes with the example's numbers, but tells nobody: each call has others."""

    __slots__ = ("__weakref__", "_base", "_viewed", "trace", "value")

    def __init__(self, value: Value, trace: Any, base: Any = None, viewed: bool = False) -> None:
        self.value = value
        self.trace = trace
        self._base = base  # what this is a view of
        self._viewed = viewed  # whether there is another view of it, as the caller has of inputs
        trace.alive.append(ref(self))

    def __getattr__(self, name: str) -> Any:
        if name in ("shape", "ndim", "size", "dtype", "itemsize", "nbytes"):
            return getattr(self.value.array, name)
        if name in _METHODS:
            return partial(getattr(np, name), self)
        raise AttributeError(f"unroll: arrays have no {name} while traced; use NumPy's functions")

    def _view(self, function: Callable[..., Any], *inputs: Any) -> "TracedArray":
        self._viewed = True
        return TracedArray(self.trace.apply(function, self, *inputs), self.trace, self)

    def _apply(self, function: Any, *inputs: Any, out: Any = None, **options: Any) -> "TracedArray":
        """Note a call; ``out``, unless it is None, then stands for the result, if that fits."""
        value = self.trace.apply(function, *inputs, **options)
        if out is None:
            return TracedArray(value, self.trace)
        if (value.shape, value.dtype) != (out.shape, out.dtype):
            casting = options.get("casting", "same_kind")
            np.copyto(np.empty(out.shape, out.dtype), value.array, casting)  # or NumPy's error
            value = self.trace.apply(astype, value, out.dtype)
            value = self.trace.apply(np.broadcast_to, value, out.shape)
        return _written(out, value, f"np.{getattr(function, '__name__', function)}")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if any(isinstance(x, Tensor) for x in inputs):
            return NotImplemented
        if ufunc is np.add and method == "at":
            _written(inputs[0], self.trace.apply(with_added_at, *inputs), "np.add.at")
            return None
        if ufunc.nout != 1 or method == "at" or options.get("where", True) is not True:
            raise NotTraceable(
                f"np.{ufunc.__name__}: several outputs, where= and at(), but for np.add.at, cannot "
                "be traced. Use np.where(condition, a, b) to choose, or other functions."
            )
        options["out"] = options.get("out", (None,))[0]
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        return self._apply(function, *inputs, **options)

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> Any:
        if any(issubclass(kind, Tensor) for kind in types):
            return NotImplemented
        if function in (np.array2string, np.array_repr, np.array_str):
            return repr(self)
        if function in _STATIC:
            made = function(*mapped(numbers, inputs), **mapped(numbers, options))
            is_array = isinstance(made, np.ndarray)
            return TracedArray(self.trace.constant(made), self.trace) if is_array else made
        if function in _VALUE_SHAPES or (function is np.where and len(inputs) == 1):
            raise NotTraceable(f"the shape of np.{function.__name__} {_FIXED_SHAPES}")
        if options.get("out") is not None or not (inputs and isinstance(inputs[0], TracedArray)):
            return self._apply(function, *inputs, **options)
        x, *others = inputs
        if function in _RESHAPING:
            if options.pop("order", "C") != "C":
                raise NotTraceable(f"{function.__name__} cannot be traced but with order='C'")
            return x._view(np.reshape, function(x.value.array, *others, **options).shape)
        if function in _TRANSPOSING:
            # Of an array whose sizes number its axes, the new shape is the new order of the axes.
            numbered = np.empty(tuple(range(x.ndim)))
            return x._view(np.transpose, function(numbered, *others, **options).shape)
        if function in _REDUCTIONS and len(others) <= 1:  # as NumPy does, to save its checks
            axis = others[0] if others else options.pop("axis", None)
            kept = {"keepdims": True} if options.pop("keepdims", False) else {}
            return _REDUCTIONS[function].reduce(x, axis=axis, **options, **kept)
        return self._apply(function, *inputs, **options)

    T = property(lambda self: self.transpose())
    mT = property(lambda self: self.swapaxes(-1, -2))

    def reshape(self, *shape: Any, **options: Any) -> Any:
        return np.reshape(self, shape[0] if len(shape) == 1 else shape, **options)

    def transpose(self, *axes: Any) -> Any:
        return np.transpose(self, axes[0] if len(axes) == 1 else axes or None)

    flatten = partialmethod(reshape, -1)

    def astype(self, dtype: Any, **_: Any) -> "TracedArray":
        return self.copy() if self.dtype == dtype else self._apply(astype, self, np.dtype(dtype))

    def copy(self, order: str = "K") -> "TracedArray":
        return TracedArray(self.value, self.trace)

    __copy__ = __deepcopy__ = copy

    def __len__(self) -> int:
        return len(self.value.array)

    def __iter__(self) -> "Iterator[TracedArray]":
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: Any) -> "TracedArray":
        parts = index if isinstance(index, tuple) else (index,)
        traced = (x for x in parts if isinstance(x, TracedArray))
        if any(x.dtype == bool and not x.value.constant for x in traced):
            raise NotTraceable(f"how many elements x[mask] has {_FIXED_SHAPES}")
        if not is_basic(index):
            return self._apply(operator.getitem, self, index)
        part = self.value.array[index]
        if all(i in (None, ..., slice(None)) for i in parts):
            return self._view(np.reshape, part.shape)
        return self._view(operator.getitem, index)

    def __setitem__(self, index: Any, item: Any) -> None:
        _written(self, self.trace.apply(with_item, self, index, item), "writing")

    __array__ = _converting(np.array, "converting to a NumPy array")
    __bool__ = _converting(bool, "a condition (if, while, and, or, assert)")
    __float__ = _converting(float, "float()")
    __int__ = _converting(int, "int()")
    __index__ = _converting(lambda x: operator.index(x[()]), "an index or a size")
    item = _converting(np.ndarray.item, "item()")
    tolist = _converting(np.ndarray.tolist, "tolist()")

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else repr(self)

    def __repr__(self) -> str:
        return f"<traced array of shape {self.shape} and dtype {self.dtype}>"


def numbers(x: Any) -> Any:
    """The array in the example, of a Value or of a traced array."""
    x = x.value if isinstance(x, TracedArray) else x
    return x.array if isinstance(x, Value) else x


def _written(x: Any, value: Value, what: str) -> "TracedArray":
    """The array x, which from now on stands for ``value``."""
    if not isinstance(x, TracedArray) or x._base is not None or x._viewed:
        raise NotTraceable(
            f"{what} into an input, a parameter, an array made outside, or one that has a view, "
            "cannot be traced. Write into a copy(), or np.empty_like(x); updates belong outside."
        )
    x.value = value
    return x
