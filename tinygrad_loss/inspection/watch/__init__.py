"""watch(): statistics of each layer in a pass, and where gradients are lost on their way."""

from dataclasses import astuple
from io import BytesIO
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from ...engine.mode import set_mode
from ...engine.node import Array
from ...engine.tensor import Tensor
from ...nn import Module
from .layers import Layer, Pass, find_rows, summarize
from .problems import diagnose

__all__ = ["watch"]

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Of the table, whose columns are the fields of a Layer.
NAMES = ["layer", "kind", "mean", "spread", "gradient", "of weights", "dead", "saturated", "update"]
FORMATS = ["", "", ".3g", ".3g", ".2e", ".2e", ".0%", ".0%", ".1e"]
PANELS = {  # of the plot
    "spread": "spread of the output", "gradient": "gradient norm at the output",
    "update": "update / weight", "dead": "share of dead ReLUs",
    "saturated": "share of saturated units",
}  # fmt: skip
DASHES = ("-", "--", ":", "-.")  # to tell lines of similar brightness apart


class watch:
    """Watch a module: statistics of its layers, one set for each pass.

    A *pass* is a forward pass, the backward pass and the optimizer's step. If one is left out, its
    columns stay empty. The ``with`` block goes around one pass or around a training loop: a forward
    pass after a backward pass begins the next. Later passes without gradients do not count.
    ``detect_anomaly()`` goes around the block, not into it.

    Print it for a table of the last pass and its ``problems``, sentences on layers without
    gradient, and why; on vanishing or exploding gradients, dead or saturated units, NaN, inf.
    ``layers`` lists its Layers, ``history`` those of each pass; ``plot()`` draws them.

    Raises TypeError if ``module``, the model or a part of it, is not a Module.

    >>> import numpy as np
    >>> from tinygrad_loss import nn, optim
    >>> rng = np.random.default_rng(0)
    >>> model = nn.MLP([2, 4, 1], activation="relu", rng=rng)
    >>> optimizer = optim.SGD(model.parameters(), lr=0.1)
    >>> with watch(model) as watched:
    ...     for _ in range(3):
    ...         optimizer.zero_grad()
    ...         model(rng.normal(size=(8, 2))).sum().backward()
    ...         optimizer.step()
    >>> len(watched.history)
    3
    >>> [(layer.name, layer.kind) for layer in watched.layers]
    [('layers.0', 'Linear'), ('layers.1', 'ReLU'), ('layers.2', 'Linear')]
    >>> watched.problems
    []
    """

    def __init__(self, module: Module) -> None:
        if not isinstance(module, Module):
            raise TypeError(f"watch: got {type(module).__name__}; expected a Module: nn.MLP(...)")
        self.module = module
        self.history: list[list[Layer]] = []
        self.problems: list[str] = []
        self._block: Any = None

    def __enter__(self) -> "watch":
        """Begin a pass."""
        if self._block is not None:
            raise RuntimeError("watch: a block inside its own block. Make a second watch(module).")
        self._block = set_mode(observer=Pass(self._keep))
        self._before = self._values()
        self._block.__enter__()
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        """End the pass; keep its statistics, unless an error ended it."""
        block, self._block = self._block, None
        block.__exit__(None, None, None)
        if error is None:
            block.observer.finish()
        del self._before

    def _values(self) -> dict[Tensor, Array]:
        return {p: p.data.copy() for p in self.module.parameters()}

    def _keep(self, seen: Pass) -> None:
        """Keep the statistics of a pass, and nothing else of it."""
        rows = find_rows(self.module, seen)
        layers = [summarize(row, seen, self._before) for row in rows]
        passes = [*self.history[-1:], layers]
        learns = [any(layer.gradient is not None for layer in one) for one in passes]
        if learns[0] and not learns[-1]:
            return  # an evaluation between training steps, or a step of another model
        self.history.append(layers)
        self.problems = diagnose(self.module, rows, self.layers, seen)
        self._before = self._values()

    @property
    def layers(self) -> list[Layer]:
        """The statistics of the layers in the last pass, in the order of their calls."""
        if not self.history:
            raise RuntimeError("watch: no pass was seen yet. Run one inside `with watched: ...`")
        return self.history[-1]

    def table(self) -> str:
        """The statistics of the last pass as text."""
        lines = [NAMES]
        for layer in self.layers:
            cells = zip(astuple(layer), FORMATS, strict=True)
            lines.append(["-" if x is None else format(x, form) for x, form in cells])
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        forms = [f"{'>' if form else '<'}{n}" for form, n in zip(FORMATS, widths, strict=True)]
        return "\n".join("  ".join(map(format, line, forms)) for line in lines)

    def __repr__(self) -> str:
        if not self.history:
            return f"watch({self.module!r}, no pass yet)"
        return "\n".join([self.table(), *(f"! {problem}" for problem in self.problems)])

    def plot(self) -> "Figure":
        """Draw all passes: a line for each layer, from dark (first) to light (last).

        Outside of a notebook, save the figure with ``.savefig("watch.png")``.

        Raises ModuleNotFoundError without matplotlib, RuntimeError if no pass was seen yet.
        """
        passes = [self.layers, *self.history]
        try:
            from matplotlib import colormaps
            from matplotlib.figure import Figure
        except ModuleNotFoundError as error:
            advice = "watch.plot() needs matplotlib: pip install 'tinygrad_loss[examples]'"
            raise ModuleNotFoundError(advice) from error
        names = list(dict.fromkeys(x.name for layers in passes for x in layers))
        shades = colormaps["viridis"](np.linspace(0, 0.9, len(names)))
        styles = dict(zip(names, zip(shades, cycle(DASHES), strict=False), strict=True))
        panels = [(field, lines) for field in PANELS if (lines := self._lines(field, names))]
        rows = (len(panels) + 1) // 2
        # Without pyplot, which keeps every figure until it is closed.
        figure = Figure(figsize=(8, 0.4 + 2.6 * rows), layout="constrained")

        def png() -> bytes:
            figure.savefig(file := BytesIO(), dpi=100)
            return file.getvalue()

        figure._repr_png_ = png  # type: ignore[attr-defined]  # for Jupyter
        for i, (field, lines) in enumerate(panels, start=1):
            axis = figure.add_subplot(rows, min(len(panels), 2), i)
            for name, values in lines.items():
                color, dash = styles[name]
                alone = len(values) < 9 or np.isnan(values).any()  # points without a line to them
                axis.plot(values, dash, marker="." if alone else "", color=color, label=name)
            axis.set(xlabel="pass", ylabel=PANELS[field])
            axis.locator_params("x", integer=True)
            if field in ("dead", "saturated"):
                axis.set_ylim(-0.03, 1.03)
            elif any((values > 0).any() for values in lines.values()):
                axis.set_yscale("log")
        if figure.axes:
            shown = list(figure.axes[0].lines)  # the first panel has a line for every layer
            if len(shown) > 12:  # more than a legend has room for: first, middle and last
                shown = [shown[0], shown[len(shown) // 2], shown[-1]]
            figure.legend(handles=shown, loc="outside right upper", fontsize="small")
        return figure

    def _lines(self, field: str, names: list[str]) -> dict[str, Array]:
        """One number per pass for each layer that has any; NaN for a pass in which it has none."""
        passes = [{x.name: getattr(x, field) for x in layers} for layers in self.history]
        found = {name: np.array([one.get(name) for one in passes], float) for name in names}
        return {name: values for name, values in found.items() if not np.isnan(values).all()}
