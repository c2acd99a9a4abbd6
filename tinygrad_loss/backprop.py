"""The chain rule: order the graph, walk it backwards, add up.

Each node receives the gradient of the output with respect to itself, from all the nodes that used it. When all
have spoken (which the order guarantees), its op's rules turn that gradient into one for each of its inputs.
Where a value was used several times, its gradients add up: that is all there is to reverse-mode differentiation
(Linnainmaa 1970; Griewank & Walther 2008, "Evaluating Derivatives", ch. 3).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from operator import attrgetter
from typing import Any

import numpy as np

from .ops import reshape
from .tensor import Array, Tensor, data_of, mode, set_mode


def backward(output: Tensor, grad: Any = None) -> None:
    """Add the gradient of ``output`` to the ``.grad`` of every leaf that it was computed from.

    Args:
        output: a scalar, or a Tensor of any shape together with ``grad``.
        grad: the gradient with respect to ``output`` to start from, of the same shape; 1 for a scalar.

    Leaves that require grad receive theirs, and so do Tensors that called ``retain_grad()``. A second call adds
    the same again; ``zero_grad()`` starts afresh. If an error is raised, no ``.grad`` has been touched.

    Raises:
        ValueError: ``output`` is not a scalar and no ``grad`` was given, or ``grad`` has another shape.
        RuntimeError: ``output`` does not require grad; data was changed after it was used; a rule failed.

    >>> a, b = Tensor(-4.0, requires_grad=True), Tensor(2.0, requires_grad=True)
    >>> (a * b + b**3).backward()
    >>> a.grad, b.grad
    (array(2.), array(8.))
    """
    if not output.requires_grad:
        raise RuntimeError(
            f"backward: {output!r} does not require grad: no input of it does, or it was computed under "
            "no_grad(). Create the parameters with requires_grad=True."
        )
    nodes = history(output)
    keep = {node for node in nodes if node.origin is None or node._retain}
    owned: set[int] = set()
    for tensor, g in propagate(nodes, seed(output, grad), keep).items():
        # A rule may hand on its g itself, or a view of it; but each .grad belongs to one Tensor alone.
        if isinstance(g, np.generic) or getattr(g, "base", None) is not None or id(g) in owned:
            g = np.array(g)
        owned.add(id(g))
        tensor.grad = g if tensor.grad is None else tensor.grad + g


def gradients(
    output: Tensor, inputs: Sequence[Tensor], grad: Any = None, *, create_graph: bool = False
) -> tuple[Tensor, ...]:
    """The gradients of ``output`` with respect to each of ``inputs``; no ``.grad`` is touched.

    Args:
        output: a scalar, or a Tensor of any shape together with ``grad``.
        inputs: Tensors that require grad: leaves, or Tensors computed on the way to ``output``.
        grad: the gradient with respect to ``output`` to start from; 1 for a scalar.
        create_graph: record the computation of the gradients, so that they can be differentiated again.

    Returns:
        A Tensor for each input, of its shape and dtype; zeros where ``output`` does not depend on it.

    Raises:
        ValueError: as ``backward``, or an input does not require grad.
        RuntimeError: as ``backward``.

    >>> x = Tensor(3.0, requires_grad=True)
    >>> (dx,) = gradients(x**3, [x], create_graph=True)
    >>> dx.item(), gradients(dx, [x])[0].item()
    (27.0, 18.0)
    """
    for i, x in enumerate(inputs):
        if not isinstance(x, Tensor) or not x.requires_grad:
            raise ValueError(
                f"gradients: inputs[{i}] is {x!r}; expected a Tensor that requires grad. Create it with "
                "requires_grad=True before computing the output."
            )
    start = seed(output, grad)
    found: dict[Tensor, Any] = {}
    with set_mode(recording=create_graph):
        nodes = [node for node in history(output, set(inputs))]
        if nodes:
            found = propagate(nodes, Tensor(start) if create_graph else start, set(inputs), create_graph)
        parts = [found[x] if x in found else np.zeros_like(x.data) for x in inputs]
        return tuple(part if isinstance(part, Tensor) else Tensor(part) for part in parts)


def seed(output: Tensor, grad: Any) -> Array:
    """The gradient at which the walk starts: the one given, or d output / d output = 1 for a scalar."""
    if grad is None:
        if output.size != 1:
            raise ValueError(
                f"backward needs a scalar, but the output has shape {output.shape}. Reduce it, e.g. with "
                "output.mean() or output.sum(), or pass the gradient at the output: backward(grad)."
            )
        return np.ones_like(output.data)
    start = np.array(grad, dtype=output.dtype)
    if start.shape != output.shape:
        raise ValueError(f"backward: grad has shape {start.shape}; expected the output's shape {output.shape}.")
    return start


def history(output: Tensor, inputs: set[Tensor] | None = None) -> list[Tensor]:
    """All Tensors that ``output`` was computed from and that require grad, newest first: a topological order.

    With ``inputs``, only those that depend on one of them, for the others need no gradient.
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
        needed: set[Any] = set()
        for node in nodes:  # oldest first: what an input reaches spreads from it
            if node in inputs or (node.origin and any(isinstance(x, Tensor) and x in needed for x in node.origin[1])):
                needed.add(node)
        nodes = [node for node in nodes if node in needed]
    nodes.reverse()
    return nodes


