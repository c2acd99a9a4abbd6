"""From DOT to SVG, PNG or PDF: by the program ``dot``, else by pygraphviz, which contains it."""

from __future__ import annotations

import graphviz


def render(source: str, form: str) -> bytes:
    """Lay out DOT source and draw it in a format of Graphviz: "svg", "png" or "pdf".

    Raises
    ------
    RuntimeError
        Neither the program ``dot`` nor the package ``pygraphviz`` is there.
    """
    try:
        return bytes(graphviz.pipe("dot", form, source.encode(), quiet=True))
    except graphviz.ExecutableNotFound:
        pass
    try:
        import pygraphviz
    except ImportError:
        raise RuntimeError(
            f"drawing as {form} needs Graphviz. Either install the program dot (apt install "
            "graphviz, brew install graphviz, or graphviz.org/download), or the Python package "
            "that contains it: pip install 'pygraphviz>=2.0.1'. Without them, .text() and .dot() "
            "still work."
        ) from None
    drawn = pygraphviz.AGraph(string=source).draw(format=form, prog="dot")
    return bytes(drawn)
