"""What was measured, as text for a terminal or a README, and as a picture."""

import platform
import subprocess
from importlib import metadata
from pathlib import Path

from .measure import Result
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
                ratio = result.ratio[name]
                cells.append(f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.3g}")
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


def depth_table(seconds: dict[int, float]) -> str:
    rows = [[f"{n:,}", duration(time), duration(time / n)] for n, time in seconds.items()]
    return table(["ops in a chain", "forward + backward", "per op"], rows)


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


def chart(results: list[Result], path: Path) -> None:
    """One panel per task, a bar per implementation, a line at the step by hand."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    # What is a hundred times slower would flatten all other bars: the table has it.
    names = [n for n in names_of(results) if all(r.ratio.get(n, 0) < 100 for r in results)]
    figure, axes = plt.subplots(
        1,
        len(results),
        figsize=(3.1 * len(results) + 1, 0.36 * len(names) + 1.6),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for axis, result in zip(axes[0], results, strict=True):
        longest = max(result.ratio[n] for n in names if n in result.ratio)
        for y, name in enumerate(names):
            ratio = result.ratio.get(name)
            if ratio is None:
                axis.text(0, y, " not measured", va="center", fontsize=8, color="#666666")
                continue
            ours = name.startswith("ours")
            color = OURS if ours else HAND if name == BASELINE else OTHERS
            axis.barh(y, ratio, color=color, height=0.7)
            weight = "bold" if ours else "normal"
            axis.annotate(
                f"{ratio:.2f}",
                (ratio, y),
                (3, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
                fontweight=weight,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
            )
        axis.axvline(1, color=HAND, linewidth=0.8, linestyle="--", zorder=0)
        axis.set_xlim(0, 1.25 * max(longest, 1))
        loss = "cross-entropy" if result.task.classifies else "squared error"
        axis.set_title(
            f"{result.task.name}: {result.task.net}\n{result.task.rows} rows, {loss}", fontsize=9
        )
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
    axes[0][0].set_yticks(range(len(names)), names)
    axes[0][0].invert_yaxis()
    figure.supxlabel(
        "time of one training step, the step written by hand in NumPy = 1 (shorter is better)",
        fontsize=9,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    plt.close(figure)
