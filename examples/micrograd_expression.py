# /// script
# requires-python = ">=3.10"
# dependencies = ["tinygrad_loss[examples,draw]"]
# [tool.uv.sources]
# tinygrad_loss = { path = "..", editable = true }
# ///
"""The chain rule on one expression: the one with which micrograd introduces itself.

Claim: reverse-mode differentiation turns any expression into its derivatives, exactly. The
expression in the README of micrograd (Karpathy 2020) uses its two inputs over and over, so the
gradients at a and b are sums over many paths. Its numbers: g = 24.7041, dg/da = 138.8338, dg/db =
645.5773. To check them without any calculus, the script also moves a and b a little: the slope
that it sees must be the gradient.

In the picture values flow downwards; beside each edge stands the gradient that came back along it.
At a and b, the numbers on the outgoing edges add up to the gradient in the box.

Run it with

    python examples/micrograd_expression.py

It takes a second, prints a table and saves examples/output/micrograd_expression.svg, and as .html
a page that steps through the forward and the backward pass.
"""

from _common import OUTPUT, print_table, run

import tinygrad_loss as tl


def expression(a, b):
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + tl.relu(b + a)
    d += 3 * d + tl.relu(b - a)
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    return g


def slope(f, x, h=1e-6):
    return (f(x + h) - f(x - h)) / (2 * h)


def main(quick=False):
    """Compute the expression and its gradients, and draw them; return the numbers."""
    a = tl.Tensor(-4.0, requires_grad=True, name="a")
    b = tl.Tensor(2.0, requires_grad=True, name="b")
    g = expression(a, b)
    g.name = "g"
    g.backward()
    slope_a = slope(lambda x: expression(x, 2.0), -4.0)
    slope_b = slope(lambda x: expression(-4.0, x), 2.0)
    print_table(
        ("", "backprop", "micrograd's README", "slope"),
        [
            ("g", f"{g.item():.4f}", "24.7041", ""),
            ("dg/da", f"{a.grad:.4f}", "138.8338", f"{slope_a:.4f}"),
            ("dg/db", f"{b.grad:.4f}", "645.5773", f"{slope_b:.4f}"),
        ],
    )
    OUTPUT.mkdir(exist_ok=True)
    picture = tl.draw(g, rankdir="TB")
    for ending in ("svg", "html"):
        print(f"saved {picture.save(OUTPUT / f'micrograd_expression.{ending}')}")
    return {"g": g.item(), "gradient": (a.grad.item(), b.grad.item()), "slope": (slope_a, slope_b)}


if __name__ == "__main__":
    run(main, __doc__)
