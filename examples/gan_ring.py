"""Which GAN loss finds all eight modes? Samples on a ring of Gaussians, over five seeds.

Claim (Gulrajani et al. 2017): a Wasserstein critic with a gradient penalty is stable where other
losses lose modes. A *mode* is one of eight Gaussians (sigma 0.05) on a ring of radius 2. It counts
as found if at least 1 % of the samples lie within 3 sigma of its center. All losses train the same
nets (tanh, 32-32) with the same optimizer, Adam(0.5, 0.9) with the learning rate falling from 5e-3
to 0, for 1000 steps of the generator, each after three of the critic. The weight of the penalty is
0.1, as in the authors' own script for toy data: with 10 not a mode is found in so few steps.

What the numbers say: the gradient penalty finds all modes with every seed. The other losses put
most samples at a mode too, but nearly always miss two of the eight. (With one step of their critic
instead of three they lose fewer, but then only 12 to 76 % of their samples lie at a mode.)

Run it with

    python examples/gan_ring.py

It takes about a minute, prints a table and saves examples/output/gan_ring.png.
"""

import numpy as np
from _common import plt, run, save_figure
from tqdm import tqdm

from tinygrad_loss import losses, no_grad
from tinygrad_loss.data import ring_of_gaussians
from tinygrad_loss.nn import MLP
from tinygrad_loss.optim import Adam, linear_decay

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


def train(game, seed, steps, progress=None):
    """2000 samples of the generator after training."""
    critic_loss, generator_loss = GAMES[game]
    rng = np.random.default_rng(seed)
    generator = MLP([LATENT, 32, 32, 2], activation="tanh", rng=rng)
    critic = MLP([2, 32, 32, 1], activation="tanh", rng=rng)
    players = [Adam(p.parameters(), 5e-3, betas=(0.5, 0.9)) for p in (critic, generator)]

    def generate(n):
        return generator(rng.standard_normal((n, LATENT)))

    def update(optimizer, loss):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    for step in range(steps):
        for player in players:
            player.lr = linear_decay(step, steps, start=5e-3, end=0.0)
        for _ in range(CRITIC_STEPS):
            real, _ = ring_of_gaussians(BATCH, std=SIGMA, rng=rng)
            with no_grad():
                fake = generate(BATCH)
            loss = critic_loss(critic(real), critic(fake))
            if game == "WGAN-GP":
                loss = loss + losses.gradient_penalty(critic, real, fake, weight=0.1, rng=rng)
            update(players[0], loss)
        update(players[1], generator_loss(critic(generate(BATCH))))
        if progress is not None:
            progress.update()
    with no_grad():
        return generate(2000).data


def judge(samples):
    """How many modes were found, and the share of samples that lie at one."""
    distances = np.linalg.norm(samples[:, None] - CENTERS, axis=2)
    near = distances.min(axis=1) < 3 * SIGMA
    counts = np.bincount(distances.argmin(axis=1)[near], minlength=8)
    return int((counts >= 0.01 * len(samples)).sum()), near.mean()


def main(quick=False):
    """Train each pair of losses with each seed, save the picture, and return what was found."""
    seeds, steps = (range(1), 300) if quick else (range(5), 1000)
    samples, results = {}, {}
    with tqdm(total=len(GAMES) * len(seeds) * steps, desc="training", unit="step") as progress:
        for game in GAMES:
            samples[game] = [train(game, seed, steps, progress) for seed in seeds]
            results[game] = [judge(x) for x in samples[game]]
    print(f"\n{'losses':<16}{'modes found, by seed':<24}{'share within 3 sigma, by seed'}")
    for game, found in results.items():
        modes = " ".join(str(n) for n, _ in found)
        shares = " ".join(f"{100 * share:3.0f}%" for _, share in found)
        print(f"{game:<16}{modes:<24}{shares}")
    draw(samples, results)
    return results


def draw(samples, results):
    """The samples of each game's worst seed."""
    figure, axes = plt.subplots(1, len(GAMES), figsize=(8, 2.7), sharex=True, sharey=True)
    for axis, game in zip(axes, GAMES, strict=True):
        worst = min(range(len(results[game])), key=lambda i: results[game][i])
        modes, share = results[game][worst]
        axis.scatter(*samples[game][worst].T, s=1.5, color="0.15", linewidths=0)
        for center in CENTERS:
            axis.add_patch(plt.Circle(center, 3 * SIGMA, fill=False, color="tab:red", linewidth=1))
        axis.set_title(f"{game}\n{modes} modes, {share:.0%} near one")
        axis.set(
            xlim=(-2.9, 2.9), ylim=(-2.9, 2.9), aspect="equal", xticks=(-2, 0, 2), yticks=(-2, 0, 2)
        )
    figure.suptitle(
        "2000 samples of each generator, with its worst seed; rings: 3 sigma", fontsize=10
    )
    save_figure(figure, "gan_ring")


if __name__ == "__main__":
    run(main, __doc__)
