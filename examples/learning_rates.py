# /// script
# requires-python = ">=3.10"
# dependencies = ["tinygrad_loss[examples]"]
# [tool.uv.sources]
# tinygrad_loss = { path = "..", editable = true }
# ///
"""The learning rate decides: too small crawls, too large diverges.

Claim 1: for linear regression the limit is known. The mean squared error (MSE) is a parabola in w
and b. Along each eigenvector of its Hessian, a step multiplies what is left to the minimum by
1 - rate * eigenvalue. So the loss falls as long as the rate is below 2 / (largest eigenvalue), for
the data of linear_regression.py 2 / 4.44792 = 0.44965: 0.449 converges, 0.4497 diverges. The
Hessian is computed by differentiating twice; by hand it is 2/n [[sum x^2, sum x], [sum x, n]].

Claim 2: a schedule, a rate that falls while a network trains, lets it begin with larger steps. The
same net learns the digits in eight epochs with a constant rate, with steps down to a tenth and a
hundredth, along a line or half a cosine to 0, and along the cosine after a warm-up from 0. Each
schedule takes, of four rates to start from, the one with the lowest loss on validation images, in
the median of five seeds (a seed chooses the images, the weights and the batches).

What the numbers say: the four that fall take twice the constant's rate and end with a lower test
loss in all five seeds. (In ten other seeds: in nine or ten.) In accuracy it is less than a
point, and which of the four one takes matters less than the seed; the warm-up gains nothing here. A
schedule does not replace the choice of the rate: from 0.05, too small for eight epochs, the
constant rate ends with the lowest training loss in all five seeds.

Run it with

    python examples/learning_rates.py

It takes 15 seconds, prints two tables and saves examples/output/learning_rates.png.
"""

import numpy as np
from _common import plt, print_table, run, save_figure, spread
from linear_regression import descend, line
from sklearn.datasets import load_digits
from tqdm import tqdm

import tinygrad_loss as tl
from tinygrad_loss import data, nn, optim

RATES = [0.003, 0.03, 0.1, 0.449, 0.4497]
SCHEDULES = {  # the rate at step k of n
    "constant": lambda k, n, rate: rate,
    "steps": lambda k, n, rate: rate if k < n / 2 else rate / 10 if k < 3 * n / 4 else rate / 100,
    "linear": lambda k, n, rate: optim.linear_decay(k, n, rate, 0.0),
    "cosine": lambda k, n, rate: optim.cosine_decay(k, n, rate),
    "warm-up": lambda k, n, rate: (
        rate * 10 * k / n if k < n / 10 else optim.cosine_decay(k - n / 10, 9 * n / 10, rate)
    ),
}


def hessian(x, y):
    w, b = tl.Tensor(0.0, requires_grad=True), tl.Tensor(0.0, requires_grad=True)
    slopes = tl.gradients(tl.mean_squared_error(w * x + b, y), [w, b], create_graph=True)
    return np.array([[h.item() for h in tl.gradients(slope, [w, b])] for slope in slopes])


def five_rates(x, y, H, steps):
    """The loss above its minimum, from w = b = 0: measured at each step, expected at step 300."""
    theta, (smallest,), *_ = np.linalg.lstsq(np.column_stack([x, np.ones(100)]), y, rcond=None)
    eigenvalues, vectors = np.linalg.eigh(H)
    excess, expected = {}, {}
    for rate in RATES:
        losses, _ = descend(x, y, [0.0], [0.0], tl.mean_squared_error, rate, steps + 1)
        excess[rate] = np.array(losses) - smallest / 100
        left = (1 - rate * eigenvalues) ** 300 * (vectors.T @ theta).ravel()
        expected[rate] = float(np.sum(eigenvalues * left**2)) / 2
    return excess, expected


