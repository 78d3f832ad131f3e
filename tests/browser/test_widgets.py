"""`scrub`, `byte_lab` and `browser_client` in a real JupyterLab: keyboard, live peers, axe-core, both themes.

One notebook for all of it. Screenshots for people go to .ci/out.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.jupyter import OUT, notebook, theme

CELLS = (
    "from protolab import lab, scenes, show, websocket\nstepped = show.scrub(scenes.recording('websocket/fragments'))\nstepped",
    "unit = show.conversation(scenes.recording('websocket/hello'))[2]\nbench = show.byte_lab(unit)\nbench",
    "server = lab.start(websocket.EchoServer())\nclient = show.browser_client(server)\nclient",
    "far = show.browser_client(server, proxy='always')\nfar",
    "from protolab import sse\nnews = lab.start(sse.EventServer(), name='news')\n"
    "strict = show.browser_client(news)\nstrict",
    "news_for_all = sse.EventServer(retry=100, origins='*')\nopen_to_all = lab.start(news_for_all, name='open')\n"
    "source = show.browser_client(open_to_all)\nsource",
    "print('step', stepped.step, stepped.states['client']['what a side may send'])\n"
    "print('bench', bench.data[:1].hex())\n"
    "print('browser', *[each['what'] for each in client.events])\n"
    "print(*[unit.title for unit in show.conversation(server)], sep=' | ')",
)
SCRUB, BENCH, CLIENT, FAR, STRICT, SOURCE, ASK = range(7)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The notebook with these cells, all but the last of them run."""
    with notebook(tmp_path_factory.mktemp("home"), CELLS[:ASK], 4400) as page:
        expect(page.locator(".protolab")).to_have_count(ASK)
        yield page


@pytest.fixture
def widget(page):
    """The widget of a cell."""
    return lambda cell: page.locator(".jp-CodeCell").nth(cell).locator(".protolab")


@pytest.fixture
def say(page):
    """Run code in a cell after the last; gives its output."""

    def run(code):
        cells = page.locator(".jp-CodeCell")
        count = cells.count()
        cells.last.locator(".jp-InputArea-editor").click()
        page.evaluate("jupyterapp.commands.execute('notebook:insert-cell-below')")
        expect(cells).to_have_count(count + 1)
        cells.nth(count).locator(".cm-content").fill(code)
        page.evaluate("jupyterapp.commands.execute('notebook:run-cell')")
        return cells.nth(count).locator(".jp-OutputArea-output")

    return run


@pytest.fixture
def bench(widget):
    """The byte lab with the bytes that it began with."""
    bench = widget(BENCH)
    bench.get_by_role("button", name="Begin again").click()
    expect(bench.locator(".says")).to_have_text('text "Hello"')
    return bench


def row(bench, name):
    """The row of a field, by its name."""
    return bench.locator("tbody tr").filter(has=bench.page.get_by_text(name, exact=True))


def now(widget, machine):
    """Where both peers stand in a machine: the sides that its table marks, by state."""
    rows = widget.locator("details").nth(machine).locator("tr.now")
    return {each.locator("th").inner_text(): each.locator(".badge").all_inner_texts() for each in rows.all()}


def test_the_arrow_keys_step_forwards_and_backwards_and_the_tables_follow(page, widget):
    scrub = widget(SCRUB)
    expect(scrub.locator(".unit")).to_have_text("before anything was said")
    scrub.get_by_role("slider", name="Step").focus()
    page.keyboard.press("ArrowRight")
    expect(scrub.locator(".unit")).to_contain_text("GET / HTTP/1.1")
    expect(scrub.locator(".client-peer .state").first).to_have_text("waiting for the answer")
    expect(scrub.locator(".server-peer .state").first).to_have_text("about to answer")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(scrub.locator(".unit")).to_contain_text("first fragment")
    expect(scrub.locator(".client-peer .state").nth(1)).to_have_text("in a text message")
    expect(scrub.locator(".client-peer .may").nth(1)).to_contain_text("continuation")
    expect(scrub.locator(".client-peer .may").nth(1)).not_to_contain_text("binary")
    assert {state: len(who) for state, who in now(scrub, 1).items()} == {"ready": 1, "in a text message": 1}
    expect(scrub.locator("[role=status]")).to_contain_text("client says text, first fragment")
    page.keyboard.press("ArrowLeft")
    expect(scrub.locator(".unit")).to_contain_text("101")
    page.keyboard.press("End")
    expect(scrub.locator(".count")).to_have_text("step 11 of 11")
    expect(scrub.locator(".server-peer .state").first).to_have_text("closed")
    expect(scrub.get_by_role("button", name="One step forward")).to_have_attribute("aria-disabled", "true")
    page.keyboard.press("Home")
    expect(scrub.locator(".unit")).to_have_text("before anything was said")
    forward = scrub.get_by_role("button", name="One step forward")
    for _ in range(3):
        forward.click()
    expect(scrub.locator("li.took .by")).to_have_text(["C ▸ ", "S ▸ ", "C ▸ "])
    expect(page.locator(".jp-CodeCell.jp-mod-active")).to_have_count(1)


