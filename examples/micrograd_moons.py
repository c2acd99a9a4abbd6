# /// script
# requires-python = ">=3.10"
# dependencies = ["tinygrad_loss[examples]"]
# [tool.uv.sources]
# tinygrad_loss = { path = "..", editable = true }
# ///
"""Two moons: micrograd's published demo, number for number, with arrays instead of scalars.

Claim: an array engine computes what a scalar engine computes. The demo of micrograd (Karpathy
2020) separates two moons of 50 points each with a 2-16-16-1 ReLU network. It minimizes the hinge
loss of an SVM plus 1e-4 times the sum of all squared parameters, in 100 steps over all points, with
a learning rate that falls from 1 to 0.1. Drawing the same weights gives the same losses: step 0
0.8958441028683222, step 1 1.7235905336972022, step 99 0.010978370135492717, accuracy 100 %. The
last digits may differ, since arrays are summed in another order than scalars.

micrograd builds a node for every number, some 65,000 per step; with arrays there are 34.

In the picture: left, the two moons and the score of the network, whose sign is the class; the black
line is where it is 0, the thin ones where it is -1 and 1, the margin that the hinge loss asks for.
Right, the loss, with micrograd's at three steps. It jumps at first, for a learning rate of 1 is
large.

Run it with

    python examples/micrograd_moons.py

It takes two seconds, prints a table and saves examples/output/micrograd_moons.png.
"""

import random

import numpy as np
from _common import plt, print_table, run, save_figure
from sklearn.datasets import make_moons
from tqdm import trange

import tinygrad_loss as tl
from tinygrad_loss import nn, optim

PUBLISHED = {0: 0.8958441028683222, 1: 1.7235905336972022, 99: 0.010978370135492717}


def make_model():
    model = nn.MLP([2, 16, 16, 1], activation="relu", rng=np.random.default_rng(0))
    for layer in model.layers:
        if isinstance(layer, nn.Linear):
            n_in, n_out = layer.weight.shape
            # micrograd draws neuron by neuron, a column of the weights
            neurons = [[random.uniform(-1, 1) for _ in range(n_in)] for _ in range(n_out)]
            layer.weight.data = np.transpose(neurons)
    return model


def count_nodes(output):
    """How many Tensors the graph has: this one, and all that it was computed from."""
    seen, to_visit = set(), [output]
    while to_visit:
        node = to_visit.pop()
        if isinstance(node, tl.Tensor) and node not in seen:
            seen.add(node)
            to_visit.extend(node.origin[1] if node.origin else ())
    return len(seen)


def main(quick=False):
    """Train as micrograd's demo does; return the losses and the last accuracy."""
    random.seed(1337)
    np.random.seed(1337)
    X, y = make_moons(n_samples=100, noise=0.1)
    labels = 2 * y.reshape(-1, 1) - 1
    model = make_model()
    optimizer = optim.GD(model.parameters(), lr=1.0)

    losses = []
    for step in trange(100, desc="training", unit="step"):
        optimizer.zero_grad()
        scores = model(X)
        loss = tl.hinge(scores, labels) + tl.l2(model.parameters(), 1e-4)
        losses.append(loss.item())
        accuracy = float(np.mean((scores > 0) == (labels > 0)))
        loss.backward()
        optimizer.lr = optim.linear_decay(step, 100, start=1.0, end=0.1)
        optimizer.step()

    print()
    print_table(
        ("loss", "measured", "micrograd's demo"),
        [(f"step {k}", repr(losses[k]), repr(published)) for k, published in PUBLISHED.items()],
    )
    nodes = count_nodes(loss)
    print(f"accuracy at step 99: {accuracy:.0%}, micrograd's 100%; nodes in a graph: {nodes}")
    draw(model, X, y, losses)
    return {"losses": losses, "accuracy": accuracy, "nodes": nodes}


def draw(model, X, y, losses):
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), width_ratios=(1.3, 1))
    across, up = np.meshgrid(np.linspace(-1.6, 2.6, 300), np.linspace(-1.1, 1.9, 200))
    with tl.no_grad():
        scores = model(np.column_stack([across.ravel(), up.ravel()])).data.reshape(across.shape)
    left.contourf(across, up, scores, levels=[-1e9, 0, 1e9], colors=["#d6e6f5", "#fbe0d2"])
    lines = {"levels": [-1, 0, 1], "colors": "k", "linewidths": [0.7, 1.8, 0.7]}
    border = left.contour(across, up, scores, linestyles="-", **lines)
    left.clabel(border, fmt={-1: "-1", 0: "score 0", 1: "1"}, fontsize=8)
    for label, marker, color in ((0, "o", "tab:blue"), (1, "^", "tab:red")):
        points = X[y == label]
        left.plot(*points.T, marker, color=color, markersize=4, label=f"class {2 * label - 1:+d}")
    left.set(xlabel="$x_1$", ylabel="$x_2$")
    left.set_title("The border runs between the two moons")
    left.legend(loc="upper right", ncols=2)
    right.semilogy(losses)
    for step, published in PUBLISHED.items():
        right.plot(step, published, "o", color="tab:orange", fillstyle="none", markersize=8)
    right.plot([], [], "o", color="tab:orange", fillstyle="none", label="micrograd's demo")
    right.set(xlabel="step", ylabel="loss")
    right.set_title("The loss agrees with micrograd's")
    right.legend(loc="upper right")
    save_figure(figure, "micrograd_moons")


if __name__ == "__main__":
    run(main, __doc__)
