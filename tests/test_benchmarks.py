"""The benchmark compares like with like. What it times, it does not assert."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from .benchmarks import measure, report
from .benchmarks.peers import BASELINE, ON_REQUEST, PEERS, numpy_by_hand
from .benchmarks.tasks import TASKS, Task

SMALL = [TASKS["tiny"], Task("small", (9, 8, 6, 5), 12)]
ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("task", SMALL, ids=lambda task: task.name)
@pytest.mark.parametrize("name", sorted(set(PEERS) - {BASELINE} - ON_REQUEST))
def test_all_implementations_compute_the_same_losses(name, task):
    if name == "micrograd" and task.name != "tiny":
        return
    steps, absent = measure.build(task, [name])
    if absent and not name.startswith("ours"):
        pytest.skip(f"{name}: {absent[name]}")
    assert list(steps) == [name], absent


@pytest.mark.parametrize("task", SMALL, ids=lambda task: task.name)
def test_the_step_by_hand_descends_along_the_slope(task):
    """Losses that agree would not show a mistake that all share: compare with differences."""
    first, second = measure.first_losses(numpy_by_hand(task), 2)
    x, target = (
        array.astype(float) if array.dtype.kind == "f" else array for array in task.batch()
    )
    parameters = [p.astype(float) for p in task.parameters()]

    def loss(parameters):
        h = x
        for i in range(0, len(parameters), 2):
            h = h @ parameters[i] + parameters[i + 1]
            if i + 2 < len(parameters):
                h = np.maximum(h, 0)
        if not task.classifies:
            return ((h - target) ** 2).mean()
        return (np.log(np.exp(h).sum(axis=1)) - h[np.arange(len(h)), target]).mean()

    np.testing.assert_allclose(first, loss(parameters), rtol=1e-5)
    slopes = []
    for p in parameters:
        slope = np.empty_like(p)
        for index in np.ndindex(p.shape):
            kept = p[index]
            p[index] = kept + 1e-6
            up = loss(parameters)
            p[index] = kept - 1e-6
            slope[index] = (up - loss(parameters)) / 2e-6
            p[index] = kept
        slopes.append(slope)
    after = [p - 0.05 * slope for p, slope in zip(parameters, slopes, strict=True)]
    np.testing.assert_allclose(second, loss(after), rtol=1e-5)


def test_an_implementation_that_computes_something_else_is_refused(monkeypatch):
    def wrong(task):
        step = numpy_by_hand(task)
        return lambda: step() * np.float32(1.001)

    monkeypatch.setitem(PEERS, "wrong", wrong)
    with pytest.raises(AssertionError, match="wrong on tiny"):
        measure.build(TASKS["tiny"], ["wrong"])


def test_a_missing_library_is_reported(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    steps, absent = measure.build(TASKS["tiny"], ["PyTorch eager"])
    assert not steps
    assert "torch" in absent["PyTorch eager"]


def test_interleaved_takes_one_sample_of_each_step_in_each_round():
    calls = []
    steps = {name: lambda name=name: calls.append(name) for name in "ab"}
    samples = measure.interleaved(steps, rounds=3, block_seconds=0)
    assert {name: len(times) for name, times in samples.items()} == {"a": 3, "b": 3}
    # Two calls to see how long they take; then one to warm up and one that counts, in turns.
    assert "".join(calls) == "aabb" + "aabb" + "bbaa" + "aabb"


def test_peak_memory_counts_parameters_gradients_and_batch():
    task = Task("square", (300, 300, 300, 1), 4)
    held = 4 * (2 * 300 * 300)
    peak = measure.peak_memory(task, BASELINE)
    # Weights and their gradients, and the one product lr * gradient that lives at a time.
    assert 2 * held < peak < 3 * held


def test_durations_and_tables_are_readable():
    assert [report.duration(t) for t in (2.5, 0.0125, 3.7e-5, 8e-8)] == [
        "2.5 s",
        "12.5 ms",
        "37 us",
        "80 ns",
    ]
    assert report.table(["name", "x"], [["a", "10"], ["long one", "2"]]).splitlines() == [
        "| name     |  x |",
        "| -------- | -: |",
        "| a        | 10 |",
        "| long one |  2 |",
    ]


def test_one_command_prints_tables_and_writes_the_chart(tmp_path):
    command = ["-m", "tests.benchmarks", "--quick", "--sizes", "tiny", "--only"]
    result = subprocess.run(
        [sys.executable, "-W", "error", *command, "ours, eager", "--output", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "| ours, eager " in result.stdout
    assert "tiny 2-16-16-1, 32 rows" in result.stdout
    assert "import: numpy" in result.stdout
    assert (tmp_path / "benchmark.png").read_bytes().startswith(b"\x89PNG")
