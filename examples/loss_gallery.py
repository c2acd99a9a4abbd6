# /// script
# requires-python = ">=3.10"
# dependencies = ["tinygrad_loss[examples]"]
# [tool.uv.sources]
# tinygrad_loss = { path = "..", editable = true }
# ///
"""Every loss and its gradient, as curves that the engine computes.

Five pages, the losses on the left and their gradients on the right. Each curve is named by the call
that computes it, without the arguments that are the same for all points. A circle marks a kink,
where the gradient jumps, and a dot the gradient that the engine gives there. Look for three things:
how the gradient grows with the mistake, whether it vanishes where the model is wrong (then nothing
is learned), and whether it vanishes where the model is right (then it is left alone).

Run it with

    python examples/loss_gallery.py

It takes a few seconds, prints the gradients at every kink, and saves, in examples/output,
losses_regression.png, ..._classification.png, ..._margin.png, ..._similarity.png and
..._adversarial.png.
"""

from functools import partial
from itertools import pairwise

import numpy as np
from _common import plt, print_table, run, save_figure
from tqdm import tqdm

import tinygrad_loss as tl
from tinygrad_loss import losses

# As the other pictures, but what lies below others is broad
STYLES = [{"linewidth": 1.6, **style} for style in plt.rcParams["axes.prop_cycle"]]
STYLES[-1] |= {"linewidth": 3, "zorder": 1}
# Matplotlib's formulas have no quotation mark, and space around signs
TYPEWRITER = str.maketrans({"_": r"\_", " ": r"\ ", "-": "{-}", "=": "{=}", '"': r'}$"$\mathtt{'})


def elementwise(loss, other, **options):
    """A loss of elements against x, every other argument being the same number."""
    return lambda x: loss(x, np.full(len(x), other), reduction="none", **options)


def rowwise(loss, make_rows, other, **options):
    """A loss of rows against the number x that they are made of, every target being the same."""
    return lambda x: loss(make_rows(x), np.array([other] * len(x)), reduction="none", **options)


def gaussian(log_variance):
    """gaussian_nll against its mean; of None, against its log variance, where the error is 1."""
    if log_variance is None:
        return lambda x: losses.gaussian_nll(np.ones(len(x)), x, np.zeros(len(x)), reduction="none")
    return lambda x: losses.gaussian_nll(
        x, np.full(len(x), log_variance), np.zeros(len(x)), reduction="none"
    )


def two_logits(z):  # the second class is the true one; its probability is tl.sigmoid(z)
    return tl.stack([0 * z - 1, z - 1], axis=1)


def two_log_probs(z):
    return tl.log_softmax(two_logits(z))


def two_probs(p):
    return tl.stack([1 - p, p], axis=1)


def two_logs(p):  # softmax of these logits gives p back
    return tl.log(two_probs(p))


def three_scores(s):  # s is that of the true class, 0 and -1 those of its rivals
    return tl.stack([s, 0 * s, 0 * s - 1], axis=1)


def squared_error_of_sigmoid(z):
    return losses.mean_squared_error(tl.sigmoid(z), np.ones(len(z)), reduction="none")


def contrastive(same):
    """Pairs at the distance x."""
    return lambda x: losses.contrastive(
        three_scores(x), three_scores(0 * x), np.full(len(x), same), reduction="none"
    )


def triplet(squared):
    """The positive at the distance x, the negative at 1."""
    return lambda x: losses.triplet(
        three_scores(0 * x), three_scores(x), three_scores(0 * x + 1), margin=0.75, squared=squared,
        reduction="none",
    )  # fmt: skip


def with_cosine(c, size=2):  # a unit vector whose cosine with (1, 0 ...) is c
    return tl.stack([c, tl.sqrt(1 - c**2), *[0 * c] * (size - 2)], axis=-1)


def cosine_embedding(label, margin=0.0):
    return lambda c: losses.cosine_embedding(
        with_cosine(c), np.array([[1, 0]] * len(c)), np.full(len(c), label), margin=margin,
        reduction="none",
    )  # fmt: skip


def nt_xent(temperature):
    """Two pairs; the views of the first have the cosine x, all other cosines are 0."""

    def one(c):
        a, b = np.eye(4)[[0, 2]], tl.stack([with_cosine(c, 4), np.eye(4)[3]])
        return losses.nt_xent(a, b, temperature=temperature, reduction="none")[0]

    return lambda x: tl.stack([one(x[i]) for i in range(len(x))])


