"""The tables of HPACK, RFC 7541 section 2.3: the static one of appendix A, and a dynamic one as a value that never changes."""

from __future__ import annotations

from typing import NamedTuple

DEFAULT_TABLE_SIZE = 4096  # until SETTINGS_HEADER_TABLE_SIZE says otherwise (RFC 9113 section 6.5.2)
OVERHEAD = 32  # what an entry counts beyond its name and value (section 4.1)
MOST_ENTRIES = 1024  # that a table keeps: older ones are forgotten, and what refers to them is a hole

_NAMES = (  # appendix A: name, then its values, each an entry of its own; "" is an entry without a value
    ":authority|;:method|GET|POST;:path|/|/index.html;:scheme|http|https;:status|200|204|206|304|400|404|500;"
    "accept-charset|;accept-encoding|gzip, deflate;accept-language|;accept-ranges|;accept|;"
    "access-control-allow-origin|;age|;allow|;authorization|;cache-control|;content-disposition|;content-encoding|;"
    "content-language|;content-length|;content-location|;content-range|;content-type|;cookie|;date|;etag|;expect|;"
    "expires|;from|;host|;if-match|;if-modified-since|;if-none-match|;if-range|;if-unmodified-since|;last-modified|;"
    "link|;location|;max-forwards|;proxy-authenticate|;proxy-authorization|;range|;referer|;refresh|;retry-after|;"
    "server|;set-cookie|;strict-transport-security|;transfer-encoding|;user-agent|;vary|;via|;www-authenticate|"
)


class Entry(NamedTuple):
    """A table's entry; None is what is not known. `number` counts insertions from 0, `origin` is the reader's own mark of
    where it was inserted; both are -1 in the static table.
    """

    name: bytes | None
    value: bytes | None
    number: int = -1
    origin: int = -1

    @property
    def size(self) -> int:
        """What it counts against the table's limit (section 4.1)."""
        return len(self.name or b"") + len(self.value or b"") + OVERHEAD


STATIC = tuple(
    Entry(each[0].encode(), value.encode())
    for each in (line.split("|") for line in _NAMES.split(";"))
    for value in each[1:]
)  # index 1 is STATIC[0]
FIRST_DYNAMIC = len(STATIC) + 1


class Table(NamedTuple):
    """A dynamic table (section 2.3.2), the newest entry first: index 62 is `entries[0]`.

    `size` counts as section 4.1 says; `limit` is None while it is not known. `added` counts insertions. `lost` says why
    older entries than these may exist; "" means that there are none.
    """

    entries: tuple[Entry, ...] = ()
    size: int = 0
    limit: int | None = DEFAULT_TABLE_SIZE
    added: int = 0
    lost: str = ""

    def get(self, index: int) -> Entry | None:
        """The entry at an index of static and dynamic table together (section 2.3.3), or None."""
        if 0 < index < FIRST_DYNAMIC:
            return STATIC[index - 1]
        return self.entries[index - FIRST_DYNAMIC] if 0 <= index - FIRST_DYNAMIC < len(self.entries) else None


EMPTY = Table()
MIDWAY = Table(limit=None, lost="inserted before the capture began")
