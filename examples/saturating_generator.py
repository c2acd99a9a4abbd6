# /// script
# requires-python = ">=3.10"
# dependencies = ["tinygrad_loss[examples]"]
# [tool.uv.sources]
# tinygrad_loss = { path = "..", editable = true }
# ///
"""The saturating loss of a generator has no gradient when the discriminator wins.

Claim: the discriminator gives a fake the logit f, and it wins: f is far below 0. In the game as it
was first written the generator minimizes log(1 - sigmoid f), whose gradient is -sigmoid(f), nearly
0 just then. Minimizing -log sigmoid(f) instead, the *non-saturating* loss, it has the gradient
sigmoid(f) - 1, nearly -1 (Goodfellow et al. 2014, "Generative Adversarial Nets", section 3). Both
push f in the same direction; they differ in how hard. Where the discriminator is in doubt, f = 0,
both gradients are -1/2.

A single fake at f = -10 is then moved by gradient descent with lr = 0.5, until f = 0. How long
that takes one can integrate: a path df/dt = sigmoid(f) takes 10 + e^10 - 1 units of time, so 44,071
steps; df/dt = 1 - sigmoid(f) takes 10 + 1 - e^-10, so 22 steps.

In the picture: left, the gradient. Far to the left, where a generator begins, the saturating loss
has none. Right, the way of the fake, against steps on a logarithmic axis.

Run it with

    python examples/saturating_generator.py

It takes three seconds, prints two tables and saves examples/output/saturating_generator.png.
"""

import math

import numpy as np
from _common import plt, print_table, run, save_figure
from tqdm import tqdm

import tinygrad_loss as tl
from tinygrad_loss import optim

LOSSES = {
    "saturating": tl.generator_minimax,
    "non-saturating": tl.generator_non_saturating,
}
LEARNING_RATE = 0.5


def gradient(loss, f):
    """The gradient at each of the logits f."""
    return tl.grad(lambda f: loss(f, reduction="sum"))(np.array(f))


def way_to_doubt(loss, start, name):
    """The logit before each step, until it is above 0."""
    f = tl.Tensor([start], requires_grad=True)
    optimizer = optim.GD([f], LEARNING_RATE)
    way = [start]
    with tqdm(desc=name, unit="step") as progress:
        while way[-1] < 0:
            optimizer.zero_grad()
            loss(f).backward()
            optimizer.step()
            way.append(f.item())
            progress.update()
    return way


def expected_steps(start):
    """By the integrals above."""
    times = {"saturating": math.exp(-start) - 1, "non-saturating": 1 - math.exp(start)}
    return {name: round((time - start) / LEARNING_RATE) for name, time in times.items()}


def main(quick=False):
    """Compute both gradients, move a fake with each loss; return what was measured."""
    at = (-10.0, -5.0, 0.0, 5.0)
    gradients = {name: gradient(loss, at) for name, loss in LOSSES.items()}
    print("\nThe gradient of the generator's loss, by the logit f that its fake is given")
    rows = [(f"f = {f:g}", *(g[i] for g in gradients.values())) for i, f in enumerate(at)]
    print_table(("", *LOSSES), [*rows, ("reference at f = -10", "-4.5e-05", "-0.99995")])

    start = -6.0 if quick else -10.0
    ways = {name: way_to_doubt(loss, start, name) for name, loss in LOSSES.items()}
    steps = {name: len(way) - 1 for name, way in ways.items()}
    expected = expected_steps(start)
    print(f"\nSteps from f = {start:g} until the discriminator is in doubt")
    print_table(("loss", "measured", "integral"), [(n, steps[n], expected[n]) for n in LOSSES])
    draw(ways)
    return {"at": at, "gradients": gradients, "steps": steps, "expected": expected}


def draw(ways):
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
    f = np.linspace(-10, 6, 200)
    for name, loss in LOSSES.items():
        left.plot(f, gradient(loss, f))
        right.semilogx(np.arange(1, len(ways[name]) + 1), ways[name])
    left.text(-9.7, -0.1, "saturating")
    left.text(-9.7, -0.95, "non-saturating")
    left.set_xticks([-10, -5, 0, 5])
    left.set(xlabel="logit f of the fake", ylabel="gradient of the generator's loss")
    left.set_title("Saturating: flat where the fake is found out")
    slow, fast = (len(way) - 1 for way in ways.values())
    start = ways["saturating"][0]
    right.text(0.7 * slow, 0.6 * start, "saturating", ha="right")
    right.text(2 * fast, 0.3 * start, "non-saturating")
    right.set(xlabel="step", ylabel="logit f of the fake")
    right.set_title(f"From f = {start:g} in {fast} steps, or in {slow:,}")
    save_figure(figure, "saturating_generator")


if __name__ == "__main__":
    run(main, __doc__)
