"""The Tensor, an array that remembers how it was made, and the Op, which makes it.

An Op has a forward function (plain NumPy) and one *rule* per input. The rule is the chain rule for that
input: from ``g``, the gradient of the loss with respect to the op's output ``y``, it computes the gradient of
the loss with respect to the input. For ``multiply(a, b)`` the two rules are ``g * b`` and ``g * a``.

Calling an Op on Tensors computes a value and notes, in the Tensor that it returns, the op and its inputs.
That is all the recording there is: the graph is nothing but Tensors that point at the Tensors they came from.
``ops.py`` is the table of the ops; ``backprop.py`` walks the graph backwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

Array = Any  # a numpy.ndarray, or an array of another library that answers NumPy's protocols

# One clock for all Tensors. A Tensor is stamped when it is made and again whenever its data is assigned. So
# (1) sorting Tensors by stamp is a topological order: an input is always older than what was computed from
# it; (2) an input that is younger than the node computed from it has been changed since.
now = count().__next__

# (recording the graph?, the detect_anomaly() block that we are in or None). A ContextVar, because the mode
# belongs to one thread or asyncio task: no_grad() in one must not switch off training in another.
mode: ContextVar[tuple[bool, Any]] = ContextVar("mode", default=(True, None))

# What NumPy's functions do when they meet a Tensor; filled by ops.py and functions.py.
numpy_functions: dict[Callable[..., Any], Callable[..., Any]] = {}
# NumPy's functions whose derivative is zero or meaningless: on Tensors they compute plain arrays.
constant_functions: set[Callable[..., Any]] = set()


@contextmanager
def set_mode(recording: bool, anomaly: Any = None) -> Iterator[None]:
    """Set the mode for a block, and put the former one back however the block ends."""
    token = mode.set((recording, anomaly or mode.get()[1]))
    try:
        yield
    finally:
        mode.reset(token)


@contextmanager
def no_grad() -> Iterator[None]:
    """Compute without recording: what is made inside does not require grad.

    A context manager and a decorator (``@no_grad()``). It nests, ends when the block ends, by an exception
    too, and belongs to its thread or asyncio task.

    >>> w = Tensor(3.0, requires_grad=True)
    >>> with no_grad():
    ...     print((w * w).requires_grad)
    False
    """
    with set_mode(recording=False):
        yield


class Op:
    """An operation: a forward function, and for each input the rule of its derivative.

    ``forward(*inputs, **options)`` computes the output from arrays. ``rule(g, y, *inputs, **options)`` computes
    the gradient at its input from the gradient ``g`` at the output ``y``; None stands for an input without
    one, such as a condition. Rules are written with NumPy functions and operators only, hence called with
    arrays they compute, and called with Tensors they record, which gives gradients of gradients.

    >>> cube = Op(lambda x: x**3, lambda g, y, x: g * 3 * x**2, name="cube")
    >>> x = Tensor(2.0, requires_grad=True)
    >>> cube(x).backward()
    >>> x.grad
    array(12.)
    """

    def __init__(
        self, forward: Callable[..., Array], *rules: Callable[..., Any] | None, name: str = ""
    ) -> None:
        self.forward = forward
        self.rules = rules
        self.name = name or forward.__name__
        self.__doc__ = forward.__doc__
        if isinstance(forward, np.ufunc):
            numpy_functions[forward] = self

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """The value of the op: a Tensor if an input is one, else an array."""
        arrays = []
        any_tensor = requires_grad = False
        for x in inputs:
            if isinstance(x, Tensor):
                any_tensor = True
                requires_grad = requires_grad or x.requires_grad
                x = x._data
            elif type(x) is list:
                x = np.array(x)
            arrays.append(x)
        try:
            value = self.forward(*arrays, **options)
        except (ValueError, TypeError, IndexError) as error:
            kind = type(error) if type(error) in (ValueError, IndexError, np.exceptions.AxisError) else TypeError
            raise kind(f"{self.name}: {self.describe(inputs)}: {error}") from error
        if not any_tensor:
            return value
        recording, anomaly = mode.get()
        output = Tensor.__new__(Tensor)
        output._data = value = frozen(value)
        output.requires_grad = tracked = requires_grad and recording
        output.origin = (self, inputs, arrays, options) if tracked else None
        output.grad = output.name = output._retain = output.scopes = None
        output.stamp = now()
        if anomaly:
            anomaly.after_forward(output, self, inputs, arrays)
        return output

    def describe(self, inputs: tuple[Any, ...]) -> str:
        """The inputs as an error message shows them: ``x (64, 10) @ W (64, 32)``."""
        symbols = {"add": " + ", "subtract": " - ", "multiply": " * ", "divide": " / ", "matmul": " @ "}
        shown = [
            f"{getattr(x, 'name', None) or ''} {x.shape}".strip() if hasattr(x, "shape") else repr(x)
            for x in inputs
        ]
        return symbols.get(self.name, ", ").join(shown)

    def __repr__(self) -> str:
        return f"<op {self.name}>"


def frozen(value: Any) -> Array:
    """The value that an op computed, as a read-only array: a later write would make its gradient wrong."""
    if isinstance(value, np.generic):  # NumPy turns results without dimensions into scalars
        value = np.asarray(value)
    if isinstance(value, np.ndarray):
        value.setflags(write=False)
    return value


class Tensor:
    """An array that takes part in differentiation.

    Args:
        data: a number, a nested list or an array; copied. Numbers and lists become float64 or int64 as in NumPy.
        requires_grad: whether ``backward()`` shall compute the gradient with respect to this Tensor.
        dtype: convert the data to it. Any floating dtype can require grad; integers and booleans are for labels.
        name: shown in error messages, pictures and generated source.
        copy: False shares the caller's array instead of copying it.

    Attributes:
        data: the array. Assigning it copies; ``t.data -= step`` changes it in place.
        grad: the accumulated gradient, an array of the shape and dtype of ``data``, or None.
        requires_grad: whether gradients flow to this Tensor.
        origin: None for a leaf (made by the user), else how it was computed: (op, inputs, the inputs as
            arrays, options).

    Raises:
        TypeError: data that is not made of real numbers; integers with ``requires_grad=True``.

    >>> x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    >>> y = (x * x).sum()
    >>> y
    Tensor(5., made by sum)
    >>> y.backward()
    >>> x.grad
    array([2., 4.])
    """

    __slots__ = (
        "__weakref__", "_data", "_retain", "grad", "name", "origin", "requires_grad", "scopes", "stamp",
    )  # fmt: skip

    def __init__(
        self,
        data: Any,
        requires_grad: bool = False,
        *,
        dtype: Any = None,
        name: str | None = None,
        copy: bool = True,
    ) -> None:
        self._data = as_array(data, dtype, copy)
        self.requires_grad = requires_grad
        self.grad: Array | None = None
        self.name = name
        self.origin: tuple[Op, tuple[Any, ...], list[Array], dict[str, Any]] | None = None
        self.scopes: Any = None
        self._retain: bool | None = None
        self.stamp = now()
        self._check_can_require_grad()

    def _check_can_require_grad(self) -> None:
        if self.requires_grad and self._data.dtype.kind != "f":
            raise TypeError(
                f"Tensor of dtype {self._data.dtype} cannot require grad: only real floating numbers have "
                "derivatives. Pass dtype=float, or leave requires_grad=False for labels and indices."
            )

    @property
    def data(self) -> Array:
        return self._data

    @data.setter
    def data(self, value: Any) -> None:
        if self.origin is not None:
            raise RuntimeError(
                f"the data of {self!r} was computed by an op and cannot be assigned: its gradient would be "
                "wrong. Assign to a leaf, or make a new one with detach()."
            )
        if value is not self._data:  # `t.data -= step` has already written into the array
            self._data = as_array(value, None, copy=True)
            self._check_can_require_grad()
        self.stamp = now()

    shape = property(lambda self: self._data.shape)
    ndim = property(lambda self: self._data.ndim)
    size = property(lambda self: self._data.size)
    dtype = property(lambda self: self._data.dtype)

    def item(self) -> Any:
        """The only element, as a Python number."""
        return self._data.item()

    def numpy(self) -> Array:
        """The data, shared, as an array; the graph does not know what is done with it."""
        return self._data

    def detach(self) -> Tensor:
        """A leaf that shares the data and does not require grad: to the graph it is a constant."""
        return Tensor(self._data, name=self.name, copy=False)

    def zero_grad(self) -> None:
        """Forget the gradient, so that the next ``backward()`` starts from nothing."""
        self.grad = None

    def retain_grad(self) -> Tensor:
        """Let ``backward()`` store the gradient here too, although this Tensor was computed by an op."""
        self._retain = True
        return self

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
            "a Tensor cannot be written into: backward() would see the new values with the old graph. Build "
            "a new one with where(mask, value, t) or concatenate([...]), or write into t.data of a leaf."
        )

    def __repr__(self) -> str:
        values = np.array2string(self._data, separator=", ", prefix="Tensor(", threshold=200)
        dtype = "" if self.dtype == np.float64 else f", dtype={self.dtype}"
        name = f", name={self.name!r}" if self.name else ""
        made = f", made by {self.origin[0].name}" if self.origin else ""
        leaf = ", requires_grad=True" if self.requires_grad and not self.origin else ""
        return f"Tensor({values}{dtype}{name}{made}{leaf})"

    # NumPy calls these when one of its functions meets a Tensor: np.exp(t), array * t, np.where(mask, t, 0).
    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        return dispatch(ufunc if method == "__call__" else getattr(ufunc, method), inputs, options)

    def __array_function__(self, function: Any, _: Any, inputs: Any, options: dict[str, Any]) -> Any:
        return dispatch(function, inputs, options)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self._data, dtype=dtype, copy=copy)

    # `==` compares elements, as in NumPy, but a Tensor in a set or dict stands for itself.
    __hash__ = object.__hash__

    if TYPE_CHECKING:  # attached by ops.py, functions.py and backprop.py, where each is explained

        def _method(self, *inputs: Any, **options: Any) -> Tensor: ...
        def _constant(self, *inputs: Any, **options: Any) -> Array: ...
        def backward(self, grad: Any = None) -> None: ...

        T: Tensor
        mT: Tensor  # noqa: N815
        __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _method
        __pow__ = __rpow__ = __matmul__ = __rmatmul__ = __neg__ = __pos__ = __abs__ = __getitem__ = _method
        __lt__ = __le__ = __gt__ = __ge__ = argmax = argmin = _constant
        exp = expm1 = log = log1p = log2 = sqrt = square = sin = cos = tanh = erf = sigmoid = relu = _method
        leaky_relu = softplus = gelu = abs = clip = astype = softmax = log_softmax = logsumexp = _method
        sum = mean = var = std = max = min = prod = norm = _method
        reshape = transpose = swapaxes = squeeze = _method


def as_array(data: Any, dtype: Any, copy: bool) -> Array:
    """Data as an array of real numbers. Arrays of other libraries that speak NumPy's protocol stay what they are."""
    if isinstance(data, Tensor) or (isinstance(data, list | tuple) and any(isinstance(x, Tensor) for x in data)):
        raise TypeError(
            "Tensor was given Tensors, whose graph would be lost. Use t.detach() for the values alone, or "
            "stack([...]) to join several and keep the graph."
        )
    if hasattr(data, "__array_function__") and not isinstance(data, np.ndarray):
        array = data.astype(dtype) if dtype else data.copy() if copy else data
    else:
        array = np.array(data, dtype=dtype, copy=copy or None)
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"Tensor was given {type(data).__name__} data of dtype {array.dtype}; a Tensor holds real numbers "
            "(float, int or bool). Convert it first, e.g. data.astype(float)."
        )
    return array


def dispatch(function: Any, inputs: Any, options: dict[str, Any]) -> Any:
    """What a NumPy function does when one of its arguments is a Tensor."""
    if options.get("out") is not None:
        raise TypeError(
            f"{function.__name__}: a Tensor cannot be written into an existing array (out=, or array += t), "
            "which would lose its graph. Write `array = array + t`, or use t.data for the values alone."
        )
    if function in numpy_functions:
        return numpy_functions[function](*inputs, **options)
    if function in constant_functions:
        return function(*map(data_of, inputs), **{key: data_of(x) for key, x in options.items()})
    raise TypeError(
        f"np.{getattr(function, '__name__', function)} has no derivative in this library. Compose it from the "
        "functions of tinygrad_loss, or apply it to t.data, through which no gradient flows."
    )


def data_of(x: Any) -> Any:
    """The array of a Tensor, also inside a tuple or list (an index, a list of arrays); anything else as it is."""
    if isinstance(x, tuple | list):
        return type(x)(map(data_of, x))
    return x._data if isinstance(x, Tensor) else x
