"""What makes a Tensor feel like an array: everything about it that is not differentiation."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .tensor import Tensor


class ArrayMethods:
    """Attributes and methods of arrays, for a class that holds one in ``_data``."""

    __slots__ = ()

    if TYPE_CHECKING:
        _data: Any
        name: str | None
        origin: Any
        grad: Any
        scopes: Any
        _retain: Any
        requires_grad: bool

        # Attached by protocol.py, which brings Python's operators and NumPy's functions to the ops.
        def _op(self, *inputs: Any, **options: Any) -> Tensor: ...
        def _constant(self, *inputs: Any, **options: Any) -> Any: ...
        def backward(self, grad: Any = None) -> None:
            """See ``backprop.backward``."""

        T: Tensor
        mT: Tensor
        __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = _op
        __rtruediv__ = __pow__ = __rpow__ = __matmul__ = __rmatmul__ = __neg__ = __pos__ = _op
        __abs__ = __getitem__ = abs = exp = expm1 = log = log1p = log2 = sqrt = square = _op
        tanh = erf = sigmoid = relu = leaky_relu = softplus = gelu = clip = astype = softmax = _op
        log_softmax = logsumexp = sum = mean = var = std = max = min = prod = norm = reshape = _op
        transpose = swapaxes = squeeze = expand_dims = broadcast_to = _op
        maximum = minimum = logaddexp = sin = cos = _op
        __lt__ = __le__ = __gt__ = __ge__ = argmax = argmin = _constant

    shape = property(attrgetter("_data.shape"))
    ndim = property(attrgetter("_data.ndim"))
    size = property(attrgetter("_data.size"))
    dtype = property(attrgetter("_data.dtype"))

    def item(self) -> Any:
        """The only element, as a Python number."""
        return self._data.item()

    def numpy(self) -> Any:
        """The data, shared, as an array; the graph does not know what is done with it."""
        return self._data

    def zero_grad(self) -> None:
        """Forget the gradient, so that the next ``backward()`` starts from nothing."""
        self.grad = None

    def __len__(self) -> int:
        return len(self._data)

    def __bool__(self) -> bool:
        return bool(self._data)

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __format__(self, spec: str) -> str:
        return format(self.item() if spec else str(self), spec)

    def __iter__(self) -> Iterator[Any]:
        if self.ndim == 0:
            raise TypeError("iteration over a Tensor without dimensions; its number is t.item()")
        return (self[i] for i in range(len(self)))

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError(
            "a Tensor cannot be written into: backward() would see new values with the old graph. "
            "Build another with where(mask, value, t) or concatenate([...]), or write into the "
            ".data of a leaf."
        )

    def __repr__(self) -> str:
        values = np.array2string(self._data, separator=", ", prefix="Tensor(", threshold=200)
        dtype = "" if self.dtype == np.float64 else f", dtype={self.dtype}"
        name = f", name={self.name!r}" if self.name else ""
        made = f", made by {self.origin[0].name}" if self.origin else ""
        leaf = ", requires_grad=True" if self.requires_grad and not self.origin else ""
        return f"Tensor({values}{dtype}{name}{made}{leaf})"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.array(self._data, dtype=dtype, copy=copy)


def as_array(data: Any, dtype: Any = None, copy: bool = True, requires_grad: bool = False) -> Any:
    """Return data as an array of real numbers, the only data of a Tensor.

    An array of another library that speaks NumPy's protocol stays what it is.
    """
    if _holds_tensors(data):
        raise TypeError(
            "Tensor was given Tensors, whose graph would be lost. Use t.detach() for the values "
            "alone, or stack([...]) to join several and keep the graph."
        )
    if hasattr(data, "__array_function__") and not isinstance(data, np.ndarray):
        array = data.astype(dtype) if dtype else data.copy() if copy else data
    else:
        array = np.array(data, dtype=dtype, copy=copy or None)
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"Tensor was given {type(data).__name__} data of dtype {array.dtype}; a Tensor holds "
            "real numbers (float, int or bool). Convert it first, e.g. data.astype(float)."
        )
    if requires_grad and array.dtype.kind != "f":
        raise TypeError(
            f"a Tensor of dtype {array.dtype} cannot require grad: only floating numbers have "
            "derivatives. Pass dtype=float, or requires_grad=False for labels and indices."
        )
    return array


def _holds_tensors(data: Any) -> bool:
    if isinstance(data, list | tuple):
        return any(map(_holds_tensors, data))
    return isinstance(data, ArrayMethods)


def data_of(x: Any) -> Any:
    """Return the array of a Tensor, also inside a tuple or list; anything else as it is."""
    if isinstance(x, tuple | list):
        return type(x)(map(data_of, x))
    return x._data if isinstance(x, ArrayMethods) else x
