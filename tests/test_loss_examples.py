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


def test_the_gallery_is_drawn(example, capsys, monkeypatch, tmp_path):
    gallery = example("loss_gallery")
    monkeypatch.setattr(example("_common"), "OUTPUT", tmp_path)
    gradients = gallery.main(quick=True)
    for page in gallery.PAGES:
        for ending in ("png", "ja.png"):
            assert (tmp_path / f"losses_{page}.{ending}").stat().st_size > 3000
    assert ("mean_absolute_error", 0, -1, 0, 1) in gradients
    assert "mean_absolute_error" in capsys.readouterr().out


def test_every_text_of_the_gallery_is_translated(example):
    """When quick, only the first row of each page is drawn."""
    gallery, common = example("loss_gallery"), example("_common")
    for title, other, label, *_, curves in (row for page in gallery.PAGES.values() for row in page):
        for text in (title, other, label):
            assert common.in_japanese(text) != text
        for call, *_ in curves:
            assert common.in_japanese(gallery.code(call)) == gallery.code(call)


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
    # at least 7 of 8 modes and 60 % within 3 sigma, with every seed of the full run
    ring = example("gan_ring")
    samples, slope = ring.train("WGAN-GP", seed, steps=1000)
    modes, share = ring.judge(samples)
    assert modes >= 7
    assert share >= 0.6
    assert 0.5 < slope < 1.7


def test_the_penalty_holds_the_slope_of_the_critic_near_1(example, monkeypatch, tmp_path):
    ring = example("gan_ring")
    monkeypatch.setattr(example("_common"), "OUTPUT", tmp_path)
    results = ring.main(quick=True)
    assert list(results) == ["the data", "non-saturating", "least squares", "hinge", "WGAN-GP"]
    slopes = {game: slope for game, ((*_, slope),) in results.items()}
    assert 0.6 < slopes.pop("WGAN-GP") < 1.7
    assert max(slopes.values()) < 0.55
    assert (tmp_path / "gan_ring.ja.png").stat().st_size > 5000


def test_the_share_of_the_ring_itself_within_3_sigma_is_the_closed_form(example):
    ring = example("gan_ring")
    samples = ring.ring(100_000, np.random.default_rng(1))
    modes, share = ring.judge(samples)
    assert modes == 8
    assert share == pytest.approx(1 - np.exp(-9 / 2), abs=0.002)
    assert ring.judge(samples[samples[:, 1] > 1])[0] == 3  # modes at 45, 90 and 135 degrees
