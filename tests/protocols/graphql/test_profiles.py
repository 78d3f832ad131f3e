"""Which status and media type answers what, in both profiles. The draft's rows are section 6.4 of GraphQL over HTTP."""

from __future__ import annotations

import asyncio

import pytest

from tests.protocols.graphql.wire import JSON, RESPONSE, Answer, get, message, post, serving

_TWO = "query A { hello } query B { hello }"
_PARTIAL = {"query": "{ trouble { fine nullable } }"}
_NULL = {"query": 'mutation { createPost(input: {title: ""}) { id } }'}

# name, request, profile 2023 with each media type, draft with each: (status, media type of the answer)
_2XX = [
    ("data", {"query": "{ hello }"}, (200, RESPONSE), (200, JSON), (200, RESPONSE), (200, JSON)),
    ("data and errors", _PARTIAL, (200, RESPONSE), (200, JSON), (294, RESPONSE), (200, JSON)),
    ("data null and errors", _NULL, (200, RESPONSE), (200, JSON), (294, RESPONSE), (200, JSON)),
]
_400 = ((400, RESPONSE), (400, JSON), (400, RESPONSE), (400, RESPONSE))
_MALFORMED = ((400, RESPONSE), (400, JSON), (422, RESPONSE), (422, RESPONSE))
_UNDOABLE = ((400, RESPONSE), (200, JSON), (422, RESPONSE), (422, RESPONSE))
_4XX = [
    ("no JSON", b'{"query":', *_400),
    ("no document", {"query": "{"}, (400, RESPONSE), (200, JSON), (400, RESPONSE), (400, RESPONSE)),
    ("query misspelt", {"qeury": "{ hello }"}, *_MALFORMED),
    ("variables an array", {"query": "{ hello }", "variables": [7]}, *_MALFORMED),
    ("operationName a number", {"query": "{ hello }", "operationName": 7}, *_MALFORMED),
    ("extensions a string", {"query": "{ hello }", "extensions": "x"}, *_MALFORMED),
    ("a number", b"7", *_MALFORMED),
    ("an empty array", [], *_MALFORMED),
    ("an unknown field", {"query": "{ nothing }"}, *_UNDOABLE),
    ("an unknown operation", {"query": "{ hello }", "operationName": "x"}, *_UNDOABLE),
    ("an ambiguous operation", {"query": _TWO}, *_UNDOABLE),
    (
        "a variable of a wrong type",
        {"query": "query($n: Int) { users(first: $n) { id } }", "variables": {"n": "x"}},
        *_UNDOABLE,
    ),
    ("a subscription", {"query": "subscription { countdown }"}, *_UNDOABLE),
]
_CELLS = [("2023", RESPONSE), ("2023", JSON), ("draft", RESPONSE), ("draft", JSON)]


def _ask(data: bytes, method: str = "POST", **options: object) -> Answer:
    async def ask() -> Answer:
        async with serving(**options) as served:
            return await served.ask(data, method)

    return asyncio.run(ask())


@pytest.mark.parametrize("row", _2XX + _4XX, ids=lambda row: row[0])
def test_each_situation_has_its_status_in_each_profile_and_media_type(row: tuple) -> None:
    _, body, *expected = row
    for (profile, accept), (status, media) in zip(_CELLS, expected, strict=True):
        answer = _ask(post(body, accept), profile=profile)
        assert (answer.status, answer.media) == (status, media), (profile, accept)
        assert ("data" in answer.json) == (row in _2XX), (profile, accept)
        assert answer.fields["content-type"].endswith("; charset=utf-8")


def test_partial_success_has_a_reason_phrase() -> None:
    assert _ask(post(_PARTIAL), profile="draft").reason == "Partial Success"


