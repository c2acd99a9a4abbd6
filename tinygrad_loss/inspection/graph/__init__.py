"""Pictures of computation graphs with all values and gradients, and pages to step through them."""

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...engine.tensor import Tensor
from ...files import replacing
from . import text
from .dot import as_dot, render
from .fold import View, fold
from .page import as_page
from .svg import dress, summary
from .trace import trace

__all__ = ["Graph", "draw"]


def draw(
    output: Tensor | Sequence[Tensor] | BaseException, grad: Any = None, *,
    backward: bool = False, rankdir: str | None = None, max_nodes: int | None = None,
) -> "Graph":  # fmt: skip
    """Draw how a Tensor was computed, and how backprop computes the gradients.

    Boxes are Tensors, with value and gradient; ellipses are ops; an edge leads from a Tensor to
    each op that uses it, and beside it stands the gradient that the op sent back along it. No
    ``.grad`` is touched.

    Parameters
    ----------
    output : a Tensor, of any shape; or a sequence of several, drawn without gradients; or the error
        of a computation that failed: what there was so far, with the call that failed marked in red
    grad : the gradient at ``output`` to start from, of its shape. For a scalar it is 1; for other
        shapes, gradients are drawn only if it is given.
    backward : also draw the graph of the gradients itself: backprop is a computation like any other
    rankdir : "LR" from left to right, "TB" from top to bottom; by default what suits the depth
    max_nodes : fold what repeats, modules, the innermost first, and then stretches of ops, until at
        most so many nodes are left; by default, until the picture fits some screens.

    Returns a ``Graph``: it shows itself in a notebook; ``.save("graph.svg")`` writes it to a file.

    Raises TypeError if ``output`` is not a Tensor; ValueError if an option is wrong, or ``grad``
    has another shape; RuntimeError with ``backward=True`` if data was changed after its use.

    >>> a, b = Tensor(2.0, True, name="a"), Tensor(-3.0, True, name="b")
    >>> print(draw(a * b + a).text())
    name       made by            shape  value  gradient
    a          parameter          ()     2      -2
    b          parameter          ()     -3     2
    multiply1  multiply(a, b)     ()     -6     1
    add1       add(multiply1, a)  ()     -4     1
    """
    if rankdir not in (None, "LR", "TB"):
        raise ValueError(f"draw: rankdir is {rankdir!r}; expected 'LR', 'TB' (down) or None")
    if isinstance(grad, str | Path):
        raise TypeError(f"draw: grad is {grad!r}. Write draw(output).save({str(grad)!r}).")
    if max_nodes is not None and not (isinstance(max_nodes, int) and max_nodes > 1):
        raise ValueError(f"draw: max_nodes is {max_nodes!r}; expected an int >= 2, or None")
    found = trace(output, grad, backward=backward)
    return Graph(fold(found, max_nodes), rankdir, max_nodes)


class Graph:
    """A picture of a computation: text, DOT, SVG, PNG, PDF, or a page that steps through it."""

    def __init__(self, view: View, rankdir: str | None, max_nodes: int | None) -> None:
        self.view, self.trace = view, view.trace
        self.rankdir, self.max_nodes = rankdir, max_nodes

    def __repr__(self) -> str:
        return f"<Graph: {summary(self.view)}>"

    def text(self) -> str:
        """A table of leaves and outputs of ops: name, op and inputs, shape, value, gradient."""
        return text.as_text(self.trace)

    __str__ = text

    def dot(self) -> str:
        """The picture in DOT, Graphviz's language."""
        return as_dot(self.view, self.rankdir)

    def svg(self) -> str:
        """The picture as SVG, which follows dark mode; RuntimeError if there is no Graphviz."""
        return dress(render(self.dot(), "svg"), self.view)

    def html(self, quiz: bool = False) -> str:
        """The page that steps through the forward and the backward pass: one file, no network.

        As a ``quiz`` it asks for each gradient before it shows it, and says which slip an answer
        is. Raises RuntimeError if there is no Graphviz; ValueError if there are too many ops, or
        no backward pass for a quiz.
        """
        return as_page(self.trace, self.rankdir, self.max_nodes, quiz)

    def frame(self, height: int = 640, quiz: bool = False) -> "Frame":
        """The page in a frame for a notebook, whose scripts cannot reach the notebook."""
        return Frame(self.html(quiz), height)

    def save(self, path: str | Path, quiz: bool = False) -> Path:
        """Write a file whose name ends in .svg, .png, .pdf, .dot, .txt or .html (the page).

        Raises ValueError for another ending, and as ``html``; RuntimeError if Graphviz is needed
        and not installed; OSError if the file cannot be written. A former file is then as it was.
        """
        path = Path(path)
        writers: dict[str, Callable[[], str | bytes]] = {
            ".svg": self.svg,
            ".png": lambda: render(as_dot(self.view, self.rankdir, dpi="144"), "png"),
            ".pdf": lambda: render(self.dot(), "pdf"),
            ".dot": self.dot, ".txt": self.text, ".html": lambda: self.html(quiz),
        }  # fmt: skip
        ending = path.suffix.lower()
        endings = [".html"] if quiz else list(writers)
        if ending not in endings:
            expected = ", ".join(endings)
            raise ValueError(f"save: {path.name!r} ends in {ending!r}; expected one of {expected}")
        content = writers[ending]()
        with replacing(path) as file:
            file.write(content.encode() if isinstance(content, str) else content)
        return path

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """The picture, for Jupyter; the text where there is no Graphviz."""
        try:
            return {"text/plain": self.text(), "image/svg+xml": self.svg()}
        except RuntimeError as error:
            return {"text/plain": f"{self.text()}\n\nA table, because {error}"}


@dataclass(repr=False)
class Frame:
    """A page in a frame of its own: evaluate it in a notebook's cell to see it."""

    page: str
    height: int

    def __repr__(self) -> str:
        return f"<Frame of {len(self.page) // 1000} kB, {self.height} pixels high, for notebooks>"

    def _repr_html_(self) -> str:
        return (
            '<iframe title="Backprop, step by step" sandbox="allow-scripts" '
            f'srcdoc="{html.escape(self.page)}" width="100%" height="{self.height}" '
            'style="border: 0"></iframe>'
        )
