"""JupyterLab as a newcomer sees it: `protolab lab`, a real browser, lesson 00 run from top to bottom.

Screenshots for people go to .ci/out: lesson-00.png, and lesson-00-dark.png.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from protolab import workdir
from tests.browser import jupyter
from tests.browser.jupyter import OUT, chromium, run_all, theme

ALL_RAN = """() => {
    const cells = Array.from(jupyterapp.shell.currentWidget.content.model.cells).filter(cell => cell.type === "code");
    return cells.length > 0 && cells.every(cell => cell.executionState === "idle" && cell.executionCount !== null);
}"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The address of a JupyterLab for this module."""
    with jupyter.site(tmp_path_factory.mktemp("home")) as url:
        yield url


@pytest.fixture(scope="module")
def page(site):
    """The page at that address, in headless Chromium."""
    with chromium() as page:
        page.goto(site)
        yield page


def test_it_opens_on_lesson_00_and_nothing_else(page):
    first = next(iter(workdir.lessons()))
    tabs = page.locator("#jp-main-dock-panel .lm-TabBar-tab")
    expect(page.locator(".jp-Notebook h1").first).to_be_visible()
    expect(tabs).to_have_count(1)
    expect(tabs).to_contain_text(first)
    expect(page.locator(".jp-Launcher")).to_have_count(0)


def test_run_all_draws_the_ladder_of_a_live_conversation(page, site):
    page.locator(".jp-OutputArea-output").first.wait_for()
    page.evaluate("jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
    expect(page.locator(".jp-OutputArea-output")).to_have_count(0)
    run_all(page, site)
    page.wait_for_function(ALL_RAN)
    ladder = page.locator(".jp-OutputArea-output table", has_text="GET / HTTP/1.1").first
    expect(ladder).to_be_visible()
    expect(ladder).to_contain_text("101 Switching Protocols")
    expect(ladder.locator("tr", has_text="→").first).to_be_visible()
    assert page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
    OUT.mkdir(parents=True, exist_ok=True)
    ladder.scroll_into_view_if_needed()
    page.screenshot(path=OUT / "lesson-00.png")


def test_nobody_asks_for_news_and_no_dialog_stands_before_the_lesson(page):
    assert page.get_by_text("Jupyter news").count() == 0
    assert page.locator(".jp-Dialog").count() == 0
    assert page.locator(".Toastify__toast").count() == 0


def test_the_dark_theme_shows_the_same_ladder(page):
    theme(page, "Dark")
    ladder = page.locator(".jp-OutputArea-output table", has_text="GET / HTTP/1.1").first
    expect(ladder).to_be_visible()
    page.screenshot(path=OUT / "lesson-00-dark.png")
