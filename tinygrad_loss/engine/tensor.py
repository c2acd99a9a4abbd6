"""The Tensor: an array that remembers how it was made.

``t.backward()`` goes to ``backprop.py``, which calls the rules in ``ops.py``. Every method and
operator below applies the op or function of the same name to the Tensor; formulas, derivatives and
examples are given there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn, final

import numpy as np

from . import backprop, errors, functions, ops, products
from .arrays import as_array, as_flag, check_floating, data_of, is_foreign
from .mode import mode
from .node import Array, Node, now
from .numpy_protocol import dispatch
from .words import Elsewhere, meant, taught


@final
class Tensor(Node, Elsewhere):
    """An array that takes part in differentiation.

    Parameters
    ----------
    data : number, nested list or array; numbers and lists become float64 or int64, as in NumPy
    requires_grad : bool, whether ``backward()`` is to compute the gradient with respect to it
    dtype : of the data; only floating dtypes can require grad, others are for labels and masks
    name : str, shown in error messages, pictures and generated source
    copy : bool; False shares the caller's array instead of copying it

    Attributes
    ----------
    data : array; assigning it copies, ``t.data -= step`` changes it in place. Writes into elements,
        ``t.data[0] = 1``, are not noticed: a graph that used the old ones has a wrong gradient.
    grad : array of the shape and dtype of ``data``, to which each ``backward()`` adds, or None
    origin : (op, inputs, arrays, options), how it was computed; None for a *leaf*, which you made

    Raises TypeError if the data is not made of real numbers, or integers are to require grad.

    To type checkers a Tensor is not an array. So they know that ``X @ W`` with an array X is a
    Tensor, but refuse ``np.mean(t)``, though it runs: write ``tl.mean(t)`` or ``t.mean()``.

    >>> x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    >>> y = (x * x).sum()
    >>> y
    Tensor(5., made by sum)
    >>> y.backward()
    >>> x.grad
    array([2., 4.])
    """

    __slots__ = ()
    __pandas_priority__ = 5000  # above a DataFrame's 4000: `df - t` is left to the Tensor

    def __init__(
        self, data: Any, requires_grad: bool = False, *,
        dtype: Any = None, name: str | None = None, copy: bool = True,
    ) -> None:  # fmt: skip
        self._requires_grad = as_flag("requires_grad", requires_grad)
        self._array = as_array(data, dtype, copy)
        check_floating(self._array, requires_grad)
        self._retains_grad = False
        self.name = name
        self.grad = self.origin = None
        self.scopes = ()
        self.stamp = now()

    def __init_subclass__(cls) -> None:
        raise TypeError("ops return Tensors, no subclass of it: hold a Tensor in an attribute")

    # --- what it holds ----------------------------------------------------------------------------
    @property
    def data(self) -> Array:
        """The array. Assigning copies, and ``backward()`` then refuses graphs of the old values."""
        return self._array

    @data.setter
    def data(self, value: Any) -> None:
        if self.origin is not None:
            raise errors.computed(self, "data", "assigned", "its gradient would be wrong")
        if value is not self._array:  # `t.data -= step` has already written into the array
            array = as_array(value)
            check_floating(array, self._requires_grad)
            self._array = array
        self.stamp = now()

    @property
    def requires_grad(self) -> bool:
        """Whether ``backward()`` computes a gradient here. It can be assigned to a leaf."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if as_flag("requires_grad", value) == self._requires_grad:
            return
        if self.origin is not None:
            raise errors.computed(self, "requires_grad", "changed", "gradients would be lost")
        if value:
            check_floating(self._array)
            if is_foreign(self._array) or not self._array.flags.writeable:
                self._array = self._array.copy()  # detach() shares the data of computed Tensors
        self._requires_grad = bool(value)

    def detach(self) -> Tensor:
        """Return the values as a leaf that does not require grad: a constant to the graph."""
        # A leaf can be updated in place. The constant must not change with it, so it is copied.
        return Tensor(self._array, name=self.name, copy=self.origin is None)

    # --- backprop ---------------------------------------------------------------------------------
    def backward(self, grad: Any = None, **words: NoReturn) -> None:
        """Add the gradient of this Tensor to the ``.grad`` of the leaves that require grad.

        It must be a scalar, unless ``grad``, the gradient to start from, is given: ``tl.backward``.
        """
        if words:
            raise TypeError(f"backward: got {', '.join(words)}; expected grad{meant(words)}")
        backprop.backward(self, grad)

    def zero_grad(self) -> None:
        """Set ``.grad`` to None, so that the next ``backward()`` starts afresh."""
        self.grad = None

    def retain_grad(self) -> Tensor:
        """Let ``backward()`` store the gradient here too, though this Tensor is not a leaf."""
        self._retains_grad = True
        return self

    # --- Python's and NumPy's protocols -----------------------------------------------------------
    def __repr__(self) -> str:
        values = np.array2string(self._array, separator=", ", prefix="Tensor(", threshold=200)
        shape = f", shape={self.shape}" * (self.size > 200 or (self.size == 0 and self.ndim > 1))
        dtype = "" if self.dtype == np.float64 else f", dtype={self.dtype}"
        name = f", name={self.name!r}" if self.name else ""
        made = f", made by {self.origin[0].name}" if self.origin else ""
        leaf = ", requires_grad=True" if self._requires_grad and not self.origin else ""
        return f"Tensor({values}{shape}{dtype}{name}{made}{leaf})"

    def __float__(self) -> float:
        return float(errors.number_of(self, "float"))

    def __int__(self) -> int:
        return int(errors.number_of(self, "int"))

    if not TYPE_CHECKING:  # or type checkers would take `array @ t` for an array

        def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
            if self._requires_grad or hasattr(self._array, "get"):
                raise errors.array_without_graph(self)
            return np.array(self._array, dtype=dtype, copy=copy)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        return dispatch(ufunc if method == "__call__" else getattr(ufunc, method), inputs, options)

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> Any:
        return dispatch(function, inputs, options)

    def __iter__(self) -> Iterator[Tensor]:
        if self.ndim == 0:
            raise TypeError("iteration over a Tensor without dimensions; its number is t.item()")
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: Any) -> Tensor:
        return ops.getitem(self, index=index)

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError(
            "a Tensor cannot be written into: its graph would be of other values. Build another by "
            "where(mask, value, t) or concatenate([...]); to change a leaf, use t.data = array."
        )

    # --- operators --------------------------------------------------------------------------------
    # What belongs together stands together.
    # fmt: off

    def __add__(self, other: Any) -> Tensor:
        return ops.add(self, other)
    def __radd__(self, other: Any) -> Tensor:
        return ops.add(other, self)
    def __iadd__(self, other: Any) -> Tensor:
        return self._updated(ops.add, other)

    def __sub__(self, other: Any) -> Tensor:
        return ops.subtract(self, other)
    def __rsub__(self, other: Any) -> Tensor:
        return ops.subtract(other, self)
    def __isub__(self, other: Any) -> Tensor:
        return self._updated(ops.subtract, other)

    def __mul__(self, other: Any) -> Tensor:
        return ops.multiply(self, other)
    def __rmul__(self, other: Any) -> Tensor:
        return ops.multiply(other, self)
    def __imul__(self, other: Any) -> Tensor:
        return self._updated(ops.multiply, other)

    def __truediv__(self, other: Any) -> Tensor:
        return ops.divide(self, other)
    def __rtruediv__(self, other: Any) -> Tensor:
        return ops.divide(other, self)
    def __itruediv__(self, other: Any) -> Tensor:
        return self._updated(ops.divide, other)

    def __pow__(self, other: Any) -> Tensor:
        return ops.power(self, other)
    def __rpow__(self, other: Any) -> Tensor:
        return ops.power(other, self)
    def __ipow__(self, other: Any) -> Tensor:
        return self._updated(ops.power, other)

    def __matmul__(self, other: Any) -> Tensor:
        return products.matmul(self, other)
    def __rmatmul__(self, other: Any) -> Tensor:
        return products.matmul(other, self)
    def __imatmul__(self, other: Any) -> Tensor:
        return self._updated(products.matmul, other)

    def _updated(self, op: Callable[..., Any], other: Any) -> Tensor:
        """``p -= step``: write into a leaf that requires grad; otherwise return a new Tensor."""
        if self.origin is not None or not self._requires_grad:
            return op(self, other)
        if mode.get().recording:
            raise errors.update_of_leaf(self)
        value = as_array(op(self._array, data_of(other)), copy=False)
        if value.shape != self.shape:
            raise errors.update_of_leaf(self, value.shape)
        self._array[...] = value
        self.stamp = now()
        return self

    def __neg__(self) -> Tensor:
        return ops.negative(self)
    def __pos__(self) -> Tensor:
        return self

    def __lt__(self, other: Any) -> Array:
        return self._array < data_of(other)
    def __le__(self, other: Any) -> Array:
        return self._array <= data_of(other)
    def __gt__(self, other: Any) -> Array:
        return self._array > data_of(other)
    def __ge__(self, other: Any) -> Array:
        return self._array >= data_of(other)
    def __eq__(self, other: object) -> Array:
        return self._array == data_of(other)
    def __ne__(self, other: object) -> Array:
        return self._array != data_of(other)

    __hash__ = Node.__hash__  # `==` compares elements; in sets and dicts identity counts

    # --- methods: the op or function of the same name ---------------------------------------------
    def abs(self) -> Tensor:
        """|x|, element by element: see ``tl.absolute``."""
        return ops.absolute(self)
    __abs__ = abs
    def exp(self) -> Tensor:
        """e^x: see ``tl.exp``."""
        return ops.exp(self)
    def expm1(self) -> Tensor:
        """e^x - 1: see ``tl.expm1``."""
        return ops.expm1(self)
    def log(self) -> Tensor:
        """Natural logarithm: see ``tl.log``."""
        return ops.log(self)
    def log1p(self) -> Tensor:
        """log(1 + x): see ``tl.log1p``."""
        return ops.log1p(self)
    def log2(self) -> Tensor:
        """Logarithm with base 2: see ``tl.log2``."""
        return ops.log2(self)
    def log10(self) -> Tensor:
        """Logarithm with base 10: see ``tl.log10``."""
        return ops.log10(self)
    def sqrt(self) -> Tensor:
        """Square root: see ``tl.sqrt``."""
        return ops.sqrt(self)
    def square(self) -> Tensor:
        """x^2: see ``tl.square``."""
        return ops.square(self)

    def sin(self) -> Tensor:
        """Sine: see ``tl.sin``."""
        return ops.sin(self)
    def cos(self) -> Tensor:
        """Cosine: see ``tl.cos``."""
        return ops.cos(self)
    def tanh(self) -> Tensor:
        """Hyperbolic tangent: see ``tl.tanh``."""
        return ops.tanh(self)
    def erf(self) -> Tensor:
        """Error function: see ``tl.erf``."""
        return ops.erf(self)

    def sigmoid(self) -> Tensor:
        """1 / (1 + e^-x): see ``tl.sigmoid``."""
        return ops.sigmoid(self)
    def relu(self) -> Tensor:
        """max(x, 0): see ``tl.relu``."""
        return ops.relu(self)
    def softplus(self) -> Tensor:
        """log(1 + e^x): see ``tl.softplus``."""
        return ops.softplus(self)
    def leaky_relu(self, slope: float = 0.01) -> Tensor:
        """``x`` where x > 0, else slope * x: see ``tl.leaky_relu``."""
        return ops.leaky_relu(self, slope=slope)
    def gelu(self, approximate: str = "none") -> Tensor:
        """``x`` P(Z < x): see ``tl.gelu``."""
        return functions.gelu(self, approximate)

    def clip(self, min: Any = None, max: Any = None) -> Tensor:
        """``x`` limited to [min, max]: see ``tl.clip``."""
        return ops.clip(self, min=min, max=max)
    def maximum(self, other: Any) -> Tensor:
        """The larger of the two: see ``tl.maximum``."""
        return ops.maximum(self, other)
    def minimum(self, other: Any) -> Tensor:
        """The smaller of the two: see ``tl.minimum``."""
        return ops.minimum(self, other)
    def logaddexp(self, other: Any) -> Tensor:
        """log(e^a + e^b): see ``tl.logaddexp``."""
        return ops.logaddexp(self, other)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Sum over the axes: see ``tl.sum``."""
        return ops.sum(self, axis=axis, keepdims=keepdims)
    def mean(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Mean over the axes: see ``tl.mean``."""
        return ops.mean(self, axis=axis, keepdims=keepdims)
    def max(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Largest element over the axes: see ``tl.max``."""
        return ops.max(self, axis=axis, keepdims=keepdims)
    def min(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Smallest element over the axes: see ``tl.min``."""
        return ops.min(self, axis=axis, keepdims=keepdims)
    def norm(self, axis: Any = None, keepdims: bool = False, *, ord: Any = None) -> Tensor:
        """Length over the axes: see ``tl.norm``."""
        return functions.norm(self, axis, keepdims, ord=ord)
    def prod(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Product over the axes: see ``tl.prod``."""
        return functions.prod(self, axis, keepdims)
    def var(self, axis: Any = None, *, ddof: int = 0, keepdims: bool = False) -> Tensor:
        """Variance over the axes: see ``tl.var``."""
        return functions.var(self, axis, ddof=ddof, keepdims=keepdims)
    def std(self, axis: Any = None, *, ddof: int = 0, keepdims: bool = False) -> Tensor:
        """Standard deviation over the axes: see ``tl.std``."""
        return functions.std(self, axis, ddof=ddof, keepdims=keepdims)

    def softmax(self, axis: Any = -1) -> Tensor:
        """Probabilities from logits: see ``tl.softmax``."""
        return ops.softmax(self, axis=axis)
    def log_softmax(self, axis: Any = -1) -> Tensor:
        """Log-probabilities from logits: see ``tl.log_softmax``."""
        return ops.log_softmax(self, axis=axis)
    def logsumexp(self, axis: Any = -1, keepdims: bool = False) -> Tensor:
        """log(sum(e^x)): see ``tl.logsumexp``."""
        return ops.logsumexp(self, axis=axis, keepdims=keepdims)
    def cumsum(self, axis: int | None = None) -> Tensor:
        """Running sum: see ``tl.cumsum``."""
        return functions.cumsum(self, axis)

    @property
    def T(self) -> Tensor:
        """The transpose: all axes in reverse order."""
        return ops.transpose(self)
    @property
    def mT(self) -> Tensor:
        """The transpose of a matrix, or of each in a stack of them."""
        return ops.swapaxes(self, axis1=-1, axis2=-2)
    def reshape(self, *shape: Any) -> Tensor:
        """The same numbers in another shape: see ``tl.reshape``."""
        return ops.reshape(self, shape=shape[0] if len(shape) == 1 else shape)
    def transpose(self, *axes: Any) -> Tensor:
        """The axes in another order: see ``tl.transpose``."""
        return ops.transpose(self, axes=axes[0] if len(axes) == 1 else axes or None)
    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        """Two axes in each other's place: see ``tl.swapaxes``."""
        return ops.swapaxes(self, axis1=axis1, axis2=axis2)
    def ravel(self) -> Tensor:
        """All elements along one axis: see ``tl.ravel``."""
        return functions.ravel(self)
    def flatten(self) -> Tensor:
        """All elements along one axis: the same as ``ravel``."""
        return functions.ravel(self)
    def squeeze(self, axis: Any = None) -> Tensor:
        """Without axes of size 1: see ``tl.squeeze``."""
        return ops.squeeze(self, axis=axis)
    def expand_dims(self, axis: Any) -> Tensor:
        """With new axes of size 1: see ``tl.expand_dims``."""
        return ops.expand_dims(self, axis=axis)
    def broadcast_to(self, shape: Any) -> Tensor:
        """Repeated along new axes: see ``tl.broadcast_to``."""
        return ops.broadcast_to(self, shape=shape)
    def astype(self, dtype: Any) -> Tensor:
        """In another floating dtype: see ``tl.astype``."""
        return ops.astype(self, dtype=dtype)

    def dot(self, other: Any) -> Tensor:
        """Product as ``np.dot``: see ``tl.dot``."""
        return products.dot(self, other)
    def repeat(self, repeats: Any, axis: int | None = None) -> Tensor:
        """Each element several times: see ``tl.repeat``."""
        return functions.repeat(self, repeats, axis)
    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        """Sum of a diagonal: see ``tl.trace``."""
        return functions.trace(self, offset, axis1, axis2)
    # fmt: on

    # An unexpected dim= is answered by what it is called here, axis=.
    _own = (sum, mean, max, min, clip, norm, prod, var, std, cumsum)
    vars().update({f.__name__: taught(f) for f in (*_own, softmax, log_softmax, logsumexp)})