@pytest.mark.parametrize("profile", ["2023", "draft"])
@pytest.mark.parametrize(
    ("name", "data", "method", "status"),
    [
        ("mutation by GET", get(query='mutation { createPost(input: {title: "x"}) { id } }'), "GET", 405),
        (
            "mutation by HEAD",
            get(method="HEAD", query='mutation { createPost(input: {title: "x"}) { id } }'),
            "HEAD",
            405,
        ),
        ("PUT", message("PUT", "/graphql", {}), "PUT", 405),
        ("DELETE", message("DELETE", "/graphql", {}), "DELETE", 405),
        ("a method of no standard", message("BREW", "/graphql", {}), "BREW", 405),
        ("no content type", message("POST", "/graphql", {}, b'{"query":"{hello}"}'), "POST", 415),
        ("a form", post(b"query={hello}", content_type="application/x-www-form-urlencoded"), "POST", 415),
        ("text", post(b'{"query":"{hello}"}', content_type="text/plain"), "POST", 415),
        ("several types", post({"query": "{hello}"}, content_type="application/json, text/plain"), "POST", 415),
        ("another charset", post({"query": "{hello}"}, content_type="application/json; charset=utf-16"), "POST", 415),
        ("a compressed body", post({"query": "{hello}"}, content_encoding="gzip"), "POST", 415),
        ("nothing acceptable", post({"query": "{hello}"}, "text/csv"), "POST", 406),
        ("a URL too long", get(query="{ hello }" + " " * 8192), "GET", 414),
        ("fields too large", post({"query": "{hello}"}, x_padding="x" * 2**14), "POST", 431),
        ("a body too large", post({"query": "{hello}", "pad": "x" * 2**17}), "POST", 413),
    ],
)
def test_a_message_that_is_no_graphql_request_has_a_status_of_http(
    profile: str, name: str, data: bytes, method: str, status: int
) -> None:
    answer = _ask(data, method, profile=profile)
    assert answer.status == status
    if method != "HEAD":
        assert answer.codes == [f"HTTP_{status}"]
    if status == 405:  # RFC 9110 section 15.5.6
        assert "POST" in answer.fields["allow"]
        assert ("GET" in answer.fields["allow"]) == (not name.startswith("mutation"))


def test_the_largest_body_allowed_is_read() -> None:
    body = b'{"query":"{ hello }","pad":"' + b"x" * (2**17 - 30) + b'"}'
    assert len(body) == 2**17
    assert _ask(post(body)).json == {"data": {"hello": "Hello, world!"}}


def test_head_says_what_get_says_without_the_body() -> None:
    said, heard = (_ask(get(method=method, query="{ hello }"), method) for method in ("GET", "HEAD"))
    assert heard.body == b"" and heard.status == said.status == 200
    assert heard.fields["content-length"] == said.fields["content-length"] == str(len(said.body))


def test_options_names_the_methods() -> None:
    answer = _ask(message("OPTIONS", "/graphql", {}))
    assert (answer.status, answer.fields["allow"]) == (204, "GET, HEAD, POST, OPTIONS")


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"query": "{ hello }", "operationName": "", "variables": "", "extensions": ""}, "Hello, world!"),
        ({"query": "query null { hello }", "operationName": "null"}, "Hello, world!"),
        ({"query": "query($n: String) { hello(name: $n) }", "variables": '{"n":"Ada+"}'}, "Hello, Ada+!"),
        ({"query": "{ hello }", "unknown": "ignored", "variables": "null"}, "Hello, world!"),
    ],
)
def test_get_parameters_mean_what_section_5_3_says(parameters: dict[str, str], expected: str) -> None:
    assert _ask(get(**parameters)).json == {"data": {"hello": expected}}


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("query={hello}&query={hello}", "BAD_REQUEST"),
        ("query={hello}&variables={", "BAD_JSON"),
        ("query={hello}&variables=[]", "BAD_REQUEST"),
        ("query=", "BAD_REQUEST"),
        ("query={hello}&operationName=null", None),  # a name, and the document has no such operation
    ],
)
def test_get_parameters_that_mean_nothing_are_refused(target: str, code: str | None) -> None:
    answer = _ask(message("GET", f"/graphql?{target}", {"Accept": RESPONSE}))
    assert (answer.status, answer.codes) == (400, [code])


def test_null_is_absent_and_what_is_unknown_is_ignored() -> None:
    body = {"query": "{ hello }", "operationName": None, "variables": None, "extensions": None, "id": 7}
    assert _ask(post(body)).json == {"data": {"hello": "Hello, world!"}}
