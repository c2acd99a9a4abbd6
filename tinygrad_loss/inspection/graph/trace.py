"""The trace of a Tensor: what was computed, from what, and the gradient of each use, as plain data.

``trace`` walks the graph behind a Tensor, and the engine's own ``propagate`` replays the backward
pass, so that the chain rule is written only once. Tensors are read and never written: ``.grad``
stays as it was, and a picture is the same before and after ``backward()``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import numpy as np

from ...engine.backprop import propagate, seed
from ...engine.errors import changed
from ...engine.mode import Observer, set_mode
from ...engine.node import Node
from ...engine.ops import Op
from ...engine.tensor import Tensor
from ...engine.transforms import ancestors, gradients
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
    arguments: list[Any]  # as in the call, with a Use for each that is drawn as a Tensor
    argument_names: list[str]
    options: dict[str, Any]
    scope: Scope | None = None
    backward: bool = False  # part of a backward pass, drawn on request

    @property
    def uses(self) -> list[Use]:
        """The arguments that are drawn as Tensors."""
        return [argument for argument in self.arguments if isinstance(argument, Use)]

    @property
    def constants(self) -> dict[str, Any]:
        """The other arguments and the options, by name."""
        given = zip(self.argument_names, self.arguments, strict=True)
        return {name: x for name, x in given if not isinstance(x, Use)} | self.options


@dataclass(eq=False, slots=True)
class Use:
    """One use of a Tensor by an op, and the gradient that it sent back. ``x * x`` uses x twice."""

    id: str
    source: TensorNode
    op: OpNode
    position: int
    gradient: Any = None


@dataclass(eq=False, slots=True)
class Trace:
    """All nodes and uses; in topological order, so that inputs come before what uses them."""

    outputs: list[TensorNode] = field(default_factory=list)
    tensors: list[TensorNode] = field(default_factory=list)
    ops: list[OpNode] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    scopes: list[Scope] = field(default_factory=list)
    sent: list[Use] = field(default_factory=list)  # uses that sent a gradient, in that order
    has_backward_graph: bool = False


def trace(output: Tensor | Sequence[Tensor], grad: Any = None, *, backward: bool = False) -> Trace:
    """Return the trace of one output, or of several.

    Parameters
    ----------
    output
        A Tensor. The backward pass is replayed for a scalar, and for any Tensor with ``grad``. Of
        several outputs only the forward graph is traced.
    grad
        The gradient at ``output`` to start from, of its shape; 1 for a scalar.
    backward
        Also trace the graph of the gradients: how the gradient of each leaf is computed.

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
    if backward:
        return _Recorder(*_gradient_graph(outputs[0], grad), outputs[0].stamp).result
    recorder = _Recorder(outputs)
    starts = grad is not None or outputs[0].size == 1
    if len(outputs) == 1 and outputs[0].requires_grad and starts:
        _replay(recorder, outputs[0], grad)
    return recorder.result


def _gradient_graph(output: Tensor, grad: Any) -> tuple[list[Tensor], dict[Tensor, str]]:
    """The output and the gradients of the leaves behind it, with their graphs; and their names."""
    if output.origin is None:
        raise ValueError(
            "draw: backward=True draws how the gradients of the output are computed, but this "
            "output has none: it was not computed from Tensors that require grad."
        )
    tensors = sorted(ancestors(output), key=attrgetter("stamp"))
    leaves = [x for x in tensors if x.origin is None]
    found = gradients(output, leaves, grad, create_graph=True)
    known = Scopes(tensors).names
    names = {
        g: f"gradient of {x.name or known.get(id(x), 'a parameter')}"
        for x, g in zip(leaves, found, strict=True)
    }
    return [output, *dict.fromkeys(found)], names


