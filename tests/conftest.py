"""What all tests share: one thread per process, no silent skips where asked, axe-core's source.

Each run notes which tests passed. The next can leave them out: ``--rest`` is for an environment
that has more, PyTorch and a browser, so that nothing runs twice.
"""

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
    parser.addoption("--rest", action="store_true", help="leave out what passed in the last run")


PASSED = "tinygrad_loss/passed"  # in pytest's cache
passed = {}  # each test that was called, and whether it and what came after it went well


def pytest_runtest_logreport(report):
    if report.when == "call" or report.nodeid in passed:
        passed[report.nodeid] = report.passed and passed.get(report.nodeid, True)


def pytest_sessionfinish(session):
    """Note what passed, in the process that hears from all the others, if there are any."""
    cache = getattr(session.config, "cache", None)
    if cache and passed and not hasattr(session.config, "workerinput"):
        before = cache.get(PASSED, []) if session.config.getoption("--rest") else []
        cache.set(PASSED, [*before, *(name for name, well in passed.items() if well)])


def pytest_collection_modifyitems(config, items):
    if config.getoption("--rest"):
        if not hasattr(config, "cache"):
            raise pytest.UsageError("--rest needs pytest's cache: leave out -p no:cacheprovider")
        before = set(config.cache.get(PASSED, []))
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in before])
        items[:] = [item for item in items if item.nodeid not in before]


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
