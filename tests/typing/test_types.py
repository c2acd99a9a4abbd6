"""mypy and pyright, both in strict mode, read a user's file as it is meant; jedi completes it."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import tinygrad_loss as tl

HERE = Path(__file__).parent
RIGHT, WRONG = HERE / "check_types.py", HERE / "wrong_types.py"
ROOT = Path(tl.__file__).parents[1]


def run(*command):
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False,
        env=os.environ | {"MYPYPATH": str(ROOT)},
    )  # fmt: skip


def mypy_errors():
    pytest.importorskip("mypy")
    files, silent = [str(RIGHT), str(WRONG)], ["--cache-dir", os.devnull, "--follow-imports=silent"]
    done = run(sys.executable, "-m", "mypy", "--strict", *silent, "--no-error-summary", *files)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found = re.findall(r"^(.+?):(\d+): error: (.+)$", done.stdout, re.MULTILINE)
    return [(Path(file).name, int(line), message) for file, line, message in found]


def pyright_errors():
    scripts = sysconfig.get_path("scripts")
    command = shutil.which("pyright", path=scripts) or shutil.which("pyright")
    if command is None:
        pytest.skip("pyright is not installed: pip install pyright[nodejs]")
    files = [str(RIGHT), str(WRONG)]
    done = run(command, "--outputjson", "--pythonpath", sys.executable, *files)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return [
        (Path(found["file"]).name, found["range"]["start"]["line"] + 1, found["message"])
        for found in json.loads(done.stdout)["generalDiagnostics"]
        if found["severity"] == "error"
    ]


@pytest.fixture(scope="module", params=[mypy_errors, pyright_errors], ids=["mypy", "pyright"])
def errors(request):
    return request.param()


def test_a_users_file_is_read_as_it_is_meant(errors):
    assert [error for error in errors if error[0] == RIGHT.name] == []


def test_mistakes_are_found_where_they_are(errors):
    lines = WRONG.read_text("utf-8").splitlines()
    marked = {i for i, line in enumerate(lines, 1) if line.endswith("# wrong")}
    assert len(marked) > 20
    assert {line for file, line, _ in errors if file == WRONG.name} == marked


def test_the_users_file_runs():
    if sys.version_info < (3, 11):
        pytest.importorskip("typing_extensions")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(RIGHT)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("tl.", ["exp", "sum", "cross_entropy", "draw", "Tensor", "nn", "watch", "unroll", "var"]),
        ("tl.losses.", ["cross_entropy", "huber", "hinge"]),
        ("tl.nn.", ["MLP", "Linear", "save"]),
        ("tl.Tensor(1.0).", ["exp", "sum", "backward", "grad", "shape", "T", "item"]),
        ("tl.exp(1.0).", ["exp", "backward"]),
        ("tl.cross_entropy([[1.0, 2.0]], [0]).", ["exp", "backward"]),
        ("tl.draw(tl.Tensor(1.0)).", ["svg", "save"]),
        ("tl.optim.SGD([], lr=0.1).", ["step", "zero_grad", "lr"]),
    ],
)
def test_jedi_completes(source, names):
    jedi = pytest.importorskip("jedi")
    script = f"import tinygrad_loss as tl\n{source}"
    found = jedi.Script(script, project=jedi.Project(ROOT)).complete(2, len(source))
    assert set(names) <= {completion.name for completion in found}
