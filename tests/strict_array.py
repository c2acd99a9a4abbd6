"""A stand-in for CuPy's ndarray, since no machine that runs these tests has a GPU.

``StrictArray`` does what CuPy 14.2 was seen to do on an H200, and what its source says: it computes
with NumPy, but meets no array of NumPy's, and becomes none unless asked to by ``get()``. Where two
readings are possible it takes the stricter: CuPy brings a NumPy array given as an *index* to the
device, this one refuses it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

# NumPy's functions that CuPy's namespace does not have (its __init__.py and linalg/__init__.py).
LACKING = {
    "block", "einsum_path", "geomspace", "histogram_bin_edges", "insert", "matrix_norm", "matvec",
    "multi_dot", "nanpercentile", "nanquantile", "spacing", "svdvals", "unstack", "vecdot",
    "vecmat", "vector_norm",
}  # fmt: skip

# Functions that make arrays: with ``like=`` they are given what is NumPy's, and bring it over.
CREATION = {"arange", "array", "asanyarray", "asarray", "ascontiguousarray", "eye", "full",
            "identity", "linspace", "ones", "zeros"}  # fmt: skip

# Options of NumPy's functions and methods that CuPy's do not have.
FOREIGN_OPTIONS = {"initial", "where", "subok"}

METHODS = {  # with the names of their arguments in CuPy
    "all": "axis out keepdims", "any": "axis out keepdims", "argmax": "axis dtype out keepdims",
    "argmin": "axis dtype out keepdims", "argsort": "axis kind", "clip": "min max out",
    "cumsum": "axis dtype out", "diagonal": "offset axis1 axis2", "dot": "b out", "fill": "value",
    "flatten": "order", "max": "axis out keepdims", "mean": "axis dtype out keepdims",
    "min": "axis out keepdims", "nonzero": "", "prod": "axis dtype out keepdims", "ravel": "order",
    "repeat": "repeats axis", "round": "decimals out", "sort": "axis kind", "squeeze": "axis",
    "std": "axis dtype out ddof keepdims", "sum": "axis dtype out keepdims",
    "swapaxes": "axis1 axis2", "take": "indices axis out",
    "trace": "offset axis1 axis2 dtype out", "var": "axis dtype out ddof keepdims",
}  # fmt: skip


def bare(x: Any) -> Any:
    """What NumPy computes with, in place of StrictArrays; arrays of NumPy's are refused."""
    if isinstance(x, StrictArray):
        return x._values
    if isinstance(x, np.ndarray) and x.ndim:
        raise TypeError(f"Unsupported type {type(x)}")
    if isinstance(x, list | tuple):
        return type(x)(map(bare, x))
    return x


def wrapped(x: Any) -> Any:
    """StrictArrays in place of NumPy's arrays and scalars; named tuples become plain ones."""
    if isinstance(x, np.ndarray | np.generic):
        array = StrictArray.__new__(StrictArray)
        array._values = np.asarray(x)
        return array
    if isinstance(x, list | tuple):
        return (list if isinstance(x, list) else tuple)(map(wrapped, x))
    return x


