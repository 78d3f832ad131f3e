"""Every rule of GraphQL's transports that captured bytes can be seen to break: what it says, its clause, what a conforming
peer answers (a close code, an HTTP status, or nothing), and how to mend it.

Where the two profiles of GraphQL over HTTP differ (as of 2023, and as of the draft since April 2026), what either of them
allows breaks no rule.
"""

from __future__ import annotations

from protolab.findings import Rule

RULES: dict[str, Rule] = {}
_WS, _LEGACY, _HTTP = "graphql-transport-ws", "subscriptions-transport-ws", "GraphQL over HTTP"


def _rule(id: str, clause: str, reaction: str, says: str, mend: str) -> Rule:
    RULES[id] = rule = Rule(id, says, clause, reaction, mend)
    return rule


# graphql-transport-ws, either side (PROTOCOL.md of the npm package graphql-ws; its headings are the clauses).
BINARY = _rule(
    "binary-message",
    f"{_WS}, Invalid message",
    "4400",
    "a message must be text, not binary",
    "send it as a text message",
)
NOT_JSON = _rule(
    "not-json", f"{_WS}, Invalid message", "4400", "a message must be JSON", "send one JSON object a message"
)
NOT_OBJECT = _rule(
    "not-an-object", f"{_WS}, Communication", "4400", "a message must be a JSON object",
    'send an object with a "type"',
)  # fmt: skip
TYPE_MISSING = _rule(
    "type-missing", f"{_WS}, Communication", "4400", "every message must say its type", 'give it a "type"'
)
TYPE = _rule(
    "type", f"{_WS}, Invalid message", "4400", "there is no such type of message",
    "use one of connection_init, connection_ack, ping, pong, subscribe, next, error, complete",
)  # fmt: skip
LEGACY_TYPE = _rule(
    "legacy-type", f"{_WS}, Invalid message", "4400", "this type belongs to the legacy protocol, not to this one",
    "say subscribe for start, next for data, complete for stop, and close the socket for connection_terminate",
)  # fmt: skip
WRONG_SIDE = _rule(
    "wrong-side", f"{_WS}, Message types", "4400", "this type of message is the other side's to send",
    "let clients send connection_init and subscribe, servers connection_ack, next and error",
)  # fmt: skip
ID_MISSING = _rule(
    "id-missing", f"{_WS}, Communication", "4400", "a message about an operation must carry its id", 'add the "id"'
)
ID_TYPE = _rule("id-type", f"{_WS}, Communication", "4400", "an id must be a string", "write the id in quotes")
ID_EMPTY = _rule(
    "id-empty", f"{_WS}, Communication", "4400", "an id must not be empty", "give each operation an id of its own"
)
PAYLOAD = _rule(
    "payload", f"{_WS}, Message types", "4400", "the payload has not the shape that this type asks for",
    "see the message's interface in the protocol",
)  # fmt: skip
CODE = _rule(
    "close-code", f"{_WS}, Message types", "", "this close code does not fit what was said",
    "close with the code that the protocol gives for the cause",
)  # fmt: skip
NOT_CLOSED = _rule(
    "not-closed", f"{_WS}, Invalid message", "", "the socket had to be closed for what was said before, and was not",
    "close the socket as soon as a message breaks the protocol",
)  # fmt: skip

# The client's side.
INIT_TWICE = _rule(
    "init-twice", f"{_WS}, ConnectionInit", "4429", "connection_init was sent already", "send it once for each socket"
)
UNACKNOWLEDGED = _rule(
    "subscribe-before-ack", f"{_WS}, Subscribe", "4401", "no operation may begin before connection_ack came",
    "wait for connection_ack after connection_init",
)  # fmt: skip
ID_TAKEN = _rule(
    "id-taken", f"{_WS}, Subscribe", "4409", "an operation with this id is active", "take an id that is free"
)
COMPLETE_UNKNOWN = _rule(
    "complete-unknown", f"{_WS}, Complete", "ignored", "no operation has this id", "complete what was subscribed"
)

# The server's side. What it says of an operation that the client completed may have been on its way: no breach.
ACK_UNASKED = _rule(
    "ack-unasked",
    f"{_WS}, ConnectionAck",
    "4400",
    "no connection_init asks for this",
    "answer each connection_init once",
)
ID_UNKNOWN = _rule(
    "id-unknown", f"{_WS}, Next", "ignored", "no operation with this id was subscribed", "answer under the client's id"
)
AFTER_COMPLETE = _rule(
    "after-complete", f"{_WS}, Complete", "ignored", "the server itself completed this operation before",
    "say nothing of an operation after its complete",
)  # fmt: skip
AFTER_ERROR = _rule(
    "after-error", f"{_WS}, Error", "ignored", "an error ended this operation: nothing may follow, not even complete",
    "send error alone",
)  # fmt: skip
SECOND_RESULT = _rule(
    "second-result", f"{_WS}, Single result operation", "", "a query or a mutation has one result at most",
    "send next once, and complete; more results need @defer or @stream, and say hasNext",
)  # fmt: skip

