"""Make the notebooks and the solution pages of the lessons, executed, in both languages.

    pip install -e '.[lessons,draw]'
    python examples/lessons/build.py                # all lessons, and the first hour
    python examples/lessons/build.py 3 5            # two of them
    python examples/lessons/build.py first_hour     # examples/first_hour.ipynb alone

A lesson is one script in jupytext's percent format. It holds its code once, and each text as a pair
of markdown cells, marked lang="en" and lang="ja". Cells with tags=["solution"] go to a page of
their own, en/solutions/03_graph.md, to which the notebook links below the exercise. What is written
depends on nothing but the script and the packages: ids are counted, times and versions left out.

The first hour is no lesson, and has no solutions and no neighbors. Its notebooks lie in examples/.
It alone needs Graphviz (the extra "draw").
"""

import base64
import io
import os
import re
import sys
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from PIL import Image

LESSONS = Path(__file__).parent
SCRIPTS = sorted(LESSONS.glob("[0-9][0-9]_*.py"))
FIRST_HOUR = LESSONS / "first_hour.py"
LANGUAGES = ("en", "ja")

# What the build itself writes, in each language.
WORDS = {
    "en": {
        "other": "[日本語](../ja/{stem}.ipynb) · [All lessons](../README.md)",
        "other hour": "[日本語](first_hour.ja.ipynb) · [The course](lessons/README.md)",
        "solution": "[Solution](solutions/{stem}.md#{anchor})",
        "exercise": "Exercise {number}",
        "check": "Check",
        "page": "Solutions: {title}",
        "back": "[Back to the lesson](../{stem}.ipynb)",
        "previous": "[Back: {title}]({stem}.ipynb)",
        "next": "[Next: {title}]({stem}.ipynb)",
    },
    "ja": {
        "other": "[English](../en/{stem}.ipynb) · [全章の一覧](../README.ja.md)",
        "other hour": "[English](first_hour.ipynb) · [講座](lessons/README.ja.md)",
        "solution": "[解答例](solutions/{stem}.md#{anchor})",
        "exercise": "演習 {number}",
        "check": "確認テスト",
        "page": "解答例：{title}",
        "back": "[本文に戻る](../{stem}.ipynb)",
        "previous": "[前の章：{title}]({stem}.ipynb)",
        "next": "[次の章：{title}]({stem}.ipynb)",
    },
}


def cells_of(script, language):
    """The cells of a lesson in one language: its code, and the texts in this language."""
    notebook = jupytext.read(script, fmt="py:percent")
    return [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code" or cell.metadata.get("lang") == language
    ]


def notebook_of(script, language):
    """The path of a notebook. Its folder is also the one that it runs in."""
    if script == FIRST_HOUR:
        ending = ".ipynb" if language == "en" else f".{language}.ipynb"
        return LESSONS.parent / f"{script.stem}{ending}"
    return LESSONS / language / f"{script.stem}.ipynb"


def is_solution(cell):
    return "solution" in cell.metadata.get("tags", [])


def title_of(script, language):
    return cells_of(script, language)[0].source.splitlines()[0].removeprefix("# ")


def heading_of(cell, words):
    """The heading of a solution: the exercise that its cell checks ("3.1"), or the check ("3 a")."""
    number = re.search(r'check\("([^"]+)"', cell.source).group(1)
    return words["exercise" if "." in number else "check"].format(number=number)


def anchor_of(heading):
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


# Where a text names lessons, not yet in a link. (After "）の" it is the chapter of a book.)
MENTIONS = {
    "en": r"(?<!\[)\b[Ll]essons? \d+(?:(?:, | and | to |, and )\d+)*(?![\d\]])",
    "ja": r"(?<!\[)(?<!）の)第 \d+ 章(?!\])",
}


def with_links(text, script, language, known):
    """Link the first mention of each other lesson; `known` holds the numbers that have a link."""
    stems = {int(other.stem[:2]): other.stem for other in SCRIPTS}
    known.add(int(script.stem[:2]))

    def number(match):
        n = int(re.search(r"\d+", match.group()).group())
        if n in known or n not in stems:
            return match.group()
        known.add(n)
        return f"[{match.group()}]({stems[n]}.ipynb)"

    def mention(match):  # of several ("lessons 4 and 5") only the numbers become links
        one = r"\d+" if re.match("[Ll]essons ", match.group()) else r".+"
        return re.sub(one, number, match.group())

    known |= {int(n) for n in re.findall(r"\]\((\d\d)_\w+\.ipynb\)", text)}
    return re.sub(MENTIONS[language], mention, text)