class _Recorder:
    """Turns the graph of the outputs into a Trace, oldest nodes first."""

    def __init__(
        self,
        outputs: list[Tensor],
        names: dict[Tensor, str] | None = None,
        last_forward: float = float("inf"),
    ) -> None:
        tensors = sorted({x for y in outputs for x in ancestors(y)}, key=attrgetter("stamp"))
        self.scopes = Scopes(tensors)
        self.names = names or {}
        self.last_forward = last_forward  # a stamp; newer nodes belong to the backward pass
        order, label = len(self.scopes.all), "backward pass"
        self.backward = Scope("backward", label, kind=label, order=order)
        self.outputs = set(map(id, outputs))
        self.counters: Counter[str] = Counter()
        # By id. The graph keeps its Tensors and arrays alive, so that no id is used twice.
        self.nodes: dict[int, TensorNode] = {}
        self.result = Trace(scopes=self.scopes.all)
        for x in tensors:
            if x.origin is None:
                self.add_tensor(x, x.data, "parameter" if x.requires_grad else "input")
            else:
                self.add_op(x)
        self.result.outputs = [
            self.nodes.get(id(x)) or self.add_tensor(x, x.data, "input") for x in outputs
        ]
        if any(op.backward for op in self.result.ops):
            self.result.has_backward_graph = True
            self.result.scopes.append(self.backward)
        owned = {self.nodes[key] for key in self.nodes.keys() & self.scopes.owned}
        _place_leaves(self.result, owned)

    def add_tensor(self, x: Any, value: Any, kind: str, scope: Scope | None = None) -> TensorNode:
        """Add a Tensor, or an array that was given to an op directly."""
        name = self.names.get(x) if isinstance(x, Tensor) else None
        name = (
            name or getattr(x, "name", None) or self.scopes.names.get(id(x)) or self.count(x, kind)
        )
        node = TensorNode(f"t{len(self.nodes)}", str(name), kind, _snapshot(value), scope=scope)
        self.nodes[id(x)] = node
        self.result.tensors.append(node)
        return node

    def count(self, x: Any, kind: str) -> str:
        """A name for what has none: the op that made it, or its kind, and a number."""
        if not isinstance(x, Tensor):
            stem = kind
        elif x.origin:
            op, _, _, _ = x.origin
            stem = op.name
        else:
            stem = "constant" if x.stamp > self.last_forward else kind
        self.counters[stem] += 1
        return f"{stem}{self.counters[stem]}"

    def add_op(self, x: Tensor) -> None:
        """Add a Tensor, the op that made it, and the op's uses of other Tensors."""
        _check_unchanged(x)
        assert x.origin is not None
        op, inputs, arrays, options = x.origin
        arguments: list[Any] = []
        for argument, array in zip(inputs, arrays, strict=True):
            if isinstance(argument, Tensor) or getattr(array, "ndim", 0) > 0:
                known = self.nodes.get(id(argument))
                arguments.append(known or self.add_tensor(argument, array, "input"))
            else:
                arguments.append(argument)
        later = x.stamp > self.last_forward
        scope = self.backward if later else self.scopes.of.get(x)
        output = self.add_tensor(x, x.data, "output" if id(x) in self.outputs else "value", scope)
        names, number = argument_names(op, len(arguments)), len(self.result.ops)
        made = OpNode(f"op{number}", op, output, arguments, names, options, scope, later)
        output.maker = made
        self.result.ops.append(made)
        for position, source in enumerate(arguments):
            if isinstance(source, TensorNode):
                use = Use(f"e{len(self.result.uses)}", source, made, position)
                arguments[position] = use
                source.uses.append(use)
                self.result.uses.append(use)


def _snapshot(value: Any) -> Any:
    """The numbers as a NumPy array that no later write can change."""
    if hasattr(value, "get"):  # an array of CuPy's comes to the host by get()
        value = value.get()
    array = np.asarray(value)
    if array.flags.writeable:
        array = array.copy()
        array.setflags(write=False)
    return array


def _check_unchanged(x: Node) -> None:
    assert x.origin is not None
    _, inputs, _, _ = x.origin
    for argument in inputs:
        if isinstance(argument, Node) and argument.stamp > x.stamp:
            raise changed(argument, x, "draw")


def _place_leaves(result: Trace, owned: set[TensorNode]) -> None:
    """Put a module's parameters, and the arrays that it made itself, into its scope.

    An array that is only ever combined with parameters is the data, which comes from outside. One
    that is combined with a computed value, such as the mask of a dropout, was made inside.
    """
    for node in result.tensors:
        if node.maker is not None or not node.uses:
            continue
        everyone = [use.op for use in node.uses]
        users = [op for op in everyone if not op.backward] or everyone
        met = (other.source for user in users for other in user.uses if other.source is not node)
        if node in owned or (node.kind == "input" and any(other.maker for other in met)):
            node.scope = _common(users)


def _common(ops: list[OpNode]) -> Scope | None:
    """The innermost scope that contains all of the ops."""
    paths = [list(op.scope.path()) if op.scope else [] for op in ops]
    return next((scope for scope in paths[0] if all(scope in path for path in paths)), None)


def _replay(recorder: _Recorder, output: Tensor, grad: Any) -> None:
    """Run the backward pass again, and note what each rule sends to its input."""
    result, nodes = recorder.result, recorder.nodes
    uses = {(use.op.output, use.position): use for use in result.uses}

    class Note(Observer):
        def after_rule(self, node: Node, position: int, g: Any, part: Any) -> None:
            use = uses[nodes[id(node)], position]
            use.gradient = _snapshot(part)
            result.sent.append(use)

    # A NaN is shown in the picture, so there is no need for a warning.
    with set_mode(observer=Note(), alone=True), np.errstate(all="ignore"):
        totals = propagate(output, seed(output, grad), keep=ancestors(output))
    for x, total in totals.items():
        nodes[id(x)].gradient = _snapshot(total)
