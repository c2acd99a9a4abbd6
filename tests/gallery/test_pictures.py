"""Pictures are saved in both languages; a word without Japanese is an error."""

import importlib
import sys

import pytest

from .pages import EXAMPLES


@pytest.fixture
def common(monkeypatch, tmp_path):
    for package in ("matplotlib", "matplotlib_fontja"):
        pytest.importorskip(package)
    monkeypatch.setattr(sys, "path", [str(EXAMPLES), *sys.path])
    module = importlib.import_module("_common")
    monkeypatch.setattr(module, "OUTPUT", tmp_path)
    return module


def test_numbers_stay_where_the_words_want_them(common, monkeypatch):
    monkeypatch.setitem(common.WORDS, "# of # right, L2", "L2：{1} 個のうち {0} 個が正解")
    assert common.in_japanese("3 of 1,700 right, L2") == "L2：1,700 個のうち 3 個が正解"
    assert common.in_japanese("after 3 steps") == "3 ステップ後"
    for same in ("x", "−2.5", "1e-10", "$10^{-2}$", ""):
        assert common.in_japanese(same) == same


def test_a_word_without_japanese_is_an_error(common):
    with pytest.raises(KeyError, match="'4 unknown words' has no Japanese yet: add '# unknown w"):
        common.in_japanese("4 unknown words")


def test_every_text_of_a_figure_is_translated(common, monkeypatch, tmp_path):
    names = ("title", "label", "tick", "legend", "note", "heading")
    for word in names:
        monkeypatch.setitem(common.WORDS, f"the {word}", f"訳{word[0]}")
    figure, axes = common.plt.subplots()
    axes.plot([0, 1], [0, 1], label="the legend")
    axes.set(title="the title", xlabel="the label")
    axes.set_xticks([0], ["the tick"])
    axes.text(0, 0, "the note")
    axes.legend()
    figure.suptitle("the heading")
    common.save_figure(figure, "both")
    drawn = {text.get_text() for text in figure.findobj(common.Text)}
    assert {f"訳{word[0]}" for word in names} <= drawn
    assert not any("the " in text for text in drawn)
    assert (tmp_path / "both.png").read_bytes() != (tmp_path / "both.ja.png").read_bytes()
