"""Run the benchmark: ``python -m tests.benchmarks --help``."""

import argparse
from pathlib import Path

from . import measure, report
from .peers import ON_REQUEST, PEERS
from .recurrent import RECURRENT_PEERS, SEQUENCES
from .tasks import TASKS, Task

OURS = ["ours, unrolled", "ours, eager"]
ALL_TASKS = TASKS | SEQUENCES
ALL_PEERS = list(PEERS | RECURRENT_PEERS)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description="Time one training step in float32 on one core, beside the same step written "
        "by hand in NumPy. Every implementation is first checked to compute the same losses.",
    )
    parser.add_argument("--sizes", nargs="+", choices=ALL_TASKS, default=list(ALL_TASKS))
    parser.add_argument(
        "--only",
        nargs="+",
        choices=ALL_PEERS,
        default=[name for name in ALL_PEERS if name not in ON_REQUEST],
        help="implementations; torch.compile runs only if named here",
    )
    parser.add_argument("--rounds", type=int, default=101, help="samples per median")
    parser.add_argument("--quick", action="store_true", help="11 rounds, and no growth")
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).parent / "output", help="folder of the chart"
    )
    return parser.parse_args()


def main() -> None:
    options = arguments()
    rounds = 11 if options.quick else options.rounds
    measure.use_one_core()
    print(report.machine(), end="\n\n", flush=True)

    networks, recurrent = (
        measured([name for name in options.sizes if name in tasks], options.only, rounds)
        for tasks in (TASKS, SEQUENCES)
    )
    print(report.absences(networks + recurrent), end="\n\n")
    for results in filter(None, (networks, recurrent)):
        print(f"{report.ratio_table(results)}\n\n{report.memory_table(results)}\n")
    if networks:
        path = options.output / "benchmark.png"
        report.chart(networks, path)
        print(f"chart: {path}\n")

    seconds = measure.import_seconds(5 if options.quick else 21)
    print(f"import: numpy {seconds['numpy'] * 1e3:.0f} ms", end=", ")
    print(f"tinygrad_loss {seconds['tinygrad_loss'] * 1e3:.0f} ms more\n", flush=True)
    if not options.quick:
        growth(rounds // 4)


def measured(tasks: list[str], only: list[str], rounds: int) -> list[measure.Result]:
    results = []
    for name in tasks:
        names = [peer for peer in only if peer in measure.builders(ALL_TASKS[name])]
        results.append(measure.time_and_memory(ALL_TASKS[name], names, rounds))
        print(f"{name}: measured", flush=True)
    return results


def growth(rounds: int) -> None:
    depths = [10, 100, 1_000, 10_000, 100_000]
    chains = [measure.depth_growth(depth, rounds=5) for depth in depths]
    print(report.depth_table(chains), end="\n\n", flush=True)
    widths = [Task(f"width {n}", (64, n, n, 10), 64) for n in (8, 32, 128, 512)]
    batches = [Task(f"batch {n}", (64, 128, 64, 10), n) for n in (1, 8, 64, 512, 4096)]
    for tasks in (widths, batches):
        print(report.ratio_table(measure.size_growth(tasks, OURS, rounds)), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