# subscriptions-transport-ws, whose subprotocol is called graphql-ws (its PROTOCOL.md).
L_NOT_JSON = _rule(
    "legacy-not-json", f"{_LEGACY}, Client-server communication", "connection_error", "a message must be a JSON object",
    "send one JSON object a message",
)  # fmt: skip
L_TYPE = _rule(
    "legacy-unknown-type", f"{_LEGACY}, Client-server communication", "error", "there is no such type of message",
    "use connection_init, start, stop, connection_terminate; connection_ack, connection_error, ka, data, error, complete",
)  # fmt: skip
L_MODERN = _rule(
    "modern-type", f"{_LEGACY}, Client-server communication", "error",
    "this type belongs to graphql-transport-ws, and graphql-ws was agreed on: in spite of its name the older protocol",
    "offer the subprotocol graphql-transport-ws, or say start for subscribe, data for next, stop for complete",
)  # fmt: skip
L_SIDE = _rule(
    "legacy-wrong-side", f"{_LEGACY}, Client-server communication", "error", "this type of message is the other side's",
    "let clients send connection_init, start, stop and connection_terminate, and servers the rest",
)  # fmt: skip
L_ID = _rule(
    "legacy-id", f"{_LEGACY}, Client-server communication", "error", "a message about an operation must carry its id, a string",
    'add the "id"',
)  # fmt: skip
L_PAYLOAD = _rule(
    "legacy-payload", f"{_LEGACY}, Client-server communication", "error", "the payload has not the shape that this type asks for",
    "send an object",
)  # fmt: skip
L_AFTER = _rule(
    "legacy-after-complete",
    f"{_LEGACY}, GQL_COMPLETE",
    "ignored",
    "this operation was over",
    "say nothing after complete",
)
L_UNKNOWN = _rule(
    "legacy-id-unknown", f"{_LEGACY}, GQL_DATA", "ignored", "no operation with this id was started",
    "answer under the client's id",
)  # fmt: skip

# graphql-sse (PROTOCOL.md of the npm package of that name).
EVENT_TYPE = _rule(
    "event-type", "graphql-sse, Message types", "ignored", "there is no event of that name", "use next and complete"
)
EVENT_DATA = _rule(
    "event-data", "graphql-sse, Next", "", "the data of next must be a response, as JSON", "send the response as JSON"
)
UNHEARD = _rule(
    "event-unheard",
    "graphql-sse, Complete",
    "",
    "without a data line an event reaches no listener",
    "add a line `data:`",
)
AFTER_STREAM = _rule(
    "after-stream", "graphql-sse, Complete", "ignored", "the operation was complete", "say nothing after complete"
)

# GraphQL itself.
SYNTAX = _rule(
    "graphql-syntax", "GraphQL section 2", "400", "the document is not GraphQL", "mend the document where it points"
)
RESPONSE = _rule(
    "response", "GraphQL section 7.1", "", "this is no well-formed GraphQL response",
    'answer with an object that has "data", "errors" or both',
)  # fmt: skip
ERRORS_EMPTY = _rule(
    "errors-empty",
    "GraphQL section 7.1",
    "",
    "errors must not be an empty list",
    'leave "errors" out when there are none',
)
ERROR = _rule(
    "error", "GraphQL section 7.1.2", "", "this is no well-formed error",
    'give each error a "message"; "locations" of lines and columns from 1; a "path" of names and numbers',
)  # fmt: skip
ENTRY = _rule(
    "response-entry", "GraphQL section 7.1", "", "a response has no entry of that name",
    'put what is of your own into "extensions"',
)  # fmt: skip

# GraphQL over HTTP, the client's side.
CONTENT_TYPE = _rule(
    "request-content-type", f"{_HTTP}, POST", "400", "a POST must say the media type of its body",
    "send `Content-Type: application/json`",
)  # fmt: skip
BODY = _rule("request-body", f"{_HTTP}, POST", "400", "a POST must have a body", "send the request as JSON")
PARAMETERS = _rule(
    "parameters", f"{_HTTP}, Request Parameters", "400", "this is no well-formed GraphQL-over-HTTP request",
    'send "query" as a string, "operationName" as a string, "variables" and "extensions" as objects',
)  # fmt: skip
MUTATION = _rule(
    "mutation-by-get", f"{_HTTP}, GET", "405", "a mutation must not be asked for with GET", "send mutations with POST"
)

# The server's side.
RESPONSE_TYPE = _rule(
    "response-content-type", f"{_HTTP}, Body", "", "the response must say its media type",
    "send `Content-Type: application/graphql-response+json; charset=utf-8`",
)  # fmt: skip
MUTATED = _rule(
    "mutation-executed", f"{_HTTP}, GET", "", "a mutation that was asked for with GET must be refused with 405",
    "answer 405 with `Allow: POST`, and execute nothing",
)  # fmt: skip
ALLOW = _rule(
    "allow", "RFC 9110 section 15.5.6", "", "a 405 must list the methods that are allowed", "add an `Allow` header"
)
ILL_FORMED = _rule(
    "ill-formed", f"{_HTTP}, application/graphql-response+json", "",
    "only a well-formed GraphQL response may be called application/graphql-response+json",
    "give it another media type, such as application/json",
)  # fmt: skip
SUCCESS_WITHOUT_DATA = _rule(
    "success-without-data", f"{_HTTP}, application/graphql-response+json", "",
    "without data the status must be 4xx or 5xx", "answer 400 (or 422, where the draft has it)",
)  # fmt: skip
FAILURE_WITH_DATA = _rule(
    "failure-with-data", f"{_HTTP}, application/graphql-response+json", "",
    "with data the status must be 2xx", "answer 200 (or 294 for partial data, where the draft has it)",
)  # fmt: skip
STATUS = _rule(
    "status", f"{_HTTP}, Status Codes", "", "this status fits neither profile for what was asked",
    "answer 400 to what cannot be parsed, 400 or 422 to a request that is not well-formed",
)  # fmt: skip
PARTIAL = _rule(
    "partial-success", f"{_HTTP}, application/graphql-response+json", "",
    "294 is for partial data in application/graphql-response+json alone", "answer 200",
)  # fmt: skip