def on_real(loss, neutral):
    """A critic's loss on real samples, its loss on the fake ones being 0."""
    return lambda f: loss(f, np.full(len(f), neutral), reduction="none")


def on_fake(loss, neutral):
    """A critic's loss on fake samples, its loss on the real ones being 0."""
    return lambda f: loss(np.full(len(f), neutral), f, reduction="none")


def gradient_penalty(target):
    """The penalty, with weight 1, of a linear critic whose slope is x everywhere."""
    sample, rng = np.zeros((1, 1)), np.random.default_rng(0)

    def one(slope):
        return losses.gradient_penalty(
            lambda u: u * slope, sample, sample, weight=1.0, target=target, rng=rng
        )

    return lambda x: tl.stack([one(x[i]) for i in range(len(x))])


# Each page is a list of rows: titles, label of x, its range, that of the losses, that of the
# gradients, and the curves with their kinks.
REGRESSION = [
    ("Squares weigh large errors most", "Only that of squares keeps growing",
     "error, prediction - target", (-3, 3), (-0.2, 4.5), (-4, 4), [
        ("mean_squared_error", elementwise(losses.mean_squared_error, 0.0)),
        ("mean_absolute_error", elementwise(losses.mean_absolute_error, 0.0), 0),
        ("huber(delta=1)", elementwise(losses.huber, 0.0)),
        ("log_cosh", elementwise(losses.log_cosh, 0.0)),
        ("sum_squared_error", elementwise(losses.sum_squared_error, 0.0)),
    ]),
    ("Tilted, or with a threshold", "pinball jumps, huber is clipped",
     "error, prediction - target", (-3, 3), (-0.2, 3), (-2.2, 2.2), [
        ("pinball(quantile=0.1)", elementwise(losses.pinball, 0.0, quantile=0.1), 0),
        ("pinball(quantile=0.5)", elementwise(losses.pinball, 0.0, quantile=0.5), 0),
        ("pinball(quantile=0.9)", elementwise(losses.pinball, 0.0, quantile=0.9), 0),
        ("huber(delta=0.5)", elementwise(losses.huber, 0.0, delta=0.5)),
        ("huber(delta=2)", elementwise(losses.huber, 0.0, delta=2.0)),
    ]),
    ("Each is a negative log-likelihood", "More variance, less gradient",
     "argument x", (-3, 3), (-0.2, 6), (-4, 4), [
        ("gaussian_nll(x, 0, 0)", gaussian(0.0)),
        ("gaussian_nll(x, 1.5, 0)", gaussian(1.5)),
        ("gaussian_nll(1, x, 0)", gaussian(None)),
        ("poisson_nll(x, 0)", elementwise(losses.poisson_nll, 0.0)),
        ("poisson_nll(x, 2)", elementwise(losses.poisson_nll, 2.0)),
    ]),
]  # fmt: skip
CLASSIFICATION = [
    ("The logarithm is infinite at p = 0", "The square's stays finite",
     "probability p of the true class", (0.02, 0.98), (-0.2, 4), (-10, 1.5), [
        ("cross_entropy_from_probs", rowwise(losses.cross_entropy_from_probs, two_probs, 1)),
        ("focal(gamma=0.5)", rowwise(losses.focal, two_logs, 1, gamma=0.5)),
        ("focal(gamma=2)", rowwise(losses.focal, two_logs, 1, gamma=2)),
        ("mean_squared_error(p, 1)", elementwise(losses.mean_squared_error, 1.0)),
        ("binary_cross_entropy", elementwise(losses.binary_cross_entropy, 1.0)),
    ]),
    ("The square is flat where wrong", "... and has no gradient there",
     "logit z of the true class", (-8, 8), (-0.4, 8), (-1.3, 0.2), [
        ("cross_entropy", rowwise(losses.cross_entropy, two_logits, 1)),
        ("binary_focal(gamma=2)", elementwise(losses.binary_focal, 1.0)),
        ("binary_focal(alpha=0.25)", elementwise(losses.binary_focal, 1.0, alpha=0.25)),
        ("mean_squared_error(\n sigmoid(z), 1)", squared_error_of_sigmoid),
        ("binary_cross_entropy_\n with_logits",
         elementwise(losses.binary_cross_entropy_with_logits, 1.0)),
    ]),
    ("Targets that are unsure or weighted", "Too sure an answer is pulled back",
     "logit z", (-8, 8), (-0.4, 6), (-1.1, 1.1), [
        ("cross_entropy(z, [.3, .7])", rowwise(losses.cross_entropy, two_logits, [0.3, 0.7])),
        ("kl_divergence(z, [.3, .7])", rowwise(losses.kl_divergence, two_log_probs, [0.3, 0.7])),
        ("cross_entropy(z, 1,\n label_smoothing=0.2)",
         rowwise(losses.cross_entropy, two_logits, 1, label_smoothing=0.2)),
        ("binary_cross_entropy_\n with_logits(pos_weight=0.5)",
         elementwise(losses.binary_cross_entropy_with_logits, 1.0, pos_weight=0.5)),
    ]),
]  # fmt: skip
MARGIN = [
    ("Right by the margin: no hinge loss", "Only cross-entropy keeps pulling",
     "label (-1 or 1) times score", (-2.5, 3), (-0.3, 6), (-5, 0.5), [
        ("hinge", elementwise(losses.hinge, 1.0), 1),
        ("squared_hinge", elementwise(losses.squared_hinge, 1.0)),
        ("binary_cross_entropy_\n with_logits",
         elementwise(losses.binary_cross_entropy_with_logits, 1.0)),
    ]),
    ("Three classes: one rival, or all", "A jump where a rival is reached",
     "score of the true class (rivals: 0, -1)", (-2.5, 3), (-0.3, 6), (-2.4, 0.4), [
        ("multiclass_hinge", rowwise(losses.multiclass_hinge, three_scores, 0), 1),
        ('multiclass_hinge(\n kind="weston_watkins")',
         rowwise(losses.multiclass_hinge, three_scores, 0, kind="weston_watkins"), 0, 1),
        ("cross_entropy", rowwise(losses.cross_entropy, three_scores, 0)),
    ]),
]  # fmt: skip
SIMILARITY = [
    ("Like pairs near, others apart", "What is placed well is left alone",
     "distance of a pair (negative: 1)", (0, 2), (-0.1, 2), (-1.4, 2.6), [
        ("contrastive(same=1)", contrastive(1)),
        ("contrastive(same=0)", contrastive(0)),
        ("triplet(squared=False)", triplet(squared=False), 0.25),
        ("triplet(squared=True)", triplet(squared=True), 0.5),
    ]),
    ("Only the angle counts", "A low temperature pulls harder",
     "cosine of a pair", (-0.97, 0.97), (-0.1, 3.2), (-2.2, 1.4), [
        ("cosine_embedding(label=1)", cosine_embedding(1)),
        ("cosine_embedding(label=-1)", cosine_embedding(-1), 0),
        ("cosine_embedding(label=-1,\n margin=0.6)", cosine_embedding(-1, margin=0.6), 0.6),
        ("nt_xent(temperature=0.5)", nt_xent(0.5)),
        ("nt_xent(temperature=1)", nt_xent(1.0)),
    ]),
]  # fmt: skip
ADVERSARIAL = [
    ("Generators, on a fake sample", "minimax is flat where it loses",
     "logit f of the fake sample", (-6, 6), (-6.5, 9), (-3.2, 1.6), [
        ("generator_non_saturating", partial(losses.generator_non_saturating, reduction="none")),
        ("generator_minimax", partial(losses.generator_minimax, reduction="none")),
        ("least_squares_generator", partial(losses.least_squares_generator, reduction="none")),
        ("wasserstein_generator", partial(losses.wasserstein_generator, reduction="none")),
        ("hinge_generator", partial(losses.hinge_generator, reduction="none")),
    ]),
    ("Critics, on a real sample", "Only wasserstein's never changes",
     "logit f of the real sample", (-6, 6), (-6.5, 9), (-3.2, 1.6), [
        ("discriminator", on_real(losses.discriminator, -1e3)),
        ("least_squares_discriminator", on_real(losses.least_squares_discriminator, 0.0)),
        ("hinge_discriminator", on_real(losses.hinge_discriminator, -1e3), 1),
        ("wasserstein_critic", on_real(losses.wasserstein_critic, 0.0)),
    ]),
    ("Critics, on a fake sample", "The same, mirrored",
     "logit f of the fake sample", (-6, 6), (-6.5, 9), (-1.6, 3.2), [
        ("discriminator", on_fake(losses.discriminator, 1e3)),
        ("least_squares_discriminator", on_fake(losses.least_squares_discriminator, 1.0)),
        ("hinge_discriminator", on_fake(losses.hinge_discriminator, 1e3), -1),
        ("wasserstein_critic", on_fake(losses.wasserstein_critic, 0.0)),
    ]),
    ("The penalty on a critic's slope", "It pulls the slope to its target",
     "slope of the critic", (0, 3), (-0.2, 4.5), (-2.5, 4.5), [
        ("gradient_penalty(target=1)", gradient_penalty(1.0)),
        ("gradient_penalty(target=0)", gradient_penalty(0.0)),
    ]),
]  # fmt: skip
PAGES = {
    "regression": REGRESSION,
    "classification": CLASSIFICATION,
    "margin": MARGIN,
    "similarity": SIMILARITY,
    "adversarial": ADVERSARIAL,
}


