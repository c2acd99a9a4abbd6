"""What README.md shows is what one gets."""

import importlib
import linecache
import re
from pathlib import Path

import numpy as np
import pytest

import tinygrad_loss as tl

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text("utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
NUMBER = r"-?\d*\.?\d+"


def run(snippet, capsys):
    # As in a file: what unroll writes says which line it came from.
    linecache.cache["README.md"] = (len(snippet), None, snippet.splitlines(True), "README.md")
    exec(compile(snippet, "README.md", "exec"), {"__name__": "readme"})
    return capsys.readouterr().out.strip()


def said(snippet):
    """What the snippet says that it prints: the comments behind print, or the block below it."""
    _, _, below = TEXT.partition(f"{snippet}```")
    if below.startswith("\n\nprints\n\n```\n"):
        return below.split("```\n")[1].strip()
    return "\n".join(re.findall(r"^print\(.*\)  # (.*)$", snippet, re.MULTILINE))


@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_every_snippet_runs_and_prints_what_it_says(number, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    snippet = SNIPPETS[number]
    if "scipy" in snippet:
        pytest.importorskip("scipy")
    expected, printed = said(snippet), run(snippet, capsys)
    assert expected
    assert expected.count("\n") == printed.count("\n")
    tolerance = 0.04 if "adam" in snippet.lower() else 0  # .95 to 1.00 over five seeds
    assert re.split(NUMBER, printed) == re.split(NUMBER, expected)
    pairs = zip(re.findall(NUMBER, printed), re.findall(NUMBER, expected), strict=True)
    for found, shown in pairs:
        digits = len(shown.partition(".")[2])
        assert float(found) == pytest.approx(float(shown), abs=tolerance + 0.51 * 10**-digits)
    saved = re.findall(r'save\("([^"]+)"', snippet)
    assert {path.name for path in tmp_path.iterdir()} == set(saved)
    for name in saved:
        assert (tmp_path / name).stat().st_size > 500


def test_the_picture_at_the_top_is_that_of_the_snippet_below_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shown = re.search(r"!\[[^\]]*\]\((\S+)\)", TEXT).group(1)
    run(SNIPPETS[0], capsys)
    committed = (ROOT / shown).read_text("utf-8")
    drawn = (tmp_path / "loss.svg").read_text("utf-8")
    texts = [re.findall(r"<text[^>]*>([^<]*)</text>", picture) for picture in (committed, drawn)]
    assert sorted(texts[0]) == sorted(texts[1])


def test_every_link_leads_to_a_file_and_a_heading():
    links = re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", TEXT)
    assert len(links) > 30
    for path, place in links:
        if "://" in path:
            continue
        assert (ROOT / path).exists(), path
        if place:
            page = (ROOT / (path or "README.md")).read_text("utf-8")
            headings = re.findall(r"^#+ (.*)$", page, re.MULTILINE)
            anchors = [re.sub(r"[^\w\- ]", "", x.lower()).replace(" ", "-") for x in headings]
            assert place in anchors, (path, place)


def test_names_in_code_are_there():
    """`tl.name(...)`, `optim.name`, and files, as they stand between backticks."""
    modules = {name: importlib.import_module(f"tinygrad_loss.{name}") for name in ("nn", "optim")}
    prose = re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL)
    found = re.findall(r"`(tl|nn|optim)\.(?!py`)(\w+)", prose)
    assert len(found) > 5
    for module, name in found:
        assert hasattr(modules.get(module, tl), name), name
    for path in re.findall(r"`((?:tests|examples|\.ci)/[\w./]+)`", prose):
        assert (ROOT / path).exists() or path == "examples/output/", path


def test_the_numbers_in_the_first_lines_are_counted():
    assert f"{len(tl.losses.__all__)} loss functions" in TEXT
    assert "1,797 real handwritten digits" in TEXT
    datasets = pytest.importorskip("sklearn.datasets")
    assert len(datasets.load_digits().target) == 1797


def test_a_loss_that_is_kept_keeps_its_graph():
    """The row on losses.append(loss): each Tensor holds the arrays of its pass."""
    w = tl.Tensor(np.ones((300, 300)), requires_grad=True)
    losses = [(tl.tanh(w) ** 2).sum() for _ in range(3)]
    held = [loss.origin[1][0].origin[1][0].data.nbytes for loss in losses]
    assert held == [300 * 300 * 8] * 3
    assert isinstance(losses[0].item(), float)
