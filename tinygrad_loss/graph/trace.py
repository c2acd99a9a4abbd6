"""A Tensor's history as plain data: what was computed, from what, and each use's gradient.

``trace`` walks the graph behind a Tensor and has the engine's own ``propagate`` replay the
backward pass, so that the chain rule stands in one place only. The Tensors are read and never
written: ``.grad`` stays as it was, and a picture is the same before and after ``backward()``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import numpy as np

from ..backprop import gradients, history, propagate, seed
from ..tensor import Op, Tensor
from .rules import argument_names
from .scopes import Scope, Scopes


@dataclass(eq=False, slots=True)
class TensorNode:
    """A value: a parameter (leaf that requires grad), an input (other leaf), or an op's output."""

    id: str
    name: str
    kind: str  # "parameter", "input", "value" or "output"
    value: Any
    gradient: Any = None  # None where none was computed, which is not the same as zero
    maker: OpNode | None = None
    uses: list[Use] = field(default_factory=list)
    scope: Scope | None = None


@dataclass(eq=False, slots=True)
class OpNode:
    """One application of an op."""

    id: str
    op: Op
    output: TensorNode
    arguments: list[Any]  # as in the call; a Use stands for each one that is drawn as a tensor
    argument_names: list[str]
    options: dict[str, Any]
    scope: Scope | None = None
    backward: bool = False  # part of a backward pass, drawn on request

    @property
    def uses(self) -> list[Use]:
        """The arguments that are drawn as tensors."""
        return [argument for argument in self.arguments if isinstance(argument, Use)]

    @property
    def constants(self) -> dict[str, Any]:
        """The other arguments and the options, by name."""
        given = zip(self.argument_names, self.arguments, strict=True)
        return {name: x for name, x in given if not isinstance(x, Use)} | self.options


@dataclass(eq=False, slots=True)
class Use:
    """One use of a tensor by an op, and the gradient that it sent back. ``x * x`` uses x twice."""

    id: str
    source: TensorNode
    op: OpNode
    position: int
    gradient: Any = None


@dataclass(eq=False, slots=True)
class Trace:
    """All of it; tensors and ops in topological order, so inputs come before what uses them."""

    outputs: list[TensorNode] = field(default_factory=list)
    tensors: list[TensorNode] = field(default_factory=list)
    ops: list[OpNode] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    scopes: list[Scope] = field(default_factory=list)
    has_backward_graph: bool = False
    sent: list[Use] = field(
        default_factory=list
    )  # the uses that sent a gradient, in the order in which they did


def trace(output: Tensor | Sequence[Tensor], grad: Any = None, *, backward: bool = False) -> Trace:
    """The history of one output or several.

    Parameters
    ----------
    output
        A Tensor. A scalar's backward pass is replayed; so is that of a Tensor of any shape with
        ``grad``. Of several outputs the forward graph alone is traced.
    grad
        The gradient at ``output`` to start from, of its shape; 1 for a scalar.
    backward
        Trace the graph of the gradients: the forward pass, and the computation of the gradient
        of each leaf.

    Returns
    -------
    Trace
        Plain data; arrays that could change later are copied.

    Raises
    ------
    TypeError
        ``output`` is not a Tensor.
    ValueError
        ``grad`` has the wrong shape; ``backward`` of several outputs, or of one that does not
        require grad.
    RuntimeError
        Data was changed after it had been used, so that the picture would be wrong.

    Examples
    --------
    >>> x = Tensor(3.0, requires_grad=True, name="x")
    >>> [(use.source.name, use.gradient.item()) for use in trace(x * x).uses]
    [('x', 3.0), ('x', 3.0)]
    """
    outputs: list[Any] = list(output) if isinstance(output, list | tuple) else [output]
    if not outputs or not all(isinstance(x, Tensor) for x in outputs):
        kinds = ", ".join(type(x).__name__ for x in outputs) or "an empty sequence"
        raise TypeError(f"draw: expected a Tensor or a sequence of Tensors, got {kinds}")
    if len(outputs) > 1 and (backward or grad is not None):
        raise ValueError(
            f"draw: backward= and grad= are for one output, but {len(outputs)} were given. Draw "
            "the sum of them, or one picture for each."
        )
    if not backward:
        result, makers = _record(outputs, {})
        if (
            len(outputs) == 1
            and outputs[0].requires_grad
            and (grad is not None or outputs[0].size == 1)
        ):
            _replay(result, makers, outputs[0], grad)
        return result
    return _record(*_gradient_graph(outputs[0], grad), last_forward=outputs[0].stamp)[0]


def _gradient_graph(output: Tensor, grad: Any) -> tuple[list[Tensor], dict[Tensor, str]]:
    """The output and the gradients of the leaves behind it, as a graph; and their names."""
    if output.origin is None:
        raise ValueError(
            "draw: backward=True draws how the gradients of the output are computed, but this "
            "output has none: it was not computed from Tensors that require grad."
        )
    tensors = history(output)[::-1]
    leaves = [x for x in tensors if x.origin is None]
    found = gradients(output, leaves, grad, create_graph=True)
    known = Scopes(tensors).names
    names = {
        g: f"gradient of {x.name or known.get(id(x), 'a parameter')}"
        for x, g in zip(leaves, found, strict=True)
    }
    return [output, *dict.fromkeys(found)], names


