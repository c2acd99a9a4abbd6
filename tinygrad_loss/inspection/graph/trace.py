"""The trace of a Tensor: what was computed, from what, and the gradient of each use, as plain data.

``trace`` walks the graph behind a Tensor, and the engine's own ``propagate`` replays the backward
pass, so that the chain rule is written only once. Tensors are read and never written: ``.grad``
stays as it was, and a picture is the same before and after ``backward()``.
"""

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from operator import attrgetter
from traceback import walk_tb
from typing import Any

import numpy as np

from ...engine.arrays import data_of, on_host
from ...engine.backprop import propagate, seed, unbroadcast
from ...engine.copies import ancestors
from ...engine.mode import Observer, set_mode
from ...engine.node import Node
from ...engine.ops import Op
from ...engine.tensor import Tensor
from ...engine.transforms import gradients
from .scopes import Scope, Scopes
from .text import argument_names, clean, is_finite


@dataclass(eq=False, repr=False, slots=True)
class TensorNode:
    """A value: a parameter (leaf that requires grad), an input (other leaf), or an op's output."""

    id: str
    name: str
    kind: str  # "parameter", "input", "value" or "output"
    value: Any
    gradient: Any = None  # None where none was computed, which is not the same as zero
    maker: "OpNode | None" = None
    uses: "list[Use]" = field(default_factory=list)
    scope: Scope | None = None
    changed: bool = False  # since the pass: ``value`` has its shape, but not its numbers
    rounding: bool = False  # the gradient is the rounding error of a sum that is 0
    wrong: bool = False  # NaN or inf, unless all that is computed from an inf is finite
    decided: bool = False  # an index, a condition, or no Tensor: Python may have computed it
    box: str = ""  # "box 2 of 5" of a leaf that a picture shows several times


@dataclass(eq=False, repr=False, slots=True)
class OpNode:
    """One application of an op."""

    id: str
    op: Op
    argument_names: list[str]
    options: dict[str, Any]
    scope: Scope | None = None
    backward: bool = False  # part of a backward pass, drawn on request
    arguments: list[Any] = field(default_factory=list)  # with a Use for each drawn as a Tensor
    output: TensorNode = field(init=False)

    @property
    def uses(self) -> "list[Use]":
        """The arguments that are drawn as Tensors."""
        return [argument for argument in self.arguments if isinstance(argument, Use)]


@dataclass(eq=False, repr=False, slots=True)
class Use:
    """One use of a Tensor by an op, and the gradient that it sent back. ``x * x`` uses x twice."""

    id: str
    source: TensorNode
    op: OpNode
    position: int
    gradient: Any = None
    rounding: bool = False


@dataclass(eq=False, repr=False, slots=True)
class Trace:
    """All nodes and uses; in topological order, so that inputs come before what uses them."""

    outputs: list[TensorNode] = field(default_factory=list)
    tensors: list[TensorNode] = field(default_factory=list)
    ops: list[OpNode] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    scopes: list[Scope] = field(default_factory=list)
    sent: list[Use] = field(default_factory=list)  # uses that sent a gradient, in that order
    has_backward_graph: bool = False
    failed: str = ""  # the error of the last op, which was not computed

    def note(self) -> str:
        """Why values and gradients are missing; empty if none is."""
        if self.failed:
            return self.failed
        changed = (clean(x.name) for x in self.tensors if x.changed and not x.maker)
        names = clean(", ".join(dict.fromkeys(changed)), 80)
        return names and (
            f"Changed after this pass, as by optimizer.step(): {names}. Their values then, and all "
            "gradients, are not known any more: draw before the step, or compute the output again."
        )


def trace(output: Any, grad: Any = None, *, backward: bool = False) -> Trace:
    """The trace of one output, or the forward part for several; errors as ``draw``."""
    if isinstance(output, BaseException) and not backward and grad is None:
        result = trace(_missing(output))
        result.failed = clean(f"{type(output).__name__}: {output}", 400)
        return result
    outputs: list[Any] = list(output) if isinstance(output, list | tuple) else [output]
    if not outputs or not all(isinstance(x, Tensor) for x in outputs):
        given = ", ".join(type(x).__name__ for x in outputs) or "an empty sequence"
        expected = "a Tensor or a sequence of Tensors: the loss itself, not its item()"
        raise TypeError(f"draw: got {given}; expected {expected}")
    if len(outputs) > 1 and (backward or grad is not None):
        given = f"{len(outputs)} were given; draw their sum, or a picture of each"
        raise ValueError(f"draw: backward= and grad= are for one output, but {given}")
    if backward:
        recorder = _Recorder(*_gradient_graph(outputs[0], grad), outputs[0].stamp)
    else:
        recorder = _Recorder(outputs, {}, math.inf)
        starts = outputs[0].requires_grad and (grad is not None or outputs[0].size == 1)
        if len(outputs) == 1 and starts and not recorder.changed:
            _replay(recorder, outputs[0], grad)
    _judge(recorder.result)
    return recorder.result


