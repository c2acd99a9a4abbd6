"""What the examples share: the command line, tables, the look of the pictures, both languages."""

import argparse
import io
import re
from pathlib import Path

import matplotlib

matplotlib.use("agg")  # draws files, and needs no screen

import matplotlib.pyplot as plt
import matplotlib_fontja  # noqa: F401  brings a font for Japanese
import numpy as np
from _japanese import WORDS
from matplotlib.text import Text
from PIL import Image

OUTPUT = Path(__file__).parent / "output"
ENDINGS = [".png", ".ja.png"]  # of pictures in English and in Japanese

# Told apart in gray too, by brightness and dashes.
COLORS = ["black", "tab:blue", "tab:orange", "tab:green", "0.6"]
DASHES = ["-", (0, (6, 2)), (0, (2, 1.2)), (0, (7, 1.5, 1.5, 1.5)), "-"]

plt.rcParams.update(
    {
        "axes.prop_cycle": plt.cycler(color=COLORS, linestyle=DASHES),
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlelocation": "left",
        "axes.titlesize": 10,
        "figure.constrained_layout.use": True,
        "font.family": ["DejaVu Sans", "IPAexGothic"],  # the second has what the first lacks
        "font.size": 9,
        "legend.frameon": False,
        "legend.handlelength": 2.8,
    }
)

NUMBER = re.compile(r"(?<![A-Za-z\d.])[-−]?(?:\d[\d,]*)?\.?\d+(?:e[-+]?\d+)?")  # not that of L2


def run(main, doc):
    """Run an example from the command line: all of it, or with ``--quick`` a part of it."""
    parser = argparse.ArgumentParser(description=doc.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="less of it, in a second or two")
    quick = parser.parse_args().quick
    if quick:
        ENDINGS.remove(".ja.png")  # to draw all twice would take as long as the rest
    main(quick=quick)


def save_figure(figure, name, dpi=100):
    """Save a figure as output/name.png and, its words in Japanese, as output/name.ja.png.

    8 inches make 800 pixels. Few colors make small files.
    """
    OUTPUT.mkdir(exist_ok=True)
    for axes in figure.axes:
        axes.minorticks_off()  # what is seldom read takes half of the time on a logarithmic axis
    for ending in ENDINGS:
        path = OUTPUT / f"{name}{ending}"
        if ending == ".ja.png":
            translate(figure)
        drawn = io.BytesIO()
        figure.savefig(drawn, dpi=dpi)
        colors = Image.open(drawn).convert("RGB").quantize(64, dither=Image.Dither.NONE)
        colors.save(path, optimize=True)
        print(f"saved {path}")
    plt.close(figure)


def translate(figure):
    """Put every text of a figure into Japanese."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            labels = [label.get_text() for label in axis.get_ticklabels()]
            if labels != (words := [in_japanese(text) for text in labels]):
                axis.set_ticks(axis.get_ticklocs(), words)  # else the next drawing writes them anew
    for text in figure.findobj(Text):
        text.set_text(in_japanese(text.get_text()))


def in_japanese(text):
    """The Japanese of a text, by the table of words, in which # stands for each number.

    >>> in_japanese("after 3 steps")
    '3 ステップ後'
    """
    if not re.search(r"[A-Za-z]{2}", re.sub(r"\$[^$]*\$|e-\d+", "", text)):
        return text  # a number, a formula, the name of a variable
    if re.search("[\u3040-\u9fff]", text):
        return text  # a label of an axis that is in Japanese already
    try:
        return WORDS[NUMBER.sub("#", text)].format(*NUMBER.findall(text))
    except KeyError as error:
        raise KeyError(f"{text!r} has no Japanese yet: add {error} to _japanese.py") from None


def diabetes(centered=False):
    """scikit-learn's diabetes data: ten inputs of 442 patients, standardized, and the targets.

    With targets less their mean, a model needs no bias.
    """
    from sklearn.datasets import load_diabetes  # takes a second, and few need it

    X, y = load_diabetes(return_X_y=True)
    return (X - X.mean(axis=0)) / X.std(axis=0), y - y.mean() if centered else y


def spread(values, form):
    """Numbers of several seeds or data sets as text: "median (smallest to largest)", or one."""
    median, low, high = (format(f(values), form) for f in (np.median, np.min, np.max))
    return median if low == high else f"{median} ({low} to {high})"


def print_table(head, rows):
    """Print rows of texts and numbers in columns as wide as they need."""
    cells = [[c if isinstance(c, str) else f"{c:.6g}" for c in row] for row in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        first, *others = (
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join([first, *others]))
    print()
