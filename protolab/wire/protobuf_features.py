"""What editions of .proto files call features: how fields are written and checked, said once for a file and again below it.

proto2 and proto3 are two sets of them (protobuf.dev, "Feature Settings for Editions"). A descriptor carries only what its
own declaration says; everything else holds as around it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

# Features by their number in FeatureSet, and the names of their values, by number.
FEATURES = {
    1: ("field_presence", ("", "EXPLICIT", "IMPLICIT", "LEGACY_REQUIRED")),
    2: ("enum_type", ("", "OPEN", "CLOSED")),
    3: ("repeated_field_encoding", ("", "PACKED", "EXPANDED")),
    4: ("utf8_validation", ("", "", "VERIFY", "NONE")),
    5: ("message_encoding", ("", "LENGTH_PREFIXED", "DELIMITED")),
}


class Features(NamedTuple):
    """The features in force, each the name of its value."""

    field_presence: str = "EXPLICIT"
    enum_type: str = "OPEN"
    repeated_field_encoding: str = "PACKED"
    utf8_validation: str = "VERIFY"
    message_encoding: str = "LENGTH_PREFIXED"

    def under(self, said: Mapping[str, str]) -> Features:
        """What holds under a declaration that says so itself.

        >>> EDITIONS.under({"enum_type": "CLOSED"}).enum_type
        'CLOSED'
        """
        return self._replace(**said)


EDITIONS = Features()
PROTO2 = Features("EXPLICIT", "CLOSED", "EXPANDED", "NONE")
PROTO3 = Features("IMPLICIT")


def said(numbers: Mapping[int, int]) -> Iterator[tuple[str, str]]:
    """The names of features and values in a FeatureSet, given by number; what is not known here is left out."""
    for number, (name, values) in FEATURES.items():
        value = numbers.get(number, 0)
        if 0 < value < len(values) and values[value]:
            yield name, values[value]