class StrictArray(NDArrayOperatorsMixin):
    """An array that lives apart from NumPy's: see the module."""

    __slots__ = ("_values",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, values: Any) -> None:
        self._values = np.array(values)
        if self._values.dtype.kind not in "biufc":
            raise ValueError(f"Unsupported dtype {self._values.dtype}")

    # --- NumPy's protocols ---

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct "
            "a NumPy array explicitly."
        )

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        name = ufunc.__name__
        # Neither np.add.at and np.add.reduce, nor what np.frompyfunc made.
        if method != "__call__" or getattr(np, name, None) is not ufunc or name in LACKING:
            return NotImplemented
        out = options.get("out", ())
        if not all(isinstance(x, StrictArray | np.ndarray | np.generic | int | float | complex)
                   for x in (*inputs, *out)):  # fmt: skip
            return NotImplemented
        refuse_options(name, options)
        value = ufunc(*map(bare, inputs), **{key: bare(x) for key, x in options.items()})
        return out[0] if out else wrapped(value)

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> Any:
        name = function.__name__
        if name in LACKING or not all(issubclass(t, StrictArray | np.ndarray) for t in types):
            return NotImplemented
        if name in CREATION:
            inputs = [x._values if isinstance(x, StrictArray) else x for x in inputs]
            return StrictArray(function(*inputs, **options))
        refuse_options(name, options)
        out = options.get("out")
        value = function(*map(bare, inputs), **{key: bare(x) for key, x in options.items()})
        if name in ("allclose", "array_equal", "array_equiv"):
            value = np.bool_(value)
        return wrapped(value) if out is None else out

    # --- what it is ---

    shape = property(lambda self: self._values.shape)
    ndim = property(lambda self: self._values.ndim)
    size = property(lambda self: self._values.size)
    dtype = property(lambda self: self._values.dtype)
    itemsize = property(lambda self: self._values.itemsize)
    nbytes = property(lambda self: self._values.nbytes)
    strides = property(lambda self: self._values.strides)
    T = property(lambda self: wrapped(self._values.T))
    real = property(lambda self: wrapped(self._values.real))
    base = property(lambda self: wrapped(self._values.base))
    flags = property(lambda self: Flags(self._values))
    flat = property(lambda self: self.ravel())  # to read only

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Any:
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return repr(self._values)

    def __str__(self) -> str:
        return str(self._values)

    # --- copies on the host ---

    def get(self) -> Any:
        return self._values.copy()

    def item(self) -> Any:
        return self._values.item()

    def tolist(self) -> Any:
        return self._values.tolist()

    def tobytes(self) -> bytes:
        return self._values.tobytes()

    def __bool__(self) -> bool:
        return bool(self._values)

    def __int__(self) -> int:
        return int(self._values)

    def __float__(self) -> float:
        return float(self._values)

    def __format__(self, spec: str) -> str:
        return format(self._values, spec)

    def __reduce__(self) -> Any:
        return StrictArray, (self.get(),)

    def __copy__(self) -> StrictArray:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> StrictArray:
        return self.copy()

    # --- other arrays ---

    def copy(self, order: str = "C") -> StrictArray:
        return wrapped(self._values.copy(order))

    def view(self) -> StrictArray:
        return wrapped(self._values.view())

    def astype(self, dtype: Any, order: str = "K", copy: bool = True) -> StrictArray:
        if not copy and self.dtype == dtype:
            return self
        return StrictArray(self._values.astype(dtype, order))

    def reshape(self, *shape: Any, order: str = "C") -> StrictArray:
        return wrapped(self._values.reshape(*shape, order=order))

    def transpose(self, *axes: Any) -> StrictArray:
        return wrapped(self._values.transpose(*axes))

    def __getitem__(self, index: Any) -> StrictArray:
        return wrapped(self._values[place(index)])

    def __setitem__(self, index: Any, value: Any) -> None:
        self._values[place(index)] = bare(value)


def place(index: Any) -> Any:
    """The index for NumPy, with an Ellipsis: so a single element is a view without dimensions."""
    index = tuple(map(bare, index if isinstance(index, tuple) else (index,)))
    return index if any(i is Ellipsis for i in index) else (*index, Ellipsis)


def refuse_options(name: str, options: dict[str, Any]) -> None:
    if refused := FOREIGN_OPTIONS & options.keys():
        raise TypeError(f"{name}() got an unexpected keyword argument {refused.pop()!r}")


class Flags:
    """CuPy's: nothing says whether an array can be written, and nothing can make it read-only."""

    def __init__(self, values: Any) -> None:
        self.c_contiguous = values.flags.c_contiguous
        self.f_contiguous = values.flags.f_contiguous
        self.owndata = values.flags.owndata


def method(name: str, arguments: str) -> Any:
    def call(self: StrictArray, *inputs: Any, **options: Any) -> Any:
        given = dict(zip(arguments.split(), inputs, strict=False))
        if len(given) < len(inputs) or not options.keys() <= {*arguments.split()}:
            raise TypeError(f"{name}() got unexpected arguments: {inputs}, {options}")
        out = (given | options).get("out")
        value = getattr(self._values, name)(
            *map(bare, inputs), **{key: bare(x) for key, x in options.items()}
        )
        return wrapped(value) if out is None else out

    call.__name__ = name
    return call


for _name, _arguments in METHODS.items():
    setattr(StrictArray, _name, method(_name, _arguments))
