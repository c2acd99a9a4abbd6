"""What the examples share: the command line, tables, the look of the pictures and their place."""

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("agg")  # draws files, and needs no screen

import matplotlib.pyplot as plt

OUTPUT = Path(__file__).parent / "output"

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
        "font.size": 9,
        "legend.frameon": False,
        "legend.handlelength": 2.8,
    }
)


def run(main, doc):
    """Run an example from the command line: all of it, or with ``--quick`` a part of it."""
    parser = argparse.ArgumentParser(description=doc.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="less of it, in a second or two")
    main(quick=parser.parse_args().quick)


def save_figure(figure, name):
    """Save a figure as examples/output/name.png; 8 inches make 800 pixels."""
    OUTPUT.mkdir(exist_ok=True)
    figure.savefig(OUTPUT / f"{name}.png", dpi=100)
    plt.close(figure)
    print(f"saved {OUTPUT / f'{name}.png'}")


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
