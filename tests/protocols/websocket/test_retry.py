"""The rules about coming back: every code has one, the first Close counts, a certificate that is not trusted stays so."""

from __future__ import annotations

import ssl

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close

from protolab.protocols.websocket import close_codes
from protolab.protocols.websocket.retry import CODES, after_close, after_failure
from protolab.serve.returning import Rule


def test_every_code_that_has_a_name_has_a_rule() -> None:
    assert set(CODES) == set(close_codes.CODES) - {1004}  # which is reserved: nobody can send it
    assert after_close(ConnectionClosed(Close(4999, ""), None)).rule is Rule.AGAIN


@pytest.mark.parametrize(
    ("received", "sent", "received_first", "code", "by"),
    [
        (Close(1008, "theirs"), Close(1008, ""), True, 1008, "server"),
        (Close(1000, "theirs"), Close(1002, "ours"), False, 1002, "client"),
        (Close(1001, "theirs"), None, None, 1001, "server"),
        (None, Close(1011, "ours"), None, 1011, "client"),
        (None, None, None, 1006, "network"),
    ],
)
def test_of_two_closes_the_first_counts(
    received: Close | None, sent: Close | None, received_first: bool | None, code: int, by: str
) -> None:
    ending = after_close(ConnectionClosed(received, sent, received_first))
    assert (ending.code, ending.by, ending.rule) == (code, by, CODES[code][0])
    first = {"server": received, "client": sent}.get(by)
    assert ending.reason == (first.reason if first else "")


def test_rules_of_a_clients_own_come_first() -> None:
    closed = ConnectionClosed(Close(1008, "too fast"), None)
    ending = after_close(closed, {1008: Rule.LATER})
    assert ending.rule is Rule.LATER and "rules of this client" in ending.why
    assert str(ending) == "closed by the server with 1008 (policy violation): too fast"


@pytest.mark.parametrize(
    ("error", "rule"),
    [
        (ConnectionRefusedError(), Rule.AGAIN),
        (TimeoutError(), Rule.AGAIN),
        (ssl.SSLError("handshake interrupted"), Rule.AGAIN),
        (ssl.SSLCertVerificationError("self-signed"), Rule.NEVER),
        (TypeError("no such option"), Rule.NEVER),
    ],
)
def test_trouble_that_may_pass_is_told_from_trouble_that_will_not(error: Exception, rule: Rule) -> None:
    ending = after_failure(error)
    assert (ending.code, ending.by, ending.rule) == (None, "network", rule)
    assert str(error) in str(ending) and not str(ending).endswith(": ")
