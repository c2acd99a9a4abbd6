"""The options that the tests of this project have of their own."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import os
import pytest

def test_that_passes():
    assert "FIRST" in os.environ, "run once more"

@pytest.mark.skipif("FIRST" in os.environ, reason="something is missing")
def test_that_is_skipped_at_first():
    pass

def test_that_fails_at_first():
    assert "FIRST" not in os.environ

@pytest.fixture
def broken():
    yield
    assert "FIRST" not in os.environ

def test_whose_end_fails_at_first(broken):
    pass
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path / "conftest.py")
    (tmp_path / "test_some.py").write_text(TESTS, "utf-8")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def of(*options):
        command = [sys.executable, "-m", "pytest", "-c", "/dev/null", "--rootdir", ".", "-q"]
        return subprocess.run(
            [*command, *options, "test_some.py"], cwd=tmp_path, capture_output=True, text=True
        )

    return of


@pytest.mark.parametrize("processes", [[], ["-n", "2"]], ids=["one", "two"])
def test_the_rest_is_what_did_not_pass(run, monkeypatch, processes):
    if processes:
        pytest.importorskip("xdist")
    monkeypatch.setenv("FIRST", "1")
    assert "1 failed, 2 passed, 1 skipped, 1 error" in run(*processes).stdout
    assert "4 tests collected" in run("--collect-only").stdout  # which forgets nothing
    monkeypatch.delenv("FIRST")
    rest = run(*processes, "--rest", "--no-skips")
    assert rest.returncode == 0, rest.stdout
    assert "3 passed" in rest.stdout
    assert run(*processes).returncode == 1


def test_a_skip_fails_where_none_is_wanted(run, monkeypatch):
    monkeypatch.setenv("FIRST", "1")
    assert "was skipped under --no-skips" in run("--no-skips").stdout


def test_without_a_cache_there_is_no_rest(run):
    assert "leave out -p no:cacheprovider" in run("--rest", "-p", "no:cacheprovider").stderr
