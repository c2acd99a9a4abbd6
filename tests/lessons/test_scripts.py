"""The scripts of the lessons: both languages say the same, code is bare, and the form is kept."""

import ast
import io
import itertools
import re
import tokenize
from collections import Counter

import pytest

from .reading import (
    JAPANESE,
    LESSONS,
    SCRIPTS,
    cells,
    checked,
    code,
    each_lesson,
    each_script,
    pairs,
    tags,
)

markdown_it = pytest.importorskip("markdown_it")


def formulas(text):
    without_words = re.sub(r"\\text\{[^}]*\}", "", text)
    found = re.findall(r"\$\$.+?\$\$|\$[^$]+\$", without_words, flags=re.DOTALL)
    return sorted(formula.strip("$ .,\n") for formula in found)  # English ends it with a period


def code_words(text):
    return sorted(set(re.findall(r"`([^`]+)`", text)))


def decimals(text):
    return sorted(re.findall(r"-?\d*\.\d+(?:e-?\d+)?", re.sub(r"\]\([^)]*\)", "]", text)))


def without_formulas_and_code(text):
    return re.sub(r"\$\$.+?\$\$|\$[^$]+\$|`[^`]+`", "x", text, flags=re.DOTALL)


def integers(text):
    """Those of two digits and more, outside of formulas and code."""
    bare = re.sub(r"\]\([^)]*\)", "]", without_formulas_and_code(text))
    bare = re.sub(r"(?<=\d),(?=\d{3})", "", bare)
    return Counter(re.findall(r"(?<![\d.])\d{2,}(?!\d|\.\d)", bare))


def test_the_lessons_are_numbered_from_1():
    assert [int(script.stem[:2]) for script in SCRIPTS] == list(range(1, len(SCRIPTS) + 1))
    assert len(SCRIPTS) >= 6


