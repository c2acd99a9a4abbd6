"""The gallery shows every experiment, its links lead somewhere, both languages say the same,
and its numbers are those that ``python -m tests.gallery`` compares with a full run."""

import re

import pytest

from .pages import EXAMPLES, PAGES, SCRIPTS, decimals, sections
from .published import GIVEN, MEASURED, number

HEADER = """\
# /// script
# requires-python = ">=3.10"
# dependencies = ["tinygrad_loss[examples]"{more}]
# [tool.uv.sources]
# tinygrad_loss = {{ path = "..", editable = true }}
# ///
"""


def anchor(heading):
    """The address that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lstrip("# ").lower()).replace(" ", "-")


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_scripts_say_what_they_need_and_begin_alike(name):
    source = (EXAMPLES / f"{name}.py").read_text("utf-8")
    more = ', "torch"' if name == "pytorch_bridge" else ""
    assert source.startswith(HEADER.format(more=more))
    assert "import tinygrad_loss as tl\n" in source
    taken = re.findall(r"^from tinygrad_loss\.?(\S*) import", source, re.MULTILINE)
    assert set(taken) <= {"", "engine"}, "take modules: from tinygrad_loss import nn, optim"
    assert f"python examples/{name}.py" in source


@pytest.mark.parametrize("name", PAGES)
def test_every_experiment_is_shown_with_its_command(name):
    assert {script for section in sections(PAGES[name]) for script in section.scripts} == SCRIPTS


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name):
    targets = re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", PAGES[name])
    assert len(targets) > 20
    for path, place in targets:
        file = EXAMPLES / (path or name)
        assert file.is_file(), path
        if place and file.suffix == ".md":
            headings = re.findall(r"^#+ .*$", file.read_text("utf-8"), re.MULTILINE)
            assert place in map(anchor, headings), place


@pytest.mark.parametrize(
    "path", sorted((EXAMPLES / "pictures").glob("*.png")), ids=lambda p: p.name
)
def test_pictures_are_small_and_shown(path):
    assert path.stat().st_size < 60_000
    pages = [*PAGES.values(), (EXAMPLES.parent / "README.md").read_text("utf-8")]
    assert any(f"pictures/{path.name}" in page for page in pages)


def test_both_languages_have_the_same_sections_pictures_and_tables():
    english, japanese = (sections(page) for page in PAGES.values())
    shared = [section for section in japanese if "（日本語のみ）" not in section.heading]
    assert len(english) == len(shared)
    for one, other in zip(english, shared, strict=True):
        assert one.scripts == other.scripts
        pictures = [re.findall(r"\]\((pictures/[^)]+)\)", text) for _, text, _ in (one, other)]
        assert pictures[0] == [path.replace(".ja.png", ".png") for path in pictures[1]]
        assert len(one.rows) == len(other.rows), one.heading
        for row, translated in zip(one.rows, other.rows, strict=True):
            assert sorted(decimals(row)) == sorted(decimals(translated)), row


@pytest.mark.parametrize("name", sorted(SCRIPTS))
@pytest.mark.parametrize("page", PAGES)
def test_every_number_in_a_table_is_compared_with_a_run_or_given(page, name):
    shown = [section for section in sections(PAGES[page]) if name in section.scripts]
    together = {script for section in shown for script in section.scripts}
    measured = {n.text for script in together for n in MEASURED.get(script, [])}
    given = {text for script in together for text in GIVEN.get(script, "").split()}
    for section in shown:
        for row in section.rows:
            assert set(decimals(row)) <= measured | given, row
    text = "".join(section.text for section in shown)
    for n in MEASURED.get(name, []):
        assert re.search(rf"(?<![\w.]){re.escape(n.text)}(?![\d])", text), n.text


def test_the_comparison_can_fail():
    exact, wide = number("1.1563", lambda r: r), number("8", lambda r: r, 6, 8)
    assert not exact.moved(1.15634)
    assert exact.moved(1.15636)
    assert exact.low < 1.1564 < exact.high < 1.1565
    assert exact.low > 1.1561
    assert (wide.low, wide.high) == (6, 8)
    assert wide.moved(7)
    assert number("4.5e-5", lambda r: r).printed(4.54e-5) == "4.5e-05"
    assert not number("4.5e-5", lambda r: r).moved(4.54e-5)
    assert number("22,063", lambda r: r).printed(22063.2) == "22,063"
