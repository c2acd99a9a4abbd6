"""What was measured, as text for a terminal or a README, and as a picture."""

import platform
import subprocess
from importlib import metadata
from itertools import zip_longest
from pathlib import Path
from typing import Any

from .measure import Growth, Result
from .peers import BASELINE, DISTRIBUTIONS

OURS, HAND, OTHERS = "#0072B2", "#333333", "#B8B8B8"


def machine() -> str:
    """Processor, system and versions, in one line each."""
    versions = [f"Python {platform.python_version()}"]
    for name in DISTRIBUTIONS:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            versions.append(f"{name} absent")
    return f"{processor()}, one core, {platform.system()}\n{', '.join(versions)}"


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        return next(
            line.partition(":")[2].strip() for line in lines if line.startswith("model name")
        )
    except (OSError, StopIteration):
        pass
    if platform.system() == "Darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return platform.processor() or platform.machine()


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table, aligned so that it reads well as text too."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]

    def line(cells: list[str]) -> str:
        first, *rest = (
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return "| " + " | ".join((first, *rest)) + " |"

    return "\n".join(map(line, (header, rule, *rows)))


def duration(seconds: float) -> str:
    for unit, scale in (("s", 1), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def _ratio(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.1f}" if ratio >= 10 else f"{ratio:.2f}"


def names_of(results: list[Result]) -> list[str]:
    return list(dict.fromkeys(name for result in results for name in result.ratio))


def ratio_table(results: list[Result]) -> str:
    """Time of a step over the one by hand; for that one, its time."""
    header = [
        "step / by hand",
        *(f"{r.task.name} {r.task.net}, {r.task.rows} rows" for r in results),
    ]
    rows = []
    for name in names_of(results):
        cells = [name]
        for result in results:
            if name not in result.ratio:
                cells.append("-")
            elif name == BASELINE:
                cells.append(f"1 ({duration(result.seconds[name])})")
            else:
                cells.append(_ratio(result.ratio[name]))
        rows.append(cells)
    return table(header, rows)


def memory_table(results: list[Result]) -> str:
    """Peak memory of a step over that of the one by hand, and in megabytes.

    On tiny networks it is the objects of Python, not the numbers, that take the memory.
    """
    rows = []
    for name in dict.fromkeys(name for result in results for name in result.peak):
        cells = [name]
        for result in results:
            by_hand, mine = result.peak[BASELINE], result.peak[name]
            cells.append(f"{mine / by_hand:.2f} ({mine / 1e6:.3g} MB)")
        rows.append(cells)
    return table(["peak memory / by hand", *(r.task.name for r in results)], rows)


def depth_table(growth: list[Growth]) -> str:
    """What an op of a chain costs, forward and backward, and what it takes to trace the chain."""
    rows = [
        [
            f"{g.depth:,}",
            duration(g.eager / g.depth),
            duration(g.unrolled / g.depth),
            duration(g.tracing),
            duration(g.unrolled),
        ]
        for g in growth
    ]
    header = ["ops in a chain", "eager, per op", "unrolled, per op", "to trace all", "to run all"]
    return table(header, rows)


def absences(results: list[Result]) -> str:
    """Which implementations were not timed, on what, and why."""
    where: dict[tuple[str, str], list[str]] = {}
    for result in results:
        for absence in result.absent.items():
            where.setdefault(absence, []).append(result.task.name)
    lines = [
        f"absent: {name} on {', '.join(tasks)}: {reason}" for (name, reason), tasks in where.items()
    ]
    return "\n".join(lines) or "absent: none"


WIDTH = 8  # inches; as in the gallery, whose pictures are shown with 100 pixels an inch
LONGEST = 8  # what is longer is drawn broken, or it would flatten all other bars


def chart(results: list[Result], path: Path) -> Any:
    """A figure: one panel per task, a bar per implementation, a line at the step by hand."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from PIL import Image  # of matplotlib

    names = names_of(results)
    shown = [ratio for r in results for ratio in r.ratio.values() if ratio <= LONGEST]
    rows, columns = (len(results) + 1) // 2, min(len(results), 2)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(WIDTH, rows * (0.24 * len(names) + 0.75) + 0.4),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for axis, result in zip_longest(axes.flat, results):
        if result is None:
            axis.set_axis_off()
        else:
            _panel(axis, result, names, max(shown))
    axes[0][0].set_xlim(0, 1.25 * max(shown))
    axes[0][0].set_yticks(range(len(names)), names)
    axes[0][0].invert_yaxis()
    for name in (x for axis in axes[:, 0] for x in axis.get_yticklabels()):
        name.set_fontweight("bold" if name.get_text().startswith("ours") else "normal")
    figure.get_layout_engine().set(w_pad=0.09, h_pad=0.09)  # inches
    figure.suptitle(_message(results), x=0.01, ha="left", size=10)
    label = "time of a training step / time of the step by hand (shorter is better)"
    figure.supxlabel(label, size=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=2 * 100)  # twice the pixels, for screens that have them
    drawn = Image.open(path).convert("RGB")
    drawn.quantize(16, dither=Image.Dither.NONE).save(path, optimize=True)  # a fourth of the bytes
    plt.close(figure)
    return figure


def _message(results: list[Result]) -> str:
    """What the chart says of this library."""
    parts = []
    for name in (name for name in names_of(results) if name.startswith("ours")):
        ratios = sorted(r.ratio[name] for r in results if name in r.ratio)
        parts.append(f"{name.split()[-1]} {_ratio(ratios[0])} to {_ratio(ratios[-1])}")
    return f"Where NumPy by hand takes 1: {', '.join(parts)}"


def _panel(axis: Any, result: Result, names: list[str], longest: float) -> None:
    for y, name in enumerate(names):
        ratio = result.ratio.get(name)
        if ratio is None:
            _write(axis, 0, y, "not timed", color="#555555")
            continue
        ours = name.startswith("ours")
        color = OURS if ours else "white" if name == BASELINE else OTHERS
        edge = HAND if name == BASELINE else color
        length = min(ratio, 1.08 * longest)
        axis.barh(y, length, color=color, edgecolor=edge, height=0.66)
        if ratio > length:
            _break(axis, 0.9 * length, y, 0.015 * longest)
        _write(axis, length, y, _ratio(ratio), weight="bold" if ours else "normal")
    axis.axvline(1, color=HAND, linewidth=0.8, linestyle="--", zorder=0.5)
    task = result.task
    axis.set_title(f"{task.name}, {task.net}", loc="left", size=10, weight="bold", pad=18)
    loss = "cross-entropy" if task.classifies else "squared error"
    by_hand = duration(result.seconds[BASELINE])
    axis.annotate(
        f"{task.rows} rows, {loss}; by hand {by_hand}",
        (0, 1),
        (0, 5),
        xycoords="axes fraction",
        textcoords="offset points",
        size=9,
    )
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=9, labelbottom=True)
    axis.tick_params(axis="y", length=0)


def _write(axis: Any, x: float, y: float, text: str, **style: Any) -> None:
    """Write beside a bar of length x, and not across the line at 1."""
    right = {"xytext": (3, 0), "textcoords": "offset points"}
    axis.annotate(text, (max(x, 1), y), **right, va="center", size=9, **style)


def _break(axis: Any, x: float, y: float, half: float) -> None:
    """Two slanted strokes and a gap: this bar is longer than it is drawn."""
    left, right = (x - 2 * half, x), (x, x + 2 * half)
    axis.fill(
        [left[0], left[1], right[1], right[0]],
        [y + 0.45, y - 0.45, y - 0.45, y + 0.45],
        color="white",
        zorder=3,
    )
    for stroke in (left, right):
        axis.plot(stroke, (y + 0.45, y - 0.45), color=HAND, linewidth=0.9, zorder=4)
