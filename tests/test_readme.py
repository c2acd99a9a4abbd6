"""What README.md shows is what one gets."""

import linecache
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text("utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def run(snippet, capsys):
    # As in a file: what unroll writes says which line it came from.
    linecache.cache["README.md"] = (len(snippet), None, snippet.splitlines(True), "README.md")
    exec(compile(snippet, "README.md", "exec"), {"__name__": "readme"})
    return capsys.readouterr().out


def test_the_first_snippet_prints_what_its_comment_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    printed = [float(number) for number in run(SNIPPETS[0], capsys).split()]
    said = re.search(r"print\(.*#((?: -?[0-9.]+)+)", SNIPPETS[0]).group(1)
    assert printed == pytest.approx([float(number) for number in said.split()], abs=5e-5)
    for picture in ("loss.svg", "loss.html"):
        assert "tanh" in (tmp_path / picture).read_text("utf-8")


def test_the_training_snippet_learns(capsys):
    loss, accuracy = run(SNIPPETS[1], capsys).split()
    assert float(loss) < 0.1
    assert float(accuracy) > 0.97


def test_the_update_by_hand_prints_what_its_comment_says(capsys):
    said = re.search(r"print\(.*# (.*)", SNIPPETS[2]).group(1)
    assert run(SNIPPETS[2], capsys).strip() == said


def test_the_source_that_unroll_writes_is_the_one_shown(capsys):
    shown = re.search(r"prints\n\n```\n(.*?)```", TEXT, re.DOTALL).group(1)
    assert run(SNIPPETS[3], capsys).strip() == shown.strip()


def test_every_link_leads_somewhere():
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", TEXT) if "://" not in link]
    assert len(links) > 15
    assert [link for link in links if not (ROOT / link).exists()] == []
