"""Agreement, time, memory, growth and import time: plain numbers, no printing."""

import gc
import json
import os
import statistics
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from .peers import BASELINE, PEERS
from .recurrent import RECURRENT_PEERS, Sequences
from .tasks import Task

AnyTask = Task | Sequences
Step = Callable[[], object]


def use_one_core() -> None:
    """Keep the process on one core, where the system can: no setting stops JAX's threads."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def builders(task: AnyTask) -> dict[str, Callable[[Any], Step]]:
    return PEERS if isinstance(task, Task) else RECURRENT_PEERS


def first_losses(step: Step, count: int = 6) -> np.ndarray:
    return np.array([step().item() for _ in range(count)])


def build(task: AnyTask, names: list[str]) -> tuple[dict[str, Step], dict[str, str]]:
    """The steps by name, each found to compute the same losses; and why the others are absent."""
    steps, absent = {}, {}
    expected = first_losses(builders(task)[BASELINE](task))
    for name in names:
        try:
            step = builders(task)[name](task)
        except ImportError as error:
            absent[name] = str(error)
            continue
        np.testing.assert_allclose(
            first_losses(step), expected, rtol=1e-4, atol=1e-5, err_msg=f"{name} on {task.name}"
        )
        steps[name] = step
    return steps, absent


def interleaved(
    steps: dict[str, Step], rounds: int, block_seconds: float = 0.004
) -> dict[str, list[float]]:
    """Seconds per call, one sample per round: in each round every step runs in one short block.

    So what slows the machine for a while slows all of them alike, and a hiccup falls into one
    block, which the median leaves out.
    """
    calls = {}
    for name, step in steps.items():
        started = perf_counter()
        step()
        step()
        calls[name] = max(1, round(2 * block_seconds / (perf_counter() - started)))
    samples: dict[str, list[float]] = {name: [] for name in steps}
    names = list(steps)
    gc.collect()
    gc.freeze()  # else each collection walks through all that the peers have imported
    for n in range(rounds):
        first = n % len(names)  # nobody always runs behind the same neighbor
        for name in names[first:] + names[:first]:
            step, count = steps[name], calls[name]
            step()  # brings its code and data back into the caches
            started = perf_counter()
            for _ in range(count):
                step()
            samples[name].append((perf_counter() - started) / count)
    gc.unfreeze()
    return samples


@dataclass
class Result:
    """What was measured on one task, by name of the implementation."""

    task: AnyTask
    absent: dict[str, str]
    seconds: dict[str, float] = field(default_factory=dict)
    ratio: dict[str, float] = field(default_factory=dict)
    peak: dict[str, int] = field(default_factory=dict)


def time_and_memory(task: AnyTask, names: list[str], rounds: int) -> Result:
    steps, absent = build(task, [BASELINE, *(name for name in names if name != BASELINE)])
    samples = interleaved(steps, rounds)
    result = Result(task, absent)
    for name, times in samples.items():
        result.seconds[name] = statistics.median(times)
        result.ratio[name] = statistics.median(
            mine / by_hand for mine, by_hand in zip(times, samples[BASELINE], strict=True)
        )
    for name in steps:
        if name in NUMPY_BASED:
            result.peak[name] = peak_memory(task, name)
    return result


# tracemalloc sees what Python and NumPy allocate, and nothing of PyTorch's and JAX's own memory.
NUMPY_BASED = {
    BASELINE,
    "ours, eager",
    "ours, unrolled",
    "MyGrad",
    "tangent-ad",
    "DeZero",
    "autograd",
}


def peak_memory(task: AnyTask, name: str) -> int:
    """The most bytes held at once during a step, with parameters and batch."""
    gc.collect()
    tracemalloc.start()
    try:
        step = builders(task)[name](task)
        step()
        step()
        gc.collect()  # what tracing left behind is no part of a step
        tracemalloc.reset_peak()
        step()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@dataclass
class Growth:
    """Seconds for forward and backward through a chain of that many ops, on eight numbers."""

    depth: int
    eager: float
    tracing: float  # seconds for unroll() itself
    unrolled: float


def chain_of_ops(depth: int):
    """A Tensor, a factor, and a function that multiplies the Tensor by the factor so many times."""
    from tinygrad_loss import Tensor

    x = Tensor(np.ones(8), requires_grad=True)

    def chain(factor):
        y = x
        for _ in range(depth):
            y = y * factor
        return y.sum()

    return x, np.linspace(0.99999, 1.00001, 8), chain


def depth_growth(depth: int, rounds: int) -> Growth:
    from tinygrad_loss import unroll

    x, factor, chain = chain_of_ops(depth)

    def eager():
        chain(factor).backward()
        x.zero_grad()

    started = perf_counter()
    step = unroll(chain, factor, wrt=[x])
    tracing = perf_counter() - started
    samples = interleaved({"eager": eager, "unrolled": lambda: step(factor)}, rounds)
    return Growth(depth, tracing=tracing, **{k: statistics.median(v) for k, v in samples.items()})


def size_growth(tasks: list[Task], names: list[str], rounds: int) -> list[Result]:
    """The same steps on networks or batches of growing size."""
    return [time_and_memory(task, names, rounds) for task in tasks]


def import_seconds(repeats: int) -> dict[str, float]:
    """Median seconds to import NumPy in a fresh interpreter, and what tinygrad_loss then adds."""
    script = """
import json, time
start = time.perf_counter()
import numpy
middle = time.perf_counter()
import tinygrad_loss
print(json.dumps([middle - start, time.perf_counter() - middle]))
"""
    runs = [
        json.loads(
            subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout
        )
        for _ in range(repeats + 1)
    ][1:]  # the first one writes the bytecode
    by_numpy, added = zip(*runs, strict=True)
    return {"numpy": statistics.median(by_numpy), "tinygrad_loss": statistics.median(added)}
