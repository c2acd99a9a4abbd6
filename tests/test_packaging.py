"""The wheel and the sdist hold what they should, and say what they need."""

import email
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import tinygrad_loss as tl

pytest.importorskip("hatchling")

ROOT = Path(__file__).parents[1]
PACKAGE = {
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "tinygrad_loss").rglob("*")
    if path.is_file() and "__pycache__" not in path.parts
}


def built(source, folder):
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, sdist


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return built(ROOT, tmp_path_factory.mktemp("dist"))


def contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def metadata(wheel):
    (text,) = (x for name, x in contents(wheel).items() if name.endswith("/METADATA"))
    return email.message_from_bytes(text)


def test_the_wheel_holds_the_package_and_nothing_else(files):
    wheel, _ = files
    held = contents(wheel)
    assert wheel.name == f"tinygrad_loss-{tl.__version__}-py3-none-any.whl"
    assert {name for name in held if ".dist-info/" not in name} == PACKAGE
    assert {Path(name).suffix for name in PACKAGE} == {".py", ".js", ".css", ".html", ".typed"}
    assert any(name.endswith("licenses/LICENSE") for name in held)


def test_it_needs_numpy_and_graphviz_and_says_which_python(files):
    said = metadata(files[0])
    needed = [x for x in said.get_all("Requires-Dist") if "extra ==" not in x]
    assert sorted(re.split(r"[<>=~ ]", x)[0] for x in needed) == ["graphviz", "numpy"]
    assert said["Requires-Python"] == ">=3.10"
    assert set(said.get_all("Provides-Extra")) == {"draw", "examples", "lessons", "test"}
    assert said["Version"] == tl.__version__ == "0.2.0"
    assert said["License-Expression"] == "MIT"
    assert said.get_payload().startswith("# tinygrad_loss")
    assert said.get_all("Project-URL")
    assert any("Programming Language :: Python :: 3.13" in x for x in said.get_all("Classifier"))


def test_the_sdist_is_the_repository_and_gives_the_same_wheel(files, tmp_path):
    wheel, sdist = files
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    for name in ("README.md", "CHANGELOG.md", "LICENSE", "tests/test_packaging.py", ".ci/run"):
        assert (folder / name).read_bytes() == (ROOT / name).read_bytes()
    assert (folder / "examples" / "first_hour.ipynb").exists()
    assert not (folder / "examples" / "output").exists()
    again, _ = built(folder, tmp_path / "again")
    assert contents(again) == contents(wheel)


def test_the_changelog_begins_with_this_version():
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.findall(r"^## (\S+)", text, re.MULTILINE)[:2] == [tl.__version__, "0.1.0"]


def test_an_example_asks_for_what_the_extra_gives():
    header = (ROOT / "examples" / "digits_mlp.py").read_text("utf-8").partition("# ///\n")[0]
    assert 'dependencies = ["tinygrad_loss[examples,draw]"]' in header
