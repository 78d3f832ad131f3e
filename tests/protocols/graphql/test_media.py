"""Content negotiation, RFC 9110 section 12.5.1."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protolab.protocols.graphql.media import EVENTS, HTML, JSON, RESPONSE, choose, parse


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, JSON),
        ("", JSON),
        (" , ,", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("text/*", EVENTS),
        ("APPLICATION/GraphQL-Response+JSON", RESPONSE),
        ("application/graphql-response+json; charset=utf-8, application/json; charset=utf-8", RESPONSE),
        ("application/json, application/graphql-response+json", JSON),
        ("application/json;q=0.9, application/graphql-response+json", RESPONSE),
        ("application/graphql-response+json;q=0.5, */*;q=0.4", RESPONSE),
        ("application/graphql-response+json;q=0.5, */*", JSON),
        ("*/*;q=0.1, application/json;q=0", RESPONSE),
        ("application/json;q=0", None),
        ("application/json;q=0.000, application/graphql-response+json;q=0.001", RESPONSE),
        ("application/json; charset=utf-16", None),
        ('application/json; charset="UTF-8"', JSON),
        ("application/json; profile=x", None),
        ('application/json; profile="a, application/graphql-response+json"', None),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", HTML),
        ("text/event-stream", EVENTS),
        ("text/csv, image/*", None),
        ("json", None),
    ],
)
def test_an_accept_field_chooses_what_the_rfc_says(accept: str | None, chosen: str | None) -> None:
    assert choose(accept, (JSON, RESPONSE, EVENTS, HTML)) == chosen


def test_under_a_wildcard_the_server_has_its_own_favourite() -> None:
    assert (
        choose("*/*", (RESPONSE, JSON))
        == choose("application/*", (RESPONSE, JSON))
        == choose(None, (RESPONSE, JSON))
        == RESPONSE
    )


@given(st.text(alphabet='abc/*;,=q"\\ 01.', max_size=40) | st.text(max_size=20))
def test_any_text_at_all_is_read(text: str) -> None:
    assert choose(text, (JSON,)) in (JSON, None)
    assert all(0 <= item.q <= 1 for item in parse(text))
