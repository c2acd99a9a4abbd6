"""Pictures of computation graphs with all values and gradients, and pages to step through them."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...engine.tensor import Tensor
from .dot import as_dot
from .fold import fold
from .page import as_page
from .render import render
from .svg import dress
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

    Boxes are Tensors, with value and gradient; ellipses are ops; an edge leads from a Tensor to
    each op that uses it, and beside it stands the gradient that the op sent back along it. No
    ``.grad`` is touched.

    Parameters
    ----------
    output
        The Tensor, of any shape; or a sequence of several, drawn without gradients.
    grad
        The gradient at ``output`` to start from, of its shape. For a scalar it is 1; for other
        shapes, gradients are drawn only if it is given.
    backward
        Also draw the graph of the gradients themselves: backprop is a computation like any other.
    rankdir
        "LR" from left to right, "TB" from top to bottom; by default what suits the depth.
    max_nodes
        Fold modules, the innermost first, and then stretches of ops, until at most so many
        nodes are left.

    Returns
    -------
    Graph
        Shows itself in a notebook; ``.save("graph.svg")`` writes it to a file.

    Raises
    ------
    TypeError
        ``output`` is not a Tensor.
    ValueError
        An option is wrong, or ``grad`` has another shape than ``output``.
    RuntimeError
        Data was changed after it had been used, so that the picture would be wrong.

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
            f"draw: rankdir is {rankdir!r}; expected 'LR' (left to right), 'TB' (top to bottom), "
            "or None to choose by depth"
        )
    if max_nodes < 2:
        raise ValueError(
            f"draw: max_nodes is {max_nodes}; expected at least 2, a result and its origin"
        )
    return Graph(trace(output, grad, backward=backward), rankdir, max_nodes)


class Graph:
    """A picture of a computation: text, DOT, SVG, PNG, PDF, or a page that steps through it."""

    def __init__(self, trace: Trace, rankdir: str | None = None, max_nodes: int = 200) -> None:
        self.trace = trace
        self.rankdir = rankdir
        self.max_nodes = max_nodes
        self.view = fold(trace, max_nodes)

    def text(self) -> str:
        """A table of leaves and outputs of ops: name, op and inputs, shape, value, gradient."""
        return as_text(self.trace)

    def dot(self) -> str:
        """The picture in DOT, Graphviz's language."""
        return as_dot(self.view, self.rankdir)

    def svg(self) -> str:
        """The picture as SVG; it follows the reader's dark mode.

        Raises
        ------
        RuntimeError
            Graphviz is not installed.
        """
        return dress(render(self.dot(), "svg"), self.view)

    def html(self) -> str:
        """The page that steps through the forward and the backward pass: one file, no network.

        Raises
        ------
        RuntimeError
            Graphviz is not installed.
        ValueError
            There are too many ops to step through.
        """
        return as_page(self.trace, self.rankdir)

    def frame(self, height: int = 640) -> Frame:
        """The page in a frame for a notebook, whose scripts cannot reach the notebook."""
        return Frame(self.html(), height)

    def save(self, path: str | Path) -> Path:
        """Write a file whose name ends in .svg, .png, .pdf, .dot, .txt or .html (the page).

        Raises
        ------
        ValueError
            Another ending.
        RuntimeError
            Graphviz is needed and not installed.
        """
        path = Path(path)
        writers: dict[str, Callable[[], str | bytes]] = {
            ".svg": self.svg,
            ".png": lambda: render(as_dot(self.view, self.rankdir, dpi=144), "png"),
            ".pdf": lambda: render(self.dot(), "pdf"),
            ".dot": self.dot,
            ".txt": self.text,
            ".html": self.html,
        }
        ending = path.suffix.lower()
        if ending not in writers:
            expected = ", ".join(writers)
            raise ValueError(f"save: {path.name!r} ends in {ending!r}; expected one of {expected}")
        content = writers[ending]()
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """The picture, for Jupyter; the text where there is no Graphviz."""
        bundle = {"text/plain": self.text()}
        with suppress(RuntimeError):
            bundle["image/svg+xml"] = self.svg()
        return bundle


class Frame:
    """A page in a frame of its own: evaluate it in a notebook's cell to see it."""

    def __init__(self, page: str, height: int) -> None:
        self.page = page
        self.height = height

    def _repr_html_(self) -> str:
        source = html.escape(self.page)
        return (
            f'<iframe title="Backprop, step by step" sandbox="allow-scripts" srcdoc="{source}" '
            f'width="100%" height="{self.height}"></iframe>'
        )
