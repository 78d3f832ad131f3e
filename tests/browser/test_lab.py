"""JupyterLab as a newcomer sees it: `protolab lab`, a real browser, lesson 00 run from top to bottom.

Screenshots for people go to .ci/out: lesson-00.png, and lesson-00-dark.png.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from protolab import workdir
from tests.terminal.typed import answer, running
from tests.tools import need

OUT = Path(__file__).parents[2] / ".ci" / "out"
PATIENCE = 60  # seconds for a kernel or a page on a busy machine
expect.set_options(timeout=PATIENCE * 1000)
ALL_RAN = """() => {
    const cells = Array.from(jupyterapp.shell.currentWidget.content.model.cells).filter(cell => cell.type === "code");
    return cells.length > 0 && cells.every(cell => cell.executionState === "idle" && cell.executionCount !== null);
}"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The address that `protolab lab --no-browser` prints, for someone who never used Jupyter on this machine."""
    home = tmp_path_factory.mktemp("home")
    folders = {f"JUPYTER_{name}_DIR": str(home / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"HOME": str(home), **folders}.items():
            patch.setenv(name, value)
        expose = ["--", "--LabApp.expose_app_in_browser=True"]  # to ask for the dark theme below
        with running("lab", "lessons", "--no-browser", *expose, cwd=home) as command:
            url = command.line(r"http://(?:127\.0\.0\.1|localhost):\d+/\S+")[0]
            answer(url)
            yield url


@pytest.fixture(scope="module")
def page(site):
    """The page at that address, in headless Chromium."""
    chromium = need("chromium")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 1600})
        page.set_default_timeout(PATIENCE * 1000)
        page.goto(site)
        yield page
        browser.close()


def kernel_is_ready(site: str) -> bool:
    """Whether the page's kernel is idle and the page connected to it; a click on Run All before that is lost."""
    query = urlsplit(site).query
    sessions = json.loads(answer(f"{site.split('/lab/')[0]}/api/sessions?{query}"))
    return any(one["kernel"]["execution_state"] == "idle" and one["kernel"]["connections"] > 0 for one in sessions)


def run_all(page: Page, site: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not kernel_is_ready(site):
        assert time.monotonic() < deadline, "the kernel did not get ready"
        page.wait_for_timeout(100)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


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
    page.evaluate("jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    expect(page.locator("body")).to_have_attribute("data-jp-theme-light", "false")
    ladder = page.locator(".jp-OutputArea-output table", has_text="GET / HTTP/1.1").first
    expect(ladder).to_be_visible()
    page.screenshot(path=OUT / "lesson-00-dark.png")
