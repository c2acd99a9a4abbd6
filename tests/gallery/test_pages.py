"""The gallery shows every experiment, its links lead somewhere, both languages say the same,
and its numbers are those that ``python -m tests.gallery`` compares with a full run."""

import re

import pytest

from .numbers import number
from .pages import EXAMPLES, PAGES, SCRIPTS, decimals, numbers, sections
from .published import GIVEN, MEASURED

HEADER = """\
# /// script
# requires-python = ">=3.10"
# dependencies = ["tinygrad_loss[examples{draw}]"{more}]
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
    draw = ",draw" if "tl.draw(" in source else ""
    assert source.startswith(HEADER.format(draw=draw, more=more))
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
        if "://" in path:
            continue
        file = EXAMPLES / (path or name)
        assert file.is_file(), path
        if place and file.suffix == ".md":
            headings = re.findall(r"^#+ .*$", file.read_text("utf-8"), re.MULTILINE)
            assert place in map(anchor, headings), place


def test_links_from_the_lessons_and_the_readme_lead_to_a_heading():
    pages = [(path, r"\]\(\.\./\.\./") for path in (EXAMPLES / "lessons").glob("*.py")]
    pages.append((EXAMPLES.parent / "README.md", r"\]\(examples/"))
    links = 0
    for path, start in pages:
        text = path.read_text("utf-8")
        for page, place in re.findall(start + r"(README(?:\.ja)?\.md)#([^)]*)\)", text):
            assert place in [anchor(s.heading) for s in sections(PAGES[page])], (path.name, place)
            links += 1
    assert links > 40


@pytest.mark.parametrize(
    "path", sorted((EXAMPLES / "pictures").glob("*.png")), ids=lambda p: p.name
)
def test_pictures_are_small_and_shown(path):
    assert path.stat().st_size < 60_000
    pages = [*PAGES.values(), (EXAMPLES.parent / "README.md").read_text("utf-8")]
    assert any(f"pictures/{path.name}" in page for page in pages)


def without_what_is_in_japanese_only(found):
    """The sections without those whose heading says so, and without the parts of these."""
    kept, level = [], 9
    for section in found:
        depth = section.heading.index(" ")
        if depth <= level:
            level = depth if "（日本語のみ）" in section.heading else 9
        if level == 9:
            kept.append(section)
    return kept


def test_both_languages_have_the_same_sections_pictures_and_tables():
    english, japanese = (sections(page) for page in PAGES.values())
    japanese = without_what_is_in_japanese_only(japanese)
    assert len(english) == len(japanese)
    for one, other in zip(english, japanese, strict=True):
        assert one.scripts == other.scripts
        pictures = [re.findall(r"\]\((pictures/[^)]+)\)", text) for _, text, _ in (one, other)]
        assert pictures[0] == [path.replace(".ja.png", ".png") for path in pictures[1]]
        assert len(one.rows) == len(other.rows), one.heading
        for row, translated in zip(one.rows, other.rows, strict=True):
            assert set(numbers(row)) == set(numbers(translated)), row


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


@pytest.mark.parametrize("page", PAGES)
def test_a_median_lies_between_the_smallest_and_the_largest(page):
    digits = r"(-?(?:\d[\d,]*)?\.?\d+(?:e-?\d+)?)"
    found = re.findall(digits + r" ?[(（]" + digits + r" ?(?:to|から) ?" + digits, PAGES[page])
    assert len(found) > 150
    for texts in found:
        median, low, high = (float(text.replace(",", "")) for text in texts)
        assert low <= median <= high, texts


@pytest.mark.parametrize("page", PAGES)
def test_tables_without_a_script_show_the_numbers_of_the_lesson_that_is_linked(page):
    looked_at = 0
    for section in sections(PAGES[page]):
        lessons = re.findall(r"\]\((lessons/[^)#]+\.ipynb)", section.text)
        if lessons and not section.scripts and 0 < len(section.rows) < 80:
            shown = "".join(map(text_at, lessons))
            for digits in numbers("\n".join(section.rows)):
                assert re.search(rf"(?<![\w.]){re.escape(digits)}(?!\d)", shown), digits
            looked_at += 1
    assert looked_at >= 2


@pytest.mark.parametrize("page", PAGES)
def test_each_of_the_80_statements_has_its_number_where_its_link_leads(page):
    (table,) = (section for section in sections(PAGES[page]) if len(section.rows) > 80)
    rows = [row.strip("| ").split(" | ") for row in table.rows]
    statements = [row for row in rows if len(row) == 3 and "](" in row[1]]
    assert len(statements) == 80
    for _, where, measured in statements:
        targets = re.findall(r"\]\(([^)]+)\)", where)
        shown = "".join(text_at(target, page) for target in targets)
        for digits in numbers(measured):
            assert re.search(rf"(?<![\w.]){re.escape(digits)}(?!\d)", shown), (where, digits)


def text_at(target, page="README.md"):
    """The text that a link of a page leads to: a section, or a file."""
    path, _, place = target.partition("#")
    text = (EXAMPLES / (path or page)).read_text("utf-8")
    if not place or not path.endswith((".md", "")):
        return text
    (section,) = (found for found in sections(text) if anchor(found.heading) == place)
    return section.text


def test_the_guides_of_the_readme_are_translated_row_by_row():
    readme = (EXAMPLES.parent / "README.md").read_text("utf-8")
    for page, title, translated in (
        (readme, "## Which loss for what", "### どの損失をいつ使うか（日本語のみ）"),
        (PAGES["README.md"], "### Your loss is wrong when", "### 損失の値がおかしいとき"),
    ):
        (one,) = (section for section in sections(page) if section.heading == title)
        (other,) = (s for s in sections(PAGES["README.ja.md"]) if s.heading == translated)
        assert len(one.rows) == len(other.rows) > 8
        for row, japanese in zip(one.rows, other.rows, strict=True):
            assert sorted(decimals(row)) == sorted(decimals(japanese)), row
            names = re.findall(r"`([a-z_]+)", row), re.findall(r"`([a-z_]+)", japanese)
            assert set(names[0]) == set(names[1]), row


def test_the_introduction_in_japanese_does_what_it_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    snippets = re.findall(r"```python\n(.*?)```", PAGES["README.ja.md"], re.DOTALL)
    first, second = snippets
    exec(first, {})
    printed = [float(x) for x in capsys.readouterr().out.split()]
    said = re.search(r"print\(.*#((?: -?[0-9.]+)+)", first).group(1).split()
    assert printed == pytest.approx([float(x) for x in said], abs=5e-5)
    assert (tmp_path / "loss.svg").exists()
    assert (tmp_path / "loss.html").exists()
    exec(second, {})
    loss, accuracy = capsys.readouterr().out.split()
    assert float(loss) < 0.1
    assert float(accuracy) > 0.97


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
