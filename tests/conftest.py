"""What all tests share: one thread per process, no silent skips where asked, axe-core's source."""

import importlib.util
import os
from pathlib import Path

import pytest

# Before NumPy is imported. The arrays of the tests are small, and pytest-xdist already
# keeps every core busy: more threads would only wait for each other.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")


def pytest_addoption(parser):
    parser.addoption(
        "--no-skips",
        action="store_true",
        help="fail where a test would be skipped, unless for want of a GPU",
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    return _refuse_skip(report) if item.config.getoption("--no-skips") else report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    report = yield
    return _refuse_skip(report) if collector.config.getoption("--no-skips") else report


def _refuse_skip(report):
    """Turn a skip into a failure (xfail, which also counts as skipped, stays)."""
    if report.skipped and not hasattr(report, "wasxfail") and "GPU" not in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} was skipped under --no-skips: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def axe_core() -> str:
    """The JavaScript of axe-core, the accessibility checker: the newest that is installed."""
    for package in ("axe_playwright_python", "axe_core_python"):
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin is not None:
            return Path(spec.origin).with_name("axe.min.js").read_text(encoding="utf-8")
    pytest.skip("axe-core is not installed: pip install axe-core-python")
