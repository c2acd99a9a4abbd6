"""The chain rule: order the graph, walk it backwards, add up.

Each node receives the gradient of the output with respect to itself from all the nodes that used
it. When all have spoken, which the order guarantees, the rules of its op turn that gradient into
one for each of its inputs. Where a value was used several times, its gradients add up. That is all
there is to reverse-mode differentiation (Linnainmaa 1970; Griewank & Walther 2008, "Evaluating
Derivatives", ch. 3).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from heapq import heappop, heappush
from operator import attrgetter
from typing import Any

import numpy as np

from .errors import changed, check_inputs, explained
from .methods import data_of
from .tensor import Array, Tensor, mode, set_mode


def backward(output: Tensor, grad: Any = None) -> None:
    """Add the gradient of ``output`` to the ``.grad`` of every leaf that it was computed from.

    Leaves that require grad receive theirs, and so do Tensors that called ``retain_grad()``. A
    second call adds the same again; ``zero_grad()`` starts afresh. If an error is raised, no
    ``.grad`` has been touched.

    Parameters
    ----------
    output : Tensor
        A scalar, or a Tensor of any shape together with ``grad``.
    grad : array of the shape of ``output``
        The gradient at ``output`` to start from; 1 for a scalar.

    Raises
    ------
    ValueError
        If ``output`` is not a scalar and there is no ``grad``, or ``grad`` has another shape.
    RuntimeError
        If ``output`` does not require grad, or data was changed after it was used.

    >>> from tinygrad_loss import Tensor
    >>> a, b = Tensor(-4.0, requires_grad=True), Tensor(2.0, requires_grad=True)
    >>> (a * b + b**3).backward()
    >>> a.grad, b.grad
    (array(2.), array(8.))
    """
    if not output.requires_grad:
        raise RuntimeError(
            f"backward: {output!r} does not require grad: no input of it does, or it was computed "
            "under no_grad(). Create the parameters with requires_grad=True."
        )
    owned: set[int] = set()
    for tensor, g in propagate(output, seed(output, grad)).items():
        # A rule may hand on its g itself, or a view of it; but each .grad belongs to one Tensor.
        if isinstance(g, np.generic) or getattr(g, "base", None) is not None or id(g) in owned:
            g = np.array(g)
        owned.add(id(g))
        tensor.grad = g if tensor.grad is None else tensor.grad + g


def gradients(
    output: Tensor, inputs: Sequence[Tensor], grad: Any = None, *, create_graph: bool = False
) -> tuple[Tensor, ...]:
    """Return the gradients of ``output`` with respect to each of ``inputs``; touch no ``.grad``.

    Parameters
    ----------
    output : Tensor
        A scalar, or a Tensor of any shape together with ``grad``.
    inputs : sequence of Tensor
        Each requires grad: leaves, or Tensors computed on the way to ``output``.
    grad : array of the shape of ``output``
        The gradient at ``output`` to start from; 1 for a scalar.
    create_graph : bool
        Record how the gradients are computed, so that they can be differentiated again.

    Returns
    -------
    tuple of Tensor
        One for each input, of its shape and dtype; zeros if ``output`` does not depend on it.

    Raises
    ------
    TypeError, ValueError, RuntimeError
        As ``backward``; and if ``inputs`` is not a sequence of Tensors that require grad.

    >>> from tinygrad_loss import Tensor
    >>> x = Tensor(3.0, requires_grad=True)
    >>> (dx,) = gradients(x**3, [x], create_graph=True)
    >>> dx.item(), gradients(dx, [x])[0].item()
    (27.0, 18.0)
    """
    check_inputs(output, inputs)
    start = seed(output, grad)
    with set_mode(recording=create_graph):
        needed = set(history(output, set(inputs)))
        start = Tensor(start, copy=False) if create_graph else start
        found = propagate(output, start, needed, set(inputs), create_graph)
        parts = [found[x] if x in found else np.zeros_like(x.data) for x in inputs]
        return tuple(part if isinstance(part, Tensor) else Tensor(part) for part in parts)


def seed(output: Tensor, grad: Any) -> Array:
    """Return the gradient to start from: the one given, or d output / d output = 1 for a scalar."""
    if grad is None:
        if output.size != 1:
            raise ValueError(
                f"backward needs a scalar, but the output has shape {output.shape}. Reduce it, "
                "e.g. with output.mean() or output.sum(), or pass the gradient: backward(grad)."
            )
        return np.ones_like(output.data)
    start = np.array(data_of(grad), dtype=output.dtype)
    if start.shape != output.shape:
        raise ValueError(
            f"backward: grad has shape {start.shape}; expected the output's, {output.shape}."
        )
    return start


def history(output: Tensor, inputs: set[Tensor] | None = None) -> list[Tensor]:
    """Return all that ``output`` was computed from and that requires grad, newest first.

    With ``inputs``, only what depends on one of them: nothing else needs a gradient.
    """
    found, stack = {output}, [output]
    while stack:  # a loop, since a graph can be deeper than Python's stack
        origin = stack.pop().origin
        if origin:
            for x in origin[1]:
                if isinstance(x, Tensor) and x.requires_grad and x not in found:
                    found.add(x)
                    stack.append(x)
    nodes = sorted(found, key=attrgetter("stamp"))
    if inputs is not None:
        reached = set(inputs)
        for node in nodes:  # oldest first: what an input reaches spreads from it
            if node.origin and any(isinstance(x, Tensor) and x in reached for x in node.origin[1]):
                reached.add(node)
        nodes = [node for node in nodes if node in reached]
    return nodes[::-1]


def propagate(
    output: Tensor,
    start: Any,
    needed: Collection[Tensor] | None = None,
    keep: Collection[Tensor] = (),
    create_graph: bool = False,
    observe: Callable[[Tensor, int, Any, Any], None] | None = None,
) -> dict[Tensor, Any]:
    """Walk back from ``output``, at which the gradient is ``start``, always at the newest node.

    Whoever used a node is newer than it. So when a node is the newest of those that wait, all that
    used it have been visited, and its gradient is complete.

    Returns the gradients of the leaves, of the Tensors that retain theirs, and of ``keep``. Any
    other is dropped as soon as it has been passed on, so that few live at a time. Only ``needed``
    is visited, if given. With ``create_graph`` the rules are given Tensors instead of arrays, and
    so record what they compute. ``observe(node, i, g, part)`` is told what each node, whose own
    gradient is g, sends to its i-th input.
    """
    observe = observe or mode.get()[1]
    gradient = {output: start}
    # A heap: the newest comes first. (Two have one stamp only where one is a copy.deepcopy.)
    waiting = [(-output.stamp, id(output), output)] if output.origin else []
    while waiting:
        node = heappop(waiting)[2]
        op, inputs, arrays, options = node.origin
        g = gradient[node] if node._retain or node in keep else gradient.pop(node)
        y, given = (node, inputs) if create_graph else (node._data, arrays)
        for i, rule in enumerate(op.rules):
            x = inputs[i]
            if not isinstance(x, Tensor):
                continue
            if x.stamp > node.stamp:
                raise changed(x, node)
            if not (x.requires_grad and rule and (needed is None or x in needed)):
                continue
            try:
                part, array = rule(g, y, *given, **options), arrays[i]
                if part.shape != array.shape or part.dtype is not array.dtype:
                    part = fitted(part, array)
            except Exception as error:
                raise explained(error, op.name, inputs, "backward of ") from error
            if observe:
                observe(node, i, g, part)
            if x in gradient:
                gradient[x] = gradient[x] + part
            else:
                gradient[x] = part
                if x.origin:
                    heappush(waiting, (-x.stamp, id(x), x))
    return gradient


def fitted(part: Any, array: Array) -> Any:
    """Return a gradient in the shape and dtype of the array that it belongs to."""
    if part.shape != array.shape:
        part = unbroadcast(part, array.shape)
    return part if part.dtype == array.dtype else part.astype(array.dtype)


def unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """Undo a broadcast: an element used in many places receives the sum of their gradients.

    >>> unbroadcast(np.ones((2, 3)), (3,))
    array([2., 2., 2.])
    """
    new = len(g.shape) - len(shape)
    if g.shape[new:] == shape:
        return g.sum(axis=0 if new == 1 else tuple(range(new)))
    stretched = [new + i for i, n in enumerate(shape) if n == 1 and g.shape[new + i] != 1]
    total = g.sum(axis=(*range(new), *stretched), keepdims=True)
    if total.shape[new:] != shape:
        raise ValueError(f"the rule returned shape {g.shape}, which is no broadcast of {shape}")
    return total.reshape(shape)
