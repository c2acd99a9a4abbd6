"""The array that notes every NumPy call made on it."""

# ruff: noqa: D102 (the methods are those of numpy.ndarray)

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any
from weakref import ref

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ..engine.arrays import mapped
from ..engine.tensor import Tensor
from .values import NotTraceable, Value, astype, is_basic, with_added_at, with_item


def _converting(convert: Callable[..., Any], what: str) -> Any:
    """A method that converts the numbers of a constant, and refuses all others."""

    def method(self: TracedArray, *inputs: Any, **options: Any) -> Any:
        if self.value.constant:
            return convert(self.value.array, *inputs, **options)
        raise NotTraceable(
            f"{what} needs the numbers of an array that depends on the step's inputs or "
            "parameters. They differ at each call, and in straight-line code a branch or a number "
            "taken from them would be frozen. Choose with where(condition, a, b), or compute it "
            "outside and pass it as an input."
        )

    return method


class TracedArray(NDArrayOperatorsMixin):
    """An array that computes with the example's numbers and notes what was computed.

    It takes over NumPy's functions by their protocols, and refuses whatever needs the numbers
    themselves, because these differ from call to call of the step.
    """

    __slots__ = ("__weakref__", "_base", "_viewed", "trace", "value")

    def __init__(
        self, value: Value, trace: Any, base: TracedArray | None = None, viewed: bool = False
    ) -> None:
        self.value = value
        self.trace = trace
        self._base = base  # what this is a view of
        self._viewed = viewed  # whether there is another view of it, as the caller has of inputs
        trace.alive.append(ref(self))

    shape = property(lambda self: self.value.array.shape)
    ndim = property(lambda self: self.value.array.ndim)
    size = property(lambda self: self.value.array.size)
    dtype = property(lambda self: self.value.array.dtype)
    itemsize = property(lambda self: self.value.array.itemsize)
    nbytes = property(lambda self: self.value.array.nbytes)

    def _apply(self, function: Callable[..., Any], *inputs: Any, **options: Any) -> TracedArray:
        return TracedArray(self.trace.apply(function, *inputs, **options), self.trace)

    def _view(self, function: Callable[..., Any], *inputs: Any) -> TracedArray:
        self._viewed = True
        return TracedArray(self.trace.apply(function, self, *inputs), self.trace, self)

    def _write(self, value: Value, what: str) -> None:
        """From now on this array stands for ``value``."""
        if self._base is not None or self._viewed:
            raise NotTraceable(
                f"{what} into an input, a parameter, or an array that shares its memory "
                "with a view of it cannot be traced. Write into a copy(). (The step changes "
                "nothing but its own memory: updates belong outside the function.)"
            )
        self.value = value

    # --- NumPy's protocols ---

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if any(isinstance(x, Tensor) for x in inputs):
            return NotImplemented
        if method == "at":
            x, index, *operands = inputs
            if ufunc is not np.add or not isinstance(x, TracedArray):
                raise NotTraceable(
                    f"np.{ufunc.__name__}.at can be traced for np.add, on an array made "
                    "inside the function from one of its inputs, e.g. by np.zeros_like."
                )
            x._write(self.trace.apply(with_added_at, x, index, *operands), "np.add.at")
            return None
        out = options.pop("out", (None,))[0]
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        if ufunc.nout != 1 or options.get("where", True) is not True:
            raise NotTraceable(
                f"np.{ufunc.__name__} with several outputs or with where= cannot be "
                "traced. Use np.where(condition, a, b) to choose."
            )
        if out is None:
            return self._apply(function, *inputs, **options)
        if not isinstance(out, TracedArray):
            raise NotTraceable(
                f"np.{ufunc.__name__} writes what depends on the step's inputs into an "
                "array made outside. Make the array inside the function: np.empty_like(x)."
            )
        value = self.trace.apply(function, *inputs, **options)
        if value.dtype != out.dtype:
            if not np.can_cast(value.dtype, out.dtype, options.get("casting", "same_kind")):
                raise NotTraceable(
                    f"np.{ufunc.__name__} cannot write {value.dtype} into an array of {out.dtype}; "
                    "make that array of the dtype of the result"
                )
            value = self.trace.apply(astype, value, out.dtype)
        if value.shape != out.shape:
            value = self.trace.apply(np.broadcast_to, value, out.shape)
        out._write(value, f"np.{ufunc.__name__}")
        return out

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> Any:
        if any(issubclass(kind, Tensor) for kind in types):
            return NotImplemented
        if function in _TEXT:
            return repr(self)
        if function in _STATIC:
            made = function(*mapped(_example, inputs), **mapped(_example, options))
            if not isinstance(made, np.ndarray):
                return made
            return TracedArray(self.trace.constant(made), self.trace)
        if function in _VALUE_SHAPES or (function is np.where and len(inputs) == 1):
            raise NotTraceable(
                f"the shape of np.{function.__name__} depends on the values of its input, "
                "but the step is straight-line code for fixed shapes. Use np.where(condition, a, "
                "b), or compute it outside and pass it as an input."
            )
        if not (inputs and isinstance(inputs[0], TracedArray)):
            return self._apply(function, *inputs, **options)
        x, *others = inputs
        if function is np.copy:
            return x.copy()
        if function in _RESHAPING:
            if options.pop("order", "C") != "C":
                raise NotTraceable(f"{function.__name__} cannot be traced but with order='C'")
            return x._view(np.reshape, function(x.value.array, *others, **options).shape)
        if function in _TRANSPOSING:
            # Of an array whose sizes number its axes, the new shape is the new order of the axes.
            numbered = np.empty(tuple(range(x.ndim)))
            return x._view(np.transpose, function(numbered, *others, **options).shape)
        if function in _REDUCTIONS:
            return x._reduced(_REDUCTIONS[function], *others, **options)
        if function is np.mean and x.dtype.char in "fd" and options.keys() <= {"axis", "keepdims"}:
            total = x._reduced(np.add, *others, **options)
            return total / (x.size // max(total.size, 1))
        return self._apply(function, *inputs, **options)

    # --- methods, as calls of NumPy's functions ---

    def _reduced(
        self, ufunc: Any, axis: Any = None, dtype: Any = None, keepdims: Any = False, **options: Any
    ) -> Any:
        """As the method of an array, which NumPy computes by the method of the ufunc."""
        options |= {"dtype": dtype} if dtype is not None else {}
        options |= {"keepdims": True} if keepdims else {}
        return ufunc.reduce(self, axis=axis, **options)

    T = property(lambda self: self.transpose())
    mT = property(lambda self: self.swapaxes(-1, -2))

    def reshape(self, *shape: Any, **options: Any) -> Any:
        return np.reshape(self, shape[0] if len(shape) == 1 else shape, **options)

    def transpose(self, *axes: Any) -> Any:
        return np.transpose(self, axes[0] if len(axes) == 1 else axes or None)

    def flatten(self) -> Any:
        return self.reshape(-1)

    def astype(self, dtype: Any, **_: Any) -> TracedArray:
        return self._apply(astype, self, np.dtype(dtype))

    def copy(self, order: str = "K") -> TracedArray:
        return TracedArray(self.value, self.trace)

    __copy__ = __deepcopy__ = copy

    def __len__(self) -> int:
        return len(self.value.array)

    def __iter__(self) -> Iterator[TracedArray]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: Any) -> TracedArray:
        parts = index if isinstance(index, tuple) else (index,)
        traced = [x.value for x in parts if isinstance(x, TracedArray)]
        if any(x.dtype == bool and not x.constant for x in traced):
            raise NotTraceable(
                "how many elements x[mask] has depends on the values of the mask, but "
                "the step is straight-line code for fixed shapes. Use where(mask, x, 0)."
            )
        if all(i is None or i is Ellipsis or _is_whole(i) for i in parts):
            return self._view(np.reshape, self.value.array[index].shape)
        if is_basic(index):
            return self._view(operator.getitem, index)
        return self._apply(operator.getitem, self, index)

    def __setitem__(self, index: Any, item: Any) -> None:
        self._write(self.trace.apply(with_item, self, index, item), "writing")

    __array__ = _converting(np.array, "converting to a NumPy array")
    __bool__ = _converting(bool, "a condition (if, while, and, or, assert)")
    __float__ = _converting(float, "float()")
    __int__ = _converting(int, "int()")
    __complex__ = _converting(complex, "complex()")
    __index__ = _converting(lambda x: operator.index(x[()]), "an index or a size")
    item = _converting(np.ndarray.item, "item()")
    tolist = _converting(np.ndarray.tolist, "tolist()")
    _formatted = _converting(lambda x, spec: format(x.item(), spec), "format()")

    def __repr__(self) -> str:
        return f"<traced array of shape {self.shape} and dtype {self.dtype}>"

    def __format__(self, spec: str) -> str:
        return self._formatted(spec) if spec else repr(self)


