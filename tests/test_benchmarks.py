"""The benchmark compares like with like. What it times, it does not assert."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tinygrad_loss import unroll

from .benchmarks import measure, recurrent, report, tasks
from .benchmarks.peers import BASELINE, ON_REQUEST, PEERS, numpy_by_hand
from .benchmarks.tasks import TASKS, Task

SMALL = [TASKS["tiny"], Task("two", (9, 8, 5), 12), Task("three", (9, 8, 6, 5), 12)]
SHORT = [
    recurrent.Sequences(name, gates, time_steps=5, rows=4, inputs=2, hidden=3, classes=3)
    for name, gates in (("rnn", 1), ("lstm", 4))
]
ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("task", "name"),
    [
        (task, name)
        for task in SMALL + SHORT
        for name in sorted(set(measure.builders(task)) - {BASELINE} - ON_REQUEST)
        if name != "micrograd" or task.name == "tiny"
    ],
    ids=lambda x: x if isinstance(x, str) else x.name,
)
def test_all_implementations_compute_the_same_losses(task, name):
    steps, absent = measure.build(task, [name])
    if absent and not name.startswith("ours"):
        pytest.skip(f"{name}: {absent[name]}")
    assert list(steps) == [name], absent


def network(task, parameters, x):
    h = x
    for i in range(0, len(parameters), 2):
        h = h @ parameters[i] + parameters[i + 1]
        if i + 2 < len(parameters):
            h = np.maximum(h, 0)
    return h


def recurrent_network(task, parameters, x):
    ops = recurrent.Ops(np.tanh, lambda z: 1 / (1 + np.exp(-z)), lambda z: np.split(z, 4, axis=1))
    *cell, V, c = parameters
    return recurrent.last_state(task, ops, x, np.zeros((task.rows, task.hidden)), *cell) @ V + c


OUTPUT = {
    Task: (network, tasks.LEARNING_RATE),
    recurrent.Sequences: (recurrent_network, recurrent.LEARNING_RATE),
}


@pytest.mark.parametrize("task", SMALL + SHORT, ids=lambda task: task.name)
def test_the_step_by_hand_descends_along_the_slope(task):
    """Losses that agree would not show a mistake that all share: compare with differences."""
    first, second = measure.first_losses(measure.builders(task)[BASELINE](task), 2)
    output, learning_rate = OUTPUT[type(task)]
    x, target = (
        array.astype(float) if array.dtype.kind == "f" else array for array in task.batch()
    )
    parameters = [p.astype(float) for p in task.parameters()]

    def loss(parameters):
        h = output(task, parameters, x)
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
    after = [p - learning_rate * slope for p, slope in zip(parameters, slopes, strict=True)]
    np.testing.assert_allclose(second, loss(after), rtol=1e-5)
    assert abs(second - first) > 1e-3 * first


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


def test_a_chain_of_ops_stays_one_when_it_is_unrolled():
    """With numbers as factors it would be traced as a single product."""
    x, factor, chain = measure.chain_of_ops(20)
    source = unroll(chain, factor, wrt=[x]).source
    assert source.count("np.multiply(") >= 2 * 20 - 2
    growth = measure.depth_growth(20, rounds=1)
    assert min(growth.eager, growth.tracing, growth.unrolled) > 0
    assert report.depth_table([growth]).splitlines()[2].startswith("| 20 ")


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


def test_the_chart_is_drawn_for_the_width_of_a_page_and_breaks_what_is_too_long(tmp_path):
    ratios = {BASELINE: 1.0, "ours, eager": 2.2, "autograd": 13.5, "micrograd": 2499.0}
    seconds = {name: 45e-6 * ratio for name, ratio in ratios.items()}
    shorter = {name: ratio for name, ratio in ratios.items() if name != "micrograd"}
    results = [
        measure.Result(task, {}, seconds, timed)
        for task, timed in zip(SMALL, (ratios, shorter, ratios), strict=True)
    ]
    figure = report.chart(results, tmp_path / "chart.png")
    assert int.from_bytes((tmp_path / "chart.png").read_bytes()[16:20], "big") == 2 * 800
    assert figure.axes[0].get_xlim()[1] < report.LONGEST
    words = [[text.get_text() for text in axis.texts] for axis in figure.axes]
    assert ["2,499" in panel for panel in words] == [True, False, True, False]
    assert "not timed" in words[1]
    assert figure.get_suptitle() == "Where NumPy by hand takes 1: eager 2.20 to 2.20"


def test_one_command_prints_tables_and_writes_the_chart(tmp_path):
    command = ["-m", "tests.benchmarks", "--quick", "--sizes", "tiny", "rnn", "--only"]
    result = subprocess.run(
        [sys.executable, "-W", "error", *command, "ours, eager", "--output", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "| ours, eager " in result.stdout
    assert "tiny 2-16-16-1, 32 rows" in result.stdout
    assert "rnn 8-32-10, 16 time steps, 32 rows" in result.stdout
    assert "import: numpy" in result.stdout
    assert (tmp_path / "benchmark.png").read_bytes().startswith(b"\x89PNG")
