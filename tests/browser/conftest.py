"""A browser, and the UI of the refreshed demo company for it to look at.

Both end with this folder's tests: an open page keeps the server busy.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from tests.browser.server import Server, served
from tests.end_to_end.commands import Platform

SWITCHES = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=1280,960",
)


@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """Chromium without a window, with a profile of its own."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("there is no chromium with its chromedriver: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for switch in (*SWITCHES, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(switch)
    driven = webdriver.Chrome(options=options, service=Service(driver))
    yield driven
    driven.quit()


@pytest.fixture(scope="package")
def ui(
    refreshed_demo: Platform, browser: webdriver.Chrome, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """`crm up` on a copy of the refreshed demo."""
    home = Path(tmp_path_factory.mktemp("ui")) / "home"
    with served(refreshed_demo.copied(home)) as server:
        yield server