def value_and_slope(f, x):
    """The losses at each x, and their derivatives, by the engine."""
    x = tl.Tensor(x, requires_grad=True)
    value = f(x)
    value.sum().backward()
    return value.data, x.grad


def draw_curve(axes, f, kinks, low, high, n, style):
    """Draw a loss and its gradient piece by piece, so that no line crosses a jump."""
    ends = [low, *kinks, high]
    for left, right in pairwise(ends):
        x = np.linspace(left, right, n)
        inside = np.clip(x, left + 1e-9, right - 1e-9)
        for axis, y in zip(axes, value_and_slope(f, inside), strict=True):
            axis.plot(x, y, **style)
    for kink in kinks:
        value, slope = value_and_slope(f, np.array([float(kink)]))
        mark = {"marker": "o", "markersize": 5, "color": style["color"], "zorder": 5}
        axes[0].plot(kink, value, markerfacecolor="white", **mark)
        axes[1].plot(kink, slope, **mark)


def code(call):
    """A call as a formula in a typewriter font: formulas are the same in all languages."""
    call = call.translate(TYPEWRITER)
    return "\n".join(rf"$\mathtt{{{line}}}$" for line in call.split("\n"))


def draw_page(name, rows, n, dpi):
    figure, grid = plt.subplots(len(rows), 3, figsize=(8, 2.4 * len(rows)), squeeze=False)
    for (*titles, x_label, x_range, y_range, slopes, curves), axes in zip(rows, grid, strict=True):
        for (call, f, *kinks), style in zip(curves, STYLES, strict=False):
            draw_curve(axes[:2], f, kinks, *x_range, n, style)
            axes[2].plot([], [], label=code(call), **style)
        ranges, y_labels = (y_range, slopes), ("loss", "gradient")
        for axis, title, y_label, ylim in zip(axes[:2], titles, y_labels, ranges, strict=True):
            axis.set(xlim=x_range, ylim=ylim, xlabel=x_label, ylabel=y_label)
            axis.set_title(title, fontsize=9)
            axis.axhline(0, color="0.8", linewidth=0.8, linestyle="-", zorder=0)
        axes[2].axis("off")
        axes[2].legend(loc="center left", bbox_to_anchor=(-0.15, 0.5), fontsize=8)
    save_figure(figure, f"losses_{name}", dpi)


def gradients_at_kinks():
    """The call, where the kink is, and the gradient before it, in it, and after it."""
    for *_, curves in (row for rows in PAGES.values() for row in rows):
        for call, f, *kinks in curves:
            for x in kinks:
                _, slopes = value_and_slope(f, np.array([x - 1e-6, x, x + 1e-6]))
                yield call.replace("\n", ""), x, *(slopes + 0.0)  # 0 for -0


def main(quick=False):
    """Draw all pages; return the gradients at the kinks."""
    for name, rows in tqdm(PAGES.items(), desc="drawing", unit="page"):
        draw_page(name, *((rows[:1], 20, 50) if quick else (rows, 200, 100)))
    found = list(gradients_at_kinks())
    print()
    print_table(
        ("loss", "kink at", "gradient before", "there", "after"),
        [(call, *(f"{x:.3g}" for x in numbers)) for call, *numbers in found],
    )
    return found


if __name__ == "__main__":
    run(main, __doc__)
