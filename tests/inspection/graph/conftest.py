"""A real browser for the tests of the page: chromium, driven by selenium."""

import shutil

import pytest

from tests.inspection.graph.browser import Page
from tests.inspection.graph.graphs import micrograd
from tinygrad_loss.inspection.graph import draw

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--window-size=1400,900",
)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    binary = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip("chromium or chromedriver is not installed")
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options, webdriver.ChromeService(driver))
    yield browser
    browser.quit()


@pytest.fixture
def opened(chromium, tmp_path):
    def open_page(output, **options):
        return Page(chromium, draw(output, **options).save(tmp_path / "backprop.html"))

    return open_page


@pytest.fixture
def expression(opened):
    return opened(micrograd()[2])
