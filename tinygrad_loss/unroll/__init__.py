"""``unroll``: the backprop that one would have written by hand.

step.py       the step: traced when it has to be, else a call of the written code
trace.py      arrays that note every NumPy call made on them
simplify.py   rules of algebra, applied while tracing
memory.py     which values share which buffer
names.py      what a textbook would call them
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

    ``f`` is run on the example, then the engine's own backward pass, both on arrays that note every
    NumPy call. What no one reads is dropped, what is computed twice is shared, constants are
    folded, and the rest is written down, one statement a call, forward and then backward, into
    buffers that are allocated once. (Griewank & Walther 2008, "Evaluating Derivatives", ch. 4,
    call this source transformation by tracing.)

    Parameters
    ----------
    f : function of the inputs whose value is a scalar Tensor; anything that the engine can
        differentiate, gradients of gradients included
    example_inputs : arrays or Tensors of the shapes and dtypes to come, with values that ``f``
        accepts. Lists become arrays. Numbers, None and strings are part of the code: another
        value is traced anew.
    wrt : the Tensors to differentiate with respect to, e.g. ``model.parameters()``, or a nest of
        lists, tuples and dicts of them; an example input that is a Tensor can be one of them

    Returns
    -------
    Step
        ``step(*inputs)`` returns ``(value, gradients)``, a number and a tuple of arrays in the
        order of ``wrt`` (of a nest, the same nest); ``step.source`` is the text that it runs.

    At each call
    - the inputs are read, and the data of each Tensor that ``f`` uses, also after ``p.data = ...``;
    - random numbers (dropout, gradient_penalty) are drawn anew, as ``f`` would;
    - the losses' checks of values are made: a wrong label raises the same ValueError. Warnings are
      given once, while tracing;
    - inputs or parameters of another shape or dtype are traced anew.

    Frozen as they were in the example are arrays that ``f`` captures (of which a copy is made), the
    ``data`` or ``detach()`` of a Tensor that is neither in ``wrt`` nor the input of an op, and
    whatever Python decided: the number of layers, train or eval mode, a learning rate. Pass as an
    input what shall change.

    The gradients are the step's own buffers, which the next call overwrites: use them, as an
    optimizer does, or copy them. For the same reason a step belongs to one thread.

    Raises
    ------
    TypeError
        If ``f`` needs the numbers themselves, e.g. to branch on them (``if loss > 1``, ``item()``,
        ``float()``); returns no Tensor; calls ``backward()`` or assigns data; or makes an array
        that is another one each time, such as noise from NumPy.
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
    from .step import Step  # here, since most who import the library trace nothing

    return Step(f, example_inputs, wrt)
