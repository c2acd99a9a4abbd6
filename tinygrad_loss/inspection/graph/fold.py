"""Which nodes a picture shows: large graphs are folded until they can be read.

First modules are folded, the innermost first; what repeats becomes one node, "Block x 12". If that
is not enough, or there are no modules, stretches of consecutive ops are. What is folded is always
an interval of a topological order, so no path leaves it and comes back: there are no cycles.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from . import text
from .scopes import Scope
from .trace import OpNode, TensorNode, Trace, Use

LONGEST_PATTERN = 4  # modules that repeat together, such as Linear, LayerNorm, ReLU, Dropout
MOST_STRETCHES = 24  # of a graph without modules: as many as can still be read
LONG = 1000  # the span of all edges from which on a picture is a tangle
LONGEST = 4000  # and from which on Graphviz takes more than a few seconds to lay it out


@dataclass(eq=False, slots=True)
class Group:
    """Ops that are drawn as one node."""

    ops: list[OpNode]
    kind: str  # "Block", or "Block x 12"
    label: str  # "layers.3: Block"
    scope: Scope | None  # around it
    id: str = ""
    hidden: list[TensorNode] = field(default_factory=list)  # the tensors inside

    def lines(self) -> list[str]:
        """The text of the node: what it stands for, and how much is inside."""
        parameters = [node for node in self.hidden if node.kind == "parameter"]
        lines = [text.clean(self.label), _plural(len(self.ops), "op")]
        if parameters:
            numbers = sum(node.value.size for node in parameters)
            lines.append(f"{_plural(len(parameters), 'parameter')}, {_plural(numbers, 'number')}")
        if not self.is_finite():
            lines.append("NaN or inf inside")
        return lines

    def is_finite(self) -> bool:
        """Whether all values and gradients inside are finite."""
        return all(text.is_finite(x) for node in self.hidden for x in (node.value, node.gradient))


Item = OpNode | Group


@dataclass(eq=False, slots=True)
class Arrow:
    """An edge of the picture from a Tensor to an item: one use, or several that were folded."""

    source: TensorNode
    target: Item
    uses: list[Use]


@dataclass(eq=False, slots=True)
class View:
    """The nodes and edges that are shown, in topological order."""

    trace: Trace
    owner: dict[OpNode, Group]
    items: list[Item]
    tensors: list[TensorNode] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.tensors) + len(self.items)

    def item(self, op: OpNode) -> Item:
        """The op itself, or the group that stands for it in the picture."""
        return self.owner.get(op, op)

    def longest(self, length: Callable[[Item], int]) -> int:
        """The length of the longest path to an output, where each op or group has a length."""
        into: dict[Item, list[TensorNode]] = {}
        for arrow in self.arrows:
            into.setdefault(arrow.target, []).append(arrow.source)
        reached: dict[Item, int] = {}
        for item in self.items:
            makers = [self.item(x.maker) for x in into.get(item, ()) if x.maker]
            before = max((reached.get(maker, 0) for maker in makers), default=0)
            reached[item] = before + length(item)
        return max(reached.values(), default=0)

    def span(self) -> int:
        """How many ops and groups the edges pass by, added up: a measure of time and tangle."""
        place = {item: i for i, item in enumerate(self.items)}
        start: dict[TensorNode, int] = {}
        total = 0
        for arrow in self.arrows:
            end, maker = place[arrow.target], arrow.source.maker
            total += end - start.setdefault(arrow.source, place[self.item(maker)] if maker else end)
        return total

    def note(self) -> str:
        """A line that says what was folded; empty if nothing was."""
        groups = [item for item in self.items if isinstance(item, Group)]
        if not groups:
            return ""
        kinds = Counter(group.kind for group in groups)
        named = [f"{n} x ({kind})" if n > 1 else kind for kind, n in kinds.most_common(4)]
        more = [f"{len(kinds) - 4} more"] if len(kinds) > 4 else []
        inside = sum(len(group.ops) for group in groups)
        return (
            f"Folded: {inside:,} of {len(self.trace.ops):,} ops, in "
            f"{text.clean(', '.join(named + more), 120)}. max_nodes=... unfolds them."
        )


def fold(trace: Trace, max_nodes: int) -> View:
    """The first view of at most ``max_nodes`` nodes: all, modules folded, stretches folded."""
    shown = _view(trace, {})
    if _fits(shown, max_nodes):
        return shown
    depths = {scope: sum(1 for _ in scope.path()) for scope in trace.scopes}
    for depth in range(max(depths.values(), default=0), 0, -1):
        shown = _view(trace, _modules(trace, depth))
        if _fits(shown, max_nodes):
            return shown
    items, stretches = shown.items, max(1, min(max_nodes // 3, MOST_STRETCHES))
    while stretches and not _fits(shown, max_nodes, LONG):
        shown = _view(trace, _stretches(items, stretches))
        stretches //= 2
    return shown


def _fits(view: View, max_nodes: int, longest: int = LONGEST) -> bool:
    return len(view) <= max_nodes and view.span() <= longest


def _view(trace: Trace, owner: dict[OpNode, Group]) -> View:
    """The view with these groups; a Tensor that only one group makes and uses is hidden in it."""
    view = View(trace, owner, list(dict.fromkeys(owner.get(op, op) for op in trace.ops)))
    for i, group in enumerate(group for group in view.items if isinstance(group, Group)):
        group.id, group.hidden = f"g{i}", []
    outputs = set(trace.outputs)
    for node in trace.tensors:
        around = {view.item(use.op) for use in node.uses}
        if node.maker:
            around.add(view.item(node.maker))
        only = next(iter(around)) if len(around) == 1 else None
        if isinstance(only, Group) and node not in outputs:
            only.hidden.append(node)
        else:
            view.tensors.append(node)
    visible = set(view.tensors)
    into_groups: dict[tuple[TensorNode, Group], Arrow] = {}
    for use in trace.uses:
        target = view.item(use.op)
        inside = use.source.maker is not None and view.item(use.source.maker) is target
        if use.source not in visible or inside:
            continue
        if isinstance(target, Group) and (use.source, target) in into_groups:
            into_groups[use.source, target].uses.append(use)
            continue
        arrow = Arrow(use.source, target, [use])
        view.arrows.append(arrow)
        if isinstance(target, Group):
            into_groups[use.source, target] = arrow
    return view


def _modules(trace: Trace, depth: int) -> dict[OpNode, Group]:
    """Fold the scopes of this depth, with all inside them; then join those that repeat."""
    groups: dict[Scope, Group] = {}
    runs: list[list[Any]] = [[]]  # groups that follow each other with nothing between them
    for op in trace.ops:
        path = list(op.scope.path())[::-1] if op.scope else []
        if len(path) < depth:
            runs.append([])
            continue
        scope = path[depth - 1]
        if scope not in groups:
            groups[scope] = Group([], scope.kind, scope.label, scope.parent)
            if runs[-1] and runs[-1][-1].scope is not scope.parent:
                runs.append([])
            runs[-1].append(groups[scope])
        groups[scope].ops.append(op)
    joined = [group for run in runs for group in _join_repeats(run)]
    return {op: group for group in joined for op in group.ops}


def _join_repeats(run: list[Group]) -> Iterator[Group]:
    """One group for each stretch of identical groups, or of an identical sequence of up to four."""
    signatures = [_signature(group) for group in run]
    i = 0
    while i < len(run):
        best = (1, 1)  # length of the pattern, how often it occurs in a row
        for length in range(1, LONGEST_PATTERN + 1):
            pattern, times = signatures[i : i + length], 1
            while signatures[i + times * length : i + (times + 1) * length] == pattern:
                times += 1
            if times > 1 and length * times > best[0] * best[1]:
                best = (length, times)
        length, times = best
        part = run[i : i + length * times]
        i += length * times
        if times == 1:
            yield part[0]
            continue
        kinds = ", ".join(group.kind for group in part[:length])
        label = f"{kinds if length == 1 else f'({kinds})'} x {times}"
        yield Group([op for group in part for op in group.ops], label, label, part[0].scope)


def _signature(group: Group) -> tuple[Any, ...]:
    """What identical groups have in common: module, ops, and all shapes."""
    ops = (
        (op.op.name, op.output.value.shape, *(use.source.value.shape for use in op.uses))
        for op in group.ops
    )
    return (group.kind, *ops)


def _stretches(items: list[Item], count: int) -> dict[OpNode, Group]:
    """Fold the items, in topological order, into ``count`` stretches of about equal length."""
    ops = [op for item in items for op in (item.ops if isinstance(item, Group) else [item])]
    owner: dict[OpNode, Group] = {}
    for k in range(count):
        part = ops[k * len(ops) // count : (k + 1) * len(ops) // count]
        if part:
            names = Counter(op.op.name for op in part)
            kind = ", ".join(name for name, _ in names.most_common(3)) + (
                ", ..." if len(names) > 3 else ""
            )
            owner |= dict.fromkeys(part, Group(part, kind, kind, None))
    return owner


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
