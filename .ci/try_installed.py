"""Run README's snippets with the installed package: ``python .ci/try_installed.py``.

For an environment that holds the package and nothing else, of any Python that it supports. Run it
from a folder that is not the repository, or the source would be imported.
"""

import os
import re
import sys
import tempfile
from pathlib import Path

import tinygrad_loss

README = Path(__file__).resolve().parents[1] / "README.md"


def main() -> int:
    """Run all snippets but those that need SciPy; stop at the first error."""
    home = Path(tinygrad_loss.__file__).resolve()
    if "site-packages" not in home.parts:
        raise SystemExit(f"not the installed package: {home}")
    snippets = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    snippets = [text for text in snippets if "scipy" not in text]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for number, text in enumerate(snippets):
            path = Path(f"snippet_{number}.py")
            path.write_text(text, "utf-8")  # a file, since unroll says of which line a part is
            exec(compile(text, str(path.resolve()), "exec"), {"__name__": "__main__"})
        os.chdir(README.parent)
    print(f"{len(snippets)} snippets, Python {sys.version.split()[0]}, {tinygrad_loss.__version__}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
