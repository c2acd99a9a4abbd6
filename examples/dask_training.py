# /// script
# requires-python = ">=3.10"
# dependencies = ["tinygrad_loss[examples]"]
# [tool.uv.sources]
# tinygrad_loss = { path = "..", editable = true }
# ///
"""Data larger than memory: the same losses and the same net, on Dask's arrays.

Claim: nothing in the library is about NumPy's arrays in particular. Its functions are NumPy
functions, and NumPy hands them on to whatever array they meet. Given a Dask array, which is a plan
of chunks that are still to be computed, the loss and the gradients become plans too, and Dask's
scheduler works them off chunk by chunk, on all cores, or on a cluster: with

    from dask.distributed import Client
    client = Client("address of the scheduler")

before the training, and no other change.

A teacher labels random points; a net learns from the points what the teacher knows. The points are
never there all at once: each chunk is drawn when it is needed, used, and forgotten. In one step of
training, ``dask.compute`` brings in the loss and all gradients together, so that it goes through
the data once; the check that all labels are classes goes through them first. The parameters are
small and stay NumPy arrays.

The script first shows on some of the data that loss and gradients are those of NumPy, then trains,
and measures how much memory it takes: a few chunks for each core, so that this number and the time
are the machine's. In the picture: the loss against the steps.

Run it with

    python examples/dask_training.py

It takes about a minute, prints a table and saves examples/output/dask_training.png.
"""

import tracemalloc

import dask
import dask.array as da
import numpy as np
from _common import plt, print_table, run, save_figure
from tqdm import trange

import tinygrad_loss as tl
from tinygrad_loss import nn, optim

FEATURES, CLASSES = 20, 3


def points(n, rows_per_chunk):
    """Labeled points, of which no number is computed yet."""
    rng = np.random.default_rng(0)
    A, B = rng.standard_normal((FEATURES, 4)), rng.standard_normal((4, CLASSES))
    x = da.random.default_rng(1).standard_normal((n, FEATURES), chunks=(rows_per_chunk, FEATURES))
    return x.astype(np.float32), da.argmax(np.tanh(x @ A) @ B, axis=1)


def loss_and_gradients(model, x, y):
    """The loss and its gradients, which are plans if x and y are: compute them all at once."""
    loss = tl.cross_entropy(model(x), y)
    slopes = tl.gradients(loss, model.parameters())
    return dask.compute(loss.data, *(slope.data for slope in slopes))


def train(model, x, y, steps):
    """Full-batch training: every step goes through all the data; yield the loss before it."""
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    for _ in trange(steps, desc="training", unit="pass"):
        loss, *slopes = loss_and_gradients(model, x, y)  # new ones: no zero_grad() is needed
        for p, g in zip(model.parameters(), slopes, strict=True):
            p.grad = g
        optimizer.step()
        yield float(loss)


def main(quick=False):
    """Compare with NumPy, train, and return what was measured."""
    n, rows, steps = (96_000, 8_000, 1) if quick else (2_000_000, 50_000, 20)
    model = nn.MLP([FEATURES, 16, CLASSES], rng=np.random.default_rng(2), dtype=np.float32)
    exact = nn.MLP([FEATURES, 16, CLASSES], rng=np.random.default_rng(2))  # in float64
    x, y = points(n, rows)
    part = x[: 3 * rows].astype(np.float64), y[: 3 * rows]
    lazy, eager = loss_and_gradients(exact, *part), loss_and_gradients(exact, *dask.compute(*part))
    difference = max(abs(a - b).max() for a, b in zip(lazy, eager, strict=True))

    training = train(model, x, y, steps)
    tracemalloc.start()
    path = [next(training)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()  # it slows training down
    path += training
    with tl.no_grad():
        logits = model(x)
        right = (logits.argmax(axis=1) == y).mean()
        after, accuracy = map(float, dask.compute(tl.cross_entropy(logits, y).data, right))
    path.append(after)
    print(f"\n{n:,} points in {x.numblocks[0]} chunks of {rows:,}\n")
    print_table(
        ("", "measured"),
        [
            ("largest difference from NumPy's loss and gradients", f"{difference:.1e}"),
            ("loss before and after training", f"{path[0]:.4f}, {path[-1]:.4f}"),
            ("share of points labeled as the teacher does", f"{accuracy:.4f}"),
            ("size of the data", f"{x.nbytes / 1e6:.0f} MB"),
            ("most memory in use in the first step", f"{peak / 1e6:.0f} MB"),
        ],
    )
    draw(path, x.numblocks[0])
    return {
        "difference": difference, "losses": path, "accuracy": accuracy,
        "bytes": x.nbytes, "peak": peak,
    }  # fmt: skip


def draw(path, chunks):
    figure, axis = plt.subplots(figsize=(8, 3))
    axis.plot(path, marker="o", markersize=3)
    axis.axhline(np.log(CLASSES), color="0.6", linewidth=1, linestyle="-")
    axis.text(
        len(path) - 1, np.log(CLASSES), "guessing: ln 3", ha="right", va="bottom", color="0.4"
    )
    axis.set(xlabel=f"steps, each a pass through all {chunks} chunks", ylabel="cross-entropy")
    axis.set_ylim(0, 1.9)
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.set_title("The net learns, and never has all data in memory")
    save_figure(figure, "dask_training")


if __name__ == "__main__":
    run(main, __doc__)