def _record(
    outputs: list[Tensor], names: dict[Tensor, str], last_forward: float = float("inf")
) -> tuple[Trace, dict[int, TensorNode]]:
    """The history of the outputs as nodes; also, which node stands for which Tensor, by id."""
    tensors = sorted({x for output in outputs for x in history(output)}, key=attrgetter("stamp"))
    scopes = Scopes(tensors)
    backward_scope = Scope("backward", "backward pass", "backward pass", None, len(scopes.all))
    result = Trace(scopes=scopes.all)
    # By id: the graph keeps its Tensors and arrays alive, so no id is used twice.
    nodes: dict[int, TensorNode] = {}
    counters: Counter[str] = Counter()
    final = set(map(id, outputs))

    def add(x: Any, value: Any, kind: str, scope: Scope | None = None) -> TensorNode:
        name = getattr(x, "name", None) or scopes.names.get(id(x))
        if isinstance(x, Tensor):
            name = names.get(x, name)
        if name is None:
            origin = getattr(x, "origin", None)
            later = isinstance(x, Tensor) and x.stamp > last_forward
            stem = origin[0].name if origin else "constant" if later else kind
            counters[stem] += 1
            name = f"{stem}{counters[stem]}"
        node = TensorNode(f"t{len(nodes)}", str(name), kind, _snapshot(value), scope=scope)
        nodes[id(x)] = node
        result.tensors.append(node)
        return node

    for x in tensors:
        if x.origin is None:
            add(x, x.data, "parameter" if x.requires_grad else "input")
            continue
        _check_unchanged(x)
        op, inputs, arrays, options = x.origin
        sources: list[Any] = []
        for i, (argument, array) in enumerate(zip(inputs, arrays, strict=True)):
            is_array = getattr(array, "ndim", 0) > 0 or (type(array) is list and i < len(op.rules))
            if isinstance(argument, Tensor) or is_array:
                sources.append(nodes.get(id(argument)) or add(argument, array, "input"))
            else:
                sources.append(argument)
        later = x.stamp > last_forward
        scope = backward_scope if later else scopes.of.get(x)
        output = add(x, x.data, "output" if id(x) in final else "value", scope)
        made = OpNode(
            f"op{len(result.ops)}",
            op,
            output,
            sources,
            argument_names(op, len(sources)),
            options,
            scope,
            later,
        )
        output.maker = made
        result.ops.append(made)
        for position, source in enumerate(sources):
            if isinstance(source, TensorNode):
                use = made.arguments[position] = Use(f"e{len(result.uses)}", source, made, position)
                source.uses.append(use)
                result.uses.append(use)
    result.outputs = [nodes.get(id(x)) or add(x, x.data, "input") for x in outputs]
    if any(made.backward for made in result.ops):
        result.has_backward_graph = True
        result.scopes.append(backward_scope)
    _place_leaves(result, {nodes[key] for key in nodes.keys() & scopes.owned})
    return result, nodes


def _snapshot(value: Any) -> Any:
    """The numbers as a NumPy array that no later write can change."""
    array = np.asarray(
        value.get() if hasattr(value, "get") else value
    )  # CuPy's arrays come home with get()
    if array.flags.writeable:
        array = array.copy()
        array.setflags(write=False)
    return array


def _check_unchanged(x: Tensor) -> None:
    op, inputs, _, _ = x.origin
    for argument in inputs:
        if isinstance(argument, Tensor) and argument.stamp > x.stamp:
            raise RuntimeError(
                f"draw: the data of {argument.name or 'a Tensor'} {argument.shape} was changed "
                f"after {op.name} had used it, so the picture would be wrong. Draw before "
                "the optimizer's step, or compute the output again."
            )


def _place_leaves(result: Trace, owned: set[TensorNode]) -> None:
    """Put a module's parameters, and the arrays that it made itself, into its scope.

    An array that only ever meets parameters is the data, which comes from outside; one that
    meets a computed value, such as the mask of a dropout, was made inside.
    """
    for node in result.tensors:
        if node.maker is not None or not node.uses:
            continue
        users = [use.op for use in node.uses if not use.op.backward] or [
            use.op for use in node.uses
        ]
        met = (other.source for user in users for other in user.uses if other.source is not node)
        if node in owned or (node.kind == "input" and any(other.maker for other in met)):
            node.scope = _common(users)


def _common(ops: list[OpNode]) -> Scope | None:
    """The innermost scope that all of the ops are in."""
    paths = [list(op.scope.path()) if op.scope else [] for op in ops]
    return next((scope for scope in paths[0] if all(scope in path for path in paths)), None)


def _replay(result: Trace, nodes: dict[int, TensorNode], output: Tensor, grad: Any) -> None:
    """Run the backward pass once more, noting what each rule sends to its input."""
    uses = {(use.op.output, use.position): use for use in result.uses}

    def note(x: Tensor, position: int, _: Any, part: Any) -> None:
        use = uses[nodes[id(x)], position]
        use.gradient = _snapshot(part)
        result.sent.append(use)

    everything = set(history(output))
    with np.errstate(all="ignore"):  # a NaN is shown in the picture: no need to warn of it
        totals = propagate(output, seed(output, grad), keep=everything, observe=note)
    for x, total in totals.items():
        nodes[id(x)].gradient = _snapshot(total)