def test_typing_over_a_byte_decodes_it_at_once(page, bench):
    bench.locator(".byte").first.click()
    expect(bench.locator("tr.now th")).to_have_text("FIN")
    page.keyboard.type("89")
    expect(bench.locator(".says")).to_have_text('ping "Hello"')
    expect(row(bench, "opcode").locator("select")).to_have_value("9")
    expect(bench.locator(".byte.cursor")).to_have_text("85")  # on to the next one
    page.keyboard.type("0")
    expect(bench.locator(".marks")).to_contain_text("! finding client-unmasked")
    bench.get_by_role("button", name="Undo").click()
    expect(bench.locator(".fine")).to_be_visible()


def test_a_byte_is_added_and_taken_out_by_keyboard_and_the_length_made_to_fit(page, bench):
    bench.locator(".byte").nth(10).click()
    page.keyboard.press("Insert")
    expect(bench.locator(".says")).to_contain_text("; then ")
    bench.get_by_role("button", name="Make the length fit").click()
    expect(row(bench, "payload length").locator("input")).to_have_value("6")
    bench.locator(".byte").nth(11).click()
    page.keyboard.press("Delete")
    expect(bench.locator(".says")).to_have_text("text, 11 bytes so far")


def test_bytes_that_were_unmasked_are_typed_over_and_masked_again(page, bench):
    bench.locator(".tabs button", has_text="unmasked payload").click()
    bench.locator(".byte").first.click()
    page.keyboard.type("4a")
    expect(bench.locator(".says")).to_have_text('text "Jello"')
    expect(bench.locator(".fine")).to_be_visible()


def test_a_field_set_is_encoded_with_or_without_the_rest(page, bench):
    text = row(bench, "text").locator("input")
    text.fill("Hello, you")
    text.press("Enter")
    expect(row(bench, "payload length").locator("input")).to_have_value("10")
    bench.get_by_label("a changed field encodes").uncheck()
    length = row(bench, "payload length").locator("input")
    length.fill("300")
    length.press("Enter")
    expect(bench.locator(".trouble.line")).to_contain_text("It holds 0 to 127.")
    expect(length).to_have_value("10")
    row(bench, "FIN").locator("input").uncheck()
    expect(bench.locator(".says")).to_have_text('text, first fragment "Hello, you"')
    expect(bench.locator(".byte").first).to_have_text("01")
    bench.get_by_label("a changed field encodes").check()


def test_a_broken_frame_says_its_finding_and_the_live_peer_answers_as_promised(page, bench):
    send = bench.get_by_role("button", name="Send to an echo server")
    send.click()
    expect(bench.locator(".reply")).to_contain_text('It answered: text "Hello". No finding promised a complaint.')
    row(bench, "opcode").locator("select").select_option("3")
    expect(bench.locator(".marks")).to_contain_text("! finding reserved-opcode")
    expect(bench.locator(".reply")).to_have_text("")
    send.click()
    expect(bench.locator(".reply")).to_contain_text("close 1002")
    expect(bench.locator(".reply")).to_contain_text("✓ As the finding promised: 1002.")
    bench.get_by_label("Said by").select_option("server")
    expect(bench.locator(".marks")).to_contain_text("! finding server-masked")
    expect(send).to_be_disabled()
    bench.get_by_label("Said by").select_option("client")
    expect(send).to_be_enabled()


