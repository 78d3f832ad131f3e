"""Every rule of HTTP/2 (RFC 9113) and HPACK (RFC 7541) that captured bytes can be seen to break.

A `reaction` is the error code of section 7 with which a conforming peer answers, and what it ends by it: the connection
(section 5.4.1, GOAWAY) or the stream (section 5.4.2, RST_STREAM).
"""

from __future__ import annotations

from protolab.findings import Rule
from protolab.wire import hpack, http2

RULES: dict[str, Rule] = {}
CONNECTION, STREAM = "ends the connection", "ends the stream"


def _rule(id: str, section: str, code: str, says: str, mend: str, scope: str = CONNECTION) -> Rule:
    clause = section if section.startswith("RFC") else f"RFC 9113 section {section}"
    RULES[id] = rule = Rule(id, says, clause, f"{code}: {scope}" if code else "", mend)
    return rule


_PROTOCOL, _SIZE, _FLOW = "PROTOCOL_ERROR", "FRAME_SIZE_ERROR", "FLOW_CONTROL_ERROR"
_CLOSED, _COMPRESSION = "STREAM_CLOSED", "COMPRESSION_ERROR"

# How a connection begins: section 3.4.
PREFACE = _rule(
    "preface",
    "3.4",
    _PROTOCOL,
    "a client begins with the preface",
    'send "PRI * HTTP/2.0", CR LF CR LF, "SM", CR LF CR LF',
)
FIRST_SETTINGS = _rule(
    "first-not-settings", "3.4", _PROTOCOL, "each side's first frame is SETTINGS, without ACK",
    "send your SETTINGS, empty if need be, before anything else",
)  # fmt: skip

# Frames: section 4, and the frame types' own sections.
FRAME_SIZE = _rule(
    "frame-too-large", "4.2", _SIZE, "the frame is larger than the receiver allows",
    "cut it to SETTINGS_MAX_FRAME_SIZE, 16384 bytes at first",
)  # fmt: skip
RESERVED_BIT = _rule("reserved-bit", "4.1", "", "the reserved bit must be 0", "leave it 0; receivers ignore it")
UNUSED_FLAG = _rule("unused-flag", "4.1", "", "this flag means nothing here", "leave it 0; receivers ignore it")
CUT_OFF = _rule("cut-off", "4.1", "", "the connection ended inside this", "send it whole before you end the connection")

_SECTIONS = {
    http2.DATA: "6.1",
    http2.HEADERS: "6.2",
    http2.PRIORITY: "6.3",
    http2.RST_STREAM: "6.4",
    http2.SETTINGS: "6.5",
    http2.PUSH_PROMISE: "6.6",
    http2.PING: "6.7",
    http2.GOAWAY: "6.8",
    http2.WINDOW_UPDATE: "6.9",
    http2.CONTINUATION: "6.10",
    http2.ORIGIN: "RFC 8336 section 2.1",
    http2.PRIORITY_UPDATE: "RFC 9218 section 7.1",
}


def _slug(type: int) -> str:
    return http2.FRAMES[type].lower().replace("_", "-")


ON_ZERO = {  # by frame type: it belongs to a stream
    type: _rule(
        f"{_slug(type)}-on-stream-0", _SECTIONS[type], _PROTOCOL,
        f"{http2.FRAMES[type]} belongs to a stream, and 0 is the connection", "name its stream",
    )
    for type in sorted(http2.ON_STREAM)
}  # fmt: skip
OFF_ZERO = {  # by frame type: it belongs to the connection
    type: _rule(
        f"{_slug(type)}-off-stream-0", _SECTIONS[type], "" if type == http2.ORIGIN else _PROTOCOL,
        f"{http2.FRAMES[type]} belongs to the connection: to stream 0", "send it on stream 0",
    )
    for type in sorted(http2.ON_CONNECTION)
}  # fmt: skip
SIZES = {  # by frame type: its payload has not the size that it must have
    type: _rule(
        f"{_slug(type)}-size", _SECTIONS[type], _SIZE, f"the payload of {http2.FRAMES[type]} is {says}", f"make it {says}", scope
    )
    for type, says, scope in (
        (http2.PRIORITY, "5 bytes", STREAM),
        (http2.RST_STREAM, "4 bytes", CONNECTION),
        (http2.SETTINGS, "a multiple of 6 bytes", CONNECTION),
        (http2.PING, "8 bytes", CONNECTION),
        (http2.GOAWAY, "8 bytes or more", CONNECTION),
        (http2.WINDOW_UPDATE, "4 bytes", CONNECTION),
        (http2.DATA, "1 byte or more with PADDED", CONNECTION),
        (http2.PUSH_PROMISE, "4 bytes or more, beside its padding", CONNECTION),
        (http2.HEADERS, "5 bytes or more with PRIORITY, beside its padding", CONNECTION),
        (http2.PRIORITY_UPDATE, "4 bytes or more", CONNECTION),
    )
}  # fmt: skip
ACK_PAYLOAD = _rule("settings-ack-payload", "6.5", _SIZE, "SETTINGS with ACK is empty", "acknowledge without a payload")
PADDING = {
    type: _rule(
        f"{_slug(type)}-padding", _SECTIONS[type], _PROTOCOL, "the padding is longer than what is left of the payload",
        "announce no more padding than there is",
    )
    for type in (http2.DATA, http2.HEADERS, http2.PUSH_PROMISE)
}  # fmt: skip
PADDING_ZERO = _rule(
    "padding-not-zero", "6.1", f"{_PROTOCOL} or none", "padding is made of zeros", "fill padding with zeros"
)