def _is_whole(i: Any) -> bool:
    return isinstance(i, slice) and i.start is i.stop is i.step is None


def _example(x: Any) -> Any:
    return x.value.array if isinstance(x, TracedArray) else x


_TEXT = {np.array2string, np.array_repr, np.array_str}
# Their results depend on shapes and dtypes only, and so are constant.
_STATIC = {
    np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.iscomplexobj, np.isrealobj,
    np.zeros_like, np.ones_like, np.empty_like,
}  # fmt: skip
_VALUE_SHAPES = {
    np.nonzero, np.flatnonzero, np.argwhere, np.unique, np.compress, np.extract, np.trim_zeros,
    np.union1d, np.intersect1d, np.setdiff1d, np.setxor1d, np.bincount, np.histogram, np.delete,
    np.repeat, np.unique_all, np.unique_counts, np.unique_inverse, np.unique_values,
}  # fmt: skip
_RESHAPING = {np.reshape, np.ravel, np.squeeze, np.expand_dims}
_TRANSPOSING = {np.transpose, np.matrix_transpose, np.swapaxes, np.moveaxis}
_REDUCTIONS = {
    np.sum: np.add, np.prod: np.multiply, np.max: np.maximum, np.min: np.minimum,
    np.any: np.logical_or, np.all: np.logical_and,
}  # fmt: skip


def _method(function: Callable[..., Any]) -> Any:
    """A method that calls NumPy's function, which comes back to ``__array_function__``."""
    return lambda self, *inputs, **options: function(self, *inputs, **options)


for _name in (
    "sum", "prod", "max", "min", "any", "all", "mean", "var", "std", "argmax", "argmin", "argsort",
    "clip", "round", "take", "dot", "ravel", "squeeze", "swapaxes",
):  # fmt: skip
    setattr(TracedArray, _name, _method(getattr(np, _name)))
