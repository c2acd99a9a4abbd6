"""Places: which line or module of the function computes a Value, for the comments in the source."""

import ast
import linecache
import sys
from collections import Counter
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from .outside import Outside
from .values import Place

# This package, the standard library, and what is a part of Python.
LIBRARY = (str(Path(__file__).parents[1]), str(Path(ast.__file__).parent), "<frozen")


class Places:
    """Finds the Place where a call is made, from the stack, out to the code ``stop``."""

    def __init__(self, outside: Outside, stop: CodeType) -> None:
        self._paths = {i: path for i, (path, _, _) in outside.before.items()}
        self._stop = stop
        # It holds frames, and so all their local variables: to be cleared at the end.
        self.last: dict[Any, tuple[Place, FrameType | None, int, FrameType | None]] = {}
        self._times: Counter[Any] = Counter()

    def here(self) -> Place | None:
        """The Place of the innermost module, or line of the user's code, that is now running."""
        label, module, line, inner, called = "", "", None, None, None
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code is not self._stop:
            file = frame.f_code.co_filename
            if line is None and not (file.startswith(LIBRARY) or "-packages" in file):
                line, called = frame, inner
                label = label or _statement(line.f_code, line.f_lineno, line.f_lasti)
            if not module and frame.f_code.co_name in ("forward", "__call__"):
                owner = frame.f_locals.get("self")
                if hasattr(owner, "named_modules"):
                    kind, path = type(owner).__name__, self._paths.get(id(owner))
                    module = f"{path} ({kind})" if path else kind
                    label = f"{module}: {label}" if label else module
            inner, frame = frame, frame.f_back
        if not label:
            return None
        key = (label, line and line.f_code)
        at = line.f_lasti if line is not None else 0
        place, frame, before, call = self.last.get(key, (None, None, 0, None))
        again = line is not frame or at < before or (at == before and called is not call)
        if place is None or again:  # the line has begun to run once more
            self._times[key] += 1
            place = Place(key, self._times[key], self._times)
        self.last[key] = (place, line, at, called)
        return place


@lru_cache(maxsize=256)
def _statement(code: CodeType, line: int, at: int) -> str:
    """The statement that runs, or all of a lambda; in one line, and cut if it is long."""
    source = "".join(linecache.getlines(code.co_filename))
    where: tuple[int, ...] = (line,)
    if hasattr(code, "co_positions"):  # since Python 3.11
        first, _, column, _ = list(code.co_positions())[at // 2]
        where = (line,) if first is None or column is None else (first, column)
    kinds = (ast.stmt, ast.Lambda) if code.co_name == "<lambda>" else (ast.stmt,)
    found, n = None, len(where)
    with suppress(SyntaxError):  # IPython's own
        for node in ast.walk(ast.parse(source)):  # from the outside in
            if isinstance(node, kinds):
                start, end = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
                if start[:n] <= where <= end[:n]:
                    found = node.body if isinstance(node, ast.Lambda) else node
    text = (found and ast.get_source_segment(source, found)) or f"{code.co_name}, line {line}"
    if found and "\n" in text:
        text = ast.unparse(found).partition("\n")[0]
    text = " ".join(text.removeprefix("return ").split())
    return text if len(text) <= 60 else f"{text[:57]}..."
