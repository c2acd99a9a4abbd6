"""Lesson 2: a loss as a chain of three curves, whose slopes multiply."""

import numpy as np

from course.figures import BLUE, GRAY, ORANGE, plt


def three_slopes(p):
    """-log(1 - p) in steps: a = 1 - p, b = log a, L = -b; and the whole, L over p."""
    a, b = 1 - p, np.log(1 - p)
    steps = [
        # names, the curve, where it is drawn, the point, the slope there
        ("p", "a", lambda x: 1 - x, (0.0, 1.0), p, -1.0, "{:g}", "{:g}"),
        ("a", "b", np.log, (0.1, 1.0), a, 1 / a, "{:g}", "{:.3f}"),
        ("b", "L", lambda x: -x, (-2.3, 0.0), b, -1.0, "{:.3f}", "{:.3f}"),
        ("p", "L", lambda x: -np.log(1 - x), (0.0, 0.9), p, 1 / a, "{:g}", "{:.3f}"),
    ]
    _, panels = plt.subplots(1, 4, figsize=(8.2, 3.1))
    for i, (panel, step) in enumerate(zip(panels, steps, strict=True)):
        x_name, y_name, curve, (low, high), at, slope, x_format, y_format = step
        x = np.linspace(low, high, 200)
        y, height = curve(x), curve(at)
        panel.plot(x, y, color="black")
        near = np.array([at - 0.26 * (high - low), at + 0.26 * (high - low)])
        panel.plot(near, height + slope * (near - at), color=ORANGE, lw=2.5)
        panel.set_xlim(low - 0.02 * (high - low), high + 0.02 * (high - low))
        floor = y.min() - 0.08 * np.ptp(y)
        panel.set_ylim(floor, y.max() + 0.08 * np.ptp(y))
        panel.plot(
            [at, at, panel.get_xlim()[0]],
            [floor, height, height],
            color=GRAY,
            lw=1,
            ls="--",
        )
        panel.plot(at, height, "o", color=BLUE, ms=7, zorder=3)
        panel.set_xticks([at], [x_format.format(at)], color=BLUE, fontsize=13)
        panel.set_yticks(
            [height], [y_format.format(height)], color=BLUE, rotation=90, va="center"
        )
        panel.set_xlabel(f"${x_name}$", fontsize=16)
        panel.set_ylabel(f"${y_name}$", rotation=0, fontsize=16)
        sign = ("", r"\times\;", r"\times\;", r"=\;")[i]
        quotient = rf"\dfrac{{d{y_name}}}{{d{x_name}}}"
        panel.set_title(
            f"${sign}{quotient} = {slope:.5g}$", color="black", fontsize=14, pad=14
        )
    panels[-1].set_facecolor("0.95")