def _missing(error: BaseException) -> Tensor:
    """What was not computed, as a Tensor: made from what the innermost call with Tensors held."""
    inputs, holder = list[Any](), None
    while error.__cause__ not in (None, error):
        error = error.__cause__
    for frame, _ in walk_tb(error.__traceback__):
        if frame.f_locals is not frame.f_globals:
            values = frame.f_locals.values()
            held = [x for y in values for x in (y if isinstance(y, list | tuple) else [y])]
            own = {id(x._array) for x in held if isinstance(x, Tensor)}  # their data
            arrays = (x for x in held if isinstance(x, Tensor | np.ndarray) and id(x) not in own)
            found = {id(x): x for x in arrays if x.dtype.kind in "biuf"}
            inputs, holder = (list(found.values()), frame) if own else (inputs, holder)
    if not inputs:
        raise TypeError(f"draw: no function with Tensors failed with {error!r}; give a Tensor")

    def forward(*_: Any) -> Any:
        raise RuntimeError(str(error))

    ours = holder and holder.f_globals.get("__name__", "").startswith("tinygrad_loss")
    name = re.match(r"(\w+): ", str(error)) if ours else None  # which our errors begin with
    op = Op(forward, *(None for _ in inputs), name=name[1] if name else "failed call")
    missing = Tensor(np.nan, name="not computed")
    missing.origin = (op, tuple(inputs), [data_of(x) for x in inputs], {})
    return missing


def _gradient_graph(output: Tensor, grad: Any) -> tuple[list[Tensor], dict[int, int]]:
    """The output and the gradients of the leaves behind it; of each gradient's id, the leaf's."""
    if output.origin is None:
        given = "this output has none: it was not computed from Tensors that require grad"
        raise ValueError(f"draw: backward=True draws how gradients are computed, but {given}")
    leaves = sorted((x for x in ancestors(output) if x.origin is None), key=attrgetter("stamp"))
    found = gradients(output, leaves, grad, create_graph=True)
    return [output, *dict.fromkeys(found)], dict(zip(map(id, found), map(id, leaves), strict=True))