# Settings: section 6.5.2 and where an extension says so.
SETTING_VALUE = _rule("setting-value", "6.5.2", _PROTOCOL, "this setting cannot have that value", "keep to its range")
SETTING_WINDOW = _rule(
    "setting-window", "6.5.2", _FLOW, "a window holds at most 2147483647 bytes", "set INITIAL_WINDOW_SIZE below 2^31"
)
SETTING_PUSH = _rule(
    "setting-push", "6.5.2", _PROTOCOL, "a server must not set ENABLE_PUSH to 1", "leave it out, or set it to 0"
)
SETTING_CONNECT = _rule(
    "setting-connect", "RFC 8441 section 3", _PROTOCOL, "ENABLE_CONNECT_PROTOCOL is 0 or 1, and never 0 after 1",
    "set it once",
)  # fmt: skip
SETTING_PRIORITIES = _rule(
    "setting-priorities", "RFC 9218 section 2.1", _PROTOCOL, "NO_RFC7540_PRIORITIES is 0 or 1, and does not change",
    "set it in the first SETTINGS only",
)  # fmt: skip

SERVER_PRIORITY_UPDATE = _rule(
    "priority-update-server", "RFC 9218 section 7.1", _PROTOCOL, "a server cannot send PRIORITY_UPDATE",
    "say what comes first in the response's priority header",
)  # fmt: skip
PRIORITY_UPDATE_ZERO = _rule(
    "priority-update-of-stream-0", "RFC 9218 section 7.1", _PROTOCOL, "PRIORITY_UPDATE is of a stream, and 0 is none",
    "name the stream that it is about",
)  # fmt: skip

# Streams: section 5.
PARITY = _rule(
    "stream-parity",
    "5.1.1",
    _PROTOCOL,
    "clients open odd streams, servers even ones",
    "choose the next number of your own kind",
)
ORDER = _rule(
    "stream-order", "5.1.1", _PROTOCOL, "a new stream has a higher number than all that its opener opened before",
    "count upwards",
)  # fmt: skip
IDLE = _rule("idle-stream", "5.1", _PROTOCOL, "nobody has opened this stream", "open it with HEADERS first")
ENDED = _rule(
    "closed-stream",
    "5.1",
    _CLOSED,
    "this side has ended the stream",
    "send nothing after END_STREAM or RST_STREAM",
    STREAM,
)
CONCURRENT = _rule(
    "too-many-streams", "5.1.2", "REFUSED_STREAM or PROTOCOL_ERROR", "more streams are open than the peer allows",
    "wait until one has closed", STREAM,
)  # fmt: skip
SELF_DEPENDENCY = _rule(
    "depends-on-itself",
    "RFC 7540 section 5.3.1",
    _PROTOCOL,
    "a stream cannot depend on itself",
    "name another stream",
    STREAM,
)
CLIENT_PUSH = _rule("client-push", "8.4", _PROTOCOL, "a client cannot push", "send requests with HEADERS")
PUSH_DISABLED = _rule(
    "push-disabled", "6.6", _PROTOCOL, "the client has turned push off", "answer only what was asked for"
)
GOAWAY_RAISED = _rule(
    "goaway-raised", "6.8", "", "a later GOAWAY must not name a higher last stream", "name the same or a lower one"
)

# Header blocks: sections 4.3 and 6.10.
INTERRUPTED = _rule(
    "header-block-interrupted", "4.3", _PROTOCOL, "a header block is open: only its CONTINUATION may come",
    "finish the block, up to END_HEADERS, before anything else",
)  # fmt: skip
CONTINUATION_ALONE = _rule(
    "continuation-alone", "6.10", _PROTOCOL, "no header block is open that this could continue",
    "begin with HEADERS or PUSH_PROMISE without END_HEADERS",
)  # fmt: skip


def _hpack(id: str, clause: str, says: str, mend: str) -> Rule:
    return _rule(f"hpack-{id}", clause, _COMPRESSION, says, mend)


