"""The notebooks are what the scripts give, run alone in a fresh kernel, and GitHub shows them."""

import base64
import json
import os
import re
import subprocess
import sys
import urllib.parse

import pytest

from .reading import FIRST_HOUR, LESSONS, SCRIPTS, each_lesson, each_script

pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
pytest.importorskip("matplotlib")

import build

# Numbers of a text that are worked out by hand, or published, and printed by no cell.
BY_HAND = {
    # e; 1 / log(2); -log(0.64) and 1 / 0.6 in exercise 2.2
    "02_chain_rule": ("2.71828", "1.4427", "0.4463", "1.6667"),
    "03_graph": ("0.377541", "0.291027924"),  # 1 - 0.622459; published, and not what is found
    "06_softmax": ("1.46115",),  # log(e + 9) - 1, below the 1.4612 that is printed
}

each_language = pytest.mark.parametrize("language", build.LANGUAGES)


def committed(script, language):
    return json.loads(build.notebook_of(script, language).read_text("utf-8"))


def outputs(notebook):
    """What each cell prints; of a picture only that there is one (its bytes differ by machine)."""
    return [
        [
            {key: value for key, value in output.items() if key not in ("data", "metadata")}
            | {"kinds": sorted(output.get("data", {}))}
            for output in cell.get("outputs", [])
        ]
        for cell in notebook["cells"]
    ]


def assert_up_to_date(script, language):
    """Run alone, in a fresh kernel, the script gives the notebook that is committed."""
    now = json.loads(build.as_text(build.executed(script, language)))
    before = committed(script, language)
    assert [cell["source"] for cell in now["cells"]] == [cell["source"] for cell in before["cells"]]
    assert outputs(now) == outputs(before)
    assert [cell["id"] for cell in now["cells"]] == [cell["id"] for cell in before["cells"]]
    assert now["metadata"] == before["metadata"]


@each_lesson
@each_language
def test_a_lesson_runs_alone_and_its_notebook_is_up_to_date(script, language):
    assert_up_to_date(script, language)


def test_built_twice_it_is_the_same_bytes():
    """Pictures included."""
    script = SCRIPTS[0]
    first, second = (build.as_text(build.executed(script, "en")) for _ in range(2))
    assert first == second


@each_lesson
@each_language
def test_what_github_shows(script, language):
    """No error, no warning, PNG only, small."""
    path = LESSONS / language / f"{script.stem}.ipynb"
    assert path.stat().st_size < 100_000
    notebook = committed(script, language)
    shown = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    assert {output["output_type"] for output in shown} <= {"stream", "display_data"}
    assert {output.get("name", "stdout") for output in shown} == {"stdout"}
    pictures = [output["data"] for output in shown if "data" in output]
    assert pictures
    for data in pictures:
        assert set(data) == {"image/png", "text/plain"}
        assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert all(cell["metadata"] == {} for cell in notebook["cells"])
    for output in shown:
        lines = "".join(output.get("text", [])).splitlines()
        assert len(lines) <= 30
        assert max(map(len, lines), default=0) <= 88


@each_lesson
@each_language
def test_no_check_in_a_lesson_fails(script, language):
    """What a lesson compares is True, but for the rule that is wrong on purpose."""
    printed = [
        line
        for cell in committed(script, language)["cells"]
        for output in cell.get("outputs", [])
        for line in "".join(output.get("text", [])).splitlines()
    ]
    wrong_on_purpose = ["wrong < 1e-7 = False"] if script.stem == "05_arrays" else []
    assert [line for line in printed if "False" in line] == wrong_on_purpose


@each_lesson
def test_long_decimals_in_the_texts_come_from_the_code(script):
    """A number of four digits or more is printed by the lesson, or is the result of its formula."""
    cells_now = committed(script, "en")["cells"]
    shown = "".join("".join(cell["source"]) for cell in cells_now if "outputs" in cell)
    shown += "".join(
        "".join(output.get("text", [])) for cell in cells_now for output in cell.get("outputs", [])
    )
    known = {abs(float(number)) for number in re.findall(r"\d+\.\d+", shown)}
    text = "".join("".join(cell["source"]) for cell in cells_now if "outputs" not in cell)
    for number in re.findall(r"\d+\.\d{4,}", re.sub(r"\]\([^)]*\)", "", text)):
        digits = len(number.partition(".")[2])
        near = any(abs(float(number) - x) < 0.6 * 10**-digits for x in known)
        assert near or number in BY_HAND.get(script.stem, ()), number


@each_script
def test_the_code_is_the_same_in_both_languages(script):
    english, japanese = (
        [cell["source"] for cell in committed(script, language)["cells"] if "outputs" in cell]
        for language in build.LANGUAGES
    )
    assert english == japanese


@each_lesson
@each_language
def test_the_page_of_solutions_is_up_to_date(script, language):
    page = LESSONS / language / "solutions" / f"{script.stem}.md"
    assert page.read_text("utf-8") == build.solutions(script, language)


def anchors(page):
    if page.suffix != ".md":
        return set()
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), flags=re.MULTILINE)
    return {build.anchor_of(heading) for heading in headings}


def texts(folder):
    for path in sorted(folder.rglob("*.ipynb")):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        yield (
            path,
            "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"),
        )
    for path in sorted(folder.rglob("*.md")):
        yield path, path.read_text("utf-8")


