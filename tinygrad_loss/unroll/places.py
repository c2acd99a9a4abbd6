"""Places: which line or module of the function computes a Value, for the comments in the source."""

from __future__ import annotations

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
    """Finds the Place where a call is made, from the stack, out to the code ``stop``.

    ``last`` holds frames, and so all their local variables; clear it at the end.
    """

    def __init__(self, outside: Outside, stop: CodeType) -> None:
        self._paths = {i: path for i, (path, _, _) in outside.before.items()}
        self._stop = stop
        self.last: dict[Any, tuple[Place, FrameType | None, int, FrameType | None]] = {}
        self._times: Counter[Any] = Counter()

    def here(self) -> Place | None:
        """The Place of the innermost module, or line of the user's code, that is now running."""
        label, module, line, inner, called = "", "", None, None, None
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code is not self._stop:
            if line is None and not _of_library(frame.f_code.co_filename):
                line, called = frame, inner
                label = label or _statement(line.f_code, line.f_lineno)
            if not module and frame.f_code.co_name == "forward" and "self" in frame.f_locals:
                owner = frame.f_locals["self"]
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
def _of_library(filename: str) -> bool:
    return filename.startswith(LIBRARY) or "-packages" in filename  # site-, dist-


@lru_cache(maxsize=256)
def _statement(code: CodeType, line: int) -> str:
    """The statement on a line of the code, or all of a lambda; in one line, and cut if long."""
    source = "".join(linecache.getlines(code.co_filename))
    text = f"{code.co_name}, line {line}"  # where there is no source
    with suppress(SyntaxError):  # IPython's own
        for node in ast.walk(ast.parse(source)):  # from the outside in
            if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or 0):
                text = ast.get_source_segment(source, node) or text
                if hasattr(node, "body"):
                    text = text.partition("\n")[0]
            elif isinstance(node, ast.Lambda) and code.co_name == "<lambda>":
                names = [each.arg for each in (*node.args.posonlyargs, *node.args.args)]
                given = code.co_varnames[: code.co_argcount]
                if node.lineno == code.co_firstlineno and tuple(names) == given:
                    text = ast.get_source_segment(source, node.body) or text
                    break
    text = " ".join(text.removeprefix("return ").split())
    return text if len(text) <= 60 else f"{text[:57]}..."
