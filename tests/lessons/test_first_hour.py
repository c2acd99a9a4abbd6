"""The first hour: its notebooks are up to date, GitHub shows them, and each task runs alone."""

import base64
import re
import shutil
import urllib.parse

import pytest

from .reading import FIRST_HOUR, LESSONS, cells

pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
plt = pytest.importorskip("matplotlib.pyplot")

import build

from .test_notebooks import anchors, assert_up_to_date, committed, each_language
from .test_scripts import decimals

# What each of the twelve is about, and must be in its code.
TASKS = [
    ("loss.item()", "axes.plot(losses)"),
    ("pd.read_csv(",),
    ("data.minibatches(",),
    ("before.png", "after.png", "tl.draw(loss)"),
    ("tl.draw(g).frame()",),
    ("tl.watch(model)", "watched.plot()"),
    ("nn.save(", "nn.load(", "optim.save(", "optim.load("),
    ("model.state_dict()", "model.load_state_dict("),
    ("tl.check_gradients(", "loss_of("),
    ("tl.Op(", "tl.check_gradients("),
    ("optimizer.lr =", "cosine_decay"),
    ("optim.SGD(", "optim.Adam", "seed"),
]

BY_HAND = {"2.30"}  # log 10

GALLERIES = {"en": "README.md", "ja": "README.ja.md"}


def sections():
    """The texts in English and the code of each task: (heading, code), in their order."""
    found = []
    for cell in cells(FIRST_HOUR):
        if cell.cell_type == "code":
            found[-1][1].append(cell.source)
        elif cell.metadata["lang"] == "en" and cell.source.startswith("## "):
            found.append((cell.source.splitlines()[0], []))
    return found


def texts_of(language):
    notebook = committed(FIRST_HOUR, language)
    return ["".join(cell["source"]) for cell in notebook["cells"] if "outputs" not in cell]


def outputs_of(language):
    notebook = committed(FIRST_HOUR, language)
    return [output for cell in notebook["cells"] for output in cell.get("outputs", [])]


@pytest.fixture
def with_all_it_needs():
    pytest.importorskip("pandas")
    if shutil.which("dot") is None:
        pytest.importorskip("pygraphviz")


@pytest.mark.usefixtures("with_all_it_needs")
@each_language
def test_it_runs_alone_and_its_notebook_is_up_to_date(language):
    assert_up_to_date(FIRST_HOUR, language)


def test_the_twelve_tasks_are_there_in_their_order():
    found = sections()
    assert [heading.split(". ")[0] for heading, _ in found] == [f"## {i}" for i in range(1, 13)]
    for (heading, code), words in zip(found, TASKS, strict=True):
        assert 1 <= len(code) <= 2, heading
        assert all(word in "\n".join(code) for word in words), heading
    for language in build.LANGUAGES:
        numbers = re.findall(r"^## (\d+)\. ", "\n\n".join(texts_of(language)), re.MULTILINE)
        assert numbers == [str(i) for i in range(1, 13)]


@pytest.mark.usefixtures("with_all_it_needs")
@pytest.mark.parametrize("task", range(1, 13))
def test_a_task_copied_alone_runs_and_leaves_no_file(task, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plt, "show", lambda: plt.close("all"))
    heading, code = sections()[task - 1]
    namespace = {"__name__": heading}
    for source in code:
        exec(compile(source, heading, "exec"), namespace)
    assert list(tmp_path.iterdir()) == []


@each_language
def test_what_github_shows(language):
    """Pictures as PNG, numbers as text, nothing that it drops; no warning, and no address."""
    assert build.notebook_of(FIRST_HOUR, language).stat().st_size < 140_000
    shown = outputs_of(language)
    kinds = {"stream", "display_data", "execute_result"}
    assert {output["output_type"] for output in shown} == kinds
    assert {output.get("name", "stdout") for output in shown} == {"stdout"}
    pictures = 0
    for output in shown:
        data = output.get("data", {})
        assert set(data) <= {"image/png", "text/plain"}
        text = "".join(output.get("text", []) + data.get("text/plain", []))
        assert " at 0x" not in text
        assert len(text.splitlines()) <= 30
        assert max(map(len, text.splitlines())) <= 88
        if "image/png" in data:
            assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
            pictures += 1
    assert pictures == 6
    assert all(cell["metadata"] == {} for cell in committed(FIRST_HOUR, language)["cells"])


@each_language
def test_every_decimal_of_the_texts_is_printed_or_in_the_code(language):
    notebook = committed(FIRST_HOUR, language)
    code = [text for cell in notebook["cells"] if "outputs" in cell for text in cell["source"]]
    printed = [text for output in outputs_of(language) for text in output.get("text", [])]
    known = set(decimals("".join(code + printed))) | BY_HAND
    assert set(decimals("\n".join(texts_of(language)))) <= known


@each_language
def test_every_link_leads_to_a_file_and_those_that_a_reader_needs_are_there(language):
    page = build.notebook_of(FIRST_HOUR, language)
    targets = re.findall(r"\]\(([^)]+)\)", "\n".join(texts_of(language)))
    for target in targets:
        file, _, anchor = urllib.parse.unquote(target).partition("#")
        to = (page.parent / file).resolve()
        assert to.is_file(), target
        assert not anchor or anchor in anchors(to), target
        assert to.suffix != ".ipynb" or to.parent.name in ("examples", language), target
    (other,) = {"en", "ja"} - {language}
    front = GALLERIES[language]
    needed = {build.notebook_of(FIRST_HOUR, other).name, front, f"lessons/{front}", "../README.md"}
    assert needed | {"pictures/backprop_page.png"} <= set(targets)


@each_language
def test_the_front_page_of_the_course_names_it(language):
    name = build.notebook_of(FIRST_HOUR, language).name
    assert f"](../{name})" in (LESSONS / GALLERIES[language]).read_text("utf-8")


def test_html_and_svg_are_dropped():
    data = {"text/html": "<b>1</b>", "text/plain": "1", "image/svg+xml": "<svg/>"}
    assert build.as_github_shows(data) == {"text/plain": "1"}
