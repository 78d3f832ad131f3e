"""Every rule of gRPC over HTTP/2 that captured bytes can be seen to break, beside those of HTTP/2 itself in `rules`.

A clause names the document of grpc/grpc/doc and its section. A `reaction` begins with the status that a conforming peer
gives the call, or with the HTTP status that it answers with.
"""

from __future__ import annotations

from protolab.findings import Rule

RULES: dict[str, Rule] = {}
_MESSAGES = "PROTOCOL-HTTP2.md, Length-Prefixed-Message"
_REQUESTS, _RESPONSES = "PROTOCOL-HTTP2.md, Requests", "PROTOCOL-HTTP2.md, Responses"
_METADATA = "PROTOCOL-HTTP2.md, Custom-Metadata"
_CODES = "statuscodes.md"


def _rule(id: str, clause: str, reaction: str, says: str, mend: str) -> Rule:
    RULES[id] = rule = Rule(id, says, clause, reaction, mend)
    return rule


# Requests.
METHOD = _rule("grpc-method", _REQUESTS, "HTTP 405", "a call's :method is POST", "send :method POST")
SCHEME = _rule("grpc-scheme", _REQUESTS, "INTERNAL", ":scheme is http or https", "send the scheme of the connection")
PATH = _rule(
    "grpc-path", _REQUESTS, "UNIMPLEMENTED", ":path is a slash, the service, a slash, the method",
    "send /package.Service/Method, capital letters as in the .proto file",
)  # fmt: skip
TE = _rule(
    "grpc-te", _REQUESTS, "INTERNAL, or none", "a call says `te: trailers`",
    "send it: it shows that everybody on the way can pass trailers on",
)  # fmt: skip
CONTENT_TYPE = _rule(
    "grpc-content-type", _REQUESTS, "HTTP 415", "content-type begins with application/grpc",
    "send application/grpc, or application/grpc+proto",
)  # fmt: skip
TIMEOUT = _rule(
    "grpc-timeout", _REQUESTS, "INTERNAL", "grpc-timeout is a positive number of at most 8 digits and one of H M S m u n",
    "use a larger unit where more than 8 digits are needed",
)  # fmt: skip
ENCODING = _rule(
    "grpc-encoding", "compression.md, Specification", "UNIMPLEMENTED", "no peer knows this grpc-encoding",
    "use identity, gzip or deflate, or what the peer names in grpc-accept-encoding",
)  # fmt: skip
NOT_ACCEPTED = _rule(
    "grpc-encoding-not-accepted", "compression.md, Specification", "INTERNAL",
    "the client has not said that it accepts this grpc-encoding", "choose one of its grpc-accept-encoding, or identity",
)  # fmt: skip
REQUEST_TRAILERS = _rule(
    "grpc-request-trailers", _REQUESTS, "INTERNAL", "a client ends its requests with DATA, and has no trailers",
    "set END_STREAM on the last DATA frame, empty if need be",
)  # fmt: skip

# Metadata.
NAME = _rule("metadata-name", _METADATA, "INTERNAL", "a name has only 0 to 9, a to z, _ - and .", "choose another name")
RESERVED = _rule(
    "metadata-reserved", "PROTOCOL-HTTP2.md, Call-Definition", "", "names with grpc- belong to gRPC itself",
    "choose a name without this prefix",
)  # fmt: skip
REPEATED = _rule(
    "grpc-repeated", "PROTOCOL-HTTP2.md, Call-Definition and Trailers", "", "only metadata may be there more than once",
    "send it once: peers differ in which of them counts",
)  # fmt: skip
VALUE = _rule(
    "metadata-value", _METADATA, "INTERNAL", "a value is printable ASCII", "put other bytes into a -bin header"
)
BASE64 = _rule(
    "metadata-base64", _METADATA, "INTERNAL", "the value of a -bin header is base64", "encode it, without padding"
)

# Messages.
FLAG = _rule(
    "message-flag", _MESSAGES, "INTERNAL", "the first byte of a message is 0 or 1", "write 1 for compressed, else 0"
)
NO_ENCODING = _rule(
    "message-compressed", _MESSAGES, "INTERNAL", "a compressed message needs grpc-encoding in the headers",
    "name the encoding, or clear the flag",
)  # fmt: skip
TRUNCATED = _rule(
    "message-truncated",
    _MESSAGES,
    "INTERNAL",
    "the stream ends inside a message",
    "send as many bytes as its length says",
)
TOO_LONG = _rule(
    "message-too-long", f"{_CODES}, RESOURCE_EXHAUSTED", "RESOURCE_EXHAUSTED",
    "a message is longer than 4 MiB, which is all that peers take unless they were told", "send it in parts, as a stream",
)  # fmt: skip
UNDECODABLE = _rule(
    "message-decompression", "compression.md, Specification", "INTERNAL", "the message does not decompress",
    "compress it by itself, with what grpc-encoding names",
)  # fmt: skip
CARDINALITY = _rule(
    "message-count", f"{_CODES}, cardinality", "UNIMPLEMENTED", "this side of the method has exactly one message",
    "send one, or declare the method with `stream`",
)  # fmt: skip
AFTER_TRAILERS = _rule(
    "message-after-trailers", _RESPONSES, "INTERNAL", "nothing comes after the trailers", "send messages before them"
)

# Responses.
HTTP_STATUS = _rule(
    "grpc-http-status", _RESPONSES, "the status that http-grpc-status-mapping.md gives", "a response of gRPC has :status 200",
    "answer 200, and say in grpc-status what went wrong",
)  # fmt: skip
RESPONSE_TYPE = _rule(
    "grpc-response-type", _RESPONSES, "UNKNOWN", "a response's content-type begins with application/grpc",
    "send application/grpc",
)  # fmt: skip
STATUS_MISSING = _rule(
    "grpc-status-missing", _RESPONSES, "UNKNOWN", "trailers have grpc-status, also when it is 0", "send it, always"
)
STATUS_FORM = _rule(
    "grpc-status-form",
    _RESPONSES,
    "UNKNOWN",
    "grpc-status is decimal digits, without leading zeros",
    "write the plain number",
)
STATUS_UNKNOWN = _rule(
    "grpc-status-unknown", f"{_CODES}, the codes", "UNKNOWN", "codes are 0 to 16", "choose the code that fits best"
)
STATUS_EARLY = _rule(
    "grpc-status-early", _RESPONSES, "UNKNOWN", "grpc-status stands in headers that do not end the stream",
    "send it in the trailers, or set END_STREAM",
)  # fmt: skip
STATUS_MESSAGE = _rule(
    "grpc-message", _RESPONSES, "", "grpc-message is percent-encoded: %, and all but printable ASCII, as %XX",
    "encode it as UTF-8, then each such byte; whoever reads it takes what it can",
)  # fmt: skip
DETAILS_OK = _rule(
    "grpc-details-ok", _RESPONSES, "", "details come only with a status that is not OK", "send metadata instead"
)
DETAILS_CODE = _rule(
    "grpc-details-code", _RESPONSES, "", "the code in the details is grpc-status, too", "set both from one value"
)
DETAILS_FORM = _rule(
    "grpc-details", _RESPONSES, "", "grpc-status-details-bin holds a google.rpc.Status", "serialize one, and base64 it"
)
