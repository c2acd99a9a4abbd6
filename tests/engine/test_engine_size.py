"""The engine stays small enough to read in one sitting: from backward() to any derivative.

And each file fits in a head, and the whole package in what it was given.
"""

import ast
import io
import tokenize
from pathlib import Path

import tinygrad_loss

PACKAGE = Path(tinygrad_loss.__file__).parent
ENGINE = ("node.py", "tensor.py", "ops.py", "backprop.py")
CODE = 720  # lines of the engine that are neither blank, nor comments, nor docstrings
FILE, TABLE = 500, 749  # lines all told: of a file, and of the table of derivatives
ALL = 12_500  # lines all told of the whole package, JavaScript and what is like it included

NOT_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}


def code_lines(source: str) -> set[int]:
    """Numbers of the lines that hold code: no blank lines, comments or docstrings."""
    lines = source.splitlines()
    code: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in NOT_CODE:
            code.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and ast.get_docstring(node, clean=False) is not None
        ):
            docstring = node.body[0]
            code.difference_update(range(docstring.lineno, docstring.end_lineno + 1))
    return {number for number in code if lines[number - 1].strip()}


def lines(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def test_the_engine_fits_in_a_sitting():
    files = [PACKAGE / "engine" / name for name in ENGINE]
    counts = {path.name: len(code_lines(path.read_text("utf-8"))) for path in files}
    assert min(counts.values()) > 0
    assert sum(counts.values()) <= CODE, counts


def test_a_file_fits_in_a_head():
    counts = {str(path.relative_to(PACKAGE)): lines(path) for path in PACKAGE.rglob("*.py")}
    table = counts.pop("engine/ops.py")
    assert table <= TABLE
    assert {name: n for name, n in counts.items() if n > FILE} == {}


def test_the_package_does_not_grow():
    endings = {".py", ".js", ".css", ".html"}
    sizes = {path: lines(path) for path in PACKAGE.rglob("*") if path.suffix in endings}
    assert {path.suffix for path in sizes} == endings
    assert sum(sizes.values()) <= ALL


def test_the_counter_skips_blank_lines_comments_and_docstrings_only():
    source = '''"""A docstring
of two lines."""

# a comment
x = 1  # a comment beside code


def f(a,
      b):
    """One line."""
    text = """a string

    that is code"""
    return text


class C:
    """Docstring.

    More."""

    y = (
        2
    )
'''
    assert sorted(code_lines(source)) == [5, 8, 9, 11, 13, 14, 17, 22, 23, 24]
