"""The tables of GraphQL's states, walked along conversations."""

from __future__ import annotations

from typing import Any

from protolab import show
from protolab.fields import Side
from protolab.protocols.graphql import states
from protolab.view.states import Walk
from tests.protocols.graphql.talk import (
    ACK,
    INIT,
    LEGACY,
    C,
    S,
    client,
    close,
    complete,
    decoded,
    get,
    next_,
    opening,
    reply,
    server,
    socket,
    subscribe,
)  # fmt: skip


def walked(conversation: Any) -> list[tuple[str, str]]:
    """The client's states after each unit."""
    walk = Walk(conversation, states)
    return [walk.states(number)[Side.CLIENT] for number in range(1, len(walk))]  # type: ignore[misc]


def test_the_life_of_a_socket_and_of_the_newest_operation_on_it() -> None:
    conversation = decoded(
        *opening(), INIT, ACK, subscribe("1"), subscribe("2"), next_("1"), next_("2"), complete(C, "2"), next_("2"),
        complete(S, "1"), subscribe("1"), server({"type": "error", "id": "1", "payload": [{"message": "no"}]}), close(C, 1000),
    )  # fmt: skip
    assert walked(conversation) == [
        ("HTTP", "none"),
        ("socket open", "none"),
        ("waiting for connection_ack", "none"),
        ("ready", "none"),
        ("ready", "active"),
        ("ready", "active"),
        ("ready", "active"),
        ("ready", "active"),
        ("ready", "cancelled"),
        ("ready", "cancelled"),
        ("ready", "cancelled"),
        ("ready", "active"),
        ("ready", "failed"),
        ("closed", "failed"),
    ]
    moments = [Walk(conversation, states).moment(number) for number in range(len(conversation) + 1)]
    assert all(move.allowed for moment in moments for move in moment.moves)


def test_what_the_table_does_not_allow_is_marked() -> None:
    text = show.states(socket(complete(S, "1"), subscribe("1"), complete(S, "1"), next_("1"))).text()
    assert "! next: not allowed in 'completed'" in text
    early = show.states(decoded(*opening(), subscribe("1"))).text()
    assert "! sends a message of an operation: not allowed in 'socket open'" in early


def test_requests_over_http_are_asked_and_answered() -> None:
    assert walked(decoded(get("?query=%7Ba%7D"), reply(200, {"data": {"a": 1}}))) == [
        ("HTTP", "asked"),
        ("HTTP", "answered"),
        ("HTTP", "answered"),
    ]


def test_the_older_protocol_goes_through_the_same_states() -> None:
    start = client({"type": "start", "id": "1", "payload": {"query": "subscription { tick }"}})
    data, stop = server({"type": "data", "id": "1", "payload": {"data": {}}}), client({"type": "stop", "id": "1"})
    conversation = decoded(*opening(LEGACY), INIT, ACK, start, data, stop)
    assert [state for _, state in walked(conversation)[-3:]] == ["active", "active", "cancelled"]