def test_the_browser_talks_to_the_lab_and_the_tap_sees_its_frames(page, widget):
    client = widget(CLIENT)
    client.get_by_role("button", name="Connect").click()
    expect(client.locator(".state")).to_have_text("readyState 1: open")
    client.get_by_label("Message").press("Enter")
    log, wire = client.get_by_role("log"), client.locator(".pane").nth(1)
    expect(log.locator("tbody th")).to_have_text(["new WebSocket", "open", "send", "message"])
    expect(log).to_contain_text('text "Hello"')
    expect(wire.locator("td.client")).to_have_count(2)  # the request, and one frame
    client.get_by_label("Message").fill("00 ff")
    client.get_by_label("Send as").select_option("hex")
    client.get_by_role("button", name="Send").click()
    expect(log).to_contain_text("2 bytes: 00 ff")
    client.get_by_label("Code").fill("1001")
    client.get_by_role("button", name="Close").click()
    expect(log).to_contain_text("InvalidAccessError")  # a script may say 1000, and 3000 to 4999
    client.get_by_label("Code").fill("4001")
    client.get_by_label("Reason").fill("enough")
    client.get_by_role("button", name="Close").click()
    expect(log).to_contain_text('code 4001, reason "enough", wasClean true')
    expect(wire).to_contain_text('close 4001 "enough"')
    expect(wire.locator("td.server")).not_to_have_count(0)


def test_a_browser_that_is_far_away_is_told_that_there_is_no_way(widget):
    far = widget(FAR)
    far.get_by_role("button", name="Connect").click()
    expect(far.locator(".trouble.line")).to_contain_text(
        "jupyter-server-proxy, which could pass it on, is not installed"
    )
    expect(far.locator(".state")).to_have_text("not connected")


def test_the_browser_hears_events_and_comes_back_by_itself_beside_what_the_tap_saw(page, widget, say):
    source = widget(SOURCE)
    source.get_by_label("Listen to").fill("connected notification")
    source.get_by_role("button", name="Connect").click()
    expect(source.locator(".state")).to_have_text("readyState 1: open")
    log, wire = source.get_by_role("log"), source.locator(".pane").nth(1)
    expect(log.locator("tbody th")).to_have_text(["new EventSource", "open", "connected"])
    say("lab.run(news_for_all.notify('Tea'))")
    expect(log).to_contain_text("Tea")
    expect(log).to_contain_text('lastEventId "1"')
    source.get_by_label("Listen to").fill("update")  # heard from now on, on the stream that is open
    source.get_by_label("Listen to").press("Enter")
    say("lab.run(news_for_all.update({'n': 1})); open_to_all.cut(); lab.run(news_for_all.update({'n': 2}))")
    expect(log).to_contain_text("the browser comes back by itself")
    expect(log).to_contain_text("it came back by itself")
    expect(log.locator("tbody th").filter(has_text="update")).to_have_count(2)
    expect(wire.locator("td.number", has_text="1/0")).to_be_visible()
    expect(wire.locator("td.number", has_text="2/0")).to_be_visible()
    source.get_by_role("button", name="Close").click()
    expect(source.locator(".state")).to_have_text("readyState 2: closed")


def test_a_page_that_may_not_read_a_stream_is_told_what_the_server_must_allow(page, widget):
    strict = widget(STRICT)
    strict.get_by_role("button", name="Connect").click()
    expect(strict).to_contain_text(re.compile("on the wire, connections? "))  # Python's answer takes no words away
    expect(strict.locator(".trouble.line")).to_contain_text("it must say Access-Control-Allow-Origin")
    expect(strict.locator(".trouble.line")).to_contain_text('origins=["http')
    expect(strict.locator(".state")).to_have_text("readyState 2: closed")


def test_python_knows_what_was_done_in_the_browser(say):
    output = say(CELLS[ASK])
    expect(output).to_contain_text("step 3 in a text message")
    expect(output).to_contain_text("bench 83")
    expect(output).to_contain_text("browser new WebSocket open send message send message close() threw close() close")
    expect(output).to_contain_text(
        'text "Hello" | text "Hello" | binary 2 bytes | binary 2 bytes | close 4001 "enough"'
    )


@pytest.mark.parametrize("name", ["Light", "Dark"])
def test_axe_has_nothing_to_say_and_both_themes_can_be_read(page, widget, axe, name):
    theme(page, name)
    widget(BENCH).locator(".tabs button").first.click()
    widget(BENCH).locator(".byte").nth(4).click()
    OUT.mkdir(parents=True, exist_ok=True)
    for cell, shot in ((SCRUB, "scrub"), (BENCH, "byte-lab"), (CLIENT, "browser-client"), (SOURCE, "event-source")):
        widget(cell).screenshot(path=OUT / f"{shot}{'-dark' * (name == 'Dark')}.png")
    page.evaluate(axe)
    found = page.evaluate("axe.run('.protolab').then((result) => result)")
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]] == []
    assert {"color-contrast", "label"} <= {each["id"] for each in found["passes"]}


def test_the_page_threw_nothing(page):
    assert page.errors == []
