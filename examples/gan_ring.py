# /// script
# requires-python = ">=3.10"
# dependencies = ["tinygrad_loss[examples]"]
# [tool.uv.sources]
# tinygrad_loss = { path = "..", editable = true }
# ///
"""Which GAN loss finds all eight modes? Samples on a ring of Gaussians, over five seeds.

Claim (Gulrajani et al. 2017, "Improved Training of Wasserstein GANs"): a Wasserstein critic with a
gradient penalty is stable where other losses lose modes. A *mode* is one of eight Gaussians (sigma
0.05) on a ring of radius 2. It counts as found if at least 1 % of the samples lie within 3 sigma of
its center. Of the data themselves, 1 - exp(-9/2) = 98.9 % do so.

All losses train the same nets (tanh, 32-32) with the same optimizer, Adam(0.5, 0.9) with the
learning rate falling from 5e-3 to 0, for 1000 steps of the generator, each after three of the
critic. The weight of the penalty is 0.1, as in the authors' own script for toy data: with 10 not a
mode is found in so few steps.

What the numbers say: with the gradient penalty at least seven modes are found with every seed. Each
of the others misses two with most seeds, though not with all. Which, depends on the last digits of
the machine; no other loss has found all with every seed. What differs is the slope of the critic
between data and samples, the length of its gradient: the penalty holds it near 1 from the first
steps on. Without, it is small at first, and steep in the end; but for least squares it ends near 1,
too, so that this alone does not explain it.

In the picture: samples of the generator, and a circle of 3 sigma around each mode.

Run it with

    python examples/gan_ring.py

It takes a minute or two, prints a table and saves examples/output/gan_ring.png.
"""

import numpy as np
from _common import plt, print_table, run, save_figure, spread
from tqdm import tqdm

import tinygrad_loss as tl
from tinygrad_loss import data, losses, nn, optim

SIGMA, BATCH, LATENT, CRITIC_STEPS = 0.05, 128, 2, 3
ANGLES = 2 * np.pi * np.arange(8) / 8
CENTERS = 2 * np.column_stack([np.cos(ANGLES), np.sin(ANGLES)])

# name: loss of the critic, loss of the generator
GAMES = {
    "non-saturating": (losses.discriminator, losses.generator_non_saturating),
    "least squares": (losses.least_squares_discriminator, losses.least_squares_generator),
    "hinge": (losses.hinge_discriminator, losses.hinge_generator),
    "WGAN-GP": (losses.wasserstein_critic, losses.wasserstein_generator),
}


def ring(n, rng):
    return data.ring_of_gaussians(n, std=SIGMA, rng=rng)[0]


def train(game, seed, steps, progress=None):
    """2000 samples of the generator after training, and the slope of the critic."""
    critic_loss, generator_loss = GAMES[game]
    rng = np.random.default_rng(seed)
    generator = nn.MLP([LATENT, 32, 32, 2], activation="tanh", rng=rng)
    critic = nn.MLP([2, 32, 32, 1], activation="tanh", rng=rng)
    players = [optim.Adam(p.parameters(), 5e-3, betas=(0.5, 0.9)) for p in (critic, generator)]

    def generate(n):
        return generator(rng.standard_normal((n, LATENT)))

    for step in range(steps):
        for player in players:
            player.lr = optim.linear_decay(step, steps, start=5e-3, end=0.0)
        for _ in range(CRITIC_STEPS):
            players[0].zero_grad()
            real = ring(BATCH, rng)
            with tl.no_grad():
                fake = generate(BATCH)
            loss = critic_loss(critic(real), critic(fake))
            if game == "WGAN-GP":
                loss = loss + losses.gradient_penalty(critic, real, fake, weight=0.1, rng=rng)
            loss.backward()
            players[0].step()
        players[1].zero_grad()
        generator_loss(critic(generate(BATCH))).backward()
        players[1].step()
        if progress is not None:
            progress.update()
    with tl.no_grad():
        samples = generate(2000).data
    return samples, slope(critic, ring(2000, rng), samples, rng)


def slope(critic, real, fake, rng):
    """The mean length of the critic's gradient at points between data and samples."""
    share = rng.random((len(real), 1))
    x = tl.Tensor(share * real + (1 - share) * fake, requires_grad=True)
    (gradient,) = tl.gradients(critic(x).sum(), [x])
    return np.linalg.norm(gradient.data, axis=1).mean()


def judge(samples):
    """How many modes were found, and the share of samples that lie at one."""
    distances = np.linalg.norm(samples[:, None] - CENTERS, axis=2)
    near = distances.min(axis=1) < 3 * SIGMA
    counts = np.bincount(distances.argmin(axis=1)[near], minlength=8)
    return int((counts >= 0.01 * len(samples)).sum()), near.mean()


def main(quick=False):
    """Train each pair of losses with each seed, save the picture, and return what was found.

    That is, for each seed, the modes found, the share of samples at one, and the critic's slope.
    """
    seeds, steps = (1, 15) if quick else (5, 1000)
    samples, results = {}, {"the data": [(*judge(ring(2000, np.random.default_rng(0))), 0.0)]}
    with tqdm(total=len(GAMES) * seeds * steps, desc="training", unit="step") as progress:
        for game in GAMES:
            runs = [train(game, seed, steps, progress) for seed in range(seeds)]
            samples[game] = [x for x, _ in runs]
            results[game] = [(*judge(x), steepness) for x, steepness in runs]
    print(f"\n{seeds} seeds, median (smallest to largest)")
    print_table(
        ("losses", "modes, by seed", "% within 3 sigma", "slope of the critic"),
        [
            (
                game,
                " ".join(map(str, modes)),
                spread(100 * np.array(shares), ".0f"),
                spread(slopes, ".2f") if any(slopes) else "",
            )
            for game, found in results.items()
            for modes, shares, slopes in [zip(*found, strict=True)]
        ],
    )
    draw(samples, results)
    return results


def draw(samples, results):
    """The samples of each game's worst seed."""
    figure, axes = plt.subplots(1, len(GAMES), figsize=(8, 2.9), sharex=True, sharey=True)
    for axis, game in zip(axes, GAMES, strict=True):
        worst = min(range(len(results[game])), key=lambda i: results[game][i])
        modes, share, _ = results[game][worst]
        axis.plot(*samples[game][worst].T, ".", color="0.15", markersize=2, markeredgewidth=0)
        for center in CENTERS:
            axis.add_patch(plt.Circle(center, 3 * SIGMA, fill=False, color="tab:red", linewidth=1))
        axis.set_title(
            f"{game}: {modes} modes;\n{100 * share:.0f} % of the samples\nwithin 3 sigma of a mode",
            fontsize=9,
        )
        axis.set(xlim=(-2.9, 2.9), ylim=(-2.9, 2.9), aspect="equal", xlabel="x")
        axis.set(xticks=(-2, 0, 2), yticks=(-2, 0, 2))
    axes[0].set_ylabel("y")
    found = {game: min(modes for modes, *_ in results[game]) for game in GAMES}
    ours = found.pop("WGAN-GP")
    figure.suptitle(
        f"With their worst seeds, WGAN-GP finds {ours} of 8 modes, the others at most "
        f"{max(found.values())} (circles: 3 sigma)",
        fontsize=10, x=0.01, ha="left",
    )  # fmt: skip
    save_figure(figure, "gan_ring")


if __name__ == "__main__":
    run(main, __doc__)
