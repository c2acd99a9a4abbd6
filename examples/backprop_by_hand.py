# /// script
# requires-python = ">=3.10"
# dependencies = ["tinygrad_loss[examples]"]
# [tool.uv.sources]
# tinygrad_loss = { path = "..", editable = true }
# ///
"""Backprop by hand: the program that one would have written for XOR, written by the engine.

A net 2-2-1 is to learn exclusive or: 1 if exactly one of the two inputs is 1. No straight line
separates the ones from the zeros, so that the two hidden units are needed (Rumelhart, Hinton &
Williams 1986 made this the first example of backprop).

``unroll`` writes the whole training step as a NumPy program without the engine: a line for each
operation, forward, then backward, then the update; d_h1 is the derivative of the loss with respect
to h1. Read it from the middle outwards: each part of the backward pass names the part of the
forward pass that it differentiates.

The script prints the program, compares its gradients with those of the engine and with differences
of the loss; then the text alone, as if it had been typed in, trains nets from 20 seeds, and the
engine does the same. The two agree in all 20.

Right gradients do not make every net learn: in 500 steps 17 of the 20 learn XOR. In the other three
the loss is near 1/8: two of the four answers are right, and the other two are 1/2. With 20,000
steps one of the three learns, too.

In the picture: left, the losses of all nets by the program, and as dots those of seed 1 by the
engine. Right, the output of the net of seed 1 over the square of the inputs.

Run it with

    python examples/backprop_by_hand.py

It takes five seconds, prints the program and three tables and saves
examples/output/backprop_by_hand.png.
"""

from time import perf_counter

import numpy as np
from _common import DASHES, plt, print_table, run, save_figure
from tqdm import tqdm

import tinygrad_loss as tl
from tinygrad_loss import nn, optim

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
Y = np.array([[0.0], [1.0], [1.0], [0.0]])
LEARNING_RATE, STEPS, SEEDS = 0.5, 500, 20
LEARNED = 1e-3  # a net with a smaller loss has learned XOR
SHOWN = 1  # the seed of the net whose gradients and outputs are printed


def new_net(seed):
    return nn.MLP([2, 2, 1], activation="tanh", rng=np.random.default_rng(seed))


def by_differences(model, h=1e-6):
    """Each derivative as the difference of two losses, divided by that of the parameter."""
    slopes = []
    for p in model.parameters():
        slope = np.empty(p.shape)
        for i in np.ndindex(*p.shape):
            losses = []
            for change in (h, -2 * h):
                p.data[i] += change
                losses.append(tl.mean_squared_error(model(X), Y).item())
            p.data[i] += h
            slope[i] = (losses[0] - losses[1]) / (2 * h)
        slopes.append(slope)
    return slopes


def compare(model):
    """How far the program's gradients are from the engine's, and from differences, at most."""
    program = tl.unroll(lambda x, y: tl.mean_squared_error(model(x), y), wrt=model.parameters())
    _, slopes = program(X, Y)
    expected = tl.gradients(tl.mean_squared_error(model(X), Y), model.parameters())
    rows, errors = [], []
    for name, g, engine, difference in zip(
        ("W0", "b0", "W1", "b1"), slopes, expected, by_differences(model), strict=True
    ):
        errors.append((abs(g - engine.data).max(), abs(g - difference).max()))
        rows.append((f"d_{name}", str(g.ravel().round(4)), *(f"{e:.0e}" for e in errors[-1])))
    print_table(("", "by the program", "from the engine's", "from differences"), rows)
    return np.max(errors, axis=0)


def train_by_program(program, model):
    """The loss at each step of a program that writes into the parameters' arrays."""
    arrays = [p.data for p in model.parameters()]
    return [float(program(X, Y, *arrays, LEARNING_RATE)) for _ in range(STEPS)]


def train_by_engine(model):
    optimizer, path = optim.GD(model.parameters(), LEARNING_RATE), []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = tl.mean_squared_error(model(X), Y)
        loss.backward()
        optimizer.step()
        path.append(loss.item())
    return path


