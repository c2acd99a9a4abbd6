"""The chain rule: walk the graph backwards, from the newest node to the oldest, and add up.

Every node that used a value sends one part of that value's gradient back to it, and the parts add
up. Once all parts have arrived, the rules of the op that computed the value turn its gradient into
one part for each of the op's inputs. That is all there is to reverse-mode differentiation
(Linnainmaa 1970; Griewank & Walther 2008, "Evaluating Derivatives", ch. 3).

The order makes sure that all parts have arrived. ``propagate`` keeps the nodes that have received a
part in a heap and always takes the newest: each node has a stamp, the time when it was made.
Whatever used a node is newer. So all that used it have been taken before it, and its gradient is
complete. (A leaf only collects, and never enters the heap.)
"""

from collections.abc import Set
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

import numpy as np

from . import errors
from .arrays import as_array, brought, data_of, full_like, total
from .mode import mode
from .node import Array, Node

if TYPE_CHECKING:
    from .ops import Op
    from .tensor import Tensor


def backward(output: "Tensor", grad: Any = None) -> None:
    """Add the gradient of ``output`` to the ``.grad`` of every leaf that it was computed from.

    A leaf is a Tensor that you made, or that an op made without recording. Only leaves that require
    grad receive a gradient, and Tensors on which ``retain_grad()`` was called. A second call adds
    the same again, unless ``zero_grad()`` comes in between. If an error is raised, no ``.grad`` has
    been touched.

    Parameters
    ----------
    output : Tensor, a scalar, or of any shape together with ``grad``
    grad : array of the shape of ``output``, the gradient to start from; 1 for a scalar

    Raises ValueError if ``output`` is no scalar and there is no ``grad``, or it has another shape;
    RuntimeError if ``output`` does not require grad, or data was changed after it was used.

    >>> from tinygrad_loss import Tensor
    >>> a, b = Tensor(-4.0, requires_grad=True), Tensor(2.0, requires_grad=True)
    >>> (a * b + b**3).backward()
    >>> a.grad, b.grad
    (array(2.), array(8.))
    """
    if not output._requires_grad:
        raise errors.no_graph(output)
    owned: set[int] = set()
    sums: dict[Node, Any] = {}
    for node, g in propagate(output, seed(output, grad)).items():
        # A rule may return its g itself, or a view of it; but each .grad belongs to one Tensor, as
        # an array that can be written (NumPy makes a scalar of a sum without dimensions).
        if type(g) is not np.ndarray or g.base is not None or id(g) in owned:
            g = as_array(data_of(g))
        owned.add(id(g))
        if node.grad is not None:
            g = node.grad + g
            if type(g) is not np.ndarray or g.dtype is not node._array.dtype:
                g = as_array(data_of(g), node.dtype, copy=False)
            if g.shape != node._array.shape:
                raise ValueError(f"backward: a .grad has shape {g.shape}, its Tensor {node.shape}")
        sums[node] = g
    for node, g in sums.items():  # only now, so that an error has touched no .grad
        node.grad = g


def seed(output: "Tensor", grad: Any, create_graph: bool = False) -> Any:
    """Return the gradient to start from: the one given, or d output / d output = 1 for a scalar."""
    if grad is None:
        if output.size != 1:
            raise errors.no_scalar(output)
        grad = full_like(output._array, 1)
    elif not (create_graph and isinstance(grad, Node)):
        grad = as_array(getattr(grad, "_array", grad), output.dtype, what="backward: grad")
        grad = brought(grad, output)
    if grad.shape != output.shape:
        raise ValueError(f"backward: grad has shape {grad.shape}; expected {output.shape}")
    return grad if isinstance(grad, Node) or not create_graph else type(output)(grad, copy=False)


def propagate(
    output: Node, start: Any, needed: Set[Node] | None = None, keep: Set[Node] = frozenset(),
    create_graph: bool = False,
) -> dict[Node, Any]:  # fmt: skip
    """Walk back from ``output``, where the gradient is ``start``, taking the newest node each time.

    Returns the gradients of the leaves, of the Tensors that retain theirs, and of ``keep``; others
    are dropped once they have been passed on, so that few are in memory. If ``needed`` is given,
    only its nodes are visited. With ``create_graph`` the rules are called with Tensors instead of
    arrays, so that what they compute is recorded.
    """
    observers = mode.get().observers
    gradient = {output: start}
    # A heap with the newest node first. (A copy.deepcopy has the same stamp: then the id decides,
    # before Tensors would be compared.)
    waiting = [(-output.stamp, id(output), output)]
    while waiting:
        _, _, node = heappop(waiting)
        if node.origin is None:  # the output is a leaf itself
            continue
        op: Op
        op, inputs, arrays, options = node.origin
        g = gradient[node] if node._retains_grad or node in keep else gradient.pop(node)
        given = (g, node, *inputs) if create_graph else (g, node._array, *arrays)
        for position, rule in enumerate(op.rules):
            x = inputs[position]
            if not isinstance(x, Node):
                continue
            if x.stamp > node.stamp:  # a constant, too: the other inputs' rules use its values
                raise errors.changed(x, op)
            if not (x._requires_grad and rule and (needed is None or x in needed)):
                continue
            try:
                part = rule(*given, **options) if options else rule(*given)
                array = arrays[position]
                if part.shape != array.shape or part.dtype is not array.dtype:
                    part = fitted(part, array, op, position)
            except Exception as error:
                if isinstance(error, AttributeError) and error.__traceback__.tb_next is None:  # type: ignore[union-attr]
                    error = errors.wrong_part(part, array, op, position)  # it has no shape
                raise errors.explained(error, op.name, inputs, options, "backward of ") from None
            for observer in observers:
                observer.after_rule(node, position, g, part)
            if x in gradient:
                gradient[x] = gradient[x] + part
            else:
                gradient[x] = part
                if x.origin:
                    heappush(waiting, (-x.stamp, id(x), x))
    return gradient


def fitted(part: Any, array: Array, op: "Op", position: int) -> Any:
    """Return a gradient in the shape and dtype of the array that it belongs to."""
    try:
        if part.shape != array.shape:
            part = unbroadcast(part, array.shape)
        if part.dtype == array.dtype:
            return part
        if part.dtype.kind in "fiub" and array.dtype.kind == "f":
            return part.astype(array.dtype)
    except (AttributeError, ValueError, IndexError):  # a list; of another shape, or fewer axes
        pass
    raise errors.wrong_part(part, array, op, position)


def unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """Undo a broadcast: an element used in many places receives the sum of their gradients.

    >>> unbroadcast(np.ones((2, 3)), (3,))
    array([2., 2., 2.])
    """
    added = len(g.shape) - len(shape)  # new axes in front
    if g.shape[added:] == shape:  # a bias, mostly: nothing was stretched
        return total(g, 0 if added == 1 else tuple(range(added)))
    stretched = [added + i for i, n in enumerate(shape) if n == 1 and g.shape[added + i] != 1]
    g = total(g, (*range(added), *stretched), keepdims=True)
    if g.shape[added:] != shape:
        raise ValueError(f"{g.shape} is no broadcast of {shape}")
    return g.reshape(shape)