@each_script
def test_texts_stand_in_pairs(script):
    texts = [cell for cell in cells(script) if cell.cell_type == "markdown"]
    assert [cell.metadata.get("lang") for cell in texts] == ["en", "ja"] * (len(texts) // 2)
    for english, japanese in pairs(script):
        assert tags(english) == tags(japanese)


@each_script
def test_both_languages_have_the_same_formulas_code_numbers_and_links(script):
    for english, japanese in pairs(script):
        for what in (formulas, code_words, decimals):
            assert what(english.source) == what(japanese.source), (what.__name__, english.source)
        # What is a word in English, as "six", is often a digit in Japanese.
        assert integers(english.source) <= integers(japanese.source), english.source
        links = [re.findall(r"\]\(", cell.source) for cell in (english, japanese)]
        assert len(links[0]) == len(links[1]), english.source
        lines = [
            re.findall(r"^(#+ |\||- |\d\. )", cell.source, flags=re.MULTILINE)
            for cell in (english, japanese)
        ]
        assert lines[0] == lines[1], english.source


@each_script
def test_english_has_no_japanese_and_the_reverse(script):
    for english, japanese in pairs(script):
        assert not re.search(JAPANESE, english.source), english.source
        assert re.search(JAPANESE, japanese.source), japanese.source


@each_script
def test_code_has_no_comments_and_fits_the_page(script):
    for cell in code(script):
        tokens = tokenize.generate_tokens(io.StringIO(cell.source).readline)
        assert [x.string for x in tokens if x.type == tokenize.COMMENT] == [], cell.source
        assert max(map(len, cell.source.splitlines())) <= 88, cell.source


@each_script
def test_code_prints_names_and_numbers_only(script):
    """A sentence would stand in one language only: no two words in a row, and nothing but ASCII."""
    for cell in code(script):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "print":
                printed = [
                    part.value
                    for argument in node.args
                    for part in ast.walk(argument)
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                ]
                for text in printed:
                    assert text.isascii(), text
                    assert not re.search(r"[A-Za-z]{2,} [A-Za-z]{2,}", text), text


@each_lesson
def test_code_reads_without_the_library_up_to_lesson_4(script):
    text = "\n".join(cell.source for cell in code(script))
    if int(script.stem[:2]) <= 4:
        assert "tinygrad_loss" not in text
    assert "graphviz" not in text


@each_lesson
def test_the_form_of_a_lesson(script):
    number = str(int(script.stem[:2]))
    english = "\n\n".join(one.source for one, _ in pairs(script))
    japanese = "\n\n".join(other.source for _, other in pairs(script))
    assert english.startswith(f"# {number}. ")
    assert japanese.startswith(f"# 第 {number} 章 ")
    for words, text in (
        (("**You will be able to**", "**You need**", "**Time**"), english),
        (("## Check", "## Summary", "**Read on.**"), english),
        (("**できるようになること**", "**前提知識**", "**所要時間**"), japanese),
        (("## 確認テスト", "## まとめ", "**次に読むもの**"), japanese),
    ):
        places = [text.find(word) for word in words]
        assert -1 not in places, words
        assert places == sorted(places)
    pictures = [cell for cell in code(script) if "figures." in cell.source.split("import")[0]]
    assert pictures
    assert all(len(cell.source.splitlines()) <= 4 for cell in pictures)


@each_lesson
def test_each_lesson_leads_to_the_gallery_and_to_the_page(script):
    for language, gallery in ((0, "../../README.md"), (1, "../../README.ja.md")):
        text = "\n".join(pair[language].source for pair in pairs(script))
        assert gallery in text
        assert "backprop_expression.html" in text or "backprop_page" in text


@each_script
def test_no_html_and_nothing_that_github_hides(script):
    for pair in pairs(script):
        for cell in pair:
            bare = without_formulas_and_code(cell.source)
            assert not re.search(r"</?[a-z]", bare), bare
            assert "](data:" not in bare


@each_script
def test_bold_is_bold_and_japanese_has_no_italics(script):
    """`**「…」**の` shows its asterisks in CommonMark: a bracket inside, a letter outside."""
    render = markdown_it.MarkdownIt("commonmark").enable("table").render
    for pair in pairs(script):
        english, japanese = (without_formulas_and_code(cell.source) for cell in pair)
        assert "**" not in render(english), english
        assert "**" not in render(japanese), japanese
        assert not re.search(r"\*\*[「『（(]|[」』）)]\*\*", japanese), japanese
        assert "<em>" not in render(japanese), japanese


@each_script
def test_japanese_sets_a_space_around_formulas_and_uses_the_terms(script):
    for _, japanese in pairs(script):
        text = re.sub(r"\$\$.+?\$\$", "", japanese.source, flags=re.DOTALL)
        text = re.sub(r"\$[^$]+\$", "$x$", text)
        outside = text.split("$x$")
        for before, after in itertools.pairwise(outside):
            assert not re.search(JAPANESE + "$", before), before[-20:]
            assert not re.match(JAPANESE, after), after[:20]
        for word in ("順伝搬", "逆伝搬", "でたらめ", "折れ目", "成績", "あなた", "シンプル"):
            assert word not in text, text


@each_lesson
def test_exercises_are_numbered_asked_and_solved(script):
    """Each is a cell with a gap; its solution follows it; the texts name it."""
    number = str(int(script.stem[:2]))
    asked = [cell for cell in code(script, solutions=False) if checked(cell)]
    solved = [cell for cell in code(script) if "solution" in tags(cell)]
    names = [name for cell in asked for name in checked(cell)]
    assert names == [name for cell in solved for name in checked(cell)]
    count = len(asked) - 1
    assert count >= 5
    assert names == [f"{number}.{i + 1}" for i in range(count)] + [f"{number} {x}" for x in "abc"]
    assert all("..." in cell.source for cell in asked)
    for english, japanese in pairs(script):
        starts = [
            re.findall(pattern, cell.source, flags=re.MULTILINE)
            for pattern, cell in (
                (r"^\*\*Exercise ([\d.]+)\.\*\*", english),
                (r"^\*\*演習 ([\d.]+)\*\*", japanese),
            )
        ]
        assert starts[0] == starts[1]
    text = (LESSONS / script.name).read_text("utf-8")
    for i in range(count):
        assert text.count(f"**Exercise {number}.{i + 1}.**") == 1