def propagate(
    nodes: list[Tensor], start: Any, keep: set[Tensor], create_graph: bool = False
) -> dict[Tensor, Any]:
    """Walk the nodes, newest first, from the gradient ``start`` at the first; return the gradients of ``keep``.

    A gradient is dropped as soon as it has been passed on, unless it is to be kept, so that few live at a time.
    """
    needed = set(nodes)
    gradient_of = {nodes[0]: start}
    for node in nodes:
        if node.origin is None or node not in gradient_of:
            continue
        g = gradient_of[node] if node in keep else gradient_of.pop(node)
        inputs = node.origin[1]
        for i, x in enumerate(inputs[: len(node.origin[0].rules)]):
            if isinstance(x, Tensor) and x in needed:
                part = pull_back(node, i, g, create_graph)
                if part is not None:
                    gradient_of[x] = gradient_of[x] + part if x in gradient_of else part
    return {x: gradient_of[x] for x in keep if x in gradient_of}


def pull_back(node: Tensor, i: int, g: Any, create_graph: bool = False) -> Any:
    """The gradient that ``node``, whose own is ``g``, sends to its i-th input: the rule, in the input's shape and dtype.

    With ``create_graph`` the rule is given the Tensors instead of their arrays, and so records what it computes.
    """
    op, inputs, arrays, options = node.origin  # type: ignore[misc]
    rule = op.rules[i]
    if rule is None:
        return None
    for x in inputs:
        if isinstance(x, Tensor) and x.stamp > node.stamp:
            raise RuntimeError(
                f"backward: the data of {x.name or 'a Tensor'} {x.shape} was changed after {op.name} had used it, so "
                "its gradient would be wrong. Call backward() before changing data, or compute the output again."
            )
    anomaly = mode.get()[1]
    if anomaly:
        anomaly.before_rule(node)
    try:
        part = rule(g, node, *inputs, **options) if create_graph else rule(g, node.data, *arrays, **options)
    except Exception as error:
        raise RuntimeError(
            f"backward of {op.name}: {op.describe(inputs)}, gradient {g.shape} at the output: {error}"
        ) from error
    x = arrays[i]
    if part.shape != x.shape:
        part = unbroadcast(part, x.shape)
    if part.dtype != x.dtype:
        part = part.astype(x.dtype)
    if anomaly:
        anomaly.after_rule(node, i, part, g)
    return part


def unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """The gradient of a broadcast: an element that was used in many places receives the sum of their gradients.

    >>> unbroadcast(np.ones((2, 3)), (3,))
    array([2., 2., 2.])
    """
    new = g.ndim - len(shape)
    stretched = tuple(i + new for i, n in enumerate(shape) if n == 1 and g.shape[i + new] != 1)
    return g.sum(axis=(*range(new), *stretched)).reshape(shape)


def grad(f: Callable[..., Tensor], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """The derivative of a function: ``grad(f)(x)`` is f'(x), and ``grad(grad(f))(x)`` is f''(x).

    Args:
        f: a function of arrays or Tensors whose value is a scalar Tensor.
        argnums: which positional argument to differentiate with respect to, or a tuple of several.

    Returns:
        A function of the same arguments. It returns the gradient as a Tensor (a tuple of them for a tuple of
        argnums), which can itself be differentiated; under ``no_grad()`` it cannot, and is computed faster.

    Raises:
        ValueError: the value is not a scalar.
        TypeError: the value is not a Tensor or number, or an argument is not made of floating numbers.

    >>> grad(grad(lambda x: x**3))(2.0).item()
    12.0
    """

    @wraps(f)
    def derivative(*args: Any, **options: Any) -> Any:
        return value_and_grad(f, argnums)(*args, **options)[1]

    return derivative


def value_and_grad(f: Callable[..., Tensor], argnums: int | tuple[int, ...] = 0) -> Callable[..., tuple[Any, Any]]:
    """As ``grad``, but the function returns ``(f(x), f'(x))``, for the price of one.

    >>> value, slope = value_and_grad(lambda x: x**3)(2.0)
    >>> value.item(), slope.item()
    (8.0, 12.0)
    """

    @wraps(f)
    def value_and_derivative(*args: Any, **options: Any) -> tuple[Any, Any]:
        numbers = argnums if isinstance(argnums, tuple) else (argnums,)
        recording = mode.get()[0]
        with set_mode(recording=True):
            # A new Tensor for each argument, even if it is one already: f may also use that one directly,
            # and through such a use the derivative with respect to *this* argument does not pass.
            variables = list(args)
            for n in numbers:
                x = args[n]
                variables[n] = (
                    reshape(x, x.shape) if isinstance(x, Tensor) and x.requires_grad else Tensor(data_of(x), requires_grad=True)
                )
            value = f(*variables, **options)
            if not isinstance(value, Tensor):
                raise TypeError(f"grad: the function returned {type(value).__name__}; expected a scalar Tensor")
            slopes = gradients(value, [variables[n] for n in numbers], create_graph=recording)
        return value if recording else value.detach(), slopes if isinstance(argnums, tuple) else slopes[0]

    return value_and_derivative


Tensor.backward = backward  # type: ignore[method-assign]
