"""The opening handshake, RFC 6455 section 4: both heads explained and judged, and what they agreed on."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import NamedTuple

from protolab.fields import Derived, Field, Side, Source
from protolab.findings import Finding, Rule
from protolab.protocols.websocket import deflate, rules
from protolab.wire import http1, http1_rules
from protolab.wire.http1 import Head

Notes = dict[
    str, tuple[str, tuple[Derived, ...]]
]  # of header lines by name: what they mean, and bytes derived from them

_NAME = re.compile(rb"[^ \t,](?:[^,]*[^ \t,])?")  # an element of a list
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 section 5.6.2
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # section 1.3


class Offer(NamedTuple):
    """What a request offered; `upgrade` says that it means to. `key` is (value, start, end in the client's stream), or None."""

    field: Field
    findings: tuple[Finding, ...]
    upgrade: bool
    key: tuple[bytes, int, int] | None
    subprotocols: tuple[str, ...]
    extensions: tuple[deflate.Extension, ...]


class Answer(NamedTuple):
    """What a response settled: `agreement` is None when messages are not compressed; `strange` says that it chose an
    extension that is not known here, which may give reserved bits and opcodes a meaning.
    """

    field: Field
    findings: tuple[Finding, ...]
    accepted: bool
    subprotocol: str | None
    agreement: deflate.Agreement | None
    strange: bool = False


def accept(key: bytes) -> bytes:
    """The Sec-WebSocket-Accept that belongs to a Sec-WebSocket-Key (section 4.2.2).

    >>> accept(b"dGhlIHNhbXBsZSBub25jZQ==")
    b's3pPLMBiTxaQ9kYGzzhZRbK+xOo='
    """
    return base64.b64encode(hashlib.sha1(key + GUID).digest())


def _tokens(head: Head, name: str) -> list[str]:
    return [token.lower() for token in http1.elements(head.get(name) or "")]


class _Judge:
    """Collects findings on one head: at a header's value or a part of the start line; at all of it for what is missing."""

    def __init__(self, head: Head, side: Side) -> None:
        # Whose Host is missing or wrong breaks RFC 6455 as well, which is the one to name here.
        host = http1_rules.HOST.of[side]
        self.findings = [each._replace(rule=rules.HOST) if each.rule is host else each for each in head.findings]
        self.head = head
        self.side = side
        lines = head.field.children or (head.field,)
        self.start_line = next((line for line in lines if line.name.endswith(" line") and line.children), lines[0])

    def unless(self, fine: bool, rule: Rule, at: str = "", detail: str = "") -> None:
        """Note the rule as broken, where the last header of that name or the part of the start line stands."""
        if not fine:
            found = [header.at for header in self.head.all(at)]
            found += [(part.start, part.end) for part in self.start_line.children if part.name == at]
            start, end = found[-1] if found else (self.start_line.start, self.start_line.end)
            self.findings.append(rule.at(start, end, self.side, detail))

    def once(self, header: str, rule: Rule) -> None:
        """Note the rule as broken where a header stands that it allows once only."""
        self.unless(len(self.head.all(header)) < 2, rule, header, f"{header} stands more than once")


def read_request(data: bytes, offset: int) -> Offer:
    """The client's head, explained and judged; `offset` is where it starts in the client's stream."""
    head = http1.request(data)
    judge = _Judge(head, Side.CLIENT)
    method, _, version = head.start
    judge.unless(method in ("GET", ""), rules.METHOD, "method")  # "": the start line has a finding of its own
    judge.unless(not version or version >= "HTTP/1.1", rules.HTTP_VERSION, "version")
    judge.unless("websocket" in _tokens(head, "Upgrade"), rules.UPGRADE, "Upgrade")
    judge.unless("upgrade" in _tokens(head, "Connection"), rules.CONNECTION, "Connection")
    keys = head.all("Sec-WebSocket-Key")
    judge.unless(bool(keys), rules.KEY_MISSING)
    judge.once("Sec-WebSocket-Key", rules.KEY_REPEATED)
    judge.unless(not keys or _nonce(keys[0].value) is not None, rules.KEY_LENGTH, "Sec-WebSocket-Key")
    version_header = head.get("Sec-WebSocket-Version")
    judge.unless(version_header is not None, rules.VERSION_MISSING)
    twice = len(head.all("Sec-WebSocket-Version")) > 1
    says = "Sec-WebSocket-Version stands more than once" if twice else ""
    judge.unless(version_header in (None, "13"), rules.VERSION, "Sec-WebSocket-Version", says)
    _judge_offered_names(judge, head, data)
    offered = _extensions(judge, head, data, rules.EXTENSION_OFFER)
    for offer in offered:
        problem = deflate.offer_problem(offer) if offer.name == deflate.NAME else None
        if problem:
            judge.findings.append(rules.OFFER.at(offer.start, offer.end, Side.CLIENT, problem))
    notes: Notes = {
        "host": ("the server that the client wants", ()),
        "upgrade": ("asks to leave HTTP for this protocol", ()),
        "connection": ("Upgrade concerns this connection only", ()),
        "sec-websocket-version": ("13 is RFC 6455", ()),
        "sec-websocket-protocol": ("subprotocols on offer, the preferred one first", ()),
        "sec-websocket-extensions": ("extensions on offer, the preferred one first", ()),
        "origin": ("where the script came from: a server may refuse it with 403", ()),
    }
    if keys and (nonce := _nonce(keys[0].value)) is not None:
        tree = Field("nonce", 0, len(nonce), nonce)
        derived = Derived("nonce", nonce, tree, f"base64 decoded: {len(nonce)} random bytes, fresh for each connection")
        notes["sec-websocket-key"] = ("a nonce that the server must answer to in Sec-WebSocket-Accept", (derived,))
    key = None
    if keys:
        start, end = keys[0].at
        key = (data[start:end], offset + start, offset + end)
    subprotocols = tuple(http1.elements(head.get("Sec-WebSocket-Protocol") or ""))
    upgrade = "websocket" in _tokens(head, "Upgrade") or bool(keys)
    return Offer(http1.annotate(head, notes), tuple(judge.findings), upgrade, key, subprotocols, tuple(offered))


def _nonce(key: str) -> bytes | None:
    try:
        nonce = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        return None
    return nonce if len(nonce) == 16 else None


def _judge_offered_names(judge: _Judge, head: Head, data: bytes) -> None:
    """Section 4.1, item 10: the subprotocols on offer are tokens, each a different one."""
    seen = set()
    for header in head.all("Sec-WebSocket-Protocol"):
        judge.unless(bool(http1.elements(header.value)), rules.SUBPROTOCOL_OFFER, header.name, "none is offered")
        start, end = header.at
        for name in _NAME.finditer(data, start, end) if header.value else ():
            text = name[0]
            if not _TOKEN.fullmatch(text):
                judge.findings.append(rules.SUBPROTOCOL_OFFER.at(*name.span(), Side.CLIENT))
            elif text in seen:
                judge.findings.append(rules.SUBPROTOCOL_TWICE.at(*name.span(), Side.CLIENT))
            seen.add(text)


def _extensions(judge: _Judge, head: Head, data: bytes, unreadable: Rule) -> list[deflate.Extension]:
    """The extensions that a head names; `unreadable` is the rule that one breaks where the grammar does not allow it."""
    found = []
    for header in head.all("Sec-WebSocket-Extensions"):
        start, end = header.at
        named = deflate.extensions(data[start:end], start) if header.value else []
        judge.unless(bool(named), unreadable, header.name, "no extension is named")
        judge.findings += [unreadable.at(each.start, each.end, judge.side) for each in named if each.broken]
        found += [each for each in named if not each.broken]
    return found


def read_response(data: bytes, offer: Offer | None) -> Answer:
    """The server's head, explained and judged against the request; `offer` is None when that is not in the capture."""
    head = http1.response(data)
    judge = _Judge(head, Side.SERVER)
    notes: Notes = {
        "upgrade": ("from here on both sides speak this", ()),
        "connection": ("Upgrade concerns this connection only", ()),
    }
    if head.status != 101:
        said = f"{head.status}: not 101, so the connection stays HTTP and no frame may follow"
        notes = {
            "status line": (said, ()),
            "sec-websocket-version": ("the versions that this server speaks (section 4.4)", ()),
        }
        refused = offer is not None and any(each.rule is rules.VERSION for each in offer.findings)
        named = head.status != 426 or head.get("Sec-WebSocket-Version") is not None
        judge.unless(not refused or named, rules.VERSIONS, "status")
        return Answer(http1.annotate(head, notes), tuple(judge.findings), False, None, None)
    if offer is not None and not offer.upgrade:
        judge.unless(False, http1_rules.UNASKED.of[Side.SERVER], "status")
    judge.unless(head.start[0] == "HTTP/1.1", rules.RESPONSE_VERSION, "version")
    judge.unless(_tokens(head, "Upgrade") == ["websocket"], rules.RESPONSE_UPGRADE, "Upgrade")
    judge.unless("upgrade" in _tokens(head, "Connection"), rules.RESPONSE_CONNECTION, "Connection")
    accepts = head.all("Sec-WebSocket-Accept")
    judge.unless(bool(accepts), rules.ACCEPT_MISSING)
    if offer is None:
        notes["sec-websocket-accept"] = ("answers a key that is not in this capture, so it cannot be checked", ())
    elif accepts and offer.key:
        right = accept(offer.key[0]).decode()
        fine = len(accepts) == 1 and accepts[0].value == right
        says = f"this key asks for {right}" if len(accepts) == 1 else "Sec-WebSocket-Accept stands more than once"
        judge.unless(fine, rules.ACCEPT_WRONG, "Sec-WebSocket-Accept", says)
        note = "belongs to the client's key: " + ("checked" if fine else "it does not")
        notes["sec-websocket-accept"] = (note, _derivation(*offer.key))
    subprotocol = _judge_subprotocol(judge, head, offer, notes)
    agreement, strange = _judge_extensions(judge, head, data, offer, notes)
    return Answer(http1.annotate(head, notes), tuple(judge.findings), True, subprotocol, agreement, strange)


def _derivation(key: bytes, start: int, end: int) -> tuple[Derived, ...]:
    """Section 4.2.2, spelled out: key and GUID, their SHA-1, its base64."""
    joined = key + GUID
    parts = (Field("key", 0, len(key), key.decode("latin-1")), Field("GUID", len(key), len(joined), GUID.decode()))
    digest = hashlib.sha1(joined).digest()
    encoded = base64.b64encode(digest)
    source = Source(Side.CLIENT, start, end)
    how = "the client's Sec-WebSocket-Key, followed by the GUID of RFC 6455 section 1.3"
    return (
        Derived("key and GUID", joined, Field("key and GUID", 0, len(joined), None, "", parts), how, (source,)),
        Derived("SHA-1", digest, Field("SHA-1", 0, len(digest), digest), f"SHA-1 of these {len(joined)} bytes"),
        Derived(
            "base64",
            encoded,
            Field("base64", 0, len(encoded), encoded.decode()),
            f"base64 of the {len(digest)} bytes of the digest",
        ),
    )


def _judge_subprotocol(judge: _Judge, head: Head, offer: Offer | None, notes: Notes) -> str | None:
    header = "Sec-WebSocket-Protocol"
    chosen = http1.elements(head.get(header) or "")
    judge.unless(len(chosen) < 2, rules.SUBPROTOCOL_REPEATED, header)
    judge.unless(bool(chosen) or not head.all(header), rules.SUBPROTOCOL, header, "no subprotocol is named")
    offered = None if offer is None else offer.subprotocols
    if chosen:
        known = offered is None or chosen[0] in offered
        judge.unless(known, rules.SUBPROTOCOL, header, "" if known else f"{chosen[0]} was not offered")
        notes[header.lower()] = ("chosen" if offered is None else f"chosen from: {', '.join(offered) or 'nothing'}", ())
        return chosen[0]
    if offered:
        said = f"no subprotocol chosen from: {', '.join(offered)}; RFC 6455 allows that, browsers fail the connection"
        notes["status line"] = (said, ())
    return None


def _judge_extensions(
    judge: _Judge, head: Head, data: bytes, offer: Offer | None, notes: Notes
) -> tuple[deflate.Agreement | None, bool]:
    agreed: deflate.Agreement | None = None
    judge.once("Sec-WebSocket-Extensions", rules.EXTENSIONS_REPEATED)
    chosen = _extensions(judge, head, data, rules.EXTENSION_ANSWER)
    offered = [] if offer is None else list(offer.extensions)
    for answer in chosen:
        where = (answer.start, answer.end, Side.SERVER)
        if offer is not None and answer.name not in [extension.name for extension in offered]:
            judge.findings.append(rules.EXTENSION.at(*where, f"{answer.name} was not offered"))
        elif answer.name == deflate.NAME:
            problem = deflate.answer_problem(answer, offered) if offer else None
            if agreed is not None:
                problem = f"{deflate.NAME} stands twice"
            if problem:
                judge.findings.append(rules.AGREEMENT.at(*where, problem))
            if deflate.offer_problem(answer) is None and agreed is None:
                agreed = deflate.agreement(answer)
    names = [answer.name for answer in chosen]
    declined = [
        f"{extension} ({deflate.offer_problem(extension) or 'not wanted'})"
        for extension in offered
        if extension.name not in names
    ]
    if chosen or declined:
        said = [f"chosen: {', '.join(map(str, chosen))}"] if chosen else []
        said += [f"declined: {', '.join(declined)}"] if declined else []
        line = "sec-websocket-extensions" if chosen else "status line"
        before = notes.get(line, ("", ()))[0]
        notes[line] = ("; ".join(filter(None, [before, *said])), ())
    return agreed, any(name != deflate.NAME for name in names)
