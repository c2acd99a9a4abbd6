"""Run the gallery in full, and compare what it measures with what it publishes.

    python -m tests.gallery [NAME ...]

Run it under another BLAS kernel (``OPENBLAS_CORETYPE=Nehalem``) and number of threads
(``OMP_NUM_THREADS=2``) to see which digits depend on the machine.
"""

import importlib
import os
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from .pages import EXAMPLES, SCRIPTS
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


def main() -> int:
    names = sys.argv[1:] or sorted(SCRIPTS - {"derivatives"})  # that one writes the sheet anew
    sys.path.insert(0, str(EXAMPLES))
    with tempfile.TemporaryDirectory() as folder:
        importlib.import_module("_common").OUTPUT = Path(folder)
        wrong = sum(map(check, names))
    kernel = os.environ.get("OPENBLAS_CORETYPE", "default")
    threads = os.environ.get("OMP_NUM_THREADS", "default")
    print(f"{wrong} numbers out of range; BLAS kernel: {kernel}, threads: {threads}")
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
