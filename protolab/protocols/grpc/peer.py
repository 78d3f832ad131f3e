"""What one side of an HTTP/2 connection has said so far, as far as it decides what its next frame means."""

from __future__ import annotations

from copy import copy
from typing import NamedTuple

from protolab.fields import Side, Source
from protolab.protocols.grpc.headers import Breach, Meaning
from protolab.protocols.grpc.states import ANY, NOTHING
from protolab.wire.hpack import Block
from protolab.wire.hpack_decoder import Decoder
from protolab.wire.hpack_table import DEFAULT_TABLE_SIZE, EMPTY, MIDWAY
from protolab.wire.http2 import DEFAULT_FRAME_SIZE, DEFAULT_WINDOW, LARGEST_PAYLOAD
from protolab.wire.http2_settings import MAX_FRAME_SIZE, TRUE_BINARY_METADATA

MOST_PENDING = 64  # SETTINGS frames that wait for their ACK: of more, the oldest is taken for acknowledged
MOST_PINGS = 16  # that wait for their ACK: older ones are forgotten

Pairs = tuple[tuple[int, int], ...]


class Fragments(NamedTuple):
    """An open header block: its last part so far and, by `before`, those before it. All say the same of the whole block."""

    before: Fragments | None
    data: bytes
    source: Source | None  # None: the block is whole in one frame
    type: int  # of the frame that opened it
    stream: int
    promised: int
    end: bool  # END_STREAM
    astray: bool  # no stream is there that it could mean something to

    def parts(self) -> list[Fragments]:
        """The parts in order."""
        found: list[Fragments] = []
        part: Fragments | None = self
        while part is not None:
            found.append(part)
            part = part.before
        return found[::-1]


class Reading(NamedTuple):
    """A whole header block: its bytes, what they say, and where they stood.

    `start` is where the unit's part of it begins in the unit, `skipped` how many bytes of it came in frames before;
    `sources` lists the frames' parts when there are several. `meaning` is None where no stream is there to mean something.
    """

    data: bytes
    block: Block
    meaning: Meaning | None
    stream: int
    promised: int  # the stream that it promises, or 0
    start: int
    skipped: int = 0
    sources: tuple[Source, ...] = ()

    @property
    def headers(self) -> list[tuple[bytes | None, bytes | None]]:
        """Name and value of each header; None is what is not known."""
        return self.block.headers


class Moved(NamedTuple):
    """A window that a frame moved: what `side` may still send on a stream, or with stream 0 on the connection."""

    stream: int
    side: Side
    before: int
    after: int


class Peer:
    """One side. What it `may` send is what the other allows it: settings count from their acknowledgement on."""

    __slots__ = (
        "ceiling",
        "decoder",
        "fragments",
        "goaway",
        "initial",
        "largest",
        "last",
        "meanings",
        "open",
        "owed",
        "pending",
        "pings",
        "settings",
        "side",
        "started",
        "state",
        "window",
    )

    def __init__(self, side: Side, midway: bool) -> None:
        self.side = side
        self.state = ANY if midway else NOTHING  # in the table `SENDING`
        self.started = midway  # whether its first frame is behind us
        self.decoder = Decoder(MIDWAY if midway else EMPTY)  # of the header blocks that it sends
        self.meanings: dict[tuple[bytes, str, bool], tuple[Block, Meaning, list[Breach]]] = {}  # see `blocks`
        self.ceiling: int | None = None if midway else DEFAULT_TABLE_SIZE  # what the decoder's table may hold
        self.owed: int | None = None  # see `hpack.read`
        self.fragments: Fragments | None = None
        self.window: int | None = None if midway else DEFAULT_WINDOW  # what it may send on the connection
        self.initial: int | None = None if midway else DEFAULT_WINDOW  # what it may send on a new stream
        self.largest = LARGEST_PAYLOAD if midway else DEFAULT_FRAME_SIZE  # payload that it takes before it says so
        self.settings: dict[int, int] = {}  # those that it has said and the other has acknowledged
        self.pending: tuple[tuple[int, Pairs], ...] = ()  # the others, oldest first, each with its unit's number
        self.pings: tuple[tuple[bytes, int], ...] = ()  # not acknowledged, each with its unit's number
        self.last = 0  # the highest stream that it has opened
        self.open = 0  # how many of those are open
        self.goaway: int | None = None  # the last stream that it takes

    def __copy__(self) -> Peer:
        other = object.__new__(Peer)
        for name in Peer.__slots__:
            setattr(other, name, getattr(self, name))
        other.decoder, other.settings = copy(self.decoder), dict(self.settings)
        return other

    def largest_frame(self) -> int:
        """The largest payload that it takes; the largest of what it said lately, where that is not acknowledged yet."""
        said = [value for _, pairs in self.pending for key, value in pairs if key == MAX_FRAME_SIZE]
        return max([self.settings.get(MAX_FRAME_SIZE, self.largest), *said])

    def takes_binary(self) -> bool:
        """Whether it has said that -bin metadata may come as raw bytes."""
        said = {key: value for _, pairs in self.pending for key, value in pairs}
        return said.get(TRUE_BINARY_METADATA, self.settings.get(TRUE_BINARY_METADATA, 0)) == 1