def links_to_neighbors(script, language):
    """Links to the lessons before and after."""
    place = SCRIPTS.index(script)
    others = {"previous": SCRIPTS[:place][-1:], "next": SCRIPTS[place + 1 : place + 2]}
    return " · ".join(
        WORDS[language][which].format(title=title_of(other, language), stem=other.stem)
        for which, found in others.items()
        for other in found
    )


def unexecuted(script, language):
    """The notebook of a lesson before it is run: solutions are links, ids are counted."""
    words, stem, known = WORDS[language], script.stem, set()
    is_lesson, sources = script != FIRST_HOUR, []
    for cell in cells_of(script, language):
        if not is_solution(cell):
            text = cell.source
            if cell.cell_type == "markdown" and is_lesson:
                text = with_links(text, script, language, known)
            sources.append((cell.cell_type, text))
        elif cell.cell_type == "code":
            anchor = anchor_of(heading_of(cell, words))
            sources.append(
                ("markdown", words["solution"].format(stem=stem, anchor=anchor))
            )
    other = words["other" if is_lesson else "other hour"].format(stem=stem)
    sources.insert(1, ("markdown", other))
    if is_lesson:
        sources.append(("markdown", links_to_neighbors(script, language)))
    new_cell = {
        "markdown": nbformat.v4.new_markdown_cell,
        "code": nbformat.v4.new_code_cell,
    }
    return nbformat.v4.new_notebook(
        cells=[
            new_cell[kind](text, id=f"cell-{i}")
            for i, (kind, text) in enumerate(sources)
        ]
    )


def executed(script, language):
    """The notebook of a lesson with its outputs, run from top to bottom in a fresh kernel."""
    notebook = unexecuted(script, language)
    NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(notebook_of(script, language).parent)}},
        record_timing=False,
        coalesce_streams=True,
    ).execute(
        env=os.environ | {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    )
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                raise RuntimeError(
                    f"{script.name}: a cell of {language} warns: {output.text}"
                )
            if "data" in output:
                output.data = as_github_shows(output.data)
    # Running it noted versions, which differ by machine.
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return notebook


def as_github_shows(data):
    """What an output shows, without HTML and SVG, which GitHub drops."""
    kept = {kind: data[kind] for kind in ("image/png", "text/plain") if kind in data}
    if "image/png" in kept:
        kept["image/png"] = in_few_colors(kept["image/png"])
    return kept


def in_few_colors(png):
    """A picture of lines and numbers in 64 colors: a fifth of the size, and no difference to be seen."""
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    small = io.BytesIO()
    picture.quantize(64, dither=Image.Dither.NONE).save(
        small, format="png", optimize=True
    )
    return base64.b64encode(small.getvalue()).decode("ascii")


def as_text(notebook):
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def solutions(script, language):
    """The page of solutions of a lesson, in Markdown."""
    words, stem = WORDS[language], script.stem
    title = words["page"].format(title=title_of(script, language))
    parts = [f"# {title}", words["back"].format(stem=stem)]
    texts = []
    for cell in cells_of(script, language):
        if not is_solution(cell):
            continue
        if cell.cell_type == "markdown":
            texts.append(cell.source)
            continue
        parts += [
            f"## {heading_of(cell, words)}",
            *texts,
            f"```python\n{cell.source}\n```",
        ]
        texts = []
    return "\n\n".join(parts) + "\n"


def write(script):
    """Write the notebooks and the solutions of a lesson, once all of them have been made."""
    pages = {}
    for language in LANGUAGES:
        path = notebook_of(script, language)
        pages[path] = as_text(executed(script, language))
        if script != FIRST_HOUR:
            page = path.parent / "solutions" / f"{script.stem}.md"
            pages[page] = solutions(script, language)
    for path, text in pages.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"{path.relative_to(LESSONS.parent)}: {len(text.encode()) / 1000:.0f} kB")


def main(*numbers):
    scripts = {int(script.stem[:2]): script for script in SCRIPTS}
    scripts[FIRST_HOUR.stem] = FIRST_HOUR
    wanted = [int(x) if x.isdecimal() else x for x in numbers] or list(scripts)
    for number in wanted:
        if number not in scripts:
            there = f"there are 1 to {len(SCRIPTS)}, and {FIRST_HOUR.stem}"
            sys.exit(f"build.py: no lesson {number}; {there}")
    for number in wanted:
        write(scripts[number])


if __name__ == "__main__":
    main(*sys.argv[1:])
