"""The Watch: it notes passes, and shows their statistics as a table and as a plot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...engine.mode import set_mode
from ...nn import Module
from .layers import Layer, summarize
from .problems import diagnose
from .record import Pass, find_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = {  # of the table, with their heading and format
    "mean": ("mean", ".3g"),
    "spread": ("spread", ".3g"),
    "gradient": ("gradient", ".2e"),
    "weight_gradient": ("of weights", ".2e"),
    "dead": ("dead", ".0%"),
    "saturated": ("saturated", ".0%"),
    "update": ("update", ".1e"),
}
PANELS = {  # of the plot
    "spread": "spread of the output",
    "gradient": "gradient norm at the output",
    "update": "update / weight",
    "dead": "share of dead ReLUs",
    "saturated": "share of saturated units",
}
NO_PASS = "watch: no pass was seen yet. Run one in a block: `with watched: loss = ...`"
DASHES = ("-", "--", ":", "-.")  # to tell lines of similar brightness apart
MANY_LAYERS = 12  # a legend has room for so many; of more it shows first, middle and last


class Watch:
    """A watched module, made by ``watch(module)``.

    Attributes
    ----------
    history : list of lists of Layer
        One list for each pass.
    problems : list of str
        Problems in the last pass: layers that receive no gradient, and why; gradients that vanish
        or explode; dead or saturated units; numbers that are not finite.
    """

    def __init__(self, module: Module) -> None:
        self.module = module
        self.history: list[list[Layer]] = []
        self.problems: list[str] = []
        self._block: Any = None

    def __enter__(self) -> Watch:
        """Begin a pass."""
        if self._block is not None:
            raise RuntimeError(
                "watch: this block is inside another one of the same watch; a pass cannot hold a "
                "pass. Make a second watch(module)."
            )
        self._pass = Pass()
        self._before = {p: p.data.copy() for p in self.module.parameters()}
        self._block = set_mode(observer=self._pass)
        self._block.__enter__()
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        """End the pass; keep its statistics, unless an error ended it."""
        self._block.__exit__(None, None, None)
        seen, before, self._block = self._pass, self._before, None
        del self._pass, self._before  # with them go the arrays of the pass
        if error is None:
            rows = find_rows(self.module, seen)
            layers = [summarize(row, seen, before) for row in rows]
            self.history.append(layers)
            self.problems = diagnose(self.module, rows, layers, seen)

    @property
    def layers(self) -> list[Layer]:
        """The statistics of the layers in the last pass, in the order of their calls."""
        if not self.history:
            raise RuntimeError(NO_PASS)
        return self.history[-1]

    def table(self) -> str:
        """The statistics of the last pass as text."""
        lines = [["layer", "kind", *(heading for heading, _ in COLUMNS.values())]]
        for layer in self.layers:
            numbers = [(getattr(layer, field), form) for field, (_, form) in COLUMNS.items()]
            cells = ["-" if x is None else format(x, form) for x, form in numbers]
            lines.append([layer.name, layer.kind, *cells])
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(
                cell.ljust(width) if i < 2 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(line, widths, strict=True))
            )
            for line in lines
        )

    def __repr__(self) -> str:
        if not self.history:
            return f"Watch({self.module!r}, no pass yet)"
        return "\n".join([self.table(), *(f"! {problem}" for problem in self.problems)])

    def plot(self) -> Figure:
        """Draw all passes: a line for each layer, from dark (first) to light (last).

        Returns
        -------
        matplotlib.figure.Figure
            To be shown in a notebook, or saved with ``.savefig("watch.png")``.

        Raises
        ------
        ModuleNotFoundError
            If matplotlib is not installed.
        RuntimeError
            If no pass was seen yet.
        """
        if not self.history:
            raise RuntimeError(NO_PASS)
        try:
            from matplotlib import colormaps
            from matplotlib.figure import Figure
            from matplotlib.ticker import MaxNLocator
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "watch.plot() draws with matplotlib, which is not installed: "
                "pip install 'tinygrad_loss[examples]'"
            ) from error
        # Without pyplot, which keeps every figure until it is closed.
        names = list(dict.fromkeys(x.name for layers in self.history for x in layers))
        shades = colormaps["viridis"](np.linspace(0, 0.9, len(names)))
        panels = {field: self._lines(field, names) for field in PANELS}
        panels = {field: lines for field, lines in panels.items() if lines}
        height = (len(panels) + 1) // 2
        figure = Figure(figsize=(8, 0.4 + 2.6 * height), layout="constrained")
        for i, (field, lines) in enumerate(panels.items()):
            axis = figure.add_subplot(height, min(len(panels), 2), i + 1)
            for name, values in lines.items():
                style = {"color": shades[names.index(name)], "label": name}
                style["linestyle"] = DASHES[names.index(name) % len(DASHES)]
                axis.plot(values, marker="." if len(values) < 9 else "", **style)
            axis.set(xlabel="pass", ylabel=PANELS[field])
            axis.xaxis.set_major_locator(MaxNLocator(integer=True))
            if field in ("dead", "saturated"):
                axis.set_ylim(-0.03, 1.03)
            elif any(x > 0 for values in lines.values() for x in values):
                axis.set_yscale("log")
        if names:
            shown = list(figure.axes[0].lines)  # the first panel has a line for every layer
            if len(shown) > MANY_LAYERS:
                shown = [shown[0], shown[len(shown) // 2], shown[-1]]
            figure.legend(handles=shown, loc="outside right upper", fontsize="small")
        return figure

    def _lines(self, field: str, names: list[str]) -> dict[str, list[float]]:
        """One number per pass for each layer that has any; NaN for a pass in which it has none."""
        passes = [{x.name: getattr(x, field) for x in layers} for layers in self.history]
        found = {name: [one.get(name) for one in passes] for name in names}
        return {
            name: [np.nan if x is None else x for x in values]
            for name, values in found.items()
            if any(x is not None for x in values)
        }
