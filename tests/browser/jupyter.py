"""JupyterLab in headless Chromium, for someone who never used Jupyter on this machine: what tests of pages share."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.terminal.typed import answer, running
from tests.tools import need

OUT = Path(__file__).parents[2] / ".ci" / "out"
PATIENCE = 60  # seconds for a kernel or a page on a busy machine
expect.set_options(timeout=PATIENCE * 1000)


@contextmanager
def site(home: Path) -> Iterator[str]:
    """The address that `protolab lab --no-browser` prints; the lessons are in `home`/lessons."""
    folders = {f"JUPYTER_{name}_DIR": str(home / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"HOME": str(home), **folders}.items():
            patch.setenv(name, value)
        expose = ["--", "--LabApp.expose_app_in_browser=True"]  # so that a test can ask for the dark theme
        with running("lab", "lessons", "--no-browser", *expose, cwd=home) as command:
            url = command.line(r"http://(?:127\.0\.0\.1|localhost):\d+/\S+")[0]
            answer(url)
            yield url


@contextmanager
def chromium(width: int = 1280, height: int = 1600) -> Iterator[Page]:
    """A page in headless Chromium."""
    path = need("chromium")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(PATIENCE * 1000)
        yield page
        browser.close()


def kernel_is_ready(site: str) -> bool:
    """Whether the page's kernel is idle and the page connected to it; a click on Run All before that is lost."""
    query = urlsplit(site).query
    sessions = json.loads(answer(f"{site.split('/lab/')[0]}/api/sessions?{query}"))
    return any(one["kernel"]["execution_state"] == "idle" and one["kernel"]["connections"] > 0 for one in sessions)


def wait_for_kernel(page: Page, site: str) -> None:
    """Wait until cells can be run."""
    deadline = time.monotonic() + PATIENCE
    while not kernel_is_ready(site):
        assert time.monotonic() < deadline, "the kernel did not get ready"
        page.wait_for_timeout(100)


def run_all(page: Page, site: str) -> None:
    """Run all cells, as soon as the kernel is there to do so."""
    wait_for_kernel(page, site)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


@contextmanager
def notebook(home: Path, cells: Sequence[str], height: int) -> Iterator[Page]:
    """A page with a notebook of these cells, all run. Beside it stand `errors` of the page, and when it `sent` messages."""
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells], metadata=kernel)
    with site(home) as url, chromium(1400, height) as page:
        nbformat.write(book, home / "lessons" / "widgets.ipynb")
        page.errors, page.sent = [], []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("websocket", lambda socket: socket.on("framesent", lambda frame: page.sent.append(time.monotonic())))
        base, query = url.split("/lab/")[0], url.split("?")[1]
        page.goto(f"{base}/lab/tree/widgets.ipynb?{query}")
        page.locator(".jp-CodeCell").first.wait_for()
        page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
        run_all(page, url)
        yield page


def theme(page: Page, name: str) -> None:
    """Switch to "Light" or "Dark"."""
    page.evaluate(f"jupyterapp.commands.execute('apputils:change-theme', {{theme: 'JupyterLab {name}'}})")
    expect(page.locator("body")).to_have_attribute("data-jp-theme-light", str(name == "Light").lower())