def timed(train, seeds):
    """A path for each seed, and the microseconds per step."""
    started = perf_counter()
    paths = np.array([train(seed) for seed in tqdm(seeds, desc="descending", unit="net")])
    return paths, 1e6 * (perf_counter() - started) / paths.size


def main(quick=False):
    """Print, compare and run the program; return what was measured."""
    model = new_net(SHOWN)
    optimizer = optim.GD(model.parameters(), lr=LEARNING_RATE)
    step = tl.unroll(lambda x, y: tl.mean_squared_error(model(x), y), X, Y, optimizer=optimizer)
    print(step.source)
    errors = compare(model)

    namespace = {}
    exec(step.source, namespace)
    program = namespace["step"]
    nets = [new_net(seed) for seed in range(SEEDS)]
    paths, fast = timed(lambda seed: train_by_program(program, nets[seed]), range(SEEDS))
    twins = [new_net(seed) for seed in range(4 if quick else SEEDS)]
    engine, slow = timed(lambda seed: train_by_engine(twins[seed]), range(len(twins)))
    outputs = [net(X).data.ravel() for net in (nets[SHOWN], twins[SHOWN])]
    print(f"\nAfter {STEPS} steps of gradient descent from seed {SHOWN}")
    rows = [("loss", f"{paths[SHOWN, -1]:.3e}", f"{engine[SHOWN, -1]:.3e}")]
    for (a, b), *both in zip(X, *outputs, strict=True):
        rows.append((f"output for {a:.0f}, {b:.0f}", *(f"{output:.4f}" for output in both)))
    rows.append(("microseconds per step", f"{fast:.0f}", f"{slow:.0f}"))
    print_table(("", "by the program", "by the engine"), rows)

    apart = abs(paths[: len(engine)] - engine).max()
    print(f"From {SEEDS} seeds: the losses of program and engine differ by {apart:.0e} at most")
    last, learned = paths[:, -1], paths[:, -1] < LEARNED
    rows = [
        (name, str(len(x)), f"{x.min():.1e}", f"{x.max():.1e}")
        for name, x in (("learn XOR", last[learned]), ("do not", last[~learned]))
    ]
    print_table(("", "nets", "smallest loss", "largest loss"), rows)
    draw(paths, engine, nets[SHOWN])
    return {
        "source": step.source, "errors": errors, "paths": paths, "engine": engine,
        "outputs": outputs[0],
    }  # fmt: skip


def draw(paths, engine, model):
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2))
    learned = paths[:, -1] < LEARNED
    one, *_ = left.semilogy(paths[learned].T, color="0.6", linewidth=0.8, linestyle="-")
    other, *_ = left.semilogy(paths[~learned].T, color="tab:orange", linestyle=DASHES[2])
    (dots,) = left.semilogy(engine[SHOWN], "o", color="black", markersize=4, markevery=20)
    left.set(xlabel="step", ylabel="mean squared error", ylim=(1e-13, 10))
    left.set_title(f"{learned.sum()} of {len(paths)} nets learn XOR, {(~learned).sum()} do not")
    left.legend((one, other, dots), ("learned", "not learned", "engine, seed 1"), loc="lower left")

    ticks = np.linspace(-0.2, 1.2, 60)
    a, b = np.meshgrid(ticks, ticks)
    output = model(np.column_stack([a.ravel(), b.ravel()])).data.reshape(a.shape)
    levels = np.linspace(-0.5, 1.5, 9)
    shown = right.contourf(a, b, output, levels=levels, cmap="Greys", extend="both")
    right.contour(a, b, output, levels=[0.5], colors="tab:blue", linestyles="-")
    for (x, y), target in zip(X, Y.ravel(), strict=True):
        right.text(x, y, f"{target:.0f}", ha="center", va="center", bbox={"fc": "white", "pad": 3})
    right.set(xlabel="first input", ylabel="second input", aspect="equal")
    right.set(xticks=(0, 1), yticks=(0, 1))
    right.set_title("Above 0.5 between the blue lines")
    figure.colorbar(shown, ax=right, ticks=(0, 0.5, 1))
    save_figure(figure, "backprop_by_hand")


if __name__ == "__main__":
    run(main, __doc__)
