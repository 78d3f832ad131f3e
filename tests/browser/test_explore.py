"""`explore` in a real JupyterLab: mouse, keyboard, filter, search, a hundred thousand units, axe-core, both themes.

One notebook for all of it. Screenshots for people go to .ci/out: explore-light.png, explore-dark.png, and the same of findings.
"""

from __future__ import annotations

import re
from time import monotonic

import pytest
from playwright.sync_api import expect

from protolab.view.widget import module
from tests.browser.jupyter import OUT, notebook, theme

LONG = 100_000
CELLS = (
    "from protolab import scenes, show\nhello = show.explore(scenes.recording('websocket/compressed'))\nhello",
    "wrong = show.explore(scenes.recording('websocket/unmasked'))\nwrong",
    f"""\
from protolab.capture import Capture
from protolab.fields import Side
from protolab.wire.websocket_frames import TEXT, Frame
capture = Capture("long")
connection = capture.connect(midway=True)
for number in range({LONG}):
    side = Side(number % 2)
    text = f"message {{number}}".encode()
    frame = Frame(TEXT, text, key=None if side else b"abcd").encode()
    connection.add(side, frame, number / 1000)
long = show.explore(capture)
long""",
    "show.explore(scenes.recording('websocket/chat'))",
    "show.explore(scenes.recording('grpc/four-calls'))",
    "connection.add(Side.CLIENT, Frame(TEXT, b'one more', key=b'abcd').encode(), 101.0)\n"
    "print('chosen:', hello.selected, hello.field, hello.unit.title)",
)
HELLO, WRONG, THOUSANDS, CHAT, CALLS, ASK = range(6)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The notebook with these cells, all but the last of them run."""
    with notebook(tmp_path_factory.mktemp("home"), CELLS[:ASK], 2600) as page:
        expect(page.locator(".explore")).to_have_count(ASK)
        yield page


@pytest.fixture
def explorer(page):
    """The widget of a cell."""
    return lambda cell: page.locator(".jp-CodeCell").nth(cell).locator(".explore")


def chosen(widget, row):
    """The text of the chosen row of a pane, by the class of its rows."""
    return widget.locator(f'.{row}[aria-selected="true"]')


def field(widget, name):
    """The name of a field, as the tree draws it."""
    return widget.locator(".field .name").get_by_text(name, exact=True)


def test_a_click_on_a_byte_selects_its_field_and_back(explorer):
    widget = explorer(HELLO)
    widget.locator(".rung:not(.head)").nth(2).click()
    expect(widget.locator(".heading")).to_contain_text("unit 2")
    widget.locator(".byte").nth(4).click()
    expect(chosen(widget, "field").locator(".name")).to_have_text("masking key")
    expect(chosen(widget, "byte")).to_have_count(4)
    field(widget, "payload length").click()
    expect(chosen(widget, "byte")).to_have_count(1)
    expect(widget.locator(".detail")).to_contain_text("byte 1, bits 1-7")
    widget.locator(".byte").first.click()
    expect(chosen(widget, "field").locator(".name")).to_have_text("FIN")
    widget.locator(".byte").first.click()  # a byte that bits share: again for the next of them
    expect(chosen(widget, "field").locator(".name")).to_have_text("RSV1")


def test_the_mouse_over_a_field_outlines_its_bytes_and_the_other_way_round(explorer):
    widget = explorer(HELLO)
    field(widget, "masking key").hover()
    expect(widget.locator(".byte.hot")).to_have_count(4)
    widget.locator(".byte").nth(3).hover()
    expect(widget.locator(".field.hot .name")).to_have_text("masking key")


def test_derived_bytes_are_a_buffer_of_their_own(explorer):
    widget = explorer(HELLO)
    widget.locator(".tabs button", has_text="text message").click()
    expect(widget.locator(".ascii").first).to_contain_text("to be, or not to")
    widget.locator(".byte").nth(2).click()
    expect(chosen(widget, "field").locator(".name")).to_have_text("text message")
    field(widget, "masking key").click()  # back in the bytes of the wire
    expect(widget.locator('.tabs button[aria-pressed="true"]')).to_have_text("bytes (25)")


def test_the_keyboard_walks_ladder_fields_and_bytes_and_leaves_the_notebook_where_it_is(page, explorer):
    widget = explorer(HELLO)
    widget.locator(".rung:not(.head)").first.click()
    widget.locator(".ladder").focus()
    press = page.keyboard.press
    press("Home")
    expect(widget.locator(".heading")).to_contain_text("unit 0")
    for _ in range(2):
        press("ArrowDown")
    expect(widget.locator(".heading")).to_contain_text("unit 2")
    press("Enter")
    press("Home")
    press("ArrowDown")
    expect(chosen(widget, "field").locator(".name")).to_have_text("FIN")
    expect(chosen(widget, "byte")).to_have_count(1)
    press("Enter")
    expect(widget.locator(".hex")).to_be_focused()
    for _ in range(2):
        press("ArrowRight")
    expect(chosen(widget, "field").locator(".name")).to_have_text("masking key")
    expect(widget.locator("[role=status]")).to_contain_text("masking key, bytes 2-5")
    active = widget.locator(".hex").get_attribute("aria-activedescendant")
    expect(widget.locator(f"#{active}")).to_have_class("byte hue2 chosen begins cursor")
    press("Escape")
    expect(widget.locator(".fields")).to_be_focused()
    press("Escape")
    expect(widget.locator(".ladder")).to_be_focused()
    expect(page.locator(".jp-CodeCell").nth(HELLO)).to_have_class(re.compile("jp-mod-active"))


def test_a_subtree_folds_and_opens_by_keyboard(page, explorer):
    widget = explorer(HELLO)
    widget.locator(".fields").focus()
    before = widget.locator(".field").count()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    expect(widget.locator(".field")).to_have_count(1)
    expect(chosen(widget, "field")).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("ArrowRight")
    expect(widget.locator(".field")).to_have_count(before)


def test_findings_are_marked_listed_and_filtered_by(explorer):
    widget = explorer(WRONG)
    expect(widget.locator(".counted")).to_contain_text("with findings")
    rows = widget.locator(".rung:not(.head)").count()
    widget.get_by_text("only marked").click()
    marked = widget.locator(".rung:not(.head)")
    expect(marked.filter(has_text="! ")).not_to_have_count(0)
    assert 0 < marked.count() < rows
    marked.filter(has_text="! ").first.click()
    finding = widget.locator(".marks button").first
    expect(finding).to_contain_text("! finding")
    finding.click()
    expect(chosen(widget, "byte")).not_to_have_count(0)
    widget.get_by_text("only marked").click()
    expect(widget.locator(".rung:not(.head)")).to_have_count(rows)


def test_a_side_and_a_kind_are_filtered_by(explorer):
    widget = explorer(HELLO)
    widget.get_by_label("From", exact=True).select_option("server")
    expect(widget.locator(".rung.client")).to_have_count(0)
    expect(widget.locator(".rung.server")).not_to_have_count(0)
    widget.get_by_label("Kind", exact=True).select_option(label="response head")
    expect(widget.locator(".rung:not(.head)")).to_have_count(1)
    widget.get_by_label("Kind", exact=True).select_option("")
    widget.get_by_label("From", exact=True).select_option("")


def test_streams_have_a_column_once_the_units_are_explained(page, explorer):
    ladder = explorer(CALLS).locator(".rung:not(.head)")
    expect(ladder.nth(5).locator(".c-stream")).to_have_text("1")  # the first request
    expect(ladder.nth(5).locator(".c-stream + .c-rail .says")).to_contain_text("Echo")


def test_one_connection_is_followed_from_the_list_and_from_the_ladder(page, explorer):
    widget = explorer(CHAT)
    rows = widget.locator(".rung:not(.head)")
    follow = widget.get_by_label("Follow", exact=True)
    follow.select_option("1")
    expect(widget.locator(".c-stream").filter(has_text="1")).to_have_count(0)
    expect(widget.locator(".counted")).to_contain_text("of")
    rows.first.click()
    widget.locator(".ladder").press("f")
    expect(follow).to_have_value("")
    expect(widget.locator(".c-stream").filter(has_text="1")).not_to_have_count(0)
    widget.locator(".ladder").press("f")
    expect(follow).to_have_value("1")


def test_search_finds_text_that_only_derived_bytes_hold_and_hexadecimal(page, explorer):
    widget = explorer(HELLO)
    widget.locator(".rung:not(.head)").first.click()
    box = widget.get_by_label("Search in lines and bytes")
    box.fill("QUESTION")
    box.press("Enter")
    expect(widget.locator(".found")).to_have_text("2 matches")
    expect(chosen(widget, "rung")).to_contain_text("that is the question")
    expect(chosen(widget, "rung").locator(".c-no")).to_have_text("8")
    box.press("Enter")
    expect(chosen(widget, "rung").locator(".c-no")).to_have_text("9")
    box.press("Shift+Enter")
    expect(chosen(widget, "rung").locator(".c-no")).to_have_text("8")
    widget.get_by_label("Search for").select_option("hex")
    box.fill("03 e8")
    box.press("Enter")
    expect(chosen(widget, "rung")).to_contain_text("close 1000")
    widget.get_by_text("only matches").click()
    expect(widget.locator(".rung:not(.head)")).to_have_count(2)
    box.fill("8")
    box.press("Enter")
    expect(widget.locator(".problem")).to_contain_text("pairs of digits")
    widget.get_by_text("only matches").click()
    box.fill("")
    widget.get_by_label("Search for").select_option("")
    expect(widget.locator(".rung:not(.head)")).not_to_have_count(2)


def test_a_hundred_thousand_units_scroll_without_being_rebuilt(page, explorer):
    widget = explorer(THOUSANDS)
    ladder, rows = widget.locator(".ladder"), widget.locator(".rung:not(.head)")
    expect(ladder).to_have_attribute("aria-rowcount", str(LONG + 1))
    expect(rows.first).to_contain_text("message 0")
    ladder.evaluate("(node) => { node.scrollTop = 1_200_000; }")
    expect(rows.filter(has_text='text "message 50000"')).to_have_count(1)
    kept = rows.filter(has_text='text "message 50005"')
    kept.evaluate("(node) => { node.mine = true; }")
    ladder.evaluate("(node) => { node.scrollTop += 48; }")
    expect(rows.filter(has_text='text "message 50014"')).to_have_count(1)
    assert kept.evaluate("(node) => node.mine")
    assert rows.count() <= 200 and widget.locator("*").count() < 1000
    began, before = monotonic(), len(page.sent)
    for step in range(60):
        ladder.evaluate("(node, step) => { node.scrollTop = step * 30_000; }", step)
        page.wait_for_timeout(16)
    took = monotonic() - began
    assert (len(page.sent) - before) / took <= 30
    ladder.focus()
    page.keyboard.press("End")
    expect(chosen(widget, "rung")).to_contain_text(f"message {LONG - 1}")
    expect(widget.locator(".heading")).to_contain_text(f"unit {LONG - 1}")
    expect(widget.locator(".counted")).to_have_text(f"{LONG:,} units")  # all were looked through by now


def test_a_cell_that_was_out_of_the_page_for_a_while_stands_where_it_stood(explorer):
    widget = explorer(THOUSANDS)
    widget.evaluate(
        """async (node) => {
            const frame = () => new Promise(requestAnimationFrame), { parentNode, nextSibling } = node;
            node.remove();
            await frame(); await frame();
            parentNode.insertBefore(node, nextSibling);
        }"""
    )
    expect(widget.locator(".rung", has_text=f"message {LONG - 1}")).to_be_in_viewport()


def test_python_knows_what_is_chosen_and_new_bytes_come_with_refresh(page, explorer):
    explorer(HELLO).locator(".rung:not(.head)").nth(2).click()
    field(explorer(HELLO), "masking key").click()
    page.locator(".jp-CodeCell").nth(CHAT).locator(".jp-InputArea-editor").click()
    page.evaluate("jupyterapp.commands.execute('notebook:insert-cell-below')")
    page.locator(".jp-CodeCell").nth(ASK).locator(".cm-content").fill(CELLS[ASK])
    page.evaluate("jupyterapp.commands.execute('notebook:run-cell')")
    output = page.locator(".jp-CodeCell").nth(ASK).locator(".jp-OutputArea-output")
    expect(output).to_contain_text('chosen: 2 masking key text "to be, or not to be", inflated')
    explorer(THOUSANDS).get_by_role("button", name="Refresh").click()
    expect(explorer(THOUSANDS).locator(".counted")).to_have_text(f"{LONG + 1:,} units")


@pytest.mark.parametrize(("name", "rules"), [("Light", {}), ("Dark", {"runOnly": ["color-contrast"]})])
def test_axe_has_nothing_to_say(page, explorer, axe, name, rules):
    theme(page, name)
    for cell in (HELLO, WRONG):
        explorer(cell).locator(".rung:not(.head)").nth(2).click()
        explorer(cell).locator(".byte").nth(4).click()
    OUT.mkdir(parents=True, exist_ok=True)
    explorer(HELLO).screenshot(path=OUT / f"explore-{name.lower()}.png")
    explorer(WRONG).screenshot(path=OUT / f"explore-findings-{name.lower()}.png")
    page.evaluate(axe)
    found = page.evaluate("(rules) => axe.run('.explore', rules)", rules)
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]] == []
    assert {"color-contrast", *({} if rules else {"aria-required-children"})} <= {
        each["id"] for each in found["passes"]
    }


def test_the_page_threw_nothing(page):
    assert page.errors == []


def test_rows_beyond_the_height_that_a_browser_lays_out_are_all_reached(page):
    """Three million rows of 24 pixels in eight million pixels, drawn by the widgets' own `Rows`."""
    at = page.evaluate(
        """async (source) => {
            const { Rows } = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
            const node = document.createElement("div");
            node.style.cssText = "height: 240px; overflow: auto; position: fixed; top: 0; width: 200px";
            document.body.append(node);
            const seen = [];
            const rows = new Rows(node, { height: 24, make: () => document.createElement("div"),
                fill: (row, index) => { row.textContent = index; }, seen: (first, last) => seen.push([first, last]) });
            rows.sizer.style.position = "relative";
            rows.reset(3_000_000);
            rows.show(2_999_999);
            const last = rows.range[1], height = node.scrollHeight, count = rows.at.size;
            rows.show(1_500_000);
            const middle = rows.at.has(1_500_000);
            rows.show(0);
            const found = [last, height, count <= 40, middle, rows.range[0]];
            rows.close();
            node.remove();
            return found;
        }""",
        module("common"),
    )
    assert at == [3_000_000, 8_000_000, True, True, 0]
