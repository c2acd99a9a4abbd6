"""The saturating loss of a generator has no gradient when the discriminator wins.

Claim: the discriminator gives a fake the logit f, and it wins: f is far below 0. In the game as it
was first written the generator minimizes log(1 - sigmoid f), whose gradient is -sigmoid(f), nearly
0 just then. Minimizing -log sigmoid(f) instead, the *non-saturating* loss, it has the gradient
sigmoid(f) - 1, nearly -1 (Goodfellow et al. 2014, "Generative Adversarial Nets", section 3). Both
push f in the same direction; they differ in how hard.

A single fake at f = -10 is then moved by gradient descent with the step 0.5, until the
discriminator is in doubt, f = 0. How long that takes one can integrate: a path df/dt = sigmoid(f)
takes 10 + e^10 - 1 units of time, so 44,071 steps; df/dt = 1 - sigmoid(f) takes 10 + 1 - e^-10, so
22 steps.

In the picture: left, the gradient. Far to the left, where a generator begins, the saturating loss
has none. Right, the way of the fake, against steps on a logarithmic axis.

Run it with

    python examples/saturating_generator.py

It takes three seconds, prints two tables and saves examples/output/saturating_generator.png.
"""

import math

import matplotlib.pyplot as plt
import numpy as np
from _common import print_table, run, save_figure
from tqdm import tqdm

from tinygrad_loss import Tensor, losses
from tinygrad_loss.optim import GD

LOSSES = {
    "saturating": losses.generator_minimax,
    "non-saturating": losses.generator_non_saturating,
}
LEARNING_RATE = 0.5


def gradient(loss, f):
    """The gradient at each of the logits f."""
    f = Tensor(f, requires_grad=True)
    loss(f, reduction="sum").backward()
    return f.grad


def way_to_doubt(loss, start, name):
    """The logit after each step, until it is above 0."""
    f = Tensor([start], requires_grad=True)
    optimizer = GD([f], LEARNING_RATE)
    way = [start]
    with tqdm(desc=name, unit="step") as progress:
        while way[-1] < 0:
            optimizer.zero_grad()
            loss(f).backward()
            optimizer.step()
            way.append(f.item())
            progress.update()
    return way


def main(quick=False):
    """Print both tables, draw, and return the gradients and steps."""
    at = (-10.0, -5.0, 0.0, 5.0)
    found = {name: gradient(loss, at) for name, loss in LOSSES.items()}
    print("\nThe gradient of the generator's loss, by the logit f that its fake is given")
    rows = [(f"f = {f:g}", *(g[i] for g in found.values())) for i, f in enumerate(at)]
    print_table(("", *LOSSES), [*rows, ("reference at f = -10", "-4.5e-05", "-0.99995")])

    start = -6.0 if quick else -10.0
    ways = {name: way_to_doubt(loss, start, name) for name, loss in LOSSES.items()}
    steps = {name: len(way) - 1 for name, way in ways.items()}
    expected = {"saturating": math.exp(-start) - 1, "non-saturating": 1 - math.exp(start)}
    expected = {name: round((time - start) / LEARNING_RATE) for name, time in expected.items()}
    print(f"\nSteps from f = {start:g} until the discriminator is in doubt")
    print_table(("loss", "measured", "integral"), [(n, steps[n], expected[n]) for n in LOSSES])
    draw(ways)
    gradients = {name: float(g[0]) for name, g in found.items()}
    return {"gradients": gradients, "steps": steps, "expected": expected}


def draw(ways):
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
    f = np.linspace(-10, 6, 200)
    for name, loss in LOSSES.items():
        left.plot(f, gradient(loss, f), label=name)
        right.semilogx(np.arange(1, len(ways[name]) + 1), ways[name], label=name)
    left.set(xlabel="logit f of the fake", ylabel="gradient of the generator's loss")
    left.set_title("Where the discriminator wins")
    left.legend()
    right.set(xlabel="step", ylabel="logit f of the fake")
    right.set_title(f"From f = {ways['saturating'][0]:g}, lr {LEARNING_RATE}")
    save_figure(figure, "saturating_generator")


if __name__ == "__main__":
    run(main, __doc__)
