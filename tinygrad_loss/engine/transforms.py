"""From a Tensor to its gradients with respect to others, and from a function to its derivative."""

from collections.abc import Callable, Collection, Sequence
from functools import wraps
from operator import attrgetter
from typing import Any, overload

import numpy as np

from .arrays import flattened, holds, is_nested, mapped, parameters_in
from .backprop import propagate, seed
from .copies import ancestors
from .mode import mode, set_mode
from .node import Node
from .ops import astype, reshape
from .tensor import Tensor
from .words import taught


@overload
def gradients(
    output: Tensor, inputs: Sequence[Tensor], grad: Any = None, *, create_graph: bool = False
) -> tuple[Tensor, ...]: ...
@overload
def gradients(
    output: Tensor, inputs: Any, grad: Any = None, *, create_graph: bool = False
) -> Any: ...
def gradients(output: Tensor, inputs: Any, grad: Any = None, *, create_graph: bool = False) -> Any:
    """Return the gradients of ``output`` with respect to each of ``inputs``; touch no ``.grad``.

    Parameters
    ----------
    output : Tensor, a scalar, or of any shape together with ``grad``
    inputs : sequence, or nest of lists, tuples and dicts, of Tensors that require grad: leaves, or
        computed on the way to ``output``
    grad : array of the shape of ``output``, the gradient to start from; 1 for a scalar; a Tensor is
        part of the graph if it is recorded
    create_graph : bool, whether to record how they are computed, to differentiate them again

    Returns a tuple with one Tensor for each input, of its shape and dtype; zeros if ``output`` does
    not depend on it. For a dict, or a sequence with others inside, the same nest with the gradients
    in it. Raises what ``backward`` does, or if ``inputs`` is no collection of such Tensors.

    >>> x = Tensor(3.0, requires_grad=True)
    >>> (dx,) = gradients(x**3, [x], create_graph=True)
    >>> dx.item(), gradients(dx, [x])[0].item()
    (27.0, 18.0)
    >>> gradients(x**3, {"x": x})["x"].item()
    27.0
    """
    targets = parameters_in("gradients: inputs", inputs)
    if not isinstance(output, Tensor):
        raise TypeError(f"gradients: output is a {type(output).__name__}; expected a Tensor")
    for i, x in enumerate(targets):
        if not isinstance(x, Tensor) or not x._requires_grad:
            given = f"gradients: inputs[{i}] is {x!r}"
            raise ValueError(f"{given}; expected a Tensor, made with requires_grad=True")
    with set_mode(recording=create_graph):
        if isinstance(grad, Tensor) and grad.dtype != output.dtype:
            grad = astype(grad, output.dtype)
        start = seed(output, grad, create_graph)
        found = propagate(output, start, between(targets, output), set(targets), create_graph)

        def part(x: Tensor) -> Tensor:
            g = found[x] if x in found else np.zeros_like(x._array)
            return g if isinstance(g, Tensor) else Tensor(g)

        return mapped(part, inputs) if is_nested(inputs) else tuple(map(part, targets))


def between(inputs: Collection[Node], output: Node) -> set[Node]:
    """All Tensors on the way from ``output`` to the inputs: its ancestors that depend on them."""
    reached, known = set(inputs), ancestors(output)
    if all(x.origin or x in reached for x in known):
        return known  # since all leaves are inputs; for speed
    for node in sorted(known, key=attrgetter("stamp")):  # oldest first: inputs before their users
        if node.origin and any(isinstance(x, Node) and x in reached for x in node.origin[1]):
            reached.add(node)
    return reached & known


@taught
def grad(f: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """Return the derivative of a function: ``grad(f)(x)`` is f'(x), ``grad(grad(f))(x)`` is f''(x).

    Parameters
    ----------
    f : callable, a function of Tensors whose value is a scalar Tensor
    argnums : int or tuple of int, the positional arguments to differentiate with respect to

    Returns a function of the same arguments: Tensors, arrays, numbers, or nests of lists, tuples
    and dicts of them. It returns the gradient with the structure of the argument (a tuple of
    gradients for a tuple of argnums), and of its type: an array for an array or a number, a Tensor
    for a Tensor. But if the value also depends on another Tensor that requires grad, an argument or
    one from outside, all gradients are Tensors, part of the graph, and can be differentiated again
    (unless recording is off, under ``no_grad()``).

    Raises ValueError if the value is no scalar; TypeError if it is no Tensor, or an argument has no
    floating numbers.

    >>> grad(grad(lambda x: x**3))(2.0)
    array(12.)
    >>> grad(lambda p: p["w"] * 3.0 + p["b"])({"w": 1.0, "b": 0.5})
    {'w': array(3.), 'b': array(1.)}
    """

    @wraps(f)
    def derivative(*args: Any, **options: Any) -> Any:
        return value_and_grad(f, argnums)(*args, **options)[1]

    return derivative


@taught
def value_and_grad(f: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """As ``grad``, but the function returns ``(f(x), f'(x))``, from a single call of f.

    >>> value_and_grad(lambda x: x**3)(2.0)
    (array(8.), array(12.))
    """
    numbers = argnums if isinstance(argnums, tuple) else (argnums,)

    @wraps(f)
    def value_and_derivative(*args: Any, **options: Any) -> tuple[Any, Any]:
        positions = [n for n in numbers if isinstance(n, (int, np.integer)) and -1 < n < len(args)]
        if not 0 < len(numbers) == len(set(positions)):
            what = f"argnums={argnums}, but f was given {len(args)} positional arguments"
            raise TypeError(f"grad: {what}; expected one, counted from 0, or a tuple")
        recording = mode.get().recording
        with set_mode(recording=True):
            variables = [mapped(_variable, args[n]) for n in numbers]
            place = dict(zip(numbers, variables, strict=True))
            value = f(*(place.get(n, x) for n, x in enumerate(args)), **options)
            if not isinstance(value, Tensor):
                kind = type(value).__name__
                raise TypeError(f"grad: f returned a {kind}; expected a scalar Tensor")
            inputs = list(flattened(variables))
            # The value, and so the gradient, may depend on another leaf, such as an outer grad()'s.
            others = ancestors(value).difference(inputs)
            depends = recording and any(x._requires_grad and x.origin is None for x in others)
            found = iter(gradients(value, inputs, create_graph=depends))

        def typed(x: Any, y: Tensor) -> Any:
            return y if depends or isinstance(x, Node) else y.data

        slopes = tuple(mapped(lambda x: typed(x, next(found)), args[n]) for n in numbers)
        if not depends:
            value = value.detach() if holds([args[n] for n in numbers]) else value.data.copy()
        return value, slopes if isinstance(argnums, tuple) else slopes[0]

    return value_and_derivative


def _variable(x: Any) -> Tensor:
    """Return what f is given for an argument: always a new Tensor, computed from a given Tensor.

    If f also uses the given Tensor directly, by its closure, that is no use of *this argument*. An
    identity, the reshape to the same shape, links the two for an outer derivative.
    """
    if isinstance(x, Tensor):
        return reshape(x, x.shape) if x.requires_grad else Tensor(x.data, requires_grad=True)
    return Tensor(x, requires_grad=True)