HPACK = {  # by `hpack.Problem.what`
    hpack.INDEX_ZERO: _hpack("index-0", "RFC 7541 section 6.1", "index 0 refers to nothing", "count entries from 1"),
    hpack.INDEX_BEYOND: _hpack(
        "index-beyond", "RFC 7541 section 2.3.3", "the index is beyond both tables", "refer to entries that are there"
    ),
    hpack.INTEGER_LONG: _hpack(
        "integer", "RFC 7541 section 5.1", "the integer is too large or too long", "write it in the fewest bytes"
    ),
    hpack.HUFFMAN: _hpack(
        "huffman", "RFC 7541 section 5.2", "this is no Huffman code", "pad with less than eight ones, and never say EOS"
    ),
    hpack.CUT: _hpack(
        "cut", "4.3", "the header block ends inside a representation", "send the whole block before END_HEADERS"
    ),
    hpack.UPDATE_LATE: _hpack(
        "update-late", "RFC 7541 section 4.2", "a table size update stands after a header", "send it at the block's beginning"
    ),
    hpack.UPDATE_LARGE: _hpack(
        "update-large", "RFC 7541 section 6.3", "the table would be larger than the peer allows",
        "keep to the peer's SETTINGS_HEADER_TABLE_SIZE",
    ),
    hpack.UPDATE_MISSING: _hpack(
        "update-missing", "4.3.1", "the peer allows a smaller table now, and this block does not say so",
        "begin the next block with a table size update",
    ),
}  # fmt: skip

# What headers say: section 8. All of these make a message malformed (section 8.1.1).
NAME = _rule(
    "header-name",
    "8.2.1",
    _PROTOCOL,
    "this cannot be a header's name",
    "send lowercase names of printable ASCII",
    STREAM,
)
VALUE = _rule(
    "header-value", "8.2.1", _PROTOCOL, "this cannot be a header's value",
    "send no NUL, CR or LF, and no space at either end", STREAM,
)  # fmt: skip
CONNECTION_HEADER = _rule(
    "connection-header", "8.2.2", _PROTOCOL, "this header belongs to HTTP/1.1 connections", "leave it out", STREAM
)
TE = _rule("te", "8.2.2", _PROTOCOL, "te says nothing but trailers in HTTP/2", "send `te: trailers`, or no te", STREAM)
PSEUDO_LATE = _rule("pseudo-late", "8.3", _PROTOCOL, "pseudo-headers come before all others", "send them first", STREAM)
PSEUDO_UNKNOWN = _rule(
    "pseudo-unknown", "8.3", _PROTOCOL, "there is no such pseudo-header here", "use a name without a colon", STREAM
)
PSEUDO_REPEATED = _rule("pseudo-repeated", "8.3", _PROTOCOL, "this pseudo-header came before", "send it once", STREAM)
PSEUDO_MISSING = _rule(
    "pseudo-missing", "8.3.1", _PROTOCOL, "a request has :method, :scheme and :path", "send all three", STREAM
)
STATUS_MISSING = _rule("status-missing", "8.3.2", _PROTOCOL, "a response has :status", "send :status first", STREAM)
PSEUDO_VALUE = _rule(
    "pseudo-value", "8.3.1", _PROTOCOL, "this pseudo-header cannot have that value", "send a valid one", STREAM
)
STATUS_VALUE = _rule("status-value", "8.3.2", _PROTOCOL, ":status is a number of three digits", "send one", STREAM)
STATUS_101 = _rule("status-101", "8.6", _PROTOCOL, "HTTP/2 has no 101", "use extended CONNECT (RFC 8441)", STREAM)
CONNECT = _rule(
    "connect", "8.5", _PROTOCOL, "CONNECT has :authority, and neither :scheme nor :path", "leave those two out", STREAM
)
TRAILER_PSEUDO = _rule("trailer-pseudo", "8.1", _PROTOCOL, "trailers have no pseudo-headers", "leave them out", STREAM)
TRAILERS_LAST = _rule(
    "trailers-not-last", "8.1", _PROTOCOL, "trailers end the stream", "set END_STREAM on them", STREAM
)
INTERIM_LAST = _rule(
    "interim-last", "8.1", _PROTOCOL, "an interim response cannot end the stream", "send the final response", STREAM
)
DATA_FIRST = _rule(
    "data-before-headers", "8.1", _PROTOCOL, "a message begins with its headers", "send HEADERS first", STREAM
)
CONTENT_LENGTH = _rule(
    "content-length",
    "8.1.1",
    _PROTOCOL,
    "the content is not as long as content-length says",
    "count the bytes of DATA",
    STREAM,
)

# Flow control: section 6.9.
WINDOW_ZERO = _rule(
    "window-update-0", "6.9", _PROTOCOL, "an increment is at least 1", "send no update of nothing", STREAM
)
CONNECTION_WINDOW_ZERO = _rule(
    "connection-window-update-0", "6.9", _PROTOCOL, "an increment is at least 1", "send no update of nothing"
)
WINDOW_OVERFLOW = _rule(
    "window-overflow", "6.9.1", _FLOW, "a window holds at most 2147483647 bytes", "give back only what was used"
)
STREAM_WINDOW_OVERFLOW = _rule(
    "stream-window-overflow", "6.9.1", _FLOW, "a window holds at most 2147483647 bytes", "give back only what was used",
    STREAM,
)  # fmt: skip
WINDOW_CHANGED = _rule(
    "window-overflow-by-settings", "6.9.2", _FLOW, "INITIAL_WINDOW_SIZE brings a window over 2147483647 bytes",
    "raise it by less",
)  # fmt: skip
BEYOND_WINDOW = _rule(
    "beyond-window", "6.9.1", _FLOW, "this is more than the peer has room for", "wait for WINDOW_UPDATE"
)
