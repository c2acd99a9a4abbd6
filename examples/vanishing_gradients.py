# /// script
# requires-python = ">=3.10"
# dependencies = ["tinygrad_loss[examples]"]
# [tool.uv.sources]
# tinygrad_loss = { path = "..", editable = true }
# ///
"""Why nets have activations, why a sigmoid's gradient vanishes with depth, and how ReLUs die.

Each number is measured with five seeds, which draw the data and the weights.

1. Without an activation depth is no use: linear maps one after the other are one linear map. On
   two moons four layers are right as often as logistic regression, and with ReLUs always.
2. The slope of a sigmoid is 1/4 at most, so each layer of them leaves less of the gradient
   (Hochreiter 1991; Glorot & Bengio 2010). Through ReLUs it comes whole, if weights are drawn to
   match (He et al. 2015). So it does through tanh with Glorot's weights: what counts is the slope
   at 0, which is 1 there.
3. A ReLU that is off for every sample gets no gradient: it is dead, unless a change of the layers
   before it switches it on again. Too large a learning rate kills ReLUs, and so does a negative
   bias. In between, how many die is a matter of the seed.
4. ``watch`` says which layer gets no gradient, and why.

In the picture: left, the gradient on its way back from layer 20 to layer 1. With sigmoids it falls
straight down on the logarithmic axis, by the same factor at each layer. Middle and right, the dead
among the ReLUs of a net with two layers of them. Points are medians, bars go from the smallest to
the largest.

Run it with

    python examples/vanishing_gradients.py

It takes ten seconds, prints its numbers, and saves examples/output/vanishing_gradients.png, and
dying_relus.png, which is what ``watched.plot()`` draws of 30 steps with the learning rate 3: when
the last ReLU of the second layer dies, the layers before it get no gradient any more.
"""

import numpy as np
from _common import plt, print_table, run, save_figure, spread
from sklearn.datasets import load_digits, make_moons
from sklearn.linear_model import LogisticRegression
from tqdm import tqdm

import tinygrad_loss as tl
from tinygrad_loss import nn, optim

IMAGES, DIGITS = load_digits(return_X_y=True)
ACTIVATIONS = ("sigmoid", "tanh", "relu")
DEPTHS = (2, 5, 10, 20)
RATES = (0.03, 0.1, 0.3, 1, 3, 10)
BIASES = (0.0, -0.25, -0.5, -1.0, -1.5, -2.0, -3.0)


def moons_accuracies(seed, steps):
    """How often four layers, without activation and with ReLUs, and a linear model are right."""
    X, y = make_moons(200, noise=0.1, random_state=seed)
    found = []
    for activation in (lambda h: h, "relu"):
        rng = np.random.default_rng(seed)
        net = nn.MLP([2, 16, 16, 16, 1], activation=activation, rng=rng)
        optimizer = optim.Adam(net.parameters(), lr=0.01)
        for _ in range(steps):
            optimizer.zero_grad()
            tl.binary_cross_entropy_with_logits(net(X).reshape(-1), y).backward()
            optimizer.step()
        found.append(np.mean((net(X).data[:, 0] > 0) == y))
    return [*found, LogisticRegression(C=1e6).fit(X, y).score(X, y)]


def digits_and_net(seed, activation="relu", depth=3):
    """256 images of digits, and a net with random weights."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(IMAGES))[:256]
    sizes = [*[64] * depth, 10]
    return IMAGES[rows] / 16, DIGITS[rows], nn.MLP(sizes, activation=activation, rng=rng)


def gradients_by_layer(seed, activation, depth):
    """The norm of the gradient of each layer's parameters, before any training."""
    X, y, net = digits_and_net(seed, activation, depth)
    with tl.watch(net) as watched:
        tl.cross_entropy(net(X), y).backward()
    return [layer.weight_gradient for layer in watched.layers if layer.kind == "Linear"]


def train(net, X, y, lr, steps):
    optimizer = optim.SGD(net.parameters(), lr)
    for _ in range(steps):
        optimizer.zero_grad()
        tl.cross_entropy(net(X), y).backward()
        optimizer.step()


def dead(seed, lr=1.0, steps=0, bias=0.0):
    """The share of dead ReLUs in the first and in the second layer of them, after training."""
    X, y, net = digits_and_net(seed)
    for layer in (net.layers[0], net.layers[2]):
        layer.bias.data += bias
    train(net, X, y, lr, steps)
    with tl.watch(net) as watched:
        net(X)
    return [layer.dead for layer in watched.layers if layer.kind == "ReLU"]


