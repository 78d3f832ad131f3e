"""What a JSON text can break: the rules of RFC 8259."""

from __future__ import annotations

from protolab.findings import Rule

SYNTAX = Rule(
    "json-syntax", "this is not JSON", "RFC 8259 section 2", "",
    "write one value: an object, array, number, string, true, false or null",
)  # fmt: skip
CUT_OFF = Rule(
    "json-cut-off", "the JSON text ends before its value does", "RFC 8259 section 2", "",
    "close every string, array and object",
)  # fmt: skip
TWICE = Rule(
    "json-name-twice", "this name stands twice in its object: which one counts differs between readers",
    "RFC 8259 section 4", "", "give each name once",
)  # fmt: skip
BOM = Rule(
    "json-bom", "a byte order mark must not stand before a JSON text", "RFC 8259 section 8.1", "",
    "send UTF-8 without the bytes EF BB BF before it",
)  # fmt: skip
ESCAPE = Rule(
    "json-escape", "JSON has no such escape", "RFC 8259 section 7", "",
    r'escape with \" \\ \/ \b \f \n \r \t or \u and four hexadecimal digits',
)  # fmt: skip
CONTROL = Rule(
    "json-control", "a control character must not stand in a string as it is", "RFC 8259 section 7", "",
    r"write it as an escape, such as \n or \u0000",
)  # fmt: skip
SURROGATE = Rule(
    "json-surrogate", "half of a surrogate pair is no character", "RFC 8259 section 8.2", "",
    "write both halves, the high one first, or the character itself",
)  # fmt: skip
UTF8 = Rule("json-utf8", "this is not UTF-8", "RFC 8259 section 8.1", "", "encode the text in UTF-8")
