"""What a person sees in the browser and does there: the assets, one table's columns and checks, and a run.

Actions go through the page; waiting goes through GraphQL, which does not depend on what is drawn.
"""

import time
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests.browser.server import Server

SECONDS = 30.0
RUN_SECONDS = 90.0
LARGEST_PICTURE = 400_000


def shown(browser: webdriver.Chrome, xpath: str) -> WebElement:
    """The first visible element of a path, as soon as it is there."""

    def found(_: webdriver.Chrome) -> WebElement | None:
        return next((each for each in browser.find_elements(By.XPATH, xpath) if each.is_displayed()), None)

    return WebDriverWait(browser, SECONDS, ignored_exceptions=(StaleElementReferenceException,)).until(
        lambda driver: found(driver) or False, f"{xpath} at {browser.current_url}"
    )


def text_shown(browser: webdriver.Chrome, text: str) -> WebElement:
    """The element that shows a text, word for word."""
    return shown(browser, f"//*[normalize-space(text())='{text}']")


def test_the_asset_list_shows_the_tables(browser: webdriver.Chrome, ui: Server) -> None:
    """The list draws only the rows that are in sight: the first by name are."""
    keys = sorted(node["assetKey"]["path"] for node in ui.asked("{ assetNodes { assetKey { path } } }")["assetNodes"])
    browser.get(f"{ui.address}/assets")
    for key in keys[:3]:
        shown(browser, f"//a[contains(@href, '/assets/{'/'.join(key)}')]")


def test_a_table_shows_its_rows_owner_and_columns(browser: webdriver.Chrome, ui: Server, picture_folder: Path) -> None:
    browser.get(f"{ui.address}/assets/sources/stg_shop_orders")
    for text in ("Row count", "commerce", "order_id", "timestamp with time zone", "When the order was placed, UTC."):
        text_shown(browser, text)
    _take_picture(browser, picture_folder / "asset.png")


def test_a_table_shows_its_checks_and_that_they_passed(browser: webdriver.Chrome, ui: Server) -> None:
    browser.get(f"{ui.address}/assets/sources/stg_shop_orders?view=checks")
    for name in ("contract_holds", "rows_reconcile", "delivery_is_sound"):
        text_shown(browser, name)
    text_shown(browser, "Passed")


def test_the_lineage_leads_from_the_deliveries_to_the_published_database(
    browser: webdriver.Chrome, ui: Server, picture_folder: Path
) -> None:
    browser.get(f"{ui.address}/assets")
    text_shown(browser, "Hide navigation").click()
    browser.get(f"{ui.address}/assets/sources/dim_product?view=lineage")
    for name in ("stg_stock_products", "dim_product", "crm"):
        text_shown(browser, name)
    WebDriverWait(browser, SECONDS).until(
        lambda _: not browser.find_elements(By.XPATH, "//*[starts-with(normalize-space(text()), 'Loading')]")
    )
    _take_picture(browser, picture_folder / "lineage.png")


def test_a_run_started_from_the_page_ends_well(browser: webdriver.Chrome, ui: Server) -> None:
    before = ui.runs()
    browser.get(f"{ui.address}/assets/sources/dim_brand")
    button = shown(browser, "//button[contains(., 'Materialize')]")
    WebDriverWait(browser, SECONDS).until(lambda _: button.is_enabled())
    button.click()
    started = _new_run(ui, before)
    assert _ended(ui, started) == "SUCCESS"
    browser.get(f"{ui.address}/runs/{started}")
    text_shown(browser, "Success")


def test_the_graph_of_everything_shows_the_stages(browser: webdriver.Chrome, ui: Server) -> None:
    browser.get(f"{ui.address}/asset-groups")
    for stage in ("sources", "serving"):
        text_shown(browser, stage)


def _take_picture(browser: webdriver.Chrome, path: Path) -> None:
    time.sleep(3)  # pictures of kinds and the last animations: nothing on the page says that they are done
    assert browser.save_screenshot(str(path))
    assert path.stat().st_size < LARGEST_PICTURE


def _new_run(ui: Server, before: dict[str, str]) -> str:
    until = time.monotonic() + SECONDS
    while not (new := ui.runs().keys() - before.keys()):
        if time.monotonic() > until:
            pytest.fail("the page started no run")
        time.sleep(0.5)
    return new.pop()


def _ended(ui: Server, run: str) -> str:
    until = time.monotonic() + RUN_SECONDS
    while (status := ui.runs()[run]) not in ("SUCCESS", "FAILURE", "CANCELED") and time.monotonic() < until:
        time.sleep(0.5)
    return status
