"""The gallery shows every experiment, its links lead somewhere, and both languages say the same."""

import re
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
PAGES = {name: (EXAMPLES / name).read_text("utf-8") for name in ("README.md", "README.ja.md")}
SCRIPTS = {path.name for path in EXAMPLES.glob("*.py") if not path.name.startswith("_")}


def sections(page):
    """The text below each heading of a page, in order."""
    return re.split(r"^#+ .*$", page, flags=re.MULTILINE)[1:]


def figures(text):
    """The decimal numbers of a text. (One language writes "five", the other 5.)"""
    return sorted(float(x) for x in re.findall(r"-?\d*\.\d+(?:e-?\d+)?|-?\d+e-?\d+", text))


@pytest.mark.parametrize("name", PAGES)
def test_every_experiment_is_shown_with_its_command(name):
    commands = re.findall(r"^    python examples/(\w+\.py)$", PAGES[name], flags=re.MULTILINE)
    assert set(commands) == SCRIPTS


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_to_a_file(name):
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", PAGES[name])
    assert len(targets) > 20
    for target in targets:
        assert (EXAMPLES / target).is_file(), target


@pytest.mark.parametrize(
    "path", sorted((EXAMPLES / "pictures").glob("*.png")), ids=lambda p: p.name
)
def test_pictures_are_small(path):
    assert path.stat().st_size < 60_000


def test_both_languages_have_the_same_sections_pictures_and_tables():
    english, japanese = (sections(page) for page in PAGES.values())
    assert len(english) == len(japanese)
    for one, other in zip(english, japanese, strict=True):
        pictures = [re.findall(r"\]\((pictures/[^)]+)\)", text) for text in (one, other)]
        assert pictures[0] == pictures[1]
        rows = [re.findall(r"^\|.*\|$", text, flags=re.MULTILINE) for text in (one, other)]
        if not rows[0]:  # the page in Japanese also translates the tables of the README
            continue
        assert len(rows[0]) == len(rows[1]), one
        for row, translated in zip(*rows, strict=True):
            assert figures(row) == figures(translated), row
