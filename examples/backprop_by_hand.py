"""Backprop by hand: the program that one would have written for XOR, written by the engine.

A net 2-2-1 learns exclusive or: 1 if exactly one of the two inputs is 1. No straight line separates
the ones from the zeros, so that the two hidden units are needed (Rumelhart, Hinton & Williams 1986
made this the first example of backprop).

``unroll`` writes the whole training step as a NumPy program without the engine: a line for each
operation, forward, then backward, then the update; d_h1 is the derivative of the loss with respect
to h1. Read it from the middle outwards: each part of the backward pass names the part of the
forward pass that it differentiates.

The script prints the program, compares its gradients with those of the engine and with differences
of the loss; then the text alone, as if it had been typed in, trains the net.

In the picture: left, the loss, trained by the program and by the engine. Right, the output of the
trained net over the square of the inputs.

Run it with

    python examples/backprop_by_hand.py

It takes three seconds, prints the program and two tables and saves
examples/output/backprop_by_hand.png.
"""

from time import perf_counter

import numpy as np
from _common import plt, print_table, run, save_figure
from tqdm import trange

from tinygrad_loss import gradients, mean_squared_error, unroll
from tinygrad_loss.nn import MLP
from tinygrad_loss.optim import GD

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
Y = np.array([[0.0], [1.0], [1.0], [0.0]])
LEARNING_RATE = 0.5


def net():
    return MLP([2, 2, 1], activation="tanh", rng=np.random.default_rng(1))


def by_the_engine(model):
    loss = mean_squared_error(model(X), Y)
    return loss.item(), [slope.data for slope in gradients(loss, model.parameters())]


def by_differences(model, h=1e-6):
    """Each derivative as the difference of two losses, divided by that of the parameter."""
    slopes = []
    for p in model.parameters():
        slope = np.empty(p.shape)
        for i in np.ndindex(*p.shape):
            losses = []
            for change in (h, -2 * h):
                p.data[i] += change
                losses.append(mean_squared_error(model(X), Y).item())
            p.data[i] += h
            slope[i] = (losses[0] - losses[1]) / (2 * h)
        slopes.append(slope)
    return slopes


def compare(model):
    """The largest difference of the program's gradients from the engine's, and from differences."""
    program = unroll(lambda x, y: mean_squared_error(model(x), y), wrt=model.parameters())
    loss, slopes = program(X, Y)
    expected_loss, expected = by_the_engine(model)
    rows, worst = [], [abs(loss - expected_loss)]
    for name, g, engine, difference in zip(
        ("W0", "b0", "W1", "b1"), slopes, expected, by_differences(model), strict=True
    ):
        errors = abs(g - engine).max(), abs(g - difference).max()
        rows.append((f"d_{name}", str(g.ravel().round(4)), *(f"{error:.0e}" for error in errors)))
        worst.append(errors[0])
    print_table(("", "by the program", "from the engine's", "from differences"), rows)
    return max(worst)


def train(step, steps):
    """The losses of so many steps, each made by a call."""
    return [float(step()) for _ in trange(steps, desc="descending", unit="step")]


def step_of_the_engine(model, optimizer):
    loss = mean_squared_error(model(X), Y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def main(quick=False):
    """Print, compare and run the program; return what was measured."""
    model = net()
    optimizer = GD(model.parameters(), lr=LEARNING_RATE)
    step = unroll(lambda x, y: mean_squared_error(model(x), y), X, Y, optimizer=optimizer)
    print(step.source)
    difference = compare(model)

    namespace = {}
    exec(step.source, namespace)
    program, arrays = namespace["step"], [p.data for p in model.parameters()]  # written in place
    steps, twin = 200 if quick else 500, net()
    twins = GD(twin.parameters(), lr=LEARNING_RATE)
    started = perf_counter()
    path = train(lambda: program(X, Y, *arrays, LEARNING_RATE), steps)
    middle = perf_counter()
    engine_path = train(lambda: step_of_the_engine(twin, twins), steps)
    seconds = middle - started, perf_counter() - middle
    print(f"\nAfter {steps} steps of gradient descent")
    outputs = [
        (f"output for {a:.0f}, {b:.0f}", *(f"{m([a, b]).item():.4f}" for m in (model, twin)))
        for a, b in X
    ]
    rows = [
        ("loss", f"{path[-1]:.3e}", f"{engine_path[-1]:.3e}"),
        *outputs,
        ("microseconds per step", *(f"{1e6 * s / steps:.0f}" for s in seconds)),
    ]
    print_table(("", "by the program", "by the engine"), rows)
    draw(path, engine_path, model)
    return {"source": step.source, "difference": difference, "path": path, "engine": engine_path}


def draw(path, engine_path, model):
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2))
    left.semilogy(engine_path, color="0.75", linewidth=4, label="the engine")
    left.semilogy(path, color="black", linewidth=1, label="the program")
    left.set(xlabel="step", ylabel="mean squared error", title="Both descend the same way")
    left.legend()

    ticks = np.linspace(-0.2, 1.2, 60)
    a, b = np.meshgrid(ticks, ticks)
    output = model(np.column_stack([a.ravel(), b.ravel()])).data.reshape(a.shape)
    shown = right.contourf(
        a, b, output, levels=np.linspace(-0.5, 1.5, 9), cmap="Greys", extend="both"
    )
    right.contour(a, b, output, levels=[0.5], colors="tab:blue", linestyles="-")
    for (x, y), target in zip(X, Y.ravel(), strict=True):
        right.text(x, y, f"{target:.0f}", ha="center", va="center", bbox={"fc": "white", "pad": 3})
    right.set(
        xlabel="first input", ylabel="second input", aspect="equal", xticks=(0, 1), yticks=(0, 1)
    )
    right.set_title("Its output; blue: 0.5")
    figure.colorbar(shown, ax=right, ticks=(0, 0.5, 1))
    save_figure(figure, "backprop_by_hand")


if __name__ == "__main__":
    run(main, __doc__)
