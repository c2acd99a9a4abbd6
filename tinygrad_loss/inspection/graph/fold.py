"""Which nodes a picture shows: large graphs are folded until they can be read.

First what repeats becomes one node: "(matmul, add, tanh) x 50" if the same parameters are used each
time, else "(matmul, add, tanh) + 49 more"; then modules do, the innermost first, and those that
repeat, "Block + 11 more"; at last stretches of consecutive ops. What is folded is always an
interval of a topological order, so no path leaves it and comes back: there are no cycles.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from . import text
from .scopes import Scope
from .trace import OpNode, TensorNode, Trace, Use

MOST_NODES = 200
DEEPEST = 25  # ops in a row, about 4,500 pixels: with text that can just be read, three screens
MOST_STRETCHES = 24  # of a graph in which nothing repeats: as many as can still be read
LONG = 1000  # the span of all edges from which on a picture is a tangle
LONGEST = 4000  # and from which on Graphviz takes more than a few seconds to lay it out
LONGEST_PATTERN = 6  # of which all names are shown, such as (Linear, LayerNorm, ReLU, Dropout)
MANY = 4  # Tensors between the same groups, from which on they are one box
FAR = 12  # ops between the first and the last use of a leaf, from which on it is drawn repeatedly


@dataclass(eq=False, repr=False, slots=True)
class Group:
    """Ops that are drawn as one node."""

    ops: list[OpNode]
    kind: str  # "Block", or "Block + 11 more"
    label: str  # "layers.3: Block"
    scope: Scope | None  # around it
    id: str = ""
    hidden: list[TensorNode] = field(default_factory=list)  # the tensors inside

    def lines(self) -> list[str]:
        """The text of the node: what it stands for, and how much is inside."""
        lines = [text.clean(self.label, 80), plural(len(self.ops), "op")]
        sizes = [node.value.size for node in self.hidden if node.kind == "parameter"]
        if sizes:
            lines.append(f"{plural(len(sizes), 'parameter')}, {plural(sum(sizes), 'number')}")
        return lines + ["NaN or inf inside"] * self.wrong

    @property
    def wrong(self) -> bool:
        """Whether there is a NaN or an inf inside that does not come to nothing."""
        return any(node.wrong for node in self.hidden)


Item = OpNode | Group


@dataclass(eq=False, repr=False, slots=True)
class Arrow:
    """An edge of the picture from a Tensor to an item: one use, or several that were folded."""

    source: TensorNode
    target: Item
    uses: list[Use]
    id: str


@dataclass(eq=False, repr=False, slots=True)
class View:
    """The nodes and edges that are shown, in topological order."""

    trace: Trace
    owner: dict[OpNode, Group]
    items: list[Item]
    for_page: bool
    tensors: list[TensorNode] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.tensors) + len(self.items)

    def item(self, op: OpNode) -> Item:
        """The op itself, or the group that stands for it in the picture."""
        return self.owner.get(op, op)

    def box(self, op: OpNode) -> TensorNode | Item:
        """What stands for an op: a node of its own; on the page the box of what it makes."""
        item = self.item(op)
        return item.output if self.for_page and isinstance(item, OpNode) else item

    def ends(self, node: TensorNode) -> list[Item]:
        """The items that make and use a Tensor, each once."""
        ops = ([node.maker] if node.maker else []) + [use.op for use in node.uses]
        return list(dict.fromkeys(map(self.item, ops)))

    def depths(self) -> dict[Item, int]:
        """How many items there are on the longest path up to each item."""
        found = dict.fromkeys(self.items, 0)
        for item in self.items:
            makers = (use.source.maker for op in _ops([item]) for use in op.uses)
            found[item] = 1 + max((found.get(self.item(x), 0) for x in makers if x), default=0)
        return found

    def span(self) -> int:
        """How many ops and groups the edges pass by, added up: a measure of time and tangle."""
        place = {item: i for i, item in enumerate(self.items)}
        ends = [[place[x] for x in self.ends(node) if x in place] for node in self.tensors]
        return sum(sum(places) - len(places) * min(places) for places in ends if places)

    def opened(self, group: Group) -> "View":
        """The ops of a group, and the Tensors that they use: the picture that it opens to."""
        arrows = [Arrow(use.source, op, [use], use.id) for op in group.ops for use in op.uses]
        tensors = [arrow.source for arrow in arrows] + [op.output for op in group.ops]
        shown = list(dict.fromkeys(tensors))
        return View(self.trace, {}, list(group.ops), self.for_page, shown, arrows)

    def note(self) -> str:
        """A line that says what was folded; empty if nothing was."""
        groups = [item for item in self.items if isinstance(item, Group)]
        kinds = Counter(group.kind for group in groups)
        named = ", ".join(f"{kind} (in {n} boxes)" * (n > 1) or kind for kind, n in kinds.items())
        inside = sum(len(group.ops) for group in groups)
        folded = f"Folded: {inside:,} of {len(self.trace.ops):,} ops, in {text.clean(named, 120)}. "
        advice = "A click opens one." if self.for_page else "max_nodes=... unfolds them."
        return folded + advice if groups else ""


def fold(trace: Trace, max_nodes: int | None = None, *, for_page: bool = False) -> View:
    """The first view that fits: all; what repeats folded; modules folded; stretches folded.

    Fits what? ``max_nodes``; or else some screens, as far as repeats and modules allow, and in any
    case ``MOST_NODES``. On the page, each Tensor has one box of its own.
    """
    limit = max_nodes or MOST_NODES
    best: View | None = None
    for items in _foldings(trace, for_page):
        view = _view(trace, items, for_page) if len(items) <= limit else None
        if view and len(view) <= limit and view.span() <= LONGEST:
            if max_nodes or max(view.depths().values(), default=0) <= DEEPEST:
                return view
            best = best or view
    stretches = max(1, min(limit // 3, MOST_STRETCHES))
    while not best:
        view = _view(trace, _stretches(trace.ops, stretches), for_page)
        if stretches == 1 or (len(view) <= limit and view.span() <= LONG):
            best = view
        stretches //= 2
    return best


def _foldings(trace: Trace, for_page: bool) -> Iterator[Sequence[Item]]:
    """All ops; what repeats as one node; and the modules, too, from the innermost outwards."""
    yield trace.ops
    deepest = max((len(scope.path()) for scope in trace.scopes), default=0)
    for depth in range(deepest if for_page else deepest + 1, 0, -1):
        items = _join_repeats(_modules(trace, depth))
        yield items
        while len(joined := _join_repeats(items)) < len(items):
            items = joined  # what repeats can repeat again, as layers of neurons do
            yield items


def _modules(trace: Trace, depth: int) -> list[Item]:
    """The ops, with the scopes of this depth folded, with all inside them."""
    found: dict[OpNode | Scope, list[OpNode]] = {}
    for op in trace.ops:
        path = op.scope.path()[::-1] if op.scope else []
        found.setdefault(path[depth - 1] if len(path) >= depth else op, []).append(op)
    return [
        Group(ops, x.kind, x.label, x.parent) if isinstance(x, Scope) else x
        for x, ops in found.items()
    ]


def _stretches(ops: list[OpNode], count: int) -> list[Item]:
    """The ops, in topological order, as at most ``count`` groups of about equal length."""
    length = -(-len(ops) // count)  # rounded up
    parts = [ops[start : start + length] for start in range(0, len(ops), length)]
    return [Group(part, _common(part), _common(part), None) for part in parts]


def _view(trace: Trace, items: Sequence[Item], for_page: bool) -> View:
    """The view of these items; a Tensor that only one group makes and uses is hidden in it."""
    groups = [item for item in items if isinstance(item, Group)]
    view = View(trace, {op: group for group in groups for op in group.ops}, list(items), for_page)
    for i, group in enumerate(groups):
        group.id, group.hidden = f"g{i}", []
    shown: dict[Any, list[TensorNode]] = {}
    for node in trace.tensors:
        ends = view.ends(node)
        inside = all(isinstance(end, Group) for end in ends) and node not in trace.outputs
        if inside and isinstance(ends[0], Group) and len(ends) == 1:
            ends[0].hidden.append(node)
        else:
            # Many between the same groups are one box: they have no place of their own.
            alike = (node.kind, node.scope, node.maker is None, *ends)
            shown.setdefault(alike if inside and not for_page else node, []).append(node)
    for nodes in shown.values():
        view.tensors += [_whole(nodes)] if len(nodes) >= MANY else nodes
    if not for_page and len(items) > FAR:
        view.tensors = _repeat_leaves(view)
    arrows: dict[Any, Arrow] = {}
    for node in view.tensors:
        for use in node.uses:
            target = view.item(use.op)
            if not (node.maker and view.item(node.maker) is target):
                name = f"{node.id}-{target.id}" if isinstance(target, Group) else use.id
                arrows.setdefault(name, Arrow(node, target, [], name)).uses.append(use)
    view.arrows = list(arrows.values())
    return view


def _whole(nodes: list[TensorNode]) -> TensorNode:
    """Several Tensors as one, "337 parameters", with all of their numbers."""
    gradients = [node.gradient.ravel() for node in nodes if node.gradient is not None]
    return replace(
        nodes[0],
        name=plural(len(nodes), nodes[0].kind),
        value=np.concatenate([node.value.ravel() for node in nodes]),
        gradient=np.concatenate(gradients) if len(gradients) == len(nodes) else None,
        uses=[use for node in nodes for use in node.uses],
        wrong=any(node.wrong for node in nodes),
        changed=any(node.changed for node in nodes),
        rounding=all(node.rounding for node in nodes),
    )


def _repeat_leaves(view: View) -> list[TensorNode]:
    """The boxes, several for a leaf that is used far and wide: one beside each step that uses it.

    A step is a module, a scope, a group, or one of several stretches of ops that repeat.
    """
    step: dict[Item, Any] = {x: x if isinstance(x, Group) else x.scope for x in view.items}
    for start, period, times in _repeats(view.items):
        for i, item in enumerate(view.items[start : start + period * times]):
            if isinstance(item, OpNode):
                step[item] = (start, i // period)
    place = {item: i for i, item in enumerate(view.items)}
    boxes = []
    for node in view.tensors:
        ends = [place[item] for item in view.ends(node)]
        parts: dict[Any, list[Use]] = defaultdict(list)
        for use in node.uses:
            parts[step[view.item(use.op)]].append(use)
        if node.maker or len(parts) < 2 or max(ends) - min(ends) <= FAR:
            boxes.append(node)
        else:
            boxes += [
                replace(node, id=f"{node.id}-{k}", uses=uses, box=f"box {k} of {len(parts)}")
                for k, uses in enumerate(parts.values(), 1)
            ]
    return boxes


def _join_repeats(items: Sequence[Item]) -> list[Item]:
    """The items, with each stretch that repeats as one group."""
    joined: list[Item] = []
    end = 0
    for start, period, times in _repeats(items):
        part = items[start : start + period * times]
        every = (_ops(part[i : i + period]) for i in range(0, len(part), period))
        first, *others = map(_own, every)
        same = others[0] <= first and all(found == others[0] for found in others)
        more = f"x {times}" if same else f"+ {times - 1} more"  # the first may begin at a leaf
        label = f"{_kinds(part[:period])} {more}"
        joined += [*items[end:start], Group(_ops(part), label, label, part[0].scope)]
        end = start + len(part)
    return joined + list(items[end:])


def _repeats(items: Sequence[Item]) -> list[tuple[int, int, int]]:
    """Stretches (start, period, times) in which equal items come again and again.

    Patterns that can be shown in full first, then the longest stretches, then the shortest periods.
    Single ops have to come three times, for there are many, such as two sums one after the other.
    """
    known: dict[Any, int] = {}
    codes = np.array([known.setdefault(_signature(item), len(known)) for item in items])
    crossing = _crossing(items)
    found = []
    for period in _periods(codes.tolist()):
        other = np.flatnonzero(codes[period:] != codes[:-period])
        edges = np.concatenate([[-1], other, [len(codes) - period]])
        for i in np.flatnonzero(np.diff(edges) > period):
            start, length = int(edges[i]) + 1, int(edges[i + 1] - edges[i]) - 1 + period
            modules = isinstance(items[start], Group)
            if length >= (2 if modules else 3) * period:
                # Where it begins is free within the rest: where it cuts off the fewest Tensors.
                # A loop of ops is mostly preceded by others as at its end: (matmul, add, tanh).
                starts = range(start, start + length % period + 1)
                cut = min(starts if modules else starts[::-1], key=lambda i: crossing[i])
                found.append((cut, period, length // period))
    free = np.ones(len(items), bool)
    chosen = []
    found.sort(key=lambda found: (found[1] > LONGEST_PATTERN, -found[1] * found[2], found[1]))
    for start, period, times in found:
        part = slice(start, start + period * times)
        if free[part].all():
            free[part] = False
            chosen.append((start, period, times))
    return sorted(chosen)


def _crossing(items: Sequence[Item]) -> Any:
    """How many Tensors lead from the items before each item to it and those after it."""
    at = {op: i for i, item in enumerate(items) for op in _ops([item])}
    crossing = np.zeros(len(items), int)
    for op, i in at.items():
        last = max((at[use.op] for use in op.output.uses), default=i)
        crossing[i + 1 : last + 1] += 1
    return crossing


def _periods(codes: list[int]) -> list[int]:
    """After how many items equal items mostly come again."""
    places: dict[int, list[int]] = defaultdict(list)
    for i, code in enumerate(codes):
        places[code].append(i)
    gaps = (Counter(np.diff(equal).tolist()) for equal in places.values() if len(equal) > 1)
    return sorted({count.most_common(1)[0][0] for count in gaps})


def _signature(item: Item) -> tuple[Any, ...]:
    """What identical items have in common: scope, module, ops, and all shapes."""
    ops = ((x.op.name, [x.output, *(use.source for use in x.uses)]) for x in _ops([item]))
    shapes = ((name, *(node.value.shape for node in nodes)) for name, nodes in ops)
    return (item.scope, getattr(item, "kind", ""), *shapes)


def _ops(items: Sequence[Item]) -> list[OpNode]:
    return [op for item in items for op in (item.ops if isinstance(item, Group) else [item])]


def _own(ops: list[OpNode]) -> set[TensorNode]:
    """What ops are applied with: the Tensors that no op computed. Arrays are data."""
    given = (use.source for op in ops for use in op.uses)
    return {source for source in given if not (source.maker or source.decided)}


def _kind(item: Item) -> str:
    return item.kind if isinstance(item, Group) else item.op.name


def _kinds(items: Sequence[Item]) -> str:
    """What items are, in short: "Linear", "(matmul, add, tanh)", "(650 ops: add, ...)"."""
    if len(items) == 1:
        return _kind(items[0])
    if len(items) <= LONGEST_PATTERN:
        return f"({', '.join(map(_kind, items))})"
    return f"({plural(len(_ops(items)), 'op')}: {_common(items)})"


def _common(items: Sequence[Item]) -> str:
    """The most common kinds of item."""
    counts = Counter(map(_kind, items))
    return ", ".join(kind for kind, _ in counts.most_common(3)) + ", ..." * (len(counts) > 3)


def plural(count: int, noun: str) -> str:
    """A number of things: 1 op, 2 ops."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
