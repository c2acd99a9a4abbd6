"""The Tensor, an array that remembers how it was made, and the Op, which makes it.

An Op has a forward function (plain NumPy) and one *rule* per input. The rule is the chain rule for
that input: from ``g``, the gradient of the loss with respect to the op's output ``y``, it computes
the gradient with respect to the input. For ``multiply(a, b)`` the rules are ``g * b``, ``g * a``.

Calling an Op on Tensors computes a value and notes, in the Tensor that it returns, the op and its
inputs. That is all the recording there is: the graph is nothing but Tensors that point at the
Tensors they came from. ``ops.py`` is the table of the ops; ``backprop.py`` walks the graph back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from operator import attrgetter
from typing import Any

import numpy as np

from .errors import constants, explained
from .methods import ArrayMethods, as_array

Array = Any  # a numpy.ndarray, or an array of another library that answers NumPy's protocols

# One clock for all Tensors. A Tensor is stamped when it is made and again whenever its data is
# assigned. So (1) sorting Tensors by stamp is a topological order: an input is always older than
# what was computed from it; (2) an input younger than the node computed from it has been changed.
now = count().__next__

# (recording the graph?, the detect_anomaly() block that we are in or None). A ContextVar, because
# the mode belongs to one thread or asyncio task: no_grad() in one must not stop another's training.
mode: ContextVar[tuple[bool, Any]] = ContextVar("mode", default=(True, None))


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

    A context manager and a decorator (``@no_grad()``). It nests, ends when the block ends, by an
    exception too, and belongs to its thread or asyncio task.

    >>> w = Tensor(3.0, requires_grad=True)
    >>> with no_grad():
    ...     print((w * w).requires_grad)
    False
    """
    with set_mode(recording=False):
        yield


class Op:
    """An operation: a forward function, and for each input the rule of its derivative.

    ``forward(*inputs, **options)`` computes the output from arrays: a new array or a view, never an
    input itself, since the output is made read-only. ``rule(g, y, *inputs, **options)`` computes
    the gradient at its input from the gradient ``g`` at the output ``y``; None stands for an input
    without one, such as a condition. Rules are made of NumPy functions and operators. Called with
    arrays they compute; called with Tensors they record what they compute, so that it can be
    differentiated again.

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

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """Compute the output: a Tensor if an input is one, else an array."""
        arrays = []
        any_tensor = requires_grad = False
        for x in inputs:
            if isinstance(x, Tensor):
                any_tensor = True
                requires_grad = requires_grad or x.requires_grad
                x = x._data
            arrays.append(x)
        if options or len(inputs) > len(self.rules):
            options = constants(self, inputs, options)
        try:
            value = self.forward(*arrays, **options)
        except (ValueError, TypeError, IndexError, AttributeError) as error:
            raise explained(error, self.name, inputs) from error
        if not any_tensor:
            return value
        if isinstance(value, np.generic):  # NumPy turns results without dimensions into scalars
            value = np.asarray(value)
        if isinstance(value, np.ndarray):
            value.setflags(write=False)  # a later write would make its gradient wrong
        recording, anomaly = mode.get()
        output = Tensor.__new__(Tensor)
        output._data = value
        output.requires_grad = tracked = requires_grad and recording
        output.origin = (self, inputs, arrays, options) if tracked else None
        output.grad = output.name = output.scopes = output._retain = None
        output.stamp = now()
        if anomaly:
            anomaly.after_forward(output, self, inputs, arrays)
        return output

    def __repr__(self) -> str:
        return f"<op {self.name}>"


class Tensor(ArrayMethods):
    """An array that takes part in differentiation.

    Parameters
    ----------
    data : number, nested list or array
        Copied. Numbers and lists become float64 or int64, as in NumPy.
    requires_grad : bool
        Whether ``backward()`` shall compute the gradient with respect to this Tensor.
    dtype
        Convert the data to it. Floating dtypes can require grad; integers and booleans are for
        labels and masks.
    name : str
        Shown in error messages, pictures and generated source.
    copy : bool
        False shares the caller's array instead of copying it.

    Attributes
    ----------
    data : array
        Assigning it copies; ``t.data -= step`` changes it in place.
    grad : array of the shape and dtype of ``data``, or None
        The gradient added up by ``backward()``.
    origin : tuple or None
        How it was computed: (op, inputs, the inputs as arrays, options). None for a leaf.

    Raises
    ------
    TypeError
        If the data is not made of real numbers, or integers shall require grad.

    >>> x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    >>> y = (x * x).sum()
    >>> y
    Tensor(5., made by sum)
    >>> y.backward()
    >>> x.grad
    array([2., 4.])
    """

    __slots__ = (
        "__weakref__", "_data", "_retain", "grad", "name", "origin", "requires_grad", "scopes",
        "stamp",
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
        self._data = as_array(data, dtype, copy, requires_grad)
        self.requires_grad = requires_grad
        self.name = name
        self.grad = self.origin = self.scopes = self._retain = None
        self.stamp = now()

    def _assign(self, value: Any) -> None:
        if self.origin is not None:
            raise RuntimeError(
                f"the data of {self!r} was computed by an op and cannot be assigned: its gradient "
                "would be wrong. Assign to a leaf, or make a new one with detach()."
            )
        if value is not self._data:  # `t.data -= step` has already written into the array
            self._data = as_array(value, requires_grad=self.requires_grad)
        self.stamp = now()

    data = property(
        attrgetter("_data"),
        _assign,
        doc="The array. Assigning copies; ``backward()`` then refuses what used the old values.",
    )

    def detach(self) -> Tensor:
        """Return the values as a leaf that does not require grad: to the graph, a constant."""
        # Data that can be assigned is copied, or the constant would change along with it.
        return Tensor(self._data, name=self.name, copy=self.origin is None)

    def retain_grad(self) -> Tensor:
        """Let ``backward()`` store the gradient here too, although an op computed this Tensor."""
        self._retain = True
        return self

    # `==` compares elements, as in NumPy, but a Tensor in a set or dict stands for itself.
    __hash__ = object.__hash__
