"""What pages of other sites may do (cross-site request forgery, CORS), and the page that is this server's own."""

from __future__ import annotations

import asyncio
import re

import pytest

from protolab import repeat
from tests.protocols.graphql.wire import JSON, Answer, message, post, serving
from tests.tools import need

_ASK = {"query": "{ hello }"}
_TARGET = "/graphql?query=%7Bhello%7D"


def _ask(data: bytes, method: str = "POST", **options: object) -> Answer:
    async def ask() -> Answer:
        async with serving(**options) as served:
            return await served.ask(data, method)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),  # another port of the same host is another site's program
        ({"Origin": "http://lab.local"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://good.example", "Sec-Fetch-Site": "cross-site"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "GraphQL-Require-Preflight": "1"}, 200),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_page_of_another_site_can_run_nothing_unasked(method: str, fields: dict[str, str], status: int) -> None:
    data = (
        message("GET", _TARGET, fields)
        if method == "GET"
        else post(_ASK, **{k.replace("-", "_"): v for k, v in fields.items()})
    )
    answer = _ask(data, method, origins=["http://good.example"])
    assert answer.status == status
    if status == 403:
        assert answer.codes == ["HTTP_403"]
        assert _ask(data, method, csrf=False).status == 200


def test_nothing_runs_for_a_page_of_another_site_not_even_in_a_batch() -> None:
    async def ask() -> None:
        async with serving() as served:
            body = {"query": 'mutation { createPost(input: {title: "x"}) { id } }'}
            for asked in (body, [body]):
                assert (await served.ask(post(asked, Origin="http://evil.example"))).status == 403
            assert served.server.store.calls == {}

    asyncio.run(ask())


def test_without_origins_no_answer_speaks_of_cors() -> None:
    answer = _ask(
        message("OPTIONS", "/graphql", {"Origin": "http://good.example", "Access-Control-Request-Method": "POST"})
    )
    assert not [name for name in answer.fields if name.startswith("access-control")]


def test_an_allowed_origin_may_ask_and_read_and_no_other() -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    for origin, allowed in (("http://good.example", True), ("http://evil.example", False)):
        before = _ask(message("OPTIONS", "/graphql", {"Origin": origin, **asked}), origins=["http://good.example"])
        assert before.status == 204 and "Origin" in before.fields["vary"]
        assert (before.fields.get("access-control-allow-origin") == origin) == allowed
        assert ("Content-Type" in before.fields.get("access-control-allow-headers", "")) == allowed
        answer = _ask(post(_ASK, Origin=origin), origins=["http://good.example"])
        assert (answer.fields.get("access-control-allow-origin") == origin) == allowed


def test_answers_tell_nothing_about_the_machine_and_are_the_same_bytes_when_repeatable() -> None:
    before = repeat.switch(7)
    try:
        body = {"query": 'mutation { createPost(input: {title: "x"}) { id createdAt } }'}
        first, second = (_ask(post(body)) for _ in range(2))
    finally:
        repeat.switch(before)
    assert first == second
    assert not {"date", "server", "etag"} & set(first.fields)
    assert "server" not in _ask(post(_ASK)).fields and "date" in _ask(post(_ASK)).fields


# The page

_BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Mode": "navigate"}


def test_a_browser_gets_a_page_of_which_every_part_is_here() -> None:
    answer = _ask(message("GET", "/graphql", _BROWSER), "GET")
    assert (answer.status, answer.media) == (200, "text/html")
    assert "default-src 'none'" in answer.fields["content-security-policy"]
    parts = re.findall(r'(?:src|href)="(/[^"]+)"', answer.body.decode())
    assert parts == ["/graphql/page.css", "/graphql/page.js"]
    for part in parts:
        found = _ask(message("GET", part, {}), "GET")
        assert found.status == 200 and "http://" not in found.body.decode().replace("http://www.w3.org", "")
        assert "https://" not in found.body.decode()


def test_a_visit_with_a_query_shows_it_and_does_not_run_it() -> None:
    async def ask() -> None:
        async with serving() as served:
            asked = message("GET", "/graphql?query=%7Busers%7Bid%7D%7D", {**_BROWSER, "Sec-Fetch-Site": "cross-site"})
            assert (await served.ask(asked, "GET")).media == "text/html"
            assert served.server.store.calls == {}

    asyncio.run(ask())


def test_the_page_can_be_switched_off_and_programs_never_get_it() -> None:
    assert _ask(message("GET", "/graphql", _BROWSER), "GET", page=False).media == JSON
    assert _ask(message("GET", "/graphql", {"Accept": "*/*"}), "GET").codes == ["BAD_REQUEST"]


def test_chromium_asks_and_subscribes_from_the_page_under_its_own_policy() -> None:
    playwright = pytest.importorskip("playwright.async_api")
    chromium = need("chromium")

    async def look() -> None:
        async with serving() as served, playwright.async_playwright() as driver:
            browser = await driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = await browser.new_page()
            said: list[str] = []
            page.on("console", lambda line: said.append(line.text))
            page.on("pageerror", lambda error: said.append(str(error)))
            await page.goto(f"http://127.0.0.1:{served.port}/graphql")
            status, result = page.locator("#status"), page.locator("#result")
            await page.click("#run")
            await playwright.expect(status).to_contain_text("200 OK")
            await playwright.expect(result).to_contain_text('"name": "Ada"')
            await page.select_option("#examples", "partial data")
            await page.click("#run")
            await playwright.expect(page.locator("#errors")).to_contain_text(
                "The phone book does not answer. (at users.3.phone)"
            )
            await page.click("#schema summary")
            await playwright.expect(page.locator("#types")).to_contain_text(
                "createPost(input: CreatePostInput!): Post!"
            )
            assert said == []
            await page.fill("#query", "{\n  nothing\n}")
            await page.click("#run")
            await playwright.expect(page.locator("#errors pre")).to_have_text("  2   nothing\n      ^")
            await page.fill("#query", "subscription { countdown(from: 2, interval: 0) }")
            await page.fill("#variables", "")
            await page.click("#run")
            await playwright.expect(status).to_have_text("3 results · closed with 1000: done")
            await page.fill("#query", "subscription { counter(interval: 0.01) }")
            await page.click("#run")
            await playwright.expect(status).to_have_text(re.compile(r"\d+ results"))
            await page.click("#stop")
            await playwright.expect(status).to_contain_text("closed with 1000")
            await browser.close()

    asyncio.run(look())
