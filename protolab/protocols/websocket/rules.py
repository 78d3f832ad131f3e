"""Every rule of RFC 6455 and RFC 7692 that captured bytes can be seen to break: what it says, its clause, what a conforming
peer answers (an HTTP status, a close code, or nothing), and how to mend it.
"""

from __future__ import annotations

from protolab.findings import Rule

RULES: dict[str, Rule] = {}


def _rule(id: str, clause: str, reaction: str, says: str, mend: str) -> Rule:
    RULES[id] = rule = Rule(id, says, clause, reaction, mend)
    return rule


# The opening handshake, client's side: RFC 6455 section 4.1 says what to send, 4.2 how a server checks it.
METHOD = _rule("method", "RFC 6455 section 4.1", "HTTP 405", "the handshake must be a GET", "send the request with GET")
HTTP_VERSION = _rule(
    "http-version",
    "RFC 6455 section 4.1",
    "HTTP 505",
    "the handshake needs HTTP/1.1",
    "say HTTP/1.1 in the request line",
)
HOST = _rule(
    "host", "RFC 6455 section 4.1", "HTTP 400", "the request has no single Host header", "name the server once in Host"
)
UPGRADE = _rule(
    "upgrade", "RFC 6455 section 4.1", "HTTP 426", "Upgrade does not say websocket", "send `Upgrade: websocket`"
)
CONNECTION = _rule(
    "connection", "RFC 6455 section 4.1", "HTTP 426", "Connection does not list Upgrade", "send `Connection: Upgrade`"
)
KEY_MISSING = _rule(
    "key-missing", "RFC 6455 section 4.1", "HTTP 400", "there is no Sec-WebSocket-Key", "send base64 of 16 random bytes"
)
KEY_REPEATED = _rule(
    "key-repeated", "RFC 6455 section 11.3.1", "HTTP 400", "Sec-WebSocket-Key stands more than once", "send it once"
)
KEY_LENGTH = _rule(
    "key-length",
    "RFC 6455 section 4.1",
    "HTTP 400",
    "the key is not base64 of 16 bytes",
    "send base64 of 16 random bytes",
)
VERSION = _rule(
    "version", "RFC 6455 section 4.4", "HTTP 426", "Sec-WebSocket-Version is not 13", "send `Sec-WebSocket-Version: 13`"
)
VERSION_MISSING = _rule(
    "version-missing", "RFC 6455 section 4.1", "HTTP 400", "there is no Sec-WebSocket-Version", "send version 13"
)
EARLY_DATA = _rule(
    "early-data",
    "RFC 6455 section 4.1",
    "",
    "the client sent frames before the server had answered",
    "wait for the 101 before sending",
)
SUBPROTOCOL_OFFER = _rule(
    "subprotocol-offer", "RFC 6455 section 4.1", "HTTP 400", "this is not the name of a subprotocol",
    "offer tokens, separated by commas",
)  # fmt: skip
SUBPROTOCOL_TWICE = _rule(
    "subprotocol-offered-twice", "RFC 6455 section 4.1", "", "a subprotocol is offered twice", "offer each one once"
)
EXTENSION_OFFER = _rule(
    "extension-offer", "RFC 6455 section 9.1", "HTTP 400", "this offer of an extension cannot be read",
    "write `name; parameter; parameter=token`, separated by commas",
)  # fmt: skip
OFFER = _rule(
    "deflate-offer", "RFC 7692 section 7.1", "declined", "this offer of permessage-deflate is not well formed",
    "offer each parameter once, with a value only where it takes one, window bits 8 to 15",
)  # fmt: skip

# The opening handshake, server's side: a client that sees one of these fails the connection (sections 4.1 and 4.2.2).
RESPONSE_VERSION = _rule(
    "response-version",
    "RFC 6455 section 4.2.2",
    "fail",
    "the answer to the handshake is not HTTP/1.1",
    "answer `HTTP/1.1 101`",
)
VERSIONS = _rule(
    "versions-not-named", "RFC 6455 section 4.4", "", "the refusal of a version names none that would do",
    "send Sec-WebSocket-Version with what this server speaks",
)  # fmt: skip
RESPONSE_UPGRADE = _rule(
    "response-upgrade", "RFC 6455 section 4.1", "fail", "Upgrade is not websocket", "send `Upgrade: websocket`"
)
RESPONSE_CONNECTION = _rule(
    "response-connection", "RFC 6455 section 4.1", "fail", "Connection lacks Upgrade", "send `Connection: Upgrade`"
)
ACCEPT_MISSING = _rule(
    "accept-missing", "RFC 6455 section 4.1", "fail", "there is no Sec-WebSocket-Accept", "derive it from the key"
)
ACCEPT_WRONG = _rule(
    "accept-wrong", "RFC 6455 section 4.2.2", "fail", "Sec-WebSocket-Accept does not belong to this key",
    "send base64 of SHA-1 of the key followed by the GUID of section 1.3",
)  # fmt: skip
SUBPROTOCOL = _rule(
    "subprotocol-not-offered", "RFC 6455 section 4.1", "fail", "the server chose a subprotocol that was not offered",
    "choose one of the offer, or send no Sec-WebSocket-Protocol",
)  # fmt: skip
SUBPROTOCOL_REPEATED = _rule(
    "subprotocol-repeated",
    "RFC 6455 section 4.2.2",
    "fail",
    "the server chose more than one subprotocol",
    "choose at most one",
)
EXTENSION_ANSWER = _rule(
    "extension-answer", "RFC 6455 section 9.1", "fail", "this choice of an extension cannot be read",
    "write `name; parameter; parameter=token`, separated by commas",
)  # fmt: skip
EXTENSIONS_REPEATED = _rule(
    "extensions-repeated", "RFC 6455 section 11.3.2", "fail", "Sec-WebSocket-Extensions stands more than once in a response",
    "send it once, with the choices separated by commas",
)  # fmt: skip
EXTENSION = _rule(
    "extension-not-offered",
    "RFC 6455 section 4.1",
    "fail",
    "the server chose an extension that was not offered",
    "choose from the offer only",
)
AGREEMENT = _rule(
    "deflate-response", "RFC 7692 section 7.1", "fail", "these permessage-deflate parameters are not an answer to the offer",
    "answer each parameter once, within what was offered",
)  # fmt: skip