@pytest.mark.parametrize("folder", [*build.LANGUAGES, "."])
def test_every_link_leads_to_a_file_and_a_heading(folder):
    count = 0
    for path, text in texts(LESSONS / folder):
        for target in re.findall(r"\]\(([^)]+)\)", text):
            if "://" in target:
                continue
            file, _, anchor = urllib.parse.unquote(target).partition("#")
            page = (path.parent / file).resolve() if file else path
            assert page.exists(), (path.name, target)
            assert not anchor or anchor in anchors(page), (path.name, target)
            count += 1
    assert count >= 10 * (folder != ".")


def test_the_first_four_lessons_need_nothing_of_the_library():
    """Nor do the checks, which all lessons share."""
    names = [script.stem for script in SCRIPTS[:4]]
    code = (
        "import json, sys; sys.modules['tinygrad_loss'] = sys.modules['graphviz'] = None\n"
        f"for name in {names}:\n"
        "    for cell in json.load(open(f'{name}.ipynb', encoding='utf-8'))['cells']:\n"
        "        if 'outputs' in cell:\n"
        "            exec(''.join(cell['source']))\n"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=LESSONS / "en",
        check=True,
        capture_output=True,
        env=os.environ | {"MPLBACKEND": "agg"},
    )


@pytest.mark.parametrize(
    ("language", "text", "linked"),
    [
        ("en", "Lesson 3 and lesson 3.", "[Lesson 3](03_graph.ipynb) and lesson 3."),
        ("en", "lessons 1, 5 and 4", "lessons [1](01_slope.ipynb), 5 and [4](04_order.ipynb)"),
        ("en", "[lesson 3](03_graph.ipynb), lesson 3, lesson 2, lesson 99", None),
        ("ja", "第 3 章と第 3 章", "[第 3 章](03_graph.ipynb)と第 3 章"),
        ("ja", "『深層学習』（2016）の第 3 章、第 2 章、第 5 章、第 99 章", None),
    ],
)
def test_the_first_mention_of_another_lesson_is_a_link(language, text, linked):
    """Of lesson 2, where lesson 5 has a link already. None: nothing is to be linked."""
    assert build.with_links(text, SCRIPTS[1], language, known={5}) == (linked or text)


def test_one_lesson_can_be_built_alone(capsys, monkeypatch):
    monkeypatch.setattr(build, "write", lambda script: print(script.stem))
    build.main("1", "03", "first_hour")
    assert capsys.readouterr().out.split() == ["01_slope", "03_graph", "first_hour"]


def test_without_a_number_all_are_built(capsys, monkeypatch):
    monkeypatch.setattr(build, "write", lambda script: print(script.stem))
    build.main()
    assert capsys.readouterr().out.split() == [path.stem for path in (*SCRIPTS, FIRST_HOUR)]


@pytest.mark.parametrize("number", ["0", "99", "x", "--help"])
def test_a_lesson_that_is_none_is_refused(number, monkeypatch):
    monkeypatch.setattr(build, "write", lambda script: pytest.fail("written"))
    with pytest.raises(SystemExit, match="there are 1 to"):
        build.main(number)


def test_a_cell_that_warns_or_fails_leaves_the_old_pages(tmp_path, monkeypatch):
    for code in ("import warnings; warnings.warn('red')", "1 / 0"):
        script = tmp_path / "01_slope.py"
        script.write_text(f'# %% [markdown] lang="en"\n# # 1. T\n\n# %%\n{code}\n', "utf-8")
        monkeypatch.setattr(build, "SCRIPTS", [script])
        before = (LESSONS / "en" / "01_slope.ipynb").read_bytes()
        with pytest.raises(Exception, match=r"red|ZeroDivisionError"):
            build.write(script)
        assert (LESSONS / "en" / "01_slope.ipynb").read_bytes() == before


@each_language
def test_there_are_no_other_pages(language):
    stems = {script.stem for script in SCRIPTS}
    assert {path.stem for path in (LESSONS / language).glob("*.ipynb")} == stems
    assert {path.stem for path in (LESSONS / language / "solutions").iterdir()} == stems
    assert {path.name for path in (LESSONS / language).glob("*.py")} == {"check.py"}


@pytest.mark.parametrize(("page", "language"), [("README.md", "en"), ("README.ja.md", "ja")])
def test_the_front_page_lists_each_lesson_with_its_title_and_time(page, language):
    """In their order; what a lesson needs comes before it, and the times are those it gives."""
    text = (LESSONS / page).read_text("utf-8")
    rows = re.findall(r"^\| \[(.+)\]\((.+)\) \| .+ \|(.*)\| (\d+) \|$", text, re.MULTILINE)
    head = r"\*\*Time\*\*: (\d+) minutes|\*\*所要時間\*\*：(\d+) 分"
    expected = []
    for script in SCRIPTS:
        first = build.cells_of(script, language)[0].source
        minutes = "".join(re.search(head, first).groups(""))
        expected.append(
            (build.title_of(script, language), f"{language}/{script.stem}.ipynb", minutes)
        )
    assert [(title, link, minutes) for title, link, _, minutes in rows] == expected
    for number, (_, _, needed, _) in enumerate(rows, 1):
        assert all(int(x) < number for x in re.findall(r"\d+", needed))
