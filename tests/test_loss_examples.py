"""The gallery of the losses is complete and right, and the gradient penalty trains."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from tinygrad_loss import losses

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def example(monkeypatch):
    """Import an example as a module."""
    pytest.importorskip("matplotlib")
    pytest.importorskip("tqdm")
    monkeypatch.setattr(sys, "path", [str(EXAMPLES), *sys.path])
    return importlib.import_module


def test_the_gallery_is_drawn(example, capsys):
    gallery = example("loss_gallery")
    files = [EXAMPLES / "output" / f"losses_{page}.png" for page in gallery.PAGES]
    for file in files:
        file.unlink(missing_ok=True)
    gallery.main(quick=True)
    assert all(file.stat().st_size > 5000 for file in files)
    assert "mean_absolute_error" in capsys.readouterr().out


def test_the_gallery_shows_every_loss(example):
    source = Path(example("loss_gallery").__file__).read_text("utf-8")
    for name in losses.__all__:
        assert f"losses.{name}" in source, name


def test_every_gradient_of_the_gallery_is_the_slope_of_its_curve(example):
    gallery = example("loss_gallery")
    h = 1e-6
    for *_, (low, high), _, _, curves in (row for page in gallery.PAGES.values() for row in page):
        for label, f, *kinks in curves:
            x = np.linspace(low, high, 12)[1:-1] + 0.0123
            assert all(abs(x - kink).min() > h for kink in kinks)
            values = [gallery.value_and_slope(f, x + step)[0] for step in (-h, h)]
            difference = (values[1] - values[0]) / (2 * h)
            _, slope = gallery.value_and_slope(f, x)
            np.testing.assert_allclose(slope, difference, rtol=1e-4, atol=1e-8, err_msg=label)


def test_every_kink_of_the_gallery_is_one(example):
    gallery = example("loss_gallery")
    for *_, curves in (row for page in gallery.PAGES.values() for row in page):
        for label, f, *kinks in curves:
            for kink in kinks:
                _, (before, there, after) = gallery.value_and_slope(
                    f, np.array([kink - 1e-6, kink, kink + 1e-6])
                )
                assert abs(after - before) > 0.05, label
                assert min(before, after) <= there <= max(before, after), label


@pytest.mark.parametrize("seed", [0, 1])
def test_a_critic_with_a_gradient_penalty_finds_all_modes(example, seed):
    # experiments: at least 7 of 8 modes and 60 % within 3 sigma, with every seed
    ring = example("gan_ring")
    modes, share = ring.judge(ring.train("WGAN-GP", seed, steps=1000))
    assert modes >= 7
    assert share >= 0.6


def test_the_other_losses_of_the_ring_run(example):
    ring = example("gan_ring")
    results = ring.main(quick=True)
    assert list(results) == ["non-saturating", "least squares", "hinge", "WGAN-GP"]
    assert (EXAMPLES / "output" / "gan_ring.png").stat().st_size > 5000