# Frames: section 5. The answer to nearly all of them is to fail the connection with 1002 (section 7.4.1).
RESERVED_OPCODE = _rule(
    "reserved-opcode", "RFC 6455 section 5.2", "1002", "this opcode is reserved", "use 0, 1, 2, 8, 9 or A"
)
RESERVED_BIT = _rule(
    "reserved-bit",
    "RFC 6455 section 5.2",
    "1002",
    "a reserved bit is set and no extension gives it a meaning",
    "leave it 0",
)
CLIENT_UNMASKED = _rule(
    "client-unmasked",
    "RFC 6455 section 5.1",
    "1002",
    "a client's frame must be masked",
    "set MASK and send a fresh key",
)
SERVER_MASKED = _rule(
    "server-masked", "RFC 6455 section 5.1", "1002", "a server's frame must not be masked", "clear MASK and send no key"
)
CONTROL_LONG = _rule(
    "control-too-long",
    "RFC 6455 section 5.5",
    "1002",
    "a control frame carries at most 125 bytes",
    "shorten it, or use a data frame",
)
CONTROL_FRAGMENTED = _rule(
    "control-fragmented", "RFC 6455 section 5.5", "1002", "a control frame must not be fragmented", "set FIN"
)
LENGTH_FORM = _rule(
    "length-not-minimal",
    "RFC 6455 section 5.2",
    "1002",
    "the length fits a shorter form",
    "write it in the fewest bytes that hold it",
)
LENGTH_SIGN = _rule(
    "length-top-bit",
    "RFC 6455 section 5.2",
    "1002 or 1009",
    "the top bit of a 64-bit length must be 0",
    "send a length below 2 to the power of 63",
)
CONTINUATION = _rule(
    "continuation-alone",
    "RFC 6455 section 5.4",
    "1002",
    "a continuation, but no message is open",
    "begin messages with opcode 1 or 2",
)
INTERLEAVED = _rule(
    "message-inside-message", "RFC 6455 section 5.4", "1002", "a new message begins while another is open",
    "finish the open message first: opcode 0 until FIN",
)  # fmt: skip
CLOSE_HALF = _rule(
    "close-one-byte",
    "RFC 6455 section 5.5.1",
    "1002",
    "one byte cannot be a close code",
    "send no body, or two bytes of code",
)
CLOSE_CODE = _rule(
    "close-code",
    "RFC 6455 section 7.4",
    "1002",
    "this code must not be sent",
    "send 1000 to 1003, 1007 to 1014, or 3000 to 4999",
)
CLOSE_REASON = _rule(
    "close-reason", "RFC 6455 section 5.5.1", "1007", "the reason is not UTF-8", "send UTF-8, cut between characters"
)
TEXT_UTF8 = _rule(
    "text-utf8", "RFC 6455 section 8.1", "1007", "a text message must be UTF-8", "send UTF-8, or a binary message"
)
AFTER_CLOSE = _rule(
    "data-after-close",
    "RFC 6455 section 5.5.1",
    "",
    "data after a Close frame is never read",
    "send everything before Close",
)
CUT_OFF = _rule(
    "cut-off",
    "RFC 6455 section 7.1.5",
    "1006",
    "the stream ended inside this",
    "send it whole before you end the stream",
)

# Compression: RFC 7692.
RSV1_CONTROL = _rule(
    "rsv1-on-control", "RFC 7692 section 6.1", "1002", "control frames are never compressed", "clear RSV1"
)
RSV1_CONTINUATION = _rule(
    "rsv1-on-continuation",
    "RFC 7692 section 6.1",
    "1002",
    "RSV1 stands on the first fragment only",
    "clear RSV1 on the others",
)
INFLATE = _rule(
    "deflate-data",
    "RFC 7692 section 7.2.2",
    "1002",
    "this does not inflate",
    "send DEFLATE data with its tail 00 00 FF FF removed",
)
TAIL = _rule(
    "deflate-tail",
    "RFC 7692 section 7.2.1",
    "",
    "the tail 00 00 FF FF was not removed, and no compressed data end like this without it",
    "remove these four bytes, which the receiver appends itself",
)
