"""The array that notes every NumPy call made on it."""

# ruff: noqa: D102 (the methods are those of numpy.ndarray)

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from .values import Value, astype, replaced, with_added_at, with_item


class TracedArray:
    """An array that computes with the example's numbers and notes what was computed.

    It takes over NumPy's functions by their protocols, and refuses whatever needs the numbers
    themselves, because these differ from call to call of the step.
    """

    __slots__ = ("_base", "_viewed", "trace", "value")

    def __init__(
        self, value: Value, trace: Any, base: TracedArray | None = None, viewed: bool = False
    ) -> None:
        self.value = value
        self.trace = trace
        self._base = base  # what this is a view of
        self._viewed = viewed  # whether there is another view of it, as the caller has of inputs

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
            raise TypeError(
                f"unroll: {what} into an input, a parameter, or an array that shares its memory "
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
                raise TypeError(
                    f"unroll: np.{ufunc.__name__}.at can be traced for np.add, on an array made "
                    "inside the function from one of its inputs, e.g. by np.zeros_like."
                )
            x._write(self.trace.apply(with_added_at, x, index, *operands), "np.add.at")
            return None
        out = options.pop("out", (None,))[0]
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        if ufunc.nout != 1 or options.get("where", True) is not True:
            raise TypeError(
                f"unroll: np.{ufunc.__name__} with several outputs or with where= cannot be "
                "traced. Use np.where(condition, a, b) to choose."
            )
        if out is None:
            return self._apply(function, *inputs, **options)
        if not isinstance(out, TracedArray):
            raise TypeError(
                f"unroll: np.{ufunc.__name__} writes what depends on the step's inputs into an "
                "array made outside. Make the array inside the function: np.empty_like(x)."
            )
        value = self.trace.apply(function, *inputs, **options)
        if value.dtype != out.dtype:
            if not np.can_cast(value.dtype, out.dtype, options.get("casting", "same_kind")):
                raise TypeError(
                    f"np.{ufunc.__name__}: cannot write {value.dtype} into an array of {out.dtype}"
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
            return function(*replaced(inputs, _stand_in), **replaced(options, _stand_in))
        if function in _CONSTANT and not isinstance(
            options.get("fill_value", inputs[-1] if inputs[1:] else None), TracedArray
        ):
            made = function(*replaced(inputs, _stand_in), **replaced(options, _stand_in))
            return TracedArray(self.trace.constant(made), self.trace)
        if function in _VALUE_SHAPES or (function is np.where and len(inputs) == 1):
            raise TypeError(
                f"unroll: the shape of np.{function.__name__} depends on the values of its input, "
                "but the step is straight-line code for fixed shapes. Use np.where(condition, a, "
                "b), or compute it outside and pass it as an input."
            )
        if function in _METHODS:
            array, *others = inputs
            if isinstance(array, TracedArray):
                return _METHODS[function](array, *others, **options)
        return self._apply(function, *inputs, **options)

    # --- methods, as calls of NumPy's functions ---

    def sum(
        self, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False
    ) -> Any:
        return self._reduced(np.add, axis, out, keepdims, dtype=dtype)

    def prod(
        self, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False
    ) -> Any:
        return self._reduced(np.multiply, axis, out, keepdims, dtype=dtype)

    def max(self, axis: Any = None, out: Any = None, keepdims: bool = False, **initial: Any) -> Any:
        return self._reduced(np.maximum, axis, out, keepdims, **initial)

    def min(self, axis: Any = None, out: Any = None, keepdims: bool = False, **initial: Any) -> Any:
        return self._reduced(np.minimum, axis, out, keepdims, **initial)

    def any(self, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        return self._reduced(np.logical_or, axis, out, keepdims)

    def all(self, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        return self._reduced(np.logical_and, axis, out, keepdims)

    def _reduced(self, ufunc: Any, axis: Any, out: Any, keepdims: bool, **options: Any) -> Any:
        options = {name: option for name, option in options.items() if option is not None}
        if out is not None:
            options["out"] = out
        if keepdims:
            options["keepdims"] = True
        return ufunc.reduce(self, axis=axis, **options)

    def mean(self, axis: Any = None, *, keepdims: bool = False, **options: Any) -> Any:
        if options or self.dtype.kind != "f" or self.dtype.itemsize < 4:
            return self._apply(np.mean, self, axis=axis, keepdims=keepdims, **options)
        total = self.sum(axis=axis, keepdims=keepdims)
        return total / (self.size // max(total.size, 1))

    def var(self, axis: Any = None, **options: Any) -> Any:
        return self._apply(np.var, self, axis=axis, **options)

    def std(self, axis: Any = None, **options: Any) -> Any:
        return self._apply(np.std, self, axis=axis, **options)

    def argmax(self, axis: Any = None, **options: Any) -> Any:
        return self._apply(np.argmax, self, axis=axis, **options)

    def argmin(self, axis: Any = None, **options: Any) -> Any:
        return self._apply(np.argmin, self, axis=axis, **options)

    def argsort(self, axis: Any = -1, **options: Any) -> Any:
        return self._apply(np.argsort, self, axis=axis, **options)

    def clip(self, low: Any = None, high: Any = None, **options: Any) -> Any:
        return self._apply(np.clip, self, low, high, **options)

    def round(self, decimals: int = 0) -> Any:
        return self._apply(np.round, self, decimals)

    def take(self, index: Any, axis: Any = None) -> Any:
        return self._apply(np.take, self, index, axis=axis)

    def dot(self, other: Any) -> Any:
        return self._apply(np.dot, self, other)

    def astype(self, dtype: Any, **_: Any) -> TracedArray:
        return self._apply(astype, self, np.dtype(dtype))

    def copy(self, order: str = "K") -> TracedArray:
        return TracedArray(self.value, self.trace)

    __copy__ = copy

    def __deepcopy__(self, memo: Any) -> TracedArray:
        return self.copy()

    def reshape(self, *shape: Any, order: str = "C") -> TracedArray:
        shape = shape[0] if len(shape) == 1 else shape
        if order != "C":
            raise TypeError(f"unroll: reshape with order={order!r} cannot be traced; use order='C'")
        return self._view(np.reshape, np.broadcast_to(np.int8(0), self.shape).reshape(shape).shape)

    def ravel(self) -> TracedArray:
        return self.reshape(-1)

    flatten = ravel

    def transpose(self, *axes: Any) -> TracedArray:
        given = axes[0] if len(axes) == 1 else axes or None
        order = range(self.ndim)[::-1] if given is None else [axis % self.ndim for axis in given]
        return self._view(np.transpose, tuple(int(axis) for axis in order))

    def swapaxes(self, a: int, b: int) -> TracedArray:
        order = list(range(self.ndim))
        order[a], order[b] = order[b], order[a]
        return self.transpose(order)

    def squeeze(self, axis: Any = None) -> TracedArray:
        return self.reshape(np.broadcast_to(np.int8(0), self.shape).squeeze(axis=axis).shape)

    T = property(lambda self: self.transpose())
    mT = property(lambda self: self.swapaxes(-1, -2))

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("len() of an array without dimensions")
        return int(self.shape[0])

    def __iter__(self) -> Iterator[TracedArray]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: Any) -> TracedArray:
        parts = index if isinstance(index, tuple) else (index,)
        for part in parts:
            if isinstance(part, TracedArray) and part.dtype == bool and not part.value.constant:
                raise TypeError(
                    "unroll: how many elements x[mask] has depends on the values of the mask, but "
                    "the step is straight-line code for fixed shapes. Use where(mask, x, 0)."
                )
        if all(
            i is None or i is Ellipsis or (isinstance(i, slice) and i == slice(None)) for i in parts
        ):
            return self.reshape(np.broadcast_to(np.int8(0), self.shape)[index].shape)
        if all(isinstance(i, int | np.integer | slice | type(None) | type(...)) for i in parts):
            return self._view(operator.getitem, index)
        return self._apply(operator.getitem, self, index)

    def __setitem__(self, index: Any, item: Any) -> None:
        self._write(self.trace.apply(with_item, self, index, item), "writing")

    # --- what the straight-line code cannot do ---

    def _refuse(self, what: str) -> Any:
        if self.value.constant:
            return self.value.array
        raise TypeError(
            f"unroll: {what} needs the numbers of an array that depends on the step's inputs or "
            "parameters. They differ at each call, while the step is straight-line code: a "
            "branch or a number taken from them would be frozen at its value for the example. "
            "Choose with where(condition, a, b), keep to functions of tinygrad_loss and NumPy, or "
            "compute it outside and pass it as an input."
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.array(self._refuse("converting to a NumPy array"), dtype=dtype)

    def __bool__(self) -> bool:
        return bool(self._refuse("a condition (if, while, and, or, assert)"))

    def __float__(self) -> float:
        return float(self._refuse("float()"))

    def __int__(self) -> int:
        return int(self._refuse("int()"))

    def __complex__(self) -> complex:
        return complex(self._refuse("complex()"))

    def __index__(self) -> int:
        return operator.index(self._refuse("an index or a size")[()])

    def item(self, *index: Any) -> Any:
        return self._refuse("item()").item(*index)

    def tolist(self) -> Any:
        return self._refuse("tolist()").tolist()

    def __repr__(self) -> str:
        return f"<traced array of shape {self.shape} and dtype {self.dtype}>"

    def __format__(self, spec: str) -> str:
        return format(self._refuse("format()").item(), spec) if spec else repr(self)

    # Elements are compared, as in NumPy, so an array has no hash.
    __hash__ = None  # type: ignore[assignment]


def _stand_in(x: Any) -> Any:
    """An array of the same shape and dtype that takes no memory, where values do not matter."""
    if isinstance(x, TracedArray):
        return np.broadcast_to(np.zeros((), x.dtype), x.shape)
    return x


def _operators() -> None:
    """Give TracedArray Python's operators, each as a call of its ufunc."""
    ufuncs = {
        "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide,
        "floordiv": np.floor_divide, "mod": np.remainder, "pow": np.power, "matmul": np.matmul,
        "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
        "lshift": np.left_shift, "rshift": np.right_shift,
    }  # fmt: skip
    compare = {
        "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
        "eq": np.equal, "ne": np.not_equal,
    }  # fmt: skip

    def infix(ufunc: Any) -> Any:
        return lambda a, b: NotImplemented if isinstance(b, Tensor) else ufunc(a, b)

    for name, ufunc in (ufuncs | compare).items():
        setattr(TracedArray, f"__{name}__", infix(ufunc))
    for name, ufunc in ufuncs.items():
        setattr(TracedArray, f"__r{name}__", lambda a, b, ufunc=ufunc: ufunc(b, a))
        setattr(TracedArray, f"__i{name}__", lambda a, b, ufunc=ufunc: ufunc(a, b, out=a))
    for name, ufunc in {
        "neg": np.negative,
        "abs": np.absolute,
        "invert": np.invert,
        "pos": np.positive,
    }.items():
        setattr(TracedArray, f"__{name}__", lambda a, ufunc=ufunc: ufunc(a))


_operators()


_TEXT = {np.array2string, np.array_repr, np.array_str}
# Their results depend on shapes and dtypes only, and so are constant.
_STATIC = {np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.iscomplexobj, np.isrealobj}
_CONSTANT = {np.zeros_like, np.ones_like, np.empty_like, np.full_like}
_VALUE_SHAPES = {
    np.nonzero, np.flatnonzero, np.argwhere, np.unique, np.compress, np.extract, np.trim_zeros,
    np.union1d, np.intersect1d, np.setdiff1d, np.setxor1d, np.bincount, np.histogram, np.delete,
    np.repeat, np.unique_all, np.unique_counts, np.unique_inverse, np.unique_values,
}  # fmt: skip
_METHODS: dict[Any, Callable[..., Any]] = {
    np.sum: TracedArray.sum, np.prod: TracedArray.prod, np.mean: TracedArray.mean,
    np.max: TracedArray.max, np.amax: TracedArray.max, np.min: TracedArray.min,
    np.amin: TracedArray.min, np.any: TracedArray.any, np.all: TracedArray.all,
    np.ravel: TracedArray.ravel, np.swapaxes: TracedArray.swapaxes, np.copy: TracedArray.copy,
    np.squeeze: TracedArray.squeeze, np.take: TracedArray.take, np.clip: TracedArray.clip,
    np.argmax: TracedArray.argmax, np.argmin: TracedArray.argmin,
    np.reshape: lambda a, shape, order="C", copy=None: a.reshape(shape, order=order),
    np.transpose: lambda a, axes=None: a.transpose(axes),
}  # fmt: skip
