"""Pictures of computation graphs, with the value and the gradient of everything, and pages that step through backprop."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..tensor import Tensor
from .dot import as_dot
from .render import render
from .text import as_text
from .trace import Trace, trace

__all__ = ["Graph", "draw"]


def draw(
    output: Tensor | Sequence[Tensor],
    grad: Any = None,
    *,
    backward: bool = False,
    rankdir: str | None = None,
    max_nodes: int = 200,
) -> Graph:
    """Draw how a Tensor was computed, and how backprop computes the gradients.

    Boxes are tensors, with value and gradient; ellipses are ops; an edge leads from a tensor to each op that uses it,
    and carries, written beside it, the gradient that came back along it. No ``.grad`` is touched.

    Parameters
    ----------
    output
        The Tensor, of any shape; or several, whose graph is drawn without gradients.
    grad
        The gradient at ``output`` to start from, of its shape. For a scalar it is 1; for other shapes, gradients are
        drawn only if it is given.
    backward
        Also draw the graph of the gradients themselves: backprop is a computation like any other.
    rankdir
        "LR" from left to right, "TB" from top to bottom; by default whichever suits the depth.
    max_nodes
        Fold modules, the innermost first, and then whatever repeats, until at most so many nodes are left.

    Returns
    -------
    Graph
        Shows itself in a notebook; ``.save("graph.svg")`` writes it to a file.

    Raises
    ------
    TypeError
        ``output`` is not a Tensor.
    ValueError
        A wrong option, or ``grad`` has another shape than ``output``.
    RuntimeError
        Data was changed after it had been used, so that the picture would be wrong.

    Examples
    --------
    >>> a, b = Tensor(2.0, True, name="a"), Tensor(-3.0, True, name="b")
    >>> print(draw(a * b + a).text())
    name       made by            shape  value  gradient
    a          parameter          ()     2      -2
    b          parameter          ()     -3     2
    multiply1  multiply(a, b)     ()     -6     1
    add1       add(multiply1, a)  ()     -4     1
    """
    if rankdir not in (None, "LR", "TB"):
        raise ValueError(
            f"draw: rankdir is {rankdir!r}; expected 'LR' (left to right), 'TB' (top to bottom) or None"
        )
    return Graph(trace(output, grad, backward=backward), rankdir, max_nodes)


class Graph:
    """A picture of a computation, as text, DOT, SVG, PNG, PDF, or as a page that steps through it."""

    def __init__(self, trace: Trace, rankdir: str | None = None, max_nodes: int = 200) -> None:
        self.trace = trace
        self.rankdir = rankdir
        self.max_nodes = max_nodes

    def text(self) -> str:
        """A table: a line for each leaf and each op with name, op, inputs, shape, value and gradient."""
        return as_text(self.trace)

    def dot(self) -> str:
        """The source in DOT, Graphviz's language."""
        return as_dot(self.trace, self.rankdir)

    def svg(self) -> str:
        """The picture as SVG. Raises RuntimeError if Graphviz is not installed."""
        return render(self.dot(), "svg").decode()

    def save(self, path: str | Path) -> Path:
        """Write to a file whose name ends in .svg, .png, .pdf, .dot, .txt or .html (the step-through page).

        Raises
        ------
        ValueError
            Another ending.
        RuntimeError
            Graphviz is needed and not installed.
        """
        path = Path(path)
        ending = path.suffix.lower()
        if ending == ".svg":
            content = self.svg().encode()
        elif ending in (".png", ".pdf"):
            content = render(self.dot(), ending[1:])
        elif ending in (".dot", ".txt"):
            content = (self.dot() if ending == ".dot" else self.text()).encode()
        else:
            raise ValueError(
                f"save: {path.name!r} ends in {ending!r}; expected .svg, .png, .pdf, .dot, .txt or .html"
            )
        path.write_bytes(content)
        return path

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """The picture, for Jupyter; the text where there is no Graphviz."""
        bundle = {"text/plain": self.text()}
        try:
            bundle["image/svg+xml"] = self.svg()
        except RuntimeError:
            pass
        return bundle
