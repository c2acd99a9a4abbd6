"""``unroll``: the backprop that you would write by hand, as NumPy source.

step.py       the step: traced when it has to be, else a call of the written code
record.py     one run of a function and its backward pass, recorded
outside.py    what the function keeps outside of itself
array.py      the array that notes every NumPy call made on it
trace.py      the calls noted, each as a Value: see values.py
simplify.py   simplifications by algebra, applied while tracing
memory.py     which Values share which buffer
names.py      what a textbook would call the Values
write.py      the source
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..engine.tensor import Tensor

if TYPE_CHECKING:
    from .step import Step

__all__ = ["unroll"]


def unroll(f: Callable[..., Tensor], *example_inputs: Any, wrt: Any) -> Step:
    """Write ``f`` and its gradient as straight-line NumPy source.

    ``f`` is run on the example inputs, and then the engine's own backward pass, both with arrays
    that note every NumPy call. Calls whose results are not used are dropped, equal calls are made
    once, constants are folded. The rest becomes source, one statement per call, forward and then
    backward, with results in buffers that are allocated once. (See Griewank & Walther 2008,
    "Evaluating Derivatives", ch. 4.)

    Parameters
    ----------
    f : a function of the inputs whose value is a scalar Tensor; anything that the engine can
        differentiate, including gradients of gradients
    example_inputs : arrays or Tensors of the shapes and dtypes to come, with values that ``f``
        accepts. Lists and pandas' objects become arrays. Numbers, None and strings become part of
        the code: for another value, ``f`` is traced again.
    wrt : the Tensors to differentiate with respect to, e.g. ``model.parameters()``, or a nest of
        lists, tuples and dicts of them; an example input that is a Tensor can be one of them

    Returns
    -------
    Step
        ``step(*inputs)`` returns ``(value, gradients)``, a number and a tuple of arrays in the
        order of ``wrt`` (for a nest, the same nest); ``step.source`` is the source that it runs.

    At each call
    - the inputs are read, and the data of each Tensor that ``f`` uses, also after ``p.data = ...``;
    - random numbers (dropout, gradient_penalty) are drawn, as ``f`` would draw them;
    - the losses check values, such as labels (but warnings are given only once, while tracing);
    - if an input or parameter has another shape or dtype, ``f`` is traced again.

    Frozen as in the example are arrays that ``f`` captures (as copies), ``data`` or ``detach()`` of
    a Tensor that is neither in ``wrt`` nor the input of an op, and whatever Python decided: the
    number of layers, train or eval mode, a learning rate. What is to change has to be an input.

    The gradients are the step's own buffers, which the next call overwrites: use them at once, as
    an optimizer does, or copy them. For the same reason a step belongs to one thread.

    Raises
    ------
    TypeError
        If ``f`` needs the numbers themselves, e.g. to branch on them (``if loss > 1``, ``item()``,
        ``float()``); does not return a Tensor; calls ``backward()`` or assigns data; keeps what it
        computes, such as running averages (it is put back; update them after the step); or makes
        an array that differs each time, such as noise from NumPy. If an array is not NumPy's, or
        an input is not made of real numbers, or requires grad where the example did not.
    ValueError
        As ``gradients``: the value is not a scalar, or a Tensor of ``wrt`` does not require grad.

    >>> import numpy as np
    >>> from tinygrad_loss.losses import mean_squared_error
    >>> W = Tensor([[1.0], [2.0]], requires_grad=True, name="W")
    >>> x, y = np.ones((4, 2)), np.zeros((4, 1))
    >>> step = unroll(lambda x, y: mean_squared_error(x @ W, y), x, y, wrt=[W])
    >>> print(step.source)
    import numpy as np
    <BLANKLINE>
    h1 = diff = d_h1 = np.empty((4, 1))
    losses = np.empty((4, 1))
    d_W = np.empty((2, 1))
    <BLANKLINE>
    <BLANKLINE>
    def step(x, y, W):
        # forward
        np.dot(x, W, out=h1)
        np.subtract(h1, y, out=diff)
        np.square(diff, out=losses)
        loss = np.add.reduce(losses, axis=None) / 4
        # backward
        np.multiply(diff, 0.5, out=d_h1)
        np.dot(x.T, d_h1, out=d_W)
        return loss, (d_W,)
    <BLANKLINE>
    >>> value, (d_W,) = step(x, y)
    >>> print(value, d_W.ravel())
    9.0 [6. 6.]
    """
    from .step import Step  # here, since most programs that import the library trace nothing

    return Step(f, example_inputs, wrt)