def main(quick=False):
    """Run all four, print, draw, return the numbers, a row for each seed."""
    seeds, depths = (range(2), (2, 20)) if quick else (range(5), DEPTHS)
    moons = np.array([moons_accuracies(seed, 100 if quick else 300) for seed in seeds])
    print("\nFour layers on two moons: the share that is right, median (smallest to largest)")
    names = ("no activation", "ReLU", "logistic regression")
    rows = [(name, spread(found, ".3f")) for name, found in zip(names, moons.T, strict=True)]
    print_table(("", "measured"), rows)

    norms = {
        (f, d): np.array([gradients_by_layer(seed, f, d) for seed in seeds])
        for f in ACTIVATIONS
        for d in depths
    }
    shares = {key: found[:, 0] / found[:, -1] for key, found in norms.items()}
    print("Gradient at the first layer / at the last, before training")
    rows = [(str(d), *(spread(shares[f, d], ".3g") for f in ACTIVATIONS)) for d in depths]
    print_table(("layers", *ACTIVATIONS), rows)

    rates, steps = (RATES[1::2], 30) if quick else (RATES, 200)
    every = tqdm(rates, desc="learning rates")
    by_rate = {r: 100 * np.array([dead(seed, r, steps) for seed in seeds]) for r in every}
    by_bias = {b: 100 * np.array([dead(seed, bias=b) for seed in seeds]) for b in BIASES}
    print("\nDead ReLUs in percent, in the first layer of them and in the second")
    rows = [(f"after {steps} steps, learning rate {r:g}", found) for r, found in by_rate.items()]
    rows += [(f"bias {b:g}, before training", found) for b, found in by_bias.items()]
    rows = [(name, *(spread(layer, ".0f") for layer in found.T)) for name, found in rows]
    print_table(("", "first", "second"), rows)
    draw({f: norms[f, 20] for f in ACTIVATIONS}, by_rate, by_bias)

    X, y, net = digits_and_net(seed=1)
    with tl.watch(net) as watched:
        train(net, X, y, lr=3.0, steps=30)
    figure = watched.plot()
    for axis in figure.axes:
        axis.set_xticks((0, 10, 20, 30))
        axis.minorticks_off()
    save_figure(figure, "dying_relus")
    return {
        "moons": moons, "shares": shares, "rate": by_rate, "bias": by_bias,
        "died": watched.layers, "why": why_no_gradient(X, y),
    }  # fmt: skip


def why_no_gradient(X, y):
    """What watch says of a net that is cut in two."""
    rng = np.random.default_rng(0)
    cut = nn.Sequential(nn.Linear(64, 16, rng=rng), lambda h: h.data, nn.Linear(16, 10, rng=rng))
    with tl.watch(cut) as watched:
        tl.cross_entropy(cut(X), y).backward()
    print(f"\nA net with `h.data` between two layers, as watch sees it\n{watched}\n")
    return watched.problems


def draw(norms, by_rate, by_bias):
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(8, 3))
    for activation, found in norms.items():
        name = "ReLU" if activation == "relu" else activation
        left.semilogy(range(1, found.shape[1] + 1), np.median(found, axis=0), label=name)
    left.set(xlabel="layer", ylabel="norm of the gradient", xticks=(1, 10, 20))
    left.set_yticks((1, 1e-4, 1e-8, 1e-12))
    left.set_title("Sigmoids lose the gradient")
    left.legend(loc="lower right")
    middle.set(xscale="log", xlabel="learning rate")
    middle.set_xticks([0.1, 1, 10], ["0.1", "1", "10"])
    middle.set_title("Large steps kill ReLUs")
    right.set(xlabel="bias before training", xticks=(0, -1, -2, -3))
    right.set_title("Negative biases kill ReLUs")
    for axis, found in ((middle, by_rate), (right, by_bias)):
        for i, (name, marker) in enumerate((("first layer", "o"), ("second layer", "s"))):
            percent = np.array([of_seeds[:, i] for of_seeds in found.values()])
            m = np.median(percent, axis=1)
            bars = m - percent.min(axis=1), percent.max(axis=1) - m
            axis.errorbar(list(found), m, bars, marker=marker, markersize=4, label=name)
        axis.set(ylim=(-4, 104), yticks=(0, 50, 100))
    middle.set_ylabel("dead ReLUs (%)")
    right.tick_params(labelleft=False)
    right.invert_xaxis()
    right.legend(loc="lower right")
    for axis in figure.axes:
        axis.minorticks_off()
    save_figure(figure, "vanishing_gradients")


if __name__ == "__main__":
    run(main, __doc__)
