# /// script
# requires-python = ">=3.10"
# dependencies = ["tinygrad_loss[examples]"]
# [tool.uv.sources]
# tinygrad_loss = { path = "..", editable = true }
# ///
"""Linear regression by gradient descent: what training is, on a line through a cloud of points.

Claim 1: training is minimizing a loss by gradient descent. The data are 100 points y = 4 + 3 x +
noise. From a random slope w and intercept b, 50 steps w <- w - lr dL/dw and b <- b - lr dL/db on
the mean squared error (MSE), with lr = 0.1, bring the loss down to 1.1059. Written out, with
p = w x + b, the gradient is dL/dw = -2 mean(x (y - p)) and dL/db = -2 mean(y - p).

Claim 2: where gradient descent ends is known. The minimum of the MSE solves the normal equation
X'X theta = X'y, and enough steps reach it. The sum of squared errors (SSE) has the same minimum:
it is n times the MSE, and so is its gradient, so it needs a learning rate n times smaller. That is
why one takes the mean: the learning rate does not depend on how many points there are.

In the picture: left, the line at the start, on its way and at the end. Right, the loss above its
minimum, on a logarithmic scale. It falls along two straight lines: w and b change together in one
direction that is steep and soon done, and in another that is flat; in each of them, a step takes
away the same share of what is left.

Run it with

    python examples/linear_regression.py

It takes two seconds, prints three tables and saves examples/output/linear_regression.png.
"""

import numpy as np
from _common import plt, print_table, run, save_figure
from tqdm import trange

import tinygrad_loss as tl
from tinygrad_loss import optim

REFERENCE = {10: 1.1563, 20: 1.1322, 30: 1.1188, 40: 1.1108, 50: 1.1059}


def line(seed):
    np.random.seed(seed)
    x = 2 * np.random.rand(100, 1)
    return x, 4 + 3 * x + np.random.randn(100, 1)


def first_gradient(x, y, w, b):
    """dL/dw and dL/db of the MSE, by the engine and written out."""
    by_engine = tl.grad(lambda w, b: tl.mean_squared_error(w * x + b, y), (0, 1))(w, b)
    error = y - (w * x + b)
    return np.ravel(by_engine), np.array([-2 * np.mean(x * error), -2 * np.mean(error)])


def descend(x, y, w, b, loss_of, lr, steps):
    """Follow the gradient; return the loss at each step and the line after it."""
    w, b = tl.Tensor(w, requires_grad=True), tl.Tensor(b, requires_grad=True)
    optimizer = optim.GD([w, b], lr)
    losses, lines = [], [(w.item(), b.item())]
    for _ in trange(steps, desc="descending", unit="step"):
        optimizer.zero_grad()
        loss = loss_of(w * x + b, y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        lines.append((w.item(), b.item()))
    return losses, lines


def main(quick=False):
    """Check both claims; return what was measured."""
    x, y = line(seed=20)
    w, b = np.random.randn(1), np.random.randn(1)
    gradient, written_out = first_gradient(x, y, w, b)
    losses, lines = descend(x, y, w, b, tl.mean_squared_error, lr=0.1, steps=50)
    print("\nThe mean squared error falls")
    print_table(
        ("epoch", "MSE", "reference", "w", "b"),
        [
            (str(k), *(f"{x:.4f}" for x in (losses[k - 1], loss, *lines[k])))
            for k, loss in REFERENCE.items()
        ]
        + [("reference", "", "", "3.3912", "3.6315")],
    )
    print("The gradient at the start, from backprop and written out")
    print_table(
        ("", "dL/dw", "dL/db"),
        [
            (name, *(f"{slope:.12f}" for slope in slopes))
            for name, slopes in (("backprop", gradient), ("written out", written_out))
        ],
    )
    draw(x, y, losses, lines)

    x, y = line(seed=0)
    X = np.column_stack([np.ones(100), x])
    theta = np.linalg.solve(X.T @ X, X.T @ y).ravel()
    steps = 1000
    mse, lines_mse = descend(x, y, [0.0], [0.0], tl.mean_squared_error, 0.1, steps)
    sse, lines_sse = descend(x, y, [0.0], [0.0], tl.sum_squared_error, 0.1 / 100, steps)
    print("\nGradient descent reaches the normal equation, on the mean and on the sum")
    print_table(
        ("", "b", "w", "loss"),
        [
            ("normal equation", f"{theta[0]:.8f}", f"{theta[1]:.8f}", ""),
            *(
                (name, f"{end[1]:.8f}", f"{end[0]:.8f}", f"{loss:.8f}")
                for name, end, loss in (
                    ("GD, MSE", lines_mse[-1], mse[-1]),
                    ("GD, SSE", lines_sse[-1], sse[-1]),
                )
            ),
            ("reference", "4.22215108", "2.96846751", "0.99243865, 99.24386487"),
        ],
    )
    return {
        "losses": losses, "path": lines, "theta": theta, "mse": mse[-1], "sse": sse[-1],
        "lines": (lines_mse[-1], lines_sse[-1]), "gradient": gradient, "written_out": written_out,
    }  # fmt: skip


def draw(x, y, losses, lines):
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
    left.plot(x, y, ".", color="0.6", label="data")
    ends = np.array([0, 2])
    for step in (0, 3, 50):
        w, b = lines[step]
        left.plot(ends, w * ends + b, label=f"after {step} steps")
    left.set(xlabel="x", ylabel="y", ylim=(-3, 17))
    left.set_title("The line comes to the points")
    left.legend(loc="upper left", ncols=2)

    w, b = np.polyfit(x.ravel(), y.ravel(), 1)
    smallest = np.mean((w * x + b - y) ** 2)
    right.semilogy(range(len(losses)), np.array(losses) - smallest)
    right.set(xlabel="step", ylabel="MSE above its minimum")
    right.set_title("The loss falls fast, then slowly")
    save_figure(figure, "linear_regression")


if __name__ == "__main__":
    run(main, __doc__)
