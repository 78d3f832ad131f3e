"""`explore` against an HTML table of the same units, in the same JupyterLab and the same browser.

Run it as `python -m tests.benchmarks.explore [ROUNDS [UNITS ...]]`; it needs chromium. For each number of units both are shown
in turn, in ROUNDS rounds. What is timed is a cell: from running it to the frame after its first row was painted. For the
table that is displaying alone, its HTML is ready before; for `explore` it is everything, scanning and columns included.
Printed are the medians in seconds, how many times as long the table takes, the bytes that went to the browser, and how many
rows are in the page. On a shared machine, believe the ratio.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

import nbformat
from playwright.sync_api import Page

from tests.browser import jupyter

LONGEST = 240  # seconds for a table of 100,000 rows

SETUP = '''\
from html import escape
from IPython.display import HTML
from protolab import show
from protolab.capture import Capture
from protolab.fields import Side
from protolab.wire.websocket_frames import TEXT, Frame

def talk(units):
    capture = Capture("long")
    connection = capture.connect(midway=True)
    for number in range(units):
        side = Side(number % 2)
        text = f"message {{number}}".encode()
        connection.add(side, Frame(TEXT, text, key=None if side else b"abcd").encode(), number / 1000)
    return capture

def table(capture):
    """The columns that a ladder has: number, seconds, client, direction, server, bytes, remarks."""
    rows = []
    for unit in show.conversation(capture):
        title, server = escape(unit.title), unit.side is Side.SERVER
        says = ["", "←", title] if server else [title, "→", ""]
        cells = [unit.place.number, f"{{unit.place.at:.4f}}", *says, len(unit.data), ""]
        rows.append(f"<tr>{{''.join(f'<td>{{cell}}</td>' for cell in cells)}}</tr>")
    return HTML(f"<table>{{''.join(rows)}}</table>")

capture = talk({units})
drawn = table(capture)'''
CELLS = {"table": "drawn", "explore": "show.explore(capture)"}
FIRST = {"table": "td", "explore": ".rung:not(.head) .says"}

# Waits until the browser is done with what was before, runs cell `index`, and resolves to the milliseconds until its first
# row was painted.
RUN = """async ([index, first]) => {
    const notebook = jupyterapp.shell.currentWidget.content;
    notebook.activeCellIndex = index;
    for (let i = 0; i < 5; i++) await new Promise(requestIdleCallback);
    const cell = notebook.widgets[index].node, began = performance.now();
    jupyterapp.commands.execute("notebook:run-cell");
    const frame = () => new Promise(requestAnimationFrame);
    while (!cell.querySelector(`.jp-OutputArea-output ${first}`)?.textContent.includes("0")) await frame();
    await frame();
    return performance.now() - began;
}"""
CLEAR = """async (index) => {
    jupyterapp.shell.currentWidget.content.activeCellIndex = index;
    await jupyterapp.commands.execute("notebook:clear-cell-output");
}"""


def measure(page: Page, url: str, folder: Path, units: int, rounds: int) -> None:
    """Show both `rounds` times, in turn, and print what it took."""
    received = [0]
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: received.append(len(frame))))
    sources = [SETUP.format(units=units), *CELLS.values()]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, folder / f"units-{units}.ipynb")
    base, query = url.split("/lab/")[0], url.split("?")[1]
    page.goto(f"{base}/lab/tree/units-{units}.ipynb?{query}")
    page.locator(".jp-CodeCell").first.wait_for()
    jupyter.wait_for_kernel(page, url)
    page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 0")
    page.evaluate("jupyterapp.commands.execute('notebook:run-cell')")
    page.locator(".jp-CodeCell .jp-InputPrompt", has_text="[1]:").wait_for()
    times: dict[str, list[float]] = {name: [] for name in CELLS}
    size, rows = {}, {}
    for _ in range(rounds):
        for index, name in enumerate(CELLS, 1):
            before = sum(received)
            times[name].append(page.evaluate(RUN, [index, FIRST[name]]) / 1000)
            size[name] = sum(received) - before
            cell = page.locator(".jp-CodeCell").nth(index)
            rows[name] = cell.locator("tr" if name == "table" else ".rung, .field, .hex .line").count()
            page.evaluate(CLEAR, index)
    ratios = [table / explore for table, explore in zip(times["table"], times["explore"], strict=True)]
    said = f"{units:>7,} units: table takes {statistics.median(ratios):.1f} times as long as explore"
    print(f"{said} [{min(ratios):.1f}..{max(ratios):.1f}]")
    for name in CELLS:
        each = " ".join(f"{seconds:.2f}" for seconds in times[name])
        print(f"    {name:8} {statistics.median(times[name]):6.2f} s ({each})", end="")
        print(f"  {size[name]:>12,} bytes to the browser  {rows[name]:>7,} rows in the page", flush=True)


def main(rounds: int = 3, *units: int) -> None:
    for count in units or (1_000, 10_000, 100_000):
        # A fresh kernel and browser for each, since a large table is not forgotten at once.
        with tempfile.TemporaryDirectory() as home, jupyter.site(Path(home)) as url, jupyter.chromium() as page:
            page.set_default_timeout(LONGEST * 1000)
            measure(page, url, Path(home) / "lessons", count, rounds)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