def train(images, digits, schedule, rate, seed, epochs):
    """Training, validation and test loss, and test accuracy: a row for each epoch."""
    rng = np.random.default_rng(seed)
    parts = np.split(rng.permutation(len(images)), [1024, 1347])
    seen, validation, test = ((images[rows], digits[rows]) for rows in parts)
    model = nn.MLP([64, 32, 10], rng=rng)
    optimizer = optim.SGD(model.parameters(), rate, momentum=0.9)
    batches = data.minibatches(*seen, 32, rng=rng)
    found, step, steps = [], 0, epochs * len(batches)
    for _ in range(epochs):
        for X, y in batches:
            optimizer.zero_grad()
            tl.cross_entropy(model(X), y).backward()
            optimizer.lr = schedule(step, steps, rate)
            optimizer.step()
            step += 1
        with tl.no_grad():
            losses = [tl.cross_entropy(model(X), y).item() for X, y in (seen, validation, test)]
            found.append([*losses, np.mean(model(test[0]).argmax(axis=1) == test[1])])
    return np.array(found)


def main(quick=False):
    """Check both claims; return what was measured."""
    x, y = line(seed=20)
    H, by_hand = hessian(x, y), 2 * np.array([[np.mean(x**2), np.mean(x)], [np.mean(x), 1]])
    excess, expected = five_rates(x, y, H, steps=300 if quick else 3000)
    flat, steep = np.linalg.eigvalsh(H)
    factors = {rate: (f"{1 - rate * flat:.5f}", f"{1 - rate * steep:.5f}") for rate in RATES}
    print(f"\nLinear regression: the limit is 2 / {steep:.5f} = {2 / steep:.5f}")
    print_table(
        ("rate", "a step's factors", "", "MSE above its minimum, step 300", "expected", "end"),
        [
            (str(rate), *factors[rate], losses[300], expected[rate], losses[-1])
            for rate, losses in excess.items()
        ],
    )

    X, y = load_digits(return_X_y=True)
    rates, seeds, epochs = ((0.05, 0.2), 2, 2) if quick else ((0.05, 0.1, 0.2, 0.4), 5, 8)
    found = {}  # by schedule and rate: what was measured, by seed and epoch
    for name, rate in tqdm([(name, rate) for name in SCHEDULES for rate in rates], desc="digits"):
        options = X / 16, y, SCHEDULES[name], rate
        found[name, rate] = np.array([train(*options, seed, epochs) for seed in range(seeds)])
    best = {  # by the validation loss at the end, the median of the seeds
        name: min(rates, key=lambda rate: np.median(found[name, rate][:, -1, 1]))
        for name in SCHEDULES
    }
    runs = {name: found[name, rate] for name, rate in best.items()}
    ends = {name: run[:, -1].T for name, run in runs.items()}
    lower = {name: int(np.sum(end[2] < ends["constant"][2])) for name, end in ends.items()}
    print(f"Digits, {epochs} epochs, {seeds} seeds")
    print_table(
        ("schedule", "from", "training loss", "test loss", "test accuracy", "lower test loss in"),
        [
            (
                name,
                best[name],
                *(spread(x, ".3f") for x in end[[0, 2, 3]]),
                f"{lower[name]} of {seeds}",
            )
            for name, end in ends.items()
        ],
    )
    draw(excess, {f"{name}, {best[name]}": np.median(runs[name], 0)[:, 2] for name in SCHEDULES})
    return {
        "hessian": H, "by hand": by_hand, "excess": excess, "expected": expected,
        "best": best, "ends": ends, "lower": lower,
        "from 0.05": {name: found[name, 0.05][:, -1, 0] for name in SCHEDULES},
    }  # fmt: skip


def draw(excess, curves):
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.3))
    places = [(3500, 1e-3), (1300, 1e-8), (400, 1e-8), (3500, 1.6e-6), (3500, 210)]
    for (rate, losses), place in zip(excess.items(), places, strict=True):
        left.loglog(losses)
        left.text(*place, str(rate), va="center")
    left.set(xlabel="step", ylabel="MSE above its minimum", xlim=(1, 3500), ylim=(1e-9, 3e3))
    left.minorticks_off()
    left.set_title("Up to the rate 0.44965 it converges")
    for name, losses in curves.items():
        right.semilogy(range(1, len(losses) + 1), losses, label=name)
    right.set(xlabel="epoch", ylabel="test loss", ylim=(0.085, 0.9))
    right.set_yticks([0.1, 0.2, 0.4, 0.8], ["0.1", "0.2", "0.4", "0.8"])
    right.minorticks_off()
    right.set_title("Rates that fall end lower")
    right.legend(title="schedule, largest rate")
    save_figure(figure, "learning_rates")


if __name__ == "__main__":
    run(main, __doc__)
