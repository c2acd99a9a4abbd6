"""Why nets have activations, why a sigmoid's gradient vanishes with depth, and how ReLUs die.

Claims, each with its number:

1. Without an activation depth is no use: linear maps one after the other are one linear map. On
   two moons four layers are right as often as logistic regression, and with ReLUs always.
2. The slope of a sigmoid is 1/4 at most, so each layer of them leaves less of the gradient
   (Hochreiter 1991; Glorot & Bengio 2010). Through ReLUs it comes whole, if weights are drawn to
   match (He et al. 2015). So it does through tanh with Glorot's weights: what counts is the slope
   at 0, which is 1 there.
3. A ReLU that is off for every sample gets no gradient, so it stays off: it is dead. Too large a
   learning rate kills them, and so does a negative bias.
4. ``watch`` says which layer gets no gradient, and why.

In the picture: left, the gradient on its way back from layer 20 to layer 1. With sigmoids it falls
straight down on the logarithmic axis, by the same factor at each layer. Middle and right, the
share of dead ReLUs: a few at first, most at a learning rate above 1 or biases below -1.

Run it with

    python examples/vanishing_gradients.py

It takes ten seconds, prints its numbers, and saves examples/output/vanishing_gradients.png, and
dying_relus.png, which is what ``watched.plot()`` draws of a net at the learning rate 2: within 60
steps all ReLUs of its second layer are dead, and the gradient in front of them is 0.
"""

import matplotlib.pyplot as plt
import numpy as np
from _common import print_table, run, save_figure
from sklearn.datasets import load_digits, make_moons
from sklearn.linear_model import LogisticRegression
from tqdm import tqdm

from tinygrad_loss import watch
from tinygrad_loss.losses import binary_cross_entropy_with_logits, cross_entropy
from tinygrad_loss.nn import MLP, Linear, Sequential
from tinygrad_loss.optim import SGD, Adam

DEPTHS = (2, 5, 10, 20)
RATES = (0.01, 0.03, 0.1, 0.3, 1, 3, 10)
BIASES = (0.0, -0.25, -0.5, -1.0, -1.5, -2.0, -3.0, -4.0)


def moons_accuracy(activation, depth, steps):
    """How often a net is right about the points that it was trained on."""
    X, y = make_moons(200, noise=0.1, random_state=0)
    sizes = [2, *[16] * (depth - 1), 1]
    net = MLP(sizes, activation=activation, rng=np.random.default_rng(0))
    optimizer = Adam(net.parameters(), lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        binary_cross_entropy_with_logits(net(X).reshape(-1), y).backward()
        optimizer.step()
    return float(np.mean((net(X).data[:, 0] > 0) == y))


def gradients_by_layer(activation, depth, X, y):
    """The norm of the gradient of each Linear layer's parameters, in an untrained net."""
    sizes = [64, *[64] * (depth - 1), 10]
    net = MLP(sizes, activation=activation, rng=np.random.default_rng(0))
    with watch(net) as watched:
        cross_entropy(net(X), y).backward()
    return [layer.weight_gradient for layer in watched.layers if layer.kind == "Linear"]


def train_watched(X, y, lr, steps, bias=0.0):
    """A net with two layers of ReLUs, watched at each step."""
    net = MLP([64, 64, 64, 10], activation="relu", rng=np.random.default_rng(0))
    for layer in (net.layers[0], net.layers[2]):
        layer.bias.data += bias
    optimizer = SGD(net.parameters(), lr)
    watched = watch(net)
    for _ in range(steps):
        with watched:
            optimizer.zero_grad()
            cross_entropy(net(X), y).backward()
            optimizer.step()
    return watched


def dead(watched):
    """The share of dead ReLUs in the first and in the second layer of them."""
    return [layer.dead for layer in watched.layers if layer.kind == "ReLU"]


def main(quick=False):
    """Run all four, print, draw, return the numbers."""
    X, y = load_digits(return_X_y=True)
    X, y, steps = X[:256] / 16, y[:256], 50 if quick else 200
    moons, labels = make_moons(200, noise=0.1, random_state=0)
    logistic = LogisticRegression(C=1e6).fit(moons, labels).score(moons, labels)
    linear = moons_accuracy(lambda h: h, 4, steps=300 if quick else 1000)
    with_relu = moons_accuracy("relu", 4, steps=300 if quick else 1000)
    print("\nFour layers on two moons: the share that is right")
    rows = [("no activation", linear, logistic), ("ReLU", with_relu, 1.0)]
    print_table(("activation", "measured", "reference: logistic regression, all"), rows)

    activations = ("sigmoid", "tanh", "relu")
    back = {(f, d): gradients_by_layer(f, d, X, y) for f in activations for d in DEPTHS}
    shares = {key: norms[0] / norms[-1] for key, norms in back.items()}
    print("Gradient at the first layer / at the last, by depth")
    rows = [(f, *(f"{shares[f, d]:.2g}" for d in DEPTHS)) for f in activations]
    print_table(("activation", *map(str, DEPTHS)), rows)

    by_rate = {r: dead(train_watched(X, y, r, steps)) for r in tqdm(RATES, desc="learning rates")}
    by_bias = {bias: dead(train_watched(X, y, 0.1, 1, bias)) for bias in BIASES}
    print("\nDead ReLUs in the first layer of them and in the second")
    rows = [(f"learning rate {r}", *(f"{x:.0%}" for x in found)) for r, found in by_rate.items()]
    rows += [(f"bias {b:g} at first", *(f"{x:.0%}" for x in found)) for b, found in by_bias.items()]
    print_table(("", "first", "second"), rows)

    rng = np.random.default_rng(0)
    cut = Sequential(Linear(64, 16, rng=rng), lambda h: h.data, Linear(16, 10, rng=rng))
    with watch(cut) as watched:
        cross_entropy(cut(X), y).backward()
    print("A net with `h.data` between two layers, as watch sees it")
    print(f"{watched}\n")

    draw({f: back[f, DEPTHS[-1]] for f in activations}, by_rate, by_bias)
    save_figure(train_watched(X, y, 2.0, steps).plot(), "dying_relus")
    names = {"accuracy": {"linear": linear, "relu": with_relu, "logistic": logistic}}
    return names | {"shares": shares, "rate": by_rate, "bias": by_bias, "why": watched.problems}


def draw(back, by_rate, by_bias):
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(9, 3.2))
    for activation, norms in back.items():
        left.semilogy(range(1, len(norms) + 1), norms, label=activation)
    left.set(xlabel="layer", ylabel="gradient norm", xticks=(1, 5, 10, 15, 20))
    left.set_title("20 layers, untrained")
    left.legend(loc="center right")
    for axis, found in ((middle, by_rate), (right, by_bias)):
        for i, name in enumerate(("first layer", "second layer")):
            axis.plot(list(found), [shares[i] for shares in found.values()], "o-", label=name)
        axis.set(ylabel="share of dead ReLUs", ylim=(-0.04, 1.04))
    middle.set(xscale="log", xlabel="learning rate")
    middle.set_title("Killed by large steps")
    middle.legend()
    right.set(xlabel="bias of all units at first")
    right.invert_xaxis()
    right.set_title("Killed by a negative bias")
    save_figure(figure, "vanishing_gradients")


if __name__ == "__main__":
    run(main, __doc__)
