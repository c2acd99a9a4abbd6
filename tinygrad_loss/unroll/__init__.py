"""``unroll``: the training step that you would write by hand, as NumPy source.

A Step (step.py) is traced when it has to be: a Recording (record.py) runs the function, its
backward pass and the optimizer's update (update.py), with arrays (array.py) that note every NumPy
call in a Trace (trace.py), as a Value (values.py), or a simpler one, by algebra (simplify.py).
Values get buffers (memory.py) and names (names.py), and are written as source (write.py), with
comments on the lines they are from (places.py). What the function changed outside of itself is put
back (outside.py).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, overload

from ..engine.tensor import Tensor
from ..optim import Optimizer

if TYPE_CHECKING:
    from .step import Step

__all__ = ["unroll"]


@overload
def unroll(
    f: Callable[..., Tensor], *example_inputs: Any, wrt: Any, comments: bool = True
) -> "Step[tuple[Any, Any]]": ...
@overload
def unroll(
    f: Callable[..., Tensor], *example_inputs: Any, optimizer: Optimizer, comments: bool = True
) -> "Step[Any]": ...
def unroll(
    f: Callable[..., Tensor], *example_inputs: Any, wrt: Any = None,
    optimizer: Optimizer | None = None, comments: bool = True,
) -> "Step[Any]":  # fmt: skip
    """Write ``f``, its gradient and the update as straight-line NumPy source.

    ``f`` is run on the inputs of the first call, then the engine's own backward pass, then the
    optimizer's own update, all with arrays that note every NumPy call. What is not used is dropped,
    equal calls are made once, constants folded. The rest becomes source, with results in buffers
    that are allocated once. (See Griewank & Walther 2008, "Evaluating Derivatives", ch. 4.)

    Parameters
    ----------
    f : a function of the inputs whose value is a scalar Tensor; anything that the engine can
        differentiate, including gradients of gradients
    example_inputs : inputs to trace ``f`` with at once, instead of at the first call; nothing is
        updated then. Inputs are arrays, Tensors, lists or pandas' objects. Numbers, None and
        strings become part of the code: pass ``np.array(number)`` if it differs each time.
    optimizer : whose parameters the step updates, as ``optimizer.step()`` does after
        ``loss.backward()``: ``GD``, ``SGD``, ``Adam``, or your own with an ``update`` in NumPy
    wrt : instead of an optimizer, the Tensors to differentiate with respect to, or a nest of lists,
        tuples and dicts of them; an example input that is a Tensor can be one of them
    comments : whether the source says of which line or module each part is, and what it computes

    Returns a Step. With an optimizer, ``step(*inputs)`` makes the update and returns the loss
    before it. Otherwise it returns ``(value, gradients)``, a number and a tuple of arrays in the
    order of ``wrt`` (for a nest, the same nest). ``step.source`` is the source of the last call,
    which needs NumPy only, ``step.describe()`` what it takes and what was left out.

    Each call reads the inputs, the data of each Tensor that ``f`` uses, and the learning rate; it
    reads and writes the optimizer's state, so that steps of the engine, ``save`` and ``load`` can
    come in between. ``.grad`` is left alone. Random numbers are drawn and values checked, such as
    labels, as ``f`` would do it. If an input or parameter has another shape or dtype, a setting
    other than ``lr`` was assigned, or a parameter frozen, ``f`` is traced again: it is called
    twice, which takes some ten milliseconds. The last 16 programs are kept.

    Frozen as when it was traced are arrays that ``f`` captures (as copies: a batch has to be an
    input), ``data`` or ``detach()`` of a Tensor that is neither trained nor the input of an op, and
    what Python decided: the number of layers, train or eval mode. Gradients that are returned are
    the step's own buffers, which the next call overwrites. So a step belongs to one thread, and so
    does the model while it is traced.

    Raises TypeError if ``f`` needs the numbers themselves (``if loss > 1``, ``item()``); does not
    return a Tensor; calls ``backward()`` or assigns data; keeps what it computes, such as running
    averages (it is put back; update them after the step); or makes an array that differs each time,
    such as noise from NumPy; if an array is not NumPy's, or an input requires grad where the first
    did not; if an optimizer of your own has a ``step`` of its own, or keeps what is not in its
    ``buffers``. ValueError or RuntimeError as ``gradients`` and ``optimizer.step()``. No error
    changes anything.

    >>> import numpy as np
    >>> from tinygrad_loss import mean_squared_error, optim
    >>> W = Tensor([[1.0], [2.0]], requires_grad=True, name="W")
    >>> x, y = np.ones((4, 2)), np.zeros((4, 1))
    >>> step = unroll(lambda x, y: mean_squared_error(x @ W, y), optimizer=optim.GD([W], lr=0.1))
    >>> print(step(x, y), W.data.round(6).ravel())
    9.0 [0.4 1.4]
    >>> "x.T.dot(d_h1, out=d_W)" in step.source  # the gradient of W, x.T @ d_h1
    True
    """
    from .step import Step  # here, since most programs that import the library trace nothing

    if not callable(f):
        raise TypeError(
            f"unroll: f is a {type(f).__name__}; expected a function of the inputs, such as "
            "lambda x, y: tl.cross_entropy(model(x), y)"
        )
    if (wrt is None) == (optimizer is None):
        raise TypeError(
            f"unroll: got {'neither wrt nor' if wrt is None else 'both wrt and'} optimizer; "
            "expected wrt=, the Tensors whose gradients to return, or optimizer=, to be updated by."
        )
    if not isinstance(optimizer, Optimizer | None):
        raise TypeError(
            f"unroll: optimizer is a {type(optimizer).__name__}; expected one of tl.optim, such as "
            "SGD(model.parameters(), lr=0.1)"
        )
    return Step(f, example_inputs, wrt, optimizer, comments)
