"""One script of the gallery, run in full, its numbers compared: for ``python -m tests.gallery``."""

import importlib
import io
import os
import sys
import tempfile
import traceback
from contextlib import redirect_stdout
from pathlib import Path
from time import perf_counter

from .pages import EXAMPLES
from .published import MEASURED


def check(name: str) -> int:
    """Run a script in full; print which numbers moved; return how many are out of range."""
    start = perf_counter()
    results = importlib.import_module(name).main()
    if results is None:
        print(f"== {name}: not run, for something is not installed")
        return int("CI" in os.environ)  # where everything is
    found = [(n, float(n.find(results))) for n in MEASURED.get(name, [])]
    moved = [f"{n.text} is {n.printed(value)}" for n, value in found if n.moved(value)]
    wrong = [f"{n.text} is {value!r}" for n, value in found if not n.low <= value <= n.high]
    print(
        f"== {name}: {len(found)} numbers, {len(moved)} moved, {len(wrong)} out of range, "
        f"{perf_counter() - start:.0f} s"
    )
    for line in [f"   moved: {line}" for line in moved] + [f"   WRONG: {line}" for line in wrong]:
        print(line)
    return len(wrong)


def check_apart(name: str) -> tuple[int, str]:
    """Check a script, whose pictures go to a folder of its own; return what it prints, too."""
    sys.path.insert(0, str(EXAMPLES))
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()) as printed:
        importlib.import_module("_common").OUTPUT = Path(folder)
        try:
            wrong = check(name)
        except BaseException:  # also SystemExit, by which the whole command would end in silence
            wrong = 1
            print(f"== {name}: FAILED\n{traceback.format_exc()}")
        return wrong, printed.getvalue()
