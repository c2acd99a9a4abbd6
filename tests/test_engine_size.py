"""The engine stays small enough to read in one sitting: from backward() to any derivative."""

import ast
import io
import tokenize
from pathlib import Path

import tinygrad_loss

PACKAGE = Path(tinygrad_loss.__file__).parent
ENGINE = ("tensor.py", "ops.py", "backprop.py")
LIMIT = 400

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


def test_the_engine_fits_in_400_lines_of_code():
    counts = {name: len(code_lines((PACKAGE / name).read_text("utf-8"))) for name in ENGINE}
    assert min(counts.values()) > 0
    assert sum(counts.values()) <= LIMIT, counts


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