class _Recorder:
    """Turns the graph of the outputs into a Trace, oldest nodes first."""

    def __init__(self, outputs: list[Tensor], leaves: dict[int, int], last_forward: float) -> None:
        found = {x for y in outputs for x in ancestors(y)}  # changing a leaf gives it a new stamp
        tensors = sorted(found, key=lambda x: (x.origin is not None, x.stamp))
        self.scopes = scopes = Scopes(tensors)
        self.leaves = leaves  # by the id of the gradient, the id of the leaf
        self.last_forward = last_forward  # a stamp; newer nodes belong to the backward pass
        self.backward = Scope("backward", "backward pass", "backward pass")
        self.outputs = set(map(id, outputs))
        self.counters: Counter[str] = Counter()
        # By id. The graph keeps its Tensors and arrays alive, so that no id is used twice.
        self.nodes: dict[int, TensorNode] = {}
        self.changed: list[Tensor] = []
        self.result = Trace(scopes=scopes.all)
        for x in tensors:
            if x.origin is None:
                self.add_tensor(x, x.data, "parameter" if x.requires_grad else "input")
            else:
                self.add_op(x, *x.origin)
        for x in tensors:  # a view of changed data has changed, too
            if any(np.may_share_memory(x.data, other.data) for other in self.changed):
                self.nodes[id(x)].changed = True
        self.result.outputs = [self.nodes[id(x)] for x in outputs]
        if any(op.backward for op in self.result.ops):
            self.result.has_backward_graph = True
            self.result.scopes.append(self.backward)
        _place_leaves(self.result, {self.nodes[key] for key in self.nodes.keys() & scopes.names})

    def add_tensor(self, x: Any, value: Any, kind: str, scope: Scope | None = None) -> TensorNode:
        """Add a Tensor, or an array that was given to an op directly."""
        key = id(x)
        leaf = self.nodes.get(self.leaves.get(key, 0))
        name: Any = f"gradient of {leaf.name}" if leaf else getattr(x, "name", None)
        name = name or self.scopes.names.get(key)
        if not name:  # the op that made it, or its kind, and a number
            origin, stamp = getattr(x, "origin", None), getattr(x, "stamp", 0)
            stem = origin[0].name if origin else "constant" if stamp > self.last_forward else kind
            self.counters[stem] += 1
            name = f"{stem}{self.counters[stem]}"
        copy = np.array(on_host(value))  # which no later write changes
        node = TensorNode(f"t{len(self.nodes)}", str(name), kind, copy, scope=scope)
        self.nodes[key] = node
        self.result.tensors.append(node)
        return node

    def add_op(self, x: Tensor, op: Op, inputs: Any, arrays: Any, options: dict[str, Any]) -> None:
        """Add a Tensor, the op that made it, and the op's uses of other Tensors."""
        later = x.stamp > self.last_forward
        scope = self.backward if later else self.scopes.of.get(x)
        names = argument_names(op, len(inputs))
        made = OpNode(f"op{len(self.result.ops)}", op, names, options, scope, later)
        for position, (argument, array) in enumerate(zip(inputs, arrays, strict=True)):
            if not isinstance(argument, Tensor) and not getattr(array, "ndim", 0):
                made.arguments.append(argument)
                continue
            source = self.nodes.get(id(argument)) or self.add_tensor(argument, array, "input")
            source.decided |= not isinstance(argument, Tensor) or array.dtype.kind in "bi"
            if isinstance(argument, Tensor) and argument.stamp > x.stamp:
                source.changed = True
                self.changed.append(argument)
            use = Use(f"e{len(self.result.uses)}", source, made, position)
            made.arguments.append(use)
            source.uses.append(use)
            self.result.uses.append(use)
        kind = "output" if id(x) in self.outputs else "value"
        made.output = self.add_tensor(x, x.data, kind, scope)
        made.output.maker = made
        self.result.ops.append(made)


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
            paths = [op.scope.path() if op.scope else [] for op in users]
            around = (scope for scope in paths[0] if all(scope in path for path in paths))
            node.scope = next(around, None)


def _replay(recorder: _Recorder, output: Tensor, grad: Any) -> None:
    """Run the backward pass again, and note what each rule sends to its input."""
    result, nodes = recorder.result, recorder.nodes
    uses = {(use.op.output, use.position): use for use in result.uses}

    class Note(Observer):
        def after_rule(self, node: Node, position: int, g: Any, part: Any) -> None:
            use = uses[nodes[id(node)], position]
            use.gradient = np.array(on_host(part))
            use.rounding = _cancels(node, position, g, use.gradient)
            result.sent.append(use)

    # A NaN is shown in the picture, so there is no need for a warning.
    with set_mode(observer=Note(), alone=True), np.errstate(all="ignore"):
        totals = propagate(output, seed(output, grad), keep=ancestors(output))
    for x, total in totals.items():
        nodes[id(x)].gradient = np.array(on_host(total))


def _cancels(node: Any, position: int, g: Any, part: Any) -> bool:
    """Whether a gradient is the rounding of a sum that is 0, as for a mean that is subtracted."""
    op, _, arrays, options = node.origin
    if part.size >= g.size or not part.any():
        return False
    terms = abs(on_host(op.rules[position](abs(g), node._array, *arrays, **options)))
    return _is_rounding(part, unbroadcast(terms, part.shape))


def _is_rounding(total: Any, size: Any) -> bool:
    """Whether a sum is within rounding of 0, given the sum of the absolute values, and not 0."""
    return bool(np.any(total) and np.all(abs(total) <= 64 * np.finfo(total.dtype).eps * size))


@np.errstate(all="ignore")
def _judge(result: Trace) -> None:
    """Mark what is the rounding error of a sum that is 0, or comes of one; and NaN and inf.

    But no inf that comes to nothing, as of a mask: all computed from it is finite, or such an inf.
    """
    for node in reversed(result.tensors):
        parts = [use for use in node.uses if use.gradient is not None and use.gradient.any()]
        size = sum(abs(use.gradient) for use in parts)
        if parts and (all(use.rounding for use in parts) or _is_rounding(node.gradient, size)):
            node.rounding = True
            for use in node.maker.uses if node.maker else ():
                use.rounding = True
        fine = node.changed or is_finite(node.value)
        if not fine and not np.isnan(node.value).any() and node.uses:
            fine = not any(use.op.output.wrong for use in node.uses)
        node.wrong = not (fine and is_finite(node.gradient))
