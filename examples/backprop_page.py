# /// script
# requires-python = ">=3.10"
# dependencies = ["tinygrad_loss[examples,draw]"]
# [tool.uv.sources]
# tinygrad_loss = { path = "..", editable = true }
# ///
"""See backprop happen: pages that step through the forward and the backward pass of three losses.

Claim: backprop is one small local rule per op and one sum per fork, nothing else. Each page shows
it op by op: the gradient that came in, the rule that ran, the numbers that it sent to each input,
and at a fork the total so far. Change a parameter, or let gradient descent take steps, and all
of it follows. A quiz asks for each number first. What to look at:

- expression.html, micrograd's README expression. a and b are used five times each, so their
  gradients are complete only when the fifth part has arrived.
- mlp.html, a 2-3-1 network on four points. The bias is added to four rows, so it receives the sum
  of four gradients; tanh passes little where it is saturated.
- digits.html, the cross-entropy of a 64-16-10 network on eight handwritten digits. The gradient
  that reaches the logits is softmax - one_hot, over the number of digits: negative at the right
  digit only. The page's last number is compared with this formula.
- quiz.html, one neuron: what does each op send back?

Run it with

    python examples/backprop_page.py

It takes a second and saves the four pages in examples/output, and mlp.svg, the graph of the second
from top to bottom. Open them in any browser; they need no network. The arrow keys step, the space
bar plays, B jumps to the backward pass.
"""

import numpy as np
from _common import OUTPUT, run
from micrograd_expression import expression
from sklearn.datasets import load_digits

import tinygrad_loss as tl
from tinygrad_loss import nn


def micrograd():
    a = tl.Tensor(-4.0, requires_grad=True, name="a")
    b = tl.Tensor(2.0, requires_grad=True, name="b")
    g = expression(a, b)
    g.name = "g"
    return g


def neuron():
    """A tanh neuron with two inputs. Its bias makes the output .7071, and the numbers easy."""
    x1, x2 = tl.Tensor(2.0, name="x1"), tl.Tensor(0.0, name="x2")
    w1 = tl.Tensor(-3.0, requires_grad=True, name="w1")
    w2 = tl.Tensor(1.0, requires_grad=True, name="w2")
    b = tl.Tensor(6.8813735870195432, requires_grad=True, name="b")
    return (x1 * w1 + x2 * w2 + b).tanh()


def small_mlp(rng):
    points = tl.Tensor([[1.0, 0.5], [-1.0, 2.0], [0.0, -1.0], [2.0, 1.0]], name="points")
    targets = tl.Tensor([[1.0], [-1.0], [0.0], [1.0]], name="targets")
    model = nn.MLP([2, 3, 1], activation="tanh", rng=rng)
    loss = tl.mean_squared_error(model(points), targets)
    loss.name = "loss"
    return loss


def digits(rng):
    images, labels = load_digits(return_X_y=True)
    images, labels = images[:8] / 16, labels[:8]
    model = nn.MLP([64, 16, 10], activation="relu", rng=rng)
    logits = model(tl.Tensor(images, name="images"))
    logits.name = "logits"
    loss = tl.cross_entropy(logits, labels)
    loss.name = "loss"
    (gradient,) = tl.gradients(loss, [logits])
    formula = (tl.softmax(logits.data) - np.eye(10)[labels]) / len(labels)
    return loss, float(np.abs(gradient.data - formula).max())


def main(quick=False):
    """Save the pages; return how far backprop and softmax - one_hot are apart at the logits."""
    digits_loss, difference = digits(np.random.default_rng(0))
    OUTPUT.mkdir(exist_ok=True)
    pages = {
        "expression": micrograd(),
        "mlp": small_mlp(np.random.default_rng(0)),
        "digits": digits_loss,
    }
    for name, loss in pages.items():
        page = tl.draw(loss).save(OUTPUT / f"{name}.html")
        print(f"saved {page}: {name}, {loss.item():.4f}, {page.stat().st_size / 1000:.0f} kB")
    print(f"saved {tl.draw(neuron()).save(OUTPUT / 'quiz.html', quiz=True)}")
    print(f"saved {tl.draw(pages['mlp'], rankdir='TB').save(OUTPUT / 'mlp.svg')}")
    print(f"\nAt the logits, backprop and (softmax - one_hot) / 8 differ by {difference:.0e}.")
    return difference


if __name__ == "__main__":
    run(main, __doc__)
